//! The worlds find mistakes: each deliberate one breaks a promise in one of the first seeds.

use damsync_model::mutation::{Mutation, with};
use damsync_simulator::many::on_every_core;
use damsync_simulator::plan::Plan;
use damsync_simulator::run::run;
use std::sync::Mutex;

const SEEDS: u64 = 2_000;

/// Seeds that noticed a mutation when they were last looked for; tried first, as that is faster.
const NOTICED: &[(Mutation, u64)] = &[];

/// What the world of a seed notices, if it is the mutation's doing.
fn notices(mutation: Mutation, seed: u64) -> Option<String> {
    let plan = Plan::from_seed(seed);
    let broken = with(mutation, || run(&plan)).broken?;
    run(&plan).broken.is_none().then_some(broken)
}

#[test]
fn every_mutation_is_noticed() {
    let missed = Mutex::new(Vec::new());
    on_every_core(0..Mutation::ALL.len() as u64, |number| {
        let mutation = Mutation::ALL[usize::try_from(number).unwrap()];
        let first = NOTICED.iter().find(|(of, _)| *of == mutation).map(|(_, seed)| *seed);
        match first.into_iter().chain(0..SEEDS).find_map(|seed| Some((seed, notices(mutation, seed)?))) {
            Some((seed, broken)) => println!("{mutation:?}: seed {seed}: {broken}"),
            None => missed.lock().unwrap().push(mutation),
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "no world of {SEEDS} noticed {missed:?}");
}
