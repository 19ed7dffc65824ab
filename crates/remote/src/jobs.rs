//! Background jobs: moving and restoring.
//!
//! - A job has ended when its state is neither `pending` nor `processing`, whatever it is called, or when it is gone.
//! - What the job says of itself is not the proof: the asset is asked, a few times, because it may follow a little later.

use crate::Mediagraph;
use crate::answer::{json, nonsense};
use crate::folders::number;
use crate::http::Ask;
use crate::shapes::Object;
use crate::wire::WireJob;
use damsync_model::id::{AssetId, StorageFolderId};
use damsync_model::tree::RemoteAsset;
use damsync_ports::{Answer, RemoteError, RemoteErrorKind};
use serde_json::{Value, json};
use std::time::Duration;

/// How often a job's state is asked for.
const MOST_POLLS: u32 = 60;

/// How often the asset is asked after the job has ended.
const MOST_LOOKS: u32 = 5;

/// Longest wait between two polls, in base delays.
const LONGEST_POLL_IN_BASE_DELAYS: u32 = 20;

impl Mediagraph {
    pub(crate) async fn bring_back(&self, id: &AssetId) -> Result<(), RemoteError> {
        const WHAT: &str = "restore an asset";
        let body = json!({ "bulk_job": { "asset_ids": [number(WHAT, &id.0)?], "restore_all": true } });
        let end = self.run_job(WHAT, body).await?;
        self.until(WHAT, id, &end, |asset| asset.trashed_at.is_none()).await
    }

    pub(crate) async fn take_to(&self, id: &AssetId, folder: &StorageFolderId) -> Result<(), RemoteError> {
        const WHAT: &str = "move an asset";
        let body = json!({ "bulk_job": {
            "asset_ids": [number(WHAT, &id.0)?],
            "add_asset_group_id": number(WHAT, &folder.0)?,
            "add_asset_group_type": "StorageFolder",
        }});
        let end = self.run_job(WHAT, body).await?;
        self.until(WHAT, id, &end, |asset| asset.storage_folder.as_ref() == Some(folder)).await
    }

    pub(crate) fn poll_delay(&self, nth: u32) -> Duration {
        (self.http.base_delay * 2_u32.saturating_pow(nth.min(10)))
            .min(self.http.base_delay * LONGEST_POLL_IN_BASE_DELAYS)
    }

    /// Starts a job and waits for its end; returns what it said at the end.
    pub(crate) async fn run_job(&self, what: &'static str, body: Value) -> Result<JobEnd, RemoteError> {
        let Object(started): Object<WireJob> =
            json(what, &self.http.send(Ask::make(what, &["api", "bulk_jobs"], body)).await?)?;
        let id = started.guid.name().or_else(|| started.id.name());
        let id = id.ok_or_else(|| nonsense(what, "a job without an id"))?;
        let mut job = started;
        for nth in 0..MOST_POLLS {
            match job.aasm_state.word() {
                Some("pending" | "processing") => {}
                // A job that does not tell its state cannot be waited for; the asset tells.
                state => {
                    return Ok(JobEnd { state: state.unwrap_or("untold").to_owned(), words: job_words(&job) });
                }
            }
            tokio::time::sleep(self.poll_delay(nth)).await;
            job = match self.http.send(Ask::get(what, &["api", "bulk_jobs", &id])).await {
                Ok(reply) => json::<Object<WireJob>>(what, &reply)?.0,
                Err(RemoteError { kind: RemoteErrorKind::NotFound, .. }) => {
                    return Ok(JobEnd { state: "gone".into(), words: String::new() });
                }
                Err(error) => return Err(error),
            };
        }
        Err(RemoteError { what, kind: RemoteErrorKind::NoAnswer("the server's job has not ended yet".into()) })
    }

    /// Asks the asset until it is as wished.
    async fn until(
        &self,
        what: &'static str,
        id: &AssetId,
        end: &JobEnd,
        wished: impl Fn(&RemoteAsset) -> bool + Send + Sync,
    ) -> Result<(), RemoteError> {
        let mut missing = None;
        for nth in 0..MOST_LOOKS {
            missing = match self.details(id).await.map_err(|error| RemoteError { what, ..error })? {
                Answer::Found(asset) if wished(&asset) => return Ok(()),
                Answer::Found(_) => None,
                Answer::NotFound => Some(RemoteErrorKind::NotFound),
                Answer::Denied => Some(RemoteErrorKind::Forbidden(String::new())),
            };
            tokio::time::sleep(self.poll_delay(nth)).await;
        }
        let kind = missing.unwrap_or_else(|| {
            let words = crate::words::presentable(&end.words, &self.http.auth.secrets());
            let message =
                format!("the server's job ended ({}) without effect {words}", end.state).trim_end().to_owned();
            RemoteErrorKind::Refused { status: 200, message }
        });
        Err(RemoteError { what, kind })
    }
}

/// How a job ended.
pub(crate) struct JobEnd {
    pub(crate) state: String,
    words: String,
}

fn job_words(job: &WireJob) -> String {
    [&job.error_message, &job.error].iter().filter_map(|field| field.word()).collect::<Vec<_>>().join("; ")
}
