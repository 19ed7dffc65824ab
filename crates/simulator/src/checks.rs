//! The promises, checked: some after every step, the others when everything has come to rest.

use crate::content::content_of;
use crate::daemon::Daemon;
use crate::disk::{Node, Tree};
use crate::parted::Parted;
use crate::stage::Stage;
use damsync_model::content::Sha256;
use damsync_model::id::{AssetId, Guid, StorageFolderId};
use damsync_model::name::{
    FileName, Folding, Level, NameKey, candidates_for_asset, candidates_for_folder, is_nfc, last_resort,
};
use damsync_reconciler::report::Report;
use damsync_sandbox::world::World;
use damsync_sandbox::world::asset::{Asset, AssetState};
use damsync_sandbox::world::folder::FolderId;
use std::collections::BTreeMap;
use std::sync::Arc;

fn ours(path: &str) -> bool {
    path == ".damsync" || path.starts_with(".damsync/")
}

/// What must hold at any moment: nothing is lost, nothing is torn, and nothing was done without evidence.
///
/// # Errors
/// Which promise is broken.
pub fn at_any_moment(stage: &Stage) -> Result<(), String> {
    if let Some(first) = stage.ledger().violations().first() {
        return Err(first.clone());
    }
    let existing = stage.existing();
    let ledger = stage.ledger();
    if let Some(lost) = ledger.owed().iter().find(|content| !existing.contains(content)) {
        return Err(format!("no loss: {lost} was written and exists nowhere any more"));
    }
    for (disk, state) in stage.disks.iter().enumerate() {
        let state = state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (path, node) in &state.tree.0 {
            if let Node::File(file) = node
                && !ours(path)
                && !ledger.knows(content_of(&file.data).sha256)
            {
                return Err(format!("no loss: d{disk} {path:?} holds {:?}, which nobody wrote", file.data));
            }
        }
    }
    if let Some(torn) = stage.server.version_contents().iter().find(|content| !ledger.knows(**content)) {
        return Err(format!("no loss: the server has a version of {torn}, which nobody wrote"));
    }
    Ok(())
}

/// What must hold at rest on the server: no pending asset, and no content more often than people put it somewhere.
///
/// # Errors
/// Which promise is broken.
pub fn one_for_one(stage: &Stage) -> Result<(), String> {
    let assets: Vec<Arc<Asset>> = stage.server.world().all_assets().filter(|asset| asset.alive()).cloned().collect();
    let mut counts: BTreeMap<Sha256, u64> = BTreeMap::new();
    for asset in &assets {
        // One that was moved out while a daemon crashed is a new one there.
        if asset.folder_id == stage.server.elsewhere {
            continue;
        }
        if asset.state != AssetState::Processed {
            return Err(format!("one for one: asset {} {:?} is left {:?}", asset.id, asset.filename, asset.state));
        }
        if let Some(content) = asset.head_version().and_then(|version| stage.server.hash(version)) {
            *counts.entry(content).or_default() += 1;
        }
    }
    let ledger = stage.ledger();
    for (content, count) in counts {
        // What was hidden for a while may have been taken for gone and sent anew. What does not follow its asset is new when
        // both sides are joined anew.
        let was_left = ledger.ever_joined_anew() && !stage.policy.direction.pulls();
        if count > ledger.puts(content) && !ledger.ever_hid() && !ledger.ever_rolled_back() && !was_left {
            let which: Vec<_> = assets
                .iter()
                .filter(|asset| asset.head_version().and_then(|version| stage.server.hash(version)) == Some(content))
                .map(|asset| (asset.id, asset.filename.clone(), asset.folder_id))
                .collect();
            return Err(format!(
                "one for one: {which:?} are {count} assets of what was put {} times",
                ledger.puts(content)
            ));
        }
    }
    Ok(())
}

/// Whether a daemon's directory shows what the server has, apart from what its last report tells.
///
/// # Errors
/// The first difference.
pub fn converged(stage: &Stage, daemon: &Daemon, report: &Report) -> Result<(), String> {
    let tree = daemon.tree();
    if let Some((path, _)) = tree.below(".damsync/partial").next() {
        return Err(format!("one for one: a partial is left: {path}"));
    }
    let parted = Parted::new(stage, daemon, report);
    let comparison = Comparison { stage, daemon, tree, report, parted, folding: stage.disk(0).folding() };
    comparison.folder(stage.server.mirrored, "", Level::Root)
}

/// So many names of a storage folder are tried.
const MOST_NAMES: usize = 8;

struct Comparison<'a> {
    stage: &'a Stage,
    daemon: &'a Daemon,
    tree: Tree,
    report: &'a Report,
    parted: Parted<'a>,
    folding: Folding,
}

