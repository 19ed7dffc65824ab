//! What happens around one pass of one daemon: latency, faults, people who go on working, and a crash.
//!
//! Every call of a port takes a turn. A script, made beforehand, says what happens at which.

use crate::cells::{Cell, Trouble};
use crate::dice::mix;
use crate::edit::Edit;
use crate::meddle::{Meddling, Subject, meddle};
use crate::run::Trace;
use crate::stage::Stage;
use damsync_model::content::Content;
use damsync_model::id::{AssetId, RemoteId};
use damsync_model::path::MirrorPath;
use damsync_model::plan::Rule;
use damsync_ports::Placement;
use damsync_reconciler::crash::CrashPoint;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// No answer, no effect.
    LostBefore,
    /// The effect, no answer.
    LostAfter,
    /// The effect twice, and an answer: where the client may repeat by itself.
    Twice,
    /// 503 without an effect.
    Busy,
    /// 403 without an effect.
    Forbids,
    /// A body that breaks off, or arrives damaged: of a hundred parts, after so many.
    Body(u8),
    /// No space left.
    DiskFull,
    /// An input/output error.
    DiskFails,
    /// The file system does not let us.
    DiskDenies,
}

impl Fault {
    /// Stands for a body that breaks off anywhere.
    pub const ANY_BODY: Self = Self::Body(50);

    /// The same for all bodies.
    const fn kind(self) -> Self {
        match self {
            Self::Body(_) => Self::ANY_BODY,
            other => other,
        }
    }
}

/// Where a pass is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutOff {
    /// At the n-th crash point that is reached.
    Point(u32),
    /// Before the n-th call has its effect.
    Before(u32),
    /// In the middle of the n-th call, where it has one.
    Inside(u32),
    /// After its effect, before its answer.
    After(u32),
}

/// What happens around one pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Decides the latencies.
    pub seed: u64,
    /// At which call what goes wrong.
    pub faults: Vec<(u32, Fault)>,
    /// At which call who does what.
    pub meanwhile: Vec<(u32, Edit)>,
    /// Where it is cut off.
    pub cut: Option<CutOff>,
    /// What befalls the first action of that kind that works alone.
    pub aim: Option<Cell>,
    /// If that ends the daemon: what somebody does right then.
    pub then: Option<Meddling>,
}

/// One call's share of the script.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turn {
    /// What goes wrong.
    pub fault: Option<Fault>,
    inside: bool,
    after: bool,
    /// How long the answer takes.
    back_ms: u64,
}

impl Turn {
    /// Nothing happens in it.
    pub const fn is_quiet(&self) -> bool {
        self.fault.is_none() && !self.inside && !self.after
    }
}

#[derive(Debug, Default)]
struct Inner {
    script: Script,
    began: i64,
    calls: u32,
    points: u32,
    /// The actions that are under way.
    doing: Vec<(Rule, &'static str, Subject)>,
    /// What was worked on when the daemon ended, and what somebody does about it then.
    aftermath: Option<(Subject, Meddling)>,
    /// What befell single ones of them.
    befell: Vec<Cell>,
    trace: Option<Vec<String>>,
}

impl Inner {
    /// The action that is under way, if there is just one.
    fn alone(&self) -> Option<(Rule, &'static str)> {
        match self.doing.as_slice() {
            [(rule, action, _)] => Some((*rule, action)),
            _ => None,
        }
    }

    fn note(&mut self, trouble: Trouble) {
        if let Some((rule, action)) = self.alone() {
            self.befell.push(Cell { rule, action, trouble });
        }
    }

    /// Whether this is what the script aims at; it is done once.
    fn hits(&mut self, trouble: Trouble) -> bool {
        let alone = self.alone();
        let hit = self.script.aim.take_if(|aim| alone == Some((aim.rule, aim.action)) && aim.trouble == trouble);
        if hit.is_some()
            && matches!(trouble, Trouble::Crash(_) | Trouble::CrashInCall)
            && let Some((_, _, subject)) = self.doing.first()
        {
            self.aftermath = self.script.then.take().map(|then| (subject.clone(), then));
        }
        hit.is_some()
    }

