//! The local side: one mirror's directory.

use crate::{ByteStream, Payload};
use damsync_model::content::Content;
use damsync_model::id::{AssetId, RunId};
use damsync_model::name::Folding;
use damsync_model::path::MirrorPath;
use damsync_model::time::UnixMs;
use damsync_model::tree::Stat;
use std::future::Future;

/// Which file system object the root is. Another device or inode means that another disk is mounted there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootIdentity {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
}

/// The mark in `.damsync/mirror.json`: whose directory this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Random; the store holds the same.
    pub token: String,
    /// The mirror's name when it was written, for people.
    pub name: String,
}

/// What stands at the place of the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// Nothing.
    Missing,
    /// Something that is no directory, or one that cannot be opened; says what.
    Unusable(String),
    /// A directory without a mark.
    Unmarked {
        /// Nothing at all is in it.
        empty: bool,
        /// Which object it is.
        identity: RootIdentity,
    },
    /// A directory with a mark.
    Marked {
        /// Whose.
        mark: Mark,
        /// Which object it is.
        identity: RootIdentity,
    },
}

/// What a name in a directory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File {
        /// What the file system told.
        stat: Stat,
        /// Number of hard links; more than one means that the inode identifies nothing.
        links: u64,
    },
    /// A directory on the root's device.
    Directory {
        /// Inode number.
        inode: u64,
        /// Birth in nanoseconds since 1970; 0 where not told.
        birth_ns: i64,
    },
    /// Left out by the user's ignore rules: neither present nor absent.
    Ignored,
    /// Link, socket, device, another file system, a name that is not UTF-8, …: says which. Never followed.
    Other(String),
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name; what is not UTF-8 in it is replaced, and then `kind` is [`EntryKind::Other`].
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
}

/// A directory's names, complete, in no order.
pub type DirListing = Vec<Entry>;

/// A download under way. The bytes belong to exactly one version of one asset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartialKey {
    /// The asset.
    pub asset: AssetId,
    /// What the version is known by: its number, or its `updated_at` where no number is told.
    pub version: String,
}

/// A directory of the local trash: `trash/<yyyymmddThhmmssZ>-<run>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashSlot {
    /// When the pass began.
    pub at: UnixMs,
    /// Which pass.
    pub run: RunId,
}

/// What to do with the file that stands at a placement's target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// Nothing may stand there.
    Nothing,
    /// This very file may; it goes to the trash.
    ToTrash(Stat, TrashSlot),
    /// This very file may; it is renamed to the first of these paths that is free.
    ToCopy(Stat, Vec<MirrorPath>),
}

/// A verified partial that shall appear under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The finished partial.
    pub partial: PartialKey,
    /// Where it shall stand. Missing directories are not made.
    pub target: MirrorPath,
    /// What may stand there now.
    pub replaces: Replaced,
    /// The modification time it gets.
    pub modified: UnixMs,
}

/// A file that was placed, durably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The new file, as the next scan will see it.
    pub stat: Stat,
    /// For [`Replaced::ToCopy`]: where the former file stands now, and how the next scan will see it.
    pub copy: Option<(MirrorPath, Stat)>,
}

/// Why the local side could not do something.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// It is not (or no longer) what the plan expected: decide again.
    #[error("{path} is no longer as it was seen: {found}")]
    Changed {
        /// Which path.
        path: MirrorPath,
        /// What was found.
        found: String,
    },
    /// Nothing is there.
    #[error("{path} is not there")]
    Missing {
        /// Which path.
        path: MirrorPath,
    },
    /// Something is there that is no regular file or directory of ours, or lies behind a link.
    #[error("{path} is not followed: {what}")]
    NotOurs {
        /// Which path.
        path: MirrorPath,
        /// What it is.
        what: String,
    },
    /// The bytes that arrived are not those that were announced.
    #[error("{path}: the bytes that arrived are not those announced ({what})")]
    Mismatch {
        /// Which path, or the partial's name.
        path: String,
        /// What differs.
        what: String,
    },
    /// The body broke off; what arrived is kept.
    #[error("the transfer broke off after {received} bytes")]
    BrokeOff {
        /// Bytes that are safely kept.
        received: u64,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The file system is full, or a quota is.
    #[error("no space left for {path}")]
    Full {
        /// Which path.
        path: String,
    },
    /// The mirror's root is gone or was exchanged while we worked.
    #[error("the mirror's directory is gone or was exchanged")]
    RootLost,
    /// Anything else the file system answered.
    #[error("cannot {what} {path}: {cause}{}", remedy(.cause))]
    Io {
        /// The attempted act.
        what: &'static str,
        /// Which path.
        path: String,
        /// The file system's answer.
        #[source]
        cause: std::io::Error,
    },
}

/// What to do, where that can be said.
fn remedy(cause: &std::io::Error) -> &'static str {
    match cause.kind() {
        std::io::ErrorKind::PermissionDenied => "; give the user that damsync runs as the permission",
        _ => "",
    }
}

