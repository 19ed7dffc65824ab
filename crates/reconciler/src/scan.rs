//! The local tree: every directory is listed and merged, in key order, with its rows. Only differences are written.
//!
//! A directory that could not be listed, and everything below it, is *not known*: its rows stay as they are and nothing
//! may be concluded from them.

use crate::gather_folders::empty_row;
use crate::hooks::Step;
use crate::pass::{Pass, PassError};
use crate::report::SkippedItem;
use crate::request::{LookAt, Reach};
use damsync_model::id::{FolderId, MirrorId};
use damsync_model::mutation::Mutation;
use damsync_model::name::{FileName, Folding, NameKey, is_nfc, key_text};
use damsync_model::path::MirrorPath;
use damsync_ports::{DirListing, Entry, EntryKind, LocalError, LocalSide, RemoteSide};
use damsync_store::{FileRow, FolderRow, LocalDir, RemoteDir, Shown, StoreError, Tx};
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use std::borrow::Cow;
use std::cell::LazyCell;
use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};

/// Directories that are listed beside each other.
const TOGETHER: usize = 8;

/// Why a file that the ignore rules cover is not known.
pub(crate) const IGNORED: &str = "the ignore rules leave it out";

/// What one directory's listing held besides regular files.
#[derive(Debug, Default)]
struct Merged {
    directories: Vec<(FileName, u64, i64)>,
    /// Names that are directories' names in the store and something else now: why nothing can be said.
    not_directories: Vec<(NameKey, String)>,
    skipped: Vec<(String, String)>,
    files: u64,
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Walks these directories and everything below them.
    pub(crate) async fn scan(&self, from: Vec<MirrorPath>) -> Result<(), PassError> {
        let mut queue = VecDeque::new();
        for path in from {
            match self.folder_at(&path) {
                Some(folder) => queue.push_back((folder, path)),
                // Not known yet: the directory above it will show it.
                None => queue.extend(self.known_above(&path)),
            }
        }
        let mut scanned = 0;
        // The next directories are listed while this one is merged. They are merged in the order of the queue.
        let mut listings = FuturesOrdered::new();
        loop {
            while listings.len() < TOGETHER
                && let Some((folder, path)) = queue.pop_front()
            {
                listings.push_back(async move {
                    let listing = self.engine.disk.list(&path).await;
                    (folder, path, listing)
                });
            }
            let Some((folder, path, listing)) = listings.next().await else { break };
            self.check_stop()?;
            match listing {
                Ok(listing) => {
                    let (files, below) = self.merge_directory(folder, &path, listing).await?;
                    scanned += files;
                    queue.extend(below);
                }
                Err(LocalError::RootLost) => return Err(LocalError::RootLost.into()),
                // Gone between its parent's listing and now: the next pass sees that.
                Err(LocalError::Missing { .. }) if !path.is_root() => {}
                Err(error) if path.is_root() => return Err(error.into()),
                Err(_) if Mutation::UnreadableIsEmpty.is_on() => {
                    self.merge_directory(folder, &path, DirListing::new()).await?;
                }
                Err(error) => self.directory_unknown(folder, &path, error.to_string()).await?,
            }
            self.step(Step::Scanned(scanned));
        }
        Ok(())
    }

    /// Looks where the watcher saw something.
    pub(crate) async fn scan_at(&self, places: &[LookAt]) -> Result<(), PassError> {
        let mut below = Vec::new();
        for place in places {
            match (place.reach, self.folder_at(&place.path)) {
                (Reach::Itself, Some(folder)) => self.scan_one(folder).await?,
                _ => below.push(place.path.clone()),
            }
        }
        self.scan(below).await
    }

    fn folder_at(&self, path: &MirrorPath) -> Option<FolderId> {
        let folders = self.folders();
        path.names().try_fold(folders.root(), |at, name| folders.local_child(at, &NameKey::of(name, folders.folding())))
    }

    fn known_above(&self, path: &MirrorPath) -> Option<(FolderId, MirrorPath)> {
        let above = path.parent()?;
        self.folder_at(&above).map(|folder| (folder, above.clone())).or_else(|| self.known_above(&above))
    }

