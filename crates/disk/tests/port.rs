//! The disk through its port, on real directories.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use bytes::Bytes;
use damsync_disk::{Disk, Settings};
use damsync_model::content::Content;
use damsync_model::id::RunId;
use damsync_model::name::Folding;
use damsync_model::path::MirrorPath;
use damsync_model::time::UnixMs;
use damsync_model::tree::Stat;
use damsync_ports::{
    ByteStream, LocalError, LocalSide, Mark, PartialKey, Placement, Replaced, Root, RootIdentity, TrashSlot,
};
use futures_util::{StreamExt, stream};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

const LARGE: usize = 9 * 1024 * 1024 + 17;

struct Mirror {
    _dir: tempfile::TempDir,
    path: PathBuf,
    disk: Disk,
}

fn disk(path: &Path) -> Disk {
    Disk::new(Settings { root: path.to_owned(), ignore: vec!["*.tmp".to_owned()] }).unwrap()
}

fn mark(token: &str) -> Mark {
    Mark { token: token.to_owned(), name: "studio".to_owned() }
}

async fn planted() -> Mirror {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/studio");
    let disk = disk(&path);
    let identity = disk.plant(mark("t1")).await.unwrap();
    disk.open(identity).await.unwrap();
    Mirror { _dir: dir, path, disk }
}

impl Mirror {
    async fn file(&self, path: &str, bytes: impl AsRef<[u8]>) -> (MirrorPath, Stat) {
        let full = self.path.join(path);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        fs::write(full, bytes).unwrap();
        let path = mirror(path);
        let stat = self.disk.stat(&path).await.unwrap();
        (path, stat)
    }
}

fn mirror(path: &str) -> MirrorPath {
    MirrorPath::parse(path).unwrap()
}

fn key(version: &str) -> PartialKey {
    PartialKey { asset: 7.into(), version: version.to_owned() }
}

fn slot() -> TrashSlot {
    TrashSlot { at: UnixMs(1_769_700_512_376), run: RunId("../r 1".into()) }
}

fn body(pieces: impl IntoIterator<Item = io::Result<&'static str>>) -> ByteStream {
    let pieces: Vec<_> =
        pieces.into_iter().map(|piece| piece.map(|text| Bytes::from_static(text.as_bytes()))).collect();
    Box::pin(stream::iter(pieces))
}

fn broken() -> io::Result<&'static str> {
    Err(io::ErrorKind::ConnectionReset.into())
}

async fn content_of(text: &str) -> Content {
    let mirror = planted().await;
    let (path, stat) = mirror.file("x", text).await;
    mirror.disk.hash(&path, stat).await.unwrap()
}

async fn collect(mut body: ByteStream) -> (Vec<u8>, Option<io::Error>) {
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => return (bytes, Some(error)),
        }
    }
    (bytes, None)
}

#[tokio::test]
async fn the_root_is_looked_at_without_a_change() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("studio");
    let look = || async { disk(&path).root().await.unwrap() };
    assert_eq!(look().await, Root::Missing);
    fs::write(&path, "").unwrap();
    assert!(matches!(look().await, Root::Unusable(_)));
    fs::remove_file(&path).unwrap();
    symlink(dir.path().join("not mounted"), &path).unwrap();
    assert!(matches!(look().await, Root::Unusable(_)));
    fs::remove_file(&path).unwrap();
    fs::create_dir_all(path.join("lost+found")).unwrap();
    let found = fs::metadata(&path).unwrap();
    let identity = RootIdentity { device: found.dev(), inode: found.ino() };
    assert_eq!(look().await, Root::Unmarked { empty: true, identity });
    fs::write(path.join("a"), "").unwrap();
    assert_eq!(look().await, Root::Unmarked { empty: false, identity });
    assert_eq!(fs::read_dir(&path).unwrap().count(), 2);
    fs::create_dir(path.join(".damsync")).unwrap();
    assert_eq!(look().await, Root::Unmarked { empty: false, identity });
    for damaged in ["", "{", "{\"schema\":1}", "{\"schema\":2,\"mirror\":\"t\",\"name\":\"n\"}", "[]"] {
        fs::write(path.join(".damsync/mirror.json"), damaged).unwrap();
        assert!(matches!(look().await, Root::Unusable(_)), "{damaged}");
    }
    fs::remove_dir_all(path.join(".damsync")).unwrap();
    symlink(dir.path(), path.join(".damsync")).unwrap();
    assert!(matches!(look().await, Root::Unusable(_)));
}

