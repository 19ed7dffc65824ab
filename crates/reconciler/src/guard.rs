//! The guard over deletions: the whole round is judged before its first action.

use crate::pass::{Pass, PassError, Permission};
use crate::report::{HeldItem, Side};
use damsync_model::id::FolderId;
use damsync_model::plan::{Action, Decision, HoldReason};
use damsync_ports::{LocalSide, RemoteSide};
use damsync_store::HeldPlan;
use std::collections::BTreeSet;

/// Deletions are counted over this long.
const WINDOW_MS: i64 = 60 * 60 * 1000;

/// Lines of a held plan that are kept for people; the fingerprint covers all.
const KEPT_LINES: u64 = 2000;

/// Which deletions of this round are held, and which directories its actions need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Assets may not be put into the server's trash: too many files went here.
    pub local_deletions_held: bool,
    /// Files may not be put into the local trash: too many assets went there.
    pub remote_deletions_held: bool,
    /// Directories that something is to be brought into, here.
    pub needed_here: BTreeSet<FolderId>,
    /// Directories whose storage folder something is to be brought into, there.
    pub needed_there: BTreeSet<FolderId>,
}

impl Verdict {
    /// Whether this action may not be done.
    pub(crate) const fn holds(&self, action: &Action) -> bool {
        match action {
            Action::TrashRemote { .. } | Action::RemoveRemoteFolder { .. } => self.local_deletions_held,
            Action::TrashLocal { .. } | Action::RemoveLocalFolder { .. } => self.remote_deletions_held,
            _ => false,
        }
    }
}

#[derive(Default)]
struct Tally {
    count: u64,
    lines: String,
    fingerprint: u64,
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Counts the deletions that follow from the trees as they are.
    pub(crate) async fn judge(&self) -> Result<Verdict, PassError> {
        let (mut local, mut remote) = (Tally::default(), Tally::default());
        let (mut needed_here, mut needed_there) = (BTreeSet::new(), BTreeSet::new());
        let mut after = None;
        while let Some(batch) = self.decide_batch(&mut after).await? {
            for one in batch {
                let Decision::Act(planned) = &one.decision else { continue };
                match &planned.action {
                    Action::Download { place, .. } => needed_here.extend(self.folders().with_those_above(place.folder)),
                    Action::MoveLocal { to, .. } => needed_here.extend(self.folders().with_those_above(to.folder)),
                    Action::Upload { place, .. } => needed_there.extend(self.folders().with_those_above(place.folder)),
                    Action::MoveRemote { to, .. } => needed_there.extend(self.folders().with_those_above(to.folder)),
                    _ => {}
                }
                let tally = match planned.action {
                    Action::TrashRemote { .. } => &mut local,
                    Action::TrashLocal { .. } => &mut remote,
                    _ => continue,
                };
                let line = self.line(planned).to_string();
                tally.count += 1;
                tally.fingerprint = fnv1a(tally.fingerprint, line.as_bytes());
                if tally.count <= KEPT_LINES {
                    tally.lines.push_str(&line);
                    tally.lines.push('\n');
                }
            }
        }
        {
            // A directory that is new on one side needs those above it on the other.
            let folders = self.folders();
            for row in folders.iter().filter(|row| !row.agreed) {
                match (&row.local, &row.remote) {
                    (Some(_), None) => needed_there.extend(folders.with_those_above(row.id)),
                    (None, Some(_)) => needed_here.extend(folders.with_those_above(row.id)),
                    _ => {}
                }
            }
        }
        if self.defers_deletions() {
            self.report().deferred_deletions = local.count;
            local = Tally::default();
        }
        let local_deletions_held = self.judge_side(Side::Local, "trash_remote", local).await?;
        let remote_deletions_held = self.judge_side(Side::Remote, "trash_local", remote).await?;
        let local_deletions_held = local_deletions_held || self.defers_deletions();
        Ok(Verdict { local_deletions_held, remote_deletions_held, needed_here, needed_there })
    }

    async fn judge_side(&self, side: Side, action: &'static str, tally: Tally) -> Result<bool, PassError> {
        if tally.count == 0 {
            self.expire_plans(side).await?;
            return Ok(false);
        }
        if self.no_deletions.is_some() {
            return Ok(true);
        }
        let (mirror, since) = (self.mirror, self.now().plus_ms(-WINDOW_MS));
        let (tracked, done) =
            self.engine.keeper.read(move |tx| Ok((tx.tracked(mirror)?, tx.done_since(mirror, action, since)?))).await?;
        // What was deleted within the hour was tracked, too, when it began.
        let held = self.engine.spec.policy.holds_deletions(tally.count + done, tracked + done);
        if !held || self.request.permission == Permission::AllowDeletes {
            return Ok(false);
        }
        let approved = self.hold(side, tally, tracked + done).await?;
        if approved {
            self.approve_deletions();
        }
        Ok(!approved)
    }

    /// Nothing is left of what was held: carried out, or the world has changed.
    async fn expire_plans(&self, side: Side) -> Result<(), PassError> {
        if self.defers_deletions() {
            return Ok(());
        }
        let mirror = self.mirror;
        self.engine
            .keeper
            .write(move |tx| {
                for plan in tx.plans(mirror)?.iter().filter(|plan| plan.side.as_deref() == Some(side.word())) {
                    tx.remove_plan(&plan.id)?;
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// Stores the plan and reports it; `true` if exactly this plan was approved.
    async fn hold(&self, side: Side, tally: Tally, tracked: u64) -> Result<bool, PassError> {
        let fingerprint = format!("{:016x}", tally.fingerprint);
        let fresh = HeldPlan {
            id: format!("p-{:08x}", self.engine.chance.number() >> 32),
            reason: HoldReason::MassDelete.word().to_owned(),
            side: Some(side.word().to_owned()),
            count: tally.count,
            total: tracked,
            fingerprint,
            lines: tally.lines,
            created_at: self.now(),
            approved_at: None,
        };
        let (mirror, count) = (self.mirror, tally.count);
        let plan = self
            .engine
            .keeper
            .write(move |tx| {
                for other in tx.plans(mirror)?.into_iter().filter(|plan| plan.side == fresh.side) {
                    if other.fingerprint == fresh.fingerprint {
                        return Ok(other);
                    }
                    // The world no longer matches it.
                    tx.remove_plan(&other.id)?;
                }
                tx.put_plan(mirror, &fresh)?;
                Ok(fresh)
            })
            .await?;
        if plan.approved_at.is_some() {
            return Ok(true);
        }
        let item = HeldItem {
            reason: HoldReason::MassDelete,
            path: None,
            side: Some(side),
            count: Some(count),
            of: Some(tracked),
            plan: Some(plan.id),
            detail: None,
        };
        let mut report = self.report();
        report.held.retain(|held| held.reason != HoldReason::MassDelete || held.side != Some(side));
        report.held.push(item);
        Ok(false)
    }
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): a plan's fingerprint, not a security measure.
fn fnv1a(start: u64, bytes: &[u8]) -> u64 {
    let mut hash = if start == 0 { 0xCBF2_9CE4_8422_2325 } else { start };
    for byte in bytes.iter().chain(b"\n") {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    }
    hash
}