/// One mirror's directory. Every path is resolved beneath the root's handle; a link is never followed.
///
/// Acts check their expectation in the moment they act and change nothing when it does not hold
/// ([`LocalError::Changed`]). When an act returned, it is durable, unless it says otherwise.
pub trait LocalSide: Send + Sync {
    /// Looks at the root and its mark. Never changes anything.
    fn root(&self) -> impl Future<Output = Result<Root, LocalError>> + Send;

    /// Makes the root if it is missing, and writes the mark. Refuses a root that has another mark.
    fn plant(&self, mark: Mark) -> impl Future<Output = Result<RootIdentity, LocalError>> + Send;

    /// Opens the root, whose mark was checked, for everything below. Fails with [`LocalError::RootLost`] if it is not
    /// `identity` any more.
    fn open(&self, identity: RootIdentity) -> impl Future<Output = Result<(), LocalError>> + Send;

    /// How names compare on this file system.
    fn folding(&self) -> impl Future<Output = Result<Folding, LocalError>> + Send;

    /// Everything in a directory except our own `.damsync` at the root. An error is never an empty listing. Reads the
    /// directory's `.damsyncignore`, if it has one; directories must be listed from the root downwards.
    fn list(&self, dir: &MirrorPath) -> impl Future<Output = Result<DirListing, LocalError>> + Send;

    /// Whether the ignore rules read so far leave this path out, or a directory above it.
    fn is_ignored(&self, path: &MirrorPath, is_dir: bool) -> bool;

    /// How many of these paths, which are not left out now, would be if `dir` had these ignore rules.
    fn would_leave_out(&self, dir: &MirrorPath, rules: &str, paths: &[MirrorPath]) -> u64;

    /// A file's stat now; [`LocalError::Missing`] if it is not there.
    fn stat(&self, path: &MirrorPath) -> impl Future<Output = Result<Stat, LocalError>> + Send;

    /// Reads a file once from its first byte to its last. [`LocalError::Changed`] if its stat moved meanwhile.
    fn hash(&self, path: &MirrorPath, expect: Stat) -> impl Future<Output = Result<Content, LocalError>> + Send;

    /// Opens a file for sending. A file up to 8 MiB is read at once and hashed from the same bytes; a larger one is
    /// hashed again on the way, and the body errs at its end if the content is no longer `content`.
    fn read(
        &self,
        path: &MirrorPath,
        expect: Stat,
        content: Content,
    ) -> impl Future<Output = Result<Payload, LocalError>> + Send;

    /// Makes one directory; its parent must be there. Fine if it is there already. Not yet durable: see `sync`.
    fn make_dir(&self, path: &MirrorPath) -> impl Future<Output = Result<(), LocalError>> + Send;

    /// Removes an empty directory; [`LocalError::Changed`] if anything is in it.
    fn remove_dir(&self, path: &MirrorPath) -> impl Future<Output = Result<(), LocalError>> + Send;

    /// How many bytes of a partial are kept.
    fn partial_len(&self, key: &PartialKey) -> impl Future<Output = Result<u64, LocalError>> + Send;

    /// Appends a body to a partial from byte `from` on (what lies behind is cut off) and hashes the whole.
    fn receive(
        &self,
        key: &PartialKey,
        from: u64,
        body: ByteStream,
    ) -> impl Future<Output = Result<Content, LocalError>> + Send;

    /// Hashes a partial that is complete; `None` if there is none.
    fn partial_content(&self, key: &PartialKey) -> impl Future<Output = Result<Option<Content>, LocalError>> + Send;

    /// Throws a partial away; fine if there is none.
    fn discard_partial(&self, key: &PartialKey) -> impl Future<Output = Result<(), LocalError>> + Send;

    /// Throws away every partial that is not in `keep`; returns how many.
    fn discard_partials_except(&self, keep: &[PartialKey]) -> impl Future<Output = Result<u64, LocalError>> + Send;

    /// Puts partials under their names, all or none of each, in one durable group. One answer per placement, in order.
    fn place(
        &self,
        placements: Vec<Placement>,
    ) -> impl Future<Output = Result<Vec<Result<Placed, LocalError>>, LocalError>> + Send;

    /// Moves a file to the local trash; returns its path below the root.
    fn trash(
        &self,
        path: &MirrorPath,
        expect: Stat,
        slot: &TrashSlot,
    ) -> impl Future<Output = Result<MirrorPath, LocalError>> + Send;

    /// Renames a file. Nothing is overwritten: [`LocalError::Changed`] names `to` if it is taken.
    fn rename(
        &self,
        from: &MirrorPath,
        expect: Stat,
        to: &MirrorPath,
    ) -> impl Future<Output = Result<Stat, LocalError>> + Send;

    /// Makes durable what the acts before left undurable.
    fn sync(&self) -> impl Future<Output = Result<(), LocalError>> + Send;

    /// Free bytes for unprivileged users on the root's file system.
    fn free_bytes(&self) -> impl Future<Output = Result<u64, LocalError>> + Send;
}
