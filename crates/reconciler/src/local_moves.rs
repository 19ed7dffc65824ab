//! Files that we take from their place: written into the journal before, and out of it with the record of what became of
//! them.
//!
//! Without that a crash in between leaves what looks like a deletion at the old place and a new file at the new one. What
//! is open at the start of a pass is settled by looking at both places, before anything is decided; of an asset whose
//! file cannot be looked for nothing is decided at all.

use crate::crash::CrashPoint;
use crate::execute::Task;
use crate::pass::{Pass, PassError};
use damsync_model::id::{AssetId, MirrorId};
use damsync_model::mutation::Mutation;
use damsync_model::name::NameKey;
use damsync_model::plan::{Action, ExpectLocal};
use damsync_model::tree::{Local, Place, Stat};
use damsync_ports::{LocalError, LocalSide, RemoteSide};
use damsync_store::{AssetRow, Event, FileRow, LocalMove, MoveTarget, StoreError, Tx};

/// Why nothing is decided about a file that we may have moved.
pub(crate) const NOT_SETTLED: &str = "a move of it was interrupted, and it cannot be looked for now";

/// What stands at one of a move's two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// The file that was to be moved.
    Ours(Stat),
    /// Another file.
    Another(Stat),
    /// Nothing.
    Nothing,
    /// That cannot be said.
    Untold,
}

/// What became of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It was not made.
    Stays,
    /// The file stands where it was to go, or what was saved over it since.
    Moved(Stat),
    /// The file is at neither place.
    Gone,
    /// That cannot be said yet.
    Untold,
}

/// Draws what became of a move from what stands at both places. Of what leaves the mirror, nothing stands anywhere else.
fn judge(from: Found, to: Found) -> Fate {
    match (from, to) {
        (Found::Ours(_), _) => Fate::Stays,
        (_, Found::Ours(stat)) => Fate::Moved(stat),
        (Found::Untold, _) | (_, Found::Untold) => Fate::Untold,
        (Found::Nothing, Found::Another(stat)) => Fate::Moved(stat),
        (Found::Another(_), _) => Fate::Stays,
        (Found::Nothing, Found::Nothing) => Fate::Gone,
    }
}

/// Whether both are one file. Its ctime moves with every rename, its size and times with every save in place; an inode
/// number is given again, but never with the same birth.
const fn is_same_file(one: &Stat, other: &Stat) -> bool {
    let told = one.birth_ns != 0 && other.birth_ns != 0;
    one.inode == other.inode && if told { one.birth_ns == other.birth_ns } else { same_bytes(one, other) }
}

