//! What other people do on the server.

use crate::content::{bytes_of, content_of};
use crate::edit::{Pick, Remote, Right};
use crate::remote::Server;
use crate::stage::{DIRS, NAMES, OTHER_CASE, REMOTE_ONLY, Stage, pick};
use damsync_model::content::Sha256;
use damsync_sandbox::world::asset::{Asset, AssetState};
use damsync_sandbox::world::job::JobWork;
use damsync_sandbox::world::{AssetEdit, AssetKey, NewAsset, NewFolder, Refusal, World};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A person acts; says what it came to.
pub(crate) fn act_there(stage: &Stage, edit: &Remote) -> String {
    match attempt(stage, edit) {
        Ok(told) => format!("server {told}"),
        Err(refusal) => format!("server refuses {edit:?}: {refusal}"),
    }
}

/// The pick by which an asset of the mirror is found, if it is there.
pub(crate) fn pick_of(stage: &Stage, asset: i64) -> Option<Pick> {
    let world = stage.server.world();
    let inside = stage.server.folders_inside(&world);
    let at = live(&world, |folder| inside.contains(&folder)).iter().position(|one| one.id == asset)?;
    Pick::try_from(at).ok()
}

/// What an asset is called.
pub(crate) fn name_of(stage: &Stage, asset: i64) -> Option<String> {
    stage.server.world().any_asset(AssetKey::Id(asset)).map(|asset| asset.filename.clone())
}

/// The pick by which one that can be restored is found.
pub(crate) fn trashed_pick_of(stage: &Stage, asset: i64) -> Option<Pick> {
    let world = stage.server.world();
    let inside = stage.server.folders_inside(&world);
    Pick::try_from(trashed(&world, &inside).iter().position(|one| *one == asset)?).ok()
}

/// Those that can be restored.
fn trashed(world: &World, inside: &[i64]) -> Vec<i64> {
    let can = |asset: &&Arc<Asset>| {
        !asset.alive() && inside.contains(&asset.folder_id) && asset.state == AssetState::Processed
    };
    world.all_assets().filter(can).map(|asset| asset.id).collect()
}

fn live(world: &World, inside: impl Fn(i64) -> bool) -> Vec<Arc<Asset>> {
    let there = |asset: &&Arc<Asset>| asset.alive() && asset.state != AssetState::Pending && inside(asset.folder_id);
    world.all_assets().filter(there).map(Arc::clone).collect()
}

/// Assets that the daemons may not see, with what they hold.
fn hidden(world: &World, server: &Server) -> Vec<(i64, Vec<Sha256>)> {
    let hidden = live(world, |folder| hides(world, server, folder));
    hidden.iter().map(|asset| (asset.id, server.contents_of(asset))).collect()
}

/// Those that hold this. What a pass that began then was not shown before may be shown again by now.
fn hidden_since(stage: &Stage, began: i64, content: Sha256) -> Vec<i64> {
    let mut all = hidden(&stage.server.world(), &stage.server);
    all.extend(stage.ledger().hidden_after(began));
    all.into_iter().filter(|(_, contents)| contents.contains(&content)).map(|(id, _)| id).collect()
}

/// Whether this is the content of an asset that was moved to where the daemons may not look: for them it is gone.
pub(crate) fn is_out_of_sight(stage: &Stage, content: Sha256, began: i64) -> bool {
    hidden_since(stage, began, content).into_iter().any(|id| stage.ledger().was_moved(id))
}

/// Whether a roll-back took this content's asset away and left the daemon no evidence: its assets that are older than it
/// was told are fewer than the promised three. A few that are gone look like deleted ones then.
pub(crate) fn is_silently_rolled_away(stage: &Stage, daemon: usize, content: Sha256) -> bool {
    let world = stage.server.world();
    let alive = world.all_assets().filter(|asset| asset.alive()).map(|asset| asset.id).collect();
    stage.ledger().was_rolled_away(content) && older(stage, &world, daemon, &alive) < FEWEST_OLDER
}

