//! The daemon: each mirror is watched here, polled there, and brought together whenever either side moved.
//!
//! Events and answers only say where to look. Deletions wait until their burst has ended, so that it is judged as a whole.

use super::EngineError;
use super::assembly::{Assembly, MirrorEngine, Purpose};
use super::once::until_stopped;
use crate::config::{Config, Credentials, Mirror};
use crate::signals::{Request as Signalled, Stop, StopReason};
use damsync_model::path::MirrorPath;
use damsync_ports::RemoteErrorKind;
use damsync_reconciler::report::{Outcome, Report};
use damsync_reconciler::{Ask, Deletions, Execution, Hooks, Look, LookAt, PassError, Permission, Reach, Request, Step};
use damsync_watcher::{Signal, Watcher};
use futures_util::future::join_all;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

/// The longest that a stream of events may put off looking.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest that a stream of deletions may put off planning them.
const DELETE_PATIENCE: Duration = Duration::from_secs(60);

/// Everything is looked at once a day, whatever the watcher and the feeds said.
const FULL_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// Keeps all mirrors in sync until `stop`; returns why it stopped. Holds, refused tokens and outages do not end it.
pub async fn run(
    config: &Config,
    credentials: &Credentials,
    mut requests: mpsc::Receiver<Signalled>,
    stop: &Stop,
) -> Result<StopReason, EngineError> {
    let assembly = Assembly::of(config, credentials, Purpose::Work)?;
    loop {
        match assembly.check_overlap(config).await {
            Ok(()) => break,
            Err(error @ EngineError::Overlap { .. }) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "the server cannot be asked now; trying again");
                tokio::select! {
                    reason = stop.wait() => return Ok(reason),
                    () = tokio::time::sleep(config.remote.poll_interval) => {}
                }
            }
        }
    }
    let (full_sender, full) = watch::channel(0_u64);
    let listening = async {
        while let Some(request) = requests.recv().await {
            match request {
                Signalled::FullPass => full_sender.send_modify(|count| *count += 1),
                Signalled::Reload => tracing::warn!("the configuration is read again only at the next start"),
            }
        }
        std::future::pending::<()>().await;
    };
    let mut keepers = Vec::new();
    for mirror in &config.mirrors {
        let engine = assembly.engine(config, mirror, hooks(&mirror.name))?;
        let keeper = Keeper::new(config, mirror, &assembly, engine, full.clone(), stop);
        keepers.push(Box::pin(keeper.work()));
    }
    let ended = tokio::select! {
        ended = join_all(keepers) => ended,
        () = listening => Vec::new(),
    };
    // Only a configuration that cannot be obeyed ends a mirror by itself; then none of them goes on.
    match ended.into_iter().find_map(Result::err) {
        Some(error) => Err(error),
        None => Ok(stop.wait().await),
    }
}

/// One line of the log per finished action.
fn hooks(mirror: &str) -> Hooks {
    let mirror = mirror.to_owned();
    Hooks {
        step: Arc::new(move |step| {
            if let Step::Done { rule, action, path } = step
                && action != "refresh"
            {
                tracing::info!(mirror, rule, action, path, "done");
            }
        }),
        ..Hooks::default()
    }
}

/// Why the next pass takes place.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wake {
    /// The watcher saw something.
    Seen(Vec<Signal>),
    /// It is time to ask the server.
    Poll,
    /// Deletions have waited long enough.
    DeletionsDue,
    /// It is time to look at everything, or somebody asked for it.
    Everything,
    /// The end.
    Stop,
}

/// Keeps one mirror.
struct Keeper<'a> {
    mirror: &'a Mirror,
    base_url: &'a str,
    poll_interval: Duration,
    engine: MirrorEngine,
    full: watch::Receiver<u64>,
    stop: &'a Stop,
    assembly: &'a Assembly,
    watcher: Option<Watcher>,
    /// Directories of which the watcher says nothing.
    blind: BTreeSet<MirrorPath>,
    /// New directories, to be looked at once more.
    again: BTreeSet<MirrorPath>,
    /// The last pass broke off: what is to be looked at again waits for the next poll.
    broke_off: bool,
    deletions: Option<DeletionBurst>,
    /// Signals that are not quiet yet.
    noticed: BTreeSet<Signal>,
}

