//! The remote port directly over the world.

use super::answers::{self, Slugs, Told};
use super::calls::{CARRYING, Repeat, may_be_missing, no_answer};
use super::looks::{Looks, RACE_MS, Within};
use super::server::Server;
use crate::stage::Stage;
use crate::weather::{Fault, Weather};
use bytes::{Bytes, BytesMut};
use damsync_model::capability::Capabilities;
use damsync_model::id::{AssetId, Guid, StorageFolderId};
use damsync_model::mutation::Mutation;
use damsync_model::time::UnixMs;
use damsync_model::tree::RemoteAsset;
use damsync_ports::{
    Answer, ChangedAssets, Download, Identity, NewContent, Payload, PreparedUpload, RemoteError, RemoteErrorKind,
    RemoteFolder, RemoteSide, Scope, SignedUrl, UploadSession,
};
use damsync_sandbox::world::generated::rendition;
use damsync_sandbox::world::job::JobWork;
use damsync_sandbox::world::search::Window;
use damsync_sandbox::world::user::UserId;
use damsync_sandbox::world::{
    AssetEdit, AssetKey, FolderEdit, NewAsset, NewFolder, NewUpload, SearchQuery, SinceLastSync, World,
};
use futures_util::{StreamExt, stream};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is asked when assets are acknowledged.
pub type Witness = Arc<dyn Fn(&[AssetId]) + Send + Sync>;

/// The DAM as one daemon sees it.
pub struct WorldRemote {
    pub(super) stage: Arc<Stage>,
    pub(super) user: UserId,
    pub(super) weather: Weather,
    capabilities: Capabilities,
    pub(super) requests: AtomicU64,
    slugs: Mutex<Slugs>,
    /// Hints about other users' assets were refused once.
    own_hints_only: AtomicBool,
    looks: Looks,
    witness: Witness,
}

impl std::fmt::Debug for WorldRemote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorldRemote").field("user", &self.user).finish_non_exhaustive()
    }
}

const CAPABILITIES: Capabilities = Capabilities {
    replaces_content: true,
    renames_assets: true,
    moves_assets: true,
    restores_assets: true,
    has_folder_tree: true,
    acknowledges: true,
    has_leases: false,
    max_upload_bytes: answers::MOST_BYTES,
};

impl WorldRemote {
    /// The port for a user, in some weather.
    pub fn new(stage: Arc<Stage>, user: UserId, weather: Weather, witness: Witness) -> Self {
        Self {
            stage,
            user,
            weather,
            capabilities: CAPABILITIES,
            requests: AtomicU64::new(0),
            slugs: Mutex::default(),
            own_hints_only: AtomicBool::new(false),
            looks: Looks::default(),
            witness,
        }
    }

    pub(super) fn server(&self) -> &Server {
        &self.stage.server
    }

    fn slugs(&self) -> MutexGuard<'_, Slugs> {
        self.slugs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn query(
        what: &'static str,
        scope: &Scope,
        updated: Option<Window>,
        per_page: u64,
    ) -> Result<SearchQuery, RemoteError> {
        let folder = match scope {
            Scope::Everything => None,
            Scope::Below(id) => Some(answers::number(what, &id.0)?),
        };
        Ok(SearchQuery { folder, updated, page: 1, per_page, ..SearchQuery::default() })
    }

    pub(super) fn listed(
        &self,
        world: &World,
        assets: &[Arc<damsync_sandbox::world::asset::Asset>],
    ) -> Vec<RemoteAsset> {
        let slugs = self.slugs();
        assets.iter().for_each(|asset| self.show(world, asset));
        assets.iter().map(|asset| answers::asset(world, asset, Told::Listed, &slugs)).collect()
    }

    /// An asset that lies outside the mirror is none of the daemon's: of what becomes of it there, it hears nothing.
    fn show(&self, world: &World, asset: &damsync_sandbox::world::asset::Asset) {
        let mirrored = self.server().mirrored;
        if asset.folder_id == mirrored || world.ancestors(asset.folder_id).contains(&mirrored) {
            self.stage.ledger().show(self.weather.daemon(), asset.id, asset.updated_at);
        }
    }

