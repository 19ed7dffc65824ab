//! Content comes down, into a partial that is verified. How it gets its name: `placing`.

use crate::crash::CrashPoint;
use crate::execute::Task;
use crate::hooks::Step;
use crate::observe::Said;
use crate::pass::{Pass, PassError};
use crate::report::HeldItem;
use crate::rounds::Done;
use damsync_model::content::{Claimed, Content, Likeness};
use damsync_model::id::MirrorId;
use damsync_model::mutation::Mutation;
use damsync_model::path::MirrorPath;
use damsync_model::plan::{Action, HoldReason};
use damsync_model::tree::{Remote, RemoteFile};
use damsync_ports::{Answer, ByteStream, LocalError, LocalSide, PartialKey, RemoteError, RemoteErrorKind, RemoteSide};
use damsync_store::{AssetRow, Presence, StoreError, Tx};
use futures_util::StreamExt;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Attempts at one body that bring nothing new before it counts as failed.
const ATTEMPTS: u32 = 5;

/// First pause between attempts; doubled each time.
const PAUSE: Duration = Duration::from_millis(250);

/// Ends a body with an error once it is longer than this.
fn at_most(body: ByteStream, most: u64) -> ByteStream {
    Box::pin(body.scan(Some(most), |left, piece| {
        let passed = match (*left, piece) {
            // The error was the end.
            (None, _) => None,
            (Some(room), Ok(bytes)) => {
                *left = u64::try_from(bytes.len()).ok().and_then(|length| room.checked_sub(length));
                Some(if left.is_some() { Ok(bytes) } else { Err(TOO_LONG.into()) })
            }
            (Some(_), broken) => Some(broken),
        };
        std::future::ready(passed)
    }))
}

/// The kind of the error of [`at_most`]; no connection errs like this.
const TOO_LONG: std::io::ErrorKind = std::io::ErrorKind::FileTooLarge;

fn is_too_long(error: &std::io::Error) -> bool {
    error.kind() == TOO_LONG
}

/// How a body ended.
enum Body {
    Whole(Content),
    /// There was more of it than the server tells of, or than there is room for.
    TooLong,
}

/// A body that arrived whole and verified.
pub(crate) struct Received {
    pub row: AssetRow,
    pub partial: PartialKey,
    pub content: Content,
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Brings an asset's bytes into a verified partial. `None`: the world had changed, decide again.
    pub(crate) async fn receive(&self, task: &Task<'_>) -> Result<Option<Received>, PassError> {
        self.check_stop()?;
        let (Action::Download { asset, size, .. }
        | Action::KeepBoth { asset, size, .. }
        | Action::Learn { asset, size }) = &task.planned.action
        else {
            return Ok(None);
        };
        let row = self.asset_row(asset).await?.filter(|row| is_where_decided(task, row));
        let Some(row) = row else { return Ok(None) };
        self.leave_space(size.unwrap_or(0), &task.path).await?;
        let path = task.path.to_string();
        self.step(Step::TransferStarted { path: path.clone(), direction: "pull", bytes: *size });
        let result = self.fetch_body(&row, &task.path).await;
        self.step(Step::TransferEnded { path });
        let (partial, body) = result?;
        self.reach(CrashPoint::Received)?;
        let is_told = |content: &Content| row.asset.claimed.likeness(content) != Likeness::Different;
        let sent = match body {
            Body::Whole(content) if is_told(&content) || Mutation::BodyUnverified.is_on() => {
                return Ok(Some(Received { row, partial, content }));
            }
            Body::Whole(content) => format!("{} bytes, MD5 {}", content.size, content.md5),
            Body::TooLong => "more".to_owned(),
        };
        self.engine.disk.discard_partial(&partial).await?;
        self.doubt(&row, &sent).await
    }

