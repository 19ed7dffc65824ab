//! Drift: the remote port over the world directly, as the simulator has it, and the client over HTTP, as the program has
//! it, are asked the same, over two equal worlds at the same time of day, and must say the same.
//!
//! - `pair` holds both worlds and their one clock; `question` is the port as values, and the one place that says what is
//!   not compared.
//! - `scripted` is a fixed sequence over every method and every refusal; `random` throws sequences and habits with dice.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod pair;
mod question;
mod random;
mod refusals;
mod scripted;
mod words;
