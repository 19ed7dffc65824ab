//! What every request needs: the world, the contents, the addresses, the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusty_s3::actions::S3Action;
use tokio::sync::watch;

use super::clock::Clock;
use super::contents::Contents;
use super::log::RequestLog;
use crate::world::upload::UploadTicket;
use crate::world::{Snapshot, World};

/// A download that was redirected: which bytes its address stands for.
#[derive(Clone, Debug)]
pub(crate) struct Redirected {
    pub(crate) asset_id: i64,
    pub(crate) version: i64,
    pub(crate) skip_meta: bool,
}

/// See the module.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) world: Mutex<World>,
    pub(crate) contents: Contents,
    pub(crate) log: Mutex<RequestLog>,
    pub(crate) snapshot: Mutex<Option<Snapshot>>,
    pub(crate) redirected: Mutex<BTreeMap<String, Redirected>>,
    pub(crate) base_url: String,
    pub(crate) storage_url: String,
    pub(crate) bucket: rusty_s3::Bucket,
    pub(crate) credentials: rusty_s3::Credentials,
    pub(crate) stopping: watch::Receiver<bool>,
}

/// A lock that a panicking request left behind is still good: the world changes in whole steps.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// The world's time.
    pub(crate) fn now(&self) -> i64 {
        self.world().clock(self.clock.ms())
    }

    /// The signed URL for a ticket. It is signed with the machine's time, because the storage library checks against
    /// that; the world's own clock is checked when the PUT arrives.
    pub(crate) fn signed_url(&self, ticket: &UploadTicket, expires_s: u32) -> String {
        let action = rusty_s3::actions::PutObject::new(&self.bucket, Some(&self.credentials), &ticket.key);
        action.sign(Duration::from_secs(u64::from(expires_s))).to_string()
    }

    /// Waits until the sandbox stops.
    pub(crate) async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // The sender is gone only when the sandbox is.
        let _ = stopping.wait_for(|stop| *stop).await;
    }
}
