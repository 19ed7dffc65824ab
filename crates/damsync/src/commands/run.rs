//! `run`: the daemon.

use crate::config::{Config, Surroundings};
use crate::engine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::signals::{StopReason, Told};

/// Runs until told to stop.
pub async fn run(config: &Config, here: &Surroundings, told: Told) -> Result<Exit, Failure> {
    let credentials = config.credentials(here)?;
    config.prepare_state_dir()?;
    tracing::info!(config = %config.file.display(), mirrors = config.mirrors.len(), version = env!("CARGO_PKG_VERSION"), "started");
    let reason = engine::run(config, &credentials, told.requests, &told.stop).await.map_err(Failure::Daemon)?;
    tracing::info!("stopped");
    Ok(match reason {
        StopReason::Terminated => Exit::Done,
        StopReason::Interrupted => Exit::Interrupted,
    })
}
