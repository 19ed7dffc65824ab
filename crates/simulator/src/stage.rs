//! What a world consists of besides the daemons: the disks' contents, the server, the ledger, and the people.

use crate::content::{bytes_of, content_of};
use crate::disk::{Node, State};
use crate::edit::{self, Edit, Local, Pick, Remote, Save};
use crate::ledger::Ledger;
use crate::people;
use crate::remote::Server;
use crate::time::Time;
use bytes::Bytes;
use damsync_model::content::Sha256;
use damsync_model::policy::{DeletePolicy, Policy};
use damsync_sandbox::world::World;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Names of files, on both sides. Some differ only in Unicode's form, one cannot be a local name, one is left out.
pub const NAMES: &[&str] =
    &["a.txt", "b.txt", "c.jpg", "d", "\u{e9}.txt", "e\u{301}.txt", "x.tmp", "report.final.pdf", "z.bin", "a b.doc"];

/// A name that only the server can have.
pub const REMOTE_ONLY: &[&str] = &["a/b.txt", ".."];

/// Another case of the first name, and its number. No dice fall so: where the disk tells cases apart, it is a name like
/// any other.
pub const OTHER_CASE: (Pick, &str) = (Pick::MAX, "A.txt");

/// Names of directories.
pub const DIRS: &[&str] = &["d1", "d2", "sub", "d"];

/// Everything but the daemons.
#[derive(Debug)]
pub struct Stage {
    /// One per daemon.
    pub disks: Vec<Arc<Mutex<State>>>,
    /// The DAM.
    pub server: Arc<Server>,
    /// What time it is.
    pub time: Time,
    /// What the daemons' users chose.
    pub policy: Policy,
    ledger: Mutex<Ledger>,
    growing: Mutex<Vec<Growing>>,
}

/// A file that a program goes on adding to.
#[derive(Debug)]
struct Growing {
    disk: usize,
    path: String,
    /// What it wrote last: who has put something else there ends it.
    so_far: Bytes,
    /// What comes next, and how many more times.
    piece: edit::Bytes,
    left: u8,
}

pub(crate) fn pick<T: Clone>(from: &[T], which: Pick) -> Option<T> {
    from.get(which as usize % from.len().max(1)).cloned()
}

/// The name of a file by its number, counted round.
pub(crate) fn file_name(which: Pick) -> &'static str {
    if which == OTHER_CASE.0 { OTHER_CASE.1 } else { NAMES[which as usize % NAMES.len()] }
}

fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

impl Stage {
    /// An empty stage.
    pub fn new(disks: Vec<Arc<Mutex<State>>>, server: Arc<Server>, time: Time, policy: Policy) -> Self {
        Self { disks, server, time, policy, ledger: Mutex::default(), growing: Mutex::default() }
    }

    /// The ledger.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One disk's state.
    pub fn disk(&self, which: usize) -> MutexGuard<'_, State> {
        self.disks[which].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A daemon changes the server.
    pub(crate) fn changes_server(&self, daemon: usize, what: &str) {
        if !self.policy.direction.pushes() {
            self.ledger().violated(format!("direction: d{daemon} only pulls, and changes the server: {what}"));
        }
    }

    /// A daemon changes the users' files.
    pub(crate) fn changes_disk(&self, daemon: usize, what: &str) {
        if !self.policy.direction.pulls() {
            self.ledger().violated(format!("direction: d{daemon} only pushes, and changes the disk: {what}"));
        }
    }

    /// A daemon deletes on one side what is gone on the other.
    pub(crate) fn follows_deletion(&self, daemon: usize, what: &str) {
        if self.policy.delete == DeletePolicy::Keep {
            self.ledger().violated(format!("kept: d{daemon} shall keep what is deleted, and deletes: {what}"));
        }
    }

    /// Somebody does something; says what it came to.
    pub fn act(&self, edit: &Edit) -> String {
        match edit {
            Edit::Here(disk, local) => self.act_here(*disk, local),
            Edit::There(Remote::RollBack) => format!("server goes back to its backup: {}", self.roll_back()),
            Edit::There(Remote::RollBackOpenly) => {
                let alive: BTreeSet<i64> = {
                    let world = self.server.world();
                    world.all_assets().filter(|asset| asset.alive()).map(|asset| asset.id).collect()
                };
                let can_tell = |world: &World| {
                    people::is_at_rest(world)
                        && (0..self.disks.len())
                            .all(|daemon| people::older(self, world, daemon, &alive) >= people::FEWEST_OLDER)
                };
                let shows = self.server.in_backup(self.time.ms(), can_tell) == Some(true);
                format!("server goes back to its backup: {}", shows && self.roll_back())
            }
            Edit::There(remote) => people::act_there(self, remote),
        }
    }

