//! What is hidden or trashed: none of it is deleted without evidence.

use crate::{
    A, B, C, FIRST, LEFT_OUT, ROOT, SECOND, bytes, cut_at, here, hiding, hiding_with, keeps_promises,
    keeps_promises_at_once, pass, pass_as, there,
};
use damsync_sandbox::world::habits::TrashedDetails;
use damsync_simulator::edit::{Edit, Local, Remote, Save};
use damsync_simulator::plan::{Mode, Setting, Step};
use damsync_simulator::weather::{Fault, Script};

#[test]
fn a_hidden_folder_is_not_taken_for_deleted_because_something_else_was_trashed() {
    for lag in [0, 30_000] {
        keeps_promises(
            hiding_with(|habits| habits.index_lag_ms = lag),
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                there(Remote::Add(ROOT, A, bytes(1))),
                there(Remote::Add(FIRST, B, bytes(2))),
                Step::Wait(600_000),
                pass(),
                there(Remote::Hide(0)),
                there(Remote::Trash(0)),
                pass(),
                Step::Wait(600_000),
                pass(),
            ],
        );
    }
}

#[test]
fn a_hidden_folder_is_not_taken_for_deleted_because_another_folder_was_removed() {
    keeps_promises(
        hiding_with(|habits| habits.processing_ms = 600_000),
        vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::MakeFolder(ROOT, B)),
            there(Remote::Add(FIRST, B, bytes(1))),
            there(Remote::Add(SECOND, C, bytes(2))),
            // One that stays.
            there(Remote::MakeFolder(ROOT, C)),
            pass(),
            // Looked at one by one while it is processed, and the list of all is no use while the index is built anew.
            there(Remote::SlowVersion(0, bytes(3))),
            pass(),
            there(Remote::Reindex(true)),
            there(Remote::Hide(0)),
            there(Remote::RemoveFolder(1)),
            Step::Wait(60_000),
            pass(),
        ],
    );
}

#[test]
fn a_person_may_remove_all_storage_folders() {
    let history = keeps_promises(
        Setting::plain(),
        vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::MakeFolder(ROOT, B)),
            there(Remote::Add(FIRST, B, bytes(1))),
            there(Remote::Add(SECOND, C, bytes(2))),
            there(Remote::Add(ROOT, C, bytes(3))),
            pass(),
            there(Remote::RemoveFolder(0)),
            there(Remote::RemoveFolder(0)),
            pass(),
        ],
    );
    assert_eq!(history.matches("remove_local_folder").count(), 2, "{history}");
}

#[test]
fn a_server_that_shows_its_trash_hides_nothing_in_it() {
    keeps_promises(
        hiding_with(|habits| habits.trashed_details = TrashedDetails::Shown),
        vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::Add(ROOT, A, bytes(1))),
            there(Remote::Add(FIRST, B, bytes(2))),
            pass(),
            there(Remote::Trash(0)),
            pass(),
            // One that the daemon never hears of makes the trash grow.
            there(Remote::Add(ROOT, C, bytes(3))),
            there(Remote::Trash(1)),
            there(Remote::Hide(0)),
            pass(),
        ],
    );
}

#[test]
fn what_comes_out_of_the_trash_during_a_pass_was_no_evidence() {
    for call in 1..20 {
        let meanwhile = vec![(call, Edit::There(Remote::Restore(0)))];
        keeps_promises(
            hiding(),
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                there(Remote::Add(ROOT, A, bytes(1))),
                there(Remote::Add(FIRST, B, bytes(2))),
                pass(),
                there(Remote::Hide(0)),
                there(Remote::Trash(0)),
                pass_as(Mode::Whole, Script { meanwhile, ..Script::default() }),
            ],
        );
    }
}

#[test]
fn our_own_deletion_is_no_evidence_about_a_folder_that_was_hidden_since() {
    keeps_promises(
        hiding(),
        vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::Add(ROOT, A, bytes(1))),
            there(Remote::Add(FIRST, B, bytes(2))),
            pass(),
            here(Local::Delete(0)),
            pass(),
            there(Remote::Hide(0)),
            pass(),
        ],
    );
}

#[test]
fn a_hidden_folder_is_not_made_anew_to_bear_witness_against_its_assets() {
    keeps_promises(
        hiding(),
        vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::Add(FIRST, B, bytes(2))),
            pass(),
            there(Remote::Hide(0)),
            here(Local::Write(FIRST, C, bytes(3))),
            pass(),
            pass(),
        ],
    );
}

#[test]
fn an_asset_that_never_came_down_and_was_trashed_before_its_folder_was_hidden_is_forgotten() {
    keeps_promises(
        hiding_with(|habits| habits.index_lag_ms = 60_000),
        vec![
            there(Remote::MakeFolder(ROOT, A)),
            pass(),
            there(Remote::Add(FIRST, B, bytes(1))),
            Step::Wait(600_000),
            there(Remote::Trash(0)),
            pass(),
            there(Remote::Hide(0)),
            pass(),
            there(Remote::Unhide),
        ],
    );
}

