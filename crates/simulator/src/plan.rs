//! A world and everything that happens in it, as data: made from a seed, shrunk by dropping steps.

use crate::cells;
use crate::chance::{Aims, bytes, go_back, leave_and_return, pick, step};
use crate::dice::Dice;
use crate::disk::{Crash, Nature};
use crate::edit::{Edit, Local, Remote};
use crate::weather::Script;
use damsync_model::name::Folding;
use damsync_model::plan::Rule;
use damsync_model::policy::{ConflictPolicy, DeletePolicy, Direction, MaxDelete, Policy};
use damsync_sandbox::world::Habits;
use damsync_sandbox::world::habits::{AddVersionAnswer, FolderDelete, HeadMoves, TrashedDetails};

/// What a pass looks at and asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A one-shot pass.
    Whole,
    /// One that hashes and asks for everything.
    Full,
    /// What a daemon does: what its watcher saw, and the feeds.
    Poll,
    /// What its watcher saw, and nothing from the server.
    Watched,
    /// A watcher that lost its events, and the feeds.
    Blind,
}

/// One pass of one daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassStep {
    /// Whose.
    pub daemon: usize,
    /// Of what kind.
    pub mode: Mode,
    /// What happens around it.
    pub script: Script,
    /// How it ends, if it is cut off.
    pub crash: Crash,
}

/// Whose token a daemon uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Its own user's.
    Own,
    /// Another user's.
    Strangers,
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Time passes.
    Wait(u64),
    /// Somebody does something.
    Edit(Edit),
    /// A daemon works.
    Pass(PassStep),
    /// Two daemons work at the same time.
    Both(PassStep, PassStep),
    /// The disk is gone from its place, or back.
    Mount(usize, bool),
    /// People bring about what a rule speaks of, for a daemon; the number decides with what.
    Bring(usize, Rule, &'static str, u64),
    /// A daemon's machine loses power between two passes; the number decides what is left.
    PowerCut(usize, u64),
    /// A daemon is started anew with somebody's token.
    Token(usize, Whose),
}

/// What kind of world it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// How many daemons share it.
    pub daemons: usize,
    /// They use one token.
    pub one_user: bool,
    /// They may ask for other users' changes.
    pub any_user: bool,
    /// The disks.
    pub nature: Nature,
    /// The server.
    pub habits: Habits,
    /// Who wins conflicts.
    pub conflict: ConflictPolicy,
    /// The guard over deletions.
    pub max_delete: MaxDelete,
    /// Which way changes travel.
    pub direction: Direction,
    /// What a deletion does on the other side.
    pub delete: DeletePolicy,
    /// Transfers at once.
    pub concurrency: usize,
}

/// A whole run.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Where it came from.
    pub seed: u64,
    /// The world.
    pub setting: Setting,
    /// What is there before the first step.
    pub beginning: Vec<Edit>,
    /// What happens.
    pub steps: Vec<Step>,
}

impl Setting {
    /// One daemon, a friendly server.
    pub fn plain() -> Self {
        Self {
            daemons: 1,
            one_user: true,
            any_user: true,
            nature: Nature { grain_ns: 1, reuses_inodes: false, folding: Folding::Exact },
            habits: Habits::default(),
            conflict: ConflictPolicy::KeepBoth,
            max_delete: MaxDelete::Files(1000),
            direction: Direction::TwoWay,
            delete: DeletePolicy::Trash,
            concurrency: 2,
        }
    }

    /// What every daemon's user chose.
    pub fn policy(&self) -> Policy {
        let &Self { direction, conflict, delete, max_delete, .. } = self;
        Policy { direction, conflict, delete, max_delete, ..Policy::default() }
    }

