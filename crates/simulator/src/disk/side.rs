//! The port over the tree.

use super::state::{ROOT, State, stat};
use super::tree::{File, Node, parent};
use crate::content::{content_of, hashes_of};
use crate::weather::{Fault, Turn, Weather};
use bytes::{Bytes, BytesMut};
use damsync_model::content::Content;
use damsync_model::mutation::Mutation;
use damsync_model::name::{Folding, OURS};
use damsync_model::path::MirrorPath;
use damsync_model::tree::Stat;
use damsync_ports::{
    ByteStream, DirListing, Entry, EntryKind, LocalError, LocalSide, Mark, PartialKey, Payload, Placed, Placement,
    Replaced, Root, RootIdentity, TrashSlot,
};
use futures_util::{StreamExt, stream};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) const MARK: &str = ".damsync/mirror.json";
/// What may go wrong with what only looks, …
const READING: &[Fault] = &[Fault::DiskFails, Fault::DiskDenies];

/// … and with what needs room.
const WRITING: &[Fault] = &[Fault::DiskFails, Fault::DiskDenies, Fault::DiskFull];

const PARTIALS: &str = ".damsync/partial";

/// A name that the ignore rules leave out ends so.
pub const IGNORED_SUFFIX: &str = ".tmp";

/// One mirror's directory, in memory.
#[derive(Clone, Debug)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
    weather: Weather,
}

impl MemoryDisk {
    /// The port over a state, in some weather.
    pub const fn new(state: Arc<Mutex<State>>, weather: Weather) -> Self {
        Self { state, weather }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn turn(&self, what: &'static str, path: &str) -> Result<Turn, LocalError> {
        let writes = matches!(what, "make" | "receive" | "place" | "trash");
        let turn = self.weather.turn(what, if writes { WRITING } else { READING }).await;
        match turn.fault {
            Some(Fault::DiskFull) => Err(LocalError::Full { path: path.to_owned() }),
            Some(Fault::DiskFails) => Err(broken(what, path, io::ErrorKind::Other)),
            Some(Fault::DiskDenies) => Err(broken(what, path, io::ErrorKind::PermissionDenied)),
            _ => Ok(turn),
        }
    }

    async fn end<T>(&self, turn: Turn, answer: Result<T, LocalError>) -> Result<T, LocalError> {
        self.weather.end(turn).await;
        answer
    }
}

fn broken(what: &'static str, path: &str, kind: io::ErrorKind) -> LocalError {
    LocalError::Io { what, path: path.to_owned(), cause: io::Error::new(kind, "simulated") }
}

fn changed(path: &MirrorPath, found: impl Into<String>) -> LocalError {
    LocalError::Changed { path: path.clone(), found: found.into() }
}

fn missing(path: &MirrorPath) -> LocalError {
    LocalError::Missing { path: path.clone() }
}

fn not_ours(path: &MirrorPath, what: &str) -> LocalError {
    LocalError::NotOurs { path: path.clone(), what: what.to_owned() }
}

fn partial_path(key: &PartialKey) -> String {
    format!("{PARTIALS}/{}-{}", key.asset, key.version)
}

fn describe(file: &File) -> String {
    format!("{:?}", stat(file))
}

impl State {
    /// The directory of a path must be one.
    fn spot(&self, path: &MirrorPath) -> Result<(), LocalError> {
        let Some(above) = path.parent() else { return Err(not_ours(path, "it is the mirror's root")) };
        let mut at = String::new();
        for name in above.names() {
            if !at.is_empty() {
                at.push('/');
            }
            at.push_str(name);
            match self.tree.get(&at) {
                Some(Node::Dir { .. }) => {}
                Some(_) => return Err(not_ours(path, "something on the way is no directory")),
                None => return Err(missing(path)),
            }
        }
        Ok(())
    }

