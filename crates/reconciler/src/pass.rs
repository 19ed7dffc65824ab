//! One pass over one mirror: what it works with, and its order of work.
//!
//! check the root → settle the journal → gather both trees → decide and carry out, round by round → acknowledge.

use crate::crash::CrashPoint;
use crate::folders::Folders;
use crate::guard::Guard;
use crate::keeper::Keeper;
use crate::report::{Left, Outcome, Report};
use crate::same_server::ServerTime;
use crate::source::{Chance, Clock, Stop};
use damsync_model::id::{FolderId, MirrorId, RunId, StorageFolderId};
use damsync_model::name::Folding;
use damsync_model::path::MirrorPath;
use damsync_model::plan::{HoldReason, PlanLine};
use damsync_model::planner::Rules;
use damsync_model::policy::Policy;
use damsync_model::time::UnixMs;
use damsync_ports::{
    Advice, ByteStream, Identity, LocalError, LocalSide, RemoteError, RemoteSide, Scope, TrashSlot, UploadSession,
};
use damsync_store::{MirrorRow, StoreError};
use futures_util::TryStreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

/// Which storage folder a mirror shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderChoice {
    /// Every folder that the user can see.
    Everything,
    /// By the names from the top downwards.
    Path(Vec<String>),
    /// By its id.
    Id(StorageFolderId),
}

impl std::fmt::Display for FolderChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Path(names) => f.write_str(&names.join("/")),
            Self::Id(id) => id.fmt(f),
        }
    }
}

/// A mirror as the user configured it.
#[derive(Clone, Debug, PartialEq)]
pub struct MirrorSpec {
    /// Its name, unique in the configuration.
    pub name: String,
    /// Which storage folder.
    pub storage_folder: FolderChoice,
    /// The other mirrors of the same server, by name.
    pub beside: Vec<String>,
    /// What the planner and the guards obey.
    pub policy: Policy,
    /// How long a file must have been quiet.
    pub settle: Duration,
    /// Pulls stop when less than this would be left free, in bytes.
    pub min_free_bytes: u64,
    /// Transfers at once.
    pub concurrency: usize,
    /// For conflict copies.
    pub host: String,
}

/// Which directories are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// All.
    Everywhere,
    /// These, as the watcher named them.
    At(Vec<LookAt>),
    /// None: nothing happened here.
    Nowhere,
}

/// A directory to be listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LookAt {
    /// Which.
    pub path: MirrorPath,
    /// How far down.
    pub reach: Reach,
}

/// How far down a directory is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Its names alone.
    Itself,
    /// Everything below it too.
    Below,
}

/// What the server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Nothing: something happened here only.
    Nothing,
    /// The feeds; folders, trash and ids in turns, each at least every tenth time.
    Poll,
    /// Everything that a one-shot pass asks for: the sweep of ids too.
    Whole,
    /// Every asset; and every file here is hashed again.
    Full,
}

/// When deletions of files here travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletions {
    /// In this pass.
    Now,
    /// In a later one: a burst is still going on, and is judged as a whole.
    Later,
}

/// What a pass may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// What the guards let through.
    Guarded,
    /// Deletions too that `mass_delete` would hold.
    AllowDeletes,
}

/// Whether a pass does what it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// It does.
    Real,
    /// It says what it would do, and writes the outcome into the store alone. The caller hands over one that is a copy.
    Rehearsal,
}

/// What the caller wants of a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where to look here.
    pub look: Look,
    /// What to ask there.
    pub ask: Ask,
    /// When deletions travel.
    pub deletions: Deletions,
    /// What may be done.
    pub permission: Permission,
    /// Whether it is done.
    pub execution: Execution,
}

/// Something that happened on the way, for progress displays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many files were looked at, in all.
    Scanned(u64),
    /// A file is being hashed or compared.
    Hashed(u64),
    /// A transfer has begun.
    TransferStarted {
        /// Which path.
        path: String,
        /// Up (`push`) or down (`pull`).
        direction: &'static str,
        /// Its bytes, where known.
        bytes: Option<u64>,
    },
    /// Bytes of a transfer have passed.
    TransferMoved {
        /// Which path.
        path: String,
        /// How many.
        bytes: u64,
    },
    /// A transfer has ended, well or not.
    TransferEnded {
        /// Which path.
        path: String,
    },
    /// A rehearsal came to an action that a real pass would now begin.
    Planned {
        /// Its line of the plan.
        line: PlanLine,
        /// How many bytes it moves, where that is known.
        bytes: Option<u64>,
    },
    /// A rehearsal came to something that a real pass would leave as it is.
    Left(Left),
    /// An action was finished: its line of the history.
    Done {
        /// The rule's number.
        rule: String,
        /// The action's word.
        action: &'static str,
        /// Which path.
        path: String,
    },
}

