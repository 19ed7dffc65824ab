//! A daemon: an engine on one disk with its own store, which may be cut off and started again.

use crate::coverage::Coverage;
use crate::dice::{Dice, mix};
use crate::disk::{Crash, MemoryDisk, Tree};
use crate::plan::{Mode, PassStep, Setting};
use crate::remote::WorldRemote;
use crate::run::Trace;
use crate::stage::Stage;
use crate::weather::Weather;
use damsync_model::content::Sha256;
use damsync_model::id::{AssetId, FolderId, StorageFolderId};
use damsync_model::path::MirrorPath;
use damsync_model::time::UnixMs;
use damsync_ports::LocalSide as _;
use damsync_reconciler::report::Report;
use damsync_reconciler::{
    Ask, Chance, Deletions, Engine, Execution, FolderChoice, Hooks, Keeper, Known, Look, LookAt, MirrorSpec, PassError,
    Permission, Reach, Request, Step, Stop,
};
use damsync_sandbox::world::user::UserId;
use damsync_store::{Event, FolderRow, Presence, Store, StoreError};
use futures_util::FutureExt;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The mirror's name in every store.
const MIRROR: &str = "m";

/// The mirrored storage folder's name.
pub const FOLDER: &str = "Studio";

/// How a pass ended.
#[derive(Debug)]
pub enum Ended {
    /// By itself, with its report, well or not.
    Itself(Box<Report>, Result<(), PassError>),
    /// It was cut off.
    Crashed,
}

/// What both sides last agreed on about an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Where its file stands.
    pub path: String,
    /// What it holds.
    pub content: Sha256,
    /// Its name there.
    pub filename: String,
    /// Its folder there.
    pub storage_folder: Option<StorageFolderId>,
}

/// One daemon.
pub struct Daemon {
    index: usize,
    stage: Arc<Stage>,
    weather: Weather,
    keeper: Keeper,
    engine: Engine<MemoryDisk, WorldRemote>,
    /// Whose token it was set up with.
    owner: UserId,
    /// Whose token it has now.
    user: UserId,
    setting: Setting,
    seed: u64,
    starts: u64,
    is_fresh: bool,
    coverage: Arc<Mutex<Coverage>>,
}

impl Daemon {
    /// Starts one with an empty store.
    ///
    /// # Errors
    /// What the store says.
    pub fn new(
        index: usize,
        stage: &Arc<Stage>,
        user: UserId,
        setting: &Setting,
        seed: u64,
        trace: Trace,
        coverage: &Arc<Mutex<Coverage>>,
    ) -> Result<Self, StoreError> {
        let weather = Weather::new(index, Arc::clone(stage), trace);
        let keeper = empty_store()?;
        let engine = engine(index, stage, &weather, &keeper, user, setting, mix(seed), coverage);
        Ok(Self {
            index,
            stage: Arc::clone(stage),
            weather,
            keeper,
            engine,
            owner: user,
            user,
            setting: setting.clone(),
            seed,
            starts: 1,
            is_fresh: true,
            coverage: Arc::clone(coverage),
        })
    }

    fn request(&self, mode: Mode, permission: Permission) -> Request {
        let (look, ask) = match mode {
            Mode::Whole => (Look::Everywhere, Ask::Whole),
            Mode::Full => (Look::Everywhere, Ask::Full),
            Mode::Poll => (self.seen(), Ask::Poll),
            Mode::Watched => (self.seen(), Ask::Nothing),
            Mode::Blind => (Look::Nowhere, Ask::Poll),
        };
        // A daemon that was just started looks everywhere first.
        let look = if self.is_fresh { Look::Everywhere } else { look };
        Request { look, ask, deletions: Deletions::Now, permission, execution: Execution::Real }
    }

    /// What a watcher saw since it was last asked.
    fn seen(&self) -> Look {
        let mut state = self.stage.disk(self.index);
        let places: Vec<LookAt> = std::mem::take(&mut state.touched)
            .into_iter()
            .filter(|dir| !dir.starts_with(".damsync"))
            .filter_map(|dir| Some(LookAt { path: MirrorPath::parse(&dir)?, reach: Reach::Itself }))
            .collect();
        if places.is_empty() { Look::Nowhere } else { Look::At(places) }
    }

    /// Runs one pass as the step says.
    pub async fn pass(&mut self, step: &PassStep, permission: Permission) -> Ended {
        self.weather.begin(step.script.clone());
        let request = self.request(step.mode, permission);
        let ended = tokio::select! {
            biased;
            (report, result) = Box::pin(self.engine.pass(request)) => match result {
                Err(PassError::Crashed(point)) => {
                    *self.coverage().crashes.entry(point).or_default() += 1;
                    Ended::Crashed
                }
                result => Ended::Itself(Box::new(report), result),
            },
            () = self.weather.struck() => {
                self.coverage().crashes_in_calls += 1;
                Ended::Crashed
            }
        };
        self.is_fresh &= !matches!(ended, Ended::Itself(_, Ok(())));
        self.note(&ended);
        if matches!(ended, Ended::Crashed) {
            self.crash(step.crash, step.script.seed);
            self.weather.meddle_after();
        }
        self.stage.disk(self.index).write_back();
        ended
    }

