//! Deletions, on either side: always into that side's trash, always on fresh evidence, never repeated from memory.

use crate::crash::CrashPoint;
use crate::execute::Task;
use crate::observe::Said;
use crate::pass::{Pass, PassError};
use crate::rounds::Done;
use crate::trash_count::{self, TrashCounts};
use damsync_model::id::AssetId;
use damsync_model::mutation::Mutation;
use damsync_model::plan::Action;
use damsync_model::tree::{Remote, RemoteFile};
use damsync_ports::{Answer, LocalError, LocalSide, RemoteError, RemoteErrorKind, RemoteSide};
use damsync_store::Presence;

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// R8 and R13: the file was deleted here. Both sides are asked once more before the asset goes.
    pub(crate) async fn trash_remote(&self, task: &Task<'_>) -> Result<Done, PassError> {
        let Action::TrashRemote { asset, place, .. } = &task.planned.action else { return Ok(Done::DecideAgain) };
        if !self.is_absent_here(task).await? {
            self.look_again(place.folder, &self.key(place), &task.path).await?;
            return Ok(Done::DecideAgain);
        }
        // What was known when that was decided: another task of this pass may have learned more of it since.
        let Remote::Live(RemoteFile { asset: known, place: there }) = &task.one.entity.remote else {
            return Ok(Done::DecideAgain);
        };
        match self.engine.remote.asset(asset).await? {
            Answer::Found(now) => {
                let folder = now.storage_folder.as_ref().map(|id| self.folders().of_remote(id));
                let unchanged = now.updated_at == known.updated_at
                    && now.version == known.version
                    && now.filename == known.filename
                    && folder.is_none_or(|folder| folder == Some(there.folder))
                    && now.trashed_at.is_none();
                if !unchanged && !Mutation::AssetTrashedUnseen.is_on() {
                    self.observe(vec![now], Said::ByDatabase).await?;
                    // If only metadata moved, the next decision is the same, with fresh knowledge (R13).
                    return Ok(Done::DecideAgain);
                }
            }
            // What became of it is for the evidence to say, not for this deletion.
            Answer::NotFound | Answer::Denied => {
                self.question(vec![asset.clone()], &mut TrashCounts::default()).await?;
                return Ok(Done::DecideAgain);
            }
        }
        match self.engine.remote.trash(asset).await {
            Ok(()) => {}
            // Locked, in a workflow, not ours: whatever the reason, the deletion must not be carried out when that ends.
            Err(RemoteError {
                kind: RemoteErrorKind::Forbidden(why) | RemoteErrorKind::Refused { message: why, .. },
                ..
            }) => {
                return self.deletion_refused(task, asset, &why).await;
            }
            Err(error) => return Err(error.into()),
        }
        self.reach(CrashPoint::TrashedRemote)?;
        let (mirror, asset, event) =
            (self.mirror, asset.clone(), self.event(task, self.outcome_of(&task.planned.action)));
        self.engine
            .keeper
            .write(move |tx| {
                tx.set_presence(mirror, &asset, Presence::Trashed)?;
                trash_count::one_more(tx, mirror)?;
                tx.set_next_look(mirror, &asset, None)?;
                tx.remove_base(mirror, &asset)?;
                tx.add_event(mirror, &event)
            })
            .await?;
        Ok(Done::Yes)
    }

    /// A refused deletion is cancelled: the agreement ends, and the file comes back as the new asset that it now is.
    async fn deletion_refused(&self, task: &Task<'_>, asset: &AssetId, why: &str) -> Result<Done, PassError> {
        let (mirror, asset) = (self.mirror, asset.clone());
        let event = self.event(task, &format!("refused ({why}): cancelled, the file is restored"));
        self.engine
            .keeper
            .write(move |tx| {
                tx.remove_base(mirror, &asset)?;
                tx.mark_asset(mirror, &asset)?;
                tx.add_event(mirror, &event)
            })
            .await?;
        tracing::warn!(path = %task.path, why, "the server refused the deletion; the file is restored");
        Ok(Done::DecideAgain)
    }

    async fn is_absent_here(&self, task: &Task<'_>) -> Result<bool, PassError> {
        match self.engine.disk.stat(&task.path).await {
            _ if Mutation::FileAbsentUnseen.is_on() => Ok(true),
            Err(LocalError::Missing { .. }) => Ok(true),
            Err(LocalError::RootLost) => Err(LocalError::RootLost.into()),
            Err(LocalError::NotOurs { .. }) => Ok(self.is_below_a_file(&task.path).await),
            _ => Ok(false),
        }
    }

    /// R9, R18 and R19: the asset went there.
    pub(crate) async fn trash_local(&self, task: &Task<'_>) -> Result<Done, PassError> {
        let Action::TrashLocal { asset, place, expect } = &task.planned.action else { return Ok(Done::DecideAgain) };
        if !self.still_holds(place, &task.path, *expect).await? {
            return Ok(Done::DecideAgain);
        }
        let leaving = self.local_move(task, asset, place, *expect, None);
        self.begin_local_move(&leaving).await?;
        if let Err(error) = self.engine.disk.trash(&task.path, *expect, &self.slot()).await {
            self.settle_local_move(&leaving).await?;
            return Err(error.into());
        }
        self.reach(CrashPoint::TrashedLocal)?;
        let (mirror, asset, folder, key) = (self.mirror, asset.clone(), place.folder, self.key(place));
        let event = self.event(task, self.outcome_of(&task.planned.action));
        self.engine
            .keeper
            .write(move |tx| {
                tx.end_local_move(mirror, &asset)?;
                tx.remove_file(folder, &key)?;
                // The asset's row stays: what it is known to be, no late index undoes.
                tx.remove_base(mirror, &asset)?;
                tx.add_event(mirror, &event)
            })
            .await?;
        Ok(Done::Yes)
    }
}
