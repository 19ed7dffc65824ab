//! Carrying actions out, each as [`Action`] says it is and the executor does it.

use super::{Decided, Forest, Key, Life, Server, above, content};
use damsync_model::content::Claimed;
use damsync_model::id::FolderId;
use damsync_model::name::FileName;
use damsync_model::plan::{Action, ExpectLocal};
use damsync_model::tree::{Base, Place};
use std::collections::BTreeSet;

impl Forest {
    /// Does one thing of a plan. False where the world has overtaken it: it will be decided again.
    pub fn carry_out(&mut self, decided: &Decided) -> bool {
        let Some(action) = decided.action() else { return false };
        match &decided.key {
            Key::Folder(folder) => self.act_on_folder(*folder, action),
            key => self.entity(key) == decided.entity && self.act_on_file(key, action),
        }
    }

    fn act_on_folder(&mut self, folder: FolderId, action: &Action) -> bool {
        let parent = above(folder).unwrap();
        let (has_parent_here, has_parent_there) = (self.is_here(parent), self.is_there(parent));
        let (empty_here, empty_there) = (self.is_empty_here(folder), self.is_empty_there(folder));
        let Some(dir) = self.dirs.get_mut(&folder) else { return false };
        match action {
            Action::MakeRemoteFolder { .. } if has_parent_there && dir.here && !dir.there => {
                (dir.there, dir.agreed) = (true, true);
            }
            Action::MakeLocalFolder { .. } if has_parent_here && dir.there && !dir.here => {
                (dir.here, dir.agreed) = (true, true);
            }
            Action::JoinFolder { .. } if dir.here && dir.there => dir.agreed = true,
            Action::RemoveRemoteFolder { .. } if dir.there && empty_there => dir.there = false,
            Action::RemoveLocalFolder { .. } if dir.here && empty_here => dir.here = false,
            Action::ForgetFolder { .. } if !dir.here && !dir.there => drop(self.dirs.remove(&folder)),
            _ => return false,
        }
        true
    }

    fn act_on_file(&mut self, key: &Key, action: &Action) -> bool {
        let id = match key {
            Key::Asset(id) => *id,
            // The next number that no asset ever had.
            _ => self.assets.keys().chain(self.bases.keys()).max().map_or(1, |last| last + 1),
        };
        match action {
            Action::Upload { place, .. } => {
                if !self.is_there(place.folder) {
                    return false;
                }
                // A former asset keeps its number, and what it has; this is another one.
                let id = self.assets.keys().chain([&id]).max().map_or(id, |last| last + 1);
                let (number, name) = (self.files[place], place.name.to_string());
                let server = Server {
                    life: Life::Live,
                    folder: place.folder,
                    filename: name.clone(),
                    versions: vec![number],
                    updated_at: 1,
                };
                self.assets.insert(id, server);
                self.given.insert(id, (place.folder, name, place.name.clone()));
                self.agree(id, place);
            }
            Action::PushVersion { place, .. } => {
                let number = self.files[place];
                let asset = self.assets.get_mut(&id).unwrap();
                asset.versions.push(number);
                asset.updated_at += 10;
                self.agree(id, place);
            }
            Action::RestoreRemote { .. } => {
                let asset = self.assets.get_mut(&id).unwrap();
                asset.updated_at += 1;
                let folder = asset.folder;
                if self.is_there(folder) {
                    self.assets.get_mut(&id).unwrap().life = Life::Live;
                } else {
                    // There is no place to bring it back to: the file is new from now on.
                    self.bases.remove(&id);
                }
            }
            Action::Download { place, expect, .. } => {
                let replaces = matches!(expect, ExpectLocal::File(_));
                if self.files.contains_key(place) != replaces || !self.is_here(place.folder) {
                    return false;
                }
                if !replaces {
                    self.bases.remove(&id);
                }
                self.receive(id, place);
            }
            Action::KeepBoth { place, .. } => {
                self.copies += 1;
                let copy = FileName::new(&format!("copy {} of {}", self.copies, place.name)).unwrap();
                let ours = self.files[place];
                self.files.insert(Place { folder: place.folder, name: copy }, ours);
                self.receive(id, place);
            }
            Action::Learn { .. } => {
                let (at, read) = (self.assets[&id].updated_at, content(self.assets[&id].head()));
                self.learned.insert(id, (at, Claimed { size: Some(read.size), md5: Some(read.md5) }));
            }
            Action::Adopt { place, .. } => self.agree(id, place),
            Action::Refresh { place, .. } => {
                let (asset, folder) = (self.asset(id), self.assets[&id].folder);
                let base = self.bases.get_mut(&id).unwrap();
                (base.place, base.remote_folder) = (place.clone(), folder);
                base.remote_filename = asset.filename;
                base.remote_version = asset.version;
                base.remote_claimed.md5 = asset.claimed.md5.or(base.remote_claimed.md5);
                base.remote_claimed.size = asset.claimed.size.or(base.remote_claimed.size);
                base.remote_updated_at = asset.updated_at;
            }
            Action::TrashRemote { .. } => {
                self.assets.get_mut(&id).unwrap().life = Life::Trashed;
                self.bases.remove(&id);
            }
            Action::TrashLocal { place, .. } => {
                self.kept.extend(self.files.remove(place));
                self.bases.remove(&id);
            }
            Action::MoveLocal { from, to, .. } => return self.move_here(id, from, to),
            Action::MoveRemote { to, .. } => {
                if !self.is_there(to.folder) {
                    return false;
                }
                let asset = self.assets.get_mut(&id).unwrap();
                (asset.folder, asset.filename) = (to.folder, to.name.to_string());
                asset.updated_at += 1;
                self.given.insert(id, (to.folder, to.name.to_string(), to.name.clone()));
                let base = self.bases.get_mut(&id).unwrap();
                (base.place, base.remote_folder) = (to.clone(), to.folder);
                base.remote_filename = to.name.to_string();
            }
            Action::Forget { .. } => {
                self.bases.remove(&id);
            }
            other => panic!("no action on a file: {other:?}"),
        }
        true
    }

