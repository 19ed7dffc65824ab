//! The rules for one file: R1–R13, R16, R18–R20, R23, R26–R28 and R30. Its place is `place`'s business.

use super::bytes::{RemoteBytes, remote_bytes, version_arriving};
use super::place::{moved_here, moved_there, place_step};
use super::{Rules, act};
use crate::content::{Claimed, Content, Likeness};
use crate::mutation::Mutation;
use crate::plan::{Action, Decision, ExpectLocal, ExpectRemote, HoldReason, Rule, Wait};
use crate::policy::{ConflictPolicy, DeletePolicy};
use crate::tree::{AssetState, Base, Entity, Local, LocalFile, Place, Remote, RemoteAsset, RemoteFile};

pub(super) const NOT_EDITABLE: &str = "the server does not let us change this asset";
const TOO_LARGE: &str = "larger than one upload can carry (5 GiB)";
const NOT_PROCESSED: &str = "the server could not process it; it is sent again when the file changes";

/// Decides the next step for one file.
pub fn decide(entity: &Entity, rules: Rules<'_>) -> Decision {
    if let Local::Unknown(why) = &entity.local {
        return Decision::Skipped { rule: Rule::R28, why: why.0.clone() };
    }
    match (&entity.base, &entity.local, &entity.remote) {
        // An asset that was agreed on and of which nothing is known now is a question, not a deletion.
        (_, _, Remote::Unknown(_)) | (Some(_), _, Remote::Absent) => {
            Decision::Waiting { rule: Rule::R26, wait: Wait::Answer }
        }
        (None, Local::Present(local), Remote::Live(remote)) => first_contact(local, remote, rules),
        (None, Local::Present(local), _) => new_here(local, rules),
        (None, _, Remote::Live(remote)) => {
            download(Rule::R2, "new on the server", remote, &remote.place, ExpectLocal::Nothing, rules)
        }
        (None, _, _) => Decision::Settled,
        (Some(base), Local::Present(local), Remote::Live(remote)) => both_there(base, local, remote, rules),
        (Some(base), Local::Present(local), Remote::Outside(asset)) => moved_out(base, local, asset, rules),
        (Some(base), Local::Present(local), _) => gone_there(base, local, &entity.remote, rules),
        (Some(base), _, Remote::Live(remote)) => gone_here(base, remote, rules),
        (Some(base), _, Remote::Outside(_)) => forget(Rule::R19, "deleted here, moved out of the mirror there", base),
        (Some(base), _, _) => forget(Rule::R23, "deleted on both sides", base),
    }
}

/// Whether an action sends bytes that were sent before, because the server's copy of them is damaged.
///
/// The planner knows the present, not the past, so it would mend for ever where a server never keeps what it gets. The
/// contract allows one mending of a content; whoever carries plans out counts, and reports a second one as failed.
pub fn is_repair(entity: &Entity, action: &Action) -> bool {
    match (action, &entity.base, &entity.local) {
        (Action::PushVersion { .. }, Some(base), Local::Present(local)) => {
            local.content.is_some_and(|ours| !edited(base, &ours))
        }
        _ => false,
    }
}

fn forget(rule: Rule, reason: &'static str, base: &Base) -> Decision {
    act(rule, reason, Action::Forget { asset: base.asset.clone(), place: Some(base.place.clone()) })
}

const fn expect_remote(asset: &RemoteAsset) -> ExpectRemote {
    ExpectRemote { version: asset.version }
}

const UNREAD: Decision = Decision::Waiting { rule: Rule::R27, wait: Wait::Quiet };

/// R1.
fn new_here(local: &LocalFile, rules: Rules<'_>) -> Decision {
    if !rules.policy.direction.pushes() {
        return Decision::Held { rule: Rule::R1, reason: HoldReason::Direction };
    }
    if local.content.is_none() {
        return UNREAD;
    }
    if local.stat.size > rules.capabilities.max_upload_bytes {
        return Decision::Failed { rule: Rule::R1, why: TOO_LARGE };
    }
    act(Rule::R1, "new here", Action::Upload { place: local.place.clone(), expect: local.stat, size: local.stat.size })
}

/// R5 and R6: one name, two contents that have never met.
fn first_contact(local: &LocalFile, remote: &RemoteFile, rules: Rules<'_>) -> Decision {
    let Some(ours) = &local.content else { return UNREAD };
    match remote.asset.claimed.likeness(ours) {
        Likeness::Different if Mutation::AdoptedByName.is_on() => adopt("same name on both sides", local, remote),
        Likeness::Same => adopt("same bytes on both sides", local, remote),
        Likeness::Untold => learn(
            "same name on both sides, and the server tells no checksum: it is read, and what follows depends on its bytes",
            remote,
        ),
        // Nothing can be won from an asset whose bytes are still on their way.
        Likeness::Different if remote.asset.state == AssetState::Pending => {
            Decision::Waiting { rule: Rule::R6, wait: Wait::Processing }
        }
        Likeness::Different => conflict(Rule::R6, "same name on both sides, other bytes", local, remote, rules),
    }
}

