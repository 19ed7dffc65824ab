//! Deliberate faults: each takes away one of the things that keep files safe, so that the simulator can show that it notices.
//!
//! Without the feature `mutations`, which only the simulator asks for, no mutation is ever on and the compiler drops the
//! places that ask.
//!
//! One thing has no mutation of its own: that an acknowledgement's answer is read. What it shows moved `updated_at`, so it lies
//! in the window that is read for good five minutes later; unread, it only comes later, and no promise says when.

/// What is done wrongly on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutation {
    /// Changed assets are acknowledged before anything is done about them.
    AcknowledgeFirst,
    /// A refused look-up counts as "it is gone".
    ForbiddenIsGone,
    /// An asset that cannot be found is gone, whatever its folder says.
    NotFoundIsGone,
    /// A file with the inode and the size of before is the file of before.
    TrustInode,
    /// A file that was hashed while its clock stood still is not read again.
    TrustTimes,
    /// A directory that cannot be listed is empty.
    UnreadableIsEmpty,
    /// The root need not carry the mirror's mark.
    RootUnchecked,
    /// A short page of changes is all of them.
    ShortPageIsWhole,
    /// An old answer of the search index is believed.
    OldAnswerBelieved,
    /// The window of changes is not read for good when the index can no longer be late.
    WindowUnread,
    /// The cursor of changes goes up to now, although the index is late.
    CursorAhead,
    /// An upload is not written into the journal.
    NoIntent,
    /// An interrupted upload is struck from the journal, unsettled.
    IntentForgotten,
    /// What a lost answer left behind on the server is not looked for.
    StrayForgotten,
    /// A move on the disk is not written into the journal.
    NoLocalMove,
    /// A file gets its name without a word of it in the journal.
    NoPlacing,
    /// A downloaded body is not compared with what the server tells.
    BodyUnverified,
    /// One partial serves for every version of an asset.
    PartialOfAnyVersion,
    /// Partials that nobody needs stay.
    PartialsKept,
    /// Two contents that meet under one name are taken for the same.
    AdoptedByName,
    /// An asset is trashed without another look at it.
    AssetTrashedUnseen,
    /// An asset is trashed without another look at its file's place.
    FileAbsentUnseen,
    /// A storage folder is removed without a look at what is in it.
    FolderRemovedUnseen,
    /// A server that went back in time is believed.
    RollBackBelieved,
    /// The disk is not told to make a removed or new directory durable.
    SyncLeftOut,
    /// On the disk: a placed file's bytes are not made durable.
    PlacedBytesUnsynced,
    /// On the disk: placed names are not made durable.
    PlacedNamesUnsynced,
    /// On the disk: a name in the trash is not made durable.
    TrashUnsynced,
    /// On the disk: a rename is not made durable.
    RenameUnsynced,
    /// On the disk: what stands in a placement's way is not looked at again.
    PlacedUnseen,
    /// On the disk: a rename replaces what has the name.
    RenameReplaces,
    /// On the disk: what gives way does not go to the trash.
    TrashLeftOut,
    /// A file that changed since it was hashed is sent, and no digest tells the server.
    SentUnverified,
}

impl Mutation {
    /// Every one.
    pub const ALL: &[Self] = &[
        Self::AcknowledgeFirst,
        Self::ForbiddenIsGone,
        Self::NotFoundIsGone,
        Self::TrustInode,
        Self::TrustTimes,
        Self::UnreadableIsEmpty,
        Self::RootUnchecked,
        Self::ShortPageIsWhole,
        Self::OldAnswerBelieved,
        Self::WindowUnread,
        Self::CursorAhead,
        Self::NoIntent,
        Self::IntentForgotten,
        Self::StrayForgotten,
        Self::NoLocalMove,
        Self::NoPlacing,
        Self::BodyUnverified,
        Self::PartialOfAnyVersion,
        Self::PartialsKept,
        Self::AdoptedByName,
        Self::AssetTrashedUnseen,
        Self::FileAbsentUnseen,
        Self::FolderRemovedUnseen,
        Self::RollBackBelieved,
        Self::SyncLeftOut,
        Self::PlacedBytesUnsynced,
        Self::PlacedNamesUnsynced,
        Self::TrashUnsynced,
        Self::RenameUnsynced,
        Self::PlacedUnseen,
        Self::RenameReplaces,
        Self::TrashLeftOut,
        Self::SentUnverified,
    ];

    /// Whether the engine on this thread shall do it.
    #[cfg(not(feature = "mutations"))]
    pub const fn is_on(self) -> bool {
        false
    }

    /// Whether the engine on this thread shall do it.
    #[cfg(feature = "mutations")]
    pub fn is_on(self) -> bool {
        switch::is_on(self)
    }
}

#[cfg(feature = "mutations")]
pub use switch::with;

#[cfg(feature = "mutations")]
mod switch {
    use super::Mutation;
    use std::cell::Cell;

    thread_local! {
        static ON: Cell<Option<Mutation>> = const { Cell::new(None) };
    }

    pub(super) fn is_on(mutation: Mutation) -> bool {
        ON.get() == Some(mutation)
    }

    struct Off;

    impl Drop for Off {
        fn drop(&mut self) {
            ON.set(None);
        }
    }

    /// Runs `work` on this thread with a mutation on.
    pub fn with<T>(mutation: Mutation, work: impl FnOnce() -> T) -> T {
        ON.set(Some(mutation));
        let _off = Off;
        work()
    }
}
