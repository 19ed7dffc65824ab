//! Crashes and failures between an act and its record.

use crate::{A, B, C, D, FIRST, ROOT, bytes, cut_at, here, keeps_promises, pass, pass_as, there};
use damsync_model::policy::ConflictPolicy;
use damsync_simulator::disk::Crash;
use damsync_simulator::edit::{Edit, Local, Remote, Save};
use damsync_simulator::plan::{Mode, PassStep, Setting, Step};
use damsync_simulator::weather::{CutOff, Fault, Script};

#[test]
fn a_file_that_was_moved_before_a_crash_is_known_again() {
    for edited in [false, true] {
        let mut steps = vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::Add(ROOT, A, bytes(1))),
            pass(),
            there(Remote::Move(0, FIRST)),
        ];
        if edited {
            steps.push(here(Local::Save(0, Save::InPlace, bytes(2))));
        }
        for point in 1..=2 {
            let mut steps = steps.clone();
            steps.extend([cut_at(point), pass()]);
            keeps_promises(Setting::plain(), steps);
        }
    }
}

#[test]
fn a_file_that_was_moved_before_a_crash_is_known_again_when_its_asset_has_moved_back() {
    let renamed = (there(Remote::Rename(0, B)), there(Remote::Rename(0, A)));
    for (away, back) in [(there(Remote::Move(0, FIRST)), there(Remote::Move(0, ROOT))), renamed] {
        for edited in [None, Some(Save::InPlace), Some(Save::Anew)] {
            for point in 1..=2 {
                let mut steps = vec![
                    there(Remote::MakeFolder(ROOT, A)),
                    there(Remote::Add(ROOT, A, bytes(1))),
                    pass(),
                    away.clone(),
                    cut_at(point),
                    back.clone(),
                ];
                steps.extend(edited.map(|save| here(Local::Save(0, save, bytes(2)))));
                steps.push(pass());
                let history = keeps_promises(Setting::plain(), steps);
                assert!(!history.contains("trash_remote") && !history.contains("\"upload\""), "{history}");
            }
        }
    }
}

#[test]
fn a_file_that_was_moved_before_a_crash_is_known_again_although_it_cannot_be_looked_for_at_first() {
    for (call, back) in (1..=24).flat_map(|call| [(call, false), (call, true)]) {
        let mut steps = vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::Add(ROOT, A, bytes(1))),
            pass(),
            there(Remote::Move(0, FIRST)),
            cut_at(2),
        ];
        steps.extend(back.then(|| there(Remote::Move(0, ROOT))));
        let fails = Script { faults: vec![(call, Fault::DiskFails)], ..Script::default() };
        steps.extend([pass_as(Mode::Whole, fails), pass()]);
        let history = keeps_promises(Setting::plain(), steps);
        assert!(!history.contains("trash_remote") && !history.contains("\"upload\""), "{history}");
    }
}

#[test]
fn a_file_that_went_to_the_trash_before_a_crash_was_not_deleted_by_anybody_here() {
    let restored = (there(Remote::Trash(0)), there(Remote::Restore(0)));
    for (away, back) in [(there(Remote::MoveOut(0)), there(Remote::MoveIn(0, ROOT))), restored] {
        for point in 1..=2 {
            let history = keeps_promises(
                Setting::plain(),
                vec![
                    there(Remote::Add(ROOT, A, bytes(1))),
                    there(Remote::Add(ROOT, B, bytes(2))),
                    pass(),
                    away.clone(),
                    cut_at(point),
                    back.clone(),
                    pass(),
                ],
            );
            assert!(!history.contains("trash_remote"), "{history}");
        }
    }
}

#[test]
fn every_crash_in_a_first_upload_is_survived() {
    for point in 1..=12 {
        for lag in [0, 30_000] {
            let mut setting = Setting::plain();
            setting.habits.index_lag_ms = lag;
            keeps_promises(setting, vec![here(Local::Write(ROOT, A, bytes(1))), cut_at(point), pass()]);
        }
    }
}

#[test]
fn a_directory_that_was_made_before_a_crash_is_its_folders() {
    for point in 1..=3 {
        let history = keeps_promises(
            Setting::plain(),
            vec![
                here(Local::Write(ROOT, D, bytes(1))),
                pass(),
                // A file has its name here, so its directory gets the one for doubles.
                there(Remote::MakeFolder(ROOT, D)),
                cut_at(point),
                pass(),
                there(Remote::Add(FIRST, A, bytes(2))),
                pass(),
            ],
        );
        assert!(!history.contains("make_remote_folder"), "{history}");
    }
}

