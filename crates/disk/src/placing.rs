//! Putting verified partials under their names.
//!
//! The order is the proof:
//!
//! 1. Attributes and bytes of all partials become durable, and their handles are closed.
//! 2. One by one they take their names. The target is looked at before, and *what came out* is looked at after: only a
//!    rename decides who wins against a save in the same moment.
//! 3. The directories become durable.
//!
//! **A replaced file goes to the trash in one step:** the partial first takes the file's future name *in the trash*, then
//! both are exchanged. So there is no moment in which the user's bytes are without a name that is theirs, and none in
//! which the target is missing. A kill between the two leaves a copy of the download in the trash, which harms nobody.

use crate::attributes;
use crate::beneath::{Beneath, Hold, Spot, is_ours};
use crate::durable::{FEW, Touched};
use crate::look;
use crate::moves;
use crate::partial;
use crate::races::{self, Moment};
use crate::trash::{Bin, verify_moved};
use damsync_model::path::MirrorPath;
use damsync_model::tree::Stat;
use damsync_ports::{LocalError, Placed, Placement, Replaced, TrashSlot};
use rustix::fd::OwnedFd;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::File;
use std::io;

/// Places a group. One answer per placement, in order.
pub(crate) fn place(root: &Beneath, placements: &[Placement]) -> Result<Vec<Result<Placed, LocalError>>, LocalError> {
    let few = placements.len() <= FEW;
    let ready: Vec<Result<Stat, LocalError>> =
        placements.iter().map(|placement| prepare(root, placement, few)).collect();
    let flush_failed = |errno| root.fail("make durable what was downloaded to", &MirrorPath::ROOT, errno);
    if !few {
        rustix::fs::syncfs(root.handle()).map_err(flush_failed)?;
    }
    let mut touched = Touched::default();
    let placed = placements
        .iter()
        .zip(ready)
        .map(|(placement, ours)| Commit::open(root, placement, ours?, &mut touched)?.run(&mut touched))
        .collect();
    touched.flush(root).map_err(flush_failed)?;
    Ok(placed)
}

/// Gives the partial everything that the file shall have; returns what it then is.
fn prepare(root: &Beneath, placement: &Placement, sync_now: bool) -> Result<Stat, LocalError> {
    let path = partial::path(&placement.partial);
    if is_ours(&placement.target) {
        let what = "it is our own directory".to_owned();
        return Err(LocalError::NotOurs { path: placement.target.clone(), what });
    }
    let spot = root.spot(&placement.target)?;
    let former = match &placement.replaces {
        Replaced::Nothing => None,
        Replaced::ToTrash(expect, _) | Replaced::ToCopy(expect, _) => Some(expected(root, &spot, expect)?),
    };
    let file = partial::open(root, &placement.partial, OFlags::empty())?;
    let finish = || -> io::Result<Stat> {
        match &former {
            Some((former, seen)) => attributes::carry_over(former, seen, &file)?,
            None => {
                // Without the right to read the directory there is no default ACL to be had: the umask decides.
                let parent = root.dir(&placement.target.parent().unwrap_or_default(), Hold::Read);
                let dir = parent.map_or_else(|_| root.handle().try_clone(), Ok).map(File::from)?;
                attributes::as_new(&dir, &look::of(&dir)?, &file)?;
            }
        }
        attributes::set_modified(&file, placement.modified.0)?;
        if sync_now {
            file.sync_all()?;
        }
        Ok(look::of(&file)?.stat)
    };
    finish().map_err(|cause| match Errno::from_io_error(&cause) {
        Some(errno) => root.fail("finish", &path, errno),
        None => LocalError::Io { what: "finish", path: path.to_string(), cause },
    })
}

/// Opens the file that is to be replaced. Where nothing stands any more, that is a change, too.
fn expected(root: &Beneath, spot: &Spot, expect: &Stat) -> Result<(File, look::Seen), LocalError> {
    let open = || {
        let file = spot.open_expected(root, expect)?;
        let seen = spot.expect_open(root, &file, expect)?;
        Ok((file, seen))
    };
    open().map_err(|error| nothing_is_a_change(spot, error))
}

fn nothing_is_a_change(spot: &Spot, error: LocalError) -> LocalError {
    match error {
        LocalError::Missing { .. } => spot.changed("nothing"),
        error => error,
    }
}

