//! What the table of faults cannot show: forms of answers, redirects, ranges, tokens, limits.
use crate::scripted::{Act, Server};
use bytes::Bytes;
use damsync_model::content::Md5;
use damsync_model::time::UnixMs;
use damsync_ports::{Advice, NewContent, Payload, RemoteErrorKind, RemoteSide, Scope, SignedUrl, UploadSession};
use damsync_remote::{Auth, Mediagraph, Settings};
use futures_util::StreamExt;
use std::time::Duration;

pub(crate) fn settings(base: &str) -> Settings {
    Settings {
        retry_base_delay: Duration::from_millis(1),
        idle_timeout: Duration::from_secs(10),
        ..Settings::new(base, Auth::Personal { token: "s3cr3t-token".into(), organization_id: 42 })
    }
}

pub(crate) fn client(base: &str) -> Mediagraph {
    Mediagraph::new(settings(base)).unwrap()
}

#[tokio::test]
async fn ids_come_bare_or_in_an_object_and_must_match_its_own_total() {
    for (list, expected) in [
        ("[1,2,3]", Some(3)),
        (r#"{"ids":[1,2,3]}"#, Some(3)),
        (r#"{"total_entries":3,"asset_ids":[3,2,1],"filters":{}}"#, Some(3)),
        ("[]", Some(0)),
        (r#"{"total_entries":4,"ids":[1,2,3]}"#, None),
    ] {
        let server = Server::start(move |_| Act::json(list)).await;
        let found = client(&server.base).all_ids(&Scope::Everything, None).await;
        match expected {
            Some(len) => assert_eq!(found.unwrap().len(), len, "{list}"),
            None => assert!(matches!(found.unwrap_err().kind, RemoteErrorKind::Incomplete(_)), "{list}"),
        }
        assert_eq!(server.seen().len(), 1, "one request");
    }
}

#[tokio::test]
async fn a_page_shorter_than_its_total_is_incomplete_and_no_list_is_nonsense() {
    for (answer, incomplete) in [
        (r#"{"total_entries":2,"assets":[{"id":1,"guid":"g","filename":"f"}]}"#, true),
        (r#"{"total_entries":2,"assets":[]}"#, true),
        (r#"{"total_entries":0,"assets":{}}"#, false),
        (r#"{"total_entries":0,"assets":null}"#, false),
        (r#"{"total_entries":0}"#, false),
        (r#"{"assets":[]}"#, false),
        (r#"{"total_entries":1,"assets":[{"id":1,"filename":"f"}]}"#, false),
        (r#"{"total_entries":1,"assets":[7]}"#, false),
        ("[]", false),
        ("null", false),
        ("", false),
    ] {
        let server = Server::start(move |_| Act::json(answer)).await;
        let kind = client(&server.base).changed_since(&Scope::Everything, UnixMs(0), 100).await.unwrap_err().kind;
        let fits = match kind {
            RemoteErrorKind::Incomplete(_) => incomplete,
            RemoteErrorKind::Nonsense(_) => !incomplete,
            _ => false,
        };
        assert!(fits, "{answer}: {kind:?}");
    }
}

#[tokio::test]
async fn one_odd_asset_does_not_hide_the_others() {
    let page = r#"{"total_entries":4,"assets":[{"id":1,"guid":"a","filename":null},{"id":2,"guid":"b"},
        {"id":3,"guid":"c","filename":"c.txt","file_size":{},"md5":[1],"updated_at":7,"storage_folder":"x"},
        {"id":"4","guid":"d","filename":"d.txt","file_size":"12","trashed_at":null,"editable":"true"}]}"#;
    let server = Server::start(move |_| Act::json(page)).await;
    let changed = client(&server.base).changed_since(&Scope::Everything, UnixMs(0), 100).await.unwrap();
    let names: Vec<_> = changed.assets.iter().map(|asset| asset.filename.as_str()).collect();
    assert_eq!(names, ["", "", "c.txt", "d.txt"]);
    assert_eq!((changed.assets[2].claimed.size, changed.assets[3].claimed.size), (None, Some(12)));
    assert_eq!(changed.assets[3].editable, Some(true));
}

#[tokio::test]
async fn only_the_acknowledgement_sends_sync() {
    let page = r#"{"total_entries":1,"assets":[{"id":1,"guid":"g","filename":"f"}]}"#;
    let server =
        Server::start(move |req| if req.path.contains("search") { Act::json(page) } else { Act::json("{}") }).await;
    let side = client(&server.base);
    side.assets(&[1.into()]).await.unwrap();
    side.changed_since(&Scope::Below(5.into()), UnixMs(1_767_000_000_000), 100).await.unwrap();
    side.rename(&1.into(), "x").await.unwrap();
    assert!(server.seen().iter().all(|req| !req.text().contains("sync") && !req.query.contains("sync")));
    side.acknowledge(&[1.into()]).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&server.seen().last().unwrap().body).unwrap();
    assert_eq!(body, serde_json::json!({"ids":[1],"sync":true,"page":1,"per_page":1}));
    let window = serde_json::from_slice::<serde_json::Value>(&server.seen()[1].body).unwrap();
    assert_eq!(window["updated_at"][0], "2025-12-29T09:20:00.000Z");
    assert_eq!(window["storage_folder_id"], 5);
}

#[tokio::test]
async fn an_index_that_passes_over_the_ids_is_not_believed() {
    let server =
        Server::start(|_| Act::json(r#"{"total_entries":1,"assets":[{"id":2,"guid":"g","filename":"f"}]}"#)).await;
    let error = client(&server.base).assets(&[1.into()]).await.unwrap_err();
    assert!(matches!(error.kind, RemoteErrorKind::Nonsense(_)));
}

const FOLDERS: &str = r#"[{"id":1,"name":"A","path_slugs":["a"],"parent_id":null,"has_children":true},
{"id":2,"name":"B","path_slugs":["a","b"],"parent_id":1,"has_children":false,"box_folder_id":"77"},
{"id":3,"name":"C","path_slugs":["twice"],"parent_id":null,"has_children":false},
{"id":4,"name":"D","path_slugs":["twice"],"parent_id":null,"has_children":false}]"#;

#[tokio::test]
async fn folders_are_one_request_once_pages_are_known_not_to_exist() {
    let server = Server::start(|req| match req.path.as_str() {
        "/api/storage_folders" => Act::json(FOLDERS),
        _ => Act::json(
            r#"{"total_entries":3,"assets":[
            {"id":1,"guid":"x","filename":"f","storage_folder_path":"a/b"},
            {"id":2,"guid":"y","filename":"f","storage_folder_path":"twice"},
            {"id":3,"guid":"z","filename":"f","storage_folder_path":"elsewhere"}]}"#,
        ),
    })
    .await;
    let side = client(&server.base);
    let folders = side.folders().await.unwrap();
    assert_eq!(side.requests(), 2);
    side.folders().await.unwrap();
    assert_eq!(side.requests(), 3);
    assert_eq!(folders[1].ancestors, vec![1.into()], "from the parents, where not told");
    assert_eq!(folders[1].connector.as_deref(), Some("Box"));
    let assets = side.assets(&[1.into(), 2.into(), 3.into()]).await.unwrap();
    let places: Vec<_> = assets.into_iter().map(|asset| asset.storage_folder).collect();
    assert_eq!(places, [Some(2.into()), None, None], "known, ambiguous, unknown");
}

#[tokio::test]
async fn a_paged_folder_list_is_read_as_a_tree() {
    let one = |id: u32, children: bool| format!(r#"{{"id":{id},"name":"n{id}","has_children":{children}}}"#);
    let server = Server::start(move |req| {
        let list = match (req.path.as_str(), req.query.as_str()) {
            ("/api/storage_folders", "") => vec![one(1, true)],
            ("/api/storage_folders", "page=2") => vec![one(2, false)],
            ("/api/storage_folders/tree", "") => vec![one(1, true)],
            ("/api/storage_folders/tree", "parent_id=1") => vec![one(2, false)],
            ("/api/storage_folders/tree", "parent_id=1&page=2") => vec![one(3, false)],
            other => panic!("{other:?}"),
        };
        let total = if req.query.contains("parent") { "2" } else { "1" };
        Act::json(format!("[{}]", list.join(","))).with("Total-Entries", total)
    })
    .await;
    assert_eq!(client(&server.base).folders().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_tree_that_hides_what_it_counts_is_incomplete() {
    let server = Server::start(|req| {
        let id = if req.query == "page=2" && !req.path.ends_with("tree") { 2 } else { 1 };
        Act::json(format!(r#"[{{"id":{id},"name":"n","has_children":false}}]"#)).with("Total-Entries", "2")
    })
    .await;
    assert!(matches!(client(&server.base).folders().await.unwrap_err().kind, RemoteErrorKind::Incomplete(_)));
}

#[tokio::test]
async fn hints_of_others_are_asked_for_until_refused_once() {
    let server = Server::start(|req| {
        if req.query.contains("any_user") { Act::status(403, r#"{"error":"no"}"#) } else { Act::json("[7]") }
    })
    .await;
    let side = client(&server.base);
    assert_eq!(side.hints().await.unwrap(), vec![7.into()]);
    assert_eq!(side.hints().await.unwrap(), vec![7.into()]);
    assert_eq!(side.requests(), 3);
}

async fn download(base: &str, from: u64) -> Result<(u64, std::io::Result<Vec<u8>>), RemoteErrorKind> {
    let mut download = client(base).download(&1.into(), Some(2), from).await.map_err(|error| error.kind)?;
    let mut all = Vec::new();
    while let Some(chunk) = download.body.next().await {
        match chunk {
            Ok(chunk) => all.extend_from_slice(&chunk),
            Err(error) => return Ok((download.from, Err(error))),
        }
    }
    Ok((download.from, Ok(all)))
}

fn part(status: u16, range: Option<&str>, body: &'static [u8]) -> Act {
    let act = Act::Reply { status, headers: vec![], body: body.to_vec() };
    match range {
        Some(range) => act.with("Content-Range", range),
        None => act,
    }
}

#[tokio::test]
async fn a_download_goes_on_where_the_server_lets_it() {
    for (act, expected) in [
        (part(206, Some("bytes 3-5/6"), b"def"), Some((3, "def"))),
        (part(200, None, b"abcdef"), Some((0, "abcdef"))),
        (part(206, Some("bytes 2-5/6"), b"cdef"), None),
        (part(206, None, b"def"), None),
        (part(206, Some("bytes 3-4/6"), b"de"), None),
        (part(204, None, b""), None),
    ] {
        let name = format!("{act:?}");
        let server = Server::start(move |_| act.clone()).await;
        let found = download(&server.base, 3).await;
        match expected {
            Some((from, text)) => {
                let (found_from, body) = found.unwrap();
                assert_eq!((found_from, body.unwrap().as_slice()), (from, text.as_bytes()), "{name}");
            }
            None => assert!(matches!(found.unwrap_err(), RemoteErrorKind::Nonsense(_)), "{name}"),
        }
        let asked = &server.seen()[0];
        assert_eq!(asked.header("range"), Some("bytes=3-"));
        assert_eq!(asked.query, "size=original&skip_meta=true&version_number=2&via=damsync");
        assert!(!asked.header("accept-encoding").unwrap().contains("gzip"));
    }
}

#[tokio::test]
async fn a_part_beyond_the_end_starts_again_from_zero() {
    let server = Server::start(|req| match req.header("range") {
        Some(_) => part(416, Some("bytes */2"), b""),
        None => part(200, None, b"ab"),
    })
    .await;
    let (from, body) = download(&server.base, 9).await.unwrap();
    assert_eq!((from, body.unwrap()), (0, b"ab".to_vec()));
}

#[tokio::test]
async fn a_body_with_other_bytes_than_its_range_says_is_an_error() {
    let server = Server::start(|_| part(206, Some("bytes 3-5/6"), b"defgh")).await;
    assert!(download(&server.base, 3).await.unwrap().1.is_err());
}

#[tokio::test]
async fn redirects_are_followed_only_so_far_and_only_where_it_is_safe() {
    let server = Server::start(|_| Act::status(302, "").with("Location", "/again")).await;
    assert!(matches!(download(&server.base, 0).await.unwrap_err(), RemoteErrorKind::Nonsense(_)));
    assert_eq!(server.seen().len(), 6, "the first request and five hops");
    for target in ["http://store.example/k", "ftp://127.0.0.1/k", "http://"] {
        let server = Server::start(move |_| Act::status(302, "").with("Location", target)).await;
        assert!(matches!(download(&server.base, 0).await.unwrap_err(), RemoteErrorKind::Nonsense(_)), "{target}");
    }
}

fn payload(size: u64, chunks: &[&'static [u8]], broken: bool) -> Payload {
    let mut items: Vec<std::io::Result<Bytes>> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk))).collect();
    if broken {
        items.push(Err(std::io::Error::other("the file changed")));
    }
    Payload { size, md5: Md5([9; 16]), body: Box::pin(futures_util::stream::iter(items)) }
}

#[tokio::test]
async fn bytes_are_sent_with_length_and_md5_and_without_credentials() {
    let server = Server::start(|_| part(200, None, b"")).await;
    let side = client(&server.base);
    let url = SignedUrl::new(format!("{}/k?X-Amz-Signature=s3cr3t", server.base));
    side.send(&url, payload(6, &[b"abc", b"def"], false)).await.unwrap();
    side.send(&url, payload(0, &[], false)).await.unwrap();
    let seen = server.seen();
    assert_eq!((seen[0].header("content-length"), seen[0].text().as_str()), (Some("6"), "abcdef"));
    assert_eq!(seen[0].header("content-md5"), Some("CQkJCQkJCQkJCQkJCQkJCQ=="));
    assert_eq!(seen[0].query, "X-Amz-Signature=s3cr3t");
    assert_eq!(seen[1].header("content-length"), Some("0"));
    for req in seen {
        assert_eq!((req.header("authorization"), req.header("transfer-encoding")), (None, None));
    }
    assert!(!format!("{url} {url:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn a_storage_that_stops_reading_is_given_up() {
    // It takes the connection and never reads: the body stands still once the buffers are full.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let held = tokio::spawn(async move { listener.accept().await });
    let side = Mediagraph::new(Settings { idle_timeout: Duration::from_millis(300), ..settings(&base) }).unwrap();
    let size: u64 = 64 << 20;
    let chunk = Bytes::from(vec![0; 1 << 20]);
    let body = Box::pin(futures_util::stream::repeat_with(move || Ok(chunk.clone())).take(64));
    let url = SignedUrl::new(format!("{base}/k?s=1"));
    let error = side.send(&url, Payload { size, md5: Md5([0; 16]), body }).await.unwrap_err();
    assert!(matches!(error.kind, RemoteErrorKind::NoAnswer(_)), "{error:?}");
    drop(held.await);
}

#[tokio::test]
async fn our_own_side_of_a_body_is_told_apart_from_the_server() {
    let server = Server::start(|_| part(200, None, b"")).await;
    let url = SignedUrl::new(format!("{}/k?s=1", server.base));
    for payload in [payload(6, &[b"abc"], true), payload(6, &[b"abc"], false), payload(2, &[b"abc"], false)] {
        let error = client(&server.base).send(&url, payload).await.unwrap_err();
        assert!(matches!(error.kind, RemoteErrorKind::Body(_)), "{error:?}");
    }
}

#[tokio::test]
async fn the_storages_refusals_are_told_apart() {
    for (status, code, word) in [
        (403, "<Code>AccessDenied</Code><Message>Request has expired</Message>", "Expired"),
        (403, "<Code>AccessDenied</Code><Message>Access Denied</Message>", "Expired"),
        (400, "<Code>ExpiredToken</Code><Message>old</Message>", "Expired"),
        (403, "<Code>SignatureDoesNotMatch</Code><Message>bad</Message>", "Forbidden"),
        (400, "<Code>BadDigest</Code><Message>other bytes</Message>", "Body"),
        (400, "<Code>EntityTooLarge</Code><Message>big</Message>", "Refused"),
        (400, "<Code>RequestTimeout</Code><Message>slow</Message>", "NoAnswer"),
        (503, "<Code>SlowDown</Code><Message>slow</Message>", "Busy"),
    ] {
        let body = format!("<?xml version=\"1.0\"?><Error>{code}</Error>");
        let server = Server::start(move |_| Act::status(status, body.clone())).await;
        let url = SignedUrl::new(format!("{}/k?s=1", server.base));
        let error = client(&server.base).send(&url, payload(3, &[b"abc"], false)).await.unwrap_err();
        assert!(format!("{:?}", error.kind).starts_with(word), "{code}: {error:?}");
    }
    let tagged = part(200, None, b"").with("ETag", "\"d41d8cd98f00b204e9800998ecf8427e\"");
    let server = Server::start(move |_| tagged.clone()).await;
    let url = SignedUrl::new(format!("{}/k?s=1", server.base));
    let error = client(&server.base).send(&url, payload(3, &[b"abc"], false)).await.unwrap_err();
    assert!(matches!(error.kind, RemoteErrorKind::Nonsense(_)));
}

#[tokio::test]
async fn what_one_upload_cannot_carry_is_refused_before_anything_is_sent() {
    let server = Server::start(|_| Act::json("{}")).await;
    let side = client(&server.base);
    let content = NewContent { filename: "big.tif".into(), size: (5 << 30) + 1, marker: "m".into() };
    let session = UploadSession { id: 1, guid: "g".into() };
    assert!(side.prepare_asset(&session, &content).await.unwrap_err().to_string().contains("at most"));
    assert!(side.prepare_version(&1.into(), &content).await.is_err());
    assert_eq!(side.requests(), 0);
}

#[tokio::test]
async fn a_session_that_feeds_another_folder_is_refused() {
    let server = Server::start(|_| Act::json(r#"{"id":1,"guid":"g","contribution":{"storage_folder_id":6}}"#)).await;
    let side = client(&server.base);
    assert!(side.open_session(&6.into(), None).await.is_ok());
    assert!(matches!(side.open_session(&5.into(), None).await.unwrap_err().kind, RemoteErrorKind::Refused { .. }));
}

#[tokio::test]
async fn endless_answers_end() {
    let server = Server::start(|_| Act::Endless { headers: vec![] }).await;
    let settings = || Settings { max_answer_bytes: 1 << 20, max_id_list_bytes: 2 << 20, ..settings(&server.base) };
    let side = Mediagraph::new(settings()).unwrap();
    assert!(matches!(side.folders().await.unwrap_err().kind, RemoteErrorKind::Nonsense(_)));
    assert!(matches!(side.hints().await.unwrap_err().kind, RemoteErrorKind::Nonsense(_)));
}

#[tokio::test]
async fn an_answer_is_measured_unpacked() {
    // A list of 300,000 spaces, packed into 329 bytes.
    let zeros = "A".repeat(384);
    let packed = format!("H4sIAAAAAAACA+3BAQ0AAAwCoCrv5d6/hj0ckAMA{}gCFfwdv76eKTBAA=", &zeros);
    let body = data_encoding::BASE64.decode(packed.as_bytes()).unwrap();
    let server = Server::start(move |_| {
        let headers = vec![("Content-Encoding".into(), "gzip".into())];
        Act::Reply { status: 200, headers, body: body.clone() }
    })
    .await;
    let tight = Mediagraph::new(Settings { max_answer_bytes: 100_000, ..settings(&server.base) }).unwrap();
    let error = tight.folders().await.unwrap_err();
    assert!(error.to_string().contains("more than 100000 bytes"), "{error}");
    assert!(client(&server.base).folders().await.unwrap().is_empty());
}

#[tokio::test]
async fn no_error_and_no_debug_shows_a_secret() {
    let server = Server::start(|_| Act::status(422, r#"{"errors":["token s3cr3t-token is odd"]}"#)).await;
    let side = client(&server.base);
    let error = side.folders().await.unwrap_err();
    assert_eq!(error.to_string(), "list the storage folders: the server refuses it (422): token … is odd");
    let gone = client("http://127.0.0.1:9");
    let refused = gone.send(&SignedUrl::new("http://127.0.0.1:9/k?sig=hush".into()), payload(0, &[], false)).await;
    let text = format!("{refused:?} {:?} {:?} {:?}", side, settings(&server.base), gone.identity().await);
    assert!(!text.contains("hush") && !text.contains("s3cr3t"), "{text}");
}

#[tokio::test]
async fn a_wait_that_is_too_long_ends_the_call_and_holds_back_the_others() {
    let server = Server::start(|_| Act::status(429, "{}").with("Retry-After", "4000")).await;
    let side = client(&server.base);
    for _ in 0..2 {
        let error = side.trash_count().await.unwrap_err();
        assert_eq!(error.advice(), Advice::Later);
        assert!(
            matches!(error.kind, RemoteErrorKind::Busy { status: 429, retry_after: Some(wait) } if wait.as_secs() > 3900)
        );
    }
    assert_eq!(side.requests(), 1, "the second call knew already");
}

#[tokio::test]
async fn moving_needs_the_assets_own_word() {
    let server = Server::start(|req| match req.path.as_str() {
        "/api/bulk_jobs" => Act::json(r#"{"guid":"j","aasm_state":"pending"}"#),
        "/api/bulk_jobs/j" => Act::json(r#"{"guid":"j","aasm_state":"done","error_message":"not yours"}"#),
        _ => Act::json(r#"{"id":1,"guid":"g","filename":"f","storage_folder":{"id":4}}"#),
    })
    .await;
    let side = client(&server.base);
    side.move_to(&1.into(), &4.into()).await.unwrap();
    let error = side.move_to(&1.into(), &5.into()).await.unwrap_err();
    assert!(error.to_string().contains("not yours"), "{error}");
}

#[tokio::test]
async fn our_pending_asset_is_found_by_its_marker() {
    let server = Server::start(|req| {
        let second = serde_json::from_slice::<serde_json::Value>(&req.body).unwrap()["page"] == 2;
        let mark = |id: u32| if second && id == 1 { "ours" } else { "other" };
        let assets: Vec<_> = (1..=if second { 2 } else { 100 })
            .map(|id| {
                format!(
                    r#"{{"id":{id},"guid":"g{id}","filename":"f","created_via_id":"{}","aasm_state":"pending"}}"#,
                    mark(id)
                )
            })
            .collect();
        Act::json(format!(r#"{{"total_entries":102,"assets":[{}]}}"#, assets.join(",")))
    })
    .await;
    let found = client(&server.base).pending(&UploadSession { id: 1, guid: "u".into() }, "ours").await.unwrap();
    assert_eq!(found.len(), 1);
}
