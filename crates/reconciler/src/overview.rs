//! What the store knows of a mirror's state, without asking anybody: for `status` where no daemon runs.

use crate::entities::{entity, rows};
use crate::folders::Folders;
use crate::guard::Guard;
use crate::report::{AwaitingItem, HeldItem};
use crate::trouble::{Obstacle, Trouble, trouble};
use damsync_model::capability::Capabilities;
use damsync_model::id::{FolderId, MirrorId};
use damsync_model::name::{FileName, NameKey};
use damsync_model::path::MirrorPath;
use damsync_model::plan::{Action, Decision, HoldReason, Wait};
use damsync_model::planner::{Rules, decide};
use damsync_model::policy::Policy;
use damsync_model::time::UnixMs;
use damsync_model::tree::{Local, Place, Remote};
use damsync_store::{DirtyKey, StoreError, Totals, Tx};

/// An item that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedEntry {
    /// Below the mirror's root.
    pub path: String,
    /// One sentence.
    pub error: String,
    /// How often it was tried.
    pub attempts: u64,
    /// Not before this time.
    pub next_try: UnixMs,
}

/// What the store knows of one mirror.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// Tracked files.
    pub totals: Totals,
    /// Files to send.
    pub push: u64,
    /// Assets to fetch.
    pub pull: u64,
    /// Deletions on either side.
    pub delete: u64,
    /// The first of the paths that these three count.
    pub pending: Vec<String>,
    /// Open conflicts: the copies' paths.
    pub conflicts: Vec<String>,
    /// What failed.
    pub failed: Vec<FailedEntry>,
    /// What is held back.
    pub held: Vec<HeldItem>,
    /// Why the last pass broke off, if it did.
    pub error: Option<(Obstacle, String)>,
    /// What waits for the server.
    pub awaiting: Vec<AwaitingItem>,
    /// What is left out.
    pub skipped: Vec<(String, String)>,
    /// When a pass last ended well.
    pub last_reconcile_at: Option<UnixMs>,
    /// When one last changed anything.
    pub last_change_at: Option<UnixMs>,
    /// When both sides were last found equal.
    pub last_in_sync_at: Option<UnixMs>,
}

/// Reads it; `None` if the store does not know the mirror.
///
/// # Errors
/// What the store says.
pub fn overview(
    tx: &Tx<'_>,
    name: &str,
    policy: &Policy,
    capabilities: &Capabilities,
) -> Result<Option<Overview>, StoreError> {
    let Some(mirror) = tx.known_mirror(name)? else { return Ok(None) };
    let mut overview = Overview {
        totals: tx.totals(mirror.id)?,
        last_reconcile_at: mirror.last_reconcile_at,
        last_change_at: mirror.last_change_at,
        last_in_sync_at: tx.cursor(mirror.id, IN_SYNC_AT)?.map(UnixMs),
        ..Overview::default()
    };
    for plan in tx.plans(mirror.id)? {
        let side = match plan.side.as_deref() {
            Some("local") => Some(crate::report::Side::Local),
            Some("remote") => Some(crate::report::Side::Remote),
            _ => None,
        };
        let guard = Guard::ALL.into_iter().find(|guard| guard.word() == plan.guard);
        overview.held.push(HeldItem {
            reason: HoldReason::parse(&plan.reason).unwrap_or(HoldReason::MassDelete),
            path: None,
            side,
            count: Some(plan.count),
            of: Some(plan.total),
            plan: Some(plan.id),
            detail: guard.and_then(Guard::detail).map(str::to_owned),
        });
    }
    let Trouble { held, error } = trouble(tx, mirror.id)?;
    overview.held.extend(held);
    overview.error = error;
    let Some(folders) = folders(tx, mirror.id)? else { return Ok(Some(overview)) };
    for conflict in tx.conflicts(mirror.id)? {
        overview.conflicts.push(place_path(&folders, conflict.copy.0, &conflict.copy.1));
    }
    let rules = Rules { policy, capabilities };
    let mut after: Option<DirtyKey> = None;
    loop {
        let batch = tx.dirty(mirror.id, after.as_ref(), crate::rounds::BATCH)?;
        let Some(last) = batch.last() else { break };
        after = Some(last.key.clone());
        for dirty in batch {
            let Some(found) = rows(tx, mirror.id, &dirty.key)? else { continue };
            // Ignore files are on the disk, which is not asked here.
            let entity = entity(&found, &folders, |_| false);
            let place = match (&entity.local, &entity.base, &entity.remote) {
                (Local::Present(file), _, _) => Some(&file.place),
                (_, Some(base), _) => Some(&base.place),
                (_, _, Remote::Live(remote)) => Some(&remote.place),
                _ => None,
            };
            let path = place.and_then(|place| folders.path_of(place)).unwrap_or_default().to_string();
            let guid = found.asset.as_ref().map(|row| row.asset.guid.to_string()).unwrap_or_default();
            let decision = decide(&entity, rules);
            if let (Decision::Act(_), Some(failure)) = (&decision, dirty.failure) {
                let (error, attempts, next_try) = (failure.error, failure.attempts, failure.next_try);
                overview.failed.push(FailedEntry { path, error, attempts, next_try });
                continue;
            }
            overview.add(decision, path, guid);
        }
    }
    Ok(Some(overview))
}

