//! Why one path is as it is, as far as the store knows: for `explain`. It asks nobody, and changes nothing.

use crate::entities::{Rows, entity, rows};
use crate::folders::Folders;
use crate::guard::Guard;
use crate::overview::{folders, name_at};
use crate::scan::IGNORED;
use damsync_model::id::{FolderId, MirrorId, StorageFolderId};
use damsync_model::name::{NameKey, OURS};
use damsync_model::path::MirrorPath;
use damsync_model::plan::{Decision, PlanLine, Planned, Subject};
use damsync_model::planner::{Rules, decide_folder, steps};
use damsync_model::time::UnixMs;
use damsync_model::tree::{Entity, FolderEntity, FolderState, Unknown};
use damsync_store::{AssetRow, DirtyKey, Event, Failure, FolderRow, HeldPlan, StoreError, Tx};

/// Lines of the history that are told.
const LAST_ACTIONS: u32 = 10;

/// What the store knows of one path.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What stands there.
    pub known: Known,
    /// The user's ignore rules leave it out.
    pub ignored: bool,
    /// What was done with the path, newest first.
    pub history: Vec<Event>,
    /// When a pass last ended well: the trees are from then or later.
    pub last_reconcile_at: Option<UnixMs>,
}

/// What stands at a path.
#[derive(Clone, Debug)]
pub enum Known {
    /// The mirror's root.
    Root,
    /// Our own, not the user's.
    Ours,
    /// A directory.
    Directory(Box<Directory>),
    /// A file, here, there or agreed upon.
    File(Box<File>),
    /// Neither tree has it.
    Nothing {
        /// The asset that was last seen under this path, where the history names one.
        asset: Option<Box<AssetRow>>,
    },
}

/// A directory's two sides.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Its row.
    pub row: FolderRow,
    /// What follows from it alone; files may ask for more.
    pub decision: Decision,
}

/// A file's three trees and what follows.
#[derive(Clone, Debug)]
pub struct File {
    /// What was decided upon.
    pub entity: Entity,
    /// More of what the server said.
    pub asset: Option<AssetRow>,
    /// The asset's storage folder and where it stands here.
    pub storage_folder: Option<(Option<StorageFolderId>, MirrorPath)>,
    /// What comes first.
    pub decision: Decision,
    /// Everything that would be done, one after the other.
    pub steps: Vec<PlanLine>,
    /// What came of the last try.
    pub failure: Option<Failure>,
    /// The plan that holds it back.
    pub held_by: Option<HeldPlan>,
    /// Its part in an open conflict.
    pub conflict: Option<ConflictPart>,
}

/// A file's part in an open conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConflictPart {
    /// It is our copy of this file.
    CopyOf(MirrorPath),
    /// It has the name; these are our copies.
    Original(Vec<MirrorPath>),
}

/// Reads it; `None` if the store does not know the mirror.
///
/// # Errors
/// What the store says.
pub fn explain(
    tx: &Tx<'_>,
    name: &str,
    path: &MirrorPath,
    rules: Rules<'_>,
    is_ignored: impl Fn(&MirrorPath) -> bool,
) -> Result<Option<Explanation>, StoreError> {
    let Some(mirror) = tx.known_mirror(name)? else { return Ok(None) };
    let history: Vec<Event> =
        tx.history_of(mirror.id, path.as_str(), LAST_ACTIONS)?.into_iter().map(|row| row.event).collect();
    let known = known(tx, mirror.id, path, rules, &is_ignored, &history)?;
    let ignored = !matches!(known, Known::Ours) && is_ignored(path);
    Ok(Some(Explanation { known, ignored, history, last_reconcile_at: mirror.last_reconcile_at }))
}

fn known(
    tx: &Tx<'_>,
    mirror: MirrorId,
    path: &MirrorPath,
    rules: Rules<'_>,
    is_ignored: &impl Fn(&MirrorPath) -> bool,
    history: &[Event],
) -> Result<Known, StoreError> {
    let (Some(parent), Some(file)) = (path.parent(), path.name()) else { return Ok(Known::Root) };
    if path.names().next() == Some(OURS) {
        return Ok(Known::Ours);
    }
    let folders = folders(tx, mirror)?;
    let folder = folders.as_ref().and_then(|folders| Some((folders, folder_at(folders, &parent)?)));
    if let Some((folders, folder)) = folder {
        let key = NameKey::of(file.as_str(), folders.folding());
        let at = At { tx, mirror, folders, path };
        if let Some(found) = file_at(&at, folder, &key, rules, is_ignored)? {
            return Ok(Known::File(Box::new(found)));
        }
        let directory = child(folders, folder, &key).and_then(|id| folders.get(id));
        if let Some(row) = directory {
            let entity = folder_entity(tx, folders, row)?;
            return Ok(Known::Directory(Box::new(Directory {
                row: row.clone(),
                decision: decide_folder(&entity, rules),
            })));
        }
    }
    let last = history.iter().find_map(|event| event.asset.clone());
    let asset = match last {
        Some(asset) => tx.asset(mirror, &asset)?.map(Box::new),
        None => None,
    };
    Ok(Known::Nothing { asset })
}

fn child(folders: &Folders, parent: FolderId, key: &NameKey) -> Option<FolderId> {
    folders.local_child(parent, key).or_else(|| folders.remote_child_named(parent, key))
}

