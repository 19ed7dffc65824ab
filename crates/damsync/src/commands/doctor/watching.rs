//! inotify: how many directories the kernel lets us watch, against how many there are.

use super::check::Check;
use crate::output::counted;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use std::path::Path;

const LIMITS: &str = "/proc/sys/fs/inotify";

/// What Linux allows by itself where nobody set anything.
const USUAL_QUEUE: u64 = 16_384;
const USUAL_INSTANCES: u64 = 128;

/// A limit of the kernel's, and what damsync needs of it.
#[derive(Clone, Copy, Debug)]
struct Limit {
    name: &'static str,
    /// The file below [`LIMITS`], and the end of the sysctl's name.
    key: &'static str,
    what: &'static str,
    /// What it is like beyond it.
    beyond: &'static str,
    /// Raised to at least this.
    least: u64,
}

const WATCHES: Limit = Limit {
    name: "inotify_watches",
    key: "max_user_watches",
    what: "watches",
    beyond: "changes in directories that get none are only found by scans",
    least: 1 << 17,
};
const INSTANCES: Limit = Limit {
    name: "inotify_instances",
    key: "max_user_instances",
    what: "instances",
    beyond: "changes in a mirror that gets none are only found by scans",
    least: USUAL_INSTANCES,
};
const QUEUE: Limit = Limit {
    name: "inotify_queue",
    key: "max_queued_events",
    what: "queued events",
    beyond: "when more happen at once, everything is looked at again",
    least: USUAL_QUEUE,
};

/// The three limits against `directories` below the roots of `mirrors` mirrors.
pub fn limits(directories: u64, mirrors: u64) -> Vec<Check> {
    // One watch per directory, and other programs of this user have theirs.
    let watches = directories.saturating_add(directories / 4);
    // One instance per mirror, and a few for whatever else runs.
    let instances = mirrors.saturating_add(8);
    let queue = directories.clamp(1024, USUAL_QUEUE);
    let below = format!("{} in the mirrors", counted(directories, "directory", "directories"));
    [
        (WATCHES, watches, below.clone()),
        (INSTANCES, instances, counted(mirrors, "mirror", "mirrors")),
        (QUEUE, queue, below),
    ]
    .into_iter()
    .map(|(limit, needed, why)| {
        let read = std::fs::read_to_string(Path::new(LIMITS).join(limit.key));
        match read.ok().and_then(|text| text.trim().parse().ok()) {
            Some(allowed) => judge(limit, allowed, needed, &why),
            None => Check::skipped(
                limit.name,
                format!("{LIMITS}/{} cannot be read", limit.key),
                format!("look with `sysctl fs.inotify.{}`", limit.key),
            ),
        }
    })
    .collect()
}

fn judge(limit: Limit, allowed: u64, needed: u64, why: &str) -> Check {
    let seen = format!("{allowed} {} are allowed, for {why}", limit.what);
    if allowed >= needed {
        return Check::ok(limit.name, seen);
    }
    Check::warning(limit.name, format!("{seen}; {}", limit.beyond), raise(limit, needed))
}

fn raise(limit: Limit, needed: u64) -> String {
    let to = needed.saturating_mul(2).max(limit.least).checked_next_power_of_two().unwrap_or(u64::MAX);
    format!(
        "run `sudo sysctl fs.inotify.{}={to}`, and write fs.inotify.{}={to} to /etc/sysctl.d/60-damsync.conf to keep it",
        limit.key, limit.key
    )
}

/// Whether the kernel gives us a watch on `path` now.
pub fn events(path: &Path) -> Check {
    const NAME: &str = "events";
    let tried = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
        .and_then(|watcher| inotify::add_watch(&watcher, path, WatchFlags::ATTRIB).map(|_| ()));
    let only_scans = "changes are only found by scans";
    match tried {
        Ok(()) => Check::ok(NAME, "the kernel tells of changes here"),
        Err(Errno::NOSPC) => {
            Check::warning(NAME, format!("no inotify watch is left, so {only_scans}"), raise(WATCHES, WATCHES.least))
        }
        Err(Errno::MFILE) => Check::warning(
            NAME,
            format!("no inotify instance is left, so {only_scans}"),
            raise(INSTANCES, USUAL_INSTANCES),
        ),
        Err(errno) => Check::warning(
            NAME,
            format!("the kernel does not tell of changes here ({errno}), so {only_scans}"),
            format!("make {} readable for this user", path.display()),
        ),
    }
}

/// Directories at and below `root`; links are not followed.
pub fn directories(root: &Path) -> u64 {
    let mut count = 0;
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        count += 1;
        open.extend(
            entries
                .flatten()
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
    }
    count
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn a_tiny_limit_is_warned_about_with_the_line_that_raises_it() {
        let check = judge(WATCHES, 8192, 500_000, "400000 directories in the mirrors");
        assert_eq!(check.state, State::Warning);
        let remedy = check.remedy.unwrap();
        assert!(remedy.contains("`sudo sysctl fs.inotify.max_user_watches=1048576`"), "{remedy}");
        assert!(remedy.contains("/etc/sysctl.d/"), "{remedy}");
        let remedy = judge(QUEUE, 16, 1024, "").remedy.unwrap();
        assert!(remedy.contains("fs.inotify.max_queued_events=16384"), "{remedy}");
    }

    #[test]
    fn a_limit_that_is_enough_is_fine() {
        assert_eq!(judge(WATCHES, 8192, 8192, "").state, State::Ok);
        assert_eq!(judge(INSTANCES, 128, 9, "").state, State::Ok);
    }

    #[test]
    fn directories_are_counted_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        std::fs::write(dir.path().join("a/file"), "").unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("a/link")).unwrap();
        assert_eq!(directories(dir.path()), 3);
        assert_eq!(directories(&dir.path().join("gone")), 0);
    }
}