/// Watches a pass; does nothing by default.
#[derive(Clone)]
pub struct Hooks {
    /// Told of every step.
    pub step: Arc<dyn Fn(Step) + Send + Sync>,
    /// Whether to crash here: only a simulator says yes.
    pub crash: Arc<dyn Fn(CrashPoint) -> bool + Send + Sync>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self { step: Arc::new(|_| {}), crash: Arc::new(|_| false) }
    }
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hooks")
    }
}

/// Everything that outlives a pass.
#[derive(Debug)]
pub struct Engine<D, R> {
    /// The mirror.
    pub spec: MirrorSpec,
    /// The store.
    pub keeper: Keeper,
    /// The local side.
    pub disk: D,
    /// The remote side; shared by the mirrors of one account.
    pub remote: Arc<R>,
    /// What earlier passes found out, so that not every pass asks again.
    pub known: Mutex<Known>,
    /// The time.
    pub clock: Clock,
    /// Unique texts.
    pub chance: Chance,
    /// Who watches.
    pub hooks: Hooks,
    /// A wish to stop.
    pub stop: Stop,
}

/// What a pass found out about the server, for those after it.
#[derive(Debug, Default)]
pub struct Known {
    /// Who we are, and how far the server's clock is ahead of ours, once it was asked.
    identity: Option<(Identity, i64)>,
    /// How often the feeds were polled.
    polls: u64,
    /// Deletions are held: why, as it was found when the folders were last listed.
    no_deletions: Option<HoldReason>,
}

/// What this pass asks the server for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent requests, each asked for by its name")]
pub(crate) struct Asked {
    pub identity: bool,
    pub folders: bool,
    pub feeds: bool,
    pub overlap: bool,
    pub trash_count: bool,
    pub sweep: bool,
    pub everything: bool,
}

impl Asked {
    /// A quiet poll needs three requests: the two feeds and one of the others in turn.
    const fn by(ask: Ask, polls: u64) -> Self {
        let nothing = Self {
            identity: false,
            folders: false,
            feeds: false,
            overlap: false,
            trash_count: false,
            sweep: false,
            everything: false,
        };
        match ask {
            Ask::Nothing => nothing,
            Ask::Poll => Self {
                feeds: true,
                folders: polls.is_multiple_of(3),
                trash_count: polls % 3 == 1,
                overlap: polls % 3 == 2,
                // Who we are is asked with the sweep, whose evidence rests on it.
                identity: polls % 10 == 9,
                sweep: polls % 10 == 9,
                everything: false,
            },
            Ask::Whole | Ask::Full => Self {
                identity: true,
                folders: true,
                feeds: true,
                overlap: true,
                trash_count: true,
                sweep: true,
                everything: matches!(ask, Ask::Full),
            },
        }
    }
}

/// Why a pass ended before its end. What it had done until then is recorded; the next pass goes on.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The configuration names something that is not there.
    #[error("{0}")]
    Configuration(String),
    /// The server.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The disk.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody asked us to stop.
    #[error("stopped")]
    Stopped,
    /// A simulated crash.
    #[error("crashed at {0:?}")]
    Crashed(CrashPoint),
    /// A guard stopped the mirror; the report says which.
    #[error("held")]
    Held,
}

/// A pass under way.
pub(crate) struct Pass<'e, D, R> {
    pub engine: &'e Engine<D, R>,
    pub request: Request,
    pub asked: Asked,
    pub mirror: MirrorId,
    pub run: RunId,
    pub started: UnixMs,
    /// The server's clock when the pass began: its own word if it is fresh, else reckoned from an earlier one.
    pub server_time: UnixMs,
    /// Only a fresh time may move a cursor: our clock may have jumped since an earlier one.
    pub server_time_is_fresh: bool,
    pub scope: Scope,
    folders: RwLock<Folders>,
    report: Mutex<Report>,
    /// Upload sessions of this pass, one per directory.
    pub sessions: tokio::sync::Mutex<BTreeMap<FolderId, UploadSession>>,
    /// Why deletions of this pass are held, whatever their number.
    pub no_deletions: Option<HoldReason>,
    /// Some storage folder's index is being built anew.
    reindexing: bool,
    /// Guards whose plans a user approved.
    approved: Mutex<BTreeSet<Guard>>,
    /// The mirror's directory is open; not so in a dry run before the first pass.
    pub has_root: bool,
    /// The disk is too full to bring anything more here.
    pub disk_full: AtomicBool,
    /// Whether the server's answers fit what is known.
    pub server_time_fit: ServerTime,
    /// Actions in a row that got no answer from the server.
    pub unreachable: AtomicUsize,
    /// Directories in which directories were made.
    pub made_in: Mutex<BTreeSet<FolderId>>,
    /// An action found a file changed, which is to be read before the next decision.
    pub found_changed: AtomicBool,
    /// The server's folders were listed in this pass.
    pub folders_listed: AtomicBool,
    /// Directories whose action failed in this pass.
    pub failed_folders: Mutex<BTreeSet<FolderId>>,
}

