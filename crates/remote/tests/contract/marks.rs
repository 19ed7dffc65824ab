//! The acknowledgement that all clients share, and the hints that hang on it.

use crate::dam::Dam;
use damsync_model::tree::RemoteAsset;
use damsync_ports::{RemoteFolder, RemoteSide};
use std::time::Duration;

pub async fn all(dam: &Dam, scratch: &RemoteFolder, asset: &RemoteAsset, listed: bool) {
    if !listed {
        // The acknowledgement goes through search, which does not show it.
        assert_eq!(dam.side.acknowledge(std::slice::from_ref(&asset.id)).await.unwrap(), []);
        return;
    }
    let side = &dam.side;
    let before = dam.details(asset).await;
    dam.until("the acknowledgement shows the asset where it is", async || {
        let said = acknowledged(dam, asset).await;
        assert_eq!(said.guid, asset.guid);
        (said.storage_folder.as_ref() == Some(&scratch.id)).then_some(())
    })
    .await;
    let after = dam.details(asset).await;
    assert!(after.last_external_sync_at.is_some() && after.last_external_sync_at != before.last_external_sync_at);
    assert_eq!(after.updated_at, before.updated_at, "an acknowledgement is no change");
    assert!(!side.hints().await.unwrap().contains(&asset.id));

    tokio::time::sleep(Duration::from_millis(10)).await;
    side.rename(&asset.id, "hinted.txt").await.unwrap();
    let changed = dam.details(asset).await;
    assert_eq!(changed.last_external_sync_at, after.last_external_sync_at);
    dam.until("a change after the acknowledgement is hinted", async || {
        side.hints().await.unwrap().contains(&asset.id).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    dam.until("the acknowledgement shows the new state", async || {
        let said = acknowledged(dam, asset).await;
        (said.filename == "hinted.txt").then_some(())
    })
    .await;
    dam.until("what was acknowledged is hinted no more", async || {
        (!side.hints().await.unwrap().contains(&asset.id)).then_some(())
    })
    .await;
    assert_eq!(side.acknowledge(&[]).await.unwrap(), []);
}

async fn acknowledged(dam: &Dam, asset: &RemoteAsset) -> RemoteAsset {
    dam.until("the acknowledgement finds the asset", async || {
        let said = dam.side.acknowledge(std::slice::from_ref(&asset.id)).await.unwrap();
        assert!(said.iter().all(|said| said.id == asset.id));
        said.into_iter().next()
    })
    .await
}
