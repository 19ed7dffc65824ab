//! `doctor`: everything that must be right, looked at one by one, with what to do where it is not.
//!
//! - It goes on as far as it can: a check that needs another one that failed is skipped, and says so.
//! - It changes nothing. Only `--probe` works on the server, in a storage folder of its own that it takes away again.
//!   (OAuth tokens that age are renewed and stored, as with every command that asks the server.)

mod check;
mod file_system;
mod here;
mod mirror;
mod probe;
mod server;
mod watching;

pub use check::{Check, State};

use crate::cli::DoctorArgs;
use crate::config::{self, Config, ConfigError, Surroundings};
use crate::engine::{self, EngineError, Examined};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::signals::Stop;
use damsync_ports::RemoteFolder;
use damsync_remote::probe::Finding;
use server::Asked;
use std::collections::BTreeSet;
use std::path::Path;

const CONFIGURATION: &str = "configuration";

/// Everything that was found out.
#[derive(Debug, Default)]
pub struct Findings {
    /// In the order in which they build on each other.
    pub checks: Vec<Check>,
    /// What the probe found; `None` where it was not asked for.
    pub unknowns: Option<Vec<Finding>>,
}

/// Looks, and answers.
pub async fn doctor(
    named: Option<&Path>,
    here: &Surroundings,
    args: &DoctorArgs,
    stop: &Stop,
) -> Result<Exit, Failure> {
    let looked = tokio::select! {
        biased;
        _ = stop.wait() => return Err(EngineError::Interrupted.into()),
        looked = look(config::load(named, here), here) => looked,
    };
    let (checks, asked) = looked;
    let mut findings = Findings { checks, unknowns: None };
    if args.probe {
        // Not given up in the middle: it takes away what it made.
        let (check, unknowns) = probe::probe(&asked, stop).await;
        findings.checks.push(check);
        findings.unknowns = Some(unknowns);
    }
    output::print(&if args.json { output::doctor_json(&findings)? } else { output::doctor_text(&findings) })?;
    if stop.requested().is_some() {
        return Err(EngineError::Interrupted.into());
    }
    Ok(Exit::of_all(findings.checks.iter().map(|check| check.exit)))
}

async fn look(loaded: Result<Config, ConfigError>, here: &Surroundings) -> (Vec<Check>, Asked) {
    match loaded {
        Ok(config) => look_with(&config, here).await,
        Err(error) => {
            let mut checks = vec![Check::failed(CONFIGURATION, Exit::Usage, error.to_string(), error.remedy())];
            let others = ["state_dir", "database", "other_program"].into_iter().chain(server::NAMES);
            checks.extend(others.map(|name| Check::waits_for(name, CONFIGURATION)));
            checks.extend(watching::limits(0, 0));
            (checks, Asked::nothing(CONFIGURATION))
        }
    }
}

async fn look_with(config: &Config, here: &Surroundings) -> (Vec<Check>, Asked) {
    let mirrors = config.mirrors.len();
    let counted = output::counted(mirrors as u64, "mirror", "mirrors");
    let mut checks = vec![Check::ok(CONFIGURATION, format!("{} with {counted}", config.file.display()))];
    let state_dir = here::state_dir(&config.state_dir);
    let usable = state_dir.state != State::Failed;
    checks.push(state_dir);
    let mut examined = None;
    if usable {
        // It may take a while with very many files; the wish to stop is heard meanwhile.
        let asked_of = config.clone();
        let looked = tokio::task::spawn_blocking(move || here::database(&asked_of)).await;
        let (check, found) = looked.unwrap_or_else(|_| (Check::waits_for("database", "state_dir"), None));
        examined = found;
        checks.extend([check, here::other_program(config)]);
    } else {
        checks.extend(["database", "other_program"].map(|name| Check::waits_for(name, "state_dir")));
    }
    let (asking, asked) = server::ask(config, here).await;
    checks.extend(asking);
    if let Ok(folders) = &asked.folders {
        checks.extend(overlap(config, folders, examined.as_ref()));
    }
    let mut directories = 0;
    for mirror in &config.mirrors {
        checks.extend(mirror::all(mirror, examined.as_ref(), &asked).await);
        let root = mirror.local.clone();
        directories += tokio::task::spawn_blocking(move || watching::directories(&root)).await.unwrap_or(0);
    }
    checks.extend(watching::limits(directories, mirrors as u64));
    (checks, asked)
}

/// Mirrors whose storage folders lie in each other: by the configuration, or since something was moved on the server.
fn overlap(config: &Config, folders: &[RemoteFolder], examined: Option<&Examined>) -> Option<Check> {
    const NAME: &str = "overlap";
    let known = examined.into_iter().flat_map(|examined| &examined.mirrors);
    let mirrored = known.filter(|(_, row)| row.remote.is_some()).map(|(name, _)| name.clone()).collect();
    if let Err(error) = engine::check_overlap(config, folders, &mirrored) {
        return Some(Check::failed(NAME, Exit::Usage, error.to_string(), error.remedy().unwrap_or_default()));
    }
    let error = engine::check_overlap(config, folders, &BTreeSet::new()).err()?;
    let seen = format!("{error}, since a folder was moved on the server; the inner mirror is held");
    Some(Check::failed(
        NAME,
        Exit::Remains,
        seen,
        "move the folder back on the server, or take one of the two mirrors out of the configuration",
    ))
}
