//! The journal: uploads that were begun, written before their first request and closed with the base that they made.
//!
//! - At most one open intent per place; a unique index enforces it.
//! - Opening the store runs nothing: the reconciler settles open intents at the start of a pass.

use crate::codec::{self, SqlId, to_i64};
use crate::{StoreError, Tx};
use damsync_model::content::Content;
use damsync_model::id::{AssetId, FolderId, Guid, MirrorId, StorageFolderId};
use damsync_model::name::NameKey;
use damsync_model::time::UnixMs;
use rusqlite::{OptionalExtension, Row, params};

/// An upload session that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its number on the server.
    pub id: i64,
    /// Its global id.
    pub guid: String,
    /// The directory it uploads into.
    pub folder: FolderId,
    /// That directory's storage folder.
    pub storage_folder: StorageFolderId,
    /// When it was opened.
    pub opened_at: UnixMs,
}

/// An upload that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Ours, unique.
    pub marker: String,
    /// Where the file stood.
    pub folder: FolderId,
    /// Under which key.
    pub key: NameKey,
    /// The asset: known from the start for a version, once prepared for a new one.
    pub asset: Option<AssetId>,
    /// Its global id, once known.
    pub guid: Option<Guid>,
    /// What the server called a new asset when it was prepared.
    pub filename: Option<String>,
    /// A new version of an asset, not a new asset.
    pub is_version: bool,
    /// The upload session, for a new asset.
    pub session: Option<i64>,
    /// What is sent.
    pub content: Content,
    /// The signed URL, once prepared.
    pub url: Option<String>,
    /// When it was prepared.
    pub prepared_at: Option<UnixMs>,
    /// When it was opened.
    pub opened_at: UnixMs,
}

/// What a lost answer may have left on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// Our marker on it.
    pub marker: String,
    /// The session it is in.
    pub session: i64,
    /// That session's global id.
    pub session_guid: String,
    /// The storage folder it is in.
    pub storage_folder: StorageFolderId,
    /// Since when it may be there.
    pub since: UnixMs,
}

macro_rules! columns {
    () => {
        "marker, folder, key, asset, guid, filename, is_version, session, size, md5, sha256, kind, url, \
         prepared_at, opened_at"
    };
}

fn from_row(row: &Row<'_>) -> Result<Intent, StoreError> {
    Ok(Intent {
        marker: row.get(0)?,
        folder: FolderId(row.get(1)?),
        key: NameKey::from_stored(&row.get::<_, String>(2)?),
        asset: row.get::<_, Option<SqlId>>(3)?.map(|id| AssetId(id.0)),
        guid: row.get::<_, Option<String>>(4)?.map(|guid| Guid(guid.into())),
        filename: row.get(5)?,
        is_version: row.get(6)?,
        session: row.get(7)?,
        content: codec::content(row.get(8)?, row.get(9)?, row.get(10)?, row.get(11)?)?,
        url: row.get(12)?,
        prepared_at: row.get::<_, Option<i64>>(13)?.map(UnixMs),
        opened_at: UnixMs(row.get(14)?),
    })
}

impl Tx<'_> {
    /// Writes an intent over an earlier one with the same marker or place.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn put_intent(&self, mirror: MirrorId, intent: &Intent) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "INSERT OR REPLACE INTO intent(mirror, ",
            columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
        ))?;
        statement.execute(params![
            mirror.0,
            intent.marker,
            intent.folder.0,
            intent.key.as_str(),
            intent.asset.as_ref().map(SqlId::from),
            intent.guid.as_ref().map(|guid| &*guid.0),
            intent.filename,
            intent.is_version,
            intent.session,
            to_i64(intent.content.size),
            intent.content.md5.0,
            intent.content.sha256.0,
            intent.content.kind.number(),
            intent.url,
            intent.prepared_at.map(|at| at.0),
            intent.opened_at.0,
        ])?;
        Ok(())
    }

    /// The open intents of a mirror, oldest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn intents(&self, mirror: MirrorId) -> Result<Vec<Intent>, StoreError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM intent WHERE mirror = ?1 ORDER BY opened_at, marker"
        ))?;
        let mut rows = statement.query([mirror.0])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(from_row(row)?);
        }
        Ok(found)
    }

    /// The open intent for the file at a place.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn intent_at(&self, folder: FolderId, key: &NameKey) -> Result<Option<Intent>, StoreError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM intent WHERE folder = ?1 AND key = ?2"
        ))?;
        statement.query_row(params![folder.0, key.as_str()], |row| Ok(from_row(row))).optional()?.transpose()
    }

    /// Closes an intent.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn close_intent(&self, marker: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM intent WHERE marker = ?1")?.execute([marker])?;
        Ok(())
    }

    /// Writes down that an upload session was opened.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn put_session(&self, mirror: MirrorId, session: &SessionRow) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO session(mirror, id, guid, folder, storage_folder, opened_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        statement.execute(params![
            mirror.0,
            session.id,
            session.guid,
            session.folder.0,
            SqlId::from(&session.storage_folder),
            session.opened_at.0
        ])?;
        Ok(())
    }

    /// The upload sessions that are open.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn sessions(&self, mirror: MirrorId) -> Result<Vec<SessionRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, guid, folder, storage_folder, opened_at FROM session WHERE mirror = ?1 ORDER BY id",
        )?;
        let rows = statement.query_map([mirror.0], |row| {
            Ok(SessionRow {
                id: row.get(0)?,
                guid: row.get(1)?,
                folder: FolderId(row.get(2)?),
                storage_folder: StorageFolderId(row.get::<_, SqlId>(3)?.0),
                opened_at: UnixMs(row.get(4)?),
            })
        })?;
        rows.map(|row| row.map_err(StoreError::from)).collect()
    }

    /// The session is closed on the server.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn remove_session(&self, mirror: MirrorId, id: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM session WHERE mirror = ?1 AND id = ?2")?
            .execute(params![mirror.0, id])?;
        Ok(())
    }

    /// Remembers what a lost answer may have left behind.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn put_stray(&self, mirror: MirrorId, stray: &Stray) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO stray(marker, mirror, session, session_guid, storage_folder, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        statement.execute(params![
            stray.marker,
            mirror.0,
            stray.session,
            stray.session_guid,
            SqlId::from(&stray.storage_folder),
            stray.since.0
        ])?;
        Ok(())
    }

    /// What may have been left behind.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn strays(&self, mirror: MirrorId) -> Result<Vec<Stray>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT marker, session, session_guid, storage_folder, since FROM stray WHERE mirror = ?1 ORDER BY since, marker",
        )?;
        let rows = statement.query_map([mirror.0], |row| {
            Ok(Stray {
                marker: row.get(0)?,
                session: row.get(1)?,
                session_guid: row.get(2)?,
                storage_folder: StorageFolderId(row.get::<_, SqlId>(3)?.0),
                since: UnixMs(row.get(4)?),
            })
        })?;
        rows.map(|row| row.map_err(StoreError::from)).collect()
    }

    /// It was found and removed, or it cannot be there.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn remove_stray(&self, marker: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM stray WHERE marker = ?1")?.execute([marker])?;
        Ok(())
    }
}
