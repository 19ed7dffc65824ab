//! What follows a first step: the effect of an action on an entity, as [`Action`] documents it, so that a rehearsal can
//! decide again where nothing was done.
//!
//! It is a forecast: whatever the server alone can say (the number of a new version, the id of a new asset, how long it
//! works on what it got) is made up so that the next decision does not depend on it.
//!
//! **Invariant:** what follows is what [`decide`] says of the outcome; no rule of syncing stands here.

use super::{Rules, decide};
use crate::content::{Claimed, Content, Md5, Sha256};
use crate::id::{AssetId, Guid, RemoteId};
use crate::kind::Kind;
use crate::plan::{Action, Decision, ExpectLocal, Planned};
use crate::time::UnixMs;
use crate::tree::{AssetState, Base, Entity, Local, LocalFile, Place, Remote, RemoteAsset, RemoteFile, Stat};

/// More steps than any sequence has; the tests would see a longer one.
const MOST_STEPS: usize = 12;

/// What an action leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The entity in this state, to be decided again.
    This(Box<Entity>),
    /// The same, and our former bytes beside it as a file of their own. Whoever keeps them names them; this is the file
    /// as it was.
    WithCopy(Box<Entity>, LocalFile),
    /// Nobody can say: it depends on bytes that nobody has read, or the action does not fit the entity.
    Open,
}

/// What `action` leaves of `entity`.
pub fn after(entity: &Entity, action: &Action) -> What {
    leaves(entity, action).unwrap_or(What::Open)
}

/// The steps that follow one another for an entity, and the decision that ends them. It is an action only where nobody
/// can say what follows it.
pub fn steps(entity: &Entity, rules: Rules<'_>) -> (Vec<Planned>, Decision) {
    let mut steps = Vec::new();
    let mut entity = entity.clone();
    loop {
        let decision = decide(&entity, rules);
        let Decision::Act(planned) = &decision else { return (steps, decision) };
        steps.push(planned.clone());
        match after(&entity, &planned.action) {
            What::This(next) | What::WithCopy(next, _) if steps.len() < MOST_STEPS => entity = *next,
            _ => return (steps, decision),
        }
    }
}

fn leaves(entity: &Entity, action: &Action) -> Option<What> {
    let (base, local, remote) = (entity.base.as_ref(), &entity.local, &entity.remote);
    let this =
        |base: Option<Base>, local: Local, remote: Remote| Some(What::This(Box::new(Entity { base, local, remote })));
    match action {
        Action::Upload { .. } => {
            let file = present(local)?;
            let asset = new_asset(file)?;
            let remote = RemoteFile { place: file.place.clone(), asset };
            this(Some(agreed(None, file, &remote)?), local.clone(), Remote::Live(remote))
        }
        Action::PushVersion { .. } => {
            let file = present(local)?;
            let content = file.content?;
            let mut remote = remote.clone();
            let asset = match &mut remote {
                Remote::Live(live) => &mut live.asset,
                Remote::Outside(asset) => asset,
                _ => return None,
            };
            asset.claimed = told(&content);
            asset.state = AssetState::Processed;
            asset.version = asset.version.map(|version| version.saturating_add(1));
            asset.versions_count = asset.versions_count.map(|count| count.saturating_add(1));
            asset.updated_at = asset.updated_at.plus_ms(1);
            let base = match &remote {
                Remote::Live(live) => agreed(base, file, live)?,
                _ => base?.clone().with_bytes(content, asset_of(&remote)?),
            };
            this(Some(base), local.clone(), remote)
        }
        Action::RestoreRemote { .. } => {
            let base = base?;
            let remote = Remote::Live(RemoteFile { asset: as_agreed(base), place: base.place.clone() });
            this(Some(base.clone()), local.clone(), remote)
        }
        Action::Download { place, expect, .. } => {
            let file = arrived(live(remote)?, place);
            let before = base.filter(|_| *expect != ExpectLocal::Nothing);
            this(Some(agreed(before, &file, live(remote)?)?), Local::Present(file), remote.clone())
        }
        Action::KeepBoth { place, .. } => {
            let file = arrived(live(remote)?, place);
            let base = agreed(base, &file, live(remote)?)?;
            let entity = Entity { base: Some(base), local: Local::Present(file), remote: remote.clone() };
            Some(What::WithCopy(Box::new(entity), present(local)?.clone()))
        }
        Action::Adopt { .. } => {
            let base = agreed(base, present(local)?, live(remote)?)?;
            this(Some(base), local.clone(), remote.clone())
        }
        Action::TrashRemote { .. } => this(None, local.clone(), Remote::Trashed),
        Action::TrashLocal { .. } => this(None, Local::Absent, remote.clone()),
        Action::MoveLocal { to, .. } => {
            let file = LocalFile { place: to.clone(), ..present(local)?.clone() };
            this(base.cloned(), Local::Present(file), remote.clone())
        }
        Action::MoveRemote { from, to, .. } => {
            let mut there = live(remote)?.clone();
            if from.folder != to.folder {
                there.place.folder = to.folder;
            }
            if from.name != to.name {
                to.name.as_str().clone_into(&mut there.asset.filename);
            }
            there.place.name = to.name.clone();
            there.asset.updated_at = there.asset.updated_at.plus_ms(1);
            let base = Base {
                place: to.clone(),
                remote_folder: there.place.folder,
                remote_filename: there.asset.filename.clone(),
                ..base?.clone()
            };
            this(Some(base), local.clone(), Remote::Live(there))
        }
        Action::Forget { .. } => {
            let remote = if *remote == Remote::Gone { Remote::Absent } else { remote.clone() };
            this(None, local.clone(), remote)
        }
        Action::Refresh { place, .. } => {
            let there = live(remote)?;
            let (asset, base) = (&there.asset, base?.clone());
            let base = Base {
                place: place.clone(),
                remote_folder: there.place.folder,
                remote_filename: asset.filename.clone(),
                remote_version: asset.version.or(base.remote_version),
                remote_claimed: Claimed {
                    size: asset.claimed.size.or(base.remote_claimed.size),
                    md5: asset.claimed.md5.or(base.remote_claimed.md5),
                },
                remote_updated_at: asset.updated_at,
                ..base
            };
            this(Some(base), local.clone(), remote.clone())
        }
        Action::Learn { .. }
        | Action::MakeRemoteFolder { .. }
        | Action::MakeLocalFolder { .. }
        | Action::JoinFolder { .. }
        | Action::RemoveRemoteFolder { .. }
        | Action::RemoveLocalFolder { .. }
        | Action::ForgetFolder { .. } => None,
    }
}

