//! The remote tree's folders: one list, compared with the rows.

use crate::pass::{Pass, PassError};
use damsync_model::id::FolderId;
use damsync_model::name::NameKey;
use damsync_ports::{Answer, LocalSide, RemoteFolder, RemoteSide, Scope};
use damsync_store::{FolderRow, RemoteDir};
use std::collections::BTreeSet;

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Takes over what the server says of its folders. Writes nothing where nothing changed.
    pub(crate) async fn gather_folders(&self, list: Vec<RemoteFolder>) -> Result<(), PassError> {
        let (mut inside, outside): (Vec<RemoteFolder>, Vec<RemoteFolder>) = match &self.scope {
            Scope::Everything => (list, Vec::new()),
            Scope::Below(root) => {
                list.into_iter().partition(|folder| folder.id == *root || folder.ancestors.contains(root))
            }
        };
        self.outside_folders().extend(outside.into_iter().map(|folder| folder.id));
        inside.sort_by(|a, b| (a.ancestors.len(), &a.id).cmp(&(b.ancestors.len(), &b.id)));
        let mut seen = BTreeSet::new();
        for folder in inside {
            if let Some(id) = self.take_over_folder(folder).await? {
                seen.insert(id);
            }
        }
        self.confirm_missing_folders(&seen).await
    }

    async fn take_over_folder(&self, folder: RemoteFolder) -> Result<Option<FolderId>, PassError> {
        let (row, is_new) = {
            let folders = self.folders();
            let root = folders.root();
            let is_root = self.scope == Scope::Below(folder.id.clone());
            let parent = match &folder.parent {
                _ if is_root => None,
                None => Some(root),
                Some(parent) => match folders.of_remote(parent) {
                    Some(parent) => Some(parent),
                    // Its parent is not visible to us: what cannot be placed is left alone.
                    None => return Ok(None),
                },
            };
            let known = if is_root { Some(root) } else { folders.of_remote(&folder.id) };
            let given_name = match (known.and_then(|id| folders.get(id)).and_then(|row| row.remote.as_ref()), parent) {
                (_, None) => String::new(),
                (Some(old), Some(parent)) if old.name == folder.name && old.parent == Some(parent) => {
                    old.given_name.clone()
                }
                (_, Some(parent)) => match folders.name_for(parent, &folder.name, &folder.id) {
                    Some(name) => name.as_str().to_owned(),
                    None => return Ok(known),
                },
            };
            let remote = RemoteDir {
                id: Some(folder.id),
                parent,
                name: folder.name,
                given_name,
                contribution: folder.contribution,
                organizer: folder.organizer,
                editable: folder.editable,
            };
            let here = parent
                .and_then(|parent| folders.local_child(parent, &NameKey::of(&remote.given_name, folders.folding())))
                .and_then(|id| folders.get(id))
                .filter(|row| row.remote.is_none());
            let old = known.and_then(|id| folders.get(id)).or(here).cloned();
            let row = FolderRow { remote: Some(remote), remote_unknown: None, ..old.clone().unwrap_or_else(empty_row) };
            if old.as_ref() == Some(&row) {
                return Ok(Some(row.id));
            }
            (row, old.is_none())
        };
        Ok(Some(self.keep_folder(row, is_new).await?))
    }

    /// Writes a folder's row to the store and to memory; one that is new gets its number.
    pub(crate) async fn keep_folder(&self, row: FolderRow, is_new: bool) -> Result<FolderId, PassError> {
        let mirror = self.mirror;
        let changed_there = self.folders().get(row.id).is_some_and(|old| old.remote != row.remote);
        let row = self
            .engine
            .keeper
            .write(move |tx| {
                let id = if is_new { tx.new_folder(mirror)? } else { row.id };
                let row = FolderRow { id, ..row };
                tx.put_folder(&row)?;
                if changed_there {
                    // Its files may be welcome now.
                    tx.forget_failures_in(mirror, id)?;
                }
                Ok(row)
            })
            .await?;
        let id = row.id;
        self.change_folders(|folders| folders.put(row));
        Ok(id)
    }

    /// A folder that the list leaves out is asked for by its id. Only a clear 404 counts as gone.
    async fn confirm_missing_folders(&self, seen: &BTreeSet<FolderId>) -> Result<(), PassError> {
        let mut missing: Vec<FolderRow> = {
            let folders = self.folders();
            folders
                .iter()
                .filter(|row| row.id != folders.root() && row.remote.is_some() && !seen.contains(&row.id))
                .cloned()
                .collect()
        };
        // From the bottom up: a folder is not taken for gone while one below it is not.
        missing.sort_by_key(|row| std::cmp::Reverse(self.folders().depth(row.id)));
        for row in missing {
            let Some(id) = row.remote.as_ref().and_then(|remote| remote.id.clone()) else { continue };
            let unknown = |why: &str| FolderRow { remote_unknown: Some(why.to_owned()), ..row.clone() };
            let changed = match self.engine.remote.folder(&id).await? {
                // Its assets, asked one by one, say whether it was removed or is only hidden from us.
                Answer::NotFound if self.has_remote_content(row.id).await? => unknown(VANISHED),
                // It was hidden when the list was made, or the list is wrong.
                Answer::Found(folder) if self.may_be_inside(&folder) => unknown("the server's list leaves it out"),
                // Gone, or outside the mirror now: for the mirror that is the same.
                Answer::NotFound | Answer::Found(_) => {
                    self.folder_is_gone(row).await?;
                    continue;
                }
                Answer::Denied => unknown("the server does not let us see it"),
            };
            if changed != row {
                self.keep_folder(changed, false).await?;
            }
        }
        Ok(())
    }

    /// Whether the way down to a folder leads through the mirror. A server that does not tell the whole way tells its
    /// last part, which then begins with a folder of ours.
    fn may_be_inside(&self, folder: &RemoteFolder) -> bool {
        let Scope::Below(root) = &self.scope else { return true };
        let begins_with_ours = || folder.ancestors.first().is_some_and(|top| self.folders().of_remote(top).is_some());
        folder.ancestors.contains(root) || begins_with_ours()
    }

    /// Folders that vanished with their assets, now that it was found out what became of those: where all are deleted,
    /// the folder is, too.
    pub(crate) async fn settle_vanished_folders(&self) -> Result<(), PassError> {
        let mut vanished: Vec<FolderRow> = {
            let folders = self.folders();
            folders.iter().filter(|row| row.remote_unknown.as_deref() == Some(VANISHED)).cloned().collect()
        };
        vanished.sort_by_key(|row| std::cmp::Reverse(self.folders().depth(row.id)));
        for row in vanished {
            if !self.has_remote_content(row.id).await? {
                self.folder_is_gone(row).await?;
            }
        }
        Ok(())
    }

    /// Nothing can be said any more of assets in it that no file here stands for; they are new where they are seen again.
    async fn folder_is_gone(&self, row: FolderRow) -> Result<(), PassError> {
        let folder = row.id;
        let ids = self.engine.keeper.read(move |tx| tx.asset_ids_in(folder)).await?;
        self.forget_never_agreed(ids).await?;
        self.keep_folder(FolderRow { remote: None, remote_unknown: None, ..row }, false).await?;
        Ok(())
    }

    /// Whether assets that we have, or folders, may still be in it.
    async fn has_remote_content(&self, folder: FolderId) -> Result<bool, PassError> {
        let has_folders = !self.folders().remote_children(folder).is_empty();
        let mirror = self.mirror;
        let agreed_on = self.engine.keeper.read(move |tx| {
            for id in tx.asset_ids_in(folder)? {
                if tx.base(mirror, &id)?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        });
        Ok(has_folders || agreed_on.await?)
    }
}

/// Why nothing can be said of a folder that vanished together with its assets.
const VANISHED: &str = "the server does not show it any more, nor what was in it";

pub(crate) fn empty_row() -> FolderRow {
    FolderRow { id: FolderId(0), agreed: false, local: None, local_unknown: None, remote: None, remote_unknown: None }
}
