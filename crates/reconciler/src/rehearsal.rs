//! A rehearsal: what changes a side in a real pass is only written into the store, which is a private copy, so that the
//! next round decides upon it as the next round of a real pass would.
//!
//! Order, guards, failures of earlier passes and everything that only takes note are those of the real pass: the same
//! code. What stands here is the outcome of each action, as [`damsync_model::planner::after`] foresees it.

use crate::execute::Task;
use crate::guard::Guard;
use crate::pass::{Pass, PassError};
use crate::rounds::Done;
use damsync_model::id::{FolderId, MirrorId, StorageFolderId};
use damsync_model::name::{FileName, Folding, NameKey};
use damsync_model::path::MirrorPath;
use damsync_model::plan::{Action, Planned};
use damsync_model::planner::{What, after};
use damsync_model::tree::{Base, Entity, Local, LocalFile, Place, Remote, RemoteAsset, RemoteFile};
use damsync_ports::{EntryKind, LocalError, LocalSide, RemoteSide};
use damsync_store::{
    AssetRow, BaseRow, DirtyKey, Event, FileRow, FolderRow, LocalDir, Presence, RemoteDir, StoreError, Tx,
};

/// What is to be written for one action.
struct Outcome {
    key: DirtyKey,
    action: Action,
    before: Entity,
    what: What,
    /// Names for our file of a conflict, best first.
    copies: Vec<(String, NameKey)>,
    /// What guards count over an hour, they count by the history.
    event: Option<Event>,
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Pretends actions in their order; `true` if anything was brought on.
    pub(crate) async fn pretend(&self, tasks: &[Task<'_>]) -> Result<bool, PassError> {
        let mut progress = false;
        let mut outcomes = Vec::new();
        for task in tasks {
            self.check_stop()?;
            // Whether a file can move depends on the moves before it.
            if matches!(task.planned.action, Action::MoveLocal { .. }) {
                self.write_outcomes(std::mem::take(&mut outcomes)).await?;
            }
            let result = self.begin(task).await;
            if let Ok(done) = &result
                && let Some(outcome) = self.outcome(task, *done)
            {
                outcomes.push(outcome);
            }
            progress |= self.conclude_task(task, result).await?;
        }
        self.write_outcomes(outcomes).await?;
        Ok(progress)
    }

    /// What a real pass would find out before it acts.
    async fn begin(&self, task: &Task<'_>) -> Result<Done, PassError> {
        match &task.planned.action {
            Action::Upload { place, .. } => {
                Ok(if self.upload_target(place.folder)?.is_some() { Done::Yes } else { Done::DecideAgain })
            }
            Action::MoveLocal { asset, from, to, .. } => {
                let Some(target) = self.way_of_move(asset, from, to).await? else { return Ok(Done::DecideAgain) };
                let (folder, key) = (to.folder, self.key(to));
                let taken = self.engine.keeper.read(move |tx| tx.file(folder, &key)).await?.is_some();
                Ok(if taken && target != task.path { Done::DecideAgain } else { Done::Yes })
            }
            Action::RestoreRemote { .. } if self.is_beyond_recovery(task) => Ok(Done::DecideAgain),
            _ => Ok(Done::Yes),
        }
    }

    fn is_beyond_recovery(&self, task: &Task<'_>) -> bool {
        task.one.entity.base.as_ref().is_some_and(|base| self.lost_its_folder(base))
    }

    /// What is to be written; an asset that cannot be restored is forgotten without having been.
    fn outcome(&self, task: &Task<'_>, done: Done) -> Option<Outcome> {
        let action = task.planned.action.clone();
        let before = task.one.entity.clone();
        let what = match (done, &action) {
            (Done::Yes, _) => after(&before, &action),
            (Done::DecideAgain, Action::RestoreRemote { .. }) => {
                What::This(Box::new(Entity { base: None, ..before.clone() }))
            }
            (Done::DecideAgain, _) => return None,
        };
        let copies = match &action {
            Action::KeepBoth { place, .. } => {
                let folding = self.folders().folding();
                let keyed = |name: FileName| (name.as_str().to_owned(), NameKey::of(name.as_str(), folding));
                self.copy_names(&place.name).map(keyed).collect()
            }
            _ => Vec::new(),
        };
        let event = Guard::of(&action).map(|_| self.event(task, self.outcome_of(&action)));
        Some(Outcome { key: task.one.key.clone(), action, before, what, copies, event })
    }

    async fn write_outcomes(&self, outcomes: Vec<Outcome>) -> Result<(), PassError> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let (mirror, folding) = (self.mirror, self.folders().folding());
        self.engine
            .keeper
            .write(move |tx| {
                let room = Room { tx, mirror, folding };
                outcomes.into_iter().try_for_each(|outcome| room.write(outcome))
            })
            .await?;
        Ok(())
    }

