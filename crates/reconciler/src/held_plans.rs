//! Plans that a guard holds: stored, shown, approved by their id, and dropped when the world no longer matches them.

use crate::execute::Task;
use crate::guard::{Guard, Tally};
use crate::pass::{Pass, PassError};
use crate::report::HeldItem;
use damsync_model::content::Content;
use damsync_model::plan::{Action, HoldReason};
use damsync_ports::{LocalSide, RemoteSide};
use damsync_store::{DAMAGED, HeldPlan};
use std::collections::BTreeSet;

/// The outcome of what a user approved: it does not count against the next hour.
const APPROVED: &str = "approved";

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Stores the plan and reports it; `false` if a user approved exactly this plan.
    pub(crate) async fn hold_unless_approved(
        &self,
        guard: Guard,
        tally: Tally,
        tracked: u64,
    ) -> Result<bool, PassError> {
        if guard.reason() == HoldReason::MassDelete && self.allows_deletes() {
            self.approve(guard);
            return Ok(false);
        }
        let fresh = HeldPlan {
            id: format!("p-{:08x}", self.engine.chance.number() >> 32),
            guard: guard.word().to_owned(),
            reason: guard.reason().word().to_owned(),
            side: Some(guard.side().word().to_owned()),
            count: tally.count,
            total: tracked,
            fingerprint: tally.fingerprint(),
            lines: tally.lines,
            created_at: self.now(),
            approved_at: None,
        };
        let (mirror, count) = (self.mirror, tally.count);
        // A rehearsal names only a plan that is stored already.
        let stores = self.acts();
        let plan = self
            .engine
            .keeper
            .write(move |tx| {
                for other in tx.plans(mirror)?.into_iter().filter(|plan| plan.guard == fresh.guard) {
                    if other.fingerprint == fresh.fingerprint {
                        return Ok(Some(other));
                    }
                    // The world no longer matches it.
                    tx.remove_plan(&other.id)?;
                }
                if !stores {
                    return Ok(None);
                }
                tx.put_plan(mirror, &fresh)?;
                Ok(Some(fresh))
            })
            .await?;
        if plan.as_ref().is_some_and(|plan| plan.approved_at.is_some()) {
            self.approve(guard);
            return Ok(false);
        }
        let item = HeldItem {
            side: Some(guard.side()),
            count: Some(count),
            of: Some(tracked),
            plan: plan.map(|plan| plan.id),
            detail: guard.detail().map(str::to_owned),
            ..HeldItem::mirror(guard.reason(), "")
        };
        let mut report = self.report();
        let same = |held: &HeldItem| (held.reason, held.side, &held.detail) == (item.reason, item.side, &item.detail);
        report.held.retain(|held| held.path.is_some() || held.count.is_none() || !same(held));
        report.held.push(item);
        Ok(true)
    }

    /// The plan that a guard holds, approved or not.
    pub(crate) async fn plan_of(&self, guard: Guard) -> Result<Option<HeldPlan>, PassError> {
        let mirror = self.mirror;
        let plans = self.engine.keeper.read(move |tx| tx.plans(mirror)).await?;
        Ok(plans.into_iter().find(|plan| plan.guard == guard.word()))
    }

    /// Drops the plans of guards that have nothing to do with this round: carried out, or the world has changed.
    pub(crate) async fn expire_plans_except(&self, guards: &BTreeSet<Guard>) -> Result<(), PassError> {
        let mirror = self.mirror;
        let plans = self.engine.keeper.read(move |tx| tx.plans(mirror)).await?;
        let stays = |plan: &HeldPlan| guards.iter().any(|guard| guard.word() == plan.guard);
        let moot: Vec<String> = plans.into_iter().filter(|plan| !stays(plan)).map(|plan| plan.id).collect();
        if moot.is_empty() {
            return Ok(());
        }
        Ok(self.engine.keeper.write(move |tx| moot.iter().try_for_each(|id| tx.remove_plan(id))).await?)
    }

    /// What the history says of an action that was done.
    pub(crate) fn outcome_of(&self, action: &Action) -> &'static str {
        match Guard::of(action) {
            Some(guard) if self.is_approved(guard) => APPROVED,
            _ => "done",
        }
    }

    /// The same for one that brought new bytes: they may look damaged beside the former ones.
    pub(crate) fn outcome_with(&self, task: &Task<'_>, now: &Content) -> &'static str {
        let before = task.one.entity.base.as_ref().map(|base| base.content);
        let is_damage = before.is_some_and(|before| now.is_damage_to(&before));
        match self.outcome_of(&task.planned.action) {
            "done" if is_damage => DAMAGED,
            other => other,
        }
    }
}
