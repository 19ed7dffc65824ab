//! The worlds find mistakes: each deliberate one breaks a promise in one of the first seeds.

use damsync_model::mutation::{Mutation, with};
use damsync_simulator::many::on_every_core;
use damsync_simulator::plan::Plan;
use damsync_simulator::run::run;
use std::sync::Mutex;

const SEEDS: u64 = 2_000;

/// Seeds that noticed a mutation when they were last looked for; tried first, as that is faster.
const NOTICED: &[(Mutation, u64)] = &[
    (Mutation::AcknowledgeFirst, 5),
    (Mutation::ForbiddenIsGone, 826),
    (Mutation::NotFoundIsGone, 33),
    (Mutation::TrustInode, 1),
    (Mutation::TrustTimes, 1053),
    (Mutation::UnreadableIsEmpty, 33),
    (Mutation::RootUnchecked, 3),
    (Mutation::ShortPageIsWhole, 1),
    (Mutation::OldAnswerBelieved, 1),
    (Mutation::WindowUnread, 397),
    (Mutation::CursorAhead, 1),
    (Mutation::NoIntent, 16),
    (Mutation::IntentForgotten, 16),
    (Mutation::StrayForgotten, 41),
    (Mutation::NoLocalMove, 110),
    (Mutation::NoPlacing, 1870),
    (Mutation::BodyUnverified, 1173),
    (Mutation::PartialOfAnyVersion, 611),
    (Mutation::PartialsKept, 21),
    (Mutation::AdoptedByName, 5),
    (Mutation::AssetTrashedUnseen, 53),
    (Mutation::FileAbsentUnseen, 23),
    (Mutation::FolderRemovedUnseen, 225),
    (Mutation::RollBackBelieved, 598),
    (Mutation::SyncLeftOut, 5),
    (Mutation::PlacedBytesUnsynced, 0),
    (Mutation::PlacedNamesUnsynced, 0),
    (Mutation::TrashUnsynced, 209),
    (Mutation::RenameUnsynced, 2),
    (Mutation::PlacedUnseen, 21),
    (Mutation::RenameReplaces, 594),
    (Mutation::TrashLeftOut, 5),
    (Mutation::SentUnverified, 336),
];

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