#[test]
fn a_folder_that_is_shown_again_while_it_is_asked_for_does_not_lie_outside() {
    for call in 1..20 {
        let mut setting = hiding();
        // The list of all assets leaves the new one out, so the database is asked, which names the folder.
        setting.habits.index_lag_ms = 240_000;
        let meanwhile = vec![(call, Edit::There(Remote::Unhide))];
        keeps_promises(
            setting,
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                pass(),
                here(Local::Write(FIRST, B, bytes(1))),
                pass(),
                there(Remote::Hide(0)),
                pass_as(Mode::Whole, Script { meanwhile, ..Script::default() }),
            ],
        );
    }
}

#[test]
fn what_was_prepared_in_a_folder_that_was_hidden_then_is_taken_away_when_that_is_seen_again() {
    for point in 1..=8 {
        // In a folder that looks removed while it is hidden, and in one below a hidden one.
        for into in [FIRST, SECOND] {
            let mut steps = vec![there(Remote::MakeFolder(ROOT, A)), there(Remote::MakeFolder(FIRST, B))];
            if into == SECOND {
                steps.push(there(Remote::Add(FIRST, A, bytes(1))));
            }
            steps.extend([
                pass(),
                here(Local::Write(into, B, bytes(2))),
                cut_at(point),
                there(Remote::Hide(0)),
                pass(),
                Step::Wait(7_200_000),
                pass(),
            ]);
            keeps_promises(hiding(), steps);
        }
    }
}

#[test]
fn what_was_prepared_in_a_folder_that_is_hidden_is_not_gone_for_a_pass_that_lists_no_folders() {
    // Hidden after the bytes were sent, whatever came before.
    for call in 1..=30 {
        let meanwhile = vec![(call, Edit::There(Remote::Hide(0)))];
        keeps_promises(
            hiding(),
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                there(Remote::Add(FIRST, A, bytes(1))),
                pass(),
                here(Local::Write(FIRST, B, bytes(2))),
                Step::Wait(3_000),
                pass_as(Mode::Poll, Script { meanwhile, ..Script::default() }),
                pass_as(Mode::Watched, Script::default()),
                pass(),
            ],
        );
    }
}

#[test]
fn a_save_that_left_no_sign_in_the_times_is_seen_before_its_file_gives_way() {
    for (there_first, rule) in [(Remote::Trash(0), "R10"), (Remote::Version(0, bytes(3)), "R7")] {
        let mut setting = Setting::plain();
        setting.nature.grain_ns = 2_000_000_000;
        let history = keeps_promises_at_once(
            setting,
            vec![
                here(Local::Write(ROOT, A, bytes(1))),
                pass(),
                // In the same grain of the clock, and as many bytes.
                here(Local::Save(0, Save::InPlace, bytes(2))),
                there(there_first),
                pass(),
            ],
        );
        assert!(history.contains(&format!("rule: {rule:?}")), "{history}");
    }
}

#[test]
fn a_save_that_left_no_sign_in_the_times_is_seen_in_a_file_that_became_a_copy() {
    let mut setting = Setting::plain();
    setting.nature.grain_ns = 2_000_000_000;
    let history = keeps_promises_at_once(
        setting,
        vec![
            here(Local::Write(ROOT, A, bytes(1))),
            there(Remote::Add(ROOT, A, bytes(2))),
            pass(),
            // In the same grain of the clock, and as many bytes; the copy comes first.
            here(Local::Save(0, Save::InPlace, bytes(3))),
            pass(),
        ],
    );
    assert!(history.contains("keep_both"), "{history}");
}

#[test]
fn an_asset_whose_fate_could_not_be_found_out_may_be_the_one_in_the_trash() {
    // What is asked about its folder breaks off, both times.
    for first in 10..=24 {
        for second in first + 1..=32 {
            let faults = vec![(first, Fault::LostAfter), (second, Fault::LostAfter)];
            keeps_promises(
                hiding(),
                vec![
                    there(Remote::MakeFolder(ROOT, A)),
                    there(Remote::MakeFolder(ROOT, B)),
                    there(Remote::Add(FIRST, A, bytes(1))),
                    there(Remote::Add(SECOND, B, bytes(2))),
                    pass(),
                    there(Remote::Hide(0)),
                    there(Remote::Trash(1)),
                    pass_as(Mode::Whole, Script { faults, ..Script::default() }),
                ],
            );
        }
    }
}

