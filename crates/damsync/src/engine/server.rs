//! The server as `init` and `doctor` ask it: who we are, what we may do, which storage folders there are.

use super::EngineError;
use super::assembly::{choice, client, refuse_overlap};
use crate::config::{Config, Credentials, Mirror};
use damsync_ports::{RemoteError, RemoteErrorKind, RemoteFolder, RemoteSide};
use damsync_reconciler::FolderChoice;
use damsync_remote::{Account, Auth, Mediagraph, Rights, Settings, probe};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};

/// A server, with a token to ask it with.
#[derive(Debug)]
pub struct Server {
    base_url: String,
    side: Mediagraph,
}

/// Where a mirror's storage folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// The mirror is of everything.
    Everything,
    /// There it is, with its path of names.
    Found(RemoteFolder),
    /// Not there, or hidden from this token.
    Nowhere,
}

impl Server {
    /// The one of a configuration.
    pub fn configured(config: &Config, credentials: &Credentials) -> Result<Self, EngineError> {
        Ok(Self { base_url: config.remote.base_url.clone(), side: client(config, credentials)? })
    }

    /// One that no configuration names yet.
    pub fn visited(base_url: &str, organization_id: i64, token: SecretString) -> Result<Self, EngineError> {
        let unusable = |why: String| EngineError::Configuration(why);
        let organization_id = u64::try_from(organization_id)
            .map_err(|_| unusable("the organization's number must be positive".to_owned()))?;
        let settings = Settings::new(base_url, Auth::Personal { token, organization_id });
        let side = Mediagraph::new(settings).map_err(|error| unusable(error.to_string()))?;
        Ok(Self { base_url: base_url.to_owned(), side })
    }

    /// Its address.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Who we are.
    pub async fn account(&self) -> Result<Account, EngineError> {
        self.side.account().await.map_err(|error| match error.kind {
            // The very first question: whoever does not understand it is not whom we look for.
            RemoteErrorKind::NotFound | RemoteErrorKind::Nonsense(_) => {
                EngineError::NotTheApi { base_url: self.base_url.clone(), words: error.kind.to_string() }
            }
            _ => self.explain(error),
        })
    }

    /// What we may do.
    pub async fn rights(&self) -> Result<Rights, EngineError> {
        self.side.rights().await.map_err(|error| self.explain(error))
    }

    /// Every storage folder that we can see.
    pub async fn folders(&self) -> Result<Vec<RemoteFolder>, EngineError> {
        self.side.folders().await.map_err(|error| self.explain(error))
    }

    /// Finds out how this server decides the unknowns, in a storage folder of its own.
    pub async fn probe(&self, stop: &(dyn Fn() -> bool + Sync)) -> Result<probe::Outcome, EngineError> {
        probe::run(&self.side, None, stop).await.map_err(|error| self.explain(error))
    }

    fn explain(&self, error: RemoteError) -> EngineError {
        let what = error.what;
        match EngineError::of_remote("", self.base_url.clone(), error) {
            EngineError::Pass { cause, .. } => {
                // The cause begins with what was asked; nobody is served by hearing it twice.
                let words = cause.to_string();
                let words = words.strip_prefix(what).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&words);
                EngineError::Question { base_url: self.base_url.clone(), what, words: words.to_owned() }
            }
            other => other,
        }
    }
}

/// Where the storage folder of `mirror` is among `folders`.
pub fn whereabouts(mirror: &Mirror, folders: &[RemoteFolder]) -> Whereabouts {
    match choice(mirror) {
        FolderChoice::Everything => Whereabouts::Everything,
        choice => choice.find(folders).cloned().map_or(Whereabouts::Nowhere, Whereabouts::Found),
    }
}

/// Refuses mirrors whose storage folders lie in each other. Two of `settled` are not compared with each other.
pub fn check_overlap(config: &Config, folders: &[RemoteFolder], settled: &BTreeSet<String>) -> Result<(), EngineError> {
    if config.mirrors.len() < 2 { Ok(()) } else { refuse_overlap(config, folders, settled) }
}

/// The paths of names of all folders, in the order of the alphabet.
pub fn folder_paths(folders: &[RemoteFolder]) -> Vec<(String, RemoteFolder)> {
    let names: BTreeMap<_, _> = folders.iter().map(|folder| (&folder.id, folder.name.as_str())).collect();
    let mut paths: Vec<(String, RemoteFolder)> = folders
        .iter()
        .map(|folder| {
            let above = folder.ancestors.iter().map(|id| names.get(id).copied().unwrap_or("?"));
            (above.chain([folder.name.as_str()]).collect::<Vec<_>>().join("/"), folder.clone())
        })
        .collect();
    paths.sort_by(|(one, _), (other, _)| one.cmp(other));
    paths
}
