//! Deciding and carrying out, round by round, until nothing more can be done.
//!
//! A round: directories that must exist → files, in batches → directories that may go. Before its first action the
//! whole round is decided once to count the deletions (the guard). Every action leaves a state from which the next
//! decision follows, so a round that is cut off is only a reason for another.

use crate::entities::rows;
use crate::guard::{Verdict, is_pull};
use crate::pass::{Pass, PassError, ends_pass};
use crate::report::{FailedItem, SkippedItem};
use damsync_model::name::FileName;
use damsync_model::path::MirrorPath;
use damsync_model::plan::{Action, Decision, PlanLine, Planned, Subject};
use damsync_model::planner::{decide, decide_folder};
use damsync_model::time::UnixMs;
use damsync_model::tree::{Entity, Place};
use damsync_ports::{LocalError, LocalSide, RemoteError, RemoteErrorKind, RemoteSide};
use damsync_store::{DirtyKey, DirtyRow};
use std::sync::atomic::Ordering;

/// Entities decided in one go.
pub(crate) const BATCH: u32 = 512;

/// Rounds of one pass. Each but the last brought something on; a world that keeps changing is left to the next pass.
const MOST_ROUNDS: u32 = 12;

/// A refusal that does not change by itself is tried again after a day, or when something changes.
pub(crate) const REFUSED_MS: i64 = 24 * 60 * 60 * 1000;

/// Why a directory whose storage folder was removed is still there.
const NOT_EMPTY: &str = "removed on the server; here it holds what is left out of the mirror";

/// An entity with what was decided about it.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    pub key: DirtyKey,
    pub entity: Entity,
    pub path: Option<MirrorPath>,
    pub guid: Option<String>,
    pub decision: Decision,
    /// It failed in this pass already, or it is too early to try again: the words to report.
    pub failed: Option<String>,
}

