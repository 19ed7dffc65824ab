//! Opening things beneath the root's handle, and only there.
//!
//! - A link anywhere on the way, `..`, or a mount is refused by the kernel in the moment of opening, so exchanging a
//!   directory for a link between two calls leads nowhere.
//! - Only directories are opened by a path. A file is opened by one name in the handle of its directory ([`Spot`]), so
//!   that looking at it, opening it and renaming it speak of one directory, wherever that is moved meanwhile.

use crate::look::{self, Seen};
use damsync_model::name::OURS;
use damsync_model::path::MirrorPath;
use damsync_model::tree::Stat;
use damsync_ports::{LocalError, RootIdentity};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::fs::File;
use std::path::Path;

/// The kernel takes paths below 4096 bytes; longer ones are opened in pieces.
const PIECE_BYTES: usize = 3800;

/// `openat2` gives up with `EAGAIN` when a rename elsewhere races with it.
const ATTEMPTS: u32 = 64;

/// What a directory's handle is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Only to name what is in it; needs no permission to read.
    Place,
    /// To read its names, its attributes, or to make it durable.
    Read,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walking {
    Openat2,
    Stepwise,
}

/// The mirror's root, open.
#[derive(Debug)]
pub(crate) struct Beneath {
    root: OwnedFd,
    identity: RootIdentity,
    walking: Walking,
}

const RESOLVE: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

fn directory_flags(hold: Hold) -> OFlags {
    let base = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match hold {
        Hold::Place => base | OFlags::PATH,
        Hold::Read => base | OFlags::RDONLY,
    }
}

/// Opens one name in a directory as a directory; a link is `ELOOP`.
pub(crate) fn open_child_dir(dir: impl AsFd, name: &str, hold: Hold) -> Result<OwnedFd, Errno> {
    match rustix::fs::openat(&dir, name, directory_flags(hold), Mode::empty()) {
        // With O_DIRECTORY the kernel calls a link "not a directory".
        Err(Errno::NOTDIR) if look::at(&dir, name).is_ok_and(|seen| seen.kind == FileType::Symlink) => Err(Errno::LOOP),
        answer => answer,
    }
}

impl Beneath {
    /// Opens the root. The path itself may lead over links.
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())?;
        let seen = look::of(&root)?;
        let identity = RootIdentity { device: seen.device, inode: seen.stat.inode };
        // Old kernels answer ENOSYS, some sandboxes EPERM.
        let walking = match rustix::fs::openat2(&root, c".", directory_flags(Hold::Place), Mode::empty(), RESOLVE) {
            Ok(_) => Walking::Openat2,
            Err(_) => Walking::Stepwise,
        };
        Ok(Self { root, identity, walking })
    }

    #[cfg(test)]
    pub(crate) fn open_stepwise(path: &Path) -> Result<Self, Errno> {
        Self::open(path).map(|root| Self { walking: Walking::Stepwise, ..root })
    }

    /// Which object it is.
    pub(crate) const fn identity(&self) -> RootIdentity {
        self.identity
    }

    /// The root's own handle.
    pub(crate) const fn handle(&self) -> &OwnedFd {
        &self.root
    }

    /// Puts a system error into the port's words.
    pub(crate) fn fail(&self, what: &'static str, path: &MirrorPath, errno: Errno) -> LocalError {
        let not_ours = |what: &str| LocalError::NotOurs { path: path.clone(), what: what.to_owned() };
        match errno {
            // In a directory that was removed, everything answers ENOENT: that is no evidence about `path`.
            Errno::NOENT if path.is_root() || self.is_unlinked() => LocalError::RootLost,
            Errno::NOENT => LocalError::Missing { path: path.clone() },
            Errno::STALE => LocalError::RootLost,
            Errno::LOOP => not_ours("a symbolic link is on the way"),
            Errno::XDEV => not_ours("it is on another device"),
            Errno::NOTDIR => not_ours("something on the way is no directory"),
            Errno::NOSPC | Errno::DQUOT => LocalError::Full { path: path.to_string() },
            errno => LocalError::Io { what, path: path.to_string(), cause: errno.into() },
        }
    }

    fn is_unlinked(&self) -> bool {
        look::of(&self.root).is_ok_and(|seen| seen.links == 0)
    }

    /// Opens a directory beneath the root.
    pub(crate) fn dir(&self, path: &MirrorPath, hold: Hold) -> Result<OwnedFd, LocalError> {
        self.open_dir(path.as_str(), hold).map_err(|errno| self.fail("open", path, errno))
    }

    fn open_dir(&self, path: &str, hold: Hold) -> Result<OwnedFd, Errno> {
        if path.is_empty() {
            return rustix::fs::openat(&self.root, c".", directory_flags(hold), Mode::empty());
        }
        let mut above: Option<OwnedFd> = None;
        let mut rest = path;
        while rest.len() > PIECE_BYTES {
            // A name has at most 255 bytes, so there is a slash.
            let cut =
                rest.as_bytes()[..PIECE_BYTES].iter().rposition(|byte| *byte == b'/').ok_or(Errno::NAMETOOLONG)?;
            above = Some(self.walk(above.as_ref().unwrap_or(&self.root), &rest[..cut], Hold::Place)?);
            rest = &rest[cut + 1..];
        }
        self.walk(above.as_ref().unwrap_or(&self.root), rest, hold)
    }

    fn walk(&self, from: &OwnedFd, path: &str, hold: Hold) -> Result<OwnedFd, Errno> {
        match self.walking {
            Walking::Openat2 => {
                let opened = self.walk_at_once(from, path, hold)?;
                // A btrfs subvolume is no mount, but another device all the same.
                if look::of(&opened)?.device == self.identity.device { Ok(opened) } else { Err(Errno::XDEV) }
            }
            Walking::Stepwise => self.walk_step_by_step(from, path, hold),
        }
    }

    fn walk_at_once(&self, from: &OwnedFd, path: &str, hold: Hold) -> Result<OwnedFd, Errno> {
        for _ in 1..ATTEMPTS {
            match rustix::fs::openat2(from, path, directory_flags(hold), Mode::empty(), RESOLVE) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                answer => return answer,
            }
        }
        // Something renames without pause. One name at a time cannot race.
        self.walk_step_by_step(from, path, hold)
    }

    fn walk_step_by_step(&self, from: &OwnedFd, path: &str, hold: Hold) -> Result<OwnedFd, Errno> {
        let mut at: Option<OwnedFd> = None;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            let hold = if names.peek().is_some() { Hold::Place } else { hold };
            let next = open_child_dir(at.as_ref().unwrap_or(from), name, hold)?;
            if look::of(&next)?.is_elsewhere(self.identity.device) {
                return Err(Errno::XDEV);
            }
            at = Some(next);
        }
        at.ok_or(Errno::NOENT)
    }

    /// A name together with the handle of its directory.
    pub(crate) fn spot(&self, path: &MirrorPath) -> Result<Spot, LocalError> {
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            return Err(LocalError::NotOurs { path: path.clone(), what: "it is the mirror's root".to_owned() });
        };
        let dir = self
            .open_dir(parent.as_str(), Hold::Place)
            .map_err(|errno| self.fail("open the directory of", path, errno))?;
        Ok(Spot { dir, name: name.as_str().to_owned(), path: path.clone(), device: self.identity.device })
    }

    /// Opens a directory of ours (`partial`, `trash`), making it where it is missing.
    pub(crate) fn ours(&self, name: &str) -> Result<OwnedFd, LocalError> {
        let open = || {
            let ours = make_private_dir(&self.root, OURS)?;
            make_private_dir(&ours, name)
        };
        open().map_err(|errno| self.fail("open", &our_path(name), errno))
    }
}