impl<D: LocalSide, R: RemoteSide> Engine<D, R> {
    /// Runs one pass.
    ///
    /// # Errors
    /// What ended it early, with the report of what was done until then.
    pub async fn pass(&self, request: Request) -> (Report, Result<(), PassError>) {
        let began = self.clock.now();
        let requests = self.remote.requests();
        let mut report = Report {
            name: self.spec.name.clone(),
            dry_run: request.execution == Execution::Rehearsal,
            ..Report::default()
        };
        let result = Box::pin(self.run_pass(request, began, &mut report)).await;
        report.requests = self.remote.requests() - requests;
        report.elapsed_ms = u64::try_from(self.clock.now().0 - began.0).unwrap_or(0);
        let result = match result {
            Err(PassError::Held) => {
                report.outcome = Outcome::Held;
                Ok(())
            }
            other => other,
        };
        if result.is_err() && report.outcome == Outcome::InSync {
            report.outcome = Outcome::Incomplete;
        }
        let result = match self.note_trouble(&report, &result).await {
            Err(error) if result.is_ok() && !report.dry_run => Err(error),
            _ => result,
        };
        (report, result)
    }

    /// A crash point; only a simulator ever stops here.
    pub(crate) fn reach(&self, point: CrashPoint) -> Result<(), PassError> {
        if (self.hooks.crash)(point) { Err(PassError::Crashed(point)) } else { Ok(()) }
    }

