//! What lists leave out, or show too late.

use crate::{A, B, C, FIRST, ROOT, SECOND, bytes, here, hiding, hiding_with, keeps_promises, pass, pass_as, there};
use damsync_model::policy::Direction;
use damsync_simulator::disk::Crash;
use damsync_simulator::edit::{Edit, Local, Remote, Save};
use damsync_simulator::plan::{Mode, PassStep, Setting, Step};
use damsync_simulator::weather::{CutOff, Fault, Script};

#[test]
fn an_asset_in_a_folder_that_was_not_listed_yet_is_not_outside() {
    let mut steps = vec![there(Remote::Add(ROOT, A, bytes(1))), pass()];
    for _ in 0..3 {
        steps.extend([
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::Move(0, FIRST)),
            pass_as(Mode::Poll, Script::default()),
        ]);
    }
    keeps_promises(Setting::plain(), steps);
}

#[test]
fn an_asset_that_moves_into_a_folder_made_in_this_very_pass_has_not_left_the_mirror() {
    for call in 3..=16 {
        let make = (call, Edit::There(Remote::MakeFolder(ROOT, A)));
        let meanwhile = vec![make, (call, Edit::There(Remote::Move(0, FIRST)))];
        for mode in [Mode::Whole, Mode::Full, Mode::Poll] {
            let mut setting = Setting::plain();
            setting.habits.job_delay_ms = 0;
            let history = keeps_promises(
                setting,
                vec![
                    there(Remote::Add(ROOT, A, bytes(1))),
                    pass(),
                    pass_as(mode, Script { meanwhile: meanwhile.clone(), ..Script::default() }),
                    pass(),
                ],
            );
            assert!(!history.contains("trash_local"), "{history}");
        }
    }
}

#[test]
fn what_changed_while_the_index_was_built_anew_is_read_once_it_is_whole() {
    for passes in 1..=4 {
        let poll = || pass_as(Mode::Poll, Script::default());
        let later = (0..passes).flat_map(|_| [Step::Wait(400_000), poll()]);
        let steps = [there(Remote::Add(ROOT, A, bytes(1))), pass(), there(Remote::Reindex(true))].into_iter();
        let steps = steps.chain([there(Remote::Rename(0, B))]).chain(later);
        keeps_promises(Setting::plain(), steps.chain([there(Remote::Reindex(false)), poll(), pass()]).collect());
    }
}

#[test]
fn an_asset_that_an_index_built_anew_left_out_for_long_is_soon_looked_at_again() {
    let mut steps = vec![there(Remote::Reindex(true))];
    steps.extend((0..6).map(|number| here(Local::Write(ROOT, number, bytes(number.into())))));
    steps.extend([pass(), Step::Wait(7_200_000), pass(), Step::Wait(100_000), pass()]);
    steps.extend((0..6).map(|_| there(Remote::MoveOut(0))));
    keeps_promises(Setting::plain(), steps);
}

#[test]
fn what_changed_in_a_folder_that_a_full_pass_could_not_look_into_is_read_later() {
    for call in 10..=24 {
        let forbidden = Script { faults: vec![(call, Fault::Forbids)], ..Script::default() };
        keeps_promises(
            Setting::plain(),
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                there(Remote::Add(FIRST, A, bytes(1))),
                pass(),
                there(Remote::Version(0, bytes(2))),
                there(Remote::Acknowledge(0)),
                Step::Wait(7_200_000),
                pass_as(Mode::Full, forbidden),
            ],
        );
    }
}

#[test]
fn an_asset_that_went_to_the_trash_and_came_back_is_not_taken_from_an_index_that_is_late() {
    for deleted_here in [false, true] {
        let mut steps = vec![
            there(Remote::Add(ROOT, A, bytes(1))),
            Step::Wait(600_000),
            pass(),
            here(Local::Save(0, Save::InPlace, bytes(2))),
            pass(),
            there(Remote::Trash(0)),
        ];
        if deleted_here {
            steps.push(here(Local::Delete(0)));
        }
        steps.extend([pass(), there(Remote::Restore(0)), pass()]);
        keeps_promises(hiding_with(|habits| habits.index_lag_ms = 240_000), steps);
    }
}

#[test]
fn an_asset_that_was_restored_there_is_waited_for_although_nothing_else_is_done() {
    let mut setting = Setting::plain();
    (setting.daemons, setting.direction) = (2, Direction::PushOnly);
    setting.habits.index_lag_ms = 240_000;
    let pass_of =
        |daemon| Step::Pass(PassStep { daemon, mode: Mode::Whole, script: Script::default(), crash: Crash::Kill });
    keeps_promises(
        setting,
        vec![
            Step::Edit(Edit::Here(1, Local::Write(ROOT, A, bytes(1)))),
            pass_of(1),
            Step::Wait(600_000),
            pass_of(0),
            // Its file was edited and is not in the trash, and cannot be pushed over what somebody else sent.
            Step::Edit(Edit::Here(1, Local::Save(0, Save::InPlace, bytes(2)))),
            there(Remote::Version(0, bytes(3))),
            there(Remote::Trash(0)),
        ],
    );
}

#[test]
fn an_asset_that_is_seen_elsewhere_while_a_deletion_is_examined_comes_down_there() {
    let poll = || pass_as(Mode::Poll, Script::default());
    // What a poll asks for depends on how many there were before it.
    for polls in 0..3 {
        let mut steps = vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::MakeFolder(ROOT, B)),
            there(Remote::Add(FIRST, A, bytes(1))),
            there(Remote::Add(ROOT, C, bytes(2))),
            pass(),
        ];
        steps.extend((0..polls).map(|_| poll()));
        steps.extend([
            here(Local::Delete(1)),
            there(Remote::Trash(1)),
            there(Remote::Add(ROOT, B, bytes(3))),
            Step::Wait(7_200_000),
            // The index is late. Every folder is looked into, because the asset may be what went to the trash.
            there(Remote::Hide(0)),
            there(Remote::Move(1, SECOND)),
            poll(),
        ]);
        keeps_promises(hiding_with(|habits| habits.index_lag_ms = 30_000), steps);
    }
}

/// An asset gets a version while its folder is hidden, and a pass that misses it.
fn version_while_hidden(missing_it: Step) -> Vec<Step> {
    vec![
        there(Remote::MakeFolder(ROOT, A)),
        there(Remote::Add(FIRST, A, bytes(1))),
        pass(),
        there(Remote::Hide(0)),
        there(Remote::Version(0, bytes(2))),
        there(Remote::Add(ROOT, B, bytes(3))),
        Step::Wait(3_600_000),
        missing_it,
        there(Remote::Unhide),
        // Nobody hints at it any more.
        there(Remote::Acknowledge(0)),
        pass(),
    ]
}

#[test]
fn a_version_that_is_added_while_a_folder_is_hidden_comes_down_although_the_pass_that_missed_it_was_cut_off() {
    for call in 8..=24 {
        for mode in [Mode::Whole, Mode::Full] {
            let cut = Script { cut: Some(CutOff::Before(call)), ..Script::default() };
            keeps_promises(hiding(), version_while_hidden(pass_as(mode, cut)));
        }
    }
}

#[test]
fn a_version_that_is_added_while_a_folder_is_hidden_comes_down_although_the_list_was_not_whole_then() {
    for call in 12..=24 {
        let meanwhile = vec![(call, Edit::There(Remote::Add(ROOT, C, bytes(4))))];
        let disturbed = Script { meanwhile, ..Script::default() };
        keeps_promises(hiding(), version_while_hidden(pass_as(Mode::Whole, disturbed)));
    }
}
