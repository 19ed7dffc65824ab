//! Deciding and carrying out, round by round, until nothing more can be done.
//!
//! A round: directories that must exist → files, in batches → directories that may go. Before its first action the
//! whole round is decided once to count the deletions (the guard). Every action leaves a state from which the next
//! decision follows, so a round that is cut off is only a reason for another.

use crate::entities::rows;
use crate::guard::{Verdict, is_pull};
use crate::overview::IN_SYNC_AT;
use crate::pass::{Pass, PassError, ends_pass};
use crate::report::{AwaitingItem, FailedItem, HeldItem, Outcome, SkippedItem};
use crate::scan::IGNORED;
use damsync_model::name::FileName;
use damsync_model::path::MirrorPath;
use damsync_model::plan::{Action, Decision, HoldReason, PlanLine, Planned, Subject, Wait};
use damsync_model::planner::{decide, decide_folder};
use damsync_model::time::UnixMs;
use damsync_model::tree::{Entity, FolderState, Place};
use damsync_ports::{LocalError, LocalSide, RemoteError, RemoteErrorKind, RemoteSide};
use damsync_store::{DirtyKey, DirtyRow, MirrorRow};
use std::sync::atomic::Ordering;

/// Entities decided in one go.
pub(crate) const BATCH: u32 = 512;

/// Rounds of one pass. Each but the last brought something on; a world that keeps changing is left to the next pass.
const MOST_ROUNDS: u32 = 12;

/// A refusal that does not change by itself is tried again after a day, or when something changes.
pub(crate) const REFUSED_MS: i64 = 24 * 60 * 60 * 1000;

/// Why a directory whose storage folder was removed is still there.
const NOT_EMPTY: &str = "removed on the server; here it holds what is left out of the mirror";

/// Why an action is left after the last round.
pub(crate) const KEPT_CHANGING: &str = "it kept changing while it was being synced; the next pass goes on";

