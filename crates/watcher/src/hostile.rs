//! What events mean, without a kernel that sends them: for tests that make up any event at all. No program is built with
//! this.

use crate::Signal;
use crate::mapping::signals_of;
use crate::pending::Pending;
use notify::event::{AccessKind, AccessMode, CreateKind, DataChange, MetadataKind, ModifyKind, RemoveKind, RenameMode};
use notify::{Event, EventKind};
use std::path::{Path, PathBuf};

/// The kinds of events that say that something may be new.
pub const KINDS: [EventKind; 13] = [
    EventKind::Any,
    EventKind::Other,
    EventKind::Access(AccessKind::Close(AccessMode::Write)),
    EventKind::Create(CreateKind::File),
    EventKind::Create(CreateKind::Folder),
    EventKind::Create(CreateKind::Any),
    EventKind::Modify(ModifyKind::Data(DataChange::Any)),
    EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)),
    EventKind::Modify(ModifyKind::Name(RenameMode::From)),
    EventKind::Modify(ModifyKind::Name(RenameMode::To)),
    EventKind::Modify(ModifyKind::Name(RenameMode::Both)),
    EventKind::Remove(RemoveKind::File),
    EventKind::Remove(RemoveKind::Folder),
];

/// The signals of one event with these paths.
pub fn signals(root: &Path, kind: EventKind, paths: &[PathBuf], is_dir: bool) -> Vec<Signal> {
    let event = paths.iter().fold(Event::new(kind), |event, path| event.add_path(path.clone()));
    signals_of(root, &event, &|_| is_dir)
}

/// What is left to take after these came.
pub fn taken(signals: impl IntoIterator<Item = Signal>) -> Vec<Signal> {
    let mut pending = Pending::default();
    signals.into_iter().for_each(|signal| pending.add(signal));
    pending.take()
}