    /// Lists one directory again, without those below it: after an action, or when the watcher saw something.
    pub(crate) async fn scan_one(&self, folder: FolderId) -> Result<(), PassError> {
        let Some(path) = self.folders().path(folder) else { return Ok(()) };
        match self.engine.disk.list(&path).await {
            Ok(listing) => {
                for (id, path) in self.merge_directory(folder, &path, listing).await?.1 {
                    // One that is new may have been filled before anybody could watch it.
                    if self.is_unlisted(id).await? {
                        Box::pin(self.scan(vec![path])).await?;
                    }
                }
                Ok(())
            }
            Err(LocalError::RootLost) => Err(LocalError::RootLost.into()),
            Err(_) => Ok(()),
        }
    }

    /// A directory of which we know nothing below it.
    async fn is_unlisted(&self, folder: FolderId) -> Result<bool, PassError> {
        let has_files = self.engine.keeper.read(move |tx| tx.has_files(folder)).await?;
        Ok(!has_files && self.folders().local_children(folder).is_empty())
    }

    async fn merge_directory(
        &self,
        folder: FolderId,
        path: &MirrorPath,
        listing: DirListing,
    ) -> Result<(u64, Vec<(FolderId, MirrorPath)>), PassError> {
        let readable_again = self.folders().get(folder).filter(|row| row.local_unknown.is_some()).cloned();
        if let Some(row) = readable_again {
            self.keep_folder(FolderRow { local_unknown: None, ..row }, false).await?;
        }
        let mirror = self.mirror;
        let found = sorted(listing, self.folders().folding());
        let merged = self.engine.keeper.write(move |tx| merge(tx, mirror, folder, found)).await?;
        for (name, reason) in merged.skipped {
            let path = if path.is_root() { name } else { format!("{path}/{name}") };
            self.report().skipped.push(SkippedItem { path, reason });
        }
        let below = self.merge_children(folder, path, merged.directories, &merged.not_directories).await?;
        Ok((merged.files, below))
    }

    /// Compares the directories in a listing with the rows below `folder`.
    async fn merge_children(
        &self,
        folder: FolderId,
        path: &MirrorPath,
        directories: Vec<(FileName, u64, i64)>,
        not_directories: &[(NameKey, String)],
    ) -> Result<Vec<(FolderId, MirrorPath)>, PassError> {
        let folding = self.folders().folding();
        for (name, ..) in &directories {
            self.know_marked_directory(folder, name).await?;
        }
        self.know_plain_directories(folder, &directories).await?;
        let mut here = Vec::with_capacity(directories.len());
        for (name, inode, birth_ns) in directories {
            let key = NameKey::of(name.as_str(), folding);
            let local = LocalDir { parent: Some(folder), name: name.as_str().to_owned(), inode, birth_ns };
            let old = {
                let folders = self.folders();
                // A directory that appears where the server has a folder of that name is that folder.
                let there = || folders.remote_child_named(folder, &key).filter(|id| lacks_local(folders.get(*id)));
                folders.local_child(folder, &key).or_else(there).and_then(|id| folders.get(id)).cloned()
            };
            // Whether it can be read is for its own listing to say.
            let row = FolderRow { local: Some(local), ..old.clone().unwrap_or_else(empty_row) };
            let id = match &old {
                Some(old) if *old == row => old.id,
                _ => self.keep_folder(row, old.is_none()).await?,
            };
            here.push((id, path.join(&name)));
        }
        let gone: Vec<FolderRow> = {
            let folders = self.folders();
            let present: std::collections::BTreeSet<FolderId> = here.iter().map(|(id, _)| *id).collect();
            folders
                .local_children(folder)
                .into_iter()
                .filter(|id| !present.contains(id))
                .filter_map(|id| folders.get(id).cloned())
                .collect()
        };
        for row in gone {
            let key = row.local.as_ref().map(|local| NameKey::of(&local.name, folding));
            match not_directories.iter().find(|(other, _)| Some(other) == key.as_ref()) {
                Some((_, why)) => {
                    let path = self.folders().path(row.id).unwrap_or_default();
                    self.directory_unknown(row.id, &path, why.clone()).await?;
                }
                None => self.directory_gone(row.id).await?,
            }
        }
        Ok(here)
    }

