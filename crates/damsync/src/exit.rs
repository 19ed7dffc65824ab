//! The program's exit codes, and which one counts when there are several.

use damsync_reconciler::report::{Outcome, Report};
use std::process::ExitCode;

/// How the program ends. The numbers are promised to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// In sync, or the command did what it says.
    Done,
    /// Finished, but some items failed or remain.
    Remains,
    /// Wrong usage or configuration.
    Usage,
    /// A safety guard held something back; nothing was deleted.
    Held,
    /// Not authenticated or not allowed.
    NotAllowed,
    /// The server is out of reach.
    OutOfReach,
    /// Interrupted by a signal.
    Interrupted,
}

impl Exit {
    /// Over several mirrors the first of these that applies is the program's.
    const BY_WEIGHT: [Self; 7] =
        [Self::Interrupted, Self::Usage, Self::NotAllowed, Self::OutOfReach, Self::Held, Self::Remains, Self::Done];

    /// The number that a shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Remains => 1,
            Self::Usage => 2,
            Self::Held => 3,
            Self::NotAllowed => 4,
            Self::OutOfReach => 5,
            Self::Interrupted => 130,
        }
    }

    /// The one that counts among several; [`Exit::Done`] of none.
    pub fn of_all(exits: impl IntoIterator<Item = Self>) -> Self {
        let all: Vec<Self> = exits.into_iter().collect();
        Self::BY_WEIGHT.into_iter().find(|exit| all.contains(exit)).unwrap_or(Self::Done)
    }
}

impl From<&Report> for Exit {
    fn from(report: &Report) -> Self {
        match report.outcome {
            Outcome::InSync => Self::Done,
            Outcome::Incomplete => Self::Remains,
            Outcome::Held => Self::Held,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_contract() {
        let mut codes = Exit::BY_WEIGHT.map(Exit::code);
        assert_eq!(codes, [130, 2, 4, 5, 3, 1, 0]);
        codes.sort_unstable();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 130]);
    }

    #[test]
    fn over_several_mirrors_the_weightiest_counts() {
        use Exit::*;
        for (several, one) in [
            (vec![], Done),
            (vec![Done, Done], Done),
            (vec![Done, Remains], Remains),
            (vec![Remains, Held, Done], Held),
            (vec![Held, OutOfReach], OutOfReach),
            (vec![OutOfReach, NotAllowed, Remains], NotAllowed),
            (vec![NotAllowed, Usage], Usage),
            (vec![Usage, Interrupted, Done], Interrupted),
        ] {
            assert_eq!(Exit::of_all(several.clone()), one, "{several:?}");
        }
    }

    #[test]
    fn an_outcome_has_its_exit_code() {
        for (outcome, code) in [(Outcome::InSync, 0), (Outcome::Incomplete, 1), (Outcome::Held, 3)] {
            let report = Report { outcome, ..Report::default() };
            assert_eq!(Exit::from(&report).code(), code);
        }
    }
}