    /// Pretends an action on a directory.
    pub(crate) async fn pretend_on_folder(&self, planned: &Planned) -> Result<(), PassError> {
        let line = self.line(planned);
        match planned.action {
            Action::MakeRemoteFolder { folder } => self.pretend_remote_folder(folder).await?,
            Action::MakeLocalFolder { folder } => self.pretend_local_folder(folder).await?,
            Action::RemoveRemoteFolder { folder } => {
                let Some(row) = self.folders().get(folder).cloned() else { return Ok(()) };
                self.keep_folder(FolderRow { remote: None, remote_unknown: None, ..row }, false).await?;
            }
            Action::RemoveLocalFolder { folder } => {
                let Some(row) = self.folders().get(folder).cloned() else { return Ok(()) };
                self.would_be_empty(&line.path).await?;
                self.keep_folder(FolderRow { local: None, local_unknown: None, ..row }, false).await?;
            }
            Action::JoinFolder { folder } => self.agree_folder(folder).await?,
            Action::ForgetFolder { folder } => self.forget_folder(folder).await?,
            _ => return Ok(()),
        }
        self.count(&planned.action);
        self.tell(planned, &line.path);
        Ok(())
    }

    async fn pretend_remote_folder(&self, folder: FolderId) -> Result<(), PassError> {
        let Some(new) = self.new_remote_folder(folder)? else { return Ok(()) };
        let remote = RemoteDir {
            // No server's.
            id: Some(StorageFolderId(damsync_model::id::RemoteId::Text(format!("new:{folder}").into()))),
            parent: Some(new.parent),
            name: new.name.clone(),
            given_name: new.name,
            contribution: None,
            organizer: false,
            editable: None,
        };
        self.keep_folder(FolderRow { remote: Some(remote), agreed: true, ..new.row }, false).await?;
        Ok(())
    }

    async fn pretend_local_folder(&self, folder: FolderId) -> Result<(), PassError> {
        let Some(row) = self.folders().get(folder).cloned() else { return Ok(()) };
        let Some(remote) = &row.remote else { return Ok(()) };
        let local = LocalDir { parent: remote.parent, name: remote.given_name.clone(), inode: 0, birth_ns: 0 };
        self.keep_folder(FolderRow { local: Some(local), agreed: true, ..row }, false).await?;
        Ok(())
    }

    /// A directory that still holds what is left out of the mirror is not removed.
    async fn would_be_empty(&self, path: &MirrorPath) -> Result<(), PassError> {
        let listing = self.engine.disk.list(path).await?;
        let stays = |kind: &EntryKind| matches!(kind, EntryKind::Ignored | EntryKind::Other(_));
        if listing.iter().any(|entry| stays(&entry.kind)) {
            return Err(
                LocalError::Changed { path: path.clone(), found: "what is left out of the mirror".to_owned() }.into()
            );
        }
        Ok(())
    }
}

/// Where outcomes are written: the rows of one mirror in the private store.
struct Room<'t, 'c> {
    tx: &'t Tx<'c>,
    mirror: MirrorId,
    folding: Folding,
}

impl Room<'_, '_> {
    fn write(&self, outcome: Outcome) -> Result<(), StoreError> {
        let Outcome { key, action, before, what, copies, event } = outcome;
        if let Some(event) = event {
            self.tx.add_event(self.mirror, &event)?;
        }
        let (entity, copy) = match what {
            // It is not decided again: nobody could say what follows.
            What::Open => return self.tx.clear_dirty(self.mirror, &key),
            What::This(entity) => (entity, None),
            What::WithCopy(entity, copy) => (entity, Some(copy)),
        };
        self.write_local(&before.local, &entity.local)?;
        self.write_base(&action, &before, &entity)?;
        self.write_remote(&action, &before, &entity)?;
        if let (None, Some(base)) = (&entity.base, &before.base) {
            self.tx.mark_place(self.mirror, base.place.folder, &self.key(&base.place))?;
        }
        if let Some(copy) = copy {
            self.write_copy(&copy, copies)?;
        }
        Ok(())
    }

