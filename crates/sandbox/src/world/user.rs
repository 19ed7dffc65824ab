//! Who may call, and with what.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::folder::FolderId;

/// A user's number.
pub type UserId = i64;

/// A user of the organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its number.
    pub id: UserId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Address.
    pub email: String,
    /// Personal access token.
    pub token: String,
    /// Taken away: every call is 401.
    pub revoked: bool,
    /// May send files.
    pub can_upload: bool,
    /// May make folders.
    pub can_create_storage_folders: bool,
    /// May see folders.
    pub can_view_storage_folders: bool,
    /// May ask for other users' changes (`any_user`).
    pub any_user: bool,
    /// May ask for unprocessed assets (`aasm_state`).
    pub see_states: bool,
    /// Folders that this user may not see, with all below them.
    pub hidden_folders: BTreeSet<FolderId>,
    /// When it was made.
    pub created_at: i64,
}

/// An OAuth grant: the pair of tokens in force for one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Whose it is.
    pub user_id: UserId,
    /// The client it was given to; anything is accepted when none is recorded.
    pub client_id: Option<String>,
    /// The bearer token.
    pub access_token: String,
    /// What the next one is asked with.
    pub refresh_token: String,
    /// When the bearer token ends.
    pub expires_at: i64,
    /// Ended by `revoke`.
    pub revoked: bool,
}

/// How a caller says who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// A personal access token and the organization's number.
    Personal {
        /// The token.
        token: &'a str,
        /// The `OrganizationId` header.
        organization_id: Option<i64>,
    },
    /// An OAuth bearer token.
    Bearer(&'a str),
}

/// What a user may do with files and folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CanUpload {
    /// May send files.
    pub can_upload: bool,
    /// May make folders.
    pub can_create_storage_folders: bool,
    /// May see folders.
    pub can_view_storage_folders: bool,
}
