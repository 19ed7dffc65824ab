//! `status`: what the store knows. It asks nobody, and changes nothing.

use super::assembly::{database, lock_file};
use super::{EngineError, lock};
use crate::config::{Config, Mirror};
use crate::status::{Daemon, FailedStatus, FileState, FileStatus, MirrorStatus, Pending, State, Status};
use damsync_model::path::MirrorPath;
use damsync_model::time::UnixMs;
use damsync_reconciler::{Obstacle, Overview, overview, tracked_guid};
use damsync_store::{Store, StoreError, Tx};
use jiff::Timestamp;
use std::path::Path;

/// What the daemon does, or, where none runs, what the store knows. Changes nothing; a store that does not exist yet is
/// a mirror that never was in sync.
pub fn status(config: &Config) -> Result<Status, EngineError> {
    let daemon = daemon(config);
    let mirrors =
        asked(config, |tx| config.mirrors.iter().map(|mirror| Ok(of_mirror(mirror, seen(tx, mirror)?))).collect())?;
    Ok(Status::new(daemon, mirrors))
}

/// How one file stands. `path` is absolute.
pub fn status_of(config: &Config, path: &Path) -> Result<FileStatus, EngineError> {
    let answer = |mirror: Option<&Mirror>, state, guid, detail| FileStatus {
        schema: 1,
        path: path.display().to_string(),
        mirror: mirror.map(|mirror| mirror.name.clone()),
        state,
        guid,
        detail,
    };
    let found = config.mirrors.iter().find_map(|mirror| {
        let below = path.strip_prefix(&mirror.local).ok()?;
        Some((mirror, MirrorPath::parse(below.to_str()?)?))
    });
    let Some((mirror, below)) = found else { return Ok(answer(None, FileState::Untracked, None, None)) };
    asked(config, |tx| {
        let Some(tx) = tx else { return Ok(answer(Some(mirror), FileState::Untracked, None, None)) };
        let guid = tracked_guid(tx, &mirror.name, &below)?;
        let known = seen(Some(tx), mirror)?.unwrap_or_default();
        let (state, detail) = file_state(&known, below.as_str(), guid.is_some());
        Ok(answer(Some(mirror), state, guid, detail))
    })
}

fn file_state(known: &Overview, path: &str, tracked: bool) -> (FileState, Option<String>) {
    if let Some(failed) = known.failed.iter().find(|failed| failed.path == path) {
        return (FileState::Failed, Some(failed.error.clone()));
    }
    if let Some(held) = known.held.iter().find(|held| held.path.as_deref() == Some(path)) {
        return (FileState::Held, Some(held.reason.word().to_owned()));
    }
    if let Some(awaiting) = known.awaiting.iter().find(|awaiting| awaiting.path == path) {
        return (FileState::Awaiting, Some(awaiting.state.to_owned()));
    }
    if let Some((_, why)) = known.skipped.iter().find(|(skipped, _)| skipped == path) {
        return (FileState::Skipped, Some(why.clone()));
    }
    if known.pending.iter().any(|pending| pending == path) {
        return (FileState::Pending, None);
    }
    if known.conflicts.iter().any(|copy| copy == path) {
        return (FileState::Conflict, None);
    }
    if tracked { (FileState::InSync, None) } else { (FileState::Untracked, None) }
}

/// Asks the store, if there is one.
pub(super) fn asked<T>(
    config: &Config,
    ask: impl FnOnce(Option<&Tx<'_>>) -> Result<T, StoreError>,
) -> Result<T, EngineError> {
    let path = database(config);
    let broken = |error: StoreError| EngineError::of_store(&path, error);
    match Store::open_to_read(&path).map_err(broken)? {
        Some(store) => store.read(|tx| ask(Some(tx))).map_err(broken),
        None => ask(None).map_err(broken),
    }
}

fn seen(tx: Option<&Tx<'_>>, mirror: &Mirror) -> Result<Option<Overview>, StoreError> {
    match tx {
        Some(tx) => overview(tx, &mirror.name, &mirror.policy, &damsync_remote::capabilities()),
        None => Ok(None),
    }
}

fn of_mirror(mirror: &Mirror, known: Option<Overview>) -> MirrorStatus {
    let known = known.unwrap_or_default();
    let time = |at: Option<UnixMs>| at.and_then(|at| Timestamp::from_millisecond(at.0).ok());
    let guarded = known.held.iter().any(|held| held.path.is_none());
    let state = match &known.error {
        Some((Obstacle::Server, _)) => State::Offline,
        _ if guarded => State::Held,
        _ => State::Idle,
    };
    MirrorStatus {
        name: mirror.name.clone(),
        local: mirror.local.display().to_string(),
        storage_folder: mirror.storage_folder.clone(),
        state,
        error: known.error.map(|(_, sentence)| sentence),
        files: known.totals.files,
        bytes: known.totals.bytes,
        pending: Pending { push: known.push, pull: known.pull, delete: known.delete },
        in_flight: Vec::new(),
        conflicts: u64::try_from(known.conflicts.len()).unwrap_or(u64::MAX),
        failed: known
            .failed
            .into_iter()
            .map(|failed| FailedStatus {
                path: failed.path,
                error: failed.error,
                attempts: u32::try_from(failed.attempts).unwrap_or(u32::MAX),
                next_try: time(Some(failed.next_try).filter(|at| at.0 > 0)),
            })
            .collect(),
        held: known.held,
        awaiting: known.awaiting,
        last_reconcile_at: time(known.last_reconcile_at),
        last_change_at: time(known.last_change_at),
        last_in_sync_at: time(known.last_in_sync_at),
    }
}

/// A daemon, or another program at work, holds the lock.
fn daemon(config: &Config) -> Daemon {
    let Some(holder) = lock::holder(&lock_file(config)) else { return Daemon::default() };
    let since = holder.since.and_then(|since| Timestamp::try_from(since).ok());
    Daemon { running: true, pid: holder.pid, version: None, since }
}
