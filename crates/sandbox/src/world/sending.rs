//! Sending bytes: sessions, prepared assets and versions, the report that they were sent, and processing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::asset::{Asset, AssetId, AssetState, Content, Version};
use super::folder::FolderId;
use super::habits::HeadMoves;
use super::upload::{Upload, UploadSlot, UploadSummary, UploadTicket};
use super::user::UserId;
use super::{AssetKey, NewFolder, Refusal, Timer, World};

/// A session to be started.
#[derive(Clone, Debug, Default)]
pub struct NewUpload {
    /// Free text.
    pub name: Option<String>,
    /// Free text.
    pub note: Option<String>,
}

/// An asset to be prepared.
#[derive(Clone, Debug, Default)]
pub struct NewAsset {
    /// Its name.
    pub filename: String,
    /// How many bytes will come.
    pub file_size: Option<u64>,
    /// Kept as it is.
    pub path: Option<String>,
    /// Free text.
    pub created_via: Option<String>,
    /// Free text.
    pub created_via_id: Option<String>,
}

/// A version to be prepared: as an asset, without a path.
pub type NewVersion = NewAsset;

impl World {
    /// Starts a session: into a contribution's folder, or into the common folder when none is named.
    pub fn start_upload(
        &mut self,
        user: UserId,
        contribution: Option<i64>,
        new: NewUpload,
        now: i64,
    ) -> Result<Upload, Refusal> {
        self.tick(now);
        if !self.user(user)?.can_upload {
            return Err(Refusal::Forbidden("you may not upload"));
        }
        let (contribution_id, folder_id) = match contribution {
            Some(id) => {
                let folder =
                    self.contribution_folder(id).map(|folder| folder.id).ok_or(Refusal::NotFound("contribution"))?;
                let folder = self.seen_folder(user, folder).map_err(|_| Refusal::NotFound("contribution"))?;
                if !folder.enable_contribution {
                    return Err(Refusal::Forbidden("this folder takes no uploads"));
                }
                (id, folder.id)
            }
            None => self.direct_folder(now)?,
        };
        let upload = Upload {
            id: self.next_id(),
            guid: self.root.prng.hex(8),
            name: new.name,
            note: new.note,
            user_id: user,
            contribution_id,
            folder_id,
            direct: contribution.is_none(),
            done_at: None,
            created_at: now,
            updated_at: now,
        };
        self.put_upload(upload.clone());
        self.changes.uploads.insert(upload.id);
        Ok(upload)
    }

    pub(super) fn put_upload(&mut self, upload: Upload) {
        self.upload_guids.insert(upload.guid.clone(), upload.id);
        self.uploads.insert(upload.id, upload);
    }

    fn direct_folder(&mut self, now: i64) -> Result<(i64, FolderId), Refusal> {
        let known = self.root.direct_folder.and_then(|id| self.folders.get(&id));
        if let Some((folder, contribution)) = known.and_then(|folder| Some((folder.id, folder.contribution_id?))) {
            return Ok((contribution, folder));
        }
        let new = NewFolder { name: "Direct uploads".to_owned(), ..NewFolder::default() };
        let folder = self.make_folder(self.root.owner, new, now)?;
        self.root.direct_folder = Some(folder.id);
        let contribution = folder.contribution_id.ok_or(Refusal::NotFound("contribution"))?;
        Ok((contribution, folder.id))
    }

    /// A session, as its assets show it.
    #[must_use]
    pub fn upload(&self, id: i64) -> Option<&Upload> {
        self.uploads.get(&id)
    }

    /// How many assets a session has.
    #[must_use]
    pub fn upload_assets_count(&self, id: i64) -> usize {
        self.live.by_upload.get(&id).map_or(0, std::collections::BTreeSet::len)
    }

