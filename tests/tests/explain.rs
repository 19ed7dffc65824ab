//! `explain` says why a path is as it is, from the store alone.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Setup, Signal, Value, json, md5, snapshot};

/// `explain --json`, which must be able to say something.
#[track_caller]
fn explain(setup: &Setup, path: &str) -> Value {
    let pass = setup.run(&["explain", path, "--json"]);
    assert_eq!(pass.code, 0, "{pass:?}");
    assert_eq!(pass.answer["schema"], 1);
    pass.answer
}

/// `explain` of a path in the mirror, in words.
#[track_caller]
fn words(setup: &Setup, path: &str) -> String {
    let pass = setup.run(&["explain", &format!("mirror/{path}")]);
    assert_eq!(pass.code, 0, "{pass:?}");
    pass.stdout
}

#[track_caller]
fn note(answer: &Value) -> &str {
    let notes = answer["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 1, "{answer:#}");
    notes[0].as_str().unwrap()
}

fn synced(keys: &str) -> Setup {
    let setup = Setup::with_mirror(keys);
    setup.sandbox.asset("Studio/a/b.txt", "base");
    setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    setup
}

#[test]
fn a_file_in_sync_is_told_by_its_three_trees_and_its_history() {
    let setup = synced("");
    let (before, asset) = (snapshot(setup.dir()), setup.asset("a/b.txt"));
    setup.sandbox.forget_requests();
    for path in ["mirror/a/b.txt", "mirror/./x/../a/b.txt", setup.path("a/b.txt").to_str().unwrap()] {
        let answer = explain(&setup, path);
        assert_eq!(
            (&answer["mirror"], &answer["path"], &answer["kind"]),
            (&json!("studio"), &json!("a/b.txt"), &json!("file"))
        );
        assert_eq!((&answer["decision"], &answer["rule"]), (&json!("settled"), &Value::Null), "{answer:#}");
        let (here, there, base) = (&answer["here"], &answer["there"], &answer["base"]);
        assert_eq!((&here["state"], &here["size"], &here["md5"]), (&json!("present"), &json!(4), &json!(md5("base"))));
        assert_eq!((&there["state"], &there["md5"]), (&json!("live"), &json!(md5("base"))));
        assert_eq!((&there["asset"], &there["guid"]), (&json!(asset.id().to_string()), &json!(asset.guid())));
        assert_eq!((&there["storage_folder"]["path"], &there["filename"]), (&json!("a"), &json!("b.txt")));
        assert_eq!((&base["md5"], &base["name_here"]), (&json!(md5("base")), &json!("b.txt")));
        let history = answer["history"].as_array().unwrap();
        assert_eq!(history.len(), 1, "{history:#?}");
        assert_eq!(
            (&history[0]["rule"], &history[0]["action"], &history[0]["outcome"]),
            (&json!("R2"), &json!("download"), &json!("done"))
        );
    }
    let words = words(&setup, "a/b.txt");
    for part in ["both sides agree", "asset ", "4 bytes", "R2  download  (new on the server): done"] {
        assert!(words.contains(part), "{part} in {words}");
    }
    assert_eq!(snapshot(setup.dir()), before, "it changes nothing");
    assert_eq!(setup.sandbox.requests().0.len(), 0, "and asks nobody");
}

#[test]
fn the_last_ten_actions_are_told_newest_first() {
    let setup = synced("");
    for number in 0..11 {
        setup.write("a/b.txt", format!("edit {number}"));
        setup.sync(&[("pushed_versions", 1)]);
    }
    let answer = explain(&setup, "mirror/a/b.txt");
    let history = answer["history"].as_array().unwrap();
    assert_eq!(history.len(), 10);
    assert!(history.iter().all(|event| event["action"] == "push_version"), "{history:#?}");
    let times: Vec<&str> = history.iter().map(|event| event["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|later, earlier| later >= earlier), "{times:?}");
}

#[test]
fn an_edit_that_may_not_travel_is_held_with_its_rule_and_the_holds_words() {
    let setup = synced("direction = \"pull-only\"");
    setup.write("a/b.txt", "ours");
    assert_eq!(setup.reconcile(&[]).held(), ["direction"]);
    let answer = explain(&setup, "mirror/a/b.txt");
    assert_eq!(
        (&answer["decision"], &answer["rule"], &answer["reason"]),
        (&json!("held"), &json!("R3"), &json!("direction"))
    );
    assert_eq!(answer["meaning"], "edited here: pushed as a new version");
    assert_eq!(answer["steps"], json!([]));
    let words = words(&setup, "a/b.txt");
    assert!(words.contains("held: the mirror's direction does not let it travel"), "{words}");
}

#[test]
fn an_upload_that_failed_is_told_with_its_error_and_the_next_try() {
    let setup = synced("");
    setup
        .sandbox
        .fault(&json!({ "path": "/upload", "method": "POST", "what": { "status": { "code": 422, "body": "json" } } }));
    setup.write("a/new.txt", "new");
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.failed(), ["a/new.txt"], "{pass:?}");
    let answer = explain(&setup, "mirror/a/new.txt");
    assert_eq!((&answer["decision"], &answer["rule"]), (&json!("act"), &json!("R1")), "{answer:#}");
    assert_eq!(
        answer["steps"],
        json!([{"rule": "R1", "action": "upload", "path": "a/new.txt", "to": null, "reason": "new here"}])
    );
    assert_eq!(answer["failure"]["error"], pass.report["failed"][0]["error"]);
    assert_eq!(answer["failure"]["attempts"], 1);
    assert!(
        answer["failure"]["next_try"].as_str().unwrap().starts_with("20"),
        "a refusal is tried again daily: {answer:#}"
    );
    let words = words(&setup, "a/new.txt");
    assert!(words.contains("failed:") && words.contains("again:"), "{words}");
}

#[test]
fn a_file_that_the_server_still_works_on_is_waiting() {
    let setup = synced("");
    setup.sandbox.habits(&json!({ "processing_ms": 600_000 }));
    setup.write("a/new.txt", "new");
    setup.sync(&[("pushed_new", 1)]);
    let answer = explain(&setup, "mirror/a/new.txt");
    assert_eq!(answer["decision"], "waiting", "{answer:#}");
    assert!(words(&setup, "a/new.txt").contains("waiting for the server"));
}

#[test]
fn a_deletion_that_a_plan_holds_names_the_plan() {
    let setup = Setup::new();
    for number in 0..12 {
        setup.sandbox.asset(&Setup::there(&format!("{number}.txt")), format!("{number}"));
    }
    setup.sync(&[("pulled", 12)]);
    for number in 0..12 {
        setup.remove(&format!("{number}.txt"));
    }
    let pass = setup.reconcile(&[]);
    let plan = pass.report["held"][0]["plan"].as_str().unwrap();
    let answer = explain(&setup, "mirror/7.txt");
    assert_eq!((&answer["plan"], &answer["rule"]), (&json!(plan), &json!("R8")), "{answer:#}");
    assert_eq!(answer["here"], json!({"state": "absent"}));
    assert!(note(&answer).contains(&format!("the plan {plan} holds it back")), "{answer:#}");
}

#[test]
fn both_ends_of_a_conflict_name_each_other() {
    let setup = synced("");
    setup.write("a/b.txt", "ours");
    setup.sandbox.version(&setup.asset("a/b.txt"), "theirs");
    let pass = setup.sync(&[("pulled", 1), ("pushed_new", 1)]);
    let copy = pass.copies()[0].to_owned();
    let original = explain(&setup, "mirror/a/b.txt");
    assert_eq!(original["conflict"], json!({"role": "original", "copies": [copy]}));
    assert!(note(&original).contains(&copy), "{original:#}");
    let answer = explain(&setup, &format!("mirror/{copy}"));
    assert_eq!(answer["conflict"], json!({"role": "copy", "path": "a/b.txt"}));
    assert!(note(&answer).contains("a/b.txt"), "{answer:#}");
    setup.remove(&copy);
    setup.reconcile(&[]);
    assert_eq!(explain(&setup, "mirror/a/b.txt")["conflict"], Value::Null, "it is settled");
}

#[test]
fn what_is_no_synced_file_is_explained_in_a_sentence() {
    let setup = synced("");
    setup.write("a/c.tmp", "left out");
    setup.write("a/later.txt", "after the last pass");
    std::os::unix::fs::symlink("/etc", setup.path("link")).unwrap();
    for (path, kind, sentence) in [
        ("", "root", "the mirror's root"),
        (".damsync/trash", "ours", "damsync's own"),
        ("a", "directory", "a directory here, and storage folder"),
        ("a/c.tmp", "nothing", "the ignore rules leave it out"),
        ("a/later.txt", "nothing", "never seen by a pass"),
        ("link", "nothing", "a symbolic link, which is never followed"),
    ] {
        let answer = explain(&setup, &format!("mirror/{path}"));
        assert_eq!(answer["kind"], kind, "{path}: {answer:#}");
        assert!(note(&answer).contains(sentence), "{path}: {answer:#}");
        assert!(words(&setup, path).contains(sentence), "{path}");
    }
}

#[test]
fn a_synced_file_that_became_ignored_is_left_alone_and_says_so() {
    let mut setup = synced("");
    setup.set_mirror_keys("ignore = [\"*.txt\"]");
    setup.sync(&[]);
    let answer = explain(&setup, "mirror/a/b.txt");
    assert_eq!((&answer["decision"], &answer["rule"]), (&json!("skipped"), &json!("R28")), "{answer:#}");
    assert!(note(&answer).contains("the ignore rules leave it out"), "{answer:#}");
}

#[test]
fn a_deleted_file_is_told_by_what_became_of_its_asset() {
    let setup = synced("");
    let asset = setup.asset("a/b.txt");
    setup.remove("a/b.txt");
    setup.sync(&[("trashed_remote", 1)]);
    let answer = explain(&setup, "mirror/a/b.txt");
    assert_eq!(answer["kind"], "nothing");
    assert_eq!(answer["there"], json!({"state": "trashed", "asset": asset.id().to_string(), "guid": asset.guid()}));
    assert_eq!(answer["history"][0]["action"], "trash_remote");
    assert!(note(&answer).contains("is trashed"), "{answer:#}");
}

#[test]
fn a_path_outside_every_mirror_ends_with_2() {
    let setup = synced("");
    for path in ["elsewhere.txt", "mirror/../token", "/etc/hosts"] {
        let pass = setup.run(&["explain", path]);
        assert_eq!((pass.code, pass.stdout.as_str()), (2, ""), "{path}: {pass:?}");
        assert!(pass.stderr.contains("lies in no mirror"), "{pass:?}");
    }
}

#[test]
fn before_the_first_pass_it_says_so_and_makes_nothing() {
    let setup = Setup::new();
    let before = snapshot(setup.dir());
    let answer = explain(&setup, "mirror/a.txt");
    assert_eq!(note(&answer), "no pass has been made over this mirror yet");
    assert_eq!(snapshot(setup.dir()), before);
}

#[test]
fn a_path_that_leads_into_the_mirror_through_a_link_is_found() {
    let setup = synced("");
    std::os::unix::fs::symlink(&setup.local, setup.dir().join("shortcut")).unwrap();
    assert_eq!(explain(&setup, "shortcut/a/b.txt")["path"], "a/b.txt");
}

#[test]
fn it_answers_beside_a_running_daemon() {
    let setup = synced("");
    let mut daemon = setup.daemon();
    setup.write("a/new.txt", "new");
    daemon.until_both("a/new.txt", true);
    daemon.until("the upload in the history", |setup| {
        explain(setup, "mirror/a/new.txt")["history"][0]["action"] == "upload"
    });
    assert_eq!(daemon.end(Signal::TERM), 0);
}