#[tokio::test]
async fn planting_is_private_repeatable_and_refuses_another_mark() {
    let mirror = planted().await;
    let mode = |path: &str| fs::metadata(mirror.path.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(".damsync"), mode(".damsync/mirror.json")), (0o700, 0o600));
    let text = fs::read_to_string(mirror.path.join(".damsync/mirror.json")).unwrap();
    assert_eq!(text, "{\"schema\":1,\"mirror\":\"t1\",\"name\":\"studio\"}\n");
    let Root::Marked { mark: found, identity } = mirror.disk.root().await.unwrap() else { panic!("no mark") };
    assert_eq!(found, mark("t1"));
    assert_eq!(mirror.disk.plant(mark("t1")).await.unwrap(), identity);
    assert!(matches!(mirror.disk.plant(mark("t2")).await, Err(LocalError::NotOurs { .. })));
    let renamed = Mark { name: "other".to_owned(), ..mark("t1") };
    mirror.disk.plant(renamed.clone()).await.unwrap();
    assert_eq!(mirror.disk.root().await.unwrap(), Root::Marked { mark: renamed, identity });
    fs::write(mirror.path.join(".damsync/mirror.json"), "{").unwrap();
    assert!(matches!(mirror.disk.plant(mark("t1")).await, Err(LocalError::NotOurs { .. })));
}

#[tokio::test]
async fn a_root_that_was_exchanged_is_lost() {
    let mirror = planted().await;
    let Root::Marked { identity, .. } = mirror.disk.root().await.unwrap() else { panic!("no mark") };
    assert!(mirror.disk.list(&MirrorPath::ROOT).await.unwrap().is_empty());
    fs::rename(&mirror.path, mirror.path.with_extension("away")).unwrap();
    assert!(matches!(mirror.disk.list(&MirrorPath::ROOT).await, Err(LocalError::RootLost)));
    fs::create_dir(&mirror.path).unwrap();
    assert!(matches!(mirror.disk.list(&MirrorPath::ROOT).await, Err(LocalError::RootLost)));
    assert!(matches!(mirror.disk.open(identity).await, Err(LocalError::RootLost)));
    assert!(matches!(mirror.disk.stat(&MirrorPath::parse("a").unwrap()).await, Err(LocalError::RootLost)));
    assert!(matches!(disk(&mirror.path).free_bytes().await, Err(LocalError::RootLost)));
}

#[tokio::test]
async fn small_things_are_told() {
    let mirror = planted().await;
    assert_eq!(mirror.disk.folding().await.unwrap(), Folding::Exact);
    assert!(mirror.disk.free_bytes().await.unwrap() > 0);
    mirror.disk.sync().await.unwrap();
    assert!(mirror.disk.is_ignored(&MirrorPath::parse("a/b.tmp").unwrap(), false));
}

#[tokio::test]
async fn a_file_is_hashed_as_it_was_seen_or_not_at_all() {
    let mirror = planted().await;
    let (path, stat) = mirror.file("a/b.txt", "hello").await;
    let content = mirror.disk.hash(&path, stat).await.unwrap();
    assert_eq!(content.size, 5);
    assert_eq!(content.md5.to_string(), "5d41402abc4b2a76b9719d911017c592");
    let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(content.sha256.to_string(), sha256);
    let (_, newer) = mirror.file("a/b.txt", "hello again").await;
    assert!(matches!(mirror.disk.hash(&path, stat).await, Err(LocalError::Changed { .. })));
    assert!(mirror.disk.hash(&path, newer).await.is_ok());
    fs::remove_file(mirror.path.join("a/b.txt")).unwrap();
    assert!(matches!(mirror.disk.hash(&path, newer).await, Err(LocalError::Missing { .. })));
}

