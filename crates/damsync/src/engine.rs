//! Where the commands meet the crates below: from a configuration to passes over its mirrors.
//!
//! The commands know nothing of stores, sides and planners; they call the four functions here and print what comes back.

use crate::config::{Config, Credentials};
use crate::exit::Exit;
use crate::progress::Progress;
use crate::signals::{Request, Stop, StopReason};
use crate::status::{FileStatus, Status};
use damsync_reconciler::report::Report;
use std::path::Path;
use tokio::sync::mpsc;

/// What `reconcile` was asked for.
#[derive(Clone, Debug, Default)]
pub struct ReconcileRequest {
    /// Only these mirrors, checked to exist; all of them where empty.
    pub mirrors: Vec<String>,
    /// Change nothing.
    pub dry_run: bool,
    /// Let through what this pass would hold for `mass_delete`.
    pub allow_deletes: bool,
    /// Hash every file again and ask for every asset.
    pub full: bool,
}

/// How a pass over one mirror went.
#[derive(Debug)]
pub struct Pass {
    /// The mirror.
    pub mirror: String,
    /// Its report, or why there is none.
    pub result: Result<Report, EngineError>,
}

/// Why there is no report. Each is a sentence that names the place; [`EngineError::remedy`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// This build cannot do it yet.
    #[error("the engine is being wired: this build cannot {0} yet")]
    NotWired(&'static str),
    /// The server does not accept the token.
    #[error("{base_url} does not accept the token{}", said(words))]
    NotAuthenticated {
        /// Which server.
        base_url: String,
        /// What it said.
        words: String,
    },
    /// The server cannot be reached.
    #[error("{base_url} is out of reach ({words})")]
    OutOfReach {
        /// Which server.
        base_url: String,
        /// What happened.
        words: String,
    },
    /// The storage folder does not exist and never did for us.
    #[error("mirror {mirror:?}: there is no storage folder {folder} on {base_url}")]
    NoSuchFolder {
        /// Which mirror.
        mirror: String,
        /// As configured.
        folder: String,
        /// Which server.
        base_url: String,
    },
    /// Two mirrors' storage folders lie in each other.
    #[error("mirrors {first:?} and {second:?} overlap: storage folder {inner} lies in {outer}")]
    Overlap {
        /// One mirror.
        first: String,
        /// The other.
        second: String,
        /// The outer folder.
        outer: String,
        /// The inner folder.
        inner: String,
    },
    /// Another program works on the mirror or the state.
    #[error("another damsync{} uses {what}", pid.map_or(String::new(), |pid| format!(" (process {pid})")))]
    InUse {
        /// What is in use.
        what: String,
        /// By whom.
        pid: Option<u32>,
    },
    /// The database cannot be used.
    #[error("the database {path} cannot be used ({cause})")]
    Store {
        /// Where it is.
        path: String,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The pass broke off.
    #[error("mirror {mirror:?}: {cause}")]
    Pass {
        /// Which mirror.
        mirror: String,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A signal ended it. What was done is written down.
    #[error("interrupted")]
    Interrupted,
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" ({words})") }
}

impl EngineError {
    /// How the program ends because of it.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::NotAuthenticated { .. } => Exit::NotAllowed,
            Self::OutOfReach { .. } => Exit::OutOfReach,
            Self::NoSuchFolder { .. } | Self::Overlap { .. } => Exit::Usage,
            Self::Interrupted => Exit::Interrupted,
            Self::NotWired(_) | Self::InUse { .. } | Self::Store { .. } | Self::Pass { .. } => Exit::Remains,
        }
    }

    /// What the user can do about it.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::NotAuthenticated { .. } => {
                Some("check the token and organization_id in [remote]; a new token may be needed".into())
            }
            Self::OutOfReach { .. } => {
                Some("check base_url and the network, then run it again; nothing was lost".into())
            }
            Self::NoSuchFolder { .. } => Some(
                "correct `storage_folder`, or make the folder on the server; names are compared letter by letter"
                    .into(),
            ),
            Self::Overlap { .. } => Some("let each storage folder belong to one mirror only".into()),
            Self::InUse { .. } => Some("wait for it to end, or stop it".into()),
            Self::Store { .. } => Some(
                "check the disk that holds it; set it aside and run `damsync reconcile`: it is rebuilt from both sides"
                    .into(),
            ),
            Self::Pass { .. } | Self::NotWired(_) | Self::Interrupted => None,
        }
    }
}

/// One pass over the mirrors that `request` names, in the configuration's order. The state directory is
/// there and private, except in a dry run, where it may be missing and must then stay so. An error of one mirror stands in its [`Pass`]; an error here concerns all of them.
#[expect(clippy::unused_async, reason = "being wired")]
pub async fn reconcile(
    config: &Config,
    credentials: &Credentials,
    request: &ReconcileRequest,
    progress: &Progress,
    stop: &Stop,
) -> Result<Vec<Pass>, EngineError> {
    tracing::debug!(state_dir = %config.state_dir.display(), ?request, ?credentials, stop = ?stop.requested(), "reconcile");
    progress.message("looking at both sides");
    Err(EngineError::NotWired("reconcile"))
}

/// Keeps all mirrors in sync until `stop`; returns why it stopped. Holds, refused tokens and outages do not end it.
pub async fn run(
    config: &Config,
    credentials: &Credentials,
    mut requests: mpsc::Receiver<Request>,
    stop: &Stop,
) -> Result<StopReason, EngineError> {
    tracing::debug!(state_dir = %config.state_dir.display(), ?credentials, "run");
    tokio::select! {
        reason = stop.wait() => Ok(reason),
        _ = requests.recv() => Err(EngineError::NotWired("run")),
    }
}

/// What the daemon does, or, where none runs, what the store knows. Changes nothing; a store that does not exist yet is
/// a mirror that never was in sync.
pub fn status(config: &Config) -> Result<Status, EngineError> {
    tracing::debug!(state_dir = %config.state_dir.display(), "status");
    Err(EngineError::NotWired("tell the status"))
}

/// How one file stands. `path` is absolute.
pub fn status_of(config: &Config, path: &Path) -> Result<FileStatus, EngineError> {
    tracing::debug!(state_dir = %config.state_dir.display(), path = %path.display(), "status");
    Err(EngineError::NotWired("tell the status of a file"))
}
