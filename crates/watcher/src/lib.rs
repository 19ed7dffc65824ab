//! File system events become directories to look at again.
//!
//! - An event never says what happened, only where to look: what counts is the listing afterwards.
//! - **Nothing is dropped silently.** Signals are kept as a set; when it grows too large, or the kernel's queue
//!   overflowed, they collapse into [`Signal::ScanAgain`].
//! - A part that cannot be watched is [`Signal::Blind`]: it needs scans, and "in sync" may not be said of it by the
//!   watcher's word.
//! - A directory that is new here is [`Signal::DirtyTree`]: what was made in it before its watch was set left no event.
//!   Look at it at once, and once more after the settle time.
//!
//! Not here: file contents, ignore rules, and any waiting for quiet.

#[cfg(feature = "hostile")]
#[doc(hidden)]
pub mod hostile;
mod mapping;
mod pending;
mod watcher;

pub use watcher::{WatchError, Watcher};

use damsync_model::path::MirrorPath;
use std::fmt;

/// Where to look again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// The root itself was moved, removed, unmounted or lost its mark: stop and look at it.
    RootChanged,
    /// Everything, for this reason. Directories that were dirty before are not named any more.
    ScanAgain(ScanReason),
    /// This directory and everything below it.
    DirtyTree(MirrorPath),
    /// This directory's listing.
    Dirty(MirrorPath),
    /// Nothing is told any more about this directory and what is below it; see [`REMEDY`].
    Blind(MirrorPath),
}

/// Why everything must be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScanReason {
    /// The kernel dropped events.
    KernelOverflow,
    /// So much changed that a scan is cheaper than a list.
    TooMuch,
    /// The watcher reported an error or an event that names no path.
    Unclear,
}

impl fmt::Display for ScanReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KernelOverflow => "the kernel dropped events",
            Self::TooMuch => "very much changed at once",
            Self::Unclear => "an event told no path",
        })
    }
}

/// What to do about [`Signal::Blind`].
pub const REMEDY: &str = "too few inotify watches: raise the limit, for example `sysctl fs.inotify.max_user_watches=1048576` \
     (and write it to /etc/sysctl.d/ to keep it), or make the directory readable; until then it is only scanned";
