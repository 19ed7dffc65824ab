//! The directories of a mirror, in memory: few beside the files, and every path is derived from them.

use damsync_model::id::{FolderId, StorageFolderId};
use damsync_model::name::{FileName, Folding, Level, NameKey, candidates_for_folder};
use damsync_model::path::MirrorPath;
use damsync_model::tree::Place;
use damsync_store::FolderRow;
use std::collections::BTreeMap;

/// As many of its possible names as a folder can reasonably need.
const FEW_NAMES: usize = 8;

/// Every directory of one mirror. The store has the same rows; whoever changes one changes the other.
#[derive(Clone, Debug)]
pub struct Folders {
    rows: BTreeMap<FolderId, FolderRow>,
    root: FolderId,
    folding: Folding,
    by_remote: BTreeMap<StorageFolderId, FolderId>,
    by_local: BTreeMap<(FolderId, NameKey), FolderId>,
    by_given: BTreeMap<(FolderId, NameKey), FolderId>,
}

impl Folders {
    /// Takes the store's rows. The root is the row without a parent that is here or there; it was made first.
    pub fn new(rows: Vec<FolderRow>, root: FolderId, folding: Folding) -> Self {
        let mut folders = Self {
            rows: BTreeMap::new(),
            root,
            folding,
            by_remote: BTreeMap::new(),
            by_local: BTreeMap::new(),
            by_given: BTreeMap::new(),
        };
        for row in rows {
            folders.put(row);
        }
        folders
    }

    /// The mirror's root.
    pub const fn root(&self) -> FolderId {
        self.root
    }

    /// How names compare.
    pub const fn folding(&self) -> Folding {
        self.folding
    }

    /// A row.
    pub fn get(&self, id: FolderId) -> Option<&FolderRow> {
        self.rows.get(&id)
    }

    /// Every row, in the order in which they were met: a directory after the one that holds it, unless it was moved.
    pub fn iter(&self) -> impl Iterator<Item = &FolderRow> {
        self.rows.values()
    }

    /// Puts a row in place of an earlier one.
    pub fn put(&mut self, row: FolderRow) {
        self.remove(row.id);
        if let Some(id) = row.remote.as_ref().and_then(|remote| remote.id.clone()) {
            self.by_remote.insert(id, row.id);
        }
        if let Some(key) = self.local_key(&row) {
            self.by_local.insert(key, row.id);
        }
        if let Some(key) = self.given_key(&row) {
            self.by_given.insert(key, row.id);
        }
        self.rows.insert(row.id, row);
    }

    /// Takes a row out.
    pub fn remove(&mut self, id: FolderId) {
        let Some(old) = self.rows.remove(&id) else { return };
        if let Some(remote) = old.remote.as_ref().and_then(|remote| remote.id.as_ref()) {
            remove_if_of(&mut self.by_remote, remote, id);
        }
        if let Some(key) = self.local_key(&old) {
            remove_if_of(&mut self.by_local, &key, id);
        }
        if let Some(key) = self.given_key(&old) {
            remove_if_of(&mut self.by_given, &key, id);
        }
    }

    fn local_key(&self, row: &FolderRow) -> Option<(FolderId, NameKey)> {
        let local = row.local.as_ref()?;
        Some((local.parent?, NameKey::of(&local.name, self.folding)))
    }

    fn given_key(&self, row: &FolderRow) -> Option<(FolderId, NameKey)> {
        let remote = row.remote.as_ref()?;
        Some((remote.parent?, NameKey::of(&remote.given_name, self.folding)))
    }

    /// The directory that stands for a storage folder.
    pub fn of_remote(&self, id: &StorageFolderId) -> Option<FolderId> {
        self.by_remote.get(id).copied()
    }

    /// The directory with this name, here.
    pub fn local_child(&self, parent: FolderId, key: &NameKey) -> Option<FolderId> {
        self.by_local.get(&(parent, key.clone())).copied()
    }

    /// The directories directly in `parent`, here.
    pub fn local_children(&self, parent: FolderId) -> Vec<FolderId> {
        children(&self.by_local, parent)
    }

    /// The storage folders directly in `parent`, there.
    pub fn remote_children(&self, parent: FolderId) -> Vec<FolderId> {
        children(&self.by_given, parent)
    }

    /// The directory whose storage folder was given this name under `parent`.
    pub fn remote_child_named(&self, parent: FolderId, key: &NameKey) -> Option<FolderId> {
        self.by_given.get(&(parent, key.clone())).copied()
    }

    /// The best name in `parent` for a storage folder's directory. It is the name of no other storage folder, nor of its
    /// directory: of two rows, each would take the directory for its own.
    pub fn name_for(&self, parent: FolderId, name: &str, id: &StorageFolderId) -> Option<FileName> {
        let own = self.of_remote(id);
        let is_anothers = |key: &NameKey| {
            let here =
                self.local_child(parent, key).filter(|row| self.get(*row).is_some_and(|row| row.remote.is_some()));
            [here, self.remote_child_named(parent, key)].into_iter().flatten().any(|row| Some(row) != own)
        };
        self.names_for(parent, name, id).find(|(_, key)| !is_anothers(key)).map(|(name, _)| name)
    }

