//! Mode, owner, ACL and attributes of a file that is about to be placed.
//!
//! - A file that replaces another keeps that one's mode, owner and group where permitted, its ACL and `user.*`
//!   attributes.
//! - A new file follows the umask, or the directory's default ACL where it has one, and the group of a set-group-id
//!   directory: as if it had been made there.
//! - Where the owner cannot be kept, set-id bits are dropped: they would speak of somebody else.

use crate::look::Seen;
use rustix::fs::{Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use xattr::FileExt;

const ACCESS_ACL: &str = "system.posix_acl_access";
const DEFAULT_ACL: &str = "system.posix_acl_default";

/// Read and write for everybody: what programs ask for when they make a file.
const NEW_FILE: u32 = 0o666;

const SET_IDS: u32 = 0o6000;

/// Attributes that this file system does not keep, or not for us.
fn is_not_kept(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::PERM | Errno::NOTSUP | Errno::NODATA | Errno::NOSYS | Errno::INVAL | Errno::ACCESS)
    )
}

/// What is not kept is no error, but worth a word.
fn tolerate(what: &str, answer: io::Result<()>) -> io::Result<()> {
    match answer {
        Err(error) if is_not_kept(&error) => {
            tracing::debug!(what, %error, "an attribute could not be kept");
            Ok(())
        }
        answer => answer,
    }
}

/// Gives `file` what the file it replaces has.
pub(crate) fn carry_over(from: &File, seen: &Seen, file: &File) -> io::Result<()> {
    let owned = give_owner(file, seen.uid, seen.gid)?;
    let mode = if owned { seen.mode } else { seen.mode & !SET_IDS };
    tolerate("mode", rustix::fs::fchmod(file, Mode::from_raw_mode(mode)).map_err(Into::into))?;
    let names = match from.list_xattr() {
        Ok(names) => names,
        Err(error) if is_not_kept(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    for name in names {
        let wanted = name.to_str().is_some_and(|name| name.starts_with("user.") || name == ACCESS_ACL);
        if wanted && let Some(value) = from.get_xattr(&name)? {
            tolerate("attribute", file.set_xattr(&name, &value))?;
        }
    }
    Ok(())
}

/// Gives a new file what it would have had if it had been made in `dir`.
pub(crate) fn as_new(dir: &File, seen: &Seen, file: &File) -> io::Result<()> {
    if seen.mode & 0o2000 != 0 {
        tolerate("group", rustix::fs::fchown(file, None, Some(Gid::from_raw(seen.gid))).map_err(Into::into))?;
    }
    let default = match dir.get_xattr(DEFAULT_ACL) {
        Ok(default) => default,
        Err(error) if is_not_kept(&error) => None,
        Err(error) => return Err(error),
    };
    if let Some(acl) = default.and_then(|acl| inherited(&acl)) {
        return tolerate("default ACL", file.set_xattr(ACCESS_ACL, &acl));
    }
    let mode = Mode::from_raw_mode(NEW_FILE & !umask());
    tolerate("mode", rustix::fs::fchmod(file, mode).map_err(Into::into))
}

fn give_owner(file: &File, uid: u32, gid: u32) -> io::Result<bool> {
    let own = crate::look::of(file)?;
    if (own.uid, own.gid) == (uid, gid) {
        return Ok(true);
    }
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    match rustix::fs::fchown(file, Some(uid), Some(gid)) {
        Ok(()) => return Ok(true),
        Err(Errno::PERM | Errno::INVAL | Errno::NOTSUP) => {}
        Err(errno) => return Err(errno.into()),
    }
    // Somebody else's file in a shared directory: at least its group, so that the others keep their access.
    tolerate("group", rustix::fs::fchown(file, None, Some(gid)).map_err(Into::into))?;
    Ok(false)
}

/// The access ACL of a file made with [`NEW_FILE`] under a default ACL: owner, mask (else group) and others are limited
/// to what was asked for. `None` if the bytes are no ACL as Linux writes it: version 2, then entries of tag, permissions
/// and id.
fn inherited(default: &[u8]) -> Option<Vec<u8>> {
    const VERSION: [u8; 4] = 2u32.to_le_bytes();
    const ENTRY: usize = 8;
    const OWNER: u16 = 0x01;
    const GROUP: u16 = 0x04;
    const MASK: u16 = 0x10;
    const OTHERS: u16 = 0x20;
    const ASKED: u8 = 0o6;
    let entries = default.strip_prefix(&VERSION)?;
    if entries.len() % ENTRY != 0 || entries.is_empty() {
        return None;
    }
    let tag = |entry: &[u8]| u16::from_le_bytes([entry[0], entry[1]]);
    let group = if entries.chunks(ENTRY).any(|entry| tag(entry) == MASK) { MASK } else { GROUP };
    let mut acl = default.to_vec();
    for entry in acl[VERSION.len()..].chunks_mut(ENTRY) {
        if [OWNER, group, OTHERS].contains(&tag(entry)) {
            entry[2] &= ASKED;
        }
    }
    Some(acl)
}

/// The process's umask. Asked from `/proc`: the system call can only ask by setting it, which other threads would see.
fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    // Without /proc the usual one.
    line.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok()).unwrap_or(0o022)
}

/// Sets the modification time; the time of the last access stays.
pub(crate) fn set_modified(file: &File, at_ms: i64) -> io::Result<()> {
    let modified = Timespec { tv_sec: at_ms.div_euclid(1000), tv_nsec: at_ms.rem_euclid(1000) * 1_000_000 };
    let times = Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification: modified };
    Ok(rustix::fs::futimens(file, &times)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inherited_acl_is_limited_to_reading_and_writing() {
        let entry = |tag: u16, permissions: u16, id: u32| {
            [&tag.to_le_bytes()[..], &permissions.to_le_bytes()[..], &id.to_le_bytes()[..]].concat()
        };
        let acl = |entries: &[Vec<u8>]| [2u32.to_le_bytes().to_vec(), entries.concat()].concat();
        const NONE: u32 = u32::MAX;
        let default =
            acl(&[entry(1, 7, NONE), entry(2, 7, 1000), entry(4, 7, NONE), entry(0x10, 7, NONE), entry(0x20, 5, NONE)]);
        let made =
            acl(&[entry(1, 6, NONE), entry(2, 7, 1000), entry(4, 7, NONE), entry(0x10, 6, NONE), entry(0x20, 4, NONE)]);
        assert_eq!(inherited(&default), Some(made));
        let plain = acl(&[entry(1, 7, NONE), entry(4, 5, NONE), entry(0x20, 0, NONE)]);
        let made = acl(&[entry(1, 6, NONE), entry(4, 4, NONE), entry(0x20, 0, NONE)]);
        assert_eq!(inherited(&plain), Some(made));
        for bad in [&[][..], &[2, 0, 0, 0], &[1, 0, 0, 0, 1, 0, 7, 0, 0, 0, 0, 0], &[2, 0, 0, 0, 1]] {
            assert_eq!(inherited(bad), None);
        }
    }
}
