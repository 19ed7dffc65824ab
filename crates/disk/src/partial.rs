//! Downloads under way, in `.damsync/partial/`.
//!
//! - One file per version of an asset; its name tells which, so a restart finds what it may continue.
//! - Only bytes that can be fetched again lie here, never a user's only copy: any of it may be thrown away.
//! - Whoever writes or reads one holds its lock: a transfer that was given up may still have bytes in its queue.

use crate::beneath::{Beneath, our_path};
use crate::hashing::{self, Hasher};
use crate::look;
use bytes::Bytes;
use damsync_model::content::Content;
use damsync_model::path::MirrorPath;
use damsync_ports::{LocalError, PartialKey};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;
use sha2::Digest;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

const DIR: &str = "partial";

/// The readable part of a name.
const READABLE_BYTES: usize = 120;

/// A partial's file name. Two keys never share one: where the readable form could be another key's (or another case of
/// it), a digest follows.
pub(crate) fn file_name(key: &PartialKey) -> String {
    let (asset, version) = (key.asset.to_string(), &key.version);
    let is_plain = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'))
    };
    if is_plain(&asset) && is_plain(version) && asset.len() + version.len() < READABLE_BYTES {
        return format!("{asset}-{version}");
    }
    let mut name: String = format!("{asset}-{version}")
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "_.-".contains(letter) { letter } else { '_' })
        .take(READABLE_BYTES)
        .collect();
    let digest = sha2::Sha256::new().chain_update(asset.as_bytes()).chain_update([0]).chain_update(version).finalize();
    name.push_str("--");
    for byte in &digest[..12] {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// A partial's path below the root.
pub(crate) fn path(key: &PartialKey) -> MirrorPath {
    our_path(&format!("{DIR}/{}", file_name(key)))
}

/// The directory of all partials.
pub(crate) fn dir(root: &Beneath) -> Result<OwnedFd, LocalError> {
    root.ours(DIR)
}

fn io_error(what: &'static str, key: &PartialKey, cause: io::Error) -> LocalError {
    let path = path(key).to_string();
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => LocalError::Full { path },
        _ => LocalError::Io { what, path, cause },
    }
}

/// Opens a partial, which must be a regular file. It is locked until it is closed.
pub(crate) fn open(root: &Beneath, key: &PartialKey, extra: OFlags) -> Result<File, LocalError> {
    let dir = dir(root)?;
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | extra;
    let name = file_name(key);
    let mut opened = rustix::fs::openat(&dir, &name, flags, Mode::RUSR | Mode::WUSR);
    if opened.as_ref().err() == Some(&Errno::ACCESS)
        && look::at(&dir, name.as_str()).is_ok_and(|seen| seen.kind == FileType::RegularFile)
    {
        // A placing that was killed had already given it the mode of the file it was to replace.
        opened = rustix::fs::chmodat(&dir, &name, Mode::RUSR | Mode::WUSR, AtFlags::empty())
            .and_then(|()| rustix::fs::openat(&dir, &name, flags, Mode::RUSR | Mode::WUSR));
    }
    let file = File::from(opened.map_err(|errno| root.fail("open", &path(key), errno))?);
    match look::of(&file) {
        Ok(seen) if seen.kind == FileType::RegularFile => {}
        Ok(seen) => {
            let what = format!("it is a {}", look::kind_name(seen.kind));
            return Err(LocalError::NotOurs { path: path(key), what });
        }
        Err(errno) => return Err(root.fail("examine", &path(key), errno)),
    }
    match file.lock() {
        Err(error) if error.kind() != io::ErrorKind::Unsupported => Err(io_error("lock", key, error)),
        _ => Ok(file),
    }
}

/// How many bytes are kept.
pub(crate) fn length(root: &Beneath, key: &PartialKey) -> Result<u64, LocalError> {
    match look::at(dir(root)?, file_name(key).as_str()) {
        Ok(seen) if seen.kind == FileType::RegularFile => Ok(seen.stat.size),
        Ok(seen) => {
            Err(LocalError::NotOurs { path: path(key), what: format!("it is a {}", look::kind_name(seen.kind)) })
        }
        Err(Errno::NOENT) => Ok(0),
        Err(errno) => Err(root.fail("examine", &path(key), errno)),
    }
}

/// Cuts a partial off at `from`, appends what comes, and hashes the whole. Ends when the sender is dropped; what came
/// until an error stays.
pub(crate) fn append(
    root: &Beneath,
    key: &PartialKey,
    from: u64,
    mut pieces: mpsc::Receiver<Bytes>,
    given_up: &AtomicBool,
) -> Result<Content, LocalError> {
    let mut file = open(root, key, OFlags::CREATE)?;
    // RACE: while we waited for a thread or for the lock, the transfer may have been given up, another may have finished
    // the partial, and it may even be placed already: then this handle is a user's file, and must not be cut off.
    // Whoever holds the lock and was not given up before is the only one.
    if given_up.load(Ordering::SeqCst) {
        return Err(io_error("continue", key, io::ErrorKind::Interrupted.into()));
    }
    let mut hasher = Hasher::default();
    let kept = file.metadata().map_err(|cause| io_error("examine", key, cause))?.len();
    if kept < from {
        let what = format!("it is to continue at byte {from}, but only {kept} are kept");
        return Err(LocalError::Mismatch { path: path(key).to_string(), what });
    }
    let mut begin = || {
        file.set_len(from)?;
        hashing::hash_prefix(&mut file, from, &mut hasher)?;
        file.seek(SeekFrom::Start(from))
    };
    begin().map_err(|cause| io_error("continue", key, cause))?;
    while let Some(piece) = pieces.blocking_recv() {
        file.write_all(&piece).map_err(|cause| io_error("write", key, cause))?;
        hasher.update(&piece);
    }
    Ok(hasher.finish())
}

/// Hashes a whole partial; `None` if there is none.
pub(crate) fn content(root: &Beneath, key: &PartialKey) -> Result<Option<Content>, LocalError> {
    let mut file = match open(root, key, OFlags::empty()) {
        Err(LocalError::Missing { .. }) => return Ok(None),
        opened => opened?,
    };
    let size = file.metadata().map_err(|cause| io_error("examine", key, cause))?.len();
    hashing::hash(&mut file, size).map_err(|cause| io_error("read", key, cause))
}

/// Throws a partial away.
pub(crate) fn discard(root: &Beneath, key: &PartialKey) -> Result<(), LocalError> {
    match rustix::fs::unlinkat(dir(root)?, file_name(key), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(root.fail("remove", &path(key), errno)),
    }
}

/// Throws away every regular file that is not one of these; returns how many.
pub(crate) fn discard_except(root: &Beneath, keep: &[PartialKey]) -> Result<u64, LocalError> {
    let keep: BTreeSet<String> = keep.iter().map(file_name).collect();
    let dir = dir(root)?;
    let fail = |errno| root.fail("empty", &our_path(DIR), errno);
    let mut doomed = Vec::new();
    let mut buffer = Vec::with_capacity(16 * 1024);
    let mut names = RawDir::new(&dir, buffer.spare_capacity_mut());
    while let Some(found) = names.next() {
        let name = found.map_err(fail)?.file_name().to_owned();
        if !name.to_str().is_ok_and(|name| keep.contains(name)) {
            doomed.push(name);
        }
    }
    let mut removed = 0;
    for name in doomed {
        if look::at(&dir, name.as_c_str()).is_ok_and(|seen| seen.kind == FileType::RegularFile) {
            rustix::fs::unlinkat(&dir, name.as_c_str(), AtFlags::empty()).map_err(fail)?;
            removed += 1;
        }
    }
    Ok(removed)
}
