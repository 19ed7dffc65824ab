//! The operator's API below `/admin`: no credentials, because only this machine can reach it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::call::{Answer, ok, read_params};
use super::params::Params;
use super::render;
use super::shared::{Shared, lock};
use super::times::iso;
use crate::world::admin::Fill;
use crate::world::asset::{Asset, Content};
use crate::world::user::User;
use crate::world::{AssetKey, Fault, Refusal, World};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/admin/tree", get(tree))
        .route("/admin/requests", get(requests).delete(clear_requests))
        .route("/admin/habits", get(habits).post(set_habits))
        .route("/admin/faults", get(faults).post(add_faults).delete(clear_faults))
        .route("/admin/clock", get(clock).post(set_clock))
        .route("/admin/assets", post(create_asset))
        .route("/admin/assets/{id}", get(show_asset).post(patch_asset))
        .route("/admin/assets/{id}/version", post(create_version))
        .route("/admin/folders", post(create_folder))
        .route("/admin/folders/{id}", post(patch_folder))
        .route("/admin/users", get(users).post(create_user))
        .route("/admin/users/{id}", post(patch_user))
        .route("/admin/snapshot", post(snapshot))
        .route("/admin/restore", post(restore))
        .route("/admin/bulk", post(bulk))
}

type Known = State<Arc<Shared>>;

async fn params(request: Request) -> Result<Params, super::call::Refused> {
    // Forgiving towards `curl -d`, which calls every body a form.
    let (parts, body) = request.into_parts();
    let mut request = Request::from_parts(parts, body);
    request.headers_mut().remove(axum::http::header::CONTENT_TYPE);
    Ok(read_params(request).await?.1)
}

fn parsed<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_json::from_value(value).map_err(|error| Refusal::Unprocessable(error.to_string()))
}

fn asset(world: &World, asset: &Asset) -> Value {
    let head = asset.head_version();
    let content = head.and_then(|version| version.content.as_ref());
    let mut path = world.folder_path(asset.folder_id, |folder| &folder.name);
    path.push(&asset.filename);
    let version = |version: &crate::world::asset::Version| {
        json!({
            "number": version.number,
            "state": version.state.word(),
            "filename": version.filename,
            "md5": version.content.as_ref().map(|content| &content.md5),
            "size": version.content.as_ref().map(|content| content.size),
            "created_via": version.created_via,
            "created_via_id": version.created_via_id,
        })
    };
    json!({
        "id": asset.id,
        "guid": asset.guid,
        "filename": asset.filename,
        "folder_id": asset.folder_id,
        "path": path.join("/"),
        "md5": content.map(|content| &content.md5),
        "size": content.map(|content| content.size),
        "state": asset.state.word(),
        "head": asset.head,
        "versions": asset.versions.iter().map(version).collect::<Vec<_>>(),
        "trashed": !asset.alive(),
        "trashed_at": asset.trashed_at.map(iso),
        "created_at": iso(asset.created_at),
        "updated_at": iso(asset.updated_at),
        "last_external_sync_at": asset.last_external_sync_at.map(iso),
        "checked_out_at": asset.checked_out_at.map(iso),
        "user_id": asset.user_id,
        "upload_id": asset.upload_id,
        "submitted": asset.submitted_at.is_some(),
        "approved": asset.approved,
        "created_via": asset.created_via,
        "created_via_id": asset.created_via_id,
        "editable": asset.editable,
        "original_downloadable": asset.original_downloadable,
        "description": asset.description,
        "tags": asset.tags,
        "rating": asset.rating,
        "meta": asset.meta,
    })
}

fn folder(world: &World, folder: &crate::world::folder::Folder) -> Value {
    let names = world.folder_path(folder.id, |folder| &folder.name);
    json!({
        "id": folder.id,
        "parent_id": folder.parent_id,
        "name": folder.name,
        "path": names.join("/"),
        "path_names": names,
        "contribution_id": folder.contribution_id,
        "organizer": folder.organizer,
        "editable": folder.editable,
    })
}

fn user(world: &World, known: &User) -> Value {
    let mut own = serde_json::to_value(known).unwrap_or_default();
    own["organization_id"] = json!(world.organization_id());
    own["name"] = render::user(world, known.id)["name"].clone();
    own
}

