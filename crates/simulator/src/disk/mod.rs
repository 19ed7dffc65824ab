//! A mirror's directory in memory, with the promises of a real one and no more.
//!
//! - `tree` is what stands where, `state` how it changes and what a crash leaves, `side` the port over it, `users` what
//!   people do to it.
//! - Durable when it returns: placing, trashing, renaming, planting, removing a directory. Not before `sync`: a directory
//!   made, and the bytes of a partial. A power cut keeps a prefix of what was not durable yet, as a journal does.

mod side;
mod state;
mod tree;
mod users;

pub use side::MemoryDisk;
pub use state::{Crash, Nature, State};
pub use tree::{File, Node, Tree};