    /// Every content that exists: live and in the trash on every disk, and in every version on the server.
    pub fn existing(&self) -> BTreeSet<Sha256> {
        let mut all = self.server.version_contents();
        for disk in 0..self.disks.len() {
            let state = self.disk(disk);
            for (path, node) in &state.tree.0 {
                let ours = path.starts_with(".damsync/") && !path.starts_with(".damsync/trash/");
                if let Node::File(file) = node
                    && !ours
                {
                    all.insert(content_of(&file.data).sha256);
                }
            }
        }
        all
    }

    /// Whether a file of the users' holds this on any disk.
    pub(crate) fn is_on_a_disk(&self, content: Sha256) -> bool {
        (0..self.disks.len()).any(|disk| {
            let state = self.disk(disk);
            let holds = |path: &String| state.tree.file(path).is_some_and(|f| content_of(&f.data).sha256 == content);
            state.users_files().iter().any(holds)
        })
    }

    /// Writes down what a person takes from a disk by what follows.
    fn taken(&self, disk: usize, before: &[Bytes]) {
        if before.is_empty() {
            return;
        }
        let existing = self.existing();
        let mut ledger = self.ledger();
        for data in before {
            let content = content_of(data).sha256;
            ledger.take(disk, content, existing.contains(&content));
        }
    }

    fn held(&self, disk: usize, path: &str) -> Vec<Bytes> {
        let state = self.disk(disk);
        let inside = state.tree.below(path).map(|(path, _)| path.clone());
        let paths: Vec<String> = inside.chain([path.to_owned()]).collect();
        paths.iter().filter_map(|path| state.tree.file(path)).map(|file| file.data.clone()).collect()
    }

    pub(crate) fn write(&self, disk: usize, path: &str, save: Save, data: Bytes) -> String {
        let path = &self.disk(disk).as_written(path);
        if !self.disk(disk).can_hold_file(path) {
            return format!("d{disk} cannot write {path:?}");
        }
        let mut before = self.held(disk, path);
        {
            let mut ledger = self.ledger();
            ledger.put(content_of(&data).sha256);
            for data in &before {
                ledger.replace(disk, path, content_of(data).sha256);
            }
        }
        match save {
            Save::InPlace => self.disk(disk).write_in_place(path, data),
            Save::Mapped => self.disk(disk).write_mapped(path, data),
            Save::Anew => self.disk(disk).write_anew(path, data),
            Save::DeleteFirst => {
                let mut state = self.disk(disk);
                state.delete(path);
                state.write_anew(path, data);
            }
            Save::Backup => {
                let backup = format!("{path}.bak");
                if self.disk(disk).can_hold_file(&backup) {
                    let copied = std::mem::replace(&mut before, self.held(disk, &backup));
                    for data in &before {
                        self.ledger().replace(disk, &backup, content_of(data).sha256);
                    }
                    for data in copied {
                        self.ledger().put(content_of(&data).sha256);
                    }
                    self.disk(disk).write_with_backup(path, &backup, data);
                } else {
                    self.disk(disk).write_anew(path, data);
                }
            }
        }
        self.taken(disk, &before);
        format!("d{disk} {save:?} {path:?}")
    }

    /// Programs that add to files of a disk do so once more.
    pub fn grow(&self, disk: usize) {
        let all = std::mem::take(&mut *self.growing());
        let (here, elsewhere): (Vec<_>, Vec<_>) = all.into_iter().partition(|growing| growing.disk == disk);
        *self.growing() = elsewhere;
        for growing in here {
            let still = self.disk(disk).tree.file(&growing.path).is_some_and(|file| file.data == growing.so_far);
            if still && growing.left > 0 {
                self.append(Growing { left: growing.left - 1, ..growing });
            }
        }
    }