/// What became of one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// It was carried out and recorded.
    Yes,
    /// The world had changed; it was looked at again and will be decided again.
    DecideAgain,
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Decides and acts until a round brings nothing on, then reports what is left. A rehearsal takes the same way; only
    /// that which changes a side is pretended there.
    pub(crate) async fn rounds(&self) -> Result<(), PassError> {
        let mut verdict = Verdict::default();
        for _ in 0..MOST_ROUNDS {
            self.check_stop()?;
            self.read_again().await?;
            // An action of the round before may have come upon it.
            self.hold_if_rolled_back().await?;
            verdict = self.judge().await?;
            let mut progress = self.folder_round(FolderStage::Make, &verdict).await?;
            progress |= self.file_round(&verdict).await?;
            progress |= self.folder_round(FolderStage::Remove, &verdict).await?;
            if !progress {
                break;
            }
        }
        self.report_rest(&verdict).await?;
        if !self.acts() {
            self.tell_rest(&verdict).await?;
        }
        Ok(())
    }

    /// The next dirty entities, decided. `None` at the end.
    pub(crate) async fn decide_batch(&self, after: &mut Option<DirtyKey>) -> Result<Option<Vec<Decided>>, PassError> {
        let (mirror, from) = (self.mirror, after.clone());
        let loaded = self
            .engine
            .keeper
            .read(move |tx| {
                let dirty = tx.dirty(mirror, from.as_ref(), BATCH)?;
                let mut loaded = Vec::with_capacity(dirty.len());
                for row in dirty {
                    let found = rows(tx, mirror, &row.key)?;
                    loaded.push((row, found));
                }
                Ok(loaded)
            })
            .await?;
        let Some((last, _)) = loaded.last() else { return Ok(None) };
        *after = Some(last.key.clone());
        let mut decided = Vec::with_capacity(loaded.len());
        let mut moot = Vec::new();
        for (row, found) in loaded {
            match found {
                Some(found) => {
                    let entity = self.entity(&found);
                    let path = self.entity_path(&entity).or_else(|| self.key_path(&row.key));
                    let guid = found.asset.as_ref().map(|asset| asset.asset.guid.to_string());
                    let failed = self.failed_before(&row);
                    let decision = decide(&entity, self.rules());
                    decided.push(Decided { key: row.key, entity, path, guid, decision, failed });
                }
                None => moot.push(row.key),
            }
        }
        self.clear(moot).await?;
        Ok(Some(decided))
    }

    fn failed_before(&self, row: &DirtyRow) -> Option<String> {
        let failure = row.failure.as_ref()?;
        let again = failure.run != *self.run.0 && failure.next_try <= self.now();
        (!again).then(|| failure.error.clone())
    }

    fn entity_path(&self, entity: &Entity) -> Option<MirrorPath> {
        use damsync_model::tree::{Local, Remote};
        let place = match (&entity.local, &entity.base, &entity.remote) {
            (Local::Present(file), _, _) => &file.place,
            (_, Some(base), _) => &base.place,
            (_, _, Remote::Live(remote)) => &remote.place,
            _ => return None,
        };
        self.folders().path_of(place)
    }

    /// Where a file stands of which nothing but its name is known.
    fn key_path(&self, key: &DirtyKey) -> Option<MirrorPath> {
        let DirtyKey::File(folder, key) = key else { return None };
        self.folders().path_of(&Place { folder: *folder, name: FileName::new(key.as_str())? })
    }

    async fn clear(&self, keys: Vec<DirtyKey>) -> Result<(), PassError> {
        if keys.is_empty() {
            return Ok(());
        }
        let mirror = self.mirror;
        self.engine.keeper.write(move |tx| keys.iter().try_for_each(|key| tx.clear_dirty(mirror, key))).await?;
        Ok(())
    }

    async fn file_round(&self, verdict: &Verdict) -> Result<bool, PassError> {
        let mut progress = false;
        let mut after = None;
        while let Some(batch) = self.decide_batch(&mut after).await? {
            self.check_stop()?;
            let mut settled = Vec::new();
            let mut acts = Vec::new();
            for one in batch {
                match &one.decision {
                    Decision::Settled => settled.push(one.key),
                    Decision::Act(planned) if one.failed.is_none() && !self.is_held(verdict, &planned.action) => {
                        acts.push(one)
                    }
                    Decision::Skipped { .. } | Decision::Held { .. } => {
                        progress |= self.stays(&one.entity).await?;
                    }
                    _ => {}
                }
            }
            self.clear(settled).await?;
            progress |= self.carry_out(acts).await?;
        }
        Ok(progress)
    }

    /// Whether an action may not be done: by the round's verdict, or because the disk is full since.
    pub(crate) fn is_held(&self, verdict: &Verdict, action: &Action) -> bool {
        verdict.holds(action) || is_pull(action) && self.disk_full.load(Ordering::Relaxed)
    }

    async fn folder_round(&self, stage: FolderStage, verdict: &Verdict) -> Result<bool, PassError> {
        let mut entities = self.folder_entities(verdict).await?;
        let depth = |id| self.folders().depth(id);
        entities.sort_by_key(|entity| (depth(entity.id), entity.id));
        if stage == FolderStage::Remove {
            entities.reverse();
        }
        let mut progress = false;
        for entity in entities {
            self.check_stop()?;
            let Decision::Act(planned) = decide_folder(&entity, self.rules()) else { continue };
            if stage != FolderStage::of(&planned.action)
                || self.folder_failed(entity.id)
                || self.is_forbidden_removal(&planned.action)
            {
                continue;
            }
            if let Some(error) = self.refused_before(entity.id, &planned.action).await? {
                let path = self.folders().path(entity.id).unwrap_or_default().to_string();
                self.folder_fails(entity.id, FailedItem { path, error });
                continue;
            }
            self.begun(&planned, &self.line(&planned).path);
            let result =
                if self.acts() { self.act_on_folder(&planned).await } else { self.pretend_on_folder(&planned).await };
            self.over(&planned);
            match result {
                Ok(()) => progress = true,
                Err(error) if ends_pass(&error) => return Err(error),
                // Nothing that we know of is in it, so what is left is nobody's to remove.
                Err(PassError::Local(LocalError::Changed { .. })) => {
                    let path = self.folders().path(entity.id).unwrap_or_default().to_string();
                    self.folder_stays(entity.id, SkippedItem { path, reason: NOT_EMPTY.to_owned() });
                }
                Err(error) => {
                    if is_servers_refusal(&error) {
                        self.keep_refusal(entity.id, &planned.action, &error).await?;
                    }
                    let path = self.folders().path(entity.id).unwrap_or_default().to_string();
                    self.folder_fails(entity.id, FailedItem { path, error: error.to_string() });
                }
            }
        }
        self.look_at_made_folders().await?;
        Ok(progress)
    }

    /// Whether a directory may not be removed on either side, as nothing may be deleted now.
    pub(crate) fn is_forbidden_removal(&self, action: &Action) -> bool {
        let removes = matches!(action, Action::RemoveRemoteFolder { .. } | Action::RemoveLocalFolder { .. });
        removes && self.no_deletions.is_some()
    }

    /// A failure of one entity: kept with the entity and reported.
    pub(crate) async fn item_failed(&self, key: &DirtyKey, error: &PassError) -> Result<(), PassError> {
        let next_try = if refused(error) { self.now().plus_ms(REFUSED_MS) } else { UnixMs(0) };
        let (mirror, key, run, text) = (self.mirror, key.clone(), self.run.to_string(), error.to_string());
        self.engine.keeper.write(move |tx| tx.set_failure(mirror, &key, &run, &text, next_try)).await?;
        Ok(())
    }

    /// An action as a line of a plan.
    pub(crate) fn line(&self, planned: &Planned) -> PlanLine {
        let folders = self.folders();
        let path = match planned.action.subject() {
            Subject::File(place) => folders.path_of(place),
            Subject::Folder(id) => folders.path(id),
            Subject::Asset(_) => None,
        };
        PlanLine {
            rule: planned.rule,
            verb: planned.action.verb(),
            path: path.unwrap_or_default(),
            to: planned.action.destination().and_then(|to| folders.path_of(to)),
            reason: planned.reason,
        }
    }
}

/// Directories are made before files and removed after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FolderStage {
    Make,
    Remove,
}

impl FolderStage {
    const fn of(action: &Action) -> Self {
        match action {
            Action::RemoveRemoteFolder { .. } | Action::RemoveLocalFolder { .. } | Action::ForgetFolder { .. } => {
                Self::Remove
            }
            _ => Self::Make,
        }
    }
}

/// Whether it was the server that refused. What we do not dare ourselves depends on what is known, and costs little.
fn is_servers_refusal(error: &PassError) -> bool {
    let is_ours =
        matches!(error, PassError::Remote(RemoteError { kind: RemoteErrorKind::Refused { status: 0, .. }, .. }));
    refused(error) && !is_ours
}

/// Whether an error is a refusal that does not change by itself.
fn refused(error: &PassError) -> bool {
    matches!(
        error,
        PassError::Remote(RemoteError { kind: RemoteErrorKind::Forbidden(_) | RemoteErrorKind::Refused { .. }, .. })
    )
}
