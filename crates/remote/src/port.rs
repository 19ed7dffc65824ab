//! The port's questions, each passed on to the module that knows its answer.

use crate::Mediagraph;
use damsync_model::capability::Capabilities;
use damsync_model::id::{AssetId, Guid, StorageFolderId};
use damsync_model::time::UnixMs;
use damsync_model::tree::RemoteAsset;
use damsync_ports::{
    Answer, ChangedAssets, Download, Identity, NewContent, Payload, PreparedUpload, RemoteError, RemoteFolder,
    RemoteSide, Scope, SignedUrl, UploadSession,
};

impl RemoteSide for Mediagraph {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn requests(&self) -> u64 {
        self.http.sent()
    }

    async fn identity(&self) -> Result<Identity, RemoteError> {
        self.who_am_i().await
    }

    async fn folders(&self) -> Result<Vec<RemoteFolder>, RemoteError> {
        self.list_folders().await
    }

    async fn folder(&self, id: &StorageFolderId) -> Result<Answer<RemoteFolder>, RemoteError> {
        self.one_folder(id).await
    }

    async fn make_folder(&self, parent: Option<&StorageFolderId>, name: &str) -> Result<RemoteFolder, RemoteError> {
        self.new_folder(parent, name).await
    }

    async fn change_folder(
        &self,
        id: &StorageFolderId,
        parent: Option<&StorageFolderId>,
        name: &str,
    ) -> Result<(), RemoteError> {
        self.alter_folder(id, parent, name).await
    }

    async fn remove_folder(&self, id: &StorageFolderId) -> Result<(), RemoteError> {
        self.delete_folder(id).await
    }

    async fn folder_asset_ids(&self, id: &StorageFolderId) -> Result<Answer<Vec<AssetId>>, RemoteError> {
        self.ids_of_folder(id).await
    }

    async fn hints(&self) -> Result<Vec<AssetId>, RemoteError> {
        self.hint_list().await
    }

    async fn changed_since(&self, scope: &Scope, from: UnixMs, limit: u32) -> Result<ChangedAssets, RemoteError> {
        self.changes(scope, from, limit).await
    }

    async fn count_between(&self, scope: &Scope, from: UnixMs, to: UnixMs) -> Result<u64, RemoteError> {
        self.count_in(scope, from, to).await
    }

    async fn all_ids(&self, scope: &Scope, from: Option<UnixMs>) -> Result<Vec<AssetId>, RemoteError> {
        self.ids(scope, from).await
    }

    async fn assets(&self, ids: &[AssetId]) -> Result<Vec<RemoteAsset>, RemoteError> {
        self.assets_by_ids(ids).await
    }

    async fn asset(&self, id: &AssetId) -> Result<Answer<RemoteAsset>, RemoteError> {
        self.details(id).await
    }

    async fn acknowledge(&self, ids: &[AssetId]) -> Result<Vec<RemoteAsset>, RemoteError> {
        self.acknowledge_assets(ids).await
    }

    async fn trash_count(&self) -> Result<u64, RemoteError> {
        self.count_of_trash().await
    }

    async fn download(&self, id: &AssetId, version: Option<u64>, from: u64) -> Result<Download, RemoteError> {
        self.fetch(id, version, from).await
    }

    async fn open_session(
        &self,
        folder: &StorageFolderId,
        contribution: Option<i64>,
    ) -> Result<UploadSession, RemoteError> {
        self.new_session(folder, contribution).await
    }

    async fn close_session(&self, session: &UploadSession) -> Result<(), RemoteError> {
        self.end_session(session).await
    }

    async fn prepare_asset(
        &self,
        session: &UploadSession,
        content: &NewContent,
    ) -> Result<PreparedUpload, RemoteError> {
        self.prepare_new(session, content).await
    }

    async fn pending(&self, session: &UploadSession, marker: &str) -> Result<Vec<RemoteAsset>, RemoteError> {
        self.marked(session, marker).await
    }

    async fn prepare_version(&self, id: &AssetId, content: &NewContent) -> Result<PreparedUpload, RemoteError> {
        self.prepare_next(id, content).await
    }

    async fn send(&self, url: &SignedUrl, payload: Payload) -> Result<(), RemoteError> {
        self.send_bytes(url, payload).await
    }

    async fn finish_asset(&self, guid: &Guid) -> Result<Option<RemoteAsset>, RemoteError> {
        self.say_uploaded(guid, false).await
    }

    async fn finish_version(&self, guid: &Guid) -> Result<Option<RemoteAsset>, RemoteError> {
        self.say_uploaded(guid, true).await
    }

    async fn trash(&self, id: &AssetId) -> Result<(), RemoteError> {
        self.put_into_trash(id).await
    }

    async fn restore(&self, id: &AssetId) -> Result<(), RemoteError> {
        self.bring_back(id).await
    }

    async fn rename(&self, id: &AssetId, filename: &str) -> Result<(), RemoteError> {
        self.give_name(id, filename).await
    }

    async fn move_to(&self, id: &AssetId, folder: &StorageFolderId) -> Result<(), RemoteError> {
        self.take_to(id, folder).await
    }
}
