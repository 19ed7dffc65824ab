//! Upload sessions, and the places that bytes may be PUT to.

use serde::{Deserialize, Serialize};

use super::asset::Content;
use super::folder::FolderId;

/// One upload session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its number.
    pub id: i64,
    /// Its identity: eight hexadecimal digits.
    pub guid: String,
    /// Free text.
    pub name: Option<String>,
    /// Free text.
    pub note: Option<String>,
    /// Who started it.
    pub user_id: i64,
    /// The contribution it goes to.
    pub contribution_id: i64,
    /// The folder its assets go to.
    pub folder_id: FolderId,
    /// Started without naming a contribution.
    pub direct: bool,
    /// When it was ended.
    pub done_at: Option<i64>,
    /// When it was started.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
}

/// What `set_done` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadSummary {
    /// The session.
    pub upload: Upload,
    /// How many assets it has.
    pub assets_count: u64,
    /// How many of them wait for something.
    pub unsubmitted_assets_count: u64,
    /// Whether nothing is asked for any more.
    pub all_requirements_met: bool,
}

/// A permission to PUT, and what was PUT last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadSlot {
    /// The last moment at which a PUT may start.
    pub expires_at: i64,
    /// What lies there.
    pub stored: Option<Content>,
}

/// The key to PUT to and until when: what a signed URL is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadTicket {
    /// The object's key.
    pub key: String,
    /// The last moment at which the PUT may start.
    pub expires_at: i64,
}
