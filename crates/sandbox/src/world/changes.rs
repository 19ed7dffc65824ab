//! What changed since it was last written down, and how a world is put together again from what was written.
//!
//! Only rows are kept: folders, users, grants, assets, uploads, slots, jobs and the root. Sets, the index and timers
//! follow from them. Faults are not kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::asset::{Asset, AssetId, AssetState};
use super::folder::{Folder, FolderId};
use super::job::Job;
use super::prng::Prng;
use super::upload::{Upload, UploadSlot};
use super::user::{Grant, User, UserId};
use super::{Habits, Timer, World};

/// The one row about the world as a whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Root {
    /// The organization's number.
    pub organization_id: i64,
    /// The last number given out.
    pub next_id: i64,
    /// Where randomness stands.
    pub prng: Prng,
    /// How far the world's clock is ahead.
    pub clock_offset_ms: i64,
    /// The first user.
    pub owner: UserId,
    /// The folder of uploads that name no contribution.
    pub direct_folder: Option<FolderId>,
}

/// Which rows changed.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub(super) everything: bool,
    pub(super) root: bool,
    pub(super) assets: BTreeSet<AssetId>,
    pub(super) folders: BTreeSet<FolderId>,
    pub(super) uploads: BTreeSet<i64>,
    pub(super) slots: BTreeSet<String>,
    pub(super) jobs: BTreeSet<String>,
}

impl Changes {
    pub(super) fn everything() -> Self {
        Self { everything: true, root: true, ..Self::default() }
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.everything
            && !self.root
            && self.assets.is_empty()
            && self.folders.is_empty()
            && self.uploads.is_empty()
            && self.slots.is_empty()
            && self.jobs.is_empty()
    }
}

/// Rows to be written, or read: a row's `None` says that it is gone.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Everything that was written before is void.
    pub everything: bool,
    /// The world as a whole, its habits, users and grants.
    pub root: Option<(Root, Habits, Vec<User>, Vec<Grant>)>,
    /// Assets.
    pub assets: Vec<(AssetId, Option<Arc<Asset>>)>,
    /// Folders.
    pub folders: Vec<(FolderId, Option<Folder>)>,
    /// Upload sessions.
    pub uploads: Vec<(i64, Option<Upload>)>,
    /// Places to PUT to.
    pub slots: Vec<(String, Option<UploadSlot>)>,
    /// Background jobs.
    pub jobs: Vec<(String, Option<Job>)>,
}

impl World {
    /// What changed since the last call; empty when nothing did.
    pub fn take_changes(&mut self) -> Option<Kept> {
        if self.changes.is_empty() {
            return None;
        }
        let changes = std::mem::take(&mut self.changes);
        let root = changes.root.then(|| {
            (self.root.clone(), self.habits.clone(), self.users.values().cloned().collect(), self.grants.clone())
        });
        if changes.everything {
            return Some(Kept {
                everything: true,
                root,
                assets: self.assets.iter().map(|(id, asset)| (*id, Some(Arc::clone(asset)))).collect(),
                folders: self.folders.iter().map(|(id, folder)| (*id, Some(folder.clone()))).collect(),
                uploads: self.uploads.iter().map(|(id, upload)| (*id, Some(upload.clone()))).collect(),
                slots: self.slots.iter().map(|(key, slot)| (key.clone(), Some(slot.clone()))).collect(),
                jobs: self.jobs.iter().map(|(guid, job)| (guid.clone(), Some(job.clone()))).collect(),
            });
        }
        Some(Kept {
            everything: false,
            root,
            assets: changes.assets.into_iter().map(|id| (id, self.assets.get(&id).cloned())).collect(),
            folders: changes.folders.into_iter().map(|id| (id, self.folders.get(&id).cloned())).collect(),
            uploads: changes.uploads.into_iter().map(|id| (id, self.uploads.get(&id).cloned())).collect(),
            slots: changes.slots.into_iter().map(|key| (key.clone(), self.slots.get(&key).cloned())).collect(),
            jobs: changes.jobs.into_iter().map(|guid| (guid.clone(), self.jobs.get(&guid).cloned())).collect(),
        })
    }

    /// A world from what was written down; `None` when its root is missing. What was being processed is processed
    /// anew, waiting jobs run when they are due.
    #[must_use]
    pub fn from_kept(kept: Kept, now: i64) -> Option<Self> {
        let (root, habits, users, grants) = kept.root?;
        let mut world = Self::empty(root, habits);
        world.users = users.into_iter().map(|user| (user.id, user)).collect();
        world.grants = grants;
        for folder in kept.folders.into_iter().filter_map(|(_, folder)| folder) {
            world.put_folder(folder);
        }
        for upload in kept.uploads.into_iter().filter_map(|(_, upload)| upload) {
            world.put_upload(upload);
        }
        world.slots = kept.slots.into_iter().filter_map(|(key, slot)| Some((key, slot?))).collect();
        for job in kept.jobs.into_iter().filter_map(|(_, job)| job) {
            if !job.finished {
                world.schedule(job.due_at, Timer::Job(job.guid.clone()));
            }
            world.jobs.insert(job.guid.clone(), job);
        }
        let lag = std::mem::take(&mut world.habits.index_lag_ms);
        for asset in kept.assets.into_iter().filter_map(|(_, asset)| asset) {
            if matches!(asset.state, AssetState::Uploaded | AssetState::Processing) {
                let due = now + world.habits.processing_ms;
                world.schedule(due, Timer::Process { asset: asset.id, step: 1, steps: 1 });
            }
            world.store(Arc::unwrap_or_clone(asset), now);
        }
        world.habits.index_lag_ms = lag;
        world.changes = Changes::default();
        Some(world)
    }
}
