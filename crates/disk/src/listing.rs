//! Reading a directory: every name in it, or an error.
//!
//! - One pass of `getdents`, one `statx` in the directory's handle per file; no path is built.
//! - A name renamed within the directory while it is read can be passed over by the kernel. So a directory that changed
//!   meanwhile is read again, and the readings are merged: what any of them saw and still is there, is listed.

use crate::beneath::{Beneath, Hold};
use crate::ignore_rules::{IgnoreRules, Speaking};
use crate::look::{self, Seen};
use crate::races::{self, Moment};
use damsync_model::name::{MAX_BYTES, OURS};
use damsync_model::path::MirrorPath;
use damsync_ports::{DirListing, Entry, EntryKind, LocalError};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, RawDir};
use rustix::io::Errno;
use rustix::path::Arg;
use std::collections::BTreeMap;

/// Names of a few hundred files in one call.
const BUFFER_BYTES: usize = 64 * 1024;

/// How often a directory that does not keep still is read.
const READINGS: u32 = 4;

/// Lists a directory. Reads its ignore rules first.
pub(crate) fn list(root: &Beneath, rules: &IgnoreRules, path: &MirrorPath) -> Result<DirListing, LocalError> {
    let fail = |errno| root.fail("list", path, errno);
    let mut entries: Option<DirListing> = None;
    for _ in 0..READINGS {
        // Each reading has a handle of its own: its position is where the names begin.
        let dir = root.dir(path, Hold::Read)?;
        let before = look::of(&dir).map_err(fail)?;
        rules.refresh(root, path, &dir)?;
        let reader = Reader::new(root, rules, path, &dir);
        let read = reader.read().map_err(fail)?;
        entries = Some(match entries.take() {
            None => read,
            Some(earlier) => reader.merge(earlier, read),
        });
        races::pass(Moment::DirectoryRead);
        let after = look::of(&dir).map_err(fail)?;
        if (before.stat.mtime_ns, before.stat.ctime_ns) == (after.stat.mtime_ns, after.stat.ctime_ns) {
            break;
        }
    }
    Ok(entries.unwrap_or_default())
}

struct Reader<'a> {
    dir: &'a OwnedFd,
    speaking: Speaking,
    /// The directory's path with a slash behind it; empty for the root.
    prefix: String,
    device: u64,
    /// In the root: our own directory's inode, where there is one.
    ours: Option<u64>,
}

impl<'a> Reader<'a> {
    fn new(root: &Beneath, rules: &IgnoreRules, path: &MirrorPath, dir: &'a OwnedFd) -> Self {
        let prefix = if path.is_root() { String::new() } else { format!("{}/", path.as_str()) };
        let ours = if path.is_root() { look::at(dir, OURS).ok().map(|seen| seen.stat.inode) } else { None };
        Self { dir, speaking: rules.speaking(path), prefix, device: root.identity().device, ours }
    }

    fn read(&self) -> Result<DirListing, Errno> {
        let mut buffer = Vec::with_capacity(BUFFER_BYTES);
        let mut names = RawDir::new(self.dir, buffer.spare_capacity_mut());
        let mut entries = Vec::new();
        let mut path = self.prefix.clone();
        while let Some(found) = names.next() {
            let found = match found {
                Err(Errno::INTR) => continue,
                found => found?,
            };
            let raw = found.file_name();
            let bytes = raw.to_bytes();
            if bytes == b"." || bytes == b".." {
                continue;
            }
            let Ok(name) = raw.to_str() else {
                let name = String::from_utf8_lossy(bytes).into_owned();
                entries.push(Entry { name, kind: EntryKind::Other("name is not UTF-8".to_owned()) });
                continue;
            };
            path.truncate(self.prefix.len());
            path.push_str(name);
            if let Some(kind) = self.classify(name, raw, &path, found.file_type()) {
                entries.push(Entry { name: name.to_owned(), kind });
            }
        }
        Ok(entries)
    }

    /// What a name is; `None` for our own directory and for what is gone again. `raw` is the name in a form that the
    /// kernel takes without a copy, where there is one.
    fn classify(&self, name: &str, raw: impl Arg + Copy, path: &str, told: FileType) -> Option<EntryKind> {
        if self.prefix.is_empty() && self.is_ours(name) {
            return None;
        }
        // Most names need one look. Some need none, a few file systems do not tell what they are.
        if told != FileType::Unknown && self.speaking.leaves_out(path, told == FileType::Directory) {
            return Some(EntryKind::Ignored);
        }
        if name.len() > MAX_BYTES {
            return Some(EntryKind::Other(format!("name is longer than {MAX_BYTES} bytes")));
        }
        if !matches!(told, FileType::RegularFile | FileType::Directory | FileType::Unknown) {
            return Some(EntryKind::Other(look::kind_name(told).to_owned()));
        }
        let seen = match look::at(self.dir, raw) {
            Ok(seen) => seen,
            Err(Errno::NOENT) => return None,
            Err(errno) => return Some(EntryKind::Other(format!("cannot be examined: {errno}"))),
        };
        if told != seen.kind && self.speaking.leaves_out(path, seen.kind == FileType::Directory) {
            return Some(EntryKind::Ignored);
        }
        Some(self.kind_of(&seen))
    }

    fn kind_of(&self, seen: &Seen) -> EntryKind {
        match seen.kind {
            FileType::RegularFile | FileType::Directory if seen.is_elsewhere(self.device) => {
                EntryKind::Other("on another device".to_owned())
            }
            FileType::RegularFile => EntryKind::File { stat: seen.stat, links: seen.links },
            FileType::Directory => EntryKind::Directory { inode: seen.stat.inode, birth_ns: seen.stat.birth_ns },
            other => EntryKind::Other(look::kind_name(other).to_owned()),
        }
    }

    /// Our own directory, also under the other case of a name where the file system folds.
    fn is_ours(&self, name: &str) -> bool {
        name == OURS
            || (name.eq_ignore_ascii_case(OURS)
                && self.ours.is_some_and(|ours| look::at(self.dir, name).is_ok_and(|seen| seen.stat.inode == ours)))
    }

    /// The later reading, and what only the earlier one saw, if it is still there. Every name once: one that was removed
    /// and made again while its directory was read may have been told twice.
    fn merge(&self, earlier: DirListing, later: DirListing) -> DirListing {
        let mut all: BTreeMap<String, EntryKind> = BTreeMap::new();
        for entry in later {
            all.insert(entry.name, entry.kind);
        }
        for entry in earlier {
            if all.contains_key(&entry.name) {
                continue;
            }
            let path = format!("{}{}", self.prefix, entry.name);
            if let Some(kind) = self.classify(&entry.name, entry.name.as_str(), &path, FileType::Unknown) {
                all.insert(entry.name, kind);
            }
        }
        all.into_iter().map(|(name, kind)| Entry { name, kind }).collect()
    }
}

#[cfg(test)]
mod tests;
