//! The endpoints of folders, contributions, upload sessions, background jobs and the caller itself.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use serde_json::{Value, json};

use super::assets::{asset_response, prepared};
use super::call::{Answer, Call, empty, json_response, ok, with_total};
use super::params::Params;
use super::render;
use super::shapes::{overlay, shape};
use super::shared::Shared;
use crate::world::folder::Folder;
use crate::world::job::JobWork;
use crate::world::{FolderEdit, NewFolder, NewUpload, Refusal, World};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/whoami", get(whoami))
        .route("/api/can_upload", get(can_upload))
        .route("/api/storage_folders", get(folders).post(create_folder))
        .route("/api/storage_folders/tree", get(tree))
        .route("/api/storage_folders/{id}", get(folder).put(update_folder).patch(update_folder).delete(delete_folder))
        .route("/api/storage_folders/{id}/asset_ids", get(asset_ids))
        .route("/api/contributions", get(contributions))
        .route("/api/contributions/{id}", get(contribution))
        .route("/api/contributions/{id}/uploads", post(start_upload_into))
        .route("/api/uploads", post(start_upload))
        .route("/api/uploads/{id}/assets", post(prepare_asset))
        .route("/api/uploads/{id}/set_done", put(set_done))
        .route("/api/bulk_jobs", get(jobs).post(create_job))
        .route("/api/bulk_jobs/{id}", get(job))
}

async fn whoami(call: Call) -> Answer {
    ok(&overlay(shape("whoami"), &render::user(&call.world(), call.user)))
}

async fn can_upload(call: Call) -> Answer {
    let can = call.world().can_upload(call.user)?;
    ok(&serde_json::to_value(can).unwrap_or_default())
}

fn folder_list(world: &World, name: &str, folders: &[Folder]) -> Value {
    overlay(shape(name), &folders.iter().map(|folder| render::folder(world, folder)).collect())
}

async fn folders(call: Call) -> Answer {
    let mut world = call.world();
    let mut folders = world.list_folders(call.user, call.now)?;
    if let Some(per_page) = world.habits().folders_per_page {
        let page = usize::try_from(call.params.int("page").unwrap_or(1).max(1) - 1).unwrap_or(0);
        folders = folders.into_iter().skip(page.saturating_mul(per_page)).take(per_page).collect();
    }
    ok(&folder_list(&world, "storage_folders_index", &folders))
}

async fn tree(call: Call) -> Answer {
    let mut world = call.world();
    let folders = world.tree(call.user, call.params.int("parent_id"), call.now)?;
    let body = folder_list(&world, "storage_folders_tree", &folders).to_string();
    Ok(with_total(json_response(StatusCode::OK, body), folders.len() as u64))
}

async fn folder(Path(id): Path<i64>, call: Call) -> Answer {
    let mut world = call.world();
    let folder = world.folder(call.user, id, call.now)?;
    ok(&overlay(shape("storage_folders_show"), &render::folder(&world, &folder)))
}

async fn asset_ids(Path(id): Path<i64>, call: Call) -> Answer {
    let ids = call.world().folder_asset_ids(call.user, id, call.now)?;
    ok(&Value::from(ids))
}

async fn create_folder(call: Call) -> Answer {
    let asked = call.params.below("storage_folder");
    let new = NewFolder {
        name: asked.text("name").unwrap_or_default(),
        parent_id: asked.int("parent_id"),
        description: asked.text("description"),
        organizer: asked.raw("organizer").map(|_| asked.flag("organizer")),
    };
    let mut world = call.world();
    let folder = world.create_folder(call.user, new, call.now)?;
    ok(&overlay(shape("storage_folders_create"), &render::folder(&world, &folder)))
}

