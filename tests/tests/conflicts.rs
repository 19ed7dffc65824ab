//! `conflicts` lists the open ones with both of their sides, from the store alone.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Setup, Value, json, snapshot};

#[track_caller]
fn conflicts(setup: &Setup) -> Value {
    let pass = setup.run(&["conflicts", "--json"]);
    assert_eq!(pass.code, 0, "{pass:?}");
    assert_eq!((&pass.answer["schema"], &pass.report["name"]), (&json!(1), &json!("studio")));
    pass.report["conflicts"].clone()
}

#[test]
fn both_sides_of_a_conflict_are_listed_until_its_copy_goes() {
    let setup = Setup::new();
    let asset = setup.sandbox.asset("Studio/a/b.txt", "base");
    setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    assert_eq!(conflicts(&setup), json!([]));
    assert_eq!(setup.run(&["conflicts"]).stdout, "no open conflicts\n");
    setup.write("a/b.txt", "mine!");
    setup.age("a/b.txt", std::time::Duration::from_secs(3600));
    let written = setup.mtime("a/b.txt");
    setup.sandbox.version(&asset, "theirs");
    let pass = setup.sync(&[("pulled", 1), ("pushed_new", 1)]);
    let copy = pass.copies()[0].to_owned();

    let before = snapshot(setup.dir());
    setup.sandbox.forget_requests();
    let open = conflicts(&setup);
    assert_eq!(open.as_array().unwrap().len(), 1, "{open:#}");
    let one = &open[0];
    assert_eq!((&one["path"], &one["copy"]), (&json!("a/b.txt"), &json!(copy)));
    assert_eq!(one["guid"], asset.guid());
    let opened: jiff::Timestamp = one["opened_at"].as_str().unwrap().parse().unwrap();
    assert!((jiff::Timestamp::now().as_second() - opened.as_second()).abs() < 600, "{opened}");
    let (theirs, mine) = (&one["theirs"], &one["mine"]);
    assert_eq!(
        (&theirs["path"], &theirs["size"], &theirs["asset"]),
        (&json!("a/b.txt"), &json!(6), &json!(asset.id().to_string()))
    );
    assert_eq!((&mine["path"], &mine["size"]), (&json!(copy), &json!(5)));
    assert_eq!(mine["asset"], json!(setup.asset(&copy).id().to_string()));
    let modified: jiff::Timestamp = mine["modified_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(modified.as_second(), written);
    let pass = setup.run(&["conflicts"]);
    for part in ["studio: a/b.txt", "6 bytes", "5 bytes", &copy, "compare the two"] {
        assert!(pass.stdout.contains(part), "{part} in {pass:?}");
    }
    assert_eq!(snapshot(setup.dir()), before);
    assert_eq!(setup.sandbox.requests().0.len(), 0);

    setup.remove(&copy);
    setup.sync(&[("trashed_remote", 1)]);
    assert_eq!(conflicts(&setup), json!([]));
}

#[test]
fn a_conflict_under_pull_only_has_one_asset() {
    let setup = Setup::with_mirror("direction = \"pull-only\"");
    let asset = setup.sandbox.asset("Studio/b.txt", "base");
    setup.sync(&[("pulled", 1)]);
    setup.write("b.txt", "mine");
    setup.sandbox.version(&asset, "theirs");
    setup.sync(&[("pulled", 1)]);
    let open = conflicts(&setup);
    assert_eq!(
        (&open[0]["mine"]["asset"], &open[0]["theirs"]["asset"]),
        (&Value::Null, &json!(asset.id().to_string()))
    );
}

#[test]
fn a_mirror_that_was_never_synced_has_none() {
    let setup = Setup::new();
    let before = snapshot(setup.dir());
    assert_eq!(conflicts(&setup), json!([]));
    assert_eq!(snapshot(setup.dir()), before);
}
