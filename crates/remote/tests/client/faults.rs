//! The client's table: every call of the port × every fault, each with what must come of it.
//!
//! A cell is `outcome/requests`: what the caller is told, and how often the faulted request was sent. For what makes
//! something new, that second number is the law: it is never sent again after an effect that nobody knows.
use crate::scripted::{Act, Req, Server};
use bytes::Bytes;
use damsync_model::content::Md5;
use damsync_model::id::Guid;
use damsync_model::time::UnixMs;
use damsync_ports::{
    Answer, NewContent, Payload, RemoteError, RemoteErrorKind, RemoteSide, Scope, SignedUrl, UploadSession,
};
use damsync_remote::{Auth, Mediagraph, Settings};
use futures_util::StreamExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const CONTENT: &[u8] = b"the bytes of a picture";
/// MD5 of [`CONTENT`] is never looked at here: the scripted storage sends no tag.
const MD5: Md5 = Md5([7; 16]);

/// The faults, in the order of the table's columns.
const FAULTS: [&str; 16] = [
    "401", "403", "404", "409", "422", "429s", "429d", "500", "503*", "html", "half", "before", "after", "stall",
    "cut", "redirect",
];

/// A star behind a fault: it lasts. Without one it strikes once. Statuses below 429, and wrong contents, last always.
const TABLE: &str = "
call             401    403    404    409    422    429s  429d  500    503*   html   half   before  after   stall   cut     redirect
identity         unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
folders          unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
folder           unauth/1 denied/1 notfound/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
make_folder      unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 busy500/1 busy503/1 nonsense/1 nonsense/1 noanswer/1 noanswer/1 noanswer/1 noanswer/1 nonsense/1
change_folder    unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
remove_folder    unauth/1 forbidden/1 ok/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
folder_asset_ids unauth/1 denied/1 notfound/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
hints            unauth/1 forbidden/2 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
changed_since    unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
count_between    unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
all_ids          unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
assets           unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
asset            unauth/1 denied/1 notfound/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
acknowledge      unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
trash_count      unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
download         unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 bytes/1 bytes/1 ok/2 ok/2 ok/2 body/1 body/1
download:storage refused401/1 expired/1 refused404/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 bytes/1 bytes/1 ok/2 ok/2 ok/2 body/1 nonsense/5
open_session     unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 busy500/1 busy503/1 nonsense/1 nonsense/1 noanswer/1 noanswer/1 noanswer/1 noanswer/1 nonsense/1
close_session    unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
prepare_asset    unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 busy500/1 busy503/1 nonsense/1 nonsense/1 noanswer/1 noanswer/1 noanswer/1 noanswer/1 nonsense/1
pending          unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
prepare_version  unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 busy500/1 busy503/1 nonsense/1 nonsense/1 noanswer/1 noanswer/1 noanswer/1 noanswer/1 nonsense/1
send             unauth/1 expired/1 missing/1 refused409/1 refused422/1 busy429/1 busy429/1 busy500/1 busy503/1 nonsense/1 ok/1 noanswer/1 noanswer/1 noanswer/1 ok/1 nonsense/1
finish_asset     unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
finish_version   unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
trash            unauth/1 forbidden/1 ok/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
restore          unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 busy500/1 busy503/1 nonsense/1 nonsense/1 noanswer/1 noanswer/1 noanswer/1 noanswer/1 nonsense/1
restore:poll     unauth/1 forbidden/1 ok/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
restore:look     unauth/1 forbidden/5 missing/5 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
rename           unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
move_to          unauth/1 forbidden/1 missing/1 refused409/1 refused422/1 ok/2 ok/2 busy500/1 busy503/1 nonsense/1 nonsense/1 noanswer/1 noanswer/1 noanswer/1 noanswer/1 nonsense/1
move_to:poll     unauth/1 forbidden/1 ok/1 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
move_to:look     unauth/1 forbidden/5 missing/5 refused409/1 refused422/1 ok/2 ok/2 ok/2 busy503/5 nonsense/1 nonsense/1 ok/2 ok/2 ok/2 ok/2 nonsense/1
";

/// Every call of the port that sends something; each must have a row.
const CALLS: [&str; 28] = [
    "identity",
    "folders",
    "folder",
    "make_folder",
    "change_folder",
    "remove_folder",
    "folder_asset_ids",
    "hints",
    "changed_since",
    "count_between",
    "all_ids",
    "assets",
    "asset",
    "acknowledge",
    "trash_count",
    "download",
    "open_session",
    "close_session",
    "prepare_asset",
    "pending",
    "prepare_version",
    "send",
    "finish_asset",
    "finish_version",
    "trash",
    "restore",
    "rename",
    "move_to",
];

