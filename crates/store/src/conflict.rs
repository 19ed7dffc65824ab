//! Open conflicts: each is open while its copy stands.

use crate::codec::SqlId;
use crate::{StoreError, Tx};
use damsync_model::id::{AssetId, FolderId, MirrorId};
use damsync_model::name::NameKey;
use damsync_model::time::UnixMs;
use rusqlite::params;

/// A conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictRow {
    /// The original's asset.
    pub asset: AssetId,
    /// Where the original stands.
    pub place: (FolderId, NameKey),
    /// Where our copy stands.
    pub copy: (FolderId, NameKey),
    /// When it arose.
    pub opened_at: UnixMs,
}

impl Tx<'_> {
    /// Writes a conflict down.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn put_conflict(&self, mirror: MirrorId, row: &ConflictRow) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO conflict(mirror, copy_folder, copy_key, asset, folder, key, opened_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        statement.execute(params![
            mirror.0,
            row.copy.0.0,
            row.copy.1.as_str(),
            SqlId::from(&row.asset),
            row.place.0.0,
            row.place.1.as_str(),
            row.opened_at.0,
        ])?;
        Ok(())
    }

    /// The open conflicts, oldest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn conflicts(&self, mirror: MirrorId) -> Result<Vec<ConflictRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT asset, folder, key, copy_folder, copy_key, opened_at FROM conflict WHERE mirror = ?1
             ORDER BY opened_at, copy_folder, copy_key",
        )?;
        let rows = statement.query_map([mirror.0], |row| {
            Ok(ConflictRow {
                asset: AssetId(row.get::<_, SqlId>(0)?.0),
                place: (FolderId(row.get(1)?), NameKey::from_stored(&row.get::<_, String>(2)?)),
                copy: (FolderId(row.get(3)?), NameKey::from_stored(&row.get::<_, String>(4)?)),
                opened_at: UnixMs(row.get(5)?),
            })
        })?;
        rows.map(|row| row.map_err(StoreError::from)).collect()
    }

    /// Ends the conflicts whose copy no longer stands.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn close_conflicts_without_copy(&self, mirror: MirrorId) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "DELETE FROM conflict WHERE mirror = ?1
                   AND NOT EXISTS (SELECT 1 FROM file WHERE file.folder = copy_folder AND file.key = copy_key)",
            )?
            .execute([mirror.0])?;
        Ok(())
    }
}
