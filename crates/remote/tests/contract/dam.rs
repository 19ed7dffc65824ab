//! The DAM that the suite asks: a sandbox served in this process, or the real service.

use bytes::Bytes;
use damsync_model::content::Md5;
use damsync_model::id::AssetId;
use damsync_model::tree::RemoteAsset;
use damsync_ports::{Answer, Download, NewContent, Payload, RemoteFolder, RemoteSide};
use damsync_remote::{Auth, Mediagraph, Settings};
use damsync_sandbox::{Options, Running, serve};
use futures_util::StreamExt;
use md5::Digest;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A DAM, the client under test, and a way to look at its raw answers.
pub struct Dam {
    pub side: Mediagraph,
    /// Whether unfinished business ends within moments, and habits and faults can be set.
    pub sandbox: Option<Sandbox>,
    base: String,
    token: String,
    organization: u64,
    http: reqwest::Client,
    patience: Duration,
    /// Every asset that was made, for lists may hide some.
    made: Mutex<Vec<AssetId>>,
}

pub struct Sandbox {
    running: Running,
    _data: tempfile::TempDir,
}

/// How the client is set up against `base`.
pub fn settings(base: &str, auth: Auth, delay: Duration) -> Settings {
    Settings { retry_base_delay: delay, ..Settings::new(base, auth) }
}

fn plain_http() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

impl Dam {
    /// A sandbox with these habits and a few folders in it.
    pub async fn play(habits: Value) -> Self {
        let data = tempfile::tempdir().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let running = serve(Options { data: data.path().to_owned(), listen, seed: 11 }).await.unwrap();
        let (base, token) = (running.base_url.clone(), running.token.clone());
        let organization = u64::try_from(running.organization_id).unwrap();
        let sandbox = Some(Sandbox { running, _data: data });
        let dam = Self::at(base, token, organization, Duration::from_millis(5), Duration::from_secs(20), sandbox);
        for path in ["Elsewhere/Deep", "Other", "Third"] {
            dam.admin("folders", json!({ "path": path })).await;
        }
        dam.admin("assets", json!({ "path": "Other", "filename": "already here.txt", "text": "x" })).await;
        dam.admin("habits", habits).await;
        dam
    }

    /// The real service, where the environment names it.
    pub fn real() -> Option<Self> {
        let get = |name: &str| std::env::var(format!("DAMSYNC_CONTRACT_{name}")).ok().filter(|text| !text.is_empty());
        let (base, token, organization) = (get("BASE_URL")?, get("TOKEN")?, get("ORGANIZATION")?);
        let organization = organization.parse().expect("DAMSYNC_CONTRACT_ORGANIZATION is a number");
        Some(Self::at(base, token, organization, Duration::from_millis(500), Duration::from_secs(600), None))
    }

    fn at(
        base: String,
        token: String,
        organization: u64,
        delay: Duration,
        patience: Duration,
        sandbox: Option<Sandbox>,
    ) -> Self {
        let auth = Auth::Personal { token: token.clone().into(), organization_id: organization };
        let side = Mediagraph::new(settings(&base, auth, delay)).unwrap();
        Self { side, sandbox, base, token, organization, http: plain_http(), patience, made: Mutex::default() }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// A client of another user of the same organization.
    pub fn client_of(&self, token: &str) -> Mediagraph {
        let auth = Auth::Personal { token: token.into(), organization_id: self.organization };
        Mediagraph::new(settings(&self.base, auth, Duration::from_millis(5))).unwrap()
    }

    /// An answer as it comes; nothing is made of it.
    pub async fn raw(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let request = self
            .http
            .request(method, format!("{}/api/{path}", self.base))
            .basic_auth("", Some(&self.token))
            .header("OrganizationId", self.organization);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        read(path, request).await
    }

    /// The sandbox's own API.
    pub async fn admin(&self, path: &str, body: Value) -> Value {
        assert!(self.sandbox.is_some(), "only a sandbox can be told {path}");
        read(path, self.http.post(format!("{}/admin/{path}", self.base)).json(&body)).await
    }

    /// Everything in the sandbox, as its operator sees it.
    pub async fn tree(&self) -> Value {
        read("tree", self.http.get(format!("{}/admin/tree", self.base))).await
    }

    /// Every request that reached the sandbox.
    pub async fn requests(&self) -> Vec<Value> {
        let asked = self.http.get(format!("{}/admin/requests", self.base));
        read("requests", asked).await.as_array().cloned().unwrap_or_default()
    }

    /// Asks until there is an answer; what takes too long is an error.
    pub async fn until<T>(&self, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        let mut wait = Duration::from_millis(if self.sandbox.is_some() { 5 } else { 500 });
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(begun.elapsed() < self.patience, "in vain: {what}");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(self.patience / 40);
        }
    }