    /// The storage folder without a directory of which this name carries the mark, where no other has the name.
    pub fn marked_child(&self, parent: FolderId, name: &FileName) -> Option<&FolderRow> {
        let key = NameKey::of(name.as_str(), self.folding);
        if !name.as_str().contains('~') || self.takes(parent, &key) {
            return None;
        }
        let is_marked = |row: &&FolderRow| {
            let Some(remote) = row.remote.as_ref().filter(|_| row.local.is_none() && !row.agreed) else { return false };
            let Some(id) = &remote.id else { return false };
            self.names_for(parent, &remote.name, id).take(FEW_NAMES).any(|(_, other)| other == key)
        };
        self.remote_children(parent).into_iter().filter_map(|id| self.get(id)).find(is_marked)
    }

    /// A storage folder with this plain name that no directory stands for, where no other folder has the name. What it was
    /// given instead must not be a directory's name, as `is_here` tells.
    pub fn double_without_directory(
        &self,
        parent: FolderId,
        name: &FileName,
        mut is_here: impl FnMut(&NameKey) -> bool,
    ) -> Option<&FolderRow> {
        let key = NameKey::of(name.as_str(), self.folding);
        if self.takes(parent, &key) {
            return None;
        }
        let is_double = |row: &&FolderRow| {
            let Some(remote) = row.remote.as_ref().filter(|_| row.local.is_none() && !row.agreed) else { return false };
            let Some(id) = &remote.id else { return false };
            let plain = self.names_for(parent, &remote.name, id).next();
            plain.is_some_and(|(_, plain)| plain == key) && !is_here(&NameKey::of(&remote.given_name, self.folding))
        };
        self.remote_children(parent).into_iter().filter_map(|id| self.get(id)).find(is_double)
    }

    /// Names for a storage folder's directory that no directory and no storage folder has, its own name included; best
    /// first.
    pub fn other_names_for(&self, parent: FolderId, name: &str, id: &StorageFolderId) -> Vec<FileName> {
        let free = self.names_for(parent, name, id).filter(|(_, key)| !self.takes(parent, key));
        free.map(|(name, _)| name).take(FEW_NAMES).collect()
    }

    fn names_for(
        &self,
        parent: FolderId,
        name: &str,
        id: &StorageFolderId,
    ) -> impl Iterator<Item = (FileName, NameKey)> {
        let folding = self.folding;
        candidates_for_folder(name, id, self.level(parent)).map(move |name| {
            let key = NameKey::of(name.as_str(), folding);
            (name, key)
        })
    }

    /// Whether a directory or storage folder in `parent` has this name: assets may not take it.
    pub fn takes(&self, parent: FolderId, key: &NameKey) -> bool {
        self.local_child(parent, key).is_some() || self.remote_child_named(parent, key).is_some()
    }

    /// Where a directory stands, or will stand, here. `None` for one whose parents are not known.
    pub fn path(&self, id: FolderId) -> Option<MirrorPath> {
        let mut names = Vec::new();
        let mut at = id;
        while at != self.root {
            let row = self.rows.get(&at)?;
            let (parent, name) = match (&row.local, &row.remote) {
                (Some(local), _) => (local.parent?, &local.name),
                (None, Some(remote)) => (remote.parent?, &remote.given_name),
                (None, None) => return None,
            };
            names.push(FileName::new(name)?);
            at = parent;
            // A ring of parents cannot come from one tree; two halves of a move could make one.
            if names.len() > self.rows.len() {
                return None;
            }
        }
        Some(names.iter().rev().fold(MirrorPath::ROOT, |path, name| path.join(name)))
    }

    /// Where a file stands, or will stand.
    pub fn path_of(&self, place: &Place) -> Option<MirrorPath> {
        Some(self.path(place.folder)?.join(&place.name))
    }

    /// Why nothing can be said of a directory here: its own reason, or that of one above it.
    pub fn local_unknown(&self, id: FolderId) -> Option<String> {
        let mut at = Some(id);
        let mut steps = 0;
        while let Some(id) = at {
            let row = self.rows.get(&id)?;
            if let Some(why) = &row.local_unknown {
                return Some(why.clone());
            }
            steps += 1;
            at = match (&row.local, &row.remote) {
                (Some(local), _) => local.parent,
                (None, Some(remote)) => remote.parent,
                (None, None) => None,
            };
            if steps > self.rows.len() {
                return Some("its directories run in a ring".to_owned());
            }
        }
        None
    }

    /// A directory and every one above it.
    pub fn with_those_above(&self, id: FolderId) -> Vec<FolderId> {
        let mut all = Vec::new();
        let mut at = Some(id);
        while let Some(id) = at.filter(|id| *id != self.root && !all.contains(id)) {
            all.push(id);
            at = self.rows.get(&id).and_then(|row| match (&row.local, &row.remote) {
                (Some(local), _) => local.parent,
                (None, Some(remote)) => remote.parent,
                (None, None) => None,
            });
        }
        all
    }

    /// How many directories lie above it, here.
    pub fn depth(&self, id: FolderId) -> usize {
        self.path(id).map_or(usize::MAX, |path| path.names().count())
    }

    /// Which rules for names hold in this directory.
    pub fn level(&self, id: FolderId) -> Level {
        if id == self.root { Level::Root } else { Level::Below }
    }
}

fn remove_if_of<K: Ord>(index: &mut BTreeMap<K, FolderId>, key: &K, id: FolderId) {
    if index.get(key) == Some(&id) {
        index.remove(key);
    }
}

fn children(index: &BTreeMap<(FolderId, NameKey), FolderId>, parent: FolderId) -> Vec<FolderId> {
    index
        .range((parent, NameKey::from_stored(""))..)
        .take_while(|((of, _), _)| *of == parent)
        .map(|(_, id)| *id)
        .collect()
}
