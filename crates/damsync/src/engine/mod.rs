//! Where the commands meet the crates below: from a configuration to passes over its mirrors.
//!
//! The commands know nothing of stores, sides and planners; they call the functions here and print what comes back.

mod assembly;
mod checkup;
mod daemon;
mod explain;
mod holds;
mod lock;
mod once;
mod overview;
mod plan;
mod server;

pub use checkup::{Examined, database_path, examine_database, look_at, working_process};
pub use daemon::run;
pub use explain::{Explained, conflicts, explain};
pub use holds::{approve, held_plan, reattach};
pub use once::reconcile;
pub use overview::{status, status_of};
pub use plan::{Told, plan};
pub use server::{Server, Whereabouts, check_overlap, folder_paths, whereabouts};

use crate::exit::Exit;
use damsync_ports::{RemoteError, RemoteErrorKind};
use damsync_reconciler::PassError;
use damsync_reconciler::report::Report;

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
    /// The configuration names something that is not there, or cannot be used.
    #[error("{0}")]
    Configuration(String),
    /// The server does not allow what everything else needs.
    #[error("{base_url} does not allow it ({words})")]
    NotAllowed {
        /// Which server.
        base_url: String,
        /// What it said.
        words: String,
    },
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
    /// Something answers there, but not the API that we know.
    #[error("{base_url} answers, but not as the DAM's API does ({words})")]
    NotTheApi {
        /// Which server.
        base_url: String,
        /// What came.
        words: String,
    },
    /// A question was not answered as it should be.
    #[error("{base_url} could not be asked to {what} ({words})")]
    Question {
        /// Which server.
        base_url: String,
        /// Which question.
        what: &'static str,
        /// What happened.
        words: String,
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
            Self::NotAuthenticated { .. } | Self::NotAllowed { .. } => Exit::NotAllowed,
            Self::OutOfReach { .. } => Exit::OutOfReach,
            Self::Configuration(_) | Self::NotTheApi { .. } | Self::Overlap { .. } => Exit::Usage,
            Self::Interrupted => Exit::Interrupted,
            Self::Question { .. } | Self::InUse { .. } | Self::Store { .. } | Self::Pass { .. } => Exit::Remains,
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
            Self::NotAllowed { .. } => {
                Some("check with this user's rights on the server what the token may do, and organization_id".into())
            }
            Self::NotTheApi { .. } => {
                Some("correct base_url: for Mediagraph it is https://api.mediagraph.io, with nothing behind it".into())
            }
            Self::Question { .. } => Some("run it again, and ask the server's operator if it stays so".into()),
            Self::Overlap { .. } => Some("let each storage folder belong to one mirror only".into()),
            Self::InUse { .. } => Some("wait for it to end, or stop it".into()),
            Self::Store { .. } => Some(
                "check the disk that holds it; set it aside and run `damsync reconcile`: it is rebuilt from both sides"
                    .into(),
            ),
            Self::Pass { .. } | Self::Configuration(_) | Self::Interrupted => None,
        }
    }
}

impl EngineError {
    /// What a pass over `mirror` ended with.
    fn of_pass(mirror: &str, base_url: &str, error: PassError) -> Self {
        let base_url = base_url.to_owned();
        match error {
            PassError::Configuration(sentence) => Self::Configuration(sentence),
            PassError::Stopped => Self::Interrupted,
            PassError::Remote(error) => Self::of_remote(mirror, base_url, error),
            other => Self::Pass { mirror: mirror.to_owned(), cause: Box::new(other) },
        }
    }

    fn of_remote(mirror: &str, base_url: String, error: RemoteError) -> Self {
        let what = error.what;
        match error.kind {
            RemoteErrorKind::Unauthorized => Self::NotAuthenticated { base_url, words: String::new() },
            RemoteErrorKind::Forbidden(words) => Self::NotAllowed { base_url, words: format!("{what}: {words}") },
            kind @ (RemoteErrorKind::NoAnswer(_) | RemoteErrorKind::Busy { .. }) => {
                Self::OutOfReach { base_url, words: format!("{what}: {kind}") }
            }
            kind => Self::Pass { mirror: mirror.to_owned(), cause: Box::new(RemoteError { what, kind }) },
        }
    }

    /// The state directory or its database.
    fn of_store(path: &std::path::Path, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Store { path: path.display().to_string(), cause: Box::new(cause) }
    }
}
