//! One finished `reconcile`.

use serde_json::Value;
use std::collections::BTreeMap;

/// Counts of a report that say that something was done.
const COUNTS: [&str; 12] = [
    "pulled",
    "pushed_new",
    "pushed_versions",
    "adopted",
    "moved_local",
    "moved_remote",
    "trashed_local",
    "trashed_remote",
    "folders_created_local",
    "folders_created_remote",
    "folders_removed_local",
    "folders_removed_remote",
];

/// How it ended and what it said.
#[derive(Clone)]
pub struct Pass {
    /// The exit code; 128 and the signal for one that was killed.
    pub code: i32,
    /// The whole answer.
    pub answer: Value,
    /// The first mirror's report.
    pub report: Value,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {}\n{}{}", self.code, self.stdout, self.stderr)
    }
}

impl Pass {
    /// Reads what the program wrote.
    pub fn read(code: i32, stdout: String, stderr: String) -> Self {
        let answer: Value = serde_json::from_str(&stdout).unwrap_or_default();
        let report = answer["mirrors"][0].clone();
        Self { code, answer, report, stdout, stderr }
    }

    /// The report of a mirror.
    pub fn mirror(&self, name: &str) -> &Value {
        let mirrors = self.answer["mirrors"].as_array().unwrap();
        mirrors.iter().find(|report| report["name"] == name).unwrap()
    }

    /// What was done, by the report's names, without the zeros.
    pub fn did(&self) -> BTreeMap<&'static str, u64> {
        let count = |name: &'static str| Some((name, self.report[name].as_u64().filter(|count| *count > 0)?));
        COUNTS.into_iter().filter_map(count).collect()
    }

    /// # Panics
    /// Unless it ended with this code and outcome, and did exactly this.
    #[track_caller]
    pub fn assert(&self, code: i32, outcome: &str, did: &[(&'static str, u64)]) {
        assert_eq!(self.code, code, "{self:#?}");
        assert_eq!(self.report["outcome"], outcome, "{self:#?}");
        assert_eq!(self.did(), did.iter().copied().collect(), "{self:#?}");
    }

    /// How many bytes went up and came down.
    pub fn bytes(&self) -> (u64, u64) {
        (self.report["bytes_up"].as_u64().unwrap(), self.report["bytes_down"].as_u64().unwrap())
    }

    fn texts(&self, list: &str, key: &str) -> Vec<&str> {
        let items = self.report[list].as_array().into_iter().flatten();
        items.filter_map(|item| item[key].as_str()).collect()
    }

    /// Why something was held.
    pub fn held(&self) -> Vec<&str> {
        self.texts("held", "reason")
    }

    /// Paths that were left out.
    pub fn skipped(&self) -> Vec<&str> {
        self.texts("skipped", "path")
    }

    /// Paths that failed.
    pub fn failed(&self) -> Vec<&str> {
        self.texts("failed", "path")
    }

    /// Paths that wait on the server for this.
    pub fn waiting(&self, state: &str) -> Vec<&str> {
        let items = self.report["awaiting"].as_array().into_iter().flatten();
        items.filter(|item| item["state"] == state).filter_map(|item| item["path"].as_str()).collect()
    }

    /// Why a path failed.
    ///
    /// # Panics
    /// If it did not.
    #[track_caller]
    pub fn failure(&self, path: &str) -> &str {
        let items = self.report["failed"].as_array().into_iter().flatten();
        let item = items.into_iter().find(|item| item["path"] == path);
        item.and_then(|item| item["error"].as_str()).unwrap_or_else(|| panic!("{path} did not fail: {self:#?}"))
    }

    /// Paths that are held for this reason.
    pub fn held_for(&self, reason: &str) -> Vec<&str> {
        let items = self.report["held"].as_array().into_iter().flatten();
        items.filter(|item| item["reason"] == reason).filter_map(|item| item["path"].as_str()).collect()
    }

    /// The conflict copies.
    pub fn copies(&self) -> Vec<&str> {
        self.texts("conflicts", "copy")
    }
}
