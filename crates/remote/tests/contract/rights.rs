//! Other users of the same organization, tokens that age, folders that are being indexed anew.

use crate::dam::{Dam, settings};
use crate::uploads::{FIRST, settled};
use damsync_model::time::UnixMs;
use damsync_ports::{Answer, RemoteErrorKind, RemoteSide, Scope};
use damsync_remote::{Auth, Mediagraph, OAuth, Rights, Tokens};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[tokio::test]
async fn hints_of_others_are_asked_for_until_they_are_refused() {
    let dam = Dam::play(json!({})).await;
    let user = dam.admin("users", json!({ "any_user": false })).await;
    let other = dam.client_of(user["token"].as_str().unwrap());
    assert_eq!(other.hints().await.unwrap(), []);
    assert_eq!(other.requests(), 2, "with everybody's, then with our own");
    other.hints().await.unwrap();
    assert_eq!(other.requests(), 3);
    dam.shutdown().await;
}

#[tokio::test]
async fn who_we_are_and_what_we_may_do_is_told() {
    let dam = Dam::play(json!({})).await;
    let (account, rights) = (dam.side.account().await.unwrap(), dam.side.rights().await.unwrap());
    assert_eq!(account.identity.user, dam.side.identity().await.unwrap().user);
    assert!(account.name.is_some_and(|name| !name.is_empty()));
    assert_eq!(rights, Rights { upload: Some(true), make_folders: Some(true), see_folders: Some(true) });
    let user = dam.admin("users", json!({ "can_upload": false, "can_create_storage_folders": false })).await;
    let other = dam.client_of(user["token"].as_str().unwrap());
    let rights = other.rights().await.unwrap();
    assert_eq!(rights, Rights { upload: Some(false), make_folders: Some(false), see_folders: Some(true) });
    dam.shutdown().await;
}

#[tokio::test]
async fn what_is_hidden_is_not_found_and_what_is_forbidden_says_so() {
    let dam = Dam::play(json!({})).await;
    let folder = dam.side.make_folder(None, "secret").await.unwrap();
    let asset = dam.upload(&folder, "secret.txt", FIRST).await;
    settled(&dam, &asset).await;
    let hidden = json!({ "hidden_folders": [folder.id.to_string().parse::<i64>().unwrap()] });
    let user = dam.admin("users", hidden).await;
    let other = dam.client_of(user["token"].as_str().unwrap());
    assert_ne!(other.identity().await.unwrap().user, dam.side.identity().await.unwrap().user);
    assert!(other.folders().await.unwrap().iter().all(|seen| seen.id != folder.id));
    assert_eq!(other.folder(&folder.id).await.unwrap(), Answer::NotFound);
    assert_eq!(other.asset(&asset.id).await.unwrap(), Answer::NotFound);
    assert_eq!(other.assets(std::slice::from_ref(&asset.id)).await.unwrap(), []);
    assert!(!other.all_ids(&Scope::Everything, None).await.unwrap().contains(&asset.id));

    dam.admin("faults", json!({ "path": "/api/assets/", "what": { "status": { "code": 403 } } })).await;
    assert_eq!(dam.side.asset(&asset.id).await.unwrap(), Answer::Denied);
    dam.admin(&format!("users/{}", user["id"]), json!({ "revoked": true })).await;
    let error = other.identity().await.unwrap_err();
    assert!(matches!(error.kind, RemoteErrorKind::Unauthorized), "{error}");
    dam.shutdown().await;
}

#[tokio::test]
async fn an_index_being_built_anew_says_so() {
    let dam = Dam::play(json!({})).await;
    let folder = dam.side.make_folder(None, "indexed").await.unwrap();
    assert!(!folder.reindexing);
    let path = format!("folders/{}", folder.id);
    dam.admin(&path, json!({ "reindexing_at": "2026-01-06T10:00:00.000Z" })).await;
    let listed = dam.side.folders().await.unwrap();
    assert!(listed.iter().any(|seen| seen.id == folder.id && seen.reindexing));
    assert!(listed.iter().filter(|seen| seen.reindexing).count() == 1);
    let Answer::Found(alone) = dam.side.folder(&folder.id).await.unwrap() else { panic!("no folder") };
    assert!(alone.reindexing);
    dam.shutdown().await;
}

