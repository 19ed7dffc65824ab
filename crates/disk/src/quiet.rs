//! When a file is quiet: pure comparisons of times.

use damsync_model::tree::Stat;
use std::time::Duration;

/// A change within so short a time of the hashing may have left no trace in the stat.
pub const RACY_NS: i64 = 2_000_000_000;

/// Whether a file has not been written for `settle`.
///
/// A time further in the future than `settle` counts as quiet: the clock was set back, or somebody set the time, and
/// waiting for it could take years.
pub fn is_quiet(stat: &Stat, now_ns: i64, settle: Duration) -> bool {
    let settle_ns = i64::try_from(settle.as_nanos()).unwrap_or(i64::MAX);
    let quiet = |time_ns: i64| {
        let age_ns = now_ns.saturating_sub(time_ns);
        age_ns >= settle_ns || age_ns < settle_ns.saturating_neg()
    };
    quiet(stat.mtime_ns) && quiet(stat.ctime_ns)
}

/// Whether a file was so young when it was hashed that it must be hashed once more later: a second write within one
/// tick of the file system's clock leaves size and times as they were.
pub fn is_racy(stat: &Stat, hashed_at_ns: i64) -> bool {
    let young = |time_ns: i64| hashed_at_ns.saturating_sub(time_ns) < RACY_NS;
    young(stat.mtime_ns.min(hashed_at_ns)) || young(stat.ctime_ns.min(hashed_at_ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000_000_000;
    const MS: i64 = 1_000_000;

    fn file(mtime_ns: i64, ctime_ns: i64) -> Stat {
        Stat { mtime_ns, ctime_ns, ..Stat::default() }
    }

    #[test]
    fn a_file_is_quiet_when_both_its_times_are_old_enough() {
        let settle = Duration::from_millis(500);
        for (mtime, ctime, quiet) in [
            (NOW - 500 * MS, NOW - 500 * MS, true),
            (NOW - 499 * MS, NOW - 900 * MS, false),
            (NOW - 900 * MS, NOW - 499 * MS, false),
            (NOW, NOW, false),
            (NOW + 400 * MS, NOW - 900 * MS, false),
            (NOW + 600 * MS, NOW - 900 * MS, true),
            (i64::MAX, i64::MIN, true),
        ] {
            assert_eq!(is_quiet(&file(mtime, ctime), NOW, settle), quiet, "{mtime} {ctime}");
        }
    }

    #[test]
    fn a_file_is_racy_while_a_later_write_could_hide_in_its_times() {
        for (mtime, ctime, racy) in [
            (NOW - RACY_NS, NOW - RACY_NS, false),
            (NOW - RACY_NS + 1, NOW - RACY_NS, true),
            (0, NOW - 1, true),
            (NOW + 5, NOW - RACY_NS, true),
        ] {
            assert_eq!(is_racy(&file(mtime, ctime), NOW), racy, "{mtime} {ctime}");
        }
    }
}
