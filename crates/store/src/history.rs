//! The history: what damsync did and why. Only ever added to, until it is 90 days old.

use crate::codec::{SqlId, to_u64};
use crate::{StoreError, Tx};
use damsync_model::id::{AssetId, MirrorId};
use damsync_model::time::UnixMs;
use rusqlite::{Row, params};

/// Something to write down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which pass.
    pub run: String,
    /// When.
    pub at: UnixMs,
    /// `R1` …, or the hold's word.
    pub rule: String,
    /// The action's word.
    pub action: String,
    /// The path below the root.
    pub path: String,
    /// The asset, if there is one.
    pub asset: Option<AssetId>,
    /// Why, for people.
    pub reason: String,
    /// The states that were seen, as JSON.
    pub seen: String,
    /// `done`, or why not.
    pub outcome: String,
}

/// A line of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Grows with time.
    pub id: i64,
    /// What was written.
    pub event: Event,
}

/// An outcome: done, and what was changed looks damaged (see `Content::is_damage_to`).
pub const DAMAGED: &str = "done; it looks damaged";

/// How many files changed, and of how many the new bytes look damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Changed files.
    pub count: u64,
    /// Those that look damaged.
    pub damaged: u64,
}

const KEPT_MS: i64 = 90 * 24 * 60 * 60 * 1000;

fn from_row(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        id: row.get(0)?,
        event: Event {
            run: row.get(1)?,
            at: UnixMs(row.get(2)?),
            rule: row.get(3)?,
            action: row.get(4)?,
            path: row.get(5)?,
            asset: row.get::<_, Option<SqlId>>(6)?.map(|id| AssetId(id.0)),
            reason: row.get(7)?,
            seen: row.get(8)?,
            outcome: row.get(9)?,
        },
    })
}

impl Tx<'_> {
    /// Adds a line.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn add_event(&self, mirror: MirrorId, event: &Event) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO history(mirror, run, at, rule, action, path, asset, reason, seen, outcome)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        statement.execute(params![
            mirror.0,
            event.run,
            event.at.0,
            event.rule,
            event.action,
            event.path,
            event.asset.as_ref().map(SqlId::from),
            event.reason,
            event.seen,
            event.outcome,
        ])?;
        Ok(())
    }

    /// Every line of a mirror, oldest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn history(&self, mirror: MirrorId) -> Result<Vec<EventRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, run, at, rule, action, path, asset, reason, seen, outcome FROM history WHERE mirror = ?1 ORDER BY id",
        )?;
        let rows = statement.query_map([mirror.0], from_row)?;
        rows.map(|row| row.map_err(StoreError::from)).collect()
    }

    /// The lines about one path, newest first, at most `limit`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn history_of(&self, mirror: MirrorId, path: &str, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, run, at, rule, action, path, asset, reason, seen, outcome FROM history
             WHERE mirror = ?1 AND path = ?2 ORDER BY id DESC LIMIT ?3",
        )?;
        let rows = statement.query_map(params![mirror.0, path, limit], from_row)?;
        rows.map(|row| row.map_err(StoreError::from)).collect()
    }

    /// How often an action was done since a moment.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn done_since(&self, mirror: MirrorId, action: &str, since: UnixMs) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM history WHERE mirror = ?1 AND at >= ?3 AND action = ?2
               AND action IN ('trash_local', 'trash_remote', 'push_version', 'download') AND outcome = 'done'",
        )?;
        Ok(to_u64(statement.query_row(params![mirror.0, action, since.0], |row| row.get(0))?))
    }

    /// How many files were changed by an action since a moment: `push_version`, or `download` over a file.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn changed_since(&self, mirror: MirrorId, action: &str, since: UnixMs) -> Result<Changes, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*), coalesce(sum(outcome = ?4), 0) FROM history WHERE mirror = ?1 AND at >= ?3 AND action = ?2
               AND action IN ('trash_local', 'trash_remote', 'push_version', 'download')
               AND (action <> 'download' OR rule IN ('R4', 'R6', 'R7')) AND outcome IN ('done', ?4)",
        )?;
        let (count, damaged) =
            statement.query_row(params![mirror.0, action, since.0, DAMAGED], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Changes { count: to_u64(count), damaged: to_u64(damaged) })
    }

    /// Drops lines older than 90 days, if there are any.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn prune_history(&self, now: UnixMs) -> Result<(), StoreError> {
        // Per mirror, as the index over time is: otherwise every pass would read the whole history.
        self.connection
            .prepare_cached("DELETE FROM history WHERE mirror IN (SELECT id FROM mirror) AND at < ?1")?
            .execute([now.plus_ms(-KEPT_MS).0])?;
        Ok(())
    }
}
