//! Taking over what the server says of an asset: its place here, its local name, and whether anything changed.
//!
//! An observation only refreshes the remote tree and marks the entity; it never causes an action by itself.

use crate::naming::{Candidate, choose_name, contested, kept_name, names_for};
use crate::pass::{Pass, PassError};
use crate::same_server::{self, Fit};
use crate::trash_count;
use damsync_model::content::Claimed;
use damsync_model::id::{AssetId, FolderId, MirrorId, StorageFolderId};
use damsync_model::mutation::Mutation;
use damsync_model::name::is_same_name;
use damsync_model::time::UnixMs;
use damsync_model::tree::{AssetState, RemoteAsset};
use damsync_ports::{LocalSide, RemoteSide};
use damsync_store::{AssetRow, Presence, StoreError, Tx};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

/// Who said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// The search index: it may be late.
    ByIndex,
    /// The database, about this very asset.
    ByDatabase,
}

/// Which directory stands for an asset's storage folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Inside(FolderId),
    Outside,
    Untold,
}

struct Observed {
    asset: RemoteAsset,
    place: Where,
    /// Best first.
    names: Vec<Candidate>,
}

/// Whether no list shows an asset because of its state.
pub(crate) fn waits(asset: &RemoteAsset) -> bool {
    !matches!(asset.state, AssetState::Processed | AssetState::Failed)
}

/// An asset that waits for the server is asked for at growing intervals: half of the time since it last changed. One that
/// lists should show, and do not, is asked for again soon.
pub(crate) fn next_look(asset: &RemoteAsset, now: UnixMs) -> UnixMs {
    const LATE_MS: i64 = 10 * 60 * 1000;
    const SHORTEST_MS: i64 = 2_000;
    const LONGEST_MS: i64 = 24 * 60 * 60 * 1000;
    let grown = ((now.0 - asset.updated_at.0) / 2).clamp(SHORTEST_MS, LONGEST_MS);
    now.plus_ms(if waits(asset) { grown } else { LATE_MS })
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Takes over these answers. Returns the assets that must be asked for one by one, because the answer was older
    /// than what we know or did not tell enough.
    pub(crate) async fn observe(&self, assets: Vec<RemoteAsset>, said: Said) -> Result<Vec<AssetId>, PassError> {
        if assets.is_empty() {
            return Ok(Vec::new());
        }
        self.know_folders(&assets).await?;
        let mut observed: Vec<Observed> = assets.into_iter().map(|asset| self.placed(asset)).collect();
        // Answers come in any order; of doubles the lowest id is given its name first.
        observed.sort_by(|one, other| one.asset.id.cmp(&other.asset.id));
        let (mirror, now) = (self.mirror, self.server_now());
        let (ask, contests, fits, unordered) = self
            .engine
            .keeper
            .write(move |tx| {
                let (mut ask, mut fits) = (Vec::new(), Vec::new());
                let Sorted { fitting: observed, refused, unordered } =
                    sorted(tx, mirror, observed, said, now, &mut fits)?;
                same_server::remember_older(tx, mirror, &fits)?;
                // The database says whether it is so.
                ask.extend(refused.into_iter().filter(|_| said == Said::ByIndex));
                let seen = observed.iter().map(|one| (one.asset.id.clone(), one.asset.created_at));
                same_server::raise_high_water(tx, mirror, seen, now)?;
                let mut leaving = leaving(tx, mirror, &observed)?;
                let mut contests = Vec::new();
                for one in observed {
                    let id = one.asset.id.clone();
                    let best = one.names.first().map(|(_, key, _)| key.clone());
                    if !take_over(tx, mirror, one, said, now, &leaving)? {
                        ask.push(id.clone());
                    }
                    if let Some(best) = best
                        && let Some(holder) = contested(tx, mirror, &id, &best)?
                    {
                        contests.push((id.clone(), holder));
                    }
                    // Its row has its new name now, and that is nobody else's.
                    leaving.remove(&id);
                }
                Ok((ask, contests, fits, unordered))
            })
            .await?;
        if let Some(latest) = unordered.iter().map(|asset| asset.created_at).max() {
            if self.trusts_order(latest).await? {
                Box::pin(self.observe(unordered, said)).await?;
            } else {
                self.server_time_fit.note(Fit::OutOfOrder);
            }
        }
        fits.into_iter().for_each(|fit| self.server_time_fit.note(fit));
        for (lower, holder) in contests {
            self.settle_contest(lower, holder).await?;
        }
        Ok(ask)
    }

    /// A folder that was made since folders were last listed is not outside the mirror: it is only unknown yet.
    async fn know_folders(&self, assets: &[RemoteAsset]) -> Result<(), PassError> {
        let unknown: Vec<StorageFolderId> = {
            let (folders, outside) = (self.folders(), self.outside_folders());
            let of_assets = assets.iter().filter_map(|asset| asset.storage_folder.clone());
            of_assets.filter(|id| folders.of_remote(id).is_none() && !outside.contains(id)).collect()
        };
        if !unknown.is_empty() {
            let list = self.engine.remote.folders().await?;
            self.folders_listed.store(true, Ordering::Relaxed);
            self.gather_folders(list).await?;
            // Those that the list leaves out are not looked for once more.
            self.outside_folders().extend(unknown);
        }
        Ok(())
    }

    fn placed(&self, asset: RemoteAsset) -> Observed {
        let folders = self.folders();
        let place = match &asset.storage_folder {
            None => Where::Untold,
            Some(id) => folders.of_remote(id).map_or(Where::Outside, Where::Inside),
        };
        let names = match place {
            Where::Inside(folder) => names_for(&folders, folder, &asset),
            Where::Outside | Where::Untold => Vec::new(),
        };
        Observed { asset, place, names }
    }

    /// The server's clock, as far as we know it: its first answer's time plus what has passed here.
    pub(crate) fn server_now(&self) -> UnixMs {
        self.server_time.plus_ms(self.now().0 - self.started.0)
    }
}

