//! Killed at any moment, the next pass mends it: nothing is lost, doubled, torn or left half-done.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Setup, local_tree, md5};
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

const KILLS: u64 = 10;

/// SplitMix64 (Steele, Lea, Flood): the moments, repeatable.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }
}

/// What users wrote on either side: hash to where it was written.
type Written = BTreeMap<String, String>;

/// Users on both sides do a little of everything.
fn edit(setup: &Setup, round: u64, chance: &mut Chance, written: &mut Written) {
    let mut note = |path: &str, text: &str| drop(written.insert(md5(text), path.to_owned()));
    for number in 0..4 {
        let text = format!("local {round} {number} {}", "x".repeat(usize::try_from(chance.below(200_000)).unwrap()));
        let path = format!("r{round}/new {number}.txt");
        setup.write(&path, &text);
        note(&path, &text);
        let text = format!("remote {round} {number} {}", "y".repeat(usize::try_from(chance.below(200_000)).unwrap()));
        let path = format!("s{round}/new {number}.txt");
        setup.sandbox.asset(&Setup::there(&path), &text);
        note(&path, &text);
    }
    if round == 0 {
        return;
    }
    let before = round - 1;
    let changed = |side: &str, number: u64| format!("{side} edit {round} {number}");
    // Edited here, edited there, edited on both sides, deleted here, trashed there, edited here and trashed there.
    let text = changed("local", 0);
    setup.write(&format!("r{before}/new 0.txt"), &text);
    note("edited here", &text);
    let text = changed("remote", 0);
    setup.sandbox.version(&setup.asset(&format!("s{before}/new 0.txt")), &text);
    note("edited there", &text);
    let path = format!("s{before}/new 1.txt");
    let (ours, theirs) = (changed("local", 1), changed("remote", 1));
    setup.sandbox.version(&setup.asset(&path), &theirs);
    setup.write(&path, &ours);
    note("both, here", &ours);
    note("both, there", &theirs);
    setup.remove(&format!("r{before}/new 2.txt"));
    setup.sandbox.trash(&setup.asset(&format!("r{before}/new 3.txt")));
    let path = format!("s{before}/new 3.txt");
    setup.sandbox.trash(&setup.asset(&path));
    let text = changed("local", 3);
    setup.write(&path, &text);
    note("edited here, trashed there", &text);
}

/// Everything that a user wrote is somewhere: a live file, a version, either trash, a conflict copy.
fn nothing_is_lost(setup: &Setup, written: &Written) {
    let (tree, here, trash) = (setup.sandbox.tree(), local_tree(&setup.local), setup.trash());
    let there = tree.contents();
    let is_kept = |hash: &String| {
        there.contains(hash.as_str())
            || here.values().any(|other| other == hash)
            || trash.values().any(|other| other == hash)
    };
    let lost: Vec<_> = written.iter().filter(|(hash, _)| !is_kept(hash)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
}

/// No file and no version holds bytes that nobody wrote.
fn nothing_is_torn(setup: &Setup, written: &Written) {
    let (tree, here) = (setup.sandbox.tree(), local_tree(&setup.local));
    let everywhere = here.iter().filter(|(path, _)| !path.ends_with('/')).map(|(_, hash)| hash.as_str());
    for hash in everywhere.chain(tree.contents()) {
        assert!(written.contains_key(hash), "bytes that nobody wrote: {hash} in {here:?} or {tree:?}");
    }
}

fn killed_again_and_again(seed: u64) {
    eprintln!("seed {seed}");
    // Many deletions relative to few files are this test's way, not what it is about.
    let setup = Setup::with_mirror("max_delete = \"100%\"\nsettle = \"20ms\"");
    // A server that is a little slow, so that there are moments to be killed at.
    setup.sandbox.habits(&damsync_tests::json!({ "latency_ms": 4 }));
    let (mut chance, mut written) = (Chance(seed), Written::new());
    for round in 0..KILLS {
        edit(&setup, round, &mut chance, &mut written);
        // Past `settle`, so that there is work from the pass's first moment on.
        std::thread::sleep(Duration::from_millis(25));
        let mut command = setup.command();
        command.args(["reconcile", "--json"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut killed = command.spawn().unwrap();
        let moment = Duration::from_millis(chance.below(500));
        std::thread::sleep(moment);
        killed.kill().unwrap();
        let ended = killed.wait().unwrap();
        eprintln!("round {round}: killed after {moment:?}: {ended}");
        nothing_is_lost(&setup, &written);
        nothing_is_torn(&setup, &written);
        let pass = setup.reconcile(&[]);
        assert_eq!((pass.code, &pass.report["outcome"]), (0, &"in_sync".into()), "round {round}: {pass:?}");
        setup.equal();
        nothing_is_lost(&setup, &written);
        nothing_is_torn(&setup, &written);
    }
    setup.settled();
}

#[test]
fn a_pass_that_is_killed_at_any_moment_is_mended_by_the_next() {
    killed_again_and_again(1);
}

#[test]
fn a_pass_that_is_killed_at_other_moments_is_mended_too() {
    killed_again_and_again(2);
}
