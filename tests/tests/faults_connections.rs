//! The requests besides those of a transfer (see `transfers.rs`) that change something: each meets every fault, before and
//! after its effect.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Setup, befores_and_afters, each, json, md5};

#[test]
fn a_faulty_closing_of_an_upload_session_is_mended() {
    each(befores_and_afters(), |what| {
        let setup = Setup::new();
        setup.write("a/file.txt", "new");
        setup.mended(&json!({ "method": "PUT", "path": "/set_done", "what": what }));
        // A session that was never closed leaves what it holds unsubmitted for ever.
        assert_eq!(setup.asset("a/file.txt").0["submitted"], true, "{what}");
    });
}

#[test]
fn a_faulty_restoring_from_the_trash_is_mended() {
    each(befores_and_afters(), |what| {
        let setup = Setup::new();
        setup.write("file.txt", "first");
        setup.sync(&[("pushed_new", 1)]);
        setup.quiet();
        let asset = setup.asset("file.txt");
        setup.sandbox.trash(&asset);
        setup.write("file.txt", "second");
        setup.mended(&json!({ "method": "POST", "path": "/api/bulk_jobs", "what": what }));
        let asset = setup.sandbox.now(&asset);
        assert!(asset.alive(), "{what}: {asset:?}");
        assert_eq!(asset.contents(), [md5("first"), md5("second")], "{what}");
        assert_eq!(setup.sandbox.tree().assets.len(), 1, "{what}");
    });
}

#[test]
fn a_faulty_look_at_a_background_job_is_mended() {
    each(befores_and_afters(), |what| {
        let setup = Setup::new();
        setup.sandbox.habits(&json!({ "job_delay_ms": 200 }));
        setup.write("file.txt", "first");
        setup.sync(&[("pushed_new", 1)]);
        setup.quiet();
        setup.sandbox.trash(&setup.asset("file.txt"));
        setup.write("file.txt", "second");
        setup.mended(&json!({ "method": "GET", "path": "/api/bulk_jobs/", "what": what }));
        assert_eq!(setup.asset("file.txt").contents(), [md5("first"), md5("second")], "{what}");
        assert_eq!(setup.sandbox.tree().assets.len(), 1, "{what}");
    });
}

#[test]
fn a_faulty_removal_of_a_folder_is_mended() {
    each(befores_and_afters(), |what| {
        let setup = Setup::new();
        setup.write("kept/file.txt", "kept");
        setup.mkdir("empty");
        setup.sync(&[("pushed_new", 1), ("folders_created_remote", 2)]);
        setup.quiet();
        setup.remove("empty");
        setup.mended(&json!({ "method": "DELETE", "path": "/api/storage_folders/", "what": what }));
        assert_eq!(setup.sandbox.tree().folder("Studio/empty"), None, "{what}");
        assert_eq!(setup.sandbox.tree().folders.len(), 2, "{what}");
    });
}

#[test]
fn a_faulty_acknowledgement_is_mended() {
    each(befores_and_afters(), |what| {
        let setup = Setup::new();
        let asset = setup.sandbox.asset("Studio/file.txt", "first");
        // The first search looks at the asset, the second tells that it is synced.
        setup.mended(&json!({ "method": "POST", "path": "/api/assets/search", "skip": 1, "what": what }));
        assert_eq!(setup.read("file.txt"), b"first", "{what}");
        assert!(setup.sandbox.now(&asset).0["last_external_sync_at"].is_string(), "it was told: {what}");
    });
}
