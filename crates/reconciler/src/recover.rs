//! After a crash: every upload that was begun is brought to its end or taken back, before anything else is done.

use crate::execute::{Places, agree};
use crate::observe::Said;
use crate::pass::{Pass, PassError, ends_pass};
use crate::sending::known_guid;
use crate::trash_count;
use crate::upload::first_version;
use damsync_model::id::StorageFolderId;
use damsync_model::mutation::Mutation;
use damsync_model::name::FileName;
use damsync_model::tree::{AssetState, Place, RemoteAsset};
use damsync_ports::{Answer, LocalSide, RemoteSide, SignedUrl, UploadSession};
use damsync_store::{Event, Intent, SessionRow};

/// A pending asset that a lost answer left behind must show up within this time (twice the index's lag).
const STRAY_MS: i64 = 10 * 60 * 1000;

/// A signed address is good for an hour; an old one is not even tried.
const URL_MS: i64 = 50 * 60 * 1000;

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Settles the journal.
    pub(crate) async fn recover(&self) -> Result<(), PassError> {
        let mirror = self.mirror;
        let (intents, sessions, strays) = self
            .engine
            .keeper
            .read(move |tx| Ok((tx.intents(mirror)?, tx.sessions(mirror)?, tx.strays(mirror)?)))
            .await?;
        for intent in intents {
            match self.settle_intent(&intent, &sessions).await {
                Ok(()) => {}
                Err(error) if ends_pass(&error) => return Err(error),
                // It stays in the journal; the next pass tries again, and its file is not uploaded twice meanwhile.
                Err(error) => {
                    tracing::warn!(marker = intent.marker, %error, "an interrupted upload could not be settled")
                }
            }
        }
        for stray in strays {
            let is_old = self.now().0 - stray.since.0 > STRAY_MS;
            let in_sight = self.sees(&stray.storage_folder);
            // What lies in a folder that is hidden cannot be looked for, nor said to be gone.
            if is_old && !in_sight {
                continue;
            }
            let session = UploadSession { id: stray.session, guid: stray.session_guid.clone() };
            let found = self.engine.remote.pending(&session, &stray.marker).await?;
            // Bytes in it are not ours: they were never sent.
            for asset in found.iter().filter(|asset| asset.state == AssetState::Pending) {
                self.trash_pending(&asset.id).await?;
            }
            let is_over = if found.is_empty() {
                self.index_is_whole() && is_old
            } else {
                self.folder_is_there(&stray.storage_folder).await?
            };
            if is_over {
                self.engine.keeper.write(move |tx| tx.remove_stray(&stray.marker)).await?;
            }
        }
        Ok(())
    }

    /// Whether the server shows us this storage folder.
    fn sees(&self, id: &StorageFolderId) -> bool {
        let folders = self.folders();
        folders.of_remote(id).and_then(|id| folders.get(id)).is_some_and(|row| row.remote_unknown.is_none())
    }

    async fn settle_intent(&self, intent: &Intent, sessions: &[SessionRow]) -> Result<(), PassError> {
        if Mutation::IntentForgotten.is_on() {
            return self.close_intent(intent).await;
        }
        if intent.is_version {
            // The version may have arrived: what the server shows now decides, and equal bytes are adopted.
            if let Some(asset) = &intent.asset {
                self.ask_database(asset).await?;
            }
            return self.close_intent(intent).await;
        }
        let session = sessions.iter().find(|session| Some(session.id) == intent.session);
        let Some(asset) = &intent.asset else {
            return match session {
                Some(row) => self.make_stray(intent, row).await,
                None => self.close_intent(intent).await,
            };
        };
        match self.engine.remote.asset(asset).await? {
            Answer::Found(found) if found.state == AssetState::Pending => match self.resume(intent).await? {
                Some(told) => self.keep_recovered(intent, told).await,
                None => self.drop_pending(intent).await,
            },
            Answer::Found(found) if found.trashed_at.is_none() => self.keep_recovered(intent, found).await,
            Answer::NotFound => {
                // It may be what somebody put into the trash: that says nothing about any other asset.
                let mirror = self.mirror;
                self.engine.keeper.write(move |tx| trash_count::found(tx, mirror)).await?;
                self.close_unless_hidden(intent).await
            }
            Answer::Found(trashed) => {
                self.observe(vec![trashed], Said::ByDatabase).await?;
                self.close_intent(intent).await
            }
            Answer::Denied => Ok(()),
        }
    }

    /// Goes on with the recorded address while it is good and the file is still what was to be sent.
    async fn resume(&self, intent: &Intent) -> Result<Option<RemoteAsset>, PassError> {
        let (Some(url), Some(prepared_at)) = (&intent.url, intent.prepared_at) else { return Ok(None) };
        let Some(name) = FileName::new(&self.disk_name(intent).await?) else { return Ok(None) };
        let path = self.folders().path_of(&Place { folder: intent.folder, name });
        let Some(path) = path.filter(|_| self.now().0 - prepared_at.0 < URL_MS) else { return Ok(None) };
        let sent = async {
            let stat = self.engine.disk.stat(&path).await?;
            let payload = self.engine.disk.read(&path, stat, intent.content).await?;
            self.engine.remote.send(&SignedUrl::new(url.clone()), payload).await?;
            Ok::<_, PassError>(self.engine.remote.finish_asset(known_guid(intent)?).await?)
        };
        match sent.await {
            Ok(told) => Ok(told),
            Err(error) if ends_pass(&error) => Err(error),
            Err(error) => {
                tracing::debug!(marker = intent.marker, %error, "an interrupted upload is begun anew");
                Ok(None)
            }
        }
    }

    /// The upload had come to its end on the server; only our record is missing.
    async fn keep_recovered(&self, intent: &Intent, asset: RemoteAsset) -> Result<(), PassError> {
        let Some(name) = FileName::new(self.disk_name(intent).await?.as_str()) else {
            return self.close_intent(intent).await;
        };
        let place = Place { folder: intent.folder, name };
        let mut agreed = first_version(asset.clone());
        // Renamed since: that is taken over by itself, after the agreement.
        if let Some(filename) = &intent.filename {
            agreed.filename.clone_from(filename);
        }
        let row = self.uploaded_row(agreed, intent.folder, place.name.as_str(), intent.content);
        let event = Event {
            run: self.run.to_string(),
            at: self.now(),
            rule: "R1".to_owned(),
            action: "upload".to_owned(),
            path: self.folders().path_of(&place).unwrap_or_default().to_string(),
            asset: Some(asset.id.clone()),
            reason: "an interrupted upload had arrived".to_owned(),
            seen: "{}".to_owned(),
            outcome: "done".to_owned(),
        };
        let (mirror, key, content, marker) = (self.mirror, intent.key.clone(), intent.content, intent.marker.clone());
        self.engine
            .keeper
            .write(move |tx| {
                if tx.base(mirror, &row.asset.id)?.is_none() && tx.base_at(place.folder, &key)?.is_none() {
                    tx.put_asset(mirror, &row)?;
                    agree(tx, mirror, &row, &place, &key, content, Places::AsNow)?;
                    tx.mark_asset(mirror, &row.asset.id)?;
                    tx.add_event(mirror, &event)?;
                }
                tx.close_intent(&marker)
            })
            .await?;
        self.observe(vec![asset], Said::ByDatabase).await?;
        Ok(())
    }

    /// The name as it was on disk at the last scan; the key where the file has gone meanwhile.
    async fn disk_name(&self, intent: &Intent) -> Result<String, PassError> {
        let (folder, key) = (intent.folder, intent.key.clone());
        let file = self.engine.keeper.read(move |tx| tx.file(folder, &key)).await?;
        Ok(file.map_or_else(|| intent.key.as_str().to_owned(), |file| file.name))
    }
}
