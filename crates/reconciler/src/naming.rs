//! Which local name an asset gets: the best that is free, and then for good.
//!
//! Names are given when an asset is first seen, renamed or moved, and stay once a file stands under them. A conflict copy
//! gets its name here, too.

use crate::folders::Folders;
use crate::pass::{Pass, PassError};
use damsync_model::content::Likeness;
use damsync_model::id::{AssetId, FolderId, MirrorId};
use damsync_model::name::{FileName, NameKey, candidates_for_asset, conflict_copy, is_same_name, last_resort};
use damsync_model::tree::{AssetState, Place, RemoteAsset};
use damsync_ports::{LocalSide, RemoteSide};
use damsync_store::{AssetRow, BaseRow, Presence, StoreError, Tx};
use std::collections::BTreeSet;

/// Names that are tried for a conflict copy.
const COPY_NAMES: u32 = 20;

/// A name that an asset may get, its key, and whether a directory has that name.
pub(crate) type Candidate = (String, NameKey, bool);

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// A file of the user's own took the name that an asset was given before the asset's file could: the asset gets the
    /// next one.
    pub(crate) async fn name_again(&self, id: &AssetId) -> Result<(), PassError> {
        let (mirror, id) = (self.mirror, id.clone());
        let wanted = id.clone();
        let row = self.engine.keeper.read(move |tx| tx.asset(mirror, &wanted)).await?;
        let Some((row, folder)) = row.and_then(|row| row.folder.map(|folder| (row, folder))) else { return Ok(()) };
        let names = names_for(&self.folders(), folder, &row.asset);
        self.engine
            .keeper
            .write(move |tx| {
                let Some(mut row) = tx.asset(mirror, &id)? else { return Ok(()) };
                let (given_name, key) = choose_name(tx, mirror, Some(folder), &id, names, None)?;
                if row.key != key {
                    let old = std::mem::replace(&mut row.key, key);
                    row.given_name = given_name;
                    tx.put_asset(mirror, &row)?;
                    tx.mark_place(mirror, folder, &old)?;
                    tx.mark_asset(mirror, &id)?;
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// Gives the lower of two ids the name that both want, and the other one its next.
    pub(crate) async fn settle_contest(&self, lower: AssetId, holder: AssetId) -> Result<(), PassError> {
        let mirror = self.mirror;
        let (one, other) = (lower.clone(), holder.clone());
        let rows =
            self.engine.keeper.read(move |tx| Ok(tx.asset(mirror, &one)?.zip(tx.asset(mirror, &other)?))).await?;
        let Some((row, other)) = rows else { return Ok(()) };
        let Some(folder) = row.folder else { return Ok(()) };
        let (names, next) = {
            let folders = self.folders();
            (names_for(&folders, folder, &row.asset), names_for(&folders, folder, &other.asset))
        };
        let Some((name, key, _)) = names.into_iter().next() else { return Ok(()) };
        self.engine
            .keeper
            .write(move |tx| {
                let still = contested(tx, mirror, &lower, &key)?.as_ref() == Some(&holder);
                let rows = tx.asset(mirror, &lower)?.zip(tx.asset(mirror, &holder)?);
                let Some((row, other)) = rows.filter(|(row, _)| still && row.folder == Some(folder)) else {
                    return Ok(());
                };
                tx.mark_place(mirror, folder, &row.key)?;
                tx.put_asset(mirror, &AssetRow { given_name: name, key, ..row })?;
                tx.mark_asset(mirror, &lower)?;
                let (given_name, key) = choose_name(tx, mirror, Some(folder), &holder, next, None)?;
                tx.put_asset(mirror, &AssetRow { given_name, key, ..other })?;
                tx.mark_asset(mirror, &holder)
            })
            .await?;
        Ok(())
    }

    /// Where the file system folds case, a file cannot be renamed to another case of its own name: to the kernel both are
    /// the same file already. It goes over the asset's name for doubles, as two ordinary moves, so that a crash between
    /// them leaves nothing that is not known.
    pub(crate) async fn name_halfway(&self, asset: &AssetId, from: &Place) -> Result<(), PassError> {
        let Some((row, folder)) = self.asset_row(asset).await?.and_then(|row| row.folder.map(|folder| (row, folder)))
        else {
            return Ok(());
        };
        let mut names = names_for(&self.folders(), folder, &row.asset);
        let left = self.key(from);
        names.retain(|(_, key, _)| *key != left);
        let (mirror, asset) = (self.mirror, asset.clone());
        self.engine
            .keeper
            .write(move |tx| {
                let Some(row) = tx.asset(mirror, &asset)?.filter(|row| row.folder == Some(folder)) else {
                    return Ok(());
                };
                let (given_name, key) = choose_name(tx, mirror, Some(folder), &asset, names, None)?;
                tx.put_asset(mirror, &AssetRow { given_name, key, ..row })?;
                tx.mark_asset(mirror, &asset)
            })
            .await?;
        Ok(())
    }

    /// The name that a file is on its way to, where this move only leaves another case of it.
    pub(crate) fn name_beyond(&self, row: &AssetRow, from: &Place, to: &Place) -> Option<(String, NameKey)> {
        let (name, key, _) = names_for(&self.folders(), to.folder, &row.asset).swap_remove(0);
        let leaves_it = from.folder == to.folder && self.key(from) == key && self.key(to) != key;
        (leaves_it && from.name.as_str() != name).then_some((name, key))
    }

    /// Names for our file of a conflict, best first.
    pub(crate) fn copy_names(&self, name: &FileName) -> impl Iterator<Item = FileName> {
        let now = self.now();
        (1..=COPY_NAMES).map(move |attempt| conflict_copy(name, now, &self.engine.spec.host, attempt))
    }
}

/// Names for an asset in a directory, best first; whether a directory has that name.
pub(crate) fn names_for(folders: &Folders, folder: FolderId, asset: &RemoteAsset) -> Vec<Candidate> {
    let names = candidates_for_asset(&asset.filename, &asset.guid, folders.level(folder)).into_iter();
    let keyed = names.chain([last_resort(&asset.id)]).map(|name| {
        let key = NameKey::of(name.as_str(), folders.folding());
        let taken = folders.takes(folder, &key);
        (name.as_str().to_owned(), key, taken)
    });
    keyed.collect()
}

/// Whether an asset's file is to leave the place that it still has by agreement.
fn moved_away(row: &AssetRow, folder: FolderId, key: &NameKey) -> bool {
    row.presence == Presence::Live && (row.folder, &row.key) != (Some(folder), key)
}

/// Of a place that another asset's file has by agreement: whether that file is to leave it. `None` where no other has it.
/// Of one that was deleted here nothing happens for as long as its asset waits for a person.
pub(crate) fn is_left_by_another(
    tx: &Tx<'_>,
    mirror: MirrorId,
    asset: &AssetId,
    folder: FolderId,
    key: &NameKey,
) -> Result<Option<bool>, StoreError> {
    let Some(base) = tx.base_at(folder, key)?.filter(|base| base.base.asset != *asset) else { return Ok(None) };
    let Some(row) = tx.asset(mirror, &base.base.asset)?.filter(|row| moved_away(row, folder, key)) else {
        return Ok(Some(false));
    };
    let waits = matches!(row.asset.state, AssetState::AwaitingSubmission | AssetState::AwaitingApproval);
    Ok(Some(!waits || tx.file(folder, key)?.is_some()))
}

/// The asset that has the name that this one wants and must give it up: it has the higher id, came in an earlier answer,
/// and no file stands for either yet. Once one does, names stay.
pub(crate) fn contested(
    tx: &Tx<'_>,
    mirror: MirrorId,
    id: &AssetId,
    best: &NameKey,
) -> Result<Option<AssetId>, StoreError> {
    let Some(row) = tx.asset(mirror, id)?.filter(|row| row.presence == Presence::Live) else { return Ok(None) };
    let Some(folder) = row.folder.filter(|_| row.key != *best) else { return Ok(None) };
    if tx.base(mirror, id)?.is_some() || tx.base_at(folder, best)?.is_some() {
        return Ok(None);
    }
    let holders = tx.assets_at(folder, best)?;
    let [holder] = holders.as_slice() else { return Ok(None) };
    let gives_way = holder.asset.id > *id && tx.base(mirror, &holder.asset.id)?.is_none();
    Ok(gives_way.then(|| holder.asset.id.clone()))
}

/// The name that an asset's file has already. Where the asset is called there, and stands, as it was agreed, that is the
/// agreed one, though it may have been elsewhere meanwhile. Where nothing is agreed, it is one with the asset's own mark,
/// from a time that the store does not know of, or the plain one where a storage folder wants that: names stay once given,
/// also where the plain one is free by now, and a folder that is called like the file here takes another.
pub(crate) fn kept_name(
    tx: &Tx<'_>,
    mirror: MirrorId,
    folder: Option<FolderId>,
    asset: &RemoteAsset,
    names: &[Candidate],
) -> Result<Option<(String, NameKey)>, StoreError> {
    let Some(folder) = folder else { return Ok(None) };
    if !tx.has_files(folder)? {
        return Ok(None);
    }
    if let Some(BaseRow { base, key }) = tx.base(mirror, &asset.id)? {
        let is_as_agreed = is_same_name(&base.remote_filename, &asset.filename)
            && [base.remote_folder, base.place.folder] == [folder; 2];
        return Ok(is_as_agreed.then(|| (base.place.name.as_str().to_owned(), key)));
    }
    let (plain, marked): (Vec<_>, Vec<_>) =
        names.iter().partition(|(_, key, _)| Some(key) == names.first().map(|n| &n.1));
    let unmarked = plain.into_iter().filter(|(_, _, is_directory)| *is_directory);
    for (name, key, _) in marked.into_iter().filter(|(_, _, is_directory)| !is_directory).chain(unmarked) {
        let Some(content) = tx.file(folder, key)?.and_then(|file| file.content) else { continue };
        let is_its = asset.claimed.likeness(&content) != Likeness::Different;
        if is_its && tx.base_at(folder, key)?.is_none() && tx.assets_at(folder, key)?.is_empty() {
            return Ok(Some((name.clone(), key.clone())));
        }
    }
    Ok(None)
}

/// The best name that is free. Given `leaving`, the assets that the same answers show elsewhere, a name is free too when
/// its file is about to leave it.
pub(crate) fn choose_name(
    tx: &Tx<'_>,
    mirror: MirrorId,
    folder: Option<FolderId>,
    id: &AssetId,
    names: Vec<Candidate>,
    leaving: Option<&BTreeSet<AssetId>>,
) -> Result<(String, NameKey), StoreError> {
    let is_leaving = |id: &AssetId| leaving.is_some_and(|leaving| leaving.contains(id));
    let Some(folder) = folder else { return Err(StoreError::Nonsense("a name for an asset without a place")) };
    let base = tx.base(mirror, id)?;
    let mut last = None;
    for (name, key, is_directory) in names {
        // A file that is to move there must not meet another one; only at first contact the two are one.
        let moves = base.as_ref().is_some_and(|base| (base.base.place.folder, &base.key) != (folder, &key));
        let untracked = tx.file(folder, &key)?.is_some() && tx.base_at(folder, &key)?.is_none();
        let free = !is_directory
            && (!moves || !untracked)
            && tx.assets_at(folder, &key)?.iter().all(|other| other.asset.id == *id || is_leaving(&other.asset.id))
            && match tx.base_at(folder, &key)? {
                Some(other) if other.base.asset != *id => {
                    let row = tx.asset(mirror, &other.base.asset)?;
                    is_leaving(&other.base.asset)
                        || leaving.is_some() && row.is_some_and(|row| moved_away(&row, folder, &key))
                }
                _ => true,
            };
        if free {
            return Ok((name, key));
        }
        last = Some((name, key));
    }
    last.ok_or(StoreError::Nonsense("an asset without a name"))
}
