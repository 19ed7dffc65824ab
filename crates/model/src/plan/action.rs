//! The actions: one step on one side each, with what they expect to find and what they leave behind.

use crate::id::{AssetId, FolderId};
use crate::tree::{Place, Stat};

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
///
/// What each leaves in the base stands with it; the planner relies on exactly that, on the tree of the changed side
/// showing the change from then on, and on all of it being written at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make a new asset of a local file. The base is what was read here and what the server's answer says, its file
    /// name included, whatever name was sent.
    Upload {
        /// The file.
        place: Place,
        /// How it was seen.
        expect: Stat,
        /// Length in bytes.
        size: u64,
    },
    /// Make a local file's bytes the asset's newest version. The base takes the content and the new version; its
    /// places stay as they were.
    PushVersion {
        /// The asset.
        asset: AssetId,
        /// The file.
        place: Place,
        /// How it was seen.
        expect: Stat,
        /// How the asset was seen.
        expect_remote: ExpectRemote,
        /// Length in bytes.
        size: u64,
    },
    /// Bring an asset back from the server's trash. The base stays as it was.
    RestoreRemote {
        /// The asset.
        asset: AssetId,
    },
    /// Bring the asset's bytes to `place`; what is there goes to the local trash. The base takes content and version;
    /// its places only where no file was replaced.
    Download {
        /// The asset.
        asset: AssetId,
        /// Where its bytes go.
        place: Place,
        /// What may stand there.
        expect: ExpectLocal,
        /// How the asset was seen.
        expect_remote: ExpectRemote,
        /// Length in bytes, where told.
        size: Option<u64>,
    },
    /// Read the asset's bytes to learn their hash, where the server does not tell it. The base stays as it was; the
    /// remote tree keeps what was read for as long as the asset's version and `updated_at` stand still.
    Learn {
        /// The asset.
        asset: AssetId,
        /// Length in bytes, where told.
        size: Option<u64>,
    },
    /// Both sides hold the same bytes: the base is what both say; where there was one, its places stay as they were.
    Adopt {
        /// The asset.
        asset: AssetId,
        /// The file.
        place: Place,
        /// How it was seen.
        expect: Stat,
    },
    /// Rename our file to a conflict copy and bring the asset's bytes to its name. The base is as after a download;
    /// the copy is a new file of its own.
    KeepBoth {
        /// The asset.
        asset: AssetId,
        /// The file.
        place: Place,
        /// How it was seen.
        expect: Stat,
        /// How the asset was seen.
        expect_remote: ExpectRemote,
        /// Length in bytes, where told.
        size: Option<u64>,
    },
    /// Put the asset into the server's trash. The base goes with it: a file put back later is no trashed asset's file.
    TrashRemote {
        /// The asset.
        asset: AssetId,
        /// Where its file stood.
        place: Place,
        /// How the asset was seen.
        expect_remote: ExpectRemote,
    },
    /// Put the file into the local trash. The base goes with it.
    TrashLocal {
        /// The asset it belonged to.
        asset: AssetId,
        /// The file.
        place: Place,
        /// How it was seen.
        expect: Stat,
    },
    /// Move or rename the file. The base stays as it was: the half of a move that was made here may still have to
    /// travel, and only the next decision ([`Action::MoveRemote`] or [`Action::Refresh`]) knows.
    MoveLocal {
        /// Its asset.
        asset: AssetId,
        /// Where it stands.
        from: Place,
        /// Where it shall stand.
        to: Place,
        /// How it was seen.
        expect: Stat,
    },
    /// Move or rename the asset, or both: `from` and `to` differ in what is to be changed and in nothing else, so a
    /// local name that was never the asset's is not given to it. The base takes `to` and what the server then says of
    /// folder and file name.
    MoveRemote {
        /// The asset.
        asset: AssetId,
        /// Where both sides last agreed that it stands, as far as that is to be changed.
        from: Place,
        /// Where its file stands now.
        to: Place,
    },
    /// Drop the record of an entity that is gone; a file that is still here is new from then on.
    Forget {
        /// The asset.
        asset: AssetId,
        /// Where its file stood.
        place: Option<Place>,
    },
    /// Take over what the server says of an asset whose bytes did not change, and where both stand. The base keeps its
    /// content, and what the server told before and does not tell now.
    Refresh {
        /// The asset.
        asset: AssetId,
        /// Its file.
        place: Place,
    },
    /// Make the storage folder for a directory.
    MakeRemoteFolder {
        /// The directory.
        folder: FolderId,
    },
    /// Make the directory for a storage folder.
    MakeLocalFolder {
        /// The directory.
        folder: FolderId,
    },
    /// Write down that a directory and a storage folder are one.
    JoinFolder {
        /// The directory.
        folder: FolderId,
    },
    /// Remove the empty storage folder of a directory that was removed.
    RemoveRemoteFolder {
        /// The directory.
        folder: FolderId,
    },
    /// Remove the empty directory of a storage folder that was removed.
    RemoveLocalFolder {
        /// The directory.
        folder: FolderId,
    },
    /// Drop the record of a directory that is gone on both sides.
    ForgetFolder {
        /// The directory.
        folder: FolderId,
    },
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

    /// Whether it only takes note of something: neither side changes, so it is no line of a plan or of the history.
    pub const fn only_notes(&self) -> bool {
        matches!(self, Self::Refresh { .. } | Self::JoinFolder { .. } | Self::ForgetFolder { .. })
    }

    /// How many bytes it moves, where told; `None` where it moves none.
    pub const fn bytes(&self) -> Option<u64> {
        match self {
            Self::Upload { size, .. } | Self::PushVersion { size, .. } => Some(*size),
            Self::Download { size, .. } | Self::KeepBoth { size, .. } | Self::Learn { size, .. } => *size,
            _ => None,
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
