//! The three trees, entity by entity: what is here, what is there, and what both last agreed on.
//!
//! A file's identity is its asset once both sides agreed on it, and its place before. Paths are derived: a place is a
//! directory's [`FolderId`] and a name, so a renamed directory moves none of its files.

use crate::content::{Claimed, Content};
use crate::id::{AssetId, FolderId, Guid, StorageFolderId};
use crate::name::FileName;
use crate::time::UnixMs;

/// Where a file stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The directory.
    pub folder: FolderId,
    /// The local name in it.
    pub name: FileName,
}

/// What a file system tells of a file without reading it. Equal stats mean: not read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stat {
    /// Length in bytes.
    pub size: u64,
    /// Last modification, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Last change of the inode, nanoseconds since 1970.
    pub ctime_ns: i64,
    /// Inode number; reused by file systems, so proof of nothing alone.
    pub inode: u64,
    /// Birth of the inode, nanoseconds since 1970; 0 where the file system does not tell.
    pub birth_ns: i64,
}

/// A regular file as the last scan saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalFile {
    /// Where it stands.
    pub place: Place,
    /// What the file system told.
    pub stat: Stat,
    /// What it holds; `None` while it was not read to its end since it changed.
    pub content: Option<Content>,
}

/// Why something here is *not known*: neither absent nor something we may act on (rule R28).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unknown(pub String);

/// A file's state here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Local {
    /// Its directory was listed and the file was not in it.
    Absent,
    /// It is there.
    Present(LocalFile),
    /// It cannot be said; nothing may be concluded.
    Unknown(Unknown),
}

/// How far an asset has come on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssetState {
    /// Prepared; its bytes have not arrived.
    Pending,
    /// Bytes have arrived, or are being looked at; its hashes may be missing.
    Processing,
    /// Done, but waits for a person to submit it.
    AwaitingSubmission,
    /// Done, but waits for a person to approve it.
    AwaitingApproval,
    /// Usual state.
    Processed,
    /// The server could not process the bytes.
    Failed,
}

/// An asset as the server last described it, in the server's own terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteAsset {
    /// Identity.
    pub id: AssetId,
    /// Global identity.
    pub guid: Guid,
    /// The storage folder that holds it; `None` where the answer did not tell or the folder is not visible.
    pub storage_folder: Option<StorageFolderId>,
    /// Its name there; any text.
    pub filename: String,
    /// Size and MD5, where told.
    pub claimed: Claimed,
    /// The head's version number, where told.
    pub version: Option<u64>,
    /// How many versions there are, where told.
    pub versions_count: Option<u64>,
    /// When it was made.
    pub created_at: UnixMs,
    /// Moves on any change, of metadata too.
    pub updated_at: UnixMs,
    /// The mark that all clients share.
    pub last_external_sync_at: Option<UnixMs>,
    /// How far it has come.
    pub state: AssetState,
    /// When it was put into the trash.
    pub trashed_at: Option<UnixMs>,
    /// Whether somebody works on it (`checked_out_at`).
    pub checked_out: bool,
    /// Whether we may have its original; `None` = not told.
    pub downloadable: Option<bool>,
    /// Whether we may change it; `None` = not told.
    pub editable: Option<bool>,
}

/// A live asset with the place it has, or should get, here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// What the server said.
    pub asset: RemoteAsset,
    /// Its directory here and the local name it was given. An asset that has a file keeps that file's name for as long
    /// as its own stays and no other file of the directory has it; a file never stands in its own way.
    pub place: Place,
}

/// A file's state on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remote {
    /// We know of no asset. Beside a base this is a question, never a deletion.
    Absent,
    /// It is there, in one of the mirror's storage folders.
    Live(RemoteFile),
    /// It is in the server's trash: the server said so of this very asset.
    Trashed,
    /// It is gone: confirmed by evidence, never by a list alone.
    Gone,
    /// It lives, but in a storage folder that this mirror does not cover.
    Outside(RemoteAsset),
    /// The server does not show it, and it cannot be said why; nothing may be concluded.
    Unknown(Unknown),
}

/// What both sides last agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Identity.
    pub asset: AssetId,
    /// Where the file stood here.
    pub place: Place,
    /// What it held: what we sent or got, by our own reading.
    pub content: Content,
    /// The directory that stands for the storage folder the asset was in.
    pub remote_folder: FolderId,
    /// The asset's name there.
    pub remote_filename: String,
    /// The version that holds this content, where told. After a push it is worth asking for: without it a damaged copy
    /// and somebody else's newer version look alike, and are kept beside ours as a conflict.
    pub remote_version: Option<u64>,
    /// What the server said of that version; nothing until it had looked at the bytes (a hash in the answer to a push
    /// is the former version's). May differ from `content` for ever, where a server rewrites files.
    pub remote_claimed: Claimed,
    /// The asset's `updated_at` when both sides last agreed.
    pub remote_updated_at: UnixMs,
}

/// One file with its three states: what [`crate::planner::decide`] decides upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// What was agreed.
    pub base: Option<Base>,
    /// What is here.
    pub local: Local,
    /// What is there.
    pub remote: Remote,
}

/// A directory's state on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderState {
    /// Not there; on the remote side confirmed by evidence.
    Absent,
    /// There.
    Present {
        /// Nothing that we know of is in it: no file, asset or directory.
        empty: bool,
    },
    /// It cannot be said.
    Unknown(Unknown),
}

/// One directory with its three states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderEntity {
    /// Its number.
    pub id: FolderId,
    /// Whether both sides once agreed that it exists.
    pub agreed: bool,
    /// What is here.
    pub local: FolderState,
    /// What is there.
    pub remote: FolderState,
    /// A file needs the folder on the side where it is missing: here one that the server has never had, that was moved
    /// in or becomes an asset anew; there an asset that is to be downloaded into it.
    pub has_new_files: bool,
}