const ASSET: &str = r#"{"id":11,"guid":"aaaa-1","filename":"a.jpg","aasm_state":"processed","created_via_id":"mark",
"updated_at":"2026-01-06T09:00:00.000Z","storage_folder":{"id":5},"signed_upload_url":"https://store.example/k?X-Amz-Signature=s"}"#;
const FOLDER: &str = r#"{"id":5,"name":"Trips","path_slugs":["trips"],"parent_id":null,"ancestor_ids":[]}"#;

/// What a healthy server answers.
fn healthy(req: &Req, storage: &str) -> Act {
    let page = format!(r#"{{"total_entries":1,"assets":[{ASSET}]}}"#);
    let path: Vec<&str> = req.path.trim_start_matches('/').split('/').skip(1).collect();
    match (req.method.as_str(), path.as_slice()) {
        ("GET", ["whoami"]) => Act::json(r#"{"id":3,"name":"somebody"}"#),
        ("GET", ["storage_folders"]) => Act::json(format!("[{FOLDER}]")),
        ("POST", ["storage_folders"]) | ("GET" | "PUT", ["storage_folders", _]) => Act::json(FOLDER),
        ("DELETE", ["storage_folders", _] | ["assets", _]) => Act::json(""),
        ("GET", ["storage_folders", _, "asset_ids"]) | ("GET", ["assets", "updated_since_last_sync"]) => {
            Act::json("[11]")
        }
        ("POST", ["assets", "search"]) if req.text().contains("all_ids") => Act::json("[11]"),
        ("POST", ["assets", "search"]) => Act::json(page),
        ("GET", ["assets", "trashed"]) => Act::json(r#"{"count":4}"#),
        ("GET", ["assets", _, "download"]) if storage.is_empty() => bytes(),
        ("GET", ["assets", _, "download"]) => {
            Act::Reply { status: 302, headers: vec![("Location".into(), format!("{storage}/k?sig=1"))], body: vec![] }
        }
        ("GET", ["assets", _, "set_uploaded"]) | ("GET" | "PUT", ["assets", _]) => Act::json(ASSET),
        ("POST", ["contributions", _, "uploads"]) => Act::json(r#"{"id":21,"guid":"bbbb"}"#),
        ("PUT", ["uploads", _, "set_done"]) => Act::json(r#"{"id":21,"done":true}"#),
        ("POST", ["uploads", _, "assets"]) => Act::json(ASSET),
        ("POST", ["assets", _, "add_version"]) => Act::json(r#"{"signed_upload_url":"https://store.example/k?s=1"}"#),
        ("POST", ["bulk_jobs"]) => Act::json(r#"{"guid":"cccc","aasm_state":"pending"}"#),
        ("GET", ["bulk_jobs", _]) => Act::json(r#"{"guid":"cccc","aasm_state":"whatever"}"#),
        ("PUT" | "GET", []) => bytes(),
        _ => panic!("nobody should ask {} {}", req.method, req.path),
    }
}

fn bytes() -> Act {
    Act::Reply { status: 200, headers: vec![("Content-Type".into(), "image/jpeg".into())], body: CONTENT.to_vec() }
}

/// Whether a row's fault strikes this request.
fn is_struck(row: &str, req: &Req, at_storage: bool) -> bool {
    let path = req.path.as_str();
    match row {
        "send" | "download:storage" => at_storage,
        _ if at_storage => false,
        "restore" | "move_to" => req.method == "POST" && path.ends_with("/bulk_jobs"),
        "restore:poll" | "move_to:poll" => req.method == "GET" && path.contains("/bulk_jobs/"),
        "restore:look" | "move_to:look" => req.method == "GET" && path.contains("/assets/"),
        "all_ids" => req.text().contains("all_ids"),
        "folders" => req.query.is_empty(),
        _ => true,
    }
}

/// What a fault does to a request, in place of the healthy answer.
fn fault(name: &str, good: Act, elsewhere: &str) -> Act {
    let words = r#"{"error":"the reason"}"#;
    match name {
        "429s" => Act::status(429, words).with("Retry-After", "1"),
        "429d" => Act::status(429, words).with("Retry-After", "Tue, 06 Jan 2026 10:00:01 GMT"),
        "html" => Act::json("<!doctype html><p>Back soon</p>").with("Content-Type", "text/html"),
        "half" => Act::json(r#"{"id":11,"guid":"aa"#),
        "before" | "after" => Act::Break,
        "stall" => Act::Stall,
        "cut" => match good {
            Act::Reply { headers, body, .. } => {
                // An empty answer cannot be cut: then a promised one is.
                let body = if body.is_empty() { b"{}".to_vec() } else { body };
                Act::Cut { headers, body }
            }
            other => other,
        },
        "redirect" => Act::status(302, "").with("Location", elsewhere),
        status => Act::status(status.trim_end_matches('*').parse().unwrap(), words),
    }
}

fn lasts(name: &str) -> bool {
    !matches!(name, "429s" | "429d" | "500" | "before" | "after" | "stall" | "cut")
}

fn word<T>(result: Result<T, RemoteError>) -> String {
    match result.map_err(|error| error.kind) {
        Ok(_) => "ok".into(),
        Err(RemoteErrorKind::Unauthorized) => "unauth".into(),
        Err(RemoteErrorKind::Forbidden(_)) => "forbidden".into(),
        Err(RemoteErrorKind::NotFound) => "missing".into(),
        Err(RemoteErrorKind::Refused { status, .. }) => format!("refused{status}"),
        Err(RemoteErrorKind::Expired) => "expired".into(),
        Err(RemoteErrorKind::Busy { status, .. }) => format!("busy{status}"),
        Err(RemoteErrorKind::NoAnswer(_)) => "noanswer".into(),
        Err(RemoteErrorKind::Nonsense(_)) => "nonsense".into(),
        Err(RemoteErrorKind::Incomplete(_)) => "incomplete".into(),
        Err(RemoteErrorKind::Body(_)) => "ours".into(),
        Err(RemoteErrorKind::Unsupported) => "unsupported".into(),
    }
}

fn word_of_answer<T>(result: Result<Answer<T>, RemoteError>) -> String {
    match result {
        Ok(Answer::Found(_)) => "ok".into(),
        Ok(Answer::NotFound) => "notfound".into(),
        Ok(Answer::Denied) => "denied".into(),
        Err(error) => word::<()>(Err(error)),
    }
}

fn payload() -> Payload {
    let chunks = CONTENT.chunks(5).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect::<Vec<_>>();
    Payload { size: CONTENT.len() as u64, md5: MD5, body: Box::pin(futures_util::stream::iter(chunks)) }
}

/// The one place that touches the port.
async fn perform(side: &Mediagraph, row: &str, storage: &str) -> String {
    let (asset, folder, guid) = (11.into(), 5.into(), Guid("aaaa-1".into()));
    let session = UploadSession { id: 21, guid: "bbbb".into() };
    let content = NewContent { filename: "a.jpg".into(), size: 22, marker: "mark".into() };
    let scope = Scope::Below(5.into());
    let from = UnixMs(1_767_000_000_000);
    match row.split(':').next().unwrap() {
        "identity" => word(side.identity().await),
        "folders" => word(side.folders().await),
        "folder" => word_of_answer(side.folder(&folder).await),
        "make_folder" => word(side.make_folder(None, "Trips").await),
        "change_folder" => word(side.change_folder(&folder, None, "Trips").await),
        "remove_folder" => word(side.remove_folder(&folder).await),
        "folder_asset_ids" => word_of_answer(side.folder_asset_ids(&folder).await),
        "hints" => word(side.hints().await),
        "changed_since" => word(side.changed_since(&scope, from, 100).await),
        "count_between" => word(side.count_between(&scope, from, from).await),
        "all_ids" => word(side.all_ids(&scope, Some(from)).await),
        "assets" => word(side.assets(&[asset]).await),
        "asset" => word_of_answer(side.asset(&asset).await),
        "acknowledge" => word(side.acknowledge(&[asset]).await),
        "trash_count" => word(side.trash_count().await),
        "download" => match side.download(&asset, Some(1), 0).await {
            Err(error) => word::<()>(Err(error)),
            Ok(mut download) => {
                let mut all = Vec::new();
                while let Some(chunk) = download.body.next().await {
                    match chunk {
                        Ok(chunk) => all.extend_from_slice(&chunk),
                        Err(_) => return "body".into(),
                    }
                }
                if all == CONTENT { "ok".into() } else { "bytes".into() }
            }
        },
        "open_session" => word(side.open_session(&folder, Some(9)).await),
        "close_session" => word(side.close_session(&session).await),
        "prepare_asset" => word(side.prepare_asset(&session, &content).await),
        "pending" => word(side.pending(&session, "mark").await),
        "prepare_version" => word(side.prepare_version(&asset, &content).await),
        "send" => word(side.send(&SignedUrl::new(format!("{storage}/?X-Amz-Signature=s3cr3t")), payload()).await),
        "finish_asset" => word(side.finish_asset(&guid).await),
        "finish_version" => word(side.finish_version(&guid).await),
        "trash" => word(side.trash(&asset).await),
        "restore" => word(side.restore(&asset).await),
        "rename" => word(side.rename(&asset, "b.jpg").await),
        "move_to" => word(side.move_to(&asset, &folder).await),
        other => panic!("no such call: {other}"),
    }
}

/// Plays one cell; returns what came of it.
async fn play(row: &'static str, name: &'static str) -> String {
    let struck = Arc::new(AtomicU32::new(0));
    // Another host, to which a redirect leads; it must never see our credentials.
    let elsewhere = Server::start_at("127.0.0.2", |_| Act::Cut { headers: vec![], body: CONTENT.to_vec() }).await;
    let strike = |at_storage: bool, storage: String| {
        let (struck, elsewhere) = (Arc::clone(&struck), elsewhere.base.clone());
        move |req: &Req| {
            let good = healthy(req, &storage);
            if !is_struck(row, req, at_storage) {
                return good;
            }
            let nth = struck.fetch_add(1, Ordering::SeqCst);
            let there = if at_storage { format!("{storage}{}", req.path) } else { elsewhere.clone() };
            if nth == 0 || lasts(name) { fault(name, good, &there) } else { good }
        }
    };
    let storage = Server::start_at("127.0.0.3", strike(true, String::new())).await;
    let redirects = if row == "download:storage" { storage.base.clone() } else { String::new() };
    let api = Server::start(strike(false, redirects)).await;
    let side = Mediagraph::new(Settings {
        retry_base_delay: Duration::from_millis(2),
        idle_timeout: if name == "stall" { Duration::from_millis(800) } else { Duration::from_secs(10) },
        ..Settings::new(&api.base, Auth::Personal { token: "s3cr3t-token".into(), organization_id: 42 })
    })
    .unwrap();
    let outcome = perform(&side, row, &storage.base).await;
    let all = [api.seen(), storage.seen(), elsewhere.seen()];
    assert_eq!(side.requests(), all.iter().map(Vec::len).sum::<usize>() as u64, "{row} × {name}: requests are counted");
    for req in api.seen() {
        assert!(req.header("authorization").is_some_and(|value| value.starts_with("Basic ")), "{row} × {name}");
        assert_eq!(req.header("organizationid"), Some("42"), "{row} × {name}");
    }
    for req in storage.seen().iter().chain(&elsewhere.seen()) {
        assert_eq!(req.header("authorization"), None, "{row} × {name}: credentials went abroad");
        assert_eq!(req.header("organizationid"), None, "{row} × {name}");
    }
    format!("{outcome}/{}", struck.load(Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_meets_every_fault() {
    let mut lines = TABLE.lines().filter(|line| !line.trim().is_empty());
    let heading: Vec<&str> = lines.next().unwrap().split_whitespace().skip(1).collect();
    assert_eq!(heading, FAULTS);
    let mut cells = Vec::new();
    let mut rows = Vec::new();
    for line in lines {
        let mut words = line.split_whitespace();
        let row = words.next().unwrap();
        let expected: Vec<&str> = words.collect();
        assert_eq!(expected.len(), FAULTS.len(), "{row} has an empty cell");
        rows.push(row);
        cells.extend(FAULTS.iter().zip(expected).map(|(&fault, expected)| (row, fault, expected)));
    }
    for call in CALLS {
        assert!(rows.contains(&call), "{call} has no row");
    }
    // Where a short patience decides, the computer must not be busy with other cells.
    let (patient, impatient): (Vec<_>, Vec<_>) = cells.into_iter().partition(|(_, fault, _)| *fault != "stall");
    let mut wrong: Vec<String> = Vec::new();
    for (cells, at_once) in [(patient, 24), (impatient, 10)] {
        let played = futures_util::stream::iter(cells).map(|(row, fault, expected)| async move {
            let found = play(row, fault).await;
            (found != expected).then(|| format!("{row} × {fault}: {found}, expected {expected}"))
        });
        wrong.extend(played.buffer_unordered(at_once).filter_map(|wrong| async { wrong }).collect::<Vec<_>>().await);
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
