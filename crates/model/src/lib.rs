//! The words and the rules of damsync.
//!
//! Everything here is a value or a pure function: no I/O, no clock, no randomness, no async. Equal input gives equal
//! output, in the same order. `clippy.toml` of this crate forbids the standard library's doors to the outside, so the
//! rule is checked and not only meant.
//!
//! Start reading at [`planner::decide`].

pub mod capability;
pub mod content;
pub mod id;
pub mod kind;
pub mod mutation;
pub mod name;
pub mod path;
pub mod plan;
pub mod planner;
pub mod policy;
pub mod time;
pub mod tree;
