//! The hand of the operator: changes that no client could make, and looks that no client has.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::asset::{Asset, AssetId, AssetState, Content, Version};
use super::folder::{Folder, FolderId};
use super::upload::Upload;
use super::user::UserId;
use super::{AssetKey, NewFolder, Refusal, World, generated};

/// Many folders with many assets each.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    /// How many folders.
    pub folders: u32,
    /// How many assets in each.
    pub assets_per_folder: u32,
    /// How many bytes each.
    pub size: u64,
    /// The folder to put them below, made if need be; the top when absent.
    #[serde(default)]
    pub path: Option<String>,
}

impl World {
    /// Every asset, in the trash or not, by number.
    pub fn all_assets(&self) -> impl Iterator<Item = &Arc<Asset>> {
        self.assets.values()
    }

    /// An asset without asking who wants to know.
    #[must_use]
    pub fn any_asset(&self, key: AssetKey<'_>) -> Option<&Arc<Asset>> {
        self.find(key)
    }

    /// The folder at a path of names, made level by level.
    pub fn admin_folder(&mut self, path: &str, now: i64) -> Result<Folder, Refusal> {
        self.tick(now);
        let mut at: Option<Folder> = None;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let parent = at.as_ref().map(|folder| folder.id);
            let known = self.children.get(&parent).into_iter().flatten().filter_map(|id| self.folders.get(id));
            let known = known.filter(|folder| folder.name == name).min_by_key(|folder| folder.id).cloned();
            at = Some(match known {
                Some(folder) => folder,
                None => {
                    let new = NewFolder { name: name.to_owned(), parent_id: parent, ..NewFolder::default() };
                    self.make_folder(self.root.owner, new, now)?
                }
            });
        }
        at.ok_or_else(|| Refusal::unprocessable("a path needs a name"))
    }

    /// A processed, submitted asset out of nothing.
    pub fn admin_asset(
        &mut self,
        folder: FolderId,
        filename: &str,
        content: Content,
        user: UserId,
        now: i64,
    ) -> Result<Arc<Asset>, Refusal> {
        self.tick(now);
        let folder = self.folders.get(&folder).ok_or(Refusal::NotFound("storage folder"))?;
        let (folder_id, contribution_id) = (folder.id, folder.contribution_id.unwrap_or(0));
        let upload_id = self.admin_upload(folder_id, contribution_id, user, now);
        let asset = self.whole_asset(folder_id, upload_id, filename.to_owned(), content, user, now);
        Ok(self.store(asset, now))
    }

    fn admin_upload(&mut self, folder_id: FolderId, contribution_id: i64, user: UserId, now: i64) -> i64 {
        let upload = Upload {
            id: self.next_id(),
            guid: self.root.prng.hex(8),
            name: None,
            note: None,
            user_id: user,
            contribution_id,
            folder_id,
            direct: false,
            done_at: Some(now),
            created_at: now,
            updated_at: now,
        };
        let id = upload.id;
        self.put_upload(upload);
        self.changes.uploads.insert(id);
        id
    }

    fn whole_asset(
        &mut self,
        folder_id: FolderId,
        upload_id: i64,
        filename: String,
        content: Content,
        user: UserId,
        now: i64,
    ) -> Asset {
        let version = self.whole_version(1, filename.clone(), content, user, now);
        Asset {
            id: self.next_id(),
            guid: self.root.prng.uuid(),
            filename,
            folder_id,
            upload_id,
            user_id: user,
            head: 1,
            versions: vec![version],
            state: AssetState::Processed,
            created_at: now,
            updated_at: now,
            trashed_at: None,
            trashed_by: None,
            last_external_sync_at: None,
            checked_out_at: None,
            submitted_at: Some(now),
            approved: true,
            path: None,
            created_via: None,
            created_via_id: None,
            editable: true,
            downloadable: true,
            original_downloadable: true,
            description: None,
            tags: Vec::new(),
            rating: None,
            meta: BTreeMap::new(),
        }
    }

    fn whole_version(&mut self, number: i64, filename: String, content: Content, user: UserId, now: i64) -> Version {
        Version {
            id: self.next_id(),
            number,
            filename,
            declared_size: Some(content.size),
            upload_key: String::new(),
            content: Some(content),
            state: AssetState::Processed,
            user_id: user,
            created_at: now,
            updated_at: now,
            created_via: None,
            created_via_id: None,
        }
    }

    /// A new, processed head of an asset.
    pub fn admin_version(&mut self, key: AssetKey<'_>, content: Content, now: i64) -> Result<Arc<Asset>, Refusal> {
        self.tick(now);
        let mut asset = self.find(key).map(|asset| (**asset).clone()).ok_or(Refusal::NotFound("asset"))?;
        let number = asset.versions.last().map_or(0, |version| version.number) + 1;
        let version = self.whole_version(number, asset.filename.clone(), content, asset.user_id, now);
        asset.versions.push(version);
        asset.head = number;
        asset.state = AssetState::Processed;
        asset.updated_at = now;
        Ok(self.store(asset, now))
    }

    /// Sets any fields of an asset, by their names in [`Asset`]. `updated_at` moves unless it is among them, or
    /// `quiet` is asked for.
    pub fn admin_patch_asset(
        &mut self,
        key: AssetKey<'_>,
        mut fields: serde_json::Map<String, serde_json::Value>,
        now: i64,
    ) -> Result<Arc<Asset>, Refusal> {
        self.tick(now);
        let old = self.find(key).ok_or(Refusal::NotFound("asset"))?;
        let quiet = fields.remove("quiet").and_then(|value| value.as_bool()).unwrap_or(false);
        // The wire's own words are understood as well.
        for (wire, own) in
            [("aasm_state", "state"), ("data_version_number", "head"), ("storage_folder_id", "folder_id")]
        {
            if let Some(value) = fields.remove(wire) {
                fields.insert(own.to_owned(), value);
            }
        }
        let keep_time = quiet || fields.contains_key("updated_at");
        let (id, guid) = (old.id, old.guid.clone());
        let mut asset: Asset = patched(&**old, fields)?;
        if !self.folders.contains_key(&asset.folder_id) {
            return Err(Refusal::unprocessable("the folder must exist"));
        }
        asset.id = id;
        asset.guid = guid;
        if !keep_time {
            asset.updated_at = now;
        }
        Ok(self.store(asset, now))
    }

    /// Sets any fields of a folder, by their names in [`Folder`].
    pub fn admin_patch_folder(
        &mut self,
        id: FolderId,
        fields: serde_json::Map<String, serde_json::Value>,
        now: i64,
    ) -> Result<Folder, Refusal> {
        self.tick(now);
        let old = self.folders.get(&id).ok_or(Refusal::NotFound("storage folder"))?;
        let mut folder: Folder = patched(old, fields)?;
        folder.id = id;
        folder.updated_at = now;
        self.put_folder(folder.clone());
        Ok(folder)
    }

    /// Fills folders with assets whose bytes are generated from their numbers. Answers how many assets were made.
    pub fn admin_fill(&mut self, fill: &Fill, now: i64) -> Result<u64, Refusal> {
        self.tick(now);
        let parent = match &fill.path {
            Some(path) => Some(self.admin_folder(path, now)?.id),
            None => None,
        };
        let user = self.root.owner;
        let mut made = 0;
        for folder in 1..=fill.folders {
            let new = NewFolder { name: format!("folder-{folder:05}"), parent_id: parent, ..NewFolder::default() };
            let folder = self.make_folder(user, new, now)?;
            let upload = self.admin_upload(folder.id, folder.contribution_id.unwrap_or(0), user, now);
            for file in 1..=fill.assets_per_folder {
                let seed: AssetId = self.root.next_id + 1;
                let content = generated::content(seed.unsigned_abs(), fill.size);
                let asset = self.whole_asset(folder.id, upload, format!("file-{file:06}.bin"), content, user, now);
                self.store(asset, now);
                made += 1;
            }
        }
        Ok(made)
    }
}

fn patched<T: serde::Serialize + serde::de::DeserializeOwned>(
    old: &T,
    fields: serde_json::Map<String, serde_json::Value>,
) -> Result<T, Refusal> {
    let unreadable = |error: serde_json::Error| Refusal::unprocessable(error.to_string());
    let mut value = serde_json::to_value(old).map_err(unreadable)?;
    if let Some(object) = value.as_object_mut() {
        for (key, field) in fields {
            if !object.contains_key(&key) {
                return Err(Refusal::unprocessable(format!("there is no field {key}")));
            }
            object.insert(key, field);
        }
    }
    serde_json::from_value(value).map_err(unreadable)
}
