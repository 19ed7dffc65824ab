//! What is refused: by an asset or a folder to everybody, by the server to this user, by the kind of an id, and to a token
//! that is not accepted.

use crate::pair::Pair;
use crate::question::{Ask, Told};
use crate::words::{content, parcel};
use damsync_model::id::{AssetId, RemoteId, StorageFolderId};
use damsync_model::time::UnixMs;
use damsync_model::tree::RemoteAsset;
use damsync_ports::{Answer, RemoteFolder, Scope};
use serde_json::json;

pub fn rights(pair: &mut Pair<'_>, folder: &RemoteFolder, asset: &RemoteAsset) {
    let id = &asset.id;
    let push = Ask::PrepareVersion(id.clone(), content("x", &parcel(1), "r"));
    // What an asset or a folder lets nobody do.
    pair.patch(id, &json!({ "editable": false, "checked_out_at": 5 }));
    for ask in [Ask::Rename(id.clone(), "x".to_owned()), Ask::Trash(id.clone()), push.clone()] {
        pair.refused(&ask, "Forbidden");
    }
    pair.look_around();
    pair.patch(id, &json!({ "editable": true, "checked_out_at": null, "original_downloadable": false }));
    pair.ask(&Ask::Download(id.clone(), None, 0));
    pair.ask(&Ask::Download(id.clone(), None, 100));
    pair.look_around();
    pair.patch(id, &json!({ "original_downloadable": true, "downloadable": false }));
    pair.refused(&Ask::Download(id.clone(), None, 0), "Forbidden");
    pair.look_around();
    pair.patch(id, &json!({ "downloadable": true }));
    let inner = pair.folder(Some(&folder.id), "Protected");
    pair.patch_folder(&inner.id, &json!({ "editable": false }));
    pair.refused(&Ask::RemoveFolder(inner.id.clone()), "Forbidden");
    pair.refused(&Ask::ChangeFolder(inner.id.clone(), None, "x".to_owned()), "Forbidden");
    pair.patch_folder(&inner.id, &json!({ "editable": true, "block_destroy": true }));
    pair.refused(&Ask::RemoveFolder(inner.id.clone()), "Refused 422");
    pair.patch_folder(&inner.id, &json!({ "block_destroy": false, "organizer": true }));
    pair.refused(&Ask::MoveTo(id.clone(), inner.id.clone()), "Refused 422");
    let session = pair.session(&inner);
    pair.refused(&Ask::PrepareAsset(session, content("x", &parcel(1), "o")), "Refused 422");
    pair.patch_folder(&inner.id, &json!({ "organizer": false, "enable_contribution": false }));
    pair.refused(&Ask::OpenSession(inner.id.clone(), inner.contribution), "Forbidden");
    pair.refused(&Ask::OpenSession(inner.id.clone(), Some(999_999)), "NotFound");
    // Uploads would go to another folder than they were meant for.
    pair.refused(&Ask::OpenSession(inner.id.clone(), folder.contribution), "Refused 200");
    pair.refused(&Ask::OpenSession(inner.id.clone(), None), "Refused 200");
    for connector in ["box_folder_id", "lightroom_publish_service_id"] {
        pair.patch_folder(&inner.id, &json!({ "connector": [connector, "17"], "reindexing_at": 5 }));
        pair.ask(&Ask::Folders);
        pair.ask(&Ask::Folder(inner.id.clone()));
    }
    pair.look_around();
    pair.patch_folder(&inner.id, &json!({ "connector": null, "reindexing_at": null, "enable_contribution": true }));
    // Somebody must approve, or demands tags.
    for fields in [json!({ "auto_approve": false }), json!({ "auto_approve": true, "require_tags": true })] {
        pair.patch_folder(&inner.id, &fields);
        for listed in [true, false] {
            pair.habit(|habits| habits.unsubmitted_listed = listed);
            pair.upload(&inner, "waits.txt", 60);
            pair.look_around();
        }
    }
    // What the user may not do or see.
    for refused in [true, false] {
        pair.habit(|habits| habits.any_user_refused = refused);
        pair.edit_user("no any_user", |user| user.any_user = false);
        pair.ask(&Ask::Hints);
        pair.ask(&Ask::Hints);
        pair.edit_user("any_user", |user| user.any_user = true);
        pair.ask(&Ask::Hints);
    }
    pair.edit_user("no states", |user| user.see_states = false);
    let session = pair.session(folder);
    pair.ask(&Ask::Pending(session, "nothing".to_owned()));
    pair.edit_user("no uploads, no folders", |user| {
        (user.can_upload, user.can_create_storage_folders, user.can_view_storage_folders) = (false, false, false);
    });
    for ask in [
        Ask::Folders,
        Ask::MakeFolder(None, "x".to_owned()),
        Ask::OpenSession(folder.id.clone(), folder.contribution),
        push,
    ] {
        pair.refused(&ask, "Forbidden");
    }
    pair.edit_user("everything again", |user| {
        (user.can_upload, user.can_create_storage_folders, user.can_view_storage_folders) = (true, true, true);
    });
    let hidden = inner.id.to_string().parse::<i64>().unwrap();
    let secret = pair.asset(&inner.id, "secret.txt", 61);
    pair.edit_user("hides a folder", |user| {
        user.hidden_folders.insert(hidden);
    });
    assert_eq!(pair.ask(&Ask::Folder(inner.id.clone())), Told::Folder(Answer::NotFound));
    assert_eq!(pair.ask(&Ask::Asset(secret.clone())), Told::Asset(Answer::NotFound));
    pair.refused(&Ask::MoveTo(id.clone(), inner.id.clone()), "Refused 422");
    pair.refused(&Ask::MoveTo(secret.clone(), folder.id.clone()), "NotFound");
    pair.refused(&Ask::OpenSession(inner.id.clone(), inner.contribution), "NotFound");
    pair.refused(&Ask::MakeFolder(Some(inner.id.clone()), "x".to_owned()), "Refused 422");
    pair.ask(&Ask::RemoveFolder(inner.id));
    pair.ask(&Ask::Trash(secret));
    pair.look_around();
    pair.edit_user("hides nothing", |user| user.hidden_folders.clear());
    pair.look_around();
}

