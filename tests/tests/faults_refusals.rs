//! Refusals that do not change by themselves (403, 404, 409, 422), one for each kind of request that changes something: the
//! others go on, the item is named with the server's words, and it is not tried again by the next pass.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Pass, Setup, Value, each, json, md5};

const REFUSALS: [u16; 4] = [403, 404, 409, 422];

fn each_refusal(check: impl Fn(u16) + Sync) {
    each(REFUSALS.map(|code| json!(code)).to_vec(), |code| check(u16::try_from(code.as_u64().unwrap()).unwrap()));
}

/// A mirror with synced files, in which other work waits on both sides.
fn with_other_work() -> Setup {
    let setup = Setup::new();
    for name in ["bad.txt", "gone.txt"] {
        setup.write(&format!("a/{name}"), name);
    }
    setup.sandbox.folder("Studio/empty");
    setup.sandbox.asset("Studio/other/changed.txt", "first");
    setup.reconcile(&[]).assert(
        0,
        "in_sync",
        &[("pushed_new", 2), ("pulled", 1), ("folders_created_remote", 1), ("folders_created_local", 2)],
    );
    setup.quiet();
    setup.sandbox.version(&setup.asset("other/changed.txt"), "second");
    setup.sandbox.asset("Studio/other/pulled.txt", "pulled");
    setup
}

/// Meets the refusal for two passes. The other work is done by the first, and the second does not ask again, except
/// after a 404: what is not there may be there the next time.
#[track_caller]
fn refused(setup: &Setup, code: u16, method: &str, path: &str) -> Pass {
    let what = json!({ "status": { "code": code } });
    setup.sandbox.fault(&json!({ "method": method, "path": path, "times": 0, "what": what }));
    let first = setup.reconcile(&[]);
    assert!([0, 1].contains(&first.code), "{code}: {first:#?}");
    assert_eq!(setup.read("other/changed.txt"), b"second", "{code}: {first:#?}");
    assert_eq!(setup.read("other/pulled.txt"), b"pulled", "{code}: {first:#?}");
    setup.sandbox.forget_requests();
    let second = setup.reconcile(&[]);
    let asked = setup.sandbox.requests().count(method, path);
    if code != 404 {
        assert_eq!(asked, 0, "{code}: asked again: {second:#?}");
    }
    assert_eq!(second.failed(), first.failed(), "{code}: it stays named");
    setup.sandbox.no_faults();
    first
}

/// The failure of a path names the status, and the server's words where it has any.
#[track_caller]
fn says(pass: &Pass, path: &str, code: u16) {
    let said = pass.failure(path);
    match code {
        404 => assert!(said.contains("404"), "{said}"),
        403 => assert!(said.contains("does not allow it") && said.contains("sandbox fault 403"), "{said}"),
        _ => assert!(said.contains(&format!("({code}): sandbox fault {code}")), "{said}"),
    }
}

/// After something changed, everything is as if nothing had been.
#[track_caller]
fn comes_right(setup: &Setup) {
    setup.sandbox.processed();
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.failed().len()), (0, 0), "{pass:#?}");
    setup.settled();
}

fn refused_upload(method: &str, path: &str) {
    each_refusal(|code| {
        let setup = with_other_work();
        setup.write("a/new.txt", "new");
        let pass = refused(&setup, code, method, path);
        says(&pass, "a/new.txt", code);
        assert_eq!((pass.code, &pass.report["outcome"]), (1, &json!("incomplete")));
        setup.write("a/new.txt", "new again");
        comes_right(&setup);
        assert_eq!(setup.asset("a/new.txt").contents(), [md5("new again")], "{code}");
    });
}

#[test]
fn a_refused_upload_session_does_not_stop_the_others() {
    refused_upload("POST", "/uploads");
}

#[test]
fn a_refused_preparation_of_an_upload_does_not_stop_the_others() {
    refused_upload("POST", "/api/uploads/");
}

#[test]
fn a_refused_version_does_not_stop_the_others() {
    each_refusal(|code| {
        let setup = with_other_work();
        setup.write("a/bad.txt", "edited");
        let pass = refused(&setup, code, "POST", "/add_version");
        says(&pass, "a/bad.txt", code);
        setup.write("a/bad.txt", "edited again");
        comes_right(&setup);
        assert_eq!(setup.asset("a/bad.txt").contents(), [md5("bad.txt"), md5("edited again")], "{code}");
    });
}