    fn growing(&self) -> MutexGuard<'_, Vec<Growing>> {
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, growing: Growing) -> String {
        let edit::Bytes { number, size } = growing.piece;
        let piece = bytes_of(number.wrapping_add(growing.left.into()), size.into());
        let so_far = Bytes::from([growing.so_far.as_ref(), piece.as_ref()].concat());
        let told = self.write(growing.disk, &growing.path, Save::InPlace, so_far.clone());
        self.growing().push(Growing { so_far, ..growing });
        told
    }

    /// The server goes back to its backup. What existed only there is nobody's duty any more.
    pub fn roll_back(&self) -> bool {
        let before = self.server.live_inside();
        let has_backup = self.server.roll_back();
        if has_backup {
            let (existing, after) = (self.existing(), self.server.live_inside());
            let away = before.into_iter().flat_map(|(guid, mut contents)| {
                contents.retain(|content| !after.get(&guid).is_some_and(|after| after.contains(content)));
                contents
            });
            self.ledger().roll_back(&existing, away);
        }
        has_backup
    }

    fn act_here(&self, disk: usize, local: &Local) -> String {
        let disk = disk % self.disks.len();
        let (files, dirs) = {
            let state = self.disk(disk);
            (state.users_files(), state.users_dirs())
        };
        let nothing = || format!("d{disk} nothing for {local:?}");
        match local {
            Local::Write(dir, name, bytes) => {
                let (Some(dir), name) = (pick(&dirs, *dir), file_name(*name)) else { return nothing() };
                self.write(disk, &join(&dir, name), Save::InPlace, bytes_of(bytes.number, bytes.size.into()))
            }
            Local::Save(file, save, bytes) => {
                let Some(path) = pick(&files, *file) else { return nothing() };
                self.write(disk, &path, *save, bytes_of(bytes.number, bytes.size.into()))
            }
            Local::Append(file, piece, left) => {
                let Some(path) = pick(&files, *file) else { return nothing() };
                let so_far = self.held(disk, &path).pop().unwrap_or_default();
                self.append(Growing { disk, path, so_far, piece: *piece, left: *left })
            }
            Local::Copy(file, dir, name) => {
                let (Some(from), Some(dir), Some(name)) = (pick(&files, *file), pick(&dirs, *dir), pick(NAMES, *name))
                else {
                    return nothing();
                };
                let data = self.held(disk, &from).pop().unwrap_or_default();
                self.write(disk, &join(&dir, name), Save::InPlace, data)
            }
            Local::Touch(file) => {
                let Some(path) = pick(&files, *file) else { return nothing() };
                self.disk(disk).touch(&path);
                format!("d{disk} touch {path:?}")
            }
            Local::Recase(file) => {
                let Some(path) = pick(&files, *file) else { return nothing() };
                let (dir, name) = path.rsplit_once('/').unwrap_or(("", &path));
                let lower = name.to_lowercase();
                let other = join(dir, &if lower == name { name.to_uppercase() } else { lower });
                self.disk(disk).recase(&path, &other);
                format!("d{disk} recase {path:?} to {other:?}")
            }
            Local::Delete(file) => {
                let Some(path) = pick(&files, *file) else { return nothing() };
                self.delete(disk, &path)
            }
            Local::DeleteDir(dir) => {
                let Some(path) = pick(&dirs[1..], *dir) else { return nothing() };
                self.delete(disk, &path)
            }
            Local::MakeDir(dir, name) => {
                let (Some(dir), Some(name)) = (pick(&dirs, *dir), pick(DIRS, *name)) else { return nothing() };
                let path = join(&dir, name);
                if path.matches('/').count() > 2 {
                    return nothing();
                }
                self.disk(disk).users_dir(&path);
                format!("d{disk} mkdir {path:?}")
            }
            Local::Link(file) => {
                let Some(path) = pick(&files, *file) else { return nothing() };
                let before = self.held(disk, &path);
                for data in &before {
                    self.ledger().replace(disk, &path, content_of(data).sha256);
                }
                self.disk(disk).put_link(&path);
                self.taken(disk, &before);
                format!("d{disk} link {path:?}")
            }
            Local::Unlink => {
                let mut state = self.disk(disk);
                let links: Vec<String> = state
                    .tree
                    .0
                    .iter()
                    .filter(|(_, node)| matches!(node, Node::Other(_)))
                    .map(|(path, _)| path.clone())
                    .collect();
                for path in &links {
                    state.delete(path);
                }
                // What the link stood for is gone with it, by the same person's hand.
                drop(state);
                let mut ledger = self.ledger();
                for path in &links {
                    ledger.delete_path(disk, path);
                }
                ledger.delete_all_taken(disk);
                format!("d{disk} unlink {links:?}")
            }
            Local::Deny(dir) => {
                let Some(path) = pick(&dirs[1..], *dir) else { return nothing() };
                self.disk(disk).denied.insert(path.clone());
                format!("d{disk} deny {path:?}")
            }
            Local::Allow => {
                self.disk(disk).denied.clear();
                format!("d{disk} allow")
            }
        }
    }

    pub(crate) fn delete(&self, disk: usize, path: &str) -> String {
        let before = self.held(disk, path);
        let below: Vec<String> = self.disk(disk).tree.below(path).map(|(path, _)| path.clone()).collect();
        for path in below.iter().map(String::as_str).chain([path]).filter(|path| self.disk(disk).tree.is_dir(path)) {
            self.ledger().remove_dir(disk, path);
        }
        self.disk(disk).delete(path);
        {
            let mut ledger = self.ledger();
            for path in below.iter().map(String::as_str).chain([path]) {
                ledger.delete_path(disk, path);
            }
            for data in &before {
                ledger.delete(content_of(data).sha256);
            }
        }
        self.taken(disk, &before);
        format!("d{disk} delete {path:?}")
    }
}
