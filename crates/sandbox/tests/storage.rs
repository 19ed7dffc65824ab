//! Storage: signatures, expiry, checksums; and that a restart keeps everything.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::time::Duration;

use common::{bytes, start};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn only_the_signed_request_is_taken_and_only_with_the_right_bytes() {
    let data = tempfile::tempdir().unwrap();
    let dam = start(data.path()).await;
    let folder = dam.folder("A").await;
    let (_, asset) = dam.prepare(&folder["contribution_id"], "a", 3).await;
    let url = asset["signed_upload_url"].as_str().unwrap().to_owned();
    assert!(url.contains("X-Amz-Expires=3600") && url.contains("X-Amz-SignedHeaders=host"));
    let guid = asset["guid"].as_str().unwrap();
    let report = format!("/api/assets/{guid}/set_uploaded");
    assert_eq!(dam.status(&report).await, 422, "nothing was sent yet");

    let put = |url: &str| dam.client.put(url.to_owned()).body("abc");
    let changed = put(&url.replace(guid, "another")).send().await.unwrap();
    assert_eq!(changed.status(), 403);
    assert!(changed.text().await.unwrap().contains("<Code>"));
    let wrong = put(&url).header("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==").send().await.unwrap();
    assert_eq!(wrong.status(), 400);
    assert!(wrong.text().await.unwrap().contains("BadDigest"));
    assert_eq!(dam.status(&report).await, 422, "a refused PUT leaves nothing");
    let right = put(&url).header("Content-MD5", "kAFQmDzST7DWlj99KOF/cg==").send().await.unwrap();
    assert_eq!(right.status(), 200);
    assert_eq!(right.headers()["etag"], "\"900150983cd24fb0d6963f7d28e17f72\"");
    dam.habits(json!({ "encrypted_bucket": true })).await;
    let again = put(&url).send().await.unwrap();
    assert_eq!(again.headers()["x-amz-server-side-encryption"], "aws:kms");
    assert_ne!(again.headers()["etag"], "\"900150983cd24fb0d6963f7d28e17f72\"");
    assert_eq!(dam.status(&report).await, 200);

    dam.post("/admin/clock", json!({ "advance_ms": 3_601_000 })).await;
    assert_eq!(put(&url).send().await.unwrap().status(), 403, "the world's clock has passed the hour");
    dam.habits(json!({ "url_expires_s": 1 })).await;
    let (_, late) = dam.prepare(&folder["contribution_id"], "b", 3).await;
    dam.post("/admin/clock", json!({ "offset_ms": -60_000 })).await;
    // The signature is checked against the machine's own clock, which no test can move.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let late = put(late["signed_upload_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(late.status(), 403, "the signature itself has expired");

    let log = dam.get("/admin/requests").await;
    let puts: Vec<&Value> = log.as_array().unwrap().iter().filter(|entry| entry["host"] == "storage").collect();
    assert_eq!(puts.len(), 6);
    assert!(puts.iter().all(|entry| entry["query"].as_str().unwrap().is_empty()), "no signature in the log");
    dam.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let data = tempfile::tempdir().unwrap();
    let dam = start(data.path()).await;
    let folder = dam.folder("A/B").await;
    let asset = dam.upload(&folder["contribution_id"], "a.txt", b"kept").await;
    dam.habits(json!({ "job_finished_state": "complete" })).await;
    let before = dam.get("/admin/tree").await;
    let (base_url, token) = (dam.running.base_url.clone(), dam.running.token.clone());
    dam.running.shutdown().await.unwrap();

    let dam = start(data.path()).await;
    assert_eq!((&dam.running.base_url, &dam.running.token), (&base_url, &token));
    let after = dam.get("/admin/tree").await;
    assert_eq!((&after["folders"], &after["assets"]), (&before["folders"], &before["assets"]));
    assert_eq!(dam.get("/admin/habits").await["job_finished_state"], "complete");
    let path = format!("/api/assets/{}/download?skip_meta=true", asset["id"]);
    assert_eq!(bytes(dam.request(Method::GET, &path).send().await.unwrap()).await, b"kept");
    let newer = dam.folder("C").await;
    assert!(newer["id"].as_i64() > folder["id"].as_i64());
    dam.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn many_assets_are_made_at_once_and_their_bytes_fit_their_md5() {
    let data = tempfile::tempdir().unwrap();
    let dam = start(data.path()).await;
    let made = dam.post("/admin/bulk", json!({ "folders": 3, "assets_per_folder": 200, "size": 1000 })).await;
    assert_eq!(made["assets"], 600);
    let page = dam.get("/api/assets/search?per_page=1").await;
    assert_eq!(page["total_entries"], 600);
    assert_eq!(page["assets"].as_array().unwrap().len(), 1);
    assert_eq!(dam.get("/api/assets/search?all_ids=true").await.as_array().unwrap().len(), 600);
    let asset = &page["assets"][0];
    let path = format!("/api/assets/{}/download?skip_meta=true", asset["id"]);
    let whole = bytes(dam.request(Method::GET, &path).send().await.unwrap()).await;
    assert_eq!(whole.len(), 1000);
    assert_eq!(asset["md5"], damsync_sandbox::world::generated::md5_hex(&whole));
    let part = dam.request(Method::GET, &path).header("Range", "bytes=333-").send().await.unwrap();
    assert_eq!(bytes(part).await, whole[333..]);
    dam.running.shutdown().await.unwrap();
}
