//! Moves and renames, without moving bytes; and assets brought back from the trash.

use crate::crash::CrashPoint;
use crate::execute::Task;
use crate::local_moves::record_move;
use crate::naming::is_left_by_another;
use crate::observe::Said;
use crate::pass::{Pass, PassError};
use crate::rounds::Done;
use crate::trash_count;
use damsync_model::id::AssetId;
use damsync_model::path::MirrorPath;
use damsync_model::plan::Action;
use damsync_model::policy::DeletePolicy;
use damsync_model::tree::{Base, Entity, Place, Remote};
use damsync_ports::{Answer, LocalError, LocalSide, RemoteError, RemoteErrorKind, RemoteSide};
use damsync_store::{MoveTarget, Presence};

/// So many names may be passed on from one to the next.
const LONGEST_CHAIN: usize = 64;

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// R15 and R17: the file follows its asset.
    pub(crate) async fn move_local(&self, task: &Task<'_>) -> Result<Done, PassError> {
        let Action::MoveLocal { asset, from, to, expect } = &task.planned.action else {
            return Ok(Done::DecideAgain);
        };
        let Some(target) = self.way_of_move(asset, from, to).await? else { return Ok(Done::DecideAgain) };
        let Some(asset_row) = self.asset_row(asset).await? else { return Ok(Done::DecideAgain) };
        let beyond = self.name_beyond(&asset_row, from, to);
        let to = MoveTarget {
            place: to.clone(),
            key: self.key(to),
            remote_folder: asset_row.folder.unwrap_or(to.folder),
            remote_filename: asset_row.asset.filename,
        };
        let one = self.local_move(task, asset, from, *expect, Some(to.clone()));
        self.begin_local_move(&one).await?;
        let stat = match self.engine.disk.rename(&task.path, *expect, &target).await {
            Ok(stat) => stat,
            Err(error) => {
                // It may have been made all the same.
                self.settle_local_move(&one).await?;
                return Err(error.into());
            }
        };
        self.reach(CrashPoint::MovedLocal)?;
        let (mirror, event) = (self.mirror, self.event(task, "done"));
        self.engine
            .keeper
            .write(move |tx| {
                record_move(tx, mirror, &one, &to, stat, beyond)?;
                tx.add_event(mirror, &event)
            })
            .await?;
        Ok(Done::Yes)
    }

    /// Where an asset's file moves to; `None` while its place is another's. If it is so for good, the asset gets another
    /// name.
    pub(crate) async fn way_of_move(
        &self,
        asset: &AssetId,
        from: &Place,
        to: &Place,
    ) -> Result<Option<MirrorPath>, PassError> {
        if from.folder == to.folder && self.key(from) == self.key(to) {
            self.name_halfway(asset, from).await?;
            return Ok(None);
        }
        if self.is_taken_for_good(asset, to).await? {
            self.name_again(asset).await?;
            return Ok(None);
        }
        let Some(target) = self.folders().path_of(to) else { return Ok(None) };
        Ok((!self.is_being_left(asset, to, &target).await?).then_some(target))
    }

    /// Whether a file stands at the place that an asset's file is to move to and will not go away: one that no asset
    /// knows, one whose asset has that name for good, one that is kept though its asset is not there any more, or one of a
    /// circle, where each waits for the other's name.
    async fn is_taken_for_good(&self, asset: &AssetId, to: &Place) -> Result<bool, PassError> {
        let (mirror, asset, mut at) = (self.mirror, asset.clone(), (to.folder, self.key(to)));
        let is_kept = self.engine.spec.policy.delete == DeletePolicy::Keep;
        let taken = self
            .engine
            .keeper
            .read(move |tx| {
                for _ in 0..LONGEST_CHAIN {
                    let Some(base) = tx.base_at(at.0, &at.1)? else {
                        return Ok(tx.file(at.0, &at.1)?.is_some());
                    };
                    let Some(row) = tx.asset(mirror, &base.base.asset)?.filter(|_| base.base.asset != asset) else {
                        return Ok(base.base.asset == asset);
                    };
                    let Some(folder) = row.folder.filter(|_| row.presence == Presence::Live) else {
                        return Ok(is_kept);
                    };
                    if (folder, &row.key) == (at.0, &at.1) {
                        return Ok(true);
                    }
                    at = (folder, row.key);
                }
                Ok(true)
            })
            .await?;
        Ok(taken)
    }

    /// A file that stays where it is, whatever its asset is called now: the asset's new name is left to a file that has it,
    /// and an asset that was to have the file's name gets another. Whether names changed.
    pub(crate) async fn stays(&self, entity: &Entity) -> Result<bool, PassError> {
        let (Some(base), Remote::Live(remote)) = (&entity.base, &entity.remote) else { return Ok(false) };
        if remote.place == base.place {
            return Ok(false);
        }
        let (folder, key, own) = (base.place.folder, self.key(&base.place), base.asset.clone());
        let others = self.engine.keeper.read(move |tx| {
            let rows = tx.assets_at(folder, &key)?.into_iter();
            Ok(rows.map(|row| row.asset.id).filter(|id| *id != own).collect::<Vec<_>>())
        });
        let mut renamed = others.await?;
        if self.is_taken_for_good(&base.asset, &remote.place).await? {
            renamed.push(base.asset.clone());
        }
        for asset in &renamed {
            self.name_again(asset).await?;
        }
        Ok(!renamed.is_empty())
    }

    /// R14 and R16: the asset follows its file. Name and folder are two calls; half of it is a state like any other.
    pub(crate) async fn move_remote(&self, task: &Task<'_>) -> Result<Done, PassError> {
        let Action::MoveRemote { asset, to, .. } = &task.planned.action else { return Ok(Done::DecideAgain) };
        let Remote::Live(remote) = &task.one.entity.remote else { return Ok(Done::DecideAgain) };
        let Some(base) = &task.one.entity.base else { return Ok(Done::DecideAgain) };
        if to.name != base.place.name && remote.asset.filename != to.name.as_str() {
            self.engine.remote.rename(asset, to.name.as_str()).await?;
            self.reach(CrashPoint::MovedRemote)?;
        }
        if to.folder != remote.place.folder {
            let folder = self.folders().get(to.folder).and_then(|row| row.remote.clone()).and_then(|row| row.id);
            let Some(folder) = folder else { return Ok(Done::DecideAgain) };
            self.engine.remote.move_to(asset, &folder).await?;
            self.reach(CrashPoint::MovedRemote)?;
        }
        self.keep_moved_remote(task, asset, to).await
    }

    async fn keep_moved_remote(&self, task: &Task<'_>, asset: &AssetId, to: &Place) -> Result<Done, PassError> {
        if let Answer::Found(found) = self.engine.remote.asset(asset).await? {
            self.observe(vec![found], Said::ByDatabase).await?;
        }
        let (mirror, asset, to, key) = (self.mirror, asset.clone(), to.clone(), self.key(to));
        let event = self.event(task, "done");
        self.engine
            .keeper
            .write(move |tx| {
                let row = tx.asset(mirror, &asset)?;
                if let (Some(mut base), Some(mut row)) = (tx.base(mirror, &asset)?, row) {
                    row.given_name = to.name.as_str().to_owned();
                    row.key = key.clone();
                    tx.put_asset(mirror, &row)?;
                    base.base.place = to;
                    base.key = key;
                    base.base.remote_folder = row.folder.unwrap_or(base.base.remote_folder);
                    base.base.remote_filename = row.asset.filename;
                    tx.put_base(mirror, &base)?;
                }
                tx.mark_asset(mirror, &asset)?;
                tx.add_event(mirror, &event)
            })
            .await?;
        Ok(Done::Yes)
    }

    /// R10: the asset comes back, with its identity; the version follows in the next round.
    pub(crate) async fn restore_remote(&self, task: &Task<'_>, asset: &AssetId) -> Result<Done, PassError> {
        if let Some(base) = &task.one.entity.base
            && self.lost_its_folder(base)
        {
            return self.forget_unrestorable(task, asset, base).await;
        }
        match (self.engine.remote.restore(asset).await, &task.one.entity.base) {
            // 404, or a job without effect: it cannot be had back.
            (
                Err(RemoteError { kind: RemoteErrorKind::NotFound | RemoteErrorKind::Refused { .. }, .. }),
                Some(base),
            ) => {
                return self.forget_unrestorable(task, asset, base).await;
            }
            (restored, _) => restored?,
        }
        self.reach(CrashPoint::RestoredRemote)?;
        if let Answer::Found(found) = self.engine.remote.asset(asset).await? {
            self.observe(vec![found], Said::ByDatabase).await?;
        }
        let (mirror, event) = (self.mirror, self.event(task, "done"));
        self.engine
            .keeper
            .write(move |tx| {
                trash_count::one_less(tx, mirror)?;
                tx.add_event(mirror, &event)
            })
            .await?;
        Ok(Done::Yes)
    }

    /// Whether the storage folder that an asset stood in is gone as well.
    pub(crate) fn lost_its_folder(&self, base: &Base) -> bool {
        self.folders().get(base.remote_folder).is_none_or(|folder| folder.remote.is_none())
    }

    /// Whether another asset's file is about to move away from there, or just did and that is not written down yet: what
    /// was agreed on about it would be written over.
    async fn is_being_left(&self, asset: &AssetId, place: &Place, target: &MirrorPath) -> Result<bool, PassError> {
        let (mirror, folder, key, own) = (self.mirror, place.folder, self.key(place), asset.clone());
        let left = self.engine.keeper.read(move |tx| is_left_by_another(tx, mirror, &own, folder, &key));
        match left.await? {
            None => Ok(false),
            Some(true) => Ok(true),
            Some(false) => Ok(matches!(self.engine.disk.stat(target).await, Err(LocalError::Missing { .. }))),
        }
    }

    /// The asset cannot be brought back, as where its storage folder is gone as well: the file becomes a new one.
    async fn forget_unrestorable(&self, task: &Task<'_>, asset: &AssetId, base: &Base) -> Result<Done, PassError> {
        let (mirror, asset, place) = (self.mirror, asset.clone(), base.place.clone());
        let (key, event) = (self.key(&place), self.event(task, "cannot be restored: becomes a new asset"));
        self.engine
            .keeper
            .write(move |tx| {
                tx.remove_base(mirror, &asset)?;
                tx.mark_place(mirror, place.folder, &key)?;
                tx.add_event(mirror, &event)
            })
            .await?;
        Ok(Done::DecideAgain)
    }
}
