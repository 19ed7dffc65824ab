//! Making names durable: the directories that were touched, or the whole file system where they are many.

use crate::beneath::Beneath;
use crate::look;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// More than so many files or directories are made durable by one `syncfs`.
pub(crate) const FEW: usize = 4;

/// Directories in which names changed. Their handles are few: beyond [`FEW`] only their number counts.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    dirs: Vec<(u64, OwnedFd)>,
    many: bool,
}

impl Touched {
    /// Remembers a directory.
    pub(crate) fn add(&mut self, dir: impl AsFd) {
        if self.many {
            return;
        }
        let remembered = look::of(&dir).and_then(|seen| {
            let inode = seen.stat.inode;
            if !self.dirs.iter().any(|(known, _)| *known == inode) {
                // A handle that only names (O_PATH) cannot be synced, so it is opened again.
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                self.dirs.push((inode, rustix::fs::openat(&dir, c".", flags, Mode::empty())?));
            }
            Ok(())
        });
        // A directory without the right to read it: the whole file system will do.
        if remembered.is_err() || self.dirs.len() > FEW {
            self.many = true;
            self.dirs.clear();
        }
    }

    /// Makes them durable.
    pub(crate) fn flush(self, root: &Beneath) -> Result<(), Errno> {
        if self.many {
            return rustix::fs::syncfs(root.handle());
        }
        for (_, dir) in &self.dirs {
            match rustix::fs::fsync(dir) {
                // Some file systems cannot sync a directory.
                Err(Errno::INVAL | Errno::NOTSUP) => return rustix::fs::syncfs(root.handle()),
                answer => answer?,
            }
        }
        Ok(())
    }
}