#[tokio::test]
async fn while_the_index_is_half_empty_only_the_database_tells_who_is_there() {
    let dam = Dam::play(json!({})).await;
    dam.admin("bulk", json!({ "folders": 1, "assets_per_folder": 40, "size": 3, "path": "Many" })).await;
    dam.admin("habits", json!({ "reindexing": true })).await;
    let folders = dam.side.folders().await.unwrap();
    let many = folders.iter().find(|folder| folder.name == "Many").unwrap();
    let below = folders.iter().find(|folder| folder.parent.as_ref() == Some(&many.id)).unwrap();
    let Answer::Found(all) = dam.side.folder_asset_ids(&below.id).await.unwrap() else { panic!("no folder") };
    assert_eq!(all.len(), 40);
    let listed = dam.side.all_ids(&Scope::Below(many.id.clone()), None).await.unwrap();
    assert!(listed.len() < 40 && listed.iter().all(|id| all.contains(id)));
    assert_eq!(dam.side.assets(&all).await.unwrap().len(), listed.len());
    for id in all.iter().filter(|id| !listed.contains(id)) {
        assert!(matches!(dam.side.asset(id).await.unwrap(), Answer::Found(_)), "{id} is there all the same");
    }
    dam.shutdown().await;
}

#[tokio::test]
async fn a_result_too_large_to_be_paged_comes_whole_as_ids() {
    for status in [400, 422] {
        let dam = Dam::play(json!({ "max_result_window": 100, "beyond_window_status": status })).await;
        dam.admin("bulk", json!({ "folders": 3, "assets_per_folder": 80, "size": 3, "path": "Many" })).await;
        let folders = dam.side.folders().await.unwrap();
        let scope = Scope::Below(folders.iter().find(|folder| folder.name == "Many").unwrap().id.clone());
        let ids = dam.side.all_ids(&scope, None).await.unwrap();
        assert_eq!(ids.len(), 240);
        assert_eq!(dam.side.assets(&ids).await.unwrap().len(), 240, "in portions");
        let changed = dam.side.changed_since(&scope, UnixMs(0), 100).await.unwrap();
        assert_eq!((changed.total, changed.assets.len()), (240, 100));
        assert_eq!(dam.side.acknowledge(&ids[..100]).await.unwrap().len(), 100);
        dam.shutdown().await;
    }
}

#[tokio::test]
async fn oauth_tokens_are_renewed_when_they_have_aged_and_stored_before_they_are_used() {
    let dam = Dam::play(json!({ "rotate_refresh": true })).await;
    let user = dam.admin("users", json!({ "oauth": true, "client_id": "contract" })).await;
    let text = |key: &str| user[key].as_str().unwrap().to_owned();
    let stored = Arc::new(Mutex::new(0));
    let count = Arc::clone(&stored);
    let oauth = OAuth {
        tokens: Tokens {
            access: text("access_token").into(),
            refresh: Some(text("refresh_token").into()),
            expires_at: None,
        },
        oauth_base_url: dam.base().to_owned(),
        client_id: "contract".into(),
        client_secret: None,
        on_new_tokens: Arc::new(move |_: &Tokens| {
            *count.lock().unwrap() += 1;
            Ok(())
        }),
    };
    let side = Mediagraph::new(settings(dam.base(), Auth::OAuth(oauth), Duration::from_millis(5))).unwrap();
    let who = side.identity().await.unwrap();
    assert_eq!(who.user, user["id"].to_string());
    assert_eq!(*stored.lock().unwrap(), 0);
    for renewals in 1..=2 {
        dam.admin("clock", json!({ "advance_ms": 3 * 3600 * 1000 })).await;
        assert_eq!(side.identity().await.unwrap().user, who.user);
        assert_eq!(*stored.lock().unwrap(), renewals, "the refresh token that came last is the one that is used");
    }
    dam.shutdown().await;
}
