//! The demo's hand on the stand-in server: what it holds, and putting things in. Not how damsync speaks to a server.

use super::samples::Sample;
use super::{DemoError, FOLDER};
use damsync_sandbox::Running;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// Everything on the server.
#[derive(Debug, Deserialize)]
pub struct Tree {
    /// Storage folders.
    pub folders: Vec<Folder>,
    /// Assets, trashed ones too.
    pub assets: Vec<Asset>,
}

/// A storage folder.
#[derive(Debug, Deserialize)]
pub struct Folder {
    /// Names from the top down, joined by `/`.
    pub path: String,
}

/// An asset.
#[derive(Debug, Deserialize)]
pub struct Asset {
    /// Its number.
    pub id: i64,
    /// Names from the top down, its own included, joined by `/`.
    pub path: String,
    /// Its identity.
    pub guid: String,
    /// Its own name.
    pub filename: String,
    /// Bytes of its newest version.
    pub size: Option<u64>,
    /// How far it has come.
    pub state: String,
    /// In the trash.
    pub trashed: bool,
}

impl Asset {
    /// Alive, with bytes.
    pub fn visible(&self) -> bool {
        !self.trashed && self.state != "pending"
    }
}

/// The stand-in server.
#[derive(Clone, Debug)]
pub struct Server {
    client: reqwest::Client,
    base_url: String,
}

impl Server {
    /// The one that is running.
    pub fn of(running: &Running) -> Result<Self, DemoError> {
        // Never through a proxy: it is this very process.
        let client = reqwest::Client::builder().no_proxy().build().map_err(DemoError::Ask)?;
        Ok(Self { client, base_url: running.base_url.clone() })
    }

    /// Everything it holds.
    pub async fn tree(&self) -> Result<Tree, DemoError> {
        let answer = self.client.get(format!("{}/admin/tree", self.base_url)).send().await.map_err(DemoError::Ask)?;
        answer.error_for_status().map_err(DemoError::Ask)?.json().await.map_err(DemoError::Ask)
    }

    /// Puts the samples in that are missing.
    pub async fn fill(&self, samples: &[Sample]) -> Result<(), DemoError> {
        let mut there: BTreeMap<String, usize> = BTreeMap::new();
        for asset in self.tree().await?.assets {
            *there.entry(asset.path).or_default() += 1;
        }
        // The mirrored folder is there even without samples.
        self.post("/admin/folders", &json!({ "path": FOLDER })).await?;
        for sample in samples {
            let folder =
                if sample.folder.is_empty() { FOLDER.to_owned() } else { format!("{FOLDER}/{}", sample.folder) };
            if let Some(count) = there.get_mut(&format!("{folder}/{}", sample.name)).filter(|count| **count > 0) {
                *count -= 1;
                continue;
            }
            let content = data_encoding::BASE64.encode(&sample.bytes);
            self.post("/admin/assets", &json!({ "path": folder, "filename": sample.name, "content_base64": content }))
                .await?;
        }
        Ok(())
    }

    async fn post(&self, path: &str, body: &serde_json::Value) -> Result<(), DemoError> {
        let answer =
            self.client.post(format!("{}{path}", self.base_url)).json(body).send().await.map_err(DemoError::Ask)?;
        answer.error_for_status().map(|_| ()).map_err(DemoError::Ask)
    }
}
