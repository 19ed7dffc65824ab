//! The base: what both sides last agreed on; and in the same shape the journal of what will be, once files that are being
//! placed have their names.

use crate::codec::{self, SqlId, to_i64, to_u64};
use crate::{StoreError, Tx};
use damsync_model::id::{AssetId, FolderId, MirrorId};
use damsync_model::name::{FileName, NameKey};
use damsync_model::time::UnixMs;
use damsync_model::tree::{Base, Place};
use rusqlite::{CachedStatement, OptionalExtension, Row, params};

/// A base entry and the key of its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseRow {
    /// What was agreed.
    pub base: Base,
    /// The key of `base.place.name`.
    pub key: NameKey,
}

macro_rules! columns {
    () => {
        "asset, folder, key, name, size, md5, sha256, kind, remote_folder, remote_filename, remote_version, \
         remote_size, remote_md5, remote_updated_at"
    };
}

macro_rules! select_from {
    ($rows:literal) => {
        concat!("SELECT ", columns!(), " FROM ", $rows)
    };
}

macro_rules! insert_into {
    ($table:literal) => {
        concat!(
            "INSERT OR REPLACE INTO ",
            $table,
            "(mirror, ",
            columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
        )
    };
}

fn put(mut insert: CachedStatement<'_>, mirror: MirrorId, row: &BaseRow) -> Result<(), StoreError> {
    let base = &row.base;
    insert.execute(params![
        mirror.0,
        SqlId::from(&base.asset),
        base.place.folder.0,
        row.key.as_str(),
        (base.place.name.as_str() != row.key.as_str()).then_some(base.place.name.as_str()),
        to_i64(base.content.size),
        base.content.md5.0,
        base.content.sha256.0,
        base.content.kind.number(),
        base.remote_folder.0,
        base.remote_filename,
        base.remote_version.map(to_i64),
        base.remote_claimed.size.map(to_i64),
        base.remote_claimed.md5.map(|md5| md5.0),
        base.remote_updated_at.0,
    ])?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> Result<BaseRow, StoreError> {
    let key: String = row.get(2)?;
    let name: Option<String> = row.get(3)?;
    let name = FileName::new(name.as_deref().unwrap_or(&key)).ok_or(StoreError::Nonsense("a name that cannot be"))?;
    Ok(BaseRow {
        key: NameKey::from_stored(&key),
        base: Base {
            asset: AssetId(row.get::<_, SqlId>(0)?.0),
            place: Place { folder: FolderId(row.get(1)?), name },
            content: codec::content(row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?)?,
            remote_folder: FolderId(row.get(8)?),
            remote_filename: row.get(9)?,
            remote_version: row.get::<_, Option<i64>>(10)?.map(to_u64),
            remote_claimed: codec::claimed(row.get(11)?, row.get(12)?)?,
            remote_updated_at: UnixMs(row.get(13)?),
        },
    })
}

impl Tx<'_> {
    /// What was agreed about an asset.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn base(&self, mirror: MirrorId, asset: &AssetId) -> Result<Option<BaseRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(select_from!("base WHERE mirror = ?1 AND asset = ?2"))?;
        statement.query_row(params![mirror.0, SqlId::from(asset)], |row| Ok(from_row(row))).optional()?.transpose()
    }

    /// What was agreed about the file at a place.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn base_at(&self, folder: FolderId, key: &NameKey) -> Result<Option<BaseRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(select_from!("base WHERE folder = ?1 AND key = ?2"))?;
        statement.query_row(params![folder.0, key.as_str()], |row| Ok(from_row(row))).optional()?.transpose()
    }

    /// Writes what is agreed; a former agreement about this asset, or about another one at this place, ends.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn put_base(&self, mirror: MirrorId, row: &BaseRow) -> Result<(), StoreError> {
        put(self.connection.prepare_cached(insert_into!("base"))?, mirror, row)
    }

    /// Ends an agreement: what is not agreed on any more is not told to the server either.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn remove_base(&self, mirror: MirrorId, asset: &AssetId) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached("DELETE FROM base WHERE mirror = ?1 AND asset = ?2")?;
        statement.execute(params![mirror.0, SqlId::from(asset)])?;
        self.set_unacknowledged(mirror, asset, false)
    }

    /// The names of a directory's files that were agreed on.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn agreed_names_in(&self, folder: FolderId) -> Result<Vec<String>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT coalesce(name, key) FROM base WHERE folder = ?1 ORDER BY key")?;
        let rows = statement.query_map([folder.0], |row| row.get(0))?;
        rows.map(|row| row.map_err(StoreError::from)).collect()
    }

    /// Whether anything was agreed about a file in this directory.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn has_base_in(&self, folder: FolderId) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT 1 FROM base WHERE folder = ?1 LIMIT 1")?;
        Ok(statement.exists([folder.0])?)
    }

    /// Writes down that a file is about to get its name, and what is agreed on once it has.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn put_placing(&self, mirror: MirrorId, row: &BaseRow) -> Result<(), StoreError> {
        put(self.connection.prepare_cached(insert_into!("placing"))?, mirror, row)
    }

    /// The files of a mirror of which it is not recorded whether they got their names.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn placings(&self, mirror: MirrorId) -> Result<Vec<BaseRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(select_from!("placing WHERE mirror = ?1 ORDER BY asset"))?;
        let mut rows = statement.query([mirror.0])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(from_row(row)?);
        }
        Ok(found)
    }

    /// What became of it is recorded.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn end_placing(&self, mirror: MirrorId, asset: &AssetId) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM placing WHERE mirror = ?1 AND asset = ?2")?
            .execute(params![mirror.0, SqlId::from(asset)])?;
        Ok(())
    }
}