    fn file_at(&self, path: &MirrorPath) -> Result<&File, LocalError> {
        if self.unmounted {
            return Err(missing(path));
        }
        self.spot(path)?;
        match self.tree.get(path.as_str()) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Dir { .. }) => Err(not_ours(path, "it is a directory")),
            Some(Node::Other(what)) => Err(not_ours(path, what)),
            None => Err(missing(path)),
        }
    }

    fn expect(&self, path: &MirrorPath, expect: &Stat) -> Result<&File, LocalError> {
        let file = self.file_at(path)?;
        if stat(file) == *expect { Ok(file) } else { Err(changed(path, describe(file))) }
    }

    /// Moves a file; its ctime moves with it.
    fn move_file(&mut self, from: &str, to: &str) -> Option<Stat> {
        let now = self.now_ns();
        self.not_put_by_person(from, to);
        let mut node = self.lift(from)?;
        let told = match &mut node {
            Node::File(file) => {
                file.ctime_ns = now;
                Some(stat(file))
            }
            _ => None,
        };
        self.put(to, node);
        told
    }

    fn trash_path(&self, path: &MirrorPath, slot: &TrashSlot) -> String {
        let plain = format!(".damsync/trash/{}-{}/{}", slot.at.compact(), slot.run, path.as_str());
        let mut name = plain.clone();
        let mut number = 2;
        while self.tree.get(&name).is_some() {
            name = format!("{plain} {number}");
            number += 1;
        }
        name
    }

    fn prepare(&mut self, placement: &Placement) -> Result<(), LocalError> {
        let target = &placement.target;
        self.spot(target)?;
        if let Replaced::ToTrash(expect, _) | Replaced::ToCopy(expect, _) = &placement.replaces {
            self.expect_there(target, expect)?;
        }
        let now = self.now_ns();
        let path = partial_path(&placement.partial);
        match self.tree.0.get_mut(&path) {
            Some(Node::File(file)) => {
                file.mtime_ns = placement.modified.0.saturating_mul(1_000_000);
                file.ctime_ns = now;
                file.synced |= !Mutation::PlacedBytesUnsynced.is_on();
                Ok(())
            }
            _ => Err(missing(&MirrorPath::parse(&path).unwrap_or_default())),
        }
    }

    fn expect_there(&self, path: &MirrorPath, expect: &Stat) -> Result<(), LocalError> {
        if Mutation::PlacedUnseen.is_on() {
            return Ok(());
        }
        match self.expect(path, expect) {
            Ok(_) => Ok(()),
            Err(LocalError::Missing { .. }) => Err(changed(path, "nothing")),
            Err(error) => Err(error),
        }
    }

    fn commit(&mut self, placement: &Placement) -> Result<Placed, LocalError> {
        let target = &placement.target;
        let partial = partial_path(&placement.partial);
        self.spot(target)?;
        let mut copy = None;
        match &placement.replaces {
            Replaced::Nothing => {
                if let Some(node) = self.tree.get(target.as_str()).filter(|_| !Mutation::PlacedUnseen.is_on()) {
                    return Err(changed(target, format!("{node:?}")));
                }
                self.begin_volatile();
            }
            Replaced::ToTrash(expect, slot) => {
                self.expect_there(target, expect)?;
                let bin = self.trash_path(target, slot);
                self.begin_volatile();
                if !Mutation::TrashLeftOut.is_on() {
                    self.move_file(target.as_str(), &bin);
                }
            }
            Replaced::ToCopy(expect, candidates) => {
                self.expect_there(target, expect)?;
                let Some(free) = candidates.iter().find(|path| self.tree.get(self.standing(path).as_str()).is_none())
                else {
                    return Err(changed(target, "no name for its copy is free"));
                };
                self.begin_volatile();
                let told = self.move_file(target.as_str(), free.as_str());
                // A power cut may come between the two renames.
                self.begin_volatile();
                copy = told.map(|told| (free.clone(), told));
            }
        }
        let told = self.move_file(&partial, target.as_str());
        let told = told.ok_or_else(|| missing(&MirrorPath::parse(&partial).unwrap_or_default()))?;
        Ok(Placed { stat: told, copy })
    }
}

impl LocalSide for MemoryDisk {
    async fn root(&self) -> Result<Root, LocalError> {
        let turn = self.turn("examine", ".").await?;
        let answer = {
            let state = self.state();
            match state.tree.file(MARK) {
                _ if state.unmounted => {
                    Root::Unmarked { empty: true, identity: RootIdentity { device: 9, inode: ROOT.inode } }
                }
                Some(file) => {
                    let text = String::from_utf8_lossy(&file.data).into_owned();
                    let (token, name) = text.split_once('\n').unwrap_or((&text, ""));
                    let mark = Mark { token: token.to_owned(), name: name.to_owned() };
                    Root::Marked { mark, identity: ROOT }
                }
                None => Root::Unmarked { empty: state.tree.0.is_empty(), identity: ROOT },
            }
        };
        self.end(turn, Ok(answer)).await
    }

    async fn plant(&self, mark: Mark) -> Result<RootIdentity, LocalError> {
        let turn = self.turn("plant", MARK).await?;
        {
            let mut state = self.state();
            let text = format!("{}\n{}", mark.token, mark.name);
            if let Some(file) = state.tree.file(MARK)
                && file.data != text.as_bytes()
            {
                return Err(not_ours(&MirrorPath::ROOT, "it is the mark of another mirror"));
            }
            let mut file = state.new_file(text.into());
            file.synced = true;
            state.put(MARK, Node::File(file));
            state.sync_names();
        }
        self.end(turn, Ok(ROOT)).await
    }

