//! How many assets lie in the server's trash: all that it says of it. A number that is not the expected one is a cheap
//! hint that something was deleted, and weak evidence of what (see `evidence`).

use crate::pass::{Pass, PassError};
use damsync_model::id::MirrorId;
use damsync_ports::{LocalSide, RemoteSide};
use damsync_store::{StoreError, Tx};

/// How many there were when they were last counted, and what we put there and took out of it since.
const COUNT: &str = "trash_count";

/// Assets of the mirror that were found to be in the trash, and that the count may not include yet.
const FOUND: &str = "trash_found";

/// This server shows what is in its trash when asked for it: then a 404 never means trashed.
const SHOWN: &str = "trashed_shown";

/// We put an asset into the trash.
pub(crate) fn one_more(tx: &Tx<'_>, mirror: MirrorId) -> Result<(), StoreError> {
    change(tx, mirror, 1)
}

/// We took an asset out of the trash.
pub(crate) fn one_less(tx: &Tx<'_>, mirror: MirrorId) -> Result<(), StoreError> {
    change(tx, mirror, -1)
}

fn change(tx: &Tx<'_>, mirror: MirrorId, by: i64) -> Result<(), StoreError> {
    match tx.cursor(mirror, COUNT)? {
        Some(count) => tx.set_cursor(mirror, COUNT, count + by),
        None => Ok(()),
    }
}

/// An asset of ours is in the trash by somebody else's doing: that one of its number says nothing about any other.
pub(crate) fn found(tx: &Tx<'_>, mirror: MirrorId) -> Result<(), StoreError> {
    let found = tx.cursor(mirror, FOUND)?.unwrap_or(0);
    tx.set_cursor(mirror, FOUND, found + 1)
}

/// The server showed an asset that is in its trash.
pub(crate) fn shown(tx: &Tx<'_>, mirror: MirrorId) -> Result<(), StoreError> {
    tx.set_cursor(mirror, SHOWN, 1)
}

/// How many of those that are in the trash now we know nothing of; none where the server would have shown them.
pub(crate) fn unexplained(tx: &Tx<'_>, mirror: MirrorId, now: u64) -> Result<u64, StoreError> {
    let Some(count) = tx.cursor(mirror, COUNT)? else { return Ok(0) };
    if tx.cursor(mirror, SHOWN)?.is_some() {
        return Ok(0);
    }
    let explained = count + tx.cursor(mirror, FOUND)?.unwrap_or(0);
    Ok(u64::try_from(signed(now) - explained).unwrap_or(0))
}

/// What was known of the trash when a gathering began, and how many it holds now, once asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TrashCounts {
    before: Option<i64>,
    found_before: i64,
    now: Option<u64>,
}

impl TrashCounts {
    /// What is known before anything was asked.
    pub(crate) fn known(tx: &Tx<'_>, mirror: MirrorId) -> Result<Self, StoreError> {
        let found_before = tx.cursor(mirror, FOUND)?.unwrap_or(0);
        Ok(Self { before: tx.cursor(mirror, COUNT)?, found_before, now: None })
    }

    /// Something went there or came back that we do not know of.
    pub(crate) fn moved(&self) -> bool {
        self.now.is_some_and(|now| self.before != Some(signed(now)))
    }
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// How many there are now; the server is asked once in a gathering.
    pub(crate) async fn trash_now(&self, trash: &mut TrashCounts) -> Result<u64, PassError> {
        match trash.now {
            Some(now) => Ok(now),
            None => Ok(*trash.now.insert(self.engine.remote.trash_count().await?)),
        }
    }

    /// Writes down how many there are. What was found there after they were counted is kept until the next count, and no
    /// longer: that includes it.
    pub(crate) async fn account_for_trash(&self, trash: &TrashCounts) -> Result<(), PassError> {
        let Some(count) = trash.now.map(signed) else { return Ok(()) };
        let (mirror, TrashCounts { before, found_before, .. }) = (self.mirror, *trash);
        self.engine
            .keeper
            .write(move |tx| {
                let found = tx.cursor(mirror, FOUND)?.unwrap_or(0);
                let beyond = before.map_or(0, |before| before + found - count);
                tx.set_cursor(mirror, COUNT, count)?;
                tx.set_cursor(mirror, FOUND, beyond.clamp(0, found - found_before))
            })
            .await?;
        Ok(())
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
