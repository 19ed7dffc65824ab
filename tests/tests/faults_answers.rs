//! A server that is busy, slow, or answers with what is no answer: nothing is concluded from it.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Options, Setup, Stranger, Value, each, json, md5};
use std::time::{Duration, Instant};

/// A mirror with one synced file on each side of a pass, and time limits that a test can wait for.
fn synced() -> Setup {
    let setup = Setup::with(Options { remote: "idle_timeout = \"400ms\"".to_owned(), ..Options::default() });
    setup.write("a/kept.txt", "kept");
    setup.sandbox.asset("Studio/a/changed.txt", "first");
    setup.reconcile(&[]).assert(0, "in_sync", &[("pushed_new", 1), ("pulled", 1)]);
    setup.quiet();
    setup
}

#[test]
fn a_busy_server_is_asked_again_after_the_time_it_names_in_seconds_or_as_a_date() {
    each(vec![json!(false), json!(true)], |as_date| {
        let setup = synced();
        setup.write("a/new.txt", "new");
        let what = json!({ "status": { "code": 429, "retry_after_s": 2, "retry_after_as_date": as_date } });
        for (method, path) in [("GET", "/api/storage_folders"), ("POST", "/api/uploads/"), ("GET", "/set_uploaded")] {
            setup.sandbox.fault(&json!({ "method": method, "path": path, "what": what }));
        }
        let begun = Instant::now();
        setup.sync(&[("pushed_new", 1)]);
        assert_eq!(setup.sandbox.get("/admin/faults"), json!([]));
        // A date has whole seconds.
        assert!(begun.elapsed() >= Duration::from_secs(3), "{:?}", begun.elapsed());
        assert_eq!(setup.asset("a/new.txt").contents(), [md5("new")]);
        setup.settled();
    });
}

#[test]
fn a_burst_of_errors_that_ends_in_time_is_not_noticed() {
    each([500, 502, 503, 504].map(|code| json!({ "status": { "code": code } })).to_vec(), |what| {
        let setup = synced();
        setup.sandbox.version(&setup.asset("a/changed.txt"), "second");
        for path in ["/api/storage_folders", "/download", "/api/assets/search"] {
            setup.sandbox.fault(&json!({ "path": path, "times": 2, "what": what }));
        }
        setup.sync(&[("pulled", 1)]);
        assert_eq!(setup.sandbox.get("/admin/faults"), json!([]), "{what}");
        setup.settled();
    });
}

#[test]
fn a_server_that_stays_broken_is_5_and_deletes_nothing() {
    let lists = ["/api/whoami", "/api/storage_folders", "/api/assets/search", "/api/assets/updated_since"];
    each(lists.map(|path| json!(path)).to_vec(), |path| {
        let setup = synced();
        let before = setup.tree();
        setup.sandbox.fault(&json!({ "path": path, "times": 0, "what": { "status": { "code": 503 } } }));
        let pass = setup.reconcile(&[]);
        assert_eq!(pass.code, 5, "{path}: {pass:#?}");
        let said = format!("{}{}", pass.stdout, pass.stderr);
        assert!(said.contains("503"), "{path}: {said}");
        assert_eq!(setup.tree(), before);
        setup.sandbox.no_faults();
        setup.settled();
        assert_eq!(setup.tree(), before);
    });
}

#[test]
fn a_page_for_people_in_place_of_a_list_is_an_error_and_deletes_nothing() {
    let lists = [
        ("/api/whoami", &[][..]),
        ("/api/storage_folders", &[]),
        ("/asset_ids", &["--full"]),
        ("/api/assets/search", &[]),
        ("/api/assets/updated_since", &[]),
        ("/api/assets/trashed", &[]),
    ];
    for (path, args) in lists {
        let setup = synced();
        let before = setup.tree();
        let there = setup.sandbox.tree().live().count();
        setup.sandbox.fault(&json!({ "path": path, "times": 0, "what": "html_ok" }));
        let pass = setup.reconcile(args);
        assert!([1, 5].contains(&pass.code), "{path}: {pass:#?}");
        let said = format!("{}{}", pass.stdout, pass.stderr);
        assert!(said.contains("makes no sense") && !said.contains("<html"), "{path}: {said}");
        assert_eq!(setup.tree(), before, "{path}");
        assert_eq!(setup.sandbox.tree().live().count(), there, "{path}");
        setup.sandbox.no_faults();
        setup.settled();
    }
}

#[test]
fn a_request_without_an_answer_is_given_up_and_sent_again() {
    let requests = [
        json!({ "method": "GET", "path": "/api/storage_folders" }),
        json!({ "method": "POST", "path": "/api/assets/search" }),
        json!({ "method": "POST", "path": "/uploads" }),
        json!({ "method": "POST", "path": "/api/uploads/" }),
        json!({ "method": "PUT", "host": "storage" }),
        json!({ "method": "GET", "path": "/set_uploaded" }),
        json!({ "method": "GET", "path": "/download" }),
    ];
    each(requests.to_vec(), |fault| {
        let setup = synced();
        setup.write("b/new.txt", "new");
        setup.sandbox.version(&setup.asset("a/changed.txt"), "second");
        let mut fault = fault.clone();
        fault["what"] = json!("stall_forever");
        setup.mended(&fault);
        assert_eq!(setup.read("a/changed.txt"), b"second", "{fault}");
        assert_eq!(setup.asset("b/new.txt").contents(), [md5("new")], "{fault}");
        assert_eq!(setup.sandbox.tree().live().count(), 3, "{fault}");
    });
}

