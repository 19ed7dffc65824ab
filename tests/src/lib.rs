//! What the end-to-end tests share: a sandbox process, a mirror with its configuration, and the built binary.
//!
//! A test makes a [`Setup`] (its own server, directory and state), changes either side, calls [`Setup::sync`] or
//! [`Setup::reconcile`], and looks at both sides, the report and the server's log of requests. Whatever the programs
//! wrote is printed when the test fails.
#![allow(clippy::unwrap_used, reason = "a harness that cannot work has nothing better to do than fail the test")]

mod binary;
mod daemon;
mod faults;
mod folding;
mod fuse;
mod http;
mod liar;
mod pairs;
mod pass;
mod pictures;
mod remote;
mod sandbox;
mod setup;
mod small_disk;
mod stranger;
mod terminal;
mod traces;
mod trees;
mod wait;

pub use binary::binary;
pub use daemon::{Daemon, Signal};
pub use faults::{befores_and_afters, each};
pub use folding::FoldingDisk;
pub use liar::{Liar, Lie};
pub use pairs::Pair;
pub use pass::Pass;
pub use pictures::{garbage, photo, picture_path};
pub use remote::{Asset, Remote, Requests};
pub use sandbox::Sandbox;
pub use serde_json::{Value, json};
pub use setup::{Options, Setup};
pub use small_disk::SmallDisk;
pub use stranger::Stranger;
pub use terminal::Terminal;
pub use traces::Traces;
pub use trees::{Tree, local_tree, md5, snapshot};
pub use wait::{PATIENCE, until};
