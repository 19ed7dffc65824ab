//! Directories: here, there, and agreed upon. Few beside the files, so a pass reads them all.

use crate::codec::SqlId;
use crate::{StoreError, Tx};
use damsync_model::id::{FolderId, MirrorId, StorageFolderId};
use rusqlite::params;

/// A directory as it stands here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalDir {
    /// The directory above it; `None` for the root.
    pub parent: Option<FolderId>,
    /// Its name; empty for the root.
    pub name: String,
    /// Inode number when last seen.
    pub inode: u64,
    /// Birth when last seen, nanoseconds since 1970; 0 = not told.
    pub birth_ns: i64,
}

/// A storage folder as the server last described it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteDir {
    /// Identity; `None` only for the root of a mirror of everything.
    pub id: Option<StorageFolderId>,
    /// The directory for the folder above it; `None` for the root.
    pub parent: Option<FolderId>,
    /// Its name there.
    pub name: String,
    /// The local name that was given to it.
    pub given_name: String,
    /// Where uploads into it go.
    pub contribution: Option<i64>,
    /// Holds folders only.
    pub organizer: bool,
    /// Whether we may change it.
    pub editable: Option<bool>,
}

/// A directory's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderRow {
    /// Our number.
    pub id: FolderId,
    /// Whether both sides once had it.
    pub agreed: bool,
    /// Here.
    pub local: Option<LocalDir>,
    /// Why nothing can be said about it here.
    pub local_unknown: Option<String>,
    /// There.
    pub remote: Option<RemoteDir>,
    /// Why nothing can be said about it there.
    pub remote_unknown: Option<String>,
}

impl Tx<'_> {
    /// Every directory of a mirror, in the order they were met.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn folders(&self, mirror: MirrorId) -> Result<Vec<FolderRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, agreed, local_parent, local_name, local_unknown, inode, birth_ns,
                    remote_id, remote_parent, remote_name, given_name, remote_unknown, contribution, organizer, editable
             FROM folder WHERE mirror = ?1 ORDER BY id",
        )?;
        let rows = statement.query_map([mirror.0], |row| {
            let local = row.get::<_, Option<String>>(3)?.map(|name| -> rusqlite::Result<LocalDir> {
                Ok(LocalDir {
                    parent: row.get::<_, Option<i64>>(2)?.map(FolderId),
                    name,
                    inode: row.get::<_, i64>(5)?.cast_unsigned(),
                    birth_ns: row.get(6)?,
                })
            });
            let remote = row.get::<_, Option<String>>(9)?.map(|name| -> rusqlite::Result<RemoteDir> {
                Ok(RemoteDir {
                    id: row.get::<_, Option<SqlId>>(7)?.map(|id| StorageFolderId(id.0)),
                    parent: row.get::<_, Option<i64>>(8)?.map(FolderId),
                    given_name: row.get::<_, Option<String>>(10)?.unwrap_or_else(|| name.clone()),
                    name,
                    contribution: row.get(12)?,
                    organizer: row.get(13)?,
                    editable: row.get(14)?,
                })
            });
            Ok(FolderRow {
                id: FolderId(row.get(0)?),
                agreed: row.get(1)?,
                local: local.transpose()?,
                local_unknown: row.get(4)?,
                remote: remote.transpose()?,
                remote_unknown: row.get(11)?,
            })
        })?;
        rows.map(|row| row.map_err(StoreError::from)).collect()
    }

    /// A number for a directory that is not known yet.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn new_folder(&self, mirror: MirrorId) -> Result<FolderId, StoreError> {
        self.connection.prepare_cached("INSERT INTO folder(mirror) VALUES (?1)")?.execute([mirror.0])?;
        Ok(FolderId(self.connection.last_insert_rowid()))
    }

    /// Writes a directory's row.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn put_folder(&self, row: &FolderRow) -> Result<(), StoreError> {
        let (local, remote) = (row.local.as_ref(), row.remote.as_ref());
        self.connection
            .prepare_cached(
                "UPDATE folder SET agreed = ?2, local_parent = ?3, local_name = ?4, local_unknown = ?5, inode = ?6,
                   birth_ns = ?7, remote_id = ?8, remote_parent = ?9, remote_name = ?10, given_name = ?11,
                   remote_unknown = ?12, contribution = ?13, organizer = ?14, editable = ?15
                 WHERE id = ?1",
            )?
            .execute(params![
                row.id.0,
                row.agreed,
                local.and_then(|local| local.parent).map(|parent| parent.0),
                local.map(|local| &local.name),
                row.local_unknown,
                local.map_or(0, |local| local.inode.cast_signed()),
                local.map_or(0, |local| local.birth_ns),
                remote.and_then(|remote| remote.id.as_ref()).map(SqlId::from),
                remote.and_then(|remote| remote.parent).map(|parent| parent.0),
                remote.map(|remote| &remote.name),
                remote.map(|remote| &remote.given_name),
                row.remote_unknown,
                remote.and_then(|remote| remote.contribution),
                remote.is_some_and(|remote| remote.organizer),
                remote.and_then(|remote| remote.editable),
            ])?;
        Ok(())
    }

    /// Forgets a directory; the caller has made sure that nothing refers to it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn remove_folder(&self, id: FolderId) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM folder_failure WHERE folder = ?1")?.execute([id.0])?;
        self.connection.prepare_cached("DELETE FROM folder WHERE id = ?1")?.execute([id.0])?;
        Ok(())
    }
}
