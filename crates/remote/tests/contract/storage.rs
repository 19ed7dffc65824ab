//! The storage's side of the way up and down: signatures that age, bytes that are others, downloads that break off.

use crate::dam::{Dam, collect, md5, new_content, noise, payload, whole};
use crate::uploads::{FIRST, SECOND, settled};
use bytes::Bytes;
use damsync_ports::{Payload, PreparedUpload, RemoteErrorKind, RemoteFolder, RemoteSide, UploadSession};
use serde_json::{Value, json};

/// What holds for every request of a run: originals only, and no credentials for the storage.
pub async fn always(dam: &Dam) {
    let requests = dam.requests().await;
    let downloads: Vec<&Value> = requests.iter().filter(|one| text(one, "path").ends_with("/download")).collect();
    assert!(!downloads.is_empty());
    for one in downloads {
        let query = text(one, "query");
        assert!(query.contains("skip_meta=true") && query.contains("size=original"), "{one}");
    }
    for one in requests.iter().filter(|one| text(one, "host") == "storage") {
        assert_eq!(one["authorization"], false, "{one}");
    }
    let agent = concat!("damsync/", env!("CARGO_PKG_VERSION"));
    assert!(requests.iter().any(|one| text(one, "user_agent") == agent));
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

async fn begin(dam: &Dam) -> (RemoteFolder, UploadSession) {
    let folder = dam.side.make_folder(None, "storage").await.unwrap();
    let session = dam.side.open_session(&folder.id, folder.contribution).await.unwrap();
    (folder, session)
}

async fn prepare(dam: &Dam, session: &UploadSession, bytes: &[u8]) -> PreparedUpload {
    dam.side.prepare_asset(session, &new_content("storage.bin", bytes, "storage")).await.unwrap()
}

#[tokio::test]
async fn an_aged_address_has_expired_and_a_new_one_is_good() {
    let dam = Dam::play(json!({ "url_expires_s": 3600 })).await;
    let (_, session) = begin(&dam).await;
    let prepared = prepare(&dam, &session, FIRST).await;
    dam.admin("clock", json!({ "advance_ms": 3_590_000 })).await;
    dam.side.send(&prepared.url, payload(FIRST)).await.unwrap();
    dam.admin("clock", json!({ "advance_ms": 20_000 })).await;
    let error = dam.side.send(&prepared.url, payload(FIRST)).await.unwrap_err();
    assert!(matches!(error.kind, RemoteErrorKind::Expired), "{error}");
    assert!(!error.effect_unknown());
    let again = prepare(&dam, &session, SECOND).await;
    dam.side.send(&again.url, payload(SECOND)).await.unwrap();
    dam.shutdown().await;
}

#[tokio::test]
async fn an_address_that_was_changed_is_refused_and_never_shown() {
    let dam = Dam::play(json!({})).await;
    let (_, session) = begin(&dam).await;
    let prepared = prepare(&dam, &session, FIRST).await;
    let url = prepared.url.expose();
    let changed = damsync_ports::SignedUrl::new(url.replace("X-Amz-Expires=", "X-Amz-Expires=1"));
    assert_ne!(changed.expose(), url);
    let error = dam.side.send(&changed, payload(FIRST)).await.unwrap_err();
    assert!(matches!(error.kind, RemoteErrorKind::Forbidden(_) | RemoteErrorKind::Refused { .. }), "{error:?}");
    let signature = url.rsplit("X-Amz-Signature=").next().unwrap();
    assert!(!format!("{error:?} {error} {prepared:?}").contains(signature));
    dam.shutdown().await;
}

#[tokio::test]
async fn other_bytes_than_were_announced_are_refused_and_nothing_is_there() {
    for habits in [json!({}), json!({ "encrypted_bucket": true })] {
        let dam = Dam::play(habits).await;
        let (_, session) = begin(&dam).await;
        let prepared = prepare(&dam, &session, FIRST).await;
        let guid = prepared.asset.as_ref().unwrap().guid.clone();
        let wrong = Payload { md5: md5(SECOND), ..payload(FIRST) };
        let error = dam.side.send(&prepared.url, wrong).await.unwrap_err();
        assert!(matches!(error.kind, RemoteErrorKind::Body(_)), "{error}");
        assert!(dam.side.finish_asset(&guid).await.is_err(), "there is nothing to finish");
        let short = Payload { size: FIRST.len() as u64 + 1, ..payload(FIRST) };
        let error = dam.side.send(&prepared.url, short).await.unwrap_err();
        assert!(matches!(error.kind, RemoteErrorKind::Body(_)), "{error}");
        let long = Payload { size: FIRST.len() as u64 - 1, ..payload(FIRST) };
        let error = dam.side.send(&prepared.url, long).await.unwrap_err();
        assert!(matches!(error.kind, RemoteErrorKind::Body(_)), "{error}");
        let broken = futures_util::stream::iter([
            Ok(Bytes::from_static(&FIRST[..4])),
            Err(std::io::Error::other("the file changed")),
        ]);
        let error =
            dam.side.send(&prepared.url, Payload { body: Box::pin(broken), ..payload(FIRST) }).await.unwrap_err();
        assert!(matches!(&error.kind, RemoteErrorKind::Body(why) if why.contains("the file changed")), "{error}");
        assert!(dam.side.finish_asset(&guid).await.is_err(), "there is still nothing to finish");
        dam.side.send(&prepared.url, payload(FIRST)).await.unwrap();
        dam.side.finish_asset(&guid).await.unwrap();
        dam.shutdown().await;
    }
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_broke() {
    for (habits, ranges) in
        [(json!({}), true), (json!({ "downloads": "redirect" }), true), (json!({ "ranges": false }), false)]
    {
        let dam = Dam::play(habits).await;
        let folder = dam.side.make_folder(None, "storage").await.unwrap();
        let bytes = noise(700_001, 3);
        let asset = dam.upload(&folder, "long.bin", &bytes).await;
        let version = settled(&dam, &asset).await.version;
        let redirected = dam.sandbox.is_some() && ranges;
        dam.admin("faults", json!({ "method": "GET", "path": "download", "skip": 0, "what": "truncate" })).await;
        let (mut got, end) = match dam.side.download(&asset.id, version, 0).await {
            Ok(download) => collect(download).await,
            // The redirect's own answer was cut, which has no body to lose.
            Err(error) => panic!("{error}"),
        };
        if end.is_ok() {
            assert!(redirected && got == bytes);
            got.truncate(got.len() / 2);
        }
        assert!(got.len() < bytes.len() && bytes.starts_with(&got));
        let rest = dam.side.download(&asset.id, version, got.len() as u64).await.unwrap();
        assert_eq!(rest.from, if ranges { got.len() as u64 } else { 0 });
        got.truncate(usize::try_from(rest.from).unwrap());
        got.extend(whole(rest).await);
        assert!(got == bytes, "put together it is the whole");
        let asked: Vec<Value> = dam.requests().await;
        assert!(asked.iter().any(|one| text(one, "range").starts_with("bytes=")));
        always(&dam).await;
        dam.shutdown().await;
    }
}

#[tokio::test]
async fn a_body_of_another_length_is_never_whole() {
    let dam = Dam::play(json!({})).await;
    let folder = dam.side.make_folder(None, "storage").await.unwrap();
    let asset = dam.upload(&folder, "short.bin", SECOND).await;
    let version = settled(&dam, &asset).await.version;
    for what in ["truncate", "wrong_length"] {
        dam.admin("faults", json!({ "path": "/download", "what": what })).await;
        let (got, end) = collect(dam.side.download(&asset.id, version, 0).await.unwrap()).await;
        assert!(end.is_err(), "{what}: {} bytes", got.len());
    }
    dam.admin("faults", json!({ "path": "/download", "what": "html_ok" })).await;
    if let Ok(page) = dam.side.download(&asset.id, version, 0).await {
        // Whoever places the bytes compares size and MD5; a page of the same size does not exist by chance.
        assert_ne!(collect(page).await.0, SECOND);
    }
    dam.shutdown().await;
}
