//! A served sandbox and a client that speaks to it as the contract says.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use std::net::SocketAddr;
use std::path::Path;

use damsync_sandbox::{Options, Running, serve};
use reqwest::{Method, Response};
use serde_json::{Value, json};

pub struct Dam {
    pub running: Running,
    pub client: reqwest::Client,
}

pub async fn start(data: &Path) -> Dam {
    let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let running = serve(Options { data: data.to_path_buf(), listen, seed: 7 }).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    Dam { running, client }
}

impl Dam {
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.running.base_url));
        request
            .basic_auth("", Some(&self.running.token))
            .header("OrganizationId", self.running.organization_id.to_string())
    }

    pub async fn get(&self, path: &str) -> Value {
        answer(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub async fn status(&self, path: &str) -> u16 {
        self.request(Method::GET, path).send().await.unwrap().status().as_u16()
    }

    pub async fn send(&self, method: Method, path: &str, body: Value) -> Value {
        answer(self.request(method, path).json(&body).send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.send(Method::POST, path, body).await
    }

    pub async fn folder(&self, path: &str) -> Value {
        self.post("/admin/folders", json!({ "path": path })).await
    }

    pub async fn habits(&self, habits: Value) {
        self.post("/admin/habits", habits).await;
    }

    /// Starts a session and prepares an asset in it.
    pub async fn prepare(&self, contribution: &Value, filename: &str, size: usize) -> (Value, Value) {
        let upload = self.post(&format!("/api/contributions/{contribution}/uploads"), json!({})).await;
        let guid = upload["guid"].as_str().unwrap();
        let asset = json!({ "asset": { "filename": filename, "file_size": size, "created_via": "test" } });
        let asset = self.post(&format!("/api/uploads/{guid}/assets"), asset).await;
        (upload, asset)
    }

    pub async fn put(&self, url: &Value, bytes: &[u8]) -> Response {
        self.client.put(url.as_str().unwrap()).body(bytes.to_vec()).send().await.unwrap()
    }

    /// The whole way up, until the asset is processed.
    pub async fn upload(&self, contribution: &Value, filename: &str, bytes: &[u8]) -> Value {
        let (upload, asset) = self.prepare(contribution, filename, bytes.len()).await;
        assert_eq!(self.put(&asset["signed_upload_url"], bytes).await.status(), 200);
        self.get(&format!("/api/assets/{}/set_uploaded", asset["guid"].as_str().unwrap())).await;
        self.send(Method::PUT, &format!("/api/uploads/{}/set_done", upload["id"]), json!({})).await;
        self.settle().await;
        self.get(&format!("/api/assets/{}", asset["id"])).await
    }

    /// Moves the clock until nothing is waiting.
    pub async fn settle(&self) {
        self.post("/admin/clock", json!({ "advance_ms": 60_000 })).await;
    }
}

pub async fn answer(response: Response) -> Value {
    let status = response.status();
    let text = response.text().await.unwrap();
    assert!(status.is_success(), "{status}: {text}");
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
}

pub async fn bytes(response: Response) -> Vec<u8> {
    response.bytes().await.unwrap().to_vec()
}
