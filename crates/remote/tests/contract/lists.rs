//! Lists of assets: search by ids, the feed, counts, ids of a tree and of a folder.

use crate::dam::Dam;
use damsync_model::id::AssetId;
use damsync_model::time::UnixMs;
use damsync_model::tree::RemoteAsset;
use damsync_ports::{Answer, RemoteFolder, RemoteSide, Scope};

/// Returns whether the lists show what was uploaded.
pub async fn all(dam: &Dam, scratch: &RemoteFolder, asset: &RemoteAsset, listed: Option<bool>) -> bool {
    let side = &dam.side;
    let scope = Scope::Below(scratch.id.clone());
    if listed == Some(false) {
        assert_eq!(side.assets(std::slice::from_ref(&asset.id)).await.unwrap(), []);
        assert_eq!(side.all_ids(&scope, None).await.unwrap(), []);
        return false;
    }
    let seen = dam
        .until("search shows the asset as it is", async || {
            let found = side.assets(std::slice::from_ref(&asset.id)).await.unwrap();
            found.into_iter().find(|found| found.version == asset.version && found.state == asset.state)
        })
        .await;
    assert_eq!((&seen.id, &seen.guid, &seen.filename), (&asset.id, &asset.guid, &asset.filename));
    assert_eq!((seen.storage_folder.as_ref(), seen.updated_at), (Some(&scratch.id), asset.updated_at));
    assert_ne!(seen.downloadable, Some(false), "null is not false");

    let Answer::Found(mut here) = side.folder_asset_ids(&scratch.id).await.unwrap() else { panic!("no folder") };
    here.sort_unstable();
    assert!(here.contains(&asset.id));
    dam.until("all_ids agrees with the folder's own list", async || {
        let mut ids = side.all_ids(&scope, None).await.unwrap();
        ids.sort_unstable();
        (ids == here).then_some(())
    })
    .await;
    windows(dam, &scope, asset).await;
    many(dam, asset).await;
    true
}

/// What changed since a moment, by list, by count and by ids.
async fn windows(dam: &Dam, scope: &Scope, asset: &RemoteAsset) {
    let side = &dam.side;
    let at = asset.updated_at;
    let changed = side.changed_since(scope, at, 100).await.unwrap();
    assert!(changed.assets.iter().any(|found| found.id == asset.id), "the window includes its beginning");
    assert!(changed.total >= changed.assets.len() as u64);
    let few = side.changed_since(scope, UnixMs(at.0 - 3_600_000), 1).await.unwrap();
    assert!(few.assets.len() == 1 && few.total >= 1);
    let none = side.changed_since(scope, at, 0).await.unwrap();
    assert!(none.assets.is_empty() && none.total >= 1, "a count alone");

    assert!(side.count_between(scope, at, at).await.unwrap() >= 1, "both ends are included");
    assert_eq!(side.count_between(scope, at.plus_ms(-7_200_000), at.plus_ms(-7_100_000)).await.unwrap(), 0);
    let everywhere = side.count_between(&Scope::Everything, at, at).await.unwrap();
    assert!(everywhere >= side.count_between(scope, at, at).await.unwrap());

    assert!(side.all_ids(scope, Some(at)).await.unwrap().contains(&asset.id));
    assert_eq!(side.all_ids(scope, Some(at.plus_ms(3_600_000))).await.unwrap(), [] as [AssetId; 0]);
}

/// More ids than there are, and none.
async fn many(dam: &Dam, asset: &RemoteAsset) {
    let unknown = AssetId::from(i64::from(i32::MAX) - 7);
    let found = dam.side.assets(&[asset.id.clone(), unknown.clone()]).await.unwrap();
    assert_eq!(found.iter().map(|found| &found.id).collect::<Vec<_>>(), [&asset.id]);
    assert_eq!(dam.side.assets(&[]).await.unwrap(), []);
    assert_eq!(dam.side.asset(&unknown).await.unwrap(), Answer::NotFound);
}
