//! What a user chose for a mirror.

/// Which way changes travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    #[default]
    TwoWay,
    /// Only from the DAM to the disk.
    PullOnly,
    /// Only from the disk to the DAM.
    PushOnly,
}

impl Direction {
    /// Whether local changes may reach the DAM.
    pub const fn pushes(self) -> bool {
        !matches!(self, Self::PullOnly)
    }

    /// Whether remote changes may reach the disk.
    pub const fn pulls(self) -> bool {
        !matches!(self, Self::PushOnly)
    }
}

/// Who wins when both sides changed one file. The loser is kept in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// The remote version takes the name; ours becomes a conflict copy, an asset of its own.
    #[default]
    KeepBoth,
    /// Ours is pushed as a new version; theirs stays in the server's versions.
    LocalWins,
    /// Theirs replaces ours, which goes to the local trash.
    RemoteWins,
}

/// What a deletion on one side does on the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeletePolicy {
    /// It moves the other side's file to that side's trash.
    #[default]
    Trash,
    /// It does nothing; the item is listed as held.
    Keep,
}

/// How many deletions within an hour are held: more than the share (and more than [`MaxDelete::FEW`]), or more than the
/// count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxDelete {
    /// Per mille of the tracked files.
    Permille(u32),
    /// A number of files.
    Files(u64),
}

impl MaxDelete {
    /// Up to this many deletions a share never holds.
    pub const FEW: u64 = 10;

    /// The largest number of deletions that is not held, of `tracked` files.
    pub fn allowed(self, tracked: u64) -> u64 {
        match self {
            Self::Permille(share) => (tracked.saturating_mul(u64::from(share)) / 1000).max(Self::FEW),
            Self::Files(files) => files,
        }
    }
}

impl Default for MaxDelete {
    fn default() -> Self {
        Self::Permille(250)
    }
}

/// Everything about a mirror that the planner and the guards obey.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Which way changes travel.
    pub direction: Direction,
    /// Who wins a conflict.
    pub conflict: ConflictPolicy,
    /// What a deletion does on the other side.
    pub delete: DeletePolicy,
    /// The share or number of deletions within an hour that is still let through.
    pub max_delete: MaxDelete,
    /// Deletions within an hour that are still let through, whatever the share; 0 = no such limit.
    pub max_delete_files: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            direction: Direction::default(),
            conflict: ConflictPolicy::default(),
            delete: DeletePolicy::default(),
            max_delete: MaxDelete::default(),
            max_delete_files: 1000,
        }
    }
}

impl Policy {
    /// Whether this many deletions within an hour, of `tracked` files, must be held.
    pub fn holds_deletions(&self, deletions: u64, tracked: u64) -> bool {
        deletions > self.max_delete.allowed(tracked) || (self.max_delete_files > 0 && deletions > self.max_delete_files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletions_are_held_by_share_and_by_count() {
        let policy = Policy::default();
        for (deletions, tracked, held) in [
            (10, 10, false),
            (11, 11, true),
            (11, 44, false),
            (12, 44, true),
            (1000, 100_000, false),
            (1001, 100_000, true),
        ] {
            assert_eq!(policy.holds_deletions(deletions, tracked), held, "{deletions} of {tracked}");
        }
        let by_number = Policy { max_delete: MaxDelete::Files(2), ..Policy::default() };
        assert!(!by_number.holds_deletions(2, 4) && by_number.holds_deletions(3, 1000));
    }
}
