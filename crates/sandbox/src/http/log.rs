//! Every request that came, for tests that count and look. Signatures are left out.

use std::collections::VecDeque;

use serde::Serialize;

use crate::world::Host;

/// So many are kept.
const KEPT: usize = 200_000;

/// One request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) at_ms: i64,
    pub(crate) host: Host,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// The status answered; 0 when the connection was dropped.
    pub(crate) status: u16,
    pub(crate) user_agent: Option<String>,
    pub(crate) range: Option<String>,
    /// Whether credentials came with it.
    pub(crate) authorization: bool,
    pub(crate) request_bytes: Option<u64>,
    /// Which fault was played.
    pub(crate) fault: Option<String>,
}

/// The newest requests, oldest first.
#[derive(Debug, Default)]
pub(crate) struct RequestLog(VecDeque<Entry>);

impl RequestLog {
    pub(crate) fn add(&mut self, entry: Entry) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// A query without what makes a signed URL good.
pub(crate) fn without_signature(query: &str) -> String {
    let shown = query.split('&').filter(|pair| !pair.to_ascii_lowercase().starts_with("x-amz-"));
    shown.collect::<Vec<_>>().join("&")
}
