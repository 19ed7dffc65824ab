//! The worlds find mistakes: each deliberate one breaks a promise in one of the first seeds.

use damsync_model::mutation::{Mutation, with};
use damsync_simulator::many::on_every_core;
use damsync_simulator::plan::Plan;
use damsync_simulator::run::run;
use std::sync::Mutex;

const SEEDS: u64 = 2_000;

/// Seeds that noticed a mutation when they were last looked for; tried first, as that is faster.
const NOTICED: &[(Mutation, u64)] = &[
    (Mutation::AcknowledgeFirst, 17),
    (Mutation::ForbiddenIsGone, 774),
    (Mutation::NotFoundIsGone, 17),
    (Mutation::TrustInode, 1),
    (Mutation::TrustTimes, 161),
    (Mutation::UnreadableIsEmpty, 15),
    (Mutation::RootUnchecked, 3),
    (Mutation::ShortPageIsWhole, 3),
    (Mutation::OldAnswerBelieved, 9),
    (Mutation::WindowUnread, 39),
    (Mutation::CursorAhead, 15),
    (Mutation::NoIntent, 5),
    (Mutation::IntentForgotten, 5),
    (Mutation::StrayForgotten, 14),
    (Mutation::NoLocalMove, 363),
    (Mutation::BodyUnverified, 1133),
    (Mutation::PartialOfAnyVersion, 138),
    (Mutation::PartialsKept, 16),
    (Mutation::AdoptedByName, 9),
    (Mutation::AssetTrashedUnseen, 2),
    (Mutation::FileAbsentUnseen, 582),
    (Mutation::FolderRemovedUnseen, 1272),
    (Mutation::RollBackBelieved, 54),
    (Mutation::SyncLeftOut, 3),
    (Mutation::PlacedBytesUnsynced, 0),
    (Mutation::PlacedNamesUnsynced, 0),
    (Mutation::TrashUnsynced, 1396),
    (Mutation::RenameUnsynced, 109),
    (Mutation::PlacedUnseen, 21),
    (Mutation::RenameReplaces, 39),
    (Mutation::TrashLeftOut, 5),
    (Mutation::SentUnverified, 660),
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
