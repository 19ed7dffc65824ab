//! A changed file becomes a new version of its asset, in the same steps as a new one.

use crate::crash::CrashPoint;
use crate::execute::{Places, Task, agree, local_file};
use crate::hooks::Step;
use crate::observe::Said;
use crate::pass::{Pass, PassError};
use crate::rounds::Done;
use crate::sending::{ATTEMPTS, Sent, expired, nonsense};
use damsync_model::content::Content;
use damsync_model::plan::Action;
use damsync_model::planner::is_repair;
use damsync_model::tree::{AssetState, LocalFile, RemoteAsset};
use damsync_ports::{Answer, LocalSide, NewContent, RemoteError, RemoteErrorKind, RemoteSide};
use damsync_store::{AssetRow, Event, Intent, Presence};

/// How long the server may go on showing the version that a push replaced.
const SUPERSEDED_MS: i64 = 15 * 60 * 1000;

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
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
        self.must_be_settled(file).await?;
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
                    let is_known = !matches!(error.kind, RemoteErrorKind::NotFound);
                    return if is_known || self.is_still_outside(row).await? {
                        Err(error.into())
                    } else {
                        Ok(Done::DecideAgain)
                    };
                }
            };
            self.reach(CrashPoint::Prepared)?;
            self.keep_prepared(&mut intent, &prepared).await?;
            if let Sent::Expired = self.send_or_take_back(task, file, &intent, &prepared.url).await? {
                last = Some(expired());
                continue;
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

    /// Nobody tells what becomes of an asset outside the mirror. One that the server does not know any more is gone.
    async fn is_still_outside(&self, row: &AssetRow) -> Result<bool, PassError> {
        let id = &row.asset.id;
        if row.presence == Presence::Outside && self.ask_database(id).await? == Answer::NotFound {
            self.set_presence(id, Presence::Gone).await?;
        }
        Ok(self.asset_row(id).await?.is_some_and(|now| now.presence == row.presence))
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
            // It cannot be said which of them is ours: each may be somebody else's.
            asset.version = None;
            asset.updated_at = old.asset.updated_at;
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
}
