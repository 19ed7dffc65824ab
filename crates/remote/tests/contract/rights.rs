//! Other users of the same organization, tokens that age, folders that are being indexed anew.

use crate::dam::{Dam, settings};
use crate::uploads::{FIRST, settled};
use damsync_ports::{Answer, RemoteErrorKind, RemoteSide, Scope};
use damsync_remote::{Auth, Mediagraph, OAuth, Tokens};
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
