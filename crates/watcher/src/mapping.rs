//! What an event means: a pure function.
//!
//! Whether a path is a directory *now* is asked through a closure, because a rename's event does not tell.

use crate::{ScanReason, Signal};
use damsync_model::name::IGNORE_FILE;
use damsync_model::name::OURS;
use damsync_model::path::MirrorPath;
use notify::event::{AccessKind, AccessMode, CreateKind, MetadataKind, ModifyKind, RemoveKind, RenameMode};
use notify::{Error, ErrorKind, Event, EventKind};
use std::path::{Component, Path};

/// A path in the mirror, as far as it is told in UTF-8.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// The root.
    Root,
    /// Our own directory or its mark.
    Mark,
    /// Below our own directory.
    Ours,
    /// A user's file or directory.
    User(MirrorPath),
    /// A name in this directory that is not UTF-8.
    NotUtf8(MirrorPath),
    /// Not in the mirror.
    Outside,
}

fn place(root: &Path, path: &Path) -> Place {
    let Ok(below) = path.strip_prefix(root) else { return Place::Outside };
    let mut text = String::new();
    for component in below.components() {
        let Component::Normal(name) = component else { return Place::Outside };
        let Some(name) = name.to_str() else {
            return match MirrorPath::parse(&text) {
                Some(dir) if dir.names().next() == Some(OURS) => Place::Ours,
                Some(dir) => Place::NotUtf8(dir),
                None => Place::Outside,
            };
        };
        if !text.is_empty() {
            text.push('/');
        }
        text.push_str(name);
    }
    match text.strip_prefix(OURS) {
        Some("" | "/mirror.json") => Place::Mark,
        Some(rest) if rest.starts_with('/') => Place::Ours,
        _ if text.is_empty() => Place::Root,
        _ => MirrorPath::parse(&text).map_or(Place::Outside, Place::User),
    }
}

/// How much of a path an event touches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Touch {
    /// The name's entry in its directory.
    Entry,
    /// The name is new there: if it is a directory, so is all that is in it.
    Arrival,
    /// The name left its directory.
    Departure,
    /// Its metadata: of a directory, also whether it can be read.
    Metadata,
}

/// The signals of one event.
pub(crate) fn signals_of(root: &Path, event: &Event, is_dir: &dyn Fn(&Path) -> bool) -> Vec<Signal> {
    if event.need_rescan() {
        return vec![Signal::ScanAgain(ScanReason::KernelOverflow)];
    }
    let touches: &[Touch] = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => &[Touch::Entry],
        // Our own reading and listing is nothing new.
        EventKind::Access(_) => return Vec::new(),
        EventKind::Create(CreateKind::File) => &[Touch::Entry],
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => &[Touch::Arrival],
        EventKind::Remove(RemoveKind::File | RemoveKind::Folder | RemoveKind::Any | RemoveKind::Other)
        | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => &[Touch::Departure],
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => &[Touch::Departure, Touch::Arrival],
        EventKind::Modify(ModifyKind::Metadata(MetadataKind::AccessTime)) => return Vec::new(),
        EventKind::Modify(ModifyKind::Metadata(_)) => &[Touch::Metadata],
        EventKind::Modify(ModifyKind::Data(_)) => &[Touch::Entry],
        EventKind::Any | EventKind::Other | EventKind::Modify(_) => &[Touch::Arrival],
    };
    if event.paths.is_empty() {
        return vec![Signal::ScanAgain(ScanReason::Unclear)];
    }
    let mut signals = Vec::new();
    for (number, path) in event.paths.iter().enumerate() {
        // Only a rename's event has several paths: from, to.
        let touch = touches.get(number).or(touches.last()).copied().unwrap_or(Touch::Entry);
        touched(place(root, path), touch, is_dir(path), &mut signals);
    }
    signals
}

fn touched(place: Place, touch: Touch, is_dir: bool, signals: &mut Vec<Signal>) {
    match (place, touch) {
        (Place::Root | Place::Mark, Touch::Departure) => signals.push(Signal::RootChanged),
        (Place::Root, Touch::Arrival) => signals.push(Signal::DirtyTree(MirrorPath::ROOT)),
        (Place::Root, Touch::Entry | Touch::Metadata) => signals.push(Signal::Dirty(MirrorPath::ROOT)),
        (Place::Mark | Place::Ours | Place::Outside, _) => {}
        (Place::NotUtf8(dir), _) => signals.push(Signal::Dirty(dir)),
        (Place::User(path), touch) => {
            let dir = path.parent().unwrap_or_default();
            // Ignore rules speak about everything below their directory.
            let rules = path.name().is_some_and(|name| name.as_str() == IGNORE_FILE);
            signals.push(if rules { Signal::DirtyTree(dir) } else { Signal::Dirty(dir) });
            match touch {
                Touch::Arrival if is_dir => signals.push(Signal::DirtyTree(path)),
                Touch::Metadata if is_dir => signals.push(Signal::Dirty(path)),
                _ => {}
            }
        }
    }
}

/// The signals of one error.
pub(crate) fn signals_of_error(root: &Path, error: &Error) -> Vec<Signal> {
    let parts: Vec<MirrorPath> = error
        .paths
        .iter()
        .filter_map(|path| match place(root, path) {
            Place::Root => Some(MirrorPath::ROOT),
            Place::User(path) | Place::NotUtf8(path) => Some(path),
            Place::Mark | Place::Ours | Place::Outside => None,
        })
        .collect();
    match &error.kind {
        ErrorKind::MaxFilesWatch if error.paths.is_empty() => vec![Signal::Blind(MirrorPath::ROOT)],
        ErrorKind::MaxFilesWatch => parts.into_iter().map(Signal::Blind).collect(),
        // It is gone again; its directory tells.
        ErrorKind::PathNotFound | ErrorKind::WatchNotFound => {
            parts.into_iter().map(|path| Signal::Dirty(path.parent().unwrap_or_default())).collect()
        }
        ErrorKind::Io(_) if !error.paths.is_empty() => parts.into_iter().map(Signal::Blind).collect(),
        _ => vec![Signal::ScanAgain(ScanReason::Unclear)],
    }
}

#[cfg(test)]
mod tests;
