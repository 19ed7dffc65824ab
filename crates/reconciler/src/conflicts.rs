//! The open conflicts with both of their sides, as the store knows them: for `conflicts`.

use crate::overview::{folders, name_at};
use damsync_model::id::{AssetId, FolderId, Guid};
use damsync_model::name::NameKey;
use damsync_model::path::MirrorPath;
use damsync_model::time::UnixMs;
use damsync_store::{StoreError, Tx};

/// A conflict that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenConflict {
    /// The original's guid.
    pub guid: Option<Guid>,
    /// When it arose.
    pub opened_at: UnixMs,
    /// What has the name: the server's version.
    pub theirs: ConflictSide,
    /// The copy: what stood here.
    pub mine: ConflictSide,
}

/// One side of a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictSide {
    /// Below the mirror's root.
    pub path: MirrorPath,
    /// Its size and when it was last modified, where it is here.
    pub file: Option<(u64, UnixMs)>,
    /// Its asset, where it has one.
    pub asset: Option<AssetId>,
}

/// The open conflicts of a mirror, oldest first; none of a mirror that the store does not know.
///
/// # Errors
/// What the store says.
pub fn open_conflicts(tx: &Tx<'_>, name: &str) -> Result<Vec<OpenConflict>, StoreError> {
    let Some(mirror) = tx.known_mirror(name)? else { return Ok(Vec::new()) };
    let Some(folders) = folders(tx, mirror.id)? else { return Ok(Vec::new()) };
    let side = |at: &(FolderId, NameKey), asset| -> Result<ConflictSide, StoreError> {
        let file = tx.file(at.0, &at.1)?.map(|row| (row.stat.size, UnixMs(row.stat.mtime_ns / 1_000_000)));
        Ok(ConflictSide { path: name_at(tx, &folders, at)?, file, asset })
    };
    let mut open = Vec::new();
    for row in tx.conflicts(mirror.id)? {
        let copy = tx.base_at(row.copy.0, &row.copy.1)?.map(|base| base.base.asset);
        let (theirs, mine) = (side(&row.place, Some(row.asset.clone()))?, side(&row.copy, copy)?);
        // It is open while its copy stands.
        if mine.file.is_some() {
            let guid = tx.asset(mirror.id, &row.asset)?.map(|found| found.asset.guid);
            open.push(OpenConflict { guid, opened_at: row.opened_at, theirs, mine });
        }
    }
    Ok(open)
}