/// Why a file is not read yet.
pub(crate) const STILL_WRITTEN: &str = "still being written; the next pass takes it when it is quiet";

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
            let result =
                if self.acts() { self.act_on_folder(&planned).await } else { self.pretend_on_folder(&planned).await };
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

    /// After the last round: what is not settled, and why.
    async fn report_rest(&self, verdict: &Verdict) -> Result<(), PassError> {
        let mut after = None;
        while let Some(batch) = self.decide_batch(&mut after).await? {
            for one in &batch {
                self.report_one(one, verdict);
            }
        }
        for folder in self.folder_entities(verdict).await? {
            let path = self.folders().path(folder.id).unwrap_or_default().to_string();
            match decide_folder(&folder, self.rules()) {
                Decision::Held { reason, .. } => self.report().held.push(HeldItem::item(reason, path)),
                Decision::Waiting { .. } if matches!(folder.remote, FolderState::Unknown(_)) => {
                    self.report().held.push(HeldItem::item(HoldReason::AccessLost, path));
                }
                Decision::Act(planned) if self.is_forbidden_removal(&planned.action) => {}
                Decision::Act(_) if !self.folder_failed(folder.id) => self.report().failed.push(FailedItem {
                    path,
                    error: "the directory could not be brought to an end in this pass".to_owned(),
                }),
                _ => {}
            }
        }
        self.report_conflicts().await?;
        self.conclude();
        Ok(())
    }

    fn report_one(&self, one: &Decided, verdict: &Verdict) {
        let path = one.path.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
        let guid = one.guid.clone().unwrap_or_default();
        let mut report = self.report();
        if let Some(error) = &one.failed
            && matches!(one.decision, Decision::Act(_))
        {
            report.failed.push(FailedItem { path, error: error.clone() });
            return;
        }
        match &one.decision {
            Decision::Settled => {}
            Decision::Act(planned) if self.is_held(verdict, &planned.action) => {}
            Decision::Act(_) => {
                report.failed.push(FailedItem { path, error: KEPT_CHANGING.to_owned() });
            }
            Decision::Held { reason, .. } => report.held.push(HeldItem::item(*reason, path)),
            Decision::Skipped { why, .. } if why == IGNORED && one.entity.base.is_none() => {}
            Decision::Skipped { why, .. } => report.skipped.push(SkippedItem { path, reason: why.clone() }),
            Decision::Waiting { wait, .. } => match wait {
                Wait::Processing => report.awaiting.push(AwaitingItem { path, guid, state: "processing" }),
                Wait::Submission => report.awaiting.push(AwaitingItem { path, guid, state: "submission" }),
                Wait::Approval => report.awaiting.push(AwaitingItem { path, guid, state: "approval" }),
                Wait::Quiet => report.failed.push(FailedItem { path, error: STILL_WRITTEN.to_owned() }),
                Wait::Answer => report.held.push(HeldItem::item(HoldReason::AccessLost, path)),
            },
            Decision::Failed { why, .. } => report.failed.push(FailedItem { path, error: (*why).to_owned() }),
        }
    }

    async fn report_conflicts(&self) -> Result<(), PassError> {
        let mirror = self.mirror;
        let rows = self
            .engine
            .keeper
            .write(move |tx| {
                tx.close_conflicts_without_copy(mirror)?;
                let mut rows = Vec::new();
                for conflict in tx.conflicts(mirror)? {
                    let guid = tx.asset(mirror, &conflict.asset)?.map(|row| row.asset.guid);
                    rows.push((conflict, guid));
                }
                Ok(rows)
            })
            .await?;
        for (conflict, guid) in rows {
            let path = |(folder, key): &(damsync_model::id::FolderId, damsync_model::name::NameKey)| {
                let folder = self.folders().path(*folder).unwrap_or_default();
                if folder.is_root() { key.to_string() } else { format!("{folder}/{key}") }
            };
            let item = crate::report::ConflictItem {
                path: path(&conflict.place),
                copy: path(&conflict.copy),
                guid: guid.map(|guid| guid.to_string()).unwrap_or_default(),
            };
            self.report().conflicts.push(item);
        }
        Ok(())
    }

    /// Draws the outcome from what is listed.
    fn conclude(&self) {
        let mut report = self.report();
        // The scan and the planner may both have come upon a path.
        let mut named = std::collections::BTreeSet::new();
        report.skipped.retain(|skipped| named.insert(skipped.path.clone()));
        let stops = |reason: HoldReason| {
            matches!(
                reason,
                HoldReason::MassDelete
                    | HoldReason::MassChange
                    | HoldReason::MirrorMarkMissing
                    | HoldReason::RootMissing
                    | HoldReason::RootReplaced
                    | HoldReason::RemoteReplaced
                    | HoldReason::RemoteRolledBack
                    | HoldReason::IdentityChanged
                    | HoldReason::Overlap
            )
        };
        let access_lost = report.held.iter().any(|held| held.reason == HoldReason::AccessLost);
        let unfinished = report.held.iter().any(|held| {
            matches!(
                held.reason,
                HoldReason::CheckedOut | HoldReason::Locked | HoldReason::ListingIncomplete | HoldReason::DiskFull
            )
        });
        report.outcome = if report.held.iter().any(|held| stops(held.reason)) || access_lost {
            Outcome::Held
        } else if unfinished || !report.failed.is_empty() {
            Outcome::Incomplete
        } else {
            Outcome::InSync
        };
    }

    /// Counts an action in the report: one that was done, or in a rehearsal would be.
    pub(crate) fn count(&self, action: &Action) {
        let mut report = self.report();
        match action {
            Action::Upload { size, .. } => {
                report.pushed_new += 1;
                if !self.acts() {
                    report.bytes_up += size;
                }
            }
            Action::PushVersion { size, .. } => {
                report.pushed_versions += 1;
                if !self.acts() {
                    report.bytes_up += size;
                }
            }
            Action::Download { size, .. } | Action::KeepBoth { size, .. } => {
                report.pulled += 1;
                if !self.acts() {
                    report.bytes_down += size.unwrap_or(0);
                }
            }
            Action::Learn { size, .. } => {
                if !self.acts() {
                    report.bytes_down += size.unwrap_or(0);
                }
            }
            Action::Adopt { .. } => report.adopted += 1,
            Action::TrashRemote { .. } => report.trashed_remote += 1,
            Action::TrashLocal { .. } => report.trashed_local += 1,
            Action::MoveLocal { .. } => report.moved_local += 1,
            Action::MoveRemote { .. } => report.moved_remote += 1,
            Action::MakeRemoteFolder { .. } => report.folders_created_remote += 1,
            Action::MakeLocalFolder { .. } => report.folders_created_local += 1,
            Action::RemoveRemoteFolder { .. } => report.folders_removed_remote += 1,
            Action::RemoveLocalFolder { .. } => report.folders_removed_local += 1,
            Action::RestoreRemote { .. }
            | Action::Forget { .. }
            | Action::Refresh { .. }
            | Action::JoinFolder { .. }
            | Action::ForgetFolder { .. } => {}
        }
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

    /// The pass ended well: what the next one compares with.
    pub(crate) async fn finish(&self, row: &MirrorRow) -> Result<(), PassError> {
        if !self.acts() {
            return Ok(());
        }
        let changed = {
            let report = self.report();
            report.pulled
                + report.pushed_new
                + report.pushed_versions
                + report.adopted
                + report.moved_local
                + report.moved_remote
                + report.trashed_local
                + report.trashed_remote
                > 0
        };
        let in_sync = self.report().outcome == Outcome::InSync;
        // A pass that changed nothing writes nothing, except now and then that it took place.
        const NOTED_MS: i64 = 60 * 60 * 1000;
        let (id, now) = (row.id, self.now());
        let (name, user) = (row.name.clone(), row.user.clone());
        self.engine
            .keeper
            .write(move |tx| {
                tx.prune_history(now)?;
                let Some(mut row) = tx.known_mirror(&name)? else { return Ok(()) };
                let stale = row.last_reconcile_at.is_none_or(|at| now.0 - at.0 > NOTED_MS);
                if changed || stale || (in_sync && tx.cursor(id, IN_SYNC_AT)?.is_none()) {
                    if in_sync {
                        tx.set_cursor(id, IN_SYNC_AT, now.0)?;
                    }
                    row.last_reconcile_at = Some(now);
                    if changed {
                        row.last_change_at = Some(now);
                    }
                    row.user = user;
                    tx.update_mirror(&row)?;
                }
                Ok(())
            })
            .await?;
        Ok(())
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
