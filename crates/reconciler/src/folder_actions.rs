//! Directories and storage folders: made from the top down, removed from the bottom up, and only when empty.

use crate::crash::CrashPoint;
use crate::hooks::Step;
use crate::pass::{Pass, PassError};
use crate::report::{FailedItem, SkippedItem};
use damsync_model::id::{FolderId, StorageFolderId};
use damsync_model::mutation::Mutation;
use damsync_model::path::MirrorPath;
use damsync_model::plan::{Action, Planned};
use damsync_model::time::UnixMs;
use damsync_ports::{Answer, LocalError, LocalSide, RemoteError, RemoteErrorKind, RemoteFolder, RemoteSide};
use damsync_store::{Event, FolderRow, LocalDir, RemoteDir};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// While folders are removed one after the other, a list of all is good for so long.
const LIST_MS: i64 = 2_000;

/// When the storage folders were listed, and which one holds each.
pub(crate) type FoldersThere = (UnixMs, BTreeMap<StorageFolderId, Option<StorageFolderId>>);

/// A storage folder that is to be made.
pub(crate) struct NewRemoteFolder {
    pub row: FolderRow,
    pub parent: FolderId,
    pub parent_id: Option<StorageFolderId>,
    pub name: String,
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    pub(crate) async fn act_on_folder(&self, planned: &Planned) -> Result<(), PassError> {
        let path = self.line(planned).path.to_string();
        match planned.action {
            Action::MakeRemoteFolder { folder } => self.make_remote_folder(folder).await?,
            Action::MakeLocalFolder { folder } => self.make_local_folder(folder).await?,
            Action::JoinFolder { folder } => {
                self.make_found_durable().await?;
                self.agree_folder(folder).await?;
            }
            Action::RemoveRemoteFolder { folder } => self.remove_remote_folder(folder).await?,
            Action::RemoveLocalFolder { folder } => self.remove_local_folder(folder).await?,
            Action::ForgetFolder { folder } => self.forget_folder(folder).await?,
            _ => return Ok(()),
        }
        self.count(&planned.action);
        let verb = planned.action.verb();
        self.step(Step::Done { rule: planned.rule.to_string(), action: verb, path: path.clone() });
        if planned.action.only_notes() {
            return Ok(());
        }
        let event = Event {
            run: self.run.to_string(),
            at: self.now(),
            rule: planned.rule.to_string(),
            action: verb.to_owned(),
            path,
            asset: None,
            reason: planned.reason.to_owned(),
            seen: "{}".to_owned(),
            outcome: "done".to_owned(),
        };
        let mirror = self.mirror;
        self.engine.keeper.write(move |tx| tx.add_event(mirror, &event)).await?;
        Ok(())
    }

    pub(crate) async fn agree_folder(&self, folder: FolderId) -> Result<(), PassError> {
        let Some(row) = self.folders().get(folder).cloned() else { return Ok(()) };
        self.keep_folder(FolderRow { agreed: true, ..row }, false).await?;
        Ok(())
    }

    /// What is needed to make the storage folder for a directory; `None` if the directory is no longer known here.
    pub(crate) fn new_remote_folder(&self, folder: FolderId) -> Result<Option<NewRemoteFolder>, PassError> {
        let folders = self.folders();
        let Some(row) = folders.get(folder).cloned() else { return Ok(None) };
        let Some((parent, name)) = row.local.as_ref().and_then(|local| Some((local.parent?, local.name.clone())))
        else {
            return Ok(None);
        };
        let above = folders.get(parent).and_then(|above| above.remote.clone());
        let Some(above) = above else {
            return Err(refused("the directory above it has no storage folder on the server"));
        };
        Ok(Some(NewRemoteFolder { row, parent, parent_id: above.id, name }))
    }

