//! Answers, to standard output: JSON for programs, a few lines for people.

mod conflicts;
mod doctor;
mod explain;
mod plan;
mod reconcile;
mod status;

pub use conflicts::{conflicts_json, conflicts_text};
pub use doctor::{doctor_json, doctor_text};
pub use explain::{explain_json, explain_text};
pub use plan::{PlanForm, PlanWriter, held_plan_json, held_plan_text};
pub use reconcile::{report_json, report_text};
pub use status::{file_text, status_text};

use crate::failure::Failure;
use serde::Serialize;
use std::io::Write;

/// Writes an answer and flushes it. A reader that went away (a closed pipe) is not a failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

/// One JSON object on a line of its own.
pub fn json(answer: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(answer).map(|text| text + "\n").map_err(|error| Failure::Output(error.into()))
}

/// `1 file`, `2 files`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A text from outside, fit for a terminal: what would steer it becomes visible.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_becomes_visible() {
        assert_eq!(printable("Größe \u{1b}[2J\n日本"), "Größe \u{fffd}[2J\u{fffd}日本");
    }
}
