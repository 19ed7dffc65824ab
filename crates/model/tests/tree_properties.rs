//! What holds for whole plans: one agreed tree of files and directories is perturbed on both sides independently, planned,
//! the actions are shuffled and carried out, and that again until nothing follows. It ends, both sides are equal or the
//! planner said why not, a further plan has nothing in it, and every content still exists.
#![allow(clippy::unwrap_used, reason = "a test that cannot build its world has failed")]

mod forest;
mod given;

use damsync_model::id::FolderId;
use damsync_model::plan::Decision;
use damsync_model::planner::Rules;
use damsync_model::policy::Policy;
use forest::{
    Decided, Dir, FOLDERS, Forest, Key, Life, OUTSIDE, ROOT, Server, above, with_those_above, with_those_below,
};
use given::{able, conflict, place, policy};
use proptest::prelude::*;

/// More rounds than any of these trees needs.
const ENOUGH_ROUNDS: usize = 30;

const NAMES: &[&str] = &["a.jpg", "b.jpg", "c.jpg"];

/// What somebody does on the disk. Numbers choose among what is there, counted round.
#[derive(Clone, Debug)]
enum Here {
    Write(usize, usize),
    Edit(usize),
    Delete(usize),
    Rename(usize, usize),
    Move(usize, usize),
    MakeDir(usize),
    RemoveDir(usize),
}

/// What somebody does on the server.
#[derive(Clone, Debug)]
enum There {
    Add(usize, usize),
    Version(usize),
    Touch(usize),
    Trash(usize),
    Purge(usize),
    Rename(usize, usize),
    Move(usize, usize),
    MoveOut(usize),
    MakeFolder(usize),
    RemoveFolder(usize),
}

fn here() -> impl Strategy<Value = Here> {
    (0..9_usize, 0..8_usize, 0..8_usize).prop_map(|(what, one, other)| match what {
        0 | 1 => Here::Write(one, other),
        2 | 3 => Here::Edit(one),
        4 => Here::Delete(one),
        5 => Here::Rename(one, other),
        6 => Here::Move(one, other),
        7 => Here::MakeDir(one),
        _ => Here::RemoveDir(one),
    })
}

fn there() -> impl Strategy<Value = There> {
    (0..12_usize, 0..8_usize, 0..8_usize).prop_map(|(what, one, other)| match what {
        0 | 1 => There::Add(one, other),
        2 | 3 => There::Version(one),
        4 => There::Touch(one),
        5 => There::Trash(one),
        6 => There::Purge(one),
        7 => There::Rename(one, other),
        8 => There::Move(one, other),
        9 => There::MoveOut(one),
        10 => There::MakeFolder(one),
        _ => There::RemoveFolder(one),
    })
}

/// Everything that a case is made of.
#[derive(Clone, Debug)]
struct Case {
    /// Directories and names of the agreed files.
    agreed: Vec<(usize, usize)>,
    tells: bool,
    here: Vec<Here>,
    there: Vec<There>,
    /// Decides the order in which things are done.
    order: u64,
}

fn case() -> impl Strategy<Value = Case> {
    let agreed = proptest::collection::vec((0..5_usize, 0..NAMES.len()), 0..7);
    let here = proptest::collection::vec(here(), 0..7);
    let there = proptest::collection::vec(there(), 0..7);
    (agreed, any::<bool>(), here, there, any::<u64>()).prop_map(|(agreed, tells, here, there, order)| Case {
        agreed,
        tells,
        here,
        there,
        order,
    })
}

fn pick<T: Clone>(from: &[T], which: usize) -> Option<T> {
    from.get(which % from.len().max(1)).cloned()
}

/// The people of both sides; each content that they write is a new one.
struct People {
    forest: Forest,
    contents: u8,
}

impl People {
    /// A tree on which both sides agree.
    fn agreed(case: &Case) -> Self {
        let mut people = Self { forest: Forest::of(case.tells), contents: 0 };
        for (folder, name) in &case.agreed {
            let folder = if *folder == 0 { ROOT } else { FOLDERS[folder - 1].0 };
            let place = place(folder, NAMES[*name]);
            if people.forest.files.contains_key(&place) {
                continue;
            }
            for id in with_those_above(folder) {
                people.forest.dirs.insert(id, Dir { here: true, there: true, agreed: true });
            }
            let number = people.content();
            people.forest.files.insert(place.clone(), number);
            let id = people.add(folder, NAMES[*name], number);
            people.forest.agree(id, &place);
        }
        people
    }

    fn content(&mut self) -> u8 {
        self.contents += 1;
        self.contents
    }

    fn add(&mut self, folder: FolderId, name: &str, number: u8) -> i64 {
        let id = 1 + i64::try_from(self.forest.assets.len()).unwrap();
        let server =
            Server { life: Life::Live, folder, filename: name.to_owned(), versions: vec![number], updated_at: 100 };
        self.forest.assets.insert(id, server);
        id
    }

