//! What must hold of whatever comes from outside: names, answers, ignore files, the configuration, watched paths.
//!
//! Each module has a function `holds` that takes any bytes, and panics where something does not hold. The fuzzers in
//! `fuzz/` call it with what they find, `tests/seeded.rs` with the seeds of [`seeds`] and thousands of mutations of them.

pub mod answers;
#[path = "../../damsync/src/config/mod.rs"]
#[allow(dead_code, unused_imports, missing_docs, reason = "the program's own, of which only the reading is used here")]
mod config;
pub mod configuration;
pub mod ignore_files;
pub mod names;
pub mod seeds;
pub mod watcher_paths;

/// Any bytes as text: what is no UTF-8 is replaced.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Cuts bytes into the parts that stand between two line ends; of none there is one, which is empty.
fn lines(bytes: &[u8]) -> Vec<String> {
    bytes.split(|byte| *byte == b'\n').map(text).collect()
}
