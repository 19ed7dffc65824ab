//! What a mirror's file system can do. The system is asked; nothing is written.

use super::check::Check;
use bytesize::ByteSize;
use damsync_model::name::Folding;
use rustix::fs::{AtFlags, CWD, StatxFlags};
use rustix::io::Errno;
use std::path::Path;

/// Kinds of file system by the magic number of `statfs`, as far as it is worth knowing.
const LOCAL: [(i64, &str); 12] = [
    (0xef53, "ext4"),
    (0x5846_5342, "XFS"),
    (0x9123_683e, "Btrfs"),
    (0x2fc1_2fc1, "ZFS"),
    (0xf2f5_2010, "F2FS"),
    (0xca45_1a4e, "bcachefs"),
    (0x0102_1994, "tmpfs"),
    (0x794c_7630, "overlayfs"),
    (0x2011_bab0, "exFAT"),
    (0x4d44, "FAT"),
    (0x7366_746e, "NTFS"),
    (0x482b, "HFS+"),
];

/// Those whose files others can change without our kernel hearing of it.
const NETWORK: [(i64, &str); 11] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB 2"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x7461_636f, "OCFS2"),
    (0x0116_1970, "GFS2"),
    (0x5346_414f, "AFS"),
];

/// Which kind it is.
pub fn kind(path: &Path) -> Check {
    const NAME: &str = "file_system";
    match rustix::fs::statfs(path) {
        // The number's type differs from machine to machine; no magic is longer than 32 bits.
        Ok(told) => judge_kind(NAME, i64::from(told.f_type as u32)),
        Err(errno) => unknown(NAME, path, errno),
    }
}

fn judge_kind(name: &'static str, magic: i64) -> Check {
    let known = |list: &[(i64, &'static str)]| list.iter().find(|(number, _)| *number == magic).map(|(_, word)| *word);
    match (known(&NETWORK), known(&LOCAL)) {
        (Some(word), _) => Check::warning(
            name,
            format!("{word}: what others change there is told by no event, and only found by scans"),
            "run damsync on the machine that has the disk, or run `damsync reconcile` by a timer",
        ),
        (None, Some(word)) => Check::ok(name, word),
        (None, None) => Check::ok(name, format!("a local file system (type {magic:#x})")),
    }
}

/// Whether names that differ only in case are one.
pub fn case(folding: Option<Folding>) -> Check {
    const NAME: &str = "case";
    match folding {
        Some(Folding::Exact) => Check::ok(NAME, "names that differ in case are different files"),
        Some(Folding::CaseFolded) => {
            Check::ok(NAME, "names that differ only in case are one file here, and are compared so")
        }
        None => Check::skipped(
            NAME,
            "not known before the first pass",
            "run `damsync reconcile`, which finds it out in its own directory",
        ),
    }
}

/// Whether a file's birth is told.
pub fn birth_time(path: &Path) -> Check {
    const NAME: &str = "birth_time";
    match rustix::fs::statx(CWD, path, AtFlags::empty(), StatxFlags::BTIME) {
        Ok(told) if told.stx_mask & StatxFlags::BTIME.bits() != 0 => Check::ok(NAME, "told"),
        Ok(_) | Err(Errno::NOSYS) => Check::warning(
            NAME,
            "not told, so a file that took over another's inode looks like that one until its content is read",
            "use ext4, XFS or Btrfs for this mirror",
        ),
        Err(errno) => unknown(NAME, path, errno),
    }
}

/// Whether extended attributes of users are kept.
pub fn extended_attributes(path: &Path) -> Check {
    const NAME: &str = "extended_attributes";
    match rustix::fs::getxattr(path, "user.damsync", &mut [0_u8; 1]) {
        Ok(_) | Err(Errno::NODATA | Errno::RANGE) => Check::ok(NAME, "kept"),
        Err(Errno::NOTSUP | Errno::NOSYS) => Check::warning(
            NAME,
            "not kept by this file system, so a replaced file has none",
            "use ext4, XFS or Btrfs for this mirror if its files carry any",
        ),
        Err(errno) => unknown(NAME, path, errno),
    }
}

/// The free space against `min_free`.
pub fn free_space(path: &Path, min_free: u64) -> Check {
    const NAME: &str = "free_space";
    match rustix::fs::statvfs(path) {
        Ok(told) => judge_space(NAME, told.f_bavail.saturating_mul(told.f_frsize), min_free),
        Err(errno) => unknown(NAME, path, errno),
    }
}

fn judge_space(name: &'static str, free: u64, min_free: u64) -> Check {
    let (free_words, least) = (ByteSize(free), ByteSize(min_free));
    if free >= min_free {
        return Check::ok(name, format!("{free_words} are free, and min_free is {least}"));
    }
    Check::warning(
        name,
        format!("{free_words} are free, and min_free is {least}, so downloads are held"),
        format!("make room for {} more on its file system, or lower `min_free`", ByteSize(min_free - free)),
    )
}

fn unknown(name: &'static str, path: &Path, errno: Errno) -> Check {
    let remedy = format!("make {} readable for this user", path.display());
    Check::skipped(name, format!("{} does not tell it ({errno})", path.display()), remedy)
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn a_network_is_warned_about_by_its_name() {
        for (magic, state, word) in [
            (0x6969, State::Warning, "NFS"),
            (0xff53_4d42, State::Warning, "CIFS"),
            (0xef53, State::Ok, "ext4"),
            (0x1234, State::Ok, "0x1234"),
        ] {
            let check = judge_kind("file_system", magic);
            assert_eq!((check.state, check.seen.contains(word)), (state, true), "{}", check.seen);
        }
    }

    #[test]
    fn too_little_space_is_warned_about_with_what_is_missing() {
        assert_eq!(judge_space("free_space", 10, 10).state, State::Ok);
        let check = judge_space("free_space", 1 << 29, 1 << 30);
        assert_eq!(check.state, State::Warning);
        assert!(check.remedy.unwrap().contains("512.0 MiB more"));
    }
}
