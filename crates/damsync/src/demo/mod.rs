//! The demo: a stand-in server on this machine, mirrored into a directory, with no account.
//!
//! `DIR` is the mirror, `DIR.server` holds the server's files, `DIR.state` the configuration, the token and the state.
//! A second run in the same directory goes on where the first one ended. A directory that has files of somebody's own
//! is refused.

mod invitation;
mod pdf;
mod picture;
mod samples;
mod screen;
mod server;
mod view;

use crate::cli::DemoArgs;
use crate::commands;
use crate::config::{self, Config, Surroundings};
use crate::engine::{self, ReconcileRequest};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::logging::Recent;
use crate::output;
use crate::progress::Progress;
use crate::signals::Told;
use damsync_sandbox::{Options, Running, SandboxError};
use screen::Scene;
use server::Server;
use std::fmt::Write as _;
use std::fs::{File, TryLockError};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The storage folder that is mirrored.
const FOLDER: &str = "Demo";

/// Why there is no demo, or no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The directory has files that the demo did not put there.
    #[error("{} is not empty and was not made by the demo", dir.display())]
    NotOurs {
        /// Which directory.
        dir: PathBuf,
    },
    /// The path cannot be written into a configuration.
    #[error("{} cannot be written into a configuration: it is not UTF-8", dir.display())]
    NotText {
        /// Which directory.
        dir: PathBuf,
    },
    /// Another demo runs in the same place.
    #[error("another demo runs in {}", dir.display())]
    Running {
        /// Which directory.
        dir: PathBuf,
    },
    /// A file of the demo cannot be made.
    #[error("the demo cannot write {} ({source})", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The stand-in server cannot run.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The stand-in server does not answer its own demo.
    #[error("the demo's server does not answer ({0})")]
    Ask(#[source] reqwest::Error),
}

impl DemoError {
    /// How the program ends because of it.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::NotOurs { .. } | Self::NotText { .. } => Exit::Usage,
            Self::Running { .. } | Self::Write { .. } | Self::Sandbox(_) | Self::Ask(_) => Exit::Remains,
        }
    }

    /// What the user can do about it.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::NotOurs { .. } | Self::NotText { .. } => Some("choose a new directory with --dir".into()),
            Self::Running { .. } => Some("end it first, or choose another directory with --dir".into()),
            Self::Write { .. } => Some("choose a directory that this user may write, with --dir".into()),
            Self::Sandbox(SandboxError::Listen { .. }) => {
                Some("choose another address with --listen, or port 0 for a free one".into())
            }
            Self::Sandbox(_) | Self::Ask(_) => None,
        }
    }
}

fn writing(path: &Path) -> impl FnOnce(io::Error) -> DemoError {
    move |source| DemoError::Write { path: path.to_owned(), source }
}

/// Where everything of a demo lies.
#[derive(Debug)]
struct Places {
    root: PathBuf,
    server: PathBuf,
    state: PathBuf,
}

impl Places {
    fn of(dir: &Path) -> Result<Self, DemoError> {
        let root = std::path::absolute(dir).map_err(writing(dir))?;
        let beside = |ending: &str| {
            let mut name = root.clone().into_os_string();
            name.push(ending);
            PathBuf::from(name)
        };
        Ok(Self { server: beside(".server"), state: beside(".state"), root })
    }

    fn config(&self) -> PathBuf {
        self.state.join("config.toml")
    }

    fn token(&self) -> PathBuf {
        self.state.join("token")
    }

    /// Its presence says that the samples were put in place, and are the user's since.
    fn filled(&self) -> PathBuf {
        self.state.join("samples-in-place")
    }

    /// Refuses a directory that is somebody's, and makes ours. The demo has it to itself while the answer lives.
    fn prepare(&self) -> Result<File, DemoError> {
        let occupied = std::fs::read_dir(&self.root).is_ok_and(|mut entries| entries.next().is_some());
        if occupied && !self.state.exists() {
            return Err(DemoError::NotOurs { dir: self.root.clone() });
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.state).map_err(writing(&self.state))?;
        let lock = self.state.join("demo.lock");
        let held = File::create(&lock).map_err(writing(&lock))?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DemoError::Running { dir: self.root.clone() }),
            Err(TryLockError::Error(source)) => return Err(writing(&lock)(source)),
        }
        if !self.filled().exists() {
            std::fs::create_dir_all(&self.root).map_err(writing(&self.root))?;
            samples::write_local(&self.root).map_err(writing(&self.root))?;
        }
        Ok(held)
    }

    /// Writes the token and the configuration, anew at every start: the server's port may be another.
    fn configure(&self, running: &Running) -> Result<(), DemoError> {
        private(&self.token(), &running.token)?;
        private(&self.config(), &self.configuration(&running.base_url, running.organization_id)?)
    }

    fn configuration(&self, base_url: &str, organization_id: i64) -> Result<String, DemoError> {
        let quoted = |path: &Path| match path.to_str() {
            Some(text) => Ok(toml::Value::String(text.to_owned()).to_string()),
            None => Err(DemoError::NotText { dir: path.to_owned() }),
        };
        let mut text = "# Written by `damsync demo` at every start.\n".to_owned();
        let remote = [
            ("base_url", toml::Value::String(base_url.to_owned()).to_string()),
            ("organization_id", organization_id.to_string()),
            ("token_file", quoted(&self.token())?),
            ("poll_interval", "\"2s\"".to_owned()),
        ];
        let mirror = [
            ("name", "\"demo\"".to_owned()),
            ("local", quoted(&self.root)?),
            ("storage_folder", format!("{FOLDER:?}")),
            ("settle_delete", "\"2s\"".to_owned()),
            ("min_free", "\"64MiB\"".to_owned()),
        ];
        // Writing to a String cannot fail.
        let _ = writeln!(text, "state_dir = {}", quoted(&self.state)?);
        for (header, keys) in [("[remote]", remote.as_slice()), ("[[mirror]]", mirror.as_slice())] {
            let _ = writeln!(text, "\n{header}");
            for (key, value) in keys {
                let _ = writeln!(text, "{key} = {value}");
            }
        }
        Ok(text)
    }
}