    /// The bytes are not those that the server tells of. If it tells otherwise now, the world has changed.
    async fn doubt(&self, row: &AssetRow, sent: &str) -> Result<Option<Received>, PassError> {
        if let Answer::Found(asset) = self.engine.remote.asset(&row.asset.id).await? {
            let same = asset.claimed == row.asset.claimed && asset.version == row.asset.version;
            self.observe(vec![asset], Said::ByDatabase).await?;
            if !same {
                return Ok(None);
            }
        }
        let Claimed { size, md5 } = row.asset.claimed;
        let told = format!(
            "{} bytes, MD5 {}",
            size.map_or_else(|| "?".to_owned(), |size| size.to_string()),
            md5.map_or_else(|| "?".to_owned(), |md5| md5.to_string())
        );
        Err(LocalError::Mismatch {
            path: row.asset.filename.clone(),
            what: format!("the server tells of {told}, and sent {sent}"),
        }
        .into())
    }

    /// Pulls stop before the disk is fuller than the user wants.
    async fn leave_space(&self, bytes: u64, path: &MirrorPath) -> Result<(), PassError> {
        let full = self.disk_full.load(Ordering::Relaxed);
        if full || self.engine.disk.free_bytes().await?.saturating_sub(bytes) < self.engine.spec.min_free_bytes {
            return Err(LocalError::Full { path: format!("{path} (min_free would not be left)") }.into());
        }
        Ok(())
    }

    /// Whether a round's downloads may begin: there is room at all, and on a first pull for all of them.
    pub(crate) async fn has_room(&self, pulls: u64, bytes: u64) -> Result<bool, PassError> {
        if pulls == 0 || !self.has_root {
            return Ok(true);
        }
        let (mirror, least) = (self.mirror, self.engine.spec.min_free_bytes);
        let free = self.engine.disk.free_bytes().await?;
        let is_first = !self.engine.keeper.read(move |tx| tx.tracks_anything(mirror)).await?;
        let wanted = if is_first { bytes } else { 0 };
        if free.saturating_sub(wanted) >= least {
            return Ok(true);
        }
        let mib = |bytes: u64| bytes >> 20;
        let what = if is_first { format!("{} MiB are to come, ", mib(bytes)) } else { String::new() };
        self.hold_for_space(
            Some(pulls),
            format!("{what}{} MiB are free, and min_free wants {} MiB left", mib(free), mib(least)),
        );
        Ok(false)
    }

    /// Nothing more is brought here in this pass; the report says so once.
    pub(crate) fn hold_for_space(&self, count: Option<u64>, detail: String) {
        self.disk_full.store(true, Ordering::Relaxed);
        let mut report = self.report();
        if !report.held.iter().any(|held| held.reason == HoldReason::DiskFull) {
            report.held.push(HeldItem { count, ..HeldItem::mirror(HoldReason::DiskFull, detail) });
        }
    }

