//! Worlds from many seeds keep the promises, and come to everything that can befall an action. `DAMSYNC_WORLDS` says how
//! many, `DAMSYNC_WORLDS_FROM` from which seed on.

use damsync_simulator::many::run_many;
use damsync_simulator::paste::as_test;
use damsync_simulator::plan::Plan;
use damsync_simulator::run::run_with_trace;
use damsync_simulator::shrink::shrink;

/// As many as are run with every change; a thousand take 13 s on two quiet cores.
const WORLDS: u64 = 20_000;

/// So many from the first seed on come to everything that can befall an action, to every crash point and every hold.
const ENOUGH: u64 = 20_000;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What a person needs who looks into a failing seed.
fn told(seed: u64, broken: &str) -> String {
    let short = shrink(&Plan::from_seed(seed), broken);
    let ran = run_with_trace(&short);
    let still = ran.broken.unwrap_or_default();
    format!("seed {seed}: {broken}\n\n{}\n{}", as_test(&short, &still), ran.trace.join("\n"))
}

#[test]
fn worlds_keep_the_promises() {
    let from = setting("DAMSYNC_WORLDS_FROM", 0);
    let count = setting("DAMSYNC_WORLDS", WORLDS);
    let tally = run_many(from..from + count);
    println!("{}", tally.coverage);
    if let Some((seed, broken)) = tally.broken.first() {
        let others: Vec<u64> = tally.broken.iter().skip(1).map(|(seed, _)| *seed).collect();
        panic!("{}\n\nother seeds: {others:?}", told(*seed, broken));
    }
    let missed = if count < ENOUGH { Vec::new() } else { tally.coverage.missed() };
    assert!(missed.is_empty(), "{} cells were not hit: {missed:#?}", missed.len());
}

#[test]
fn one_seed_twice_gives_the_same_run() {
    for seed in 0..40 {
        let plan = Plan::from_seed(seed);
        let (first, second) = (run_with_trace(&plan), run_with_trace(&plan));
        assert!(first.histories.iter().any(|history| !history.is_empty()), "seed {seed} does nothing");
        assert_eq!(first.histories, second.histories, "seed {seed}");
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.coverage, second.coverage, "seed {seed}");
    }
}

#[test]
fn equal_seeds_give_equal_plans_and_others_give_others() {
    assert_eq!(Plan::from_seed(7), Plan::from_seed(7));
    assert_ne!(Plan::from_seed(7).steps, Plan::from_seed(8).steps);
}
