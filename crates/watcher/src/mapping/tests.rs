use super::*;
use notify::event::{DataChange, Flag};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

const ROOT: &str = "/srv/studio";

/// Paths that end in `/` are directories.
fn event(kind: EventKind, paths: &[&str]) -> Vec<String> {
    let absolute = |path: &&str| match path.strip_prefix('!') {
        Some(outside) => PathBuf::from(outside),
        None => Path::new(ROOT).join(path.trim_end_matches('/')),
    };
    let is_dir = |asked: &Path| paths.iter().any(|path| path.ends_with('/') && absolute(path) == asked);
    let event = paths.iter().fold(Event::new(kind), |event, path| event.add_path(absolute(path)));
    shown(&signals_of(Path::new(ROOT), &event, &is_dir))
}

fn shown(signals: &[Signal]) -> Vec<String> {
    signals
        .iter()
        .map(|signal| match signal {
            Signal::RootChanged => "root changed".to_owned(),
            Signal::ScanAgain(reason) => format!("scan: {reason}"),
            Signal::DirtyTree(path) => format!("tree {path}"),
            Signal::Dirty(path) => format!("dirty {path}"),
            Signal::Blind(path) => format!("blind {path}"),
        })
        .collect()
}

#[test]
fn every_event_says_where_to_look() {
    let name = |mode| EventKind::Modify(ModifyKind::Name(mode));
    let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    let metadata = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
    let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
    let table: &[(EventKind, &[&str], &[&str])] = &[
        // reading tells nothing
        (EventKind::Access(AccessKind::Open(AccessMode::Any)), &["a/"], &[]),
        (EventKind::Access(AccessKind::Close(AccessMode::Read)), &["a/b.jpg"], &[]),
        (EventKind::Access(AccessKind::Read), &["a/b.jpg"], &[]),
        // files
        (EventKind::Create(CreateKind::File), &["a/b.jpg"], &["dirty a"]),
        (data, &["a/b.jpg"], &["dirty a"]),
        (written, &["b.jpg"], &["dirty ."]),
        (metadata, &["a/b.jpg"], &["dirty a"]),
        (EventKind::Remove(RemoveKind::File), &["a/b.jpg"], &["dirty a"]),
        // directories
        (EventKind::Create(CreateKind::Folder), &["a/x/"], &["dirty a", "tree a/x"]),
        // gone again before it was looked at
        (EventKind::Create(CreateKind::Folder), &["a/x"], &["dirty a"]),
        (EventKind::Create(CreateKind::Any), &["a/x/"], &["dirty a", "tree a/x"]),
        (EventKind::Remove(RemoveKind::Folder), &["a/x"], &["dirty a"]),
        (metadata, &["a/x/"], &["dirty a", "dirty a/x"]),
        // renames
        (name(RenameMode::From), &["a/b.jpg"], &["dirty a"]),
        (name(RenameMode::To), &["a/b.jpg"], &["dirty a"]),
        (name(RenameMode::To), &["a/x/"], &["dirty a", "tree a/x"]),
        (name(RenameMode::Both), &["a/b.jpg", "c/b.jpg"], &["dirty a", "dirty c"]),
        (name(RenameMode::Both), &["a/x", "c/y/"], &["dirty a", "dirty c", "tree c/y"]),
        // the root
        (name(RenameMode::From), &[""], &["root changed"]),
        (EventKind::Remove(RemoveKind::Folder), &[""], &["root changed"]),
        (metadata, &["/"], &["dirty ."]),
        // what is ours
        (data, &[".damsync/partial/7-1"], &[]),
        (EventKind::Create(CreateKind::Folder), &[".damsync/"], &[]),
        (name(RenameMode::Both), &[".damsync/mirror.json.new", ".damsync/mirror.json"], &[]),
        (name(RenameMode::Both), &[".damsync/partial/7-1", "a/b.jpg"], &["dirty a"]),
        (name(RenameMode::Both), &["a/b.jpg", ".damsync/trash/s/a/b.jpg"], &["dirty a"]),
        (EventKind::Remove(RemoveKind::File), &[".damsync/mirror.json"], &["root changed"]),
        (name(RenameMode::From), &[".damsync"], &["root changed"]),
        (data, &[".damsyncignore"], &["tree ."]),
        (data, &["a/.damsync/b"], &["dirty a/.damsync"]),
        // elsewhere, and nowhere
        (data, &["!/srv/studio2/a"], &[]),
        (EventKind::Any, &[], &["scan: an event told no path"]),
        (EventKind::Other, &["a/x/"], &["dirty a", "tree a/x"]),
    ];
    for (kind, paths, expected) in table {
        assert_eq!(event(*kind, paths), *expected, "{kind:?} {paths:?}");
    }
}

#[test]
fn an_overflow_asks_for_a_scan() {
    let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
    assert_eq!(shown(&signals_of(Path::new(ROOT), &overflow, &|_| false)), ["scan: the kernel dropped events"]);
}

#[test]
fn a_name_that_is_not_utf8_dirties_the_nearest_directory() {
    let path = Path::new(ROOT).join("a").join(OsStr::from_bytes(b"\xff")).join("b.jpg");
    let event = Event::new(EventKind::Create(CreateKind::File)).add_path(path);
    assert_eq!(shown(&signals_of(Path::new(ROOT), &event, &|_| false)), ["dirty a"]);
}

#[test]
fn a_name_that_is_not_utf8_below_our_own_directory_is_ours() {
    let path = Path::new(ROOT).join(".damsync/partial").join(OsStr::from_bytes(b"\xff"));
    let event = Event::new(EventKind::Create(CreateKind::File)).add_path(path);
    assert_eq!(shown(&signals_of(Path::new(ROOT), &event, &|_| false)), [""; 0]);
}

#[test]
fn what_cannot_be_watched_is_blind() {
    let at = |kind, path: &str| Error::new(kind).add_path(Path::new(ROOT).join(path));
    let denied = || ErrorKind::Io(std::io::ErrorKind::PermissionDenied.into());
    for (error, expected) in [
        (at(ErrorKind::MaxFilesWatch, "a/b"), "blind a/b"),
        (Error::new(ErrorKind::MaxFilesWatch), "blind ."),
        (at(denied(), "a"), "blind a"),
        (at(ErrorKind::PathNotFound, "a/b"), "dirty a"),
        (Error::new(denied()), "scan: an event told no path"),
        (Error::generic("?"), "scan: an event told no path"),
    ] {
        assert_eq!(shown(&signals_of_error(Path::new(ROOT), &error)), [expected], "{error:?}");
    }
}
