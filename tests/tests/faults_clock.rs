//! Clocks and names that differ from ours: they are only a clock, and only a name.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Setup, each, json, md5};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// One change of each kind on each side; then both sides are equal and nothing is held.
#[track_caller]
fn every_change_travels(setup: &Setup, round: &str) {
    let path = |name: &str| format!("{round}/{name}.txt");
    for name in ["edited here", "gone here"] {
        setup.write(&path(name), name);
    }
    for name in ["edited there", "gone there"] {
        setup.sandbox.asset(&Setup::there(&path(name)), name);
    }
    let pass = setup.reconcile(&[]);
    pass.assert(0, "in_sync", &[("pushed_new", 2), ("pulled", 2)]);
    setup.quiet();
    setup.write(&path("edited here"), "edited");
    setup.remove(&path("gone here"));
    setup.sandbox.version(&setup.asset(&path("edited there")), "edited");
    setup.sandbox.trash(&setup.asset(&path("gone there")));
    let pass = setup.reconcile(&[]);
    pass.assert(0, "in_sync", &[("pushed_versions", 1), ("pulled", 1), ("trashed_remote", 1), ("trashed_local", 1)]);
    assert_eq!(pass.held(), Vec::<&str>::new(), "{pass:#?}");
    assert_eq!(setup.read(&path("edited there")), b"edited");
    assert_eq!(setup.asset(&path("edited here")).md5(), md5("edited"));
    setup.settled();
}

#[test]
fn a_server_whose_clock_is_a_day_off_is_synced_like_any() {
    each(vec![json!(DAY_MS), json!(-DAY_MS)], |skew| {
        let setup = Setup::new();
        setup.sandbox.advance(skew.as_i64().unwrap());
        setup.sandbox.folder("Studio/round");
        setup.sync(&[("folders_created_local", 1)]);
        every_change_travels(&setup, "round");
    });
}

#[test]
fn a_servers_clock_that_jumps_between_passes_holds_nothing() {
    let setup = Setup::new();
    for round in ["before", "back", "further back", "ahead"] {
        setup.sandbox.folder(&Setup::there(round));
    }
    setup.sync(&[("folders_created_local", 4)]);
    every_change_travels(&setup, "before");
    setup.sandbox.advance(-DAY_MS);
    assert_eq!(setup.sync(&[]).held(), Vec::<&str>::new());
    every_change_travels(&setup, "back");
    setup.sandbox.advance(-60 * 60 * 1000);
    every_change_travels(&setup, "further back");
    setup.sandbox.advance(3 * DAY_MS);
    every_change_travels(&setup, "ahead");
}

#[test]
fn a_server_that_stores_another_name_than_was_sent_renames_nothing() {
    let setup = Setup::new();
    setup.sandbox.habits(&json!({ "normalise_names": true }));
    let names = ["a: what?.txt", " spaces .txt", "plain.txt"];
    for name in names {
        setup.write(&format!("a/{name}"), name);
    }
    setup.sync(&[("pushed_new", 3), ("folders_created_remote", 1)]);
    let here = setup.tree();
    let stored = "a_ what_.txt";
    assert_eq!(setup.asset(&format!("a/{stored}")).contents(), [md5(names[0])], "what it is called there");
    setup.quiet();
    assert_eq!(setup.tree(), here, "nothing is renamed here");
    setup.write(&format!("a/{}", names[0]), "edited");
    setup.sync(&[("pushed_versions", 1)]);
    assert_eq!(setup.asset(&format!("a/{stored}")).contents(), [md5(names[0]), md5("edited")]);
    setup.quiet();
    let asset = setup.asset(&format!("a/{stored}"));
    setup.sandbox.version(&asset, "edited there");
    setup.sync(&[("pulled", 1)]);
    assert_eq!(setup.read(&format!("a/{}", names[0])), b"edited there");
    assert!(!setup.has(&format!("a/{stored}")));
    setup.remove(&format!("a/{}", names[0]));
    setup.sync(&[("trashed_remote", 1)]);
    assert!(!setup.sandbox.now(&asset).alive());
    setup.quiet();
    assert_eq!(setup.sandbox.tree().live().count(), 2);
}
