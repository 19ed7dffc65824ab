//! One run: the beginning, the steps, then peace, then the check of the promises.

use crate::bring::bring;
use crate::checks;
use crate::content::forget_contents;
use crate::coverage::Coverage;
use crate::daemon::{Daemon, Ended, FOLDER};
use crate::disk::{Crash, State};
use crate::edit::{Edit, Local, Remote};
use crate::plan::{Mode, PassStep, Plan, Step, Whose};
use crate::remote::Server;
use crate::stage::Stage;
use crate::time::Time;
use crate::weather::Script;
use damsync_model::id::AssetId;
use damsync_model::plan::HoldReason;
use damsync_model::time::UnixMs;
use damsync_reconciler::Permission;
use damsync_reconciler::report::{HeldItem, Outcome, Report};
use damsync_sandbox::world::World;
use damsync_sandbox::world::user::UserId;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// Rounds of passes until everything must have come to rest.
const MOST_ROUNDS: u32 = 16;

/// The requests that a pass over an unchanged world may send.
const MOST_REQUESTS: u64 = 9;

/// What became of a run.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The broken promise, if one was.
    pub broken: Option<String>,
    /// Every daemon's history as text.
    pub histories: Vec<String>,
    /// What it went through.
    pub coverage: Coverage,
    /// Everything that happened, line by line, where it was kept.
    pub trace: Vec<String>,
}

/// Whether what happens is written down line by line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// It is.
    Kept,
    /// It is not: that is faster.
    None,
}

/// Runs a plan from its beginning to its end, on this thread.
pub fn run(plan: &Plan) -> Ran {
    run_keeping(plan, Trace::None)
}

/// The same, for people who look for a mistake: slower, and with the trace.
pub fn run_with_trace(plan: &Plan) -> Ran {
    run_keeping(plan, Trace::Kept)
}

fn run_keeping(plan: &Plan, keep: Trace) -> Ran {
    forget_contents();
    let trace = Mutex::default();
    let coverage = Arc::default();
    let mut histories = Vec::new();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(Box::pin(async {
            let mut run = Run::new(plan, &coverage, (keep == Trace::Kept).then_some(&trace))?;
            let result = Box::pin(run.run_out(plan)).await;
            run.collect_traces();
            for daemon in &run.daemons {
                let events = daemon.history().await.map_err(|error| error.to_string())?;
                histories.push(events.iter().map(|event| format!("{event:?}\n")).collect());
            }
            result
        }))
    }));
    let broken = match result {
        Ok(result) => result.err(),
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Some(format!("panic: {}", words.unwrap_or_default()))
        }
    };
    let coverage = coverage.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ran { broken, histories, coverage, trace: trace.into_inner().unwrap_or_else(PoisonError::into_inner) }
}

struct Run<'t> {
    stage: Arc<Stage>,
    daemons: Vec<Daemon>,
    stranger: UserId,
    /// Whether full passes are among those that bring everything to rest.
    asks_for_all: bool,
    trace: Option<&'t Mutex<Vec<String>>>,
}

impl<'t> Run<'t> {
    fn new(
        plan: &Plan,
        coverage: &Arc<Mutex<Coverage>>,
        trace: Option<&'t Mutex<Vec<String>>>,
    ) -> Result<Self, String> {
        let time = Time::begin();
        let kept = if trace.is_some() { Trace::Kept } else { Trace::None };
        let setting = &plan.setting;
        let now = time.ms();
        let mut world = World::new(plan.seed, now);
        let refused = |refusal: damsync_sandbox::world::Refusal| refusal.to_string();
        let mirrored = world.admin_folder(FOLDER, now).map_err(refused)?.id;
        let elsewhere = world.admin_folder("Elsewhere", now).map_err(refused)?.id;
        let first = world.add_user("Client", "1", now);
        let users: Vec<_> = (0..setting.daemons)
            .map(|index| if index == 0 || setting.one_user { first } else { world.add_user("Client", "2", now) })
            .collect();
        let stranger = world.add_user("Client", "3", now);
        for user in users.iter().chain([&stranger]) {
            world.edit_user(*user, |user| user.any_user = setting.any_user).map_err(refused)?;
        }
        world.set_habits(setting.habits.clone(), now);
        let disks = (0..setting.daemons).map(|_| Arc::new(Mutex::new(State::new(setting.nature, time)))).collect();
        let clients = users.iter().copied().chain([stranger]).collect();
        let server = Arc::new(Server::new(world, mirrored, elsewhere, clients));
        let stage = Arc::new(Stage::new(disks, server, time, setting.policy()));
        let daemons = users
            .iter()
            .enumerate()
            .map(|(index, user)| {
                Daemon::new(index, &stage, *user, setting, plan.seed.wrapping_add(index as u64), kept, coverage)
                    .map_err(|error| error.to_string())
            })
            .collect::<Result<_, _>>()?;
        // A move that leaves no trace in time is found by them alone, and so is a roll-back that only lowers versions.
        let goes_back = plan
            .steps
            .iter()
            .any(|step| matches!(step, Step::Edit(Edit::There(Remote::RollBack | Remote::RollBackOpenly))));
        let asks_for_all = plan.seed.is_multiple_of(2) || !setting.habits.move_bumps || goes_back;
        Ok(Self { stage, daemons, stranger, asks_for_all, trace })
    }

