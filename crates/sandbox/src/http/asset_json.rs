//! Assets as JSON text, cheap enough for pages of a hundred.
//!
//! A shape becomes a template once: runs of constant text between the few keys that have values of their own. What
//! many assets of one answer share (their user, their folder, their session) is written once and copied.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{LazyLock, Mutex};

use serde_json::Value;

use super::render;
use super::shapes::{Shape, overlay, shape as shape_of};
use super::shared::lock;
use super::times::write_iso;
use crate::world::World;
use crate::world::asset::{Asset, AssetState};

/// Which answer an asset appears in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// A page of a search: permissions are not worked out there.
    Listed,
    /// Everywhere else.
    Single,
}

enum Slot {
    Constant(String),
    Own { key: String, shape: Shape },
}

/// A shape made ready.
pub(crate) struct Template(Vec<Slot>);

/// Keys whose values are the asset's own; all others are constant.
const OWN: &[&str] = &[
    "aasm_state",
    "captured_at",
    "checked_out_at",
    "created_at",
    "created_via",
    "created_via_id",
    "data_version_number",
    "data_versions_count",
    "description",
    "description_editable",
    "download_sizes",
    "downloadable",
    "downloadable_previews",
    "editable",
    "ext",
    "file_size",
    "filename",
    "full_url",
    "grid_url",
    "guid",
    "id",
    "last_external_sync_at",
    "manageable",
    "md5",
    "mime_type",
    "organization_id",
    "original_downloadable",
    "path",
    "permalink_url",
    "preview_type",
    "processing_finished_at",
    "rating",
    "renditions",
    "rights_editable",
    "rights_manageable",
    "s3_upload_key",
    "short_guid",
    "signed_upload_url",
    "small_url",
    "storage_folder",
    "storage_folder_path",
    "submitted",
    "submitted_at",
    "taggable",
    "tags",
    "thumb_url",
    "trashed_at",
    "trashed_by",
    "type",
    "updated_at",
    "upload",
    "upload_id",
    "user",
    "user_id",
    // Metadata that people may write.
    "alt_text",
    "authors_position",
    "city",
    "copyright_owner",
    "country",
    "country_code",
    "creator",
    "credit_line",
    "custom_meta_values",
    "description_writer",
    "event",
    "extended_description",
    "has_people",
    "headline",
    "image_supplier",
    "instructions",
    "intellectual_genre",
    "iptc_event_id",
    "iptc_job_id",
    "iptc_rights",
    "iptc_source",
    "latitude",
    "licensor",
    "longitude",
    "model_age",
    "model_release_status",
    "notes",
    "organization_in_image_name",
    "property_release_status",
    "release",
    "contract",
    "rights_package_id",
    "scene",
    "state",
    "subject_code",
    "sublocation",
    "title",
    "usage_terms",
    "web_statement",
];

impl Template {
    fn new(shape: &Shape) -> Self {
        let mut slots = Vec::new();
        let mut text = String::from("{");
        for (index, (key, shape)) in shape.keys().into_iter().flatten().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(text, "{comma}{}:", Value::from(key.as_str()));
            if OWN.contains(&key.as_str()) {
                slots.push(Slot::Constant(std::mem::take(&mut text)));
                slots.push(Slot::Own { key: key.clone(), shape: shape.clone() });
            } else {
                let _ = write!(text, "{}", constant(key, shape));
            }
        }
        text.push('}');
        slots.push(Slot::Constant(text));
        Self(slots)
    }

    /// The template of a named shape; of its `assets` when it is a page.
    pub(crate) fn of(name: &'static str) -> &'static Self {
        static KNOWN: LazyLock<Mutex<BTreeMap<&'static str, &'static Template>>> = LazyLock::new(Mutex::default);
        lock(&KNOWN).entry(name).or_insert_with(|| {
            let shape = shape_of(name);
            let page = shape.keys().and_then(|keys| keys.get("assets")).and_then(Shape::member);
            // One per shape file, for the life of the program.
            Box::leak(Box::new(Self::new(page.unwrap_or(shape))))
        })
    }
}

fn constant(key: &str, shape: &Shape) -> Value {
    match key {
        "all_requirements_met" | "tag_suggesters_met" | "rights_package_met" | "creator_tag_met" => Value::from(true),
        "face_indexing_state" => Value::from("na"),
        _ => shape.default_value(),
    }
}

/// Writes the assets of one answer.
pub(crate) struct AssetWriter<'a> {
    world: &'a World,
    base_url: &'a str,
    bucket: &'a str,
    scene: Scene,
    signed_url: Option<&'a str>,
    /// Texts shared between assets, by key and number.
    shared: BTreeMap<(&'static str, i64), String>,
}

impl<'a> AssetWriter<'a> {
    pub(crate) fn new(world: &'a World, base_url: &'a str, bucket: &'a str, scene: Scene) -> Self {
        Self { world, base_url, bucket, scene, signed_url: None, shared: BTreeMap::new() }
    }

    pub(crate) fn with_signed_url(mut self, url: &'a str) -> Self {
        self.signed_url = Some(url);
        self
    }

    pub(crate) fn write(&mut self, out: &mut String, template: &Template, asset: &Asset) {
        for slot in &template.0 {
            match slot {
                Slot::Constant(text) => out.push_str(text),
                Slot::Own { key, shape } => self.own(out, key, shape, asset),
            }
        }
    }

