//! Carrying out: each action checks what it expects, acts, and records in one transaction what both sides agree on now.

use crate::guard::is_pull;
use crate::hooks::Step;
use crate::naming::is_left_by_another;
use crate::pass::{Pass, PassError, ends_pass};
use crate::rounds::{Decided, Done};
use damsync_model::content::Content;
use damsync_model::id::{AssetId, FolderId, MirrorId};
use damsync_model::name::{NameKey, OURS};
use damsync_model::path::MirrorPath;
use damsync_model::plan::{Action, Decision, ExpectLocal, PlanLine, Planned};
use damsync_model::tree::{Base, Entity, Local, LocalFile, Place, Remote, RemoteFile};
use damsync_ports::{Advice, LocalError, LocalSide, RemoteSide};
use damsync_store::{AssetRow, BaseRow, Event, StoreError, Tx};
use futures_util::future::{Either, Fuse, FusedFuture, select};
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use std::pin::pin;
use std::sync::atomic::Ordering;

/// Placements that share one durable group.
const GROUP: usize = 64;

/// An action on its way: what was decided and what it was decided upon.
pub(crate) struct Task<'a> {
    pub one: &'a Decided,
    pub planned: &'a Planned,
    pub path: MirrorPath,
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Carries out a batch; `true` if anything was brought on.
    pub(crate) async fn carry_out(&self, batch: Vec<Decided>) -> Result<bool, PassError> {
        let tasks: Vec<Task<'_>> = batch.iter().filter_map(|one| self.task(one)).collect();
        let (recorded, acted): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|task| {
            matches!(task.planned.action, Action::Adopt { .. } | Action::Refresh { .. } | Action::Forget { .. })
        });
        let (downloads, others): (Vec<_>, Vec<_>) = acted
            .into_iter()
            .partition(|task| matches!(task.planned.action, Action::Download { .. } | Action::KeepBoth { .. }));
        let mut progress = self.record(&recorded).await?;
        if !self.acts() {
            progress |= self.pretend(&others).await?;
            progress |= self.pretend(&downloads).await?;
            return Ok(progress);
        }
        let width = self.engine.spec.concurrency.max(1);

        let mut results = futures_util::stream::iter(&others)
            .map(|task| async move {
                self.begun(task.planned, &task.path);
                (task, self.act(task).await)
            })
            .buffer_unordered(width);
        while let Some((task, result)) = results.next().await {
            progress |= self.conclude_task(task, result).await?;
        }
        drop(results);

        let (downloads, renamed) = self.with_free_places(downloads).await?;
        progress |= renamed | self.pull(&downloads, width).await?;
        Ok(progress)
    }

    /// Without those new files whose names are other agreed files' still, also where they are written otherwise: what was
    /// agreed on about those would be written over. They come in a later round, once those have moved away, or get other
    /// names; whether any did.
    async fn with_free_places<'t>(&self, downloads: Vec<Task<'t>>) -> Result<(Vec<Task<'t>>, bool), PassError> {
        let wanted = downloads.iter().map(|task| match &task.planned.action {
            Action::Download { asset, place, expect: ExpectLocal::Nothing, .. } => {
                Some((asset.clone(), place.folder, self.key(place)))
            }
            _ => None,
        });
        let (mirror, wanted) = (self.mirror, wanted.collect::<Vec<_>>());
        let left = self.engine.keeper.read(move |tx| {
            let left = |wanted: Option<(AssetId, FolderId, NameKey)>| {
                let Some((asset, folder, key)) = wanted else { return Ok(None) };
                let left = is_left_by_another(tx, mirror, &asset, folder, &key)?;
                Ok(left.map(|is_left| (asset, is_left)))
            };
            wanted.into_iter().map(left).collect::<Result<Vec<_>, StoreError>>()
        });
        let (mut free, mut renamed) = (Vec::with_capacity(downloads.len()), false);
        for (task, left) in downloads.into_iter().zip(left.await?) {
            match left {
                None => free.push(task),
                Some((_, true)) => {}
                Some((asset, false)) => {
                    self.name_again(&asset).await?;
                    renamed = true;
                }
            }
        }
        Ok((free, renamed))
    }

    /// Downloads: while one group is put into place and made durable, others arrive and become the next group.
    async fn pull(&self, downloads: &[Task<'_>], width: usize) -> Result<bool, PassError> {
        let mut progress = false;
        let mut arriving = futures_util::stream::iter(downloads)
            .map(|task| async move {
                self.begun(task.planned, &task.path);
                (task, self.receive(task).await)
            })
            .buffer_unordered(width)
            .fuse();
        let mut placing = pin!(Fuse::terminated());
        let mut ready = Vec::new();
        loop {
            if placing.is_terminated() && !ready.is_empty() {
                placing.set(self.place(std::mem::take(&mut ready)).fuse());
            }
            if placing.is_terminated() && arriving.is_done() {
                return Ok(progress);
            }
            let room = ready.len() < GROUP && !arriving.is_done();
            let arrival = async { if room { arriving.next().await } else { std::future::pending().await } };
            let concluded = match select(pin!(arrival), placing.as_mut()).await {
                Either::Left((None, _)) => continue,
                Either::Left((Some((task, Ok(Some(received)))), _)) => {
                    ready.push((task, received));
                    continue;
                }
                Either::Left((Some((task, Ok(None))), _)) => self.conclude_task(task, Ok(Done::DecideAgain)).await,
                Either::Left((Some((task, Err(error))), _)) => self.conclude_task(task, Err(error)).await,
                Either::Right((placed, _)) => self.conclude_tasks(placed?).await,
            };
            match concluded {
                Ok(brought_on) => progress |= brought_on,
                Err(error @ PassError::Crashed(_)) => return Err(error),
                // What is being placed is brought to its end, so that it is recorded.
                Err(error) => {
                    if !placing.is_terminated() {
                        self.conclude_tasks(placing.await?).await?;
                    }
                    return Err(error);
                }
            }
        }
    }

    async fn conclude_tasks(&self, results: Vec<(&Task<'_>, Result<Done, PassError>)>) -> Result<bool, PassError> {
        let mut progress = false;
        for (task, result) in results {
            progress |= self.conclude_task(task, result).await?;
        }
        Ok(progress)
    }

    fn task<'a>(&self, one: &'a Decided) -> Option<Task<'a>> {
        let Decision::Act(planned) = &one.decision else { return None };
        let path = one.path.clone().or_else(|| match planned.action.subject() {
            damsync_model::plan::Subject::File(place) => self.folders().path_of(place),
            _ => None,
        });
        Some(Task { one, planned, path: path.unwrap_or_default() })
    }

    async fn act(&self, task: &Task<'_>) -> Result<Done, PassError> {
        self.check_stop()?;
        match &task.planned.action {
            Action::Upload { .. } => self.upload(task).await,
            Action::PushVersion { .. } => self.push_version(task).await,
            Action::Learn { .. } => self.learn(task).await,
            Action::TrashRemote { .. } => self.trash_remote(task).await,
            Action::TrashLocal { .. } => self.trash_local(task).await,
            Action::MoveLocal { .. } => self.move_local(task).await,
            Action::MoveRemote { .. } => self.move_remote(task).await,
            Action::RestoreRemote { asset } => self.restore_remote(task, asset).await,
            // Recorded, received or done per directory elsewhere.
            _ => Ok(Done::DecideAgain),
        }
    }

    /// Counts and reports what became of an action; `true` if deciding again is worth it.
    pub(crate) async fn conclude_task(
        &self,
        task: &Task<'_>,
        result: Result<Done, PassError>,
    ) -> Result<bool, PassError> {
        self.over(task.planned);
        match result {
            Ok(Done::Yes) => {
                self.unreachable.store(0, Ordering::Relaxed);
                self.count(&task.planned.action);
                self.tell(task.planned, &task.path);
                Ok(true)
            }
            Ok(Done::DecideAgain) => Ok(true),
            // What was to come here waits for room, and so does all that comes after it.
            Err(PassError::Local(LocalError::Full { path })) if is_pull(&task.planned.action) => {
                // A partial's name would tell nobody anything.
                let path = if path.starts_with(OURS) { task.path.to_string() } else { path };
                self.hold_for_space(None, format!("no space left for {path}"));
                Ok(false)
            }
            Err(PassError::Local(
                LocalError::Changed { .. } | LocalError::Missing { .. } | LocalError::NotOurs { .. },
            )) => {
                self.look_at_task_again(task).await?;
                if let Action::Download { asset, expect: ExpectLocal::Nothing, .. } = &task.planned.action {
                    // Another file has taken the name that the asset was given.
                    self.name_again(asset).await?;
                }
                Ok(true)
            }
            Err(error) if ends_pass(&error) => Err(error),
            Err(error) => {
                self.item_failed(&task.one.key, &error).await?;
                self.give_up_on_silence(error)?;
                Ok(false)
            }
        }
    }

    pub(crate) fn begun(&self, planned: &Planned, path: &MirrorPath) {
        let Planned { rule, action, .. } = planned;
        let asset = action.asset().cloned();
        self.step(Step::Begun { rule: *rule, action: action.verb(), path: path.to_string(), asset });
    }

    pub(crate) fn over(&self, planned: &Planned) {
        self.step(Step::Over { rule: planned.rule, action: planned.action.verb() });
    }

    /// Tells of an action that was done, or pretended.
    pub(crate) fn tell(&self, planned: &Planned, path: &MirrorPath) {
        let (rule, action) = (planned.rule, &planned.action);
        if self.acts() {
            self.step(Step::Done { rule: rule.to_string(), action: action.verb(), path: path.to_string() });
        } else if !action.only_notes() {
            let line = PlanLine { path: path.clone(), ..self.line(planned) };
            self.step(Step::Planned { line, bytes: action.bytes() });
        }
    }

    /// One item without an answer is the item's trouble; as many in a row as work beside each other are the server's.
    fn give_up_on_silence(&self, error: PassError) -> Result<(), PassError> {
        let PassError::Remote(remote) = &error else { return Ok(()) };
        if remote.advice() != Advice::Later {
            return Ok(());
        }
        let silent = self.unreachable.fetch_add(1, Ordering::Relaxed) + 1;
        if silent > self.engine.spec.concurrency { Err(error) } else { Ok(()) }
    }

    /// The world was not as the action expected: takes over what is there now.
    async fn look_at_task_again(&self, task: &Task<'_>) -> Result<(), PassError> {
        self.found_changed.store(true, Ordering::Relaxed);
        if let damsync_model::plan::Subject::File(place) = task.planned.action.subject() {
            // The action may be about another place than that by which the entity is known.
            let path = self.folders().path_of(place).unwrap_or_else(|| task.path.clone());
            self.look_again(place.folder, &self.key(place), &path).await?;
        }
        let to = task.planned.action.destination();
        let target = to.and_then(|to| Some((to, self.folders().path_of(to)?)));
        if let Some((to, path)) = target {
            let key = self.key(to);
            self.look_again(to.folder, &key, &path).await?;
        }
        Ok(())
    }

    pub(crate) fn key(&self, place: &Place) -> NameKey {
        NameKey::of(place.name.as_str(), self.folders().folding())
    }

    /// A line of the history.
    pub(crate) fn event(&self, task: &Task<'_>, outcome: &str) -> Event {
        Event {
            run: self.run.to_string(),
            at: self.now(),
            rule: task.planned.rule.to_string(),
            action: task.planned.action.verb().to_owned(),
            path: task.path.to_string(),
            asset: task.planned.action.asset().cloned(),
            reason: task.planned.reason.to_owned(),
            seen: seen(&task.one.entity),
            outcome: outcome.to_owned(),
        }
    }

    /// Adopt, Refresh and Forget: nothing moves, only the record. One transaction for all of them.
    async fn record(&self, tasks: &[Task<'_>]) -> Result<bool, PassError> {
        if tasks.is_empty() {
            return Ok(false);
        }
        let mirror = self.mirror;
        let mut works = Vec::with_capacity(tasks.len());
        for task in tasks {
            let place = match task.planned.action.subject() {
                damsync_model::plan::Subject::File(place) => Some((place.clone(), self.key(place))),
                _ => None,
            };
            let Some(asset) = task.planned.action.asset().cloned() else { continue };
            works.push((task.planned.action.clone(), asset, place, task.one.entity.clone(), self.event(task, "done")));
        }
        self.engine
            .keeper
            .write(move |tx| {
                for (action, asset, place, entity, event) in works {
                    match (&action, place) {
                        (Action::Forget { .. }, place) => {
                            tx.remove_base(mirror, &asset)?;
                            if let Some((place, key)) = place {
                                tx.mark_place(mirror, place.folder, &key)?;
                            }
                            tx.add_event(mirror, &event)?;
                        }
                        (_, Some((place, key))) => {
                            if let Some((row, content)) = still_agrees(tx, mirror, &asset, &place, &key, &entity)? {
                                let is_refresh = matches!(action, Action::Refresh { .. });
                                let places = if is_refresh { Places::AsNow } else { Places::AsBefore };
                                agree(tx, mirror, &row, &place, &key, content, places)?;
                                tx.set_unacknowledged(mirror, &asset, true)?;
                                // A refresh changes nothing that a user has: no line of the history for it.
                                if !is_refresh {
                                    tx.add_event(mirror, &event)?;
                                }
                            }
                        }
                        _ => {}
                    }
                }
                Ok(())
            })
            .await?;
        for task in tasks {
            self.conclude_task(task, Ok(Done::Yes)).await?;
        }
        Ok(true)
    }
}

