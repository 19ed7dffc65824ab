//! A sandbox process, and both of its doors: the operator's and a user's.

use crate::http::{self, Answer};
use crate::remote::{Asset, Remote, Requests};
use crate::{binary, until};
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use tempfile::TempDir;

/// A server of one test. It ends with the value, unless it was told to end before.
#[derive(Debug)]
pub struct Sandbox {
    process: Mutex<Option<Child>>,
    dir: TempDir,
    seed: &'static str,
    /// Where the API is.
    pub base_url: String,
    /// The owner's personal token.
    pub token: String,
    /// The organization's number.
    pub organization_id: i64,
}

impl Sandbox {
    /// Starts an empty one. All of them have the same ids, so that a test runs the same way each time.
    pub fn start() -> Self {
        Self::seeded("7")
    }

    /// Starts an empty one of another organization.
    pub fn another() -> Self {
        Self::seeded("8")
    }

    fn seeded(seed: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut sandbox = Self {
            process: Mutex::default(),
            dir,
            seed,
            base_url: String::new(),
            token: String::new(),
            organization_id: 0,
        };
        let ready = sandbox.spawn("127.0.0.1:0");
        sandbox.base_url = ready["base_url"].as_str().unwrap().to_owned();
        sandbox.token = ready["token"].as_str().unwrap().to_owned();
        sandbox.organization_id = ready["organization_id"].as_i64().unwrap();
        sandbox
    }

    fn stderr(&self) -> PathBuf {
        self.dir.path().join("stderr")
    }

    fn spawn(&self, listen: &str) -> Value {
        let stderr = std::fs::OpenOptions::new().create(true).append(true).open(self.stderr()).unwrap();
        let mut command = Command::new(binary());
        command.arg("sandbox").arg("--data").arg(self.dir.path().join("data")).args(["--listen", listen]);
        command.args(["--seed", self.seed]).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        *self.process.lock().unwrap() = Some(process);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the sandbox said {line:?}: {error}"))
    }

    /// Ends it; its data stays. It is asked to end, not killed: it writes what happened in its last moments down.
    pub fn stop(&self) {
        let process = self.process.lock().unwrap().take();
        if let Some(mut process) = process {
            rustix::process::kill_process(rustix::process::Pid::from_child(&process), rustix::process::Signal::TERM)
                .unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts it again, at the same address with the same data.
    pub fn start_again(&self) {
        let listen = self.base_url.trim_start_matches("http://").to_owned();
        self.spawn(&listen);
    }

    fn headers(&self) -> [(&'static str, String); 2] {
        let credentials = BASE64.encode(format!(":{}", self.token).as_bytes());
        [("Authorization", format!("Basic {credentials}")), ("OrganizationId", self.organization_id.to_string())]
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let headers: &[(&str, String)] = if path.starts_with("/api/") { &self.headers() } else { &[] };
        http::call(&self.base_url, method, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path} at the sandbox: {error}"))
    }

    /// A request as the operator (`/admin/…`) or as the owner (`/api/…`); any status but 2xx fails the test.
    pub fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.call(method, path, (!body.is_null()).then_some(body));
        let text = String::from_utf8_lossy(&answer.body);
        assert!((200..300).contains(&answer.status), "{method} {path} {body}: {} {text}", answer.status);
        answer.json()
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Value {
        self.request("GET", path, &Value::Null)
    }

    /// `POST`.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.request("POST", path, body)
    }

    /// Sets habits; the others stay.
    pub fn habits(&self, habits: &Value) {
        self.post("/admin/habits", habits);
    }

    /// Adds a fault.
    pub fn fault(&self, fault: &Value) {
        self.post("/admin/faults", fault);
    }

    /// Forgets all faults.
    pub fn no_faults(&self) {
        self.request("DELETE", "/admin/faults", &Value::Null);
    }

    /// Makes a folder, and those above it, from names joined by `/`; answers its number.
    pub fn folder(&self, path: &str) -> i64 {
        self.post("/admin/folders", &json!({ "path": path }))["id"].as_i64().unwrap()
    }

    /// Changes fields of a folder.
    pub fn patch_folder(&self, id: i64, fields: &Value) {
        self.post(&format!("/admin/folders/{id}"), fields);
    }

    /// Deletes a folder, as a user does.
    pub fn delete_folder(&self, id: i64) {
        self.request("DELETE", &format!("/api/storage_folders/{id}"), &Value::Null);
    }

    /// Makes an asset from a path of folder names and a file name.
    pub fn asset(&self, path: &str, bytes: impl AsRef<[u8]>) -> Asset {
        let (folder, filename) = path.rsplit_once('/').unwrap();
        let content = BASE64.encode(bytes.as_ref());
        let made = json!({ "path": folder, "filename": filename, "content_base64": content });
        Asset(self.post("/admin/assets", &made))
    }

    /// Gives an asset a new version.
    pub fn version(&self, asset: &Asset, bytes: impl AsRef<[u8]>) -> Asset {
        let content = json!({ "content_base64": BASE64.encode(bytes.as_ref()) });
        Asset(self.post(&format!("/admin/assets/{}/version", asset.guid()), &content))
    }

    /// Changes fields of an asset.
    pub fn patch(&self, asset: &Asset, fields: &Value) -> Asset {
        Asset(self.post(&format!("/admin/assets/{}", asset.guid()), fields))
    }

    /// Puts an asset into the trash, as a user does.
    pub fn trash(&self, asset: &Asset) {
        self.request("DELETE", &format!("/api/assets/{}", asset.id()), &Value::Null);
    }

    /// An asset as it is now.
    pub fn now(&self, asset: &Asset) -> Asset {
        Asset(self.get(&format!("/admin/assets/{}", asset.guid())))
    }

    /// Everything there.
    pub fn tree(&self) -> Remote {
        Remote::read(&self.get("/admin/tree"))
    }

    /// Waits until everything that was sent is processed.
    pub fn processed(&self) -> Remote {
        until("processed assets", || {
            let tree = self.tree();
            let working =
                tree.assets.iter().any(|asset| asset.alive() && matches!(asset.state(), "uploaded" | "processing"));
            (!working).then_some(tree)
        })
    }

    /// Moves the server's clock forward.
    pub fn advance(&self, ms: i64) {
        self.post("/admin/clock", &json!({ "advance_ms": ms }));
    }

    /// The requests since the start, or since they were forgotten.
    pub fn requests(&self) -> Requests {
        Requests::read(&self.get("/admin/requests"))
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.request("DELETE", "/admin/requests", &Value::Null);
    }

    /// Where its files are.
    pub fn data(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(process) = self.process.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner) {
            // Nobody needs its data any more; that it has ended already is fine.
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- the sandbox wrote:\n{}", std::fs::read_to_string(self.stderr()).unwrap_or_default());
        }
    }
}
