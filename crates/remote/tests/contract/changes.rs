//! Names, places, the trash.

use crate::dam::Dam;
use damsync_model::id::AssetId;
use damsync_model::tree::RemoteAsset;
use damsync_ports::{Answer, RemoteFolder, RemoteSide};

pub async fn all(dam: &Dam, scratch: &RemoteFolder, asset: &RemoteAsset, listed: bool) {
    let side = &dam.side;
    let before = dam.details(asset).await;
    side.rename(&asset.id, "renamed.txt").await.unwrap();
    let renamed = dam.details(asset).await;
    assert_eq!(renamed.filename, "renamed.txt");
    assert_eq!((renamed.version, renamed.claimed), (before.version, before.claimed), "a name is not a content");
    assert_eq!(renamed.last_external_sync_at, before.last_external_sync_at, "a rename acknowledges nothing");
    assert!(renamed.updated_at > before.updated_at);

    let inner = side.make_folder(Some(&scratch.id), "inner").await.unwrap();
    side.move_to(&asset.id, &inner.id).await.unwrap();
    let moved = dam.details(asset).await;
    assert_eq!((moved.storage_folder.as_ref(), &moved.filename), (Some(&inner.id), &renamed.filename));
    if listed {
        assert!(has(dam, &inner, &asset.id).await && !has(dam, scratch, &asset.id).await);
    }
    trash_and_back(dam, &inner, &moved, listed).await;
    side.move_to(&asset.id, &scratch.id).await.unwrap();
    side.remove_folder(&inner.id).await.unwrap();
}

async fn has(dam: &Dam, folder: &RemoteFolder, id: &AssetId) -> bool {
    match dam.side.folder_asset_ids(&folder.id).await.unwrap() {
        Answer::Found(ids) => ids.contains(id),
        other => panic!("{}: {other:?}", folder.name),
    }
}

async fn trash_and_back(dam: &Dam, inner: &RemoteFolder, asset: &RemoteAsset, listed: bool) {
    let side = &dam.side;
    let before = side.trash_count().await.unwrap();
    side.trash(&asset.id).await.unwrap();
    side.trash(&asset.id).await.unwrap();
    match side.asset(&asset.id).await.unwrap() {
        Answer::Found(found) => assert!(found.trashed_at.is_some(), "in the trash, and says so"),
        Answer::NotFound => {}
        Answer::Denied => panic!("our own asset is denied"),
    }
    dam.until("the trash count grows", async || (side.trash_count().await.unwrap() > before).then_some(())).await;
    assert!(!has(dam, inner, &asset.id).await, "the trash is not in the folder");
    dam.until("search leaves it out", async || {
        let found = side.assets(std::slice::from_ref(&asset.id)).await.unwrap();
        found.iter().all(|found| found.trashed_at.is_some()).then_some(())
    })
    .await;
    side.restore(&asset.id).await.unwrap();
    let back = dam.details(asset).await;
    assert!(back.trashed_at.is_none());
    assert_eq!((&back.filename, &back.storage_folder), (&asset.filename, &asset.storage_folder));
    assert_eq!((back.version, back.claimed), (asset.version, asset.claimed));
    if listed {
        assert!(has(dam, inner, &asset.id).await);
        dam.until("search shows it again", async || {
            let found = side.assets(std::slice::from_ref(&asset.id)).await.unwrap();
            found.iter().any(|found| found.trashed_at.is_none()).then_some(())
        })
        .await;
    }
    dam.until("the trash count shrinks", async || (side.trash_count().await.unwrap() <= before).then_some(())).await;
}
