//! The SQLite store: three trees, journal, cursors and history of every mirror in one configuration.
//!
//! - A plain synchronous API over one connection; whoever owns the [`Store`] is the one writer.
//! - [`Store::transaction`] is the unit of durability: when it returned `Ok`, it survives a power cut (WAL, `FULL`).
//! - The store decides nothing. It keeps what was observed, agreed, intended and done, and answers questions about it.
//! - `schema.sql` says what one row of each table means.

mod asset;
mod base;
mod codec;
mod conflict;
mod cursor;
mod dirty;
mod file;
mod folder;
mod folder_failure;
mod history;
mod journal;
mod local_move;
mod mirror;
mod open;
mod plan;
#[cfg(test)]
mod query_plans;
mod soundness;

pub use asset::{AssetRow, Presence};
pub use base::BaseRow;
pub use conflict::ConflictRow;
pub use dirty::{DirtyKey, DirtyRow, Failure};
pub use file::{FileRow, Shown};
pub use folder::{FolderRow, LocalDir, RemoteDir};
pub use folder_failure::FolderFailure;
pub use history::{Changes, DAMAGED, Event, EventRow};
pub use journal::{Intent, SessionRow, Stray};
pub use local_move::{LocalMove, MoveTarget};
pub use mirror::{MirrorRow, Totals};
pub use open::{Opened, StoreError};
pub use plan::HeldPlan;

use rusqlite::Connection;

/// The store. See the crate's page.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
}

/// A transaction in progress: every question and every change goes through it.
#[derive(Debug)]
pub struct Tx<'a> {
    connection: &'a Connection,
}

/// Whether a work's changes are to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It succeeded.
    Yes,
    /// It failed: as if it had never run.
    No,
}

/// An open transaction, rolled back when it is dropped. Unlike the library's own its statements are prepared once: it
/// opens one for every question.
struct Transaction<'a> {
    connection: &'a Connection,
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

impl<'a> Transaction<'a> {
    fn begin(connection: &'a Connection, sql: &str) -> rusqlite::Result<Self> {
        run(connection, sql)?;
        Ok(Self { connection })
    }

    fn commit(self) -> rusqlite::Result<()> {
        // A commit that fails leaves the transaction open, and this rolls it back.
        run(self.connection, "COMMIT")
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.connection.is_autocommit() {
            // Where this fails, the next one cannot be opened, and says why.
            let _ = run(self.connection, "ROLLBACK");
        }
    }
}

impl Store {
    /// Runs `work` in one transaction: all of it or nothing, durable when this returns `Ok`.
    ///
    /// # Errors
    /// What `work` returned, or what SQLite said of the commit.
    pub fn transaction<T>(&mut self, work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let transaction = Transaction::begin(&self.connection, "BEGIN IMMEDIATE")?;
        let answer = work(&Tx { connection: &self.connection })?;
        transaction.commit()?;
        Ok(answer)
    }

    /// Asks without changing anything.
    ///
    /// # Errors
    /// What `work` returned.
    pub fn read<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let _transaction = Transaction::begin(&self.connection, "BEGIN")?;
        work(&Tx { connection: &self.connection })
    }

    /// Runs several works in one transaction, each in a savepoint of its own: one that fails takes only its own changes
    /// with it. All are durable when this returns `Ok`.
    ///
    /// # Errors
    /// What SQLite said of the commit.
    pub fn group<'w>(
        &mut self,
        works: impl IntoIterator<Item = Box<dyn FnOnce(&Tx<'_>) -> Kept + 'w>>,
    ) -> Result<(), StoreError> {
        let transaction = Transaction::begin(&self.connection, "BEGIN IMMEDIATE")?;
        for work in works {
            run(&self.connection, "SAVEPOINT work")?;
            if work(&Tx { connection: &self.connection }) == Kept::No {
                run(&self.connection, "ROLLBACK TO work")?;
            }
            run(&self.connection, "RELEASE work")?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Rows inserted, changed or deleted over this connection so far: a pass over an unchanged world adds none.
    pub fn rows_written(&self) -> u64 {
        self.connection.total_changes()
    }
}

impl Tx<'_> {
    /// Empties every table and starts every count anew: nothing is known any more, as in a new store. Simulated runs use
    /// a store again this way, with its statements still prepared.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn forget_everything(&self) -> Result<(), StoreError> {
        let mut tables = self.connection.prepare_cached(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND (name NOT LIKE 'sqlite_%' OR name = 'sqlite_sequence')",
        )?;
        let names = tables.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
        for name in names {
            run(self.connection, &format!("DELETE FROM \"{name}\""))?;
        }
        Ok(())
    }

    /// Rows inserted, changed or deleted over this connection so far; see [`Store::rows_written`].
    pub fn rows_written(&self) -> u64 {
        self.connection.total_changes()
    }
}
