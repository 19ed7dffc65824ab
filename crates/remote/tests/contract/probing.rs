//! The probe leaves nothing behind, wherever it ends.

use crate::dam::Dam;
use damsync_ports::RemoteErrorKind;
use damsync_remote::probe;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The names of folders and live assets that the probe made.
fn left(tree: &Value) -> Vec<String> {
    let texts = |list: &str, key: &'static str| {
        tree[list].as_array().unwrap().clone().into_iter().map(move |one| (one[key].clone(), one))
    };
    let folders = texts("folders", "path").map(|(path, _)| path);
    let assets = texts("assets", "path").filter(|(_, asset)| asset["trashed"] == false).map(|(path, _)| path);
    folders
        .chain(assets)
        .filter_map(|path| path.as_str().map(str::to_owned))
        .filter(|path| path.contains("probe"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_that_is_stopped_anywhere_leaves_nothing_behind() {
    let dam = Dam::play(json!({})).await;
    for most_steps in 0..100 {
        let steps = AtomicUsize::new(0);
        let stop = || steps.fetch_add(1, Ordering::SeqCst) >= most_steps;
        let outcome = Box::pin(probe::run(&dam.side, None, &stop)).await.unwrap();
        assert_eq!(
            (outcome.left_behind, left(&dam.tree().await)),
            (Vec::new(), Vec::new()),
            "after {most_steps} steps"
        );
        match outcome.cut_short {
            Some(why) => assert_eq!(why, "it was interrupted"),
            None => {
                assert!(most_steps > 10, "it was stopped in {most_steps} places only");
                break;
            }
        }
    }
    dam.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_that_fails_on_the_way_leaves_nothing_behind() {
    let dam = Dam::play(json!({})).await;
    for (method, path) in [
        ("POST", "/uploads"),
        ("POST", "/assets"),
        ("PUT", "/set_done"),
        ("POST", "/add_version"),
        ("GET", "/set_uploaded"),
        ("POST", "/bulk_jobs"),
    ] {
        for what in
            [json!({ "status": { "code": 403 } }), json!({ "status_after": { "code": 422 } }), json!("reset_after")]
        {
            dam.admin("faults", json!({ "method": method, "path": path, "times": 1, "what": what })).await;
            let outcome = Box::pin(probe::run(&dam.side, None, &|| false)).await.unwrap();
            let left = left(&dam.tree().await);
            assert_eq!((outcome.left_behind, left), (Vec::new(), Vec::new()), "{method} {path} {what}");
        }
    }
    dam.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_whose_making_was_not_answered_is_not_left_behind() {
    let dam = Dam::play(json!({})).await;
    let lost = json!({ "method": "POST", "path": "/api/storage_folders", "what": "reset_after" });
    dam.admin("faults", lost).await;
    let error = probe::run(&dam.side, None, &|| false).await.unwrap_err();
    assert!(matches!(error.kind, RemoteErrorKind::NoAnswer(_)), "{error}");
    assert_eq!(left(&dam.tree().await), [""; 0]);
    dam.shutdown().await;
}

#[tokio::test]
async fn a_probe_that_may_not_make_folders_says_so() {
    let dam = Dam::play(json!({})).await;
    let user = dam.admin("users", json!({ "can_create_storage_folders": false })).await;
    let other = dam.client_of(user["token"].as_str().unwrap());
    let error = probe::run(&other, None, &|| false).await.unwrap_err();
    assert!(matches!(error.kind, RemoteErrorKind::Forbidden(_)), "{error}");
    assert_eq!(error.what, "make a storage folder");
    dam.shutdown().await;
}
