//! Small worlds on a disk that takes `A.txt` and `a.txt` for one name.

mod script;

use damsync_model::name::Folding;
use damsync_simulator::disk::Crash;
use damsync_simulator::edit::{Local, Pick, Remote};
use damsync_simulator::plan::{Mode, Setting, Step};
use damsync_simulator::stage::OTHER_CASE;
use damsync_simulator::weather::{CutOff, Script};
use script::{bytes, here, pass, pass_in, there};

/// `a.txt` and `A.txt`; see `stage::NAMES`.
const LOWER: Pick = 0;
const UPPER: Pick = OTHER_CASE.0;

/// The root's number among directories and folders.
const ROOT: Pick = 0;

/// Keeps every promise on a folding disk, and returns the history.
fn keeps_promises(steps: Vec<Step>) -> String {
    let mut setting = Setting::plain();
    setting.nature.folding = Folding::CaseFolded;
    script::keeps_promises(setting, steps)
}

#[track_caller]
fn deletes_nothing(history: &str) {
    assert!(!history.contains("trash_remote") && !history.contains("trash_local"), "{history}");
}

#[test]
fn assets_that_differ_in_case_follow_the_rule_for_doubles() {
    for (first, second) in [(LOWER, UPPER), (UPPER, LOWER)] {
        let history = keeps_promises(vec![
            there(Remote::Add(ROOT, first, bytes(1))),
            there(Remote::Add(ROOT, second, bytes(2))),
            pass(),
            here(Local::Save(0, damsync_simulator::edit::Save::Anew, bytes(3))),
            pass(),
            here(Local::Save(1, damsync_simulator::edit::Save::InPlace, bytes(4))),
            pass(),
        ]);
        deletes_nothing(&history);
        assert_eq!(history.matches("push_version").count(), 2, "{history}");
    }
}

#[test]
fn a_file_is_the_asset_that_differs_in_case_only() {
    let history = keeps_promises(vec![
        here(Local::Write(ROOT, UPPER, bytes(1))),
        there(Remote::Add(ROOT, LOWER, bytes(1))),
        pass(),
    ]);
    deletes_nothing(&history);
    assert!(history.contains("adopt") && !history.contains("upload"), "{history}");
}

#[test]
fn a_local_rename_of_case_only_deletes_nothing() {
    let history = keeps_promises(vec![
        there(Remote::Add(ROOT, LOWER, bytes(1))),
        pass(),
        here(Local::Recase(0)),
        pass(),
        here(Local::Write(ROOT, LOWER, bytes(2))),
        pass(),
    ]);
    deletes_nothing(&history);
    assert_eq!((history.matches("push_version").count(), history.contains("upload")), (1, false), "{history}");
}

fn renamed_there_by_case_only(then: Vec<Step>) -> String {
    let before = [there(Remote::Add(ROOT, LOWER, bytes(1))), pass(), there(Remote::Rename(0, UPPER))];
    keeps_promises(before.into_iter().chain(then).collect())
}

#[test]
fn an_asset_renamed_by_case_only_renames_its_file_by_way_of_its_name_for_doubles() {
    let history = renamed_there_by_case_only(vec![pass()]);
    deletes_nothing(&history);
    assert_eq!(history.matches("move_local").count(), 2, "{history}");
    assert!(!history.contains("upload"), "{history}");
}

#[test]
fn a_rename_of_case_only_that_is_cut_off_at_any_point_loses_and_doubles_nothing() {
    for crash in [Crash::Kill, Crash::PowerCut] {
        for point in 1..=8 {
            let cut = Script { cut: Some(CutOff::Point(point)), ..Script::default() };
            let history = renamed_there_by_case_only(vec![pass_in(Mode::Whole, cut, crash), pass()]);
            deletes_nothing(&history);
            assert!(!history.contains("upload"), "{history}");
        }
    }
}

#[test]
fn doubles_that_are_renamed_by_case_only_stay_apart() {
    let history = keeps_promises(vec![
        there(Remote::Add(ROOT, LOWER, bytes(1))),
        there(Remote::Add(ROOT, UPPER, bytes(2))),
        pass(),
        there(Remote::Rename(0, UPPER)),
        there(Remote::Rename(1, LOWER)),
        pass(),
        pass(),
    ]);
    deletes_nothing(&history);
}
