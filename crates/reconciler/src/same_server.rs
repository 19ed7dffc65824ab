//! Is it still the same server, and has its time only gone forward?
//!
//! A server that was restored from a backup, or replaced, answers well and means another world: what it does not show was not
//! deleted by anybody. A high-water mark is kept of the asset ids that were ever seen. The evidence comes from asset details,
//! never from search, and any one is enough:
//!
//! - An id that is new to us, not above the mark, and made after the mark was set. It counts while the asset that set the
//!   mark is not what it was: where it still is, ids are only dated by several clocks.
//! - A known id with another guid.
//! - At least 3 known assets, and 5 % of those asked, that are older than we know them.
//! - Many that are gone at once and not into the trash, while nothing newer than they is left.
//! - Any that are gone and not into the trash, while one of the others is older than we know it.
//!
//! A highest id that is gone is only a deletion, a lower version number a revert, a `Date` that jumps back only a clock.

use crate::pass::{Pass, PassError};
use crate::report::HeldItem;
use crate::trash_count::{self, TrashCounts};
use damsync_model::id::{AssetId, MirrorId, RemoteId};
use damsync_model::mutation::Mutation;
use damsync_model::plan::HoldReason;
use damsync_model::policy::MaxDelete;
use damsync_model::time::UnixMs;
use damsync_model::tree::RemoteAsset;
use damsync_ports::{Answer, LocalSide, RemoteSide};
use damsync_store::{AssetRow, StoreError, Tx};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The highest asset id ever seen, …
const HIGHEST_ID: &str = "highest_id";

/// … and the server's time when it was: no asset with a lower id should have been made later.
const HIGHEST_AT: &str = "highest_id_at";

/// The server was found to have gone back; what the mirror agreed on no longer holds until a user says so.
const ROLLED_BACK: &str = "rolled_back";

/// An asset was older than it was known since the ids were last compared: what it was known by is written over by what it
/// is now.
const OLDER: &str = "older";

/// Of two assets made at once the lower id may carry the later time.
const GRAIN_MS: i64 = 100;

/// The server tells its time in whole seconds (the `Date` of HTTP).
const DATE_GRAIN_MS: i64 = 1000;

/// So many known assets must be older than we know them, …
const FEWEST_OLDER: u64 = 3;

/// … and one of so many that were asked.
const OLDER_SHARE: u64 = 20;

/// So many of the newest are asked where assets vanished, …
const ASKED_NEWEST: u32 = 12;

/// … unless one is as it was that is newer by more than several servers' clocks may differ.
const CLOCKS_MS: i64 = 60 * 60 * 1000;

/// What the answers of one pass say of the server's time.
#[derive(Debug, Default)]
pub(crate) struct ServerTime {
    asked: AtomicU64,
    older: AtomicU64,
    contradicted: AtomicBool,
}

/// Whether an answer fits what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It does.
    Fits,
    /// It cannot be by a server whose time only goes forward.
    Contradicts,
    /// A new id is dated later than a higher one. Servers that share the work may do so, each by its own clock.
    OutOfOrder,
    /// An asset is older than we know it.
    Older,
}

/// Compares an asset with what is known of it, or of the newest one.
pub(crate) fn fit(
    tx: &Tx<'_>,
    mirror: MirrorId,
    asset: &RemoteAsset,
    old: Option<&AssetRow>,
    server_now: UnixMs,
) -> Result<Fit, StoreError> {
    let Some(old) = old else {
        let (Some(highest), Some(at)) = (tx.cursor(mirror, HIGHEST_ID)?, tx.cursor(mirror, HIGHEST_AT)?) else {
            return Ok(Fit::Fits);
        };
        let late = asset.created_at.0 > at + GRAIN_MS;
        return Ok(match number(&asset.id) {
            Some(id) if late && id <= highest => Fit::OutOfOrder,
            _ => Fit::Fits,
        });
    };
    if old.asset.guid != asset.guid {
        return Ok(Fit::Contradicts);
    }
    let fewer_versions =
        matches!((asset.versions_count, old.asset.versions_count), (Some(now), Some(then)) if now < then);
    // A server whose clock was set back writes older times without having gone back itself.
    let earlier = asset.updated_at < old.asset.updated_at && old.asset.updated_at <= server_now.plus_ms(DATE_GRAIN_MS);
    Ok(if fewer_versions || earlier { Fit::Older } else { Fit::Fits })
}

