//! Raw answers against the recorded shapes: every key, every type.

use crate::dam::{Dam, payload};
use crate::uploads::FIRST;
use damsync_model::id::AssetId;
use damsync_ports::{RemoteFolder, RemoteSide, SignedUrl};
use damsync_sandbox::http::shapes::shape;
use reqwest::Method;
use serde_json::{Value, json};

/// A sandbox's answers have exactly the recorded keys; the real service's may have more, and we say where types differ.
fn fits(dam: &Dam, name: &str, answer: &Value) {
    let mut complaints = shape(name).complaints(answer);
    if dam.sandbox.is_none() {
        let (missing, other): (Vec<_>, Vec<_>) = complaints.into_iter().partition(|text| text.ends_with("is missing"));
        let other: Vec<_> = other.into_iter().filter(|text| !text.ends_with("is too much")).collect();
        if !other.is_empty() {
            println!("{name}: other types than were recorded: {other:?}");
        }
        complaints = missing;
    }
    assert!(complaints.is_empty(), "{name}: {complaints:#?}");
}

pub async fn all(dam: &Dam, scratch: &RemoteFolder) {
    let get = async |path: &str| dam.raw(Method::GET, path, None).await;
    let post = async |path: &str, body: Value| dam.raw(Method::POST, path, Some(body)).await;
    let put = async |path: &str, body: Value| dam.raw(Method::PUT, path, Some(body)).await;
    for (name, path) in [
        ("whoami", "whoami"),
        ("can_upload", "can_upload"),
        ("storage_folders_index", "storage_folders"),
        ("storage_folders_tree", "storage_folders/tree"),
        ("assets_trashed", "assets/trashed"),
        ("updated_since_last_sync", "assets/updated_since_last_sync"),
    ] {
        fits(dam, name, &get(path).await);
    }
    let folder = json!({ "storage_folder": { "name": "shapes", "parent_id": scratch.id.to_string() } });
    let folder = post("storage_folders", folder).await;
    fits(dam, "storage_folders_create", &folder);
    let path = format!("storage_folders/{}", folder["id"]);
    fits(dam, "storage_folders_show", &get(&path).await);
    fits(dam, "storage_folders_update", &put(&path, json!({ "storage_folder": { "name": "Shapes" } })).await);

    let upload = post(&format!("contributions/{}/uploads", folder["contribution_id"]), json!({})).await;
    fits(dam, "contribution_uploads_create", &upload);
    let new = json!({ "asset": { "filename": "shape.txt", "file_size": FIRST.len(), "created_via": "damsync" } });
    let asset = post(&format!("uploads/{}/assets", text(&upload["guid"])), new.clone()).await;
    fits(dam, "uploads_assets_create", &asset);
    dam.made(&AssetId::from(asset["id"].as_i64().expect("an id is a number")));
    send(dam, &asset).await;
    let id = &asset["id"];
    fits(dam, "assets_show", &get(&format!("assets/{}/set_uploaded", text(&asset["guid"]))).await);
    fits(dam, "uploads_set_done", &put(&format!("uploads/{}/set_done", upload["id"]), json!({})).await);
    dam.until("it is being processed", async || {
        let now = get(&format!("assets/{id}")).await;
        fits(dam, "assets_show", &now);
        text(&now["aasm_state"]).starts_with("process").then_some(())
    })
    .await;
    fits(dam, "assets_update", &put(&format!("assets/{id}"), json!({ "asset": { "description": "d" } })).await);
    let page = post("assets/search", json!({ "storage_folder_id": scratch.id.to_string(), "per_page": 100 })).await;
    fits(dam, "assets_search", &page);
    fits(dam, "storage_folders_asset_ids", &get(&format!("{path}/asset_ids")).await);
    let version = post(&format!("assets/{id}/add_version"), new).await;
    // The whole asset, or the address alone.
    let whole = version.get("id").is_some();
    fits(dam, if whole { "uploads_assets_create" } else { "assets_add_version" }, &version);
    fits(dam, "asset_data_versions_index", &get(&format!("assets/{id}/asset_data_versions")).await);
    let job = json!({ "bulk_job": {
        "asset_ids": [id], "add_asset_group_id": scratch.id.to_string(), "add_asset_group_type": "StorageFolder",
    }});
    let job = post("bulk_jobs", job).await;
    fits(dam, "bulk_jobs_create", &job);
    fits(dam, "bulk_jobs_show", &get(&format!("bulk_jobs/{}", text(&job["guid"]))).await);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

async fn send(dam: &Dam, prepared: &Value) {
    let url = SignedUrl::new(text(&prepared["signed_upload_url"]).to_owned());
    dam.side.send(&url, payload(FIRST)).await.unwrap();
}