/// The asset's row and the local content, if both are still as they were decided upon.
fn still_agrees(
    tx: &Tx<'_>,
    mirror: MirrorId,
    asset: &AssetId,
    place: &Place,
    key: &NameKey,
    entity: &Entity,
) -> Result<Option<(AssetRow, Content)>, StoreError> {
    let (Local::Present(local), Remote::Live(RemoteFile { asset: seen, .. })) = (&entity.local, &entity.remote) else {
        return Ok(None);
    };
    let file = tx.file(place.folder, key)?.filter(|file| file.stat == local.stat && file.content == local.content);
    let row = tx.asset(mirror, asset)?.filter(|row| row.asset == *seen);
    // A refresh keeps the agreed content: the file is unchanged, or its change is decided next.
    let content = match &entity.base {
        Some(base) if local.content.is_some_and(|ours| ours.sha256 == base.content.sha256) => Some(base.content),
        _ => local.content,
    };
    Ok(file.and(row).zip(content))
}

/// What an agreement says of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Places {
    /// Only the bytes were agreed on: a move that is still to be made on either side stays to be made.
    AsBefore,
    /// The file stands where the asset is.
    AsNow,
}

/// Writes down that the file at `place` and the asset hold `content`.
pub(crate) fn agree(
    tx: &Tx<'_>,
    mirror: MirrorId,
    row: &AssetRow,
    place: &Place,
    key: &NameKey,
    content: Content,
    places: Places,
) -> Result<(), StoreError> {
    tx.put_base(mirror, &agreement(tx, mirror, row, place, key, content, places)?)
}

