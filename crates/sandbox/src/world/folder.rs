//! Storage folders: a tree by parent, with the slugs and paths that follow from it.

use serde::{Deserialize, Serialize};

/// A folder's number.
pub type FolderId = i64;

/// A storage folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Its number.
    pub id: FolderId,
    /// The folder it lies in.
    pub parent_id: Option<FolderId>,
    /// The name shown.
    pub name: String,
    /// The name in paths of assets.
    pub slug: String,
    /// Free text.
    pub description: Option<String>,
    /// Holds folders only.
    pub organizer: Option<bool>,
    /// May the caller change it.
    pub editable: bool,
    /// Deleting it is refused.
    pub block_destroy: bool,
    /// Whether files may be sent into it.
    pub enable_contribution: bool,
    /// Where uploads go; null when it has none of its own.
    pub contribution_id: Option<i64>,
    /// Whether what is sent there is approved at once.
    pub auto_approve: bool,
    /// Whether uploads must be tagged before they count as submitted.
    pub require_tags: bool,
    /// Set while its index is being rebuilt.
    pub reindexing_at: Option<i64>,
    /// Another service it is connected to, by the name of the answer's key.
    pub connector: Option<(String, String)>,
    /// Who made it.
    pub user_id: i64,
    /// When it was made.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
}

/// A name as it appears in paths of assets: lower case letters, digits and single dashes.
#[must_use]
pub fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for part in name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()) {
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.extend(part.chars().flat_map(char::to_lowercase));
    }
    if slug.is_empty() { "folder".to_owned() } else { slug }
}
