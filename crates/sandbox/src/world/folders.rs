//! What can be done with storage folders.

use super::asset::AssetId;
use super::folder::{Folder, FolderId, slug};
use super::habits::FolderDelete;
use super::user::UserId;
use super::{Refusal, World};

/// A folder to be made.
#[derive(Clone, Debug, Default)]
pub struct NewFolder {
    /// Its name.
    pub name: String,
    /// The folder it is to lie in.
    pub parent_id: Option<FolderId>,
    /// Free text.
    pub description: Option<String>,
    /// Holds folders only.
    pub organizer: Option<bool>,
}

/// What is to be changed about a folder: `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct FolderEdit {
    /// Another name.
    pub name: Option<String>,
    /// Another parent; `Some(None)` is the top.
    pub parent_id: Option<Option<FolderId>>,
    /// Another description.
    pub description: Option<Option<String>>,
    /// Another kind.
    pub organizer: Option<bool>,
}

impl World {
    fn may_view_folders(&self, user: UserId) -> Result<(), Refusal> {
        if self.user(user)?.can_view_storage_folders {
            Ok(())
        } else {
            Err(Refusal::Forbidden("you may not view storage folders"))
        }
    }

    /// Every folder the caller may see, parents before children.
    pub fn list_folders(&mut self, user: UserId, now: i64) -> Result<Vec<Folder>, Refusal> {
        self.tick(now);
        self.may_view_folders(user)?;
        Ok(self.below(user, None)?.into_iter().filter_map(|id| self.folders.get(&id).cloned()).collect())
    }

    /// The children of one folder.
    pub fn tree(&mut self, user: UserId, parent: Option<FolderId>, now: i64) -> Result<Vec<Folder>, Refusal> {
        self.tick(now);
        self.may_view_folders(user)?;
        if let Some(parent) = parent {
            self.seen_folder(user, parent)?;
        }
        let user = self.user(user)?;
        let ids = self.children.get(&parent).into_iter().flatten();
        Ok(ids.filter(|id| !user.hidden_folders.contains(id)).filter_map(|id| self.folders.get(id).cloned()).collect())
    }

    /// One folder.
    pub fn folder(&mut self, user: UserId, id: FolderId, now: i64) -> Result<Folder, Refusal> {
        self.tick(now);
        self.seen_folder(user, id).cloned()
    }

    /// Every id in a folder itself, processed or not, straight from the database.
    pub fn folder_asset_ids(&mut self, user: UserId, id: FolderId, now: i64) -> Result<Vec<AssetId>, Refusal> {
        self.tick(now);
        self.seen_folder(user, id)?;
        let listed = |asset: &AssetId| {
            self.habits.unsubmitted_listed
                || self.assets.get(asset).is_some_and(|asset| asset.submitted_at.is_some() && asset.approved)
        };
        Ok(self.live.by_folder.get(&id).into_iter().flatten().copied().filter(listed).collect())
    }

    /// Makes a folder.
    pub fn create_folder(&mut self, user: UserId, new: NewFolder, now: i64) -> Result<Folder, Refusal> {
        self.tick(now);
        if !self.user(user)?.can_create_storage_folders {
            return Err(Refusal::Forbidden("you may not create storage folders"));
        }
        if let Some(parent) = new.parent_id {
            self.seen_folder(user, parent).map_err(|_| Refusal::unprocessable("parent must exist"))?;
        }
        self.make_folder(user, new, now)
    }

    pub(super) fn make_folder(&mut self, user: UserId, new: NewFolder, now: i64) -> Result<Folder, Refusal> {
        let name = new.name.trim();
        if name.is_empty() {
            return Err(Refusal::unprocessable("name can't be blank"));
        }
        let holds_assets = new.organizer != Some(true);
        let id = self.next_id();
        let contribution_id = if holds_assets { Some(self.next_id()) } else { None };
        let folder = Folder {
            id,
            parent_id: new.parent_id,
            name: name.to_owned(),
            slug: self.free_slug(new.parent_id, name, None),
            description: new.description,
            organizer: new.organizer,
            editable: true,
            block_destroy: false,
            enable_contribution: holds_assets,
            contribution_id,
            auto_approve: self.habits.auto_approve,
            require_tags: false,
            reindexing_at: None,
            connector: None,
            user_id: user,
            created_at: now,
            updated_at: now,
        };
        self.put_folder(folder.clone());
        Ok(folder)
    }