    async fn open(&self, identity: RootIdentity) -> Result<(), LocalError> {
        let turn = self.turn("open", ".").await?;
        let is_root = identity == ROOT && !self.state().unmounted || Mutation::RootUnchecked.is_on();
        let answer = if is_root { Ok(()) } else { Err(LocalError::RootLost) };
        self.end(turn, answer).await
    }

    async fn folding(&self) -> Result<Folding, LocalError> {
        Ok(self.state().folding())
    }

    async fn list(&self, dir: &MirrorPath) -> Result<DirListing, LocalError> {
        let dir = &self.state().standing(dir);
        let turn = self.turn("list", dir.as_str()).await?;
        let mut looked: Vec<String> = Vec::new();
        let answer = {
            let state = self.state();
            if state.unmounted && Mutation::RootUnchecked.is_on() {
                Ok(DirListing::new())
            } else if state.unmounted {
                Err(LocalError::RootLost)
            } else if !dir.is_root() && state.spot(dir).is_err() || !state.tree.is_dir(dir.as_str()) {
                Err(missing(dir))
            } else if state.denied.contains(dir.as_str()) {
                let cause = io::Error::from(io::ErrorKind::PermissionDenied);
                Err(LocalError::Io { what: "list", path: dir.to_string(), cause })
            } else {
                let mut entries: Vec<Entry> = state
                    .tree
                    .children(dir.as_str())
                    .filter(|(name, _)| !(dir.is_root() && *name == OURS))
                    .map(|(name, node)| {
                        let kind = match node {
                            _ if name.ends_with(IGNORED_SUFFIX) => EntryKind::Ignored,
                            Node::File(file) => EntryKind::File { stat: stat(file), links: 1 },
                            Node::Dir { inode, birth_ns } => {
                                EntryKind::Directory { inode: *inode, birth_ns: *birth_ns }
                            }
                            Node::Other(what) => EntryKind::Other((*what).to_owned()),
                        };
                        Entry { name: name.to_owned(), kind }
                    })
                    .collect();
                looked = entries.iter().map(|entry| dir.as_str().to_owned() + "/" + &entry.name).collect();
                // No file system promises an order.
                entries.sort_by_key(|entry| crate::dice::mix(entry.name.bytes().map(u64::from).sum::<u64>()));
                Ok(entries)
            }
        };
        self.looked_at(&looked);
        self.end(turn, answer).await
    }

    fn is_ignored(&self, path: &MirrorPath, _is_dir: bool) -> bool {
        path.names().next() == Some(OURS) || path.names().any(|name| name.ends_with(IGNORED_SUFFIX))
    }

    fn would_leave_out(&self, _dir: &MirrorPath, _rules: &str, _paths: &[MirrorPath]) -> u64 {
        // People here write no ignore rules: names say it.
        0
    }

    async fn stat(&self, path: &MirrorPath) -> Result<Stat, LocalError> {
        let path = &self.state().standing(path);
        let turn = self.turn("examine", path.as_str()).await?;
        let answer = {
            let mut state = self.state();
            state.looked_at(path.as_str());
            state.file_at(path).map(stat)
        };
        self.end(turn, answer).await
    }

    async fn hash(&self, path: &MirrorPath, expect: Stat) -> Result<Content, LocalError> {
        let path = &self.state().standing(path);
        let turn = self.turn("read", path.as_str()).await?;
        let read = self.state().expect(path, &expect).map(|file| file.data.clone());
        let read = self.end(turn, read).await?;
        // Somebody may write while it is read.
        let turn = self.turn("read", path.as_str()).await?;
        let still = self.state().expect(path, &expect).map(|_| content_of(&read));
        self.end(turn, still).await
    }

    async fn read(&self, path: &MirrorPath, expect: Stat, content: Content) -> Result<Payload, LocalError> {
        let path = &self.state().standing(path);
        let turn = self.turn("read", path.as_str()).await?;
        let first = self.state().expect(path, &expect).map(|file| file.data.clone());
        let first = self.end(turn, first).await?;
        // Somebody may write while it is read: one half is that of before.
        let turn = self.turn("read", path.as_str()).await?;
        let second = self.state().expect(path, &expect).map(|file| file.data.clone());
        let second = self.end(turn, second).await?;
        let half = first.len() / 2;
        let chunks = [first.slice(..half), second.slice(half..)];
        if content_of(&first) != content || first != second {
            let read = Bytes::from(chunks.concat());
            if hashes_of(&read) != content && !Mutation::SentUnverified.is_on() {
                return Err(changed(path, "other bytes with the same size and times"));
            }
        }
        let chunks: Vec<io::Result<Bytes>> = chunks.map(Ok).into();
        Ok(Payload { size: content.size, md5: content.md5, body: Box::pin(stream::iter(chunks)) })
    }

