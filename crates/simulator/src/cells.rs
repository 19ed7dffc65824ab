//! Everything that can befall an action: the cells of the coverage table.
//!
//! A cell is an action that follows from a rule, with one trouble that hits one of its calls or ends it. Plans aim at cells,
//! so that also what is rare gets its share.

use crate::meddle::Meddling;
use crate::weather::Fault;
use damsync_model::plan::Rule;
use damsync_model::policy::{ConflictPolicy, DeletePolicy, Policy};
use damsync_reconciler::crash::CrashPoint;
use std::sync::LazyLock;

/// What befalls an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// One of its calls goes wrong. Of bodies, any part may be missing.
    Fault(Fault),
    /// The daemon ends between two of its steps.
    Crash(CrashPoint),
    /// The daemon ends in one of its calls.
    CrashInCall,
    /// Somebody changes what it works on.
    Meddling(Meddling),
}

/// An action of a rule, and what befalls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The rule.
    pub rule: Rule,
    /// [`damsync_model::plan::Action::verb`].
    pub action: &'static str,
    /// The trouble.
    pub trouble: Trouble,
}

/// Every action that worlds come to, with its rule. Those that only move a file here which a person moved (R14, R16 to R18)
/// follow from a local move, and nobody sees one yet. Directions and `delete = "keep"` leave actions out, but for R30's.
pub const ACTIONS: &[(Rule, &str)] = &[
    (Rule::R1, "upload"),
    (Rule::R2, "download"),
    (Rule::R3, "push_version"),
    (Rule::R4, "download"),
    (Rule::R5, "adopt"),
    (Rule::R5, "learn"),
    (Rule::R6, "download"),
    (Rule::R6, "keep_both"),
    (Rule::R6, "push_version"),
    (Rule::R7, "download"),
    (Rule::R7, "keep_both"),
    (Rule::R7, "push_version"),
    (Rule::R8, "trash_remote"),
    (Rule::R9, "trash_local"),
    (Rule::R10, "forget"),
    (Rule::R10, "restore_remote"),
    (Rule::R11, "download"),
    (Rule::R12, "download"),
    (Rule::R13, "trash_remote"),
    (Rule::R15, "move_local"),
    (Rule::R19, "forget"),
    (Rule::R19, "trash_local"),
    (Rule::R20, "push_version"),
    (Rule::R23, "forget"),
    (Rule::R23, "forget_folder"),
    (Rule::R24, "make_remote_folder"),
    (Rule::R24, "remove_remote_folder"),
    (Rule::R25, "join_folder"),
    (Rule::R25, "make_local_folder"),
    (Rule::R25, "remove_local_folder"),
    (Rule::R26, "refresh"),
    (Rule::R30, "keep_both"),
];

const ASKING: &[Trouble] = &[
    Trouble::Fault(Fault::LostBefore),
    Trouble::Fault(Fault::Busy),
    Trouble::Fault(Fault::Forbids),
    Trouble::CrashInCall,
];

const READING: &[Trouble] = &[Trouble::Fault(Fault::DiskFails), Trouble::Fault(Fault::DiskDenies)];

const LOST_AFTER: Trouble = Trouble::Fault(Fault::LostAfter);
const TWICE: Trouble = Trouble::Fault(Fault::Twice);
const BODY: Trouble = Trouble::Fault(Fault::ANY_BODY);
const FULL: Trouble = Trouble::Fault(Fault::DiskFull);

const SENDING: &[Trouble] = &[LOST_AFTER, TWICE, BODY, at(CrashPoint::IntentOpen)];
const SENT: &[Trouble] = &[
    at(CrashPoint::Prepared),
    at(CrashPoint::PreparedKept),
    at(CrashPoint::Sent),
    at(CrashPoint::Finished),
    at(CrashPoint::UploadKept),
];
const RECEIVING: &[Trouble] = &[LOST_AFTER, BODY, FULL, at(CrashPoint::Received)];
const PLACING: &[Trouble] = &[at(CrashPoint::Placed), at(CrashPoint::PlacedKept)];

const fn at(point: CrashPoint) -> Trouble {
    Trouble::Crash(point)
}

/// What people may do to what an action works on while it does.
const fn meddlings(rule: Rule, action: &str) -> &'static [Meddling] {
    use Meddling as M;
    match action.as_bytes() {
        b"upload" => &[M::SavesHere, M::WritesUnseen, M::DeletesHere],
        b"push_version" => &[M::SavesHere, M::WritesUnseen, M::DeletesHere, M::AddsVersion, M::Renames, M::Trashes],
        b"keep_both" => &[M::SavesHere, M::DeletesHere, M::AddsVersion, M::Renames, M::Trashes],
        b"download" if matches!(rule, Rule::R4 | Rule::R6 | Rule::R7) => {
            &[M::SavesHere, M::DeletesHere, M::AddsVersion, M::Renames, M::Trashes]
        }
        b"download" => &[M::PutsHere, M::AddsVersion, M::Renames, M::Trashes],
        b"trash_remote" => &[M::PutsHere, M::AddsVersion, M::Renames, M::Trashes],
        b"trash_local" => &[M::SavesHere, M::DeletesHere],
        b"move_local" => &[M::SavesHere, M::DeletesHere, M::AddsVersion, M::Renames, M::Trashes],
        b"restore_remote" => &[M::SavesHere, M::DeletesHere, M::Restores],
        _ => &[],
    }
}

