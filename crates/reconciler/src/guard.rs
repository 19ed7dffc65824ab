//! The guards: a whole round is judged before its first action.
//!
//! Each guard counts what it would be terrible to do wrongly to many files at once, over the last hour and not only in this
//! round, and holds all of it beyond the user's limit. What is held is a stored plan (`held_plans`); other work goes on.

use crate::damage::Suspects;
use crate::ignore_guard::left_out;
use crate::pass::{Pass, PassError};
use crate::report::Side;
use crate::rounds::Decided;
use crate::scan::IGNORED;
use damsync_model::content::Content;
use damsync_model::id::{AssetId, FolderId};
use damsync_model::name::{FileName, Folding, IGNORE_FILE, NameKey};
use damsync_model::plan::{Action, Decision, ExpectLocal, HoldReason, PlanLine};
use damsync_model::planner::is_repair;
use damsync_model::tree::{Entity, Local, Remote};
use damsync_ports::{LocalSide, RemoteSide};
use damsync_store::{Changes, Tx};
use std::collections::BTreeSet;

/// Deletions and changes are counted over this long.
const WINDOW_MS: i64 = 60 * 60 * 1000;

/// Lines of a held plan that are kept for people; the fingerprint covers all.
const KEPT_LINES: u64 = 2000;

/// One guard: what it counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Guard {
    /// Files deleted here: their assets would go to the server's trash.
    DeletedHere,
    /// Assets deleted there: their files would go to the local trash.
    DeletedThere,
    /// Files changed here: they would become new versions.
    ChangedHere,
    /// Assets changed there: they would replace files.
    ChangedThere,
    /// Tracked files that the ignore rules here leave out now.
    LeftOutHere,
    /// Ignore rules from there that would leave out tracked files.
    LeftOutThere,
}

impl Guard {
    pub(crate) const ALL: [Self; 6] = [
        Self::DeletedHere,
        Self::DeletedThere,
        Self::ChangedHere,
        Self::ChangedThere,
        Self::LeftOutHere,
        Self::LeftOutThere,
    ];

    /// Its name in the store.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::DeletedHere => "deleted_here",
            Self::DeletedThere => "deleted_there",
            Self::ChangedHere => "changed_here",
            Self::ChangedThere => "changed_there",
            Self::LeftOutHere => "left_out_here",
            Self::LeftOutThere => "left_out_there",
        }
    }

    /// The contract's word for what it holds.
    pub(crate) const fn reason(self) -> HoldReason {
        match self {
            Self::ChangedHere | Self::ChangedThere => HoldReason::MassChange,
            _ => HoldReason::MassDelete,
        }
    }

    /// Where it happened.
    pub(crate) const fn side(self) -> Side {
        match self {
            Self::DeletedHere | Self::ChangedHere | Self::LeftOutHere => Side::Local,
            Self::DeletedThere | Self::ChangedThere | Self::LeftOutThere => Side::Remote,
        }
    }

    /// What it says to people besides the numbers.
    pub(crate) const fn detail(self) -> Option<&'static str> {
        match self {
            Self::DeletedHere | Self::DeletedThere => None,
            Self::ChangedHere | Self::ChangedThere => {
                Some("most of the changed files are empty now or no longer what their first bytes said they were")
            }
            Self::LeftOutHere => Some("the ignore rules here leave out so many tracked files now"),
            Self::LeftOutThere => Some("ignore rules from the server would leave out so many tracked files"),
        }
    }

    /// The guard that watches over an action.
    pub(crate) fn of(action: &Action) -> Option<Self> {
        match action {
            Action::TrashRemote { .. } | Action::RemoveRemoteFolder { .. } => Some(Self::DeletedHere),
            Action::TrashLocal { .. } | Action::RemoveLocalFolder { .. } => Some(Self::DeletedThere),
            Action::Download { place, .. } | Action::KeepBoth { place, .. } | Action::MoveLocal { to: place, .. }
                if is_rules(&place.name) =>
            {
                Some(Self::LeftOutThere)
            }
            Action::PushVersion { .. } => Some(Self::ChangedHere),
            Action::Download { expect: ExpectLocal::File(_), .. } => Some(Self::ChangedThere),
            _ => None,
        }
    }
}