    fn dirs_here(&self) -> Vec<FolderId> {
        [ROOT].into_iter().chain(FOLDERS.map(|(id, _)| id)).filter(|id| self.forest.is_here(*id)).collect()
    }

    fn folders_there(&self) -> Vec<FolderId> {
        [ROOT].into_iter().chain(FOLDERS.map(|(id, _)| id)).filter(|id| self.forest.is_there(*id)).collect()
    }

    fn act_here(&mut self, what: &Here) {
        let (files, dirs) = (self.forest.files.keys().cloned().collect::<Vec<_>>(), self.dirs_here());
        match *what {
            Here::Write(dir, name) => {
                let place = place(pick(&dirs, dir).unwrap(), NAMES[name % NAMES.len()]);
                // What somebody writes over by hand is theirs to lose.
                if !self.forest.files.contains_key(&place) {
                    let number = self.content();
                    self.forest.files.insert(place, number);
                }
            }
            Here::Edit(file) => {
                let Some(place) = pick(&files, file) else { return };
                let number = self.content();
                self.forest.files.insert(place, number);
            }
            Here::Delete(file) => {
                pick(&files, file).and_then(|place| self.forest.files.remove(&place));
            }
            Here::Rename(file, name) => {
                let Some(from) = pick(&files, file) else { return };
                self.move_here(&from, place(from.folder, NAMES[name % NAMES.len()]));
            }
            Here::Move(file, dir) => {
                let (Some(from), Some(folder)) = (pick(&files, file), pick(&dirs, dir)) else { return };
                self.move_here(&from, damsync_model::tree::Place { folder, name: from.name.clone() });
            }
            Here::MakeDir(dir) => {
                let (id, parent) = FOLDERS[dir % FOLDERS.len()];
                if self.forest.is_here(parent) {
                    self.forest.dirs.entry(id).or_default().here = true;
                }
            }
            Here::RemoveDir(dir) => {
                let removed = FOLDERS[dir % FOLDERS.len()].0;
                for id in with_those_below(removed) {
                    self.forest.files.retain(|place, _| place.folder != id);
                    self.forest.dirs.entry(id).and_modify(|dir| dir.here = false);
                }
            }
        }
    }

    fn move_here(&mut self, from: &damsync_model::tree::Place, to: damsync_model::tree::Place) {
        if !self.forest.files.contains_key(&to)
            && let Some(number) = self.forest.files.remove(from)
        {
            self.forest.files.insert(to, number);
        }
    }

    fn act_there(&mut self, what: &There) {
        let live = |asset: &&mut Server| asset.life == Life::Live && asset.folder != OUTSIDE;
        let (folders, number) = (self.folders_there(), self.contents + 1);
        let count = self.forest.assets.len().max(1);
        let one = |forest: &mut Forest, which: usize, change: &dyn Fn(&mut Server)| {
            if let Some(asset) = forest.assets.values_mut().nth(which % count).filter(live) {
                asset.updated_at += 1;
                change(asset);
            }
        };
        match *what {
            There::Add(folder, name) => {
                let number = self.content();
                self.add(pick(&folders, folder).unwrap(), NAMES[name % NAMES.len()], number);
            }
            There::Version(which) => {
                self.contents = number;
                one(&mut self.forest, which, &|asset| asset.versions.push(number));
            }
            There::Touch(which) => one(&mut self.forest, which, &|_| {}),
            There::Trash(which) => one(&mut self.forest, which, &|asset| asset.life = Life::Trashed),
            There::Purge(which) => one(&mut self.forest, which, &|asset| asset.life = Life::Gone),
            There::Rename(which, name) => {
                one(&mut self.forest, which, &|asset| asset.filename = NAMES[name % NAMES.len()].to_owned());
            }
            There::Move(which, folder) => {
                let folder = pick(&folders, folder).unwrap();
                one(&mut self.forest, which, &|asset| asset.folder = folder);
            }
            There::MoveOut(which) => one(&mut self.forest, which, &|asset| asset.folder = OUTSIDE),
            There::MakeFolder(folder) => {
                let (id, parent) = FOLDERS[folder % FOLDERS.len()];
                if self.forest.is_there(parent) {
                    self.forest.dirs.entry(id).or_default().there = true;
                }
            }
            There::RemoveFolder(folder) => {
                let removed = FOLDERS[folder % FOLDERS.len()].0;
                for id in with_those_below(removed) {
                    let inside = self.forest.assets.values_mut().filter(|asset| asset.folder == id);
                    inside.filter(live).for_each(|asset| asset.life = Life::Trashed);
                    self.forest.dirs.entry(id).and_modify(|dir| dir.there = false);
                }
            }
        }
    }
}

/// The agreed tree after both sides' people have been at it.
fn perturbed(case: &Case) -> Forest {
    let mut people = People::agreed(case);
    case.here.iter().for_each(|what| people.act_here(what));
    case.there.iter().for_each(|what| people.act_there(what));
    let Forest { dirs, .. } = &mut people.forest;
    dirs.retain(|_, dir| dir.here || dir.there || dir.agreed);
    assert!(people.forest.dirs.iter().all(|(id, dir)| {
        let parent = above(*id).unwrap();
        (!dir.here || people.forest.is_here(parent)) && (!dir.there || people.forest.is_there(parent))
    }));
    people.forest
}