    pub(super) fn alone(&self, world: &World, asset: &damsync_sandbox::world::asset::Asset) -> RemoteAsset {
        self.show(world, asset);
        if !asset.alive() {
            self.stage.ledger().show_trash(self.weather.daemon());
        }
        answers::asset(world, asset, Told::Alone, &self.slugs())
    }

    fn check_evidence(&self, world: &World, id: i64) {
        let Some(asset) = world.any_asset(AssetKey::Id(id)).filter(|asset| asset.alive()) else { return };
        // A head may be prepared and have no bytes yet: then it is the newest that has.
        let head = asset.head_version().and_then(|version| self.server().hash(version));
        let Some(content) = head.or_else(|| self.server().contents_of(asset).pop()) else { return };
        // Nobody can see what happens between the last look and the deletion; the newer version is in the trash then.
        let raced = asset.updated_at > self.stage.time.ms() - RACE_MS;
        let mut ledger = self.stage.ledger();
        if !ledger.was_deleted(content) && !raced {
            ledger.violated(format!("evidence: asset {id} {:?} is trashed, and nobody deleted it", asset.filename));
        }
        let daemon = self.weather.daemon();
        let path = self.weather.path_of("trash_remote", Some(id));
        // What we sent ourselves and take back follows no deletion.
        let follows = path.is_some();
        if let Some(path) = path.filter(|path| self.stage.disk(daemon).has_seen_put(path)) {
            ledger.violated(format!("evidence: asset {id} is trashed, and its file was seen at {path:?}"));
        }
        // Others may still have an earlier version: that is deleted with it.
        for content in self.server().contents_of(asset) {
            ledger.delete(content);
        }
        drop(ledger);
        if follows {
            self.stage.follows_deletion(daemon, "an asset");
        }
    }

    /// Writes down what an asset's newest version holds, before that may change.
    fn note_head(&self, world: &World, id: i64) {
        let asset = world.any_asset(AssetKey::Id(id));
        let head = asset.and_then(|asset| asset.head_version()).and_then(|version| self.server().hash(version));
        if let Some(content) = head {
            self.stage.ledger().head(id, content);
        }
    }
}

impl RemoteSide for WorldRemote {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    async fn identity(&self) -> Result<Identity, RemoteError> {
        self.call("ask who we are", Repeat::Safe, |world, now| {
            world.can_upload(self.user)?;
            // The `Date` header knows seconds.
            let server_time = UnixMs(world.clock(now).div_euclid(1000) * 1000);
            Ok(Identity { user: self.user.to_string(), organization: world.organization_id().to_string(), server_time })
        })
        .await
    }

    async fn folders(&self) -> Result<Vec<RemoteFolder>, RemoteError> {
        self.call("list the storage folders", Repeat::Safe, |world, now| {
            let list = world.list_folders(self.user, now)?;
            *self.slugs() = answers::all_slugs(world, &list);
            self.looks.listed(list.iter().map(|folder| folder.id), now);
            Ok(list.iter().map(|folder| answers::folder(world, folder)).collect())
        })
        .await
    }

    async fn folder(&self, id: &StorageFolderId) -> Result<Answer<RemoteFolder>, RemoteError> {
        const WHAT: &str = "look at a storage folder";
        let number = answers::number(WHAT, &id.0)?;
        may_be_missing(
            self.call(WHAT, Repeat::Safe, |world, now| {
                let folder = world.folder(self.user, number, now)?;
                Ok(answers::folder(world, &folder))
            })
            .await,
        )
    }

    async fn make_folder(&self, parent: Option<&StorageFolderId>, name: &str) -> Result<RemoteFolder, RemoteError> {
        const WHAT: &str = "make a storage folder";
        self.stage.changes_server(self.weather.daemon(), WHAT);
        let parent_id = parent.map(|parent| answers::number(WHAT, &parent.0)).transpose()?;
        self.call(WHAT, Repeat::Never, |world, now| {
            let new = NewFolder { name: name.to_owned(), parent_id, ..NewFolder::default() };
            let folder = world.create_folder(self.user, new, now)?;
            answers::remember(&mut self.slugs(), answers::slugs(world, folder.id), folder.id);
            Ok(answers::folder(world, &folder))
        })
        .await
    }

