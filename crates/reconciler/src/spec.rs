//! A mirror as the user configured it.

use damsync_model::id::StorageFolderId;
use damsync_model::policy::Policy;
use damsync_ports::RemoteFolder;
use std::time::Duration;

/// Which storage folder a mirror shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderChoice {
    /// Every folder that the user can see.
    Everything,
    /// By the names from the top downwards.
    Path(Vec<String>),
    /// By its id.
    Id(StorageFolderId),
}

impl std::fmt::Display for FolderChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Path(names) => f.write_str(&names.join("/")),
            Self::Id(id) => id.fmt(f),
        }
    }
}

impl FolderChoice {
    /// The storage folder that is meant, among those that the server shows; of several with the same names the one that
    /// was made first. `None` for every folder, or where it is not there.
    pub fn find<'f>(&self, folders: &'f [RemoteFolder]) -> Option<&'f RemoteFolder> {
        match self {
            Self::Everything => None,
            Self::Id(id) => folders.iter().find(|folder| folder.id == *id),
            Self::Path(names) => {
                let mut at: Option<&RemoteFolder> = None;
                for name in names {
                    let parent = at.map(|folder| &folder.id);
                    at = folders
                        .iter()
                        .filter(|folder| folder.parent.as_ref() == parent && folder.name == *name)
                        .min_by(|a, b| a.id.cmp(&b.id));
                    at?;
                }
                at
            }
        }
    }
}

/// A mirror as the user configured it.
#[derive(Clone, Debug, PartialEq)]
pub struct MirrorSpec {
    /// Its name, unique in the configuration.
    pub name: String,
    /// Which storage folder.
    pub storage_folder: FolderChoice,
    /// The other mirrors of the same server, by name.
    pub beside: Vec<String>,
    /// What the planner and the guards obey.
    pub policy: Policy,
    /// How long a file must have been quiet.
    pub settle: Duration,
    /// Pulls stop when less than this would be left free, in bytes.
    pub min_free_bytes: u64,
    /// Transfers at once.
    pub concurrency: usize,
    /// For conflict copies.
    pub host: String,
}