/// What this round may not do, and which directories its actions need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Guards whose actions are held.
    pub held: BTreeSet<Guard>,
    /// There is no room for what would come down.
    pub pulls_held: bool,
    /// Directories that something is to be brought into, here.
    pub needed_here: BTreeSet<FolderId>,
    /// Directories whose storage folder something is to be brought into, there.
    pub needed_there: BTreeSet<FolderId>,
}

impl Verdict {
    /// Whether this action may not be done.
    pub(crate) fn holds(&self, action: &Action) -> bool {
        Guard::of(action).is_some_and(|guard| self.held.contains(&guard)) || self.pulls_held && is_pull(action)
    }
}

/// Whether an action brings bytes here.
pub(crate) const fn is_pull(action: &Action) -> bool {
    matches!(action, Action::Download { .. } | Action::KeepBoth { .. } | Action::Learn { .. })
}

/// What one guard counted in this round.
#[derive(Default)]
pub(crate) struct Tally {
    pub count: u64,
    pub lines: String,
    pub fingerprint: u64,
}

impl Tally {
    /// Counts a line; `what` tells apart what people need not read: which asset, and which bytes.
    pub(crate) fn add(&mut self, line: &PlanLine, what: &str) {
        let line = line.to_string();
        self.count += 1;
        self.fingerprint = fnv1a(fnv1a(self.fingerprint, line.as_bytes()), what.as_bytes());
        if self.count <= KEPT_LINES {
            self.lines.push_str(&line);
            self.lines.push('\n');
        }
    }

    /// Of ignore rules: how many files they leave out, instead of how many rules there are.
    pub(crate) fn that_leaves_out(&self, count: u64) -> Self {
        let fingerprint = fnv1a(self.fingerprint, &count.to_le_bytes());
        Self { count, lines: self.lines.clone(), fingerprint }
    }

    /// As a plan keeps it.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{:016x}", self.fingerprint)
    }
}

/// Whether a round has nothing to do with any file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Quiet {
    #[default]
    Yes,
    No,
}

/// Everything that was counted in one round.
#[derive(Default)]
struct Round {
    tallies: [Tally; Guard::ALL.len()],
    quiet: Quiet,
    damaged_here: u64,
    changed_there: Suspects,
    /// Assets whose bytes are ignore rules that would come here, and the directory they would stand in.
    rules_there: Vec<(AssetId, FolderId)>,
    pulled_bytes: u64,
    pulls: u64,
}

impl Round {
    fn of(&mut self, guard: Guard) -> &mut Tally {
        &mut self.tallies[guard as usize]
    }

    fn take(&mut self, guard: Guard) -> Tally {
        std::mem::take(self.of(guard))
    }
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Counts what follows from the trees as they are.
    pub(crate) async fn judge(&self) -> Result<Verdict, PassError> {
        let mut round = Round::default();
        let mut verdict = Verdict::default();
        let mut after = None;
        while let Some(batch) = self.decide_batch(&mut after).await? {
            for one in &batch {
                self.count_one(one, &mut round, &mut verdict);
            }
        }
        self.need_new_folders(&mut verdict);
        if self.defers_deletions() {
            let deferred = round.take(Guard::DeletedHere);
            self.report().deferred_deletions = deferred.count;
            verdict.held.insert(Guard::DeletedHere);
        }
        verdict.pulls_held = !self.has_room(round.pulls, round.pulled_bytes).await?;
        let mut under_way = BTreeSet::new();
        for guard in Guard::ALL {
            let tally = round.take(guard);
            // What is approved about left-out files is written down at once.
            if tally.count > 0 && !matches!(guard, Guard::LeftOutHere | Guard::LeftOutThere) {
                under_way.insert(guard);
            }
            let held = match guard {
                Guard::DeletedHere | Guard::DeletedThere => self.judge_deletions(guard, tally).await?,
                Guard::ChangedHere => {
                    let damaged = round.damaged_here;
                    self.judge_changes(guard, tally, async |_| Ok(damaged)).await?
                }
                Guard::ChangedThere => {
                    let suspects = std::mem::take(&mut round.changed_there);
                    self.judge_changes(guard, tally, async |pass| pass.count_damaged(suspects).await).await?
                }
                Guard::LeftOutHere => self.judge_left_out(tally, round.quiet).await?,
                Guard::LeftOutThere => self.judge_new_rules(tally, &round.rules_there).await?,
            };
            if held {
                verdict.held.insert(guard);
            }
        }
        under_way.retain(|guard| self.is_approved(*guard));
        under_way.extend(&verdict.held);
        self.expire_plans_except(&under_way).await?;
        Ok(verdict)
    }