/// What is agreed on once the file at `place` and the asset hold `content`.
pub(crate) fn agreement(
    tx: &Tx<'_>,
    mirror: MirrorId,
    row: &AssetRow,
    place: &Place,
    key: &NameKey,
    content: Content,
    places: Places,
) -> Result<BaseRow, StoreError> {
    let before = match places {
        Places::AsBefore => tx.base(mirror, &row.asset.id)?,
        Places::AsNow => None,
    };
    let base = Base {
        asset: row.asset.id.clone(),
        place: place.clone(),
        content,
        remote_folder: row.folder.unwrap_or(place.folder),
        remote_filename: row.asset.filename.clone(),
        remote_version: row.asset.version,
        remote_claimed: row.asset.claimed,
        remote_updated_at: row.asset.updated_at,
    };
    Ok(match before {
        Some(BaseRow { base: before, key }) => {
            let Base { place, remote_folder, remote_filename, .. } = before;
            BaseRow { base: Base { place, remote_folder, remote_filename, ..base }, key }
        }
        None => BaseRow { base, key: key.clone() },
    })
}

/// The local file of an entity whose action needs one.
pub(crate) fn local_file<'a>(task: &'a Task<'_>) -> Result<(&'a LocalFile, Content), PassError> {
    match &task.one.entity.local {
        Local::Present(file) => match file.content {
            Some(content) => Ok((file, content)),
            None => Err(StoreError::Nonsense("an action on a file that was not read").into()),
        },
        _ => Err(StoreError::Nonsense("an action on a file that is not there").into()),
    }
}

