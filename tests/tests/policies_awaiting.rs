//! Uploads that the server has accepted and does not list yet: they wait for processing, submission or approval, for days
//! or for ever. They are named, never sent again, their files are left alone, and they cost a pass nothing.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Asset, Setup, json, until};
use std::time::Duration;

/// Uploads one file into a folder that was changed like this, and waits until the server has done its part.
fn waiting(folder: &damsync_tests::Value) -> (Setup, Asset) {
    let setup = Setup::new();
    let id = setup.sandbox.folder("Studio/box");
    setup.sandbox.patch_folder(id, folder);
    setup.sandbox.habits(&json!({ "unsubmitted_listed": false }));
    setup.write("box/a.txt", "a");
    setup.sandbox.asset("Studio/box/listed.txt", "listed");
    let pass = setup.sync(&[("pushed_new", 1), ("pulled", 1)]);
    assert_eq!(pass.waiting("processing"), ["box/a.txt"], "right after it was sent: {pass:#?}");
    let asset = setup.asset("box/a.txt");
    assert_eq!(pass.report["awaiting"][0]["guid"], asset.guid());
    setup.sandbox.processed();
    // Its look is due.
    setup.sandbox.advance(10_000);
    (setup, asset)
}

/// It is named with this state for as long as it waits, and nothing is done about it.
#[track_caller]
fn only_waits(setup: &Setup, asset: &Asset, state: &str) {
    let before = setup.sandbox.now(asset);
    setup.sandbox.forget_requests();
    for hours in [0, 1, 1, 30, 50] {
        setup.sandbox.advance(hours * 60 * 60 * 1000);
        let pass = setup.sync(&[]);
        assert_eq!(pass.waiting(state), ["box/a.txt"], "{state}: {pass:#?}");
        assert_eq!(pass.report["awaiting"].as_array().unwrap().len(), 1, "{pass:#?}");
    }
    // Right after a look the next one is far away: the pass asks no more than any.
    let pass = setup.sync(&[]);
    assert!(pass.report["requests"].as_u64().unwrap() <= 8, "{pass:#?}");
    assert_eq!(setup.status()["awaiting"][0]["state"], state);
    let requests = setup.sandbox.requests();
    requests.assert_only_reading();
    requests.assert_no_bytes_moved();
    assert_eq!(setup.read("box/a.txt"), b"a");
    assert_eq!(setup.sandbox.now(asset), before, "nobody touched it");
    assert_eq!(setup.sandbox.tree().live().count(), 2);
    setup.nothing_half_done();
}

#[test]
fn an_upload_that_waits_for_its_processing_is_named_and_left_alone() {
    let setup = Setup::new();
    setup.sandbox.habits(&json!({ "processing_ms": 3_600_000 }));
    setup.sandbox.folder("Studio/box");
    setup.write("box/a.txt", "a");
    setup.sandbox.asset("Studio/box/listed.txt", "listed");
    setup.sync(&[("pushed_new", 1), ("pulled", 1)]);
    let asset = setup.asset("box/a.txt");
    setup.sandbox.forget_requests();
    for _ in 0..3 {
        setup.sandbox.advance(10_000);
        let pass = setup.sync(&[]);
        assert_eq!(pass.waiting("processing"), ["box/a.txt"], "{pass:#?}");
    }
    setup.sandbox.requests().assert_only_reading();
    setup.sandbox.advance(3_600_000);
    let pass = setup.sync(&[]);
    assert_eq!(pass.report["awaiting"], json!([]), "{pass:#?}");
    assert_eq!(setup.sandbox.now(&asset).versions(), 1);
    setup.settled();
}

#[test]
fn an_upload_that_waits_for_its_submission_is_named_and_left_alone() {
    let (setup, asset) = waiting(&json!({ "require_tags": true }));
    only_waits(&setup, &asset, "submission");
    setup.sandbox.patch(&asset, &json!({ "tags": ["spring"], "submitted_at": "2026-01-01T00:00:00Z" }));
    let pass = setup.sync(&[]);
    assert_eq!(pass.report["awaiting"], json!([]), "{pass:#?}");
    setup.settled();
}

#[test]
fn an_upload_that_waits_for_its_approval_is_named_and_left_alone() {
    let (setup, asset) = waiting(&json!({ "auto_approve": false }));
    only_waits(&setup, &asset, "approval");
    setup.sandbox.patch(&asset, &json!({ "approved": true }));
    let pass = setup.sync(&[]);
    assert_eq!(pass.report["awaiting"], json!([]), "{pass:#?}");
    setup.settled();
    // An approved asset is an asset like any other.
    setup.sandbox.version(&asset, "theirs");
    setup.sync(&[("pulled", 1)]);
    assert_eq!(setup.read("box/a.txt"), b"theirs");
    setup.settled();
}

#[test]
fn a_server_that_lists_what_is_not_approved_makes_nothing_wait() {
    let setup = Setup::new();
    let id = setup.sandbox.folder("Studio/box");
    setup.sandbox.patch_folder(id, &json!({ "auto_approve": false }));
    setup.write("box/a.txt", "a");
    setup.sync(&[("pushed_new", 1)]);
    setup.settled();
    let pass = setup.sync(&[]);
    assert_eq!(pass.report["awaiting"], json!([]), "{pass:#?}");
    // Asked by itself, it looks like one that waits; it was listed, so it does not.
    setup.write("box/a.txt", "edited");
    setup.sync(&[("pushed_versions", 1)]);
    setup.settled();
    setup.remove("box/a.txt");
    setup.sync(&[("trashed_remote", 1)]);
    setup.settled();
}

