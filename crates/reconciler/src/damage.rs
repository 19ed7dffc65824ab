//! Whether assets that changed there look damaged: of bytes that are not here yet, the first few are asked for.

use crate::guard::asset_over_file;
use crate::pass::{Pass, PassError};
use damsync_model::content::Content;
use damsync_model::id::AssetId;
use damsync_model::kind::{HEAD_BYTES, Kind};
use damsync_model::tree::Entity;
use damsync_ports::{LocalSide, RemoteSide};

/// So many assets stand for all of them.
const SAMPLE: u64 = 24;

/// Assets whose new bytes would replace files.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    /// How many are empty now.
    emptied: u64,
    /// How many others there are.
    others: u64,
    /// Some of the others, evenly spread, with what their files hold.
    sample: Vec<(AssetId, Option<u64>, Content)>,
    /// Every so many is taken.
    stride: u64,
}

impl Suspects {
    pub(crate) fn add(&mut self, entity: &Entity) {
        let Some((asset, before)) = asset_over_file(entity) else { return };
        if asset.claimed.size == Some(0) {
            self.emptied += u64::from(before.size > 0);
            return;
        }
        self.stride = self.stride.max(1);
        if self.others.is_multiple_of(self.stride) {
            self.sample.push((asset.id.clone(), asset.version, before));
        }
        self.others += 1;
        if self.sample.len() as u64 >= 2 * SAMPLE {
            // Every second one goes, and from now on only every second one of those to come is taken.
            let mut keep = false;
            self.sample.retain(|_| {
                keep = !keep;
                keep
            });
            self.stride *= 2;
        }
    }
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// How many of them look damaged, by the sample.
    pub(crate) async fn count_damaged(&self, suspects: Suspects) -> Result<u64, PassError> {
        let Suspects { emptied, others, sample, .. } = suspects;
        let sampled = sample.len() as u64;
        if sampled == 0 {
            return Ok(emptied);
        }
        let mut damaged = 0;
        for (asset, version, before) in sample {
            self.check_stop()?;
            if before.kind != Kind::Unknown
                && let Some(head) = self.first_bytes(&asset, version, HEAD_BYTES).await?
                && Kind::of(&head) != before.kind
            {
                damaged += 1;
            }
        }
        Ok(emptied + (others * damaged).div_ceil(sampled))
    }
}
