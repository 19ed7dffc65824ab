//! Deletion needs evidence: an id that a list leaves out is a question, put to the server about that very asset.
//!
//! - 200 with a trash date: trashed. 200 elsewhere: moved.
//! - 404: a look-up answers so also for what we may no longer see. It is gone only if its folder is still there for us, and
//!   another asset of it answers, or the folder says that it is empty.
//! - 404, and the folder is gone too: the server's trash must have grown by at least as many. What went there for other
//!   reasons that we know does not count, nor do as many as there are assets of which nothing could be found out.
//! - The same where the server was ever seen to answer 200 for a trashed asset: not even the trash counts.
//! - Anything else: not known.

use crate::observe::Said;
use crate::pass::{Pass, PassError};
use crate::report::HeldItem;
use crate::trash_count::{self, TrashCounts};
use damsync_model::id::{AssetId, FolderId};
use damsync_model::mutation::Mutation;
use damsync_model::plan::HoldReason;
use damsync_model::time::UnixMs;
use damsync_ports::{Answer, LocalSide, RemoteError, RemoteErrorKind, RemoteSide};
use damsync_store::Presence;
use std::collections::{BTreeMap, BTreeSet};

/// An asset that lives although no list shows it: the index is late. It is looked at again after this time.
const LATE_INDEX_MS: i64 = 60_000;

/// So many assets outside the mirror are asked for one by one; of more, nothing is found out.
const MOST_OUTSIDE: u32 = 1000;

/// What was found out about assets that answer 404.
#[derive(Debug, Default)]
struct Examined {
    /// The server is believed: they are gone.
    gone: Vec<AssetId>,
    /// They vanished together with their folders.
    vanished: Vec<AssetId>,
    /// Nothing could be found out: each may be one of those in the trash.
    unsure: BTreeSet<AssetId>,
}

