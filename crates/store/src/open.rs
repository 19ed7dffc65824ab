//! Opening: where the file is, which version it has, and what happens when it is damaged or from the future.

use crate::Store;
use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};
use rusqlite_migration::{M, Migrations};
use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// One step per released version of the schema, oldest first; never changed once released.
const STEPS: &[M<'_>] = &[M::up(include_str!("schema.sql"))];
const MIGRATIONS: Migrations<'_> = Migrations::from_slice(STEPS);

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Made by a newer program.
    #[error(
        "the state in {path} was written by a newer damsync (schema {found}, this one knows {known}); update damsync"
    )]
    FromTheFuture {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version we know.
        known: usize,
    },
    /// Its pages make no sense. Nothing was deleted; opening it anew sets it aside.
    #[error("the state database is damaged")]
    Damaged(#[source] rusqlite::Error),
    /// SQLite said something else.
    #[error("the state database failed: {0}")]
    Sqlite(#[source] rusqlite::Error),
    /// A schema step failed; the database is as it was.
    #[error("the state database could not be brought to this version: {0}")]
    Migration(#[from] rusqlite_migration::Error),
    /// The file or its directory could not be used.
    #[error("cannot use {path}: {cause}")]
    Io {
        /// Which path.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The transaction that carried this work with others could not be made durable.
    #[error("the state could not be written: {0}")]
    NotKept(String),
    /// A row that our own code cannot have written.
    #[error("the state database holds a value that makes no sense: {0}")]
    Nonsense(&'static str),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error),
            _ => Self::Sqlite(error),
        }
    }
}

/// How the store was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// As it was left.
    Existing,
    /// There was none: everything is learned anew, as a union in which nothing is deleted.
    Fresh,
    /// It was damaged and lies at this path now; a new one was begun, as with `Fresh`.
    SetAside(PathBuf),
}

impl Store {
    /// Opens the database at `path`, making it (private, 0600) if there is none. One that is damaged is renamed to
    /// `<path>.damaged-<stamp>`, never deleted.
    ///
    /// # Errors
    /// [`StoreError::FromTheFuture`] for a newer schema, and whatever the file system says.
    pub fn open(path: &Path, stamp: &str) -> Result<(Self, Opened), StoreError> {
        let existed = path.exists();
        match Self::open_file(path) {
            Ok(store) => Ok((store, if existed { Opened::Existing } else { Opened::Fresh })),
            Err(StoreError::Damaged(_)) => {
                let aside = set_aside(path, stamp)?;
                Ok((Self::open_file(path)?, Opened::SetAside(aside)))
            }
            Err(other) => Err(other),
        }
    }

    /// Opens an existing database for questions only; `None` if there is none.
    ///
    /// # Errors
    /// As [`Store::open`], but a damaged database is left where it is.
    pub fn open_to_read(path: &Path) -> Result<Option<Self>, StoreError> {
        if !path.exists() {
            return Ok(None);
        }
        let connection = Connection::open(path)?;
        // A log that a killed program left is read, but not worked into the database: that is for who writes.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, with_ending(path, "-wal").exists())?;
        check_version(&connection, path)?;
        connection.pragma_update(None, "query_only", true)?;
        prepare(&connection)?;
        Ok(Some(Self { connection }))
    }

    /// An empty store that vanishes when dropped.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn temporary() -> Result<Self, StoreError> {
        let mut connection = Connection::open("")?;
        // Nobody recovers it after a crash.
        connection.pragma_update(None, "journal_mode", "MEMORY")?;
        MIGRATIONS.to_latest(&mut connection)?;
        prepare(&connection)?;
        Ok(Self { connection })
    }

    /// A copy that vanishes when dropped, for a pass that must change nothing.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn temporary_copy(&self) -> Result<Self, StoreError> {
        let mut connection = Connection::open("")?;
        Backup::new(&self.connection, &mut connection)?.run_to_completion(1024, std::time::Duration::ZERO, None)?;
        prepare(&connection)?;
        Ok(Self { connection })
    }

    fn open_file(path: &Path) -> Result<Self, StoreError> {
        let io = |cause| StoreError::Io { path: path.to_owned(), cause };
        if !path.exists() {
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
        }
        let mut connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        check_version(&connection, path)?;
        MIGRATIONS.to_latest(&mut connection)?;
        prepare(&connection)?;
        Ok(Self { connection })
    }
}

fn check_version(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    // Reading the schema finds a file that is no database, or whose first pages are damaged.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    if usize::try_from(found).map_or(true, |found| found > STEPS.len()) {
        return Err(StoreError::FromTheFuture { path: path.to_owned(), found, known: STEPS.len() });
    }
    Ok(())
}

fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "temp_store", "FILE")?;
    // 8 MiB: enough for the inner pages of a million rows, small beside the promise on memory.
    connection.pragma_update(None, "cache_size", -8192)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(128);
    // Without this SQLite plans a statement anew whenever a value that its plan could depend on is another one.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn set_aside(path: &Path, stamp: &str) -> Result<PathBuf, StoreError> {
    let name = |suffix: &str| with_ending(path, suffix);
    let mut aside = name(&format!(".damaged-{stamp}"));
    let mut number = 2;
    while aside.exists() {
        aside = name(&format!(".damaged-{stamp}-{number}"));
        number += 1;
    }
    for suffix in ["-wal", "-shm"] {
        let (from, mut to) = (name(suffix), aside.clone().into_os_string());
        to.push(suffix);
        if from.exists() {
            fs::rename(&from, &to).map_err(|cause| StoreError::Io { path: from, cause })?;
        }
    }
    fs::rename(path, &aside).map_err(|cause| StoreError::Io { path: path.to_owned(), cause })?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_valid_and_run_from_every_earlier_version() {
        MIGRATIONS.validate().unwrap();
        for version in 0..=STEPS.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            MIGRATIONS.to_version(&mut connection, version).unwrap();
            MIGRATIONS.to_latest(&mut connection).unwrap();
        }
    }

    #[test]
    fn a_newer_database_is_refused_with_a_sentence_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        drop(Store::open(&path, "x").unwrap());
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let before = fs::read(&path).unwrap();
        let error = Store::open(&path, "x").unwrap_err();
        assert!(matches!(error, StoreError::FromTheFuture { found: 99, .. }), "{error}");
        assert!(error.to_string().contains("update damsync"));
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_damaged_database_is_set_aside_never_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        fs::write(&path, b"this was a database once, before the disk failed".repeat(100)).unwrap();
        let (_, opened) = Store::open(&path, "20260129T152832Z").unwrap();
        let Opened::SetAside(aside) = opened else { panic!("{opened:?}") };
        assert!(fs::read(aside).unwrap().starts_with(b"this was a database once"));
        let (_, opened) = Store::open(&path, "x").unwrap();
        assert_eq!(opened, Opened::Existing);
    }

    #[test]
    fn the_file_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let (_, opened) = Store::open(&path, "x").unwrap();
        assert_eq!(opened, Opened::Fresh);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
