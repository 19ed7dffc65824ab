//! What new assets and new versions share on their way up: sessions, the journal, the bytes, and taking back what came to
//! nothing.

use crate::crash::CrashPoint;
use crate::execute::{Target, Task};
use crate::pass::{Pass, PassError};
use crate::trash_count;
use damsync_model::content::Content;
use damsync_model::id::{AssetId, Guid, StorageFolderId};
use damsync_model::mutation::Mutation;
use damsync_model::tree::{AssetState, LocalFile};
use damsync_ports::{
    Answer, LocalError, LocalSide, PreparedUpload, RemoteError, RemoteErrorKind, RemoteSide, SignedUrl, UploadSession,
};
use damsync_store::{Intent, SessionRow, StoreError, Stray};
use std::time::Duration;

/// Attempts at preparing anew, after lost answers and expired addresses.
pub(crate) const ATTEMPTS: u32 = 3;

/// Attempts at sending the bytes to one address.
const SENDS: u32 = 4;

/// First pause between them; doubled each time.
const PAUSE: Duration = Duration::from_millis(250);

/// What an attempt at sending ended in.
pub(crate) enum Sent {
    Yes,
    /// The signed address is no longer good.
    Expired,
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Sends the bytes of an intent to the address that was prepared for them. Where that comes to nothing, what was
    /// prepared is taken back; a pass that is to stop leaves it to the next one.
    pub(crate) async fn send_or_take_back(
        &self,
        task: &Task<'_>,
        file: &LocalFile,
        intent: &Intent,
        url: &SignedUrl,
    ) -> Result<Sent, PassError> {
        let sent = self.send(task, file, intent.content, url).await;
        if !matches!(sent, Ok(Sent::Yes) | Err(PassError::Crashed(_) | PassError::Stopped)) {
            self.drop_pending(intent).await?;
        }
        sent
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
    pub(crate) async fn session(
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

    /// An interrupted upload of the same file must have been settled: its record would be written over.
    pub(crate) async fn must_be_settled(&self, file: &LocalFile) -> Result<(), PassError> {
        let (folder, key) = (file.place.folder, self.key(&file.place));
        match self.engine.keeper.read(move |tx| tx.intent_at(folder, &key)).await? {
            Some(intent) if !intent.is_version => {
                let why = "what became of an interrupted upload of it is not known yet".to_owned();
                Err(RemoteError { what: "upload the file", kind: RemoteErrorKind::NoAnswer(why) }.into())
            }
            _ => Ok(()),
        }
    }

    pub(crate) async fn open_intent(&self, intent: &Intent) -> Result<(), PassError> {
        if Mutation::NoIntent.is_on() {
            return Ok(());
        }
        let (mirror, intent) = (self.mirror, intent.clone());
        Ok(self.engine.keeper.write(move |tx| tx.put_intent(mirror, &intent)).await?)
    }

    pub(crate) async fn close_intent(&self, intent: &Intent) -> Result<(), PassError> {
        let marker = intent.marker.clone();
        Ok(self.engine.keeper.write(move |tx| tx.close_intent(&marker)).await?)
    }

    pub(crate) async fn keep_prepared(&self, intent: &mut Intent, prepared: &PreparedUpload) -> Result<(), PassError> {
        intent.url = Some(prepared.url.expose().to_owned());
        intent.prepared_at = Some(self.now());
        self.open_intent(intent).await?;
        self.reach(CrashPoint::PreparedKept)
    }

    /// Takes back what was prepared for an intent: a new asset goes; a version that gets no bytes is harmless.
    pub(crate) async fn drop_pending(&self, intent: &Intent) -> Result<(), PassError> {
        if let Some(asset) = &intent.asset
            && !intent.is_version
        {
            self.trash_pending(asset).await?;
            return self.close_unless_hidden(intent).await;
        }
        self.close_intent(intent).await
    }

    /// Closes the intent for a new asset that the server does not show, or says to be in the trash. It is gone only if its
    /// folder is there: else it may be hidden with that, and is looked for later.
    pub(crate) async fn close_unless_hidden(&self, intent: &Intent) -> Result<(), PassError> {
        let mirror = self.mirror;
        let sessions = self.engine.keeper.read(move |tx| tx.sessions(mirror)).await?;
        match sessions.iter().find(|session| Some(session.id) == intent.session) {
            Some(row) if !self.folder_is_there(&row.storage_folder).await? => self.make_stray(intent, row).await,
            _ => self.close_intent(intent).await,
        }
    }

    pub(crate) async fn make_stray(&self, intent: &Intent, row: &SessionRow) -> Result<(), PassError> {
        let session = UploadSession { id: row.id, guid: row.guid.clone() };
        self.clear_stray(&session, &row.storage_folder, &intent.marker).await
    }

    /// Asked anew: a pass that lists no folders knows of none that was hidden since. What lies in one that is hidden answers
    /// as if it were gone, also to being put into the trash.
    pub(crate) async fn folder_is_there(&self, id: &StorageFolderId) -> Result<bool, PassError> {
        Ok(matches!(self.engine.remote.folder(id).await?, Answer::Found(_)))
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
        if Mutation::StrayForgotten.is_on() {
            let marker = marker.to_owned();
            return Ok(self.engine.keeper.write(move |tx| tx.close_intent(&marker)).await?);
        }
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
        let (mirror, known) = (self.mirror, !found.is_empty() && self.folder_is_there(storage_folder).await?);
        self.engine
            .keeper
            .write(move |tx| {
                tx.close_intent(&stray.marker)?;
                if known { Ok(()) } else { tx.put_stray(mirror, &stray) }
            })
            .await?;
        Ok(())
    }
}

pub(crate) fn expired() -> RemoteError {
    RemoteError { what: "send the file", kind: RemoteErrorKind::Expired }
}

pub(crate) fn nonsense(why: &str) -> RemoteError {
    RemoteError { what: "upload the file", kind: RemoteErrorKind::Nonsense(why.to_owned()) }
}

/// A guid that the journal must have by now.
pub(crate) fn known_guid(intent: &Intent) -> Result<&Guid, PassError> {
    intent.guid.as_ref().ok_or_else(|| StoreError::Nonsense("a prepared upload without a guid").into())
}