#[tokio::test]
async fn a_body_is_whole_or_errs() {
    let mirror = planted().await;
    for size in [0, 1, 8 * 1024 * 1024, 8 * 1024 * 1024 + 1, LARGE] {
        let bytes: Vec<u8> = (0..size).map(|at| (at % 253) as u8).collect();
        let (path, stat) = mirror.file("a.raw", &bytes).await;
        let content = mirror.disk.hash(&path, stat).await.unwrap();
        let payload = mirror.disk.read(&path, stat, content).await.unwrap();
        assert_eq!((payload.size, payload.md5), (size as u64, content.md5));
        let (sent, error) = collect(payload.body).await;
        assert!(error.is_none() && sent == bytes, "{size}");
        assert!(matches!(
            mirror.disk.read(&path, Stat { ctime_ns: 1, ..stat }, content).await,
            Err(LocalError::Changed { .. })
        ));
    }
}

#[tokio::test]
async fn other_bytes_under_the_same_stat_are_never_sent_whole() {
    let mirror = planted().await;
    let other = content_of("other").await;
    let (path, stat) = mirror.file("small", "12345").await;
    assert!(matches!(mirror.disk.read(&path, stat, other).await, Err(LocalError::Changed { .. })));
    let (path, stat) = mirror.file("large", vec![1; LARGE]).await;
    let wrong = Content { size: LARGE as u64, ..other };
    let (sent, error) = collect(mirror.disk.read(&path, stat, wrong).await.unwrap().body).await;
    assert!(sent.len() < LARGE && error.is_some(), "{}", sent.len());
}

#[tokio::test]
async fn a_file_changed_on_the_way_ends_the_body_early() {
    let mirror = planted().await;
    let (path, stat) = mirror.file("large", vec![1; LARGE]).await;
    let content = mirror.disk.hash(&path, stat).await.unwrap();
    let mut payload = mirror.disk.read(&path, stat, content).await.unwrap();
    payload.body.next().await.unwrap().unwrap();
    fs::OpenOptions::new()
        .append(true)
        .open(mirror.path.join("large"))
        .and_then(|mut file| io::Write::write_all(&mut file, b"more"))
        .unwrap();
    let (sent, error) = collect(payload.body).await;
    assert!(sent.len() < LARGE && error.is_some(), "{}", sent.len());
}

#[tokio::test]
async fn a_partial_is_resumed_where_it_broke_off() {
    let mirror = planted().await;
    let key = key("2026-01-29T15:28:32.376Z");
    assert_eq!(mirror.disk.partial_len(&key).await.unwrap(), 0);
    assert_eq!(mirror.disk.partial_content(&key).await.unwrap(), None);
    let broke = mirror.disk.receive(&key, 0, body([Ok("hel"), Ok("lo "), broken()])).await;
    assert!(matches!(broke, Err(LocalError::BrokeOff { received: 6, .. })), "{broke:?}");
    assert_eq!(mirror.disk.partial_len(&key).await.unwrap(), 6);
    let hello = content_of("hello world").await;
    assert_eq!(mirror.disk.receive(&key, 6, body([Ok("world")])).await.unwrap(), hello);
    assert_eq!(mirror.disk.partial_content(&key).await.unwrap(), Some(hello));
    // The server may send less than was asked for: what lies behind is cut off.
    assert_eq!(mirror.disk.receive(&key, 5, body([])).await.unwrap(), content_of("hello").await);
    assert!(matches!(mirror.disk.receive(&key, 6, body([])).await, Err(LocalError::Mismatch { .. })));
    assert_eq!(mirror.disk.receive(&key, 0, body([])).await.unwrap(), content_of("").await);
    mirror.disk.discard_partial(&key).await.unwrap();
    mirror.disk.discard_partial(&key).await.unwrap();
    assert_eq!(mirror.disk.partial_content(&key).await.unwrap(), None);
}

