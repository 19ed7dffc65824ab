//! What a run, or many, went through.

use crate::cells::{self, Cell, Trouble};
use crate::weather::Fault;
use damsync_model::plan::HoldReason;
use damsync_reconciler::crash::CrashPoint;
use std::collections::BTreeMap;
use std::fmt;

/// Counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Actions done, by rule and word.
    pub rules: BTreeMap<(String, String), u64>,
    /// What befell actions that worked alone.
    pub cells: BTreeMap<Cell, u64>,
    /// Crashes, by the point they happened at.
    pub crashes: BTreeMap<CrashPoint, u64>,
    /// Crashes in a call of a port.
    pub crashes_in_calls: u64,
    /// Passes, by how they ended.
    pub passes: BTreeMap<String, u64>,
    /// What was held, by its word.
    pub held: BTreeMap<String, u64>,
}

/// Why something is held in worlds. What is not here they cannot come to: nobody damages files by the dozen
/// (`mass_change`), a root is only ever missing with its mark, there is one mirror on a disk (`root_replaced`, `overlap`), nobody
/// checks an asset out, forbids its original, or restores so little that most assets are gone (`remote_replaced`); a provider
/// that has leases, or lacks an operation, is another one (`locked`, `not_supported`).
pub const HELD: &[HoldReason] = &[
    HoldReason::MassDelete,
    HoldReason::MirrorMarkMissing,
    HoldReason::RemoteRolledBack,
    HoldReason::ListingIncomplete,
    HoldReason::AccessLost,
    HoldReason::IdentityChanged,
    HoldReason::Direction,
    HoldReason::Kept,
    HoldReason::DiskFull,
];

impl Coverage {
    /// What should befall worlds, given enough of them, and did not.
    pub fn missed(&self) -> Vec<String> {
        let cells = cells::ALL.iter().filter(|cell| !self.cells.contains_key(cell)).map(|cell| format!("{cell:?}"));
        let points = CrashPoint::ALL.iter().filter(|point| !self.crashes.contains_key(point));
        let points = points.filter(|point| **point != CrashPoint::MovedRemote).map(|point| format!("{point:?}"));
        let held = HELD.iter().map(|reason| reason.word().to_owned()).filter(|word| !self.held.contains_key(word));
        cells.chain(points).chain(held).collect()
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        for (key, count) in &other.rules {
            *self.rules.entry(key.clone()).or_default() += count;
        }
        for (cell, count) in &other.cells {
            *self.cells.entry(*cell).or_default() += count;
        }
        for (key, count) in &other.crashes {
            *self.crashes.entry(*key).or_default() += count;
        }
        for (key, count) in &other.passes {
            *self.passes.entry(key.clone()).or_default() += count;
        }
        for (key, count) in &other.held {
            *self.held.entry(key.clone()).or_default() += count;
        }
        self.crashes_in_calls += other.crashes_in_calls;
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<6}{:<22}{:>9}  what befell it", "rule", "action", "done")?;
        for ((rule, action), count) in &self.rules {
            write!(f, "{rule:<6}{action:<22}{count:>9} ")?;
            let of = |cell: &&Cell| cell.rule.to_string() == *rule && cell.action == action;
            for cell in self.cells.keys().filter(of) {
                let trouble = match cell.trouble {
                    Trouble::Fault(Fault::Body(_)) => "Body".to_owned(),
                    Trouble::Fault(fault) => format!("{fault:?}"),
                    Trouble::Crash(point) => format!("crash:{point:?}"),
                    Trouble::CrashInCall => "crash:in a call".to_owned(),
                    Trouble::Meddling(meddling) => format!("{meddling:?}"),
                };
                write!(f, " {trouble} {}", self.cells[cell])?;
            }
            writeln!(f)?;
        }
        writeln!(f, "\n{:<28}{:>9}", "crash point", "crashes")?;
        for point in CrashPoint::ALL {
            let count = self.crashes.get(point).copied().unwrap_or(0);
            writeln!(f, "{:<28}{count:>9}", format!("{point:?}"))?;
        }
        writeln!(f, "{:<28}{:>9}", "in a call", self.crashes_in_calls)?;
        writeln!(f, "\n{:<28}{:>9}", "pass ended", "passes")?;
        for (end, count) in &self.passes {
            writeln!(f, "{end:<28}{count:>9}")?;
        }
        writeln!(f, "\n{:<28}{:>9}", "held", "times")?;
        for (reason, count) in &self.held {
            writeln!(f, "{reason:<28}{count:>9}")?;
        }
        Ok(())
    }
}