/// Whether nobody has written to it since.
const fn same_bytes(one: &Stat, other: &Stat) -> bool {
    one.size == other.size && one.mtime_ns == other.mtime_ns
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// The file of a task, about to be taken from its place.
    pub(crate) fn local_move(
        &self,
        task: &Task<'_>,
        asset: &AssetId,
        from: &Place,
        stat: Stat,
        to: Option<MoveTarget>,
    ) -> LocalMove {
        let content = match &task.one.entity.local {
            Local::Present(file) => file.content,
            Local::Absent | Local::Unknown(_) => None,
        };
        LocalMove { asset: asset.clone(), from: from.clone(), from_key: self.key(from), stat, content, to }
    }

    /// The file of an agreement that makes room for what comes down. A crash in between must not leave its
    /// place empty without a reason that is known.
    pub(crate) fn giving_way(&self, task: &Task<'_>, place: &Place) -> Option<LocalMove> {
        let (Action::Download { asset, expect: ExpectLocal::File(expect), .. }
        | Action::KeepBoth { asset, expect, .. }) = &task.planned.action
        else {
            return None;
        };
        let is_agreed = task.one.entity.base.is_some() && !Mutation::NoLocalMove.is_on();
        is_agreed.then(|| self.local_move(task, asset, place, *expect, None))
    }

    /// Writes down that a file is about to be taken from its place.
    pub(crate) async fn begin_local_move(&self, one: &LocalMove) -> Result<(), PassError> {
        if Mutation::NoLocalMove.is_on() {
            return Ok(());
        }
        let (mirror, one) = (self.mirror, one.clone());
        self.engine.keeper.write(move |tx| tx.put_local_move(mirror, &one)).await?;
        self.reach(CrashPoint::MoveOpen)
    }

    /// Settles what earlier passes left open.
    pub(crate) async fn settle_local_moves(&self) -> Result<(), PassError> {
        let mirror = self.mirror;
        for one in self.engine.keeper.read(move |tx| tx.local_moves(mirror)).await? {
            self.settle_local_move(&one).await?;
        }
        Ok(())
    }

    /// Finds out what became of a move and records it. It stays open while that cannot be said.
    pub(crate) async fn settle_local_move(&self, one: &LocalMove) -> Result<(), PassError> {
        let from = self.find_moved(&one.from, &one.stat).await?;
        let to = match &one.to {
            Some(to) => self.find_moved(&to.place, &one.stat).await?,
            None => Found::Nothing,
        };
        let fate = judge(from, to);
        if fate == Fate::Untold {
            tracing::warn!(asset = %one.asset, "an interrupted move could not be settled");
            return Ok(());
        }
        let beyond = match (&one.to, self.asset_row(&one.asset).await?) {
            (Some(to), Some(row)) => self.name_beyond(&row, &one.from, &to.place),
            _ => None,
        };
        let (mirror, done, event) = (self.mirror, one.clone(), self.event_of_settled(one));
        self.engine
            .keeper
            .write(move |tx| {
                match (fate, &done.to) {
                    (Fate::Stays, _) => {}
                    (Fate::Moved(stat), Some(to)) if !is_anothers(tx, &done, to)? => {
                        record_move(tx, mirror, &done, to, stat, beyond)?;
                        tx.add_event(mirror, &event)?;
                    }
                    _ => forget(tx, mirror, &done)?,
                }
                tx.end_local_move(mirror, &done.asset)
            })
            .await?;
        let to = one.to.as_ref().map(|to| (&to.place, &to.key));
        for (place, key) in [(&one.from, &one.from_key)].into_iter().chain(to) {
            let path = self.folders().path_of(place);
            if let Some(path) = path {
                // What stands there by now is taken over, as after any action that found the world changed.
                self.look_again(place.folder, key, &path).await?;
            }
        }
        Ok(())
    }

    /// What stands at a place, seen from the file that was moved.
    async fn find_moved(&self, place: &Place, stat: &Stat) -> Result<Found, PassError> {
        // A directory that is not here any more holds nothing.
        let Some(path) = self.folders().path_of(place) else { return Ok(Found::Nothing) };
        Ok(match self.engine.disk.stat(&path).await {
            Ok(now) if is_same_file(&now, stat) => Found::Ours(now),
            Ok(now) => Found::Another(now),
            Err(LocalError::Missing { .. }) => Found::Nothing,
            Err(LocalError::RootLost) => return Err(LocalError::RootLost.into()),
            Err(LocalError::NotOurs { .. }) if self.holds_no_file(place, &path).await => Found::Nothing,
            Err(_) => Found::Untold,
        })
    }

    fn event_of_settled(&self, one: &LocalMove) -> Event {
        Event {
            run: self.run.to_string(),
            at: self.now(),
            rule: "R15".to_owned(),
            action: "move_local".to_owned(),
            path: self.folders().path_of(&one.from).unwrap_or_default().to_string(),
            asset: Some(one.asset.clone()),
            reason: "an interrupted move had been made".to_owned(),
            seen: "{}".to_owned(),
            outcome: "done".to_owned(),
        }
    }
}

/// Records that a file stands where it was moved to. `beyond`: the name that it is on its way to from there.
pub(crate) fn record_move(
    tx: &Tx<'_>,
    mirror: MirrorId,
    one: &LocalMove,
    to: &MoveTarget,
    stat: Stat,
    beyond: Option<(String, NameKey)>,
) -> Result<(), StoreError> {
    let before = tx.file(one.from.folder, &one.from_key)?.filter(|file| file.stat == one.stat);
    tx.remove_file(one.from.folder, &one.from_key)?;
    let file = FileRow {
        key: to.key.clone(),
        name: to.place.name.as_str().to_owned(),
        stat,
        content: one.content.filter(|_| same_bytes(&one.stat, &stat)),
        // Who waits for this name may have looked between the move and now, and seen nothing there.
        racy: before.is_none_or(|file| file.racy),
        unknown: None,
    };
    tx.put_file(to.place.folder, &file)?;
    if let Some(mut base) = tx.base(mirror, &one.asset)? {
        base.base.place = to.place.clone();
        base.key = to.key.clone();
        base.base.remote_folder = to.remote_folder;
        let row = tx.asset(mirror, &one.asset)?.filter(|row| row.asset.filename == to.remote_filename);
        match beyond.zip(row) {
            // The name is not agreed on before the file has it.
            Some(((given_name, key), row)) => tx.put_asset(mirror, &AssetRow { given_name, key, ..row })?,
            None => base.base.remote_filename.clone_from(&to.remote_filename),
        }
        tx.put_base(mirror, &base)?;
    }
    tx.end_local_move(mirror, &one.asset)?;
    tx.mark_asset(mirror, &one.asset)
}