impl Comparison<'_> {
    /// Compares a storage folder with a directory, and everything below them.
    fn folder(&self, id: FolderId, path: &str, level: Level) -> Result<(), String> {
        let mut dirs = BTreeMap::new();
        let mut files: BTreeMap<NameKey, (String, Sha256)> = BTreeMap::new();
        for (name, node) in self.tree.children(path) {
            let full = join(path, name);
            if ours(&full) || self.daemon.ignores(&full) {
                continue;
            }
            let key = NameKey::of(name, self.folding);
            match node {
                Node::Dir { .. } => drop(dirs.insert(key, full)),
                Node::File(file) => {
                    // Of two names that differ in Unicode's form alone, the composed one counts.
                    if !files.contains_key(&key) || is_nfc(name) {
                        files.insert(key, (full, content_of(&file.data).sha256));
                    }
                }
                Node::Other(_) => {}
            }
        }
        self.files(id, path, level, files)?;
        let folders: Vec<(FolderId, String)> = {
            let world = self.stage.server.world();
            world.all_folders().filter(|f| f.parent_id == Some(id)).map(|f| (f.id, f.name.clone())).collect()
        };
        self.folders(&folders, dirs, path, level)
    }

    /// Finds a directory of its own for each storage folder. One folder may be called what another one's marked name is,
    /// so names alone do not always tell which directory is whose: then what is in them must.
    fn folders(
        &self,
        folders: &[(FolderId, String)],
        mut dirs: BTreeMap<NameKey, String>,
        path: &str,
        level: Level,
    ) -> Result<(), String> {
        let Some(((child, name), others)) = folders.split_first() else {
            // Gone there, and here it holds what is left out of the mirror, or stays by a user's wish.
            dirs.retain(|_, full| {
                let files = || self.tree.below(full).filter(|(_, node)| !matches!(node, Node::Dir { .. }));
                let stays = |path: &String, node: &Node| match node {
                    _ if self.daemon.ignores(path) => true,
                    Node::File(file) => self.parted.file(&self.tree, path, content_of(&file.data).sha256),
                    _ => false,
                };
                let is_kept = files().next().is_some() && files().all(|(path, node)| stays(path, node));
                !is_kept && !self.parted.folder(full)
            });
            return match dirs.into_values().next() {
                Some(left) => Err(format!("convergence: directory {left:?} has no storage folder")),
                None => Ok(()),
            };
        };
        let mut why = None;
        // No more names can be taken than there are directories.
        let names = candidates_for_folder(name, &StorageFolderId::from(*child), level).take(dirs.len() + 2);
        for key in names.map(|name| NameKey::of(name.as_str(), self.folding)) {
            let mut rest = dirs.clone();
            let Some(full) = rest.remove(&key) else { continue };
            let result =
                self.folder(*child, &full, Level::Below).and_then(|()| self.folders(others, rest, path, level));
            match result {
                Ok(()) => return Ok(()),
                Err(broken) => why = why.or(Some(broken)),
            }
        }
        let mut names = candidates_for_folder(name, &StorageFolderId::from(*child), level).take(MOST_NAMES);
        let may_miss = names.any(|name| self.parted.folder(&join(path, name.as_str())));
        // It is gone here, and there it holds what is left out of the mirror; a directory may have its name by now.
        if may_miss || self.holds_only_what_stays(*child, &join(path, name)) {
            match self.folders(others, dirs, path, level) {
                Ok(()) => return Ok(()),
                Err(broken) => why = why.or(Some(broken)),
            }
        }
        Err(why.unwrap_or_else(|| format!("convergence: folder {child} {name:?} has no directory in {path:?}")))
    }

    fn holds_only_what_stays(&self, folder: FolderId, path: &str) -> bool {
        let assets: Vec<(String, Arc<Asset>)> = {
            let world = self.stage.server.world();
            let alive = world.all_assets().filter(|asset| asset.alive());
            alive.filter_map(|asset| Some((path_below(&world, folder, asset.folder_id)?, asset.clone()))).collect()
        };
        let stays = |(below, asset): &(String, Arc<Asset>)| {
            let names = candidates_for_asset(&asset.filename, &Guid(asset.guid.as_str().into()), Level::Below);
            let mut paths = names.iter().map(|name| format!("{path}/{below}{name}"));
            self.daemon.ignores(&join(path, &asset.filename)) || self.parted.asset(&self.tree, asset, &mut paths)
        };
        !assets.is_empty() && assets.iter().all(stays)
    }

    fn files(
        &self,
        folder: FolderId,
        path: &str,
        level: Level,
        mut files: BTreeMap<NameKey, (String, Sha256)>,
    ) -> Result<(), String> {
        let (assets, unsubmitted): (Vec<Arc<Asset>>, Vec<Arc<Asset>>) = {
            let world = self.stage.server.world();
            let live = world.all_assets().filter(|asset| asset.alive() && asset.folder_id == folder);
            live.cloned().partition(|asset| asset.submitted_at.is_some())
        };
        let key = |name: &FileName| NameKey::of(name.as_str(), self.folding);
        let mut plain_ones = Vec::new();
        // Those that have a marked name are found by it; what is left has the plain ones.
        for asset in &assets {
            let [plain, short, long] = candidates_for_asset(&asset.filename, &Guid(asset.guid.as_str().into()), level);
            // Its file stays where it was agreed on, and what has the asset's new name here is another asset's.
            let marked = [long, short, last_resort(&AssetId::from(asset.id))];
            let paths = marked.iter().chain([&plain]).map(|name| join(path, name.as_str()));
            if self.daemon.ignores(&join(path, plain.as_str()))
                || self.file_stays(asset)
                || self.parted.asset(&self.tree, asset, paths)
            {
                continue;
            }
            // After both sides were joined anew, a file with a marked name may be an asset of its own, also with the same
            // bytes.
            let is_its = |(_, content): &(String, Sha256)| {
                !self.stage.ledger().ever_rolled_back() || self.stage.server.head_of(asset.id) == Some(*content)
            };
            let marked = marked.iter().filter(|name| **name != plain).map(&key);
            let marked = marked.filter(|key| files.get(key).is_some_and(is_its)).collect::<Vec<_>>();
            let may_be_plain = self.stage.ledger().ever_rolled_back() && files.get(&key(&plain)).is_some_and(is_its);
            match marked.iter().filter(|_| !may_be_plain).find_map(|key| files.remove(key)) {
                Some(file) => self.same_bytes(asset, &file)?,
                None => plain_ones.push((asset, plain, marked)),
            }
        }
        // Those first that can have no other.
        plain_ones.sort_by_key(|(.., marked)| !marked.is_empty());
        for (asset, plain, marked) in plain_ones {
            match files.remove(&key(&plain)).or_else(|| marked.iter().find_map(|key| files.remove(key))) {
                Some(file) => self.same_bytes(asset, &file)?,
                None if self.skips(|skipped| skipped == join(path, plain.as_str())) => {}
                None => {
                    let name = &asset.filename;
                    return Err(format!("convergence: asset {} {name:?} has no file in {path:?}", asset.id));
                }
            }
        }
        // Whoever sent what nobody submitted has its file, and says that it waits; others need not see it.
        for asset in unsubmitted {
            let waits =
                self.report.awaiting.iter().find(|waits| waits.guid == asset.guid && parent(&waits.path) == path);
            let name = waits.and_then(|waits| waits.path.rsplit('/').next());
            if let Some(file) = name.and_then(|name| files.remove(&NameKey::of(name, self.folding))) {
                // A file that was never agreed on is in conflict with it, which is settled once its bytes can be had; and a
                // version that somebody adds meanwhile comes down once it is submitted.
                let was_agreed_on = self.daemon.agreement(&AssetId::from(asset.id)).is_some();
                if was_agreed_on && !self.stage.server.contents_of(&asset).contains(&file.1) {
                    self.same_bytes(&asset, &file)?;
                }
            }
        }
        match files.into_values().find(|(left, content)| !self.parted.file(&self.tree, left, *content)) {
            Some((left, _)) => Err(format!("convergence: file {left:?} has no asset")),
            None => Ok(()),
        }
    }

    /// Whether what stands in the place where the asset was agreed on is not compared, and the report says so: its name is
    /// left out of the mirror, or it is a directory by now.
    fn file_stays(&self, asset: &Asset) -> bool {
        self.daemon.file_of(&AssetId::from(asset.id)).is_some_and(|path| {
            let is_no_file = self.tree.0.contains_key(&path) && self.tree.file(&path).is_none();
            (self.daemon.ignores(&path) || is_no_file) && self.skips(|skipped| skipped == path)
        })
    }

    fn skips(&self, matches: impl Fn(&str) -> bool) -> bool {
        // What we ourselves began is brought to its end.
        self.report.skipped.iter().any(|item| matches(&item.path) && !item.reason.contains("interrupted"))
    }

    fn same_bytes(&self, asset: &Asset, (path, content): &(String, Sha256)) -> Result<(), String> {
        let theirs = asset.head_version().and_then(|version| self.stage.server.hash(version));
        if theirs == Some(*content) {
            Ok(())
        } else {
            Err(format!("convergence: {path:?} and asset {} hold other bytes", asset.id))
        }
    }
}

/// The way from one folder down to another, with a slash after each name; `None` where the other is not below it.
fn path_below(world: &World, folder: FolderId, of: FolderId) -> Option<String> {
    if of == folder {
        return Some(String::new());
    }
    let at = world.any_folder(of)?;
    Some(format!("{}{}/", path_below(world, folder, at.parent_id?)?, at.name))
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}
