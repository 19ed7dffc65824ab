//! What people did: every content they wrote, what they destroyed themselves, and what they deleted.

use damsync_model::content::Sha256;
use std::collections::{BTreeMap, BTreeSet};

/// An asset, and what its versions hold.
pub type Holding = (i64, Vec<Sha256>);

/// The ledger.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// How often a person put this content somewhere; any other content is torn.
    put: BTreeMap<Sha256, u64>,
    /// Contents that must exist somewhere.
    owed: BTreeSet<Sha256>,
    /// Contents of files and assets that a person deleted or moved out of the mirror.
    deleted: BTreeSet<Sha256>,
    /// Contents that a person took from a disk, by deleting or overwriting.
    taken: BTreeSet<(usize, Sha256)>,
    /// What a path held since it was last deleted: whoever deletes it, deletes all that its asset ever was.
    lineage: BTreeMap<(usize, String), Vec<Sha256>>,
    /// Assets that people moved.
    moved: BTreeSet<i64>,
    /// Assets that people moved out of the mirror.
    moved_out: BTreeSet<i64>,
    /// Folders were hidden at some time.
    hid: bool,
    /// A daemon joined both sides anew.
    joined_anew: bool,
    /// The server went back in time.
    rolled_back: bool,
    /// What assets held that the roll-backs took away.
    rolled_away: BTreeSet<Sha256>,
    /// When what was hidden could be seen again: those assets, with what they hold.
    unhidden: Vec<(i64, Vec<Holding>)>,
    /// Which assets each daemon was told of, and its latest `updated_at` since the daemon joined both sides.
    shown: BTreeMap<(usize, i64), Option<i64>>,
    /// Assets that a daemon was told are not there, although they live: without a file here it need not know them any more.
    lost_sight: BTreeSet<(usize, i64)>,
    /// Daemons that were shown an asset in the trash.
    saw_trash: BTreeSet<usize>,
    /// How many unknown assets in the trash were already taken for others that vanished, by each daemon.
    mistaken: BTreeMap<usize, usize>,
    /// What each asset's newest version held, one after another.
    heads: BTreeMap<i64, Vec<Sha256>>,
    /// How far in that each daemon's disk has come, at least.
    come_to: BTreeMap<(usize, i64), usize>,
    /// Directories that a person removed.
    removed_dirs: BTreeSet<(usize, String)>,
    /// What must never have happened, and did.
    violations: Vec<String>,
}

impl Ledger {
    /// A person put this content on a disk or on the server.
    pub fn put(&mut self, content: Sha256) {
        *self.put.entry(content).or_default() += 1;
        self.owed.insert(content);
    }

    /// Whether a person ever wrote just these bytes.
    pub fn knows(&self, content: Sha256) -> bool {
        self.put.contains_key(&content)
    }

    /// How often a person put it somewhere.
    pub fn puts(&self, content: Sha256) -> u64 {
        self.put.get(&content).copied().unwrap_or(0)
    }

    /// A person deleted a file or an asset that held this.
    pub fn delete(&mut self, content: Sha256) {
        self.deleted.insert(content);
    }

    /// A person removed what stood in the place of files: those count as deleted now.
    pub fn delete_all_taken(&mut self, disk: usize) {
        let taken = self.taken.iter().filter(|(of, _)| *of == disk).map(|(_, content)| *content);
        self.deleted.extend(taken);
    }

    /// A path's content gives way to another one.
    pub fn replace(&mut self, disk: usize, path: &str, content: Sha256) {
        self.lineage.entry((disk, path.to_owned())).or_default().push(content);
    }

    /// A daemon moves a file: what its path held goes with it.
    pub fn move_path(&mut self, disk: usize, from: &str, to: &str) {
        let held = self.lineage.remove(&(disk, from.to_owned())).unwrap_or_default();
        self.lineage.insert((disk, to.to_owned()), held);
    }

    /// A path is deleted.
    pub fn delete_path(&mut self, disk: usize, path: &str) {
        self.deleted.extend(self.lineage.remove(&(disk, path.to_owned())).unwrap_or_default());
    }

    /// Whether a person deleted something that held this.
    pub fn was_deleted(&self, content: Sha256) -> bool {
        self.deleted.contains(&content)
    }

    /// A person took this content from a disk; `elsewhere` says whether it still exists.
    pub fn take(&mut self, disk: usize, content: Sha256, elsewhere: bool) {
        self.taken.insert((disk, content));
        if !elsewhere {
            self.owed.remove(&content);
        }
    }

    /// Whether a person took this content from that disk.
    pub fn was_taken(&self, disk: usize, content: Sha256) -> bool {
        self.taken.contains(&(disk, content))
    }

    /// A person hid a folder.
    pub fn hide(&mut self) {
        self.hid = true;
    }

    /// Folders that were hidden can be seen again; these assets are in them.
    pub fn unhide(&mut self, now: i64, hidden: Vec<Holding>) {
        self.unhidden.push((now, hidden));
    }

    /// Assets, with what they hold, that were hidden until some time after this.
    pub fn hidden_after(&self, since: i64) -> Vec<Holding> {
        self.unhidden.iter().filter(|(at, _)| *at >= since).flat_map(|(_, hidden)| hidden.clone()).collect()
    }

    /// The server went back to a backup; this is what exists now, and what assets of the mirror held that it has no more.
    pub fn roll_back(&mut self, existing: &BTreeSet<Sha256>, away: impl IntoIterator<Item = Sha256>) {
        self.rolled_back = true;
        self.heads.clear();
        self.come_to.clear();
        self.rolled_away.extend(away);
        self.owed.retain(|content| existing.contains(content));
    }

