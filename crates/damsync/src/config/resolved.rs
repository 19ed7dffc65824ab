//! What the program obeys: every key answered, every check made that needs no server.

use super::error::{ConfigError, Place};
use super::file::{AuthKind, ConfigFile, ConflictWord, DeleteWord, MirrorSection, Provider, RemoteSection};
use super::nearest::nearest;
use super::surroundings::Surroundings;
use super::token::{self, TokenSource};
use super::values::{StorageFolder, TrashMax};
use super::{overlap, url};
use damsync_model::policy::{ConflictPolicy, DeletePolicy, Direction, MaxDelete, Policy};
use ignore::gitignore::GitignoreBuilder;
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroU64};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is left out when a mirror does not say.
pub const DEFAULT_IGNORE: [&str; 17] = [
    "*.tmp",
    "~$*",
    ".~lock.*#",
    "*~",
    ".*.sw?",
    "4913",
    ".#*",
    "\\#*#",
    "._*",
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    "*.part",
    "*.crdownload",
    "*.idlk",
    ".nfs*",
    ".Trash-*/",
];

/// A configuration that was checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// Where the database is.
    pub state_dir: PathBuf,
    /// The server.
    pub remote: Remote,
    /// The mirrors, in the file's order; at least one.
    pub mirrors: Vec<Mirror>,
}

/// The server and how to treat it.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The API's address, without a slash at its end.
    pub base_url: String,
    /// How we say who we are.
    pub auth: Auth,
    /// How often it is asked for changes.
    pub poll_interval: Duration,
    /// How long a connection may make no progress.
    pub idle_timeout: Duration,
    /// Transfers at once.
    pub concurrency: NonZeroU32,
    /// `None` = as fast as the server allows.
    pub max_requests_per_second: Option<NonZeroU32>,
    /// `None` = no limit.
    pub max_upload_bytes_per_second: Option<NonZeroU64>,
    /// `None` = no limit.
    pub max_download_bytes_per_second: Option<NonZeroU64>,
}

/// How we say who we are. Secrets are not in here, only where they are.
#[derive(Clone, Debug)]
pub enum Auth {
    /// A personal access token.
    Personal {
        /// The organization it works in.
        organization_id: i64,
        /// Where it is.
        token: TokenSource,
    },
    /// An OAuth access token.
    OAuth {
        /// Where it is refreshed.
        base_url: String,
        /// Our name there.
        client_id: String,
        /// Where our secret there is.
        client_secret_file: Option<PathBuf>,
        /// A token given from outside; otherwise the one in `tokens_file`.
        token: TokenSource,
        /// Where refreshed tokens live (0600).
        tokens_file: PathBuf,
    },
}

/// The secrets, read.
#[derive(Debug)]
pub enum Credentials {
    /// A personal access token.
    Personal {
        /// The organization it works in.
        organization_id: i64,
        /// The token.
        token: SecretString,
    },
    /// An OAuth access token.
    OAuth {
        /// Where it is refreshed.
        base_url: String,
        /// Our name there.
        client_id: String,
        /// Our secret there.
        client_secret: Option<SecretString>,
        /// A token given from outside.
        access_token: Option<SecretString>,
        /// Where refreshed tokens live; exists if `access_token` is `None`.
        tokens_file: PathBuf,
    },
}

/// One pair of directory and storage folder.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// Unique.
    pub name: String,
    /// Its directory, absolute, links not resolved.
    pub local: PathBuf,
    /// Its storage folder; `None` = everything.
    pub storage_folder: Option<StorageFolder>,
    /// What the planner and the guards obey.
    pub policy: Policy,
    /// Patterns in gitignore syntax.
    pub ignore: Vec<String>,
    /// How long a file must have been quiet.
    pub settle: Duration,
    /// How long no deletion must have been seen before deletions are planned; a burst waits at most 60 s.
    pub settle_delete: Duration,
    /// How long the local trash keeps a file.
    #[cfg_attr(not(test), expect(dead_code, reason = "read and checked; the trash is not pruned yet"))]
    pub trash_keep: Duration,
    /// How much the local trash may take.
    #[cfg_attr(not(test), expect(dead_code, reason = "read and checked; the trash is not pruned yet"))]
    pub trash_max: TrashMax,
    /// Pulls are held below this much free space, in bytes.
    pub min_free: u64,
}