    async fn run_pass(&self, request: Request, began: UnixMs, report: &mut Report) -> Result<(), PassError> {
        let name = self.spec.name.clone();
        let row = self.keeper.write(move |tx| tx.mirror(&name)).await?;
        let run = self.chance.run();
        let mut row = row;
        let stand = crate::root::look(self, &row, report).await?;
        let (asked, known, no_deletions) = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            // The first pass asks for everything, whatever was wanted of it.
            let ask = if known.identity.is_none() && request.ask != Ask::Full { Ask::Whole } else { request.ask };
            if ask == Ask::Poll {
                known.polls += 1;
            }
            report.asked_everything = matches!(ask, Ask::Whole | Ask::Full);
            (Asked::by(ask, known.polls), known.identity.clone(), known.no_deletions)
        };
        let (identity, ahead_ms, asked_now) = match known {
            Some((identity, ahead)) if !asked.identity => (identity, ahead, false),
            _ => {
                let identity = self.remote.identity().await?;
                let ahead = identity.server_time.0 - self.clock.now().0;
                (identity, ahead, true)
            }
        };
        let server_time = self.clock.now().plus_ms(ahead_ms);
        let (remote_folders, binding) = if asked.folders {
            let folders = self.remote.folders().await?;
            let binding = crate::scope::bind(self, &mut row, &identity, &folders, report).await?;
            (Some(folders), binding)
        } else {
            (None, crate::scope::bound(&row, no_deletions)?)
        };
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.identity = Some((identity, ahead_ms));
            known.no_deletions = binding.no_deletions;
        }
        let acts = request.execution == Execution::Real;
        let entered = crate::root::enter(self, &mut row, stand, acts).await?;
        // A dry run compares names as a real one does; without a root there are none.
        let folding = if entered.is_some() { self.disk.folding().await? } else { Folding::default() };
        if entered.is_some() {
            crate::root::compare_as_before(self, row.id, folding, acts, report).await?;
        }
        let folders = crate::scope::load(self, &row, folding).await?;
        let pass = Pass {
            engine: self,
            request,
            asked,
            mirror: row.id,
            run,
            started: began,
            server_time,
            server_time_is_fresh: asked_now,
            scope: binding.scope,
            folders: RwLock::new(folders),
            report: Mutex::new(std::mem::take(report)),
            sessions: tokio::sync::Mutex::new(BTreeMap::new()),
            no_deletions: binding.no_deletions,
            reindexing: remote_folders.iter().flatten().any(|folder| folder.reindexing),
            approved: Mutex::default(),
            has_root: entered.is_some(),
            disk_full: AtomicBool::new(false),
            server_time_fit: ServerTime::default(),
            unreachable: AtomicUsize::new(0),
            made_in: Mutex::default(),
            found_changed: AtomicBool::new(false),
            folders_listed: AtomicBool::new(remote_folders.is_some()),
            failed_folders: Mutex::default(),
        };
        let result = pass.work(&row, remote_folders).await;
        *report = pass.report.into_inner().unwrap_or_else(PoisonError::into_inner);
        result
    }
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    async fn work(
        &self,
        row: &MirrorRow,
        remote_folders: Option<Vec<damsync_ports::RemoteFolder>>,
    ) -> Result<(), PassError> {
        self.hold_if_rolled_back().await?;
        if let Some(remote_folders) = remote_folders {
            self.gather_folders(remote_folders).await?;
        }
        if self.acts() {
            self.recover().await?;
        }
        if self.has_root {
            match &self.request.look {
                Look::Everywhere => self.scan(vec![MirrorPath::ROOT]).await?,
                Look::At(places) => self.scan_at(places).await?,
                Look::Nowhere => {}
            }
            self.read_files().await?;
        }
        self.gather_assets().await?;
        self.hold_if_rolled_back().await?;
        self.rounds().await?;
        if self.acts() {
            self.close_sessions().await?;
            self.hold_if_rolled_back().await?;
            self.acknowledge().await?;
            if self.report().failed.is_empty() {
                self.engine.disk.discard_partials_except(&[]).await?;
            }
        }
        self.finish(row).await
    }

    /// Whether anything may be changed.
    pub fn acts(&self) -> bool {
        self.request.execution == Execution::Real
    }

    pub fn folders(&self) -> RwLockReadGuard<'_, Folders> {
        self.folders.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn change_folders(&self, change: impl FnOnce(&mut Folders)) {
        change(&mut self.folders.write().unwrap_or_else(PoisonError::into_inner));
    }

    pub fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn rules(&self) -> Rules<'_> {
        Rules { policy: &self.engine.spec.policy, capabilities: self.engine.remote.capabilities() }
    }

    pub fn reindexing(&self) -> bool {
        self.reindexing
    }

    /// The user lets through what this pass would hold for `mass_delete`.
    pub fn allows_deletes(&self) -> bool {
        self.request.permission == Permission::AllowDeletes
    }

    /// A user approved what a guard holds.
    pub fn approve(&self, guard: Guard) {
        self.approved.lock().unwrap_or_else(PoisonError::into_inner).insert(guard);
    }

    /// Whether it held something in this pass that a user let through.
    pub fn was_approved(&self, guard: Guard) -> bool {
        self.approved.lock().unwrap_or_else(PoisonError::into_inner).contains(&guard)
    }

    /// Whether what it watches over does not count against the next hour.
    pub fn is_approved(&self, guard: Guard) -> bool {
        self.was_approved(guard) || self.allows_deletes() && guard.reason() == HoldReason::MassDelete
    }

    pub fn now(&self) -> UnixMs {
        self.engine.clock.now()
    }

    /// Deletions of files here wait for a later pass.
    pub fn defers_deletions(&self) -> bool {
        self.request.deletions == Deletions::Later
    }

    pub fn slot(&self) -> TrashSlot {
        TrashSlot { at: self.started, run: self.run.clone() }
    }

    pub fn step(&self, step: Step) {
        (self.engine.hooks.step)(step);
    }

    /// A body that tells of its bytes as they pass.
    pub fn watched(&self, path: &MirrorPath, body: ByteStream) -> ByteStream {
        let (step, path) = (Arc::clone(&self.engine.hooks.step), path.to_string());
        Box::pin(body.inspect_ok(move |chunk| {
            step(Step::TransferMoved { path: path.clone(), bytes: u64::try_from(chunk.len()).unwrap_or(0) });
        }))
    }

    /// A safe point: goes on unless somebody asked us to stop.
    pub fn check_stop(&self) -> Result<(), PassError> {
        if self.engine.stop.requested() { Err(PassError::Stopped) } else { Ok(()) }
    }

    /// See [`Engine::reach`].
    pub fn reach(&self, point: CrashPoint) -> Result<(), PassError> {
        self.engine.reach(point)
    }
}

/// Whether an error ends the pass, or only concerns the item it happened on.
pub(crate) fn ends_pass(error: &PassError) -> bool {
    match error {
        PassError::Remote(error) => error.advice() == Advice::Stop,
        PassError::Local(LocalError::RootLost) => true,
        PassError::Local(_) => false,
        PassError::Configuration(_)
        | PassError::Store(_)
        | PassError::Stopped
        | PassError::Crashed(_)
        | PassError::Held => true,
    }
}