fn adopt(reason: &'static str, local: &LocalFile, remote: &RemoteFile) -> Decision {
    let action = Action::Adopt { asset: remote.asset.id.clone(), place: local.place.clone(), expect: local.stat };
    act(Rule::R5, reason, action)
}

/// Reads the asset to learn its hash. That changes neither side, so no direction forbids it.
fn learn(reason: &'static str, remote: &RemoteFile) -> Decision {
    unreadable(Rule::R5, remote).unwrap_or_else(|| {
        act(Rule::R5, reason, Action::Learn { asset: remote.asset.id.clone(), size: remote.asset.claimed.size })
    })
}

/// What stands against reading an asset's bytes.
fn unreadable(rule: Rule, remote: &RemoteFile) -> Option<Decision> {
    if let Some(wait) = waiting(remote.asset.state) {
        return Some(Decision::Waiting { rule, wait });
    }
    (remote.asset.downloadable == Some(false)).then_some(Decision::Held { rule, reason: HoldReason::NotPermitted })
}

/// What stands against bringing an asset's bytes here.
fn refuse_pull(rule: Rule, remote: &RemoteFile, rules: Rules<'_>) -> Option<Decision> {
    if !rules.policy.direction.pulls() {
        return Some(Decision::Held { rule, reason: HoldReason::Direction });
    }
    unreadable(rule, remote)
}

const fn waiting(state: AssetState) -> Option<Wait> {
    match state {
        AssetState::Pending | AssetState::Processing => Some(Wait::Processing),
        AssetState::AwaitingSubmission => Some(Wait::Submission),
        AssetState::AwaitingApproval => Some(Wait::Approval),
        AssetState::Processed | AssetState::Failed => None,
    }
}

/// What stands against pushing a version to an asset.
fn refuse_push(rule: Rule, local: &LocalFile, asset: &RemoteAsset, rules: Rules<'_>) -> Option<Decision> {
    if !rules.policy.direction.pushes() {
        return Some(Decision::Held { rule, reason: HoldReason::Direction });
    }
    if !rules.capabilities.replaces_content {
        return Some(Decision::Held { rule, reason: HoldReason::NotSupported });
    }
    if asset.checked_out {
        return Some(Decision::Held { rule, reason: HoldReason::CheckedOut });
    }
    if asset.editable == Some(false) {
        return Some(Decision::Failed { rule, why: NOT_EDITABLE });
    }
    if local.stat.size > rules.capabilities.max_upload_bytes {
        return Some(Decision::Failed { rule, why: TOO_LARGE });
    }
    None
}

fn download(
    rule: Rule,
    reason: &'static str,
    remote: &RemoteFile,
    place: &Place,
    expect: ExpectLocal,
    rules: Rules<'_>,
) -> Decision {
    refuse_pull(rule, remote, rules).unwrap_or_else(|| {
        let action = Action::Download {
            asset: remote.asset.id.clone(),
            place: place.clone(),
            expect,
            expect_remote: expect_remote(&remote.asset),
            size: remote.asset.claimed.size,
        };
        act(rule, reason, action)
    })
}

fn push(rule: Rule, reason: &'static str, local: &LocalFile, asset: &RemoteAsset, rules: Rules<'_>) -> Decision {
    refuse_push(rule, local, asset, rules).unwrap_or_else(|| {
        let action = Action::PushVersion {
            asset: asset.id.clone(),
            place: local.place.clone(),
            expect: local.stat,
            expect_remote: expect_remote(asset),
            size: local.stat.size,
        };
        act(rule, reason, action)
    })
}

/// Where nothing is pushed, a conflict with an agreed version is R30.
fn conflict_rule(rule: Rule, rules: Rules<'_>) -> Rule {
    if rule == Rule::R7 && !rules.policy.direction.pushes() { Rule::R30 } else { rule }
}