    fn coverage(&self) -> std::sync::MutexGuard<'_, Coverage> {
        self.coverage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, ended: &Ended) {
        let mut coverage = self.coverage();
        for cell in self.weather.take_befell() {
            *coverage.cells.entry(cell).or_default() += 1;
        }
        let word = match ended {
            Ended::Crashed => "crashed".to_owned(),
            Ended::Itself(report, Ok(())) => format!("{:?}", report.outcome),
            Ended::Itself(_, Err(PassError::Remote(_))) => "error of the server".to_owned(),
            Ended::Itself(_, Err(PassError::Local(_))) => "error of the disk".to_owned(),
            Ended::Itself(_, Err(_)) => "other error".to_owned(),
        };
        *coverage.passes.entry(word).or_default() += 1;
        if let Ended::Itself(report, _) = ended {
            for held in &report.held {
                *coverage.held.entry(held.reason.word().to_owned()).or_default() += 1;
            }
        }
    }

    /// Power fails: what is not durable may be gone.
    pub fn lose_power(&mut self, seed: u64) {
        self.crash(Crash::PowerCut, seed);
    }

    fn crash(&mut self, crash: Crash, seed: u64) {
        self.stage.disk(self.index).crash(crash, &mut Dice::new(seed));
        self.start();
    }

    /// It is started anew with this user's token, or with its own.
    pub fn start_as(&mut self, user: Option<UserId>) {
        let user = user.unwrap_or(self.owner);
        if user != self.user {
            self.user = user;
            self.start();
        }
    }

    /// A person lets it join both sides anew: see `damsync reattach`.
    ///
    /// # Errors
    /// What the store says.
    pub async fn reattach(&mut self) -> Result<(), StoreError> {
        let detached = self.keeper.write(|tx| match tx.known_mirror(MIRROR)? {
            Some(row) => tx.detach_mirror(row.id),
            None => Ok(()),
        });
        detached.await?;
        self.stage.disk(self.index).remove_mark();
        self.start();
        Ok(())
    }

    fn start(&mut self) {
        self.starts += 1;
        self.is_fresh = true;
        let seed = mix(self.seed ^ self.starts);
        let Self { index, stage, weather, keeper, user, setting, coverage, .. } = self;
        self.engine = engine(*index, stage, weather, keeper, *user, setting, seed, coverage);
    }

    /// The calls since the last question.
    pub fn take_trace(&self) -> Vec<String> {
        self.weather.take_trace()
    }

    /// Whether the ignore rules leave a path out.
    pub fn ignores(&self, path: &str) -> bool {
        MirrorPath::parse(path).is_none_or(|path| self.engine.disk.is_ignored(&path, false))
    }

    /// Where an asset's file stands by agreement.
    pub fn file_of(&self, asset: &AssetId) -> Option<String> {
        self.agreement(asset).map(|agreement| agreement.path)
    }

    /// What was agreed on about an asset.
    pub fn agreement(&self, asset: &AssetId) -> Option<Agreement> {
        let asset = asset.clone();
        let answer = self.keeper.read(move |tx| {
            let Some(mirror) = tx.known_mirror(MIRROR)? else { return Ok(None) };
            let Some(base) = tx.base(mirror.id, &asset)? else { return Ok(None) };
            let rows = tx.folders(mirror.id)?;
            let of_base = rows.iter().find(|row| row.id == base.base.remote_folder);
            let storage_folder = of_base.and_then(|row| row.remote.as_ref()?.id.clone());
            // A directory that is gone here has the place that its storage folder would be given.
            let place = |row: &FolderRow| match (&row.local, &row.remote) {
                (Some(local), _) => Some((local.parent?, local.name.clone())),
                (None, Some(remote)) => Some((remote.parent?, remote.given_name.clone())),
                (None, None) => None,
            };
            let dirs: BTreeMap<FolderId, (FolderId, String)> =
                rows.iter().filter_map(|row| Some((row.id, place(row)?))).collect();
            let mut path = base.base.place.name.as_str().to_owned();
            let mut at = base.base.place.folder;
            while let Some((parent, name)) = dirs.get(&at) {
                path = format!("{name}/{path}");
                at = *parent;
            }
            let is_nowhere = |row: &FolderRow| row.id == at && row.local.is_none() && row.remote.is_none();
            if rows.iter().any(is_nowhere) {
                // As reports say it of a directory that is gone on both sides.
                path = "?".to_owned();
            }
            let (content, filename) = (base.base.content.sha256, base.base.remote_filename);
            Ok(Some(Agreement { path, content, filename, storage_folder }))
        });
        answer.now_or_never()?.ok()?
    }

    /// The disk's tree.
    pub fn tree(&self) -> Tree {
        self.stage.disk(self.index).tree.clone()
    }

    /// Rows written by the store so far.
    pub async fn rows_written(&self) -> u64 {
        self.keeper.read(|tx| Ok(tx.rows_written())).await.unwrap_or(u64::MAX)
    }

    /// When each asset that waits for the server is looked at next.
    pub async fn next_looks(&self) -> BTreeMap<AssetId, UnixMs> {
        let rows = self.keeper.read(|tx| match tx.known_mirror(MIRROR)? {
            Some(row) => tx.assets_waiting(row.id),
            None => Ok(Vec::new()),
        });
        let rows = rows.await.unwrap_or_default();
        rows.into_iter().filter_map(|row| Some((row.asset.id, row.next_look?))).collect()
    }

    /// The whole history.
    ///
    /// # Errors
    /// What the store says.
    pub async fn history(&self) -> Result<Vec<Event>, StoreError> {
        self.keeper
            .read(|tx| match tx.known_mirror(MIRROR)? {
                Some(row) => Ok(tx.history(row.id)?.into_iter().map(|row| row.event).collect()),
                None => Ok(Vec::new()),
            })
            .await
    }
}

