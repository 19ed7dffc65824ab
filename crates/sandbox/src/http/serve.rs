//! Starting and stopping: the ports, the files, the keeper that writes the world down.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::clock::Clock;
use super::contents::Contents;
use super::database::Database;
use super::play::play;
use super::shared::{Shared, lock};
use super::{admin, assets, download, oauth, places, storage};
use crate::error::SandboxError;
use crate::world::asset::Content;
use crate::world::{Host, World};

/// How often the world is written down.
const KEEP_EVERY: Duration = Duration::from_millis(100);

/// How long open requests may take to end when the sandbox stops.
const STOP_WITHIN: Duration = Duration::from_millis(500);

/// Where and how to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory that holds everything.
    pub data: PathBuf,
    /// Where to listen; with port 0 the ports of the last time are taken if they are free.
    pub listen: SocketAddr,
    /// What a new world's tokens and GUIDs come from.
    pub seed: u64,
}

/// A sandbox that is being served.
#[derive(Debug)]
pub struct Running {
    /// The API's address, without a slash at its end.
    pub base_url: String,
    /// The storage's address, without a slash at its end.
    pub storage_url: String,
    /// The first user's personal access token.
    pub token: String,
    /// The organization's number.
    pub organization_id: i64,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    keeper: JoinHandle<Result<(), SandboxError>>,
}

impl Running {
    /// Lets an operator of the same process into the world; what it is handed besides is the world's time.
    pub fn operate<T>(&self, act: impl FnOnce(&mut World, i64) -> T) -> T {
        let now = self.shared.now();
        act(&mut self.shared.world(), now)
    }

    /// Stores bytes that an operator gives to an asset.
    pub fn keep(&self, bytes: &[u8]) -> std::io::Result<Content> {
        self.shared.contents.add(bytes)
    }

    /// Ends it: open requests are given a moment, then everything is written down.
    pub async fn shutdown(self) -> Result<(), SandboxError> {
        // Nobody may be listening any more, which is what is wanted.
        let _ = self.stop.send(true);
        for mut task in self.tasks {
            if tokio::time::timeout(STOP_WITHIN, &mut task).await.is_err() {
                task.abort();
            }
        }
        self.keeper.await?
    }
}

/// Starts a sandbox.
pub async fn serve(options: Options) -> Result<Running, SandboxError> {
    serve_by(options, Clock::of_the_machine()).await
}

/// Starts a sandbox whose time comes from a clock. Only signatures hang on the machine's time, whatever the clock says.
pub async fn serve_by(options: Options, clock: Clock) -> Result<Running, SandboxError> {
    let data = options.data.clone();
    std::fs::create_dir_all(&data).map_err(|error| SandboxError::file(&data, error))?;
    let now = clock.ms();
    let seed = options.seed;
    let directory = data.clone();
    let (database, world) = tokio::task::spawn_blocking(move || open(&directory, seed, now)).await??;

    let (api, api_url) = listen(&database, "api", options.listen).await?;
    let (bytes, storage_url) = listen(&database, "storage", SocketAddr::new(options.listen.ip(), 0)).await?;
    let (key, secret) = storage_key(&database, &world, seed)?;
    let s3 = storage::Storage::open(&data.join("incoming"), &key, &secret)?;
    let contents = Contents::open(data.join("contents"))?;
    let (stop, stopping) = watch::channel(false);
    let (token, organization_id) = {
        let token = world.any_user(world.owner()).map(|user| user.token.clone()).unwrap_or_default();
        (token, world.organization_id())
    };
    let shared = Arc::new(Shared {
        clock,
        world: Mutex::new(world),
        contents,
        log: Mutex::default(),
        snapshot: Mutex::default(),
        redirected: Mutex::default(),
        base_url: api_url.clone(),
        storage_url: storage_url.clone(),
        bucket: bucket(&storage_url)?,
        credentials: rusty_s3::Credentials::new(key, secret),
        stopping: stopping.clone(),
    });
    s3.connect(&shared);

    let keeper = tokio::spawn(keep(Arc::clone(&shared), database, stopping));
    let tasks = vec![spawn(api, api_router(&shared), &shared), spawn(bytes, storage_router(&shared, s3), &shared)];
    Ok(Running { base_url: api_url, storage_url, token, organization_id, shared, stop, tasks, keeper })
}