    async fn make_dir(&self, path: &MirrorPath) -> Result<(), LocalError> {
        let path = &self.state().standing(path);
        let turn = self.turn("make", path.as_str()).await?;
        self.weather.changes_disk("makes a directory");
        let answer = {
            let mut state = self.state();
            state.spot(path).and_then(|()| match state.tree.get(path.as_str()) {
                Some(Node::Dir { .. }) => Ok(()),
                Some(_) => Err(not_ours(path, "it is no directory")),
                None => {
                    state.begin_volatile();
                    state.make_dir(path.as_str());
                    Ok(())
                }
            })
        };
        self.end(turn, answer).await
    }

    async fn remove_dir(&self, path: &MirrorPath) -> Result<(), LocalError> {
        let path = &self.state().standing(path);
        let turn = self.turn("remove", path.as_str()).await?;
        self.weather.changes_disk("removes a directory");
        self.weather.follows_deletion("a directory");
        let answer = {
            let mut state = self.state();
            let found = state.spot(path).and_then(|()| match state.tree.get(path.as_str()) {
                Some(Node::Dir { .. }) if state.tree.below(path.as_str()).next().is_some() => {
                    Err(changed(path, "it is not empty"))
                }
                Some(Node::Dir { .. }) => Ok(()),
                Some(_) => Err(not_ours(path, "it is no directory")),
                None => Err(missing(path)),
            });
            if found.is_ok() {
                state.begin_volatile();
                state.remove(path.as_str());
                state.sync_names();
            }
            found
        };
        self.end(turn, answer).await
    }

    async fn partial_len(&self, key: &PartialKey) -> Result<u64, LocalError> {
        Ok(self.state().tree.file(&partial_path(key)).map_or(0, |file| file.data.len() as u64))
    }

    async fn receive(&self, key: &PartialKey, from: u64, mut body: ByteStream) -> Result<Content, LocalError> {
        let path = partial_path(key);
        let turn = self.turn("receive", &path).await?;
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        {
            let mut state = self.state();
            let kept = state.tree.file(&path).map_or(0, |file| file.data.len());
            if kept < from {
                return Err(LocalError::Mismatch { path, what: format!("{kept} of {from} bytes are kept") });
            }
            if state.tree.file(&path).is_none() {
                state.begin_volatile();
                let file = state.new_file(Bytes::new());
                state.put(&path, Node::File(file));
            }
        }
        let mut data = BytesMut::from(&self.partial_data(&path)[..from]);
        let mut broke = None;
        self.write_partial(&path, data.clone().freeze());
        while let Some(piece) = body.next().await {
            match piece {
                Ok(bytes) => {
                    data.extend_from_slice(&bytes);
                    self.write_partial(&path, data.clone().freeze());
                }
                Err(error) => {
                    broke = Some(error);
                    break;
                }
            }
        }
        let answer = match broke {
            None => Ok(hashes_of(&data)),
            Some(cause) => Err(LocalError::BrokeOff { received: data.len() as u64, cause }),
        };
        self.end(turn, answer).await
    }

    async fn partial_content(&self, key: &PartialKey) -> Result<Option<Content>, LocalError> {
        let turn = self.turn("read", PARTIALS).await?;
        let answer = self.state().tree.file(&partial_path(key)).map(|file| content_of(&file.data));
        self.end(turn, Ok(answer)).await
    }

    async fn discard_partial(&self, key: &PartialKey) -> Result<(), LocalError> {
        let mut state = self.state();
        state.begin_volatile();
        state.remove(&partial_path(key));
        Ok(())
    }

    async fn discard_partials_except(&self, keep: &[PartialKey]) -> Result<u64, LocalError> {
        let turn = self.turn("empty", PARTIALS).await?;
        let removed = {
            let mut state = self.state();
            let keep: Vec<String> = keep.iter().map(partial_path).collect();
            let doomed: Vec<String> =
                state.tree.below(PARTIALS).map(|(path, _)| path.clone()).filter(|path| !keep.contains(path)).collect();
            for path in &doomed {
                state.begin_volatile();
                state.remove(path);
            }
            doomed.len() as u64
        };
        self.end(turn, Ok(removed)).await
    }