    fn count_one(&self, one: &Decided, round: &mut Round, verdict: &mut Verdict) {
        let planned = match &one.decision {
            Decision::Act(planned) => {
                round.quiet = Quiet::No;
                planned
            }
            Decision::Skipped { why, .. } if why == IGNORED => {
                let base = one.entity.base.as_ref();
                // Those below a directory that is left out are counted with it.
                if base.is_some_and(|base| self.folders().local_unknown(base.place.folder).is_none()) {
                    round.of(Guard::LeftOutHere).add(&left_out(one.path.clone().unwrap_or_default()), "");
                }
                return;
            }
            _ => return,
        };
        let action = &planned.action;
        match action {
            Action::Download { place, .. } => {
                verdict.needed_here.extend(self.folders().with_those_above(place.folder));
            }
            Action::MoveLocal { to, .. } => verdict.needed_here.extend(self.folders().with_those_above(to.folder)),
            Action::Upload { place, .. } => {
                verdict.needed_there.extend(self.folders().with_those_above(place.folder));
            }
            Action::MoveRemote { to, .. } => verdict.needed_there.extend(self.folders().with_those_above(to.folder)),
            _ => {}
        }
        if let Action::Download { size, .. } | Action::KeepBoth { size, .. } = action {
            round.pulls += 1;
            round.pulled_bytes += size.unwrap_or(0);
        }
        let Some(guard) = Guard::of(action) else { return };
        match (guard, action) {
            (Guard::ChangedHere, _) if is_repair(&one.entity, action) => return,
            (Guard::ChangedHere, _) => round.damaged_here += u64::from(is_damaged_here(&one.entity)),
            (Guard::ChangedThere, _) => round.changed_there.add(&one.entity),
            (
                Guard::LeftOutThere,
                Action::Download { asset, place, .. }
                | Action::KeepBoth { asset, place, .. }
                | Action::MoveLocal { asset, to: place, .. },
            ) => round.rules_there.push((asset.clone(), place.folder)),
            _ => {}
        }
        round.of(guard).add(&self.line(planned), &what_exactly(&one.entity, action));
    }

    /// A directory that is new on one side needs those above it on the other.
    fn need_new_folders(&self, verdict: &mut Verdict) {
        let folders = self.folders();
        for row in folders.iter().filter(|row| !row.agreed) {
            match (&row.local, &row.remote) {
                (Some(_), None) => verdict.needed_there.extend(folders.with_those_above(row.id)),
                (None, Some(_)) => verdict.needed_here.extend(folders.with_those_above(row.id)),
                _ => {}
            }
        }
    }

    async fn judge_deletions(&self, guard: Guard, tally: Tally) -> Result<bool, PassError> {
        if tally.count == 0 {
            return Ok(false);
        }
        if self.no_deletions.is_some() {
            return Ok(true);
        }
        let action = if guard == Guard::DeletedHere { "trash_remote" } else { "trash_local" };
        let (tracked, done) =
            self.within_the_hour(move |tx, mirror, since| tx.done_since(mirror, action, since)).await?;
        // What was deleted within the hour was tracked, too, when it began.
        let of = tracked + done;
        if !self.engine.spec.policy.holds_deletions(tally.count + done, of) {
            return Ok(false);
        }
        self.hold_unless_approved(guard, tally, of).await
    }

