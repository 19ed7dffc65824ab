//! A directory that is exchanged for a link to the outside, thousands of times, in the middle of everything.
//!
//! A second thread exchanges without pause. Each act of the port is repeated until it has gone well and has been refused
//! hundreds of times; outside, nothing may be made, changed, moved, or so much as read.

use super::*;
use bytes::Bytes;
use damsync_model::id::RunId;
use damsync_model::time::UnixMs;
use damsync_ports::{EntryKind, Replaced};
use futures_util::stream;
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, OFlags, RenameFlags, Timespec, Timestamps, renameat_with};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::sync::atomic::AtomicU64;

/// So often each act must go well, and so often it must be refused.
const TIMES: u32 = 300;

/// So many exchanges must have happened during the acts of each round.
const SWAPS: u64 = 1000;

/// An act that never goes well, or is never refused, ends the test here.
const MOST_TRIES: u32 = 100_000;

const OUR_BYTES: &str = "the user's own bytes";
const CANARY_BYTES: &str = "bytes of the outside";

/// What may not be touched: every path outside, with the object that it is, its length, and all its times.
type Outside = Vec<(PathBuf, u64, u64, [i64; 6])>;

struct Arena {
    _dir: tempfile::TempDir,
    root: PathBuf,
    outside: Vec<PathBuf>,
    disk: Disk,
}

fn mirror(path: &str) -> MirrorPath {
    MirrorPath::parse(path).unwrap()
}

fn key() -> PartialKey {
    PartialKey { asset: 7.into(), version: "1".to_owned() }
}

fn slot() -> TrashSlot {
    TrashSlot { at: UnixMs(1_769_700_512_376), run: RunId("r1".into()) }
}

fn body() -> ByteStream {
    Box::pin(stream::iter([Ok(Bytes::from_static(OUR_BYTES.as_bytes()))]))
}

fn our_content() -> Content {
    let mut hasher = crate::hashing::Hasher::default();
    hasher.update(OUR_BYTES.as_bytes());
    hasher.finish()
}

