//! What a run, or many, went through.

use crate::cells::{Cell, Trouble};
use crate::weather::Fault;
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

impl Coverage {
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