    /// An asset by the database's word.
    pub async fn details(&self, asset: &RemoteAsset) -> RemoteAsset {
        match self.side.asset(&asset.id).await.unwrap() {
            Answer::Found(found) => found,
            other => panic!("{}: {other:?}", asset.filename),
        }
    }

    /// Remembers an asset, so that it goes away at the end.
    pub fn made(&self, id: &AssetId) {
        self.made.lock().unwrap().push(id.clone());
    }

    /// Takes away every asset that was made.
    pub async fn trash_what_was_made(&self) {
        let made = std::mem::take(&mut *self.made.lock().unwrap());
        for id in made {
            self.side.trash(&id).await.unwrap();
        }
    }

    /// Prepares, sends and finishes; returns the asset as it was prepared.
    pub async fn upload(&self, folder: &RemoteFolder, filename: &str, bytes: &[u8]) -> RemoteAsset {
        let side = &self.side;
        let session = side.open_session(&folder.id, folder.contribution).await.unwrap();
        let content = new_content(filename, bytes, &session.guid);
        let prepared = side.prepare_asset(&session, &content).await.unwrap();
        let asset = prepared.asset.expect("a new asset is described");
        self.made(&asset.id);
        side.send(&prepared.url, payload(bytes)).await.unwrap();
        let told = side.finish_asset(&asset.guid).await.unwrap();
        assert!(told.is_none_or(|told| told.id == asset.id && told.guid == asset.guid));
        side.close_session(&session).await.unwrap();
        asset
    }

    pub async fn shutdown(self) {
        if let Some(sandbox) = self.sandbox {
            sandbox.running.shutdown().await.unwrap();
        }
    }
}

async fn read(path: &str, request: reqwest::RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    assert!(status.is_success(), "{path}: {status}: {text}");
    if status == StatusCode::NO_CONTENT || text.is_empty() {
        return Value::Null;
    }
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
}

pub fn md5(bytes: &[u8]) -> Md5 {
    Md5(md5::Md5::digest(bytes).into())
}

/// Bytes on their way up, in pieces.
pub fn payload(bytes: &[u8]) -> Payload {
    let pieces: Vec<_> = bytes.chunks(64 << 10).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Payload { size: bytes.len() as u64, md5: md5(bytes), body: Box::pin(futures_util::stream::iter(pieces)) }
}

pub fn new_content(filename: &str, bytes: &[u8], marker: &str) -> NewContent {
    NewContent { filename: filename.into(), size: bytes.len() as u64, marker: format!("contract-{marker}") }
}

/// Bytes that look like nothing, the same for the same seed.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// A body as far as it comes, and how it ended.
pub async fn collect(download: Download) -> (Vec<u8>, std::io::Result<()>) {
    let mut body = download.body;
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => return (bytes, Err(error)),
        }
    }
    (bytes, Ok(()))
}

/// A body that must come whole.
pub async fn whole(download: Download) -> Vec<u8> {
    let (bytes, end) = collect(download).await;
    end.unwrap();
    bytes
}