    async fn make_remote_folder(&self, folder: FolderId) -> Result<(), PassError> {
        let Some(new) = self.new_remote_folder(folder)? else { return Ok(()) };
        let NewRemoteFolder { row, parent, parent_id, name } = new;
        self.make_found_durable().await?;
        let made = match self.engine.remote.make_folder(parent_id.as_ref(), &name).await {
            Ok(made) => made,
            // The answer was lost: it may have been made, and a second one must not be. Others may have its name already.
            Err(error) if error.effect_unknown() => {
                let there = self.engine.remote.folders().await?;
                let found = {
                    let folders = self.folders();
                    let is_new = |id: &StorageFolderId| folders.of_remote(id).is_none_or(|known| known == folder);
                    let found = there.into_iter().filter(|found| found.parent == parent_id && found.name == name);
                    found.filter(|found| is_new(&found.id)).min_by(|a, b| a.id.cmp(&b.id))
                };
                match found {
                    Some(found) => found,
                    None => self.engine.remote.make_folder(parent_id.as_ref(), &name).await?,
                }
            }
            Err(error) => return Err(error.into()),
        };
        self.reach(CrashPoint::RemoteFolderMade)?;
        if self.folders().of_remote(&made.id).is_some_and(|known| known != folder) {
            // Numbers are given twice only by a server that went back.
            return self.hold_until_reattached().await;
        }
        let remote = made_dir(made, parent, &name);
        self.keep_folder(FolderRow { remote: Some(remote), agreed: true, ..row }, false).await?;
        Ok(())
    }

    async fn make_local_folder(&self, folder: FolderId) -> Result<(), PassError> {
        let (row, path) = {
            let folders = self.folders();
            let (Some(row), Some(path)) = (folders.get(folder).cloned(), folders.path(folder)) else { return Ok(()) };
            (row, path)
        };
        let row = match self.engine.disk.make_dir(&path).await {
            // Something that is no directory has its name here: the folder takes one for doubles.
            Err(error @ LocalError::NotOurs { .. }) => {
                let Some((row, path)) = self.name_folder_again(&row, &path).await? else { return Err(error.into()) };
                self.engine.disk.make_dir(&path).await?;
                row
            }
            made => {
                made?;
                row
            }
        };
        let Some(remote) = row.remote.clone() else { return Ok(()) };
        self.make_durable().await?;
        self.reach(CrashPoint::LocalFolderMade)?;
        let parent = remote.parent;
        let local = LocalDir { parent, name: remote.given_name, inode: 0, birth_ns: 0 };
        self.keep_folder(FolderRow { local: Some(local), agreed: true, ..row }, false).await?;
        self.made_in.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(parent);
        Ok(())
    }

    /// Gives a folder that is not here yet a name that is free on the disk. It is written down before the directory is
    /// made: after a crash in between, a scan must know whose that is.
    async fn name_folder_again(
        &self,
        row: &FolderRow,
        path: &MirrorPath,
    ) -> Result<Option<(FolderRow, MirrorPath)>, PassError> {
        let Some(mut remote) = row.remote.clone() else { return Ok(None) };
        let (Some(above), Some(id), Some(parent)) = (path.parent(), &remote.id, remote.parent) else { return Ok(None) };
        let names = self.folders().other_names_for(parent, &remote.name, id);
        for name in names {
            let path = above.join(&name);
            if !matches!(self.engine.disk.stat(&path).await, Err(LocalError::Missing { .. })) {
                continue;
            }
            remote.given_name = name.as_str().to_owned();
            let row = FolderRow { remote: Some(remote), ..row.clone() };
            self.keep_folder(row.clone(), false).await?;
            return Ok(Some((row, path)));
        }
        Ok(None)
    }

    /// Directories that were made get their inodes written down, one listing per directory above them.
    pub(crate) async fn look_at_made_folders(&self) -> Result<(), PassError> {
        let made: Vec<FolderId> = {
            let mut made = self.made_in.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::take(&mut *made).into_iter().collect()
        };
        for parent in made {
            self.scan_one(parent).await?;
        }
        Ok(())
    }