    fn say(&self, line: impl FnOnce() -> String) {
        if let Some(trace) = self.trace {
            trace.lock().unwrap_or_else(PoisonError::into_inner).push(line());
        }
    }

    fn collect_traces(&self) {
        for daemon in &self.daemons {
            for line in daemon.take_trace() {
                self.say(|| format!("      {line}"));
            }
        }
    }

    async fn run_out(&mut self, plan: &Plan) -> Result<(), String> {
        for edit in &plan.beginning {
            let told = self.stage.act(edit);
            self.say(|| format!("begin {told}"));
        }
        self.stage.time.pass(3_000).await;
        for (number, step) in plan.steps.iter().enumerate() {
            self.step(number, step).await;
            self.collect_traces();
            checks::at_any_moment(&self.stage).map_err(|why| format!("after step {number}: {why}"))?;
        }
        self.make_peace();
        let mut reports = Err(String::new());
        // A pass that was calm may have read what only the next one has an answer to.
        for _ in 0..2 {
            reports = match self.come_to_rest().await? {
                Rest::AccessLost => return Ok(()),
                Rest::Calm => self.stay_at_rest().await,
                Rest::Quiet(reports) => Ok(reports),
            };
            if reports.is_ok() {
                break;
            }
        }
        let reports = reports?;
        checks::one_for_one(&self.stage)?;
        for (index, (daemon, report)) in self.daemons.iter().zip(&reports).enumerate() {
            checks::converged(&self.stage, daemon, report).map_err(|why| format!("d{index}: {why}"))?;
        }
        Ok(())
    }

    async fn step(&mut self, number: usize, step: &Step) {
        match step {
            Step::Wait(ms) => {
                self.say(|| format!("{number} wait {ms} ms"));
                self.stage.time.pass(*ms).await;
            }
            Step::Edit(edit) => {
                let told = self.stage.act(edit);
                self.say(|| format!("{number} {told}"));
            }
            Step::Pass(pass) => {
                let Some(daemon) = self.daemons.get_mut(pass.daemon) else { return };
                let ended = daemon.pass(pass, Permission::Guarded).await;
                self.collect_traces();
                self.say(|| format!("{number} d{} {:?}: {}", pass.daemon, pass.mode, in_words(&ended)));
            }
            Step::Both(first, second) => {
                let Ok([one, two]) = self.daemons.get_disjoint_mut([first.daemon, second.daemon]) else { return };
                let (one, two) = tokio::join!(
                    Box::pin(one.pass(first, Permission::Guarded)),
                    Box::pin(two.pass(second, Permission::Guarded))
                );
                self.collect_traces();
                self.say(|| format!("{number} d{} {:?}: {}", first.daemon, first.mode, in_words(&one)));
                self.say(|| format!("{number} d{} {:?}: {}", second.daemon, second.mode, in_words(&two)));
            }
            Step::Token(daemon, whose) => {
                self.say(|| format!("{number} d{daemon} gets a token: {whose:?}"));
                let user = (*whose == Whose::Strangers).then_some(self.stranger);
                if let Some(daemon) = self.daemons.get_mut(*daemon) {
                    daemon.start_as(user);
                }
            }
            Step::Bring(disk, rule, action, chance) => {
                let Some(daemon) = self.daemons.get(*disk) else { return };
                let told = bring(&self.stage, daemon, *disk, *rule, action, *chance);
                self.say(|| format!("{number} for {rule} {action}: {told}"));
            }
            Step::PowerCut(daemon, seed) => {
                self.say(|| format!("{number} d{daemon} loses power"));
                if let Some(daemon) = self.daemons.get_mut(*daemon) {
                    daemon.lose_power(*seed);
                }
            }
            Step::Mount(disk, mounted) => {
                self.say(|| format!("{number} d{disk} mounted: {mounted}"));
                if let Some(disk) = self.stage.disks.get(*disk) {
                    disk.lock().unwrap_or_else(PoisonError::into_inner).unmounted = !mounted;
                }
            }
        }
    }

