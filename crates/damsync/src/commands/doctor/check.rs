//! One thing that was looked at, and what came out.

use crate::exit::Exit;
use serde::Serialize;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// damsync works, but less well than it could.
    Warning,
    /// damsync does not work, or not for this mirror.
    Failed,
    /// Could not be looked at.
    Skipped,
}

/// A check. What is not [`State::Ok`] says what to do about it, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name, for programs.
    pub name: &'static str,
    /// The mirror it is about; `None` = all of damsync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<String>,
    /// How it came out.
    pub state: State,
    /// What was seen.
    pub seen: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// How the program ends because of it.
    #[serde(skip)]
    pub exit: Exit,
}

impl Check {
    /// As it should be.
    pub fn ok(name: &'static str, seen: impl Into<String>) -> Self {
        Self { name, mirror: None, state: State::Ok, seen: seen.into(), remedy: None, exit: Exit::Done }
    }

    /// Works, but less well than it could.
    pub fn warning(name: &'static str, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Warning, remedy: Some(remedy.into()), ..Self::ok(name, seen) }
    }

    /// Does not work.
    pub fn failed(name: &'static str, exit: Exit, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Failed, remedy: Some(remedy.into()), exit, ..Self::ok(name, seen) }
    }

    /// Could not be looked at, because another check came out badly.
    pub fn waits_for(name: &'static str, other: &'static str) -> Self {
        Self {
            state: State::Skipped,
            remedy: Some(format!("mend `{other}` first, and run `damsync doctor` again")),
            ..Self::ok(name, format!("not looked at, because of `{other}`"))
        }
    }

    /// Could not be looked at.
    pub fn skipped(name: &'static str, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Skipped, remedy: Some(remedy.into()), ..Self::ok(name, seen) }
    }

    /// The same, about one mirror.
    #[must_use]
    pub fn of(self, mirror: &str) -> Self {
        Self { mirror: Some(mirror.to_owned()), ..self }
    }
}
