//! Three rows become one entity: what the planner decides upon.

use crate::folders::Folders;
use crate::guard::Verdict;
use crate::local_moves::NOT_SETTLED;
use crate::pass::{Pass, PassError};
use crate::scan::IGNORED;
use damsync_model::id::{AssetId, FolderId, MirrorId};
use damsync_model::name::{FileName, NameKey};
use damsync_model::path::MirrorPath;
use damsync_model::tree::{Entity, FolderEntity, FolderState, Local, LocalFile, Place, Remote, RemoteFile, Unknown};
use damsync_ports::{LocalSide, RemoteSide};
use damsync_store::{AssetRow, BaseRow, DirtyKey, FileRow, FolderRow, Presence, StoreError, Tx};

/// The rows of one entity, as the store has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    pub base: Option<BaseRow>,
    pub file: Option<FileRow>,
    pub asset: Option<AssetRow>,
    /// Where the file stands, or would stand.
    pub place: Option<KeyedPlace>,
    /// A move or a placing of it is in the journal still, so nothing is known of where it stands.
    pub is_unsettled: bool,
}

/// A place with the key of its name.
pub(crate) type KeyedPlace = (FolderId, NameKey);

/// Reads the rows of one entity. `None`: the key belongs to another entity by now, which is dirty itself.
pub(crate) fn rows(tx: &Tx<'_>, mirror: MirrorId, key: &DirtyKey) -> Result<Option<Rows>, StoreError> {
    match key {
        DirtyKey::Asset(id) => {
            let asset = tx.asset(mirror, id)?;
            let base = tx.base(mirror, id)?;
            let place = match (&base, &asset) {
                (Some(base), _) => Some((base.base.place.folder, base.key.clone())),
                (None, Some(asset)) if asset.presence == Presence::Live => {
                    asset.folder.map(|folder| (folder, asset.key.clone()))
                }
                _ => None,
            };
            let mut file = match &place {
                Some((folder, key)) => tx.file(*folder, key)?,
                None => None,
            };
            // A file that is another asset's by agreement is not this one's by its name.
            if base.is_none()
                && let (Some((folder, key)), Some(_)) = (&place, &file)
                && tx.base_at(*folder, key)?.is_some()
            {
                file = None;
            }
            let is_unsettled = tx.is_unsettled(mirror, Some(id), place.as_ref().map(|(folder, key)| (*folder, key)))?;
            Ok(Some(Rows { base, file, asset, place, is_unsettled }))
        }
        DirtyKey::File(folder, key) => {
            if tx.base_at(*folder, key)?.is_some() || !tx.assets_at(*folder, key)?.is_empty() {
                return Ok(None);
            }
            let (file, is_unsettled) = (tx.file(*folder, key)?, tx.is_unsettled(mirror, None, Some((*folder, key)))?);
            Ok(Some(Rows { file, place: Some((*folder, key.clone())), is_unsettled, ..Rows::default() }))
        }
    }
}

/// Makes the entity of its rows.
pub(crate) fn entity(rows: &Rows, folders: &Folders, is_ignored: impl Fn(&MirrorPath) -> bool) -> Entity {
    let place = place(rows);
    let folder_unknown = place.as_ref().and_then(|place| folders.local_unknown(place.folder));
    let remote = remote(rows, folders);
    let is_left_out = |place: &Place| folders.path_of(place).is_some_and(|path| is_ignored(&path));
    // What is left out is not looked at. With its directory it is gone for sure, which counts once its asset has a name
    // that is not left out.
    let is_gone = place.as_ref().and_then(|place| folders.get(place.folder)).is_some_and(|row| row.local.is_none())
        && matches!(&remote, Remote::Live(file) if !is_left_out(&file.place));
    let ignored = !is_gone && place.as_ref().is_some_and(is_left_out);
    let local = match (&rows.file, place) {
        _ if rows.is_unsettled => Local::Unknown(Unknown(NOT_SETTLED.to_owned())),
        _ if folder_unknown.is_some() => Local::Unknown(Unknown(folder_unknown.unwrap_or_default())),
        _ if ignored => Local::Unknown(Unknown(IGNORED.to_owned())),
        (Some(FileRow { unknown: Some(why), .. }), _) => Local::Unknown(Unknown(why.clone())),
        (Some(file), Some(place)) => Local::Present(LocalFile { place, stat: file.stat, content: file.content }),
        _ => Local::Absent,
    };
    Entity { base: rows.base.as_ref().map(|row| row.base.clone()), local, remote }
}

