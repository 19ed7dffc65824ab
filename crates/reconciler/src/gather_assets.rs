//! The remote tree's assets: hints, the feed over `updated_at`, the sweep of ids, and the full listing.
//!
//! None of them is believed alone. The feed and the sweep come from an index that may be late; the hints are shared by
//! all clients. Together with the deferred reading of the overlap they miss nothing that moves `updated_at` or the set
//! of ids. What a list leaves out is only a question (see `evidence`).

use crate::observe::Said;
use crate::pass::{Pass, PassError};
use crate::report::HeldItem;
use crate::trash_count::TrashCounts;
use damsync_model::id::{AssetId, FolderId, StorageFolderId};
use damsync_model::mutation::Mutation;
use damsync_model::plan::HoldReason;
use damsync_model::time::UnixMs;
use damsync_model::tree::RemoteAsset;
use damsync_ports::{Answer, LocalSide, RemoteSide};
use damsync_store::Presence;
use futures_util::StreamExt;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

/// How late the index may be (Mediagraph's answers come from a search index; no figure is documented, 5 minutes assumed).
const INDEX_LAG_MS: i64 = 5 * 60 * 1000;

/// Ids that one search takes.
const BATCH: usize = 100;

/// An asset outside the mirror that keeps being hinted at is asked for once a day.
const OUTSIDE_MS: i64 = 24 * 60 * 60 * 1000;

/// What changed lately is read in full once per so long, not by every pass.
const WINDOW_STEP_MS: i64 = INDEX_LAG_MS;

/// An old cursor is renewed now and then even when nothing happened, so that the feed's window stays small.
const CURSOR_AGE_MS: i64 = 60 * 60 * 1000;

/// What a look into every folder came to.
pub(crate) struct Everything {
    /// What we know and none of the lists has.
    pub missing: Vec<AssetId>,
    /// Whether every folder could be looked into.
    is_whole: bool,
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Brings the remote tree up to date.
    pub(crate) async fn gather_assets(&self) -> Result<(), PassError> {
        let mirror = self.mirror;
        let (listed, window_from, mut trash) = self
            .engine
            .keeper
            .read(move |tx| {
                Ok((tx.cursor(mirror, "listed")?, tx.cursor(mirror, "window_from")?, TrashCounts::known(tx, mirror)?))
            })
            .await?;
        if self.asked.trash_count || listed.is_none() {
            self.trash_now(&mut trash).await?;
        }
        let mut missing = Vec::new();
        let mut cursors = Vec::new();
        if self.asked.everything || listed.is_none() {
            let all = self.list_everything().await?;
            missing = all.missing;
            cursors.push(("listed", 1));
            // What changed in a folder that could not be looked into is still to be read.
            if all.is_whole {
                cursors.push(("window_from", self.server_time.0 - INDEX_LAG_MS));
            }
        } else if self.asked.feeds {
            self.follow_hints().await?;
            cursors.extend(self.follow_feed(UnixMs(window_from.unwrap_or(0))).await?.map(|to| ("window_from", to.0)));
            if self.asked.sweep || trash.moved() {
                match self.sweep().await? {
                    Some(left_out) => missing = left_out,
                    // What the list left out was not asked for, so what changed of it is still to be read.
                    None => cursors.clear(),
                }
            }
        }
        let unseen = self.look_at_waiting(&trash).await?;
        missing.extend(unseen.iter().cloned());
        missing.sort();
        missing.dedup();
        // All together, so that what the trash has got is told from what vanished.
        self.question(missing, &mut trash).await?;
        // Only now it is written down what could not be seen, so that it is read anew when it can be.
        self.set_cursors(cursors).await?;
        self.ask_later(unseen).await?;
        self.settle_vanished_folders().await?;
        self.account_for_trash(&trash).await
    }

