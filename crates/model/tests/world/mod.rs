//! One file in a world of its own: a disk, a server with odd habits, and somebody who carries decisions out as
//! [`Action`] says they are.

#![expect(clippy::unwrap_used, reason = "a test that cannot build its world has failed")]

use crate::given::content;
use damsync_model::content::Claimed;
use damsync_model::id::{AssetId, FolderId, Guid};
use damsync_model::name::FileName;
use damsync_model::plan::{Action, Decision, Planned, Wait};
use damsync_model::planner::{Rules, decide, is_repair};
use damsync_model::time::UnixMs;
use damsync_model::tree::{AssetState, Base, Entity, Local, LocalFile, Place, Remote, RemoteAsset, RemoteFile, Stat};
use std::collections::BTreeSet;

/// A directory that the mirror does not cover.
pub const OUTSIDE: FolderId = FolderId(9);
/// More steps than any sequence needs.
pub const ENOUGH_STEPS: usize = 12;
/// What a server that damages files makes of a content.
const DAMAGE: u8 = 100;

pub fn file(place: Place, number: u8) -> LocalFile {
    LocalFile { place, stat: Stat { size: 100, ..Stat::default() }, content: Some(content(number)) }
}

/// What the server tells of a file's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashes {
    AtOnce,
    AfterProcessing,
    Never,
}

/// How this server behaves.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    pub hashes: Hashes,
    /// It numbers versions when asked for an asset …
    pub tells_versions: bool,
    /// … and in its answer to a push.
    pub answers_with_version: bool,
    /// It stores other bytes than it was sent.
    pub damages: bool,
    /// Every name that an asset gets is another asset's already, so its file is called `~name` here.
    pub doubles: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Never,
    Live,
    Trashed,
    Gone,
}

/// The asset as the server has it.
#[derive(Clone, Debug)]
pub struct Server {
    pub life: Life,
    pub folder: FolderId,
    pub filename: String,
    pub versions: Vec<u8>,
    /// Index of the version that counts.
    pub head: usize,
    pub updated_at: i64,
    pub processing: bool,
}

impl Server {
    pub fn head(&self) -> u8 {
        self.versions[self.head]
    }

    pub fn receive(&mut self, number: u8) {
        self.versions.push(number);
        self.head = self.versions.len() - 1;
        self.updated_at += 10;
    }
}

#[derive(Clone, Debug)]
pub struct World {
    pub base: Option<Base>,
    pub local: Local,
    pub server: Server,
    pub habits: Habits,
    /// Contents in the local trash and in conflict copies.
    pub kept: BTreeSet<u8>,
    /// Files that conflicts left beside ours.
    pub copies: Vec<LocalFile>,
    learned: Option<(i64, Claimed)>,
    repairs: usize,
}

impl World {
    pub fn new(habits: Habits, server: Server, local: Local) -> Self {
        Self { base: None, local, server, habits, kept: BTreeSet::new(), copies: Vec::new(), learned: None, repairs: 0 }
    }

    /// Both sides agree on what is there now.
    pub fn agree(&mut self) {
        let Local::Present(file) = self.local.clone() else { panic!("nothing to agree on") };
        let asset = self.asset();
        self.base = Some(Base {
            asset: asset.id,
            place: file.place,
            content: file.content.unwrap(),
            remote_folder: self.server.folder,
            remote_filename: self.server.filename.clone(),
            remote_version: asset.version,
            remote_claimed: asset.claimed,
            remote_updated_at: asset.updated_at,
        });
    }

    pub fn local_number(&self) -> Option<u8> {
        match &self.local {
            Local::Present(file) => file.content.map(|content| content.md5.0[0]),
            _ => None,
        }
    }

    fn asset(&self) -> RemoteAsset {
        let server = &self.server;
        let known = match self.habits.hashes {
            Hashes::AtOnce => true,
            Hashes::AfterProcessing => !server.processing,
            Hashes::Never => false,
        };
        let hash = content(server.head());
        let mut claimed = Claimed { size: known.then_some(hash.size), md5: known.then_some(hash.md5) };
        if let Some((at, learned)) = self.learned
            && at == server.updated_at
            && !known
        {
            claimed = learned;
        }
        RemoteAsset {
            id: AssetId::from(1),
            guid: Guid("0cf74b82".into()),
            storage_folder: None,
            filename: server.filename.clone(),
            claimed,
            version: self.habits.tells_versions.then_some(server.head as u64 + 1),
            versions_count: self.habits.tells_versions.then_some(server.versions.len() as u64),
            created_at: UnixMs(0),
            updated_at: UnixMs(server.updated_at),
            last_external_sync_at: None,
            state: if server.processing { AssetState::Processing } else { AssetState::Processed },
            trashed_at: None,
            checked_out: false,
            downloadable: None,
            editable: None,
        }
    }

    pub fn entity(&self) -> Entity {
        let given = match &self.base {
            Some(base) if base.remote_filename == self.server.filename => base.place.name.clone(),
            _ if self.habits.doubles => FileName::new(&format!("~{}", self.server.filename)).unwrap(),
            _ => FileName::new(&self.server.filename).unwrap(),
        };
        let remote = match self.server.life {
            Life::Never => Remote::Absent,
            Life::Trashed => Remote::Trashed,
            Life::Gone => Remote::Gone,
            Life::Live if self.server.folder == OUTSIDE => Remote::Outside(self.asset()),
            Life::Live => Remote::Live(RemoteFile {
                asset: self.asset(),
                place: Place { folder: self.server.folder, name: given },
            }),
        };
        Entity { base: self.base.clone(), local: self.local.clone(), remote }
    }

