//! What people do, as data: a plan holds these, and dropping one leaves the others meaningful.
//!
//! Targets are picked when the edit happens: a number stands for "that one of those that are there, counted round".

/// Which one of those that are there.
pub type Pick = u32;

/// Bytes by number and size; see [`crate::content::bytes_of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes {
    /// Which.
    pub number: u64,
    /// How many.
    pub size: u16,
}

/// Somebody does something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// On a disk.
    Here(usize, Local),
    /// On the server.
    There(Remote),
}

/// How a program saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Save {
    /// Over the old bytes.
    InPlace,
    /// To a new file, renamed over the old one.
    Anew,
    /// The old one is deleted first.
    DeleteFirst,
    /// The old one is kept under another name.
    Backup,
    /// Through a mapping of the file, whose times follow later. As many bytes as there were.
    Mapped,
}

/// Something on a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Local {
    /// A file of that name in that directory is written.
    Write(Pick, Pick, Bytes),
    /// An existing file is saved.
    Save(Pick, Save, Bytes),
    /// A program adds to a file: once now, and so many times more while the daemon works.
    Append(Pick, Bytes, u8),
    /// A file is copied to that name in that directory.
    Copy(Pick, Pick, Pick),
    /// A file's times are set to now.
    Touch(Pick),
    /// A file is renamed to another case of its name; where the disk folds, by way of a third name.
    Recase(Pick),
    /// A file is deleted.
    Delete(Pick),
    /// A directory is deleted with everything below it.
    DeleteDir(Pick),
    /// A directory of that name is made in that directory.
    MakeDir(Pick, Pick),
    /// A link takes a file's place.
    Link(Pick),
    /// All links are removed.
    Unlink,
    /// That directory cannot be listed any more.
    Deny(Pick),
    /// All directories can be listed again.
    Allow,
}

/// What a user may be forbidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// To send files.
    Upload,
    /// To make folders.
    MakeFolders,
}

/// Something on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remote {
    /// An asset of that name in that folder appears.
    Add(Pick, Pick, Bytes),
    /// An asset gets a version at once.
    Version(Pick, Bytes),
    /// An asset gets a version that is processed first.
    SlowVersion(Pick, Bytes),
    /// An earlier version becomes the head.
    Revert(Pick),
    /// An asset goes to the trash.
    Trash(Pick),
    /// A trashed asset comes back.
    Restore(Pick),
    /// An asset gets that name.
    Rename(Pick, Pick),
    /// An asset is taken to that folder.
    Move(Pick, Pick),
    /// An asset is taken out of the mirror.
    MoveOut(Pick),
    /// An asset that is outside is taken to that folder.
    MoveIn(Pick, Pick),
    /// Metadata changes.
    Describe(Pick),
    /// Somebody else acknowledges it.
    Acknowledge(Pick),
    /// A folder of that name is made in that folder.
    MakeFolder(Pick, Pick),
    /// A folder's assets go to the trash, then the folder itself.
    RemoveFolder(Pick),
    /// That folder can no longer be seen by the daemons.
    Hide(Pick),
    /// Everything can be seen again.
    Unhide,
    /// The index is being built anew, or no longer.
    Reindex(bool),
    /// The server is backed up.
    BackUp,
    /// The server goes back to its last backup.
    RollBack,
    /// The same, if every daemon can tell: enough assets that it knows are older there, and nothing is half sent.
    RollBackOpenly,
    /// The daemons' users may no longer send files, or make folders.
    Forbid(Right),
    /// They may do everything again.
    Permit,
}
