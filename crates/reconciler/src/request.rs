//! What a caller may want of a pass, and what of it the server is asked.

use damsync_model::path::MirrorPath;

/// Which directories are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// All.
    Everywhere,
    /// These, as the watcher named them.
    At(Vec<LookAt>),
    /// None: nothing happened here.
    Nowhere,
}

/// A directory to be listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LookAt {
    /// Which.
    pub path: MirrorPath,
    /// How far down.
    pub reach: Reach,
}

/// How far down a directory is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Its names alone.
    Itself,
    /// Everything below it too.
    Below,
}

/// What the server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Nothing: something happened here only.
    Nothing,
    /// The feeds; folders, trash and ids in turns, each at least every tenth time.
    Poll,
    /// Everything that a one-shot pass asks for: the sweep of ids too.
    Whole,
    /// Every asset; and every file here is hashed again.
    Full,
}

/// When deletions of files here travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletions {
    /// In this pass.
    Now,
    /// In a later one: a burst is still going on, and is judged as a whole.
    Later,
}

/// What a pass may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// What the guards let through.
    Guarded,
    /// Deletions too that `mass_delete` would hold.
    AllowDeletes,
}

/// Whether a pass does what it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// It does.
    Real,
    /// It says what it would do, and writes the outcome into the store alone. The caller hands over one that is a copy.
    Rehearsal,
}

/// What the caller wants of a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where to look here.
    pub look: Look,
    /// What to ask there.
    pub ask: Ask,
    /// When deletions travel.
    pub deletions: Deletions,
    /// What may be done.
    pub permission: Permission,
    /// Whether it is done.
    pub execution: Execution,
}

/// What this pass asks the server for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent requests, each asked for by its name")]
pub(crate) struct Asked {
    pub identity: bool,
    pub folders: bool,
    pub feeds: bool,
    pub overlap: bool,
    pub trash_count: bool,
    pub sweep: bool,
    pub everything: bool,
}

impl Asked {
    /// A quiet poll needs three requests: the two feeds and one of the others in turn.
    pub const fn by(ask: Ask, polls: u64) -> Self {
        let nothing = Self {
            identity: false,
            folders: false,
            feeds: false,
            overlap: false,
            trash_count: false,
            sweep: false,
            everything: false,
        };
        match ask {
            Ask::Nothing => nothing,
            Ask::Poll => Self {
                feeds: true,
                folders: polls.is_multiple_of(3),
                trash_count: polls % 3 == 1,
                overlap: polls % 3 == 2,
                // Who we are is asked with the sweep, whose evidence rests on it.
                identity: polls % 10 == 9,
                sweep: polls % 10 == 9,
                everything: false,
            },
            Ask::Whole | Ask::Full => Self {
                identity: true,
                folders: true,
                feeds: true,
                overlap: true,
                trash_count: true,
                sweep: true,
                everything: matches!(ask, Ask::Full),
            },
        }
    }
}