    async fn change_folder(
        &self,
        id: &StorageFolderId,
        parent: Option<&StorageFolderId>,
        name: &str,
    ) -> Result<(), RemoteError> {
        const WHAT: &str = "change a storage folder";
        self.stage.changes_server(self.weather.daemon(), WHAT);
        let id = answers::number(WHAT, &id.0)?;
        let parent_id = parent.map(|parent| answers::number(WHAT, &parent.0)).transpose()?;
        self.call(WHAT, Repeat::Safe, |world, now| {
            let edit = FolderEdit { name: Some(name.to_owned()), parent_id: Some(parent_id), ..FolderEdit::default() };
            let folder = world.edit_folder(self.user, id, edit, now)?;
            answers::remember(&mut self.slugs(), answers::slugs(world, folder.id), folder.id);
            Ok(())
        })
        .await
    }

    async fn remove_folder(&self, id: &StorageFolderId) -> Result<(), RemoteError> {
        const WHAT: &str = "remove a storage folder";
        self.stage.changes_server(self.weather.daemon(), WHAT);
        self.stage.follows_deletion(self.weather.daemon(), WHAT);
        let id = answers::number(WHAT, &id.0)?;
        let removal = |world: &mut World, now| {
            world.tick(now);
            let assets = Within::of(world, self.server(), id);
            world.delete_folder(self.user, id, now)?;
            let mut ledger = self.stage.ledger();
            self.looks.removed(&assets, self.server(), &mut ledger, now);
            let (daemon, path) = (self.weather.daemon(), self.weather.path_of("remove_remote_folder", None));
            if let Some(path) = path
                && !ledger.was_dir_removed(daemon, &path)
                // An empty folder that is hidden looks like one that was removed.
                && !ledger.ever_hid()
                && !ledger.ever_rolled_back()
            {
                ledger.violated(format!("evidence: storage folder {id} is removed, and nobody removed {path:?}"));
            }
            Ok(())
        };
        match self.call(WHAT, Repeat::Safe, removal).await {
            Err(RemoteError { kind: RemoteErrorKind::NotFound, .. }) => Ok(()),
            answer => answer,
        }
    }

    async fn folder_asset_ids(&self, id: &StorageFolderId) -> Result<Answer<Vec<AssetId>>, RemoteError> {
        const WHAT: &str = "list the assets of a storage folder";
        let id = answers::number(WHAT, &id.0)?;
        may_be_missing(
            self.call(WHAT, Repeat::Safe, |world, now| {
                let ids = world.folder_asset_ids(self.user, id, now)?;
                self.looks.saw(id, &ids, now);
                Ok(ids.into_iter().map(AssetId::from).collect())
            })
            .await,
        )
    }

    async fn hints(&self) -> Result<Vec<AssetId>, RemoteError> {
        const WHAT: &str = "ask for hints";
        let ask = |any_user: bool| {
            self.call(WHAT, Repeat::Safe, move |world, now| {
                let asked = SinceLastSync { any_user, ..SinceLastSync::default() };
                let ids = world.updated_since_last_sync(self.user, &asked, now)?;
                Ok(ids.into_iter().map(AssetId::from).collect::<Vec<_>>())
            })
        };
        if self.own_hints_only.load(Ordering::Relaxed) {
            return ask(false).await;
        }
        match ask(true).await {
            Err(RemoteError { kind: RemoteErrorKind::Forbidden(_), .. }) => {
                self.own_hints_only.store(true, Ordering::Relaxed);
                ask(false).await
            }
            answer => answer,
        }
    }

