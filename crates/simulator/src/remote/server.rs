//! The world, its contents, and the folder that is mirrored.

use crate::ledger::Ledger;
use bytes::Bytes;
use damsync_model::content::Sha256;
use damsync_model::id::StorageFolderId;
use damsync_sandbox::world::asset::{Asset, Content, Place, Version};
use damsync_sandbox::world::folder::FolderId;
use damsync_sandbox::world::user::UserId;
use damsync_sandbox::world::{AssetKey, Snapshot, World, generated};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The server that all daemons share.
#[derive(Debug)]
pub struct Server {
    world: Mutex<World>,
    stored: Mutex<BTreeMap<String, Bytes>>,
    /// The mirrored storage folder.
    pub mirrored: FolderId,
    /// A storage folder outside the mirror.
    pub elsewhere: FolderId,
    clients: Vec<UserId>,
    backup: Mutex<Option<Snapshot>>,
}

impl Server {
    /// Takes a world that has these two folders and users.
    pub const fn new(world: World, mirrored: FolderId, elsewhere: FolderId, clients: Vec<UserId>) -> Self {
        Self {
            world: Mutex::new(world),
            stored: Mutex::new(BTreeMap::new()),
            mirrored,
            elsewhere,
            clients,
            backup: Mutex::new(None),
        }
    }

    /// The world.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The daemons' users.
    pub fn clients(&self) -> Vec<UserId> {
        self.clients.clone()
    }

    fn stored(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a backup; bytes are never lost, so it holds all but them.
    pub fn back_up(&self, world: &World) {
        *self.backup.lock().unwrap_or_else(PoisonError::into_inner) = Some(world.snapshot());
    }

    /// Goes back to the backup, if there is one.
    pub fn roll_back(&self) -> bool {
        let backup = self.backup.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(backup) = backup.as_ref() {
            self.world().restore(backup);
        }
        backup.is_some()
    }

    /// What somebody finds in the backup, if there is one.
    pub fn in_backup<T>(&self, now: i64, look: impl FnOnce(&World) -> T) -> Option<T> {
        let backup = self.backup.lock().unwrap_or_else(PoisonError::into_inner);
        let mut world = self.world().clone();
        world.restore(backup.as_ref()?);
        world.tick(now);
        Some(look(&world))
    }

    /// Stores bytes.
    pub fn keep(&self, data: Bytes) -> Content {
        let mut stored = self.stored();
        let name = format!("c{:06}", stored.len());
        let content =
            Content { size: data.len() as u64, md5: generated::md5_hex(&data), place: Place::Stored(name.clone()) };
        stored.insert(name, data);
        content
    }

    /// A version's bytes, if it has any.
    pub fn bytes(&self, version: &Version) -> Option<Bytes> {
        self.read(version.content.as_ref()?)
    }

    /// The bytes of a content.
    pub fn read(&self, content: &Content) -> Option<Bytes> {
        match &content.place {
            Place::Stored(name) => self.stored().get(name).cloned(),
            Place::Generated(seed) => {
                let mut bytes = vec![0; usize::try_from(content.size).ok()?];
                generated::read(*seed, 0, &mut bytes);
                Some(bytes.into())
            }
        }
    }

    /// The hash of a version's bytes.
    pub fn hash(&self, version: &Version) -> Option<Sha256> {
        self.bytes(version).map(|data| crate::content::content_of(&data).sha256)
    }

    /// What an asset's newest version holds, as far as it has bytes.
    pub fn head_of(&self, asset: i64) -> Option<Sha256> {
        let asset = self.world().any_asset(AssetKey::Id(asset)).map(Arc::clone)?;
        asset.head_version().and_then(|version| self.hash(version))
    }

    /// What the newest version of an asset holds that is in no trash.
    pub fn living_head_of(&self, asset: i64) -> Option<Sha256> {
        let asset = self.world().any_asset(AssetKey::Id(asset)).filter(|asset| asset.alive()).map(Arc::clone)?;
        asset.head_version().and_then(|version| self.hash(version))
    }

    /// What an asset's versions hold.
    pub fn contents_of(&self, asset: &Asset) -> Vec<Sha256> {
        asset.versions.iter().filter_map(|version| self.hash(version)).collect()
    }

    /// What the assets that are in the mirrored folder hold, by their GUIDs.
    pub fn live_inside(&self) -> BTreeMap<String, Vec<Sha256>> {
        let world = self.world();
        let inside = self.folders_inside(&world);
        let live = world.all_assets().filter(|asset| asset.alive() && inside.contains(&asset.folder_id));
        live.map(|asset| (asset.guid.clone(), self.contents_of(asset))).collect()
    }

    /// What every version of every asset holds, in the trash or not.
    pub fn version_contents(&self) -> BTreeSet<Sha256> {
        let assets: Vec<_> = self.world().all_assets().cloned().collect();
        assets.iter().flat_map(|asset| self.contents_of(asset)).collect()
    }

    /// Whether assets went to the trash whose folders, or those where they were last agreed on, were removed as well, or
    /// every folder was removed.
    pub fn lost_folders(&self, agreed: impl Fn(i64) -> Option<StorageFolderId>) -> bool {
        let world = self.world();
        let there: BTreeSet<StorageFolderId> = world.all_folders().map(|folder| folder.id.into()).collect();
        let dead = world.all_assets().filter(|asset| !asset.alive());
        let mut folders = dead.flat_map(|asset| [Some(asset.folder_id.into()), agreed(asset.id)]).flatten();
        self.folders_inside(&world).len() == 1 || folders.any(|folder| !there.contains(&folder))
    }

    /// Versions that were prepared, and whose bytes never came, are nobody's newest any more. Where the head moves to what
    /// is only prepared, and who prepared it was cut off, the asset has no bytes to be had until somebody does so. What a
    /// backup holds prepared was settled long ago by whoever did that: it is nobody's, unless a daemon agreed on it.
    pub fn take_back_unsent(&self, ledger: &mut Ledger, now: i64, is_agreed: impl Fn(i64) -> bool) {
        let mut world = self.world();
        let person = world.owner();
        let unsent = |asset: &&Arc<Asset>| asset.head_version().is_some_and(|version| version.content.is_none());
        let assets: Vec<_> = world.all_assets().filter(|asset| asset.alive()).filter(unsent).cloned().collect();
        for asset in assets {
            let sent = asset.versions.iter().rev().find(|version| version.content.is_some());
            if let Some(version) = sent {
                // An asset that cannot be changed now has nothing that could be asked for either.
                let _ = world.revert(person, AssetKey::Id(asset.id), version.number, now);
                if let Some(content) = self.hash(version) {
                    ledger.head(asset.id, content);
                }
            } else if ledger.ever_rolled_back() && !is_agreed(asset.id) {
                let _ = world.delete_asset(person, AssetKey::Id(asset.id), now);
            }
        }
    }

    /// The mirrored folder and all below it, parents first.
    pub fn folders_inside(&self, world: &World) -> Vec<FolderId> {
        let mut inside = vec![self.mirrored];
        let below = world.all_folders().map(|folder| folder.id);
        inside.extend(below.filter(|id| world.ancestors(*id).contains(&self.mirrored)));
        inside
    }
}