#[test]
fn what_was_approved_once_does_not_wait_again_while_the_index_is_late() {
    let (setup, asset) = waiting(&json!({ "auto_approve": false }));
    setup.sandbox.patch(&asset, &json!({ "approved": true }));
    setup.sync(&[]);
    setup.settled();
    // The lists show the asset as it was; asked by itself, it looks like one that waits.
    setup.sandbox.habits(&json!({ "index_lag_ms": 60_000 }));
    setup.sandbox.version(&asset, "theirs");
    setup.remove("box/a.txt");
    let pass = setup.sync(&[("pulled", 1)]);
    assert_eq!(pass.report["awaiting"], json!([]), "{pass:#?}");
    assert_eq!(setup.read("box/a.txt"), b"theirs");
    setup.sandbox.advance(120_000);
    setup.settled();
}

#[test]
fn what_waits_and_is_rejected_goes_into_the_local_trash() {
    for folder in [json!({ "auto_approve": false }), json!({ "require_tags": true })] {
        let (setup, asset) = waiting(&folder);
        setup.sync(&[]);
        setup.sandbox.trash(&asset);
        setup.sync(&[("trashed_local", 1)]);
        assert!(!setup.has("box/a.txt"), "{folder}");
        assert_eq!(setup.trash().into_keys().collect::<Vec<_>>(), ["box/a.txt"], "{folder}");
        setup.settled();
    }
}

#[test]
fn what_waits_and_is_edited_here_gets_a_version() {
    let (setup, asset) = waiting(&json!({ "auto_approve": false }));
    assert_eq!(setup.sync(&[]).waiting("approval"), ["box/a.txt"]);
    setup.write("box/a.txt", "edited");
    setup.sync(&[("pushed_versions", 1)]);
    assert_eq!(setup.sandbox.now(&asset).versions(), 2);
    setup.sandbox.processed();
    setup.sandbox.advance(10_000);
    let pass = setup.sync(&[]);
    assert_eq!(pass.waiting("approval"), ["box/a.txt"], "{pass:#?}");
    assert_eq!(setup.sandbox.tree().live().count(), 2);
    setup.equal();
}

#[test]
fn what_waits_and_is_deleted_here_goes_into_the_servers_trash() {
    let (setup, asset) = waiting(&json!({ "auto_approve": false }));
    setup.sync(&[]);
    setup.remove("box/a.txt");
    setup.sync(&[("trashed_remote", 1)]);
    assert!(!setup.sandbox.now(&asset).alive());
    setup.settled();
}

#[test]
fn what_waits_is_not_sent_again_after_the_state_was_lost() {
    let (setup, asset) = waiting(&json!({ "require_tags": true }));
    setup.sandbox.habits(&json!({ "unsubmitted_listed": true }));
    setup.sync(&[]);
    std::fs::remove_dir_all(&setup.state).unwrap();
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.report["pushed_new"].as_u64()), (0, Some(0)), "{pass:#?}");
    assert_eq!(setup.sandbox.now(&asset).versions(), 1);
    assert_eq!(setup.sandbox.tree().live().count(), 2);
}

#[test]
fn an_upload_whose_processing_fails_is_said_and_not_sent_again_until_it_changes() {
    let setup = Setup::new();
    setup.sandbox.asset("Studio/listed.txt", "listed");
    setup.sandbox.habits(&json!({ "processing_fails": true }));
    setup.write("a.txt", "a");
    assert_eq!(setup.reconcile(&[]).report["pushed_new"], 1);
    let asset = setup.asset("a.txt");
    until("the end of its processing", || (setup.sandbox.now(&asset).state() == "processing_error").then_some(()));
    setup.sandbox.advance(10_000);
    setup.sandbox.forget_requests();
    for hours in [0, 1, 30] {
        setup.sandbox.advance(hours * 60 * 60 * 1000);
        let pass = setup.reconcile(&[]);
        pass.assert(1, "incomplete", &[]);
        assert_eq!(pass.failed(), ["a.txt"], "{pass:#?}");
        assert!(pass.failure("a.txt").contains("process"), "{pass:#?}");
    }
    let pass = setup.reconcile(&[]);
    assert!(pass.report["requests"].as_u64().unwrap() <= 8, "{pass:#?}");
    setup.sandbox.requests().assert_only_reading();
    assert_eq!(setup.sandbox.now(&asset).versions(), 1);
    assert_eq!(setup.read("a.txt"), b"a");
    setup.sandbox.habits(&json!({ "processing_fails": false }));
    setup.write("a.txt", "edited");
    setup.age("a.txt", Duration::from_secs(5));
    setup.sync(&[("pushed_versions", 1)]);
    setup.settled();
    assert_eq!(setup.asset("a.txt").guid(), asset.guid());
}

#[test]
fn what_waited_and_was_rejected_is_not_looked_at_again() {
    let setup = Setup::new();
    setup.sandbox.habits(&json!({ "processing_ms": 3_600_000 }));
    setup.write("a.txt", "a");
    setup.sync(&[("pushed_new", 1)]);
    let asset = setup.asset("a.txt");
    setup.sandbox.trash(&asset);
    setup.sync(&[("trashed_local", 1)]);
    // Later than it would have been looked at, had it lived.
    setup.sandbox.advance(60_000);
    setup.sandbox.forget_requests();
    setup.sync(&[]);
    let looks = setup.sandbox.requests().count("GET", &format!("/api/assets/{}", asset.id()));
    assert_eq!(looks, 0, "{:#?}", setup.sandbox.requests());
}