    /// A directory that carries a storage folder's mark is that folder's, from a time that the store does not know of.
    /// Names stay once given, also where the store was lost and the plain name is free by now.
    async fn know_marked_directory(&self, parent: FolderId, name: &FileName) -> Result<(), PassError> {
        let marked = self.folders().marked_child(parent, name).cloned();
        if let Some(FolderRow { remote: Some(remote), .. }) = &marked {
            let remote = RemoteDir { given_name: name.as_str().to_owned(), ..remote.clone() };
            self.keep_folder(FolderRow { remote: Some(remote), ..marked.unwrap_or_else(empty_row) }, false).await?;
        }
        Ok(())
    }

    /// Of storage folders with one name, one has the plain name here. Where the store does not know which any more, it is
    /// one that has no directory by its mark.
    async fn know_plain_directories(
        &self,
        parent: FolderId,
        directories: &[(FileName, u64, i64)],
    ) -> Result<(), PassError> {
        let folding = self.folders().folding();
        // Doubles are rare: for nearly every directory, nobody asks which others are here.
        let keys = LazyCell::new(|| -> BTreeSet<NameKey> {
            directories.iter().map(|(name, ..)| NameKey::of(name.as_str(), folding)).collect()
        });
        for (name, ..) in directories {
            let double = self.folders().double_without_directory(parent, name, |key| keys.contains(key)).cloned();
            if let Some(FolderRow { remote: Some(remote), .. }) = &double {
                let remote = RemoteDir { given_name: name.as_str().to_owned(), ..remote.clone() };
                self.keep_folder(FolderRow { remote: Some(remote), ..double.unwrap_or_else(empty_row) }, false).await?;
            }
        }
        Ok(())
    }

    async fn directory_unknown(&self, folder: FolderId, path: &MirrorPath, why: String) -> Result<(), PassError> {
        self.report().skipped.push(SkippedItem { path: path.to_string(), reason: why.clone() });
        let Some(row) = self.folders().get(folder).cloned() else { return Ok(()) };
        if row.local_unknown.as_ref() != Some(&why) {
            self.keep_folder(FolderRow { local_unknown: Some(why), ..row }, false).await?;
        }
        Ok(())
    }

    /// A directory that its parent's listing no longer has: so is everything below it.
    async fn directory_gone(&self, folder: FolderId) -> Result<(), PassError> {
        let mut all = vec![folder];
        let mut at = 0;
        while at < all.len() {
            all.extend(self.folders().local_children(all[at]));
            at += 1;
        }
        for id in all.into_iter().rev() {
            let mirror = self.mirror;
            self.engine
                .keeper
                .write(move |tx| {
                    for file in tx.files_in(id)? {
                        tx.remove_file(id, &file.key)?;
                        tx.mark_place(mirror, id, &file.key)?;
                    }
                    Ok(())
                })
                .await?;
            let Some(row) = self.folders().get(id).cloned() else { continue };
            self.keep_folder(FolderRow { local: None, local_unknown: None, ..row }, false).await?;
        }
        Ok(())
    }
}

fn lacks_local(row: Option<&FolderRow>) -> bool {
    row.is_some_and(|row| row.local.is_none())
}

/// A name in a listing with what it is compared by.
struct Found {
    entry: Entry,
    /// `None`: the name itself.
    key: Option<Box<str>>,
    /// Another name, before this one, has the same key.
    is_double: bool,
}

impl Found {
    fn of(entry: Entry, folding: Folding) -> Self {
        let key = match key_text(&entry.name, folding) {
            Cow::Borrowed(_) => None,
            Cow::Owned(key) => Some(key.into_boxed_str()),
        };
        Self { entry, key, is_double: false }
    }

    fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.entry.name)
    }

    /// By key; of two names with one key, the one that syncs comes first.
    fn order(&self, other: &Self) -> Ordering {
        let second = |one: &Self| !is_nfc(&one.entry.name);
        self.key()
            .cmp(other.key())
            .then_with(|| second(self).cmp(&second(other)))
            .then_with(|| self.entry.name.cmp(&other.entry.name))
    }
}

/// A listing in key order.
fn sorted(listing: DirListing, folding: Folding) -> Vec<Found> {
    let mut found: Vec<Found> = listing.into_iter().map(|entry| Found::of(entry, folding)).collect();
    found.sort_by(Found::order);
    for at in 1..found.len() {
        found[at].is_double = found[at].key() == found[at - 1].key();
    }
    found
}

/// The regular files among them, as the store is asked about them.
fn files(found: &[Found]) -> impl Iterator<Item = Shown<'_>> {
    found.iter().filter(|found| !found.is_double).filter_map(|found| match &found.entry.kind {
        EntryKind::File { stat, .. } => Some(Shown { key: found.key(), name: &found.entry.name, stat }),
        _ => None,
    })
}

/// Compares a sorted listing with a directory's rows and writes the differences.
fn merge(tx: &Tx<'_>, mirror: MirrorId, folder: FolderId, found: Vec<Found>) -> Result<Merged, StoreError> {
    let mut merged = Merged::default();
    // Nearly every directory is as it was. Then no row need be built.
    let as_before = tx.files_are(folder, files(&found))?;
    let rows = if as_before { Vec::new() } else { tx.files_in(folder)? };
    let mut rows = rows.into_iter().peekable();
    for found in found {
        if found.is_double {
            let why = "another name here differs from it only in its Unicode form or case";
            merged.skipped.push((found.entry.name, why.to_owned()));
            continue;
        }
        if as_before && matches!(found.entry.kind, EntryKind::File { .. }) {
            merged.files += 1;
            continue;
        }
        let key = NameKey::from_stored(found.key());
        let entry = found.entry;
        while let Some(row) = rows.next_if(|row| row.key < key) {
            gone(tx, mirror, folder, &row)?;
        }
        let row = rows.next_if(|row| row.key == key);
        match entry.kind {
            EntryKind::File { stat, .. } => {
                merged.files += 1;
                let is_it = |row: &FileRow| {
                    let trusted =
                        Mutation::TrustInode.is_on() && (row.stat.inode, row.stat.size) == (stat.inode, stat.size);
                    row.stat == stat || trusted
                };
                let same =
                    row.as_ref().is_some_and(|row| is_it(row) && row.unknown.is_none() && row.name == entry.name);
                if !same {
                    let moved_only = row.as_ref().filter(|row| row.stat == stat);
                    let file = FileRow {
                        name: entry.name,
                        stat,
                        content: moved_only.and_then(|row| row.content),
                        racy: moved_only.is_some_and(|row| row.racy),
                        unknown: None,
                        key: key.clone(),
                    };
                    tx.put_file(folder, &file)?;
                    tx.mark_place(mirror, folder, &key)?;
                }
            }
            EntryKind::Directory { inode, birth_ns } => {
                if let Some(row) = row {
                    set_unknown(tx, mirror, folder, row, "a directory has its name now")?;
                }
                if let Some(name) = FileName::new(&entry.name) {
                    merged.directories.push((name, inode, birth_ns));
                }
            }
            EntryKind::Ignored => {
                match row {
                    // What was synced is left alone on both sides; what never was is not ours to know.
                    Some(row) if tx.base_at(folder, &key)?.is_some() => set_unknown(tx, mirror, folder, row, IGNORED)?,
                    Some(row) => gone(tx, mirror, folder, &row)?,
                    None => {}
                }
                merged.not_directories.push((key, IGNORED.to_owned()));
            }
            EntryKind::Other(what) => {
                match row {
                    // The planner reports what was synced (R28); here what never was (R29).
                    Some(row) if tx.base_at(folder, &key)?.is_some() || !tx.assets_at(folder, &key)?.is_empty() => {
                        set_unknown(tx, mirror, folder, row, &what)?;
                    }
                    Some(row) => {
                        gone(tx, mirror, folder, &row)?;
                        merged.skipped.push((entry.name, what.clone()));
                    }
                    None => merged.skipped.push((entry.name, what.clone())),
                }
                merged.not_directories.push((key, what));
            }
        }
    }
    for row in rows {
        gone(tx, mirror, folder, &row)?;
    }
    Ok(merged)
}

