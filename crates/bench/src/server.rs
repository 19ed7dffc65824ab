//! The stand-in server, as a process of its own, and our hand on it.

use crate::Broken;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    client: reqwest::Client,
    /// Where it listens.
    pub base_url: String,
    /// Its owner's token.
    pub token: String,
    /// Its organization.
    pub organization: i64,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; its data is thrown away either way.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts an empty one.
    pub fn start(program: &Path, data: &Path) -> Result<Self, Broken> {
        let mut process = Command::new(program)
            .arg("sandbox")
            .arg("--data")
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().ok_or("the sandbox has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line)?;
        let text = |key: &str| ready[key].as_str().map(str::to_owned).ok_or("the sandbox's first line is incomplete");
        Ok(Self {
            process,
            client: reqwest::Client::builder().no_proxy().build()?,
            base_url: text("base_url")?,
            token: text("token")?,
            organization: ready["organization_id"].as_i64().ok_or("the sandbox has no organization")?,
        })
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, Broken> {
        let answer = self.client.post(format!("{}{path}", self.base_url)).json(body).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    async fn get(&self, path: &str) -> Result<Value, Broken> {
        let answer = self.client.get(format!("{}{path}", self.base_url)).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// Makes assets with contents of their own.
    pub async fn fill(&self, path: &str, folders: u32, each: u32, bytes: u64) -> Result<(), Broken> {
        let fill = json!({"folders": folders, "assets_per_folder": each, "size": bytes, "path": path});
        self.post("/admin/bulk", &fill).await?;
        Ok(())
    }

    /// Makes an empty folder.
    pub async fn folder(&self, path: &str) -> Result<(), Broken> {
        self.post("/admin/folders", &json!({ "path": path })).await?;
        Ok(())
    }

    /// Gives every asset a name, by its number in the list.
    pub async fn rename(&self, name: impl Fn(usize) -> Option<String>) -> Result<(), Broken> {
        let tree = self.get("/admin/tree").await?;
        let assets = tree["assets"].as_array().ok_or("no assets")?;
        for (number, asset) in assets.iter().enumerate() {
            if let Some(name) = name(number) {
                self.post(&format!("/admin/assets/{}", asset["id"]), &json!({ "filename": name })).await?;
            }
        }
        Ok(())
    }

    /// Lets time pass there.
    pub async fn pass_time(&self, milliseconds: u64) -> Result<(), Broken> {
        self.post("/admin/clock", &json!({ "advance_ms": milliseconds })).await?;
        Ok(())
    }

    /// Forgets the requests so far.
    pub async fn forget_requests(&self) -> Result<(), Broken> {
        self.client.delete(format!("{}/admin/requests", self.base_url)).send().await?.error_for_status()?;
        Ok(())
    }

    /// Requests since then, ours not counted.
    pub async fn requests(&self) -> Result<usize, Broken> {
        let entries = self.get("/admin/requests").await?;
        let entries = entries.as_array().ok_or("no log")?;
        let ours = |entry: &&Value| entry["path"].as_str().is_some_and(|path| path.starts_with("/admin"));
        Ok(entries.len() - entries.iter().filter(ours).count())
    }
}