#[tokio::test]
async fn only_the_partials_that_nobody_wants_are_thrown_away() {
    let mirror = planted().await;
    let keys = ["1", "2", "a/../b", "a/../B", "2-1"].map(key);
    for key in &keys {
        mirror.disk.receive(key, 0, body([Ok("x")])).await.unwrap();
    }
    let partials = mirror.path.join(".damsync/partial");
    assert_eq!(fs::read_dir(&partials).unwrap().count(), keys.len(), "no two keys share a file");
    fs::create_dir(partials.join("directory")).unwrap();
    assert_eq!(mirror.disk.discard_partials_except(&keys[1..3]).await.unwrap(), 3);
    for (key, kept) in keys.iter().zip([0, 1, 1, 0, 0]) {
        assert_eq!(mirror.disk.partial_len(key).await.unwrap(), kept, "{key:?}");
    }
    assert!(partials.join("directory").is_dir());
}

#[tokio::test]
async fn a_partial_that_is_a_link_is_refused() {
    let mirror = planted().await;
    let victim = mirror.path.join("victim");
    fs::write(&victim, "mine").unwrap();
    mirror.disk.receive(&key("1"), 0, body([Ok("x")])).await.unwrap();
    fs::remove_file(mirror.path.join(".damsync/partial/7-1")).unwrap();
    symlink(&victim, mirror.path.join(".damsync/partial/7-1")).unwrap();
    assert!(matches!(mirror.disk.receive(&key("1"), 0, body([Ok("x")])).await, Err(LocalError::NotOurs { .. })));
    assert_eq!(fs::read_to_string(victim).unwrap(), "mine");
}

#[tokio::test]
async fn a_transfer_that_was_given_up_never_cuts_off_a_later_one() {
    let mirror = planted().await;
    for round in 0..50 {
        let key = key(&round.to_string());
        let endless: ByteStream = Box::pin(stream::iter([Ok(Bytes::from_static(b"old"))]).chain(stream::pending()));
        let given_up =
            tokio::time::timeout(std::time::Duration::from_micros(round * 20), mirror.disk.receive(&key, 0, endless));
        assert!(given_up.await.is_err());
        mirror.disk.receive(&key, 0, body([Ok("hello")])).await.unwrap();
        let target = MirrorPath::parse(&format!("{round}.jpg")).unwrap();
        let placement =
            Placement { partial: key, target, replaces: Replaced::Nothing, modified: UnixMs(1_700_000_000_000) };
        mirror.disk.place(vec![placement]).await.unwrap().remove(0).unwrap();
    }
    for round in 0..50 {
        assert_eq!(fs::read_to_string(mirror.path.join(format!("{round}.jpg"))).unwrap(), "hello");
    }
}

#[tokio::test]
async fn placed_files_are_what_the_next_listing_shows() {
    let mirror = planted().await;
    let (target, expect) = mirror.file("a/b.jpg", "old").await;
    mirror.disk.receive(&key("2"), 0, body([Ok("new")])).await.unwrap();
    let copy = MirrorPath::parse("a/b copy.jpg").unwrap();
    let replaces = Replaced::ToCopy(expect, vec![copy.clone()]);
    let placement =
        Placement { partial: key("2"), target: target.clone(), replaces, modified: UnixMs(1_700_000_000_123) };
    let placed = mirror.disk.place(vec![placement]).await.unwrap().remove(0).unwrap();
    assert_eq!(placed.stat, mirror.disk.stat(&target).await.unwrap());
    assert_eq!(placed.stat.mtime_ns, 1_700_000_000_123_000_000);
    let (at, stat) = placed.copy.unwrap();
    assert_eq!((at, stat), (copy.clone(), mirror.disk.stat(&copy).await.unwrap()));
    assert_eq!((stat.inode, stat.mtime_ns), (expect.inode, expect.mtime_ns));
}

