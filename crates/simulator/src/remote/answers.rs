//! What the world says, in the model's terms, as far as each kind of answer tells it.

use damsync_model::content::{Claimed, Md5};
use damsync_model::id::{AssetId, Guid, RemoteId, StorageFolderId};
use damsync_model::time::UnixMs;
use damsync_model::tree::{AssetState, RemoteAsset};
use damsync_ports::{RemoteError, RemoteErrorKind, RemoteFolder};
use damsync_sandbox::world::asset::{self, Asset};
use damsync_sandbox::world::folder::Folder;
use damsync_sandbox::world::{Refusal, World};
use std::collections::BTreeMap;

/// Which kind of answer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// In a list: the folder only by its slugs, no count of versions, nothing about the original.
    Listed,
    /// Alone.
    Alone,
}

/// Folders by their slugs; `None` where two have the same.
pub(super) type Slugs = BTreeMap<String, Option<i64>>;

pub(super) fn slugs(world: &World, folder: i64) -> String {
    world.folder_path(folder, |folder| &folder.slug).join("/")
}

/// Every folder by its slugs, as one list told them.
pub(super) fn all_slugs(world: &World, folders: &[Folder]) -> Slugs {
    let mut known = Slugs::new();
    for folder in folders {
        known.entry(slugs(world, folder.id)).and_modify(|id| *id = None).or_insert(Some(folder.id));
    }
    known
}

/// One folder has now these slugs. Whatever it was called before, its old name means nothing any more.
pub(super) fn remember(known: &mut Slugs, slugs: String, folder: i64) {
    known.retain(|_, id| *id != Some(folder));
    known.entry(slugs).and_modify(|id| *id = None).or_insert(Some(folder));
}

pub(super) fn asset(world: &World, asset: &Asset, told: Told, known: &Slugs) -> RemoteAsset {
    let habits = world.habits();
    let folder = match told {
        Told::Alone => Some(asset.folder_id).filter(|id| world.any_folder(*id).is_some()),
        Told::Listed => None,
    };
    let folder = folder.or_else(|| known.get(&slugs(world, asset.folder_id)).copied().flatten());
    let number = |number: i64| u64::try_from(number).ok();
    RemoteAsset {
        id: AssetId::from(asset.id),
        guid: Guid(asset.guid.as_str().into()),
        storage_folder: folder.map(StorageFolderId::from),
        filename: asset.filename.clone(),
        claimed: Claimed { size: asset.told_size(habits), md5: asset.told_md5(habits).and_then(Md5::from_hex) },
        version: number(asset.head),
        versions_count: (told == Told::Alone).then_some(asset.versions.len() as u64),
        created_at: UnixMs(asset.created_at),
        updated_at: UnixMs(asset.updated_at),
        last_external_sync_at: asset.last_external_sync_at.map(UnixMs),
        state: match asset.state {
            asset::AssetState::Pending => AssetState::Pending,
            asset::AssetState::Uploaded | asset::AssetState::Processing => AssetState::Processing,
            asset::AssetState::Processed if asset.submitted_at.is_none() => AssetState::AwaitingSubmission,
            // That its contribution does not approve by itself, only an answer about it alone tells.
            asset::AssetState::Processed if told == Told::Alone && needs_approval(world, asset) => {
                AssetState::AwaitingApproval
            }
            asset::AssetState::Processed => AssetState::Processed,
            asset::AssetState::ProcessingError => AssetState::Failed,
        },
        trashed_at: asset.trashed_at.map(UnixMs),
        checked_out: asset.checked_out_at.is_some(),
        downloadable: match told {
            Told::Alone => Some(asset.original_downloadable),
            Told::Listed => (!asset.downloadable).then_some(false),
        },
        editable: Some(asset.editable),
    }
}

fn needs_approval(world: &World, asset: &Asset) -> bool {
    let Some(upload) = world.upload(asset.upload_id) else { return false };
    let owner = world.contribution_folder(upload.contribution_id).or_else(|| world.any_folder(upload.folder_id));
    owner.is_some_and(|folder| !folder.auto_approve)
}

/// A connector's name, by the field that holds its id.
fn connector(field: &str) -> Option<String> {
    let known = [
        ("box_folder_id", "Box"),
        ("dropbox_folder_id", "Dropbox"),
        ("google_drive_folder_id", "Google Drive"),
        ("frame_project_id", "Frame.io"),
        ("lightroom_publish_service_id", "Lightroom"),
    ];
    known.into_iter().find(|(name, _)| *name == field).map(|(_, connector)| connector.to_owned())
}

pub(super) fn folder(world: &World, folder: &Folder) -> RemoteFolder {
    RemoteFolder {
        id: folder.id.into(),
        parent: folder.parent_id.map(StorageFolderId::from),
        ancestors: world.ancestors(folder.id).into_iter().map(StorageFolderId::from).collect(),
        name: folder.name.clone(),
        contribution: folder.contribution_id,
        organizer: folder.organizer.unwrap_or(false),
        editable: Some(folder.editable),
        reindexing: folder.reindexing_at.is_some(),
        connector: folder.connector.as_ref().and_then(|(field, _)| connector(field)),
    }
}

pub(super) fn refusal(what: &'static str, refusal: &Refusal) -> RemoteError {
    let message = refusal.to_string();
    let kind = match refusal {
        Refusal::Unauthorized => RemoteErrorKind::Unauthorized,
        Refusal::Forbidden(_) => RemoteErrorKind::Forbidden(message),
        Refusal::NotFound(_) => RemoteErrorKind::NotFound,
        Refusal::BadRequest(_) | Refusal::Unprocessable(_) => {
            RemoteErrorKind::Refused { status: refusal.status(), message }
        }
    };
    RemoteError { what, kind }
}

/// One upload carries at most so much; more is refused before anything is sent.
pub(super) const MOST_BYTES: u64 = 5 << 30;

pub(super) fn check_size(what: &'static str, size: u64) -> Result<(), RemoteError> {
    if size <= MOST_BYTES {
        return Ok(());
    }
    let message = format!("one upload carries at most {MOST_BYTES} bytes");
    Err(RemoteError { what, kind: RemoteErrorKind::Refused { status: 413, message } })
}

pub(super) fn number(what: &'static str, id: &RemoteId) -> Result<i64, RemoteError> {
    match id {
        RemoteId::Number(number) => Ok(*number),
        RemoteId::Text(_) => Err(RemoteError { what, kind: RemoteErrorKind::Unsupported }),
    }
}