/// Whether another asset was agreed on at a move's target since.
fn is_anothers(tx: &Tx<'_>, one: &LocalMove, to: &MoveTarget) -> Result<bool, StoreError> {
    Ok(tx.base_at(to.place.folder, &to.key)?.is_some_and(|base| base.base.asset != one.asset))
}

/// Ends the agreement about a file that is at neither place. Whether we took it or a user did cannot be told apart, and
/// from our own half-done work no deletion may follow: an asset that lives comes down again, and a user who deleted the
/// file may do so once more.
fn forget(tx: &Tx<'_>, mirror: MirrorId, one: &LocalMove) -> Result<(), StoreError> {
    tx.remove_file(one.from.folder, &one.from_key)?;
    tx.remove_base(mirror, &one.asset)?;
    tx.mark_asset(mirror, &one.asset)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Stat = Stat { size: 9, mtime_ns: 100, ctime_ns: 200, inode: 7, birth_ns: 50 };
    const MOVED: Stat = Stat { ctime_ns: 300, ..FILE };
    const OTHER: Stat = Stat { inode: 8, birth_ns: 60, ..FILE };

    #[test]
    fn what_became_of_a_move_is_told_by_what_stands_at_both_places() {
        use Found::{Another, Nothing, Ours, Untold};
        let (ours, another) = (Ours(MOVED), Another(OTHER));
        for (from, to, fate) in [
            // Found at its old place, it was not moved, whatever stands at the other.
            (ours, Nothing, Fate::Stays),
            (ours, another, Fate::Stays),
            (ours, Untold, Fate::Stays),
            // A hard link, where the file system renames in two steps.
            (ours, ours, Fate::Stays),
            // Found at its new place, it was moved, whatever stands at the old one by now.
            (Nothing, ours, Fate::Moved(MOVED)),
            (another, ours, Fate::Moved(MOVED)),
            (Untold, ours, Fate::Moved(MOVED)),
            // A program saved anew over it: the name is its identity.
            (Nothing, another, Fate::Moved(OTHER)),
            (another, Nothing, Fate::Stays),
            (another, another, Fate::Stays),
            // It is at neither.
            (Nothing, Nothing, Fate::Gone),
            // It may be where nobody can look.
            (Nothing, Untold, Fate::Untold),
            (Untold, Nothing, Fate::Untold),
            (another, Untold, Fate::Untold),
            (Untold, another, Fate::Untold),
            (Untold, Untold, Fate::Untold),
        ] {
            assert_eq!(judge(from, to), fate, "{from:?} {to:?}");
        }
    }

    #[test]
    fn a_file_is_itself_after_a_rename_and_after_a_save_in_place() {
        let saved = Stat { size: 10, mtime_ns: 101, ..MOVED };
        assert!(is_same_file(&FILE, &MOVED) && is_same_file(&FILE, &saved));
        assert!(!is_same_file(&FILE, &OTHER));
        // Its number was given again.
        assert!(!is_same_file(&FILE, &Stat { birth_ns: 51, ..FILE }));
    }

    #[test]
    fn where_no_birth_is_told_a_file_is_itself_while_nobody_wrote_to_it() {
        let unborn = |stat: Stat| Stat { birth_ns: 0, ..stat };
        assert!(is_same_file(&unborn(FILE), &unborn(MOVED)));
        assert!(is_same_file(&FILE, &unborn(MOVED)));
        assert!(!is_same_file(&unborn(FILE), &unborn(Stat { mtime_ns: 101, ..MOVED })));
        assert!(!is_same_file(&unborn(FILE), &unborn(Stat { size: 10, ..MOVED })));
    }
}