    /// Renames or moves a folder.
    pub fn edit_folder(&mut self, user: UserId, id: FolderId, edit: FolderEdit, now: i64) -> Result<Folder, Refusal> {
        self.tick(now);
        let mut folder = self.seen_folder(user, id)?.clone();
        if !folder.editable {
            return Err(Refusal::Forbidden("this folder may not be edited"));
        }
        let place = (folder.parent_id, folder.name.clone());
        if let Some(name) = edit.name {
            if name.trim().is_empty() {
                return Err(Refusal::unprocessable("name can't be blank"));
            }
            folder.name = name.trim().to_owned();
        }
        if let Some(parent) = edit.parent_id {
            if let Some(parent) = parent {
                self.seen_folder(user, parent).map_err(|_| Refusal::unprocessable("parent must exist"))?;
                if self.ancestors(parent).contains(&id) || parent == id {
                    return Err(Refusal::unprocessable("parent can't be the folder itself or below it"));
                }
            }
            folder.parent_id = parent;
        }
        if let Some(description) = edit.description {
            folder.description = description;
        }
        folder.organizer = edit.organizer.or(folder.organizer);
        let moved = place != (folder.parent_id, folder.name.clone());
        if moved {
            folder.slug = self.free_slug(folder.parent_id, &folder.name, Some(id));
        }
        folder.updated_at = now;
        self.put_folder(folder.clone());
        if moved && self.habits.folder_rename_bumps {
            self.bump_below(id, now);
        }
        Ok(folder)
    }

    /// Deletes a folder with all folders below it.
    pub fn delete_folder(&mut self, user: UserId, id: FolderId, now: i64) -> Result<(), Refusal> {
        self.tick(now);
        let folder = self.seen_folder(user, id)?;
        if !folder.editable {
            return Err(Refusal::Forbidden("this folder may not be deleted"));
        }
        let all = self.below(self.root.owner, Some(id))?;
        if all.iter().any(|id| self.folders.get(id).is_some_and(|folder| folder.block_destroy)) {
            return Err(Refusal::unprocessable("this folder is protected from deletion"));
        }
        let assets: Vec<AssetId> = all.iter().filter_map(|id| self.live.by_folder.get(id)).flatten().copied().collect();
        if !assets.is_empty() && self.habits.folder_delete == FolderDelete::Refuse {
            return Err(Refusal::unprocessable("this folder still holds assets"));
        }
        for asset in assets {
            self.trash_asset(asset, user, now);
        }
        for id in all {
            self.drop_folder(id);
        }
        Ok(())
    }

    /// A folder that the caller may see.
    pub(super) fn seen_folder(&self, user: UserId, id: FolderId) -> Result<&Folder, Refusal> {
        let user = self.user(user)?;
        let folder = self.folders.get(&id).ok_or(Refusal::NotFound("storage folder"))?;
        if self.visible(user, id) { Ok(folder) } else { Err(Refusal::NotFound("storage folder")) }
    }

    /// A folder and all below it that the user may see, parents first; everything without a folder.
    pub(super) fn below(&self, user: UserId, folder: Option<FolderId>) -> Result<Vec<FolderId>, Refusal> {
        let hidden = &self.user(user)?.hidden_folders;
        let mut found: Vec<FolderId> = match folder {
            Some(id) => vec![id],
            None => self.children.get(&None).into_iter().flatten().copied().filter(|id| !hidden.contains(id)).collect(),
        };
        let mut at = 0;
        while let Some(id) = found.get(at).copied() {
            let children = self.children.get(&Some(id)).into_iter().flatten().copied();
            found.extend(children.filter(|id| !hidden.contains(id)));
            at += 1;
        }
        Ok(found)
    }

