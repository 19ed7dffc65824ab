//! Received bodies get their names: written into the journal before, and out of it with the record of the agreement.
//!
//! Without that a crash in between leaves a file that no agreement knows of: once its asset has another name, it would be
//! sent as a new one. What is open at the start of a pass is settled by looking at the place.

use crate::crash::CrashPoint;
use crate::download::Received;
use crate::execute::{Places, Task, agree, agreement};
use crate::hashing::age_ms;
use crate::pass::{Pass, PassError};
use crate::rounds::Done;
use damsync_model::content::Content;
use damsync_model::id::FolderId;
use damsync_model::mutation::Mutation;
use damsync_model::name::NameKey;
use damsync_model::path::MirrorPath;
use damsync_model::plan::{Action, ExpectLocal};
use damsync_model::time::UnixMs;
use damsync_model::tree::{Local, Place, Stat};
use damsync_ports::{LocalError, LocalSide, Placed, Placement, RemoteSide, Replaced};
use damsync_store::{BaseRow, ConflictRow, Event, FileRow, LocalMove, StoreError};

/// A received body on its way to its name.
struct Placing<'t> {
    task: &'t Task<'t>,
    received: Received,
    place: Place,
    /// The file there that makes room for it.
    giving_way: Option<LocalMove>,
}

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Writes down which files are about to get their names, and which ones give way to them. Returns what is agreed on
    /// once they have them.
    async fn begin_placing(&self, placing: &[Placing<'_>]) -> Result<Vec<BaseRow>, PassError> {
        let giving_way: Vec<_> = placing.iter().filter_map(|one| one.giving_way.clone()).collect();
        let works: Vec<_> = placing
            .iter()
            .map(|Placing { task, received, place, .. }| {
                let places = match task.planned.action {
                    Action::Download { expect: ExpectLocal::Nothing, .. } => Places::AsNow,
                    _ => Places::AsBefore,
                };
                (received.row.clone(), place.clone(), self.key(place), received.content, places)
            })
            .collect();
        let (mirror, gives_way) = (self.mirror, !giving_way.is_empty());
        let rows = self.engine.keeper.write(move |tx| {
            giving_way.iter().try_for_each(|one| tx.put_local_move(mirror, one))?;
            works
                .into_iter()
                .map(|(row, place, key, content, places)| {
                    let row = agreement(tx, mirror, &row, &place, &key, content, places)?;
                    if !Mutation::NoPlacing.is_on() {
                        tx.put_placing(mirror, &row)?;
                    }
                    Ok(row)
                })
                .collect::<Result<Vec<_>, StoreError>>()
        });
        let rows = rows.await?;
        if gives_way {
            self.reach(CrashPoint::MoveOpen)?;
        }
        Ok(rows)
    }

    /// Puts received bodies under their names, in one durable group, and records them in one transaction.
    pub(crate) async fn place<'t>(
        &self,
        ready: Vec<(&'t Task<'t>, Received)>,
    ) -> Result<Vec<(&'t Task<'t>, Result<Done, PassError>)>, PassError> {
        let mut results = Vec::with_capacity(ready.len());
        let mut placements = Vec::new();
        let mut placing = Vec::new();
        for (task, received) in ready {
            if let Some(same) = same_bytes_here(task, &received) {
                let done = self.keep_same(task, &received, same).await;
                results.push((task, done));
                continue;
            }
            if let Action::Download { place, expect: ExpectLocal::File(stat), .. } = &task.planned.action {
                match self.still_holds(place, &task.path, *stat).await {
                    Ok(true) => {}
                    Ok(false) => {
                        results.push((task, Ok(Done::DecideAgain)));
                        continue;
                    }
                    Err(error) => {
                        results.push((task, Err(error)));
                        continue;
                    }
                }
            }
            match self.placement(task, &received) {
                Some((placement, place)) => {
                    placements.push(placement);
                    let giving_way = self.giving_way(task, &place);
                    placing.push(Placing { task, received, place, giving_way });
                }
                None => results.push((task, Ok(Done::DecideAgain))),
            }
        }
        if placements.is_empty() {
            return Ok(results);
        }
        let agreements = self.begin_placing(&placing).await?;
        let begun = placing.into_iter().zip(agreements);
        let placed = match self.engine.disk.place(placements).await {
            Ok(placed) => placed,
            Err(error) => {
                self.settle_not_placed(begun).await?;
                return Err(error.into());
            }
        };
        self.reach(CrashPoint::Placed)?;
        let (mut kept, mut not_placed) = (Vec::new(), Vec::new());
        for ((one, agreement), outcome) in begun.zip(placed) {
            match outcome {
                Ok(placed) => kept.push((one, agreement, placed)),
                Err(error) => {
                    results.push((one.task, Err(error.into())));
                    not_placed.push((one, agreement));
                }
            }
        }
        self.keep_placed(&kept).await?;
        self.reach(CrashPoint::PlacedKept)?;
        self.settle_not_placed(not_placed).await?;
        results.extend(kept.into_iter().map(|(one, ..)| (one.task, Ok(Done::Yes))));
        Ok(results)
    }

    /// What was to make room for those that could not be placed, and they themselves: an error does not say how far it came.
    async fn settle_not_placed(
        &self,
        not_placed: impl IntoIterator<Item = (Placing<'_>, BaseRow)>,
    ) -> Result<(), PassError> {
        for (one, agreement) in not_placed {
            if let Some(giving_way) = &one.giving_way {
                self.settle_local_move(giving_way).await?;
            }
            self.settle_placing(agreement).await?;
        }
        Ok(())
    }

    /// Settles what earlier passes left open.
    pub(crate) async fn settle_placings(&self) -> Result<(), PassError> {
        let mirror = self.mirror;
        for one in self.engine.keeper.read(move |tx| tx.placings(mirror)).await? {
            self.settle_placing(one).await?;
        }
        Ok(())
    }

    /// Finds out whether a file got its name and records it. It stays open while that cannot be said.
    async fn settle_placing(&self, one: BaseRow) -> Result<(), PassError> {
        let path = self.folders().path_of(&one.base.place);
        let placed = match &path {
            Some(path) => self.find_placed(path, &one).await,
            // A directory that is not here any more holds nothing.
            None => Ok(None),
        };
        let placed = match placed {
            Ok(placed) => placed,
            Err(LocalError::RootLost) => return Err(LocalError::RootLost.into()),
            Err(error) => {
                tracing::warn!(asset = %one.base.asset, %error, "an interrupted download could not be settled");
                return Ok(());
            }
        };
        if placed.is_some() {
            self.make_durable().await?;
        }
        let (mirror, event) = (self.mirror, self.event_of_placed(&one, &path.unwrap_or_default()));
        self.engine
            .keeper
            .write(move |tx| {
                if let Some(file) = placed {
                    tx.put_file(one.base.place.folder, &file)?;
                    tx.put_base(mirror, &one)?;
                    tx.set_unacknowledged(mirror, &one.base.asset, true)?;
                    tx.add_event(mirror, &event)?;
                }
                tx.mark_asset(mirror, &one.base.asset)?;
                tx.end_placing(mirror, &one.base.asset)
            })
            .await?;
        Ok(())
    }

    fn event_of_placed(&self, one: &BaseRow, path: &MirrorPath) -> Event {
        Event {
            run: self.run.to_string(),
            at: self.now(),
            rule: "R5".to_owned(),
            action: "adopt".to_owned(),
            path: path.to_string(),
            asset: Some(one.base.asset.clone()),
            reason: "an interrupted download had been made".to_owned(),
            seen: "{}".to_owned(),
            outcome: "done".to_owned(),
        }
    }

    /// The file at a place, if it is the one that was to be put there: it holds just these bytes.
    async fn find_placed(&self, path: &MirrorPath, one: &BaseRow) -> Result<Option<FileRow>, LocalError> {
        let stat = match self.engine.disk.stat(path).await {
            Ok(stat) if stat.size == one.base.content.size => stat,
            Ok(_) | Err(LocalError::Missing { .. }) => return Ok(None),
            Err(LocalError::NotOurs { .. }) if self.holds_no_file(&one.base.place, path).await => return Ok(None),
            Err(error) => return Err(error),
        };
        let content = self.engine.disk.hash(path, stat).await?;
        let is_it = content.sha256 == one.base.content.sha256;
        Ok(is_it.then(|| self.placed_row(&one.base.place, stat, content)))
    }

    fn placed_row(&self, place: &Place, stat: Stat, content: Content) -> FileRow {
        FileRow {
            key: self.key(place),
            name: place.name.as_str().to_owned(),
            stat,
            content: Some(content),
            racy: is_racy(&stat, self.now()),
            unknown: None,
        }
    }

    fn placement(&self, task: &Task<'_>, received: &Received) -> Option<(Placement, Place)> {
        let (place, replaces) = match &task.planned.action {
            Action::Download { place, expect: ExpectLocal::Nothing, .. } => (place, Replaced::Nothing),
            Action::Download { place, expect: ExpectLocal::File(stat), .. } => {
                (place, Replaced::ToTrash(*stat, self.slot()))
            }
            Action::KeepBoth { place, expect, .. } => {
                let folder = self.folders().path(place.folder)?;
                let names = self.copy_names(&place.name).map(|name| folder.join(&name));
                (place, Replaced::ToCopy(*expect, names.collect()))
            }
            _ => return None,
        };
        let target = self.folders().path_of(place)?;
        let modified = received.row.asset.updated_at.plausible_at(self.now());
        Some((Placement { partial: received.partial.clone(), target, replaces, modified }, place.clone()))
    }

    /// The bytes are here already: only the record is written, and the partial goes.
    async fn keep_same(&self, task: &Task<'_>, received: &Received, place: Place) -> Result<Done, PassError> {
        self.engine.disk.discard_partial(&received.partial).await?;
        let (mirror, key, row, content) = (self.mirror, self.key(&place), received.row.clone(), received.content);
        let event = self.event(task, "done");
        self.engine
            .keeper
            .write(move |tx| {
                agree(tx, mirror, &row, &place, &key, content, Places::AsBefore)?;
                tx.set_unacknowledged(mirror, &row.asset.id, true)?;
                tx.add_event(mirror, &event)
            })
            .await?;
        Ok(Done::Yes)
    }

    async fn keep_placed(&self, kept: &[(Placing<'_>, BaseRow, Placed)]) -> Result<(), PassError> {
        if kept.is_empty() {
            return Ok(());
        }
        let (mirror, now) = (self.mirror, self.now());
        let works: Vec<_> = kept
            .iter()
            .map(|(Placing { task, received, place, .. }, agreement, placed)| {
                let file = self.placed_row(place, placed.stat, received.content);
                let copy = placed.copy.as_ref().and_then(|(path, stat)| self.copy_row(task, place, path, *stat));
                let event = self.event(task, self.outcome_with(task, &received.content));
                (agreement.clone(), place.folder, file, copy, event)
            })
            .collect();
        self.engine
            .keeper
            .write(move |tx| {
                for (agreement, folder, file, copy, event) in works {
                    let asset = &agreement.base.asset;
                    let before = tx.file(folder, &file.key)?;
                    tx.put_file(folder, &file)?;
                    tx.end_local_move(mirror, asset)?;
                    tx.end_placing(mirror, asset)?;
                    tx.put_base(mirror, &agreement)?;
                    tx.set_unacknowledged(mirror, asset, true)?;
                    if let Some((copy_folder, mut copy)) = copy {
                        copy.racy = before.is_none_or(|before| before.racy);
                        tx.put_file(copy_folder, &copy)?;
                        tx.mark_place(mirror, copy_folder, &copy.key)?;
                        let conflict = ConflictRow {
                            asset: asset.clone(),
                            place: (folder, file.key),
                            copy: (copy_folder, copy.key.clone()),
                            opened_at: now,
                        };
                        tx.put_conflict(mirror, &conflict)?;
                    }
                    tx.add_event(mirror, &event)?;
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// Our file of a conflict, under its new name.
    fn copy_row(&self, task: &Task<'_>, place: &Place, path: &MirrorPath, stat: Stat) -> Option<(FolderId, FileRow)> {
        let name = path.name()?;
        let content = match &task.one.entity.local {
            Local::Present(file) => file.content,
            _ => None,
        };
        let key = NameKey::of(name.as_str(), self.folders().folding());
        let row = FileRow { key, name: name.as_str().to_owned(), stat, content, racy: false, unknown: None };
        Some((place.folder, row))
    }
}

/// A placed file's modification time lies in the past, so any later write shows in its stat; unless the asset was
/// changed just now.
fn is_racy(stat: &Stat, now: UnixMs) -> bool {
    const RACY_MS: i64 = 2000;
    if Mutation::TrustTimes.is_on() {
        return false;
    }
    now.0 - stat.mtime_ns / 1_000_000 < RACY_MS && age_ms(stat, now) < RACY_MS
}

/// Where the file already holds just these bytes.
fn same_bytes_here(task: &Task<'_>, received: &Received) -> Option<Place> {
    match &task.one.entity.local {
        Local::Present(file) if file.content.is_some_and(|ours| ours.sha256 == received.content.sha256) => {
            Some(file.place.clone())
        }
        _ => None,
    }
}
