//! What the database knows about assets besides their rows: the sets that answer its questions without a scan.

use std::collections::{BTreeMap, BTreeSet};

use super::asset::{Asset, AssetId};
use super::index::{IdSet, take};

/// Kept in step with the assets by [`Live::add`] and [`Live::remove`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    /// Out of the trash, per folder.
    pub(crate) by_folder: BTreeMap<i64, IdSet>,
    /// Out of the trash, per folder, bytes of what is there.
    pub(crate) folder_bytes: BTreeMap<i64, u64>,
    /// All, per upload session.
    pub(crate) by_upload: BTreeMap<i64, IdSet>,
    /// In the trash.
    pub(crate) trashed: IdSet,
    /// Out of the trash and acknowledged before their last change, per creator.
    pub(crate) stale: BTreeMap<i64, IdSet>,
    /// Out of the trash and never acknowledged, by their last change, per creator.
    pub(crate) never_synced: BTreeMap<i64, BTreeSet<(i64, AssetId)>>,
}

fn bytes(asset: &Asset) -> u64 {
    asset.head_version().and_then(|version| version.content.as_ref()).map_or(0, |content| content.size)
}

impl Live {
    pub(crate) fn add(&mut self, asset: &Asset) {
        let id = asset.id;
        self.by_upload.entry(asset.upload_id).or_default().insert(id);
        if !asset.alive() {
            self.trashed.insert(id);
            return;
        }
        self.by_folder.entry(asset.folder_id).or_default().insert(id);
        *self.folder_bytes.entry(asset.folder_id).or_default() += bytes(asset);
        match asset.last_external_sync_at {
            Some(synced) if synced < asset.updated_at => {
                self.stale.entry(asset.user_id).or_default().insert(id);
            }
            Some(_) => {}
            None => {
                self.never_synced.entry(asset.user_id).or_default().insert((asset.updated_at, id));
            }
        }
    }

    pub(crate) fn remove(&mut self, asset: &Asset) {
        let id = asset.id;
        take(&mut self.by_upload, asset.upload_id, id);
        if !asset.alive() {
            self.trashed.remove(&id);
            return;
        }
        take(&mut self.by_folder, asset.folder_id, id);
        if let Some(sum) = self.folder_bytes.get_mut(&asset.folder_id) {
            *sum = sum.saturating_sub(bytes(asset));
        }
        take(&mut self.stale, asset.user_id, id);
        if let Some(set) = self.never_synced.get_mut(&asset.user_id) {
            set.remove(&(asset.updated_at, id));
        }
    }
}