/// R6, R7 and R30.
fn conflict(rule: Rule, reason: &'static str, local: &LocalFile, remote: &RemoteFile, rules: Rules<'_>) -> Decision {
    let rule = conflict_rule(rule, rules);
    let can_win = rules.policy.direction.pushes() && rules.capabilities.replaces_content;
    let policy = match rules.policy.conflict {
        // An edit that is never pushed has no other home than its copy, whatever the policy.
        _ if rule == Rule::R30 => ConflictPolicy::KeepBoth,
        ConflictPolicy::LocalWins if !can_win => ConflictPolicy::KeepBoth,
        chosen => chosen,
    };
    match policy {
        ConflictPolicy::LocalWins => push(rule, reason, local, &remote.asset, rules),
        ConflictPolicy::RemoteWins => {
            download(rule, reason, remote, &local.place, ExpectLocal::File(local.stat), rules)
        }
        ConflictPolicy::KeepBoth => refuse_pull(rule, remote, rules).unwrap_or_else(|| {
            let action = Action::KeepBoth {
                asset: remote.asset.id.clone(),
                place: local.place.clone(),
                expect: local.stat,
                expect_remote: expect_remote(&remote.asset),
                size: remote.asset.claimed.size,
            };
            act(rule, reason, action)
        }),
    }
}

fn edited(base: &Base, ours: &Content) -> bool {
    base.content.sha256 != ours.sha256
}

/// Places first, then bytes. A move that may not be made does not keep the bytes from travelling; it is reported when
/// nothing else is left to do.
fn both_there(base: &Base, local: &LocalFile, remote: &RemoteFile, rules: Rules<'_>) -> Decision {
    let Some(ours) = &local.content else { return UNREAD };
    let stuck = match place_step(base, local, remote, rules) {
        Some(step @ Decision::Act(_)) => return step,
        other => other,
    };
    bytes_step(base, local, ours, remote, rules).or(stuck).unwrap_or_else(|| settled(base, local, remote))
}

/// What the bytes of both sides ask for; `None` where they agree.
fn bytes_step(
    base: &Base,
    local: &LocalFile,
    ours: &Content,
    remote: &RemoteFile,
    rules: Rules<'_>,
) -> Option<Decision> {
    let asset = &remote.asset;
    let edited = edited(base, ours);
    Some(match remote_bytes(base, asset) {
        RemoteBytes::Same if edited => push(Rule::R3, "edited here", local, asset, rules),
        // Not sent again until the file changes, so a copy that came out wrong is not mended either.
        RemoteBytes::Same | RemoteBytes::Damaged if asset.state == AssetState::Failed && !edited => {
            Decision::Failed { rule: Rule::R26, why: NOT_PROCESSED }
        }
        RemoteBytes::Same => return None,
        RemoteBytes::Damaged if edited => push(Rule::R3, "edited here", local, asset, rules),
        RemoteBytes::Damaged => push(Rule::R3, "the server's copy is damaged", local, asset, rules),
        RemoteBytes::Busy => {
            let rule = if edited { conflict_rule(Rule::R7, rules) } else { Rule::R26 };
            Decision::Waiting { rule, wait: Wait::Processing }
        }
        RemoteBytes::Untold if asset.state == AssetState::Failed && !edited => {
            Decision::Failed { rule: Rule::R26, why: NOT_PROCESSED }
        }
        RemoteBytes::Untold => learn(
            "changed on the server, which does not tell what: it is read, and what follows depends on its bytes",
            remote,
        ),
        RemoteBytes::New | RemoteBytes::Doubtful if edited => match asset.claimed.likeness(ours) {
            Likeness::Same => adopt("edited on both sides to the same bytes", local, remote),
            Likeness::Untold => learn(
                "edited on both sides, and the server tells no checksum: it is read, and what follows depends on its bytes",
                remote,
            ),
            Likeness::Different => conflict(Rule::R7, "edited on both sides", local, remote, rules),
        },
        RemoteBytes::Doubtful if rules.policy.direction.pushes() => {
            conflict(Rule::R7, "not the bytes that were sent, and it is not told whose they are", local, remote, rules)
        }
        RemoteBytes::New | RemoteBytes::Doubtful => {
            download(Rule::R4, "new version on the server", remote, &local.place, ExpectLocal::File(local.stat), rules)
        }
    })
}

/// R26, or nothing; an asset that the server still works on is reported as awaiting.
fn settled(base: &Base, local: &LocalFile, remote: &RemoteFile) -> Decision {
    let asset = &remote.asset;
    // Written down now, the coming version's number would later vouch for the former one's bytes.
    if version_arriving(base, asset) {
        return Decision::Waiting { rule: Rule::R26, wait: Wait::Processing };
    }
    let recorded = asset.updated_at == base.remote_updated_at
        && asset.filename == base.remote_filename
        && (asset.version.is_none() || asset.version == base.remote_version)
        && tells_nothing_new(&asset.claimed, &base.remote_claimed)
        && remote.place.folder == base.remote_folder
        && local.place == base.place;
    if !recorded {
        let action = Action::Refresh { asset: asset.id.clone(), place: local.place.clone() };
        return act(Rule::R26, "only the record changed", action);
    }
    match waiting(asset.state) {
        Some(wait) => Decision::Waiting { rule: Rule::R26, wait },
        None => Decision::Settled,
    }
}

