//! What the kernel tells of paths: no event leads out of the mirror, and none that is about a user's file is lost.

use damsync_model::name::OURS;
use damsync_model::path::MirrorPath;
use damsync_watcher::Signal;
use damsync_watcher::hostile::{KINDS, signals, taken};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

const ROOT: &str = "/srv/studio";

/// The first byte says what happened; then come paths, one a line. One that begins with `/` is as it stands, any other is
/// below the root.
pub fn holds(bytes: &[u8]) {
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let kind = KINDS[usize::from(first & 0x7f) % KINDS.len()];
    let root = Path::new(ROOT);
    let paths: Vec<PathBuf> = rest
        .split(|byte| *byte == b'\n')
        .take(4)
        .map(|path| {
            let path = Path::new(OsStr::from_bytes(path));
            if path.is_absolute() { path.to_owned() } else { root.join(path) }
        })
        .collect();
    let told = signals(root, kind, &paths, *first >= 128);
    for path in told.iter().filter_map(place) {
        assert_eq!(MirrorPath::parse(path.as_str()).as_ref(), Some(path), "a path below the root");
        assert!(path.names().next() != Some(OURS), "{path} is ours");
        let full = root.join(path.as_str());
        assert!(paths.iter().any(|seen| seen.starts_with(&full)), "{path} was not told of");
    }
    for seen in &paths {
        let Ok(below) = seen.strip_prefix(root) else { continue };
        if let Some(nearest) = nearest_directory(below) {
            let covers = |signal: &Signal| match signal {
                Signal::ScanAgain(_) | Signal::RootChanged => true,
                Signal::Dirty(dir) => *dir == nearest,
                Signal::DirtyTree(dir) => dir.is_root() || Path::new(nearest.as_str()).starts_with(dir.as_str()),
                Signal::Blind(_) => false,
            };
            assert!(told.iter().any(covers), "{kind:?} of {seen:?} is lost: {told:?}");
            // Nor is it lost while it waits to be taken.
            assert!(taken(told.clone()).iter().any(covers), "{kind:?} of {seen:?} is lost while it waits");
        }
    }
}

fn place(signal: &Signal) -> Option<&MirrorPath> {
    match signal {
        Signal::Dirty(path) | Signal::DirtyTree(path) | Signal::Blind(path) => Some(path),
        Signal::RootChanged | Signal::ScanAgain(_) => None,
    }
}

/// The directory whose listing tells what became of a user's path: as far down as names are UTF-8.
fn nearest_directory(below: &Path) -> Option<MirrorPath> {
    let mut dir = MirrorPath::ROOT;
    let mut names = below.components().peekable();
    names.peek()?;
    if names.peek() == Some(&Component::Normal(OsStr::new(OURS))) {
        return None;
    }
    while let Some(component) = names.next() {
        let Component::Normal(name) = component else { return None };
        let Some(name) = name.to_str() else { return Some(dir) };
        // No kernel tells of a name like this.
        let name = damsync_model::name::FileName::new(name)?;
        if names.peek().is_none() {
            return Some(dir);
        }
        dir = dir.join(&name);
    }
    None
}