async fn tree(State(shared): Known) -> Answer {
    let now = shared.now();
    let mut world = shared.world();
    world.tick(now);
    let folders: Vec<Value> = world.all_folders().map(|known| folder(&world, known)).collect();
    let assets: Vec<Value> = world.all_assets().map(|known| asset(&world, known)).collect();
    ok(&json!({ "now": iso(now), "folders": folders, "assets": assets }))
}

async fn requests(State(shared): Known) -> Answer {
    ok(&lock(&shared.log).entries().map(|entry| json!(entry)).collect())
}

async fn clear_requests(State(shared): Known) -> Answer {
    lock(&shared.log).clear();
    ok(&json!({}))
}

async fn habits(State(shared): Known) -> Answer {
    ok(&json!(shared.world().habits()))
}

async fn set_habits(State(shared): Known, request: Request) -> Answer {
    let asked = params(request).await?.into_map();
    let now = shared.now();
    let mut world = shared.world();
    let mut merged = json!(world.habits());
    for (key, value) in asked {
        merged[key.as_str()] = value;
    }
    world.set_habits(parsed(merged)?, now);
    ok(&json!(world.habits()))
}

async fn faults(State(shared): Known) -> Answer {
    ok(&json!(shared.world().faults().waiting()))
}

/// One fault, or `{"faults": [...]}`.
async fn add_faults(State(shared): Known, request: Request) -> Answer {
    let mut asked = params(request).await?.into_map();
    let faults: Vec<Fault> = match asked.remove("faults") {
        Some(list) => parsed(list)?,
        None => vec![parsed(Value::Object(asked))?],
    };
    let mut world = shared.world();
    for fault in faults {
        world.faults().add(fault);
    }
    ok(&json!(world.faults().waiting()))
}

async fn clear_faults(State(shared): Known) -> Answer {
    shared.world().faults().clear();
    ok(&json!([]))
}

async fn clock(State(shared): Known) -> Answer {
    let world = shared.world();
    ok(&json!({ "now": iso(world.clock(shared.clock.ms())), "offset_ms": world.clock_offset_ms() }))
}

async fn set_clock(State(shared): Known, request: Request) -> Answer {
    let asked = params(request).await?;
    let mut world = shared.world();
    let offset = asked.int("offset_ms").unwrap_or_else(|| world.clock_offset_ms());
    world.set_clock_offset_ms(offset + asked.int("advance_ms").unwrap_or(0));
    let now = world.clock(shared.clock.ms());
    world.tick(now);
    ok(&json!({ "now": iso(now), "offset_ms": world.clock_offset_ms() }))
}

fn content(shared: &Shared, asked: &Params) -> Result<Content, Refusal> {
    let bytes = match (asked.text("content_base64"), asked.text("text")) {
        (Some(base64), _) => data_encoding::BASE64
            .decode(base64.as_bytes())
            .map_err(|error| Refusal::Unprocessable(format!("content_base64: {error}")))?,
        (None, text) => text.unwrap_or_default().into_bytes(),
    };
    shared.contents.add(&bytes).map_err(|error| Refusal::Unprocessable(error.to_string()))
}

async fn create_asset(State(shared): Known, request: Request) -> Answer {
    let asked = params(request).await?;
    let now = shared.now();
    let content = content(&shared, &asked)?;
    let mut world = shared.world();
    let folder = match (asked.int("folder_id"), asked.text("path")) {
        (Some(id), _) => id,
        (None, Some(path)) => world.admin_folder(&path, now)?.id,
        (None, None) => {
            return Err(Refusal::Unprocessable("folder_id or path is missing".to_owned()).into());
        }
    };
    let filename = asked.filled("filename").ok_or_else(|| Refusal::Unprocessable("filename is missing".to_owned()))?;
    let owner = world.owner();
    let made = world.admin_asset(folder, &filename, content, asked.int("as_user").unwrap_or(owner), now)?;
    ok(&asset(&world, &made))
}

async fn create_version(State(shared): Known, Path(id): Path<String>, request: Request) -> Answer {
    let asked = params(request).await?;
    let now = shared.now();
    let content = content(&shared, &asked)?;
    let mut world = shared.world();
    let made = world.admin_version(AssetKey::parse(&id), content, now)?;
    ok(&asset(&world, &made))
}

async fn show_asset(State(shared): Known, Path(id): Path<String>) -> Answer {
    let now = shared.now();
    let mut world = shared.world();
    world.tick(now);
    let known = world.any_asset(AssetKey::parse(&id)).ok_or(Refusal::NotFound("asset"))?;
    ok(&asset(&world, known))
}

