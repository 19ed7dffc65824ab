//! The API over HTTP: the way up and down, credentials, and the shape of every answer.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{answer, bytes, start};
use damsync_sandbox::http::shapes::shape;
use reqwest::Method;
use serde_json::{Value, json};

fn fits(name: &str, value: &Value) {
    let complaints = shape(name).complaints(value);
    assert!(complaints.is_empty(), "{name}: {complaints:#?}");
}

#[tokio::test]
async fn a_file_goes_up_is_found_and_comes_down() {
    let data = tempfile::tempdir().unwrap();
    let dam = start(data.path()).await;
    let folder = dam.folder("A/B").await;
    let asset = dam.upload(&folder["contribution_id"], "one.txt", b"hello world").await;
    assert_eq!(asset["aasm_state"], "processed");
    assert_eq!(asset["md5"], "5eb63bbbe01eeed093cb22bb8f5acdc3");
    assert_eq!(asset["file_size"], 11);
    assert_eq!(asset["storage_folder_path"], "a/b");
    assert_eq!(asset["last_external_sync_at"], Value::Null);

    let response = dam.request(Method::GET, &format!("/api/assets/search?storage_folder_id={}", folder["id"]));
    let response = response.send().await.unwrap();
    assert_eq!(response.headers()["total-entries"], "1");
    assert!(response.headers().contains_key("date"));
    let page = answer(response).await;
    assert_eq!(page["assets"][0]["guid"], asset["guid"]);

    let path = format!("/api/assets/{}/download?size=original&skip_meta=true&version_number=1", asset["id"]);
    assert_eq!(bytes(dam.request(Method::GET, &path).send().await.unwrap()).await, b"hello world");
    let part = dam.request(Method::GET, &path).header("Range", "bytes=6-8").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], "bytes 6-8/11");
    assert_eq!(bytes(part).await, b"wor");
    let with_meta = dam.request(Method::GET, &path.replace("skip_meta=true", "")).send().await.unwrap();
    assert_ne!(bytes(with_meta).await, b"hello world");

    dam.habits(json!({ "downloads": "redirect" })).await;
    let response = dam.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.status(), 302);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with(&dam.running.storage_url));
    assert_eq!(bytes(dam.client.get(location).send().await.unwrap()).await, b"hello world");
    dam.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn every_answer_has_its_recorded_shape() {
    let data = tempfile::tempdir().unwrap();
    let dam = start(data.path()).await;
    fits("whoami", &dam.get("/api/whoami").await);
    fits("can_upload", &dam.get("/api/can_upload").await);
    let top = dam.post("/api/storage_folders", json!({ "storage_folder": { "name": "Top" } })).await;
    fits("storage_folders_create", &top);
    let below = json!({ "storage_folder": { "name": "Bélow & more", "parent_id": top["id"] } });
    let below = dam.post("/api/storage_folders", below).await;
    assert_eq!(below["path_names"], json!(["Top", "Bélow & more"]));
    assert_eq!(below["path_slugs"], json!(["top", "bélow-more"]));
    fits("storage_folders_index", &dam.get("/api/storage_folders").await);
    fits("storage_folders_tree", &dam.get("/api/storage_folders/tree").await);
    let folder = format!("/api/storage_folders/{}", below["id"]);
    fits("storage_folders_show", &dam.get(&folder).await);
    let renamed = dam.send(Method::PUT, &folder, json!({ "storage_folder": { "name": "Under" } })).await;
    assert_eq!(renamed["name"], "Under");
    fits("storage_folders_update", &renamed);

    let contribution = &below["contribution_id"];
    fits("contributions_index", &dam.get("/api/contributions").await);
    fits("contributions_show", &dam.get(&format!("/api/contributions/{contribution}")).await);
    let (upload, prepared) = dam.prepare(contribution, "a.jpg", 3).await;
    fits("contribution_uploads_create", &upload);
    fits("uploads_assets_create", &prepared);
    fits("uploads_create", &dam.post("/api/uploads", json!({ "upload": { "name": "u" } })).await);
    dam.put(&prepared["signed_upload_url"], b"abc").await;
    let id = &prepared["id"];
    fits("assets_show", &dam.get(&format!("/api/assets/{}/set_uploaded", prepared["guid"].as_str().unwrap())).await);
    dam.settle().await;
    let done = dam.send(Method::PUT, &format!("/api/uploads/{}/set_done", upload["id"]), json!({})).await;
    fits("uploads_set_done", &done);
    assert_eq!(done["done"], true);

    let edit = json!({ "asset": { "description": "d", "add_tag_names": ["x", "y"], "title": "t", "rating": 4 } });
    let edited = dam.send(Method::PUT, &format!("/api/assets/{id}"), edit).await;
    assert_eq!((&edited["description"], &edited["title"], &edited["rating"]), (&json!("d"), &json!("t"), &json!(4)));
    assert_eq!(edited["tags"][1]["name"], "y");
    fits("assets_update", &edited);
    fits("assets_show", &dam.get(&format!("/api/assets/{id}")).await);
    fits("assets_search", &dam.get("/api/assets/search").await);
    let added = json!({ "asset": { "filename": "b.jpg", "file_size": 4 } });
    let version = dam.post(&format!("/api/assets/{id}/add_version"), added.clone()).await;
    fits("assets_add_version", &version);
    dam.put(&version["signed_upload_url"], b"abcd").await;
    dam.get(&format!("/api/assets/{}/set_uploaded?skip_meta=true", prepared["guid"].as_str().unwrap())).await;
    dam.settle().await;
    let second = dam.get(&format!("/api/assets/{id}")).await;
    assert_eq!((&second["data_version_number"], &second["filename"]), (&json!(2), &json!("b.jpg")));
    assert_eq!(second["description"], "d");
    let versions = dam.get(&format!("/api/assets/{id}/asset_data_versions")).await;
    fits("asset_data_versions_index", &versions);
    assert_eq!(versions[0]["is_head"], true);
    fits("asset_data_versions_show", &dam.get(&format!("/api/assets/{id}/asset_data_versions/1")).await);
    let form = dam.request(Method::POST, &format!("/api/assets/{id}/revert"));
    let form = form.header("Content-Type", "application/x-www-form-urlencoded").body("version=1");
    let reverted = answer(form.send().await.unwrap()).await;
    assert_eq!((&reverted["data_version_number"], &reverted["data_versions_count"]), (&json!(1), &json!(2)));
    fits("assets_revert", &reverted);
    dam.habits(json!({ "add_version_answer": "whole_asset" })).await;
    let whole = dam.post(&format!("/api/assets/{id}/add_version"), added).await;
    assert!(whole["signed_upload_url"].as_str().unwrap().starts_with("http"));
    fits("uploads_assets_create", &whole);

    fits("storage_folders_asset_ids", &dam.get(&format!("/api/storage_folders/{}/asset_ids", below["id"])).await);
    fits("updated_since_last_sync", &dam.get("/api/assets/updated_since_last_sync").await);
    fits("assets_trashed", &dam.get("/api/assets/trashed").await);
    let job = json!({ "bulk_job": { "asset_ids": [id], "add_asset_group_id": top["id"], "add_asset_group_type": "StorageFolder" } });
    let job = dam.post("/api/bulk_jobs", job).await;
    fits("bulk_jobs_create", &job);
    dam.settle().await;
    let job = dam.get(&format!("/api/bulk_jobs/{}", job["guid"].as_str().unwrap())).await;
    fits("bulk_jobs_show", &job);
    assert_eq!(job["aasm_state"], "finished");
    assert_eq!(dam.get(&format!("/api/assets/{id}")).await["storage_folder"]["id"], top["id"]);
    fits("bulk_jobs_index", &dam.get("/api/bulk_jobs").await);
    dam.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn callers_are_known_by_token_and_organization() {
    let data = tempfile::tempdir().unwrap();
    let dam = start(data.path()).await;
    let url = |path: &str| format!("{}{path}", dam.running.base_url);
    let organization = dam.running.organization_id.to_string();
    assert_eq!(dam.client.get(url("/api/whoami")).send().await.unwrap().status(), 401);
    let bare = dam.client.get(url("/api/whoami")).basic_auth("", Some(&dam.running.token));
    assert_eq!(bare.send().await.unwrap().status(), 401);
    let wrong = dam.client.get(url("/api/whoami")).basic_auth("", Some("x")).header("OrganizationId", &organization);
    assert_eq!(wrong.send().await.unwrap().status(), 401);

    let member = dam.post("/admin/users", json!({ "oauth": true, "client_id": "c", "see_states": false })).await;
    let bearer = |token: &Value, path: &str| dam.client.get(url(path)).bearer_auth(token.as_str().unwrap());
    let access = &member["access_token"];
    let me = answer(bearer(access, "/api/whoami").send().await.unwrap()).await;
    assert_eq!(me["id"], member["id"]);
    let states = bearer(access, "/api/assets/search?aasm_state=pending").send().await.unwrap();
    assert_eq!(states.status(), 403);

    let refresh = |token: &Value| {
        let form = format!("grant_type=refresh_token&client_id=c&refresh_token={}", token.as_str().unwrap());
        dam.client.post(url("/oauth/token")).header("Content-Type", "application/x-www-form-urlencoded").body(form)
    };
    let fresh = answer(refresh(&member["refresh_token"]).send().await.unwrap()).await;
    assert_eq!(bearer(access, "/api/whoami").send().await.unwrap().status(), 401);
    assert_eq!(bearer(&fresh["access_token"], "/api/whoami").send().await.unwrap().status(), 200);
    assert_eq!(refresh(&member["refresh_token"]).send().await.unwrap().status(), 400);
    dam.post("/admin/clock", json!({ "advance_ms": 8_000_000 })).await;
    assert_eq!(bearer(&fresh["access_token"], "/api/whoami").send().await.unwrap().status(), 401);
    assert_eq!(dam.status("/api/nothing/here").await, 404);
    dam.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_hidden_folder_answers_as_if_it_were_gone() {
    let data = tempfile::tempdir().unwrap();
    let dam = start(data.path()).await;
    let folder = dam.folder("Secret/Inner").await;
    let asset = dam.post("/admin/assets", json!({ "path": "Secret/Inner", "filename": "a", "text": "x" })).await;
    let owner = dam.get("/api/whoami").await["id"].clone();
    dam.post(&format!("/admin/users/{owner}"), json!({ "hidden_folders": [folder["parent_id"]] })).await;
    assert_eq!(dam.status(&format!("/api/assets/{}", asset["id"])).await, 404);
    assert_eq!(dam.status(&format!("/api/storage_folders/{}", folder["id"])).await, 404);
    assert_eq!(dam.get("/api/assets/search").await["total_entries"], 0);
    assert_eq!(dam.get("/api/storage_folders").await, json!([]));
    dam.running.shutdown().await.unwrap();
}