    async fn changed_since(&self, scope: &Scope, from: UnixMs, limit: u32) -> Result<ChangedAssets, RemoteError> {
        const WHAT: &str = "ask what changed";
        let wanted = limit.min(100);
        let query = Self::query(WHAT, scope, Some((Some(from.0), None)), u64::from(wanted.max(1)))?;
        self.call(WHAT, Repeat::Safe, |world, now| {
            let page = world.search(self.user, &query, now)?;
            let told = &page.assets[..page.assets.len().min(wanted as usize)];
            Ok(ChangedAssets { total: page.total, assets: self.listed(world, told) })
        })
        .await
    }

    async fn count_between(&self, scope: &Scope, from: UnixMs, to: UnixMs) -> Result<u64, RemoteError> {
        const WHAT: &str = "count what changed";
        let query = Self::query(WHAT, scope, Some((Some(from.0), Some(to.0))), 1)?;
        self.call(WHAT, Repeat::Safe, |world, now| Ok(world.search(self.user, &query, now)?.total)).await
    }

    async fn all_ids(&self, scope: &Scope, from: Option<UnixMs>) -> Result<Vec<AssetId>, RemoteError> {
        const WHAT: &str = "list the ids of all assets";
        let query = Self::query(WHAT, scope, from.map(|from| (Some(from.0), None)), 1)?;
        self.call(WHAT, Repeat::Safe, |world, now| {
            let mut ids = world.search_ids(self.user, &query, now)?;
            ids.sort_unstable();
            Ok(ids.into_iter().map(AssetId::from).collect())
        })
        .await
    }

    async fn assets(&self, ids: &[AssetId]) -> Result<Vec<RemoteAsset>, RemoteError> {
        self.by_ids("look at assets", ids, false).await
    }

    async fn asset(&self, id: &AssetId) -> Result<Answer<RemoteAsset>, RemoteError> {
        const WHAT: &str = "look at an asset";
        let number = answers::number(WHAT, &id.0)?;
        let told = self.call(WHAT, Repeat::Safe, |world, now| {
            let asset = world.asset(self.user, AssetKey::Id(number), false, now)?;
            Ok(self.alone(world, &asset))
        });
        let told = may_be_missing(told.await);
        if let (Ok(Answer::NotFound), Some(content)) = (&told, self.stage.server.living_head_of(number))
            && !self.stage.is_on_a_disk(content)
        {
            self.stage.ledger().lose_sight(self.weather.daemon(), number);
        }
        told
    }

    async fn acknowledge(&self, ids: &[AssetId]) -> Result<Vec<RemoteAsset>, RemoteError> {
        (self.witness)(ids);
        self.by_ids("acknowledge assets", ids, true).await
    }

    async fn trash_count(&self) -> Result<u64, RemoteError> {
        self.call("count the trash", Repeat::Safe, |world, now| world.trash_count(self.user, now)).await
    }

    async fn download(&self, id: &AssetId, version: Option<u64>, from: u64) -> Result<Download, RemoteError> {
        const WHAT: &str = "download an asset";
        let number = answers::number(WHAT, &id.0)?;
        let turn = self.begin(WHAT, CARRYING).await?;
        let answer = {
            let mut world = self.server().world();
            let version = version.and_then(|version| i64::try_from(version).ok());
            world
                .download(self.user, AssetKey::Id(number), version, self.stage.time.ms())
                .map_err(|refusal| answers::refusal(WHAT, &refusal))
                .map(|(asset, version)| {
                    // Instead of an original that may not be had comes something smaller.
                    let content = if asset.original_downloadable { version.content } else { Some(rendition(&asset)) };
                    let bytes = content.and_then(|content| self.server().read(&content));
                    (bytes.unwrap_or_default(), world.habits().clone())
                })
        };
        let fault = turn.fault;
        self.weather.end(turn).await;
        let (data, habits) = answer?;
        // Damage that no checksum can show is not to be found by anybody.
        let fault = match fault {
            Some(Fault::Body(part)) if !habits.checksums_given => Some(Fault::Body(part - part % 3 + 1)),
            fault => fault,
        };
        if fault == Some(Fault::LostAfter) {
            return Err(no_answer(WHAT));
        }
        // A range beyond the end is asked again from the beginning.
        let from = if habits.ranges && from < data.len() as u64 { from } else { 0 };
        let part = data.slice(usize::try_from(from).unwrap_or(0)..);
        Ok(Download { from, remaining: Some(part.len() as u64), body: Box::pin(stream::iter(pieces(&part, fault))) })
    }

