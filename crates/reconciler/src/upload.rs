//! New content goes up: prepare → send → finish, with the journal before the first call and the base after the last.
//!
//! Preparing makes a pending asset at once, so a lost answer is followed by looking for what it left behind, and what is
//! found is taken away before another attempt. A pending asset that cannot be found yet stays on the list of strays.

use crate::crash::CrashPoint;
use crate::execute::{Places, Target, Task, agree, local_file};
use crate::hooks::Step;
use crate::pass::{Pass, PassError};
use crate::rounds::Done;
use crate::sending::{ATTEMPTS, Sent, expired, nonsense};
use damsync_model::content::{Claimed, Content};
use damsync_model::id::FolderId;
use damsync_model::tree::{AssetState, LocalFile, RemoteAsset};
use damsync_ports::{LocalSide, NewContent, RemoteError, RemoteErrorKind, RemoteSide};
use damsync_store::{AssetRow, Intent, Presence};

/// A new asset's `data_version_number` (the API's recorded answer to a prepared upload).
const FIRST_VERSION: u64 = 1;

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

    pub(crate) fn announce(&self, task: &Task<'_>, bytes: u64) {
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
            self.hold_if_given_again(&asset).await?;
            intent.asset = Some(asset.id.clone());
            intent.guid = Some(asset.guid.clone());
            intent.filename = Some(asset.filename.clone());
            self.keep_prepared(&mut intent, &prepared).await?;
            if let Sent::Expired = self.send_or_take_back(task, file, &intent, &prepared.url).await? {
                last = Some(expired());
                continue;
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
            next_look: waits.then(|| crate::observe::next_look(&asset, now)),
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
}

/// What we sent as a new asset is its first version. A later one is somebody else's: it is seen at the next look.
pub(crate) fn first_version(mut asset: RemoteAsset) -> RemoteAsset {
    if asset.version.is_some_and(|version| version != FIRST_VERSION) {
        asset.version = Some(FIRST_VERSION);
        asset.state = AssetState::Processing;
    }
    asset
}
