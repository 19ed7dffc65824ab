//! The acknowledgement that the whole organization shares.

use std::collections::BTreeSet;

use super::asset::AssetId;
use super::user::UserId;
use super::{Refusal, World};

/// What `updated_since_last_sync` is asked with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinceLastSync {
    /// Only assets made this way.
    pub created_via: Option<String>,
    /// Counts as the acknowledgement of those that have none.
    pub last_sync_at: Option<i64>,
    /// Other users' assets as well; needs a permission.
    pub any_user: bool,
}

impl World {
    /// Numbers of the caller's assets that changed after their acknowledgement.
    pub fn updated_since_last_sync(
        &mut self,
        user: UserId,
        asked: &SinceLastSync,
        now: i64,
    ) -> Result<Vec<AssetId>, Refusal> {
        self.tick(now);
        let caller = self.user(user)?;
        if asked.any_user && !caller.any_user && self.habits.any_user_refused {
            return Err(Refusal::Forbidden("any_user"));
        }
        let everyone = asked.any_user && caller.any_user;
        let of = |id: &UserId| everyone || *id == user;
        let mut ids: BTreeSet<AssetId> =
            self.live.stale.iter().filter(|(id, _)| of(id)).flat_map(|(_, ids)| ids.iter().copied()).collect();
        if let Some(last) = asked.last_sync_at {
            for (_, never) in self.live.never_synced.iter().filter(|(id, _)| of(id)) {
                ids.extend(never.range((last + 1, AssetId::MIN)..).map(|(_, id)| *id));
            }
        }
        let wanted = |id: &AssetId| {
            self.assets.get(id).is_some_and(|asset| {
                self.visible(caller, asset.folder_id)
                    && asked.created_via.as_ref().is_none_or(|via| asset.created_via.as_ref() == Some(via))
            })
        };
        Ok(ids.into_iter().filter(wanted).collect())
    }

    /// Notes that somebody has seen an asset as it is. `updated_at` stays.
    pub(super) fn acknowledge(&mut self, id: AssetId, now: i64) {
        if let Some(asset) = self.assets.get(&id) {
            let mut asset = (**asset).clone();
            asset.last_external_sync_at = Some(now);
            self.store(asset, now);
        }
    }
}