/// What can befall an action; nothing can where it only writes something down.
pub fn troubles(rule: Rule, action: &str) -> Vec<Trouble> {
    use CrashPoint as P;
    let groups: &[&[Trouble]] = match action {
        "upload" => &[ASKING, READING, SENDING, &[at(P::SessionOpen)], SENT],
        "push_version" => &[ASKING, READING, SENDING, SENT],
        // What stands in its way, and was agreed on, is in the journal first; of a first contact nothing was.
        "keep_both" if rule != Rule::R6 => &[ASKING, READING, RECEIVING, &[at(P::MoveOpen)], PLACING],
        "download" if matches!(rule, Rule::R4 | Rule::R7) => &[ASKING, READING, RECEIVING, &[at(P::MoveOpen)], PLACING],
        "keep_both" | "download" => &[ASKING, READING, RECEIVING, PLACING],
        "learn" => &[ASKING, READING, RECEIVING],
        "trash_remote" => &[ASKING, READING, &[LOST_AFTER, TWICE, at(P::TrashedRemote)]],
        "trash_local" => &[READING, &[FULL, Trouble::CrashInCall, at(P::MoveOpen), at(P::TrashedLocal)]],
        "move_local" => &[READING, &[Trouble::CrashInCall, at(P::MoveOpen), at(P::MovedLocal)]],
        "restore_remote" => &[ASKING, &[LOST_AFTER, TWICE, at(P::RestoredRemote)]],
        "make_remote_folder" => &[ASKING, &[LOST_AFTER, at(P::RemoteFolderMade)]],
        "remove_remote_folder" => &[ASKING, &[LOST_AFTER, TWICE, at(P::FolderRemoved)]],
        "make_local_folder" => &[READING, &[FULL, Trouble::CrashInCall, at(P::LocalFolderMade)]],
        "remove_local_folder" => &[READING, &[Trouble::CrashInCall, at(P::FolderRemoved)]],
        _ => &[],
    };
    let meddling = meddlings(rule, action).iter().map(|one| Trouble::Meddling(*one));
    groups.iter().copied().flatten().copied().chain(meddling).collect()
}

/// Every cell.
pub static ALL: LazyLock<Vec<Cell>> = LazyLock::new(|| {
    let cells = |&(rule, action): &(Rule, &'static str)| {
        troubles(rule, action).into_iter().map(move |trouble| Cell { rule, action, trouble })
    };
    ACTIONS.iter().flat_map(cells).collect()
});

/// Whether a mirror's user wants an action at all.
fn is_done(policy: &Policy, rule: Rule, action: &str) -> bool {
    let (pushes, pulls) = (policy.direction.pushes(), policy.direction.pulls());
    let deletes = policy.delete == DeletePolicy::Trash;
    let is_settled_by = |wanted: ConflictPolicy| match policy.conflict {
        ConflictPolicy::LocalWins if !pushes => wanted == ConflictPolicy::KeepBoth,
        chosen => chosen == wanted,
    };
    match (rule, action) {
        (Rule::R6 | Rule::R7, "push_version") => pushes && is_settled_by(ConflictPolicy::LocalWins),
        (Rule::R6 | Rule::R7, "download") => pulls && is_settled_by(ConflictPolicy::RemoteWins),
        (Rule::R6, "keep_both") => pulls && is_settled_by(ConflictPolicy::KeepBoth),
        (Rule::R7, "keep_both") => pulls && pushes && is_settled_by(ConflictPolicy::KeepBoth),
        (Rule::R30, "keep_both") => pulls && !pushes,
        (_, "upload" | "push_version" | "restore_remote" | "make_remote_folder") => pushes,
        (_, "trash_remote" | "remove_remote_folder") => pushes && deletes,
        (_, "download" | "move_local" | "make_local_folder") => pulls,
        (_, "trash_local" | "remove_local_folder") => pulls && deletes,
        _ => true,
    }
}

/// Every cell that a mirror of that kind comes to.
pub fn of(policy: &Policy) -> Vec<Cell> {
    ALL.iter().filter(|cell| is_done(policy, cell.rule, cell.action)).copied().collect()
}

/// Whether it falls on a moment in which the world hangs by one safeguard: plans aim there more often.
pub fn is_telling(cell: &Cell) -> bool {
    use CrashPoint as P;
    match cell.trouble {
        Trouble::Crash(point) => {
            matches!(point, P::MoveOpen | P::MovedLocal | P::Placed | P::TrashedLocal | P::LocalFolderMade)
        }
        Trouble::CrashInCall => matches!(cell.action, "trash_local" | "move_local" | "make_local_folder" | "keep_both"),
        Trouble::Meddling(Meddling::WritesUnseen) => true,
        Trouble::Meddling(Meddling::PutsHere) => cell.action == "trash_remote",
        Trouble::Meddling(_) | Trouble::Fault(_) => false,
    }
}

/// Whether few worlds come to it: plans aim there more often.
pub fn is_rare(cell: &Cell) -> bool {
    matches!(
        (cell.rule, cell.action),
        (Rule::R5, "learn")
            | (Rule::R6 | Rule::R7, "download" | "keep_both" | "push_version")
            | (Rule::R10, "restore_remote")
            | (Rule::R30, _)
    )
}
