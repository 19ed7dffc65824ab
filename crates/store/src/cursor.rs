//! Cursors: how far each feed was read, and other small facts of a mirror.

use crate::codec::SqlId;
use crate::{StoreError, Tx};
use damsync_model::id::{AssetId, MirrorId};
use damsync_model::time::UnixMs;
use rusqlite::{OptionalExtension, params};

impl Tx<'_> {
    /// A fact by its name.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn cursor(&self, mirror: MirrorId, name: &str) -> Result<Option<i64>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT value FROM cursor WHERE mirror = ?1 AND name = ?2")?;
        Ok(statement.query_row(params![mirror.0, name], |row| row.get(0)).optional()?)
    }

    /// Writes a fact; writes nothing if it stands there already.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn set_cursor(&self, mirror: MirrorId, name: &str, value: i64) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO cursor(mirror, name, value) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
        )?;
        statement.execute(params![mirror.0, name, value])?;
        Ok(())
    }

    /// Forgets a fact.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn remove_cursor(&self, mirror: MirrorId, name: &str) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached("DELETE FROM cursor WHERE mirror = ?1 AND name = ?2")?;
        statement.execute(params![mirror.0, name])?;
        Ok(())
    }

    /// When a hint that lies outside the mirror was last asked for.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn outside_asked_at(&self, mirror: MirrorId, asset: &AssetId) -> Result<Option<UnixMs>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT asked_at FROM outside WHERE mirror = ?1 AND asset = ?2")?;
        let at: Option<i64> =
            statement.query_row(params![mirror.0, SqlId::from(asset)], |row| row.get(0)).optional()?;
        Ok(at.map(UnixMs))
    }

    /// Remembers that a hint lies outside the mirror.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn remember_outside(&self, mirror: MirrorId, asset: &AssetId, at: UnixMs) -> Result<(), StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("INSERT OR REPLACE INTO outside(mirror, asset, asked_at) VALUES (?1, ?2, ?3)")?;
        statement.execute(params![mirror.0, SqlId::from(asset), at.0])?;
        Ok(())
    }
}