    fn own(&mut self, out: &mut String, key: &str, shape: &Shape, asset: &Asset) {
        let habits = self.world.habits();
        let processed = asset.state == AssetState::Processed;
        let single = self.scene == Scene::Single;
        match key {
            "id" => number(out, asset.id),
            "guid" => text(out, &asset.guid),
            "short_guid" => text(out, asset.guid.get(..8).unwrap_or_default()),
            "filename" => text(out, &asset.filename),
            "file_size" => {
                maybe(out, asset.told_size(habits), |out, size| number(out, i64::try_from(size).unwrap_or(i64::MAX)))
            }
            "md5" => maybe(out, asset.told_md5(habits), text),
            "ext" => text(out, &render::extension(&asset.filename)),
            "mime_type" => text(out, &render::mime(&asset.filename)),
            "type" | "preview_type" => text(out, render::kind(&asset.filename)),
            "aasm_state" => text(out, asset.state.word()),
            "data_version_number" => number(out, asset.head),
            "data_versions_count" => number(out, i64::try_from(asset.versions.len()).unwrap_or(0)),
            "created_at" => time(out, asset.created_at),
            "updated_at" => time(out, asset.updated_at),
            "captured_at" => out.push_str("null"),
            "submitted_at" => maybe(out, asset.submitted_at, time),
            "checked_out_at" => maybe(out, asset.checked_out_at, time),
            "trashed_at" => maybe(out, asset.trashed_at, time),
            "last_external_sync_at" => maybe(out, asset.last_external_sync_at, time),
            "processing_finished_at" => {
                let finished = asset.head_version().filter(|_| processed).map(|version| version.updated_at);
                maybe(out, finished, time);
            }
            "submitted" => flag(out, asset.submitted_at.is_some()),
            "downloadable" => flag(out, asset.downloadable),
            "downloadable_previews" => flag(out, processed),
            "original_downloadable" if single => flag(out, asset.original_downloadable),
            "rights_editable" | "rights_manageable" | "description_editable" if single => flag(out, asset.editable),
            "original_downloadable" | "rights_editable" | "rights_manageable" | "description_editable" => {
                out.push_str("null")
            }
            "editable" | "manageable" | "taggable" => flag(out, asset.editable),
            "organization_id" => number(out, self.world.organization_id()),
            "upload_id" => number(out, asset.upload_id),
            "user_id" => number(out, asset.user_id),
            "path" => maybe(out, asset.path.as_deref(), text),
            "created_via" => maybe(out, asset.created_via.as_deref(), text),
            "created_via_id" => maybe(out, asset.created_via_id.as_deref(), text),
            "description" => maybe(out, asset.description.as_deref(), text),
            "rating" => maybe(out, asset.rating, number),
            "s3_upload_key" => text(out, asset.head_version().map_or("", |version| version.upload_key.as_str())),
            "thumb_url" | "grid_url" | "small_url" | "full_url" | "permalink_url" if processed => {
                text(out, &format!("{}/previews/{}/{key}", self.base_url, asset.guid));
            }
            "thumb_url" | "grid_url" | "small_url" | "full_url" | "permalink_url" => out.push_str("null"),
            "signed_upload_url" => text(out, self.signed_url.unwrap_or_default()),
            "tags" => {
                // Only this answer was recorded with tags in it.
                let shape = shape_of("assets_update").keys().and_then(|keys| keys.get("tags")).unwrap_or(shape);
                value(out, shape, &tags(asset));
            }
            "trashed_by" => maybe(out, asset.trashed_by, |out, id| value(out, shape, &render::user(self.world, id))),
            "download_sizes" => out.push_str(r#"["original"]"#),
            "renditions" => {
                let ext = render::extension(&asset.filename);
                let own = serde_json::json!([{ "name": "original", "ext": ext, "watermarked": false, "display_name": "original" }]);
                value(out, shape, &own);
            }
            "user" => self.common(out, "user", asset.user_id, shape, asset),
            "storage_folder" => self.common(out, "storage_folder", asset.folder_id, shape, asset),
            "storage_folder_path" => self.common(out, "storage_folder_path", asset.folder_id, shape, asset),
            "upload" => self.common(out, "upload", asset.upload_id, shape, asset),
            _ => match asset.meta.get(key) {
                Some(own) => out.push_str(&own.to_string()),
                None => out.push_str(&shape.default_value().to_string()),
            },
        }
    }

    fn common(&mut self, out: &mut String, key: &'static str, id: i64, shape: &Shape, asset: &Asset) {
        let (world, bucket) = (self.world, self.bucket);
        let text = self.shared.entry((key, id)).or_insert_with(|| {
            let own = match key {
                "user" => render::user(world, id),
                "storage_folder" => {
                    world.any_folder(id).map(|folder| render::folder(world, folder)).unwrap_or_default()
                }
                "upload" => world
                    .upload(asset.upload_id)
                    .map(|upload| render::upload(world, upload, bucket))
                    .unwrap_or_default(),
                _ => Value::from(world.folder_path(id, |folder| &folder.slug).join("/")),
            };
            overlay(shape, &own).to_string()
        });
        out.push_str(text);
    }
}

fn tags(asset: &Asset) -> Value {
    let tag =
        |(index, name): (usize, &String)| serde_json::json!({ "id": index + 1, "name": name, "taggings_count": 1 });
    asset.tags.iter().enumerate().map(tag).collect()
}

fn value(out: &mut String, shape: &Shape, own: &Value) {
    out.push_str(&overlay(shape, own).to_string());
}

fn number(out: &mut String, number: i64) {
    let _ = write!(out, "{number}");
}

fn flag(out: &mut String, flag: bool) {
    out.push_str(if flag { "true" } else { "false" });
}

fn time(out: &mut String, ms: i64) {
    out.push('"');
    write_iso(out, ms);
    out.push('"');
}

fn text(out: &mut String, text: &str) {
    out.push_str(&Value::from(text).to_string());
}

fn maybe<T>(out: &mut String, option: Option<T>, write: impl FnOnce(&mut String, T)) {
    match option {
        Some(inner) => write(out, inner),
        None => out.push_str("null"),
    }
}