    async fn judge_changes(
        &self,
        guard: Guard,
        tally: Tally,
        damaged: impl AsyncFnOnce(&Self) -> Result<u64, PassError>,
    ) -> Result<bool, PassError> {
        if tally.count == 0 {
            return Ok(false);
        }
        let action = if guard == Guard::ChangedHere { "push_version" } else { "download" };
        let (tracked, done): (_, Changes) =
            self.within_the_hour(move |tx, mirror, since| tx.changed_since(mirror, action, since)).await?;
        let count = tally.count + done.count;
        if count <= self.engine.spec.policy.max_delete.allowed(tracked) {
            return Ok(false);
        }
        // What is held already was found to be damaged; its bytes are not asked for in every pass.
        let is_known = self.plan_of(guard).await?.is_some_and(|plan| plan.fingerprint == tally.fingerprint());
        if !is_known && 2 * (damaged(self).await? + done.damaged) <= count {
            return Ok(false);
        }
        self.hold_unless_approved(guard, tally, tracked).await
    }

    /// How many files are tracked, and what the history says of the last hour.
    async fn within_the_hour<T: Send + 'static>(
        &self,
        ask: impl FnOnce(
            &Tx<'_>,
            damsync_model::id::MirrorId,
            damsync_model::time::UnixMs,
        ) -> Result<T, damsync_store::StoreError>
        + Send
        + 'static,
    ) -> Result<(u64, T), PassError> {
        let (mirror, since) = (self.mirror, self.now().plus_ms(-WINDOW_MS));
        Ok(self.engine.keeper.read(move |tx| Ok((tx.tracked(mirror)?, ask(tx, mirror, since)?))).await?)
    }
}

/// Whether a file of this name is read as ignore rules, on this file system or on one that folds case.
fn is_rules(name: &FileName) -> bool {
    let key = |name: &str| NameKey::of(name, Folding::CaseFolded);
    key(name.as_str()) == key(IGNORE_FILE)
}

/// What an action does, beyond its line: the same paths with other bytes are another plan.
fn what_exactly(entity: &Entity, action: &Action) -> String {
    let asset = action.asset().map(|asset| asset.0.to_string()).unwrap_or_default();
    let bytes = match (Guard::of(action), &entity.local, &entity.remote) {
        (Some(Guard::ChangedHere), Local::Present(file), _) => {
            file.content.map(|content| content.sha256.to_string()).unwrap_or_default()
        }
        (Some(Guard::ChangedThere | Guard::LeftOutThere), _, Remote::Live(remote)) => {
            let asset = &remote.asset;
            asset.version.map_or_else(|| format!("t{}", asset.updated_at.0), |version| format!("v{version}"))
        }
        _ => String::new(),
    };
    format!("{asset} {bytes}")
}

fn is_damaged_here(entity: &Entity) -> bool {
    match (&entity.base, &entity.local) {
        (Some(base), Local::Present(file)) => file.content.is_some_and(|now| now.is_damage_to(&base.content)),
        _ => false,
    }
}

/// The asset of an entity that is live, and what its file held before.
pub(crate) fn asset_over_file(entity: &Entity) -> Option<(&damsync_model::tree::RemoteAsset, Content)> {
    match (&entity.base, &entity.remote) {
        (Some(base), Remote::Live(remote)) => Some((&remote.asset, base.content)),
        _ => None,
    }
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): a plan's fingerprint, not a security measure.
pub(crate) fn fnv1a(start: u64, bytes: &[u8]) -> u64 {
    let mut hash = if start == 0 { 0xCBF2_9CE4_8422_2325 } else { start };
    for byte in bytes.iter().chain(b"\n") {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_watched_over_however_their_name_is_written() {
        for (name, rules) in [
            (".damsyncignore", true),
            (".DamSyncIgnore", true),
            (".dam\u{17f}yncignore", true),
            (".damsyncignore2", false),
            ("damsyncignore", false),
        ] {
            assert_eq!(is_rules(&FileName::new(name).unwrap()), rules, "{name}");
        }
    }
}