fn open(data: &Path, seed: u64, now: i64) -> Result<(Database, World), SandboxError> {
    let mut database = Database::open(&data.join("sandbox.sqlite"))?;
    if let Some(world) = World::from_kept(database.read()?, now) {
        return Ok((database, world));
    }
    let mut world = World::new(seed, now);
    if let Some(kept) = world.take_changes() {
        database.write(&kept)?;
    }
    Ok((database, world))
}

async fn listen(database: &Database, name: &str, address: SocketAddr) -> Result<(TcpListener, String), SandboxError> {
    let known = database.own(name)?.and_then(|port| port.parse::<u16>().ok()).filter(|_| address.port() == 0);
    let last = match known {
        Some(port) => TcpListener::bind(SocketAddr::new(address.ip(), port)).await.ok(),
        None => None,
    };
    let failed = |source| SandboxError::Listen { address, source };
    let listener = match last {
        Some(listener) => listener,
        None => TcpListener::bind(address).await.map_err(failed)?,
    };
    let bound = listener.local_addr().map_err(failed)?;
    database.set_own(name, &bound.port().to_string())?;
    Ok((listener, format!("http://{bound}")))
}

/// The storage's key, made once per data directory.
fn storage_key(database: &Database, world: &World, seed: u64) -> Result<(String, String), SandboxError> {
    if let (Some(key), Some(secret)) = (database.own("storage_key")?, database.own("storage_secret")?) {
        return Ok((key, secret));
    }
    let mut prng = crate::world::Prng::new(seed ^ world.organization_id().unsigned_abs().rotate_left(40));
    let (key, secret) = (format!("SANDBOX{}", prng.hex(13).to_uppercase()), prng.hex(40));
    database.set_own("storage_key", &key)?;
    database.set_own("storage_secret", &secret)?;
    Ok((key, secret))
}

fn bucket(storage_url: &str) -> Result<rusty_s3::Bucket, SandboxError> {
    let unusable = |reason: String| SandboxError::Storage { reason };
    let endpoint = storage_url.parse().map_err(|error| unusable(format!("{error}")))?;
    rusty_s3::Bucket::new(endpoint, rusty_s3::UrlStyle::Path, storage::BUCKET, "us-east-1")
        .map_err(|error| unusable(error.to_string()))
}

fn api_router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .merge(assets::routes())
        .merge(places::routes())
        .merge(oauth::routes())
        .merge(admin::routes())
        .fallback(assets::nothing)
        .method_not_allowed_fallback(assets::nothing)
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(Arc::clone(shared))
}

fn storage_router(shared: &Arc<Shared>, s3: storage::Storage) -> Router {
    let downloads = Router::new().route("/download/{token}", get(download::redirected)).with_state(Arc::clone(shared));
    let objects = Router::new().fallback(any(storage::serve)).with_state(s3);
    downloads.fallback_service(objects)
}

fn spawn(listener: TcpListener, router: Router, shared: &Arc<Shared>) -> JoinHandle<()> {
    let host = if listener.local_addr().is_ok_and(|address| shared.base_url.ends_with(&format!(":{}", address.port())))
    {
        Host::Api
    } else {
        Host::Storage
    };
    let (playing, stopping) = (Arc::clone(shared), Arc::clone(shared));
    let router =
        router.layer(from_fn(move |request: Request, next: Next| play(Arc::clone(&playing), host, request, next)));
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(async move { stopping.stopped().await });
        if let Err(error) = served.await {
            tracing::warn!(%error, "a port of the sandbox ended");
        }
    })
}

/// Writes down what changed, until the sandbox stops and once after that.
async fn keep(
    shared: Arc<Shared>,
    database: Database,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), SandboxError> {
    let database = Arc::new(Mutex::new(database));
    loop {
        let stop = tokio::select! {
            () = tokio::time::sleep(KEEP_EVERY) => false,
            _ = stopping.wait_for(|stop| *stop) => true,
        };
        if stop {
            // Requests that are still open change the world for a moment longer.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let changed = shared.world().take_changes();
        if let Some(kept) = changed {
            let database = Arc::clone(&database);
            let written = tokio::task::spawn_blocking(move || lock(&database).write(&kept)).await?;
            if let Err(error) = &written {
                tracing::error!(%error, "the world could not be written down");
            }
            written?;
        }
        if stop {
            return Ok(());
        }
    }
}
