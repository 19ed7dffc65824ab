//! Which name a file or a directory gets when several want it, and who has it afterwards.

use crate::{
    A, B, C, COMPOSED, D, DECOMPOSED, FIRST, LEFT_OUT, ROOT, bytes, cut_at, here, hiding, keeps_promises, pass,
    pass_as, there,
};
use damsync_model::policy::DeletePolicy;
use damsync_simulator::edit::{Edit, Local, Remote, Save};
use damsync_simulator::plan::{Mode, Setting, Step, Whose};
use damsync_simulator::weather::{CutOff, Script};

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
fn an_asset_whose_file_is_left_out_leaves_its_new_name_to_another() {
    keeps_promises(
        Setting::plain(),
        vec![
            there(Remote::Add(ROOT, A, bytes(1))),
            pass(),
            there(Remote::Rename(0, LEFT_OUT)),
            there(Remote::Add(ROOT, B, bytes(2))),
            pass(),
            there(Remote::Rename(0, B)),
            pass(),
        ],
    );
}

#[test]
fn an_asset_in_whose_place_a_directory_stands_leaves_its_new_name_to_another() {
    keeps_promises(
        Setting::plain(),
        vec![
            here(Local::Write(ROOT, D, bytes(1))),
            pass(),
            here(Local::Write(ROOT, A, bytes(2))),
            pass(),
            here(Local::Delete(1)),
            here(Local::MakeDir(ROOT, D)),
            there(Remote::Rename(0, A)),
            pass(),
        ],
    );
}

#[test]
fn an_asset_in_whose_place_a_directory_stands_leaves_its_new_name_to_a_file_that_comes_later() {
    keeps_promises(
        Setting::plain(),
        vec![
            here(Local::Write(ROOT, D, bytes(1))),
            pass(),
            here(Local::Delete(0)),
            here(Local::MakeDir(ROOT, D)),
            there(Remote::Rename(0, A)),
            pass(),
            here(Local::Write(ROOT, A, bytes(2))),
            pass(),
        ],
    );
}

#[test]
fn directories_of_storage_folders_with_one_name_stay_theirs_when_both_sides_are_joined_anew() {
    let mut doubles = 0;
    for call in 4..=24 {
        let meanwhile = vec![(call, Edit::There(Remote::MakeFolder(ROOT, A)))];
        let history = keeps_promises(
            Setting::plain(),
            vec![
                // Who is its own user again in the end is attached anew.
                Step::Token(0, Whose::Strangers),
                here(Local::MakeDir(ROOT, A)),
                here(Local::Write(FIRST, A, bytes(1))),
                pass_as(Mode::Whole, Script { meanwhile, ..Script::default() }),
                pass(),
            ],
        );
        doubles += u32::from(history.contains("d1~"));
        assert!(history.matches("make_remote_folder").count() <= 1, "{history}");
    }
    assert!(doubles > 0, "the folder was never made twice");
}

#[test]
fn a_name_that_is_to_be_left_is_not_taken_in_another_form_before_it_is() {
    keeps_promises(
        Setting::plain(),
        vec![
            there(Remote::Add(ROOT, COMPOSED, bytes(1))),
            there(Remote::Add(ROOT, A, bytes(2))),
            pass(),
            there(Remote::Rename(1, LEFT_OUT)),
            there(Remote::Rename(0, A)),
            there(Remote::Add(ROOT, DECOMPOSED, bytes(3))),
            pass(),
        ],
    );
}

#[test]
fn an_asset_whose_name_changes_in_its_form_alone_keeps_the_name_of_its_file() {
    keeps_promises(
        Setting::plain(),
        vec![
            there(Remote::Add(ROOT, A, bytes(1))),
            there(Remote::Add(ROOT, DECOMPOSED, bytes(2))),
            pass(),
            // It looks as if both were leaving their names, and one of them stays.
            there(Remote::Rename(0, DECOMPOSED)),
            there(Remote::Rename(1, COMPOSED)),
            pass(),
        ],
    );
}

#[test]
fn a_name_that_its_asset_was_given_back_is_not_waited_for() {
    for (point, (name, again)) in (1..=8).flat_map(|point| [(point, (A, A)), (point, (COMPOSED, DECOMPOSED))]) {
        keeps_promises(
            Setting::plain(),
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                there(Remote::Add(ROOT, name, bytes(1))),
                there(Remote::Add(FIRST, name, bytes(2))),
                pass(),
                there(Remote::Move(1, ROOT)),
                there(Remote::Rename(0, B)),
                cut_at(point),
                there(Remote::Rename(0, again)),
                pass(),
            ],
        );
    }
}

#[test]
fn a_file_keeps_its_name_before_a_folder_when_both_sides_are_joined_anew() {
    for checksums_given in [true, false] {
        let mut setting = Setting::plain();
        setting.daemons = 2;
        setting.habits.checksums_given = checksums_given;
        let history = keeps_promises(
            setting,
            vec![
                // Who is its own user again in the end is attached anew; the other one makes the folder right after that.
                Step::Token(0, Whose::Strangers),
                here(Local::Write(ROOT, D, bytes(1))),
                pass(),
                Step::Edit(Edit::Here(1, Local::MakeDir(ROOT, D))),
            ],
        );
        assert_eq!(history.matches("\"upload\"").count(), 1, "{history}");
    }
}

#[test]
fn what_was_left_out_is_gone_with_its_directory_once_its_asset_is_called_otherwise() {
    for renamed_first in [true, false] {
        let rename = || there(Remote::Rename(0, B));
        let delete = || here(Local::DeleteDir(0));
        let mut steps = vec![
            there(Remote::MakeFolder(ROOT, A)),
            there(Remote::Add(FIRST, A, bytes(1))),
            pass(),
            there(Remote::Rename(0, LEFT_OUT)),
            pass(),
        ];
        steps.extend(if renamed_first { [rename(), delete()] } else { [delete(), rename()] });
        steps.push(pass());
        let history = keeps_promises(Setting::plain(), steps);
        assert!(!history.contains("trash_remote"), "{history}");
    }
}

#[test]
fn a_name_that_a_kept_file_has_is_not_waited_for() {
    let keeping = || Setting { delete: DeletePolicy::Keep, ..Setting::plain() };
    for call in 6..=16 {
        let cut_off = Script { cut: Some(CutOff::Before(call)), ..Script::default() };
        let steps = vec![
            there(Remote::MakeFolder(ROOT, D)),
            there(Remote::Add(ROOT, A, bytes(1))),
            there(Remote::Add(ROOT, B, bytes(2))),
            pass(),
            there(Remote::Move(0, FIRST)),
            // The move is seen, and not made here.
            pass_as(Mode::Whole, cut_off),
            there(Remote::Trash(0)),
            there(Remote::Rename(0, A)),
            pass(),
        ];
        keeps_promises(keeping(), steps);
    }
}

#[test]
fn a_file_that_a_directory_kept_from_its_name_is_not_looked_for_for_ever() {
    let directories = || [there(Remote::MakeFolder(ROOT, D)), here(Local::MakeDir(ROOT, D))];
    for (point, directory) in (1..=4).flat_map(|point| directories().map(|directory| (point, directory))) {
        keeps_promises(
            Setting::plain(),
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                there(Remote::Add(ROOT, D, bytes(1))),
                // It is given its name, and does not come down.
                cut_at(point),
                directory,
                pass(),
                there(Remote::Move(0, FIRST)),
                pass(),
            ],
        );
    }
}