#[test]
fn a_new_version_that_is_first_seen_while_another_deletion_is_looked_into_is_not_trashed() {
    for (concurrency, seed) in [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (2, 3)] {
        let setting = Setting { concurrency, ..hiding() };
        let history = keeps_promises(
            setting,
            vec![
                there(Remote::Add(ROOT, A, bytes(1))),
                there(Remote::Add(ROOT, B, bytes(2))),
                there(Remote::Add(ROOT, C, bytes(3))),
                pass(),
                here(Local::Delete(0)),
                here(Local::Delete(0)),
                there(Remote::Trash(0)),
                there(Remote::Version(0, bytes(4))),
                pass_as(Mode::Watched, Script { seed, ..Script::default() }),
            ],
        );
        assert!(!history.contains("trash_remote"), "{history}");
    }
}

#[test]
fn an_upload_that_somebody_trashes_before_its_record_says_nothing_about_what_is_hidden() {
    for point in 1..=12 {
        let history = keeps_promises(
            hiding(),
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                there(Remote::Add(FIRST, A, bytes(1))),
                pass(),
                here(Local::Write(ROOT, B, bytes(2))),
                cut_at(point),
                there(Remote::Hide(0)),
                // The last one: there is another only where it was made before the crash.
                there(Remote::Trash(1)),
                pass(),
            ],
        );
        assert!(
            !history.contains("path: \"d1/a.txt\", asset: Some(AssetId(Number(1094))), reason: \"trashed"),
            "{history}"
        );
    }
}

#[test]
fn a_folder_with_what_was_never_agreed_on_is_new_when_it_can_be_seen_again() {
    let setting = || hiding_with(|habits| habits.checksums_given = false);
    for point in 1..=6 {
        keeps_promises(
            setting(),
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                there(Remote::Add(FIRST, A, bytes(1))),
                cut_at(point),
                there(Remote::Hide(FIRST)),
                there(Remote::Reindex(true)),
                pass_as(Mode::Poll, Script::default()),
                there(Remote::Reindex(false)),
                there(Remote::Unhide),
                pass(),
            ],
        );
    }
    keeps_promises(
        setting(),
        vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::Add(FIRST, LEFT_OUT, bytes(1))),
            pass(),
            Step::Wait(400_000),
            there(Remote::Hide(FIRST)),
            pass_as(Mode::Full, Script::default()),
            there(Remote::Unhide),
            pass(),
        ],
    );
}

#[test]
fn what_a_folder_said_before_it_was_hidden_is_no_evidence_about_an_asset_asked_for_later() {
    for call in 14..=40 {
        let meanwhile = vec![(call, Edit::There(Remote::Hide(FIRST)))];
        let mut steps = vec![there(Remote::MakeFolder(ROOT, A))];
        steps.extend((0..6).map(|number| there(Remote::Add(FIRST, number, bytes(number.into())))));
        steps.extend([pass(), there(Remote::Trash(0))]);
        steps.push(pass_as(Mode::Whole, Script { meanwhile, ..Script::default() }));
        let history = keeps_promises_at_once(hiding_with(|habits| habits.index_lag_ms = 240_000), steps);
        assert!(history.matches("trash_local").count() <= 1, "hidden at call {call}: {history}");
    }
}

#[test]
fn an_asset_that_a_late_index_shows_outside_may_be_the_one_in_the_trash() {
    for (mode, is_seen_outside) in
        [Mode::Poll, Mode::Whole, Mode::Full].into_iter().flat_map(|mode| [(mode, false), (mode, true)])
    {
        let mut steps = vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::MakeFolder(ROOT, B)),
            there(Remote::Add(FIRST, A, bytes(1))),
            here(Local::Write(ROOT, C, bytes(2))),
            pass(),
            // It was still being processed then, so it is asked for.
            there(Remote::MoveOut(1)),
            Step::Wait(600_000),
            there(Remote::Hide(0)),
        ];
        steps.extend(is_seen_outside.then(pass));
        steps.extend([
            there(Remote::MoveIn(0, SECOND)),
            there(Remote::RemoveFolder(1)),
            pass_as(mode, Script::default()),
            pass(),
        ]);
        keeps_promises(hiding_with(|habits| (habits.index_lag_ms, habits.processing_ms) = (30_000, 30)), steps);
    }
}

#[test]
fn an_asset_that_was_placed_and_not_written_down_before_its_folder_was_hidden_is_not_forgotten() {
    for (call, point) in (4..=12).flat_map(|call| [3, 4, 5].map(|point| (call, point))) {
        let meanwhile = vec![(call, Edit::There(Remote::MoveOut(0)))];
        keeps_promises(
            hiding(),
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                there(Remote::Add(FIRST, A, bytes(1))),
                cut_at(point),
                there(Remote::Hide(0)),
                pass_as(Mode::Blind, Script { meanwhile, ..Script::default() }),
                pass(),
            ],
        );
    }
}
