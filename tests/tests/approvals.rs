//! A person's word lets through what was shown, for as long as it was asked for, and nothing else; and what waits for
//! a word, or needs none, costs nothing.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Pass, Setup, Signal, Value, garbage, json, picture_path};

/// A setup with 40 pictures on both sides, ten in each directory.
fn synced() -> Setup {
    Setup::with_pictures(40, "")
}

/// The one hold of a pass that ended with 3 and did nothing.
#[track_caller]
fn held<'p>(pass: &'p Pass, reason: &str) -> &'p Value {
    assert_eq!((pass.code, pass.held()), (3, vec![reason]), "{pass:?}");
    assert!(pass.did().is_empty(), "{pass:?}");
    &pass.report["held"][0]
}

#[test]
fn ignore_rules_here_that_allow_deletes_let_through_are_not_asked_about_again() {
    let mut setup = synced();
    setup.set_mirror_keys("ignore = [\"folder 1/\", \"folder 2/\"]");
    held(&setup.reconcile(&[]), "mass_delete");
    assert_eq!(setup.reconcile(&["--allow-deletes"]).code, 0);
    assert_eq!(setup.reconcile(&[]).code, 0);
}

#[test]
fn ignore_rules_here_that_come_to_leave_out_more_are_asked_about_again() {
    let mut setup = synced();
    setup.set_mirror_keys("ignore = [\"folder 1/\", \"folder 2/\"]");
    setup.approve(held(&setup.reconcile(&[]), "mass_delete"));
    for _ in 0..3 {
        setup.sync(&[]);
    }
    setup.set_mirror_keys("ignore = [\"folder 0/\", \"folder 1/\", \"folder 2/\", \"folder 3/\"]");
    assert_eq!(held(&setup.reconcile(&[]), "mass_delete")["count"], 20, "those that were accepted are not counted");
}

#[test]
fn an_approval_of_changes_there_is_for_the_versions_that_were_there() {
    let setup = synced();
    let before = setup.tree();
    for (number, asset) in setup.sandbox.tree().live().take(20).enumerate() {
        setup.sandbox.version(asset, garbage(number));
    }
    let pass = setup.reconcile(&[]);
    let hold = held(&pass, "mass_change");
    setup.approve(hold);
    for (number, asset) in setup.sandbox.tree().live().take(20).enumerate() {
        setup.sandbox.version(asset, garbage(number + 1000));
    }
    let pass = setup.reconcile(&[]);
    assert_ne!(held(&pass, "mass_change")["plan"], hold["plan"]);
    assert_eq!(setup.tree(), before);
}

#[test]
fn an_approval_of_changes_here_is_for_the_bytes_that_were_here() {
    let setup = synced();
    (0..20).for_each(|number| setup.write(&picture_path(number), garbage(number)));
    let pass = setup.reconcile(&[]);
    let hold = held(&pass, "mass_change");
    setup.approve(hold);
    (0..20).for_each(|number| setup.write(&picture_path(number), garbage(number + 1000)));
    let pass = setup.reconcile(&[]);
    assert_ne!(held(&pass, "mass_change")["plan"], hold["plan"]);
    assert!(setup.sandbox.tree().live().all(|asset| asset.versions() == 1));
}

#[test]
fn an_approval_of_ignore_rules_is_for_the_rules_that_were_there() {
    let setup = synced();
    let rules = setup.sandbox.asset("Studio/.damsyncignore", "folder 1/\nfolder 2/\n");
    let pass = setup.reconcile(&[]);
    let hold = held(&pass, "mass_delete");
    setup.approve(hold);
    setup.sandbox.version(&rules, "folder 1/\nfolder 2/\nfolder 3/\n");
    let pass = setup.reconcile(&[]);
    let fresh = held(&pass, "mass_delete");
    assert_eq!(fresh["count"], 30);
    assert_ne!(fresh["plan"], hold["plan"]);
    assert!(!setup.has(".damsyncignore"));
}

#[test]
fn what_is_held_already_is_not_read_again() {
    let setup = synced();
    for (number, asset) in setup.sandbox.tree().live().take(20).enumerate() {
        setup.sandbox.version(asset, garbage(number));
    }
    held(&setup.reconcile(&[]), "mass_change");
    setup.sandbox.forget_requests();
    held(&setup.reconcile(&[]), "mass_change");
    assert_eq!(setup.sandbox.requests().downloads(), 0);
}