/// Answers, by whether they fit what is known. What does not is not taken over.
struct Sorted {
    fitting: Vec<Observed>,
    refused: Vec<AssetId>,
    /// By the database's word: new ones that are dated later than the highest id.
    unordered: Vec<RemoteAsset>,
}

fn sorted(
    tx: &Tx<'_>,
    mirror: MirrorId,
    observed: Vec<Observed>,
    said: Said,
    now: UnixMs,
    fits: &mut Vec<Fit>,
) -> Result<Sorted, StoreError> {
    let (mut fitting, mut refused, mut unordered) = (Vec::with_capacity(observed.len()), Vec::new(), Vec::new());
    for one in observed {
        let old = tx.asset(mirror, &one.asset.id)?;
        let fit = same_server::fit(tx, mirror, &one.asset, old.as_ref(), now)?;
        if said == Said::ByDatabase && (old.is_some() || fit == Fit::Contradicts) {
            fits.push(fit);
        }
        match fit {
            Fit::OutOfOrder if said == Said::ByDatabase => unordered.push(one.asset),
            Fit::Contradicts | Fit::OutOfOrder => refused.push(one.asset.id),
            Fit::Fits | Fit::Older => fitting.push(one),
        }
    }
    Ok(Sorted { fitting, refused, unordered })
}

/// The assets among these that were renamed or moved since we last heard of them.
fn leaving(tx: &Tx<'_>, mirror: MirrorId, observed: &[Observed]) -> Result<BTreeSet<AssetId>, StoreError> {
    let mut leaving = BTreeSet::new();
    for one in observed {
        let Some(old) = tx.asset(mirror, &one.asset.id)? else { continue };
        let moved = match one.place {
            Where::Inside(folder) => {
                old.folder != Some(folder) || !is_same_name(&old.asset.filename, &one.asset.filename)
            }
            Where::Outside | Where::Untold => false,
        };
        if moved && one.asset.updated_at >= old.asset.updated_at && one.asset.trashed_at.is_none() {
            leaving.insert(one.asset.id.clone());
        }
    }
    Ok(leaving)
}

/// Whether an answer shows another place or name than we know. A move need not touch `updated_at`, so which of the two is
/// the later one cannot be told by it.
fn is_elsewhere(old: &AssetRow, asset: &RemoteAsset, place: Where) -> bool {
    let moved = match place {
        Where::Inside(folder) => old.folder != Some(folder),
        Where::Outside => old.folder.is_some(),
        Where::Untold => false,
    };
    moved || old.asset.filename != asset.filename
}

