//! Search: an index of assets, not the database.
//!
//! Results come newest number first. The narrowest filter names the candidates, the others are checked on them; a
//! plain search of a folder is neither: its answer is counted from the sets of its folders and read off their ends.

use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

use super::asset::{Asset, AssetId, AssetState};
use super::folder::FolderId;
use super::prng::mix;
use super::user::UserId;
use super::{AssetKey, Refusal, World};

/// A window of times in milliseconds, both ends included.
pub type Window = (Option<i64>, Option<i64>);

/// What is searched for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// In this folder and below.
    pub folder: Option<FolderId>,
    /// Only in the folder itself.
    pub omit_children: bool,
    /// `updated_at`.
    pub updated: Option<Window>,
    /// `created_at`.
    pub created: Option<Window>,
    /// Among these numbers.
    pub ids: Option<Vec<AssetId>>,
    /// Among these GUIDs.
    pub guids: Option<Vec<String>>,
    /// Of this upload session; lifts the filter by state.
    pub upload_id: Option<i64>,
    /// Of this upload session; lifts the filter by state.
    pub upload_guid: Option<String>,
    /// In these states; needs a permission.
    pub states: Option<Vec<AssetState>>,
    /// Made before this moment (ms).
    pub snapshot: Option<i64>,
    /// A part of the file name.
    pub text: Option<String>,
    /// 1, 2, 3…
    pub page: u64,
    /// How many at once.
    pub per_page: u64,
    /// Acknowledge what the page shows.
    pub sync: bool,
}

/// One page of results.
#[derive(Clone, Debug)]
pub struct SearchPage {
    /// How many there are in all.
    pub total: u64,
    /// As the index shows them.
    pub assets: Vec<Arc<Asset>>,
}

enum Candidates {
    /// Sets of folders: every member is a result.
    Whole(Vec<FolderId>),
    /// Results, newest first.
    Found(Vec<AssetId>),
}

impl World {
    /// One page of a search.
    pub fn search(&mut self, user: UserId, query: &SearchQuery, now: i64) -> Result<SearchPage, Refusal> {
        self.tick(now);
        let per_page = query.per_page.clamp(1, 100);
        let first = (query.page.max(1) - 1).saturating_mul(per_page);
        let last = first.saturating_add(per_page);
        if last > self.habits.max_result_window && query.page > 1 {
            let reason = "the result window is too large".to_owned();
            return Err(if self.habits.beyond_window_status == 400 {
                Refusal::BadRequest(reason)
            } else {
                Refusal::Unprocessable(reason)
            });
        }
        let (first, last) = (usize_of(first), usize_of(last));
        let (total, ids) = match self.candidates(user, query)? {
            Candidates::Whole(folders) => {
                let sets: Vec<&BTreeSet<AssetId>> = folders.iter().filter_map(|id| self.index.listed_in(*id)).collect();
                let total: usize = sets.iter().map(|set| set.len()).sum();
                (total, newest(&sets, first, last))
            }
            Candidates::Found(ids) => {
                let total = ids.len();
                (total, ids.get(first.min(total)..last.min(total)).unwrap_or_default().to_vec())
            }
        };
        let mut assets: Vec<Arc<Asset>> = ids.iter().filter_map(|id| self.index.doc(*id).cloned()).collect();
        if query.sync {
            for asset in &mut assets {
                self.acknowledge(asset.id, now);
                Arc::make_mut(asset).last_external_sync_at = Some(now);
            }
        }
        Ok(SearchPage { total: total as u64, assets })
    }

    /// Every number that a search finds, on one page.
    pub fn search_ids(&mut self, user: UserId, query: &SearchQuery, now: i64) -> Result<Vec<AssetId>, Refusal> {
        self.tick(now);
        Ok(match self.candidates(user, query)? {
            Candidates::Whole(folders) => {
                let mut ids: Vec<AssetId> =
                    folders.iter().filter_map(|id| self.index.listed_in(*id)).flatten().copied().collect();
                ids.sort_unstable_by(|a, b| b.cmp(a));
                ids
            }
            Candidates::Found(ids) => ids,
        })
    }

