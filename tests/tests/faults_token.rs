//! A token that is refused in the middle of a pass, wherever that is: exit 4, nothing lost, nothing doubled, and the next
//! pass goes on where this one ended.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Setup, Value, each, json, md5};

/// Work of every kind: uploads, versions, downloads, deletions and folders on both sides.
fn with_work() -> Setup {
    let setup = Setup::new();
    for name in ["edited", "gone here", "gone there"] {
        setup.write(&format!("a/{name}.txt"), name);
    }
    setup.sync(&[("pushed_new", 3), ("folders_created_remote", 1)]);
    setup.quiet();
    setup.write("a/edited.txt", "edited here");
    setup.remove("a/gone here.txt");
    setup.sandbox.trash(&setup.asset("a/gone there.txt"));
    for number in 0..4 {
        setup.write(&format!("new here/{number}.txt"), format!("here {number}"));
        setup.sandbox.asset(&format!("Studio/new there/{number}.txt"), format!("there {number}"));
    }
    setup
}

/// The server refuses the token from one request on, during one pass.
fn refused_from(fault: &Value, skips: &[u32]) {
    each(skips.iter().map(|skip| json!(skip)).collect(), |skip| {
        let setup = with_work();
        let mut fault = fault.clone();
        fault["skip"] = skip.clone();
        fault["what"] = json!({ "status": { "code": 401 } });
        setup.sandbox.fault(&fault);
        // Once it is refused, it stays refused.
        let pass = setup.reconcile(&[]);
        assert_eq!(pass.code, 4, "{fault}: {pass:#?}");
        let said = format!("{}{}", pass.stdout, pass.stderr);
        assert!(said.contains("token"), "{pass:#?}");
        setup.sandbox.no_faults();
        let pass = setup.reconcile(&[]);
        assert_eq!(pass.code, 0, "{fault}: {pass:#?}");
        setup.sandbox.processed();
        let tree = setup.sandbox.tree();
        assert_eq!(tree.live().count(), 1 + 4 + 4, "{fault}: {:#?}", tree.live().collect::<Vec<_>>());
        let edited = setup.asset("a/edited.txt");
        assert_eq!((edited.md5(), edited.contents()[0]), (md5("edited here").as_str(), md5("edited").as_str()));
        assert!(setup.trash().contains_key("a/gone there.txt"), "{fault}");
        setup.equal();
        // A request that was under way when the pass ended may have left something behind: for a while it is looked for.
        assert_eq!(setup.sync(&[]).bytes(), (0, 0));
        setup.equal();
    });
}

#[test]
fn a_token_refused_during_the_listing_ends_the_pass_and_loses_nothing() {
    for path in ["/api/storage_folders", "/api/assets/trashed", "/api/assets/updated_since", "/api/assets/search"] {
        refused_from(&json!({ "path": path, "times": 0 }), &[0]);
    }
}

#[test]
fn a_token_refused_during_uploads_ends_the_pass_and_loses_nothing() {
    refused_from(&json!({ "method": "POST", "path": "/uploads", "times": 0 }), &[0, 1, 3]);
    refused_from(&json!({ "path": "/set_uploaded", "times": 0 }), &[0, 2]);
    refused_from(&json!({ "path": "/add_version", "times": 0 }), &[0]);
}

#[test]
fn a_token_refused_during_downloads_ends_the_pass_and_loses_nothing() {
    refused_from(&json!({ "path": "/download", "times": 0 }), &[0, 1, 3]);
}

#[test]
fn a_token_refused_at_a_deletion_or_a_folder_ends_the_pass_and_loses_nothing() {
    refused_from(&json!({ "method": "DELETE", "path": "/api/assets/", "times": 0 }), &[0]);
    refused_from(&json!({ "method": "POST", "path": "/api/storage_folders", "times": 0 }), &[0]);
}
