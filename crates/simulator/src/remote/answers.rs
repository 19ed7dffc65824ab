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
        connector: folder.connector.as_ref().map(|(_, id)| id.clone()),
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

pub(super) fn number(what: &'static str, id: &RemoteId) -> Result<i64, RemoteError> {
    match id {
        RemoteId::Number(number) => Ok(*number),
        RemoteId::Text(_) => Err(RemoteError { what, kind: RemoteErrorKind::Unsupported }),
    }
}
