//! Plans that a guard holds.

use crate::codec::{to_i64, to_u64};
use crate::{StoreError, Tx};
use damsync_model::id::MirrorId;
use damsync_model::time::UnixMs;
use rusqlite::{OptionalExtension, Row, params};

/// A held plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPlan {
    /// `p-` and four or more hex digits.
    pub id: String,
    /// Which guard holds it; a mirror has one plan of each.
    pub guard: String,
    /// The hold's word.
    pub reason: String,
    /// `local` or `remote`: where the deletions happened.
    pub side: Option<String>,
    /// How many actions.
    pub count: u64,
    /// Of how many tracked files.
    pub total: u64,
    /// Of its lines: the same plan has the same one.
    pub fingerprint: String,
    /// Its text, one action a line.
    pub lines: String,
    /// When it was held.
    pub created_at: UnixMs,
    /// When a user approved it.
    pub approved_at: Option<UnixMs>,
}

macro_rules! columns {
    () => {
        "id, guard, reason, side, count, total, fingerprint, lines, created_at, approved_at"
    };
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<HeldPlan> {
    Ok(HeldPlan {
        id: row.get(0)?,
        guard: row.get(1)?,
        reason: row.get(2)?,
        side: row.get(3)?,
        count: to_u64(row.get(4)?),
        total: to_u64(row.get(5)?),
        fingerprint: row.get(6)?,
        lines: row.get(7)?,
        created_at: UnixMs(row.get(8)?),
        approved_at: row.get::<_, Option<i64>>(9)?.map(UnixMs),
    })
}

impl Tx<'_> {
    /// Keeps a plan.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn put_plan(&self, mirror: MirrorId, plan: &HeldPlan) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(concat!(
                "INSERT OR REPLACE INTO held_plan(mirror, ",
                columns!(),
                ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
            ))?
            .execute(params![
                mirror.0,
                plan.id,
                plan.guard,
                plan.reason,
                plan.side,
                to_i64(plan.count),
                to_i64(plan.total),
                plan.fingerprint,
                plan.lines,
                plan.created_at.0,
                plan.approved_at.map(|at| at.0),
            ])?;
        Ok(())
    }

    /// The plans that are held for a mirror.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn plans(&self, mirror: MirrorId) -> Result<Vec<HeldPlan>, StoreError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM held_plan WHERE mirror = ?1 ORDER BY created_at, id"
        ))?;
        let rows = statement.query_map([mirror.0], from_row)?;
        rows.map(|row| row.map_err(StoreError::from)).collect()
    }

    /// A plan by its id, of whichever mirror.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn plan(&self, id: &str) -> Result<Option<(MirrorId, HeldPlan)>, StoreError> {
        let mut statement =
            self.connection.prepare_cached(concat!("SELECT ", columns!(), ", mirror FROM held_plan WHERE id = ?1"))?;
        let found = statement.query_row([id], |row| Ok((MirrorId(row.get(10)?), from_row(row)?))).optional()?;
        Ok(found)
    }

    /// Lets a held plan run; `false` if there is none of that id.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn approve_plan(&self, id: &str, now: UnixMs) -> Result<bool, StoreError> {
        let changed = self
            .connection
            .prepare_cached("UPDATE held_plan SET approved_at = ?2 WHERE id = ?1")?
            .execute(params![id, now.0])?;
        Ok(changed == 1)
    }

    /// Drops a plan: it was carried out, or the world no longer matches it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn remove_plan(&self, id: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM held_plan WHERE id = ?1")?.execute([id])?;
        Ok(())
    }
}
