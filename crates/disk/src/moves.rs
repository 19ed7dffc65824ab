//! Renames that overwrite nothing.

use crate::look;
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;

/// The file system does not know the flag.
fn is_unsupported(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::NOSYS | Errno::NOTSUP)
}

/// Swaps two names at once. `None` where the file system cannot.
pub(crate) fn exchange(a_dir: impl AsFd, a: &str, b_dir: impl AsFd, b: &str) -> Option<Result<(), Errno>> {
    match rustix::fs::renameat_with(a_dir, a, b_dir, b, RenameFlags::EXCHANGE) {
        Err(errno) if is_unsupported(errno) => None,
        answer => Some(answer),
    }
}

/// Renames to a name among the user's files; `EEXIST` if it is taken.
///
/// RACE: only where the file system has no `NOREPLACE`, the name is made by a hard link and the old name removed after a
/// last look. A save over the old name within that instant would be lost there.
pub(crate) fn to_users(from_dir: impl AsFd, from: &str, to_dir: impl AsFd, to: &str) -> Result<(), Errno> {
    match rustix::fs::renameat_with(&from_dir, from, &to_dir, to, RenameFlags::NOREPLACE) {
        Err(errno) if is_unsupported(errno) => {}
        answer => return answer,
    }
    rustix::fs::linkat(&from_dir, from, &to_dir, to, AtFlags::empty())?;
    let (old, new) = (look::at(&from_dir, from)?, look::at(&to_dir, to)?);
    if old.stat.inode != new.stat.inode {
        return Ok(());
    }
    rustix::fs::unlinkat(&from_dir, from, AtFlags::empty())
}

/// Renames to a name in `.damsync`, where nobody else makes names; `EEXIST` if it is taken.
pub(crate) fn to_ours(from_dir: impl AsFd, from: &str, to_dir: impl AsFd, to: &str) -> Result<(), Errno> {
    match rustix::fs::renameat_with(&from_dir, from, &to_dir, to, RenameFlags::NOREPLACE) {
        Err(errno) if is_unsupported(errno) => {}
        answer => return answer,
    }
    match look::at(&to_dir, to) {
        Err(Errno::NOENT) => rustix::fs::renameat(&from_dir, from, &to_dir, to),
        Ok(_) => Err(Errno::EXIST),
        Err(errno) => Err(errno),
    }
}
