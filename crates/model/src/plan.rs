//! What is to be done, and why: rules, actions, holds, and their one text form.

mod action;

pub use action::{Action, ExpectLocal, ExpectRemote, Subject};

use crate::path::{MirrorPath, on_one_line};
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
        let path = self.path.to_string();
        write!(f, "{:<4}{} {}", self.rule, self.verb, on_one_line(&path))?;
        if let Some(to) = &self.to {
            write!(f, " -> {}", on_one_line(to.as_str()))?;
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
    /// Every reason.
    pub const ALL: &[Self] = &[
        Self::MassDelete,
        Self::MassChange,
        Self::MirrorMarkMissing,
        Self::RootMissing,
        Self::RootReplaced,
        Self::RemoteReplaced,
        Self::RemoteRolledBack,
        Self::ListingIncomplete,
        Self::AccessLost,
        Self::IdentityChanged,
        Self::Overlap,
        Self::CheckedOut,
        Self::Locked,
        Self::NotPermitted,
        Self::NotSupported,
        Self::Direction,
        Self::Kept,
        Self::DiskFull,
    ];

    /// Reads the contract's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.word() == word)
    }

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
    Held {
        /// The row of the contract.
        rule: Rule,
        /// Why.
        reason: HoldReason,
    },
    /// Nothing can be concluded about it here.
    Skipped {
        /// The row of the contract.
        rule: Rule,
        /// Why, for people.
        why: String,
    },
    /// It will be decided later, by itself.
    Waiting {
        /// The row of the contract.
        rule: Rule,
        /// For what.
        wait: Wait,
    },
    /// It cannot be done until something changes.
    Failed {
        /// The row of the contract.
        rule: Rule,
        /// Why, for people.
        why: &'static str,
    },
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
