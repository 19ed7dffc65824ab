//! The watching itself: notify's thread puts signals into a set, whoever asks takes them out.

use crate::mapping::{signals_of, signals_of_error};
use crate::pending::Pending;
use crate::{REMEDY, Signal};
use notify::{Config, ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Why nothing can be watched at all.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The root is not there, or cannot be read.
    #[error("{} cannot be watched: {cause}", path.display())]
    Root {
        /// Which path.
        path: PathBuf,
        /// The file system's answer.
        #[source]
        cause: io::Error,
    },
    /// The system has no more watchers to give.
    #[error("no watcher: {cause}; perhaps `sysctl fs.inotify.max_user_instances=1024` helps")]
    System {
        /// The watcher's answer.
        #[source]
        cause: notify::Error,
    },
}

#[derive(Debug, Default)]
struct Inbox {
    pending: Mutex<Pending>,
    news: Notify,
}

impl Inbox {
    fn add(&self, signals: Vec<Signal>) {
        if signals.is_empty() {
            return;
        }
        {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            signals.into_iter().for_each(|signal| pending.add(signal));
        }
        self.news.notify_one();
    }

    fn take(&self) -> Vec<Signal> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.is_empty() { Vec::new() } else { pending.take() }
    }
}

/// A watch on one mirror's root. It ends when it is dropped.
#[derive(Debug)]
pub struct Watcher {
    inbox: Arc<Inbox>,
    _running: RecommendedWatcher,
}

impl Watcher {
    /// Watches everything below `root`. Reads all its directories, so call it where blocking is allowed.
    ///
    /// What changed before it returned may have left no signal: scan after it.
    pub fn start(root: &Path) -> Result<Self, WatchError> {
        let no_root = |cause| WatchError::Root { path: root.to_owned(), cause };
        // Events name paths as they were asked for. The way to the root may lead over links; below it none is followed.
        let top = fs::canonicalize(root).map_err(no_root)?;
        fs::read_dir(&top).map_err(no_root)?;
        let inbox = Arc::new(Inbox::default());
        let handler = {
            let (inbox, top) = (Arc::clone(&inbox), top.clone());
            move |event: notify::Result<Event>| {
                inbox.add(match event {
                    Ok(event) => signals_of(&top, &event, &is_dir),
                    Err(error) => {
                        tracing::warn!(%error, remedy = REMEDY, "a part of the mirror is not watched");
                        signals_of_error(&top, &error)
                    }
                });
            }
        };
        let config = Config::default().with_follow_symlinks(false);
        let mut running = RecommendedWatcher::new(handler, config).map_err(|cause| WatchError::System { cause })?;
        watch(&mut running, &top, &top, &inbox);
        Ok(Self { inbox, _running: running })
    }

    /// Everything that is there, the weightiest first; waits while there is nothing. Never returns an empty list. What
    /// was taken is not told again, so a caller that gives up waiting loses nothing.
    pub async fn next(&self) -> Vec<Signal> {
        loop {
            let news = self.inbox.news.notified();
            let signals = self.inbox.take();
            if !signals.is_empty() {
                return signals;
            }
            news.await;
        }
    }

    /// Everything that is there, at once; possibly nothing.
    pub fn take(&self) -> Vec<Signal> {
        self.inbox.take()
    }
}

fn is_dir(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Watches a directory and everything below it.
///
/// The first directory that cannot be watched ends notify's whole walk. Then its parts are asked for one by one, so that
/// just what really cannot be watched stays blind.
fn watch(running: &mut RecommendedWatcher, top: &Path, dir: &Path, inbox: &Inbox) {
    let Err(error) = running.watch(dir, RecursiveMode::Recursive) else { return };
    let failed_itself = error.paths.iter().any(|path| path == dir) || error.paths.is_empty();
    if matches!(error.kind, ErrorKind::MaxFilesWatch) || failed_itself {
        // Where the limit is reached, whatever else is asked for is refused as well.
        tracing::warn!(%error, remedy = REMEDY, "a part of the mirror is not watched");
        let limit = matches!(error.kind, ErrorKind::MaxFilesWatch);
        inbox.add(signals_of_error(top, &if limit { error.set_paths(vec![dir.to_owned()]) } else { error }));
        return;
    }
    let Ok(children) = fs::read_dir(dir) else {
        let unreadable = notify::Error::io(io::ErrorKind::PermissionDenied.into()).add_path(dir.to_owned());
        inbox.add(signals_of_error(top, &unreadable));
        return;
    };
    for child in children.flatten() {
        if child.file_type().is_ok_and(|kind| kind.is_dir()) {
            watch(running, top, &child.path(), inbox);
        }
    }
}
