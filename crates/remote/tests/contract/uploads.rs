//! The way up and down: sessions, preparing, sending, finishing, versions, downloads whole and in part.

use crate::dam::{Dam, md5, new_content, noise, payload, whole};
use damsync_model::tree::{AssetState, RemoteAsset};
use damsync_ports::{Answer, RemoteFolder, RemoteSide};

pub const FIRST: &[u8] = b"the first content\n";
pub const SECOND: &[u8] = b"the second content, which is longer\n";

/// Leaves one asset with two versions behind.
pub async fn all(dam: &Dam, scratch: &RemoteFolder) -> RemoteAsset {
    abandoned(dam, scratch).await;
    any_length(dam, scratch).await;
    twins(dam, scratch).await;
    let asset = dam.upload(scratch, "  odd: näme?.txt ", FIRST).await;
    let processed = settled(dam, &asset).await;
    assert_eq!(processed.filename, asset.filename, "what preparing answered is the name");
    assert_eq!(processed.storage_folder.as_ref(), Some(&scratch.id));
    assert_eq!((&processed.id, &processed.guid), (&asset.id, &asset.guid));
    assert!(processed.trashed_at.is_none() && processed.downloadable != Some(false));
    claims(&processed, FIRST);
    parts(dam, &processed).await;
    version(dam, &processed).await
}

/// Waits until the server has looked at the bytes.
pub async fn settled(dam: &Dam, asset: &RemoteAsset) -> RemoteAsset {
    dam.until("processing ends", async || {
        let now = dam.details(asset).await;
        (!matches!(now.state, AssetState::Pending | AssetState::Processing)).then_some(now)
    })
    .await
}

/// What the server says of the bytes, if it says anything, is true.
pub fn claims(asset: &RemoteAsset, bytes: &[u8]) {
    assert!(asset.claimed.size.is_none_or(|size| size == bytes.len() as u64), "{asset:?}");
    assert!(asset.claimed.md5.is_none_or(|told| told == md5(bytes)), "{asset:?}");
}

/// Prepared and never sent: found by its marker alone, and taken away.
async fn abandoned(dam: &Dam, scratch: &RemoteFolder) {
    let side = &dam.side;
    let session = side.open_session(&scratch.id, scratch.contribution).await.unwrap();
    let content = new_content("never sent.txt", FIRST, "abandoned");
    assert_eq!(side.pending(&session, &content.marker).await.unwrap(), []);
    let asset = side.prepare_asset(&session, &content).await.unwrap().asset.unwrap();
    dam.made(&asset.id);
    assert_eq!(asset.state, AssetState::Pending);
    let found = dam
        .until("a prepared asset is found by its marker", async || {
            let found = side.pending(&session, &content.marker).await.unwrap();
            (!found.is_empty()).then_some(found)
        })
        .await;
    assert_eq!(found.iter().map(|found| &found.id).collect::<Vec<_>>(), [&asset.id]);
    assert_eq!(side.pending(&session, "of nobody").await.unwrap(), []);
    side.trash(&asset.id).await.unwrap();
    dam.until("it is not found any more", async || {
        let found = side.pending(&session, &content.marker).await.unwrap();
        found.iter().all(|found| found.trashed_at.is_some()).then_some(())
    })
    .await;
    side.close_session(&session).await.unwrap();
    side.close_session(&session).await.unwrap();
}

/// No byte at all, and more than one piece.
async fn any_length(dam: &Dam, scratch: &RemoteFolder) {
    for (name, bytes) in [("empty.bin", Vec::new()), ("large.bin", noise((3 << 20) + 7, 5))] {
        let asset = dam.upload(scratch, name, &bytes).await;
        let settled = settled(dam, &asset).await;
        if bytes.is_empty() && settled.state == AssetState::Failed {
            println!("an empty file cannot be processed there");
            continue;
        }
        claims(&settled, &bytes);
        let download = dam.side.download(&asset.id, settled.version, 0).await.unwrap();
        assert!(download.remaining.is_none_or(|length| length == bytes.len() as u64));
        assert!(whole(download).await == bytes, "{name} comes down as it went up");
    }
}

/// Two assets may have one name; saying and sending things twice changes nothing.
async fn twins(dam: &Dam, scratch: &RemoteFolder) {
    let side = &dam.side;
    let session = side.open_session(&scratch.id, scratch.contribution).await.unwrap();
    let mut ids = Vec::new();
    for marker in ["one", "two"] {
        let content = new_content("twin.txt", FIRST, marker);
        let prepared = side.prepare_asset(&session, &content).await.unwrap();
        let asset = prepared.asset.unwrap();
        dam.made(&asset.id);
        side.send(&prepared.url, payload(FIRST)).await.unwrap();
        side.send(&prepared.url, payload(FIRST)).await.unwrap();
        side.finish_asset(&asset.guid).await.unwrap();
        side.finish_asset(&asset.guid).await.unwrap();
        ids.push(asset);
    }
    side.close_session(&session).await.unwrap();
    assert!(ids[0].id != ids[1].id && ids[0].guid != ids[1].guid);
    for asset in &ids {
        assert_eq!(settled(dam, asset).await.filename, asset.filename);
    }
    let Answer::Found(found) = side.folder_asset_ids(&scratch.id).await.unwrap() else { panic!("no folder") };
    assert!(ids.iter().all(|asset| found.contains(&asset.id)) || found.is_empty(), "both or, while hidden, neither");
}

/// From the middle, from the last byte, from beyond the end.
async fn parts(dam: &Dam, asset: &RemoteAsset) {
    let length = FIRST.len();
    for from in [0, 1, length / 2, length - 1, length, length + 100] {
        let download = dam.side.download(&asset.id, asset.version, from as u64).await.unwrap();
        let begun = usize::try_from(download.from).unwrap();
        assert!(begun == from || begun == 0, "from {from}: {begun}");
        if from >= length {
            assert_eq!(begun, 0, "beyond the end it begins anew");
        }
        assert!(download.remaining.is_none_or(|remaining| remaining == (length - begun) as u64));
        assert_eq!(whole(download).await, &FIRST[begun..], "from {from}");
    }
}

async fn version(dam: &Dam, asset: &RemoteAsset) -> RemoteAsset {
    let side = &dam.side;
    let content = new_content(&asset.filename, SECOND, "version");
    let prepared = side.prepare_version(&asset.id, &content).await.unwrap();
    assert!(prepared.asset.is_none_or(|told| told.id == asset.id));
    side.send(&prepared.url, payload(SECOND)).await.unwrap();
    let told = side.finish_version(&asset.guid).await.unwrap();
    assert!(told.is_none_or(|told| told.id == asset.id));
    let now = dam
        .until("the new version is the head", async || {
            let now = settled(dam, asset).await;
            (now.version > asset.version).then_some(now)
        })
        .await;
    assert_eq!((&now.id, &now.guid, &now.filename), (&asset.id, &asset.guid, &asset.filename));
    assert!(now.updated_at > asset.updated_at);
    assert!(now.versions_count.is_none_or(|count| count >= 2));
    claims(&now, SECOND);
    for (version, bytes) in [(asset.version, FIRST), (now.version, SECOND), (None, SECOND)] {
        assert_eq!(whole(side.download(&asset.id, version, 0).await.unwrap()).await, bytes, "{version:?}");
    }
    now
}