/// Raises the high-water mark; what was seen are ids with the times when their assets were made.
pub(crate) fn raise_high_water(
    tx: &Tx<'_>,
    mirror: MirrorId,
    seen: impl IntoIterator<Item = (AssetId, UnixMs)>,
    server_now: UnixMs,
) -> Result<(), StoreError> {
    let numbered = seen.into_iter().filter_map(|(id, created_at)| Some((number(&id)?, created_at)));
    let Some((highest, created_at)) = numbered.max() else { return Ok(()) };
    if tx.cursor(mirror, HIGHEST_ID)?.is_none_or(|known| known < highest) {
        tx.set_cursor(mirror, HIGHEST_ID, highest)?;
        tx.set_cursor(mirror, HIGHEST_AT, server_now.max(created_at).0)?;
    }
    Ok(())
}

/// Writes down that an asset was older than it was known, with what it is now.
pub(crate) fn remember_older(tx: &Tx<'_>, mirror: MirrorId, fits: &[Fit]) -> Result<(), StoreError> {
    if fits.contains(&Fit::Older) { tx.set_cursor(mirror, OLDER, 1) } else { Ok(()) }
}

/// What set the high-water mark: its id, what is known of it, and the server's time then.
fn marked(tx: &Tx<'_>, mirror: MirrorId) -> Result<Option<(AssetId, Option<AssetRow>, UnixMs)>, StoreError> {
    let (Some(highest), Some(at)) = (tx.cursor(mirror, HIGHEST_ID)?, tx.cursor(mirror, HIGHEST_AT)?) else {
        return Ok(None);
    };
    let id = AssetId(RemoteId::Number(highest));
    let row = tx.asset(mirror, &id)?;
    Ok(Some((id, row, UnixMs(at))))
}

/// Only numbers are given in order.
const fn number(id: &AssetId) -> Option<i64> {
    match id.0 {
        RemoteId::Number(number) => Some(number),
        RemoteId::Text(_) => None,
    }
}