/// The three states that a decision was made upon, for the history.
fn seen(entity: &Entity) -> String {
    let base = entity.base.as_ref().map(|base| {
        json!({"sha256": base.content.sha256.to_string(), "version": base.remote_version,
               "updated_at": base.remote_updated_at.to_string()})
    });
    let local = match &entity.local {
        Local::Absent => json!("absent"),
        Local::Unknown(why) => json!({"unknown": why.0}),
        Local::Present(file) => {
            json!({"size": file.stat.size, "sha256": file.content.map(|content| content.sha256.to_string())})
        }
    };
    let asset = |asset: &damsync_model::tree::RemoteAsset| {
        json!({"guid": asset.guid.to_string(), "version": asset.version,
               "md5": asset.claimed.md5.map(|md5| md5.to_string()), "updated_at": asset.updated_at.to_string()})
    };
    let remote = match &entity.remote {
        Remote::Absent => json!("absent"),
        Remote::Live(file) => asset(&file.asset),
        Remote::Trashed => json!("trashed"),
        Remote::Gone => json!("gone"),
        Remote::Outside(outside) => json!({"outside": asset(outside)}),
        Remote::Unknown(why) => json!({"unknown": why.0}),
    };
    json!({"base": base, "local": local, "remote": remote}).to_string()
}

/// The directory of a place that must be there on the server, with its row.
pub(crate) type Target = (FolderId, damsync_store::RemoteDir);