    fn candidates(&self, user: UserId, query: &SearchQuery) -> Result<Candidates, Refusal> {
        let caller = self.user(user)?;
        if query.states.is_some() && !caller.see_states {
            return Err(Refusal::Forbidden("aasm_state"));
        }
        let folders = match query.folder {
            Some(id) => {
                self.seen_folder(user, id)?;
                if query.omit_children { vec![id] } else { self.below(user, Some(id))? }
            }
            None => self.below(user, None)?,
        };
        let reindexing = self.habits.reindexing
            || folders.iter().any(|id| self.folders.get(id).is_some_and(|f| f.reindexing_at.is_some()));
        let narrow = query.ids.is_some()
            || query.guids.is_some()
            || query.upload_id.is_some()
            || query.upload_guid.is_some()
            || query.updated.is_some()
            || query.created.is_some();
        let plain = !narrow && query.states.is_none() && query.snapshot.is_none() && query.text.is_none();
        if plain && !reindexing {
            return Ok(Candidates::Whole(folders));
        }
        let within = (query.folder.is_some() || !caller.hidden_folders.is_empty())
            .then(|| folders.iter().copied().collect::<BTreeSet<_>>());
        let mut ids: Vec<AssetId> = self
            .narrowest(query, &folders)
            .into_iter()
            .filter(|id| self.index.doc(*id).is_some_and(|asset| self.shows(asset, query, within.as_ref())))
            .collect();
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids.dedup();
        Ok(Candidates::Found(ids))
    }

    fn narrowest(&self, query: &SearchQuery, folders: &[FolderId]) -> Vec<AssetId> {
        if let Some(ids) = &query.ids {
            return ids.clone();
        }
        if let Some(guids) = &query.guids {
            return guids.iter().filter_map(|guid| self.find(AssetKey::Guid(guid))).map(|asset| asset.id).collect();
        }
        if let Some(upload) = self.upload_of(query) {
            return self.index.of_upload(upload).collect();
        }
        if let Some((from, to)) = query.updated {
            return self.index.updated_between(from.unwrap_or(0), to.unwrap_or(i64::MAX)).collect();
        }
        if let Some((from, to)) = query.created {
            return self.index.created_between(from.unwrap_or(0), to.unwrap_or(i64::MAX)).collect();
        }
        let listed = folders.iter().filter_map(|id| self.index.listed_in(*id)).flatten();
        if query.states.is_none() {
            return listed.copied().collect();
        }
        listed.chain(folders.iter().filter_map(|id| self.index.unlisted_in(*id)).flatten()).copied().collect()
    }

    /// The upload session asked for; an unknown GUID finds nothing.
    fn upload_of(&self, query: &SearchQuery) -> Option<i64> {
        let by_guid = query.upload_guid.as_ref().map(|guid| self.upload_guids.get(guid).copied().unwrap_or(i64::MIN));
        query.upload_id.or(by_guid)
    }

    fn shows(&self, asset: &Asset, query: &SearchQuery, within: Option<&BTreeSet<FolderId>>) -> bool {
        let in_window = |window: Option<Window>, time: i64| {
            window.is_none_or(|(from, to)| from.is_none_or(|from| from <= time) && to.is_none_or(|to| time <= to))
        };
        let upload = self.upload_of(query);
        let state = match &query.states {
            Some(states) => states.contains(&asset.state),
            None => upload.is_some() || asset.listed(&self.habits),
        };
        let folder_reindexing =
            || self.folders.get(&asset.folder_id).is_some_and(|folder| folder.reindexing_at.is_some());
        state
            && within.is_none_or(|folders| folders.contains(&asset.folder_id))
            && upload.is_none_or(|upload| upload == asset.upload_id)
            && in_window(query.updated, asset.updated_at)
            && in_window(query.created, asset.created_at)
            && query.snapshot.is_none_or(|snapshot| asset.created_at <= snapshot)
            && query.text.as_ref().is_none_or(|text| asset.filename.contains(text.as_str()))
            && !(forgotten(asset.id) && (self.habits.reindexing || folder_reindexing()))
    }
}

/// About half of all numbers: those that an index being rebuilt does not have yet.
fn forgotten(id: AssetId) -> bool {
    mix(id.unsigned_abs()) & 1 == 1
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The members from `first` up to `last` of all sets together, greatest first, without collecting them all.
fn newest(sets: &[&BTreeSet<AssetId>], first: usize, last: usize) -> Vec<AssetId> {
    let mut ends: Vec<_> = sets.iter().map(|set| set.iter().rev()).collect();
    let mut heap: BinaryHeap<(AssetId, usize)> = BinaryHeap::with_capacity(ends.len());
    for (index, end) in ends.iter_mut().enumerate() {
        heap.extend(end.next().map(|id| (*id, index)));
    }
    let mut found = Vec::new();
    let mut seen = 0;
    while let Some((id, index)) = heap.pop().filter(|_| seen < last) {
        if seen >= first {
            found.push(id);
        }
        seen += 1;
        heap.extend(ends[index].next().map(|id| (*id, index)));
    }
    found
}
