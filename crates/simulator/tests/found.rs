//! Small worlds in which the simulator once found a promise broken.

use damsync_sandbox::world::habits::{FolderDelete, TrashedDetails};
use damsync_simulator::disk::Crash;
use damsync_simulator::edit::{Bytes, Edit, Local, Remote, Save};
use damsync_simulator::plan::{Mode, PassStep, Plan, Setting, Step};
use damsync_simulator::run::run;
use damsync_simulator::weather::{CutOff, Fault, Script};

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

#[test]
fn a_hidden_folder_is_not_taken_for_deleted_because_something_else_was_trashed() {
    for lag in [0, 30_000] {
        let mut setting = hiding();
        setting.habits.index_lag_ms = lag;
        keeps_promises(
            setting,
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
    let mut setting = hiding();
    setting.habits.processing_ms = 600_000;
    keeps_promises(
        setting,
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
    let mut setting = hiding();
    setting.habits.trashed_details = TrashedDetails::Shown;
    keeps_promises(
        setting,
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
fn a_new_directory_below_one_that_was_removed_there_brings_it_back() {
    keeps_promises(
        Setting::plain(),
        vec![
            there(Remote::MakeFolder(ROOT, A)),
            pass(),
            here(Local::MakeDir(FIRST, B)),
            there(Remote::RemoveFolder(0)),
            pass(),
        ],
    );
}

#[test]
fn a_directory_that_holds_only_what_is_left_out_is_no_failure_when_it_was_removed_there() {
    keeps_promises(
        Setting::plain(),
        vec![
            there(Remote::MakeFolder(ROOT, A)),
            pass(),
            here(Local::Write(FIRST, LEFT_OUT, bytes(1))),
            there(Remote::RemoveFolder(0)),
            pass(),
        ],
    );
}

#[test]
fn an_asset_that_was_renamed_in_a_folder_that_was_removed_does_not_end_the_pass() {
    let mut setting = Setting::plain();
    setting.habits.folder_delete = FolderDelete::Trash;
    keeps_promises(
        setting,
        vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::Add(FIRST, A, bytes(1))),
            pass(),
            there(Remote::Rename(0, B)),
            there(Remote::RemoveFolder(0)),
            pass(),
        ],
    );
}

#[test]
fn a_folder_whose_name_a_file_has_here_gets_the_name_for_doubles() {
    keeps_promises(
        Setting::plain(),
        vec![here(Local::Write(ROOT, D, bytes(1))), pass(), there(Remote::MakeFolder(ROOT, D)), pass()],
    );
}

#[test]
fn a_rename_that_is_first_seen_in_the_answer_to_a_push_is_not_lost() {
    let mut setting = Setting::plain();
    setting.habits.version_renames = false;
    setting.habits.index_lag_ms = 240_000;
    let rename = Edit::There(Remote::Rename(0, B));
    keeps_promises(
        setting,
        vec![
            here(Local::Write(ROOT, A, bytes(1))),
            pass(),
            Step::Wait(600_000),
            here(Local::Save(0, Save::InPlace, bytes(2))),
            Step::Wait(3_000),
            pass_as(Mode::Poll, Script { meanwhile: vec![(4, rename)], ..Script::default() }),
        ],
    );
}

#[test]
fn an_asset_that_comes_back_does_not_take_the_name_that_another_has_now() {
    keeps_promises(
        Setting::plain(),
        vec![
            there(Remote::Add(ROOT, A, bytes(1))),
            pass(),
            here(Local::Delete(0)),
            pass(),
            here(Local::Write(ROOT, A, bytes(2))),
            pass(),
            there(Remote::Restore(0)),
            pass(),
        ],
    );
}

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
        steps.extend([cut_at(1), pass()]);
        keeps_promises(Setting::plain(), steps);
    }
}

#[test]
fn an_edit_of_an_asset_whose_folder_is_gone_becomes_a_new_asset() {
    let mut setting = Setting::plain();
    setting.habits.folder_delete = FolderDelete::Trash;
    keeps_promises(
        setting,
        vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::Add(FIRST, A, bytes(1))),
            pass(),
            there(Remote::RemoveFolder(0)),
            here(Local::Save(0, Save::InPlace, bytes(2))),
            pass(),
        ],
    );
}

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
fn a_folder_that_comes_back_does_not_take_the_directory_of_one_that_is_called_as_its_directory_was() {
    keeps_promises(
        hiding(),
        vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::MakeFolder(ROOT, A)),
            pass(),
            // It is empty, so it looks removed. The file brings its directory back, as a folder with the marked name.
            there(Remote::Hide(1)),
            here(Local::Write(2, A, bytes(1))),
            pass(),
            there(Remote::Unhide),
            pass(),
        ],
    );
}