    /// A file goes where its asset went. Where that is somebody else's place for good, the asset gets another name.
    fn move_here(&mut self, id: i64, from: &Place, to: &Place) -> bool {
        if self.files.contains_key(to) {
            let mut chain = BTreeSet::from([id]);
            let mut at = to.clone();
            while let Some(other) = self.base_at(&at) {
                match self.given_place(other).filter(|given| *given != at) {
                    Some(next) if chain.insert(other) => at = next,
                    // It stays, or it is one of a circle in which each waits for the next.
                    _ => break,
                }
            }
            let waits = self.base_at(&at).is_none() && !self.files.contains_key(&at);
            if !waits {
                self.name_again(id, Some(&to.name));
            }
            return !waits;
        }
        if !self.is_here(to.folder) {
            return false;
        }
        let number = self.files.remove(from).unwrap();
        self.files.insert(to.clone(), number);
        let asset = self.assets[&id].clone();
        let base = self.bases.get_mut(&id).unwrap();
        (base.place, base.remote_folder, base.remote_filename) = (to.clone(), asset.folder, asset.filename);
        true
    }

    fn receive(&mut self, id: i64, place: &Place) {
        let head = self.assets[&id].head();
        self.kept.extend(self.files.insert(place.clone(), head));
        self.agree(id, place);
    }

    /// Both sides agree on the bytes; on places only where they never agreed before.
    pub fn agree(&mut self, id: i64, place: &Place) {
        let (asset, folder) = (self.asset(id), self.assets[&id].folder);
        // What is here, by our own reading: an agreement on other bytes than those would be seen.
        let content = content(self.files[place]);
        let before = self.bases.remove(&id);
        let (place, remote_folder, remote_filename) = match before {
            Some(base) => (base.place, base.remote_folder, base.remote_filename),
            None => (place.clone(), folder, asset.filename),
        };
        self.bases.insert(
            id,
            Base {
                asset: asset.id,
                place,
                content,
                remote_folder,
                remote_filename,
                remote_version: asset.version,
                remote_claimed: asset.claimed,
                remote_updated_at: asset.updated_at,
            },
        );
    }
}
