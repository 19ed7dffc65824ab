//! Putting it together: one store, one client, and an engine per mirror.

use super::{EngineError, lock};
use crate::config::{Auth, Config, Credentials, Mirror, StorageFolder};
use damsync_disk::Disk;
use damsync_model::id::StorageFolderId;
use damsync_model::name::OURS;
use damsync_model::time::UnixMs;
use damsync_ports::{RemoteFolder, RemoteSide};
use damsync_reconciler::{Chance, Clock, Engine, FolderChoice, Hooks, Keeper, Known, MirrorSpec, Stop};
use damsync_remote::{Mediagraph, OAuth, Settings, Tokens};
use damsync_store::{Opened, Store};
use secrecy::{ExposeSecret, SecretString};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The engine of one mirror, on the real sides.
pub(super) type MirrorEngine = Engine<Disk, Mediagraph>;

/// What the store is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be written.
    Work,
    /// A rehearsal: nothing is written anywhere.
    DryRun,
}

/// Everything that works together on one configuration.
pub(super) struct Assembly {
    /// Held as long as we work: one program at a time. `None` in a rehearsal.
    lock: Option<File>,
    /// The marks of the mirrors that we work with, held in the same way.
    marks: Mutex<BTreeMap<PathBuf, File>>,
    pub remote: Arc<Mediagraph>,
    pub keeper: Keeper,
    pub stop: Stop,
}

/// Where the database is.
pub(super) fn database(config: &Config) -> PathBuf {
    config.state_dir.join("state.db")
}

/// Where a working program leaves its lock and process number.
pub(super) fn lock_file(config: &Config) -> PathBuf {
    config.state_dir.join("lock")
}

pub(super) fn clock() -> Clock {
    Clock::new(now)
}

pub(super) fn now() -> UnixMs {
    UnixMs(jiff::Timestamp::now().as_millisecond())
}

impl Assembly {
    pub(super) fn of(config: &Config, credentials: &Credentials, purpose: Purpose) -> Result<Self, EngineError> {
        let lock = match purpose {
            Purpose::Work => Some(lock::take(&lock_file(config))?),
            Purpose::DryRun => None,
        };
        let path = database(config);
        let store = open_store(&path, purpose).map_err(|error| EngineError::of_store(&path, error))?;
        let keeper = Keeper::on_thread(store).map_err(|error| EngineError::of_store(&path, error))?;
        let remote = Arc::new(client(config, credentials)?);
        Ok(Self { lock, marks: Mutex::default(), remote, keeper, stop: Stop::default() })
    }

    /// The engine of one mirror.
    pub(super) fn engine(&self, config: &Config, mirror: &Mirror, hooks: Hooks) -> Result<MirrorEngine, EngineError> {
        self.hold_mirror(&mirror.local)?;
        let settings = damsync_disk::Settings { root: mirror.local.clone(), ignore: mirror.ignore.clone() };
        let disk = Disk::new(settings).map_err(|bad| EngineError::Configuration(bad.to_string()))?;
        Ok(Engine {
            spec: spec(config, mirror),
            keeper: self.keeper.clone(),
            disk,
            remote: Arc::clone(&self.remote),
            known: Mutex::new(Known::default()),
            clock: clock(),
            chance: Chance::from_seed(uuid::Uuid::new_v4().as_u64_pair().0),
            hooks,
            stop: self.stop.clone(),
        })
    }

    /// One program at a time works with a mirror, whatever its state directory. Holding it again changes nothing.
    pub(super) fn hold_mirror(&self, root: &Path) -> Result<(), EngineError> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if self.lock.is_none() || marks.contains_key(root) {
            return Ok(());
        }
        if let Some(mark) = lock::take_mark(root, &root.join(OURS).join("mirror.json"))? {
            marks.insert(root.to_owned(), mark);
        }
        Ok(())
    }

    /// Refuses mirrors whose storage folders lie in each other, unless both were mirrored before: then it came to be so by a
    /// move on the server, and the inner one is held. Costs a request, so only where there are several.
    pub(super) async fn check_overlap(&self, config: &Config) -> Result<(), EngineError> {
        if config.mirrors.len() < 2 {
            return Ok(());
        }
        let folders = self
            .remote
            .folders()
            .await
            .map_err(|error| EngineError::of_remote("", config.remote.base_url.clone(), error))?;
        let names: Vec<String> = config.mirrors.iter().map(|mirror| mirror.name.clone()).collect();
        let path = database(config);
        let mirrored = self.keeper.read(move |tx| {
            let known = names
                .into_iter()
                .map(|name| Ok((tx.known_mirror(&name)?.is_some_and(|row| row.remote.is_some()), name)));
            let known: Vec<(bool, String)> = known.collect::<Result<_, damsync_store::StoreError>>()?;
            Ok(known.into_iter().filter_map(|(bound, name)| bound.then_some(name)).collect::<BTreeSet<String>>())
        });
        let mirrored = mirrored.await.map_err(|error| EngineError::of_store(&path, error))?;
        refuse_overlap(config, &folders, &mirrored)
    }
}