async fn update_folder(Path(id): Path<i64>, call: Call) -> Answer {
    let asked = call.params.below("storage_folder");
    let edit = FolderEdit {
        name: asked.text("name"),
        parent_id: asked.raw("parent_id").map(|_| asked.int("parent_id")),
        description: asked.raw("description").map(|_| asked.text("description")),
        organizer: asked.raw("organizer").map(|_| asked.flag("organizer")),
    };
    let mut world = call.world();
    let folder = world.edit_folder(call.user, id, edit, call.now)?;
    ok(&overlay(shape("storage_folders_update"), &render::folder(&world, &folder)))
}

async fn delete_folder(Path(id): Path<i64>, call: Call) -> Answer {
    call.world().delete_folder(call.user, id, call.now)?;
    empty()
}

async fn contributions(call: Call) -> Answer {
    let mut world = call.world();
    let folders = world.list_folders(call.user, call.now)?;
    let owners = folders.iter().filter(|folder| folder.contribution_id.is_some());
    let own = owners.map(|folder| render::contribution(&world, folder)).collect();
    ok(&overlay(shape("contributions_index"), &own))
}

async fn contribution(Path(id): Path<i64>, call: Call) -> Answer {
    let mut world = call.world();
    let owner = world.contribution_folder(id).map(|folder| folder.id).ok_or(Refusal::NotFound("contribution"))?;
    let owner = world.folder(call.user, owner, call.now).map_err(|_| Refusal::NotFound("contribution"))?;
    ok(&overlay(shape("contributions_show"), &render::contribution(&world, &owner)))
}

fn new_upload(params: &Params) -> NewUpload {
    let asked = params.below("upload");
    NewUpload { name: asked.text("name"), note: asked.text("note") }
}

async fn start_upload_into(Path(id): Path<i64>, call: Call) -> Answer {
    let mut world = call.world();
    let upload = world.start_upload(call.user, Some(id), new_upload(&call.params), call.now)?;
    let own = render::upload(&world, &upload, call.shared.bucket.name());
    ok(&overlay(shape("contribution_uploads_create"), &own))
}

async fn start_upload(call: Call) -> Answer {
    let mut world = call.world();
    let upload = world.start_upload(call.user, None, new_upload(&call.params), call.now)?;
    ok(&overlay(shape("uploads_create"), &render::upload(&world, &upload, call.shared.bucket.name())))
}

async fn prepare_asset(Path(guid): Path<String>, call: Call) -> Answer {
    let mut world = call.world();
    let (asset, ticket) = world.prepare_asset(call.user, &guid, prepared(&call.params), call.now)?;
    let url = call.shared.signed_url(&ticket, world.habits().url_expires_s);
    Ok(asset_response(&call.shared, &world, "uploads_assets_create", &asset, Some(&url)))
}

async fn set_done(Path(id): Path<i64>, call: Call) -> Answer {
    let summary = call.world().set_done(call.user, id, call.now)?;
    ok(&overlay(shape("uploads_set_done"), &render::summary(&summary)))
}

async fn create_job(call: Call) -> Answer {
    let asked = call.params.below("bulk_job");
    let folder = asked
        .int("add_asset_group_id")
        .filter(|_| asked.text("add_asset_group_type").as_deref() == Some("StorageFolder"));
    let work = match folder {
        _ if asked.flag("restore_all") => JobWork::Restore,
        _ if asked.flag("destroy_all") => JobWork::Trash,
        Some(folder) => JobWork::MoveTo(folder),
        None => JobWork::Nothing,
    };
    let ids = asked.ints("asset_ids").unwrap_or_default();
    let job = call.world().create_job(call.user, work, &ids, call.now)?;
    ok(&overlay(shape("bulk_jobs_create"), &render::job(&job)))
}

async fn job(Path(guid): Path<String>, call: Call) -> Answer {
    let job = call.world().job(call.user, &guid, call.now)?;
    ok(&overlay(shape("bulk_jobs_show"), &render::job(&job)))
}

async fn jobs(call: Call) -> Answer {
    let jobs = call.world().jobs(call.user, call.now)?;
    let member = shape("bulk_jobs_show");
    ok(&jobs.iter().map(|job| overlay(member, &json!(render::job(job)))).collect())
}