fn private(path: &Path, text: &str) -> Result<(), DemoError> {
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(writing(path))
}

/// Runs the demo.
pub async fn demo(args: DemoArgs, here: &Surroundings, recent: &Recent, told: Told) -> Result<Exit, Failure> {
    let places = Places::of(&args.dir)?;
    let _held = places.prepare()?;
    let listen = (std::net::Ipv4Addr::LOCALHOST, 0).into();
    let options = Options { data: places.server.clone(), listen, seed: 0 };
    let running = damsync_sandbox::serve(options).await.map_err(DemoError::from)?;
    let result = with_server(&args, &places, &running, here, recent, told).await;
    let stopped = running.shutdown().await.map_err(DemoError::from);
    let exit = result?;
    stopped?;
    Ok(exit)
}

async fn with_server(
    args: &DemoArgs,
    places: &Places,
    running: &Running,
    here: &Surroundings,
    recent: &Recent,
    told: Told,
) -> Result<Exit, Failure> {
    let server = Server::of(running)?;
    if !places.filled().exists() {
        server.fill(&samples::remote()).await?;
        private(&places.filled(), "The samples were put in place; they are yours to change.\n")?;
    }
    places.configure(running)?;
    // Variables meant for another configuration must not reach this one.
    let here = Surroundings {
        variables: here
            .variables
            .iter()
            .filter(|(name, _)| !name.starts_with("DAMSYNC__"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        ..here.clone()
    };
    let config = config::load(Some(&places.config()), &here)?;
    if args.once {
        return once(&config, &here, told).await;
    }
    live(&config, &here, Scene::new(&places.root, &places.config(), running), &server, recent, told).await
}

async fn once(config: &Config, here: &Surroundings, told: Told) -> Result<Exit, Failure> {
    let credentials = config.credentials(here)?;
    config.prepare_state_dir()?;
    let progress = Progress::on_terminal();
    let passes = engine::reconcile(config, &credentials, &ReconcileRequest::default(), &progress, &told.stop).await;
    progress.clear();
    let passes = passes?;
    output::print(&output::report_text(&passes))?;
    Ok(commands::reconcile::exit(&passes))
}

async fn live(
    config: &Config,
    here: &Surroundings,
    scene: Scene,
    server: &Server,
    recent: &Recent,
    told: Told,
) -> Result<Exit, Failure> {
    let credentials = config.credentials(here)?;
    config.prepare_state_dir()?;
    let stop = told.stop.clone();
    let work = engine::run(config, &credentials, told.requests, &told.stop);
    if io::stdout().is_terminal() {
        screen::clear();
        tokio::pin!(work);
        tokio::select! {
            ended = &mut work => { ended?; }
            drawn = screen::draw(&scene, server, recent, &stop) => {
                // The view never ends the work: it waits for it.
                let ended = work.await;
                drawn?;
                ended?;
            }
        }
    } else {
        output::print(&invitation::text(&scene, &server.tree().await?))?;
        work.await?;
    }
    output::print("\nThe demo has ended. Run it again to go on; remove the three directories to forget it.\n")?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_somebodys_own_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("photos");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(root.join("mine.jpg"), "x").unwrap();
        let error = Places::of(&root).unwrap().prepare().unwrap_err();
        assert!(matches!(error, DemoError::NotOurs { .. }), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing was made");
    }

    #[test]
    fn samples_are_put_in_place_once() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::of(&dir.path().join("demo")).unwrap();
        let held = places.prepare().unwrap();
        assert!(matches!(places.prepare(), Err(DemoError::Running { .. })));
        drop(held);
        assert!(places.root.join("Read me first.txt").exists());
        std::fs::write(places.filled(), "").unwrap();
        std::fs::remove_file(places.root.join("Read me first.txt")).unwrap();
        places.prepare().unwrap();
        assert!(!places.root.join("Read me first.txt").exists(), "a deletion stays one");
        assert_eq!(places.server.file_name().unwrap(), "demo.server");
    }

    #[test]
    fn the_demos_own_configuration_is_good() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::of(&dir.path().join("it's a \"demo\" \u{e9}")).unwrap();
        let _held = places.prepare().unwrap();
        private(&places.token(), "secret").unwrap();
        private(&places.config(), &places.configuration("http://127.0.0.1:1", 7).unwrap()).unwrap();
        let config = config::load(Some(&places.config()), &Surroundings::default()).unwrap();
        assert_eq!(config.mirrors[0].local, places.root);
        assert!(config.credentials(&Surroundings::default()).is_ok());
    }
}
