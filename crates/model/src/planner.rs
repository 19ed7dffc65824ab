//! The planner: three states of one entity in, the next step out.
//!
//! Pure, total and deterministic. It decides per entity, so a changed file in a million costs one decision. It gives
//! one step at a time; after each the entity is decided again, and the sequence ends in [`Decision::Settled`] or in a
//! decision that says why not. What a step leaves in the base stands with each [`Action`]; the planner relies on it.
//!
//! - `files` takes the states apart and holds the rules for one file,
//! - `bytes` says what became of an asset's bytes since both sides agreed,
//! - `place` brings both sides to one directory and name,
//! - `folders` decides directories,
//! - `follow` says what an action leaves, for those who decide again without having done it.
//!
//! **Invariant:** a file here is trashed only when its bytes are the agreed ones and the server itself said that the
//! asset is trashed, gone or outside; an asset is trashed only when its file's directory was listed without it.
//!
//! Absent on purpose: totals over many entities (guards), retries, local file names (`name`), anything about paths.
//!
//! [`Decision::Settled`]: crate::plan::Decision::Settled
//! [`Action`]: crate::plan::Action

mod bytes;
mod files;
mod folders;
mod follow;
mod place;

pub use files::{decide, is_repair};
pub use folders::decide_folder;
pub use follow::{What, after, steps};

use crate::capability::Capabilities;
use crate::plan::{Action, Decision, Planned, Rule};
use crate::policy::Policy;

/// What the planner must know besides the entity.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// What the user chose.
    pub policy: &'a Policy,
    /// What the provider can do.
    pub capabilities: &'a Capabilities,
}

const fn act(rule: Rule, reason: &'static str, action: Action) -> Decision {
    Decision::Act(Planned { rule, action, reason })
}