/// The path of something in `.damsync`.
pub(crate) fn our_path(below: &str) -> MirrorPath {
    MirrorPath::parse(&format!("{OURS}/{below}")).unwrap_or_default()
}

/// Whether a path is our own `.damsync`, or below it.
pub(crate) fn is_ours(path: &MirrorPath) -> bool {
    path.names().next() == Some(OURS)
}

/// Makes a directory that only its owner may enter, and opens it; fine if it is there.
pub(crate) fn make_private_dir(dir: impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    match open_child_dir(&dir, name, Hold::Read) {
        Err(Errno::NOENT) => {}
        answer => return answer,
    }
    match rustix::fs::mkdirat(&dir, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => open_child_dir(&dir, name, Hold::Read),
        Err(errno) => Err(errno),
    }
}

/// One name in the handle of its directory.
#[derive(Debug)]
pub(crate) struct Spot {
    pub dir: OwnedFd,
    pub name: String,
    pub path: MirrorPath,
    device: u64,
}

impl Spot {
    /// Looks at whatever stands there.
    pub(crate) fn look(&self) -> Result<Seen, Errno> {
        look::at(&self.dir, self.name.as_str())
    }

    /// Looks at the regular file that stands there.
    pub(crate) fn file(&self, root: &Beneath) -> Result<Seen, LocalError> {
        let seen = self.look().map_err(|errno| root.fail("examine", &self.path, errno))?;
        self.must_be_file(&seen)?;
        Ok(seen)
    }

    fn must_be_file(&self, seen: &Seen) -> Result<(), LocalError> {
        let what = if seen.kind != FileType::RegularFile {
            format!("it is a {}", look::kind_name(seen.kind))
        } else if seen.is_elsewhere(self.device) {
            "it is on another device".to_owned()
        } else {
            return Ok(());
        };
        Err(LocalError::NotOurs { path: self.path.clone(), what })
    }

    /// Looks at the file that stands there, which must be exactly as it was seen.
    pub(crate) fn expect(&self, root: &Beneath, expect: &Stat) -> Result<Seen, LocalError> {
        let seen = self.file(root)?;
        if seen.stat == *expect { Ok(seen) } else { Err(self.changed(look::describe(&seen))) }
    }

    /// Opens the file that stands there for reading; it must be exactly as it was seen.
    pub(crate) fn open_expected(&self, root: &Beneath, expect: &Stat) -> Result<File, LocalError> {
        // Looked at before: opening a device can have effects. Opening a FIFO that was just put there does not block.
        self.expect(root, expect)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = rustix::fs::openat(&self.dir, self.name.as_str(), flags, Mode::empty());
        let file = File::from(opened.map_err(|errno| root.fail("open", &self.path, errno))?);
        self.expect_open(root, &file, expect)?;
        Ok(file)
    }

    /// Checks that an open file still is as it was seen.
    pub(crate) fn expect_open(&self, root: &Beneath, file: &File, expect: &Stat) -> Result<Seen, LocalError> {
        let seen = look::of(file).map_err(|errno| root.fail("examine", &self.path, errno))?;
        self.must_be_file(&seen)?;
        if seen.stat == *expect { Ok(seen) } else { Err(self.changed(look::describe(&seen))) }
    }

    /// The answer that it is not as it was seen.
    pub(crate) fn changed(&self, found: impl Into<String>) -> LocalError {
        LocalError::Changed { path: self.path.clone(), found: found.into() }
    }
}

#[cfg(test)]
mod tests;
