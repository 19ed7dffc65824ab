//! The store through its public API: every table's round trip, what a transaction is, what a crash leaves, the schema.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod crash;
mod journal;
mod migrations;
mod sample;
mod schema;
mod trees;
mod work;
