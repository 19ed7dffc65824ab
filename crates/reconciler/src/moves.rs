//! Moves and renames, without moving bytes; and assets brought back from the trash.

use crate::crash::CrashPoint;
use crate::execute::Task;
use crate::observe::Said;
use crate::pass::{Pass, PassError};
use crate::rounds::Done;
use damsync_model::id::AssetId;
use damsync_model::plan::Action;
use damsync_model::tree::{Place, Remote};
use damsync_ports::{Answer, LocalSide, RemoteSide};
use damsync_store::FileRow;

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// R15 and R17: the file follows its asset.
    pub(crate) async fn move_local(&self, task: &Task<'_>) -> Result<Done, PassError> {
        let Action::MoveLocal { asset, from, to, expect } = &task.planned.action else {
            return Ok(Done::DecideAgain);
        };
        let Some(target) = self.folders().path_of(to) else { return Ok(Done::DecideAgain) };
        let stat = self.engine.disk.rename(&task.path, *expect, &target).await?;
        self.reach(CrashPoint::MovedLocal)?;
        let (mirror, asset, from, to) = (self.mirror, asset.clone(), from.clone(), to.clone());
        let (from_key, to_key) = (self.key(&from), self.key(&to));
        let event = self.event(task, "done");
        self.engine
            .keeper
            .write(move |tx| {
                let file = tx.file(from.folder, &from_key)?;
                tx.remove_file(from.folder, &from_key)?;
                if let Some(file) = file {
                    let name = to.name.as_str().to_owned();
                    tx.put_file(to.folder, &FileRow { key: to_key.clone(), name, stat, ..file })?;
                }
                let row = tx.asset(mirror, &asset)?;
                if let (Some(mut base), Some(row)) = (tx.base(mirror, &asset)?, row) {
                    base.base.place = to;
                    base.key = to_key;
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
        self.engine.remote.restore(asset).await?;
        self.reach(CrashPoint::RestoredRemote)?;
        if let Answer::Found(found) = self.engine.remote.asset(asset).await? {
            self.observe(vec![found], Said::ByDatabase).await?;
        }
        let (mirror, event) = (self.mirror, self.event(task, "done"));
        self.engine.keeper.write(move |tx| tx.add_event(mirror, &event)).await?;
        Ok(Done::Yes)
    }
}