    /// Prepares an asset in a session: it exists from now on, pending.
    pub fn prepare_asset(
        &mut self,
        user: UserId,
        upload_guid: &str,
        new: NewAsset,
        now: i64,
    ) -> Result<(Arc<Asset>, UploadTicket), Refusal> {
        self.tick(now);
        if !self.user(user)?.can_upload {
            return Err(Refusal::Forbidden("you may not upload"));
        }
        let upload = self.upload_guids.get(upload_guid).and_then(|id| self.uploads.get(id));
        let upload = upload.filter(|upload| upload.user_id == user).ok_or(Refusal::NotFound("upload"))?.clone();
        let folder = self.folders.get(&upload.folder_id).ok_or(Refusal::NotFound("storage folder"))?;
        if folder.organizer == Some(true) {
            return Err(Refusal::unprocessable("this folder holds folders only"));
        }
        let approved = folder.auto_approve;
        let filename = self.stored_name(&new.filename)?;
        let id = self.next_id();
        let guid = self.root.prng.uuid();
        let ticket = self.open_slot(&upload, &guid, 1, now);
        let version = Version {
            id: self.next_id(),
            number: 1,
            filename: filename.clone(),
            declared_size: new.file_size,
            upload_key: ticket.key.clone(),
            content: None,
            state: AssetState::Pending,
            user_id: user,
            created_at: now,
            updated_at: now,
            created_via: new.created_via.clone(),
            created_via_id: new.created_via_id.clone(),
        };
        let asset = Asset {
            id,
            guid,
            filename,
            folder_id: upload.folder_id,
            upload_id: upload.id,
            user_id: user,
            head: 1,
            versions: vec![version],
            state: AssetState::Pending,
            created_at: now,
            updated_at: now,
            trashed_at: None,
            trashed_by: None,
            last_external_sync_at: None,
            checked_out_at: None,
            submitted_at: None,
            approved,
            path: new.path,
            created_via: new.created_via,
            created_via_id: new.created_via_id,
            editable: true,
            downloadable: true,
            original_downloadable: true,
            description: None,
            tags: Vec::new(),
            rating: None,
            meta: BTreeMap::new(),
        };
        Ok((self.store(asset, now), ticket))
    }

    /// Prepares a version of an asset.
    pub fn add_version(
        &mut self,
        user: UserId,
        key: AssetKey<'_>,
        new: NewVersion,
        now: i64,
    ) -> Result<(Arc<Asset>, UploadTicket), Refusal> {
        self.tick(now);
        let mut asset = self.changeable(user, key)?;
        if !self.user(user)?.can_upload {
            return Err(Refusal::Forbidden("you may not upload"));
        }
        let upload = self.uploads.get(&asset.upload_id).cloned().ok_or(Refusal::NotFound("upload"))?;
        let filename = self.stored_name(&new.filename)?;
        let number = asset.versions.last().map_or(0, |version| version.number) + 1;
        let ticket = self.open_slot(&upload, &asset.guid, number, now);
        asset.versions.push(Version {
            id: self.next_id(),
            number,
            filename,
            declared_size: new.file_size,
            upload_key: ticket.key.clone(),
            content: None,
            state: AssetState::Pending,
            user_id: user,
            created_at: now,
            updated_at: now,
            created_via: new.created_via,
            created_via_id: new.created_via_id,
        });
        if self.habits.head_moves == HeadMoves::AddVersion {
            asset.head = number;
            asset.updated_at = now;
        }
        Ok((self.store(asset, now), ticket))
    }

    fn open_slot(&mut self, upload: &Upload, guid: &str, number: i64, now: i64) -> UploadTicket {
        let key = format!("{}/{}/{guid}/{number}", self.root.organization_id, upload.guid);
        let expires_at = now + i64::from(self.habits.url_expires_s) * 1000;
        self.slots.insert(key.clone(), UploadSlot { expires_at, stored: None });
        self.changes.slots.insert(key.clone());
        UploadTicket { key, expires_at }
    }

    /// Whether a PUT to a key may start.
    pub fn may_put(&self, key: &str, now: i64) -> Result<(), Refusal> {
        let slot = self.slots.get(key).ok_or(Refusal::NotFound("key"))?;
        if now <= slot.expires_at { Ok(()) } else { Err(Refusal::Forbidden("the URL has expired")) }
    }

    /// Notes that bytes lie under a key; the last PUT wins.
    pub fn object_stored(&mut self, key: &str, content: Content) {
        if let Some(slot) = self.slots.get_mut(key) {
            slot.stored = Some(content);
            self.changes.slots.insert(key.to_owned());
        }
    }

    /// What lies under a key.
    #[must_use]
    pub fn object(&self, key: &str) -> Option<&Content> {
        self.slots.get(key).and_then(|slot| slot.stored.as_ref())
    }

