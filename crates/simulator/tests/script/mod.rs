//! The words that small worlds are told in: what happens here, there, and in a pass, step by step.

use damsync_simulator::disk::Crash;
use damsync_simulator::edit::{Bytes, Edit, Local, Remote};
use damsync_simulator::plan::{Mode, PassStep, Plan, Setting, Step};
use damsync_simulator::run::{Ran, run_with_trace};
use damsync_simulator::weather::Script;

pub fn bytes(number: u64) -> Bytes {
    Bytes { number, size: 40 }
}

pub fn here(local: Local) -> Step {
    Step::Edit(Edit::Here(0, local))
}

pub fn there(remote: Remote) -> Step {
    Step::Edit(Edit::There(remote))
}

pub fn pass_in(mode: Mode, script: Script, crash: Crash) -> Step {
    Step::Pass(PassStep { daemon: 0, mode, script, crash })
}

pub fn pass() -> Step {
    pass_in(Mode::Whole, Script::default(), Crash::Kill)
}

/// Every step is followed by enough time for files to be quiet. Returns the history.
pub fn keeps_promises(setting: Setting, steps: Vec<Step>) -> String {
    keeps_promises_at_once(setting, steps.into_iter().flat_map(|step| [step, Step::Wait(3_000)]).collect())
}

/// One step right after the other.
pub fn keeps_promises_at_once(setting: Setting, steps: Vec<Step>) -> String {
    told(setting, steps).histories.concat()
}

/// The same, with all that happened.
pub fn told(setting: Setting, steps: Vec<Step>) -> Ran {
    let ran = run_with_trace(&Plan { seed: 1, setting, beginning: Vec::new(), steps });
    if let Some(broken) = ran.broken {
        panic!("{broken}\n{}", ran.trace.join("\n"));
    }
    ran
}
