//! `plan` and `reconcile --dry-run` say what the pass that follows does: the same actions, in the same order.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Options, Pass, Setup, Value, json, snapshot};
use std::collections::BTreeSet;

/// Rule, action and path of a line.
type Line = (String, String, String);

/// One transfer at a time, so that actions end in the order in which they were begun.
fn one_at_a_time() -> Setup {
    Setup::with(Options { remote: "concurrency = 1".to_owned(), ..Options::default() })
}

fn line(value: &Value) -> Line {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    (text("rule"), text("action"), text("path"))
}

/// A conflict copy's name says when it was made, which no plan can know.
fn timeless((rule, action, path): Line) -> Line {
    let path = match (path.find(" (conflict "), path.rfind(')')) {
        (Some(from), Some(to)) => format!("{} (conflict){}", &path[..from], &path[to + 1..]),
        _ => path,
    };
    (rule, action, path)
}

/// `plan --json`: the first mirror's answer.
#[track_caller]
fn plan(setup: &Setup) -> Value {
    let pass = setup.run(&["plan", "--json"]);
    assert_eq!(pass.code, 0, "{pass:?}");
    assert_eq!(pass.answer["schema"], 1);
    pass.report
}

fn lines(plan: &Value) -> Vec<Line> {
    plan["actions"].as_array().unwrap().iter().map(line).map(timeless).collect()
}

fn left(plan: &Value, list: &str) -> Vec<(String, String, String)> {
    let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let items = plan[list].as_array().unwrap().iter();
    items.map(|item| (text(item, "rule"), text(item, "path"), text(item, "reason"))).collect()
}

/// What a real pass did, in the order in which it was done, by its log. What only takes note of something is no line.
fn done(pass: &Pass) -> Vec<Line> {
    let entries = pass.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let entries = entries.filter(|entry| entry["message"] == "done");
    let noted = ["refresh", "join_folder", "forget_folder"];
    entries.map(|entry| timeless(line(&entry))).filter(|line| !noted.contains(&line.1.as_str())).collect()
}

/// Shows the plan, rehearses, and carries out; all three must say the same. Returns what was done.
#[track_caller]
fn foretold(setup: &Setup) -> Vec<Line> {
    let planned = lines(&plan(setup));
    let rehearsed = setup.reconcile(&["--dry-run"]);
    let real = setup.reconcile(&["--log", "info", "--log-format", "json"]);
    let done = done(&real);
    assert_eq!(planned, done, "{real:?}");
    assert_eq!(rehearsed.did(), real.did(), "{rehearsed:?} {real:?}");
    assert_eq!(rehearsed.bytes(), real.bytes(), "{rehearsed:?} {real:?}");
    done
}

fn rules(lines: &[Line]) -> BTreeSet<&str> {
    lines.iter().map(|line| line.0.as_str()).collect()
}