fn gone(tx: &Tx<'_>, mirror: MirrorId, folder: FolderId, row: &FileRow) -> Result<(), StoreError> {
    tx.remove_file(folder, &row.key)?;
    tx.mark_place(mirror, folder, &row.key)
}

fn set_unknown(tx: &Tx<'_>, mirror: MirrorId, folder: FolderId, row: FileRow, why: &str) -> Result<(), StoreError> {
    if row.unknown.as_deref() == Some(why) {
        return Ok(());
    }
    let key = row.key.clone();
    tx.put_file(folder, &FileRow { unknown: Some(why.to_owned()), ..row })?;
    tx.mark_place(mirror, folder, &key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use damsync_model::tree::Stat;
    use damsync_store::Store;

    fn file(name: &str, size: u64) -> Entry {
        Entry { name: name.to_owned(), kind: EntryKind::File { stat: Stat { size, ..Stat::default() }, links: 1 } }
    }

    /// How many rows a listing makes the store write, and which names it skips.
    fn merged(store: &mut Store, listing: DirListing) -> (u64, Vec<String>) {
        let before = store.rows_written();
        let found = sorted(listing, Folding::Exact);
        let merged = store.transaction(|tx| merge(tx, MirrorId(1), FolderId(1), found)).unwrap();
        (store.rows_written() - before, merged.skipped.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn an_unchanged_directory_writes_no_row_and_any_difference_writes_its_own() {
        let mut store = Store::temporary().unwrap();
        let names = ["b.jpg", "a.jpg", "Cafe\u{301}.jpg", "東京.jpg", "🎉.jpg", "я.jpg"];
        let listing = || names.iter().map(|name| file(name, 1)).collect::<Vec<_>>();
        let none = (0, Vec::new());
        assert!(merged(&mut store, listing()).0 > 0);
        assert_eq!(merged(&mut store, listing()), none);

        let mut other_order = listing();
        other_order.reverse();
        other_order.push(Entry { name: "sub".to_owned(), kind: EntryKind::Directory { inode: 5, birth_ns: 0 } });
        assert_eq!(merged(&mut store, other_order), none);

        // Each: one row of the file, one that marks it.
        let mut saved = listing();
        saved[0] = file("b.jpg", 2);
        assert_eq!(merged(&mut store, saved), (2, Vec::new()));
        assert_eq!(merged(&mut store, listing()).0, 2);
        let mut fewer = listing();
        fewer.pop();
        assert_eq!(merged(&mut store, fewer), (2, Vec::new()));
        let mut more = listing();
        more.push(file("c.jpg", 1));
        assert_eq!(merged(&mut store, more.clone()).0, 4);
        // The same key in another form: the file was renamed.
        more[2] = file("Caf\u{e9}.jpg", 1);
        assert_eq!(merged(&mut store, more), (2, Vec::new()));
    }

    #[test]
    fn of_two_names_with_one_key_the_composed_one_counts() {
        let mut store = Store::temporary().unwrap();
        let listing = || vec![file("e\u{301}", 1), file("z", 1), file("\u{e9}", 2)];
        let skipped = vec!["e\u{301}".to_owned()];
        assert_eq!(merged(&mut store, listing()).1, skipped);
        assert_eq!(merged(&mut store, listing()), (0, skipped));
        let kept = store.read(|tx| tx.file(FolderId(1), &NameKey::of("\u{e9}", Folding::Exact))).unwrap().unwrap();
        assert_eq!((kept.name.as_str(), kept.stat.size), ("\u{e9}", 2));
    }
}
