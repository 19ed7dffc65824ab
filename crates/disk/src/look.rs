//! What the file system tells of one object, in one system call.

use damsync_model::tree::Stat;
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, FileType, StatxAttributes, StatxFlags, StatxTimestamp};
use rustix::io::Errno;
use rustix::path::Arg;

/// One look at an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// What it is.
    pub kind: FileType,
    /// Permission bits, set-id and sticky bits included.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Hard links.
    pub links: u64,
    /// Device number.
    pub device: u64,
    /// Whether something is mounted at exactly this name; `None` where the kernel does not tell.
    pub mounted: Option<bool>,
    /// What the planner compares.
    pub stat: Stat,
}

impl Seen {
    /// Whether this is the regular file of that stat. Its ctime is left out: every rename moves it.
    pub(crate) fn is_file_of(&self, stat: &Stat) -> bool {
        let Stat { size, mtime_ns, inode, birth_ns, ctime_ns: _ } = self.stat;
        self.kind == FileType::RegularFile
            && (size, mtime_ns, inode, birth_ns) == (stat.size, stat.mtime_ns, stat.inode, stat.birth_ns)
    }

    /// Whether it lies on another file system than its directory.
    ///
    /// The device number of a *file* may differ from its directory's without any mount (overlayfs), so it decides only
    /// where nothing better is told. A directory of another device number is another file system in any case: btrfs
    /// subvolumes are no mounts, yet nothing can be renamed across them.
    pub(crate) fn is_elsewhere(&self, device: u64) -> bool {
        match (self.mounted, self.kind) {
            (Some(true), _) => true,
            (Some(false), kind) if kind != FileType::Directory => false,
            _ => self.device != device,
        }
    }
}

/// Names a kind of object for people.
pub(crate) fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "regular file",
        FileType::Directory => "directory",
        FileType::Symlink => "symbolic link",
        FileType::Fifo => "FIFO",
        FileType::Socket => "socket",
        FileType::CharacterDevice => "character device",
        FileType::BlockDevice => "block device",
        FileType::Unknown => "object of unknown kind",
    }
}

/// Says what was found instead of what was expected.
pub(crate) fn describe(seen: &Seen) -> String {
    if seen.kind != FileType::RegularFile {
        return format!("a {}", kind_name(seen.kind));
    }
    format!(
        "{} bytes, modified at {}, changed at {}, inode {}",
        seen.stat.size, seen.stat.mtime_ns, seen.stat.ctime_ns, seen.stat.inode
    )
}

const WANTED: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::BTIME);

/// Looks at a name in a directory; a link is looked at itself.
pub(crate) fn at(dir: impl AsFd, name: impl Arg + Copy) -> Result<Seen, Errno> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    match rustix::fs::statx(&dir, name, flags, WANTED) {
        Err(Errno::NOSYS) => rustix::fs::statat(&dir, name, flags).map(|stat| from_stat(&stat)),
        answer => answer.map(|statx| from_statx(&statx)),
    }
}

/// Looks at an open object.
pub(crate) fn of(fd: impl AsFd) -> Result<Seen, Errno> {
    match rustix::fs::statx(&fd, c"", AtFlags::EMPTY_PATH, WANTED) {
        Err(Errno::NOSYS) => rustix::fs::fstat(&fd).map(|stat| from_stat(&stat)),
        answer => answer.map(|statx| from_statx(&statx)),
    }
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

fn from_statx(statx: &rustix::fs::Statx) -> Seen {
    let time = |stamp: &StatxTimestamp| nanoseconds(stamp.tv_sec, i64::from(stamp.tv_nsec));
    let told = |what: StatxFlags| statx.stx_mask & what.bits() != 0;
    let mounts_are_told = statx.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT);
    Seen {
        kind: FileType::from_raw_mode(statx.stx_mode.into()),
        mode: u32::from(statx.stx_mode) & 0o7777,
        uid: statx.stx_uid,
        gid: statx.stx_gid,
        links: statx.stx_nlink.into(),
        device: rustix::fs::makedev(statx.stx_dev_major, statx.stx_dev_minor),
        mounted: mounts_are_told.then(|| statx.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)),
        stat: Stat {
            size: statx.stx_size,
            mtime_ns: time(&statx.stx_mtime),
            ctime_ns: time(&statx.stx_ctime),
            inode: statx.stx_ino,
            birth_ns: if told(StatxFlags::BTIME) { time(&statx.stx_btime) } else { 0 },
        },
    }
}

fn from_stat(stat: &rustix::fs::Stat) -> Seen {
    Seen {
        kind: FileType::from_raw_mode(stat.st_mode),
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        links: stat.st_nlink,
        device: stat.st_dev,
        mounted: None,
        stat: Stat {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime_ns: nanoseconds(stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            ctime_ns: nanoseconds(stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap_or(0)),
            inode: stat.st_ino,
            birth_ns: 0,
        },
    }
}