/// The cursor that says when both sides were last found equal.
pub(crate) const IN_SYNC_AT: &str = "in_sync_at";

impl Overview {
    fn add(&mut self, decision: Decision, path: String, guid: String) {
        match decision {
            Decision::Settled => {}
            Decision::Act(planned) => {
                if self.pending.len() < MOST_PENDING {
                    self.pending.push(path);
                }
                self.count(&planned.action);
            }
            Decision::Held { reason, .. } => self.held.push(HeldItem::item(reason, path)),
            Decision::Skipped { why, .. } => self.skipped.push((path, why)),
            Decision::Waiting { wait, .. } => match wait {
                Wait::Processing => self.awaiting.push(AwaitingItem { path, guid, state: "processing" }),
                Wait::Submission => self.awaiting.push(AwaitingItem { path, guid, state: "submission" }),
                Wait::Approval => self.awaiting.push(AwaitingItem { path, guid, state: "approval" }),
                Wait::Quiet => self.push += 1,
                Wait::Answer => self.held.push(HeldItem::item(HoldReason::AccessLost, path)),
            },
            Decision::Failed { why, .. } => {
                self.failed.push(FailedEntry { path, error: why.to_owned(), attempts: 0, next_try: UnixMs(0) })
            }
        }
    }

    fn count(&mut self, action: &Action) {
        match action {
            Action::Upload { .. } | Action::PushVersion { .. } | Action::MoveRemote { .. } => self.push += 1,
            Action::TrashLocal { .. } | Action::TrashRemote { .. } => self.delete += 1,
            Action::Refresh { .. } | Action::Adopt { .. } | Action::Forget { .. } => {}
            _ => self.pull += 1,
        }
    }
}

/// Paths that are named; the counts are complete.
const MOST_PENDING: usize = 10_000;

/// A mirror's directories; `None` before the first pass.
pub(crate) fn folders(tx: &Tx<'_>, mirror: MirrorId) -> Result<Option<Folders>, StoreError> {
    let rows = tx.folders(mirror)?;
    let root = rows.iter().find(|row| crate::scope::is_root(row)).map(|row| row.id);
    let folding = crate::root::known_folding(tx, mirror)?.unwrap_or_default();
    Ok(root.map(|root| Folders::new(rows, root, folding)))
}

/// A file's path, by its name on disk where it is here, else by its key.
pub(crate) fn name_at(tx: &Tx<'_>, folders: &Folders, at: &(FolderId, NameKey)) -> Result<MirrorPath, StoreError> {
    let file = tx.file(at.0, &at.1)?;
    let name = FileName::new(file.as_ref().map_or(at.1.as_str(), |file| &file.name));
    Ok(name.and_then(|name| folders.path_of(&Place { folder: at.0, name })).unwrap_or_default())
}

fn place_path(folders: &Folders, folder: FolderId, key: &NameKey) -> String {
    let name = FileName::new(key.as_str());
    name.and_then(|name| folders.path_of(&Place { folder, name })).unwrap_or_default().to_string()
}

/// What is known of one file: its asset's guid, and the entity's key if it is dirty or tracked.
///
/// # Errors
/// What the store says.
pub fn tracked_guid(tx: &Tx<'_>, name: &str, path: &MirrorPath) -> Result<Option<String>, StoreError> {
    let Some(mirror) = tx.known_mirror(name)? else { return Ok(None) };
    let Some(folders) = folders(tx, mirror.id)? else { return Ok(None) };
    let (Some(parent), Some(file)) = (path.parent(), path.name()) else { return Ok(None) };
    let folder = parent
        .names()
        .try_fold(folders.root(), |at, name| folders.local_child(at, &NameKey::of(name, folders.folding())));
    let Some(folder) = folder else { return Ok(None) };
    let Some(base) = tx.base_at(folder, &NameKey::of(file.as_str(), folders.folding()))? else { return Ok(None) };
    Ok(tx.asset(mirror.id, &base.base.asset)?.map(|row| row.asset.guid.to_string()))
}
