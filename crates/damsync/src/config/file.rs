//! What the user wrote: the configuration file, key by key, before any default or check across keys.
//!
//! Keys that this version does not obey yet are known here, so that they get a better answer than "unknown".

use super::values::{Bytes, DeleteLimit, Span, StorageFolder, TrashMax};
use clap::ValueEnum;
use damsync_model::policy::Direction;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use toml::Spanned;

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// Where the database is.
    pub state_dir: Option<PathBuf>,
    /// The server.
    pub remote: Option<RemoteSection>,
    /// The pairs of directory and storage folder.
    #[serde(default)]
    pub mirror: Vec<Spanned<MirrorSection>>,
}

/// `[remote]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteSection {
    /// Which kind of DAM.
    pub provider: Option<Provider>,
    /// The API's address.
    pub base_url: Option<String>,
    /// The organization that a personal token works in.
    pub organization_id: Option<i64>,
    /// A file that holds the token.
    pub token_file: Option<PathBuf>,
    /// An environment variable that holds the token.
    pub token_env: Option<String>,
    /// How we say who we are.
    pub auth: Option<AuthKind>,
    /// Where OAuth tokens come from.
    pub oauth_base_url: Option<String>,
    /// Our name there.
    pub client_id: Option<String>,
    /// A file that holds our secret there.
    pub client_secret_file: Option<PathBuf>,
    /// How often the server is asked for changes.
    pub poll_interval: Option<Span>,
    /// How long a connection may make no progress.
    pub idle_timeout: Option<Span>,
    /// Transfers at once.
    pub concurrency: Option<u32>,
    /// 0 = as fast as the server allows.
    pub max_requests_per_second: Option<u32>,
    /// 0 = no limit.
    pub max_upload_bytes_per_second: Option<Bytes>,
    /// 0 = no limit.
    pub max_download_bytes_per_second: Option<Bytes>,
    /// Not obeyed yet.
    pub name: Option<String>,
    /// Not obeyed yet.
    pub project_id: Option<String>,
}

impl RemoteSection {
    /// These settings, except where `other` says something.
    #[must_use]
    pub fn overridden_by(self, other: Self) -> Self {
        Self {
            provider: other.provider.or(self.provider),
            base_url: other.base_url.or(self.base_url),
            organization_id: other.organization_id.or(self.organization_id),
            token_file: other.token_file.or(self.token_file),
            token_env: other.token_env.or(self.token_env),
            auth: other.auth.or(self.auth),
            oauth_base_url: other.oauth_base_url.or(self.oauth_base_url),
            client_id: other.client_id.or(self.client_id),
            client_secret_file: other.client_secret_file.or(self.client_secret_file),
            poll_interval: other.poll_interval.or(self.poll_interval),
            idle_timeout: other.idle_timeout.or(self.idle_timeout),
            concurrency: other.concurrency.or(self.concurrency),
            max_requests_per_second: other.max_requests_per_second.or(self.max_requests_per_second),
            max_upload_bytes_per_second: other.max_upload_bytes_per_second.or(self.max_upload_bytes_per_second),
            max_download_bytes_per_second: other.max_download_bytes_per_second.or(self.max_download_bytes_per_second),
            name: other.name.or(self.name),
            project_id: other.project_id.or(self.project_id),
        }
    }
}

/// A kind of DAM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// Mediagraph.
    #[default]
    Mediagraph,
    /// Scenario; not in this version.
    Scenario,
}

/// A way of saying who we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum AuthKind {
    /// A personal access token.
    #[default]
    Personal,
    /// An OAuth access token that is refreshed.
    #[serde(rename = "oauth")]
    #[value(name = "oauth")]
    OAuth,
    /// Scenario's; not in this version.
    Key,
    /// Scenario's; not in this version.
    Bearer,
}

/// `[[mirror]]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MirrorSection {
    /// How it is called on the command line and in reports.
    pub name: Option<String>,
    /// Its directory.
    pub local: Option<PathBuf>,
    /// Its storage folder.
    pub storage_folder: Option<StorageFolder>,
    /// Which way changes travel.
    pub direction: Option<DirectionWord>,
    /// Who wins.
    pub conflict: Option<ConflictWord>,
    /// What a deletion does on the other side.
    pub delete: Option<DeleteWord>,
    /// How many deletions are let through.
    pub max_delete: Option<DeleteLimit>,
    /// How many deletions are let through, whatever the share.
    pub max_delete_files: Option<u64>,
    /// What is left out.
    pub ignore: Option<Vec<String>>,
    /// How long a file must be quiet.
    pub settle: Option<Span>,
    /// How long no deletion must have been seen.
    pub settle_delete: Option<Span>,
    /// How long the local trash keeps a file.
    pub trash_keep: Option<Span>,
    /// How much the local trash may take.
    pub trash_max: Option<TrashMax>,
    /// Pulls are held below this much free space.
    pub min_free: Option<Bytes>,
    /// Not obeyed yet.
    pub remote: Option<String>,
    /// Not obeyed yet.
    pub collection: Option<String>,
    /// Not obeyed yet.
    pub lock_readonly: Option<bool>,
}

/// `direction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DirectionWord {
    /// Both ways.
    TwoWay,
    /// Only to the disk.
    PullOnly,
    /// Only to the server.
    PushOnly,
}

impl From<DirectionWord> for Direction {
    fn from(word: DirectionWord) -> Self {
        match word {
            DirectionWord::TwoWay => Self::TwoWay,
            DirectionWord::PullOnly => Self::PullOnly,
            DirectionWord::PushOnly => Self::PushOnly,
        }
    }
}

/// `conflict`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictWord {
    /// Both are kept, side by side.
    KeepBoth,
    /// Ours becomes the newest version.
    LocalWins,
    /// Theirs replaces ours.
    RemoteWins,
}

/// `delete`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeleteWord {
    /// The other side's trash.
    Trash,
    /// Nothing.
    Keep,
}

/// The keys of each table, to tell a misplaced key from a mistyped one.
pub const TABLES: [(&str, &[&str]); 3] = [
    ("at the top of the file", &["state_dir", "remote", "mirror"]),
    (
        "[remote]",
        &[
            "provider",
            "base_url",
            "organization_id",
            "token_file",
            "token_env",
            "auth",
            "oauth_base_url",
            "client_id",
            "client_secret_file",
            "poll_interval",
            "idle_timeout",
            "concurrency",
            "max_requests_per_second",
            "max_upload_bytes_per_second",
            "max_download_bytes_per_second",
        ],
    ),
    (
        "[[mirror]]",
        &[
            "name",
            "local",
            "storage_folder",
            "direction",
            "conflict",
            "delete",
            "max_delete",
            "max_delete_files",
            "ignore",
            "settle",
            "settle_delete",
            "trash_keep",
            "trash_max",
            "min_free",
        ],
    ),
];
