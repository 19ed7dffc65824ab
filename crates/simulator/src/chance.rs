//! What chance makes happen: one step after another, each pass with its weather.

use crate::cells::Cell;
use crate::dice::Dice;
use crate::disk::Crash;
use crate::edit::{Bytes, Edit, Local, Pick, Remote, Right, Save};
use crate::meddle::Meddling;
use crate::plan::{Mode, PassStep, Step, Whose};
use crate::weather::{CutOff, Fault, Script};
use damsync_model::plan::Rule;

pub(crate) fn pick(dice: &mut Dice) -> Pick {
    Pick::try_from(dice.below(1 << 16)).unwrap_or(0)
}

pub(crate) fn bytes(dice: &mut Dice) -> Bytes {
    // Few numbers and sizes, so that equal contents and equal sizes are common.
    let number = if dice.once_in(6) { dice.below(4) } else { dice.number() };
    Bytes { number, size: dice.one_of(&[0, 16, 16, 16, 17, 40, 40, 300, 300]) }
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

fn pass(dice: &mut Dice, daemon: usize, aims: &Aims) -> PassStep {
    let mut script = Script { seed: dice.number(), ..Script::default() };
    if dice.once_in(3) {
        for _ in 0..=dice.below(4) {
            script.faults.push((call(dice), fault(dice)));
        }
    }
    if dice.once_in(3) {
        for _ in 0..=dice.below(3) {
            script.meanwhile.push((call(dice), edit(dice, aims.daemons)));
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
        let from = match dice.below(4) {
            0 => &aims.telling,
            1 if !aims.rare.is_empty() => &aims.rare,
            _ => &aims.all,
        };
        script.aim = Some(dice.one_of(from));
        if dice.once_in(2) {
            script.then = Some(dice.one_of(&[
                Meddling::TakesBack,
                Meddling::TakesBack,
                Meddling::TakesBack,
                Meddling::SavesHere,
                Meddling::DeletesHere,
                Meddling::PutsHere,
                Meddling::Trashes,
            ]));
        }
        // A file that was moved and an asset that was not, any more: only the journal tells that nobody deleted it.
        if script.aim.is_some_and(|aim| aim.action == "move_local") {
            script.then = Some(Meddling::TakesBack);
        }
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

/// What can befall actions where many daemons of one kind work.
pub(crate) struct Aims {
    pub daemons: usize,
    pub all: Vec<Cell>,
    /// Those of them that plans aim at more often, for what they show, …
    pub telling: Vec<Cell>,
    /// … and because few worlds come to them.
    pub rare: Vec<Cell>,
}

pub(crate) fn step(dice: &mut Dice, aims: &Aims) -> Step {
    let daemons = aims.daemons;
    let daemon = usize::try_from(dice.below(daemons as u64)).unwrap_or(0);
    match dice.below(20) {
        0..=2 => Step::Wait(dice.one_of(&[0, 10, 600, 600, 3_000, 3_000, 30_000, 400_000, 7_200_000])),
        3..=11 => Step::Edit(edit(dice, daemons)),
        12 if daemons > 1 => {
            let other = (daemon + 1) % daemons;
            Step::Both(pass(dice, daemon, aims), pass(dice, other, aims))
        }
        13 if dice.once_in(6) => Step::Mount(daemon, dice.once_in(2)),
        14 if dice.once_in(12) => Step::Token(daemon, dice.one_of(&[Whose::Own, Whose::Strangers])),
        15 if dice.once_in(16) => {
            Step::Edit(Edit::There(if dice.once_in(2) { Remote::BackUp } else { Remote::RollBack }))
        }
        _ => Step::Pass(pass(dice, daemon, aims)),
    }
}

/// A pass in fair weather.
fn look(daemon: usize, mode: Mode) -> Step {
    Step::Pass(PassStep { daemon, mode, script: Script::default(), crash: Crash::Kill })
}

/// Assets leave the mirror; right after their files went to the local trash the machine loses power, and the assets come
/// back in.
pub(crate) fn leave_and_return(dice: &mut Dice, daemons: usize, steps: &mut Vec<Step>) {
    let daemon = usize::try_from(dice.below(daemons as u64)).unwrap_or(0);
    let at = usize::try_from(dice.below(steps.len() as u64)).unwrap_or(0);
    let leaves = |number| Step::Bring(daemon, Rule::R19, "trash_local", number);
    let returns = |dice: &mut Dice| Step::Edit(Edit::There(Remote::MoveIn(pick(dice), pick(dice))));
    let way = [
        look(daemon, Mode::Whole),
        leaves(dice.number()),
        leaves(dice.number()),
        Step::Wait(600_000),
        look(daemon, Mode::Whole),
        Step::PowerCut(daemon, dice.number()),
        look(daemon, Mode::Whole),
        returns(dice),
        returns(dice),
    ];
    steps.splice(at..at, way);
}

/// The server is backed up, and when much has happened since, it goes back to that; every daemon was there before and is
/// there after.
pub(crate) fn go_back(dice: &mut Dice, daemons: usize, steps: &mut Vec<Step>) {
    let looks = |mode: Mode| (0..daemons).map(move |daemon| look(daemon, mode));
    let half = steps.len() / 2;
    let back_up = usize::try_from(dice.below(half as u64)).unwrap_or(0);
    let roll_back = half + usize::try_from(dice.below(half as u64)).unwrap_or(0);
    let mut back = Vec::new();
    for _ in 0..4 {
        back.push(Step::Edit(Edit::There(Remote::Describe(pick(dice)))));
        back.push(Step::Edit(Edit::There(Remote::Add(pick(dice), pick(dice), bytes(dice)))));
    }
    back.push(Step::Wait(600_000));
    back.extend(looks(Mode::Full));
    back.push(Step::Edit(Edit::There(Remote::RollBackOpenly)));
    back.extend(looks(Mode::Full));
    steps.splice(roll_back..roll_back, back);
    steps.insert(back_up, Step::Edit(Edit::There(Remote::BackUp)));
}