    async fn place(&self, mut placements: Vec<Placement>) -> Result<Vec<Result<Placed, LocalError>>, LocalError> {
        for placement in &mut placements {
            placement.target = self.state().standing(&placement.target);
        }
        let turn = self.turn("place", ".").await?;
        self.weather.changes_disk("places files");
        let ready: Vec<Result<(), LocalError>> = {
            let mut state = self.state();
            placements.iter().map(|placement| state.prepare(placement)).collect()
        };
        // Between making the bytes durable and taking the names, people go on working.
        let turn = if turn.is_quiet() { self.turn("place", ".").await? } else { turn };
        let mut answers = Vec::with_capacity(placements.len());
        for (placement, ready) in placements.iter().zip(ready) {
            let before = self.content_at(&placement.target);
            let answer = ready.and_then(|()| self.state().commit(placement));
            if answer.is_ok() {
                self.weather.placed_here(placement, before, self.content_at(&placement.target));
            }
            answers.push(answer);
            self.weather.perhaps_inside(&turn).await;
        }
        self.state().sync_unless(Mutation::PlacedNamesUnsynced);
        self.end(turn, Ok(answers)).await
    }

    async fn trash(&self, path: &MirrorPath, expect: Stat, slot: &TrashSlot) -> Result<MirrorPath, LocalError> {
        let path = &self.state().standing(path);
        let turn = self.turn("trash", path.as_str()).await?;
        self.weather.changes_disk("trashes a file");
        self.weather.follows_deletion("a file");
        let answer = {
            let mut state = self.state();
            state.expect(path, &expect).map(|file| content_of(&file.data)).map(|content| {
                let bin = state.trash_path(path, slot);
                // What was written through a mapping just now, nobody can know of.
                let is_known = !state.is_mapped(path.as_str());
                state.begin_volatile();
                state.move_file(path.as_str(), &bin);
                (bin, content, is_known)
            })
        };
        self.weather.perhaps_inside(&turn).await;
        let answer = answer.map(|(bin, content, is_known)| {
            if is_known {
                self.weather.trashed_here(path, content);
            }
            self.state().sync_unless(Mutation::TrashUnsynced);
            MirrorPath::parse(&bin).unwrap_or_default()
        });
        self.end(turn, answer).await
    }

    async fn rename(&self, from: &MirrorPath, expect: Stat, to: &MirrorPath) -> Result<Stat, LocalError> {
        let (from, to) = &{
            let state = self.state();
            (state.standing(from), state.standing(to))
        };
        let turn = self.turn("rename", from.as_str()).await?;
        self.weather.changes_disk("renames a file");
        let answer = {
            let mut state = self.state();
            let fit = state.expect(from, &expect).map(|_| ()).and_then(|()| state.spot(to));
            fit.and_then(|()| match state.tree.get(to.as_str()) {
                Some(node) if !Mutation::RenameReplaces.is_on() => Err(changed(to, format!("{node:?}"))),
                _ => {
                    state.begin_volatile();
                    state.move_file(from.as_str(), to.as_str()).ok_or_else(|| missing(from))
                }
            })
        };
        if answer.is_ok() {
            self.weather.moved_here(from, to);
        }
        self.weather.perhaps_inside(&turn).await;
        if answer.is_ok() {
            self.state().sync_unless(Mutation::RenameUnsynced);
        }
        self.end(turn, answer).await
    }

    async fn sync(&self) -> Result<(), LocalError> {
        let turn = self.turn("sync", ".").await?;
        self.state().sync();
        self.end(turn, Ok(())).await
    }

    async fn free_bytes(&self) -> Result<u64, LocalError> {
        Ok(1 << 40)
    }
}

impl MemoryDisk {
    fn partial_data(&self, path: &str) -> Bytes {
        self.state().tree.file(path).map(|file| file.data.clone()).unwrap_or_default()
    }

    fn looked_at(&self, paths: &[String]) {
        let mut state = self.state();
        paths.iter().for_each(|path| state.looked_at(path.trim_start_matches('/')));
    }

    fn content_at(&self, path: &MirrorPath) -> Option<Content> {
        self.state().tree.file(path.as_str()).map(|file| content_of(&file.data))
    }

    fn write_partial(&self, path: &str, data: Bytes) {
        let mut state = self.state();
        let now = state.now_ns();
        if let Some(Node::File(file)) = state.tree.0.get_mut(path) {
            file.data = data;
            (file.mtime_ns, file.ctime_ns, file.synced) = (now, now, false);
        }
        debug_assert_eq!(parent(path), PARTIALS);
    }
}
