//! The words in which the fixed sequence is told: what is asked again and again, and what an operator does to both worlds.

use crate::pair::Pair;
use crate::question::{Ask, Parcel, Told};
use damsync_model::id::{AssetId, StorageFolderId};
use damsync_model::time::UnixMs;
use damsync_model::tree::RemoteAsset;
use damsync_ports::{Answer, NewContent, RemoteFolder, Scope, UploadSession};
use damsync_sandbox::world::user::User;
use damsync_sandbox::world::{AssetKey, Habits};
use damsync_simulator::content::bytes_of;
use serde_json::Value;

pub fn content(filename: &str, parcel: &Parcel, marker: &str) -> NewContent {
    NewContent { filename: filename.to_owned(), size: parcel.size, marker: marker.to_owned() }
}

pub fn parcel(number: u64) -> Parcel {
    Parcel::of(bytes_of(number, 300))
}

pub fn nobody() -> AssetId {
    AssetId::from(999_999)
}

pub fn nowhere() -> StorageFolderId {
    StorageFolderId::from(999_999)
}

impl Pair<'_> {
    pub fn folder(&mut self, parent: Option<&StorageFolderId>, name: &str) -> RemoteFolder {
        let Told::Made(folder) = self.ask(&Ask::MakeFolder(parent.cloned(), name.to_owned())) else { panic!("{name}") };
        folder
    }

    pub fn session(&mut self, folder: &RemoteFolder) -> UploadSession {
        let Told::Session(session) = self.ask(&Ask::OpenSession(folder.id.clone(), folder.contribution)) else {
            panic!("{}", folder.name)
        };
        session
    }

    pub fn details(&mut self, id: &AssetId) -> RemoteAsset {
        let Told::Asset(Answer::Found(asset)) = self.ask(&Ask::Asset(id.clone())) else { panic!("{id}") };
        asset
    }

    /// Prepared, sent and finished; then everything is processed.
    pub fn upload(&mut self, folder: &RemoteFolder, name: &str, number: u64) -> RemoteAsset {
        let (session, parcel) = (self.session(folder), parcel(number));
        let Told::Prepared(Some(asset)) = self.ask(&Ask::PrepareAsset(session.clone(), content(name, &parcel, name)))
        else {
            panic!("{name}")
        };
        let address = self.addresses() - 1;
        assert_eq!(self.ask(&Ask::Send(address, parcel)), Told::Done);
        self.ask(&Ask::FinishAsset(asset.guid.clone()));
        assert_eq!(self.ask(&Ask::CloseSession(session)), Told::Done);
        self.wait(100_000);
        self.details(&asset.id)
    }

    /// An asset out of nothing, as other people make them.
    pub fn asset(&mut self, folder: &StorageFolderId, name: &str, number: u64) -> AssetId {
        let (folder, user) = (number_of(folder), self.cast.client);
        let id = self.operate_with(&format!("adds {name}"), &bytes_of(number, 300), |world, content, now| {
            world.admin_asset(folder, name, content, user, now).map(|asset| asset.id)
        });
        AssetId::from(id.unwrap())
    }

    pub fn patch(&mut self, id: &AssetId, fields: &Value) {
        let (id, fields) = (asset_number(id), fields.as_object().unwrap().clone());
        self.operate(&format!("sets {fields:?} of {id}"), |world, now| {
            world.admin_patch_asset(AssetKey::Id(id), fields.clone(), now).map(|asset| asset.id)
        })
        .unwrap();
    }

    pub fn patch_folder(&mut self, id: &StorageFolderId, fields: &Value) {
        let (id, fields) = (number_of(id), fields.as_object().unwrap().clone());
        self.operate(&format!("sets {fields:?} of folder {id}"), |world, now| {
            world.admin_patch_folder(id, fields.clone(), now)
        })
        .unwrap();
    }

    pub fn edit_user(&mut self, what: &str, edit: impl Fn(&mut User)) {
        let client = self.cast.client;
        self.operate(what, |world, _| world.edit_user(client, &edit).cloned()).unwrap();
    }

    pub fn habit(&mut self, change: impl Fn(&mut Habits)) {
        let mut habits = self.operate("tells the habits", |world, _| world.habits().clone());
        change(&mut habits);
        self.set_habits(&habits);
    }

    pub fn refused(&mut self, ask: &Ask, kind: &str) {
        assert_eq!(self.ask(ask), Told::Refused(kind.to_owned()), "{ask:?}");
    }

    /// Everything that lists or shows, of both scopes, all assets and folders.
    pub fn look_around(&mut self) {
        let mut ids = self.operate("counts", |world, _| world.all_assets().map(|asset| asset.id).collect::<Vec<_>>());
        let folders = self.operate("counts", |world, _| world.all_folders().map(|f| f.id).collect::<Vec<_>>());
        ids.push(999_999);
        let ids: Vec<AssetId> = ids.into_iter().map(AssetId::from).collect();
        let far = UnixMs(self.now() + 1);
        self.ask(&Ask::Assets(ids.iter().take(100).cloned().collect()));
        for id in ids {
            self.ask(&Ask::Asset(id));
        }
        let scopes = folders.iter().map(|id| Scope::Below((*id).into())).chain([Scope::Everything]);
        for scope in scopes {
            self.ask(&Ask::AllIds(scope.clone(), None));
            self.ask(&Ask::AllIds(scope.clone(), Some(UnixMs(self.now() - 50_000))));
            self.ask(&Ask::ChangedSince(scope.clone(), UnixMs(0), 100));
            self.ask(&Ask::ChangedSince(scope.clone(), UnixMs(self.now() - 50_000), 2));
            self.ask(&Ask::CountBetween(scope, UnixMs(0), far));
        }
        for id in folders.iter().chain([&999_999]) {
            self.ask(&Ask::Folder((*id).into()));
            self.ask(&Ask::FolderAssetIds((*id).into()));
        }
        for ask in [Ask::Hints, Ask::TrashCount, Ask::Identity, Ask::Folders] {
            self.ask(&ask);
        }
        self.compare_worlds().unwrap_or_else(|drift| panic!("{}", drift.0));
    }
}

pub fn number_of(id: &StorageFolderId) -> i64 {
    id.to_string().parse().unwrap()
}

pub fn asset_number(id: &AssetId) -> i64 {
    id.to_string().parse().unwrap()
}