/// One placement at the point where names change.
struct Commit<'a> {
    root: &'a Beneath,
    placement: &'a Placement,
    target: Spot,
    partials: OwnedFd,
    partial: String,
    /// The new file; its ctime is that of before the rename.
    ours: Stat,
}

impl<'a> Commit<'a> {
    fn open(
        root: &'a Beneath,
        placement: &'a Placement,
        ours: Stat,
        touched: &mut Touched,
    ) -> Result<Self, LocalError> {
        let target = root.spot(&placement.target)?;
        let partials = partial::dir(root)?;
        touched.add(&partials);
        touched.add(&target.dir);
        Ok(Self { root, placement, target, partials, partial: partial::file_name(&placement.partial), ours })
    }

    fn run(self, touched: &mut Touched) -> Result<Placed, LocalError> {
        let copy = match &self.placement.replaces {
            Replaced::Nothing => {
                self.take_free_name()?;
                None
            }
            Replaced::ToTrash(expect, slot) => {
                self.expect(expect)?;
                self.exchange_with_trash(expect, slot, touched)?;
                None
            }
            Replaced::ToCopy(expect, candidates) => {
                self.expect(expect)?;
                Some(self.make_room_by_copy(expect, candidates, touched)?)
            }
        };
        Ok(Placed { stat: as_left(self.target.look(), &self.ours), copy })
    }

    fn expect(&self, expect: &Stat) -> Result<(), LocalError> {
        self.target.expect(self.root, expect).map_err(|error| nothing_is_a_change(&self.target, error))?;
        races::pass(Moment::BeforeExchange);
        Ok(())
    }

    fn fail(&self, errno: Errno) -> LocalError {
        self.root.fail("place", &self.target.path, errno)
    }

    fn partial_fail(&self, errno: Errno) -> LocalError {
        self.root.fail("place", &partial::path(&self.placement.partial), errno)
    }

    /// What stands at the target now, where something should not.
    fn taken(&self) -> LocalError {
        self.target.changed(self.target.look().map_or_else(|errno| errno.to_string(), |seen| look::describe(&seen)))
    }