async fn patch_asset(State(shared): Known, Path(id): Path<String>, request: Request) -> Answer {
    let mut fields = params(request).await?.into_map();
    read_times(&mut fields)?;
    let now = shared.now();
    let mut world = shared.world();
    let changed = world.admin_patch_asset(AssetKey::parse(&id), fields, now)?;
    ok(&asset(&world, &changed))
}

/// Times may come as text; the world holds milliseconds.
fn read_times(fields: &mut Map<String, Value>) -> Result<(), Refusal> {
    let times: Vec<String> = fields.keys().filter(|key| key.ends_with("_at")).cloned().collect();
    let read = Params::read("", "", json!(fields).to_string().as_bytes())?;
    for key in times {
        fields.insert(key.clone(), json!(read.time(&key)?));
    }
    Ok(())
}

async fn create_folder(State(shared): Known, request: Request) -> Answer {
    let asked = params(request).await?;
    let path = asked.filled("path").ok_or_else(|| Refusal::Unprocessable("path is missing".to_owned()))?;
    let now = shared.now();
    let mut world = shared.world();
    let made = world.admin_folder(&path, now)?;
    ok(&folder(&world, &made))
}

async fn patch_folder(State(shared): Known, Path(id): Path<i64>, request: Request) -> Answer {
    let mut fields = params(request).await?.into_map();
    read_times(&mut fields)?;
    let now = shared.now();
    let mut world = shared.world();
    let changed = world.admin_patch_folder(id, fields, now)?;
    ok(&folder(&world, &changed))
}

async fn users(State(shared): Known) -> Answer {
    let world = shared.world();
    ok(&world.users().map(|known| user(&world, known)).collect())
}

fn edit_user(world: &mut World, id: i64, fields: Map<String, Value>) -> Result<(), Refusal> {
    let known = world.any_user(id).ok_or(Refusal::NotFound("user"))?;
    let mut merged = serde_json::to_value(known).unwrap_or_default();
    for (key, value) in fields {
        merged[key.as_str()] = value;
    }
    let changed: User = parsed(merged)?;
    world.edit_user(id, |user| *user = changed).map(|_| ())
}

/// Any fields of a user, `oauth: true` for a first pair of tokens, `client_id` to bind them to a client.
async fn create_user(State(shared): Known, request: Request) -> Answer {
    let mut fields = params(request).await?.into_map();
    let now = shared.now();
    let mut world = shared.world();
    let oauth = fields.remove("oauth").is_some_and(|value| value == Value::Bool(true));
    let client_id = fields.remove("client_id").and_then(|value| value.as_str().map(str::to_owned));
    let id = world.add_user("Sandbox", "Member", now);
    edit_user(&mut world, id, fields)?;
    let mut own = world.any_user(id).map(|known| user(&world, known)).unwrap_or_default();
    if oauth {
        let grant = world.grant(id, client_id, now)?;
        own["access_token"] = json!(grant.access_token);
        own["refresh_token"] = json!(grant.refresh_token);
        own["expires_in"] = json!((grant.expires_at - now) / 1000);
    }
    ok(&own)
}

async fn patch_user(State(shared): Known, Path(id): Path<i64>, request: Request) -> Answer {
    let fields = params(request).await?.into_map();
    let mut world = shared.world();
    edit_user(&mut world, id, fields)?;
    ok(&world.any_user(id).map(|known| user(&world, known)).unwrap_or_default())
}

async fn snapshot(State(shared): Known) -> Answer {
    let taken = shared.world().snapshot();
    *lock(&shared.snapshot) = Some(taken);
    ok(&json!({}))
}

async fn restore(State(shared): Known) -> Answer {
    let taken = lock(&shared.snapshot).clone().ok_or(Refusal::NotFound("snapshot"))?;
    shared.world().restore(&taken);
    ok(&json!({}))
}

async fn bulk(State(shared): Known, request: Request) -> Answer {
    let fill: Fill = parsed(Value::Object(params(request).await?.into_map()))?;
    let worker = Arc::clone(&shared);
    let made = tokio::task::spawn_blocking(move || {
        let now = worker.now();
        worker.world().admin_fill(&fill, now)
    });
    let made = made.await.map_err(|error| Refusal::Unprocessable(error.to_string()))??;
    ok(&json!({ "assets": made }))
}
