//! The port, answered: each question goes to the module that knows, on a thread that may block.

use crate::beneath::{Beneath, is_ours};
use crate::durable::Touched;
use crate::hashing::Lanes;
use crate::ignore_rules::{BadPattern, IgnoreRules};
use crate::races::{self, Moment};
use crate::{listing, look, mark, moves, partial, placing, reading, trash};
use damsync_model::content::Content;
use damsync_model::name::{Folding, OURS};
use damsync_model::path::MirrorPath;
use damsync_model::tree::Stat;
use damsync_ports::{
    ByteStream, DirListing, LocalError, LocalSide, Mark, PartialKey, Payload, Placed, Placement, Root, RootIdentity,
    TrashSlot,
};
use futures_util::StreamExt;
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, FileType, Mode};
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::mpsc;
use tokio::task::JoinError;

/// Chunks of a download that wait for the disk.
const QUEUE: usize = 4;

/// What a [`Disk`] must know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The mirror's directory. The way to it may lead over links; below it none is followed.
    pub root: PathBuf,
    /// The configuration's ignore patterns, in gitignore's syntax.
    pub ignore: Vec<String>,
}

/// A mirror's directory on a real file system.
#[derive(Debug)]
pub struct Disk {
    path: Arc<Path>,
    opened: RwLock<Option<Arc<Beneath>>>,
    rules: Arc<IgnoreRules>,
    lanes: Lanes,
}

impl Disk {
    /// Reads the patterns; touches nothing yet.
    pub fn new(settings: Settings) -> Result<Self, BadPattern> {
        Ok(Self {
            path: settings.root.into(),
            opened: RwLock::default(),
            rules: Arc::new(IgnoreRules::new(&settings.ignore)?),
            lanes: Lanes::new(),
        })
    }

    /// The root as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn beneath(&self) -> Result<Arc<Beneath>, LocalError> {
        self.opened.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(LocalError::RootLost)
    }

    fn set_opened(&self, root: Option<Arc<Beneath>>) {
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = root;
    }

    async fn beneath_root<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Beneath>) -> Result<T, LocalError> + Send + 'static,
    ) -> Result<T, LocalError> {
        let root = self.beneath()?;
        blocking(move || work(&root)).await
    }
}

/// Runs on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LocalError> + Send + 'static,
) -> Result<T, LocalError> {
    joined(tokio::task::spawn_blocking(work).await)
}

/// A panic on the other thread goes on here.
fn joined<T>(answer: Result<Result<T, LocalError>, JoinError>) -> Result<T, LocalError> {
    match answer {
        Ok(answer) => answer,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(LocalError::Io {
            what: "finish work on",
            path: MirrorPath::ROOT.to_string(),
            cause: std::io::Error::other("the program is ending"),
        }),
    }
}

/// Says, once dropped, that nobody waits for the writing any more.
#[derive(Default)]
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Whether the path still leads to this root.
fn is_still_there(path: &Path, identity: RootIdentity) -> bool {
    Beneath::open(path).is_ok_and(|root| root.identity() == identity)
}

fn fold(root: &Beneath) -> Result<Folding, LocalError> {
    // Our own directory is the probe: it needs no writing, and it is in the directory that matters.
    let other_case = OURS.to_ascii_uppercase();
    // What cannot be told now is not told: a wrong answer would be kept.
    let inode = |name: &str| match look::at(root.handle(), name) {
        Ok(seen) => Ok(Some(seen.stat.inode)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(root.fail("examine", &MirrorPath::ROOT, errno)),
    };
    let (ours, other) = (inode(OURS)?, inode(&other_case)?);
    Ok(if ours.is_some() && ours == other { Folding::CaseFolded } else { Folding::Exact })
}

fn make_dir(root: &Beneath, path: &MirrorPath) -> Result<(), LocalError> {
    let not_ours = |what: &str| LocalError::NotOurs { path: path.clone(), what: what.to_owned() };
    if is_ours(path) {
        return Err(not_ours("it is our own directory"));
    }
    let spot = root.spot(path)?;
    let everybody = Mode::RWXU | Mode::RWXG | Mode::RWXO;
    match rustix::fs::mkdirat(&spot.dir, spot.name.as_str(), everybody) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) => match spot.look() {
            Ok(seen) if seen.is_elsewhere(root.identity().device) => Err(not_ours("it is on another device")),
            Ok(seen) if seen.kind == FileType::Directory => Ok(()),
            Ok(seen) => Err(not_ours(&format!("it is a {}", look::kind_name(seen.kind)))),
            Err(errno) => Err(root.fail("examine", path, errno)),
        },
        Err(errno) => Err(root.fail("make", path, errno)),
    }
}