/// Writes one observation; `false` if it cannot be believed as it is.
fn take_over(
    tx: &Tx<'_>,
    mirror: MirrorId,
    observed: Observed,
    said: Said,
    now: UnixMs,
    leaving: &BTreeSet<AssetId>,
) -> Result<bool, StoreError> {
    let Observed { mut asset, place, names } = observed;
    let old = tx.asset(mirror, &asset.id)?;
    if said == Said::ByDatabase && asset.trashed_at.is_some() {
        trash_count::shown(tx, mirror)?;
    }
    if let Some(old) = &old
        && said == Said::ByIndex
        && !Mutation::OldAnswerBelieved.is_on()
        && (asset.updated_at < old.asset.updated_at
            || asset.updated_at == old.asset.updated_at && is_elsewhere(old, &asset, place))
    {
        return Ok(false);
    }
    // A late index may still show what was deleted; only the database brings an asset back.
    if said == Said::ByIndex
        && old.as_ref().is_some_and(|old| matches!(old.presence, Presence::Trashed | Presence::Gone))
    {
        return Ok(false);
    }
    let (folder, presence) = match (place, &old) {
        (Where::Untold, Some(old)) if old.folder.is_some() => (old.folder, Presence::Live),
        // A database answer without a folder: it is in none that we may see.
        (Where::Untold, _) if said == Said::ByIndex => return Ok(false),
        (Where::Untold | Where::Outside, _) => (None, Presence::Outside),
        (Where::Inside(folder), _) => (Some(folder), Presence::Live),
    };
    let presence = if asset.trashed_at.is_some() { Presence::Trashed } else { presence };
    if old.is_none() && presence != Presence::Live {
        if presence == Presence::Outside {
            tx.remember_outside(mirror, &asset.id, now)?;
        }
        return Ok(true);
    }
    let superseded = believe_head(&mut asset, old.as_ref(), now);
    let learned = settle_claims(&mut asset, old.as_ref());
    if asset.state == AssetState::AwaitingApproval && (said == Said::ByIndex || old.as_ref().is_some_and(was_listed)) {
        asset.state = AssetState::Processed;
    }
    let (given_name, key) = match &old {
        // While an asset was away, its name may have been given to another.
        Some(old)
            if old.folder == folder
                && is_same_name(&old.asset.filename, &asset.filename)
                && !comes_back(old, presence)
                || folder.is_none() =>
        {
            (old.given_name.clone(), old.key.clone())
        }
        // Its folder was not told, so no name can be given in it. The new one counts once it is told where.
        Some(old) if names.is_empty() => {
            asset.filename.clone_from(&old.asset.filename);
            (old.given_name.clone(), old.key.clone())
        }
        _ => match kept_name(tx, mirror, folder, &asset, &names)? {
            Some(name) => name,
            None => choose_name(tx, mirror, folder, &asset.id, names, Some(leaving))?,
        },
    };
    if presence == Presence::Trashed
        && old.as_ref().is_some_and(|old| !matches!(old.presence, Presence::Trashed | Presence::Gone))
    {
        trash_count::found(tx, mirror)?;
    }
    let waits = waits(&asset) && presence == Presence::Live;
    let look = match &old {
        // Nobody waits for what does not live here.
        _ if presence != Presence::Live => None,
        _ if !waits && said == Said::ByIndex => None,
        Some(old) if old.next_look.is_some() => {
            old.next_look.filter(|at| *at > now).or_else(|| waits.then(|| next_look(&asset, now)))
        }
        _ => waits.then(|| next_look(&asset, now)),
    };
    asset.storage_folder = None;
    asset.trashed_at = None;
    let row = AssetRow {
        folder,
        given_name,
        key,
        presence,
        learned,
        unacknowledged: old.as_ref().is_some_and(|old| old.unacknowledged),
        next_look: look,
        superseded,
        asset,
    };
    if old.as_ref() == Some(&row) {
        return Ok(true);
    }
    tx.put_asset(mirror, &row)?;
    if old.as_ref().is_none_or(|old| matters(old, &row)) {
        tx.mark_asset(mirror, &row.asset.id)?;
    }
    if let Some(old) = &old
        && let Some(folder) = old.folder
        && (old.folder != row.folder || old.key != row.key || row.presence != Presence::Live)
    {
        // A file that has its name without ever having been its file is on its own now.
        tx.mark_place(mirror, folder, &old.key)?;
    }
    Ok(true)
}

/// Whether the lists showed it at last: what they show was approved.
fn was_listed(old: &AssetRow) -> bool {
    old.presence == Presence::Live && old.asset.state == AssetState::Processed && old.next_look.is_none()
}

/// Whether an asset is live again that was not.
fn comes_back(old: &AssetRow, presence: Presence) -> bool {
    presence == Presence::Live && !matches!(old.presence, Presence::Live | Presence::Unknown)
}

/// After a push, an answer that still shows the version before it is late, not a revert; for a while.
fn believe_head(asset: &mut RemoteAsset, old: Option<&AssetRow>, now: UnixMs) -> Option<(u64, UnixMs)> {
    let old = old?;
    let (version, until) = old.superseded?;
    if asset.version != Some(version) || now > until {
        return None;
    }
    asset.version = old.asset.version;
    asset.state = AssetState::Processing;
    Some((version, until))
}

/// While the server still works on a version, its size and hash may be those of the one before. What we learned
/// ourselves about the same version stays. Returns whether the claims are our own.
fn settle_claims(asset: &mut RemoteAsset, old: Option<&AssetRow>) -> bool {
    if matches!(asset.state, AssetState::Pending | AssetState::Processing) {
        asset.claimed = Claimed::default();
    }
    let Some(old) = old else { return false };
    let same_version = asset.version.is_some() && asset.version == old.asset.version;
    let still =
        old.learned && asset.claimed.md5.is_none() && (same_version || asset.updated_at == old.asset.updated_at);
    if still {
        asset.claimed = old.asset.claimed;
    }
    still
}

/// Whether the planner could decide otherwise than before.
fn matters(old: &AssetRow, new: &AssetRow) -> bool {
    let relevant = |row: &AssetRow| {
        let asset = RemoteAsset { last_external_sync_at: None, versions_count: None, ..row.asset.clone() };
        (asset, row.folder, row.presence, row.given_name.clone())
    };
    relevant(old) != relevant(new)
}
