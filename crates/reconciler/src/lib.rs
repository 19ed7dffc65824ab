//! The reconciler: gather → plan → carry out → acknowledge.
//!
//! One [`Engine`] per mirror; [`Engine::pass`] brings both sides together. It speaks neither HTTP nor SQL: the disk and
//! the DAM are reached through the two ports, the store through its own API. Time, chance and the wish to stop come in
//! as values.
//!
//! Start reading at `pass` (what it works with: `spec`, `request`, `hooks`), then `rounds`. Where things are:
//!
//! | question | module |
//! | --- | --- |
//! | is this the right directory, the right server? | `root`, `scope`, `same_server` |
//! | what is here? | `scan`, `hashing` |
//! | what is there? | `gather_folders`, `gather_assets`, `observe`, `evidence`, `peek` |
//! | what follows? | `entities`, `rounds` (and `damsync_model::planner`) |
//! | what is too much at once? | `guard`, `damage`, `ignore_guard`, `held_plans` |
//! | how is it done? | `execute`, `upload`, `push_version`, `sending`, `download`, `removal`, `moves`, `folder_actions`, `folder_refusals` |
//! | what would be done? | `rehearsal`, `rest` |
//! | what is left, and why? | `conclusion` |
//! | what is known, without asking anybody? | `overview`, `explain`, `conflicts` |
//! | what if we were killed? | `recover`, `local_moves`, `crash` |
//! | what is the server told? | `acknowledge` |

mod acknowledge;
mod conclusion;
mod conflicts;
pub mod crash;
mod damage;
mod download;
mod entities;
mod evidence;
mod execute;
pub mod explain;
mod folder_actions;
mod folder_refusals;
mod folders;
mod gather_assets;
mod gather_folders;
mod guard;
mod hashing;
mod held_plans;
mod hooks;
mod ignore_guard;
mod keeper;
mod local_moves;
mod moves;
mod naming;
mod observe;
mod overview;
mod pass;
mod peek;
mod placing;
mod push_version;
mod recover;
mod rehearsal;
mod removal;
pub mod report;
mod request;
mod rest;
mod root;
mod rounds;
mod same_server;
mod scan;
mod scope;
mod sending;
mod source;
mod spec;
mod trash_count;
mod trouble;
mod upload;

pub use conflicts::{ConflictSide, OpenConflict, open_conflicts};
pub use hooks::{Hooks, Step};
pub use keeper::Keeper;
pub use overview::{FailedEntry, Overview, overview, tracked_guid};
pub use pass::{Engine, Known, PassError};
pub use request::{Ask, Deletions, Execution, Look, LookAt, Permission, Reach, Request};
pub use source::{Chance, Clock, Stop};
pub use spec::{FolderChoice, MirrorSpec};
pub use trouble::{Obstacle, Trouble};