    fn take_free_name(&self) -> Result<(), LocalError> {
        match moves::to_users(&self.partials, &self.partial, &self.target.dir, &self.target.name) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => Err(self.taken()),
            Err(Errno::NOENT) => Err(self.partial_fail(Errno::NOENT)),
            Err(errno) => Err(self.fail(errno)),
        }
    }

    fn exchange_with_trash(&self, expect: &Stat, slot: &TrashSlot, touched: &mut Touched) -> Result<(), LocalError> {
        let bin = Bin::open(self.root, slot, &self.target.path, touched)?;
        let staged = bin.take(&self.partials, &self.partial).map_err(|errno| self.partial_fail(errno))?;
        match self.exchange(&bin, &staged) {
            None => {
                self.unstage(&bin, &staged)?;
                self.replace_in_two_steps(expect, &bin)
            }
            Some(Err(errno)) => {
                self.unstage(&bin, &staged)?;
                Err(if errno == Errno::NOENT { self.target.changed("nothing") } else { self.fail(errno) })
            }
            Some(Ok(())) => {
                let out = look::at(&bin.dir, staged.as_str()).map_err(|errno| self.fail(errno))?;
                if out.is_file_of(expect) {
                    return Ok(());
                }
                races::pass(Moment::BeforeExchangeBack);
                self.exchange_back(&bin, &staged)?;
                Err(self.target.changed(look::describe(&out)))
            }
        }
    }

    fn exchange(&self, bin: &Bin, staged: &str) -> Option<Result<(), Errno>> {
        moves::exchange(&bin.dir, staged, &self.target.dir, &self.target.name)
    }

    /// Puts the partial back where it may be thrown away.
    fn unstage(&self, bin: &Bin, staged: &str) -> Result<(), LocalError> {
        moves::to_ours(&bin.dir, staged, &self.partials, &self.partial).map_err(|errno| self.partial_fail(errno))
    }

    /// The exchange brought out something that nobody had seen: a save in that very moment. It goes back to its name.
    fn exchange_back(&self, bin: &Bin, staged: &str) -> Result<(), LocalError> {
        match self.exchange(bin, staged) {
            None => return Err(self.fail(Errno::NOTSUP)),
            // Our file was deleted or moved away already. The saved one gets its name again.
            Some(Err(Errno::NOENT)) => {
                return match moves::to_users(&bin.dir, staged, &self.target.dir, &self.target.name) {
                    Ok(()) | Err(Errno::EXIST) => Ok(()),
                    Err(errno) => Err(self.fail(errno)),
                };
            }
            Some(Err(errno)) => return Err(self.fail(errno)),
            Some(Ok(())) => {}
        }
        let back = look::at(&bin.dir, staged).map_err(|errno| self.fail(errno))?;
        if back.stat.inode == self.ours.inode {
            return self.unstage(bin, staged);
        }
        // RACE: yet another save came between the two exchanges, over our file. The newest must have the name; the one
        // before it stays in the trash. A third save in this instant only changes which of them is there: each exchange
        // keeps both of its files.
        match self.exchange(bin, staged) {
            Some(Err(errno)) if errno != Errno::NOENT => Err(self.fail(errno)),
            _ => Ok(()),
        }
    }

    /// For file systems that cannot exchange: away with the former, then in with the new one. Killed between, the target
    /// is missing and its bytes are in the trash: the next pass downloads it.
    fn replace_in_two_steps(&self, expect: &Stat, bin: &Bin) -> Result<(), LocalError> {
        let name = match bin.take(&self.target.dir, &self.target.name) {
            Ok(name) => name,
            Err(Errno::NOENT) => return Err(self.target.changed("nothing")),
            Err(errno) => return Err(self.fail(errno)),
        };
        verify_moved(self.root, &self.target, (&bin.dir, &name), expect)?;
        self.take_free_name().inspect_err(|_| {
            // Where somebody made a new file meanwhile, it has the name and the former is in the trash.
            let _ = moves::to_users(&bin.dir, &name, &self.target.dir, &self.target.name);
        })
    }

    /// Renames the former file to the first free copy name and places the new one.
    ///
    /// RACE: between the two renames the target is missing. Killed there, the user's file stands under its copy's name:
    /// visible, and known by its inode. The other order, an exchange with a copy that is made first, would leave a copy
    /// of the *download* instead, which the next pass would take for a new file.
    fn make_room_by_copy(
        &self,
        expect: &Stat,
        candidates: &[MirrorPath],
        touched: &mut Touched,
    ) -> Result<(MirrorPath, Stat), LocalError> {
        let copy = self.rename_to_free(candidates)?;
        touched.add(&copy.dir);
        verify_moved(self.root, &self.target, (&copy.dir, &copy.name), expect)?;
        races::pass(Moment::CopyMade);
        if let Err(error) = self.take_free_name() {
            // The partial is gone, or somebody saved under the name just now. If it is free, the former gets it back.
            if let Err(errno) = moves::to_users(&copy.dir, &copy.name, &self.target.dir, &self.target.name) {
                tracing::warn!(path = %self.target.path, copy = %copy.path, %errno, "the former file stays under its copy's name");
            }
            return Err(error);
        }
        let stat = as_left(copy.look(), expect);
        Ok((copy.path, stat))
    }

    fn rename_to_free(&self, candidates: &[MirrorPath]) -> Result<Spot, LocalError> {
        for candidate in candidates {
            let copy = self.root.spot(candidate)?;
            match moves::to_users(&self.target.dir, &self.target.name, &copy.dir, &copy.name) {
                Ok(()) => return Ok(copy),
                Err(Errno::EXIST) => {}
                Err(Errno::NOENT) => return Err(self.target.changed("nothing")),
                Err(errno) => return Err(self.fail(errno)),
            }
        }
        Err(self.target.changed("no name for its copy is free"))
    }
}

/// The stat of a file that we just renamed, with the ctime that the rename gave it.
///
/// RACE: if it was written to since, its stat must not be taken for that of the bytes we know. Then the old ctime is
/// returned, which no later look can equal, and the next scan reads the file.
pub(crate) fn as_left(looked: Result<look::Seen, Errno>, known: &Stat) -> Stat {
    match looked {
        Ok(seen) if seen.is_file_of(known) => seen.stat,
        _ => *known,
    }
}

#[cfg(test)]
mod tests;