impl Config {
    /// Answers every key and checks what can be checked here. Changes nothing.
    pub fn resolve(path: &Path, text: &str, file: ConfigFile, here: &Surroundings) -> Result<Self, ConfigError> {
        let remote = file.remote.ok_or_else(|| ConfigError::KeyMissing {
            place: path.display().to_string(),
            key: "[remote]",
            example: "[remote] with base_url, organization_id and token_file",
        })?;
        let remote_place = || Place::at(path, text, text.find("[remote]").unwrap_or(0));
        refuse_later_remote_keys(&remote, &remote_place)?;
        let state_dir = match &file.state_dir {
            Some(dir) => here.absolute("state_dir", dir)?,
            None => here.state_dir()?,
        };
        let mut mirrors = Vec::new();
        let mut names = BTreeSet::new();
        for section in file.mirror {
            let place = Place::at(path, text, section.span().start);
            let mirror = mirror(section.into_inner(), &place, here)?;
            if !names.insert(mirror.name.clone()) {
                return Err(ConfigError::NameTwice { place, name: mirror.name });
            }
            mirrors.push(mirror);
        }
        if mirrors.is_empty() {
            return Err(ConfigError::KeyMissing {
                place: path.display().to_string(),
                key: "[[mirror]]",
                example: "[[mirror]] with name, local and storage_folder",
            });
        }
        overlap::check_mirrors(&mirrors)?;
        overlap::check_state_dir(&state_dir, &mirrors)?;
        let remote = resolve_remote(remote, &remote_place(), &state_dir, &mirrors, here)?;
        Ok(Self { file: path.to_owned(), state_dir, remote, mirrors })
    }

    /// The mirrors of these names, in the file's order; all of them where none is named.
    pub fn select(&self, names: &[String]) -> Result<Vec<&Mirror>, ConfigError> {
        if let Some(name) = names.iter().find(|name| !self.mirrors.iter().any(|mirror| mirror.name == **name)) {
            return Err(ConfigError::NoSuchMirror {
                name: name.clone(),
                file: self.file.clone(),
                nearest: nearest(name, self.mirrors.iter().map(|mirror| mirror.name.as_str())).map(str::to_owned),
            });
        }
        Ok(self.mirrors.iter().filter(|mirror| names.is_empty() || names.contains(&mirror.name)).collect())
    }

    /// Reads the secrets. Commands that speak to the server do this before anything else.
    pub fn credentials(&self, here: &Surroundings) -> Result<Credentials, ConfigError> {
        let no_token = || ConfigError::NoToken { base_url: self.remote.base_url.clone() };
        match &self.remote.auth {
            Auth::Personal { organization_id, token } => Ok(Credentials::Personal {
                organization_id: *organization_id,
                token: token.read(here)?.ok_or_else(no_token)?,
            }),
            Auth::OAuth { base_url, client_id, client_secret_file, token, tokens_file } => {
                let access_token = token.read(here)?;
                if access_token.is_none() && !tokens_file.exists() {
                    return Err(no_token());
                }
                let client_secret = client_secret_file
                    .as_ref()
                    .map(|path| token::private_file("client_secret_file", path))
                    .transpose()?;
                Ok(Credentials::OAuth {
                    base_url: base_url.clone(),
                    client_id: client_id.clone(),
                    client_secret,
                    access_token,
                    tokens_file: tokens_file.clone(),
                })
            }
        }
    }