    /// Nothing goes wrong any more and nobody edits.
    fn make_peace(&mut self) {
        self.say(|| "peace".to_owned());
        for disk in 0..self.daemons.len() {
            self.stage.disk(disk).unmounted = false;
            for local in [Local::Allow, Local::Unlink] {
                self.stage.act(&Edit::Here(disk, local));
            }
        }
        for remote in [Remote::Unhide, Remote::Permit, Remote::Reindex(false)] {
            self.stage.act(&Edit::There(remote));
        }
        for daemon in &mut self.daemons {
            daemon.start_as(None);
        }
    }

    async fn quiet_pass(&mut self, index: usize, mode: Mode) -> Result<Report, String> {
        let step = PassStep { daemon: index, mode, script: Script::default(), crash: Crash::Kill };
        let ended = self.daemons[index].pass(&step, Permission::AllowDeletes).await;
        self.collect_traces();
        self.say(|| format!("peace d{index} {mode:?}: {}", in_words(&ended)));
        match ended {
            Ended::Itself(report, Ok(())) => Ok(*report),
            Ended::Itself(_, Err(error)) => Err(format!("convergence: d{index}'s pass ends with: {error}")),
            Ended::Crashed => Err("a crash in peace".to_owned()),
        }
    }

    /// Whether a person must say, and has reason to, that this server and this user are those that are meant.
    fn wants_reattaching(&self, held: &HeldItem) -> bool {
        match held.reason {
            HoldReason::IdentityChanged => true,
            // What the backup does not have looks as if it were hidden.
            HoldReason::RemoteRolledBack | HoldReason::RemoteReplaced | HoldReason::AccessLost => {
                self.stage.ledger().ever_rolled_back()
            }
            _ => false,
        }
    }

    async fn come_to_rest(&mut self) -> Result<Rest, String> {
        let mut last = String::new();
        for round in 0..MOST_ROUNDS {
            // The index may be late by minutes, a revert right after a push is believed a quarter of an hour later, a refusal
            // is tried again after a day.
            self.stage.time.pass(if round == 7 { 90_000_000 } else { 1_000_000 }).await;
            let mut moved = false;
            let mut lost = false;
            let mut quiet = Vec::with_capacity(self.daemons.len());
            let is_agreed = |asset| self.daemons.iter().any(|daemon| daemon.agreement(&AssetId::from(asset)).is_some());
            self.stage.server.take_back_unsent(&mut self.stage.ledger(), self.stage.time.ms(), is_agreed);
            for index in 0..self.daemons.len() {
                // One-shot passes must do, also where nobody ever asks for everything.
                let mode = if round % 2 == 0 && self.asks_for_all { Mode::Full } else { Mode::Whole };
                let (report, why) = self.measured_pass(index, mode).await?;
                checks::at_any_moment(&self.stage).map_err(|why| format!("in peace: {why}"))?;
                if report.held.iter().any(|held| self.wants_reattaching(held)) {
                    self.say(|| format!("peace d{index} is attached anew"));
                    self.daemons[index].reattach().await.map_err(|error| error.to_string())?;
                    self.stage.ledger().forget_times(index);
                    moved = true;
                    continue;
                }
                // A folder that went with all that was in it, unseen, looks like one that is hidden: that is for people.
                let is_wanted = |held: &&HeldItem| !matches!(held.reason, HoldReason::Direction | HoldReason::Kept);
                let held = report
                    .held
                    .iter()
                    .filter(is_wanted)
                    .all(|held| matches!(held.reason, HoldReason::AccessLost | HoldReason::MassChange));
                let failed = report
                    .failed
                    .iter()
                    .all(|failed| ["404", "422", "(0)"].iter().any(|code| failed.error.contains(code)));
                // So are many files that are no longer what they were.
                let daemon = &self.daemons[index];
                let is_for_people = || {
                    let agreed = |asset| daemon.agreement(&AssetId::from(asset)).and_then(|one| one.storage_folder);
                    report.held.iter().any(|held| held.reason == HoldReason::MassChange)
                        || self.stage.server.lost_folders(agreed)
                };
                let is_lost = report.outcome != Outcome::InSync && held && failed && is_for_people();
                lost |= is_lost;
                moved |= !(is_calm(&report) || is_lost && did_nothing(&report));
                last = format!("d{index}: {}", summary(&report));
                quiet.extend(why.is_none().then_some(report));
            }
            if !moved && lost {
                return Ok(Rest::AccessLost);
            }
            if !moved {
                return Ok(if quiet.len() == self.daemons.len() { Rest::Quiet(quiet) } else { Rest::Calm });
            }
        }
        Err(format!("convergence: no rest after {MOST_ROUNDS} rounds; {last}"))
    }