pub fn ids_of_another_kind(pair: &mut Pair<'_>, folder: &RemoteFolder, asset: &RemoteAsset) {
    let other = AssetId(RemoteId::Text("asset_1".into()));
    let place = StorageFolderId(RemoteId::Text("folder_1".into()));
    let below = Scope::Below(place.clone());
    let small = content("x", &parcel(1), "t");
    for ask in [
        Ask::Folder(place.clone()),
        Ask::MakeFolder(Some(place.clone()), "x".to_owned()),
        Ask::ChangeFolder(place.clone(), None, "x".to_owned()),
        Ask::ChangeFolder(folder.id.clone(), Some(place.clone()), "x".to_owned()),
        Ask::RemoveFolder(place.clone()),
        Ask::FolderAssetIds(place.clone()),
        Ask::ChangedSince(below.clone(), UnixMs(0), 1),
        Ask::CountBetween(below.clone(), UnixMs(0), UnixMs(1)),
        Ask::AllIds(below, None),
        Ask::Assets(vec![asset.id.clone(), other.clone()]),
        Ask::Acknowledge(vec![other.clone()]),
        Ask::Asset(other.clone()),
        Ask::Download(other.clone(), None, 0),
        Ask::OpenSession(place.clone(), None),
        Ask::PrepareVersion(other.clone(), small),
        Ask::Trash(other.clone()),
        Ask::Restore(other.clone()),
        Ask::Rename(other.clone(), "x".to_owned()),
        Ask::MoveTo(other, folder.id.clone()),
        Ask::MoveTo(asset.id.clone(), place),
    ] {
        pair.refused(&ask, "Unsupported");
    }
}

/// A token that is not accepted: nothing but the storage answers.
pub fn nobody_asks(pair: &mut Pair<'_>, folder: &RemoteFolder, asset: &RemoteAsset) {
    let session = pair.session(folder);
    let (id, small) = (&asset.id, content("x", &parcel(1), "z"));
    pair.edit_user("is revoked", |user| user.revoked = true);
    for ask in [
        Ask::Identity,
        Ask::Folders,
        Ask::Folder(folder.id.clone()),
        Ask::MakeFolder(None, "x".to_owned()),
        Ask::ChangeFolder(folder.id.clone(), None, "x".to_owned()),
        Ask::RemoveFolder(folder.id.clone()),
        Ask::FolderAssetIds(folder.id.clone()),
        Ask::Hints,
        Ask::ChangedSince(Scope::Everything, UnixMs(0), 1),
        Ask::CountBetween(Scope::Everything, UnixMs(0), UnixMs(1)),
        Ask::AllIds(Scope::Everything, None),
        Ask::Assets(vec![id.clone()]),
        Ask::Asset(id.clone()),
        Ask::Acknowledge(vec![id.clone()]),
        Ask::TrashCount,
        Ask::Download(id.clone(), None, 0),
        Ask::OpenSession(folder.id.clone(), folder.contribution),
        Ask::CloseSession(session.clone()),
        Ask::PrepareAsset(session.clone(), small.clone()),
        Ask::Pending(session, "z".to_owned()),
        Ask::PrepareVersion(id.clone(), small),
        Ask::FinishAsset(asset.guid.clone()),
        Ask::FinishVersion(asset.guid.clone()),
        Ask::Trash(id.clone()),
        Ask::Restore(id.clone()),
        Ask::Rename(id.clone(), "x".to_owned()),
        Ask::MoveTo(id.clone(), folder.id.clone()),
    ] {
        pair.refused(&ask, "Unauthorized");
    }
    pair.edit_user("is back", |user| user.revoked = false);
    pair.look_around();
}
