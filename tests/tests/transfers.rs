//! Every request of a transfer meets every fault, before and after its effect: the next passes end as if nothing had
//! been, with nothing doubled or torn.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Setup, befores_and_afters, each, json, md5};

/// Every fault at one request of an upload.
fn upload(method: &str, path: &str, host: &str) {
    each(befores_and_afters(), |what| {
        let setup = Setup::new();
        setup.write("file.txt", "new");
        setup.mended(&json!({ "method": method, "path": path, "host": host, "what": what }));
        assert_eq!(setup.asset("file.txt").contents(), [md5("new")], "{what}");
        assert_eq!(setup.sandbox.tree().live().count(), 1, "two assets for one file: {what}");
    });
}

#[test]
fn a_faulty_upload_session_is_mended() {
    upload("POST", "/uploads", "api");
}

#[test]
fn a_faulty_preparation_of_an_asset_is_mended() {
    upload("POST", "/assets", "api");
}

#[test]
fn a_faulty_sending_of_bytes_is_mended() {
    upload("PUT", "", "storage");
}

#[test]
fn a_faulty_end_of_an_upload_is_mended() {
    upload("GET", "/set_uploaded", "api");
}

/// Every fault at one request of a new version.
fn version(method: &str, path: &str, host: &str) {
    each(befores_and_afters(), |what| {
        let setup = Setup::new();
        setup.write("file.txt", "first");
        setup.sync(&[("pushed_new", 1)]);
        setup.quiet();
        setup.write("file.txt", "second");
        setup.mended(&json!({ "method": method, "path": path, "host": host, "what": what }));
        let asset = setup.asset("file.txt");
        assert_eq!(asset.md5(), md5("second"), "{what}");
        let written = [md5("first"), md5("second")];
        for content in asset.contents() {
            assert!(written.iter().any(|hash| hash == content), "{what}: {asset:?}");
        }
        assert_eq!(setup.sandbox.tree().assets.len(), 1, "{what}");
    });
}

#[test]
fn a_faulty_preparation_of_a_version_is_mended() {
    version("POST", "/add_version", "api");
}

#[test]
fn a_faulty_sending_of_a_versions_bytes_is_mended() {
    version("PUT", "", "storage");
}

#[test]
fn a_faulty_end_of_a_version_is_mended() {
    version("GET", "/set_uploaded", "api");
}

#[test]
fn a_faulty_download_is_mended_and_never_torn() {
    let mut faults = befores_and_afters();
    // A download has no effect that could have happened before.
    faults.retain(|what| what.get("status_after").is_none());
    faults.extend([json!("truncate"), json!("wrong_length"), json!("corrupt"), json!({ "slow_body": { "ms": 20 } })]);
    each(faults, |what| {
        let setup = Setup::new();
        let bytes = format!("{what} ").repeat(20_000);
        let asset = setup.sandbox.asset("Studio/folder/file.txt", &bytes);
        let fault = json!({ "method": "GET", "path": "/download", "what": what });
        setup.mended(&fault);
        assert_eq!(setup.read("folder/file.txt"), bytes.as_bytes(), "{what}");
        // And over an older version.
        let bytes = format!("{what}, again ").repeat(20_000);
        setup.sandbox.version(&asset, &bytes);
        setup.mended(&fault);
        assert_eq!(setup.read("folder/file.txt"), bytes.as_bytes(), "{what}");
    });
}

#[test]
fn a_faulty_deletion_is_mended() {
    each(befores_and_afters(), |what| {
        let setup = Setup::new();
        setup.write("file.txt", "gone");
        setup.sync(&[("pushed_new", 1)]);
        setup.quiet();
        setup.remove("file.txt");
        setup.mended(&json!({ "method": "DELETE", "path": "/api/assets/", "what": what }));
        assert_eq!(setup.sandbox.tree().live().count(), 0, "{what}");
    });
}

#[test]
fn a_faulty_making_of_a_folder_makes_one_folder() {
    each(befores_and_afters(), |what| {
        let setup = Setup::new();
        setup.write("folder/file.txt", "new");
        setup.mended(&json!({ "method": "POST", "path": "/api/storage_folders", "what": what }));
        assert_eq!(setup.sandbox.tree().folders.len(), 2, "{what}");
    });
}

#[test]
fn a_server_that_is_asked_too_much_is_asked_slower() {
    let setup = Setup::new();
    for number in 0..12 {
        setup.write(&format!("file {number}.txt"), format!("number {number}"));
    }
    let busy = json!({ "status": { "code": 429, "retry_after_s": 1 } });
    setup.sandbox.fault(&json!({ "method": "POST", "skip": 3, "times": 4, "what": busy }));
    setup.sync(&[("pushed_new", 12)]);
    setup.settled();
}