/// Deletions that were seen and wait for the end of their burst.
#[derive(Clone, Copy, Debug)]
struct DeletionBurst {
    began: Instant,
    last: Instant,
    count: u64,
}

impl DeletionBurst {
    fn due(&self, settle: Duration) -> Instant {
        (self.last + settle).min(self.began + DELETE_PATIENCE)
    }
}

impl<'a> Keeper<'a> {
    fn new(
        config: &'a Config,
        mirror: &'a Mirror,
        assembly: &'a Assembly,
        engine: MirrorEngine,
        full: watch::Receiver<u64>,
        stop: &'a Stop,
    ) -> Self {
        Self {
            mirror,
            base_url: &config.remote.base_url,
            poll_interval: config.remote.poll_interval,
            engine,
            full,
            stop,
            assembly,
            watcher: None,
            blind: BTreeSet::new(),
            again: BTreeSet::new(),
            broke_off: false,
            deletions: None,
            noticed: BTreeSet::new(),
        }
    }

    async fn work(mut self) -> Result<(), EngineError> {
        // The watch is set before the first scan, so that nothing falls between them.
        self.watch();
        let mut wake = Wake::Everything;
        let mut first = true;
        let mut next_poll = Instant::now() + self.poll_interval;
        let mut next_full = Instant::now() + FULL_EVERY;
        while wake != Wake::Stop {
            let request = self.request(&wake);
            if matches!(wake, Wake::Poll | Wake::Everything) {
                next_poll = Instant::now() + self.poll_interval;
            }
            if wake == Wake::Everything {
                next_full = Instant::now() + FULL_EVERY;
            }
            let Some((report, result)) = until_stopped(self.engine.pass(request), self.stop, &self.assembly.stop).await
            else {
                break;
            };
            self.note_deletions(report.deferred_deletions);
            self.broke_off = result.is_err();
            match result {
                Ok(()) => self.tell(&report),
                Err(PassError::Stopped) => break,
                Err(error @ PassError::Configuration(_)) if first => {
                    return Err(EngineError::of_pass(&self.mirror.name, self.base_url, error));
                }
                Err(error) => {
                    self.complain(&error);
                    // What was seen is looked at again: the pass did not come to its end.
                    self.again.insert(MirrorPath::ROOT);
                }
            }
            first = false;
            // The first pass may have made the mark.
            self.assembly.hold_mirror(&self.mirror.local)?;
            self.watch();
            wake = self.wait(next_poll, next_full).await;
        }
        Ok(())
    }

    /// Begins to watch, if that is possible and not done yet.
    fn watch(&mut self) {
        if self.watcher.is_some() || !self.mirror.local.join(".damsync").is_dir() {
            return;
        }
        match Watcher::start(&self.mirror.local) {
            Ok(watcher) => {
                self.watcher = Some(watcher);
                self.blind.clear();
                // Set only now, it has seen nothing of what happened until here.
                self.again.insert(MirrorPath::ROOT);
            }
            Err(error) => {
                tracing::warn!(mirror = self.mirror.name, %error, "changes here cannot be watched; looking at every poll");
            }
        }
    }

    fn request(&mut self, wake: &Wake) -> Request {
        let mut places: BTreeSet<LookAt> = BTreeSet::new();
        let mut everywhere = *wake == Wake::Everything || (self.watcher.is_none() && *wake == Wake::Poll);
        for path in std::mem::take(&mut self.again) {
            places.insert(LookAt { path, reach: Reach::Below });
        }
        if *wake == Wake::Poll {
            places.extend(self.blind.iter().map(|path| LookAt { path: path.clone(), reach: Reach::Below }));
        }
        if let Wake::Seen(signals) = wake {
            for signal in signals {
                match signal {
                    Signal::Dirty(path) => {
                        places.insert(LookAt { path: path.clone(), reach: Reach::Itself });
                    }
                    Signal::DirtyTree(path) => {
                        places.insert(LookAt { path: path.clone(), reach: Reach::Below });
                        // What was made in it before its watch was set left no event.
                        self.again.insert(path.clone());
                    }
                    Signal::ScanAgain(reason) => {
                        tracing::info!(mirror = self.mirror.name, %reason, "looking at everything again");
                        everywhere = true;
                    }
                    Signal::RootChanged => {
                        self.watcher = None;
                        everywhere = true;
                    }
                    Signal::Blind(path) => {
                        if self.blind.insert(path.clone()) {
                            tracing::warn!(mirror = self.mirror.name, %path, "{}", damsync_watcher::REMEDY);
                        }
                        places.insert(LookAt { path: path.clone(), reach: Reach::Below });
                    }
                }
            }
        }
        let look = match (everywhere || places.contains(&root_and_below()), places.is_empty()) {
            (true, _) => Look::Everywhere,
            (false, true) => Look::Nowhere,
            (false, false) => Look::At(places.into_iter().collect()),
        };
        let ask = match wake {
            Wake::Everything => Ask::Whole,
            Wake::Poll => Ask::Poll,
            Wake::Seen(_) | Wake::DeletionsDue | Wake::Stop => Ask::Nothing,
        };
        let due = self.deletions.is_none_or(|burst| burst.due(self.mirror.settle_delete) <= Instant::now());
        let deletions = match wake {
            Wake::Everything | Wake::DeletionsDue => Deletions::Now,
            Wake::Poll if due => Deletions::Now,
            _ => Deletions::Later,
        };
        Request { look, ask, deletions, permission: Permission::Guarded, execution: Execution::Real }
    }