    /// Makes the state directory if it is missing, and keeps it private (0700).
    pub fn prepare_state_dir(&self) -> Result<(), ConfigError> {
        let failed = |act| move |source| ConfigError::StateDir { path: self.state_dir.clone(), act, source };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.state_dir).map_err(failed("made"))?;
        let found = std::fs::metadata(&self.state_dir).map_err(failed("looked at"))?;
        if found.mode() & 0o077 != 0 {
            tracing::warn!(path = %self.state_dir.display(), "the state directory could be entered by others; now it is private (0700)");
            std::fs::set_permissions(&self.state_dir, std::fs::Permissions::from_mode(0o700))
                .map_err(failed("made private"))?;
        }
        Ok(())
    }
}

fn refuse_later_remote_keys(remote: &RemoteSection, place: &dyn Fn() -> Place) -> Result<(), ConfigError> {
    let later = |what, instead| Err(ConfigError::NotInThisVersion { place: place(), what, instead });
    if remote.provider == Some(Provider::Scenario) {
        return later("provider = \"scenario\"", "use provider = \"mediagraph\", the one provider of this version");
    }
    if remote.project_id.is_some() {
        return later("`project_id`, a key for Scenario,", "remove it");
    }
    if remote.name.is_some() {
        return later("a named [remote]", "remove its `name`: there is one server per configuration");
    }
    if matches!(remote.auth, Some(AuthKind::Key | AuthKind::Bearer)) {
        return later("auth = \"key\" or \"bearer\", for Scenario,", "use auth = \"personal\" or \"oauth\"");
    }
    Ok(())
}

fn resolve_remote(
    remote: RemoteSection,
    place: &Place,
    state_dir: &Path,
    mirrors: &[Mirror],
    here: &Surroundings,
) -> Result<Remote, ConfigError> {
    let secret_file = |key: &'static str, path: Option<PathBuf>| {
        let path = path.map(|path| here.absolute(key, &path)).transpose()?;
        if let Some(path) = &path {
            overlap::check_outside(key, path, mirrors)?;
        }
        Ok::<_, ConfigError>(path)
    };
    let token = TokenSource::find(secret_file("token_file", remote.token_file)?, remote.token_env, here)?;
    let missing = |key, example| move || ConfigError::KeyMissing { place: format!("{place}: [remote]"), key, example };
    let auth = match remote.auth.unwrap_or_default() {
        AuthKind::OAuth => Auth::OAuth {
            base_url: url::checked(
                "oauth_base_url",
                remote.oauth_base_url.as_deref().unwrap_or("https://mediagraph.io"),
            )?,
            client_id: remote
                .client_id
                .ok_or_else(missing("client_id", "client_id = \"…\", as the server gave it for this application"))?,
            client_secret_file: secret_file("client_secret_file", remote.client_secret_file)?,
            token,
            tokens_file: state_dir.join("oauth.json"),
        },
        AuthKind::Personal | AuthKind::Key | AuthKind::Bearer => Auth::Personal {
            organization_id: remote
                .organization_id
                .ok_or_else(missing("organization_id", "organization_id = 100, the number of your organization"))?,
            token,
        },
    };
    let poll_interval = remote.poll_interval.map_or(Duration::from_secs(30), |span| span.0);
    if poll_interval.is_zero() {
        return Err(ConfigError::OutOfRange {
            key: "poll_interval",
            what: "cannot be 0",
            remedy: "write, for example, \"30s\"",
        });
    }
    let idle_timeout = remote.idle_timeout.map_or(Duration::from_secs(30), |span| span.0);
    if idle_timeout.is_zero() {
        return Err(ConfigError::OutOfRange {
            key: "idle_timeout",
            what: "cannot be 0",
            remedy: "write, for example, \"30s\"",
        });
    }
    let concurrency = NonZeroU32::new(remote.concurrency.unwrap_or(8)).filter(|number| number.get() <= 256).ok_or(
        ConfigError::OutOfRange {
            key: "concurrency",
            what: "must lie between 1 and 256",
            remedy: "write, for example, 8",
        },
    )?;
    Ok(Remote {
        base_url: url::checked("base_url", remote.base_url.as_deref().unwrap_or("https://api.mediagraph.io"))?,
        auth,
        poll_interval,
        idle_timeout,
        concurrency,
        max_requests_per_second: remote.max_requests_per_second.and_then(NonZeroU32::new),
        max_upload_bytes_per_second: remote.max_upload_bytes_per_second.and_then(|bytes| NonZeroU64::new(bytes.0)),
        max_download_bytes_per_second: remote.max_download_bytes_per_second.and_then(|bytes| NonZeroU64::new(bytes.0)),
    })
}

