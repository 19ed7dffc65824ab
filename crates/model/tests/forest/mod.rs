//! A whole mirror in small: directories on both sides, files, assets, what was agreed, and somebody who carries actions
//! out in any order, with no more care than the executor takes.
//!
//! What the executor guarantees, and nothing else, is guaranteed here: it looks once more before it acts and lets an
//! action be that the world has overtaken; it never writes over a file that it did not expect, and into no directory that
//! is not there; it removes empty directories only; and it gives each asset a name that no other entity has.

mod acts;

use crate::given::content;
use damsync_model::content::Claimed;
use damsync_model::id::{AssetId, FolderId, Guid};
use damsync_model::name::FileName;
use damsync_model::plan::{Action, Decision};
use damsync_model::planner::{Rules, decide, decide_folder};
use damsync_model::time::UnixMs;
use damsync_model::tree::{
    AssetState, Base, Entity, FolderEntity, FolderState, Local, LocalFile, Place, Remote, RemoteAsset, RemoteFile, Stat,
};
use std::collections::{BTreeMap, BTreeSet};

/// A directory that the mirror does not cover.
pub const OUTSIDE: FolderId = FolderId(99);
pub const ROOT: FolderId = FolderId(0);
/// Every directory that can be, with the one that holds it.
pub const FOLDERS: [(FolderId, FolderId); 4] =
    [(FolderId(1), ROOT), (FolderId(2), ROOT), (FolderId(3), FolderId(1)), (FolderId(4), FolderId(3))];

pub fn above(folder: FolderId) -> Option<FolderId> {
    FOLDERS.iter().find(|(id, _)| *id == folder).map(|(_, parent)| *parent)
}

/// A directory and every one above it but the root.
pub fn with_those_above(folder: FolderId) -> Vec<FolderId> {
    std::iter::successors(Some(folder), |id| above(*id)).filter(|id| *id != ROOT && *id != OUTSIDE).collect()
}

/// A directory and every one below it.
pub fn with_those_below(folder: FolderId) -> impl Iterator<Item = FolderId> {
    FOLDERS.into_iter().map(|(id, _)| id).filter(move |id| with_those_above(*id).contains(&folder))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Live,
    Trashed,
    Gone,
}

/// An asset as the server has it.
#[derive(Clone, Debug)]
pub struct Server {
    pub life: Life,
    pub folder: FolderId,
    pub filename: String,
    pub versions: Vec<u8>,
    pub updated_at: i64,
}

impl Server {
    pub fn head(&self) -> u8 {
        *self.versions.last().unwrap()
    }
}

/// Where a directory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dir {
    pub here: bool,
    pub there: bool,
    pub agreed: bool,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Forest {
    pub files: BTreeMap<Place, u8>,
    pub assets: BTreeMap<i64, Server>,
    pub bases: BTreeMap<i64, Base>,
    pub dirs: BTreeMap<FolderId, Dir>,
    /// Whether the server tells checksums.
    pub tells: bool,
    /// Contents in the local trash.
    pub kept: BTreeSet<u8>,
    /// The local name that an asset was given, and for which folder and name there.
    given: BTreeMap<i64, (FolderId, String, FileName)>,
    learned: BTreeMap<i64, (i64, Claimed)>,
    copies: u32,
}

/// What people see of one side, and its directories.
pub type Seen<Name, What> = (BTreeMap<Name, What>, Vec<FolderId>);

/// One entity, as the executor knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Asset(i64),
    File(Place),
    Folder(FolderId),
}

/// What was decided, and upon what.
#[derive(Clone, Debug)]
pub struct Decided {
    pub key: Key,
    pub decision: Decision,
    entity: Option<Entity>,
}

impl Decided {
    pub fn action(&self) -> Option<&Action> {
        match &self.decision {
            Decision::Act(planned) => Some(&planned.action),
            _ => None,
        }
    }
}

impl Forest {
    /// An empty one.
    pub fn of(tells: bool) -> Self {
        Self { tells, ..Self::default() }
    }

    pub fn is_here(&self, folder: FolderId) -> bool {
        folder == ROOT || self.dirs.get(&folder).is_some_and(|dir| dir.here)
    }

    pub fn is_there(&self, folder: FolderId) -> bool {
        folder == ROOT || self.dirs.get(&folder).is_some_and(|dir| dir.there)
    }

    /// Live, and in a directory of the mirror.
    fn lives(&self, id: i64) -> bool {
        self.assets.get(&id).is_some_and(|asset| asset.life == Life::Live && asset.folder != OUTSIDE)
    }