#[test]
fn ignore_rules_that_are_held_already_are_not_read_again() {
    let setup = synced();
    setup.sandbox.asset("Studio/.damsyncignore", "folder 1/\nfolder 2/\n");
    held(&setup.reconcile(&[]), "mass_delete");
    setup.sandbox.forget_requests();
    held(&setup.reconcile(&[]), "mass_delete");
    assert_eq!(setup.sandbox.requests().downloads(), 0);
}

#[test]
fn an_id_given_before_another_and_dated_after_it_is_no_roll_back() {
    let setup = synced();
    setup.sandbox.folder("Elsewhere");
    setup.sandbox.post("/admin/clock", &json!({ "offset_ms": 600_000 }));
    let dated_later = setup.sandbox.asset("Elsewhere/dated later.txt", "given its id by a server whose clock is ahead");
    setup.sandbox.post("/admin/clock", &json!({ "offset_ms": 0 }));
    setup.sandbox.asset("Studio/newest.txt", "the highest id");
    setup.sync(&[("pulled", 1)]);
    let folder = setup.sandbox.tree().folder("Studio").unwrap();
    setup.sandbox.patch(&dated_later, &json!({ "folder_id": folder }));
    let pass = setup.reconcile(&[]);
    pass.assert(0, "in_sync", &[("pulled", 1)]);
    setup.settled();
}

#[test]
fn an_old_asset_that_is_gone_costs_no_more_than_a_look_at_the_newest() {
    let setup = synced();
    setup.sandbox.habits(&json!({ "trashed_details": "not_found" }));
    setup.sandbox.advance(2 * 60 * 60 * 1000);
    setup.sandbox.asset("Studio/newest.txt", "made long after the others");
    setup.sync(&[("pulled", 1)]);
    setup.sandbox.trash(&setup.asset(&picture_path(1)));
    setup.sandbox.forget_requests();
    setup.sync(&[("trashed_local", 1)]);
    let requests = setup.sandbox.requests();
    let is_of_one = |path: &str| path.strip_prefix("/api/assets/").is_some_and(|id| id.parse::<i64>().is_ok());
    let looked_at = requests.0.iter().filter(|request| request.method == "GET" && is_of_one(&request.path)).count();
    assert_eq!(looked_at, 3, "it, another one of its folder, and the newest: {requests:#?}");
}

#[test]
fn a_mirror_of_everything_is_not_narrowed_to_one_folder_without_a_word() {
    let setup = synced();
    setup.sandbox.asset("Archive/old.txt", "in another folder");
    let everything = setup.config_text().replace("storage_folder = \"Studio\"\n", "");
    assert_ne!(everything, setup.config_text());
    let studio = setup.config_text();
    setup.write_config(&everything);
    held(&setup.reconcile(&[]), "remote_replaced");
    setup.write_config(&studio);
    setup.settled();
}

#[test]
fn a_directory_removed_here_stays_there_under_another_users_token() {
    let setup = synced();
    setup.mkdir("empty");
    setup.sync(&[("folders_created_remote", 1)]);
    let other = setup.sandbox.post("/admin/users", &json!({ "can_upload": true, "any_user": true }));
    setup.write_token(other["token"].as_str().unwrap());
    setup.remove("empty");
    held(&setup.reconcile(&[]), "identity_changed");
    assert!(setup.sandbox.tree().folder("Studio/empty").is_some());
}

#[test]
fn ignore_rules_that_a_daemon_brought_after_a_word_are_not_asked_about_by_a_later_pass() {
    let setup = synced();
    setup.sandbox.asset("Studio/.damsyncignore", "*.jpg\n");
    let pass = setup.reconcile(&[]);
    setup.approve(held(&pass, "mass_delete"));
    let mut daemon = setup.daemon();
    daemon.until("the rules are here", |setup| setup.has(".damsyncignore"));
    // It looks at the root alone, and not at the directories whose files are left out now.
    setup.write("other.txt", "other work goes on");
    daemon.until_both("other.txt", true);
    daemon.end(Signal::TERM);
    setup.reconcile(&[]).assert(0, "in_sync", &[]);
}