    fn say(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }
}

/// The weather of one daemon.
#[derive(Clone, Debug)]
pub struct Weather {
    daemon: usize,
    stage: Arc<Stage>,
    inner: Arc<Mutex<Inner>>,
    struck: Arc<Notify>,
}

impl Weather {
    /// Fair weather.
    pub fn new(daemon: usize, stage: Arc<Stage>, trace: Trace) -> Self {
        let inner = Inner { trace: (trace == Trace::Kept).then(Vec::new), ..Inner::default() };
        Self { daemon, stage, inner: Arc::new(Mutex::new(inner)), struck: Arc::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose weather it is.
    pub fn daemon(&self) -> usize {
        self.daemon
    }

    /// The script of the next pass.
    pub fn begin(&self, script: Script) {
        let mut inner = self.inner();
        inner.script = script;
        inner.began = self.stage.time.ms();
        (inner.calls, inner.points) = (0, 0);
        inner.doing.clear();
        inner.aftermath = None;
    }

    /// An action is begun.
    pub fn begun(&self, rule: Rule, action: &'static str, path: String, asset: Option<AssetId>) {
        let asset = asset.and_then(|asset| match asset.0 {
            RemoteId::Number(number) => Some(number),
            RemoteId::Text(_) => None,
        });
        self.inner().doing.push((rule, action, Subject { disk: self.daemon, path, asset }));
    }

    /// An action has ended.
    pub fn over(&self, rule: Rule, action: &'static str) {
        let mut inner = self.inner();
        if let Some(at) = inner.doing.iter().position(|one| (one.0, one.1) == (rule, action)) {
            inner.doing.swap_remove(at);
        }
    }

    /// The daemon has ended: somebody may do something about what it worked on.
    pub fn meddle_after(&self) {
        let Some((subject, meddling)) = self.inner().aftermath.take() else { return };
        let seed = self.inner().script.seed;
        let told = meddle(&self.stage, &subject, meddling, mix(seed));
        self.inner().say(|| format!("   after that {}", told.unwrap_or_default()));
    }

    /// What befell actions since the last question.
    pub fn take_befell(&self) -> Vec<Cell> {
        std::mem::take(&mut self.inner().befell)
    }

    /// The calls since the last question, for people who look for a mistake.
    pub fn take_trace(&self) -> Vec<String> {
        self.inner().trace.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Comes back when the daemon has crashed in a call.
    pub async fn struck(&self) {
        self.struck.notified().await;
    }

    /// A call begins, in which these faults would show.
    pub async fn turn(&self, what: &str, can: &[Fault]) -> Turn {
        let (call, latency, back_ms, edits, cut, fault) = {
            let mut inner = self.inner();
            inner.calls += 1;
            let call = inner.calls;
            let script = &inner.script;
            let chance = mix(script.seed ^ u64::from(call));
            let (latency, back_ms) = (chance % 7, (chance >> 32) % 3);
            let edits: Vec<Edit> =
                script.meanwhile.iter().filter(|(at, _)| *at == call).map(|(_, edit)| edit.clone()).collect();
            let fault = script.faults.iter().find(|(at, _)| *at == call).map(|(_, fault)| *fault);
            let fault = fault.filter(|fault| can.contains(&fault.kind()));
            // Not always the first call that fits.
            let aimed = chance.is_multiple_of(2);
            let fault = fault.or_else(|| can.iter().copied().find(|fault| aimed && inner.hits(Trouble::Fault(*fault))));
            if let Some(fault) = fault {
                inner.note(Trouble::Fault(fault.kind()));
            }
            let cut = if aimed && inner.hits(Trouble::CrashInCall) {
                Some([CutOff::Before(call), CutOff::Inside(call), CutOff::After(call)][(chance >> 8) as usize % 3])
            } else {
                inner.script.cut
            };
            let fault_word = || fault.map_or(String::new(), |fault| format!("{fault:?}"));
            inner.say(|| format!("d{} #{call} {what} {}", self.daemon, fault_word()));
            (call, latency, back_ms, edits, cut, fault)
        };
        self.stage.time.pass(latency).await;
        self.stage.grow(self.daemon);
        for edit in edits {
            let told = self.stage.act(&edit);
            self.inner().say(|| format!("   meanwhile {told}"));
        }
        self.let_meddle(call);
        if cut == Some(CutOff::Before(call)) {
            self.strike().await;
        }
        Turn { fault, inside: cut == Some(CutOff::Inside(call)), after: cut == Some(CutOff::After(call)), back_ms }
    }

    /// If somebody is to meddle with what is being worked on, this may be the moment.
    fn let_meddle(&self, call: u32) {
        let (meddling, subject, chance) = {
            let mut inner = self.inner();
            let chance = mix(inner.script.seed ^ u64::from(call)) >> 16;
            let Some(Cell { trouble: Trouble::Meddling(meddling), .. }) = inner.script.aim else { return };
            if !chance.is_multiple_of(3) || !inner.hits(Trouble::Meddling(meddling)) {
                return;
            }
            inner.note(Trouble::Meddling(meddling));
            let Some((_, _, subject)) = inner.doing.first().cloned() else { return };
            (meddling, subject, chance)
        };
        let told = meddle(&self.stage, &subject, meddling, chance);
        self.inner().say(|| format!("   meddling {}", told.unwrap_or_default()));
    }

    /// A moment within a call.
    pub async fn perhaps_inside(&self, turn: &Turn) {
        if turn.inside {
            self.strike().await;
        }
    }

    /// A call ends: its effect is there before its answer.
    pub async fn end(&self, turn: Turn) {
        self.stage.time.pass(turn.back_ms).await;
        if turn.after {
            self.strike().await;
        }
    }

    /// The daemon is no more: whoever waits for this waits for ever.
    async fn strike(&self) {
        self.inner().note(Trouble::CrashInCall);
        self.inner().say(|| format!("d{} struck", self.daemon));
        self.struck.notify_one();
        std::future::pending().await
    }

    /// Whether the script ends the pass at this crash point.
    pub fn cuts_point(&self, point: CrashPoint) -> bool {
        let mut inner = self.inner();
        inner.points += 1;
        let cuts = inner.script.cut == Some(CutOff::Point(inner.points)) || inner.hits(Trouble::Crash(point));
        if cuts {
            inner.note(Trouble::Crash(point));
        }
        cuts
    }

    /// The daemon changes the users' files.
    pub fn changes_disk(&self, what: &str) {
        self.stage.changes_disk(self.daemon, what);
    }

    /// The daemon deletes what is gone on the other side.
    pub fn follows_deletion(&self, what: &str) {
        self.stage.follows_deletion(self.daemon, what);
    }

    /// The path of an action of that kind that is under way.
    pub fn path_of(&self, action: &str, asset: Option<i64>) -> Option<String> {
        let inner = self.inner();
        let is_it = |one: &&(Rule, &'static str, Subject)| one.1 == action && (asset.is_none() || one.2.asset == asset);
        inner.doing.iter().find(is_it).map(|(_, _, subject)| subject.path.clone())
    }

    /// An asset's bytes stand under their name, where `before` stood.
    pub fn placed_here(&self, placement: &Placement, before: Option<Content>, content: Option<Content>) {
        if let Some(before) = before {
            self.stage.ledger().replace(self.daemon, placement.target.as_str(), before.sha256);
        }
        let (RemoteId::Number(asset), Some(content)) = (&placement.partial.asset.0, content) else { return };
        let newest = self.stage.server.head_of(*asset);
        if !self.stage.ledger().goes_forward(self.daemon, *asset, content.sha256, newest) {
            let what =
                format!("evidence: d{} puts bytes of asset {asset} here that are older than what it had", self.daemon);
            self.stage.ledger().violated(what);
        }
    }

    /// A file was moved as its asset was.
    pub fn moved_here(&self, from: &MirrorPath, to: &MirrorPath) {
        self.stage.ledger().move_path(self.daemon, from.as_str(), to.as_str());
    }

    /// A file went to the local trash because of a deletion there.
    pub fn trashed_here(&self, path: &MirrorPath, content: Content) {
        let (stage, daemon, content) = (&self.stage, self.daemon, content.sha256);
        let began = self.inner().began;
        let deleted = stage.ledger().was_deleted(content);
        if !deleted
            && !crate::people::is_out_of_sight(stage, content, began)
            && !crate::people::is_silently_rolled_away(stage, daemon, content)
            && !crate::people::is_mistaken_for_trashed(stage, daemon, content, began)
        {
            let what = format!("evidence: d{} put {path} into the local trash, and nobody deleted it", self.daemon);
            self.stage.ledger().violated(what);
        }
    }
}
