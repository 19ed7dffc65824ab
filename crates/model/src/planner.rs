//! The planner: three states of one entity in, the next step out.
//!
//! Pure, total and deterministic. It decides per entity, so a changed file in a million costs one decision. It gives
//! one step at a time; after each the entity is decided again, and the sequence ends in [`Decision::Settled`].
//!
//! Names and places are merged one by one against the base, so half a remote "rename and move" is no riddle.
//!
//! Absent on purpose: totals over many entities (guards), retries, local file names (`name`), anything about paths.

use crate::capability::Capabilities;
use crate::content::{Content, Likeness};
use crate::plan::{Action, Decision, ExpectLocal, ExpectRemote, HoldReason, Planned, Rule, Wait};
use crate::policy::{ConflictPolicy, DeletePolicy, Policy};
use crate::tree::{AssetState, Base, Entity, FolderEntity, FolderState, Local, LocalFile, Place, Remote, RemoteAsset, RemoteFile};

/// What the planner must know besides the entity.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// What the user chose.
    pub policy: &'a Policy,
    /// What the provider can do.
    pub capabilities: &'a Capabilities,
}

/// Decides the next step for one file.
pub fn decide(entity: &Entity, rules: Rules<'_>) -> Decision {
    if let Local::Unknown(why) = &entity.local {
        return Decision::Skipped { rule: Rule::R28, why: why.0.clone() };
    }
    if let Remote::Unknown(_) = &entity.remote {
        return Decision::Waiting { rule: Rule::R26, wait: Wait::Answer };
    }
    match (&entity.base, &entity.local, &entity.remote) {
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

const fn act(rule: Rule, reason: &'static str, action: Action) -> Decision {
    Decision::Act(Planned { rule, action, reason })
}

fn forget(rule: Rule, reason: &'static str, base: &Base) -> Decision {
    act(rule, reason, Action::Forget { asset: base.asset.clone(), place: Some(base.place.clone()) })
}

const fn expect_remote(asset: &RemoteAsset) -> ExpectRemote {
    ExpectRemote { version: asset.version }
}

/// R1.
fn new_here(local: &LocalFile, rules: Rules<'_>) -> Decision {
    if !rules.policy.direction.pushes() {
        return Decision::Held { rule: Rule::R1, reason: HoldReason::Direction };
    }
    if local.content.is_none() {
        return Decision::Waiting { rule: Rule::R27, wait: Wait::Quiet };
    }
    if local.stat.size > rules.capabilities.max_upload_bytes {
        return Decision::Failed { rule: Rule::R1, why: TOO_LARGE };
    }
    act(Rule::R1, "new here", Action::Upload { place: local.place.clone(), expect: local.stat, size: local.stat.size })
}

const TOO_LARGE: &str = "larger than one upload can carry (5 GiB)";

/// R5 and R6: one name, two contents that have never met.
fn first_contact(local: &LocalFile, remote: &RemoteFile, rules: Rules<'_>) -> Decision {
    let Some(ours) = &local.content else {
        return Decision::Waiting { rule: Rule::R27, wait: Wait::Quiet };
    };
    match remote.asset.claimed.likeness(ours) {
        Likeness::Same => adopt("same bytes on both sides", local, remote),
        Likeness::Untold => learn("same name on both sides, and the server tells no checksum", remote, rules),
        Likeness::Different => conflict(Rule::R6, "same name on both sides, other bytes", local, remote, rules),
    }
}

fn adopt(reason: &'static str, local: &LocalFile, remote: &RemoteFile) -> Decision {
    let action = Action::Adopt { asset: remote.asset.id.clone(), place: local.place.clone(), expect: local.stat };
    act(Rule::R5, reason, action)
}

/// Reads the asset to learn its hash; refused like any other pull.
fn learn(reason: &'static str, remote: &RemoteFile, rules: Rules<'_>) -> Decision {
    match refuse_pull(Rule::R5, remote, rules) {
        Some(refused) => refused,
        None => act(
            Rule::R5,
            reason,
            Action::Learn { asset: remote.asset.id.clone(), size: remote.asset.claimed.size },
        ),
    }
}

/// What stands against bringing an asset's bytes here.
fn refuse_pull(rule: Rule, remote: &RemoteFile, rules: Rules<'_>) -> Option<Decision> {
    if !rules.policy.direction.pulls() {
        return Some(Decision::Held { rule, reason: HoldReason::Direction });
    }
    if let Some(wait) = waiting(remote.asset.state) {
        return Some(Decision::Waiting { rule, wait });
    }
    if remote.asset.downloadable == Some(false) {
        return Some(Decision::Held { rule, reason: HoldReason::NotPermitted });
    }
    None
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
    if asset.checked_out {
        return Some(Decision::Held { rule, reason: HoldReason::CheckedOut });
    }
    if asset.editable == Some(false) {
        return Some(Decision::Failed { rule, why: "the server does not let us change this asset" });
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

/// R6, R7 and R30.
fn conflict(rule: Rule, reason: &'static str, local: &LocalFile, remote: &RemoteFile, rules: Rules<'_>) -> Decision {
    let replace = ExpectLocal::File(local.stat);
    let policy = if rules.policy.direction.pushes() { rules.policy.conflict } else { ConflictPolicy::KeepBoth };
    let rule = if rules.policy.direction.pushes() { rule } else { Rule::R30 };
    match policy {
        ConflictPolicy::LocalWins => push(rule, reason, local, &remote.asset, rules),
        ConflictPolicy::RemoteWins => download(rule, reason, remote, &local.place, replace, rules),
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

/// What became of an asset's bytes since both sides agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RemoteBytes {
    Same,
    New,
    /// The version is ours, but the server's hash of it is not.
    Damaged,
    Untold,
}

fn remote_bytes(base: &Base, asset: &RemoteAsset) -> RemoteBytes {
    let same_version = matches!((base.remote_version, asset.version), (Some(then), Some(now)) if then == now);
    let other_version = matches!((base.remote_version, asset.version), (Some(then), Some(now)) if then != now);
    match asset.claimed.likeness_to(&base.remote_claimed) {
        Likeness::Same => return RemoteBytes::Same,
        Likeness::Different => return RemoteBytes::New,
        Likeness::Untold => {}
    }
    // The server tells a hash now and told none when we agreed: compare with what we sent or got.
    match asset.claimed.likeness(&base.content) {
        Likeness::Same => RemoteBytes::Same,
        Likeness::Different if asset.claimed.md5.is_some() && same_version => RemoteBytes::Damaged,
        Likeness::Different if asset.claimed.md5.is_some() => RemoteBytes::New,
        _ if other_version => RemoteBytes::New,
        _ if same_version || asset.updated_at == base.remote_updated_at => RemoteBytes::Same,
        _ => RemoteBytes::Untold,
    }
}

const fn edited(base: &Base, ours: &Content) -> bool {
    let (then, now) = (&base.content.sha256.0, &ours.sha256.0);
    let mut at = 0;
    while at < then.len() {
        if then[at] != now[at] {
            return true;
        }
        at += 1;
    }
    false
}

/// The place on which both sides' moves agree: each of directory and name is merged against the base alone, and where
/// both sides changed one of them, the remote's counts (R17).
fn merged_place(base: &Base, local: &LocalFile, remote: &RemoteFile) -> Place {
    let folder =
        if remote.place.folder == base.remote_folder { local.place.folder } else { remote.place.folder };
    let name = if remote.asset.filename == base.remote_filename {
        if local.place.name == base.place.name { base.place.name.clone() } else { local.place.name.clone() }
    } else {
        remote.place.name.clone()
    };
    Place { folder, name }
}

fn both_there(base: &Base, local: &LocalFile, remote: &RemoteFile, rules: Rules<'_>) -> Decision {
    let Some(ours) = &local.content else {
        return Decision::Waiting { rule: Rule::R27, wait: Wait::Quiet };
    };
    if let Some(step) = place_step(base, local, remote, rules) {
        return step;
    }
    let asset = &remote.asset;
    match (edited(base, ours), remote_bytes(base, asset)) {
        (true, RemoteBytes::Same | RemoteBytes::Damaged) => push(Rule::R3, "edited here", local, asset, rules),
        (true, RemoteBytes::New) if asset.claimed.likeness(ours) == Likeness::Same => {
            adopt("edited on both sides to the same bytes", local, remote)
        }
        (true, RemoteBytes::New) if asset.claimed.likeness(ours) == Likeness::Untold => {
            learn("edited on both sides, and the server tells no checksum", remote, rules)
        }
        (true, RemoteBytes::New) => conflict(Rule::R7, "edited on both sides", local, remote, rules),
        (false, RemoteBytes::New) => {
            download(Rule::R4, "new version on the server", remote, &local.place, ExpectLocal::File(local.stat), rules)
        }
        (_, RemoteBytes::Untold) => learn("changed on the server, which does not tell what", remote, rules),
        (false, RemoteBytes::Damaged) => push(Rule::R3, "the server's copy is damaged", local, asset, rules),
        (false, RemoteBytes::Same) => settled(base, local, remote),
    }
}

/// R26, or nothing; an asset that the server still works on is reported as awaiting.
fn settled(base: &Base, local: &LocalFile, remote: &RemoteFile) -> Decision {
    let asset = &remote.asset;
    if asset.state == AssetState::Failed {
        return Decision::Failed { rule: Rule::R26, why: "the server could not process it; it is sent again when the file changes" };
    }
    let recorded = asset.updated_at == base.remote_updated_at
        && asset.filename == base.remote_filename
        && asset.version == base.remote_version
        && asset.claimed == base.remote_claimed
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

/// R14–R17: brings both places to the merged one, the disk first where the remote's counts.
fn place_step(base: &Base, local: &LocalFile, remote: &RemoteFile, rules: Rules<'_>) -> Option<Decision> {
    let remote_moved = remote.place.folder != base.remote_folder || remote.asset.filename != base.remote_filename;
    let local_moved = local.place != base.place;
    if !remote_moved && !local_moved {
        return None;
    }
    let target = merged_place(base, local, remote);
    let asset = &remote.asset.id;
    if local.place != target {
        let rule = if local_moved { Rule::R17 } else { Rule::R15 };
        if !rules.policy.direction.pulls() {
            return Some(Decision::Held { rule, reason: HoldReason::Direction });
        }
        let action =
            Action::MoveLocal { asset: asset.clone(), from: local.place.clone(), to: target, expect: local.stat };
        return Some(act(rule, "moved on the server", action));
    }
    let name_travels = local.place.name != base.place.name && remote.asset.filename == base.remote_filename;
    let folder_travels = local.place.folder != base.place.folder && remote.place.folder == base.remote_folder;
    let name_differs = name_travels && remote.asset.filename != local.place.name.as_str();
    let folder_differs = folder_travels && remote.place.folder != local.place.folder;
    if !name_differs && !folder_differs {
        return None;
    }
    let content_new = remote_bytes(base, &remote.asset) == RemoteBytes::New;
    let rule = if content_new { Rule::R16 } else { Rule::R14 };
    if !rules.policy.direction.pushes() {
        return Some(Decision::Held { rule, reason: HoldReason::Direction });
    }
    let able = (!name_differs || rules.capabilities.renames_assets)
        && (!folder_differs || rules.capabilities.moves_assets);
    if !able {
        return Some(Decision::Held { rule, reason: HoldReason::NotSupported });
    }
    let action = Action::MoveRemote { asset: asset.clone(), from: base.place.clone(), to: target };
    Some(act(rule, "moved here", action))
}

/// R9, R10 and R18.
fn gone_there(base: &Base, local: &LocalFile, remote: &Remote, rules: Rules<'_>) -> Decision {
    let Some(ours) = &local.content else {
        return Decision::Waiting { rule: Rule::R27, wait: Wait::Quiet };
    };
    if edited(base, ours) {
        if !rules.policy.direction.pushes() {
            return Decision::Held { rule: Rule::R10, reason: HoldReason::Direction };
        }
        return if *remote == Remote::Trashed && rules.capabilities.restores_assets {
            act(Rule::R10, "edited here, trashed there", Action::RestoreRemote { asset: base.asset.clone() })
        } else {
            // The asset is beyond recovery; forgotten, the file is new and travels as R1 in the next step.
            forget(Rule::R10, "edited here, gone there: becomes a new asset", base)
        };
    }
    let rule = if local.place == base.place { Rule::R9 } else { Rule::R18 };
    trash_local(rule, "trashed on the server", base, local, rules)
}

fn trash_local(rule: Rule, reason: &'static str, base: &Base, local: &LocalFile, rules: Rules<'_>) -> Decision {
    if !rules.policy.direction.pulls() {
        return Decision::Held { rule, reason: HoldReason::Direction };
    }
    if rules.policy.delete == DeletePolicy::Keep {
        return Decision::Held { rule, reason: HoldReason::Kept };
    }
    act(
        rule,
        reason,
        Action::TrashLocal { asset: base.asset.clone(), place: local.place.clone(), expect: local.stat },
    )
}

/// R19 and R20.
fn moved_out(base: &Base, local: &LocalFile, asset: &RemoteAsset, rules: Rules<'_>) -> Decision {
    match &local.content {
        None => Decision::Waiting { rule: Rule::R27, wait: Wait::Quiet },
        Some(ours) if edited(base, ours) => {
            push(Rule::R20, "edited here, moved out of the mirror there", local, asset, rules)
        }
        Some(_) => trash_local(Rule::R19, "moved out of the mirror on the server", base, local, rules),
    }
}

/// R8, R11, R12 and R13.
fn gone_here(base: &Base, remote: &RemoteFile, rules: Rules<'_>) -> Decision {
    let asset = &remote.asset;
    let moved = remote.place.folder != base.remote_folder || asset.filename != base.remote_filename;
    let again = |rule, reason| download(rule, reason, remote, &remote.place, ExpectLocal::Nothing, rules);
    match remote_bytes(base, asset) {
        RemoteBytes::New | RemoteBytes::Untold => return again(Rule::R11, "deleted here, new version there"),
        RemoteBytes::Same | RemoteBytes::Damaged if moved => return again(Rule::R12, "deleted here, moved there"),
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

/// Decides the next step for one directory (R24, R25). A directory is removed only when it is empty on both sides;
/// files in it are decided on their own and come first.
pub fn decide_folder(folder: &FolderEntity, rules: Rules<'_>) -> Decision {
    use FolderState::{Absent, Present, Unknown};
    let id = folder.id;
    let held = |rule, reason| Decision::Held { rule, reason };
    let direction = rules.policy.direction;
    match (&folder.local, &folder.remote) {
        (Unknown(why), _) => Decision::Skipped { rule: Rule::R28, why: why.0.clone() },
        (_, Unknown(_)) => Decision::Waiting { rule: Rule::R25, wait: Wait::Answer },
        (Present { .. }, Present { .. }) if folder.agreed => Decision::Settled,
        (Present { .. }, Present { .. }) => {
            act(Rule::R25, "the same directory on both sides", Action::JoinFolder { folder: id })
        }
        (Present { empty }, Absent) => {
            let removed_there = folder.agreed && !folder.has_new_files;
            match (removed_there, empty) {
                (true, true) if !direction.pulls() => held(Rule::R25, HoldReason::Direction),
                (true, true) if rules.policy.delete == DeletePolicy::Keep => held(Rule::R25, HoldReason::Kept),
                (true, true) => act(Rule::R25, "removed on the server", Action::RemoveLocalFolder { folder: id }),
                // What is still in it is held, skipped or on its way out; only then is the directory decided.
                (true, false) => Decision::Waiting { rule: Rule::R25, wait: Wait::Answer },
                (false, _) if !direction.pushes() => held(Rule::R24, HoldReason::Direction),
                (false, _) if !rules.capabilities.has_folder_tree => held(Rule::R24, HoldReason::NotSupported),
                (false, _) => act(Rule::R24, "new directory here", Action::MakeRemoteFolder { folder: id }),
            }
        }
        (Absent, Present { empty }) => match (folder.agreed, empty) {
            (true, false) => Decision::Waiting { rule: Rule::R24, wait: Wait::Answer },
            (true, true) if !direction.pushes() => held(Rule::R24, HoldReason::Direction),
            (true, true) if rules.policy.delete == DeletePolicy::Keep => held(Rule::R24, HoldReason::Kept),
            (true, true) => act(Rule::R24, "removed here", Action::RemoveRemoteFolder { folder: id }),
            (false, _) if !direction.pulls() => held(Rule::R25, HoldReason::Direction),
            (false, _) => act(Rule::R25, "new on the server", Action::MakeLocalFolder { folder: id }),
        },
        (Absent, Absent) => act(Rule::R23, "removed on both sides", Action::ForgetFolder { folder: id }),
    }
}
