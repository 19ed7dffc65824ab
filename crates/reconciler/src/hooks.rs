//! Who watches a pass: progress displays, and the simulator, which may crash it.

use crate::crash::CrashPoint;
use crate::report::Left;
use damsync_model::id::AssetId;
use damsync_model::plan::{PlanLine, Rule};
use std::sync::Arc;

/// Something that happened on the way, for progress displays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many files were looked at, in all.
    Scanned(u64),
    /// A file is being hashed or compared.
    Hashed(u64),
    /// A transfer has begun.
    TransferStarted {
        /// Which path.
        path: String,
        /// Up (`push`) or down (`pull`).
        direction: &'static str,
        /// Its bytes, where known.
        bytes: Option<u64>,
    },
    /// Bytes of a transfer have passed.
    TransferMoved {
        /// Which path.
        path: String,
        /// How many.
        bytes: u64,
    },
    /// A transfer has ended, well or not.
    TransferEnded {
        /// Which path.
        path: String,
    },
    /// A rehearsal came to an action that a real pass would now begin.
    Planned {
        /// Its line of the plan.
        line: PlanLine,
        /// How many bytes it moves, where that is known.
        bytes: Option<u64>,
    },
    /// A rehearsal came to something that a real pass would leave as it is.
    Left(Left),
    /// An action is begun.
    Begun {
        /// The row of the contract.
        rule: Rule,
        /// The action's word.
        action: &'static str,
        /// Which path.
        path: String,
        /// Which asset, where there is one.
        asset: Option<AssetId>,
    },
    /// An action has come to its end, well or not.
    Over {
        /// The row of the contract.
        rule: Rule,
        /// The action's word.
        action: &'static str,
    },
    /// An action was finished: its line of the history.
    Done {
        /// The rule's number.
        rule: String,
        /// The action's word.
        action: &'static str,
        /// Which path.
        path: String,
    },
}

/// Watches a pass; does nothing by default.
#[derive(Clone)]
pub struct Hooks {
    /// Told of every step.
    pub step: Arc<dyn Fn(Step) + Send + Sync>,
    /// Whether to crash here: only a simulator says yes.
    pub crash: Arc<dyn Fn(CrashPoint) -> bool + Send + Sync>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self { step: Arc::new(|_| {}), crash: Arc::new(|_| false) }
    }
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hooks")
    }
}