    /// An asset's newest version holds this.
    pub fn head(&mut self, asset: i64, content: Sha256) {
        let heads = self.heads.entry(asset).or_default();
        if heads.last() != Some(&content) {
            heads.push(content);
        }
    }

    /// A daemon sent an asset's newest version.
    pub fn sent_head(&mut self, daemon: usize, asset: i64) {
        let newest = self.heads.get(&asset).map_or(0, |heads| heads.len().saturating_sub(1));
        self.come_to.insert((daemon, asset), newest);
    }

    /// A daemon puts an asset's bytes under their name, while this is what its newest version holds. Whether they are not
    /// older than what the daemon had before.
    pub fn goes_forward(&mut self, daemon: usize, asset: i64, content: Sha256, newest: Option<Sha256>) -> bool {
        let heads = match self.heads.get(&asset) {
            Some(heads) => heads.clone(),
            None => newest.into_iter().collect(),
        };
        let from = self.come_to.get(&(daemon, asset)).copied().unwrap_or(0);
        let at = heads.iter().enumerate().skip(from).find(|(_, head)| **head == content).map(|(at, _)| at);
        if let Some(at) = at {
            self.come_to.insert((daemon, asset), at);
        }
        // A server that went back shows older ones.
        at.is_some() || self.rolled_back
    }

    /// A person removes a directory.
    pub fn remove_dir(&mut self, disk: usize, path: &str) {
        self.removed_dirs.insert((disk, path.to_owned()));
    }

    /// Whether a person ever removed that directory. Its folder may have got a name for doubles since.
    pub fn was_dir_removed(&self, disk: usize, path: &str) -> bool {
        let plain = |name: &'_ str| name.split_once('~').map_or(name, |(plain, _)| plain).to_owned();
        let plain: Vec<String> = path.split('/').map(plain).collect();
        [path.to_owned(), plain.join("/")].into_iter().any(|path| self.removed_dirs.contains(&(disk, path)))
    }

    /// Whether an asset that held this was taken away by a roll-back.
    pub fn was_rolled_away(&self, content: Sha256) -> bool {
        self.rolled_away.contains(&content)
    }

    /// Whether the server ever went back in time.
    pub fn ever_rolled_back(&self) -> bool {
        self.rolled_back
    }

    /// A daemon is told of an asset.
    pub fn show(&mut self, daemon: usize, asset: i64, updated_at: i64) {
        let latest = self.shown.entry((daemon, asset)).or_default();
        *latest = (*latest).max(Some(updated_at));
        self.lost_sight.remove(&(daemon, asset));
    }

    /// A daemon that has no file of an asset is told that it is not there, although it lives.
    pub fn lose_sight(&mut self, daemon: usize, asset: i64) {
        self.lost_sight.insert((daemon, asset));
    }

    /// A daemon joins both sides anew: it does not know any more how new anything was.
    pub fn forget_times(&mut self, daemon: usize) {
        self.shown.iter_mut().filter(|((of, _), _)| *of == daemon).for_each(|(_, latest)| *latest = None);
        self.come_to.retain(|(of, _), _| *of != daemon);
        self.joined_anew = true;
    }

    /// Whether any daemon ever joined both sides anew.
    pub fn ever_joined_anew(&self) -> bool {
        self.joined_anew
    }

    /// The latest `updated_at` of an asset that a daemon was told.
    pub fn latest_shown(&self, daemon: usize, asset: i64) -> Option<i64> {
        self.shown.get(&(daemon, asset)).copied().flatten()
    }

    /// A daemon is shown an asset in the trash: from now on it knows that this server shows them.
    pub fn show_trash(&mut self, daemon: usize) {
        self.saw_trash.insert(daemon);
    }

    /// An asset vanished for a daemon together with its folder. Unless the server is known to show what is in its trash,
    /// one that went there and that the daemon does not know looks the same; each can be mistaken for one other.
    pub fn mistakes(&mut self, daemon: usize, trashed: impl Iterator<Item = i64>) -> bool {
        if self.saw_trash.contains(&daemon) {
            return false;
        }
        let is_unknown = |of: &(usize, i64)| !self.shown.contains_key(of) || self.lost_sight.contains(of);
        let unknown = trashed.filter(|asset| is_unknown(&(daemon, *asset))).count();
        let mistaken = self.mistaken.entry(daemon).or_default();
        *mistaken += 1;
        *mistaken <= unknown
    }

    /// Whether a person ever hid a folder.
    pub fn ever_hid(&self) -> bool {
        self.hid
    }

    /// A person moved this asset.
    pub fn moved(&mut self, asset: i64) {
        self.moved.insert(asset);
    }

    /// A person moved this asset out of the mirror.
    pub fn moved_out(&mut self, asset: i64) {
        self.moved_out.insert(asset);
    }

    /// Whether a person ever moved this asset out of the mirror.
    pub fn was_moved_out(&self, asset: i64) -> bool {
        self.moved_out.contains(&asset)
    }

    /// Whether a person ever moved this asset.
    pub fn was_moved(&self, asset: i64) -> bool {
        self.moved.contains(&asset)
    }

    /// What must exist.
    pub fn owed(&self) -> &BTreeSet<Sha256> {
        &self.owed
    }

    /// Something happened that must not.
    pub fn violated(&mut self, what: String) {
        self.violations.push(what);
    }

    /// What happened that must not.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }
}
