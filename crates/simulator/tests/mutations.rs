//! The worlds find mistakes: each deliberate one breaks a promise in one of the first seeds.

use damsync_model::mutation::{Mutation, with};
use damsync_simulator::many::on_every_core;
use damsync_simulator::plan::Plan;
use damsync_simulator::run::run;
use std::sync::Mutex;

const SEEDS: u64 = 2_000;

/// The first seed whose world notices it, and what it says.
fn caught(mutation: Mutation) -> Option<(u64, String)> {
    (0..SEEDS).find_map(|seed| {
        let plan = Plan::from_seed(seed);
        let broken = with(mutation, || run(&plan)).broken?;
        // It must be the mutation's doing.
        run(&plan).broken.is_none().then_some((seed, broken))
    })
}

#[test]
fn every_mutation_is_caught() {
    let missed = Mutex::new(Vec::new());
    on_every_core(0..Mutation::ALL.len() as u64, |number| {
        let mutation = Mutation::ALL[usize::try_from(number).unwrap()];
        match caught(mutation) {
            Some((seed, broken)) => println!("{mutation:?}: seed {seed}: {broken}"),
            None => missed.lock().unwrap().push(mutation),
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "no world of {SEEDS} noticed {missed:?}");
}