impl Arena {
    /// A mirror with directories of each kind, and beside it an outside with the same names in it.
    async fn new(stepwise: bool) -> Self {
        // In memory where that is to be had: durability is not what is tested.
        let dir = tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap());
        let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
        for path in ["a/s", "t/d", "keep", ".damsync/partial", ".damsync/trash"] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        let disk = Disk::new(Settings { root: root.clone(), ignore: Vec::new() }).unwrap();
        let identity = disk.plant(Mark { token: "t".into(), name: "n".into() }).await.unwrap();
        disk.open(identity).await.unwrap();
        if stepwise {
            disk.set_opened(Some(Arc::new(Beneath::open_stepwise(&root).unwrap())));
        }
        let partial = format!("partial/{}", partial::file_name(&key()));
        let directories = ["", "s", "d", "partial", "trash"];
        let files =
            ["x", "z", "s/x", "d/x", "canary", "s/canary", "d/canary", "mirror.json", ".damsyncignore", &partial];
        for path in directories {
            fs::create_dir_all(outside.join(path)).unwrap();
        }
        for path in files {
            fs::write(outside.join(path), CANARY_BYTES).unwrap();
        }
        // Links that lead over no mount, and one that begins at the top.
        let links = [
            ("b", "../outside"),
            ("t/e", "../../outside/d"),
            (".damsync/b", "../../outside/partial"),
            (".damsync/c", "../../outside/trash"),
        ];
        for (link, target) in links {
            symlink(target, root.join(link)).unwrap();
        }
        symlink(&outside, root.join("o")).unwrap();
        let outside: Vec<PathBuf> = directories.iter().chain(&files).map(|path| outside.join(path)).collect();
        for path in &outside {
            // Older than the last change, so that the next reading renews it on any usual mount.
            let last_access = Timespec { tv_sec: 1, tv_nsec: 0 };
            let times = Timestamps { last_access, last_modification: Timespec { tv_sec: 2, tv_nsec: 0 } };
            rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        }
        Self { _dir: dir, root, outside, disk }
    }

    fn outside(&self) -> Outside {
        let look = |path: &PathBuf| {
            let seen = fs::symlink_metadata(path).unwrap();
            let times =
                [seen.atime(), seen.atime_nsec(), seen.mtime(), seen.mtime_nsec(), seen.ctime(), seen.ctime_nsec()];
            (path.clone(), seen.ino(), seen.size(), times)
        };
        self.outside.iter().map(look).collect()
    }

    /// Exchanges each of these pairs without pause while `acts` run, and then looks whether anything happened outside.
    async fn while_exchanging<F: Future<Output = ()>>(&self, pairs: &[(&str, &str)], acts: F) {
        let before = self.outside();
        let pairs: Vec<_> = pairs.iter().map(|(one, other)| (self.root.join(one), self.root.join(other))).collect();
        let (ended, swaps) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (until, count) = (Ended(Arc::clone(&ended)), Arc::clone(&swaps));
        let other = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                // There and back, so that everything stands in its place at the end.
                for (one, other) in pairs.iter().chain(&pairs) {
                    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        acts.await;
        drop(until);
        other.join().unwrap();
        assert!(swaps.load(Ordering::Relaxed) >= SWAPS, "{swaps:?} exchanges");
        assert_eq!(self.outside(), before, "something was done outside");
        for path in self.outside.iter().filter(|path| path.is_file()) {
            assert_eq!(fs::read_to_string(path).unwrap(), CANARY_BYTES, "{}", path.display());
        }
    }

    /// Receives a body and places it.
    async fn place(&self, target: MirrorPath, replaces: Replaced) -> Result<Placed, LocalError> {
        self.disk.receive(&key(), 0, body()).await?;
        self.place_received(target, replaces).await
    }

    async fn place_received(&self, target: MirrorPath, replaces: Replaced) -> Result<Placed, LocalError> {
        let placement = Placement { partial: key(), target, replaces, modified: UnixMs(1_769_700_512_376) };
        self.disk.place(vec![placement]).await?.remove(0)
    }

    /// Repeats an act of `dirs` in turn until it has gone well and has been refused often enough.
    async fn repeat<'a>(&self, name: &str, dirs: &'a [Dir], act: impl AsyncFn(&'a Dir) -> Result<(), LocalError>) {
        let (mut well, mut refused) = (0, 0);
        for dir in dirs.iter().cycle().take(MOST_TRIES as usize) {
            match act(dir).await {
                Ok(()) => well += 1,
                // The directory is always there, and so is what is in it: it is behind a link, never "missing".
                Err(LocalError::NotOurs { .. }) => refused += 1,
                Err(error) => panic!("{name} in {}: {error:?}", dir.path),
            }
            if well >= TIMES && refused >= TIMES {
                return;
            }
        }
        panic!("{name}: {well} times well, {refused} times refused");
    }
}