thread_local! {
    /// Stores of daemons that are no more.
    static USED: RefCell<Vec<Keeper>> = const { RefCell::new(Vec::new()) };
}

/// A store that knows nothing: one that was used before, where there is one, as preparing its statements takes long.
fn empty_store() -> Result<Keeper, StoreError> {
    match USED.with_borrow_mut(Vec::pop) {
        Some(keeper) => {
            let emptied = keeper.write(|tx| tx.forget_everything()).now_or_never();
            emptied.unwrap_or(Err(StoreError::Nonsense("a store of its own thread")))?;
            Ok(keeper)
        }
        None => Ok(Keeper::inline(Store::temporary()?)),
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        USED.with_borrow_mut(|used| used.push(self.keeper.clone()));
    }
}

#[expect(clippy::too_many_arguments, reason = "everything that a daemon is started with")]
fn engine(
    index: usize,
    stage: &Arc<Stage>,
    weather: &Weather,
    keeper: &Keeper,
    user: UserId,
    setting: &Setting,
    seed: u64,
    coverage: &Arc<Mutex<Coverage>>,
) -> Engine<MemoryDisk, WorldRemote> {
    let counted = Arc::clone(coverage);
    let (acting, points) = (weather.clone(), weather.clone());
    let hooks = Hooks {
        step: Arc::new(move |step| match step {
            Step::Done { rule, action, .. } => {
                let mut coverage = counted.lock().unwrap_or_else(PoisonError::into_inner);
                *coverage.rules.entry((rule, action.to_owned())).or_default() += 1;
            }
            Step::Begun { rule, action, path, asset } => acting.begun(rule, action, path, asset),
            Step::Over { rule, action } => acting.over(rule, action),
            _ => {}
        }),
        crash: Arc::new(move |point| points.cuts_point(point)),
    };
    let (asked, watched) = (keeper.clone(), Arc::clone(stage));
    let witness = Arc::new(move |ids: &[AssetId]| {
        for id in ids {
            if let Some(wrong) = acknowledged_too_early(index, &watched, &asked, id) {
                watched.ledger().violated(wrong);
            }
        }
    });
    Engine {
        spec: MirrorSpec {
            name: MIRROR.to_owned(),
            storage_folder: FolderChoice::Path(vec![FOLDER.to_owned()]),
            beside: Vec::new(),
            policy: stage.policy.clone(),
            settle: Duration::from_millis(500),
            min_free_bytes: 0,
            concurrency: setting.concurrency,
            host: format!("host-{index}"),
        },
        keeper: keeper.clone(),
        disk: MemoryDisk::new(Arc::clone(&stage.disks[index]), weather.clone()),
        remote: Arc::new(WorldRemote::new(Arc::clone(stage), user, weather.clone(), witness)),
        known: Mutex::new(Known::default()),
        clock: stage.time.clock(),
        chance: Chance::from_seed(seed),
        hooks,
        stop: Stop::default(),
    }
}

/// Whether the server is told of something that is not durable here; says what.
fn acknowledged_too_early(index: usize, stage: &Stage, keeper: &Keeper, id: &AssetId) -> Option<String> {
    let asked = id.clone();
    let answer = keeper
        .read(move |tx| {
            let Some(row) = tx.known_mirror(MIRROR)? else { return Ok((None, None)) };
            Ok((tx.base(row.id, &asked)?, tx.asset(row.id, &asked)?))
        })
        .now_or_never();
    let Some(Ok((base, asset))) = answer else { return Some("the store could not be asked".to_owned()) };
    let Some(base) = base else {
        let live = asset.is_some_and(|row| row.presence == Presence::Live);
        return live.then(|| format!("acknowledge last: d{index} acknowledges {id} without a base"));
    };
    let content = base.base.content.sha256;
    let here = holds(stage.disk(index).durable(), content);
    let excused = stage.ledger().was_taken(index, content);
    (!here && !excused)
        .then(|| format!("acknowledge last: d{index} acknowledges {id}, whose bytes are not durable on its disk"))
}

fn holds(tree: &Tree, content: Sha256) -> bool {
    tree.0
        .keys()
        .filter_map(|path| tree.file(path))
        .any(|file| file.synced && crate::content::content_of(&file.data).sha256 == content)
}
