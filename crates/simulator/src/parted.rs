//! What a direction or `delete = "keep"` leaves different on the two sides: only what it speaks of, and only what the
//! report says.

use crate::content::content_of;
use crate::daemon::Daemon;
use crate::disk::Tree;
use crate::stage::Stage;
use damsync_model::content::Sha256;
use damsync_model::id::AssetId;
use damsync_model::name::{is_nfc, is_same_name};
use damsync_model::plan::HoldReason;
use damsync_model::policy::{DeletePolicy, Policy};
use damsync_reconciler::report::Report;
use damsync_sandbox::world::asset::Asset;
use std::sync::Arc;

/// Of two names that differ in form alone, the composed one counts.
fn file_at(tree: &Tree, path: &str) -> Option<Sha256> {
    let forms = tree.0.keys().filter(|other| is_same_name(other, path) && tree.file(other).is_some());
    let file = forms.max_by_key(|other| is_nfc(other)).and_then(|path| tree.file(path));
    file.map(|file| content_of(&file.data).sha256)
}

/// What may differ for one daemon.
pub struct Parted<'a> {
    stage: &'a Stage,
    daemon: &'a Daemon,
    report: &'a Report,
    policy: &'a Policy,
}

impl<'a> Parted<'a> {
    /// What a daemon's last report says.
    pub fn new(stage: &'a Stage, daemon: &'a Daemon, report: &'a Report) -> Self {
        Self { stage, daemon, report, policy: &stage.policy }
    }

    fn keeps(&self) -> bool {
        self.policy.delete == DeletePolicy::Keep
    }

    fn is_held(&self, path: &str) -> bool {
        let reason = |reason: HoldReason| match reason {
            HoldReason::Direction => !self.policy.direction.pushes() || !self.policy.direction.pulls(),
            HoldReason::Kept => self.keeps(),
            _ => false,
        };
        self.report
            .held
            .iter()
            .any(|held| reason(held.reason) && held.path.as_deref().is_some_and(|held| is_same_name(held, path)))
    }

    /// Whether a directory or storage folder may be on one side alone.
    pub fn folder(&self, path: &str) -> bool {
        self.is_held(path)
    }

    /// Whether a live asset may be without its file, or with another one; `paths` are where the file of one that was never
    /// agreed on would stand.
    pub fn asset(&self, tree: &Tree, asset: &Asset, mut paths: impl Iterator<Item = String>) -> bool {
        let Some(agreed) = self.daemon.agreement(&AssetId::from(asset.id)) else {
            return !self.policy.direction.pulls() && paths.any(|path| self.is_held(&path));
        };
        if !self.is_held(&agreed.path) {
            return false;
        }
        let here = file_at(tree, &agreed.path);
        let there = asset.head_version().and_then(|version| self.stage.server.hash(version));
        // Where no checksum is told, somebody else's version may lie between ours and the one before.
        let changed_there = !self.stage.server.world().habits().checksums_given
            || there != Some(agreed.content)
            || asset.filename != agreed.filename
            || agreed.storage_folder != Some(asset.folder_id.into());
        !self.policy.direction.pushes() && here != Some(agreed.content)
            || !self.policy.direction.pulls() && changed_there
            || self.keeps() && here.is_none()
    }

    /// Whether a file may be without its asset, or beside another one.
    pub fn file(&self, tree: &Tree, path: &str, content: Sha256) -> bool {
        if !self.is_held(path) {
            return false;
        }
        let assets: Vec<Arc<Asset>> = self.stage.server.world().all_assets().cloned().collect();
        let agreed = assets.iter().find_map(|asset| {
            let agreed = self.daemon.agreement(&AssetId::from(asset.id))?;
            is_same_name(&agreed.path, path).then_some((asset, agreed))
        });
        match agreed {
            Some((asset, _)) if asset.alive() && self.asset(tree, asset, std::iter::empty()) => true,
            Some((_, agreed)) if agreed.content == content => !self.policy.direction.pulls() || self.keeps(),
            Some(_) => !self.policy.direction.pushes(),
            // New here; or its name is that of an asset which is not pulled; or a roll-back took its asset away.
            None => {
                let taken_away = self.keeps() && self.stage.ledger().ever_rolled_back();
                !self.policy.direction.pushes() || !self.policy.direction.pulls() || taken_away
            }
        }
    }
}
