//! The acknowledgement that all clients share, and the hints that hang on it.

use crate::dam::Dam;
use damsync_model::tree::RemoteAsset;
use damsync_ports::{RemoteFolder, RemoteSide};

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

    // A change within the acknowledgement's own millisecond would not count, so it is made until it does.
    let mut renames = 0;
    dam.until("a change after the acknowledgement is hinted", async || {
        renames += 1;
        side.rename(&asset.id, &format!("hinted {renames}.txt")).await.unwrap();
        side.hints().await.unwrap().contains(&asset.id).then_some(())
    })
    .await;
    let changed = dam.details(asset).await;
    assert_eq!(changed.last_external_sync_at, after.last_external_sync_at);
    dam.until("what was acknowledged in its new state is hinted no more", async || {
        let said = acknowledged(dam, asset).await;
        let hinted = side.hints().await.unwrap().contains(&asset.id);
        (said.filename == changed.filename && !hinted).then_some(())
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