#[test]
fn a_download_that_makes_no_progress_is_given_up_and_goes_on() {
    let setup = synced();
    let bytes = "0123456789".repeat(20_000);
    setup.sandbox.asset("Studio/a/big.txt", &bytes);
    // Ten pieces, each a second after the other: more than we wait for.
    setup.sandbox.fault(&json!({ "path": "/download", "what": { "slow_body": { "ms": 1000 } } }));
    let begun = Instant::now();
    setup.sync(&[("pulled", 1)]);
    assert!(begun.elapsed() < Duration::from_secs(9), "it was not waited for: {:?}", begun.elapsed());
    assert_eq!(setup.sandbox.requests().count("GET", "/download"), 2, "the first, and one that took its place");
    assert_eq!(setup.read("a/big.txt"), bytes.as_bytes());
    setup.settled();
}

#[test]
fn a_slow_server_is_waited_for_while_anything_comes() {
    let setup = synced();
    setup.sandbox.habits(&json!({ "latency_ms": 150 }));
    let bytes = "0123456789".repeat(2_000);
    setup.sandbox.asset("Studio/a/slow.txt", &bytes);
    setup.write("a/new.txt", "new");
    setup.sandbox.fault(&json!({ "path": "/download", "what": { "slow_body": { "ms": 100 } } }));
    setup.sandbox.forget_requests();
    setup.sync(&[("pulled", 1), ("pushed_new", 1)]);
    let requests = setup.sandbox.requests();
    assert_eq!((requests.downloads(), requests.uploads()), (1, 1), "{requests:#?}");
    assert_eq!(setup.read("a/slow.txt"), bytes.as_bytes());
    setup.sandbox.habits(&json!({ "latency_ms": 0 }));
    setup.settled();
}

#[test]
fn a_download_is_followed_to_another_host_without_our_credentials() {
    let setup = synced();
    let there = Stranger::start("second");
    let asset = setup.sandbox.version(&setup.asset("a/changed.txt"), "second");
    let url = format!("{}/bucket/object?X-Amz-Signature=1", there.url);
    setup.sandbox.fault(&json!({ "path": "/download", "what": { "redirect": { "url": url } } }));
    setup.sync(&[("pulled", 1)]);
    assert_eq!(setup.read("a/changed.txt"), b"second");
    assert_eq!(there.heads().len(), 1);
    assert!(there.heads()[0].starts_with("get /bucket/object?x-amz-signature=1 "), "{:?}", there.heads());
    there.assert_told_no_secret(&setup.sandbox.token);
    assert_eq!(setup.sandbox.now(&asset).versions(), 2);
    setup.settled();
}

#[test]
fn another_host_that_sends_other_bytes_is_not_believed() {
    let setup = synced();
    let there = Stranger::start("forged");
    setup.sandbox.version(&setup.asset("a/changed.txt"), "second");
    setup.sandbox.fault(&json!({ "path": "/download", "times": 0, "what": { "redirect": { "url": there.url } } }));
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.failed()), (1, vec!["a/changed.txt"]), "{pass:#?}");
    assert_eq!(setup.read("a/changed.txt"), b"first");
    there.assert_told_no_secret(&setup.sandbox.token);
    setup.sandbox.no_faults();
    setup.sync(&[("pulled", 1)]);
    setup.settled();
}

#[test]
fn a_request_of_the_api_is_never_followed_to_another_host() {
    let requests: Vec<Value> = [
        ("GET", "/api/whoami"),
        ("GET", "/api/storage_folders"),
        ("POST", "/api/assets/search"),
        ("GET", "/api/assets/updated_since"),
        ("GET", "/api/assets/trashed"),
        ("POST", "/uploads"),
        ("POST", "/api/uploads/"),
        ("POST", "/add_version"),
        ("GET", "/set_uploaded"),
        ("PUT", "/set_done"),
        ("DELETE", "/api/assets/"),
        ("POST", "/api/storage_folders"),
    ]
    .map(|(method, path)| json!({ "method": method, "path": path, "times": 0 }))
    .to_vec();
    for some in requests.chunks(4) {
        each(some.to_vec(), |fault| {
            let setup = synced();
            let there = Stranger::start("[]");
            setup.write("new/file.txt", "new");
            setup.write("a/changed.txt", "changed");
            setup.remove("a/kept.txt");
            let mut fault = fault.clone();
            fault["what"] = json!({ "redirect": { "url": format!("{}/api", there.url) } });
            setup.sandbox.fault(&fault);
            let pass = setup.reconcile(&[]);
            assert!([0, 1, 5].contains(&pass.code), "{fault}: {pass:#?}");
            assert_eq!(there.heads(), Vec::<String>::new(), "{fault}");
            assert!(!format!("{}{}", pass.stdout, pass.stderr).contains(&setup.sandbox.token), "{fault}");
            setup.sandbox.no_faults();
            setup.reconcile(&[]);
            setup.sandbox.processed();
            let pass = setup.reconcile(&[]);
            assert_eq!(pass.code, 0, "{fault}: {pass:#?}");
            setup.equal();
        });
    }
}

#[test]
fn signed_addresses_that_are_always_too_old_leave_nothing_half_done() {
    let setup = synced();
    setup.sandbox.habits(&json!({ "url_expires_s": 0, "latency_ms": 5 }));
    setup.write("a/new.txt", "new");
    setup.write("a/kept.txt", "edited");
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.failed().len()), (1, 2), "{pass:#?}");
    assert!(pass.failure("a/new.txt").contains("expired"), "{pass:#?}");
    setup.nothing_half_done();
    setup.sandbox.habits(&json!({ "url_expires_s": 3600, "latency_ms": 0 }));
    setup.sync(&[("pushed_new", 1), ("pushed_versions", 1)]);
    assert_eq!(setup.asset("a/new.txt").contents(), [md5("new")]);
    setup.settled();
}