/// Ends the exchanging, also when a test fails.
struct Ended(Arc<AtomicBool>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A directory of the mirror, with a handle that finds it wherever it is at the moment.
struct Dir {
    path: MirrorPath,
    handle: OwnedFd,
}

impl Dir {
    fn open(arena: &Arena, path: &str) -> Self {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(arena.root.join(path), flags, Mode::empty()).unwrap();
        Self { path: mirror(path), handle }
    }

    fn at(&self, name: &str) -> MirrorPath {
        mirror(&format!("{}/{name}", self.path))
    }

    fn has(&self, name: &str) -> bool {
        look::at(&self.handle, name).is_ok()
    }

    fn put(&self, name: &str) -> Stat {
        if !self.has(name) {
            let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
            let file = rustix::fs::openat(&self.handle, name, flags, Mode::RWXU).unwrap();
            rustix::io::write(&file, OUR_BYTES.as_bytes()).unwrap();
        }
        look::at(&self.handle, name).unwrap().stat
    }

    fn remove(&self, name: &str, flags: AtFlags) {
        if self.has(name) {
            rustix::fs::unlinkat(&self.handle, name, flags).unwrap();
        }
    }
}

async fn users_directories(stepwise: bool) {
    let arena = Arena::new(stepwise).await;
    let disk = &arena.disk;
    let dirs = ["a", "a/s", "t/d"].map(|path| Dir::open(&arena, path));
    let keep = Dir::open(&arena, "keep");
    let canary = look::at(CWD, arena.outside[1].join("x").as_path()).unwrap().stat;
    let acts = async {
        arena
            .repeat("list", &dirs, async |dir| {
                let expect = dir.put("x");
                let names = disk.list(&dir.path).await?;
                let of_canary = |kind: &EntryKind| matches!(kind, EntryKind::File { stat, .. } if *stat == canary);
                assert!(names.iter().all(|entry| entry.name != "canary" && !of_canary(&entry.kind)), "{names:?}");
                let ours = EntryKind::File { stat: expect, links: 1 };
                assert!(names.iter().any(|entry| entry.name == "x" && entry.kind == ours), "{names:?}");
                Ok(())
            })
            .await;
        arena
            .repeat("stat", &dirs, async |dir| {
                let expect = dir.put("x");
                assert_eq!(disk.stat(&dir.at("x")).await?, expect);
                Ok(())
            })
            .await;
        arena
            .repeat("hash", &dirs, async |dir| {
                let expect = dir.put("x");
                assert_eq!(disk.hash(&dir.at("x"), expect).await?, our_content());
                Ok(())
            })
            .await;
        arena
            .repeat("read", &dirs, async |dir| {
                let expect = dir.put("x");
                let mut payload = disk.read(&dir.at("x"), expect, our_content()).await?;
                assert_eq!(payload.body.next().await.unwrap().unwrap(), OUR_BYTES);
                Ok(())
            })
            .await;
        arena
            .repeat("make a directory", &dirs, async |dir| {
                dir.remove("m", AtFlags::REMOVEDIR);
                let made = disk.make_dir(&dir.at("m")).await;
                assert_eq!(made.is_ok(), dir.has("m"));
                made
            })
            .await;
        arena
            .repeat("remove a directory", &dirs, async |dir| {
                let _ = rustix::fs::mkdirat(&dir.handle, "m", Mode::RWXU);
                let removed = disk.remove_dir(&dir.at("m")).await;
                assert_eq!(removed.is_err(), dir.has("m"));
                removed
            })
            .await;
        arena
            .repeat("rename", &dirs, async |dir| {
                dir.remove("z", AtFlags::empty());
                let expect = dir.put("x");
                let renamed = disk.rename(&dir.at("x"), expect, &dir.at("z")).await;
                assert_eq!((dir.has("x"), dir.has("z")), (renamed.is_err(), renamed.is_ok()));
                renamed.map(|_| ())
            })
            .await;
        arena
            .repeat("move away", &dirs, async |dir| {
                keep.remove("z", AtFlags::empty());
                let expect = dir.put("x");
                let renamed = disk.rename(&dir.at("x"), expect, &keep.at("z")).await;
                assert_eq!((dir.has("x"), keep.has("z")), (renamed.is_err(), renamed.is_ok()));
                renamed.map(|_| ())
            })
            .await;
        arena
            .repeat("move there", &dirs, async |dir| {
                dir.remove("z", AtFlags::empty());
                let expect = keep.put("x");
                let renamed = disk.rename(&keep.at("x"), expect, &dir.at("z")).await;
                assert_eq!((keep.has("x"), dir.has("z")), (renamed.is_err(), renamed.is_ok()));
                renamed.map(|_| ())
            })
            .await;
        arena
            .repeat("trash", &dirs, async |dir| {
                let expect = dir.put("x");
                let trashed = disk.trash(&dir.at("x"), expect, &slot()).await;
                assert_eq!(dir.has("x"), trashed.is_err());
                if let Ok(path) = &trashed {
                    fs::remove_file(arena.root.join(path.as_str())).unwrap();
                }
                trashed.map(|_| ())
            })
            .await;
        arena
            .repeat("place", &dirs, async |dir| {
                dir.remove("z", AtFlags::empty());
                let placed = arena.place(dir.at("z"), Replaced::Nothing).await;
                assert_eq!(dir.has("z"), placed.is_ok());
                placed.map(|_| ())
            })
            .await;
        arena
            .repeat("replace", &dirs, async |dir| {
                let expect = dir.put("x");
                let placed = arena.place(dir.at("x"), Replaced::ToTrash(expect, slot())).await;
                assert_eq!(dir.put("x") != expect, placed.is_ok());
                placed.map(|_| ())
            })
            .await;
        arena
            .repeat("place beside a copy", &dirs, async |dir| {
                dir.remove("z", AtFlags::empty());
                let expect = dir.put("x");
                let placed = arena.place(dir.at("x"), Replaced::ToCopy(expect, vec![dir.at("z")])).await;
                assert!(dir.has("x") && dir.has("z") == placed.is_ok());
                placed.map(|_| ())
            })
            .await;
    };
    arena.while_exchanging(&[("a", "b"), ("t/d", "t/e")], acts).await;
}

async fn our_directories(stepwise: bool) {
    let arena = Arena::new(stepwise).await;
    let disk = &arena.disk;
    let partials = [Dir::open(&arena, ".damsync/partial")];
    let keep = [Dir::open(&arena, "keep")];
    let name = partial::file_name(&key());
    let length = OUR_BYTES.len() as u64;
    let acts = async {
        arena
            .repeat("receive", &partials, async |_| {
                assert_eq!(disk.receive(&key(), 0, body()).await?, our_content());
                Ok(())
            })
            .await;
        arena
            .repeat("continue", &partials, async |dir| {
                dir.put(&name);
                let rest = Box::pin(stream::iter([Ok(Bytes::from_static(&OUR_BYTES.as_bytes()[4..]))]));
                assert_eq!(disk.receive(&key(), 4, rest).await?, our_content());
                Ok(())
            })
            .await;
        arena
            .repeat("measure", &partials, async |dir| {
                dir.put(&name);
                assert_eq!(disk.partial_len(&key()).await?, length);
                Ok(())
            })
            .await;
        arena
            .repeat("hash what was received", &partials, async |dir| {
                dir.put(&name);
                assert_eq!(disk.partial_content(&key()).await?, Some(our_content()));
                Ok(())
            })
            .await;
        arena
            .repeat("discard", &partials, async |dir| {
                dir.put(&name);
                let discarded = disk.discard_partial(&key()).await;
                assert_eq!(dir.has(&name), discarded.is_err());
                discarded
            })
            .await;
        arena
            .repeat("discard all", &partials, async |dir| {
                dir.put(&name);
                let discarded = disk.discard_partials_except(&[]).await;
                assert_eq!(dir.has(&name), discarded.is_err());
                discarded.map(|_| ())
            })
            .await;
        arena
            .repeat("place", &keep, async |dir| {
                partials[0].put(&name);
                dir.remove("z", AtFlags::empty());
                let placed = arena.place_received(dir.at("z"), Replaced::Nothing).await;
                assert_eq!(dir.has("z"), placed.is_ok());
                placed.map(|_| ())
            })
            .await;
        arena
            .repeat("trash", &keep, async |dir| {
                let expect = dir.put("x");
                let trashed = disk.trash(&dir.at("x"), expect, &slot()).await;
                assert_eq!(dir.has("x"), trashed.is_err());
                trashed.map(|_| ())
            })
            .await;
        arena
            .repeat("replace", &keep, async |dir| {
                partials[0].put(&name);
                let expect = dir.put("x");
                let placed = arena.place_received(dir.at("x"), Replaced::ToTrash(expect, slot())).await;
                assert_eq!(dir.put("x") != expect, placed.is_ok());
                placed.map(|_| ())
            })
            .await;
    };
    arena.while_exchanging(&[(".damsync/partial", ".damsync/b"), (".damsync/trash", ".damsync/c")], acts).await;
    let ours = Mark { token: "t".into(), name: "n".into() };
    let acts = async {
        arena
            .repeat("look at the mark", &keep, async |_| match disk.root().await? {
                Root::Marked { mark, .. } if mark == ours => Ok(()),
                Root::Unusable(what) => Err(LocalError::NotOurs { path: MirrorPath::ROOT, what }),
                other => panic!("{other:?}"),
            })
            .await;
        arena.repeat("plant the mark", &keep, async |_| disk.plant(ours.clone()).await.map(|_| ())).await;
        arena.repeat("receive", &keep, async |_| disk.receive(&key(), 0, body()).await.map(|_| ())).await;
    };
    arena.while_exchanging(&[(".damsync", "o")], acts).await;
}

#[tokio::test]
async fn a_users_directory_that_is_exchanged_for_a_link_all_the_time_never_leads_outside() {
    users_directories(false).await;
}

#[tokio::test]
async fn nor_does_it_where_the_kernel_cannot_open_beneath() {
    users_directories(true).await;
}

#[tokio::test]
async fn our_own_directory_that_is_exchanged_for_a_link_all_the_time_never_leads_outside() {
    our_directories(false).await;
}

#[tokio::test]
async fn nor_does_our_own_where_the_kernel_cannot_open_beneath() {
    our_directories(true).await;
}
