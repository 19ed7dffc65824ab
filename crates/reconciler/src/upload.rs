//! New content goes up: prepare → send → finish, with the journal before the first call and the base after the last.
//!
//! Preparing makes a pending asset at once, so a lost answer is followed by looking for what it left behind, and what is
//! found is taken away before another attempt. A pending asset that cannot be found yet stays on the list of strays.

use crate::crash::CrashPoint;
use crate::execute::{Places, Target, Task, agree, local_file};
use crate::hooks::Step;
use crate::observe::Said;
use crate::pass::{Pass, PassError};
use crate::rounds::Done;
use crate::trash_count;
use damsync_model::content::{Claimed, Content};
use damsync_model::id::{AssetId, FolderId, Guid, StorageFolderId};
use damsync_model::plan::Action;
use damsync_model::planner::is_repair;
use damsync_model::tree::{AssetState, LocalFile, RemoteAsset};
use damsync_ports::{
    Answer, LocalError, LocalSide, NewContent, PreparedUpload, RemoteError, RemoteErrorKind, RemoteSide, SignedUrl,
    UploadSession,
};
use damsync_store::{AssetRow, Event, Intent, Presence, SessionRow, StoreError, Stray};
use std::time::Duration;

/// Attempts at preparing anew, after lost answers and expired addresses.
const ATTEMPTS: u32 = 3;

/// Attempts at sending the bytes to one address.
const SENDS: u32 = 4;

/// First pause between them; doubled each time.
const PAUSE: Duration = Duration::from_millis(250);

/// How long the server may go on showing the version that a push replaced.
const SUPERSEDED_MS: i64 = 15 * 60 * 1000;

/// A new asset's `data_version_number` (the API's recorded answer to a prepared upload).
const FIRST_VERSION: u64 = 1;

/// What an attempt at sending ended in.
enum Sent {
    Yes,
    /// The signed address is no longer good.
    Expired,
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// R1.
    pub(crate) async fn upload(&self, task: &Task<'_>) -> Result<Done, PassError> {
        let (file, content) = local_file(task)?;
        self.must_be_settled(file).await?;
        let Some(target) = self.upload_target(file.place.folder)? else { return Ok(Done::DecideAgain) };
        self.announce(task, content.size);
        let result = self.upload_attempts(task, file, content, &target).await;
        self.step(Step::TransferEnded { path: task.path.to_string() });
        result
    }

    /// An interrupted upload of the same file must have been settled: its record would be written over.
    async fn must_be_settled(&self, file: &LocalFile) -> Result<(), PassError> {
        let (folder, key) = (file.place.folder, self.key(&file.place));
        match self.engine.keeper.read(move |tx| tx.intent_at(folder, &key)).await? {
            Some(intent) if !intent.is_version => {
                let why = "what became of an interrupted upload of it is not known yet".to_owned();
                Err(RemoteError { what: "upload the file", kind: RemoteErrorKind::NoAnswer(why) }.into())
            }
            _ => Ok(()),
        }
    }

    fn announce(&self, task: &Task<'_>, bytes: u64) {
        self.step(Step::TransferStarted { path: task.path.to_string(), direction: "push", bytes: Some(bytes) });
    }

    /// The storage folder that a directory's files go to; `None` while it is still to be made: the file became a new one
    /// only in this round, and the next one begins with the folders that its files need.
    pub(crate) fn upload_target(&self, folder: FolderId) -> Result<Option<Target>, PassError> {
        let remote = self.folders().get(folder).and_then(|row| row.remote.clone());
        let refuse = |message: &str| {
            Err(RemoteError {
                what: "upload the file",
                kind: RemoteErrorKind::Refused { status: 0, message: message.to_owned() },
            }
            .into())
        };
        match remote {
            None if self.rules().capabilities.has_folder_tree && !self.folder_failed(folder) => Ok(None),
            None => refuse("its directory has no storage folder on the server yet"),
            Some(remote) if remote.id.is_none() => {
                refuse("files cannot be uploaded above the storage folders; put it into a directory")
            }
            Some(remote) if remote.organizer => {
                refuse("its storage folder is an organizer, which holds only folders; put it into a directory below")
            }
            Some(remote) => Ok(Some((folder, remote))),
        }
    }