fn folder_at(folders: &Folders, path: &MirrorPath) -> Option<FolderId> {
    path.names().try_fold(folders.root(), |at, name| child(folders, at, &NameKey::of(name, folders.folding())))
}

/// Where a file is looked for.
struct At<'a> {
    tx: &'a Tx<'a>,
    mirror: MirrorId,
    folders: &'a Folders,
    path: &'a MirrorPath,
}

fn file_at(
    at: &At<'_>,
    folder: FolderId,
    key: &NameKey,
    rules: Rules<'_>,
    is_ignored: &impl Fn(&MirrorPath) -> bool,
) -> Result<Option<File>, StoreError> {
    let At { tx, mirror, folders, path } = *at;
    let dirty_key = match tx.base_at(folder, key)? {
        Some(row) => DirtyKey::Asset(row.base.asset),
        None => match tx.assets_at(folder, key)?.into_iter().next() {
            Some(row) => DirtyKey::Asset(row.asset.id),
            None => DirtyKey::File(folder, key.clone()),
        },
    };
    let Some(found) = rows(tx, mirror, &dirty_key)? else { return Ok(None) };
    let Rows { base, file, asset, .. } = &found;
    if base.is_none() && file.is_none() && asset.is_none() {
        return Ok(None);
    }
    let entity = entity(&found, folders, is_ignored);
    let (planned, end) = steps(&entity, rules);
    let guard = match (planned.first(), &end) {
        (Some(first), _) => Guard::of(&first.action),
        (None, Decision::Skipped { why, .. }) if why == IGNORED && base.is_some() => Some(Guard::LeftOutHere),
        _ => None,
    };
    let held_by = match guard {
        Some(guard) => holding(tx, mirror, guard)?,
        None => None,
    };
    let decision = planned.first().map_or(end, |first| Decision::Act(first.clone()));
    let storage_folder = asset.as_ref().and_then(|row| row.folder).and_then(|folder| {
        let id = folders.get(folder)?.remote.as_ref()?.id.clone();
        Some((id, folders.path(folder)?))
    });
    Ok(Some(File {
        steps: planned.iter().filter_map(|step| line(folders, step, path)).collect(),
        failure: tx.dirty_at(mirror, &dirty_key)?.and_then(|row| row.failure),
        conflict: conflict(tx, mirror, folders, folder, key)?,
        asset: found.asset,
        storage_folder,
        decision,
        entity,
        held_by,
    }))
}

/// Steps that only take note of something are no lines. What is done to an asset alone stands under its file's path.
fn line(folders: &Folders, planned: &Planned, file: &MirrorPath) -> Option<PlanLine> {
    if planned.action.only_notes() {
        return None;
    }
    let path = match planned.action.subject() {
        Subject::File(place) => folders.path_of(place),
        Subject::Folder(_) | Subject::Asset(_) => None,
    };
    Some(PlanLine {
        rule: planned.rule,
        verb: planned.action.verb(),
        path: path.unwrap_or_else(|| file.clone()),
        to: planned.action.destination().and_then(|to| folders.path_of(to)),
        reason: planned.reason,
    })
}

/// The plan in which a guard holds everything that it watches over, if it does.
fn holding(tx: &Tx<'_>, mirror: MirrorId, guard: Guard) -> Result<Option<HeldPlan>, StoreError> {
    let holds = |plan: &HeldPlan| plan.approved_at.is_none() && plan.guard == guard.word();
    Ok(tx.plans(mirror)?.into_iter().find(holds))
}

fn conflict(
    tx: &Tx<'_>,
    mirror: MirrorId,
    folders: &Folders,
    folder: FolderId,
    key: &NameKey,
) -> Result<Option<ConflictPart>, StoreError> {
    let mut copies = Vec::new();
    for row in tx.conflicts(mirror)? {
        // It is open while its copy stands.
        if tx.file(row.copy.0, &row.copy.1)?.is_none() {
            continue;
        }
        if (row.copy.0, &row.copy.1) == (folder, key) {
            return Ok(Some(ConflictPart::CopyOf(name_at(tx, folders, &row.place)?)));
        }
        if (row.place.0, &row.place.1) == (folder, key) {
            copies.push(name_at(tx, folders, &row.copy)?);
        }
    }
    Ok((!copies.is_empty()).then_some(ConflictPart::Original(copies)))
}

fn folder_entity(tx: &Tx<'_>, folders: &Folders, row: &FolderRow) -> Result<FolderEntity, StoreError> {
    let local = match (folders.local_unknown(row.id), &row.local) {
        (Some(why), _) => FolderState::Unknown(Unknown(why)),
        (None, Some(_)) => {
            FolderState::Present { empty: folders.local_children(row.id).is_empty() && !tx.has_files(row.id)? }
        }
        (None, None) => FolderState::Absent,
    };
    let remote = match (&row.remote_unknown, &row.remote) {
        (Some(why), _) => FolderState::Unknown(Unknown(why.clone())),
        (None, Some(_)) => {
            FolderState::Present { empty: folders.remote_children(row.id).is_empty() && !tx.has_assets(row.id)? }
        }
        (None, None) => FolderState::Absent,
    };
    Ok(FolderEntity { id: row.id, agreed: row.agreed, local, remote, has_new_files: false })
}