    /// Takes a body in, in several attempts where it must be. It is never longer than the server tells of, and where it
    /// tells nothing, than leaves `min_free`: a body without an end must not fill the disk.
    async fn fetch_body(&self, row: &AssetRow, path: &MirrorPath) -> Result<(PartialKey, Body), PassError> {
        let asset = &row.asset;
        let version = match asset.version {
            _ if Mutation::PartialOfAnyVersion.is_on() => "any".to_owned(),
            Some(number) => number.to_string(),
            None => format!("t{}", asset.updated_at.0),
        };
        let partial = PartialKey { asset: asset.id.clone(), version };
        let (mut pause, mut idle) = (PAUSE, 0);
        let mut have = self.engine.disk.partial_len(&partial).await?;
        let most = match asset.claimed.size {
            Some(size) => size,
            None => {
                let free = self.engine.disk.free_bytes().await?;
                have.saturating_add(free.saturating_sub(self.engine.spec.min_free_bytes))
            }
        };
        if have > most {
            self.engine.disk.discard_partial(&partial).await?;
            have = 0;
        }
        let mut began_anew = false;
        loop {
            self.check_stop()?;
            if have > 0 && asset.claimed.size == Some(have) {
                match self.engine.disk.partial_content(&partial).await? {
                    Some(content) if asset.claimed.likeness(&content) != Likeness::Different => {
                        return Ok((partial, Body::Whole(content)));
                    }
                    // Once, because what was kept from before may be wrong; the server's own bytes are not to be had anew
                    // for ever.
                    Some(content) if began_anew => return Ok((partial, Body::Whole(content))),
                    _ => {
                        self.engine.disk.discard_partial(&partial).await?;
                        (have, began_anew) = (0, true);
                    }
                }
            }
            let error: PassError = match self.engine.remote.download(&asset.id, asset.version, have).await {
                Ok(download) => {
                    let from = download.from;
                    let room = most.saturating_sub(from);
                    if download.remaining.is_some_and(|remaining| remaining > room) {
                        return Ok((partial, Body::TooLong));
                    }
                    let body = self.watched(path, at_most(download.body, room));
                    match self.engine.disk.receive(&partial, from, body).await {
                        Ok(content) => {
                            self.report().bytes_down += content.size.saturating_sub(from);
                            return Ok((partial, Body::Whole(content)));
                        }
                        Err(LocalError::BrokeOff { received, cause }) if is_too_long(&cause) => {
                            self.report().bytes_down += received.saturating_sub(from);
                            return Ok((partial, Body::TooLong));
                        }
                        Err(LocalError::BrokeOff { received, cause }) => {
                            self.report().bytes_down += received.saturating_sub(from);
                            if received > have {
                                (idle, pause) = (0, PAUSE);
                            }
                            have = received;
                            LocalError::BrokeOff { received, cause }.into()
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
                Err(
                    error @ RemoteError {
                        kind: RemoteErrorKind::Busy { .. } | RemoteErrorKind::NoAnswer(_) | RemoteErrorKind::Nonsense(_),
                        ..
                    },
                ) => error.into(),
                Err(error) => return Err(error.into()),
            };
            idle += 1;
            if idle >= ATTEMPTS {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// Reads an asset to learn what the server does not tell; the partial stays for the download that may follow.
    pub(crate) async fn learn(&self, task: &Task<'_>) -> Result<Done, PassError> {
        let Some(received) = self.receive(task).await? else { return Ok(Done::DecideAgain) };
        let (mirror, row) = (self.mirror, received.as_learned());
        self.engine
            .keeper
            .write(move |tx| {
                // Where it has changed since, what told of that has marked it.
                if keep_learned(tx, mirror, &row)? { tx.mark_asset(mirror, &row.asset.id) } else { Ok(()) }
            })
            .await?;
        Ok(Done::Yes)
    }
}

impl Received {
    /// The asset's row with what the server does not tell.
    fn as_learned(&self) -> AssetRow {
        let mut row = self.row.clone();
        row.asset.claimed = Claimed { size: Some(self.content.size), md5: Some(self.content.md5) };
        row.learned = true;
        row
    }
}

/// Writes down what an asset holds; `false` if it has changed since.
fn keep_learned(tx: &Tx<'_>, mirror: MirrorId, learned: &AssetRow) -> Result<bool, StoreError> {
    let Some(mut row) = tx.asset(mirror, &learned.asset.id)? else { return Ok(false) };
    let unchanged = row.asset.version == learned.asset.version && row.asset.updated_at == learned.asset.updated_at;
    if unchanged {
        row.asset.claimed = learned.asset.claimed;
        row.learned = true;
        tx.put_asset(mirror, &row)?;
    }
    Ok(unchanged)
}

/// Whether an asset is still where it was when that was decided: another task of this pass may have learned more of it since.
fn is_where_decided(task: &Task<'_>, row: &AssetRow) -> bool {
    let Remote::Live(RemoteFile { place, .. }) = &task.one.entity.remote else { return false };
    (row.presence, row.folder, row.given_name.as_str()) == (Presence::Live, Some(place.folder), place.name.as_str())
}