    async fn upload_attempts(
        &self,
        task: &Task<'_>,
        file: &LocalFile,
        content: Content,
        target: &Target,
    ) -> Result<Done, PassError> {
        let key = self.key(&file.place);
        let Some(storage_folder) = target.1.id.clone() else {
            return Err(nonsense("a storage folder without an id").into());
        };
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let session = self.session(target, &storage_folder).await?;
            let mut intent = Intent {
                marker: format!("damsync-{}", self.engine.chance.token()),
                folder: file.place.folder,
                key: key.clone(),
                asset: None,
                guid: None,
                filename: None,
                is_version: false,
                session: Some(session.id),
                content,
                url: None,
                prepared_at: None,
                opened_at: self.now(),
            };
            self.open_intent(&intent).await?;
            self.reach(CrashPoint::IntentOpen)?;
            let new = NewContent {
                filename: file.place.name.as_str().to_owned(),
                size: content.size,
                marker: intent.marker.clone(),
            };
            let prepared = match self.engine.remote.prepare_asset(&session, &new).await {
                Ok(prepared) => prepared,
                Err(error) if error.effect_unknown() => {
                    self.clear_stray(&session, &storage_folder, &intent.marker).await?;
                    last = Some(error);
                    continue;
                }
                Err(error) => {
                    self.close_intent(&intent).await?;
                    return Err(error.into());
                }
            };
            self.reach(CrashPoint::Prepared)?;
            let Some(asset) = prepared.asset.clone() else {
                self.clear_stray(&session, &storage_folder, &intent.marker).await?;
                last = Some(nonsense("the answer names no asset"));
                continue;
            };
            intent.asset = Some(asset.id.clone());
            intent.guid = Some(asset.guid.clone());
            intent.filename = Some(asset.filename.clone());
            self.keep_prepared(&mut intent, &prepared).await?;
            match self.send(task, file, content, &prepared.url).await {
                Ok(Sent::Yes) => {}
                Ok(Sent::Expired) => {
                    self.drop_pending(&intent).await?;
                    last = Some(RemoteError { what: "send the file", kind: RemoteErrorKind::Expired });
                    continue;
                }
                Err(error) => {
                    if !matches!(error, PassError::Crashed(_) | PassError::Stopped) {
                        self.drop_pending(&intent).await?;
                    }
                    return Err(error);
                }
            }
            self.reach(CrashPoint::Sent)?;
            let told = self.engine.remote.finish_asset(&asset.guid).await?;
            self.reach(CrashPoint::Finished)?;
            let mut asset = told.unwrap_or(asset);
            if asset.state == AssetState::Pending {
                asset.state = AssetState::Processing;
            }
            self.keep_upload(task, &intent, asset, file, content).await?;
            self.reach(CrashPoint::UploadKept)?;
            return Ok(Done::Yes);
        }
        Err(last.unwrap_or_else(|| nonsense("the upload was never tried")).into())
    }

    async fn keep_upload(
        &self,
        task: &Task<'_>,
        intent: &Intent,
        asset: RemoteAsset,
        file: &LocalFile,
        content: Content,
    ) -> Result<(), PassError> {
        let asset = first_version(asset);
        let row = self.uploaded_row(asset, file.place.folder, file.place.name.as_str(), content);
        let (mirror, place, key) = (self.mirror, file.place.clone(), intent.key.clone());
        let (marker, event) = (intent.marker.clone(), self.event(task, "done"));
        self.engine
            .keeper
            .write(move |tx| {
                tx.put_asset(mirror, &row)?;
                agree(tx, mirror, &row, &place, &key, content, Places::AsBefore)?;
                if row.next_look.is_some() {
                    // It is listed as awaiting until the server shows it.
                    tx.mark_asset(mirror, &row.asset.id)?;
                }
                tx.close_intent(&marker)?;
                tx.add_event(mirror, &event)
            })
            .await?;
        self.report().bytes_up += content.size;
        Ok(())
    }

    /// The row of an asset that we uploaded: its local name is the file's, whatever name the server stored.
    pub(crate) fn uploaded_row(
        &self,
        mut asset: RemoteAsset,
        folder: FolderId,
        name: &str,
        content: Content,
    ) -> AssetRow {
        let key = damsync_model::name::NameKey::of(name, self.folders().folding());
        let waits = asset.state != AssetState::Processed;
        if waits || asset.claimed.md5.is_some_and(|md5| md5 != content.md5) {
            asset.claimed = Claimed::default();
        }
        asset.storage_folder = None;
        let now = self.server_now();
        AssetRow {
            next_look: waits.then(|| crate::observe::next_look(asset.updated_at, now)),
            folder: Some(folder),
            given_name: name.to_owned(),
            key,
            presence: Presence::Live,
            learned: false,
            unacknowledged: false,
            superseded: None,
            asset,
        }
    }

    /// R3, R7 with `local-wins`, R20.
    pub(crate) async fn push_version(&self, task: &Task<'_>) -> Result<Done, PassError> {
        let (file, content) = local_file(task)?;
        let Action::PushVersion { asset, expect_remote, .. } = &task.planned.action else {
            return Ok(Done::DecideAgain);
        };
        if self.resent_before(task).await? {
            return Err(RemoteError {
                what: "push the version",
                kind: RemoteErrorKind::Refused {
                    status: 0,
                    message:
                        "the server's copy is damaged again after it was sent once more; the local file is untouched"
                            .to_owned(),
                },
            }
            .into());
        }
        let Some(row) = self.asset_row(asset).await? else { return Ok(Done::DecideAgain) };
        self.announce(task, content.size);
        let result = self.push_attempts(task, file, content, &row, expect_remote.version).await;
        self.step(Step::TransferEnded { path: task.path.to_string() });
        result
    }

    /// A damaged copy is sent once more, not for ever.
    async fn resent_before(&self, task: &Task<'_>) -> Result<bool, PassError> {
        if !is_repair(&task.one.entity, &task.planned.action) {
            return Ok(false);
        }
        let (mirror, path) = (self.mirror, task.path.to_string());
        let last = self.engine.keeper.read(move |tx| tx.history_of(mirror, &path, 1)).await?;
        let repaired = |event: &Event| event.action == "push_version" && event.reason.starts_with(task.planned.reason);
        Ok(last.first().is_some_and(|row| repaired(&row.event)))
    }

    async fn push_attempts(
        &self,
        task: &Task<'_>,
        file: &LocalFile,
        content: Content,
        row: &AssetRow,
        before: Option<u64>,
    ) -> Result<Done, PassError> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let mut intent = Intent {
                marker: format!("damsync-{}", self.engine.chance.token()),
                folder: file.place.folder,
                key: self.key(&file.place),
                asset: Some(row.asset.id.clone()),
                guid: Some(row.asset.guid.clone()),
                filename: None,
                is_version: true,
                session: None,
                content,
                url: None,
                prepared_at: None,
                opened_at: self.now(),
            };
            self.open_intent(&intent).await?;
            self.reach(CrashPoint::IntentOpen)?;
            let new =
                NewContent { filename: row.asset.filename.clone(), size: content.size, marker: intent.marker.clone() };
            let prepared = match self.engine.remote.prepare_version(&row.asset.id, &new).await {
                Ok(prepared) => prepared,
                // A prepared version that gets no bytes is harmless.
                Err(error) if error.effect_unknown() => {
                    last = Some(error);
                    continue;
                }
                Err(error) => {
                    self.close_intent(&intent).await?;
                    return Err(error.into());
                }
            };
            self.reach(CrashPoint::Prepared)?;
            self.keep_prepared(&mut intent, &prepared).await?;
            match self.send(task, file, content, &prepared.url).await {
                Ok(Sent::Yes) => {}
                Ok(Sent::Expired) => {
                    last = Some(RemoteError { what: "send the file", kind: RemoteErrorKind::Expired });
                    continue;
                }
                Err(error) => {
                    if !matches!(error, PassError::Crashed(_) | PassError::Stopped) {
                        self.close_intent(&intent).await?;
                    }
                    return Err(error);
                }
            }
            self.reach(CrashPoint::Sent)?;
            let told = self.engine.remote.finish_version(&row.asset.guid).await?;
            self.reach(CrashPoint::Finished)?;
            let asset = match told {
                Some(asset) => asset,
                None => match self.engine.remote.asset(&row.asset.id).await? {
                    Answer::Found(asset) => asset,
                    Answer::NotFound | Answer::Denied => row.asset.clone(),
                },
            };
            self.keep_version(task, &intent, asset, row, file, content, before).await?;
            self.reach(CrashPoint::UploadKept)?;
            return Ok(Done::Yes);
        }
        Err(last.unwrap_or_else(|| nonsense("the version was never sent")).into())
    }

    #[expect(clippy::too_many_arguments, reason = "everything that one version leaves behind, written at once")]
    async fn keep_version(
        &self,
        task: &Task<'_>,
        intent: &Intent,
        mut asset: RemoteAsset,
        old: &AssetRow,
        file: &LocalFile,
        content: Content,
        before: Option<u64>,
    ) -> Result<(), PassError> {
        let head_moved = asset.version != before || asset.claimed.md5 == Some(content.md5);
        let mut superseded = None;
        if !head_moved && let Some(version) = before {
            // The head moves only when the version is processed: until then the server shows the one before.
            superseded = Some((version, self.server_now().plus_ms(SUPERSEDED_MS)));
            asset.version = Some(version + 1);
            asset.state = AssetState::Processing;
        }
        // Renamed or moved meanwhile: that is taken over by itself, after the agreement on the bytes.
        let seen = asset.clone();
        let between = matches!((before, asset.version), (Some(before), Some(now)) if now > before + 1);
        let moved = between || asset.filename != old.asset.filename || asset.storage_folder.is_some();
        asset.filename.clone_from(&old.asset.filename);
        if between {
            // It cannot be said whose the newest one is: it is looked at as one that may be somebody else's.
            asset.version = before.map(|before| before + 1);
        }
        let mut row = self.uploaded_row(asset, file.place.folder, &old.given_name, content);
        row.folder = old.folder;
        row.presence = old.presence;
        row.superseded = superseded;
        let (mirror, place, key, marker) = (self.mirror, file.place.clone(), intent.key.clone(), intent.marker.clone());
        let mut event = self.event(task, self.outcome_with(task, &content));
        if between {
            event.reason.push_str("; somebody else pushed a version at the same time: settled by order, both are kept");
        }
        self.engine
            .keeper
            .write(move |tx| {
                tx.put_asset(mirror, &row)?;
                agree(tx, mirror, &row, &place, &key, content, Places::AsBefore)?;
                tx.close_intent(&marker)?;
                tx.add_event(mirror, &event)
            })
            .await?;
        self.report().bytes_up += content.size;
        if moved {
            self.observe(vec![seen], Said::ByDatabase).await?;
        }
        Ok(())
    }

    /// Sends the bytes, again where that may help; each attempt reads the file anew.
    async fn send(
        &self,
        task: &Task<'_>,
        file: &LocalFile,
        content: Content,
        url: &SignedUrl,
    ) -> Result<Sent, PassError> {
        let mut pause = PAUSE;
        for attempt in 1..=SENDS {
            self.check_stop()?;
            let mut payload = self.engine.disk.read(&task.path, file.stat, content).await?;
            payload.body = self.watched(&task.path, payload.body);
            let error = match self.engine.remote.send(url, payload).await {
                Ok(()) => return Ok(Sent::Yes),
                Err(error) => error,
            };
            match error.kind {
                RemoteErrorKind::Expired => return Ok(Sent::Expired),
                RemoteErrorKind::Body(why) => {
                    // The file changed under us, or could not be read: it is looked at again.
                    return Err(LocalError::Changed { path: task.path.clone(), found: why }.into());
                }
                RemoteErrorKind::Busy { .. } | RemoteErrorKind::NoAnswer(_) if attempt < SENDS => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                _ => return Err(error.into()),
            }
        }
        Err(nonsense("the file was never sent").into())
    }

    /// The upload session for a directory; one per pass.
    async fn session(
        &self,
        (folder, remote): &Target,
        storage_folder: &StorageFolderId,
    ) -> Result<UploadSession, PassError> {
        let mut sessions = self.sessions.lock().await;
        if let Some(session) = sessions.get(folder) {
            return Ok(session.clone());
        }
        let session = self.engine.remote.open_session(storage_folder, remote.contribution).await?;
        self.reach(CrashPoint::SessionOpen)?;
        let (mirror, now) = (self.mirror, self.now());
        let row = SessionRow {
            id: session.id,
            guid: session.guid.clone(),
            folder: *folder,
            storage_folder: storage_folder.clone(),
            opened_at: now,
        };
        self.engine.keeper.write(move |tx| tx.put_session(mirror, &row)).await?;
        sessions.insert(*folder, session.clone());
        Ok(session)
    }

    /// Says of every session that it has all it will get.
    pub(crate) async fn close_sessions(&self) -> Result<(), PassError> {
        let mirror = self.mirror;
        self.sessions.lock().await.clear();
        let (sessions, intents) =
            self.engine.keeper.read(move |tx| Ok((tx.sessions(mirror)?, tx.intents(mirror)?))).await?;
        for row in sessions {
            // What is still under way in it would never be submitted; the next pass brings that to its end first.
            if intents.iter().any(|intent| intent.session == Some(row.id)) {
                continue;
            }
            let session = UploadSession { id: row.id, guid: row.guid };
            match self.engine.remote.close_session(&session).await {
                Ok(()) => {}
                Err(RemoteError { kind: RemoteErrorKind::NotFound, .. }) => {}
                Err(error) => {
                    tracing::warn!(session = row.id, %error, "the upload session could not be closed; the next pass does it");
                    continue;
                }
            }
            self.engine.keeper.write(move |tx| tx.remove_session(mirror, row.id)).await?;
        }
        Ok(())
    }

    async fn open_intent(&self, intent: &Intent) -> Result<(), PassError> {
        let (mirror, intent) = (self.mirror, intent.clone());
        Ok(self.engine.keeper.write(move |tx| tx.put_intent(mirror, &intent)).await?)
    }

    pub(crate) async fn close_intent(&self, intent: &Intent) -> Result<(), PassError> {
        let marker = intent.marker.clone();
        Ok(self.engine.keeper.write(move |tx| tx.close_intent(&marker)).await?)
    }

    async fn keep_prepared(&self, intent: &mut Intent, prepared: &PreparedUpload) -> Result<(), PassError> {
        intent.url = Some(prepared.url.expose().to_owned());
        intent.prepared_at = Some(self.now());
        self.open_intent(intent).await?;
        self.reach(CrashPoint::PreparedKept)
    }

    /// Takes the pending asset of an intent away again.
    pub(crate) async fn drop_pending(&self, intent: &Intent) -> Result<(), PassError> {
        if let Some(asset) = &intent.asset
            && !intent.is_version
        {
            self.trash_pending(asset).await?;
        }
        self.close_intent(intent).await
    }

    /// Takes away what we prepared ourselves and never sent.
    pub(crate) async fn trash_pending(&self, asset: &AssetId) -> Result<(), PassError> {
        self.engine.remote.trash(asset).await?;
        let mirror = self.mirror;
        Ok(self.engine.keeper.write(move |tx| trash_count::one_more(tx, mirror)).await?)
    }

    /// After a lost answer: what it left behind is taken away, or looked for later if the index does not know it yet.
    pub(crate) async fn clear_stray(
        &self,
        session: &UploadSession,
        storage_folder: &StorageFolderId,
        marker: &str,
    ) -> Result<(), PassError> {
        let found = self.engine.remote.pending(session, marker).await?;
        for asset in found.iter().filter(|asset| asset.state == AssetState::Pending) {
            self.trash_pending(&asset.id).await?;
        }
        let stray = Stray {
            marker: marker.to_owned(),
            session: session.id,
            session_guid: session.guid.clone(),
            storage_folder: storage_folder.clone(),
            since: self.now(),
        };
        let (mirror, known) = (self.mirror, !found.is_empty());
        self.engine
            .keeper
            .write(move |tx| {
                tx.close_intent(&stray.marker)?;
                if known { Ok(()) } else { tx.put_stray(mirror, &stray) }
            })
            .await?;
        Ok(())
    }

    pub(crate) async fn asset_row(&self, id: &AssetId) -> Result<Option<AssetRow>, PassError> {
        let (mirror, id) = (self.mirror, id.clone());
        Ok(self.engine.keeper.read(move |tx| tx.asset(mirror, &id)).await?)
    }
}

pub(crate) fn nonsense(why: &str) -> RemoteError {
    RemoteError { what: "upload the file", kind: RemoteErrorKind::Nonsense(why.to_owned()) }
}

/// A guid that the journal must have by now.
pub(crate) fn known_guid(intent: &Intent) -> Result<&Guid, PassError> {
    intent.guid.as_ref().ok_or_else(|| StoreError::Nonsense("a prepared upload without a guid").into())
}

/// What we sent as a new asset is its first version. A later one is somebody else's: it is seen at the next look.
pub(crate) fn first_version(mut asset: RemoteAsset) -> RemoteAsset {
    if asset.version.is_some_and(|version| version != FIRST_VERSION) {
        asset.version = Some(FIRST_VERSION);
        asset.state = AssetState::Processing;
    }
    asset
}
