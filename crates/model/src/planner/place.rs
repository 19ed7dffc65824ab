//! R14–R17: one directory and one name for both sides.
//!
//! Directory and name are merged one by one, each against the base alone, so half a remote "rename and move" is no
//! riddle. Where both sides changed one of them, the remote's counts (R17). Names are the same when their NFC is:
//! nothing is ever renamed only to normalise it.

use super::bytes::{RemoteBytes, remote_bytes};
use super::{Rules, act};
use crate::name::is_same_name;
use crate::plan::{Action, Decision, HoldReason, Rule};
use crate::tree::{Base, LocalFile, Place, RemoteAsset, RemoteFile};

fn same_place(one: &Place, other: &Place) -> bool {
    one.folder == other.folder && is_same_name(one.name.as_str(), other.name.as_str())
}

fn renamed_there(base: &Base, asset: &RemoteAsset) -> bool {
    !is_same_name(&asset.filename, &base.remote_filename)
}

fn renamed_here(base: &Base, local: &LocalFile) -> bool {
    !is_same_name(local.place.name.as_str(), base.place.name.as_str())
}

/// Whether the asset was renamed or moved on the server since both sides agreed.
pub(super) fn moved_there(base: &Base, remote: &RemoteFile) -> bool {
    remote.place.folder != base.remote_folder || renamed_there(base, &remote.asset)
}

/// Whether the file was renamed or moved here since both sides agreed.
pub(super) fn moved_here(base: &Base, local: &LocalFile) -> bool {
    !same_place(&local.place, &base.place)
}

/// The place on which both sides' moves agree.
fn merged_place(base: &Base, local: &LocalFile, remote: &RemoteFile) -> Place {
    let folder = if remote.place.folder == base.remote_folder { local.place.folder } else { remote.place.folder };
    // A file that already stands in that directory is not asked to take a name that was given because it stood in the
    // way itself, nor renamed because its local name was never the asset's (a double, an escape, a name the server
    // altered).
    let stands_there = local.place.folder == folder;
    let keeps_name = if renamed_there(base, &remote.asset) {
        stands_there && is_same_name(local.place.name.as_str(), &remote.asset.filename)
    } else {
        stands_there || renamed_here(base, local)
    };
    let name = if keeps_name { local.place.name.clone() } else { remote.place.name.clone() };
    Place { folder, name }
}

/// Brings both places to the merged one, the disk first where the remote's counts. `None` where nothing is to be moved.
pub(super) fn place_step(base: &Base, local: &LocalFile, remote: &RemoteFile, rules: Rules<'_>) -> Option<Decision> {
    let local_moved = moved_here(base, local);
    if !local_moved && !moved_there(base, remote) {
        return None;
    }
    let target = merged_place(base, local, remote);
    let asset = &remote.asset;
    if !same_place(&local.place, &target) {
        let rule = if local_moved { Rule::R17 } else { Rule::R15 };
        if !rules.policy.direction.pulls() {
            return Some(Decision::Held { rule, reason: HoldReason::Direction });
        }
        let action =
            Action::MoveLocal { asset: asset.id.clone(), from: local.place.clone(), to: target, expect: local.stat };
        return Some(act(rule, "moved on the server", action));
    }
    let name_travels = renamed_here(base, local)
        && !renamed_there(base, asset)
        && !is_same_name(&asset.filename, local.place.name.as_str());
    let folder_travels = local.place.folder != base.place.folder
        && remote.place.folder == base.remote_folder
        && remote.place.folder != local.place.folder;
    if !name_travels && !folder_travels {
        return None;
    }
    let rule = if remote_bytes(base, asset) == RemoteBytes::New { Rule::R16 } else { Rule::R14 };
    if !rules.policy.direction.pushes() {
        return Some(Decision::Held { rule, reason: HoldReason::Direction });
    }
    let able =
        (!name_travels || rules.capabilities.renames_assets) && (!folder_travels || rules.capabilities.moves_assets);
    if !able {
        return Some(Decision::Held { rule, reason: HoldReason::NotSupported });
    }
    if asset.editable == Some(false) {
        return Some(Decision::Failed { rule, why: super::files::NOT_EDITABLE });
    }
    let from = Place {
        folder: if folder_travels { base.place.folder } else { target.folder },
        name: if name_travels { base.place.name.clone() } else { target.name.clone() },
    };
    let action = Action::MoveRemote { asset: asset.id.clone(), from, to: target };
    Some(act(rule, "moved here", action))
}