#[test]
fn a_file_in_the_place_of_a_directory_means_that_what_was_in_that_is_deleted() {
    keeps_promises(
        Setting::plain(),
        vec![
            there(Remote::MakeFolder(ROOT, D)),
            there(Remote::Add(FIRST, A, bytes(1))),
            pass(),
            here(Local::DeleteDir(0)),
            here(Local::Write(ROOT, D, bytes(2))),
            pass(),
        ],
    );
}

#[test]
fn what_was_restored_before_anybody_submitted_it_waits_and_keeps_its_file() {
    let save = Edit::Here(0, Local::Save(0, Save::InPlace, bytes(2)));
    for point in 6..=9 {
        keeps_promises(
            Setting::plain(),
            vec![
                here(Local::Write(ROOT, B, bytes(1))),
                cut_at(point),
                there(Remote::Trash(0)),
                // Saved after it was listed: the session is closed before the asset is restored.
                pass_as(Mode::Whole, Script { meanwhile: vec![(6, save.clone())], ..Script::default() }),
                pass(),
            ],
        );
    }
}

#[test]
fn two_assets_that_get_one_name_in_one_answer_get_two_here() {
    keeps_promises(
        Setting::plain(),
        vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::Add(ROOT, A, bytes(1))),
            there(Remote::Add(FIRST, B, bytes(2))),
            pass(),
            there(Remote::Rename(0, B)),
            there(Remote::Move(1, ROOT)),
            pass(),
        ],
    );
}

/// A file whose asset was put into the trash before it was submitted, and came back.
fn never_submitted() -> Vec<Step> {
    let trash = Edit::There(Remote::Trash(0));
    vec![
        here(Local::Write(ROOT, A, bytes(1))),
        pass_as(Mode::Whole, Script { meanwhile: vec![(16, trash)], ..Script::default() }),
        there(Remote::Restore(0)),
        pass(),
    ]
}

#[test]
fn looking_at_an_asset_that_waits_for_a_person_is_quiet() {
    // After some of these waits it is due in the very pass that has nothing else to do.
    for seconds in 590..606 {
        let mut steps = never_submitted();
        steps.push(Step::Wait(seconds * 1_000));
        keeps_promises(Setting::plain(), steps);
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
fn an_asset_that_never_came_down_and_was_trashed_before_its_folder_was_hidden_is_forgotten() {
    let mut setting = hiding();
    setting.habits.index_lag_ms = 60_000;
    keeps_promises(
        setting,
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
fn a_rename_between_an_upload_and_its_record_is_followed() {
    for point in 6..=9 {
        keeps_promises(
            Setting::plain(),
            vec![here(Local::Write(ROOT, A, bytes(1))), cut_at(point), there(Remote::Rename(0, B)), pass()],
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
fn a_directory_may_be_called_as_a_folder_is_whose_directory_had_another_name_and_is_gone() {
    keeps_promises(
        Setting::plain(),
        vec![
            // A file has its name here, so its directory gets the one for doubles.
            here(Local::Write(ROOT, D, bytes(1))),
            there(Remote::MakeFolder(ROOT, D)),
            there(Remote::Add(FIRST, LEFT_OUT, bytes(2))),
            pass(),
            here(Local::DeleteDir(0)),
            here(Local::Delete(0)),
            pass(),
            here(Local::MakeDir(ROOT, D)),
            pass(),
        ],
    );
}

#[test]
fn a_file_that_is_left_out_stays_when_its_asset_is_renamed_and_moved_on() {
    keeps_promises(
        Setting::plain(),
        vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::Add(ROOT, A, bytes(1))),
            pass(),
            there(Remote::Rename(0, LEFT_OUT)),
            pass(),
            there(Remote::Rename(0, C)),
            there(Remote::Move(0, FIRST)),
            pass(),
        ],
    );
}

#[test]
fn a_version_that_is_gone_back_to_may_have_gone_on_as_a_file_of_its_own() {
    keeps_promises(
        Setting::plain(),
        vec![
            here(Local::Write(ROOT, DECOMPOSED, bytes(1))),
            pass(),
            // Now this is the asset's file, and the other one is left out.
            here(Local::Write(ROOT, COMPOSED, bytes(2))),
            pass(),
            there(Remote::Rename(0, A)),
            pass(),
            pass(),
            there(Remote::Revert(0)),
            pass(),
        ],
    );
}

#[test]
fn a_name_that_is_passed_on_is_taken_only_when_it_is_written_down_that_it_is_free() {
    for seed in 0..100 {
        let mut setting = Setting::plain();
        setting.concurrency = 4;
        let history = keeps_promises(
            setting,
            vec![
                there(Remote::Add(ROOT, A, bytes(1))),
                there(Remote::Add(ROOT, B, bytes(2))),
                pass(),
                there(Remote::Rename(0, B)),
                there(Remote::Rename(1, C)),
                pass_as(Mode::Whole, Script { seed, ..Script::default() }),
            ],
        );
        assert!(!history.contains("conflict"), "{history}");
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
