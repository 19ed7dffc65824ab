//! The client against a scripted server: what is sent, what is believed, what is told.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod behaviour;
mod bounds;
mod faults;
mod probe;
mod scripted;
mod tokens;