#[test]
fn a_directory_made_under_the_name_for_doubles_is_its_folders_although_the_pass_failed_right_after() {
    let fails_at = |call| Script { faults: vec![(call, Fault::DiskFails)], ..Script::default() };
    let cut = |cut_off| Script { cut: Some(cut_off), ..Script::default() };
    let scripts = (1..=24).flat_map(|call| [fails_at(call), cut(CutOff::Before(call)), cut(CutOff::After(call))]);
    for script in scripts {
        keeps_promises(
            Setting::plain(),
            vec![
                here(Local::Write(ROOT, D, bytes(1))),
                pass(),
                there(Remote::MakeFolder(ROOT, D)),
                there(Remote::Add(FIRST, A, bytes(2))),
                pass_as(Mode::Whole, script),
                pass(),
                there(Remote::Move(0, ROOT)),
                pass(),
            ],
        );
    }
}

#[test]
fn whoever_deletes_a_file_that_followed_its_asset_deletes_what_it_held_before() {
    for point in 1..=4 {
        let mut setting = Setting::plain();
        setting.habits.processing_ms = 60_000;
        let history = keeps_promises(
            setting,
            vec![
                there(Remote::Add(ROOT, A, bytes(1))),
                pass(),
                here(Local::Save(0, Save::InPlace, bytes(2))),
                // What was prepared then counts as a version, so the server's word is awaited before the next is sent.
                cut_at(point),
                pass(),
                here(Local::Save(0, Save::InPlace, bytes(3))),
                there(Remote::Rename(0, B)),
                pass(),
                here(Local::Delete(0)),
                Step::Wait(600_000),
                pass(),
            ],
        );
        assert!(history.contains("trash_remote"), "{history}");
    }
}

#[test]
fn a_download_that_was_placed_before_a_crash_is_its_assets_also_when_that_was_renamed_since() {
    for point in 1..=6 {
        for moved in [false, true] {
            let history = keeps_promises(
                Setting::plain(),
                vec![
                    there(Remote::MakeFolder(ROOT, A)),
                    pass(),
                    there(Remote::Add(ROOT, A, bytes(1))),
                    cut_at(point),
                    there(if moved { Remote::Move(0, FIRST) } else { Remote::Rename(0, B) }),
                    pass(),
                ],
            );
            assert!(!history.contains("\"upload\""), "{history}");
        }
    }
}

#[test]
fn a_download_that_was_placed_before_a_crash_is_its_assets_also_where_the_server_tells_no_checksum() {
    for point in 1..=6 {
        let mut setting = Setting::plain();
        setting.habits.checksums_given = false;
        let history = keeps_promises(
            setting,
            vec![pass(), there(Remote::Add(ROOT, A, bytes(1))), cut_at(point), there(Remote::Rename(0, B)), pass()],
        );
        assert!(!history.contains("\"upload\""), "{history}");
    }
}

#[test]
fn a_rename_between_an_upload_and_its_record_is_followed() {
    for point in 6..=9 {
        keeps_promises(
            Setting::plain(),
            vec![here(Local::Write(ROOT, A, bytes(1))), cut_at(point), there(Remote::Rename(0, B)), pass()],
        );
    }
}

#[test]
fn a_file_that_made_room_before_a_crash_was_not_deleted_by_anybody_here() {
    for (call, seed) in (15..=18).flat_map(|call| (0..6).map(move |seed| (call, seed))) {
        let script = Script { seed, cut: Some(CutOff::Inside(call)), ..Script::default() };
        let history = keeps_promises(
            Setting::plain(),
            vec![
                there(Remote::Add(ROOT, A, bytes(1))),
                there(Remote::Add(ROOT, B, bytes(2))),
                pass(),
                here(Local::Save(0, Save::InPlace, bytes(3))),
                there(Remote::Version(0, bytes(4))),
                // Between the two renames, so that its copy has its new name and nothing stands under the old one.
                Step::Pass(PassStep { daemon: 0, mode: Mode::Whole, script, crash: Crash::PowerCut }),
                there(Remote::Revert(0)),
                pass(),
            ],
        );
        assert!(!history.contains("trash_remote"), "{history}");
    }
}

#[test]
fn a_late_index_does_not_take_back_a_move_that_left_no_sign_in_the_times() {
    for point in 1..=4 {
        let mut setting = Setting::plain();
        setting.habits.index_lag_ms = 240_000;
        setting.habits.move_bumps = false;
        let history = keeps_promises(
            setting,
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                here(Local::Write(ROOT, C, bytes(1))),
                pass(),
                Step::Wait(7_200_000),
                there(Remote::Move(0, FIRST)),
                pass_as(Mode::Full, Script { cut: Some(CutOff::Point(point)), ..Script::default() }),
                pass(),
            ],
        );
        assert!(!history.contains("trash_remote"), "{history}");
    }
}