#[test]
fn a_plan_is_what_the_next_pass_does_in_the_same_order() {
    let setup = one_at_a_time();
    let (sandbox, there) = (&setup.sandbox, |path: &str| Setup::there(path));
    let elsewhere = sandbox.folder("Elsewhere");
    for path in [
        "stays.txt",
        "edited/here.txt",
        "edited/there.txt",
        "edited/both.txt",
        "edited/trashed.txt",
        "edited/left.txt",
        "gone/here.txt",
        "trashed/there.txt",
        "moved/old.txt",
        "left.txt",
        "back/new version.txt",
        "back/renamed.txt",
        "deleted/touched.txt",
        "deleted/twice.txt",
        "lost/edited.txt",
    ] {
        sandbox.asset(&there(path), path);
    }
    setup.sync(&[("pulled", 15), ("folders_created_local", 7)]);
    let assets = sandbox.tree();
    let asset = |path: &str| assets.at(&there(path)).clone();

    setup.write("edited/here.txt", "edited here");
    sandbox.version(&asset("edited/there.txt"), "a new version");
    setup.write("edited/both.txt", "ours");
    sandbox.version(&asset("edited/both.txt"), "theirs");
    setup.write("edited/trashed.txt", "an edit that wins");
    sandbox.trash(&asset("edited/trashed.txt"));
    setup.write("edited/left.txt", "pushed to where it is");
    sandbox.patch(&asset("edited/left.txt"), &json!({ "storage_folder_id": elsewhere }));
    setup.remove("gone");
    sandbox.trash(&asset("trashed/there.txt"));
    sandbox.delete_folder(assets.folder("Studio/trashed").unwrap());
    sandbox.patch(&asset("moved/old.txt"), &json!({ "filename": "new.txt" }));
    sandbox.patch(&asset("left.txt"), &json!({ "storage_folder_id": elsewhere }));
    setup.remove("back/new version.txt");
    sandbox.version(&asset("back/new version.txt"), "it comes back");
    setup.remove("back/renamed.txt");
    sandbox.patch(&asset("back/renamed.txt"), &json!({ "filename": "renamed there.txt" }));
    setup.remove("deleted/touched.txt");
    sandbox.patch(&asset("deleted/touched.txt"), &json!({ "rating": 5 }));
    setup.remove("deleted/twice.txt");
    sandbox.trash(&asset("deleted/twice.txt"));
    setup.write("lost/edited.txt", "its storage folder is gone as well");
    sandbox.trash(&asset("lost/edited.txt"));
    sandbox.delete_folder(assets.folder("Studio/lost").unwrap());
    setup.write("new/deep/file.txt", "new here");
    sandbox.asset(&there("new there/too.txt"), "new there");
    setup.write("met/same.txt", "the same");
    sandbox.asset(&there("met/same.txt"), "the same");
    setup.write("met/other.txt", "ours");
    sandbox.asset(&there("met/other.txt"), "theirs");
    setup.mkdir("empty");
    std::os::unix::fs::symlink("/etc", setup.path("link")).unwrap();

    let before = (snapshot(setup.dir()), sandbox.get("/admin/tree")["assets"].clone());
    sandbox.forget_requests();
    let answer = plan(&setup);
    assert_eq!((snapshot(setup.dir()), sandbox.get("/admin/tree")["assets"].clone()), before);
    sandbox.requests().assert_only_reading();
    sandbox.requests().assert_no_bytes_moved();
    assert_eq!(left(&answer, "skipped"), [("R29".into(), "link".into(), "symbolic link".into())]);
    for list in ["held", "awaiting", "failed"] {
        assert_eq!(answer[list], json!([]), "{list}");
    }

    let done = foretold(&setup);
    let shown =
        ["R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R12", "R13", "R15", "R19", "R20", "R23"];
    let missing: Vec<&&str> =
        shown.iter().chain(&["R24", "R25"]).filter(|rule| !rules(&done).contains(**rule)).collect();
    assert!(missing.is_empty(), "{missing:?} in {done:#?}");
    let position = |action: &str, path: &str| {
        let found = done.iter().position(|line| (line.1.as_str(), line.2.as_str()) == (action, path));
        found.unwrap_or_else(|| panic!("no {action} {path} in {done:#?}"))
    };
    for [first, second] in [
        [("keep_both", "edited/both.txt"), ("upload", "edited/both (conflict).txt")],
        [("keep_both", "met/other.txt"), ("upload", "met/other (conflict).txt")],
        [("restore_remote", "edited/trashed.txt"), ("push_version", "edited/trashed.txt")],
        [("push_version", "edited/left.txt"), ("trash_local", "edited/left.txt")],
        [("make_remote_folder", "new"), ("make_remote_folder", "new/deep")],
        [("make_remote_folder", "new/deep"), ("upload", "new/deep/file.txt")],
        [("make_remote_folder", "lost"), ("upload", "lost/edited.txt")],
        [("make_local_folder", "new there"), ("download", "new there/too.txt")],
        [("trash_remote", "gone/here.txt"), ("remove_remote_folder", "gone")],
        [("trash_local", "trashed/there.txt"), ("remove_local_folder", "trashed")],
    ] {
        assert!(position(first.0, first.1) < position(second.0, second.1), "{first:?} {second:?} {done:#?}");
    }
    // The history has the same words; a copy's name is known only afterwards.
    for (rule, action, path) in done.iter().filter(|line| !line.2.contains("(conflict)")) {
        let explained = setup.run(&["explain", &format!("mirror/{path}"), "--json"]).answer;
        let history = explained["history"].as_array().unwrap();
        let has = history.iter().any(|event| (&event["rule"], &event["action"]) == (&json!(rule), &json!(action)));
        assert!(has, "{rule} {action} {path} in {history:#?}");
    }
    assert_eq!(lines(&plan(&setup)), [], "nothing is left to do");
}

