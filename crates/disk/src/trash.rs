//! The local trash: `.damsync/trash/<slot>/<path>`.
//!
//! Nothing in it is ever overwritten: a name that is taken gets ` 2`, ` 3`, … before its extension.

use crate::beneath::{Beneath, Spot, make_private_dir, our_path};
use crate::durable::Touched;
use crate::look;
use crate::moves;
use crate::races::{self, Moment};
use damsync_model::name::MAX_BYTES;
use damsync_model::path::MirrorPath;
use damsync_model::tree::Stat;
use damsync_ports::{LocalError, TrashSlot};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;

const DIR: &str = "trash";

/// More collisions of one name in one slot do not happen by themselves.
const MAX_NUMBER: u32 = 10_000;

/// The slot's directory name; only letters, digits, `-`, `_` and `.`.
fn slot_name(slot: &TrashSlot) -> String {
    let run: String = slot
        .run
        .to_string()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "_.-".contains(letter) { letter } else { '_' })
        .take(64)
        .collect();
    format!("{}-{run}", slot.at.compact())
}

/// `name`, then `name 2`, `name 3`, …, the number before the extension, cut so that it stays a name.
fn numbered(name: &str, number: u32) -> String {
    if number <= 1 {
        return name.to_owned();
    }
    let (stem, extension) = match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= MAX_BYTES / 2 => name.split_at(dot),
        _ => (name, ""),
    };
    let mark = format!(" {number}");
    let mut end = stem.len().min(MAX_BYTES - mark.len() - extension.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{mark}{extension}", &stem[..end])
}

/// The directory in the trash that a file goes to.
#[derive(Debug)]
pub(crate) struct Bin {
    pub dir: OwnedFd,
    /// Its path below the root.
    path: String,
    /// The file's own name.
    name: String,
}

impl Bin {
    /// Makes the directories for a file of that path.
    pub(crate) fn open(
        root: &Beneath,
        slot: &TrashSlot,
        path: &MirrorPath,
        touched: &mut Touched,
    ) -> Result<Self, LocalError> {
        let Some(name) = path.name() else {
            return Err(LocalError::NotOurs { path: path.clone(), what: "it is the mirror's root".to_owned() });
        };
        let slot = slot_name(slot);
        let fail = |errno| root.fail("make a directory in the trash for", path, errno);
        let trash = root.ours(DIR)?;
        let mut dir = enter(&trash, &slot, touched).map_err(fail)?;
        let mut below = our_path(&format!("{DIR}/{slot}")).as_str().to_owned();
        for name in path.parent().unwrap_or_default().names() {
            let (made, next) = enter_numbered(&dir, name, touched).map_err(fail)?;
            dir = next;
            below = format!("{below}/{made}");
        }
        touched.add(&dir);
        Ok(Self { dir, path: below, name: name.as_str().to_owned() })
    }

    /// Moves something here under the first name that is free; returns the name.
    pub(crate) fn take(&self, from_dir: impl AsFd, from: &str) -> Result<String, Errno> {
        for number in 1..=MAX_NUMBER {
            let name = numbered(&self.name, number);
            match moves::to_ours(&from_dir, from, &self.dir, &name) {
                Ok(()) => return Ok(name),
                Err(Errno::EXIST | Errno::NOTEMPTY | Errno::ISDIR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::EXIST)
    }

    /// The path below the root of a name here.
    pub(crate) fn path_of(&self, name: &str) -> MirrorPath {
        MirrorPath::parse(&format!("{}/{name}", self.path)).unwrap_or_default()
    }
}

/// Opens a directory, making it where it is missing: only then its parent changes.
fn enter(dir: &OwnedFd, name: &str, touched: &mut Touched) -> Result<OwnedFd, Errno> {
    if look::at(dir, name).err() == Some(Errno::NOENT) {
        touched.add(dir);
    }
    make_private_dir(dir, name)
}

/// A directory of that name; a numbered one where a file of an earlier trashing has the name.
fn enter_numbered(dir: &OwnedFd, name: &str, touched: &mut Touched) -> Result<(String, OwnedFd), Errno> {
    for number in 1..=MAX_NUMBER {
        let name = numbered(name, number);
        match enter(dir, &name, touched) {
            Err(Errno::NOTDIR | Errno::LOOP) => {}
            opened => return opened.map(|opened| (name, opened)),
        }
    }
    Err(Errno::EXIST)
}

/// Moves a file that must be exactly as it was seen to the trash.
pub(crate) fn trash(
    root: &Beneath,
    path: &MirrorPath,
    expect: &Stat,
    slot: &TrashSlot,
) -> Result<MirrorPath, LocalError> {
    let spot = root.spot(path)?;
    spot.expect(root, expect)?;
    let mut touched = Touched::default();
    let bin = Bin::open(root, slot, path, &mut touched)?;
    races::pass(Moment::BeforeMove);
    let name = bin.take(&spot.dir, &spot.name).map_err(|errno| root.fail("move to the trash", path, errno))?;
    let moved = verify_moved(root, &spot, (&bin.dir, &name), expect);
    touched.add(&spot.dir);
    let flushed = touched.flush(root).map_err(|errno| root.fail("make durable the trashing of", path, errno));
    moved.and(flushed)?;
    Ok(bin.path_of(&name))
}

/// Checks that what was moved from `spot` is the expected file. What is not goes back; where its place has been taken
/// meanwhile, it stays where it is: moved, not lost.
pub(crate) fn verify_moved(
    root: &Beneath,
    spot: &Spot,
    (to_dir, to): (&OwnedFd, &str),
    expect: &Stat,
) -> Result<look::Seen, LocalError> {
    let seen = look::at(to_dir, to).map_err(|errno| root.fail("examine", &spot.path, errno))?;
    if seen.is_file_of(expect) {
        return Ok(seen);
    }
    let found = look::describe(&seen);
    match moves::to_users(to_dir, to, &spot.dir, &spot.name) {
        Ok(()) => Err(spot.changed(found)),
        Err(errno) => {
            tracing::warn!(path = %spot.path, moved_to = to, %errno, "a changed file was moved away and cannot be put back");
            Err(spot.changed(format!("{found}; it now stands as {to}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_before_the_extension_and_fit() {
        assert_eq!(numbered("a.jpg", 1), "a.jpg");
        assert_eq!(numbered("a.jpg", 2), "a 2.jpg");
        assert_eq!(numbered(".bashrc", 3), ".bashrc 3");
        let long = numbered(&format!("{}.tif", "é".repeat(125)), 12);
        assert!(long.len() <= MAX_BYTES && long.ends_with(" 12.tif"), "{long}");
        let strange = numbered(&format!("a.{}", "x".repeat(253)), 2);
        assert!(strange.len() <= MAX_BYTES && strange.ends_with(" 2"), "{strange}");
    }
}
