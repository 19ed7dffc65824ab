//! Reading and changing assets one by one: details, metadata, names, versions' order, the trash.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::asset::{Asset, AssetId, Version};
use super::habits::TrashedDetails;
use super::user::UserId;
use super::{AssetKey, Refusal, World};

/// What happens to tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagEdit {
    /// Added to what is there.
    pub add: Vec<String>,
    /// Taken from what is there.
    pub remove: Vec<String>,
    /// Instead of what is there.
    pub replace: Option<Vec<String>>,
}

/// What is to be changed about an asset: `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssetEdit {
    /// Another name.
    pub filename: Option<String>,
    /// Another description.
    pub description: Option<Option<String>>,
    /// Other stars.
    pub rating: Option<Option<i64>>,
    /// Other tags.
    pub tags: TagEdit,
    /// Any other metadata, by key; null takes it away.
    pub meta: BTreeMap<String, serde_json::Value>,
    /// Acknowledge the result.
    pub sync: bool,
}

impl World {
    /// Details, straight from the database.
    pub fn asset(&mut self, user: UserId, key: AssetKey<'_>, sync: bool, now: i64) -> Result<Arc<Asset>, Refusal> {
        self.tick(now);
        let asset = Arc::clone(self.seen(user, key)?);
        if !asset.alive() && self.habits.trashed_details == TrashedDetails::NotFound {
            return Err(Refusal::NotFound("asset"));
        }
        if !sync {
            return Ok(asset);
        }
        self.acknowledge(asset.id, now);
        self.seen(user, key).map(Arc::clone)
    }

    /// Changes an asset.
    pub fn edit_asset(
        &mut self,
        user: UserId,
        key: AssetKey<'_>,
        edit: AssetEdit,
        now: i64,
    ) -> Result<Arc<Asset>, Refusal> {
        self.tick(now);
        let mut asset = self.changeable(user, key)?;
        if let Some(filename) = edit.filename {
            asset.filename = self.stored_name(&filename)?;
        }
        if let Some(description) = edit.description {
            asset.description = description;
        }
        if let Some(rating) = edit.rating {
            asset.rating = rating;
        }
        if let Some(tags) = edit.tags.replace {
            asset.tags = Vec::new();
            add_tags(&mut asset.tags, tags);
        }
        add_tags(&mut asset.tags, edit.tags.add);
        asset.tags.retain(|tag| !edit.tags.remove.contains(tag));
        for (key, value) in edit.meta {
            if value.is_null() {
                asset.meta.remove(&key);
            } else {
                asset.meta.insert(key, value);
            }
        }
        asset.updated_at = now;
        if edit.sync {
            asset.last_external_sync_at = Some(now);
        }
        Ok(self.store(asset, now))
    }

    /// Makes an earlier (or later) version the head.
    pub fn revert(&mut self, user: UserId, key: AssetKey<'_>, number: i64, now: i64) -> Result<Arc<Asset>, Refusal> {
        self.tick(now);
        let mut asset = self.changeable(user, key)?;
        let version = asset.version(number).ok_or(Refusal::NotFound("version"))?;
        if version.content.is_none() {
            return Err(Refusal::unprocessable("this version has no data"));
        }
        let state = version.state;
        asset.head = number;
        asset.state = state;
        asset.updated_at = now;
        Ok(self.store(asset, now))
    }

    /// All versions of an asset, newest first, and the asset.
    pub fn versions(
        &mut self,
        user: UserId,
        key: AssetKey<'_>,
        now: i64,
    ) -> Result<(Arc<Asset>, Vec<Version>), Refusal> {
        let asset = self.asset(user, key, false, now)?;
        let versions = asset.versions.iter().rev().cloned().collect();
        Ok((asset, versions))
    }

    /// What a download gives: the version and its bytes.
    pub fn download(
        &mut self,
        user: UserId,
        key: AssetKey<'_>,
        number: Option<i64>,
        now: i64,
    ) -> Result<(Arc<Asset>, Version), Refusal> {
        self.tick(now);
        let asset = Arc::clone(self.seen(user, key)?);
        if !asset.alive() {
            return Err(Refusal::NotFound("asset"));
        }
        if !asset.downloadable {
            return Err(Refusal::Forbidden("this asset may not be downloaded"));
        }
        let version = asset.version(number.unwrap_or(asset.head)).ok_or(Refusal::NotFound("version"))?.clone();
        if version.content.is_none() {
            return Err(Refusal::NotFound("data of this version"));
        }
        Ok((asset, version))
    }

    /// Puts an asset into the trash.
    pub fn delete_asset(&mut self, user: UserId, key: AssetKey<'_>, now: i64) -> Result<(), Refusal> {
        self.tick(now);
        let asset = self.changeable(user, key)?;
        self.trash_asset(asset.id, user, now);
        Ok(())
    }

    /// How many assets lie in the trash.
    pub fn trash_count(&mut self, user: UserId, now: i64) -> Result<u64, Refusal> {
        self.tick(now);
        let user = self.user(user)?;
        if user.hidden_folders.is_empty() {
            return Ok(self.live.trashed.len() as u64);
        }
        let visible = |id: &&AssetId| self.assets.get(id).is_some_and(|asset| self.visible(user, asset.folder_id));
        Ok(self.live.trashed.iter().filter(visible).count() as u64)
    }

    pub(super) fn trash_asset(&mut self, id: AssetId, user: UserId, now: i64) {
        let Some(asset) = self.assets.get(&id).filter(|asset| asset.alive()) else {
            return;
        };
        let mut asset = (**asset).clone();
        asset.trashed_at = Some(now);
        asset.trashed_by = Some(user);
        asset.updated_at = now;
        self.store(asset, now);
    }

    pub(super) fn restore_asset(&mut self, id: AssetId, now: i64) {
        let Some(asset) = self.assets.get(&id).filter(|asset| !asset.alive()) else {
            return;
        };
        // There is no place to bring it back to.
        if !self.folders.contains_key(&asset.folder_id) {
            return;
        }
        let mut asset = (**asset).clone();
        let trashed_at = asset.trashed_at.take();
        asset.trashed_by = None;
        if self.habits.move_bumps {
            asset.updated_at = now;
        } else if let Some(version) = asset.head_version() {
            // As if it had never been in the trash: the trashing is taken back with it.
            asset.updated_at = asset.updated_at.min(trashed_at.unwrap_or(now)).max(version.updated_at);
        }
        self.store(asset, now);
    }
}

fn add_tags(tags: &mut Vec<String>, new: Vec<String>) {
    for tag in new {
        let tag = tag.trim().to_owned();
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
}