/// So many assets that are older than they were known say that a server went back in time.
pub(crate) const FEWEST_OLDER: usize = 3;

/// Whether nobody is sending anything: what a backup holds of that would be nobody's after it.
pub(crate) fn is_at_rest(world: &World) -> bool {
    let at_rest = |asset: &Arc<Asset>| asset.state == AssetState::Processed && asset.submitted_at.is_some();
    world.all_assets().filter(|asset| asset.alive()).all(at_rest)
}

/// How many assets a daemon was told of as newer than this world has them, of those that it can see here and that it had
/// no reason to forget.
pub(crate) fn older(stage: &Stage, world: &World, daemon: usize, alive_before: &BTreeSet<i64>) -> usize {
    let ledger = stage.ledger();
    let is_older = |asset: &&Arc<Asset>| ledger.latest_shown(daemon, asset.id).is_some_and(|at| asset.updated_at < at);
    let shown = |asset: &&Arc<Asset>| {
        asset.alive() && alive_before.contains(&asset.id) && !hides(world, &stage.server, asset.folder_id)
    };
    world.all_assets().filter(shown).filter(is_older).count()
}

/// Whether the daemons may not see a folder.
pub(crate) fn hides(world: &World, server: &Server, folder: i64) -> bool {
    let above = world.ancestors(folder);
    let is_hidden = |user| {
        let hidden = world.any_user(user).map(|user| &user.hidden_folders);
        hidden.is_some_and(|hidden| hidden.contains(&folder) || above.iter().any(|id| hidden.contains(id)))
    };
    server.clients().into_iter().any(is_hidden)
}

/// Whether a daemon may take this content's asset for deleted although it is only hidden: the count of the trash, which
/// all share, is its only evidence until it knows that the server shows what is in there.
pub(crate) fn is_mistaken_for_trashed(stage: &Stage, daemon: usize, content: Sha256, began: i64) -> bool {
    let is_hidden = !hidden_since(stage, began, content).is_empty();
    let world = stage.server.world();
    let trashed = world.all_assets().filter(|asset| !asset.alive()).map(|asset| asset.id);
    is_hidden && stage.ledger().mistakes(daemon, trashed)
}

fn remote_name(which: Pick) -> &'static str {
    if which == OTHER_CASE.0 {
        return OTHER_CASE.1;
    }
    let at = which as usize % (NAMES.len() + REMOTE_ONLY.len());
    NAMES.get(at).or_else(|| REMOTE_ONLY.get(at - NAMES.len())).copied().unwrap_or("a.txt")
}