/// Refuses mirrors whose storage folders lie in each other, except where both of them are `settled` already.
pub(super) fn refuse_overlap(
    config: &Config,
    folders: &[RemoteFolder],
    settled: &BTreeSet<String>,
) -> Result<(), EngineError> {
    let roots: Vec<(&Mirror, Option<&RemoteFolder>)> = config
        .mirrors
        .iter()
        .filter_map(|mirror| match choice(mirror) {
            FolderChoice::Everything => Some((mirror, None)),
            choice => choice.find(folders).map(|folder| (mirror, Some(folder))),
        })
        .collect();
    for (at, (outer, above)) in roots.iter().enumerate() {
        for (other, (inner, below)) in roots.iter().enumerate() {
            let overlaps = match (above, below) {
                (None, _) => true,
                (Some(above), Some(below)) => above.id == below.id || below.ancestors.contains(&above.id),
                (Some(_), None) => false,
            };
            let both_settled = settled.contains(&outer.name) && settled.contains(&inner.name);
            if at != other && overlaps && !both_settled {
                return Err(EngineError::Overlap {
                    first: outer.name.clone(),
                    second: inner.name.clone(),
                    outer: choice(outer).to_string(),
                    inner: choice(inner).to_string(),
                });
            }
        }
    }
    Ok(())
}

pub(super) fn choice(mirror: &Mirror) -> FolderChoice {
    match &mirror.storage_folder {
        None => FolderChoice::Everything,
        Some(StorageFolder::Id(id)) => FolderChoice::Id(StorageFolderId::from(*id)),
        Some(StorageFolder::Path(path)) => FolderChoice::Path(path.split('/').map(str::to_owned).collect()),
    }
}

fn spec(config: &Config, mirror: &Mirror) -> MirrorSpec {
    MirrorSpec {
        name: mirror.name.clone(),
        storage_folder: choice(mirror),
        beside: config
            .mirrors
            .iter()
            .filter(|other| other.name != mirror.name)
            .map(|other| other.name.clone())
            .collect(),
        policy: mirror.policy.clone(),
        settle: mirror.settle,
        min_free_bytes: mirror.min_free,
        concurrency: config.remote.concurrency.get() as usize,
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
    }
}

fn open_store(path: &Path, purpose: Purpose) -> Result<Store, damsync_store::StoreError> {
    match purpose {
        Purpose::DryRun => match Store::open_to_read(path)? {
            Some(store) => store.temporary_copy(),
            None => Store::temporary(),
        },
        Purpose::Work => {
            let (store, opened) = Store::open(path, &now().compact())?;
            if let Opened::SetAside(aside) = opened {
                tracing::warn!(path = %aside.display(), "the damaged database was set aside; both sides are joined anew, and nothing is deleted");
            }
            Ok(store)
        }
    }
}

pub(super) fn client(config: &Config, credentials: &Credentials) -> Result<Mediagraph, EngineError> {
    let unusable = |why: String| EngineError::Configuration(why);
    let auth = match credentials {
        Credentials::Personal { organization_id, token } => damsync_remote::Auth::Personal {
            token: token.clone(),
            organization_id: u64::try_from(*organization_id)
                .map_err(|_| unusable("organization_id must be a positive number".to_owned()))?,
        },
        Credentials::OAuth { base_url, client_id, client_secret, access_token, tokens_file } => {
            let tokens = match access_token {
                Some(token) => Tokens { access: token.clone(), refresh: None, expires_at: None },
                None => read_tokens(tokens_file)?,
            };
            let file = tokens_file.clone();
            damsync_remote::Auth::OAuth(OAuth {
                tokens,
                oauth_base_url: base_url.clone(),
                client_id: client_id.clone(),
                client_secret: client_secret.clone(),
                on_new_tokens: Arc::new(move |tokens| write_tokens(&file, tokens)),
            })
        }
    };
    debug_assert!(matches!(
        (&config.remote.auth, &auth),
        (Auth::Personal { .. }, damsync_remote::Auth::Personal { .. })
            | (Auth::OAuth { .. }, damsync_remote::Auth::OAuth(_))
    ));
    let remote = &config.remote;
    let settings = Settings {
        max_requests_per_second: remote.max_requests_per_second.map_or(0, std::num::NonZero::get),
        concurrency: remote.concurrency.get(),
        max_upload_bytes_per_second: remote.max_upload_bytes_per_second.map_or(0, std::num::NonZero::get),
        max_download_bytes_per_second: remote.max_download_bytes_per_second.map_or(0, std::num::NonZero::get),
        idle_timeout: remote.idle_timeout,
        jitter_seed: uuid::Uuid::new_v4().as_u64_pair().1,
        ..Settings::new(remote.base_url.clone(), auth)
    };
    Mediagraph::new(settings).map_err(|error| unusable(error.to_string()))
}

/// How OAuth tokens stand in `oauth.json`.
#[derive(serde::Serialize, serde::Deserialize)]
struct StoredTokens {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    /// ISO 8601.
    #[serde(default)]
    expires_at: Option<jiff::Timestamp>,
}

fn read_tokens(path: &Path) -> Result<Tokens, EngineError> {
    let bad = |why: String| EngineError::Configuration(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    // The parser's own words could quote the token.
    let stored: StoredTokens =
        serde_json::from_str(&text).map_err(|_| bad("the OAuth tokens in it cannot be read".to_owned()))?;
    Ok(Tokens {
        access: SecretString::from(stored.access_token),
        refresh: stored.refresh_token.map(SecretString::from),
        expires_at: stored.expires_at.map(|at| UnixMs(at.as_millisecond())),
    })
}

/// Durable before it is used: a new file, synced, then renamed over the old one, then the directory synced.
fn write_tokens(path: &Path, tokens: &Tokens) -> std::io::Result<()> {
    let stored = StoredTokens {
        access_token: tokens.access.expose_secret().to_owned(),
        refresh_token: tokens.refresh.as_ref().map(|token| token.expose_secret().to_owned()),
        expires_at: tokens.expires_at.and_then(|at| jiff::Timestamp::from_millisecond(at.0).ok()),
    };
    let fresh = path.with_extension("json.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(serde_json::to_string(&stored)?.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}
