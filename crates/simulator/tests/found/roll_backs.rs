//! A server that went back to an older state.

use crate::{A, B, C, FIRST, ROOT, bytes, cut_at, here, keeps_promises, pass, pass_as, there};
use damsync_simulator::edit::{Local, Remote};
use damsync_simulator::plan::{Mode, Setting};
use damsync_simulator::weather::{CutOff, Script};

#[test]
fn many_that_are_gone_at_once_and_are_in_no_trash_were_not_deleted_where_nothing_newer_is_left() {
    let add = |number: u32| there(Remote::Add(ROOT, number, bytes(number.into())));
    let steps = (0..12).map(add).chain([pass(), there(Remote::BackUp)]);
    let steps = steps.chain((12..24).map(add)).chain([pass(), there(Remote::RollBack), pass()]);
    let history = keeps_promises(Setting::plain(), steps.collect());
    assert!(!history.contains("trash_local"), "{history}");
}

#[test]
fn a_few_that_are_gone_and_in_no_trash_were_not_deleted_where_another_has_become_older() {
    let history = keeps_promises(
        Setting::plain(),
        vec![
            there(Remote::Add(ROOT, A, bytes(1))),
            pass(),
            there(Remote::BackUp),
            there(Remote::Version(0, bytes(2))),
            there(Remote::Add(ROOT, B, bytes(3))),
            pass(),
            there(Remote::RollBack),
            pass(),
        ],
    );
    assert!(!history.contains("trash_local"), "{history}");
}

#[test]
fn a_pass_that_is_cut_off_leaves_the_evidence_of_a_roll_back_to_the_next() {
    for call in 10..=40 {
        let cut = Script { cut: Some(CutOff::Before(call)), ..Script::default() };
        let history = keeps_promises(
            Setting::plain(),
            vec![
                there(Remote::Add(ROOT, A, bytes(1))),
                there(Remote::Add(ROOT, B, bytes(2))),
                pass(),
                there(Remote::BackUp),
                there(Remote::Version(0, bytes(3))),
                there(Remote::Version(1, bytes(4))),
                there(Remote::Add(ROOT, C, bytes(5))),
                pass(),
                there(Remote::RollBack),
                pass_as(Mode::Full, cut),
                pass(),
            ],
        );
        assert!(!history.contains("trash_local"), "cut off before call {call}: {history}");
    }
}

#[test]
fn a_server_that_went_back_gives_numbers_again_and_is_held() {
    let history = keeps_promises(
        Setting::plain(),
        vec![
            here(Local::MakeDir(ROOT, C)),
            pass(),
            there(Remote::BackUp),
            there(Remote::MakeFolder(FIRST, A)),
            there(Remote::Add(FIRST, A, bytes(1))),
            pass(),
            there(Remote::RollBack),
            here(Local::MakeDir(ROOT, B)),
            pass_as(Mode::Watched, Script::default()),
            pass(),
        ],
    );
    assert!(!history.contains("trash_local"), "{history}");
}

#[test]
fn a_server_that_went_back_to_before_the_bytes_came_gets_them_again() {
    for point in 1..=8 {
        keeps_promises(
            Setting::plain(),
            vec![
                pass(),
                here(Local::Write(ROOT, A, bytes(1))),
                cut_at(point),
                there(Remote::BackUp),
                pass(),
                there(Remote::RollBack),
                pass(),
            ],
        );
    }
}