const fn present(local: &Local) -> Option<&LocalFile> {
    match local {
        Local::Present(file) => Some(file),
        Local::Absent | Local::Unknown(_) => None,
    }
}

const fn live(remote: &Remote) -> Option<&RemoteFile> {
    match remote {
        Remote::Live(file) => Some(file),
        _ => None,
    }
}

const fn asset_of(remote: &Remote) -> Option<&RemoteAsset> {
    match remote {
        Remote::Live(file) => Some(&file.asset),
        Remote::Outside(asset) => Some(asset),
        _ => None,
    }
}

const fn told(content: &Content) -> Claimed {
    Claimed { size: Some(content.size), md5: Some(content.md5) }
}

/// Both sides agree on the bytes; on places only where they never agreed before.
fn agreed(before: Option<&Base>, file: &LocalFile, remote: &RemoteFile) -> Option<Base> {
    let content = file.content?;
    let asset = &remote.asset;
    Some(match before {
        Some(before) => before.clone().with_bytes(content, asset),
        None => Base {
            asset: asset.id.clone(),
            place: file.place.clone(),
            content,
            remote_folder: remote.place.folder,
            remote_filename: asset.filename.clone(),
            remote_version: asset.version,
            remote_claimed: asset.claimed,
            remote_updated_at: asset.updated_at,
        },
    })
}

impl Base {
    fn with_bytes(self, content: Content, asset: &RemoteAsset) -> Self {
        Self {
            content,
            remote_version: asset.version,
            remote_claimed: asset.claimed,
            remote_updated_at: asset.updated_at,
            ..self
        }
    }
}

/// The file that a download leaves. Its SHA-256 is told by nobody; all that counts is that the base has the same.
fn arrived(remote: &RemoteFile, place: &Place) -> LocalFile {
    let Claimed { size, md5 } = remote.asset.claimed;
    let size = size.unwrap_or(0);
    let content = Content { size, md5: md5.unwrap_or(Md5([0; 16])), sha256: Sha256([0; 32]), kind: Kind::Unknown };
    LocalFile { place: place.clone(), stat: Stat { size, ..Stat::default() }, content: Some(content) }
}

/// The asset that an upload makes. Its id is the file's place: unique, and no server's.
fn new_asset(file: &LocalFile) -> Option<RemoteAsset> {
    let id = format!("new:{}/{}", file.place.folder, file.place.name);
    let filename = file.place.name.as_str().to_owned();
    Some(foreseen(AssetId(RemoteId::Text(id.into())), filename, told(&file.content?)))
}

/// An asset out of the trash, as both sides last agreed on it; coming back is a change like any other.
fn as_agreed(base: &Base) -> RemoteAsset {
    RemoteAsset {
        version: base.remote_version,
        updated_at: base.remote_updated_at.plus_ms(1),
        ..foreseen(base.asset.clone(), base.remote_filename.clone(), base.remote_claimed)
    }
}

/// An asset of which the server has told nothing yet.
fn foreseen(id: AssetId, filename: String, claimed: Claimed) -> RemoteAsset {
    RemoteAsset {
        id,
        guid: Guid("".into()),
        storage_folder: None,
        filename,
        claimed,
        version: None,
        versions_count: None,
        created_at: UnixMs(0),
        updated_at: UnixMs(0),
        last_external_sync_at: None,
        state: AssetState::Processed,
        trashed_at: None,
        checked_out: false,
        downloadable: None,
        editable: None,
    }
}
