//! The endpoints of assets.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::asset_json::{AssetWriter, Scene, Template};
use super::call::{Answer, Call, empty, json_response, ok, with_total};
use super::download;
use super::params::Params;
use super::render;
use super::shapes::{overlay, shape};
use super::shared::Shared;
use crate::world::asset::{Asset, AssetState};
use crate::world::habits::{AddVersionAnswer, AllIdsShape};
use crate::world::{AssetEdit, AssetKey, NewVersion, Refusal, SearchQuery, SinceLastSync, TagEdit, World};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/assets/search", get(search).post(search))
        .route("/api/assets/updated_since_last_sync", get(updated_since_last_sync))
        .route("/api/assets/trashed", get(trashed))
        .route("/api/assets/{id}", get(show).put(update).patch(update).delete(delete))
        .route("/api/assets/{id}/download", get(download::download))
        .route("/api/assets/{id}/add_version", post(add_version))
        .route("/api/assets/{id}/set_uploaded", get(set_uploaded).post(set_uploaded).put(set_uploaded))
        .route("/api/assets/{id}/revert", post(revert).put(revert))
        .route("/api/assets/{id}/asset_data_versions", get(versions))
        .route("/api/assets/{id}/asset_data_versions/{number}", get(version))
}

/// One asset, in the shape of an endpoint.
pub(super) fn asset_response(
    shared: &Shared,
    world: &World,
    name: &'static str,
    asset: &Asset,
    signed_url: Option<&str>,
) -> Response {
    let mut writer = AssetWriter::new(world, &shared.base_url, shared.bucket.name(), Scene::Single);
    if let Some(url) = signed_url {
        writer = writer.with_signed_url(url);
    }
    let mut text = String::with_capacity(16 << 10);
    writer.write(&mut text, Template::of(name), asset);
    json_response(StatusCode::OK, text)
}

fn query(params: &Params) -> Result<SearchQuery, Refusal> {
    let page = |key: &str, default: i64| params.int(key).unwrap_or(default).max(1).unsigned_abs();
    let states = match params.texts("aasm_state") {
        None => None,
        Some(words) => {
            let known = words.iter().map(|word| AssetState::from_word(word));
            let states: Option<Vec<AssetState>> = known.collect();
            Some(states.ok_or_else(|| Refusal::BadRequest("aasm_state is not known".to_owned()))?)
        }
    };
    Ok(SearchQuery {
        folder: params.int("storage_folder_id"),
        omit_children: params.flag("omit_child_storage_folders"),
        updated: params.window("updated_at")?,
        created: params.window("created_at")?,
        ids: params.ints("ids"),
        guids: params.texts("guids"),
        upload_id: params.int("upload_id"),
        upload_guid: params.filled("upload_guid"),
        states,
        snapshot: params.int("snapshot_timestamp"),
        text: params.filled("q"),
        page: page("page", 1),
        per_page: page("per_page", 25),
        sync: params.flag("sync"),
    })
}

async fn search(call: Call) -> Answer {
    let query = query(&call.params)?;
    let mut world = call.world();
    if call.params.flag("all_ids") {
        let ids = world.search_ids(call.user, &query, call.now)?;
        let total = ids.len() as u64;
        let shape = world.habits().all_ids;
        drop(world);
        let body = match shape {
            AllIdsShape::List => Value::from(ids),
            AllIdsShape::Object => json!({ "ids": ids, "total_entries": total }),
        };
        return Ok(with_total(json_response(StatusCode::OK, body.to_string()), total));
    }
    let page = world.search(call.user, &query, call.now)?;
    let mut own = json!({ "total_entries": page.total, "all_asset_counts": { "NoCollection": page.total } });
    own = overlay(shape("assets_search"), &own);
    if let Some(page) = own.as_object_mut() {
        page.remove("assets");
    }
    let mut text = own.to_string();
    text.pop();
    text.push_str(",\"assets\":[");
    let template = Template::of("assets_search");
    let mut writer = AssetWriter::new(&world, &call.shared.base_url, call.shared.bucket.name(), Scene::Listed);
    for (index, asset) in page.assets.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        writer.write(&mut text, template, asset);
    }
    text.push_str("]}");
    Ok(with_total(json_response(StatusCode::OK, text), page.total))
}

async fn updated_since_last_sync(call: Call) -> Answer {
    let asked = SinceLastSync {
        created_via: call.params.filled("created_via"),
        last_sync_at: call.params.time("last_sync_at")?,
        any_user: call.params.flag("any_user"),
    };
    let ids = call.world().updated_since_last_sync(call.user, &asked, call.now)?;
    ok(&Value::from(ids))
}

async fn trashed(call: Call) -> Answer {
    let count = call.world().trash_count(call.user, call.now)?;
    ok(&json!({ "count": count }))
}