    fn asset(&self, id: i64) -> RemoteAsset {
        let server = &self.assets[&id];
        let hash = content(server.head());
        let learned = self.learned.get(&id).filter(|(at, _)| *at == server.updated_at).map(|(_, claimed)| *claimed);
        let told = Claimed { size: Some(hash.size), md5: Some(hash.md5) };
        RemoteAsset {
            id: AssetId::from(id),
            guid: Guid(format!("{id:08}").into()),
            storage_folder: None,
            filename: server.filename.clone(),
            claimed: if self.tells { told } else { learned.unwrap_or_default() },
            version: Some(server.versions.len() as u64),
            versions_count: Some(server.versions.len() as u64),
            created_at: UnixMs(0),
            updated_at: UnixMs(server.updated_at),
            last_external_sync_at: None,
            state: AssetState::Processed,
            trashed_at: None,
            checked_out: false,
            downloadable: None,
            editable: None,
        }
    }

    fn base_at(&self, place: &Place) -> Option<i64> {
        self.bases.iter().find(|(_, base)| base.place == *place).map(|(id, _)| *id)
    }

    fn given_place(&self, id: i64) -> Option<Place> {
        let (folder, _, name) = self.given.get(&id).filter(|_| self.lives(id))?;
        Some(Place { folder: *folder, name: name.clone() })
    }

    /// Gives every live asset that was renamed, moved or just found the best name that is free.
    fn give_names(&mut self) {
        let fresh: Vec<i64> = self.assets.keys().copied().filter(|id| self.lives(*id) && !self.is_named(*id)).collect();
        for id in fresh {
            self.name_again(id, None);
        }
    }

    fn is_named(&self, id: i64) -> bool {
        let asset = &self.assets[&id];
        self.given.get(&id).is_some_and(|(folder, filename, _)| (*folder, filename) == (asset.folder, &asset.filename))
    }

    /// The best free name but this one.
    fn name_again(&mut self, id: i64, but: Option<&FileName>) {
        let asset = self.assets[&id].clone();
        let names =
            (0..).map(|nth| if nth == 0 { asset.filename.clone() } else { format!("{}~{id}~{nth}", asset.filename) });
        let base = self.bases.get(&id).map(|base| base.place.clone());
        let is_free = |name: &FileName| {
            let wanted = Place { folder: asset.folder, name: name.clone() };
            let others_given =
                self.given.keys().any(|other| *other != id && self.given_place(*other).as_ref() == Some(&wanted));
            let others_file = self
                .base_at(&wanted)
                .is_some_and(|other| other != id && self.given_place(other).is_none_or(|given| given == wanted));
            // A file that is to move there must not meet another one; only at first contact the two are one.
            let moves = base.as_ref().is_some_and(|base| *base != wanted);
            let strangers = self.files.contains_key(&wanted) && self.base_at(&wanted).is_none();
            !(but == Some(name) || others_given || others_file || moves && strangers)
        };
        let name = names.map(|name| FileName::new(&name).unwrap()).find(is_free).unwrap();
        self.given.insert(id, (asset.folder, asset.filename, name));
    }

    /// The place of an asset's file: the agreed one; else the new one where the file has arrived there; else the given one.
    fn place_of(&self, id: i64) -> Option<Place> {
        let given = self.given_place(id);
        let Some(base) = self.bases.get(&id) else { return given };
        let arrived = given.filter(|given| {
            !self.files.contains_key(&base.place)
                && *given != base.place
                && self.base_at(given).is_none()
                && self.files.get(given).is_some_and(|number| content(*number).sha256 == base.content.sha256)
        });
        Some(arrived.unwrap_or_else(|| base.place.clone()))
    }

    fn local(&self, place: &Place) -> Local {
        self.files.get(place).map_or(Local::Absent, |number| {
            let stat = Stat { size: 100, mtime_ns: i64::from(*number), ..Stat::default() };
            Local::Present(LocalFile { place: place.clone(), stat, content: Some(content(*number)) })
        })
    }

    fn entity(&self, key: &Key) -> Option<Entity> {
        match key {
            Key::Folder(_) => None,
            Key::File(place) => {
                let mut given = self.given.keys().filter_map(|id| self.given_place(*id));
                let is_ours = self.base_at(place).is_some() || given.any(|given| given == *place);
                (!is_ours).then(|| Entity { base: None, local: self.local(place), remote: Remote::Absent })
            }
            Key::Asset(id) => {
                let base = self.bases.get(id).cloned();
                let place = self.place_of(*id);
                let others = |place: &Place| self.base_at(place).is_some_and(|other| other != *id);
                let local = match &place {
                    Some(place) if base.is_some() || !others(place) => self.local(place),
                    _ => Local::Absent,
                };
                let remote = match self.assets.get(id) {
                    None => Remote::Gone,
                    Some(asset) => match asset.life {
                        Life::Trashed => Remote::Trashed,
                        Life::Gone => Remote::Gone,
                        Life::Live if asset.folder == OUTSIDE => Remote::Outside(self.asset(*id)),
                        Life::Live => {
                            Remote::Live(RemoteFile { asset: self.asset(*id), place: self.given_place(*id)? })
                        }
                    },
                };
                Some(Entity { base, local, remote })
            }
        }
    }