#[expect(clippy::too_many_lines, reason = "one arm for each thing that a person can do")]
fn attempt(stage: &Stage, edit: &Remote) -> Result<String, Refusal> {
    let now = stage.time.ms();
    let server = &stage.server;
    let none = || Refusal::BadRequest("there is nothing to do it to".to_owned());
    let mut world = server.world();
    world.tick(now);
    let inside = server.folders_inside(&world);
    let person = world.owner();
    let assets = live(&world, |folder| inside.contains(&folder));
    let one = |which: &Pick| pick(&assets, *which).ok_or_else(none);
    let folder = |which: &Pick| pick(&inside, *which).ok_or_else(none);
    let put = |number: u64, size: u16| {
        let data = bytes_of(number, size.into());
        stage.ledger().put(content_of(&data).sha256);
        server.keep(data)
    };
    let deleted = |asset: &Asset| {
        let mut ledger = stage.ledger();
        for content in server.contents_of(asset) {
            ledger.delete(content);
        }
    };
    let held = |asset: &Asset| asset.head_version().and_then(|version| server.hash(version));
    let is_held_by_another =
        |id: i64, content| assets.iter().any(|other| other.id != id && held(other) == Some(content));
    let head = |asset: &Asset| {
        if let Some(content) = held(asset) {
            stage.ledger().head(asset.id, content);
        }
    };
    Ok(match edit {
        Remote::Add(which, name, bytes) => {
            let (folder, name) = (folder(which)?, remote_name(*name));
            let asset = world.admin_asset(folder, name, put(bytes.number, bytes.size), person, now)?;
            format!("adds {} {name:?} in {folder}", asset.id)
        }
        Remote::Version(which, bytes) => {
            let asset = one(which)?;
            head(&asset);
            let after = world.admin_version(AssetKey::Id(asset.id), put(bytes.number, bytes.size), now)?;
            head(&after);
            if stage.ledger().was_moved_out(asset.id) {
                world.any_asset(AssetKey::Id(asset.id)).map(Arc::clone).iter().for_each(|asset| deleted(asset));
            }
            format!("new version of {} {:?}", asset.id, asset.filename)
        }
        Remote::SlowVersion(which, bytes) => {
            let asset = one(which)?;
            let new = NewAsset {
                filename: asset.filename.clone(),
                file_size: Some(bytes.size.into()),
                ..NewAsset::default()
            };
            let (_, ticket) = world.add_version(person, AssetKey::Id(asset.id), new, now)?;
            head(&asset);
            let content = put(bytes.number, bytes.size);
            world.object_stored(&ticket.key, content);
            let asset = world.set_uploaded(person, AssetKey::Id(asset.id), true, now)?;
            head(&asset);
            if stage.ledger().was_moved_out(asset.id) {
                deleted(&asset);
            }
            format!("new version of {} {:?}, to be processed", asset.id, asset.filename)
        }
        Remote::Revert(which) => {
            let asset = one(which)?;
            let earlier: Vec<i64> = asset
                .versions
                .iter()
                .filter(|version| version.number != asset.head && version.state == AssetState::Processed)
                .map(|version| version.number)
                .collect();
            let number = pick(&earlier, *which).ok_or_else(none)?;
            head(&asset);
            let after = world.revert(person, AssetKey::Id(asset.id), number, now)?;
            head(&after);
            // Where the same bytes went on by themselves meanwhile, they are there twice by that.
            let earlier = asset.versions.iter().find(|version| version.number == number);
            if let Some(content) = earlier.and_then(|version| server.hash(version))
                && (is_held_by_another(asset.id, content) || stage.is_on_a_disk(content))
            {
                stage.ledger().put(content);
            }
            format!("reverts {} to {number}", asset.id)
        }
        Remote::Trash(which) => {
            let asset = one(which)?;
            world.delete_asset(person, AssetKey::Id(asset.id), now)?;
            deleted(&asset);
            format!("trashes {} {:?}", asset.id, asset.filename)
        }
        Remote::Restore(which) => {
            let id = pick(&trashed(&world, &inside), *which).ok_or_else(none)?;
            world.create_job(person, JobWork::Restore, &[id], now)?;
            // What was sent anew meanwhile is there twice by that.
            for content in world.any_asset(AssetKey::Id(id)).map(|asset| server.contents_of(asset)).unwrap_or_default()
            {
                stage.ledger().put(content);
            }
            format!("restores {id}")
        }
        Remote::Rename(which, name) => {
            let (asset, name) = (one(which)?, remote_name(*name));
            let edit = AssetEdit { filename: Some(name.to_owned()), ..AssetEdit::default() };
            world.edit_asset(person, AssetKey::Id(asset.id), edit, now)?;
            format!("renames {} {:?} to {name:?}", asset.id, asset.filename)
        }
        Remote::Move(which, to) => {
            let (asset, to) = (one(which)?, folder(to)?);
            world.create_job(person, JobWork::MoveTo(to), &[asset.id], now)?;
            stage.ledger().moved(asset.id);
            format!("moves {} {:?} to {to}", asset.id, asset.filename)
        }
        Remote::MoveOut(which) => {
            let asset = one(which)?;
            world.create_job(person, JobWork::MoveTo(server.elsewhere), &[asset.id], now)?;
            deleted(&asset);
            stage.ledger().moved_out(asset.id);
            format!("moves {} {:?} out", asset.id, asset.filename)
        }
        Remote::MoveIn(which, to) => {
            let outside = live(&world, |folder| folder == server.elsewhere);
            let (asset, to) = (pick(&outside, *which).ok_or_else(none)?, folder(to)?);
            world.create_job(person, JobWork::MoveTo(to), &[asset.id], now)?;
            stage.ledger().moved(asset.id);
            // Where its file stayed and was sent anew meanwhile, it is there twice by that.
            if let Some(content) = held(&asset).filter(|content| is_held_by_another(asset.id, *content)) {
                stage.ledger().put(content);
            }
            format!("moves {} {:?} in to {to}", asset.id, asset.filename)
        }
        Remote::Describe(which) => {
            let asset = one(which)?;
            let edit = AssetEdit { description: Some(Some("seen".to_owned())), ..AssetEdit::default() };
            world.edit_asset(person, AssetKey::Id(asset.id), edit, now)?;
            format!("describes {} {:?}", asset.id, asset.filename)
        }
        Remote::Acknowledge(which) => {
            let asset = one(which)?;
            world.asset(person, AssetKey::Id(asset.id), true, now)?;
            format!("acknowledges {}", asset.id)
        }
        Remote::MakeFolder(which, name) => {
            let (parent, name) = (folder(which)?, pick(DIRS, *name).unwrap_or("d1"));
            if world.ancestors(parent).len() > 3 {
                return Err(none());
            }
            let new = NewFolder { name: name.to_owned(), parent_id: Some(parent), ..NewFolder::default() };
            let made = world.create_folder(person, new, now)?;
            format!("makes folder {} {name:?} in {parent}", made.id)
        }
        Remote::RemoveFolder(which) => {
            let id = pick(&inside[1..], *which).ok_or_else(none)?;
            let below: Vec<i64> =
                inside.iter().copied().filter(|f| *f == id || world.ancestors(*f).contains(&id)).collect();
            for asset in live(&world, |folder| below.contains(&folder)) {
                world.delete_asset(person, AssetKey::Id(asset.id), now)?;
                deleted(&asset);
            }
            world.delete_folder(person, id, now)?;
            format!("removes folder {id}")
        }
        Remote::Hide(which) => {
            let id = pick(&inside[1..], *which).ok_or_else(none)?;
            for user in server.clients() {
                world.edit_user(user, |user| user.hidden_folders.extend([id]))?;
            }
            stage.ledger().hide();
            format!("hides folder {id}")
        }
        Remote::Unhide => {
            stage.ledger().unhide(now, hidden(&world, server));
            for user in server.clients() {
                world.edit_user(user, |user| user.hidden_folders.clear())?;
            }
            "hides nothing".to_owned()
        }
        Remote::BackUp => {
            server.back_up(&world);
            "is backed up".to_owned()
        }
        // That is done to all of it, from outside.
        Remote::RollBack | Remote::RollBackOpenly => return Err(none()),
        Remote::Forbid(right) => {
            for user in server.clients() {
                world.edit_user(user, |user| match right {
                    Right::Upload => user.can_upload = false,
                    Right::MakeFolders => user.can_create_storage_folders = false,
                })?;
            }
            format!("forbids {right:?}")
        }
        Remote::Permit => {
            for user in server.clients() {
                world.edit_user(user, |user| (user.can_upload, user.can_create_storage_folders) = (true, true))?;
            }
            "permits everything".to_owned()
        }
        Remote::Reindex(reindexing) => {
            let mut habits = world.habits().clone();
            habits.reindexing = *reindexing;
            world.set_habits(habits, now);
            // Organizations tell it of their folders.
            for id in inside {
                let told = if *reindexing { now.into() } else { serde_json::Value::Null };
                let fields = serde_json::Map::from_iter([("reindexing_at".to_owned(), told)]);
                world.admin_patch_folder(id, fields, now)?;
            }
            format!("reindexing: {reindexing}")
        }
    })
}
