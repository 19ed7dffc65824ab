//! Small worlds in which the simulator once found a promise broken, told as scripts; here are the words that only they
//! are told in.

mod crashes;
mod evidence;
mod folders;
mod late_lists;
mod names;
mod roll_backs;
#[path = "../script/mod.rs"]
mod script;
mod versions;
mod waiting;

use damsync_sandbox::world::habits::{FolderDelete, Habits, TrashedDetails};
use damsync_simulator::disk::Crash;
use damsync_simulator::plan::{Mode, Setting, Step};
use damsync_simulator::weather::{CutOff, Script};
use script::{bytes, here, keeps_promises, keeps_promises_at_once, pass, pass_in, there};

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

fn pass_as(mode: Mode, script: Script) -> Step {
    pass_in(mode, script, Crash::Kill)
}

fn cut_at(point: u32) -> Step {
    pass_as(Mode::Whole, Script { cut: Some(CutOff::Point(point)), ..Script::default() })
}

/// On a server that trashes what is in a folder when the folder is removed.
fn trashing_with_folders() -> Setting {
    let mut setting = Setting::plain();
    setting.habits.folder_delete = FolderDelete::Trash;
    setting
}

/// … and that does not show what is trashed.
fn hiding() -> Setting {
    let mut setting = trashing_with_folders();
    setting.habits.trashed_details = TrashedDetails::NotFound;
    setting
}

fn hiding_with(change: impl FnOnce(&mut Habits)) -> Setting {
    let mut setting = hiding();
    change(&mut setting.habits);
    setting
}