#[test]
fn a_refused_end_of_an_upload_leaves_nothing_half_done() {
    each_refusal(|code| {
        let setup = with_other_work();
        setup.write("a/new.txt", "new");
        let what = json!({ "status": { "code": code } });
        let fault = json!({ "path": "/set_uploaded", "times": 0, "what": what });
        setup.sandbox.fault(&fault);
        for _ in 0..2 {
            let pass = setup.reconcile(&[]);
            assert_eq!(pass.failed(), ["a/new.txt"], "{code}: {pass:#?}");
            assert!(setup.has("other/pulled.txt"));
        }
        setup.sandbox.no_faults();
        setup.write("a/new.txt", "new again");
        comes_right(&setup);
        assert_eq!(setup.asset("a/new.txt").md5(), md5("new again"), "{code}");
    });
}

#[test]
fn a_refused_deletion_does_not_stop_the_others() {
    each_refusal(|code| {
        let setup = with_other_work();
        setup.remove("a/gone.txt");
        let pass = refused(&setup, code, "DELETE", "/api/assets/");
        assert_eq!(pass.failed(), Vec::<&str>::new(), "{code}: {pass:#?}");
        comes_right(&setup);
        if code == 404 {
            // Not there: there is nothing to delete. What it answers afterwards says that it is there.
            assert_eq!(setup.has("a/gone.txt"), setup.sandbox.tree().has("Studio/a/gone.txt"));
        } else {
            assert_eq!(setup.read("a/gone.txt"), b"gone.txt", "{code}: it came back");
        }
    });
}

#[test]
fn a_refused_making_of_a_folder_does_not_stop_the_others() {
    each_refusal(|code| {
        let setup = with_other_work();
        setup.write("new/inner/file.txt", "new");
        let what = json!({ "status": { "code": code } });
        setup.sandbox.fault(&json!({ "method": "POST", "path": "/api/storage_folders", "times": 0, "what": what }));
        let pass = setup.reconcile(&[]);
        assert_eq!(pass.code, 1, "{code}: {pass:#?}");
        says(&pass, "new", code);
        assert!(pass.failure("new/inner/file.txt").contains("no storage folder"), "{pass:#?}");
        assert_eq!(
            (setup.read("other/changed.txt"), setup.read("other/pulled.txt")),
            (b"second".into(), b"pulled".into())
        );
        setup.sandbox.no_faults();
        // The file was never refused itself.
        setup.write("new/another.txt", "something changed");
        comes_right(&setup);
        assert_eq!(setup.asset("new/inner/file.txt").md5(), md5("new"), "{code}");
    });
}

#[test]
fn a_refused_making_of_a_folder_is_not_tried_again_until_something_about_it_changes() {
    for change in ["a file in it", "a directory in it", "its name", "a word"] {
        let setup = Setup::new();
        setup.write("new/file.txt", "new");
        let what = json!({ "status": { "code": 403 } });
        setup.sandbox.fault(&json!({ "method": "POST", "path": "/api/storage_folders", "times": 0, "what": what }));
        let first = setup.reconcile(&[]);
        says(&first, "new", 403);
        // The refusal was for once.
        setup.sandbox.no_faults();
        setup.sandbox.forget_requests();
        for _ in 0..2 {
            let pass = setup.reconcile(&[]);
            assert_eq!((pass.code, pass.failed()), (1, first.failed()), "it stays named: {pass:#?}");
        }
        setup.sandbox.requests().assert_only_reading();
        match change {
            "a file in it" => setup.write("new/file.txt", "changed"),
            "a directory in it" => setup.mkdir("new/inner"),
            "its name" => std::fs::rename(setup.path("new"), setup.path("renamed")).unwrap(),
            _ => assert_eq!(setup.reconcile(&["--full"]).code, 0),
        }
        comes_right(&setup);
    }
}

