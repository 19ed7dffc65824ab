//! Folders: made, listed, looked at, renamed, moved, removed.

use crate::dam::Dam;
use damsync_model::id::StorageFolderId;
use damsync_ports::{Answer, RemoteFolder, RemoteSide};

const ODD: &str = "Größe & \"Maß\" (1)";

pub async fn all(dam: &Dam, scratch: &RemoteFolder) {
    let side = &dam.side;
    let first = side.make_folder(Some(&scratch.id), ODD).await.unwrap();
    assert_eq!((first.name.as_str(), first.parent.as_ref()), (ODD, Some(&scratch.id)));
    let second = side.make_folder(Some(&scratch.id), "Second").await.unwrap();
    let below = side.make_folder(Some(&first.id), "Below").await.unwrap();
    assert!(below.contribution.is_some() || below.organizer, "a folder that takes files says where uploads go");

    let listed = side.folders().await.unwrap();
    let find = |list: &[RemoteFolder], id: &StorageFolderId| list.iter().find(|folder| folder.id == *id).cloned();
    for (made, above) in [
        (scratch, vec![]),
        (&first, vec![scratch.id.clone()]),
        (&second, vec![scratch.id.clone()]),
        (&below, vec![scratch.id.clone(), first.id.clone()]),
    ] {
        let seen = find(&listed, &made.id).unwrap_or_else(|| panic!("{} is not listed", made.name));
        assert_eq!((seen.name.as_str(), &seen.parent), (made.name.as_str(), &made.parent));
        assert!(seen.ancestors.ends_with(&above), "{}: {:?}", made.name, seen.ancestors);
        assert_eq!(seen.contribution, made.contribution);
        let Answer::Found(alone) = side.folder(&made.id).await.unwrap() else {
            panic!("{} is listed and not found", made.name)
        };
        assert_eq!((&alone.name, &alone.parent, alone.contribution), (&seen.name, &seen.parent, seen.contribution));
    }
    let mut ids: Vec<_> = listed.iter().map(|folder| folder.id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), listed.len(), "each folder once");

    side.change_folder(&first.id, Some(&scratch.id), "First, renamed").await.unwrap();
    side.change_folder(&below.id, Some(&second.id), "Below, moved").await.unwrap();
    let listed = side.folders().await.unwrap();
    assert_eq!(find(&listed, &first.id).unwrap().name, "First, renamed");
    let moved = find(&listed, &below.id).unwrap();
    assert_eq!((moved.name.as_str(), moved.parent.as_ref()), ("Below, moved", Some(&second.id)));
    assert!(moved.ancestors.ends_with(&[scratch.id.clone(), second.id.clone()]));

    assert_eq!(side.folder_asset_ids(&below.id).await.unwrap(), Answer::Found(vec![]));
    for gone in [&below, &first, &second] {
        side.remove_folder(&gone.id).await.unwrap();
        side.remove_folder(&gone.id).await.unwrap();
        assert_eq!(side.folder(&gone.id).await.unwrap(), Answer::NotFound);
        assert_eq!(side.folder_asset_ids(&gone.id).await.unwrap(), Answer::NotFound);
    }
    let listed = side.folders().await.unwrap();
    assert!([&below, &first, &second].iter().all(|gone| find(&listed, &gone.id).is_none()));
}
