//! One module per command: what was asked goes to the engine, what it answers goes to the output.

mod access;
pub mod doctor;
pub mod explain;
pub mod holds;
pub mod init;
pub mod paper;
pub mod plan;
pub mod reconcile;
pub mod run;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod status;