/// What a folder says about 404 answers of its assets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Witness {
    /// It is there and shows its assets: a 404 means gone.
    Believable,
    /// It is gone or hidden as well.
    Vanished,
    /// It cannot be said.
    Silent,
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Finds out what became of assets that a complete list leaves out.
    pub(crate) async fn question(&self, missing: Vec<AssetId>, trash: &mut TrashCounts) -> Result<(), PassError> {
        let Examined { gone, vanished, unsure } = self.examine(missing).await?;
        self.settle_gone(gone, trash).await?;
        self.settle_vanished(vanished, unsure, trash).await
    }

    /// Asks for each of them, and then for their folders: what a folder said before is no evidence about an asset that
    /// could not be seen later.
    async fn examine(&self, missing: Vec<AssetId>) -> Result<Examined, PassError> {
        let mut examined = Examined::default();
        let mut not_found: BTreeMap<Option<FolderId>, Vec<AssetId>> = BTreeMap::new();
        for id in missing {
            self.check_stop()?;
            match self.engine.remote.asset(&id).await {
                Ok(Answer::Found(asset)) => {
                    self.observe(vec![asset], Said::ByDatabase).await?;
                    self.look_later(&id, self.server_now().plus_ms(LATE_INDEX_MS)).await?;
                }
                Ok(Answer::NotFound) if Mutation::NotFoundIsGone.is_on() => examined.gone.push(id),
                Ok(Answer::NotFound) => not_found.entry(self.folder_of(&id).await?).or_default().push(id),
                Ok(Answer::Denied) if Mutation::ForbiddenIsGone.is_on() => examined.gone.push(id),
                Ok(Answer::Denied) => self.not_known(id, &mut examined).await?,
                Err(error) => {
                    silent(error)?;
                    self.not_known(id, &mut examined).await?;
                }
            }
        }
        for (folder, ids) in not_found {
            self.check_stop()?;
            match self.witness(folder, &ids).await? {
                Witness::Believable => examined.gone.extend(ids),
                Witness::Vanished => examined.vanished.extend(ids),
                Witness::Silent => {
                    for id in ids {
                        self.not_known(id, &mut examined).await?;
                    }
                }
            }
        }
        Ok(examined)
    }

    /// Which of the assets outside the mirror are not there any more: the index may not tell yet that they were inside
    /// again, and deleted.
    async fn examine_outside(&self, unsure: &mut BTreeSet<AssetId>) -> Result<Vec<AssetId>, PassError> {
        let mirror = self.mirror;
        let outside = self.engine.keeper.read(move |tx| tx.outside(mirror, MOST_OUTSIDE + 1)).await?;
        if outside.len() > MOST_OUTSIDE as usize {
            unsure.extend(outside);
            return Ok(Vec::new());
        }
        let mut gone = Vec::new();
        for id in outside {
            self.check_stop()?;
            match self.engine.remote.asset(&id).await {
                Ok(Answer::Found(asset)) => {
                    self.observe(vec![asset], Said::ByDatabase).await?;
                }
                Ok(Answer::NotFound) => gone.push(id),
                Ok(Answer::Denied) => drop(unsure.insert(id)),
                Err(error) => {
                    silent(error)?;
                    unsure.insert(id);
                }
            }
        }
        Ok(gone)
    }

    /// Assets that a believable server does not know any more.
    async fn settle_gone(&self, gone: Vec<AssetId>, trash: &mut TrashCounts) -> Result<(), PassError> {
        self.doubt_the_server(&gone, trash).await?;
        for id in &gone {
            self.set_presence(id, Presence::Gone).await?;
        }
        Ok(())
    }

    /// Assets that vanished together with their folders: deleted and hidden look alike, but for the server's trash.
    async fn settle_vanished(
        &self,
        mut vanished: Vec<AssetId>,
        mut unsure: BTreeSet<AssetId>,
        trash: &mut TrashCounts,
    ) -> Result<(), PassError> {
        vanished = self.forget_never_agreed(vanished).await?;
        if vanished.is_empty() {
            return Ok(());
        }
        let now = self.trash_now(trash).await?;
        let mut grown = self.trash_grew_by(vanished.len() + unsure.len(), now).await?;
        if grown {
            // The index may not tell yet what else went there, or vanished: the folders do.
            let others =
                self.list_everything().await?.missing.into_iter().filter(|id| !vanished.contains(id)).collect();
            let Examined { gone, vanished: more, unsure: still } = self.examine(others).await?;
            unsure.retain(|id| !gone.contains(id) && !more.contains(id));
            unsure.extend(still);
            self.settle_gone(gone, trash).await?;
            vanished.extend(self.forget_never_agreed(more).await?);
            let more = self.examine_outside(&mut unsure).await?;
            vanished.extend(self.forget_never_agreed(more).await?);
            // Counted once more: what was in the trash when it was counted may have come out of it.
            let now = now.min(self.engine.remote.trash_count().await?);
            grown = self.trash_grew_by(vanished.len() + unsure.len(), now).await?;
        }
        for id in &vanished {
            self.set_presence(id, if grown { Presence::Gone } else { Presence::Unknown }).await?;
        }
        if !grown {
            self.report().held.push(HeldItem {
                count: Some(vanished.len() as u64),
                ..HeldItem::mirror(
                    HoldReason::AccessLost,
                    "a storage folder and its assets can no longer be seen; nothing is deleted here",
                )
            });
        }
        Ok(())
    }

    /// Of assets that vanished, those that a file here stands for. Of the others nothing can be deleted: they are
    /// forgotten, and are new if they can ever be seen again. Each may be one of those in the trash.
    pub(crate) async fn forget_never_agreed(&self, vanished: Vec<AssetId>) -> Result<Vec<AssetId>, PassError> {
        if vanished.is_empty() {
            return Ok(vanished);
        }
        let mirror = self.mirror;
        let agreed = self.engine.keeper.write(move |tx| {
            let mut agreed = Vec::new();
            for id in vanished {
                if tx.base(mirror, &id)?.is_some() || tx.is_unsettled(mirror, Some(&id), None)? {
                    agreed.push(id);
                } else if let Some(row) = tx.asset(mirror, &id)? {
                    tx.remove_asset(mirror, &id)?;
                    trash_count::found(tx, mirror)?;
                    if let Some(folder) = row.folder {
                        tx.mark_place(mirror, folder, &row.key)?;
                    }
                }
            }
            Ok(agreed)
        });
        Ok(agreed.await?)
    }

    /// Whether so many in the server's trash are none that we know of.
    async fn trash_grew_by(&self, count: usize, now: u64) -> Result<bool, PassError> {
        let mirror = self.mirror;
        let unexplained = self.engine.keeper.read(move |tx| trash_count::unexplained(tx, mirror, now)).await?;
        Ok(unexplained >= count as u64)
    }

    async fn witness(&self, folder: Option<FolderId>, missing: &[AssetId]) -> Result<Witness, PassError> {
        let storage_folder = folder.and_then(|folder| {
            self.folders().get(folder).and_then(|row| row.remote.as_ref()).and_then(|remote| remote.id.clone())
        });
        let Some(id) = storage_folder else { return Ok(Witness::Vanished) };
        match self.engine.remote.folder(&id).await {
            Ok(Answer::Found(_)) => {}
            Ok(Answer::NotFound) => return Ok(Witness::Vanished),
            Ok(Answer::Denied) => return Ok(Witness::Silent),
            Err(error) => return silent(error),
        }
        let ids = match self.engine.remote.folder_asset_ids(&id).await {
            Ok(Answer::Found(ids)) => ids,
            Ok(_) => return Ok(Witness::Silent),
            Err(error) => return silent(error),
        };
        if missing.iter().any(|id| ids.contains(id)) {
            return Ok(Witness::Silent);
        }
        let Some(other) = ids.first() else { return Ok(Witness::Believable) };
        match self.engine.remote.asset(other).await {
            Ok(Answer::Found(_)) => Ok(Witness::Believable),
            Ok(_) => Ok(Witness::Silent),
            Err(error) => silent(error),
        }
    }

    async fn not_known(&self, id: AssetId, examined: &mut Examined) -> Result<(), PassError> {
        self.set_presence(&id, Presence::Unknown).await?;
        examined.unsure.insert(id);
        Ok(())
    }

    async fn folder_of(&self, id: &AssetId) -> Result<Option<FolderId>, PassError> {
        let (mirror, id) = (self.mirror, id.clone());
        Ok(self.engine.keeper.read(move |tx| tx.asset(mirror, &id)).await?.and_then(|row| row.folder))
    }

    pub(crate) async fn set_presence(&self, id: &AssetId, presence: Presence) -> Result<(), PassError> {
        let (mirror, id) = (self.mirror, id.clone());
        self.engine
            .keeper
            .write(move |tx| {
                if let Some(row) = tx.asset(mirror, &id)?.filter(|row| row.presence != presence) {
                    tx.set_presence(mirror, &id, presence)?;
                    tx.mark_asset(mirror, &id)?;
                    if let Some(folder) = row.folder {
                        // A file that has its name without ever having been its file is on its own now.
                        tx.mark_place(mirror, folder, &row.key)?;
                    }
                    if presence == Presence::Gone {
                        trash_count::found(tx, mirror)?;
                        // Nobody waits for it any more.
                        tx.set_next_look(mirror, &id, None)?;
                    }
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// A live asset that no list shows, whatever its state is, is asked for again at that time.
    pub(crate) async fn look_later(&self, id: &AssetId, at: UnixMs) -> Result<(), PassError> {
        let (mirror, id) = (self.mirror, id.clone());
        self.engine
            .keeper
            .write(move |tx| match tx.asset(mirror, &id)? {
                Some(row) if row.presence == Presence::Live => tx.set_next_look(mirror, &id, Some(at)),
                _ => Ok(()),
            })
            .await?;
        Ok(())
    }
}

/// An error that ends the pass does; any other means only that nothing can be said.
fn silent(error: RemoteError) -> Result<Witness, PassError> {
    match error.kind {
        RemoteErrorKind::Unauthorized => Err(error.into()),
        _ => Ok(Witness::Silent),
    }
}
