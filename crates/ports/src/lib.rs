//! The two sides of a mirror, as the reconciler sees them.
//!
//! Each trait has two real implementations: [`LocalSide`] the disk and the simulator's disk, [`RemoteSide`] a DAM's API
//! and the simulated DAM. Questions and answers are values of the model; nothing here decides anything.

mod bytes_stream;
mod local;
mod remote;

pub use bytes_stream::{ByteStream, Payload};
pub use local::{
    DirListing, Entry, EntryKind, LocalError, LocalSide, Mark, PartialKey, Placed, Placement, Replaced, Root,
    RootIdentity, TrashSlot,
};
pub use remote::{
    Advice, Answer, ChangedAssets, Download, Identity, NewContent, PreparedUpload, RemoteError, RemoteErrorKind,
    RemoteFolder, RemoteSide, Scope, SignedUrl, UploadSession,
};
