//! The search index: what search, `all_ids` and windows over times can see.
//!
//! It is fed with every stored state of an asset and shows each of them `index_lag_ms` later. Assets are shared with
//! the database (`Arc`), so an index without lag costs only its sets. Everything is held per folder, so that the
//! assets of a folder are counted without being looked at. The index is rebuilt when the world is loaded: what had
//! not been published yet is then published at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::asset::{Asset, AssetId};
use super::folder::FolderId;
use super::habits::Habits;

/// Ids of one folder.
pub(crate) type IdSet = BTreeSet<AssetId>;

#[derive(Clone, Debug)]
struct Waiting {
    due: i64,
    id: AssetId,
    asset: Option<Arc<Asset>>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    docs: BTreeMap<AssetId, Arc<Asset>>,
    /// What a plain search shows.
    listed: BTreeMap<FolderId, IdSet>,
    /// What is out of the trash and yet not shown by a plain search.
    unlisted: BTreeMap<FolderId, IdSet>,
    by_updated: BTreeSet<(i64, AssetId)>,
    by_created: BTreeSet<(i64, AssetId)>,
    by_upload: BTreeMap<i64, IdSet>,
    waiting: VecDeque<Waiting>,
}

impl Index {
    /// Takes a new state of an asset (`None`: it is gone) and shows it when its time comes.
    pub(crate) fn publish(&mut self, id: AssetId, asset: Option<Arc<Asset>>, now: i64, habits: &Habits) {
        if habits.index_lag_ms <= 0 && self.waiting.is_empty() {
            self.apply(id, asset, habits);
        } else {
            self.waiting.push_back(Waiting { due: now + habits.index_lag_ms.max(0), id, asset });
        }
    }

    /// Shows what is due.
    pub(crate) fn advance(&mut self, now: i64, habits: &Habits) {
        while self.waiting.front().is_some_and(|waiting| waiting.due <= now || habits.index_lag_ms <= 0) {
            if let Some(waiting) = self.waiting.pop_front() {
                self.apply(waiting.id, waiting.asset, habits);
            }
        }
    }

    /// When the next state is due.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.waiting.front().map(|waiting| waiting.due)
    }

    /// Sorts everything anew after a habit changed that decides what is listed.
    pub(crate) fn resort(&mut self, habits: &Habits) {
        let docs = std::mem::take(&mut self.docs);
        let waiting = std::mem::take(&mut self.waiting);
        *self = Self::default();
        for (id, asset) in docs {
            self.apply(id, Some(asset), habits);
        }
        self.waiting = waiting;
    }

    fn apply(&mut self, id: AssetId, asset: Option<Arc<Asset>>, habits: &Habits) {
        if let Some(old) = self.docs.remove(&id) {
            for sets in [&mut self.listed, &mut self.unlisted] {
                take(sets, old.folder_id, id);
            }
            take(&mut self.by_upload, old.upload_id, id);
            self.by_updated.remove(&(old.updated_at, id));
            self.by_created.remove(&(old.created_at, id));
        }
        let Some(asset) = asset.filter(|asset| asset.alive()) else {
            return;
        };
        let sets = if asset.listed(habits) { &mut self.listed } else { &mut self.unlisted };
        sets.entry(asset.folder_id).or_default().insert(id);
        self.by_upload.entry(asset.upload_id).or_default().insert(id);
        self.by_updated.insert((asset.updated_at, id));
        self.by_created.insert((asset.created_at, id));
        self.docs.insert(id, asset);
    }

    /// The state that search shows of an asset.
    pub(crate) fn doc(&self, id: AssetId) -> Option<&Arc<Asset>> {
        self.docs.get(&id)
    }

    /// What a plain search shows of a folder itself.
    pub(crate) fn listed_in(&self, folder: FolderId) -> Option<&IdSet> {
        self.listed.get(&folder)
    }

    /// What only a search by state shows of a folder itself.
    pub(crate) fn unlisted_in(&self, folder: FolderId) -> Option<&IdSet> {
        self.unlisted.get(&folder)
    }

    /// Assets of an upload session.
    pub(crate) fn of_upload(&self, upload: i64) -> impl Iterator<Item = AssetId> + '_ {
        self.by_upload.get(&upload).into_iter().flatten().copied()
    }

    /// Assets whose `updated_at` lies in a window, both ends included.
    pub(crate) fn updated_between(&self, from: i64, to: i64) -> impl Iterator<Item = AssetId> + '_ {
        window(&self.by_updated, from, to)
    }

    /// Assets whose `created_at` lies in a window, both ends included.
    pub(crate) fn created_between(&self, from: i64, to: i64) -> impl Iterator<Item = AssetId> + '_ {
        window(&self.by_created, from, to)
    }
}

fn window(set: &BTreeSet<(i64, AssetId)>, from: i64, to: i64) -> impl Iterator<Item = AssetId> + '_ {
    // An empty window must not reach `range`, which panics on it.
    let to = to.max(from);
    set.range((from, AssetId::MIN)..=(to, AssetId::MAX)).map(|(_, id)| *id)
}

pub(crate) fn take(sets: &mut BTreeMap<i64, IdSet>, key: i64, id: AssetId) {
    if let Some(set) = sets.get_mut(&key) {
        set.remove(&id);
        if set.is_empty() {
            sets.remove(&key);
        }
    }
}