    /// Every entity, decided.
    pub fn plan(&mut self, rules: Rules<'_>) -> Vec<Decided> {
        self.give_names();
        let assets = self.assets.keys().chain(self.bases.keys()).copied().map(Key::Asset);
        let keys: BTreeSet<Key> = assets.chain(self.files.keys().cloned().map(Key::File)).collect();
        let mut plan: Vec<Decided> = Vec::new();
        for key in keys {
            let Some(entity) = self.entity(&key) else { continue };
            let decision = decide(&entity, rules);
            assert_eq!(decision, decide(&entity, rules), "the same twice");
            plan.push(Decided { key, decision, entity: Some(entity) });
        }
        let folders = self.folder_entities(&plan);
        plan.extend(folders.into_iter().map(|entity| Decided {
            key: Key::Folder(entity.id),
            decision: decide_folder(&entity, rules),
            entity: None,
        }));
        plan
    }

    fn folder_entities(&self, plan: &[Decided]) -> Vec<FolderEntity> {
        let (mut here, mut there) = (BTreeSet::new(), BTreeSet::new());
        for action in plan.iter().filter_map(Decided::action) {
            match action {
                Action::Download { place, .. } => here.extend(with_those_above(place.folder)),
                Action::MoveLocal { to, .. } => here.extend(with_those_above(to.folder)),
                Action::Upload { place, .. } => there.extend(with_those_above(place.folder)),
                Action::MoveRemote { to, .. } => there.extend(with_those_above(to.folder)),
                _ => {}
            }
        }
        for (id, dir) in self.dirs.iter().filter(|(_, dir)| !dir.agreed) {
            match (dir.here, dir.there) {
                (true, false) => there.extend(with_those_above(*id)),
                (false, true) => here.extend(with_those_above(*id)),
                _ => {}
            }
        }
        let state = |there: bool, empty: bool| if there { FolderState::Present { empty } } else { FolderState::Absent };
        let mut entities = Vec::new();
        for (id, dir) in &self.dirs {
            let has_rows = self.bases.values().any(|base| base.place.folder == *id) || !self.is_empty_there(*id);
            if *dir == (Dir { here: true, there: true, agreed: true }) || !dir.here && !dir.there && has_rows {
                continue;
            }
            let needed = if dir.here { &there } else { &here };
            entities.push(FolderEntity {
                id: *id,
                agreed: dir.agreed,
                local: state(dir.here, self.is_empty_here(*id)),
                remote: state(dir.there, self.is_empty_there(*id)),
                has_new_files: needed.contains(id),
            });
        }
        entities
    }

    fn is_empty_here(&self, folder: FolderId) -> bool {
        let child = |(id, parent): &(FolderId, FolderId)| *parent == folder && self.is_here(*id);
        !FOLDERS.iter().any(child) && !self.files.keys().any(|place| place.folder == folder)
    }

    fn is_empty_there(&self, folder: FolderId) -> bool {
        let child = |(id, parent): &(FolderId, FolderId)| *parent == folder && self.is_there(*id);
        !FOLDERS.iter().any(child) && !self.assets.iter().any(|(id, asset)| self.lives(*id) && asset.folder == folder)
    }

    /// Every content that is somewhere: live, in a version, in either trash, in a conflict copy.
    pub fn contents(&self) -> BTreeSet<u8> {
        let versions = self.assets.values().filter(|asset| asset.life != Life::Gone).flat_map(|asset| &asset.versions);
        versions.chain(self.files.values()).chain(&self.kept).copied().collect()
    }

    /// What people see on the server: names, folders and newest bytes.
    pub fn seen_there(&self) -> Seen<i64, (FolderId, String, u8)> {
        let live = self.assets.iter().filter(|(id, _)| self.lives(**id));
        let live = live.map(|(id, asset)| (*id, (asset.folder, asset.filename.clone(), asset.head())));
        (live.collect(), FOLDERS.map(|(id, _)| id).into_iter().filter(|id| self.is_there(*id)).collect())
    }

    /// What people see on the disk.
    pub fn seen_here(&self) -> Seen<Place, u8> {
        (self.files.clone(), FOLDERS.map(|(id, _)| id).into_iter().filter(|id| self.is_here(*id)).collect())
    }

    /// Where both sides differ.
    pub fn differences(&self) -> Vec<String> {
        let there: BTreeMap<Place, u8> =
            self.assets.iter().filter_map(|(id, asset)| Some((self.given_place(*id)?, asset.head()))).collect();
        let live = self.assets.keys().filter(|id| self.lives(**id)).count();
        let mut found = Vec::new();
        if there.len() != live {
            found.push(format!("{live} assets have {} names", there.len()));
        }
        if there != self.files {
            found.push(format!("here {:?}\nthere {there:?}", self.files));
        }
        let dirs = self.dirs.iter().filter(|(_, dir)| dir.here != dir.there || !dir.agreed);
        found.extend(dirs.map(|(id, dir)| format!("directory {id}: {dir:?}")));
        found
    }
}
