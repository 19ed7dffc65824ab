//! What is in sync and what is not, in the contract's shape (`status --json`).

use crate::config::StorageFolder;
use damsync_model::plan::HoldReason;
use damsync_reconciler::report::{AwaitingItem, HeldItem};
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// The whole answer.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Of this shape; moves when a name changes its meaning.
    pub schema: u32,
    /// The daemon.
    pub daemon: Daemon,
    /// Every mirror of the configuration.
    pub mirrors: Vec<MirrorStatus>,
}

impl Status {
    /// With this version's schema number.
    pub const fn new(daemon: Daemon, mirrors: Vec<MirrorStatus>) -> Self {
        Self { schema: 1, daemon, mirrors }
    }
}

/// Whether a daemon works on this state directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Daemon {
    /// One does.
    pub running: bool,
    /// Its process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// What a mirror is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "what only a daemon can tell; it has no voice of its own yet")]
pub enum State {
    /// Nothing to do, or nobody to do it.
    #[default]
    Idle,
    /// Looking at both sides.
    Scanning,
    /// Changing one of them.
    Syncing,
    /// A guard stopped it.
    Held,
    /// The server cannot be reached.
    Offline,
    /// The user stopped it.
    Paused,
}

/// What is known to be left to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pending {
    /// Files to send.
    pub push: u64,
    /// Assets to fetch.
    pub pull: u64,
    /// Deletions, on either side.
    pub delete: u64,
}

/// Which way a transfer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "what only a daemon can tell; it has no voice of its own yet")]
pub enum TransferDirection {
    /// To the server.
    Push,
    /// To the disk.
    Pull,
}

/// A transfer under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InFlight {
    /// Below the mirror's root.
    pub path: String,
    /// Which way.
    pub direction: TransferDirection,
    /// Bytes so far.
    pub bytes: u64,
    /// Bytes in all.
    pub total: u64,
}

/// An item that failed and will be tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedStatus {
    /// Below the mirror's root.
    pub path: String,
    /// Why, in one sentence.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried again; `None` when it changes.
    pub next_try: Option<Timestamp>,
}

/// One mirror.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MirrorStatus {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub local: String,
    /// Its storage folder; `None` = everything.
    pub storage_folder: Option<StorageFolder>,
    /// What it is doing.
    pub state: State,
    /// Tracked files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Why the last pass broke off, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What is left to do.
    pub pending: Pending,
    /// Transfers under way.
    pub in_flight: Vec<InFlight>,
    /// Open conflicts.
    pub conflicts: u64,
    /// What failed.
    pub failed: Vec<FailedStatus>,
    /// What is held back.
    pub held: Vec<HeldItem>,
    /// What waits for the server.
    pub awaiting: Vec<AwaitingItem>,
    /// When the last pass ended.
    pub last_reconcile_at: Option<Timestamp>,
    /// When it last changed something.
    pub last_change_at: Option<Timestamp>,
    /// When both sides were last found equal.
    pub last_in_sync_at: Option<Timestamp>,
}

impl MirrorStatus {
    /// Whether nothing is left to do that somebody wants done. An open conflict counts as in sync, and so does what the
    /// user's own `direction` and `delete` hold back.
    pub fn in_sync(&self) -> bool {
        let wanted = |held: &HeldItem| {
            !matches!(
                held.reason,
                HoldReason::Direction | HoldReason::Kept | HoldReason::NotPermitted | HoldReason::NotSupported
            )
        };
        matches!(self.state, State::Idle | State::Scanning | State::Paused)
            && self.last_reconcile_at.is_some()
            && self.error.is_none()
            && self.pending == Pending::default()
            && self.in_flight.is_empty()
            && self.failed.is_empty()
            && !self.held.iter().any(wanted)
    }
}

/// The mirrors that are not in sync, or were not for longer than `tolerated`. One that never was is always among them.
pub fn out_of_sync(status: &Status, now: Timestamp, tolerated: Duration) -> Vec<&str> {
    let too_long = |mirror: &&MirrorStatus| {
        let longest = i128::try_from(tolerated.as_millis()).unwrap_or(i128::MAX);
        !mirror.in_sync()
            && mirror
                .last_in_sync_at
                .is_none_or(|then| i128::from(now.as_millisecond() - then.as_millisecond()) >= longest)
    };
    status.mirrors.iter().filter(too_long).map(|mirror| mirror.name.as_str()).collect()
}

/// How one file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "what only a daemon can tell; it has no voice of its own yet")]
pub enum FileState {
    /// The same on both sides.
    InSync,
    /// Something is left to do.
    Pending,
    /// Being transferred.
    InFlight,
    /// Waits for the server or a person there.
    Awaiting,
    /// An open conflict.
    Conflict,
    /// Held back.
    Held,
    /// Failed.
    Failed,
    /// Left out.
    Skipped,
    /// Not known to any mirror.
    Untracked,
}

/// The answer to `status --path`.
#[derive(Clone, Debug, Serialize)]
pub struct FileStatus {
    /// Of this shape.
    pub schema: u32,
    /// As asked, made absolute.
    pub path: String,
    /// The mirror it lies in.
    pub mirror: Option<String>,
    /// How it stands.
    pub state: FileState,
    /// The asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guid: Option<String>,
    /// More, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(change: impl FnOnce(&mut MirrorStatus)) -> MirrorStatus {
        let at = Timestamp::from_second(1_000_000).ok();
        let mut mirror =
            MirrorStatus { name: "a".into(), last_reconcile_at: at, last_in_sync_at: at, ..MirrorStatus::default() };
        change(&mut mirror);
        mirror
    }

    #[test]
    fn in_sync_is_a_claim_with_evidence() {
        let failed = FailedStatus { path: "a".into(), error: "e".into(), attempts: 1, next_try: None };
        for (mirror, in_sync) in [
            (mirror(|_| {}), true),
            (mirror(|m| m.conflicts = 2), true),
            (mirror(|m| m.held.push(HeldItem::item(HoldReason::Direction, "x"))), true),
            (mirror(|m| m.held.push(HeldItem::item(HoldReason::CheckedOut, "x"))), false),
            (mirror(|m| m.last_reconcile_at = None), false),
            (mirror(|m| m.pending.push = 1), false),
            (mirror(|m| m.error = Some("cut off".into())), false),
            (mirror(|m| m.failed.push(failed)), false),
            (mirror(|m| m.state = State::Offline), false),
            (mirror(|m| m.state = State::Held), false),
        ] {
            assert_eq!(mirror.in_sync(), in_sync, "{mirror:?}");
        }
    }

    #[test]
    fn a_short_while_out_of_sync_can_be_tolerated() {
        let status = Status::new(Daemon::default(), vec![mirror(|m| m.pending.pull = 1)]);
        let after = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        assert_eq!(out_of_sync(&status, after(1), Duration::ZERO), ["a"]);
        assert!(out_of_sync(&status, after(599), Duration::from_secs(600)).is_empty());
        assert_eq!(out_of_sync(&status, after(600), Duration::from_secs(600)), ["a"]);
        let never = Status::new(Daemon::default(), vec![MirrorStatus { name: "b".into(), ..MirrorStatus::default() }]);
        assert_eq!(out_of_sync(&never, after(0), Duration::from_secs(600)), ["b"]);
    }
}
