//! What is to be done, and why: rules, actions, holds, and their one text form.

use crate::id::{AssetId, FolderId};
use crate::path::MirrorPath;
use crate::tree::{Place, Stat};
use std::fmt;

macro_rules! rules {
    ($($name:ident: $meaning:literal,)*) => {
        /// A row of the contract's table "What happens when". Plans, history, logs, `explain` and tests use its number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule { $(#[doc = $meaning] $name,)* }

        impl Rule {
            /// Every rule, in the table's order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What the rule says, in a few words.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// Reads `R7`.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $(stringify!($name) => Some(Self::$name),)* _ => None }
            }
        }

        impl fmt::Display for Rule {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$name => stringify!($name),)* })
            }
        }
    };
}

rules! {
    R1: "new here: uploaded as a new asset",
    R2: "new there: downloaded",
    R3: "edited here: pushed as a new version",
    R4: "new version there: downloaded",
    R5: "same bytes on both sides: adopted",
    R6: "first contact, same name, other bytes: conflict",
    R7: "edited here, new version there: conflict",
    R8: "deleted here: the asset goes to the server's trash",
    R9: "trashed there: the file goes to the local trash",
    R10: "edited here, trashed there: the edit wins",
    R11: "deleted here, new version there: downloaded again",
    R12: "deleted here, moved there: downloaded at the new place",
    R13: "deleted here, only metadata changed there: the deletion stands",
    R14: "moved here: the asset is moved",
    R15: "moved there: the file is moved",
    R16: "moved here, edited there: both happen",
    R17: "moved on both sides: the remote place wins",
    R18: "moved here, trashed there: the file goes to the local trash",
    R19: "moved out of the mirror there: the file goes to the local trash",
    R20: "edited here, moved out of the mirror there: pushed, then to the local trash",
    R21: "restored there: the file comes back",
    R22: "put back here, trashed there by us: the asset is restored",
    R23: "deleted on both sides: forgotten",
    R24: "directory changed here: the same for the storage folder",
    R25: "storage folder changed there: the same for the directory",
    R26: "only metadata changed there: the record is refreshed",
    R27: "still being written: left alone until quiet",
    R28: "not known here: neither deleted nor overwritten",
    R29: "not a regular file: skipped",
    R30: "edited here in a pull-only mirror, new version there: conflict copy, not uploaded",
}

/// What an action expects to find here, checked again in the moment before it acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectLocal {
    /// Nothing has the name.
    Nothing,
    /// This very file, unchanged.
    File(Stat),
}

/// What an action expects of the asset, checked where the server can be asked cheaply enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpectRemote {
    /// The head's version number, where known.
    pub version: Option<u64>,
}

/// One step on one side. Each leaves a state from which the next decision follows, so a crash between two steps is
/// only a reason to decide again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make a new asset of a local file.
    Upload { place: Place, expect: Stat, size: u64 },
    /// Make a local file's bytes the asset's newest version.
    PushVersion { asset: AssetId, place: Place, expect: Stat, expect_remote: ExpectRemote, size: u64 },
    /// Bring an asset back from the server's trash.
    RestoreRemote { asset: AssetId },
    /// Bring the asset's bytes to `place`; what is there goes to the local trash.
    Download { asset: AssetId, place: Place, expect: ExpectLocal, expect_remote: ExpectRemote, size: Option<u64> },
    /// Read the asset's bytes to learn their hash, where the server does not tell it.
    Learn { asset: AssetId, size: Option<u64> },
    /// Both sides hold the same bytes: write that down.
    Adopt { asset: AssetId, place: Place, expect: Stat },
    /// Rename our file to a conflict copy and bring the asset's bytes to its name.
    KeepBoth { asset: AssetId, place: Place, expect: Stat, expect_remote: ExpectRemote, size: Option<u64> },
    /// Put the asset into the server's trash.
    TrashRemote { asset: AssetId, place: Place, expect_remote: ExpectRemote },
    /// Put the file into the local trash.
    TrashLocal { asset: AssetId, place: Place, expect: Stat },
    /// Move or rename the file.
    MoveLocal { asset: AssetId, from: Place, to: Place, expect: Stat },
    /// Move or rename the asset.
    MoveRemote { asset: AssetId, from: Place, to: Place },
    /// Drop the record of an entity that is gone.
    Forget { asset: AssetId, place: Option<Place> },
    /// Take over what the server says of an asset whose bytes did not change.
    Refresh { asset: AssetId, place: Place },
    /// Make the storage folder for a directory.
    MakeRemoteFolder { folder: FolderId },
    /// Make the directory for a storage folder.
    MakeLocalFolder { folder: FolderId },
    /// Write down that a directory and a storage folder are one.
    JoinFolder { folder: FolderId },
    /// Remove the empty storage folder of a directory that was removed.
    RemoveRemoteFolder { folder: FolderId },
    /// Remove the empty directory of a storage folder that was removed.
    RemoveLocalFolder { folder: FolderId },
    /// Drop the record of a directory that is gone on both sides.
    ForgetFolder { folder: FolderId },
}

