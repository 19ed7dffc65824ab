//! Directories whose storage folders the server refused to make or remove.

use crate::{StoreError, Tx};
use damsync_model::id::{FolderId, MirrorId};
use damsync_model::time::UnixMs;
use rusqlite::{OptionalExtension, params};

/// What was refused, and until when it is not asked for again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderFailure {
    /// The action's word.
    pub action: String,
    /// One sentence.
    pub error: String,
    /// A hash of what the directory was like.
    pub state: i64,
    /// Not before this time, while it is like that.
    pub next_try: UnixMs,
}

impl Tx<'_> {
    /// What the server last refused to do with a directory's storage folder.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn folder_failure(&self, folder: FolderId) -> Result<Option<FolderFailure>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT action, error, state, next_try FROM folder_failure WHERE folder = ?1")?;
        let row = statement.query_row([folder.0], |row| {
            Ok(FolderFailure {
                action: row.get(0)?,
                error: row.get(1)?,
                state: row.get(2)?,
                next_try: UnixMs(row.get(3)?),
            })
        });
        Ok(row.optional()?)
    }

    /// Writes it down over an earlier one.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn set_folder_failure(
        &self,
        mirror: MirrorId,
        folder: FolderId,
        failure: &FolderFailure,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO folder_failure(folder, mirror, action, error, state, next_try)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        let FolderFailure { action, error, state, next_try } = failure;
        statement.execute(params![folder.0, mirror.0, action, error, state, next_try.0])?;
        Ok(())
    }
}