    async fn open_session(
        &self,
        folder: &StorageFolderId,
        contribution: Option<i64>,
    ) -> Result<UploadSession, RemoteError> {
        const WHAT: &str = "open an upload session";
        self.stage.changes_server(self.weather.daemon(), WHAT);
        let folder = answers::number(WHAT, &folder.0)?;
        let upload = self
            .call(WHAT, Repeat::Safe, |world, now| {
                world.start_upload(self.user, contribution, NewUpload::default(), now)
            })
            .await?;
        if upload.folder_id != folder {
            let message = "its uploads would go to another folder".to_owned();
            return Err(RemoteError { what: WHAT, kind: RemoteErrorKind::Refused { status: 200, message } });
        }
        Ok(UploadSession { id: upload.id, guid: upload.guid })
    }

    async fn close_session(&self, session: &UploadSession) -> Result<(), RemoteError> {
        self.call("close an upload session", Repeat::Safe, |world, now| {
            world.set_done(self.user, session.id, now).map(|_| ())
        })
        .await
    }

    async fn prepare_asset(
        &self,
        session: &UploadSession,
        content: &NewContent,
    ) -> Result<PreparedUpload, RemoteError> {
        const WHAT: &str = "prepare an upload";
        self.stage.changes_server(self.weather.daemon(), WHAT);
        answers::check_size(WHAT, content.size)?;
        self.call(WHAT, Repeat::Never, |world, now| {
            let (asset, ticket) = world.prepare_asset(self.user, &session.guid, new_asset(content), now)?;
            Ok(PreparedUpload { asset: Some(self.alone(world, &asset)), url: SignedUrl::new(ticket.key) })
        })
        .await
    }

    async fn pending(&self, session: &UploadSession, marker: &str) -> Result<Vec<RemoteAsset>, RemoteError> {
        let query =
            SearchQuery { upload_guid: Some(session.guid.clone()), page: 1, per_page: 100, ..SearchQuery::default() };
        self.call("look for a prepared upload", Repeat::Safe, |world, now| {
            let page = world.search(self.user, &query, now)?;
            let ours: Vec<_> =
                page.assets.into_iter().filter(|asset| asset.created_via_id.as_deref() == Some(marker)).collect();
            Ok(self.listed(world, &ours))
        })
        .await
    }

    async fn prepare_version(&self, id: &AssetId, content: &NewContent) -> Result<PreparedUpload, RemoteError> {
        const WHAT: &str = "prepare a new version";
        self.stage.changes_server(self.weather.daemon(), WHAT);
        answers::check_size(WHAT, content.size)?;
        let number = answers::number(WHAT, &id.0)?;
        self.call(WHAT, Repeat::Never, |world, now| {
            self.note_head(world, number);
            let (asset, ticket) = world.add_version(self.user, AssetKey::Id(number), new_asset(content), now)?;
            let whole =
                world.habits().add_version_answer == damsync_sandbox::world::habits::AddVersionAnswer::WholeAsset;
            let asset = whole.then(|| self.alone(world, &asset));
            Ok(PreparedUpload { asset, url: SignedUrl::new(ticket.key) })
        })
        .await
    }

