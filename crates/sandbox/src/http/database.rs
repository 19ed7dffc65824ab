//! The world's rows in SQLite, written behind in batches.
//!
//! One batch is one transaction, so whatever moment the program dies at, the file holds one state that the world
//! really had. A row is the value's JSON; the schema only knows what a row is found by.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::SandboxError;
use crate::world::Kept;
use crate::world::asset::Asset;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    -- One row: the world as a whole, its habits, users and grants.
    CREATE TABLE IF NOT EXISTS root    (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL) STRICT;
    -- One row per thing of its kind.
    CREATE TABLE IF NOT EXISTS assets  (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS folders (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS uploads (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS slots   (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS jobs    (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
    -- What the sandbox itself remembers: its ports, the key of its storage.
    CREATE TABLE IF NOT EXISTS own     (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
";

/// An open database.
pub(crate) struct Database(Connection);

impl Database {
    pub(crate) fn open(path: &Path) -> Result<Self, SandboxError> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(connection))
    }

    pub(crate) fn own(&self, key: &str) -> Result<Option<String>, SandboxError> {
        Ok(self.0.query_row("SELECT body FROM own WHERE id = ?1", [key], |row| row.get(0)).optional()?)
    }

    pub(crate) fn set_own(&self, key: &str, value: &str) -> Result<(), SandboxError> {
        self.0.execute("INSERT OR REPLACE INTO own VALUES (?1, ?2)", [key, value])?;
        Ok(())
    }

    /// Writes one batch.
    pub(crate) fn write(&mut self, kept: &Kept) -> Result<(), SandboxError> {
        let transaction = self.0.transaction()?;
        if kept.everything {
            for table in ["assets", "folders", "uploads", "slots", "jobs"] {
                transaction.execute(&format!("DELETE FROM {table}"), [])?;
            }
        }
        if let Some(root) = &kept.root {
            transaction.execute("INSERT OR REPLACE INTO root VALUES (1, ?1)", [text("root", root)?])?;
        }
        rows(&transaction, "assets", kept.assets.iter().map(|(id, row)| (id, row.as_deref())))?;
        rows(&transaction, "folders", kept.folders.iter().map(|(id, row)| (id, row.as_ref())))?;
        rows(&transaction, "uploads", kept.uploads.iter().map(|(id, row)| (id, row.as_ref())))?;
        rows(&transaction, "slots", kept.slots.iter().map(|(id, row)| (id, row.as_ref())))?;
        rows(&transaction, "jobs", kept.jobs.iter().map(|(id, row)| (id, row.as_ref())))?;
        transaction.commit()?;
        Ok(())
    }

    /// Reads everything.
    pub(crate) fn read(&self) -> Result<Kept, SandboxError> {
        let root: Option<String> = self.0.query_row("SELECT body FROM root", [], |row| row.get(0)).optional()?;
        let assets: Vec<(i64, Option<Asset>)> = self.all("assets")?;
        Ok(Kept {
            everything: false,
            root: root.map(|body| value("root", &body)).transpose()?,
            assets: assets.into_iter().map(|(id, asset)| (id, asset.map(Arc::new))).collect(),
            folders: self.all("folders")?,
            uploads: self.all("uploads")?,
            slots: self.all("slots")?,
            jobs: self.all("jobs")?,
        })
    }

    fn all<K: rusqlite::types::FromSql, T: DeserializeOwned>(
        &self,
        table: &'static str,
    ) -> Result<Vec<(K, Option<T>)>, SandboxError> {
        let mut statement = self.0.prepare(&format!("SELECT id, body FROM {table} ORDER BY id"))?;
        let found = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        found
            .map(|row| {
                let (id, body) = row?;
                Ok((id, Some(value(table, &body)?)))
            })
            .collect()
    }
}

fn rows<'a, K: rusqlite::ToSql + 'a, T: Serialize + 'a>(
    connection: &Connection,
    table: &'static str,
    rows: impl Iterator<Item = (&'a K, Option<&'a T>)>,
) -> Result<(), SandboxError> {
    let mut put = connection.prepare_cached(&format!("INSERT OR REPLACE INTO {table} VALUES (?1, ?2)"))?;
    let mut drop = connection.prepare_cached(&format!("DELETE FROM {table} WHERE id = ?1"))?;
    for (id, row) in rows {
        match row {
            Some(row) => put.execute(params![id, text(table, row)?])?,
            None => drop.execute(params![id])?,
        };
    }
    Ok(())
}

fn text<T: Serialize>(table: &'static str, row: &T) -> Result<String, SandboxError> {
    serde_json::to_string(row).map_err(|source| SandboxError::Row { table, source })
}

fn value<T: DeserializeOwned>(table: &'static str, body: &str) -> Result<T, SandboxError> {
    serde_json::from_str(body).map_err(|source| SandboxError::Row { table, source })
}