    /// Decides and carries out until nothing more follows; `None` if that takes too long.
    pub fn run(&mut self, rules: Rules<'_>) -> Option<Decision> {
        for _ in 0..ENOUGH_STEPS {
            let entity = self.entity();
            let decision = decide(&entity, rules);
            assert_eq!(decision, decide(&entity.clone(), rules), "the same twice");
            match &decision {
                Decision::Act(planned) => {
                    if is_repair(&entity, &planned.action) {
                        self.repairs += 1;
                        if self.repairs > 1 {
                            return Some(Decision::Failed { rule: planned.rule, why: "sent twice, damaged twice" });
                        }
                    }
                    self.carry_out(&planned.action);
                }
                Decision::Waiting { wait: Wait::Processing, .. } if self.server.processing => self.finish_processing(),
                _ => return Some(decision),
            }
        }
        None
    }

    /// What one pass does: decides and carries out until nothing follows at once. A server that is still at work is not
    /// waited for.
    pub fn pass(&mut self, rules: Rules<'_>) -> (Vec<Planned>, Decision) {
        let mut taken = Vec::new();
        loop {
            let decision = decide(&self.entity(), rules);
            match &decision {
                Decision::Act(planned) if taken.len() < ENOUGH_STEPS => {
                    self.carry_out(&planned.action);
                    taken.push(planned.clone());
                }
                _ => return (taken, decision),
            }
        }
    }

    fn finish_processing(&mut self) {
        self.server.processing = false;
        self.server.updated_at += 1;
    }

    pub fn carry_out(&mut self, action: &Action) {
        match action {
            Action::Upload { place, .. } => {
                // A former asset stays in the server's trash, or outside the mirror.
                self.kept.append(&mut self.server.versions.drain(..).collect());
                self.server = Server {
                    life: Life::Live,
                    folder: place.folder,
                    filename: place.name.to_string(),
                    versions: Vec::new(),
                    head: 0,
                    updated_at: self.server.updated_at,
                    processing: false,
                };
                self.send();
            }
            Action::PushVersion { .. } => self.send(),
            Action::RestoreRemote { .. } => {
                self.server.life = Life::Live;
                self.server.updated_at += 1;
            }
            Action::Download { place, .. } => {
                self.kept.extend(self.local_number());
                self.receive(place);
            }
            Action::KeepBoth { place, .. } => {
                self.kept.extend(self.local_number());
                if let Local::Present(file) = &self.local {
                    self.copies.push(file.clone());
                }
                self.receive(place);
            }
            Action::Learn { .. } => {
                let read = content(self.server.head());
                let claimed = Claimed { size: Some(read.size), md5: Some(read.md5) };
                self.learned = Some((self.server.updated_at, claimed));
            }
            Action::Adopt { .. } => self.agree_on_bytes(),
            Action::Refresh { place, .. } => {
                let asset = self.asset();
                let base = self.base.as_mut().unwrap();
                base.place = place.clone();
                base.remote_folder = self.server.folder;
                base.remote_filename = asset.filename;
                base.remote_version = asset.version.or(base.remote_version);
                base.remote_claimed.md5 = asset.claimed.md5.or(base.remote_claimed.md5);
                base.remote_claimed.size = asset.claimed.size.or(base.remote_claimed.size);
                base.remote_updated_at = asset.updated_at;
            }
            Action::TrashRemote { .. } => {
                self.server.life = Life::Trashed;
                self.base = None;
            }
            Action::TrashLocal { .. } => {
                self.kept.extend(self.local_number());
                self.local = Local::Absent;
                self.base = None;
            }
            Action::MoveLocal { to, .. } => {
                let Local::Present(file) = &mut self.local else { panic!("nothing to move") };
                file.place = to.clone();
            }
            Action::MoveRemote { from, to, .. } => {
                if from.folder != to.folder {
                    self.server.folder = to.folder;
                }
                if from.name != to.name {
                    self.server.filename = to.name.to_string();
                }
                self.server.updated_at += 1;
                let base = self.base.as_mut().unwrap();
                base.place = to.clone();
                base.remote_folder = self.server.folder;
                base.remote_filename = self.server.filename.clone();
            }
            Action::Forget { .. } => {
                self.base = None;
                if self.server.life == Life::Gone {
                    self.server.versions.clear();
                }
                if self.server.life != Life::Live {
                    self.server.life = Life::Never;
                }
            }
            other => panic!("no action on a file: {other:?}"),
        }
    }

    fn send(&mut self) {
        let number = self.local_number().unwrap();
        self.server.receive(if self.habits.damages { number + DAMAGE } else { number });
        self.server.processing = self.habits.hashes != Hashes::AtOnce;
        self.agree_on_bytes();
        let base = self.base.as_mut().unwrap();
        base.remote_claimed = Claimed::default();
        if !self.habits.answers_with_version {
            base.remote_version = None;
        }
    }

    fn receive(&mut self, place: &Place) {
        if self.local == Local::Absent {
            self.base = None;
        }
        self.local = Local::Present(file(place.clone(), self.server.head()));
        self.agree_on_bytes();
    }

    /// Both sides agree on the bytes; on places only where they never agreed before.
    fn agree_on_bytes(&mut self) {
        let before = self.base.take();
        self.agree();
        if let (Some(before), Some(base)) = (before, &mut self.base) {
            base.place = before.place;
            base.remote_folder = before.remote_folder;
            base.remote_filename = before.remote_filename;
        }
    }
}
