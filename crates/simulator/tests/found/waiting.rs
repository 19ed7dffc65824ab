//! Assets that wait for a person.

use crate::script;
use crate::{A, B, ROOT, bytes, cut_at, here, keeps_promises, pass, pass_as, there};
use damsync_model::policy::{ConflictPolicy, DeletePolicy};
use damsync_sandbox::world::habits::TrashedDetails;
use damsync_simulator::edit::{Edit, Local, Remote, Save};
use damsync_simulator::plan::{Mode, Setting, Step};
use damsync_simulator::weather::Script;

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
fn a_file_that_gets_the_name_of_what_nobody_submitted_waits_with_it_and_stays_as_it_is() {
    for conflict in [ConflictPolicy::KeepBoth, ConflictPolicy::RemoteWins] {
        let history = keeps_promises(
            Setting { conflict, ..Setting::plain() },
            vec![
                here(Local::Write(ROOT, A, bytes(1))),
                // Before the session is closed.
                cut_at(8),
                there(Remote::Trash(0)),
                pass(),
                there(Remote::Restore(0)),
                here(Local::Write(ROOT, A, bytes(2))),
                pass(),
            ],
        );
        let acts: Vec<&str> =
            history.lines().filter_map(|line| line.split("action: ").nth(1)?.split('"').nth(1)).collect();
        assert_eq!(acts, ["upload", "trash_local"], "{history}");
    }
}

/// A file whose asset is put into the trash by somebody at a call of the pass that sends it, and comes back.
fn never_submitted(call: u32) -> Vec<Step> {
    let trash = Edit::There(Remote::Trash(0));
    vec![
        here(Local::Write(ROOT, A, bytes(1))),
        pass_as(Mode::Whole, Script { meanwhile: vec![(call, trash)], ..Script::default() }),
        there(Remote::Restore(0)),
        pass(),
    ]
}

#[test]
fn looking_at_an_asset_that_waits_for_a_person_is_quiet() {
    let mut waits = 0;
    // After some of these times it is due in the very pass that has nothing else to do.
    for (call, seconds) in (16..=18).flat_map(|call| (590..606).map(move |seconds| (call, seconds))) {
        let mut steps: Vec<Step> =
            never_submitted(call).into_iter().flat_map(|step| [step, Step::Wait(3_000)]).collect();
        steps.push(Step::Wait(seconds * 1_000));
        let ran = script::told(Setting::plain(), steps);
        waits += u32::from(ran.trace.iter().any(|line| line.contains("state: \"submission\"")));
    }
    assert!(waits > 0, "nobody had to submit it");
}

#[test]
fn a_file_is_edited_whose_asset_was_moved_out_and_trashed_there() {
    for delete in [DeletePolicy::Trash, DeletePolicy::Keep] {
        let mut setting = Setting::plain();
        setting.delete = delete;
        setting.habits.trashed_details = TrashedDetails::NotFound;
        keeps_promises(
            setting,
            vec![
                there(Remote::Add(ROOT, A, bytes(1))),
                pass(),
                there(Remote::MoveOut(0)),
                pass(),
                there(Remote::Trash(0)),
                here(Local::Save(0, Save::InPlace, bytes(2))),
                pass(),
            ],
        );
    }
}

#[test]
fn the_name_of_a_deleted_file_whose_asset_waits_for_a_person_is_not_waited_for() {
    for call in 16..=18 {
        let mut steps = never_submitted(call);
        steps.extend([
            there(Remote::Rename(0, B)),
            there(Remote::Add(ROOT, A, bytes(2))),
            here(Local::Delete(0)),
            pass(),
        ]);
        keeps_promises(Setting::plain(), steps);
    }
}
