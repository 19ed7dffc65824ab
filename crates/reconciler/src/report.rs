//! What a pass did, in the contract's shape (`reconcile --json`).

use damsync_model::plan::{HoldReason, Rule};
use serde::{Deserialize, Deserializer, Serialize};

/// How a pass over one mirror ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Both sides are equal, apart from what is listed.
    #[default]
    InSync,
    /// Something failed or is waiting.
    Incomplete,
    /// A guard stopped the pass, or a part of it.
    Held,
}

/// An open conflict whose copy was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConflictItem {
    /// The file that carries the remote version.
    pub path: String,
    /// Where ours stands.
    pub copy: String,
    /// The asset.
    pub guid: String,
}

/// Which side a held deletion happened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// On the disk.
    Local,
    /// On the server.
    Remote,
}

impl Side {
    /// The contract's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
        }
    }
}

/// Something that was held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldItem {
    /// The contract's word.
    #[serde(serialize_with = "word", deserialize_with = "read_word")]
    pub reason: HoldReason,
    /// The single item that is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where the deletions happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// How many actions are held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Of how many tracked files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// The stored plan's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// More, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl HeldItem {
    /// A hold of the whole mirror.
    pub fn mirror(reason: HoldReason, detail: impl Into<String>) -> Self {
        Self { reason, path: None, side: None, count: None, of: None, plan: None, detail: Some(detail.into()) }
    }

    /// A hold of one item.
    pub fn item(reason: HoldReason, path: impl Into<String>) -> Self {
        Self { reason, path: Some(path.into()), side: None, count: None, of: None, plan: None, detail: None }
    }
}

fn word<S: serde::Serializer>(reason: &HoldReason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.word())
}

fn read_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HoldReason, D::Error> {
    let word = String::deserialize(deserializer)?;
    HoldReason::parse(&word).ok_or_else(|| serde::de::Error::custom("no reason to hold"))
}

/// An item that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedItem {
    /// Which path.
    pub path: String,
    /// Why, in one sentence.
    pub error: String,
}

/// An item that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkippedItem {
    /// Which path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// An item that waits for the server or a person there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AwaitingItem {
    /// Which path.
    pub path: String,
    /// The asset.
    pub guid: String,
    /// `processing`, `submission` or `approval`.
    pub state: &'static str,
}

/// Why something is left as it is although the trees differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftKind {
    /// Nothing can be concluded about it here.
    Skipped,
    /// It waits for the server, or for a person there.
    Awaiting,
    /// It cannot be done, or failed and is not tried again yet.
    Failed,
    /// The user or a guard does not want it.
    Held,
}

impl LeftKind {
    /// Every kind, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Skipped, Self::Awaiting, Self::Failed, Self::Held];

    /// The report's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Awaiting => "awaiting",
            Self::Failed => "failed",
            Self::Held => "held",
        }
    }
}

/// Something that a plan leaves as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Why, in one word.
    pub kind: LeftKind,
    /// The row of the contract, where one speaks of it.
    pub rule: Option<Rule>,
    /// The action that is not done, where there is one.
    pub action: Option<&'static str>,
    /// Below the mirror's root.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// A pass over one mirror.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The mirror's name.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Nothing was changed; the counts say what would be.
    pub dry_run: bool,
    /// Assets downloaded, new ones and new versions.
    pub pulled: u64,
    /// Files uploaded as new assets.
    pub pushed_new: u64,
    /// Files pushed as new versions.
    pub pushed_versions: u64,
    /// Pairs found equal and joined without a transfer.
    pub adopted: u64,
    /// Files moved here.
    pub moved_local: u64,
    /// Assets moved there.
    pub moved_remote: u64,
    /// Files put into the local trash.
    pub trashed_local: u64,
    /// Assets put into the server's trash.
    pub trashed_remote: u64,
    /// Assets brought out of the server's trash. What becomes of them next is counted or reported for itself.
    #[serde(skip)]
    pub restored_remote: u64,
    /// Directories made.
    pub folders_created_local: u64,
    /// Storage folders made.
    pub folders_created_remote: u64,
    /// Directories removed.
    pub folders_removed_local: u64,
    /// Storage folders removed.
    pub folders_removed_remote: u64,
    /// Every open conflict.
    pub conflicts: Vec<ConflictItem>,
    /// What is held back.
    pub held: Vec<HeldItem>,
    /// What failed.
    pub failed: Vec<FailedItem>,
    /// What is left out.
    pub skipped: Vec<SkippedItem>,
    /// What waits for the server.
    pub awaiting: Vec<AwaitingItem>,
    /// Bytes sent to storage.
    pub bytes_up: u64,
    /// Bytes received.
    pub bytes_down: u64,
    /// The server was asked for everything, so that what is not reported is not there.
    #[serde(skip)]
    pub asked_everything: bool,
    /// Deletions that wait until their burst has ended.
    #[serde(skip)]
    pub deferred_deletions: u64,
    /// HTTP requests.
    pub requests: u64,
    /// How long it took.
    pub elapsed_ms: u64,
}

impl Report {
    /// How many changes the pass made on either side, or found to have been made already.
    pub const fn changes(&self) -> u64 {
        self.pulled
            + self.pushed_new
            + self.pushed_versions
            + self.adopted
            + self.moved_local
            + self.moved_remote
            + self.trashed_local
            + self.trashed_remote
            + self.restored_remote
            + self.folders_created_local
            + self.folders_created_remote
            + self.folders_removed_local
            + self.folders_removed_remote
    }
}
