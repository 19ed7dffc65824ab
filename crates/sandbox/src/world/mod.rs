//! The DAM as a pure, seeded state machine.
//!
//! - No I/O, no clock, no threads: time comes in as `now_ms`, contents stay outside and are known by key, size and MD5.
//! - Equal seeds, calls and times give equal worlds. Everything is held in ordered maps.
//! - What a person sees as "later" (processing, background jobs, the index) is due at a time and happens at the next
//!   call whose `now_ms` has reached it; every public operation lets time pass first.
//! - A caller is a [`UserId`]; [`World::authenticate`] finds it. Every refusal is a [`Refusal`].
//! - What changed since it was last asked is in [`World::take_changes`], so that a keeper can write it down.
//!
//! Whether a request fails on its way is decided here as well ([`Faults`]), and played by whoever carries requests.

pub mod admin;
pub mod asset;
mod changes;
mod editing;
pub mod fault;
pub mod folder;
mod folders;
pub mod generated;
pub mod habits;
mod index;
pub mod job;
mod jobs;
mod live;
mod people;
mod prng;
mod refusal;
pub mod search;
mod sending;
mod synced;
pub mod upload;
pub mod user;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use changes::{Changes, Kept, Root};
pub use editing::{AssetEdit, TagEdit};
pub use fault::{Fault, FaultBody, Faults, Host, Target, What};
pub use folders::{FolderEdit, NewFolder};
pub use habits::Habits;
pub use prng::Prng;
pub use refusal::Refusal;
pub use search::{SearchPage, SearchQuery};
pub use sending::{NewAsset, NewUpload, NewVersion};
pub use synced::SinceLastSync;

use asset::{Asset, AssetId};
use folder::{Folder, FolderId};
use index::Index;
use job::Job;
use live::Live;
use upload::{Upload, UploadSlot};
use user::{Grant, User, UserId};

/// How an asset is named in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssetKey<'a> {
    /// By its number.
    Id(AssetId),
    /// By its GUID.
    Guid(&'a str),
}

impl<'a> AssetKey<'a> {
    /// A number is an id, anything else a GUID.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        text.parse().map_or(Self::Guid(text), Self::Id)
    }
}

/// What becomes due.
#[derive(Clone, Debug)]
enum Timer {
    Process { asset: AssetId, step: u32, steps: u32 },
    Job(String),
}

/// The whole DAM.
#[derive(Clone, Debug)]
pub struct World {
    root: Root,
    habits: Habits,
    faults: Faults,
    folders: BTreeMap<FolderId, Folder>,
    children: BTreeMap<Option<FolderId>, std::collections::BTreeSet<FolderId>>,
    contributions: BTreeMap<i64, FolderId>,
    users: BTreeMap<UserId, User>,
    grants: Vec<Grant>,
    assets: BTreeMap<AssetId, Arc<Asset>>,
    guids: BTreeMap<u128, AssetId>,
    live: Live,
    index: Index,
    uploads: BTreeMap<i64, Upload>,
    upload_guids: BTreeMap<String, i64>,
    slots: BTreeMap<String, UploadSlot>,
    jobs: BTreeMap<String, Job>,
    timers: BTreeMap<(i64, u64), Timer>,
    timer_count: u64,
    changes: Changes,
}

/// A world set aside, as a backup of a server is.
#[derive(Clone, Debug)]
pub struct Snapshot(Box<World>);

impl World {
    /// A world without folders, with one user who may do everything.
    #[must_use]
    pub fn new(seed: u64, now: i64) -> Self {
        let mut prng = Prng::new(seed);
        let organization_id = i64::try_from(1000 + prng.next_u64() % 9000).unwrap_or(1000);
        let next_id = i64::try_from(1000 + prng.next_u64() % 1000).unwrap_or(1000);
        let root = Root { organization_id, next_id, prng, clock_offset_ms: 0, owner: 0, direct_folder: None };
        let mut world = Self::empty(root, Habits::default());
        world.root.owner = world.add_user("Sandbox", "Owner", now);
        world
    }

    fn empty(root: Root, habits: Habits) -> Self {
        Self {
            root,
            habits,
            faults: Faults::default(),
            folders: BTreeMap::new(),
            children: BTreeMap::new(),
            contributions: BTreeMap::new(),
            users: BTreeMap::new(),
            grants: Vec::new(),
            assets: BTreeMap::new(),
            guids: BTreeMap::new(),
            live: Live::default(),
            index: Index::default(),
            uploads: BTreeMap::new(),
            upload_guids: BTreeMap::new(),
            slots: BTreeMap::new(),
            jobs: BTreeMap::new(),
            timers: BTreeMap::new(),
            timer_count: 0,
            changes: Changes::default(),
        }
    }

    /// The organization's number.
    #[must_use]
    pub fn organization_id(&self) -> i64 {
        self.root.organization_id
    }

