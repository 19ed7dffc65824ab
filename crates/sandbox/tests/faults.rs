//! Faults as a client meets them.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Dam, start};
use reqwest::Method;
use serde_json::{Value, json};

async fn fault(dam: &Dam, fault: Value) {
    dam.post("/admin/faults", fault).await;
}

#[tokio::test]
async fn a_reset_shows_no_answer_and_happens_before_or_after_the_effect() {
    let data = tempfile::tempdir().unwrap();
    let dam = start(data.path()).await;
    let create = || {
        let body = json!({ "storage_folder": { "name": "A" } });
        dam.request(Method::POST, "/api/storage_folders").json(&body).send()
    };
    for (what, folders) in [("reset_before", 0), ("reset_after", 1)] {
        fault(&dam, json!({ "method": "post", "path": "/api/storage_folders", "what": what })).await;
        assert!(create().await.is_err());
        assert_eq!(dam.get("/api/storage_folders").await.as_array().unwrap().len(), folders, "{what}");
    }
    create().await.unwrap();

    let (_, asset) = dam.prepare(&dam.folder("A").await["contribution_id"], "a", 1).await;
    let url = asset["signed_upload_url"].as_str().unwrap();
    fault(&dam, json!({ "host": "storage", "what": "reset_after" })).await;
    assert!(dam.client.put(url).body("x").send().await.is_err());
    assert_eq!(dam.status(&format!("/api/assets/{}/set_uploaded", asset["id"])).await, 200, "the bytes arrived");
    dam.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn answers_can_be_refused_cut_and_changed() {
    let data = tempfile::tempdir().unwrap();
    let dam = start(data.path()).await;
    let asset = dam.post("/admin/assets", json!({ "path": "A", "filename": "a.txt", "text": "0123456789" })).await;
    let path = format!("/api/assets/{}/download?skip_meta=true", asset["id"]);
    let get = || dam.request(Method::GET, &path).send();

    fault(&dam, json!({ "skip": 1, "what": { "status": { "code": 429, "retry_after_s": 7 } } })).await;
    assert_eq!(get().await.unwrap().status(), 200);
    let limited = get().await.unwrap();
    assert_eq!((limited.status().as_u16(), &limited.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    let dated = json!({ "status": { "code": 503, "body": "html", "retry_after_s": 7, "retry_after_as_date": true } });
    fault(&dam, json!({ "what": dated })).await;
    let dated = get().await.unwrap();
    assert!(dated.headers()["retry-after"].to_str().unwrap().ends_with("GMT"));

    fault(&dam, json!({ "what": "truncate" })).await;
    let cut = get().await.unwrap();
    assert_eq!(cut.headers()["content-length"], "10");
    assert!(cut.bytes().await.is_err());
    fault(&dam, json!({ "what": "wrong_length" })).await;
    let wrong = get().await.unwrap();
    assert_eq!(wrong.headers()["content-length"], "20");
    assert!(wrong.bytes().await.is_err());
    fault(&dam, json!({ "what": "corrupt" })).await;
    let corrupt = get().await.unwrap().bytes().await.unwrap();
    assert_eq!(corrupt.len(), 10);
    assert_ne!(corrupt, "0123456789");
    fault(&dam, json!({ "what": "half_json" })).await;
    let half = dam.request(Method::GET, "/api/whoami").send().await.unwrap().text().await.unwrap();
    assert!(serde_json::from_str::<Value>(&half).is_err());
    fault(&dam, json!({ "what": "html_ok" })).await;
    let page = dam.request(Method::GET, "/api/whoami").send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().starts_with("<!DOCTYPE"));
    fault(&dam, json!({ "what": { "slow_body": { "ms": 1 } } })).await;
    assert_eq!(get().await.unwrap().bytes().await.unwrap(), "0123456789");
    fault(&dam, json!({ "times": 0, "what": { "status": { "code": 500 } } })).await;
    assert_eq!(get().await.unwrap().status(), 500);
    assert_eq!(get().await.unwrap().status(), 500);
    dam.request(Method::DELETE, "/admin/faults").send().await.unwrap();
    assert_eq!(get().await.unwrap().status(), 200);
    dam.running.shutdown().await.unwrap();
}
