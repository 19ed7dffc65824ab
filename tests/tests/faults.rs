//! A server that refuses, stumbles and loses its answers: nothing is doubled, nothing is lost, and the next pass is quiet.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Setup, json};

/// A mirror with one synced file.
fn synced() -> Setup {
    let setup = Setup::new();
    setup.write("a/kept.txt", "kept");
    setup.sync(&[("pushed_new", 1), ("folders_created_remote", 1)]);
    setup.settled();
    setup.sandbox.forget_requests();
    setup
}

/// One asset of that name, whatever was lost on the way.
fn only_one(setup: &Setup, path: &str) {
    let tree = setup.sandbox.processed();
    let there = Setup::there(path);
    assert_eq!(tree.live().filter(|asset| asset.path() == there).count(), 1, "{path}");
    setup.nothing_half_done();
}

#[test]
fn a_refused_deletion_is_cancelled_and_the_file_restored() {
    let setup = synced();
    setup.sandbox.fault(
        &json!({ "method": "DELETE", "path": "/api/assets/", "what": { "status": { "code": 403, "body": "json" } } }),
    );
    setup.remove("a/kept.txt");
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:?}");
    assert_eq!(setup.read("a/kept.txt"), b"kept", "it came back");
    assert!(setup.asset("a/kept.txt").alive());
    setup.quiet();
    assert!(setup.asset("a/kept.txt").alive(), "and the deletion is not replayed");
}

#[test]
fn what_becomes_ignored_is_left_alone_on_both_sides() {
    let setup = synced();
    setup.write(".damsyncignore", "*.txt\n");
    setup.sync(&[("pushed_new", 1)]);
    setup.write("a/kept.txt", "edited here");
    setup.sandbox.asset("Studio/a/never.txt", "ignored there, too");
    let pass = setup.reconcile(&[]);
    pass.assert(0, "in_sync", &[]);
    assert!(!setup.has("a/never.txt"));
    assert_eq!(setup.asset("a/kept.txt").versions(), 1);
    setup.remove("a/kept.txt");
    setup.reconcile(&[]).assert(0, "in_sync", &[]);
    assert!(setup.asset("a/kept.txt").alive(), "its deletion does not travel either");
    setup.remove(".damsyncignore");
    assert_eq!(setup.reconcile(&[]).code, 0);
    assert!(setup.has("a/never.txt"), "no longer ignored");
}

/// Lost answers, one for each call that changes something: the effect took place and nobody heard of it.
#[test]
fn lost_answers_make_no_doubles() {
    for (name, fault) in [
        ("make the folder", json!({ "method": "POST", "path": "/api/storage_folders" })),
        ("open the session", json!({ "method": "POST", "path": "/uploads" })),
        ("prepare the asset", json!({ "method": "POST", "path": "/assets", "query": "" })),
        ("send the bytes", json!({ "method": "PUT", "host": "storage" })),
        ("say that they arrived", json!({ "method": "GET", "path": "/set_uploaded" })),
        ("close the session", json!({ "method": "PUT", "path": "/set_done" })),
    ] {
        for what in ["reset_after", "reset_before"] {
            let setup = synced();
            let mut fault = fault.clone();
            fault["what"] = json!(what);
            setup.sandbox.fault(&fault);
            setup.write("new/fresh.txt", name);
            let first = setup.reconcile(&[]);
            setup.sandbox.no_faults();
            let second = setup.reconcile(&[]);
            assert_eq!(second.code, 0, "{name} {what}: {first:?} {second:?}");
            only_one(&setup, "new/fresh.txt");
            let folders = setup.sandbox.tree();
            assert!(folders.folder(&Setup::there("new")).is_some(), "{name} {what}");
            setup.settled();
            setup.equal();
        }
    }
}

#[test]
fn lost_answers_to_a_version_and_to_a_deletion_leave_one_asset() {
    for (name, fault) in [
        ("prepare the version", json!({ "method": "POST", "path": "/add_version", "what": "reset_after" })),
        ("send the version", json!({ "method": "PUT", "host": "storage", "what": "reset_after" })),
        ("say that it arrived", json!({ "method": "GET", "path": "/set_uploaded", "what": "reset_after" })),
    ] {
        let setup = synced();
        setup.sandbox.fault(&fault);
        setup.write("a/kept.txt", name);
        let first = setup.reconcile(&[]);
        let second = setup.reconcile(&[]);
        assert_eq!(second.code, 0, "{name}: {first:?} {second:?}");
        only_one(&setup, "a/kept.txt");
        setup.settled();
        setup.equal();
    }
    let setup = synced();
    setup.sandbox.fault(&json!({ "method": "DELETE", "path": "/api/assets/", "what": "reset_after" }));
    setup.remove("a/kept.txt");
    setup.reconcile(&[]);
    setup.reconcile(&[]).assert(0, "in_sync", &[]);
    assert_eq!(setup.sandbox.tree().live().count(), 0);
    setup.quiet();
}

#[test]
fn an_aged_signed_address_is_prepared_anew_without_a_leftover() {
    let setup = synced();
    setup
        .sandbox
        .fault(&json!({ "method": "PUT", "host": "storage", "what": { "status": { "code": 403, "body": "html" } } }));
    setup.write("a/new.txt", "new");
    let pass = setup.reconcile(&[]);
    let pass = if pass.code == 0 { pass } else { setup.reconcile(&[]) };
    assert_eq!(pass.code, 0, "{pass:?}");
    only_one(&setup, "a/new.txt");
    setup.settled();
}

#[test]
fn a_token_that_is_refused_in_the_middle_ends_the_pass_and_loses_nothing() {
    let setup = synced();
    setup.write("a/new.txt", "new");
    setup
        .sandbox
        .fault(&json!({ "path": "/set_uploaded", "times": 0, "what": { "status": { "code": 401, "body": "json" } } }));
    assert_eq!(setup.reconcile(&[]).code, 4);
    setup.sandbox.no_faults();
    assert_eq!(setup.reconcile(&[]).code, 0);
    only_one(&setup, "a/new.txt");
    setup.settled();
}

#[test]
fn a_body_that_is_cut_or_corrupted_never_gets_its_name() {
    for what in ["truncate", "corrupt"] {
        let setup = synced();
        let content = "whole ".repeat(10_000);
        setup.sandbox.asset("Studio/a/down.txt", &content);
        setup.sandbox.fault(&json!({ "path": "/download", "times": 0, "what": what }));
        let pass = setup.reconcile(&[]);
        assert_eq!(pass.code, 1, "{what}: {pass:?}");
        assert_eq!(pass.failed(), ["a/down.txt"], "{what}");
        assert!(!setup.has("a/down.txt"), "{what}");
        setup.sandbox.no_faults();
        setup.sync(&[("pulled", 1)]);
        assert_eq!(setup.read("a/down.txt"), content.as_bytes());
        setup.settled();
    }
}

#[test]
fn an_item_that_is_refused_does_not_stop_the_others() {
    let setup = synced();
    let refused = setup.sandbox.asset("Studio/a/refused.txt", "refused");
    setup.sandbox.asset("Studio/a/fine.txt", "fine");
    setup.sandbox.fault(&json!({
        "path": format!("/api/assets/{}/download", refused.id()), "times": 0, "what": { "status": { "code": 403, "body": "json" } }
    }));
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.failed()), (1, vec!["a/refused.txt"]), "{pass:?}");
    assert_eq!(setup.read("a/fine.txt"), b"fine");
}