#[test]
fn a_version_that_somebody_adds_between_an_upload_and_its_record_comes_down() {
    for point in 6..=9 {
        for checksums_given in [true, false] {
            let mut setting = Setting::plain();
            setting.habits.checksums_given = checksums_given;
            keeps_promises(
                setting,
                vec![here(Local::Write(ROOT, A, bytes(1))), cut_at(point), there(Remote::Version(0, bytes(2))), pass()],
            );
        }
    }
}

#[test]
fn a_version_does_not_take_the_place_of_an_interrupted_upload_that_is_not_settled_yet() {
    let mut setting = Setting::plain();
    setting.conflict = ConflictPolicy::LocalWins;
    for (point, call) in (2..=8).flat_map(|point| (4..=9).map(move |call| (point, call))) {
        let unanswered = Script { faults: vec![(call, Fault::LostAfter)], ..Script::default() };
        keeps_promises(
            setting.clone(),
            vec![
                here(Local::Write(ROOT, A, bytes(1))),
                cut_at(point),
                there(Remote::Add(ROOT, A, bytes(2))),
                pass_as(Mode::Whole, unanswered),
            ],
        );
    }
}

#[test]
fn a_download_into_a_new_place_that_was_placed_before_a_crash_is_its_assets() {
    let mut setting = Setting::plain();
    setting.habits.checksums_given = false;
    for point in 1..=8 {
        keeps_promises(
            setting.clone(),
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                there(Remote::Add(FIRST, A, bytes(1))),
                pass(),
                there(Remote::Version(0, bytes(2))),
                Step::Wait(400_000),
                there(Remote::Move(0, ROOT)),
                here(Local::Delete(0)),
                cut_at(point),
                pass(),
            ],
        );
    }
}

#[test]
fn what_was_prepared_in_a_folder_that_is_hidden_meanwhile_is_not_left_behind() {
    for (point, call) in (2..=8).flat_map(|point| (5..=12).map(move |call| (point, call))) {
        let hide = Edit::There(Remote::Hide(0));
        keeps_promises(
            Setting::plain(),
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                pass(),
                here(Local::Write(FIRST, A, bytes(1))),
                cut_at(point),
                pass_as(Mode::Whole, Script { meanwhile: vec![(call, hide)], ..Script::default() }),
                pass(),
            ],
        );
    }
}

#[test]
fn a_directory_that_could_not_be_made_durable_is_agreed_on_only_when_it_is() {
    let removed = [false, true];
    for (call, removed, number) in (8..=20)
        .flat_map(|call| removed.map(|removed| (call, removed)))
        .flat_map(|(call, removed)| (0..4).map(move |number| (call, removed, number)))
    {
        let fails = Script { faults: vec![(call, Fault::DiskFails)], ..Script::default() };
        let mut steps = vec![pass(), there(Remote::MakeFolder(ROOT, A)), pass_as(Mode::Full, fails)];
        steps.extend(removed.then(|| there(Remote::RemoveFolder(0))));
        steps.extend([pass_as(Mode::Full, Script::default()), Step::PowerCut(0, number), pass()]);
        let history = keeps_promises(Setting::plain(), steps);
        assert!(!history.contains("remove_remote_folder"), "{history}");
    }
}

#[test]
fn what_was_moved_out_before_it_was_written_down_here_is_its_assets_all_the_same() {
    for point in 1..=6 {
        let history = keeps_promises(
            Setting::plain(),
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                there(Remote::Add(ROOT, A, bytes(1))),
                cut_at(point),
                there(Remote::MoveOut(0)),
                pass(),
                there(Remote::MoveIn(0, FIRST)),
                pass(),
            ],
        );
        assert!(!history.contains("upload"), "{history}");
    }
}

#[test]
fn a_download_that_was_placed_before_a_crash_is_its_assets_also_if_that_was_renamed_before_and_after() {
    for point in 1..=8 {
        let history = keeps_promises(
            Setting::plain(),
            vec![
                there(Remote::Add(ROOT, A, bytes(1))),
                pass(),
                there(Remote::Version(0, bytes(2))),
                there(Remote::Rename(0, B)),
                here(Local::Delete(0)),
                cut_at(point),
                there(Remote::Rename(0, A)),
                pass(),
            ],
        );
        assert!(!history.contains("upload"), "{history}");
    }
}
