//! A DAM's API in the words of the model: Mediagraph.
//!
//! - [`Mediagraph`] implements the remote port. It decides nothing: it asks, repeats what may be repeated, and tells.
//! - A wrong answer (a web page, half a JSON, a list shorter than its own total) is an error, never "empty".
//! - Credentials go to the configured address only, storage hosts get none, and nothing here prints a secret.
//! - Requests that make something are sent once; the caller finds out what became of a lost answer.
//!
//! Start reading at [`Settings`], then `http`: every API request goes through it.

mod account;
mod answer;
mod assets;
mod auth;
mod download;
mod folder_list;
mod folders;
#[cfg(feature = "hostile")]
#[doc(hidden)]
pub mod hostile;
mod http;
mod ids;
mod jobs;
mod loose;
mod pace;
mod port;
pub mod probe;
mod retry;
mod search;
mod settings;
mod shapes;
mod storage;
mod streams;
mod upload;
mod wire;
mod words;

pub use account::{Account, Rights};
pub use settings::{Auth, OAuth, OnNewTokens, Settings, SettingsError, Tokens};

use damsync_model::capability::Capabilities;
use std::fmt;
use std::sync::atomic::AtomicBool;

/// One organization of Mediagraph, seen with one user's rights.
pub struct Mediagraph {
    http: http::Http,
    folders: folders::Folders,
    capabilities: Capabilities,
    /// Hints about other users' assets were refused once.
    own_hints_only: AtomicBool,
}

/// What Mediagraph can do.
pub fn capabilities() -> Capabilities {
    Capabilities {
        replaces_content: true,
        renames_assets: true,
        moves_assets: true,
        restores_assets: true,
        has_folder_tree: true,
        acknowledges: true,
        has_leases: false,
        max_upload_bytes: storage::MOST_BYTES,
    }
}

impl Mediagraph {
    /// Checks the settings; sends nothing.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            http: http::Http::new(settings)?,
            folders: folders::Folders::new(),
            capabilities: capabilities(),
            own_hints_only: AtomicBool::new(false),
        })
    }
}

impl fmt::Debug for Mediagraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mediagraph").field("base_url", &self.http.base.as_str()).finish_non_exhaustive()
    }
}