/// Answers differ in how much they tell; silence does not undo what was told before.
fn tells_nothing_new(now: &Claimed, recorded: &Claimed) -> bool {
    (now.md5.is_none() || now.md5 == recorded.md5) && (now.size.is_none() || now.size == recorded.size)
}

/// R9, R10 and R18.
fn gone_there(base: &Base, local: &LocalFile, remote: &Remote, rules: Rules<'_>) -> Decision {
    let Some(ours) = &local.content else { return UNREAD };
    if !edited(base, ours) {
        let rule = if moved_here(base, local) { Rule::R18 } else { Rule::R9 };
        return trash_local(rule, "trashed on the server", base, local, rules);
    }
    if !rules.policy.direction.pushes() {
        return Decision::Held { rule: Rule::R10, reason: HoldReason::Direction };
    }
    if local.stat.size > rules.capabilities.max_upload_bytes {
        return Decision::Failed { rule: Rule::R10, why: TOO_LARGE };
    }
    let restorable = rules.capabilities.restores_assets && rules.capabilities.replaces_content;
    if *remote == Remote::Trashed && restorable {
        act(Rule::R10, "edited here, trashed there", Action::RestoreRemote { asset: base.asset.clone() })
    } else {
        // The asset is beyond recovery; forgotten, the file is new and travels as R1 in the next step.
        forget(Rule::R10, "edited here, gone there: becomes a new asset", base)
    }
}

fn trash_local(rule: Rule, reason: &'static str, base: &Base, local: &LocalFile, rules: Rules<'_>) -> Decision {
    if !rules.policy.direction.pulls() {
        return Decision::Held { rule, reason: HoldReason::Direction };
    }
    if rules.policy.delete == DeletePolicy::Keep {
        return Decision::Held { rule, reason: HoldReason::Kept };
    }
    act(rule, reason, Action::TrashLocal { asset: base.asset.clone(), place: local.place.clone(), expect: local.stat })
}

/// R19 and R20.
fn moved_out(base: &Base, local: &LocalFile, asset: &RemoteAsset, rules: Rules<'_>) -> Decision {
    match &local.content {
        None => UNREAD,
        Some(ours) if edited(base, ours) => {
            push(Rule::R20, "edited here, moved out of the mirror there", local, asset, rules)
        }
        Some(_) => trash_local(Rule::R19, "moved out of the mirror on the server", base, local, rules),
    }
}

/// R8, R11, R12 and R13.
fn gone_here(base: &Base, remote: &RemoteFile, rules: Rules<'_>) -> Decision {
    let asset = &remote.asset;
    let again = |rule, reason| download(rule, reason, remote, &remote.place, ExpectLocal::Nothing, rules);
    match remote_bytes(base, asset) {
        RemoteBytes::New | RemoteBytes::Doubtful => return again(Rule::R11, "deleted here, new version there"),
        RemoteBytes::Busy => return Decision::Waiting { rule: Rule::R11, wait: Wait::Processing },
        RemoteBytes::Same | RemoteBytes::Damaged | RemoteBytes::Untold if moved_there(base, remote) => {
            return again(Rule::R12, "deleted here, moved there");
        }
        // R11 or R13: a deletion stands only against bytes that are known.
        RemoteBytes::Untold => {
            return learn(
                "deleted here, changed on the server, which does not tell what: it is read, and what follows depends on its bytes",
                remote,
            );
        }
        RemoteBytes::Same | RemoteBytes::Damaged => {}
    }
    let touched = asset.updated_at != base.remote_updated_at;
    let rule = if touched { Rule::R13 } else { Rule::R8 };
    if !rules.policy.direction.pushes() {
        return Decision::Held { rule, reason: HoldReason::Direction };
    }
    if rules.policy.delete == DeletePolicy::Keep {
        return Decision::Held { rule, reason: HoldReason::Kept };
    }
    // A refused deletion would only be refused again.
    if asset.editable == Some(false) {
        return Decision::Failed { rule, why: NOT_EDITABLE };
    }
    // Deciding on the former version would delete a newer one unseen.
    if version_arriving(base, asset) {
        return Decision::Waiting { rule: Rule::R11, wait: Wait::Processing };
    }
    act(
        rule,
        "deleted here",
        Action::TrashRemote {
            asset: base.asset.clone(),
            place: base.place.clone(),
            expect_remote: expect_remote(asset),
        },
    )
}
