//! The end of a pass: what is left and why, the outcome, and what the next pass compares with.

use crate::guard::Verdict;
use crate::overview::IN_SYNC_AT;
use crate::pass::{Pass, PassError};
use crate::report::{AwaitingItem, ConflictItem, FailedItem, HeldItem, Outcome, SkippedItem};
use crate::rounds::Decided;
use crate::scan::IGNORED;
use damsync_model::id::FolderId;
use damsync_model::name::NameKey;
use damsync_model::plan::{Action, Decision, HoldReason, Wait};
use damsync_model::planner::decide_folder;
use damsync_model::tree::FolderState;
use damsync_ports::{LocalSide, RemoteSide};
use damsync_store::MirrorRow;
use std::collections::BTreeSet;

/// Why an action is left after the last round.
pub(crate) const KEPT_CHANGING: &str = "it kept changing while it was being synced; the next pass goes on";

/// Why a file is not read yet.
pub(crate) const STILL_WRITTEN: &str = "still being written; the next pass takes it when it is quiet";

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// After the last round: what is not settled, and why.
    pub(crate) async fn report_rest(&self, verdict: &Verdict) -> Result<(), PassError> {
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
        if self.engine.keeper.read(move |tx| tx.conflicts(mirror)).await?.is_empty() {
            return Ok(());
        }
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
            let path = |(folder, key): &(FolderId, NameKey)| {
                let folder = self.folders().path(*folder).unwrap_or_default();
                if folder.is_root() { key.to_string() } else { format!("{folder}/{key}") }
            };
            let item = ConflictItem {
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
        let mut named = BTreeSet::new();
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
            Action::RestoreRemote { .. } => report.restored_remote += 1,
            Action::Forget { .. }
            | Action::Refresh { .. }
            | Action::JoinFolder { .. }
            | Action::ForgetFolder { .. } => {}
        }
    }

    /// The pass ended well: what the next one compares with.
    pub(crate) async fn finish(&self, row: &MirrorRow) -> Result<(), PassError> {
        if !self.acts() {
            return Ok(());
        }
        let changed = self.report().changes() > 0;
        let in_sync = self.report().outcome == Outcome::InSync;
        // A pass that changed nothing writes nothing, except now and then that it took place.
        const NOTED_MS: i64 = 60 * 60 * 1000;
        let (id, now) = (row.id, self.now());
        let (name, user) = (row.name.clone(), row.user.clone());
        let known =
            self.engine.keeper.read(move |tx| Ok((tx.known_mirror(&name)?, tx.cursor(id, IN_SYNC_AT)?.is_some())));
        let (Some(mut row), was_in_sync) = known.await? else { return Ok(()) };
        let stale = row.last_reconcile_at.is_none_or(|at| now.0 - at.0 > NOTED_MS);
        if !changed && !stale && (was_in_sync || !in_sync) {
            return Ok(());
        }
        row.last_reconcile_at = Some(now);
        if changed {
            row.last_change_at = Some(now);
        }
        row.user = user;
        self.engine
            .keeper
            .write(move |tx| {
                tx.prune_history(now)?;
                if in_sync {
                    tx.set_cursor(id, IN_SYNC_AT, now.0)?;
                }
                tx.update_mirror(&row)
            })
            .await?;
        Ok(())
    }
}