    /// The folders above one, from the top.
    #[must_use]
    pub fn ancestors(&self, id: FolderId) -> Vec<FolderId> {
        let mut above = Vec::new();
        let mut at = self.folders.get(&id).and_then(|folder| folder.parent_id);
        while let Some(id) = at {
            above.push(id);
            at = self.folders.get(&id).and_then(|folder| folder.parent_id);
        }
        above.reverse();
        above
    }

    /// A folder without asking who wants to know.
    #[must_use]
    pub fn any_folder(&self, id: FolderId) -> Option<&Folder> {
        self.folders.get(&id)
    }

    /// The folder that owns a contribution.
    #[must_use]
    pub fn contribution_folder(&self, contribution_id: i64) -> Option<&Folder> {
        self.contributions.get(&contribution_id).and_then(|id| self.folders.get(id))
    }

    /// All folders, by number.
    pub fn all_folders(&self) -> impl Iterator<Item = &Folder> {
        self.folders.values()
    }

    /// Whether a folder has folders in it.
    #[must_use]
    pub fn has_children(&self, id: FolderId) -> bool {
        self.children.get(&Some(id)).is_some_and(|children| !children.is_empty())
    }

    /// How many bytes lie in a folder itself.
    #[must_use]
    pub fn folder_bytes(&self, id: FolderId) -> u64 {
        self.live.folder_bytes.get(&id).copied().unwrap_or(0)
    }

    /// The names (or slugs) from the top down to a folder, itself included.
    #[must_use]
    pub fn folder_path<'a>(&'a self, id: FolderId, part: impl Fn(&'a Folder) -> &'a str) -> Vec<&'a str> {
        let mut path: Vec<&str> =
            self.ancestors(id).into_iter().chain([id]).filter_map(|id| self.folders.get(&id)).map(part).collect();
        path.shrink_to_fit();
        path
    }

    fn free_slug(&self, parent: Option<FolderId>, name: &str, own: Option<FolderId>) -> String {
        let wanted = slug(name);
        let taken = |slug: &str| {
            self.children
                .get(&parent)
                .into_iter()
                .flatten()
                .filter(|id| Some(**id) != own)
                .any(|id| self.folders.get(id).is_some_and(|folder| folder.slug == slug))
        };
        if !taken(&wanted) {
            return wanted;
        }
        (2..).map(|n| format!("{wanted}-{n}")).find(|slug| !taken(slug)).unwrap_or(wanted)
    }

    pub(super) fn put_folder(&mut self, folder: Folder) {
        let id = folder.id;
        if let Some(old) = self.folders.get(&id) {
            if let Some(children) = self.children.get_mut(&old.parent_id) {
                children.remove(&id);
            }
            if let Some(contribution) = old.contribution_id {
                self.contributions.remove(&contribution);
            }
        }
        self.children.entry(folder.parent_id).or_default().insert(id);
        if let Some(contribution) = folder.contribution_id {
            self.contributions.insert(contribution, id);
        }
        self.folders.insert(id, folder);
        self.changes.folders.insert(id);
    }

    fn drop_folder(&mut self, id: FolderId) {
        if let Some(folder) = self.folders.remove(&id) {
            if let Some(children) = self.children.get_mut(&folder.parent_id) {
                children.remove(&id);
            }
            if let Some(contribution) = folder.contribution_id {
                self.contributions.remove(&contribution);
            }
        }
        self.children.remove(&Some(id));
        self.changes.folders.insert(id);
    }

    fn bump_below(&mut self, folder: FolderId, now: i64) {
        let folders = self.below(self.root.owner, Some(folder)).unwrap_or_default();
        let assets: Vec<AssetId> =
            folders.iter().filter_map(|id| self.live.by_folder.get(id)).flatten().copied().collect();
        for id in assets {
            if let Some(asset) = self.assets.get(&id) {
                let mut asset = (**asset).clone();
                asset.updated_at = now;
                self.store(asset, now);
            }
        }
    }
}
