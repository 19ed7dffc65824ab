//! People who change just what a daemon works on, in the middle of its action.

use crate::content::bytes_of;
use crate::edit::{Bytes, Remote, Save};
use crate::people;
use crate::stage::{NAMES, Stage};

/// What they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meddling {
    /// The file is saved with other bytes of the same length.
    SavesHere,
    /// A program writes to the file through a mapping: as many bytes, and the times stay for now.
    WritesUnseen,
    /// A file appears under the name.
    PutsHere,
    /// The file is deleted.
    DeletesHere,
    /// The asset gets a version.
    AddsVersion,
    /// The asset gets another name.
    Renames,
    /// The asset goes to the trash.
    Trashes,
    /// The asset comes back from the trash.
    Restores,
    /// The asset gets back the name of its file, or else a version that it had before.
    TakesBack,
}

/// What an action works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Whose disk.
    pub disk: usize,
    /// Below the mirror's root.
    pub path: String,
    /// The asset's number, if there is one.
    pub asset: Option<i64>,
}

/// Somebody meddles; says what it came to, or `None` where there is nothing to meddle with. The number tells contents and
/// names apart.
pub(crate) fn meddle(stage: &Stage, subject: &Subject, meddling: Meddling, number: u64) -> Option<String> {
    let Subject { disk, path, asset } = subject;
    let length = stage.disk(*disk).tree.file(path).map(|file| file.data.len());
    let there = |edit: fn(u32, u64) -> Remote| {
        let pick = people::pick_of(stage, (*asset)?)?;
        Some(people::act_there(stage, &edit(pick, number)))
    };
    match meddling {
        Meddling::SavesHere => Some(stage.write(*disk, path, Save::InPlace, bytes_of(number, length?))),
        Meddling::WritesUnseen => Some(stage.write(*disk, path, Save::Mapped, bytes_of(number, length?))),
        Meddling::PutsHere if length.is_none() => {
            Some(stage.write(*disk, path, Save::Anew, bytes_of(number, 40))).filter(|_| !path.is_empty())
        }
        Meddling::PutsHere => None,
        Meddling::DeletesHere => length.map(|_| stage.delete(*disk, path)),
        Meddling::AddsVersion => there(|pick, number| Remote::Version(pick, Bytes { number, size: 40 })),
        Meddling::Renames => there(|pick, number| Remote::Rename(pick, (number % NAMES.len() as u64) as u32)),
        Meddling::Trashes => there(|pick, _| Remote::Trash(pick)),
        Meddling::TakesBack => {
            let pick = people::pick_of(stage, (*asset)?)?;
            let name = path.rsplit('/').next().and_then(|name| NAMES.iter().position(|known| *known == name));
            let is_called = people::name_of(stage, (*asset)?)?;
            Some(match name.filter(|at| NAMES[*at] != is_called).and_then(|at| u32::try_from(at).ok()) {
                Some(name) => people::act_there(stage, &Remote::Rename(pick, name)),
                None => people::act_there(stage, &Remote::Revert(pick)),
            })
        }
        Meddling::Restores => {
            let pick = people::trashed_pick_of(stage, (*asset)?)?;
            Some(people::act_there(stage, &Remote::Restore(pick)))
        }
    }
}