    fn note_deletions(&mut self, waiting: u64) {
        let now = Instant::now();
        self.deletions = match (self.deletions, waiting) {
            (_, 0) => None,
            (None, count) => Some(DeletionBurst { began: now, last: now, count }),
            (Some(burst), count) if count > burst.count => Some(DeletionBurst { last: now, count, ..burst }),
            (Some(burst), count) => Some(DeletionBurst { count, ..burst }),
        };
    }

    async fn wait(&mut self, next_poll: Instant, next_full: Instant) -> Wake {
        let settle = self.mirror.settle;
        let again =
            (!self.again.is_empty() && !self.broke_off).then(|| Instant::now() + settle.max(Duration::from_millis(50)));
        let deletions = self.deletions.map(|burst| burst.due(self.mirror.settle_delete));
        tokio::select! {
            _ = self.stop.wait() => Wake::Stop,
            signals = seen(self.watcher.as_ref(), settle, &mut self.noticed) => Wake::Seen(signals),
            () = at(again) => Wake::Seen(Vec::new()),
            () = at(deletions) => Wake::DeletionsDue,
            Ok(()) = self.full.changed() => Wake::Everything,
            () = sleep_until(next_full) => Wake::Everything,
            () = sleep_until(next_poll) => Wake::Poll,
        }
    }

    fn tell(&self, report: &Report) {
        let mirror = &self.mirror.name;
        for held in report.held.iter().filter(|held| held.path.is_none()) {
            let (reason, plan) = (held.reason.word(), held.plan.as_deref().unwrap_or_default());
            tracing::warn!(
                mirror,
                reason,
                plan,
                count = held.count,
                "held back: {}",
                held.detail.as_deref().unwrap_or("too much would be deleted at once")
            );
        }
        for failed in &report.failed {
            tracing::warn!(mirror, path = failed.path, error = failed.error, "failed; it is tried again");
        }
        if report.outcome != Outcome::InSync {
            tracing::debug!(mirror, ?report.outcome, "the pass has ended");
        }
    }

    fn complain(&self, error: &PassError) {
        let mirror = &self.mirror.name;
        match error {
            PassError::Remote(remote) if matches!(remote.kind, RemoteErrorKind::Unauthorized) => {
                tracing::error!(mirror, "the server does not accept the token; work is kept until it does");
            }
            _ => tracing::warn!(mirror, %error, "the pass broke off; trying again"),
        }
    }
}

fn root_and_below() -> LookAt {
    LookAt { path: MirrorPath::ROOT, reach: Reach::Below }
}

/// Signals, once they have been quiet for `settle`, or have come for too long to wait. What was noticed stays noticed when
/// something else ends the wait.
async fn seen(watcher: Option<&Watcher>, settle: Duration, noticed: &mut BTreeSet<Signal>) -> Vec<Signal> {
    let Some(watcher) = watcher else { return std::future::pending().await };
    if noticed.is_empty() {
        noticed.extend(watcher.next().await);
    }
    let patience = Instant::now() + PATIENCE;
    while Instant::now() < patience {
        match timeout(settle, watcher.next()).await {
            Ok(more) => noticed.extend(more),
            Err(_) => break,
        }
    }
    std::mem::take(noticed).into_iter().collect()
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