/// What an action works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// A file, at its place here.
    File(&'a Place),
    /// A directory.
    Folder(FolderId),
    /// An asset without a place here.
    Asset(&'a AssetId),
}

impl Action {
    /// The action's one word, in plans, history and logs.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Upload { .. } => "upload",
            Self::PushVersion { .. } => "push_version",
            Self::RestoreRemote { .. } => "restore_remote",
            Self::Download { .. } => "download",
            Self::Learn { .. } => "learn",
            Self::Adopt { .. } => "adopt",
            Self::KeepBoth { .. } => "keep_both",
            Self::TrashRemote { .. } => "trash_remote",
            Self::TrashLocal { .. } => "trash_local",
            Self::MoveLocal { .. } => "move_local",
            Self::MoveRemote { .. } => "move_remote",
            Self::Forget { .. } => "forget",
            Self::Refresh { .. } => "refresh",
            Self::MakeRemoteFolder { .. } => "make_remote_folder",
            Self::MakeLocalFolder { .. } => "make_local_folder",
            Self::JoinFolder { .. } => "join_folder",
            Self::RemoveRemoteFolder { .. } => "remove_remote_folder",
            Self::RemoveLocalFolder { .. } => "remove_local_folder",
            Self::ForgetFolder { .. } => "forget_folder",
        }
    }

    /// What the action works on.
    pub const fn subject(&self) -> Subject<'_> {
        match self {
            Self::Upload { place, .. }
            | Self::PushVersion { place, .. }
            | Self::Download { place, .. }
            | Self::Adopt { place, .. }
            | Self::KeepBoth { place, .. }
            | Self::TrashRemote { place, .. }
            | Self::TrashLocal { place, .. }
            | Self::Refresh { place, .. }
            | Self::Forget { place: Some(place), .. }
            | Self::MoveLocal { from: place, .. }
            | Self::MoveRemote { from: place, .. } => Subject::File(place),
            Self::Learn { asset, .. } | Self::RestoreRemote { asset } | Self::Forget { place: None, asset } => {
                Subject::Asset(asset)
            }
            Self::MakeRemoteFolder { folder }
            | Self::MakeLocalFolder { folder }
            | Self::JoinFolder { folder }
            | Self::RemoveRemoteFolder { folder }
            | Self::RemoveLocalFolder { folder }
            | Self::ForgetFolder { folder } => Subject::Folder(*folder),
        }
    }

    /// Where a move leads.
    pub const fn destination(&self) -> Option<&Place> {
        match self {
            Self::MoveLocal { to, .. } | Self::MoveRemote { to, .. } => Some(to),
            _ => None,
        }
    }

    /// The asset it concerns, if there is one already.
    pub const fn asset(&self) -> Option<&AssetId> {
        match self {
            Self::PushVersion { asset, .. }
            | Self::RestoreRemote { asset }
            | Self::Download { asset, .. }
            | Self::Learn { asset, .. }
            | Self::Adopt { asset, .. }
            | Self::KeepBoth { asset, .. }
            | Self::TrashRemote { asset, .. }
            | Self::TrashLocal { asset, .. }
            | Self::MoveLocal { asset, .. }
            | Self::MoveRemote { asset, .. }
            | Self::Forget { asset, .. }
            | Self::Refresh { asset, .. } => Some(asset),
            _ => None,
        }
    }
}