#[tokio::test]
async fn trashing_and_renaming_touch_only_what_was_seen() {
    let mirror = planted().await;
    let (path, seen) = mirror.file("a/b.jpg", "1").await;
    let trashed = mirror.disk.trash(&path, seen, &slot()).await.unwrap();
    assert_eq!(trashed.as_str(), ".damsync/trash/20260129T152832Z-.._r_1/a/b.jpg");
    assert_eq!(fs::read_to_string(mirror.path.join(trashed.as_str())).unwrap(), "1");
    assert!(matches!(mirror.disk.trash(&path, seen, &slot()).await, Err(LocalError::Missing { .. })));
    let (_, newer) = mirror.file("a/b.jpg", "22").await;
    assert!(matches!(mirror.disk.trash(&path, seen, &slot()).await, Err(LocalError::Changed { .. })));
    let to = MirrorPath::parse("c.jpg").unwrap();
    assert!(matches!(mirror.disk.rename(&path, seen, &to).await, Err(LocalError::Changed { .. })));
    let stat = mirror.disk.rename(&path, newer, &to).await.unwrap();
    assert_eq!(stat, mirror.disk.stat(&to).await.unwrap());
    let (_, other) = mirror.file("a/b.jpg", "other").await;
    let taken = mirror.disk.rename(&path, other, &to).await;
    assert!(matches!(taken, Err(LocalError::Changed { path, .. }) if path == to));
    assert_eq!(fs::read_to_string(mirror.path.join("c.jpg")).unwrap(), "22");
}

#[tokio::test]
async fn names_of_255_bytes_go_everywhere() {
    let mirror = planted().await;
    let name = format!("{}.jpeg", "ü".repeat(125));
    for text in ["1", "2"] {
        let (path, seen) = mirror.file(&format!("{name}/{name}"), text).await;
        mirror.disk.trash(&path, seen, &slot()).await.unwrap();
    }
    let (path, seen) = mirror.file(&name.replace("ü", "é"), "3").await;
    mirror.disk.receive(&key(&name), 0, body([Ok("4")])).await.unwrap();
    let replaces = Replaced::ToTrash(seen, slot());
    let placement = Placement { partial: key(&name), target: path, replaces, modified: UnixMs(1_700_000_000_000) };
    mirror.disk.place(vec![placement]).await.unwrap().remove(0).unwrap();
}

#[tokio::test]
async fn directories_are_made_and_removed_only_when_empty() {
    let mirror = planted().await;
    let dir = MirrorPath::parse("a").unwrap();
    mirror.disk.make_dir(&dir).await.unwrap();
    mirror.disk.make_dir(&dir).await.unwrap();
    let missing = mirror.disk.make_dir(&MirrorPath::parse("b/c").unwrap()).await;
    assert!(matches!(missing, Err(LocalError::Missing { .. })));
    let (file, _) = mirror.file("a/x", "").await;
    assert!(matches!(mirror.disk.make_dir(&file).await, Err(LocalError::NotOurs { .. })));
    assert!(matches!(mirror.disk.remove_dir(&file).await, Err(LocalError::NotOurs { .. })));
    assert!(matches!(mirror.disk.remove_dir(&dir).await, Err(LocalError::Changed { .. })));
    fs::remove_file(mirror.path.join("a/x")).unwrap();
    mirror.disk.remove_dir(&dir).await.unwrap();
    assert!(matches!(mirror.disk.remove_dir(&dir).await, Err(LocalError::Missing { .. })));
    symlink("/", mirror.path.join("link")).unwrap();
    for path in ["link", "link/x", ".damsync", ".damsync/x", ""] {
        let path = MirrorPath::parse(path).unwrap();
        assert!(matches!(mirror.disk.make_dir(&path).await, Err(LocalError::NotOurs { .. })), "{path}");
        assert!(matches!(mirror.disk.remove_dir(&path).await, Err(LocalError::NotOurs { .. })), "{path}");
    }
}