#[test]
fn a_plan_in_words_is_a_line_per_action_as_the_tables_write_it() {
    let setup = Setup::new();
    setup.sandbox.asset("Studio/a.txt", "a");
    setup.sync(&[("pulled", 1)]);
    let pass = setup.run(&["plan"]);
    assert_eq!((pass.code, pass.stdout.as_str()), (0, "nothing to do\n"), "{pass:?}");
    setup.write("b.txt", "b");
    setup.sandbox.patch(&setup.asset("a.txt"), &json!({ "filename": "c.txt" }));
    let pass = setup.run(&["plan"]);
    assert_eq!(pass.code, 0, "{pass:?}");
    assert_eq!(pass.stdout, "R15 move_local a.txt -> c.txt  (moved on the server)\nR1  upload b.txt  (new here)\n");
}

#[test]
fn a_pull_only_conflict_is_foretold_without_an_upload() {
    let mut setup = one_at_a_time();
    setup.set_mirror_keys("direction = \"pull-only\"");
    let asset = setup.sandbox.asset("Studio/a.txt", "base");
    setup.sync(&[("pulled", 1)]);
    setup.write("a.txt", "ours");
    setup.sandbox.version(&asset, "theirs");
    let answer = plan(&setup);
    assert_eq!(left(&answer, "held").len(), 1, "{answer}");
    assert_eq!(left(&answer, "held")[0].0, "R1", "the copy stays here");
    assert_eq!(foretold(&setup), [("R30".into(), "keep_both".into(), "a.txt".into())]);
}

#[test]
fn names_that_are_passed_on_or_exchanged_on_the_server_are_foretold() {
    for names in [["free.txt", "one.txt"], ["two.txt", "free.txt"], ["two.txt", "one.txt"]] {
        let setup = one_at_a_time();
        let assets = ["one.txt", "two.txt"].map(|name| setup.sandbox.asset(&Setup::there(name), name));
        setup.sync(&[("pulled", 2)]);
        for (asset, name) in assets.iter().zip(names) {
            setup.sandbox.patch(asset, &json!({ "filename": name }));
        }
        let done = foretold(&setup);
        assert!(!done.is_empty() && done.iter().all(|line| line.0 == "R15"), "{names:?} {done:?}");
        assert_eq!(lines(&plan(&setup)), [], "{names:?}");
    }
}

#[test]
fn bytes_that_nobody_has_read_end_a_plan_and_it_says_so() {
    let setup = one_at_a_time();
    setup.sandbox.habits(&json!({ "checksums_given": false }));
    setup.write("a.txt", "a");
    setup.sandbox.asset("Studio/a.txt", "a");
    let answer = plan(&setup);
    assert_eq!(lines(&answer), [("R5".into(), "learn".into(), "a.txt".into())]);
    let reason = answer["actions"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("what follows depends on its bytes"), "{reason}");
    setup.sync(&[("adopted", 1)]);
}

/// A mirror with so many files that were all deleted here.
fn deleted(count: usize) -> Setup {
    let setup = Setup::new();
    for number in 0..count {
        setup.sandbox.asset(&Setup::there(&format!("{number:02}.txt")), format!("{number}"));
    }
    setup.reconcile(&[]);
    for number in 0..count {
        setup.remove(&format!("{number:02}.txt"));
    }
    setup
}