    fn from_dice(dice: &mut Dice) -> Self {
        let habits = Habits {
            index_lag_ms: dice.one_of(&[0, 0, 0, 2_000, 30_000, 240_000]),
            processing_ms: dice.one_of(&[0, 30, 30, 5_000, 60_000]),
            md5_after_processing: !dice.once_in(4),
            checksums_given: !dice.once_in(6),
            processing_bumps: dice.one_of(&[1, 2, 2, 3]),
            head_moves: if dice.once_in(20) { HeadMoves::AddVersion } else { HeadMoves::SetUploaded },
            folder_rename_bumps: dice.once_in(2),
            version_renames: dice.once_in(2),
            trashed_details: dice.one_of(&[TrashedDetails::Shown, TrashedDetails::NotFound]),
            folder_delete: dice.one_of(&[FolderDelete::Refuse, FolderDelete::Trash]),
            own_upload_synced: dice.once_in(2),
            move_bumps: !dice.once_in(4),
            any_user_refused: dice.once_in(2),
            ranges: !dice.once_in(4),
            job_delay_ms: dice.one_of(&[0, 20, 700, 3_000]),
            add_version_answer: dice.one_of(&[AddVersionAnswer::UrlOnly, AddVersionAnswer::WholeAsset]),
            ..Habits::default()
        };
        Self {
            daemons: dice.one_of(&[1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3]),
            one_user: dice.once_in(2),
            any_user: !dice.once_in(4),
            nature: Nature {
                grain_ns: dice.one_of(&[1, 1_000_000, 10_000_000, 1_000_000_000, 2_000_000_000]),
                reuses_inodes: dice.once_in(2),
                folding: Folding::Exact,
            },
            habits,
            conflict: dice.one_of(&[
                ConflictPolicy::KeepBoth,
                ConflictPolicy::KeepBoth,
                ConflictPolicy::LocalWins,
                ConflictPolicy::RemoteWins,
            ]),
            max_delete: dice.one_of(&[
                MaxDelete::Permille(250),
                MaxDelete::Files(1000),
                MaxDelete::Files(1000),
                MaxDelete::Files(1000),
                MaxDelete::Files(2),
            ]),
            direction: match dice.below(20) {
                0 | 1 => Direction::PullOnly,
                2 | 3 => Direction::PushOnly,
                _ => Direction::TwoWay,
            },
            delete: if dice.once_in(10) { DeletePolicy::Keep } else { DeletePolicy::Trash },
            concurrency: dice.one_of(&[1, 2, 4]),
        }
    }
}

/// The least of so many throws below `end`.
fn least_of(throws: u32, dice: &mut Dice, end: u64) -> u64 {
    (0..throws).map(|_| dice.below(end)).min().unwrap_or(0)
}

impl Plan {
    /// The run of a seed.
    pub fn from_seed(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let setting = Setting::from_dice(&mut dice);
        let daemons = setting.daemons;
        let mut beginning = Vec::new();
        for _ in 0..3 + dice.below(4) {
            beginning.push(Edit::There(Remote::MakeFolder(pick(&mut dice), pick(&mut dice))));
            beginning
                .push(Edit::Here(pick(&mut dice) as usize % daemons, Local::MakeDir(pick(&mut dice), pick(&mut dice))));
        }
        // Small worlds come to the point sooner; some are large all the same.
        for _ in 0..5 + least_of(3, &mut dice, 20) {
            let file = bytes(&mut dice);
            beginning.push(if dice.once_in(2) {
                Edit::There(Remote::Add(pick(&mut dice), pick(&mut dice), file))
            } else {
                Edit::Here(pick(&mut dice) as usize % daemons, Local::Write(pick(&mut dice), pick(&mut dice), file))
            });
        }
        let count = 20 + least_of(4, &mut dice, 61);
        let all = cells::of(&setting.policy());
        let telling = all.iter().filter(|cell| cells::is_telling(cell)).copied().collect();
        let rare = all.iter().filter(|cell| cells::is_rare(cell)).copied().collect();
        let aims = Aims { daemons, all, telling, rare };
        let mut steps: Vec<Step> = Vec::new();
        for _ in 0..count {
            let step = step(&mut dice, &aims);
            let cut = match &step {
                Step::Pass(pass) if dice.once_in(8) => Some(Step::PowerCut(pass.daemon, dice.number())),
                _ => None,
            };
            if let Step::Pass(PassStep { daemon, script: Script { aim: Some(aim), .. }, .. }) = &step
                && !dice.once_in(3)
            {
                steps.push(Step::Bring(*daemon, aim.rule, aim.action, dice.number()));
                steps.push(Step::Wait(3_000));
            }
            steps.push(step);
            steps.extend(cut);
        }
        if dice.once_in(10) {
            leave_and_return(&mut dice, daemons, &mut steps);
        }
        // Nothing may come between a roll-back and the looks at it.
        if dice.once_in(10) {
            go_back(&mut dice, daemons, &mut steps);
        }
        Self { seed, setting, beginning, steps }
    }
}