fn remove_dir(root: &Beneath, path: &MirrorPath) -> Result<(), LocalError> {
    if is_ours(path) {
        return Err(LocalError::NotOurs { path: path.clone(), what: "it is our own directory".to_owned() });
    }
    let spot = root.spot(path)?;
    match rustix::fs::unlinkat(&spot.dir, spot.name.as_str(), AtFlags::REMOVEDIR) {
        Ok(()) => flush(root, path, [&spot.dir]),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Err(spot.changed("it is not empty")),
        Err(errno) => Err(root.fail("remove", path, errno)),
    }
}

fn rename(root: &Beneath, from: &MirrorPath, expect: &Stat, to: &MirrorPath) -> Result<Stat, LocalError> {
    let (from, to) = (root.spot(from)?, root.spot(to)?);
    from.expect(root, expect)?;
    races::pass(Moment::BeforeMove);
    match moves::to_users(&from.dir, &from.name, &to.dir, &to.name) {
        Ok(()) => {}
        Err(Errno::EXIST) => {
            let found = to.look().map_or_else(|errno| errno.to_string(), |seen| look::describe(&seen));
            return Err(to.changed(found));
        }
        Err(errno) => return Err(root.fail("rename", &from.path, errno)),
    }
    let verified = trash::verify_moved(root, &from, (&to.dir, &to.name), expect);
    flush(root, &to.path, [&from.dir, &to.dir])?;
    Ok(placing::as_left(Ok(verified?), expect))
}

fn flush<const N: usize>(root: &Beneath, path: &MirrorPath, dirs: [impl AsFd; N]) -> Result<(), LocalError> {
    let mut touched = Touched::default();
    for dir in dirs {
        touched.add(dir);
    }
    touched.flush(root).map_err(|errno| root.fail("make durable", path, errno))
}

impl LocalSide for Disk {
    async fn root(&self) -> Result<Root, LocalError> {
        let path = Arc::clone(&self.path);
        blocking(move || mark::root_at(&path)).await
    }

    async fn plant(&self, mark: Mark) -> Result<RootIdentity, LocalError> {
        let path = Arc::clone(&self.path);
        blocking(move || mark::plant(&path, &mark)).await
    }

    async fn open(&self, identity: RootIdentity) -> Result<(), LocalError> {
        let path = Arc::clone(&self.path);
        let opened = blocking(move || match Beneath::open(&path) {
            Ok(root) if root.identity() == identity => Ok(root),
            Ok(_) | Err(Errno::NOENT | Errno::NOTDIR | Errno::STALE) => Err(LocalError::RootLost),
            Err(errno) => Err(LocalError::Io { what: "open", path: path.display().to_string(), cause: errno.into() }),
        })
        .await;
        match opened {
            Ok(root) => {
                self.set_opened(Some(Arc::new(root)));
                Ok(())
            }
            Err(error) => {
                self.set_opened(None);
                Err(error)
            }
        }
    }

    async fn folding(&self) -> Result<Folding, LocalError> {
        self.beneath_root(|root| fold(root)).await
    }

    async fn list(&self, dir: &MirrorPath) -> Result<DirListing, LocalError> {
        let (dir, rules, path) = (dir.clone(), Arc::clone(&self.rules), Arc::clone(&self.path));
        self.beneath_root(move |root| {
            let listing = listing::list(root, &rules, &dir)?;
            // Whoever mounts or moves something over the root hides everything that we just listed.
            if dir.is_root() && !is_still_there(&path, root.identity()) {
                return Err(LocalError::RootLost);
            }
            Ok(listing)
        })
        .await
    }

    fn is_ignored(&self, path: &MirrorPath, is_dir: bool) -> bool {
        self.rules.leaves_out(path, is_dir)
    }

    fn would_leave_out(&self, dir: &MirrorPath, rules: &str, paths: &[MirrorPath]) -> u64 {
        let with = self.rules.with(dir, rules);
        let newly = |path: &&MirrorPath| with.leaves_out(path, false) && !self.rules.leaves_out(path, false);
        paths.iter().filter(newly).count() as u64
    }

