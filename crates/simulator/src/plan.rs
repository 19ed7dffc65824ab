//! A world and everything that happens in it, as data: made from a seed, shrunk by dropping steps.

use crate::cells::{self, Cell};
use crate::dice::Dice;
use crate::disk::{Crash, Nature};
use crate::edit::{Bytes, Edit, Local, Pick, Remote, Right, Save};
use crate::weather::{CutOff, Fault, Script};
use damsync_model::name::Folding;
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

fn pick(dice: &mut Dice) -> Pick {
    Pick::try_from(dice.below(1 << 16)).unwrap_or(0)
}

fn bytes(dice: &mut Dice) -> Bytes {
    // Few numbers and sizes, so that equal contents and equal sizes are common.
    let number = if dice.once_in(6) { dice.below(4) } else { dice.number() };
    Bytes { number, size: dice.one_of(&[0, 16, 16, 16, 17, 40, 40, 300, 300]) }
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
            head_moves: dice.one_of(&[HeadMoves::SetUploaded, HeadMoves::SetUploaded, HeadMoves::AddVersion]),
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
            max_delete: dice.one_of(&[MaxDelete::Permille(250), MaxDelete::Files(1000), MaxDelete::Files(1000)]),
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

fn local(dice: &mut Dice) -> Local {
    let save = dice.one_of(&[Save::InPlace, Save::InPlace, Save::Anew, Save::DeleteFirst, Save::Backup]);
    match dice.below(42) {
        0..=9 => Local::Write(pick(dice), pick(dice), bytes(dice)),
        10..=20 => Local::Save(pick(dice), save, bytes(dice)),
        21..=23 => Local::Copy(pick(dice), pick(dice), pick(dice)),
        24 => Local::Touch(pick(dice)),
        25..=31 => Local::Delete(pick(dice)),
        32 => Local::DeleteDir(pick(dice)),
        33..=35 => Local::MakeDir(pick(dice), pick(dice)),
        36 => Local::Link(pick(dice)),
        37 => Local::Unlink,
        38 => Local::Deny(pick(dice)),
        39 => Local::Allow,
        _ => Local::Append(pick(dice), bytes(dice), dice.one_of(&[0, 1, 2, 5])),
    }
}

fn remote(dice: &mut Dice) -> Remote {
    match dice.below(46) {
        0..=7 => Remote::Add(pick(dice), pick(dice), bytes(dice)),
        8..=13 => Remote::Version(pick(dice), bytes(dice)),
        14..=16 => Remote::SlowVersion(pick(dice), bytes(dice)),
        17 => Remote::Revert(pick(dice)),
        18..=22 => Remote::Trash(pick(dice)),
        23..=25 => Remote::Restore(pick(dice)),
        26..=28 => Remote::Rename(pick(dice), pick(dice)),
        29..=31 => Remote::Move(pick(dice), pick(dice)),
        32..=33 => Remote::MoveOut(pick(dice)),
        34 => Remote::MoveIn(pick(dice), pick(dice)),
        35..=36 => Remote::Describe(pick(dice)),
        37 => Remote::Acknowledge(pick(dice)),
        38..=39 => Remote::MakeFolder(pick(dice), pick(dice)),
        40 => Remote::RemoveFolder(pick(dice)),
        41 => Remote::Hide(pick(dice)),
        42 => Remote::Unhide,
        43 => Remote::Reindex(dice.once_in(2)),
        44 => Remote::Forbid(dice.one_of(&[Right::Upload, Right::MakeFolders])),
        _ => Remote::Permit,
    }
}

fn edit(dice: &mut Dice, daemons: usize) -> Edit {
    if dice.once_in(2) {
        let disk = usize::try_from(dice.below(daemons as u64)).unwrap_or(0);
        Edit::Here(disk, local(dice))
    } else {
        Edit::There(remote(dice))
    }
}

fn fault(dice: &mut Dice) -> Fault {
    let part = u8::try_from(dice.below(100)).unwrap_or(0);
    dice.one_of(&[
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::LostAfter,
        Fault::Twice,
        Fault::Busy,
        Fault::Forbids,
        Fault::Body(part),
        Fault::DiskFull,
        Fault::DiskFails,
        Fault::DiskDenies,
    ])
}

/// A call's number within a pass; the first ones more often.
fn call(dice: &mut Dice) -> u32 {
    let most = dice.one_of(&[15, 40, 120]);
    1 + u32::try_from(dice.below(most)).unwrap_or(0)
}

fn pass(dice: &mut Dice, daemon: usize, world: &World) -> PassStep {
    let mut script = Script { seed: dice.number(), ..Script::default() };
    if dice.once_in(3) {
        for _ in 0..=dice.below(4) {
            script.faults.push((call(dice), fault(dice)));
        }
    }
    if dice.once_in(3) {
        for _ in 0..=dice.below(3) {
            script.meanwhile.push((call(dice), edit(dice, world.daemons)));
        }
    }
    if dice.once_in(3) {
        let at = call(dice);
        let point = 1 + u32::try_from(dice.below(12)).unwrap_or(0);
        script.cut = Some(match dice.below(6) {
            0..=2 => CutOff::Point(point),
            3 => CutOff::Before(at),
            4 => CutOff::Inside(at),
            _ => CutOff::After(at),
        });
    }
    if dice.once_in(4) {
        script.aim = Some(dice.one_of(&world.aims));
    }
    PassStep {
        daemon,
        mode: dice.one_of(&[
            Mode::Whole,
            Mode::Whole,
            Mode::Whole,
            Mode::Full,
            Mode::Poll,
            Mode::Poll,
            Mode::Watched,
            Mode::Blind,
        ]),
        script,
        crash: dice.one_of(&[Crash::Kill, Crash::PowerCut]),
    }
}

/// What every step must know of the setting.
struct World {
    daemons: usize,
    /// What can befall an action in it.
    aims: Vec<Cell>,
}

fn step(dice: &mut Dice, world: &World) -> Step {
    let daemons = world.daemons;
    let daemon = usize::try_from(dice.below(daemons as u64)).unwrap_or(0);
    match dice.below(20) {
        0..=2 => Step::Wait(dice.one_of(&[0, 10, 600, 600, 3_000, 3_000, 30_000, 400_000, 7_200_000])),
        3..=11 => Step::Edit(edit(dice, daemons)),
        12 if daemons > 1 => {
            let other = (daemon + 1) % daemons;
            Step::Both(pass(dice, daemon, world), pass(dice, other, world))
        }
        13 if dice.once_in(6) => Step::Mount(daemon, dice.once_in(2)),
        14 if dice.once_in(12) => Step::Token(daemon, dice.one_of(&[Whose::Own, Whose::Strangers])),
        15 if dice.once_in(16) => {
            Step::Edit(Edit::There(if dice.once_in(2) { Remote::BackUp } else { Remote::RollBack }))
        }
        _ => Step::Pass(pass(dice, daemon, world)),
    }
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
        for _ in 0..5 + dice.below(20).min(dice.below(20)) {
            let file = bytes(&mut dice);
            beginning.push(if dice.once_in(2) {
                Edit::There(Remote::Add(pick(&mut dice), pick(&mut dice), file))
            } else {
                Edit::Here(pick(&mut dice) as usize % daemons, Local::Write(pick(&mut dice), pick(&mut dice), file))
            });
        }
        let count = 20 + dice.below(61).min(dice.below(61)).min(dice.below(61));
        let world = World { daemons, aims: cells::of(&setting.policy()) };
        let steps = (0..count).map(|_| step(&mut dice, &world)).collect();
        Self { seed, setting, beginning, steps }
    }
}
