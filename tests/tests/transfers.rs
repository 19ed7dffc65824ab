//! Every request of a transfer meets every fault, before and after its effect: the next passes end as if nothing had
//! been, with nothing doubled or torn.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Setup, Value, json, md5};

/// The fault happens during one pass; what follows must bring both sides together.
#[track_caller]
fn mended(setup: &Setup, fault: &Value) {
    setup.sandbox.fault(fault);
    let pass = setup.reconcile(&[]);
    assert!([0, 1, 5].contains(&pass.code), "{fault} {pass:?}");
    assert_eq!(setup.sandbox.get("/admin/faults"), json!([]), "the fault was not met: {pass:?}");
    setup.sandbox.processed();
    if pass.code != 0 {
        let pass = setup.reconcile(&[]);
        assert_eq!(pass.code, 0, "{fault} {pass:?}");
    }
    setup.equal();
    let pass = setup.sync(&[]);
    assert_eq!(pass.bytes(), (0, 0), "{fault} {pass:?}");
}

fn befores_and_afters() -> Vec<Value> {
    vec![
        json!({ "status": { "code": 500 } }),
        json!({ "status_after": { "code": 502 } }),
        json!("reset_before"),
        json!("reset_after"),
        json!("html_ok"),
    ]
}

/// Every fault at one request of an upload.
fn upload(method: &str, path: &str, host: &str) {
    let setup = Setup::new();
    setup.sync(&[]);
    for (number, what) in befores_and_afters().into_iter().enumerate() {
        let text = what.to_string();
        setup.write(&format!("file {number}.txt"), &text);
        mended(&setup, &json!({ "method": method, "path": path, "host": host, "what": what }));
        let asset = setup.asset(&format!("file {number}.txt"));
        assert_eq!(asset.contents(), [md5(&text)], "{what}");
    }
    assert_eq!(setup.sandbox.tree().live().count(), befores_and_afters().len(), "two assets for one file");
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
    let setup = Setup::new();
    setup.write("file.txt", "first");
    setup.sync(&[("pushed_new", 1)]);
    setup.quiet();
    let mut written = vec![md5("first")];
    for what in befores_and_afters() {
        let text = what.to_string();
        setup.write("file.txt", &text);
        written.push(md5(&text));
        mended(&setup, &json!({ "method": method, "path": path, "host": host, "what": what }));
        let asset = setup.asset("file.txt");
        assert_eq!(asset.md5(), md5(&text), "{what}");
        for content in asset.contents() {
            assert!(written.iter().any(|hash| hash == content), "{what}: {asset:?}");
        }
    }
    assert_eq!(setup.sandbox.tree().assets.len(), 1);
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
    let setup = Setup::new();
    let more = [json!("truncate"), json!("wrong_length"), json!("corrupt"), json!({ "slow_body": { "ms": 20 } })];
    for (number, what) in befores_and_afters().into_iter().chain(more).enumerate() {
        if what.get("status_after").is_some() {
            continue;
        }
        let bytes = format!("{what} ").repeat(20_000);
        let path = format!("folder/file {number}.txt");
        let asset = setup.sandbox.asset(&Setup::there(&path), &bytes);
        mended(&setup, &json!({ "method": "GET", "path": "/download", "what": what }));
        assert_eq!(setup.read(&path), bytes.as_bytes(), "{what}");
        // And over an older version.
        let bytes = format!("{what}, again ").repeat(20_000);
        setup.sandbox.version(&asset, &bytes);
        mended(&setup, &json!({ "method": "GET", "path": "/download", "what": what }));
        assert_eq!(setup.read(&path), bytes.as_bytes(), "{what}");
    }
}

#[test]
fn a_faulty_deletion_is_mended() {
    let setup = Setup::new();
    for (number, what) in befores_and_afters().into_iter().enumerate() {
        let path = format!("file {number}.txt");
        setup.write(&path, &path);
        setup.sync(&[("pushed_new", 1)]);
        setup.quiet();
        setup.remove(&path);
        mended(&setup, &json!({ "method": "DELETE", "path": "/api/assets/", "what": what }));
    }
    assert_eq!(setup.sandbox.tree().live().count(), 0);
}

#[test]
fn a_faulty_making_of_a_folder_makes_one_folder() {
    let setup = Setup::new();
    for (number, what) in befores_and_afters().into_iter().enumerate() {
        let path = format!("folder {number}/file.txt");
        setup.write(&path, &path);
        mended(&setup, &json!({ "method": "POST", "path": "/api/storage_folders", "what": what }));
    }
    assert_eq!(setup.sandbox.tree().folders.len(), 1 + befores_and_afters().len());
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