    async fn stat(&self, path: &MirrorPath) -> Result<Stat, LocalError> {
        let path = path.clone();
        self.beneath_root(move |root| Ok(root.spot(&path)?.file(root)?.stat)).await
    }

    async fn hash(&self, path: &MirrorPath, expect: Stat) -> Result<Content, LocalError> {
        let _lane = self.lanes.take(expect.size).await;
        let path = path.clone();
        self.beneath_root(move |root| reading::hash(root, &path, &expect)).await
    }

    async fn read(&self, path: &MirrorPath, expect: Stat, content: Content) -> Result<Payload, LocalError> {
        let path = path.clone();
        self.beneath_root(move |root| reading::read(root, &path, &expect, &content)).await
    }

    async fn make_dir(&self, path: &MirrorPath) -> Result<(), LocalError> {
        let path = path.clone();
        self.beneath_root(move |root| make_dir(root, &path)).await
    }

    async fn remove_dir(&self, path: &MirrorPath) -> Result<(), LocalError> {
        let path = path.clone();
        self.beneath_root(move |root| remove_dir(root, &path)).await
    }

    async fn partial_len(&self, key: &PartialKey) -> Result<u64, LocalError> {
        let key = key.clone();
        self.beneath_root(move |root| partial::length(root, &key)).await
    }

    async fn receive(&self, key: &PartialKey, from: u64, mut body: ByteStream) -> Result<Content, LocalError> {
        let (send, pieces) = mpsc::channel(QUEUE);
        let key = key.clone();
        let root = self.beneath()?;
        // It writes while we wait for the net. If this future is dropped, it writes what is queued and ends.
        let given_up = GivenUp::default();
        let may_begin = Arc::clone(&given_up.0);
        let writer = tokio::task::spawn_blocking(move || partial::append(&root, &key, from, pieces, &may_begin));
        let mut broke = None;
        while let Some(piece) = body.next().await {
            match piece {
                Ok(bytes) => {
                    if send.send(bytes).await.is_err() {
                        break;
                    }
                }
                Err(error) => {
                    broke = Some(error);
                    break;
                }
            }
        }
        drop(send);
        let written = joined(writer.await)?;
        match broke {
            None => Ok(written),
            Some(cause) => Err(LocalError::BrokeOff { received: written.size, cause }),
        }
    }

    async fn partial_content(&self, key: &PartialKey) -> Result<Option<Content>, LocalError> {
        let key = key.clone();
        self.beneath_root(move |root| partial::content(root, &key)).await
    }

    async fn discard_partial(&self, key: &PartialKey) -> Result<(), LocalError> {
        let key = key.clone();
        self.beneath_root(move |root| partial::discard(root, &key)).await
    }

    async fn discard_partials_except(&self, keep: &[PartialKey]) -> Result<u64, LocalError> {
        let keep = keep.to_vec();
        self.beneath_root(move |root| partial::discard_except(root, &keep)).await
    }

    async fn place(&self, placements: Vec<Placement>) -> Result<Vec<Result<Placed, LocalError>>, LocalError> {
        self.beneath_root(move |root| placing::place(root, &placements)).await
    }

    async fn trash(&self, path: &MirrorPath, expect: Stat, slot: &TrashSlot) -> Result<MirrorPath, LocalError> {
        let (path, slot) = (path.clone(), slot.clone());
        self.beneath_root(move |root| trash::trash(root, &path, &expect, &slot)).await
    }

    async fn rename(&self, from: &MirrorPath, expect: Stat, to: &MirrorPath) -> Result<Stat, LocalError> {
        let (from, to) = (from.clone(), to.clone());
        self.beneath_root(move |root| rename(root, &from, &expect, &to)).await
    }

    async fn sync(&self) -> Result<(), LocalError> {
        let sync = |root: &Beneath| rustix::fs::syncfs(root.handle());
        self.beneath_root(move |root| sync(root).map_err(|errno| root.fail("sync", &MirrorPath::ROOT, errno))).await
    }

    async fn free_bytes(&self) -> Result<u64, LocalError> {
        self.beneath_root(|root| {
            let told = rustix::fs::fstatvfs(root.handle())
                .map_err(|errno| root.fail("ask the free space of", &MirrorPath::ROOT, errno))?;
            Ok(told.f_bavail.saturating_mul(told.f_frsize))
        })
        .await
    }
}

#[cfg(test)]
mod swaps;