    async fn remove_remote_folder(&self, folder: FolderId) -> Result<(), PassError> {
        let Some(row) = self.folders().get(folder).cloned() else { return Ok(()) };
        let Some(id) = row.remote.as_ref().and_then(|remote| remote.id.clone()) else { return Ok(()) };
        // What the removal of a folder does to what is in it is not documented, so it is asked right before.
        if self.holds_folders(&id).await? {
            return Err(refused("there are folders in it that are not known here yet"));
        }
        match self.engine.remote.folder_asset_ids(&id).await? {
            Answer::Found(ids) if ids.is_empty() || Mutation::FolderRemovedUnseen.is_on() => {
                self.engine.remote.remove_folder(&id).await?
            }
            Answer::Found(_) => return Err(refused("there are assets in it that are not known here yet")),
            Answer::NotFound => {}
            Answer::Denied => return Err(refused("the server does not let us see what is in it")),
        }
        self.folders_there.lock().await.1.remove(&id);
        self.reach(CrashPoint::FolderRemoved)?;
        self.keep_folder(FolderRow { remote: None, remote_unknown: None, ..row }, false).await?;
        Ok(())
    }

    /// Whether there are folders in a storage folder, by a list that is hardly older than this.
    async fn holds_folders(&self, id: &StorageFolderId) -> Result<bool, PassError> {
        let now = self.now();
        let mut list = self.folders_there.lock().await;
        if list.0.0 + LIST_MS <= now.0 {
            let folders = self.engine.remote.folders().await?.into_iter();
            *list = (now, folders.map(|folder| (folder.id, folder.parent)).collect());
        }
        Ok(list.1.values().any(|parent| parent.as_ref() == Some(id)))
    }

    async fn remove_local_folder(&self, folder: FolderId) -> Result<(), PassError> {
        let (row, path) = {
            let folders = self.folders();
            let (Some(row), Some(path)) = (folders.get(folder).cloned(), folders.path(folder)) else { return Ok(()) };
            (row, path)
        };
        self.engine.disk.remove_dir(&path).await?;
        self.make_durable().await?;
        self.reach(CrashPoint::FolderRemoved)?;
        self.keep_folder(FolderRow { local: None, local_unknown: None, ..row }, false).await?;
        Ok(())
    }

    /// A directory that is here already may have been made by a pass that failed before it was durable. Once it is agreed
    /// on, that it is not here means that somebody removed it.
    async fn make_found_durable(&self) -> Result<(), PassError> {
        if !self.found_is_durable.load(Ordering::Relaxed) {
            self.make_durable().await?;
            self.found_is_durable.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(crate) async fn make_durable(&self) -> Result<(), PassError> {
        if Mutation::SyncLeftOut.is_on() {
            return Ok(());
        }
        Ok(self.engine.disk.sync().await?)
    }

    pub(crate) async fn forget_folder(&self, folder: FolderId) -> Result<(), PassError> {
        self.engine.keeper.write(move |tx| tx.remove_folder(folder)).await?;
        self.change_folders(|folders| folders.remove(folder));
        Ok(())
    }

    pub(crate) fn folder_failed(&self, folder: FolderId) -> bool {
        self.failed_folders.lock().unwrap_or_else(std::sync::PoisonError::into_inner).contains(&folder)
    }

    /// It is not removed in this pass, and that is no failure.
    pub(crate) fn folder_stays(&self, folder: FolderId, item: SkippedItem) {
        self.failed_folders.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(folder);
        self.report().skipped.push(item);
    }

    pub(crate) fn folder_fails(&self, folder: FolderId, item: FailedItem) {
        self.failed_folders.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(folder);
        self.report().failed.push(item);
    }
}

fn made_dir(made: RemoteFolder, parent: FolderId, name: &str) -> RemoteDir {
    RemoteDir {
        id: Some(made.id),
        parent: Some(parent),
        name: made.name,
        given_name: name.to_owned(),
        contribution: made.contribution,
        organizer: made.organizer,
        editable: made.editable,
    }
}

fn refused(message: &str) -> PassError {
    RemoteError {
        what: "change the storage folder",
        kind: RemoteErrorKind::Refused { status: 0, message: message.to_owned() },
    }
    .into()
}