/// The place with the name as it is on disk, else as it was agreed, else as it was given.
fn place(rows: &Rows) -> Option<Place> {
    let (folder, key) = rows.place.as_ref()?;
    let name = rows
        .file
        .as_ref()
        .map(|file| file.name.clone())
        .or_else(|| rows.base.as_ref().map(|base| base.base.place.name.as_str().to_owned()))
        .or_else(|| rows.asset.as_ref().map(|asset| asset.given_name.clone()))
        .unwrap_or_else(|| key.as_str().to_owned());
    Some(Place { folder: *folder, name: FileName::new(&name)? })
}

fn remote(rows: &Rows, folders: &Folders) -> Remote {
    let Some(row) = &rows.asset else {
        // An agreement about an asset that the remote tree has no row for: nobody has looked yet.
        return if rows.base.is_some() {
            Remote::Unknown(Unknown("not asked for yet".to_owned()))
        } else {
            Remote::Absent
        };
    };
    match row.presence {
        Presence::Trashed => Remote::Trashed,
        Presence::Gone => Remote::Gone,
        Presence::Outside => Remote::Outside(row.asset.clone()),
        Presence::Unknown => Remote::Unknown(Unknown("the server does not show it".to_owned())),
        Presence::Live => {
            let known = row.folder.filter(|folder| folders.get(*folder).is_some());
            match (known, FileName::new(&row.given_name)) {
                (Some(folder), Some(name)) => {
                    Remote::Live(RemoteFile { asset: row.asset.clone(), place: Place { folder, name } })
                }
                _ => Remote::Unknown(Unknown("its storage folder is not known".to_owned())),
            }
        }
    }
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// What is known of an asset.
    pub(crate) async fn asset_row(&self, id: &AssetId) -> Result<Option<AssetRow>, PassError> {
        let (mirror, id) = (self.mirror, id.clone());
        Ok(self.engine.keeper.read(move |tx| tx.asset(mirror, &id)).await?)
    }

    pub(crate) fn entity(&self, rows: &Rows) -> Entity {
        entity(rows, &self.folders(), |path| self.engine.disk.is_ignored(path, false))
    }

    /// The directories whose states on the two sides differ, each with what the planner must know of it.
    pub(crate) async fn folder_entities(&self, verdict: &Verdict) -> Result<Vec<FolderEntity>, PassError> {
        let differing: Vec<FolderRow> = {
            let folders = self.folders();
            folders
                .iter()
                .filter(|row| row.id != folders.root())
                .filter(|row| {
                    let agree = row.agreed && row.local.is_some() && row.remote.is_some();
                    !agree || row.remote_unknown.is_some()
                })
                .cloned()
                .collect()
        };
        let mut entities = Vec::with_capacity(differing.len());
        for row in differing {
            let (no_local_children, no_remote_children, ignored) = {
                let folders = self.folders();
                (
                    folders.local_children(row.id).is_empty(),
                    folders.remote_children(row.id).is_empty(),
                    folders.path(row.id).is_some_and(|path| self.engine.disk.is_ignored(&path, true)),
                )
            };
            let id = row.id;
            let (has_files, has_assets, has_base) = self
                .engine
                .keeper
                .read(move |tx| Ok((tx.has_files(id)?, tx.has_assets(id)?, tx.has_base_in(id)?)))
                .await?;
            let unknown = self.folders().local_unknown(id).or_else(|| ignored.then(|| IGNORED.to_owned()));
            let local = match (unknown, &row.local) {
                (Some(why), _) => FolderState::Unknown(Unknown(why)),
                (None, Some(_)) => FolderState::Present { empty: no_local_children && !has_files },
                (None, None) => FolderState::Absent,
            };
            let remote = match (&row.remote_unknown, &row.remote) {
                (Some(why), _) => FolderState::Unknown(Unknown(why.clone())),
                (None, Some(_)) => FolderState::Present { empty: no_remote_children && !has_assets },
                (None, None) => FolderState::Absent,
            };
            let needed = if row.local.is_none() { &verdict.needed_here } else { &verdict.needed_there };
            let has_new_files = needed.contains(&id);
            // While files in it are still agreed on, the directory is not forgotten.
            if local == FolderState::Absent && remote == FolderState::Absent && (has_base || has_assets) {
                continue;
            }
            entities.push(FolderEntity { id, agreed: row.agreed, local, remote, has_new_files });
        }
        Ok(entities)
    }
}
