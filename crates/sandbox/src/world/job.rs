//! Background jobs: asked for, waiting, then done all at once.

use serde::{Deserialize, Serialize};

use super::asset::AssetId;
use super::folder::FolderId;

/// What a job is to do with its assets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobWork {
    /// Move them to a storage folder.
    MoveTo(FolderId),
    /// Take them out of the trash.
    Restore,
    /// Put them into the trash.
    Trash,
    /// Nothing that the sandbox knows.
    Nothing,
}

/// A background job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its identity.
    pub guid: String,
    /// Who asked.
    pub user_id: i64,
    /// What is to be done.
    pub work: JobWork,
    /// With what.
    pub asset_ids: Vec<AssetId>,
    /// When it will be done.
    pub due_at: i64,
    /// The state's name on the wire.
    pub state: String,
    /// Whether it has run.
    pub finished: bool,
    /// What went wrong.
    pub error_message: Option<String>,
    /// When it was asked for.
    pub created_at: i64,
}
