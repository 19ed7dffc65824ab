//! Worlds from many seeds keep the promises; `DAMSYNC_WORLDS` says how many, `DAMSYNC_WORLDS_FROM` from which seed on.

use damsync_simulator::plan::Plan;
use damsync_simulator::run::{run, run_with_trace};
use damsync_simulator::shrink::shrink;

/// As many as a developer's machine runs in about half a minute without optimisation.
const WORLDS: u64 = 250;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn worlds_keep_the_promises() {
    let from = setting("DAMSYNC_WORLDS_FROM", 0);
    for seed in from..from + setting("DAMSYNC_WORLDS", WORLDS) {
        let plan = Plan::from_seed(seed);
        let Some(broken) = run(&plan).broken else { continue };
        let short = shrink(&plan, &broken);
        let ran = run_with_trace(&short);
        panic!(
            "seed {seed}: {broken}\n\nshrunk: {}\n{:#?}\n{}\n\n{}",
            ran.broken.unwrap_or_default(),
            short.setting,
            short.beginning.iter().map(|edit| format!("{edit:?}\n")).collect::<String>(),
            ran.trace.join("\n")
        );
    }
}

#[test]
fn one_pass_twice_from_one_seed_gives_the_same_history() {
    for seed in [3, 14, 15, 92, 65, 35] {
        let plan = Plan::from_seed(seed);
        let (first, second) = (run_with_trace(&plan), run_with_trace(&plan));
        assert!(first.histories.iter().any(|history| !history.is_empty()), "seed {seed} does nothing");
        assert_eq!(first.histories, second.histories, "seed {seed}");
        assert_eq!(first.trace, second.trace, "seed {seed}");
    }
}

#[test]
fn equal_seeds_give_equal_plans_and_others_give_others() {
    assert_eq!(Plan::from_seed(7), Plan::from_seed(7));
    assert_ne!(Plan::from_seed(7).steps, Plan::from_seed(8).steps);
}