#[test]
fn a_refused_removal_of_a_folder_does_not_stop_the_others() {
    each_refusal(|code| {
        let setup = with_other_work();
        setup.remove("empty");
        let what = json!({ "status": { "code": code } });
        setup.sandbox.fault(&json!({ "method": "DELETE", "path": "/api/storage_folders/", "times": 0, "what": what }));
        let pass = setup.reconcile(&[]);
        assert_eq!(setup.read("other/changed.txt"), b"second", "{code}: {pass:#?}");
        if pass.code == 1 {
            says(&pass, "empty", code);
        }
        setup.sandbox.no_faults();
        let folder = setup.sandbox.tree().folder("Studio/empty");
        folder.into_iter().for_each(|id| setup.sandbox.patch_folder(id, &json!({ "name": "renamed" })));
        comes_right(&setup);
    });
}

#[test]
fn a_refused_removal_of_a_folder_is_not_tried_again_for_a_day() {
    let setup = with_other_work();
    setup.remove("empty");
    let what = json!({ "status": { "code": 403 } });
    setup.sandbox.fault(&json!({ "method": "DELETE", "path": "/api/storage_folders/", "times": 0, "what": what }));
    let first = setup.reconcile(&[]);
    says(&first, "empty", 403);
    setup.sandbox.no_faults();
    let id = setup.sandbox.tree().folder("Studio/empty").unwrap();
    setup.sandbox.forget_requests();
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.failed()), (1, first.failed()), "it stays named: {pass:#?}");
    let requests = setup.sandbox.requests();
    assert_eq!(requests.count("GET", &format!("/storage_folders/{id}")), 0, "nor is it looked into: {requests:#?}");
    requests.assert_only_reading();
    assert_eq!(setup.reconcile(&["--full"]).code, 0, "a word is enough");
    assert_eq!(setup.sandbox.tree().folder("Studio/empty"), None);
}

#[test]
fn a_refused_restoring_from_the_trash_does_not_stop_the_others() {
    each_refusal(|code| {
        let setup = with_other_work();
        setup.sandbox.trash(&setup.asset("a/bad.txt"));
        setup.write("a/bad.txt", "edited");
        let pass = refused(&setup, code, "POST", "/api/bulk_jobs");
        assert_eq!(setup.read("a/bad.txt"), b"edited", "{pass:#?}");
        setup.write("a/bad.txt", "edited again");
        comes_right(&setup);
        assert_eq!(setup.asset("a/bad.txt").md5(), md5("edited again"));
    });
}

#[test]
fn a_refused_download_is_tried_again_when_something_changes_and_daily() {
    each_refusal(|code| {
        let setup = with_other_work();
        let asset = setup.sandbox.asset("Studio/other/refused.txt", "refused");
        let path = format!("/api/assets/{}/download", asset.id());
        let pass = refused(&setup, code, "GET", &path);
        says(&pass, "other/refused.txt", code);
        setup.nothing_half_done();
        if code != 404 {
            let failed = &setup.status()["failed"][0];
            let next: jiff::Timestamp = failed["next_try"].as_str().unwrap().parse().unwrap();
            let hours = next.duration_since(jiff::Timestamp::now()).as_hours();
            assert!((22..=24).contains(&hours), "{failed}");
            assert_eq!(failed["attempts"], 1, "{failed}");
            // Nothing changed, so it waits.
            assert_eq!(setup.reconcile(&[]).failed(), ["other/refused.txt"]);
            setup.sandbox.version(&asset, "changed");
        }
        comes_right(&setup);
        assert!(setup.has("other/refused.txt"));
    });
}

#[test]
fn a_storage_that_refuses_the_bytes_leaves_nothing_half_done() {
    let refusals: Vec<Value> = [400, 403, 404, 411, 413].map(|code| json!({ "status": { "code": code } })).to_vec();
    each(refusals, |what| {
        let setup = with_other_work();
        setup.write("a/new.txt", "new");
        setup.sandbox.fault(&json!({ "method": "PUT", "host": "storage", "times": 0, "what": what }));
        let pass = setup.reconcile(&[]);
        assert_eq!((pass.code, pass.failed()), (1, vec!["a/new.txt"]), "{what}: {pass:#?}");
        assert_eq!(setup.read("other/pulled.txt"), b"pulled");
        setup.nothing_half_done();
        setup.sandbox.no_faults();
        setup.write("a/new.txt", "new again");
        comes_right(&setup);
    });
}