    fn key(&self, place: &Place) -> NameKey {
        NameKey::of(place.name.as_str(), self.folding)
    }

    fn write_local(&self, before: &Local, after: &Local) -> Result<(), StoreError> {
        let place = |local: &Local| match local {
            Local::Present(file) => Some(file.place.clone()),
            Local::Absent | Local::Unknown(_) => None,
        };
        if let Some(old) = place(before).filter(|old| place(after).as_ref() != Some(old)) {
            self.tx.remove_file(old.folder, &self.key(&old))?;
        }
        match after {
            Local::Present(file) if before != after => {
                let key = self.key(&file.place);
                let name = file.place.name.as_str().to_owned();
                self.put_file(file, key, name)
            }
            _ => Ok(()),
        }
    }

    fn put_file(&self, file: &LocalFile, key: NameKey, name: String) -> Result<(), StoreError> {
        let row = FileRow { key, name, stat: file.stat, content: file.content, racy: false, unknown: None };
        self.tx.put_file(file.place.folder, &row)
    }

    fn write_base(&self, action: &Action, before: &Entity, after: &Entity) -> Result<(), StoreError> {
        let base = match (&after.base, action, &after.remote) {
            // Rows find a file by where it was agreed to stand, so the agreement goes along.
            (Some(base), Action::MoveLocal { to, .. }, Remote::Live(remote)) => Some(Base {
                place: to.clone(),
                remote_folder: remote.place.folder,
                remote_filename: remote.asset.filename.clone(),
                ..base.clone()
            }),
            (base, ..) => base.clone(),
        };
        match (base, &before.base) {
            (Some(base), _) => {
                let key = self.key(&base.place);
                self.tx.put_base(self.mirror, &BaseRow { base, key })
            }
            (None, Some(former)) => self.tx.remove_base(self.mirror, &former.asset),
            (None, None) => Ok(()),
        }
    }

    fn write_remote(&self, action: &Action, before: &Entity, after: &Entity) -> Result<(), StoreError> {
        if before.remote == after.remote {
            return Ok(());
        }
        match &after.remote {
            Remote::Live(remote) => self.put_live(action, remote),
            Remote::Outside(asset) => match self.tx.asset(self.mirror, &asset.id)? {
                Some(row) => self.tx.put_asset(self.mirror, &AssetRow { asset: asset.clone(), ..row }),
                None => Ok(()),
            },
            Remote::Trashed => match &before.base {
                Some(base) => self.tx.set_presence(self.mirror, &base.asset, Presence::Trashed),
                None => Ok(()),
            },
            Remote::Absent | Remote::Gone | Remote::Unknown(_) => Ok(()),
        }
    }

    fn put_live(&self, action: &Action, remote: &RemoteFile) -> Result<(), StoreError> {
        let RemoteFile { asset, place } = remote;
        let known = self.tx.asset(self.mirror, &asset.id)?;
        let row = match (known, action) {
            // The store knows more of it than the agreement that it was foreseen from.
            (Some(row), Action::RestoreRemote { .. }) => AssetRow {
                asset: RemoteAsset { updated_at: row.asset.updated_at.plus_ms(1), ..row.asset.clone() },
                folder: row.folder.or(Some(place.folder)),
                presence: Presence::Live,
                ..row
            },
            (known, _) => AssetRow {
                asset: asset.clone(),
                folder: Some(place.folder),
                given_name: place.name.as_str().to_owned(),
                key: self.key(place),
                presence: Presence::Live,
                learned: known.is_some_and(|row| row.learned),
                unacknowledged: false,
                next_look: None,
                superseded: None,
            },
        };
        self.tx.put_asset(self.mirror, &row)
    }

    fn write_copy(&self, copy: &LocalFile, names: Vec<(String, NameKey)>) -> Result<(), StoreError> {
        let folder = copy.place.folder;
        for (name, key) in names {
            if self.tx.file(folder, &key)?.is_none() {
                self.put_file(copy, key.clone(), name)?;
                return self.tx.mark_place(self.mirror, folder, &key);
            }
        }
        Ok(())
    }
}