    async fn send(&self, url: &SignedUrl, mut payload: Payload) -> Result<(), RemoteError> {
        const WHAT: &str = "send a file";
        self.stage.changes_server(self.weather.daemon(), WHAT);
        let error = |kind| RemoteError { what: WHAT, kind };
        answers::check_size(WHAT, payload.size)?;
        let turn = self.begin(WHAT, CARRYING).await?;
        let key = url.expose();
        // The storage gives one reason for all: it denies the access.
        let expired = |_| error(RemoteErrorKind::Expired);
        self.server().world().may_put(key, self.stage.time.ms()).map_err(expired)?;
        let mut data = BytesMut::new();
        while let Some(piece) = payload.body.next().await {
            data.extend_from_slice(&piece.map_err(|ours| error(RemoteErrorKind::Body(ours.to_string())))?);
        }
        if matches!(turn.fault, Some(Fault::Body(_))) {
            return Err(no_answer(WHAT));
        }
        let content = crate::content::hashes_of(&data);
        // Where nobody looks at what is sent, no digest is sent with it either.
        if content.size != payload.size || content.md5 != payload.md5 && !Mutation::SentUnverified.is_on() {
            return Err(error(RemoteErrorKind::Body("BadDigest".to_owned())));
        }
        let stored = self.server().keep(data.freeze());
        self.server().world().object_stored(key, stored);
        let lost = turn.fault == Some(Fault::LostAfter);
        self.weather.end(turn).await;
        if lost { Err(no_answer(WHAT)) } else { Ok(()) }
    }

    async fn finish_asset(&self, guid: &Guid) -> Result<Option<RemoteAsset>, RemoteError> {
        self.finish("finish an upload", guid, false).await
    }

    async fn finish_version(&self, guid: &Guid) -> Result<Option<RemoteAsset>, RemoteError> {
        self.finish("finish a new version", guid, true).await
    }

    async fn trash(&self, id: &AssetId) -> Result<(), RemoteError> {
        const WHAT: &str = "put an asset into the trash";
        self.stage.changes_server(self.weather.daemon(), WHAT);
        let number = answers::number(WHAT, &id.0)?;
        let answer = self
            .call(WHAT, Repeat::Safe, |world, now| {
                self.check_evidence(world, number);
                world.delete_asset(self.user, AssetKey::Id(number), now)
            })
            .await;
        match answer {
            Err(RemoteError { kind: RemoteErrorKind::NotFound, .. }) => Ok(()),
            answer => answer,
        }
    }

    async fn restore(&self, id: &AssetId) -> Result<(), RemoteError> {
        const WHAT: &str = "restore an asset";
        self.stage.changes_server(self.weather.daemon(), WHAT);
        self.job(WHAT, id, JobWork::Restore, |asset| asset.trashed_at.is_none()).await
    }

    async fn rename(&self, id: &AssetId, filename: &str) -> Result<(), RemoteError> {
        const WHAT: &str = "rename an asset";
        self.stage.changes_server(self.weather.daemon(), WHAT);
        let number = answers::number(WHAT, &id.0)?;
        self.call(WHAT, Repeat::Safe, |world, now| {
            let edit = AssetEdit { filename: Some(filename.to_owned()), ..AssetEdit::default() };
            world.edit_asset(self.user, AssetKey::Id(number), edit, now).map(|_| ())
        })
        .await
    }

    async fn move_to(&self, id: &AssetId, folder: &StorageFolderId) -> Result<(), RemoteError> {
        const WHAT: &str = "move an asset";
        self.stage.changes_server(self.weather.daemon(), WHAT);
        let number = answers::number(WHAT, &folder.0)?;
        self.job(WHAT, id, JobWork::MoveTo(number), |asset| asset.storage_folder.as_ref() == Some(folder)).await
    }
}

fn new_asset(content: &NewContent) -> NewAsset {
    NewAsset {
        filename: content.filename.clone(),
        file_size: Some(content.size),
        path: Some(String::new()),
        created_via: Some("damsync".to_owned()),
        created_via_id: Some(content.marker.clone()),
    }
}

/// A body in two pieces, with what the weather does to it.
fn pieces(data: &Bytes, fault: Option<Fault>) -> Vec<io::Result<Bytes>> {
    let half = data.len() / 2;
    let whole = vec![Ok(data.slice(..half)), Ok(data.slice(half..))];
    let Some(Fault::Body(part)) = fault else { return whole };
    let at = data.len() * usize::from(part) / 100;
    if part.is_multiple_of(3) && at < data.len() {
        let mut damaged = data.to_vec();
        damaged[at] ^= 0x20;
        return vec![Ok(damaged.into())];
    }
    vec![Ok(data.slice(..at)), Err(io::Error::other("the body breaks off (simulated)"))]
}