#[test]
fn deletions_that_a_guard_holds_stand_below_the_actions() {
    let setup = deleted(12);
    setup.write("new.txt", "new");
    let answer = plan(&setup);
    assert_eq!(lines(&answer), [("R1".into(), "upload".into(), "new.txt".into())]);
    let held = answer["held"].as_array().unwrap();
    assert_eq!(held.len(), 13, "{held:#?}");
    assert_eq!(held[0], json!({"rule": "R8", "action": "trash_remote", "path": "00.txt", "reason": "mass_delete"}));
    assert_eq!((held[12]["reason"].as_str(), held[12]["count"].as_u64()), (Some("mass_delete"), Some(12)));
    let pass = setup.run(&["plan"]);
    assert_eq!(pass.code, 0, "a plan that was shown is what was asked for: {pass:?}");
    assert!(pass.stdout.contains("R8  held trash_remote 11.txt  (mass_delete)\n"), "{pass:?}");
}

#[test]
fn a_dry_run_that_allows_deletions_counts_them() {
    let setup = deleted(12);
    let held = setup.reconcile(&["--dry-run"]);
    held.assert(3, "held", &[]);
    assert_eq!(held.held(), ["mass_delete"]);
    let allowed = setup.reconcile(&["--dry-run", "--allow-deletes"]);
    allowed.assert(0, "in_sync", &[("trashed_remote", 12)]);
    assert_eq!(setup.sandbox.tree().live().count(), 12, "it was a dry run");
    setup.reconcile(&["--allow-deletes"]).assert(0, "in_sync", &[("trashed_remote", 12)]);
}

#[test]
fn a_held_plan_is_shown_in_words_and_in_json() {
    let setup = deleted(12);
    let held = setup.reconcile(&[]);
    let id = held.report["held"][0]["plan"].as_str().unwrap().to_owned();
    let words = setup.run(&["plan", &id]);
    assert_eq!(words.code, 0, "{words:?}");
    assert!(words.stdout.contains("R8  trash_remote 07.txt  (deleted here)\n"), "{words:?}");
    let pass = setup.run(&["plan", &id, "--json"]);
    let answer = &pass.answer;
    assert_eq!(
        (pass.code, &answer["schema"], &answer["id"], &answer["mirror"]),
        (0, &json!(1), &json!(id), &json!("studio"))
    );
    assert_eq!((&answer["reason"], &answer["count"], &answer["of"]), (&json!("mass_delete"), &json!(12), &json!(12)));
    assert_eq!(answer["actions"].as_array().unwrap().len(), 12);
    assert_eq!(
        answer["actions"][0],
        json!({"rule": "R8", "action": "trash_remote", "path": "00.txt", "reason": "deleted here"})
    );
    assert_eq!(setup.run(&["plan", "p-0", "--json"]).code, 2);
}

#[test]
fn a_plan_at_first_contact_makes_nothing() {
    let setup = Setup::new();
    setup.sandbox.asset("Studio/a/b.txt", "b");
    let before = snapshot(setup.dir());
    let answer = plan(&setup);
    assert_eq!(snapshot(setup.dir()), before);
    let expected: [Line; 2] =
        [("R25".into(), "make_local_folder".into(), "a".into()), ("R2".into(), "download".into(), "a/b.txt".into())];
    assert_eq!(lines(&answer), expected);
    assert_eq!(answer["actions"][1]["bytes"], 1);
}

#[test]
fn a_plan_for_a_server_that_is_out_of_reach_ends_with_5() {
    let setup = Setup::new();
    setup.sandbox.stop();
    let pass = setup.run(&["plan", "--json"]);
    assert_eq!(pass.code, 5, "{pass:?}");
}

#[test]
fn a_directory_that_holds_what_is_left_out_is_not_foretold_to_go() {
    let setup = one_at_a_time();
    let asset = setup.sandbox.asset("Studio/a/b.txt", "b");
    setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    setup.write("a/c.tmp", "left out");
    setup.sandbox.trash(&asset);
    setup.sandbox.delete_folder(setup.sandbox.tree().folder("Studio/a").unwrap());
    assert_eq!(foretold(&setup), [("R9".into(), "trash_local".into(), "a/b.txt".into())]);
}