    async fn set_cursors(&self, values: Vec<(&'static str, i64)>) -> Result<(), PassError> {
        if values.is_empty() {
            return Ok(());
        }
        let mirror = self.mirror;
        self.engine
            .keeper
            .write(move |tx| values.into_iter().try_for_each(|(name, value)| tx.set_cursor(mirror, name, value)))
            .await?;
        Ok(())
    }

    /// Assets that the server says changed since somebody acknowledged them.
    async fn follow_hints(&self) -> Result<(), PassError> {
        if !self.engine.spec.policy.direction.pulls() {
            // What is not pulled is not acknowledged either, so it would be hinted at for ever. The feed brings it.
            return Ok(());
        }
        let hints = self.engine.remote.hints().await?;
        if hints.is_empty() {
            return Ok(());
        }
        let (mirror, now) = (self.mirror, self.server_now());
        let ids = self
            .engine
            .keeper
            .read(move |tx| {
                let mut ids = Vec::new();
                for id in hints {
                    let known = tx.asset(mirror, &id)?.is_some();
                    let asked = tx.outside_asked_at(mirror, &id)?;
                    if known || asked.is_none_or(|at| now.0 - at.0 > OUTSIDE_MS) {
                        ids.push(id);
                    }
                }
                Ok(ids)
            })
            .await?;
        if Mutation::AcknowledgeFirst.is_on() {
            self.engine.remote.acknowledge(&ids).await?;
        }
        self.fetch(&ids).await
    }

    /// The feed: what changed after everything that we know of, and, while the index may still be late, whether the
    /// window behind it holds as many assets as we know there. Returns up to where the window is final now, if that moved.
    async fn follow_feed(&self, from: UnixMs) -> Result<Option<UnixMs>, PassError> {
        let mirror = self.mirror;
        let newest = self.engine.keeper.read(move |tx| tx.newest_update(mirror)).await?.unwrap_or(from);
        let after = from.max(newest.plus_ms(1));
        let changed = self.engine.remote.changed_since(&self.scope, after, 100).await?;
        let mut complete = u64::try_from(changed.assets.len()).unwrap_or(0) >= changed.total;
        let idle = changed.total == 0 && newest < from;
        self.observe_and_ask(changed.assets).await?;
        let settled = self.server_time.plus_ms(if Mutation::CursorAhead.is_on() { 0 } else { -INDEX_LAG_MS });
        let step = if idle { CURSOR_AGE_MS } else { WINDOW_STEP_MS };
        let advances = self.index_is_whole() && self.server_time_is_fresh && settled.0 - from.0 >= step;
        // What is older than the index can be late is read once more in full, and then it is final.
        complete &= idle || !advances || Mutation::WindowUnread.is_on();
        if complete && newest >= from && self.asked.overlap {
            let ours = self.engine.keeper.read(move |tx| tx.count_updated_between(mirror, from, newest)).await?;
            complete = ours == self.engine.remote.count_between(&self.scope, from, newest).await?;
        }
        if !complete && !Mutation::ShortPageIsWhole.is_on() {
            self.read_window(from).await?;
        }
        Ok(advances.then_some(settled))
    }

    /// Reads every asset whose `updated_at` is at or after `from`.
    async fn read_window(&self, from: UnixMs) -> Result<(), PassError> {
        let ids = self.engine.remote.all_ids(&self.scope, Some(from)).await?;
        self.fetch(&ids).await
    }

    /// Which ids are there. What is new is asked for; returns what is missing, unless the list may not be whole.
    async fn sweep(&self) -> Result<Option<Vec<AssetId>>, PassError> {
        let there = self.ids_in_scope().await?;
        let (new, missing) = self.compare_ids(&there).await?;
        self.fetch(&new).await?;
        if missing.is_empty() {
            return Ok(Some(missing));
        }
        // Something is missing, so the list must prove that it is whole: counted before and after, and no index is
        // being built anew.
        let count = || self.engine.remote.count_between(&self.scope, UnixMs(0), self.server_time.plus_ms(FAR_MS));
        let before = count().await?;
        let again = self.ids_in_scope().await?;
        let whole = before == count().await? && before == u64::try_from(again.len()).unwrap_or(0);
        if !whole || self.reindexing() {
            self.report().held.push(HeldItem {
                count: Some(u64::try_from(missing.len()).unwrap_or(0)),
                ..HeldItem::mirror(
                    HoldReason::ListingIncomplete,
                    "the server's list is not complete now, so what it leaves out is not taken for deleted",
                )
            });
            return Ok(None);
        }
        Ok(Some(missing.into_iter().filter(|id| again.binary_search(id).is_err()).collect()))
    }

    /// Each once, in order.
    async fn ids_in_scope(&self) -> Result<Vec<AssetId>, PassError> {
        let mut ids = self.engine.remote.all_ids(&self.scope, None).await?;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// Ids there that we do not have as live, and ids that we have and that are not there. What could not be seen for a
    /// while, and is shown again, is as good as new.
    async fn compare_ids(&self, there: &[AssetId]) -> Result<(Vec<AssetId>, Vec<AssetId>), PassError> {
        let mirror = self.mirror;
        let (mut new, mut missing) = (Vec::new(), Vec::new());
        let mut theirs = there.iter().peekable();
        let mut after: Option<AssetId> = None;
        loop {
            let from = after.clone();
            let ours = self.engine.keeper.read(move |tx| tx.listed(mirror, from.as_ref(), 5000)).await?;
            let Some((last, _)) = ours.last() else { break };
            after = Some(last.clone());
            for (id, presence) in ours {
                while let Some(other) = theirs.next_if(|other| **other < id) {
                    new.push(other.clone());
                }
                match theirs.next_if(|other| **other == id) {
                    None => missing.push(id),
                    Some(_) if presence == Presence::Live => {}
                    Some(_) => new.push(id),
                }
            }
        }
        new.extend(theirs.cloned());
        Ok((new, missing))
    }

    /// Asks for these assets in batches; what the index leaves out is asked of the database.
    pub(crate) async fn fetch(&self, ids: &[AssetId]) -> Result<(), PassError> {
        let batches = ids.chunks(BATCH).map(<[AssetId]>::to_vec);
        let mut answers = futures_util::stream::iter(batches)
            .map(|batch| async move { (self.engine.remote.assets(&batch).await, batch) })
            .buffered(self.engine.spec.concurrency.max(1));
        while let Some((answer, batch)) = answers.next().await {
            self.check_stop()?;
            let found = answer?;
            let named: BTreeSet<AssetId> = found.iter().map(|asset| asset.id.clone()).collect();
            let left_out = batch.into_iter().filter(|id| !named.contains(id));
            let doubtful = self.observe(found, Said::ByIndex).await?;
            for id in left_out.chain(doubtful).collect::<Vec<_>>() {
                self.ask_database(&id).await?;
            }
        }
        Ok(())
    }

    async fn observe_and_ask(&self, assets: Vec<RemoteAsset>) -> Result<(), PassError> {
        for id in self.observe(assets, Said::ByIndex).await? {
            self.ask_database(&id).await?;
        }
        Ok(())
    }

    /// One asset by the database's word. A 404 here concludes nothing: the sweep and the waiting list do the asking.
    pub(crate) async fn ask_database(&self, id: &AssetId) -> Result<Answer<()>, PassError> {
        match self.engine.remote.asset(id).await? {
            Answer::Found(asset) => {
                self.observe(vec![asset], Said::ByDatabase).await?;
                Ok(Answer::Found(()))
            }
            Answer::NotFound => Ok(Answer::NotFound),
            Answer::Denied => Ok(Answer::Denied),
        }
    }

    /// Every folder's assets, by the database's word: at first contact, after the state was lost, and for a full pass.
    pub(crate) async fn list_everything(&self) -> Result<Everything, PassError> {
        let folders: Vec<(FolderId, StorageFolderId)> =
            self.folders().iter().filter_map(|row| Some((row.id, row.remote.as_ref()?.id.clone()?))).collect();
        let mut lists = futures_util::stream::iter(folders)
            .map(|(folder, id)| async move { (folder, self.engine.remote.folder_asset_ids(&id).await, id) })
            .buffered(self.engine.spec.concurrency.max(1));
        let mut batch: Vec<(AssetId, StorageFolderId)> = Vec::new();
        let mut missing = Vec::new();
        let mut is_whole = true;
        while let Some((folder, answer, storage_folder)) = lists.next().await {
            self.check_stop()?;
            let mut ids = match answer? {
                Answer::Found(ids) => ids,
                // Each of its assets is a question now.
                Answer::NotFound => Vec::new(),
                Answer::Denied => {
                    is_whole = false;
                    continue;
                }
            };
            ids.sort();
            let known = self.engine.keeper.read(move |tx| tx.asset_ids_in(folder)).await?;
            missing.extend(known.into_iter().filter(|id| ids.binary_search(id).is_err()));
            for id in ids {
                batch.push((id, storage_folder.clone()));
                if batch.len() == BATCH {
                    self.fetch_listed(std::mem::take(&mut batch)).await?;
                }
            }
        }
        self.fetch_listed(batch).await?;
        Ok(Everything { missing, is_whole })
    }

    /// Like `fetch`, but the folder of each is known already.
    async fn fetch_listed(&self, batch: Vec<(AssetId, StorageFolderId)>) -> Result<(), PassError> {
        if batch.is_empty() {
            return Ok(());
        }
        let ids: Vec<AssetId> = batch.iter().map(|(id, _)| id.clone()).collect();
        let mut found = self.engine.remote.assets(&ids).await?;
        for asset in &mut found {
            if asset.storage_folder.is_none() {
                asset.storage_folder = batch.iter().find(|(id, _)| *id == asset.id).map(|(_, folder)| folder.clone());
            }
        }
        let named: BTreeSet<AssetId> = found.iter().map(|asset| asset.id.clone()).collect();
        let mut ask = self.observe(found, Said::ByIndex).await?;
        ask.extend(ids.into_iter().filter(|id| !named.contains(id)));
        for id in ask {
            self.ask_database(&id).await?;
        }
        Ok(())
    }

    /// Assets that no list shows, because they are not processed, submitted or approved, or the index is late.
    /// Returns those that cannot be seen.
    async fn look_at_waiting(&self, trash: &TrashCounts) -> Result<Vec<AssetId>, PassError> {
        let (mirror, now) = (self.mirror, self.server_now());
        // One of them may be what was put into the trash: no list would tell.
        let all = trash.moved();
        let mut rows = self
            .engine
            .keeper
            .read(move |tx| if all { tx.assets_waiting(mirror) } else { tx.assets_to_look_at(mirror, now) })
            .await?;
        if !all && !self.index_is_whole() {
            // Half of everything may be missing in it.
            rows.retain(|row| crate::observe::waits(&row.asset));
        }
        let mut gone = Vec::new();
        for batch in rows.chunks(BATCH) {
            let ids: Vec<AssetId> = batch.iter().map(|row| row.asset.id.clone()).collect();
            let found = self.engine.remote.assets(&ids).await?;
            let named: BTreeSet<AssetId> = found.iter().map(|asset| asset.id.clone()).collect();
            let mut ask = self.observe(found, Said::ByIndex).await?;
            ask.extend(ids.into_iter().filter(|id| !named.contains(id)));
            for id in ask {
                match self.ask_database(&id).await? {
                    Answer::Found(()) => {
                        let Some(row) = self.asset_row(&id).await? else { continue };
                        self.look_later(&id, crate::observe::next_look(&row.asset, self.server_now())).await?;
                    }
                    Answer::NotFound | Answer::Denied => gone.push(id),
                }
            }
        }
        Ok(gone)
    }

    /// Those of which nothing was found out are asked for again, at growing intervals.
    async fn ask_later(&self, ids: Vec<AssetId>) -> Result<(), PassError> {
        if ids.is_empty() {
            return Ok(());
        }
        let (mirror, now) = (self.mirror, self.server_now());
        self.engine
            .keeper
            .write(move |tx| {
                for id in ids {
                    let due = tx.asset(mirror, &id)?.filter(|row| row.next_look.is_some_and(|at| at <= now));
                    if let Some(row) = due {
                        let at = crate::observe::next_look(&row.asset, now);
                        tx.set_next_look(mirror, &id, Some(at))?;
                    }
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// Only the list of folders tells whether the index is being built anew and may leave out what is there.
    pub(crate) fn index_is_whole(&self) -> bool {
        self.folders_listed.load(Ordering::Relaxed) && !self.reindexing()
    }
}

/// Far enough ahead for "up to now", whatever the server's clock does meanwhile, or did before: a clock that was put
/// back leaves assets that changed in what is its future now.
const FAR_MS: i64 = 10 * 365 * 24 * 60 * 60 * 1000;
