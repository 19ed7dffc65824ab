//! An asset and its versions, as the database holds them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::folder::FolderId;
use super::habits::Habits;

/// An asset's number.
pub type AssetId = i64;

/// How far an asset or a version has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetState {
    /// Prepared; no bytes yet.
    Pending,
    /// The bytes were reported as sent.
    Uploaded,
    /// Being processed.
    Processing,
    /// Done: search shows it.
    Processed,
    /// Processing went wrong.
    ProcessingError,
}

impl AssetState {
    /// All states.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Uploaded, Self::Processing, Self::Processed, Self::ProcessingError];

    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Uploaded => "uploaded",
            Self::Processing => "processing",
            Self::Processed => "processed",
            Self::ProcessingError => "processing_error",
        }
    }

    /// The state a word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// Bytes that lie somewhere: their size, their MD5 and how to find them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Number of bytes.
    pub size: u64,
    /// MD5 in hexadecimal.
    pub md5: String,
    /// Where the bytes are.
    pub place: Place,
}

/// Where bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Under this key in the content store.
    Stored(String),
    /// Nowhere: they are made from this seed on demand.
    Generated(u64),
}

/// One content of an asset. Versions are never removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The row's own number, unique over all assets.
    pub id: i64,
    /// 1, 2, 3… within the asset.
    pub number: i64,
    /// The name it was prepared with.
    pub filename: String,
    /// The size it was announced with.
    pub declared_size: Option<u64>,
    /// The key its bytes are to be PUT under.
    pub upload_key: String,
    /// The bytes, once reported as sent.
    pub content: Option<Content>,
    /// How far it has come.
    pub state: AssetState,
    /// Who prepared it.
    pub user_id: i64,
    /// When it was prepared.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
    /// Free text of the client.
    pub created_via: Option<String>,
    /// Free text of the client.
    pub created_via_id: Option<String>,
}

/// An asset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asset {
    /// Its number.
    pub id: AssetId,
    /// Its stable identity.
    pub guid: String,
    /// The name shown; not unique within a folder.
    pub filename: String,
    /// The folder it lies in.
    pub folder_id: FolderId,
    /// The upload session it came with.
    pub upload_id: i64,
    /// Who made it.
    pub user_id: i64,
    /// The number of the current version.
    pub head: i64,
    /// All versions, by number.
    pub versions: Vec<Version>,
    /// How far it has come.
    pub state: AssetState,
    /// When it was prepared.
    pub created_at: i64,
    /// When anything about it last changed.
    pub updated_at: i64,
    /// When it was put into the trash.
    pub trashed_at: Option<i64>,
    /// Who put it there.
    pub trashed_by: Option<i64>,
    /// The acknowledgement that everybody shares.
    pub last_external_sync_at: Option<i64>,
    /// When somebody checked it out.
    pub checked_out_at: Option<i64>,
    /// When it was submitted.
    pub submitted_at: Option<i64>,
    /// Whether it was approved.
    pub approved: bool,
    /// The path given at prepare.
    pub path: Option<String>,
    /// Free text of the client.
    pub created_via: Option<String>,
    /// Free text of the client.
    pub created_via_id: Option<String>,
    /// May the caller change it.
    pub editable: bool,
    /// May it be downloaded at all.
    pub downloadable: bool,
    /// May its original be downloaded.
    pub original_downloadable: bool,
    /// Description.
    pub description: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Stars.
    pub rating: Option<i64>,
    /// All other metadata that was set, by key.
    pub meta: BTreeMap<String, serde_json::Value>,
}

impl Asset {
    /// The current version.
    #[must_use]
    pub fn head_version(&self) -> Option<&Version> {
        self.version(self.head)
    }

    /// A version by its number.
    #[must_use]
    pub fn version(&self, number: i64) -> Option<&Version> {
        // Numbers are given in order from 1, so this is nearly always the right place.
        let index = usize::try_from(number - 1).ok()?;
        self.versions.get(index).filter(|version| version.number == number)
    }

    /// Whether it is out of the trash.
    #[must_use]
    pub fn alive(&self) -> bool {
        self.trashed_at.is_none()
    }

    /// Whether search shows it without being asked for other states.
    #[must_use]
    pub fn listed(&self, habits: &Habits) -> bool {
        self.alive()
            && self.state == AssetState::Processed
            && (habits.unsubmitted_listed || (self.submitted_at.is_some() && self.approved))
    }

    /// The size that the server tells.
    #[must_use]
    pub fn told_size(&self, habits: &Habits) -> Option<u64> {
        self.head_version().and_then(|version| version.told_size(habits))
    }

    /// The MD5 that the server tells.
    #[must_use]
    pub fn told_md5(&self, habits: &Habits) -> Option<&str> {
        self.head_version().and_then(|version| version.told_md5(habits))
    }
}

impl Version {
    fn told_content(&self, habits: &Habits) -> Option<&Content> {
        let known = self.state == AssetState::Processed || !habits.md5_after_processing;
        self.content.as_ref().filter(|_| known && habits.checksums_given)
    }

    /// The size that the server tells: the announced one while pending, then nothing until it knows.
    #[must_use]
    pub fn told_size(&self, habits: &Habits) -> Option<u64> {
        if self.state == AssetState::Pending {
            return self.declared_size;
        }
        self.told_content(habits).map(|content| content.size)
    }

    /// The MD5 that the server tells.
    #[must_use]
    pub fn told_md5(&self, habits: &Habits) -> Option<&str> {
        self.told_content(habits).map(|content| content.md5.as_str())
    }
}
