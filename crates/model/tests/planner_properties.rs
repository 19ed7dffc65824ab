//! What holds for the planner whatever happens: one agreed file is perturbed on both sides, decisions are carried out
//! until none follows, and then both sides are equal or the planner said why not, and every content still exists.

mod given;
mod world;

use damsync_model::capability::Capabilities;
use damsync_model::content::Claimed;
use damsync_model::id::FolderId;
use damsync_model::plan::{Action, Decision, ExpectLocal, Planned, Rule};
use damsync_model::planner::{Rules, What, after, decide, steps};
use damsync_model::policy::{ConflictPolicy, DeletePolicy, Policy};
use damsync_model::tree::{AssetState, Entity, Local, Remote, Unknown};
use given::{able, conflict, content, place, policy};
use proptest::prelude::*;
use proptest::sample::select;
use world::{Habits, Hashes, Life, OUTSIDE, Server, World, file};

const AGREED: u8 = 1;
const MINE: u8 = 2;
const THEIRS: u8 = 3;

/// What somebody did to the file on the disk.
#[derive(Clone, Debug)]
enum Here {
    Nothing,
    Deleted,
    Changed { edited: bool, name: &'static str, folder: i64 },
}

/// What somebody did to the asset on the server.
#[derive(Clone, Debug)]
enum There {
    Nothing,
    Ended(Life),
    Changed { bytes: Option<u8>, reverted: bool, touched: bool, name: &'static str, folder: FolderId, processing: bool },
}

fn here() -> impl Strategy<Value = Here> {
    let changed = (any::<bool>(), select(&["a.jpg", "b.jpg", "c.jpg"][..]), 1..=3_i64)
        .prop_map(|(edited, name, folder)| Here::Changed { edited, name, folder });
    prop_oneof![1 => Just(Here::Nothing), 2 => Just(Here::Deleted), 6 => changed]
}

fn there() -> impl Strategy<Value = There> {
    let folder = select(&[FolderId(1), FolderId(2), FolderId(3), OUTSIDE][..]);
    let bytes = select(&[None, Some(THEIRS), Some(MINE), Some(AGREED)][..]);
    let changed = (bytes, any::<[bool; 3]>(), select(&["a.jpg", "b.jpg", "d.jpg"][..]), folder).prop_map(
        |(bytes, [reverted, touched, processing], name, folder)| There::Changed {
            bytes,
            reverted,
            touched,
            name,
            folder,
            processing,
        },
    );
    let ended = select(&[Life::Trashed, Life::Gone][..]).prop_map(There::Ended);
    prop_oneof![1 => Just(There::Nothing), 2 => ended, 6 => changed]
}

fn habits() -> impl Strategy<Value = Habits> {
    (select(&[Hashes::AtOnce, Hashes::AfterProcessing, Hashes::Never][..]), any::<[bool; 3]>()).prop_map(
        |(hashes, [tells_versions, answers_with_version, doubles])| Habits {
            hashes,
            tells_versions,
            answers_with_version,
            damages: false,
            doubles,
        },
    )
}

fn capabilities() -> impl Strategy<Value = Capabilities> {
    any::<[bool; 4]>().prop_map(|[replaces_content, renames_assets, moves_assets, restores_assets]| Capabilities {
        replaces_content,
        renames_assets,
        moves_assets,
        restores_assets,
        ..able()
    })
}

/// A file that both sides agree on (or, `known` false, have only in common by name), and then what was done to it.
fn world(habits: Habits, known: bool, here: &Here, there: &There) -> World {
    let home = FolderId(1);
    let server = Server {
        life: Life::Live,
        folder: home,
        filename: "a.jpg".to_owned(),
        versions: vec![THEIRS, AGREED],
        head: 1,
        updated_at: 1_700_000_000_000,
        processing: false,
    };
    let mut world = World::new(habits, server, Local::Present(file(place(home, "a.jpg"), AGREED)));
    if known {
        world.agree();
    }
    match here {
        Here::Nothing => {}
        Here::Deleted => world.local = Local::Absent,
        Here::Changed { edited, name, folder } => {
            let number = if *edited { MINE } else { AGREED };
            world.local = Local::Present(file(place(FolderId(*folder), name), number));
        }
    }
    let server = &mut world.server;
    match there {
        There::Nothing => {}
        There::Ended(life) => server.life = *life,
        There::Changed { bytes, reverted, touched, name, folder, processing } => {
            if *reverted {
                server.head = 0;
            }
            if let Some(number) = *bytes {
                server.receive(number);
                server.processing = *processing;
            }
            let moved = server.filename != *name || server.folder != *folder;
            server.updated_at += i64::from(*touched || *reverted || moved);
            (server.filename, server.folder) = ((*name).to_owned(), *folder);
        }
    }
    if !known && let (Local::Present(file), Life::Live) = (&mut world.local, world.server.life) {
        // Without an agreement only the place pairs a file with an asset.
        world.server.folder = file.place.folder;
        world.server.filename = file.place.name.to_string();
    }
    world
}

/// Every content that somebody wrote and nobody but the server's own users destroyed.
fn contents(world: &World) -> Vec<u8> {
    let there = if world.server.life == Life::Gone { &[][..] } else { &world.server.versions };
    there.iter().copied().chain(world.local_number()).chain(world.kept.iter().copied()).collect()
}

fn lost(before: &[u8], after: &World) -> Vec<u8> {
    let left = contents(after);
    before.iter().copied().filter(|number| !left.contains(number)).collect()
}

fn equal(world: &World) -> bool {
    let there = world.server.life == Life::Live && world.server.folder != OUTSIDE;
    match &world.local {
        Local::Present(file) => {
            there
                && world.local_number() == Some(world.server.head())
                && file.place.folder == world.server.folder
                && !world.server.filename.contains('~')
                && file.place.name.as_str().trim_start_matches('~') == world.server.filename
        }
        _ => !there,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_sides_become_equal_and_nothing_is_lost(
        habits in habits(), known in any::<bool>(), here in here(), there in there(), conflict in conflict(),
    ) {
        let policy = Policy { conflict, ..Policy::default() };
        let capabilities = able();
        let mut world = world(habits, known, &here, &there);
        let before = contents(&world);
        let start = world.clone();
        let end = world.run(Rules { policy: &policy, capabilities: &capabilities });
        prop_assert_eq!(&end, &Some(Decision::Settled), "from {:#?}", start);
        prop_assert!(equal(&world), "{:#?}\nfrom {:#?}", world, start);
        prop_assert_eq!(lost(&before, &world), Vec::<u8>::new(), "{:#?}\nfrom {:#?}", world, start);
    }

    #[test]
    fn whatever_is_forbidden_it_ends_with_a_reason_and_nothing_is_lost(
        habits in habits(), known in any::<bool>(), here in here(), there in there(), policy in policy(),
        capabilities in capabilities(),
    ) {
        let mut world = world(habits, known, &here, &there);
        let before = contents(&world);
        let start = world.clone();
        let end = world.run(Rules { policy: &policy, capabilities: &capabilities });
        prop_assert!(end.is_some(), "no end: {:#?}\nfrom {:#?}", world, start);
        prop_assert!(equal(&world) || end != Some(Decision::Settled), "{:#?}\nfrom {:#?}", world, start);
        prop_assert_eq!(lost(&before, &world), Vec::<u8>::new(), "{:#?}\nfrom {:#?}", world, start);
    }

    #[test]
    fn what_is_foreseen_is_what_happens(
        habits in habits(), known in any::<bool>(), here in here(), there in there(), policy in policy(),
        capabilities in capabilities(),
    ) {
        let rules = Rules { policy: &policy, capabilities: &capabilities };
        let mut world = world(habits, known, &here, &there);
        let start = world.clone();
        let (foreseen, foreseen_end) = steps(&world.entity(), rules);
        let (taken, end) = world.pass(rules);
        let (foreseen, taken) = (in_words(&foreseen), in_words(&taken));
        if matches!(foreseen_end, Decision::Act(_)) {
            // Nobody knew bytes that nobody had read.
            prop_assert_eq!(foreseen.last().map(|line| line.1), Some("learn"));
            prop_assert_eq!(&taken[..foreseen.len()], &foreseen[..], "from {:#?}", start);
        } else {
            prop_assert_eq!(&taken, &foreseen, "from {:#?}", start);
            if !matches!(end, Decision::Waiting { .. }) {
                prop_assert_eq!(end, foreseen_end, "from {:#?}", start);
            }
        }
    }

    #[test]
    fn a_foreseen_conflict_leaves_the_copy_that_the_conflict_leaves(
        habits in habits(), known in any::<bool>(), here in here(), there in there(), policy in policy(),
    ) {
        let (able, mut world) = (able(), world(habits, known, &here, &there));
        let rules = Rules { policy: &policy, capabilities: &able };
        let entity = world.entity();
        if let Decision::Act(planned) = decide(&entity, rules) {
            let copy = match after(&entity, &planned.action) {
                What::WithCopy(_, copy) => vec![copy],
                What::This(_) | What::Open => Vec::new(),
            };
            world.carry_out(&planned.action);
            prop_assert_eq!(world.copies, copy);
        }
    }

    #[test]
    fn a_server_that_damages_what_it_gets_is_given_up_and_never_believed(
        hashes in select(&[Hashes::AtOnce, Hashes::AfterProcessing][..]), here in here(), policy in policy(),
    ) {
        // Without a hash nobody can know, and without a version damage and a newer version are one.
        let habits = Habits { hashes, tells_versions: true, answers_with_version: true, damages: true, doubles: false };
        let mut world = world(habits, true, &here, &There::Nothing);
        let mine = world.local_number();
        let end = world.run(Rules { policy: &policy, capabilities: &able() });
        prop_assert!(end.is_some(), "no end: {:#?}", world);
        prop_assert_eq!(world.local_number(), mine);
    }

    #[test]
    fn no_state_at_all_leads_to_a_panic_or_to_a_deletion_without_evidence(
        entity in entity(), policy in policy(), capabilities in capabilities(),
    ) {
        let decision = decide(&entity, Rules { policy: &policy, capabilities: &capabilities });
        prop_assert_eq!(&decision, &decide(&entity, Rules { policy: &policy, capabilities: &capabilities }));
        if let Decision::Act(planned) = &decision {
            prop_assert!(is_allowed(&planned.action, planned.rule, &entity, &policy, &capabilities), "{:?}", planned);
        }
    }
}

/// What only takes note depends on how much a server tells, and when; nobody asks what will be noted.
fn in_words(steps: &[Planned]) -> Vec<(Rule, &'static str)> {
    steps.iter().filter(|step| !step.action.only_notes()).map(|step| (step.rule, step.action.verb())).collect()
}

fn is_allowed(action: &Action, rule: Rule, entity: &Entity, policy: &Policy, able: &Capabilities) -> bool {
    let (pushes, pulls) = (policy.direction.pushes(), policy.direction.pulls());
    let deletes = policy.delete == DeletePolicy::Trash;
    let ours = match &entity.local {
        Local::Present(file) => file.content,
        _ => None,
    };
    let agreed = entity.base.as_ref().map(|base| base.content);
    let absent = entity.local == Local::Absent;
    let live = matches!(entity.remote, Remote::Live(_));
    let ended = matches!(entity.remote, Remote::Trashed | Remote::Gone | Remote::Outside(_));
    match action {
        Action::Upload { .. } => pushes && agreed.is_none() && ours.is_some() && !live,
        Action::PushVersion { .. } => pushes && able.replaces_content && ours.is_some(),
        Action::RestoreRemote { .. } => pushes && able.restores_assets && ours != agreed,
        Action::Download { expect: ExpectLocal::Nothing, .. } => pulls && absent,
        Action::Download { .. } => {
            pulls && ours.is_some() && (ours == agreed || policy.conflict == ConflictPolicy::RemoteWins)
        }
        Action::KeepBoth { .. } => pulls && ours.is_some(),
        Action::Learn { .. } => live,
        Action::Adopt { .. } => live && ours.is_some(),
        Action::TrashRemote { .. } => pushes && deletes && absent && live && agreed.is_some(),
        Action::TrashLocal { .. } => pulls && deletes && ended && ours.is_some() && ours == agreed,
        Action::MoveLocal { .. } => pulls && live && ours.is_some(),
        Action::MoveRemote { .. } => pushes && live && ours.is_some(),
        Action::Forget { .. } => ended && (absent || rule == Rule::R10 && pushes && ours != agreed),
        Action::Refresh { .. } => live && ours == agreed,
        _ => false,
    }
}

/// Any three states, sensible together or not.
fn entity() -> impl Strategy<Value = Entity> {
    let states = select(
        &[
            AssetState::Pending,
            AssetState::Processing,
            AssetState::AwaitingSubmission,
            AssetState::AwaitingApproval,
            AssetState::Processed,
            AssetState::Failed,
        ][..],
    );
    let asset = (states, any::<[Option<bool>; 2]>(), any::<bool>(), proptest::option::of(1..4_u64), 0..6_u8);
    (habits(), here(), there(), asset, 0..8_u8, 0..6_u8, any::<bool>()).prop_map(
        |(
            habits,
            here,
            there,
            (state, [downloadable, editable], checked_out, version, claims),
            odd,
            base_odd,
            known,
        )| {
            let mut entity = world(habits, known, &here, &there).entity();
            if let Remote::Live(remote) = &mut entity.remote {
                let asset = &mut remote.asset;
                (asset.state, asset.downloadable, asset.editable) = (state, downloadable, editable);
                (asset.checked_out, asset.version) = (checked_out, version);
                match claims {
                    0 => asset.claimed = Claimed::default(),
                    1 => asset.claimed.md5 = None,
                    2 => asset.claimed = Claimed { size: Some(7), md5: None },
                    3 => asset.claimed.md5 = Some(content(9).md5),
                    _ => {}
                }
            }
            match (odd, &mut entity.local) {
                (0, local) => *local = Local::Unknown(Unknown("a socket".into())),
                (1, _) => entity.remote = Remote::Unknown(Unknown("403".into())),
                (2, _) => entity.remote = Remote::Absent,
                (3, Local::Present(file)) => file.content = None,
                _ => {}
            }
            if let Some(base) = &mut entity.base {
                match base_odd {
                    0 => (base.remote_version, base.remote_claimed) = (None, Claimed::default()),
                    1 => base.remote_claimed = Claimed::default(),
                    2 => base.remote_version = None,
                    3 => base.remote_folder = FolderId(4),
                    _ => {}
                }
            }
            entity
        },
    )
}
