//! The local tree: regular files as the last scan saw them, a directory's rows together and in key order.

use crate::codec::{self, to_i64, to_u64};
use crate::{StoreError, Tx};
use damsync_model::content::Content;
use damsync_model::id::{FolderId, MirrorId};
use damsync_model::name::NameKey;
use damsync_model::tree::Stat;
use rusqlite::{OptionalExtension, Row, params};

/// A file's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// What its name is compared by.
    pub key: NameKey,
    /// Its name on disk.
    pub name: String,
    /// What the file system told.
    pub stat: Stat,
    /// What it holds, if it was read since it changed.
    pub content: Option<Content>,
    /// Younger than the clock's grain when it was read: it is read once more later.
    pub racy: bool,
    /// Why nothing can be said about it now.
    pub unknown: Option<String>,
}

/// A regular file as a directory's listing shows it.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// What its name is compared by.
    pub key: &'a str,
    /// Its name on disk.
    pub name: &'a str,
    /// What the file system told.
    pub stat: &'a Stat,
}

impl Shown<'_> {
    fn is_row(&self, row: &Row<'_>) -> rusqlite::Result<bool> {
        let is = |at, value: i64| row.get_ref(at).map(|cell| cell.as_i64() == Ok(value));
        let key = row.get_ref(0)?.as_str()?;
        let name = row.get_ref(1)?.as_str_or_null()?.unwrap_or(key);
        Ok(key == self.key
            && name == self.name
            && is(2, to_i64(self.stat.size))?
            && is(3, self.stat.mtime_ns)?
            && is(4, self.stat.ctime_ns)?
            && is(5, self.stat.inode.cast_signed())?
            && is(6, self.stat.birth_ns)?
            && is(7, 1)?)
    }
}

macro_rules! columns {
    () => {
        "key, name, size, mtime_ns, ctime_ns, inode, birth_ns, md5, sha256, kind, racy, unknown"
    };
}

fn from_row(row: &Row<'_>, at: usize) -> Result<FileRow, StoreError> {
    let key: String = row.get(at)?;
    let name: Option<String> = row.get(at + 1)?;
    let stat = Stat {
        size: to_u64(row.get(at + 2)?),
        mtime_ns: row.get(at + 3)?,
        ctime_ns: row.get(at + 4)?,
        inode: row.get::<_, i64>(at + 5)?.cast_unsigned(),
        birth_ns: row.get(at + 6)?,
    };
    let md5: Option<Vec<u8>> = row.get(at + 7)?;
    let sha256: Option<Vec<u8>> = row.get(at + 8)?;
    let content = match (md5, sha256) {
        (Some(md5), Some(sha256)) => Some(codec::content(to_i64(stat.size), md5, sha256, row.get(at + 9)?)?),
        _ => None,
    };
    Ok(FileRow {
        name: name.unwrap_or_else(|| key.clone()),
        key: NameKey::from_stored(&key),
        stat,
        content,
        racy: row.get(at + 10)?,
        unknown: row.get(at + 11)?,
    })
}