    /// Returns every daemon's last report.
    async fn stay_at_rest(&mut self) -> Result<Vec<Report>, String> {
        let mut reports = Vec::new();
        for index in 0..self.daemons.len() {
            // What one pass finds and has nothing to do about may leave the next one something to write down.
            let mut quiet = self.quiet_report(index).await?;
            for _ in 0..2 {
                if quiet.is_err() {
                    quiet = self.quiet_report(index).await?;
                }
            }
            reports.push(quiet?);
        }
        Ok(reports)
    }

    /// The report of a pass that had nothing to do, or else why it is none.
    async fn quiet_report(&mut self, index: usize) -> Result<Result<Report, String>, String> {
        self.stage.time.pass(2_000).await;
        let (report, why) = self.measured_pass(index, Mode::Whole).await?;
        Ok(why.map_or(Ok(report), Err))
    }

    /// A pass, and why it was none that had nothing to do, if it was none.
    async fn measured_pass(&mut self, index: usize, mode: Mode) -> Result<(Report, Option<String>), String> {
        let before = self.daemons[index].rows_written().await;
        let looks = self.daemons[index].next_looks().await;
        let report = self.quiet_pass(index, mode).await?;
        let rows = self.daemons[index].rows_written().await - before;
        let later = self.daemons[index].next_looks().await;
        // An asset that still waits for the server, and was due, was asked for, first together with others, then where the
        // index does not show it by itself: one row says when it will be again.
        let put_off = |(id, at): &(&AssetId, &UnixMs)| later.get(id).is_some_and(|later| later > at);
        let due = looks.iter().filter(|(_, at)| at.0 <= self.stage.time.ms()).filter(put_off).count();
        let unseen = report.held.iter().filter(|held| held.reason == HoldReason::AccessLost && held.path.is_some());
        let asked_for = u64::try_from(due + unseen.count()).unwrap_or(0);
        let is_quiet = rows == u64::try_from(due).unwrap_or(0)
            && report.requests <= MOST_REQUESTS + 2 * asked_for
            && is_calm(&report);
        let why = || format!("quiet: d{index} wrote {rows} rows in a pass with nothing to do: {}", summary(&report));
        let why = (!is_quiet).then(why);
        Ok((report, why))
    }
}

fn in_words(ended: &Ended) -> String {
    match ended {
        Ended::Crashed => "crashed".to_owned(),
        Ended::Itself(report, Ok(())) => summary(report),
        Ended::Itself(report, Err(error)) => format!("error: {error}; {}", summary(report)),
    }
}

/// A report without what is nothing.
fn summary(report: &Report) -> String {
    let text = format!("{report:?}");
    let inside = text.trim_start_matches("Report { name: \"m\", ").trim_end_matches(" }");
    let nothing = [": 0", ": []", ": false"];
    inside.split(", ").filter(|part| !nothing.iter().any(|end| part.ends_with(end))).collect::<Vec<_>>().join(", ")
}

/// How everything came to rest.
enum Rest {
    /// With nothing left to do.
    Calm,
    /// The same, and nothing was written down any more: every daemon's last report.
    Quiet(Vec<Report>),
    /// With a report of lost access.
    AccessLost,
}

/// Nothing was done and nothing is left to do.
fn is_calm(report: &Report) -> bool {
    // What was trashed before it was submitted, and restored, waits for a person.
    let waits = report.awaiting.iter().any(|awaiting| awaiting.state != "submission");
    let left = waits || !report.failed.is_empty();
    did_nothing(report) && report.outcome == Outcome::InSync && !left
}

fn did_nothing(report: &Report) -> bool {
    report.changes() + report.bytes_up + report.bytes_down == 0
}
