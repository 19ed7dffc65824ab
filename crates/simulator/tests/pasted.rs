//! What a failing world is printed as compiles, and is the same world.

use damsync_model::name::Folding;
use damsync_model::plan::Rule;
use damsync_model::policy::{ConflictPolicy, DeletePolicy, Direction, MaxDelete};
use damsync_reconciler::crash::CrashPoint;
use damsync_sandbox::world::Habits;
use damsync_sandbox::world::habits::{
    AddVersionAnswer, AllIdsShape, Downloads, FolderDelete, HeadMoves, TrashedDetails,
};
use damsync_simulator::cells::{Cell, Trouble};
use damsync_simulator::disk::{Crash, Nature};
use damsync_simulator::edit::{Bytes, Edit, Local, Remote, Right, Save};
use damsync_simulator::meddle::Meddling;
use damsync_simulator::paste::as_test;
use damsync_simulator::plan::{Mode, PassStep, Plan, Setting, Step, Whose};
use damsync_simulator::run::run_with_trace;
use damsync_simulator::weather::{CutOff, Fault, Script};

include!("pasted/seed_1.rs");

/// A little of everything.
fn everything() -> Plan {
    let bytes = Bytes { number: 7, size: 40 };
    let quiet = |daemon| PassStep { daemon, mode: Mode::Whole, script: Script::default(), crash: Crash::Kill };
    let rough = PassStep {
        daemon: 0,
        mode: Mode::Poll,
        script: Script {
            seed: 3,
            faults: vec![(4, Fault::Body(33)), (5, Fault::DiskFull)],
            meanwhile: vec![(2, Edit::There(Remote::Version(0, bytes))), (3, Edit::Here(0, Local::Touch(0)))],
            cut: Some(CutOff::Point(2)),
            aim: Some(Cell { rule: Rule::R2, action: "download", trouble: Trouble::Crash(CrashPoint::Placed) }),
            then: Some(Meddling::TakesBack),
        },
        crash: Crash::PowerCut,
    };
    Plan {
        seed: 1,
        setting: Setting { daemons: 2, ..Setting::plain() },
        beginning: vec![Edit::There(Remote::MakeFolder(0, 0)), Edit::There(Remote::Add(1, 0, bytes))],
        steps: vec![
            Step::Wait(3_000),
            Step::Pass(quiet(0)),
            Step::Edit(Edit::Here(0, Local::Save(0, Save::Anew, bytes))),
            Step::Edit(Edit::There(Remote::Forbid(Right::Upload))),
            Step::Pass(rough),
            Step::Both(quiet(0), quiet(1)),
            Step::Bring(0, Rule::R10, "restore_remote", 5),
            Step::PowerCut(0, 9),
            Step::Mount(1, false),
            Step::Token(0, Whose::Strangers),
        ],
    }
}

#[test]
fn the_text_of_a_world_is_the_test_that_was_pasted() {
    assert_eq!(as_test(&everything(), "an example"), include_str!("pasted/seed_1.rs"));
}