impl Tx<'_> {
    /// A directory's rows, in key order.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn files_in(&self, folder: FolderId) -> Result<Vec<FileRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM file WHERE folder = ?1 ORDER BY key"
        ))?;
        let mut rows = statement.query([folder.0])?;
        let mut files = Vec::new();
        while let Some(row) = rows.next()? {
            files.push(from_row(row, 0)?);
        }
        Ok(files)
    }

    /// Whether a directory's rows are just these files, which come in key order, and something can be said about each of
    /// them. Compares while it steps through the rows: for a directory in which nothing changed, nothing is built.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn files_are<'f>(
        &self,
        folder: FolderId,
        shown: impl IntoIterator<Item = Shown<'f>>,
    ) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT key, name, size, mtime_ns, ctime_ns, inode, birth_ns, unknown IS NULL FROM file
             WHERE folder = ?1 ORDER BY key",
        )?;
        let mut rows = statement.query([folder.0])?;
        for file in shown {
            match rows.next()? {
                Some(row) if file.is_row(row)? => {}
                _ => return Ok(false),
            }
        }
        Ok(rows.next()?.is_none())
    }

    /// One row.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn file(&self, folder: FolderId, key: &NameKey) -> Result<Option<FileRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM file WHERE folder = ?1 AND key = ?2"
        ))?;
        let row = statement.query_row(params![folder.0, key.as_str()], |row| Ok(from_row(row, 0))).optional()?;
        row.transpose()
    }

    /// Whether a directory has any row.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn has_files(&self, folder: FolderId) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT 1 FROM file WHERE folder = ?1 LIMIT 1")?;
        Ok(statement.exists([folder.0])?)
    }

    /// Writes a row over whatever stood under its key.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn put_file(&self, folder: FolderId, file: &FileRow) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO file(folder, key, name, size, mtime_ns, ctime_ns, inode, birth_ns, md5, sha256, kind, racy, unknown)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?;
        statement.execute(params![
            folder.0,
            file.key.as_str(),
            (file.name != file.key.as_str()).then_some(&file.name),
            to_i64(file.stat.size),
            file.stat.mtime_ns,
            file.stat.ctime_ns,
            file.stat.inode.cast_signed(),
            file.stat.birth_ns,
            file.content.map(|content| content.md5.0),
            file.content.map(|content| content.sha256.0),
            file.content.map_or(0, |content| content.kind.number()),
            file.racy,
            file.unknown,
        ])?;
        Ok(())
    }

    /// Writes what a file holds, if its row still has the stat that was read.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn set_content(
        &self,
        folder: FolderId,
        key: &NameKey,
        read: &Stat,
        content: &Content,
        racy: bool,
    ) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE file SET md5 = ?3, sha256 = ?4, kind = ?5, racy = ?6
             WHERE folder = ?1 AND key = ?2 AND size = ?7 AND mtime_ns = ?8 AND ctime_ns = ?9 AND inode = ?10",
        )?;
        let changed = statement.execute(params![
            folder.0,
            key.as_str(),
            content.md5.0,
            content.sha256.0,
            content.kind.number(),
            racy,
            to_i64(read.size),
            read.mtime_ns,
            read.ctime_ns,
            read.inode.cast_signed(),
        ])?;
        Ok(changed == 1)
    }

    /// Removes a row: the file is not there any more.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn remove_file(&self, folder: FolderId, key: &NameKey) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached("DELETE FROM file WHERE folder = ?1 AND key = ?2")?;
        statement.execute(params![folder.0, key.as_str()])?;
        Ok(())
    }

    /// Files that were not read since they changed, and those to be read once more, in (folder, key) order after
    /// `after`; at most `limit`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn files_to_read(
        &self,
        mirror: MirrorId,
        after: Option<&(FolderId, NameKey)>,
        limit: u32,
    ) -> Result<Vec<(FolderId, FileRow)>, StoreError> {
        let (after_folder, after_key) = after.map_or((i64::MIN, ""), |(folder, key)| (folder.0, key.as_str()));
        let mut files = Vec::new();
        let columns = columns!();
        for condition in ["sha256 IS NULL", "racy = 1"] {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT file.folder, {columns} FROM file
                 WHERE {condition} AND unknown IS NULL AND (file.folder, key) > (?2, ?3)
                   AND EXISTS (SELECT 1 FROM folder WHERE folder.id = file.folder AND folder.mirror = ?1)
                 ORDER BY file.folder, key LIMIT ?4"
            ))?;
            let mut rows = statement.query(params![mirror.0, after_folder, after_key, limit])?;
            while let Some(row) = rows.next()? {
                files.push((FolderId(row.get(0)?), from_row(row, 1)?));
            }
        }
        files.sort_by(|a, b| (a.0, &a.1.key).cmp(&(b.0, &b.1.key)));
        files.dedup_by(|a, b| a.0 == b.0 && a.1.key == b.1.key);
        files.truncate(limit as usize);
        Ok(files)
    }
}