/// An action with the rule it follows from and why, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The row of the contract.
    pub rule: Rule,
    /// What to do.
    pub action: Action,
    /// Why, for people.
    pub reason: &'static str,
}

/// One line of a plan, with paths instead of places: what `plan` prints, the tables expect and the history keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanLine {
    /// The row of the contract.
    pub rule: Rule,
    /// [`Action::verb`].
    pub verb: &'static str,
    /// What it works on, as a path below the mirror's root.
    pub path: MirrorPath,
    /// Where a move leads.
    pub to: Option<MirrorPath>,
    /// Why.
    pub reason: &'static str,
}

impl fmt::Display for PlanLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<4}{} {}", self.rule, self.verb, self.path)?;
        if let Some(to) = &self.to {
            write!(f, " -> {to}")?;
        }
        write!(f, "  ({})", self.reason)
    }
}

/// Why something is not done although the trees differ. The words are the contract's `held.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoldReason {
    /// Too many deletions at once.
    MassDelete,
    /// Too many files changed beyond recognition at once.
    MassChange,
    /// The mark in the mirror's root is gone.
    MirrorMarkMissing,
    /// The mirror's root is gone.
    RootMissing,
    /// The mark in the root is another mirror's.
    RootReplaced,
    /// Something else stands behind the remote name.
    RemoteReplaced,
    /// The server went back in time.
    RemoteRolledBack,
    /// The server's list is not complete.
    ListingIncomplete,
    /// We may no longer see it.
    AccessLost,
    /// The token is another user's.
    IdentityChanged,
    /// Two mirrors came to overlap.
    Overlap,
    /// Edited here while checked out there.
    CheckedOut,
    /// Somebody else holds the lock.
    Locked,
    /// The server does not let us.
    NotPermitted,
    /// The provider has no such operation.
    NotSupported,
    /// The mirror's direction forbids it.
    Direction,
    /// `delete = "keep"`.
    Kept,
    /// Not enough space.
    DiskFull,
}

impl HoldReason {
    /// The contract's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::MassDelete => "mass_delete",
            Self::MassChange => "mass_change",
            Self::MirrorMarkMissing => "mirror_mark_missing",
            Self::RootMissing => "root_missing",
            Self::RootReplaced => "root_replaced",
            Self::RemoteReplaced => "remote_replaced",
            Self::RemoteRolledBack => "remote_rolled_back",
            Self::ListingIncomplete => "listing_incomplete",
            Self::AccessLost => "access_lost",
            Self::IdentityChanged => "identity_changed",
            Self::Overlap => "overlap",
            Self::CheckedOut => "checked_out",
            Self::Locked => "locked",
            Self::NotPermitted => "not_permitted",
            Self::NotSupported => "not_supported",
            Self::Direction => "direction",
            Self::Kept => "kept",
            Self::DiskFull => "disk_full",
        }
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What follows for one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The trees agree.
    Settled,
    /// Do this; afterwards decide again.
    Act(Planned),
    /// The user or a guard does not want what the rule says.
    Held { rule: Rule, reason: HoldReason },
    /// Nothing can be concluded about it here.
    Skipped { rule: Rule, why: String },
    /// It will be decided later, by itself.
    Waiting { rule: Rule, wait: Wait },
    /// It cannot be done until something changes.
    Failed { rule: Rule, why: &'static str },
}

/// What is being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The file is still being written, or was not hashed.
    Quiet,
    /// The server is still processing the asset.
    Processing,
    /// A person must submit the asset.
    Submission,
    /// A person must approve the asset.
    Approval,
    /// The server's word on this asset is missing.
    Answer,
}
