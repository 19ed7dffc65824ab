//! A stand-in DAM, true to the contract, for demos and tests.
//!
//! - [`world`] is the DAM as a pure state machine: no I/O, no clock, no threads. A simulator drives it directly.
//! - [`http`] puts it behind the vendor's API on one port and S3 storage on another, and keeps it in a directory.
//!
//! **Invariant:** nothing here is shared with the client; a wire type used by both would be wrong in both.

mod error;
pub mod http;
pub mod world;

pub use error::SandboxError;
pub use http::{Clock, Options, Running, serve, serve_by};