/// SplitMix64 (Steele, Lea and Flood): any order, the same for the same number.
fn shuffle(plan: &mut [Decided], order: &mut u64) {
    for at in (1..plan.len()).rev() {
        *order = order.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *order;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let other = usize::try_from((z ^ (z >> 31)) % (at as u64 + 1)).unwrap();
        plan.swap(at, other);
    }
}

/// Plans and carries out, in any order, until nothing follows. The last plan, or why it does not end.
fn run(forest: &mut Forest, rules: Rules<'_>, mut order: u64) -> Result<Vec<Decided>, String> {
    for _ in 0..ENOUGH_ROUNDS {
        let mut plan = forest.plan(rules);
        if plan.iter().all(|one| one.action().is_none()) {
            return Ok(plan);
        }
        shuffle(&mut plan, &mut order);
        let done = plan.iter().filter(|one| forest.carry_out(one)).count();
        if done == 0 {
            let stuck: Vec<_> = plan.iter().filter(|one| one.action().is_some()).collect();
            return Err(format!("nothing can be done of {stuck:#?}"));
        }
    }
    Err(format!("no end after {ENOUGH_ROUNDS} rounds: {:#?}", forest.plan(rules)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn trees_become_equal_and_nothing_is_lost(case in case(), conflict in conflict()) {
        let policy = Policy { conflict, ..Policy::default() };
        let rules = Rules { policy: &policy, capabilities: &able() };
        let mut forest = perturbed(&case);
        let before = forest.contents();
        let start = forest.clone();
        let last = match run(&mut forest, rules, case.order) {
            Ok(last) => last,
            Err(why) => return Err(TestCaseError::fail(format!("{why}\n{forest:#?}\nfrom {start:#?}"))),
        };
        let open: Vec<_> = last.iter().filter(|one| one.decision != Decision::Settled).collect();
        prop_assert!(open.is_empty(), "{:#?}\n{:#?}\nfrom {:#?}", open, forest, start);
        prop_assert_eq!(forest.differences(), Vec::<String>::new(), "{:#?}\nfrom {:#?}", forest, start);
        let lost: Vec<_> = before.difference(&forest.contents()).copied().collect();
        prop_assert_eq!(lost, Vec::<u8>::new(), "{:#?}\nfrom {:#?}", forest, start);
    }

    #[test]
    fn whatever_is_forbidden_it_ends_and_only_what_is_reported_differs(case in case(), policy in policy()) {
        let rules = Rules { policy: &policy, capabilities: &able() };
        let mut forest = perturbed(&case);
        let before = forest.contents();
        let start = forest.clone();
        let last = match run(&mut forest, rules, case.order) {
            Ok(last) => last,
            Err(why) => return Err(TestCaseError::fail(format!("{why}\n{forest:#?}\nfrom {start:#?}"))),
        };
        let silent = last.iter().all(|one| one.decision == Decision::Settled);
        prop_assert!(!silent || forest.differences().is_empty(), "{:#?}\nfrom {:#?}", forest, start);
        let lost: Vec<_> = before.difference(&forest.contents()).copied().collect();
        prop_assert_eq!(lost, Vec::<u8>::new(), "{:#?}\nfrom {:#?}", forest, start);
    }

    #[test]
    fn what_only_one_side_did_is_not_touched_on_that_side(case in case(), conflict in conflict(), on_disk in any::<bool>()) {
        let policy = Policy { conflict, ..Policy::default() };
        let rules = Rules { policy: &policy, capabilities: &able() };
        let case = if on_disk { Case { there: vec![], ..case } } else { Case { here: vec![], ..case } };
        let mut forest = perturbed(&case);
        let start = forest.clone();
        if let Err(why) = run(&mut forest, rules, case.order) {
            return Err(TestCaseError::fail(format!("{why}\nfrom {start:#?}")));
        }
        if on_disk {
            prop_assert_eq!(forest.seen_here(), start.seen_here());
        } else {
            prop_assert_eq!(forest.seen_there(), start.seen_there());
        }
        prop_assert_eq!(forest.differences(), Vec::<String>::new(), "{:#?}\nfrom {:#?}", forest, start);
    }

    #[test]
    fn trees_on_which_both_sides_agree_are_left_alone(case in case()) {
        let rules = Rules { policy: &Policy::default(), capabilities: &able() };
        let mut forest = People::agreed(&case).forest;
        let plan = forest.plan(rules);
        prop_assert!(plan.iter().all(|one| one.decision == Decision::Settled), "{:#?}", plan);
        prop_assert!(plan.iter().all(|one| !matches!(one.key, Key::Folder(_))), "{:#?}", plan);
    }
}
