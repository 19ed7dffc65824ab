//! OAuth tokens: renewed once, stored before they are used, never mixed up with what was asked.

use crate::behaviour::settings;
use crate::scripted::{Act, Req, Server};
use damsync_model::time::UnixMs;
use damsync_ports::{Advice, RemoteSide};
use damsync_remote::{Auth, Mediagraph, OAuth, Settings, Tokens};
use secrecy::ExposeSecret;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

fn oauth(server: &Server, expires_at: Option<UnixMs>, fail_to_store: bool) -> (Mediagraph, Arc<Mutex<Vec<String>>>) {
    let stored = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&stored);
    let failures = AtomicU32::new(u32::from(fail_to_store));
    let tokens = Tokens { access: "access-0".into(), refresh: Some("refresh-0".into()), expires_at };
    let auth = Auth::OAuth(OAuth {
        tokens,
        oauth_base_url: server.base.clone(),
        client_id: "client".into(),
        client_secret: None,
        on_new_tokens: Arc::new(move |tokens: &Tokens| {
            if failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                return Err(std::io::Error::other("disk full"));
            }
            record.lock().unwrap().push(tokens.refresh.as_ref().unwrap().expose_secret().to_owned());
            Ok(())
        }),
    });
    (Mediagraph::new(Settings { auth, ..settings(&server.base) }).unwrap(), stored)
}

fn token_server() -> impl Fn(&Req) -> Act + Send + Sync + 'static {
    |req| {
        if req.path == "/oauth/token" {
            assert!(req.text().contains("grant_type=refresh_token") && req.text().contains("client_id=client"));
            return Act::json(r#"{"access_token":"access-1","refresh_token":"refresh-1","expires_in":7200}"#);
        }
        match req.header("authorization") {
            Some("Bearer access-1") => Act::json(r#"{"count":1}"#),
            _ => Act::status(401, r#"{"error":"expired"}"#),
        }
    }
}

fn renewals(server: &Server) -> usize {
    server.seen().iter().filter(|req| req.path == "/oauth/token").count()
}

#[tokio::test]
async fn an_aged_token_is_renewed_once_for_all_who_wait() {
    let server = Server::start(token_server()).await;
    let (side, stored) = oauth(&server, None, false);
    let results = futures_util::future::join_all((0..6).map(|_| side.trash_count())).await;
    assert!(results.into_iter().all(|result| result.is_ok()));
    assert_eq!((renewals(&server), stored.lock().unwrap().as_slice()), (1, &["refresh-1".to_owned()][..]));
    assert!(server.seen().iter().all(|req| req.header("organizationid").is_none()));
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end() {
    let server = Server::start(token_server()).await;
    let (side, _) = oauth(&server, Some(UnixMs(1)), false);
    side.trash_count().await.unwrap();
    assert_eq!((renewals(&server), server.seen().len()), (1, 2), "no request went out with the aged token");
}

#[tokio::test]
async fn new_tokens_are_not_used_before_they_are_stored() {
    let server = Server::start(token_server()).await;
    let (side, stored) = oauth(&server, None, true);
    assert_eq!(side.trash_count().await.unwrap_err().advice(), Advice::Later);
    assert!(server.seen().iter().all(|req| req.header("authorization") != Some("Bearer access-1")));
    side.trash_count().await.unwrap();
    assert_eq!(
        (renewals(&server), stored.lock().unwrap().len()),
        (1, 1),
        "the tokens at hand were stored, none asked for"
    );
}

#[tokio::test]
async fn a_renewal_that_fails_is_never_mistaken_for_a_missing_asset() {
    for (status, expected) in [(404, "NoAnswer"), (400, "Unauthorized"), (401, "Unauthorized"), (500, "NoAnswer")] {
        let server =
            Server::start(
                move |req| {
                    if req.path == "/oauth/token" { Act::status(status, "{}") } else { Act::status(401, "{}") }
                },
            )
            .await;
        let (side, _) = oauth(&server, None, false);
        let error = side.asset(&1.into()).await.unwrap_err();
        assert!(format!("{:?}", error.kind).starts_with(expected), "{status}: {error:?}");
    }
}