impl ServerTime {
    pub(crate) fn note(&self, fit: Fit) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match fit {
            Fit::Fits => {}
            Fit::Older => {
                self.older.fetch_add(1, Ordering::Relaxed);
            }
            Fit::Contradicts | Fit::OutOfOrder => self.contradicted.store(true, Ordering::Relaxed),
        }
    }

    fn went_back(&self) -> bool {
        let (asked, older) = (self.asked.load(Ordering::Relaxed), self.older.load(Ordering::Relaxed));
        self.contradicted.load(Ordering::Relaxed) || (older >= FEWEST_OLDER && older * OLDER_SHARE >= asked)
    }
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Whether new ids that are dated later than the highest one are only that: while the highest is there as it was, the
    /// server that gave it cannot have gone back to a time before it. Then they are believed.
    pub(crate) async fn trusts_order(&self, latest: UnixMs) -> Result<bool, PassError> {
        let mirror = self.mirror;
        let Some((id, row, at)) = self.engine.keeper.read(move |tx| marked(tx, mirror)).await? else { return Ok(true) };
        let Answer::Found(now) = self.engine.remote.asset(&id).await? else { return Ok(false) };
        let is_it = now.created_at.0 <= at.0 + GRAIN_MS && row.is_none_or(|row| row.asset.guid == now.guid);
        if is_it {
            self.engine.keeper.write(move |tx| tx.set_cursor(mirror, HIGHEST_AT, latest.max(at).0)).await?;
        }
        Ok(is_it)
    }

    /// Holds a mirror whose server an earlier pass found to have gone back.
    pub(crate) async fn hold_if_rolled_back_before(&self) -> Result<(), PassError> {
        let mirror = self.mirror;
        let known = self.engine.keeper.read(move |tx| Ok(tx.cursor(mirror, ROLLED_BACK)?.is_some())).await?;
        if known { Err(self.rolled_back()) } else { Ok(()) }
    }

    /// The ids there were compared with ours, and it was not found that the server went back.
    pub(crate) async fn forget_older(&self) -> Result<(), PassError> {
        if !self.asked.sweep || !self.saw_older().await? {
            return Ok(());
        }
        let mirror = self.mirror;
        Ok(self.engine.keeper.write(move |tx| tx.remove_cursor(mirror, OLDER)).await?)
    }

    /// Whether an asset was older than it was known, in this pass or one since the ids were last compared.
    async fn saw_older(&self) -> Result<bool, PassError> {
        let mirror = self.mirror;
        Ok(self.engine.keeper.read(move |tx| Ok(tx.cursor(mirror, OLDER)?.is_some())).await?)
    }

    /// Holds the mirror if something that was just made there has the number of something else that we know.
    pub(crate) async fn hold_if_given_again(&self, asset: &RemoteAsset) -> Result<(), PassError> {
        let known = self.asset_row(&asset.id).await?;
        if known.is_none_or(|known| known.asset.guid == asset.guid) {
            Ok(())
        } else {
            self.hold_until_reattached().await
        }
    }

    /// Holds the mirror as soon as the answers of this pass show that the server has gone back.
    pub(crate) async fn hold_if_rolled_back(&self) -> Result<(), PassError> {
        if !self.server_time_fit.went_back() || Mutation::RollBackBelieved.is_on() {
            return Ok(());
        }
        self.hold_until_reattached().await
    }

    /// What an asset was known to be newer by is overwritten by what it is now: the evidence would be gone by the next pass.
    pub(crate) async fn hold_until_reattached(&self) -> Result<(), PassError> {
        let mirror = self.mirror;
        self.engine.keeper.write(move |tx| tx.set_cursor(mirror, ROLLED_BACK, 1)).await?;
        Err(self.rolled_back())
    }

    fn rolled_back(&self) -> PassError {
        let name = &self.engine.spec.name;
        self.report().held.push(HeldItem::mirror(
            HoldReason::RemoteRolledBack,
            format!(
                "the server shows an older state than before, as after a restored backup; nothing is deleted or replaced; run `damsync reattach {name}` to join both sides anew without deleting"
            ),
        ));
        PassError::Held
    }

    /// Assets that are gone for good were deleted, or the server went back to a time before them, or it is another one.
    /// Called before they are taken for gone.
    pub(crate) async fn doubt_the_server(&self, gone: &[AssetId], trash: &mut TrashCounts) -> Result<(), PassError> {
        let (mirror, ids) = (self.mirror, gone.to_vec());
        let (agreed, tracked, latest_gone, newest) = self
            .engine
            .keeper
            .read(move |tx| {
                let (mut agreed, mut latest_gone) = (0, UnixMs(0));
                for id in &ids {
                    agreed += u64::from(tx.base(mirror, id)?.is_some());
                    latest_gone =
                        tx.asset(mirror, id)?.map_or(latest_gone, |row| latest_gone.max(row.asset.updated_at));
                }
                let newest = tx.newest_agreed(mirror, ASKED_NEWEST)?.into_iter().filter(|id| !ids.contains(id));
                let newest: Vec<_> = newest.map(|id| tx.asset(mirror, &id)).collect::<Result<_, _>>()?;
                Ok((agreed, tx.tracked(mirror)?, latest_gone, newest))
            })
            .await?;
        if agreed == 0 {
            return Ok(());
        }
        let mut went_on = false;
        for AssetRow { asset: known, .. } in newest.into_iter().flatten() {
            self.check_stop()?;
            let Answer::Found(asset) = self.engine.remote.asset(&known.id).await? else { continue };
            let is_as_known =
                asset.guid == known.guid && asset.updated_at == known.updated_at && asset.version == known.version;
            self.observe(vec![asset], crate::observe::Said::ByDatabase).await?;
            // Where this is as it was, the server cannot have gone back to a time before it, in which those were there.
            went_on = is_as_known && known.updated_at > latest_gone.plus_ms(CLOCKS_MS);
            if went_on {
                break;
            }
        }
        self.hold_if_rolled_back().await?;
        let one_is_older = self.saw_older().await?;
        if !one_is_older && (agreed <= MaxDelete::FEW || 2 * agreed <= tracked && went_on) {
            return Ok(());
        }
        let now = self.trash_now(trash).await?;
        let in_trash = self.engine.keeper.read(move |tx| trash_count::unexplained(tx, mirror, now)).await?;
        if in_trash >= agreed {
            return Ok(());
        }
        if one_is_older && !Mutation::RollBackBelieved.is_on() {
            return self.hold_until_reattached().await;
        }
        if 2 * agreed <= tracked {
            // Nothing is left from the time in which they were made, and nothing says that they were deleted.
            return Err(self.rolled_back());
        }
        let name = &self.engine.spec.name;
        self.report().held.push(HeldItem {
            count: Some(agreed),
            of: Some(tracked),
            ..HeldItem::mirror(
                HoldReason::RemoteReplaced,
                format!(
                    "most of the known assets are gone at once, and not into the server's trash: it looks like another server; nothing is deleted here; run `damsync reattach {name}` if that is meant"
                ),
            )
        });
        Err(PassError::Held)
    }
}