fn mirror(section: MirrorSection, place: &Place, here: &Surroundings) -> Result<Mirror, ConfigError> {
    let missing =
        |key, example| move || ConfigError::KeyMissing { place: format!("{place}: [[mirror]]"), key, example };
    let later = |what, instead| Err(ConfigError::NotInThisVersion { place: place.clone(), what, instead });
    if section.collection.is_some() {
        return later("`collection`, a key for Scenario,", "name a `storage_folder`");
    }
    if section.lock_readonly.is_some() {
        return later("`lock_readonly`, a key for Scenario,", "remove it");
    }
    if section.remote.is_some() {
        return later("`remote` in a mirror", "remove it: there is one server per configuration");
    }
    let name = section.name.ok_or_else(missing("name", "name = \"studio\""))?;
    if name.is_empty() || name.chars().count() > 64 || name.trim() != name || name.contains(char::is_control) {
        return Err(ConfigError::BadName { place: place.clone(), name });
    }
    let local = section.local.ok_or_else(missing("local", "local = \"/srv/studio\""))?;
    let local = here.absolute("local", &local)?;
    // A link to a directory is fine, a dangling one is not: the directory would be made who knows where.
    if local.symlink_metadata().is_ok() && !local.is_dir() {
        return Err(ConfigError::LocalNotADirectory { mirror: name, path: local });
    }
    let ignore = section.ignore.unwrap_or_else(|| DEFAULT_IGNORE.iter().map(|pattern| (*pattern).to_owned()).collect());
    check_patterns(&name, &ignore)?;
    let defaults = Policy::default();
    let policy = Policy {
        direction: section.direction.map_or(defaults.direction, Direction::from),
        conflict: section.conflict.map_or(defaults.conflict, |word| match word {
            ConflictWord::KeepBoth => ConflictPolicy::KeepBoth,
            ConflictWord::LocalWins => ConflictPolicy::LocalWins,
            ConflictWord::RemoteWins => ConflictPolicy::RemoteWins,
        }),
        delete: section.delete.map_or(defaults.delete, |word| match word {
            DeleteWord::Trash => DeletePolicy::Trash,
            DeleteWord::Keep => DeletePolicy::Keep,
        }),
        max_delete: section.max_delete.map_or_else(MaxDelete::default, |limit| limit.0),
        max_delete_files: section.max_delete_files.unwrap_or(defaults.max_delete_files),
    };
    Ok(Mirror {
        name,
        local,
        storage_folder: section.storage_folder,
        policy,
        ignore,
        settle: section.settle.map_or(Duration::from_millis(500), |span| span.0),
        settle_delete: section.settle_delete.map_or(Duration::from_secs(5), |span| span.0),
        trash_keep: section.trash_keep.map_or(Duration::from_secs(30 * 24 * 60 * 60), |span| span.0),
        trash_max: section.trash_max.unwrap_or(TrashMax::Permille(100)),
        min_free: section.min_free.map_or(1 << 30, |bytes| bytes.0),
    })
}

fn check_patterns(mirror: &str, patterns: &[String]) -> Result<(), ConfigError> {
    for pattern in patterns {
        GitignoreBuilder::new("/").add_line(None, pattern).map(|_| ()).map_err(|error| ConfigError::BadPattern {
            mirror: mirror.to_owned(),
            pattern: pattern.clone(),
            reason: error.to_string(),
        })?;
    }
    Ok(())
}
