//! Mirrors: which ones this state directory knows, and to what they are bound.

use crate::codec::{SqlId, to_u64};
use crate::{StoreError, Tx};
use damsync_model::id::{MirrorId, StorageFolderId};
use damsync_model::time::UnixMs;
use rusqlite::{OptionalExtension, params};

/// A mirror as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorRow {
    /// Our number.
    pub id: MirrorId,
    /// The configured name.
    pub name: String,
    /// What the mark in the root must say; `None` until first planted.
    pub token: Option<String>,
    /// Device and inode of the root when the mark was last seen.
    pub root: Option<(u64, u64)>,
    /// Provider, organization and root folder it was bound to.
    pub remote: Option<String>,
    /// The root folder's id, if it has one.
    pub storage_folder: Option<StorageFolderId>,
    /// The user of the last good pass.
    pub user: Option<String>,
    /// When a pass last ended well.
    pub last_reconcile_at: Option<UnixMs>,
    /// When a pass last changed anything.
    pub last_change_at: Option<UnixMs>,
}

/// Sums over a mirror.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files that both sides agreed on.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Tx<'_> {
    /// The mirror of that name; made if it is new.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn mirror(&self, name: &str) -> Result<MirrorRow, StoreError> {
        if let Some(row) = self.known_mirror(name)? {
            return Ok(row);
        }
        self.connection.execute("INSERT INTO mirror(name) VALUES (?1)", [name])?;
        self.known_mirror(name)?.ok_or(StoreError::Nonsense("a mirror that was just made is not there"))
    }

    /// The mirror of that name, if the store knows it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn known_mirror(&self, name: &str) -> Result<Option<MirrorRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, token, root_device, root_inode, remote, storage_folder, user, last_reconcile_at, last_change_at
             FROM mirror WHERE name = ?1",
        )?;
        let row = statement
            .query_row([name], |row| {
                let device: Option<i64> = row.get(2)?;
                let inode: Option<i64> = row.get(3)?;
                Ok(MirrorRow {
                    id: MirrorId(row.get(0)?),
                    name: name.to_owned(),
                    token: row.get(1)?,
                    root: device.zip(inode).map(|(device, inode)| (device.cast_unsigned(), inode.cast_unsigned())),
                    remote: row.get(4)?,
                    storage_folder: row.get::<_, Option<SqlId>>(5)?.map(|id| StorageFolderId(id.0)),
                    user: row.get(6)?,
                    last_reconcile_at: row.get::<_, Option<i64>>(7)?.map(UnixMs),
                    last_change_at: row.get::<_, Option<i64>>(8)?.map(UnixMs),
                })
            })
            .optional()?;
        Ok(row)
    }

    /// Writes everything but the name.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn update_mirror(&self, row: &MirrorRow) -> Result<(), StoreError> {
        self.connection.execute(
            "UPDATE mirror SET token = ?2, root_device = ?3, root_inode = ?4, remote = ?5, storage_folder = ?6, user = ?7,
               last_reconcile_at = ?8, last_change_at = ?9 WHERE id = ?1",
            params![
                row.id.0,
                row.token,
                row.root.map(|(device, _)| device.cast_signed()),
                row.root.map(|(_, inode)| inode.cast_signed()),
                row.remote,
                row.storage_folder.as_ref().map(SqlId::from),
                row.user,
                row.last_reconcile_at.map(|at| at.0),
                row.last_change_at.map(|at| at.0),
            ],
        )?;
        Ok(())
    }

    /// What stood in the way of the last pass, as the reconciler wrote it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn trouble(&self, mirror: MirrorId) -> Result<Option<String>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT trouble FROM mirror WHERE id = ?1")?;
        Ok(statement.query_row([mirror.0], |row| row.get(0)).optional()?.flatten())
    }

    /// Writes it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn set_trouble(&self, mirror: MirrorId, trouble: Option<&str>) -> Result<(), StoreError> {
        self.connection.execute("UPDATE mirror SET trouble = ?2 WHERE id = ?1", params![mirror.0, trouble])?;
        Ok(())
    }

    /// Forgets everything that was agreed and seen, and to what the mirror was bound; its history stays. The next pass is
    /// a union of both sides, in which nothing is deleted. Open uploads stay in the journal, so that they are settled.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn detach_mirror(&self, mirror: MirrorId) -> Result<(), StoreError> {
        self.connection
            .execute("DELETE FROM file WHERE folder IN (SELECT id FROM folder WHERE mirror = ?1)", [mirror.0])?;
        for table in [
            "base",
            "asset",
            "dirty_asset",
            "dirty_file",
            "local_move",
            "placing",
            "cursor",
            "outside",
            "conflict",
            "held_plan",
            "folder_failure",
            "folder",
        ] {
            self.connection.execute(&format!("DELETE FROM {table} WHERE mirror = ?1"), [mirror.0])?;
        }
        self.connection.execute(
            "UPDATE mirror SET token = NULL, root_device = NULL, root_inode = NULL, remote = NULL, storage_folder = NULL,
               user = NULL, trouble = NULL WHERE id = ?1",
            [mirror.0],
        )?;
        Ok(())
    }

    /// Sums over the base.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn totals(&self, mirror: MirrorId) -> Result<Totals, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT count(*), coalesce(sum(size), 0) FROM base WHERE mirror = ?1")?;
        let (files, bytes): (i64, i64) = statement.query_row([mirror.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Totals { files: to_u64(files), bytes: to_u64(bytes) })
    }

    /// Whether there is any file that both sides agreed on.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn tracks_anything(&self, mirror: MirrorId) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT 1 FROM base WHERE mirror = ?1 LIMIT 1")?;
        Ok(statement.exists([mirror.0])?)
    }

    /// How many files both sides agreed on.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn tracked(&self, mirror: MirrorId) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT count(*) FROM base WHERE mirror = ?1")?;
        Ok(to_u64(statement.query_row([mirror.0], |row| row.get(0))?))
    }
}
