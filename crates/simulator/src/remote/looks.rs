//! What a daemon last saw in each storage folder: its evidence for removing one.

use super::server::Server;
use crate::ledger::Ledger;
use crate::people::hides;
use damsync_sandbox::world::World;
use damsync_sandbox::world::asset::{Asset, AssetState};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// A look and the deletion that follows it lie at most so far apart.
pub(super) const RACE_MS: i64 = 100;

/// A list of all folders and the removal of one that it shows lie at most so far apart.
const LIST_MS: i64 = 2_000 + RACE_MS;

/// When something was looked into, and what was in it.
type Look = (i64, BTreeSet<i64>);

/// The latest looks of a daemon.
#[derive(Debug, Default)]
pub(super) struct Looks {
    inside: Mutex<BTreeMap<i64, Look>>,
    folders: Mutex<Look>,
}

impl Looks {
    /// The daemon is told what is in a folder.
    pub(super) fn saw(&self, folder: i64, assets: &[i64], now: i64) {
        let assets = assets.iter().copied().collect();
        self.inside.lock().unwrap_or_else(PoisonError::into_inner).insert(folder, (now, assets));
    }

    /// The daemon is told which folders there are.
    pub(super) fn listed(&self, folders: impl Iterator<Item = i64>, now: i64) {
        *self.folders.lock().unwrap_or_else(PoisonError::into_inner) = (now, folders.collect());
    }

    /// Whether an asset came into its folder after a look that had just found it elsewhere, or its folder did.
    fn came_since(&self, asset: &Asset, now: i64) -> bool {
        let (at, listed) = &*self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if *at > now - LIST_MS && !listed.contains(&asset.folder_id) {
            return true;
        }
        let looks = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        looks.get(&asset.folder_id).is_some_and(|(at, seen)| *at > now - RACE_MS && !seen.contains(&asset.id))
    }

    /// A folder was removed, with these assets. Nobody can see what comes into it between the last look and that, nor what
    /// is in a folder below it that is hidden: it is in the trash then, and counts as deleted. Anything else must have been
    /// deleted by a person before.
    pub(super) fn removed(&self, within: &Within, server: &Server, ledger: &mut Ledger, now: i64) {
        for asset in &within.seen {
            let content = asset.head_version().and_then(|version| server.hash(version));
            let was_deleted = content.is_none_or(|content| ledger.was_deleted(content));
            if !was_deleted && !self.came_since(asset, now) {
                let (id, name) = (asset.id, &asset.filename);
                ledger.violated(format!(
                    "evidence: asset {id} {name:?} is trashed with its folder, and nobody deleted it"
                ));
            }
        }
        for content in within.seen.iter().chain(&within.hidden).flat_map(|asset| server.contents_of(asset)) {
            ledger.delete(content);
        }
    }
}

/// Every asset that is there in a folder and below it.
pub(super) struct Within {
    seen: Vec<Arc<Asset>>,
    hidden: Vec<Arc<Asset>>,
}

impl Within {
    pub(super) fn of(world: &World, server: &Server, folder: i64) -> Self {
        let within = |of: i64| of == folder || world.ancestors(of).contains(&folder);
        let there =
            |asset: &&Arc<Asset>| asset.alive() && asset.state != AssetState::Pending && within(asset.folder_id);
        let all = world.all_assets().filter(there).map(Arc::clone);
        let (hidden, seen) = all.partition(|asset| hides(world, server, asset.folder_id));
        Self { seen, hidden }
    }
}
