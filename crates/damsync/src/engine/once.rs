//! `reconcile`: one pass over each mirror, one after the other.

use super::assembly::{Assembly, Purpose};
use super::{EngineError, Pass, ReconcileRequest};
use crate::config::{Config, Credentials};
use crate::progress::{Progress, Transfer, Way};
use crate::signals::Stop;
use damsync_reconciler::report::Report;
use damsync_reconciler::{Ask, Deletions, Execution, Hooks, Look, Permission, Request, Step};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a pass may take to reach a safe point after it was asked to stop.
const GRACE: Duration = Duration::from_secs(8);

/// One pass over the mirrors that `request` names, in the configuration's order. The state directory is there and
/// private, except in a dry run, where it may be missing and then stays so. An error of one mirror stands in its
/// [`Pass`]; an error here concerns all of them.
pub async fn reconcile(
    config: &Config,
    credentials: &Credentials,
    request: &ReconcileRequest,
    progress: &Progress,
    stop: &Stop,
) -> Result<Vec<Pass>, EngineError> {
    let mut passes = Vec::new();
    let begin = |mirror: &str| {
        progress.message(&format!("{mirror}: looking at both sides"));
        hooks(progress)
    };
    over_mirrors(config, credentials, request, stop, begin, |pass| passes.push(pass)).await?;
    Ok(passes)
}

/// The passes of `request`, each announced before and handed over after it.
pub(super) async fn over_mirrors(
    config: &Config,
    credentials: &Credentials,
    request: &ReconcileRequest,
    stop: &Stop,
    begin: impl Fn(&str) -> Hooks,
    mut end: impl FnMut(Pass),
) -> Result<(), EngineError> {
    let purpose = if request.dry_run { Purpose::DryRun } else { Purpose::Work };
    let assembly = Assembly::of(config, credentials, purpose)?;
    assembly.check_overlap(config).await?;
    let wanted = |name: &str| request.mirrors.is_empty() || request.mirrors.iter().any(|wanted| wanted == name);
    for mirror in config.mirrors.iter().filter(|mirror| wanted(&mirror.name)) {
        let engine = assembly.engine(config, mirror, begin(&mirror.name))?;
        let work = engine.pass(pass_request(request));
        let result = until_stopped(work, stop, &assembly.stop).await;
        let result = match result {
            Some((report, Ok(()))) => Ok(report),
            Some((_, Err(error))) => Err(EngineError::of_pass(&mirror.name, &config.remote.base_url, error)),
            None => Err(EngineError::Interrupted),
        };
        let interrupted = matches!(result, Err(EngineError::Interrupted));
        end(Pass { mirror: mirror.name.clone(), result });
        if interrupted {
            break;
        }
    }
    Ok(())
}

fn pass_request(request: &ReconcileRequest) -> Request {
    Request {
        look: Look::Everywhere,
        ask: if request.full { Ask::Full } else { Ask::Whole },
        deletions: Deletions::Now,
        permission: if request.allow_deletes { Permission::AllowDeletes } else { Permission::Guarded },
        execution: if request.dry_run { Execution::Rehearsal } else { Execution::Real },
    }
}

/// Runs a pass; after a wish to stop it has some time to reach a safe point, and is then dropped. That loses nothing:
/// whatever is under way stands in the journal.
pub(super) async fn until_stopped<E>(
    work: impl Future<Output = (Report, Result<(), E>)>,
    stop: &Stop,
    engine_stop: &damsync_reconciler::Stop,
) -> Option<(Report, Result<(), E>)> {
    tokio::select! {
        done = work => Some(done),
        () = async {
            stop.wait().await;
            engine_stop.request();
            tokio::time::sleep(GRACE).await;
        } => None,
    }
}

/// Shows what the engine does on the terminal.
fn hooks(progress: &Progress) -> Hooks {
    let progress = progress.clone();
    let transfers: Mutex<BTreeMap<String, Transfer>> = Mutex::default();
    Hooks {
        step: Arc::new(move |step| {
            let mut transfers = transfers.lock().unwrap_or_else(PoisonError::into_inner);
            match step {
                Step::Scanned(files) => progress.scanned(files),
                Step::Hashed(_) | Step::Planned { .. } | Step::Left(_) | Step::Begun { .. } | Step::Over { .. } => {}
                Step::TransferStarted { path, direction, bytes } => {
                    let way = if direction == "push" { Way::Up } else { Way::Down };
                    let transfer = progress.transfer_started(&path, way, bytes.unwrap_or(0));
                    transfers.insert(path, transfer);
                }
                Step::TransferMoved { path, bytes } => {
                    if let Some(transfer) = transfers.get(&path) {
                        transfer.advanced(bytes);
                    }
                }
                Step::TransferEnded { path } => drop(transfers.remove(&path)),
                Step::Done { rule, action, path } => tracing::info!(rule, action, path, "done"),
            }
        }),
        ..Hooks::default()
    }
}
