//! Own values of everything but assets, as rich as any answer wants them; the shapes cut them down.

use serde_json::{Value, json};

use super::times::iso;
use crate::world::World;
use crate::world::asset::{Asset, Version};
use crate::world::folder::Folder;
use crate::world::job::{Job, JobWork};
use crate::world::upload::{Upload, UploadSummary};
use crate::world::user::UserId;

pub(crate) fn user(world: &World, id: UserId) -> Value {
    let Some(user) = world.any_user(id) else {
        return Value::Null;
    };
    let initial = |name: &str| name.chars().next().map(String::from).unwrap_or_default();
    json!({
        "id": id,
        "user_id": id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "name": format!("{} {}", user.first_name, user.last_name),
        "initials": format!("{} {}", initial(&user.first_name), initial(&user.last_name)),
        "email": user.email,
        "default_username": format!("user{id}"),
        "confirmed_at": iso(user.created_at),
        "created_at": iso(user.created_at),
        "enable_lightroom": true,
    })
}

pub(crate) fn folder(world: &World, folder: &Folder) -> Value {
    let mut own = json!({
        "id": folder.id,
        "created_at": iso(folder.created_at),
        "name": folder.name,
        "description": folder.description,
        "slug": folder.slug,
        "organizer": folder.organizer,
        "type": "StorageFolder",
        "has_children": world.has_children(folder.id),
        "path_names": world.folder_path(folder.id, |folder| &folder.name),
        "path_slugs": world.folder_path(folder.id, |folder| &folder.slug),
        "parent_id": folder.parent_id,
        "ancestor_ids": world.ancestors(folder.id),
        "asset_group_id": folder.id,
        "contribution_id": folder.contribution_id,
        "enable_contribution": folder.enable_contribution,
        "reindexing_at": folder.reindexing_at.map(iso),
        "user": user(world, folder.user_id),
        "editable": folder.editable,
        "block_destroy": folder.block_destroy,
        "total_file_size": world.folder_bytes(folder.id),
    });
    if let Some((key, value)) = &folder.connector {
        own[key.as_str()] = json!(value);
    }
    own
}

pub(crate) fn contribution(world: &World, owner: &Folder) -> Value {
    let id = owner.contribution_id;
    json!({
        "enabled": owner.enable_contribution,
        "id": id,
        "name": owner.name,
        "slug": owner.slug,
        "storage_folder_id": owner.id,
        "auto_approve": owner.auto_approve,
        "enable_tag_suggester": owner.require_tags,
        "created_at": iso(owner.created_at),
        "updated_at": iso(owner.updated_at),
        "type": "link",
        "to_param": format!("{}-{}", id.unwrap_or(0), owner.slug),
        "storage_folder": folder(world, owner),
        "editable": owner.editable,
    })
}

pub(crate) fn upload(world: &World, upload: &Upload, bucket: &str) -> Value {
    let count = world.upload_assets_count(upload.id);
    let owner = world.contribution_folder(upload.contribution_id).or_else(|| world.any_folder(upload.folder_id));
    json!({
        "id": upload.id,
        "user_id": upload.user_id,
        "guid": upload.guid,
        "name": upload.name,
        "note": upload.note,
        "created_at": iso(upload.created_at),
        "updated_at": iso(upload.updated_at),
        "current_assets_count": count,
        "assets_count": count,
        "done": upload.done_at.is_some(),
        "done_at": upload.done_at.map(iso),
        "standalone": !upload.direct,
        "contribution_id": upload.contribution_id,
        "all_requirements_met": count > 0,
        "tag_suggesters_met": true,
        "rights_packages_met": true,
        "creator_tags_met": true,
        "contribution": owner.map(|owner| contribution(world, owner)).unwrap_or_default(),
        "user": user(world, upload.user_id),
        "bucket": bucket,
    })
}

pub(crate) fn summary(summary: &UploadSummary) -> Value {
    json!({
        "id": summary.upload.id,
        "assets_count": summary.assets_count,
        "unsubmitted_assets_count": summary.unsubmitted_assets_count,
        "all_requirements_met": summary.all_requirements_met,
        "done": summary.upload.done_at.is_some(),
        "done_at": summary.upload.done_at.map(iso),
        "tag_suggesters_met": summary.all_requirements_met,
        "rights_packages_met": true,
        "creator_tags_met": true,
    })
}

pub(crate) fn job(job: &Job) -> Value {
    let action = match job.work {
        JobWork::MoveTo(_) => "Move",
        JobWork::Restore => "Restore",
        JobWork::Trash => "Delete",
        JobWork::Nothing => "Edit",
    };
    json!({
        "guid": job.guid,
        "aasm_state": job.state,
        "progress": if job.finished { 100.0 } else { 0.0 },
        "destroy_all": job.work == JobWork::Trash,
        "action": action,
        "total_assets": job.asset_ids.len(),
        "error_message": job.error_message,
        "error": job.error_message,
    })
}

pub(crate) fn version(world: &World, asset: &Asset, version: &Version) -> Value {
    let ext = extension(&version.filename);
    json!({
        "id": version.id,
        "asset_id": asset.id,
        "user_id": version.user_id,
        "number": version.number,
        "file_size": version.told_size(world.habits()),
        "filename": version.filename,
        "md5": version.told_md5(world.habits()),
        "ext": ext,
        "created_via": version.created_via,
        "created_via_id": version.created_via_id,
        "created_at": iso(version.created_at),
        "updated_at": iso(version.updated_at),
        "is_head": version.number == asset.head,
        "aasm_state": version.state.word(),
        "user": user(world, version.user_id),
        "type": kind(&version.filename),
        "mime_type": mime(&version.filename),
        "is_version": true,
        "storage_folder_path": world.folder_path(asset.folder_id, |folder| &folder.slug).join("/"),
        "renditions": [{ "name": "original", "ext": ext, "watermarked": false, "display_name": "original" }],
    })
}

/// What follows the last dot of a name, in lower case.
pub(crate) fn extension(filename: &str) -> String {
    match filename.rsplit_once('.') {
        Some((stem, ext)) if !stem.is_empty() => ext.to_lowercase(),
        _ => String::new(),
    }
}

pub(crate) fn mime(filename: &str) -> String {
    mime_guess::from_path(filename).first_or_octet_stream().essence_str().to_owned()
}

pub(crate) fn kind(filename: &str) -> &'static str {
    let guess = mime_guess::from_path(filename).first_or_octet_stream();
    match guess.type_().as_str() {
        "image" => "Image",
        "video" => "Video",
        "audio" => "Audio",
        "text" => "Text",
        _ => "Document",
    }
}
