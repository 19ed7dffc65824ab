//! Crash points: every place between two effects where a crash would leave a different world behind.

/// Where the simulator may stop the engine for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CrashPoint {
    /// The mark is on the disk, the store does not know it.
    MarkPlanted,
    /// An upload's intent is written, nothing was asked.
    IntentOpen,
    /// The upload session is open on the server.
    SessionOpen,
    /// The server has prepared an asset or a version, the journal does not know it.
    Prepared,
    /// The journal knows where the bytes go.
    PreparedKept,
    /// The bytes are in the storage, the server was not told.
    Sent,
    /// The server was told, the base is not written.
    Finished,
    /// The base of an upload is written.
    UploadKept,
    /// Bytes have arrived in a partial.
    Received,
    /// Files stand under their names, the base is not written.
    Placed,
    /// The base of a download is written, the server was not told.
    PlacedKept,
    /// The server was told, our mark still says that it must be.
    Acknowledged,
    /// A file is in the local trash, the store does not know it.
    TrashedLocal,
    /// An asset is in the server's trash, the store does not know it.
    TrashedRemote,
    /// A storage folder was made, the store does not know it.
    RemoteFolderMade,
    /// A directory was made, the store does not know it.
    LocalFolderMade,
    /// A folder was removed on one side, the store does not know it.
    FolderRemoved,
    /// A move here is in the journal, the file stands where it stood.
    MoveOpen,
    /// A file was moved here, the store does not know it.
    MovedLocal,
    /// An asset was renamed or moved there, the store does not know it.
    MovedRemote,
    /// An asset was restored there, the store does not know it.
    RestoredRemote,
}

impl CrashPoint {
    /// Every point, for tests that must visit them all.
    pub const ALL: &[Self] = &[
        Self::MarkPlanted,
        Self::IntentOpen,
        Self::SessionOpen,
        Self::Prepared,
        Self::PreparedKept,
        Self::Sent,
        Self::Finished,
        Self::UploadKept,
        Self::Received,
        Self::Placed,
        Self::PlacedKept,
        Self::Acknowledged,
        Self::TrashedLocal,
        Self::TrashedRemote,
        Self::RemoteFolderMade,
        Self::LocalFolderMade,
        Self::FolderRemoved,
        Self::MoveOpen,
        Self::MovedLocal,
        Self::MovedRemote,
        Self::RestoredRemote,
    ];
}
