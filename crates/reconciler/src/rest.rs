//! What a rehearsal leaves as it is, told kind by kind, so that nobody has to keep a million lines.

use crate::conclusion::{KEPT_CHANGING, STILL_WRITTEN};
use crate::guard::{Guard, Verdict};
use crate::hooks::Step;
use crate::pass::{Pass, PassError};
use crate::report::{Left, LeftKind};
use crate::rounds::Decided;
use crate::scan::IGNORED;
use damsync_model::plan::{Action, Decision, HoldReason, Rule, Wait};
use damsync_model::planner::decide_folder;
use damsync_model::tree::FolderEntity;
use damsync_ports::{LocalSide, RemoteSide};
use std::collections::BTreeSet;

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Tells of everything that is not settled after the last round.
    pub(crate) async fn tell_rest(&self, verdict: &Verdict) -> Result<(), PassError> {
        for kind in LeftKind::ALL {
            // The planner names a path with its rule; the scan comes upon some that no entity stands for.
            let mut named = BTreeSet::new();
            let mut tell = |left: Option<Left>| {
                if let Some(left) = left.filter(|left| left.kind == kind) {
                    if matches!(kind, LeftKind::Skipped | LeftKind::Failed) {
                        named.insert(left.path.clone());
                    }
                    self.step(Step::Left(left));
                }
            };
            let mut after = None;
            while let Some(batch) = self.decide_batch(&mut after).await? {
                self.check_stop()?;
                batch.iter().for_each(|one| tell(self.left(one, verdict)));
            }
            for folder in self.folder_entities(verdict).await? {
                tell(self.left_folder(&folder));
            }
            for left in self.left_without_entity(kind) {
                if !named.contains(&left.path) {
                    self.step(Step::Left(left));
                }
            }
        }
        Ok(())
    }

    fn left(&self, one: &Decided, verdict: &Verdict) -> Option<Left> {
        let left = |kind, rule, reason: &str| {
            let path = one.path.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
            Some(Left { kind, rule: Some(rule), action: None, path, reason: reason.to_owned() })
        };
        match &one.decision {
            Decision::Settled => None,
            Decision::Act(planned) => {
                let (kind, reason) = match &one.failed {
                    Some(error) => (LeftKind::Failed, error.as_str()),
                    None if self.is_held(verdict, &planned.action) => {
                        (LeftKind::Held, self.hold_of(&planned.action, verdict).word())
                    }
                    None => (LeftKind::Failed, KEPT_CHANGING),
                };
                left(kind, planned.rule, reason).map(|left| Left { action: Some(planned.action.verb()), ..left })
            }
            Decision::Held { rule, reason } => left(LeftKind::Held, *rule, reason.word()),
            Decision::Skipped { why, .. } if why == IGNORED && one.entity.base.is_none() => None,
            Decision::Skipped { rule, why } => left(LeftKind::Skipped, *rule, why),
            Decision::Waiting { rule, wait } => match wait {
                Wait::Processing => left(LeftKind::Awaiting, *rule, "processing"),
                Wait::Submission => left(LeftKind::Awaiting, *rule, "submission"),
                Wait::Approval => left(LeftKind::Awaiting, *rule, "approval"),
                Wait::Quiet => left(LeftKind::Failed, *rule, STILL_WRITTEN),
                Wait::Answer => left(LeftKind::Held, *rule, HoldReason::AccessLost.word()),
            },
            Decision::Failed { rule, why } => left(LeftKind::Failed, *rule, why),
        }
    }

    fn left_folder(&self, folder: &FolderEntity) -> Option<Left> {
        let (rule, action, reason) = match decide_folder(folder, self.rules()) {
            Decision::Held { rule, reason } => (rule, None, reason),
            Decision::Act(planned) if self.is_forbidden_removal(&planned.action) => {
                (planned.rule, Some(planned.action.verb()), self.no_deletions?)
            }
            _ => return None,
        };
        let path = self.folders().path(folder.id).unwrap_or_default().to_string();
        Some(Left { kind: LeftKind::Held, rule: Some(rule), action, path, reason: reason.word().to_owned() })
    }

    fn left_without_entity(&self, kind: LeftKind) -> Vec<Left> {
        let report = self.report();
        let left = |rule, path: &str, reason: &str| Left {
            kind,
            rule,
            action: None,
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        match kind {
            LeftKind::Skipped => {
                report.skipped.iter().map(|one| left(Some(Rule::R29), &one.path, &one.reason)).collect()
            }
            LeftKind::Failed => report.failed.iter().map(|one| left(None, &one.path, &one.error)).collect(),
            LeftKind::Awaiting | LeftKind::Held => Vec::new(),
        }
    }

    /// Why a guard does not let an action through.
    fn hold_of(&self, action: &Action, verdict: &Verdict) -> HoldReason {
        match Guard::of(action).filter(|guard| verdict.held.contains(guard)) {
            Some(guard @ (Guard::DeletedHere | Guard::DeletedThere)) => {
                self.no_deletions.unwrap_or_else(|| guard.reason())
            }
            Some(guard) => guard.reason(),
            None => HoldReason::DiskFull,
        }
    }
}