async fn show(Path(id): Path<String>, call: Call) -> Answer {
    let mut world = call.world();
    let asset = world.asset(call.user, AssetKey::parse(&id), call.params.flag("sync"), call.now)?;
    Ok(asset_response(&call.shared, &world, "assets_show", &asset, None))
}

/// Keys that mean something of their own; all others are metadata.
const NOT_META: &[&str] = &[
    "filename",
    "description",
    "rating",
    "add_tag_names",
    "add_tags_with_commas",
    "remove_tag_names",
    "replace_tag_names",
    "add_links",
    "remove_links",
    "custom_meta",
    "rights_status",
    "block_level",
    "id",
    "guid",
    "sync",
];

fn edit(params: &Params) -> AssetEdit {
    let asset = params.below("asset");
    let mut add = asset.texts("add_tag_names").unwrap_or_default();
    add.extend(asset.texts("add_tags_with_commas").unwrap_or_default());
    let meta: BTreeMap<String, Value> = match params.raw("asset") {
        Some(Value::Object(fields)) => fields
            .iter()
            .filter(|(key, _)| !NOT_META.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        _ => BTreeMap::new(),
    };
    AssetEdit {
        filename: asset.text("filename"),
        description: asset.raw("description").map(|_| asset.filled("description")),
        rating: asset.raw("rating").map(|_| asset.int("rating")),
        tags: TagEdit {
            add,
            remove: asset.texts("remove_tag_names").unwrap_or_default(),
            replace: match asset.raw("replace_tag_names") {
                None | Some(Value::Null) => None,
                Some(_) => Some(asset.texts("replace_tag_names").unwrap_or_default()),
            },
        },
        meta,
        sync: params.flag("sync"),
    }
}

async fn update(Path(id): Path<String>, call: Call) -> Answer {
    let mut world = call.world();
    let asset = world.edit_asset(call.user, AssetKey::parse(&id), edit(&call.params), call.now)?;
    Ok(asset_response(&call.shared, &world, "assets_update", &asset, None))
}

async fn delete(Path(id): Path<String>, call: Call) -> Answer {
    call.world().delete_asset(call.user, AssetKey::parse(&id), call.now)?;
    empty()
}

/// What is prepared, for an asset as for a version.
pub(super) fn prepared(params: &Params) -> NewVersion {
    let asset = params.below("asset");
    NewVersion {
        filename: asset.text("filename").unwrap_or_default(),
        file_size: asset.int("file_size").and_then(|size| u64::try_from(size).ok()),
        path: asset.text("path"),
        created_via: asset.text("created_via"),
        created_via_id: asset.text("created_via_id"),
    }
}

async fn add_version(Path(id): Path<String>, call: Call) -> Answer {
    let mut world = call.world();
    let (asset, ticket) = world.add_version(call.user, AssetKey::parse(&id), prepared(&call.params), call.now)?;
    let url = call.shared.signed_url(&ticket, world.habits().url_expires_s);
    match world.habits().add_version_answer {
        AddVersionAnswer::UrlOnly => ok(&json!({ "signed_upload_url": url })),
        AddVersionAnswer::WholeAsset => {
            Ok(asset_response(&call.shared, &world, "uploads_assets_create", &asset, Some(&url)))
        }
    }
}

async fn set_uploaded(Path(id): Path<String>, call: Call) -> Answer {
    let mut world = call.world();
    let keep_meta = call.params.flag("skip_meta");
    let asset = world.set_uploaded(call.user, AssetKey::parse(&id), keep_meta, call.now)?;
    Ok(asset_response(&call.shared, &world, "assets_show", &asset, None))
}

async fn revert(Path(id): Path<String>, call: Call) -> Answer {
    let number = call.params.int("version").ok_or_else(|| Refusal::BadRequest("version is missing".to_owned()))?;
    let mut world = call.world();
    let asset = world.revert(call.user, AssetKey::parse(&id), number, call.now)?;
    Ok(asset_response(&call.shared, &world, "assets_revert", &asset, None))
}

async fn versions(Path(id): Path<String>, call: Call) -> Answer {
    let mut world = call.world();
    let (asset, versions) = world.versions(call.user, AssetKey::parse(&id), call.now)?;
    let own = versions.iter().map(|version| render::version(&world, &asset, version)).collect();
    ok(&overlay(shape("asset_data_versions_index"), &own))
}

async fn version(Path((id, number)): Path<(String, i64)>, call: Call) -> Answer {
    let mut world = call.world();
    let (asset, versions) = world.versions(call.user, AssetKey::parse(&id), call.now)?;
    let version = versions.iter().find(|version| version.number == number).ok_or(Refusal::NotFound("version"))?;
    ok(&overlay(shape("asset_data_versions_show"), &render::version(&world, &asset, version)))
}

/// Everything else below `/api`.
pub(super) async fn nothing(State(_): State<Arc<Shared>>) -> Answer {
    Err(Refusal::NotFound("endpoint").into())
}
