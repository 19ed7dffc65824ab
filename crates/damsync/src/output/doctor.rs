//! What `doctor` found, as text and as JSON.

use super::{counted, json, printable};
use crate::commands::doctor::{Check, Findings, State};
use crate::failure::Failure;
use serde::Serialize;
use std::fmt::Write as _;

/// `{"schema":1,"checks":[{"name","mirror"?,"state","seen","remedy"?}],"unknowns"?:[{"question","answer"}]}`.
#[derive(Serialize)]
struct Answer<'a> {
    schema: u32,
    checks: &'a [Check],
    #[serde(skip_serializing_if = "Option::is_none")]
    unknowns: Option<Vec<Unknown<'a>>>,
}

#[derive(Serialize)]
struct Unknown<'a> {
    question: &'a str,
    answer: &'a str,
}

/// For programs.
pub fn doctor_json(findings: &Findings) -> Result<String, Failure> {
    let unknowns = findings.unknowns.as_ref().map(|unknowns| {
        unknowns.iter().map(|finding| Unknown { question: finding.question, answer: &finding.answer }).collect()
    });
    json(&Answer { schema: 1, checks: &findings.checks, unknowns })
}

/// For people: a line per check, under it what to do.
pub fn doctor_text(findings: &Findings) -> String {
    let mut text = String::new();
    let mut about: Option<&str> = None;
    for check in &findings.checks {
        if check.mirror.as_deref() != about {
            about = check.mirror.as_deref();
            // Writing to a String cannot fail.
            let _ = match about {
                Some(mirror) => writeln!(text, "\nmirror {mirror}"),
                None => writeln!(text),
            };
        }
        let _ = writeln!(text, "{:8} {:20} {}", word(check.state), check.name, printable(&check.seen));
        if let Some(remedy) = &check.remedy {
            let _ = writeln!(text, "{:8} {:20} try: {}", "", "", printable(remedy));
        }
    }
    if let Some(unknowns) = findings.unknowns.as_ref().filter(|unknowns| !unknowns.is_empty()) {
        text.push_str("\nhow this server decides what its documentation leaves open\n");
        for finding in unknowns {
            let _ = writeln!(text, "- {}: {}", finding.question, printable(&finding.answer));
        }
    }
    let _ = writeln!(text, "\n{}", summary(&findings.checks));
    text
}

const fn word(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Failed => "failed",
        State::Skipped => "skipped",
    }
}

fn summary(checks: &[Check]) -> String {
    let of = |state| checks.iter().filter(|check| check.state == state).count() as u64;
    let parts: Vec<String> = [
        (of(State::Failed), "failed", "failed"),
        (of(State::Warning), "warning", "warnings"),
        (of(State::Skipped), "skipped", "skipped"),
    ]
    .into_iter()
    .filter(|(number, ..)| *number > 0)
    .map(|(number, one, many)| counted(number, one, many))
    .collect();
    if parts.is_empty() {
        format!("{} looked at, all is well", counted(checks.len() as u64, "thing was", "things were"))
    } else {
        format!("{} looked at: {}", counted(checks.len() as u64, "thing was", "things were"), parts.join(", "))
    }
}