    /// The client's word that the bytes were sent. Every prepared version whose object is there is taken; the highest
    /// becomes the head. Said again about a version that is already taken, nothing happens.
    pub fn set_uploaded(
        &mut self,
        user: UserId,
        key: AssetKey<'_>,
        keep_meta: bool,
        now: i64,
    ) -> Result<Arc<Asset>, Refusal> {
        self.tick(now);
        let mut asset = self.changeable(user, key)?;
        let mut taken = None;
        for version in asset.versions.iter_mut().filter(|version| version.state == AssetState::Pending) {
            if let Some(content) = self.slots.get(&version.upload_key).and_then(|slot| slot.stored.clone()) {
                version.content = Some(content);
                version.state = AssetState::Uploaded;
                version.updated_at = now;
                taken = Some((version.number, version.filename.clone()));
            }
        }
        let Some((number, filename)) = taken else {
            let waits = asset.versions.last().is_some_and(|version| version.state == AssetState::Pending);
            return if waits {
                Err(Refusal::unprocessable("no data was uploaded"))
            } else {
                self.seen(user, key).map(Arc::clone)
            };
        };
        asset.head = number;
        if number > 1 {
            if self.habits.version_renames {
                asset.filename = filename;
            }
            if !keep_meta {
                // The new file's own metadata replaces what people wrote; these files have none.
                asset.description = None;
                asset.tags.clear();
                asset.rating = None;
                asset.meta.clear();
            }
        }
        asset.state = AssetState::Uploaded;
        asset.updated_at = now;
        let asset = self.store(asset, now);
        let steps = self.habits.processing_bumps.max(1);
        if self.habits.processing_ms <= 0 {
            self.process_step(asset.id, steps, steps, now);
        } else {
            let due = now + self.habits.processing_ms / i64::from(steps);
            self.schedule(due, Timer::Process { asset: asset.id, step: 1, steps });
        }
        let id = asset.id;
        Ok(self.assets.get(&id).map_or(asset, Arc::clone))
    }

    pub(super) fn process_step(&mut self, id: AssetId, step: u32, steps: u32, now: i64) {
        let Some(asset) = self.assets.get(&id) else {
            return;
        };
        if !matches!(asset.state, AssetState::Uploaded | AssetState::Processing) {
            return;
        }
        let mut asset = (**asset).clone();
        let state = if step < steps {
            let due = now + self.habits.processing_ms / i64::from(steps);
            self.schedule(due, Timer::Process { asset: id, step: step + 1, steps });
            AssetState::Processing
        } else if self.habits.processing_fails {
            AssetState::ProcessingError
        } else {
            AssetState::Processed
        };
        asset.state = state;
        for version in &mut asset.versions {
            if matches!(version.state, AssetState::Uploaded | AssetState::Processing) {
                version.state = state;
                version.updated_at = now;
            }
        }
        asset.updated_at = now;
        if state == AssetState::Processed && self.habits.own_upload_synced {
            asset.last_external_sync_at = Some(now);
        }
        self.store(asset, now);
    }

    /// Ends a session: its assets are submitted, unless something is asked for first.
    pub fn set_done(&mut self, user: UserId, id: i64, now: i64) -> Result<UploadSummary, Refusal> {
        self.tick(now);
        self.user(user)?;
        let upload = self.uploads.get(&id).filter(|upload| upload.user_id == user);
        let mut upload = upload.ok_or(Refusal::NotFound("upload"))?.clone();
        let require_tags = self.folders.get(&upload.folder_id).is_some_and(|folder| folder.require_tags);
        let ids: Vec<AssetId> = self.live.by_upload.get(&id).into_iter().flatten().copied().collect();
        let mut waiting = 0;
        for asset in ids.iter().filter_map(|id| self.assets.get(id)).map(Arc::clone).collect::<Vec<_>>() {
            if !asset.alive() || asset.submitted_at.is_some() {
                continue;
            }
            if (require_tags && asset.tags.is_empty()) || asset.state == AssetState::Pending {
                waiting += 1;
                continue;
            }
            let mut asset = (*asset).clone();
            asset.submitted_at = Some(now);
            self.store(asset, now);
        }
        upload.updated_at = now;
        if waiting == 0 {
            upload.done_at = upload.done_at.or(Some(now));
        }
        self.put_upload(upload.clone());
        self.changes.uploads.insert(id);
        Ok(UploadSummary {
            upload,
            assets_count: ids.len() as u64,
            unsubmitted_assets_count: waiting,
            all_requirements_met: waiting == 0,
        })
    }

    /// The name that the server keeps for the one it was sent.
    pub(super) fn stored_name(&self, name: &str) -> Result<String, Refusal> {
        if name.trim().is_empty() {
            return Err(Refusal::unprocessable("filename can't be blank"));
        }
        if !self.habits.normalise_names {
            return Ok(name.to_owned());
        }
        let odd = |c: char| matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\\' | '/');
        Ok(name.trim().chars().map(|c| if odd(c) { '_' } else { c }).collect())
    }
}
