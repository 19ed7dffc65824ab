//! Why the sandbox could not be started, kept or stopped.

use std::path::PathBuf;

/// A failure of the sandbox itself. What the DAM refuses is a [`crate::world::Refusal`] and never ends up here.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A file or directory below the data directory could not be used.
    #[error("the sandbox cannot use {}", path.display())]
    File {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// No port could be opened.
    #[error("the sandbox cannot listen on {address}")]
    Listen {
        /// Where it wanted to listen.
        address: std::net::SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database in the data directory could not be read or written.
    #[error("the sandbox cannot use its database")]
    Database(#[from] rusqlite::Error),
    /// A row of the database does not hold what this version writes.
    #[error("the sandbox's database holds a row of {table} that it cannot read")]
    Row {
        /// The table.
        table: &'static str,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// The S3 library refused the directory or the address it was given.
    #[error("the sandbox's storage cannot start: {reason}")]
    Storage {
        /// What the library said.
        reason: String,
    },
    /// A task of the sandbox ended in a panic.
    #[error("a task of the sandbox ended badly")]
    Task(#[from] tokio::task::JoinError),
}

impl SandboxError {
    pub(crate) fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_path_buf(), source }
    }
}
