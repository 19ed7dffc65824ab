//! Small worlds in which the simulator once found a promise broken, told as scripts; here are the words that they are told in.

mod crashes;
mod evidence;
mod folders;
mod names;
mod waiting;

use damsync_sandbox::world::habits::{FolderDelete, TrashedDetails};
use damsync_simulator::disk::Crash;
use damsync_simulator::edit::{Bytes, Edit, Local, Remote};
use damsync_simulator::plan::{Mode, PassStep, Plan, Setting, Step};
use damsync_simulator::run::run;
use damsync_simulator::weather::{CutOff, Script};

/// Numbers of names: see `stage::NAMES` and `stage::DIRS`.
const A: u32 = 0;
const B: u32 = 1;
const C: u32 = 2;
const D: u32 = 3;
const COMPOSED: u32 = 4;
const DECOMPOSED: u32 = 5;
const LEFT_OUT: u32 = 6;

/// Numbers of directories and folders: the root, then in the order in which they were made.
const ROOT: u32 = 0;
const FIRST: u32 = 1;
const SECOND: u32 = 2;

fn bytes(number: u64) -> Bytes {
    Bytes { number, size: 40 }
}

fn here(local: Local) -> Step {
    Step::Edit(Edit::Here(0, local))
}

fn there(remote: Remote) -> Step {
    Step::Edit(Edit::There(remote))
}

fn pass_as(mode: Mode, script: Script) -> Step {
    Step::Pass(PassStep { daemon: 0, mode, script, crash: Crash::Kill })
}

fn pass() -> Step {
    pass_as(Mode::Whole, Script::default())
}

fn cut_at(point: u32) -> Step {
    pass_as(Mode::Whole, Script { cut: Some(CutOff::Point(point)), ..Script::default() })
}

/// Every step is followed by enough time for files to be quiet. Returns the history.
fn keeps_promises(setting: Setting, steps: Vec<Step>) -> String {
    keeps_promises_at_once(setting, steps.into_iter().flat_map(|step| [step, Step::Wait(3_000)]).collect())
}

/// One step right after the other.
fn keeps_promises_at_once(setting: Setting, steps: Vec<Step>) -> String {
    let ran = run(&Plan { seed: 1, setting, beginning: Vec::new(), steps });
    if let Some(broken) = ran.broken {
        panic!("{broken}\n{}", ran.trace.join("\n"));
    }
    ran.histories.concat()
}

fn hiding() -> Setting {
    let mut setting = Setting::plain();
    setting.habits.trashed_details = TrashedDetails::NotFound;
    setting.habits.folder_delete = FolderDelete::Trash;
    setting
}
