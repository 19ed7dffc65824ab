//! What may have to be done: entities whose trees may disagree, and what came of trying.

use crate::codec::{SqlId, to_u64};
use crate::{StoreError, Tx};
use damsync_model::id::{AssetId, FolderId, MirrorId};
use damsync_model::name::NameKey;
use damsync_model::time::UnixMs;
use rusqlite::params;

/// Which entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DirtyKey {
    /// One that has an asset.
    Asset(AssetId),
    /// A local file without one.
    File(FolderId, NameKey),
}

/// Why an entity could not be brought on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The run that tried last.
    pub run: String,
    /// One sentence.
    pub error: String,
    /// How often it was tried.
    pub attempts: u64,
    /// Not before this time.
    pub next_try: UnixMs,
}

/// An entity to be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirtyRow {
    /// Which.
    pub key: DirtyKey,
    /// What came of the last try, if it failed.
    pub failure: Option<Failure>,
}

macro_rules! assets {
    ($condition:literal) => {
        concat!(
            "SELECT asset, NULL, NULL, attempts, next_try, failed_in, error FROM dirty_asset",
            " WHERE ",
            $condition
        )
    };
}

macro_rules! files {
    ($condition:literal) => {
        concat!("SELECT NULL, folder, key, attempts, next_try, failed_in, error FROM dirty_file", " WHERE ", $condition)
    };
}

impl Tx<'_> {
    /// Marks an asset's entity; an earlier failure is forgotten, for something has changed.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn mark_asset(&self, mirror: MirrorId, asset: &AssetId) -> Result<(), StoreError> {
        let mut statement =
            self.connection.prepare_cached("INSERT OR REPLACE INTO dirty_asset(mirror, asset) VALUES (?1, ?2)")?;
        statement.execute(params![mirror.0, SqlId::from(asset)])?;
        Ok(())
    }

    /// Marks the entity that stands at a place: the asset agreed on or given that name, else the file alone.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn mark_place(&self, mirror: MirrorId, folder: FolderId, key: &NameKey) -> Result<(), StoreError> {
        if let Some(row) = self.base_at(folder, key)? {
            return self.mark_asset(mirror, &row.base.asset);
        }
        if let Some(row) = self.assets_at(folder, key)?.into_iter().next() {
            return self.mark_asset(mirror, &row.asset.id);
        }
        let mut statement = self
            .connection
            .prepare_cached("INSERT OR REPLACE INTO dirty_file(mirror, folder, key) VALUES (?1, ?2, ?3)")?;
        statement.execute(params![mirror.0, folder.0, key.as_str()])?;
        Ok(())
    }

    /// The entities to be decided, assets first, each kind in order; those after `after`, at most `limit`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn dirty(&self, mirror: MirrorId, after: Option<&DirtyKey>, limit: u32) -> Result<Vec<DirtyRow>, StoreError> {
        let mut found = match after {
            None => self.dirty_rows(assets!("mirror = ?1 ORDER BY asset LIMIT ?2"), params![mirror.0, limit])?,
            Some(DirtyKey::Asset(after)) => self.dirty_rows(
                assets!("mirror = ?1 AND asset > ?2 ORDER BY asset LIMIT ?3"),
                params![mirror.0, SqlId::from(after), limit],
            )?,
            Some(DirtyKey::File(..)) => Vec::new(),
        };
        if found.is_empty() {
            let (folder, key) = match after {
                Some(DirtyKey::File(folder, key)) => (folder.0, key.as_str()),
                _ => (i64::MIN, ""),
            };
            found = self.dirty_rows(
                files!("mirror = ?1 AND (folder, key) > (?2, ?3) ORDER BY folder, key LIMIT ?4"),
                params![mirror.0, folder, key, limit],
            )?;
        }
        Ok(found)
    }

    /// One entity, if it is dirty.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn dirty_at(&self, mirror: MirrorId, key: &DirtyKey) -> Result<Option<DirtyRow>, StoreError> {
        let found = match key {
            DirtyKey::Asset(asset) => {
                self.dirty_rows(assets!("mirror = ?1 AND asset = ?2"), params![mirror.0, SqlId::from(asset)])?
            }
            DirtyKey::File(folder, key) => self.dirty_rows(
                files!("mirror = ?1 AND folder = ?2 AND key = ?3"),
                params![mirror.0, folder.0, key.as_str()],
            )?,
        };
        Ok(found.into_iter().next())
    }

    /// How many entities are dirty.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn dirty_count(&self, mirror: MirrorId) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT (SELECT count(*) FROM dirty_asset WHERE mirror = ?1) + (SELECT count(*) FROM dirty_file WHERE mirror = ?1)",
        )?;
        Ok(to_u64(statement.query_row([mirror.0], |row| row.get(0))?))
    }

    /// The entity is settled.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn clear_dirty(&self, mirror: MirrorId, key: &DirtyKey) -> Result<(), StoreError> {
        match key {
            DirtyKey::Asset(asset) => self
                .connection
                .prepare_cached("DELETE FROM dirty_asset WHERE mirror = ?1 AND asset = ?2")?
                .execute(params![mirror.0, SqlId::from(asset)])?,
            DirtyKey::File(folder, key) => self
                .connection
                .prepare_cached("DELETE FROM dirty_file WHERE mirror = ?1 AND folder = ?2 AND key = ?3")?
                .execute(params![mirror.0, folder.0, key.as_str()])?,
        };
        Ok(())
    }

    /// Writes down that an entity failed.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn set_failure(
        &self,
        mirror: MirrorId,
        key: &DirtyKey,
        run: &str,
        error: &str,
        next_try: UnixMs,
    ) -> Result<(), StoreError> {
        match key {
            DirtyKey::Asset(asset) => self
                .connection
                .prepare_cached(
                    "UPDATE dirty_asset SET attempts = attempts + 1, failed_in = ?3, error = ?4, next_try = ?5
                     WHERE mirror = ?1 AND asset = ?2",
                )?
                .execute(params![mirror.0, SqlId::from(asset), run, error, next_try.0])?,
            DirtyKey::File(folder, key) => self
                .connection
                .prepare_cached(
                    "UPDATE dirty_file SET attempts = attempts + 1, failed_in = ?4, error = ?5, next_try = ?6
                     WHERE mirror = ?1 AND folder = ?2 AND key = ?3",
                )?
                .execute(params![mirror.0, folder.0, key.as_str(), run, error, next_try.0])?,
        };
        Ok(())
    }

    /// The failures of the files alone in a directory are forgotten, for something about the directory has changed.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn forget_failures_in(&self, mirror: MirrorId, folder: FolderId) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE dirty_file SET attempts = 0, next_try = 0, failed_in = NULL, error = NULL
             WHERE mirror = ?1 AND folder = ?2 AND error IS NOT NULL",
        )?;
        statement.execute(params![mirror.0, folder.0])?;
        Ok(())
    }

    fn dirty_rows(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<DirtyRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(values)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let key = match row.get::<_, Option<SqlId>>(0)? {
                Some(asset) => DirtyKey::Asset(AssetId(asset.0)),
                None => DirtyKey::File(FolderId(row.get(1)?), NameKey::from_stored(&row.get::<_, String>(2)?)),
            };
            let failure = match row.get::<_, Option<String>>(5)? {
                Some(run) => Some(Failure {
                    run,
                    error: row.get::<_, Option<String>>(6)?.unwrap_or_default(),
                    attempts: to_u64(row.get(3)?),
                    next_try: UnixMs(row.get(4)?),
                }),
                None => None,
            };
            found.push(DirtyRow { key, failure });
        }
        Ok(found)
    }
}