    /// The first user.
    #[must_use]
    pub fn owner(&self) -> UserId {
        self.root.owner
    }

    /// The habits in force.
    #[must_use]
    pub fn habits(&self) -> &Habits {
        &self.habits
    }

    /// Other habits from now on.
    pub fn set_habits(&mut self, habits: Habits, now: i64) {
        self.tick(now);
        let resort = habits.unsubmitted_listed != self.habits.unsubmitted_listed;
        self.habits = habits;
        if resort {
            self.index.resort(&self.habits);
        }
        self.index.advance(now, &self.habits);
        self.changes.root = true;
    }

    /// The faults waiting to happen.
    pub fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// The world's time for a real one.
    #[must_use]
    pub fn clock(&self, real_ms: i64) -> i64 {
        real_ms + self.root.clock_offset_ms
    }

    /// How far the world's clock is ahead.
    #[must_use]
    pub fn clock_offset_ms(&self) -> i64 {
        self.root.clock_offset_ms
    }

    /// Sets how far the world's clock is ahead.
    pub fn set_clock_offset_ms(&mut self, offset: i64) {
        self.root.clock_offset_ms = offset;
        self.changes.root = true;
    }

    /// Sets the world aside, as a backup does.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(Box::new(self.clone()))
    }

    /// Goes back to a backup. Habits, faults, clock and the source of randomness stay, so numbers are given out
    /// again, but with other GUIDs.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        let habits = self.habits.clone();
        let faults = std::mem::take(&mut self.faults);
        let (prng, offset) = (self.root.prng.clone(), self.root.clock_offset_ms);
        *self = (*snapshot.0).clone();
        self.habits = habits;
        self.faults = faults;
        self.root.prng = prng;
        self.root.clock_offset_ms = offset;
        self.index.resort(&self.habits);
        self.changes = Changes::everything();
    }

    /// Lets time pass: everything due by `now` happens.
    pub fn tick(&mut self, now: i64) {
        while let Some(entry) = self.timers.first_entry() {
            let due = entry.key().0;
            if due > now {
                break;
            }
            match entry.remove() {
                Timer::Process { asset, step, steps } => self.process_step(asset, step, steps, due),
                Timer::Job(guid) => self.run_job(&guid, due),
            }
        }
        self.index.advance(now, &self.habits);
    }

    /// When something is due next, if anything is.
    #[must_use]
    pub fn next_due(&self) -> Option<i64> {
        let timer = self.timers.keys().next().map(|(due, _)| *due);
        [timer, self.index.next_due()].into_iter().flatten().min()
    }

    fn schedule(&mut self, due: i64, timer: Timer) {
        self.timer_count += 1;
        self.timers.insert((due, self.timer_count), timer);
    }

    fn next_id(&mut self) -> i64 {
        self.root.next_id += 1;
        self.changes.root = true;
        self.root.next_id
    }

    fn user(&self, id: UserId) -> Result<&User, Refusal> {
        self.users.get(&id).filter(|user| !user.revoked).ok_or(Refusal::Unauthorized)
    }

    /// Stores a state of an asset and everything that follows from it.
    fn store(&mut self, asset: Asset, now: i64) -> Arc<Asset> {
        let (id, asset) = (asset.id, Arc::new(asset));
        if let Some(old) = self.assets.insert(id, Arc::clone(&asset)) {
            self.live.remove(&old);
        } else if let Ok(guid) = uuid::Uuid::parse_str(&asset.guid) {
            self.guids.insert(guid.as_u128(), id);
        }
        self.live.add(&asset);
        self.index.publish(id, Some(Arc::clone(&asset)), now, &self.habits);
        self.changes.assets.insert(id);
        asset
    }

    fn find(&self, key: AssetKey<'_>) -> Option<&Arc<Asset>> {
        let id = match key {
            AssetKey::Id(id) => id,
            AssetKey::Guid(guid) => *self.guids.get(&uuid::Uuid::parse_str(guid).ok()?.as_u128())?,
        };
        self.assets.get(&id)
    }

    /// An asset that this user may see, in the trash or not.
    fn seen(&self, user: UserId, key: AssetKey<'_>) -> Result<&Arc<Asset>, Refusal> {
        let user = self.user(user)?;
        let asset = self.find(key).ok_or(Refusal::NotFound("asset"))?;
        if self.visible(user, asset.folder_id) { Ok(asset) } else { Err(Refusal::NotFound("asset")) }
    }

    /// An asset that this user may change: seen, editable, out of the trash.
    fn changeable(&self, user: UserId, key: AssetKey<'_>) -> Result<Asset, Refusal> {
        let asset = self.seen(user, key)?;
        if !asset.alive() {
            return Err(Refusal::NotFound("asset"));
        }
        if !asset.editable {
            return Err(Refusal::Forbidden("this asset may not be edited"));
        }
        Ok((**asset).clone())
    }
}
