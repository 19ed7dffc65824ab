//! How a call goes: what the weather does to it, what is sent again, and what is waited for.

use super::answers;
use super::side::WorldRemote;
use crate::weather::{Fault, Turn};
use damsync_model::id::{AssetId, Guid};
use damsync_model::tree::RemoteAsset;
use damsync_ports::{Answer, RemoteError, RemoteErrorKind, RemoteSide as _};
use damsync_sandbox::world::asset::Asset;
use damsync_sandbox::world::job::JobWork;
use damsync_sandbox::world::{AssetKey, Refusal, SearchQuery, World};
use std::sync::atomic::Ordering;

/// How often a job's state is asked for, and how long it takes in between.
const JOB_POLLS: u64 = 60;
const JOB_POLL_MS: u64 = 500;

pub(super) fn no_answer(what: &'static str) -> RemoteError {
    RemoteError { what, kind: RemoteErrorKind::NoAnswer("the connection broke (simulated)".to_owned()) }
}

pub(super) fn may_be_missing<T>(result: Result<T, RemoteError>) -> Result<Answer<T>, RemoteError> {
    match result {
        Ok(found) => Ok(Answer::Found(found)),
        Err(RemoteError { kind: RemoteErrorKind::NotFound, .. }) => Ok(Answer::NotFound),
        Err(RemoteError { kind: RemoteErrorKind::Forbidden(_), .. }) => Ok(Answer::Denied),
        Err(error) => Err(error),
    }
}

/// What may go wrong with any request, …
pub(super) const ASKED: &[Fault] = &[Fault::LostBefore, Fault::Busy, Fault::Forbids, Fault::LostAfter];

/// … with one that may be sent again, …
pub(super) const REPEATED: &[Fault] = &[Fault::LostBefore, Fault::Busy, Fault::Forbids, Fault::LostAfter, Fault::Twice];

/// … and with one that carries a file.
pub(super) const CARRYING: &[Fault] =
    &[Fault::LostBefore, Fault::Busy, Fault::Forbids, Fault::LostAfter, Fault::ANY_BODY];

/// Whether the client may send a request again by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It may.
    Safe,
    /// It must not: that would make something twice.
    Never,
}

impl WorldRemote {
    pub(super) async fn begin(&self, what: &'static str, can: &[Fault]) -> Result<Turn, RemoteError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let turn = self.weather.turn(what, can).await;
        match turn.fault {
            Some(Fault::LostBefore) => Err(no_answer(what)),
            Some(Fault::Forbids) => {
                Err(RemoteError { what, kind: RemoteErrorKind::Forbidden("you may not (simulated)".to_owned()) })
            }
            Some(Fault::Busy) => {
                Err(RemoteError { what, kind: RemoteErrorKind::Busy { status: 503, retry_after: None } })
            }
            _ => Ok(turn),
        }
    }

    pub(super) async fn call<T>(
        &self,
        what: &'static str,
        repeat: Repeat,
        act: impl Fn(&mut World, i64) -> Result<T, Refusal>,
    ) -> Result<T, RemoteError> {
        let can = if repeat == Repeat::Safe { REPEATED } else { ASKED };
        let turn = self.begin(what, can).await?;
        let mut answer = act(&mut self.server().world(), self.stage.time.ms());
        if turn.fault == Some(Fault::Twice) && repeat == Repeat::Safe {
            self.requests.fetch_add(1, Ordering::Relaxed);
            answer = act(&mut self.server().world(), self.stage.time.ms());
        }
        let lost = turn.fault == Some(Fault::LostAfter);
        self.weather.end(turn).await;
        if lost { Err(no_answer(what)) } else { answer.map_err(|refusal| answers::refusal(what, &refusal)) }
    }

    pub(super) async fn by_ids(
        &self,
        what: &'static str,
        ids: &[AssetId],
        sync: bool,
    ) -> Result<Vec<RemoteAsset>, RemoteError> {
        let ids = ids.iter().map(|id| answers::number(what, &id.0)).collect::<Result<Vec<_>, _>>()?;
        let per_page = if sync { ids.len() as u64 } else { 100 };
        let query = SearchQuery { ids: Some(ids), page: 1, per_page, sync, ..SearchQuery::default() };
        self.call(what, Repeat::Safe, |world, now| {
            let page = world.search(self.user, &query, now)?;
            Ok(self.listed(world, &page.assets))
        })
        .await
    }

    pub(super) async fn finish(
        &self,
        what: &'static str,
        guid: &Guid,
        keep: bool,
    ) -> Result<Option<RemoteAsset>, RemoteError> {
        self.call(what, Repeat::Safe, |world, now| {
            let head = |asset: &Asset| asset.head_version().and_then(|version| self.server().hash(version));
            let before = world.any_asset(AssetKey::Guid(&guid.0)).and_then(|asset| head(asset));
            let asset = world.set_uploaded(self.user, AssetKey::Guid(&guid.0), keep, now)?;
            let mut ledger = self.stage.ledger();
            before.into_iter().chain(head(&asset)).for_each(|content| ledger.head(asset.id, content));
            ledger.sent_head(self.weather.daemon(), asset.id);
            if ledger.was_moved_out(asset.id) {
                // That goes for what is pushed to it as well.
                let pushed = self.server().contents_of(&asset);
                pushed.into_iter().for_each(|content| ledger.delete(content));
            }
            drop(ledger);
            Ok(Some(self.alone(world, &asset)))
        })
        .await
    }

    /// Runs a background job and waits until the asset shows it.
    pub(super) async fn job(
        &self,
        what: &'static str,
        id: &AssetId,
        work: JobWork,
        wished: impl Fn(&RemoteAsset) -> bool,
    ) -> Result<(), RemoteError> {
        let number = answers::number(what, &id.0)?;
        let job =
            self.call(what, Repeat::Never, |world, now| world.create_job(self.user, work, &[number], now)).await?;
        let mut finished = job.finished;
        for _ in 0..JOB_POLLS {
            if finished {
                break;
            }
            self.stage.time.pass(JOB_POLL_MS).await;
            finished =
                self.call(what, Repeat::Safe, |world, now| Ok(world.job(self.user, &job.guid, now)?.finished)).await?;
        }
        match self.asset(id).await? {
            Answer::Found(asset) if wished(&asset) => Ok(()),
            Answer::NotFound => Err(RemoteError { what, kind: RemoteErrorKind::NotFound }),
            Answer::Denied => Err(RemoteError { what, kind: RemoteErrorKind::Forbidden(String::new()) }),
            Answer::Found(_) => {
                let message = "the server's job ended without effect".to_owned();
                Err(RemoteError { what, kind: RemoteErrorKind::Refused { status: 200, message } })
            }
        }
    }
}
