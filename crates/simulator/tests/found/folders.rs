//! Folders that were removed on one side, and what is in them on the other.

use crate::{
    A, B, D, FIRST, LEFT_OUT, ROOT, SECOND, bytes, here, keeps_promises, pass, pass_as, there, trashing_with_folders,
};
use damsync_sandbox::world::habits::FolderDelete;
use damsync_simulator::edit::{Edit, Local, Remote, Save};
use damsync_simulator::plan::{Mode, Setting};
use damsync_simulator::weather::{Fault, Script};

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
    keeps_promises(
        trashing_with_folders(),
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
fn an_edit_of_an_asset_whose_folder_is_gone_becomes_a_new_asset() {
    keeps_promises(
        trashing_with_folders(),
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
fn an_asset_that_comes_into_a_folder_that_is_removed_keeps_it_or_came_after_the_last_look() {
    for call in 1..=40 {
        let mut setting = Setting::plain();
        setting.habits.folder_delete = FolderDelete::Trash;
        let meanwhile = vec![(call, Edit::There(Remote::Move(1, FIRST)))];
        keeps_promises(
            setting,
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                there(Remote::Add(FIRST, A, bytes(1))),
                there(Remote::Add(ROOT, B, bytes(2))),
                pass(),
                here(Local::DeleteDir(0)),
                pass_as(Mode::Whole, Script { meanwhile, ..Script::default() }),
            ],
        );
    }
}

#[test]
fn a_folder_is_not_removed_while_one_is_in_it_that_is_not_known_here() {
    let history = keeps_promises(
        trashing_with_folders(),
        vec![
            here(Local::MakeDir(ROOT, A)),
            pass(),
            here(Local::DeleteDir(FIRST)),
            there(Remote::MakeFolder(FIRST, B)),
            there(Remote::Add(SECOND, A, bytes(1))),
            pass_as(Mode::Watched, Script::default()),
            pass(),
        ],
    );
    assert!(!history.contains("remove_remote_folder"), "{history}");
}

#[test]
fn of_two_folders_with_one_name_the_one_that_is_known_is_not_what_a_lost_answer_told_of() {
    for call in 5..=30 {
        let lost = Script { faults: vec![(call, Fault::LostAfter)], ..Script::default() };
        let history = keeps_promises(
            Setting::plain(),
            vec![
                there(Remote::MakeFolder(ROOT, A)),
                there(Remote::MakeFolder(ROOT, A)),
                pass(),
                here(Local::DeleteDir(0)),
                pass(),
                here(Local::MakeDir(ROOT, A)),
                pass_as(Mode::Whole, lost),
                pass(),
            ],
        );
        assert!(history.contains("make_remote_folder"), "{history}");
    }
}
