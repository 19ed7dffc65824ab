//! One pass over one mirror: what it works with, and its order of work.
//!
//! check the root → settle the journal → gather both trees → decide and carry out, round by round → acknowledge.

use crate::crash::CrashPoint;
use crate::folder_actions::FoldersThere;
use crate::folders::Folders;
use crate::guard::Guard;
use crate::hooks::{Hooks, Step};
use crate::keeper::Keeper;
use crate::report::{Outcome, Report};
use crate::request::{Ask, Asked, Deletions, Execution, Look, Permission, Request};
use crate::same_server::ServerTime;
use crate::source::{Chance, Clock, Stop};
use crate::spec::MirrorSpec;
use damsync_model::id::{FolderId, MirrorId, RunId, StorageFolderId};
use damsync_model::mutation::Mutation;
use damsync_model::name::Folding;
use damsync_model::path::MirrorPath;
use damsync_model::plan::HoldReason;
use damsync_model::planner::Rules;
use damsync_model::time::UnixMs;
use damsync_ports::{
    Advice, ByteStream, Identity, LocalError, LocalSide, RemoteError, RemoteSide, Scope, TrashSlot, UploadSession,
};
use damsync_store::{MirrorRow, StoreError};
use futures_util::TryStreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

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
    /// Those that were found outside the mirror, or in no list.
    outside_folders: Mutex<BTreeSet<StorageFolderId>>,
    /// The storage folders as they were listed right before some of them are removed.
    pub folders_there: tokio::sync::Mutex<FoldersThere>,
    /// What the scan found was made durable in this pass.
    pub found_is_durable: AtomicBool,
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
        let known = name.clone();
        let mut row = match self.keeper.read(move |tx| tx.known_mirror(&known)).await? {
            Some(row) => row,
            None => self.keeper.write(move |tx| tx.mirror(&name)).await?,
        };
        let run = self.chance.run();
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
            outside_folders: Mutex::default(),
            found_is_durable: AtomicBool::new(false),
            failed_folders: Mutex::default(),
            folders_there: tokio::sync::Mutex::default(),
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
        self.hold_if_rolled_back_before().await?;
        if let Some(remote_folders) = remote_folders {
            self.gather_folders(remote_folders).await?;
        }
        if self.acts() {
            self.recover().await?;
        }
        if self.has_root {
            self.settle_local_moves().await?;
            self.settle_placings().await?;
            match &self.request.look {
                Look::Everywhere => self.scan(vec![MirrorPath::ROOT]).await?,
                Look::At(places) => self.scan_at(places).await?,
                Look::Nowhere => {}
            }
            self.read_files().await?;
        }
        self.gather_assets().await?;
        self.hold_if_rolled_back().await?;
        self.forget_older().await?;
        self.rounds().await?;
        if self.acts() {
            self.close_sessions().await?;
            self.hold_if_rolled_back().await?;
            self.acknowledge().await?;
            if self.report().failed.is_empty() && !Mutation::PartialsKept.is_on() {
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

    pub fn outside_folders(&self) -> MutexGuard<'_, BTreeSet<StorageFolderId>> {
        self.outside_folders.lock().unwrap_or_else(PoisonError::into_inner)
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
