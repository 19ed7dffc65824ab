//! R24 and R25: directories and storage folders.

use super::{Rules, act};
use crate::plan::{Action, Decision, HoldReason, Rule, Wait};
use crate::policy::DeletePolicy;
use crate::tree::{FolderEntity, FolderState};

/// Decides the next step for one directory (R24, R25). A directory is removed only when it is empty on both sides;
/// files in it are decided on their own and come first.
pub fn decide_folder(folder: &FolderEntity, rules: Rules<'_>) -> Decision {
    use FolderState::{Absent, Present, Unknown};
    match (&folder.local, &folder.remote) {
        (Unknown(why), _) => Decision::Skipped { rule: Rule::R28, why: why.0.clone() },
        (_, Unknown(_)) => Decision::Waiting { rule: Rule::R25, wait: Wait::Answer },
        (Present { .. }, Present { .. }) if folder.agreed => Decision::Settled,
        (Present { .. }, Present { .. }) => {
            act(Rule::R25, "the same directory on both sides", Action::JoinFolder { folder: folder.id })
        }
        // Somebody's work needs the directory on the other side: made again, although it was removed there.
        (Present { .. }, Absent) if !folder.agreed || folder.has_new_files => make_remote(folder, rules),
        (Present { empty }, Absent) => remove_local(folder, *empty, rules),
        (Absent, Present { .. }) if !folder.agreed || folder.has_new_files => make_local(folder, rules),
        (Absent, Present { empty }) => remove_remote(folder, *empty, rules),
        (Absent, Absent) => act(Rule::R23, "removed on both sides", Action::ForgetFolder { folder: folder.id }),
    }
}

const fn held(rule: Rule, reason: HoldReason) -> Decision {
    Decision::Held { rule, reason }
}

fn make_remote(folder: &FolderEntity, rules: Rules<'_>) -> Decision {
    if !rules.policy.direction.pushes() {
        return held(Rule::R24, HoldReason::Direction);
    }
    if !rules.capabilities.has_folder_tree {
        return held(Rule::R24, HoldReason::NotSupported);
    }
    act(Rule::R24, "new directory here", Action::MakeRemoteFolder { folder: folder.id })
}

fn make_local(folder: &FolderEntity, rules: Rules<'_>) -> Decision {
    if !rules.policy.direction.pulls() {
        return held(Rule::R25, HoldReason::Direction);
    }
    act(Rule::R25, "new on the server", Action::MakeLocalFolder { folder: folder.id })
}

fn remove_local(folder: &FolderEntity, empty: bool, rules: Rules<'_>) -> Decision {
    if !rules.policy.direction.pulls() {
        return held(Rule::R25, HoldReason::Direction);
    }
    if rules.policy.delete == DeletePolicy::Keep {
        return held(Rule::R25, HoldReason::Kept);
    }
    // What is still in it is held, skipped or on its way out; only then is the directory decided.
    if !empty {
        return Decision::Waiting { rule: Rule::R25, wait: Wait::Answer };
    }
    act(Rule::R25, "removed on the server", Action::RemoveLocalFolder { folder: folder.id })
}

fn remove_remote(folder: &FolderEntity, empty: bool, rules: Rules<'_>) -> Decision {
    if !rules.policy.direction.pushes() {
        return held(Rule::R24, HoldReason::Direction);
    }
    if rules.policy.delete == DeletePolicy::Keep {
        return held(Rule::R24, HoldReason::Kept);
    }
    if !rules.capabilities.has_folder_tree {
        return held(Rule::R24, HoldReason::NotSupported);
    }
    if !empty {
        return Decision::Waiting { rule: Rule::R24, wait: Wait::Answer };
    }
    act(Rule::R24, "removed here", Action::RemoveRemoteFolder { folder: folder.id })
}
