//! The watcher on real directories.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use damsync_model::path::MirrorPath;
use damsync_watcher::{Signal, WatchError, Watcher};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

fn path(text: &str) -> MirrorPath {
    MirrorPath::parse(text).unwrap()
}

/// Waits until all of these were told; returns all that was.
async fn told(watcher: &Watcher, expected: &[Signal]) -> BTreeSet<Signal> {
    let mut seen = BTreeSet::new();
    let wait = async {
        while !expected.iter().all(|signal| seen.contains(signal)) {
            seen.extend(watcher.next().await);
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(20), wait).await;
    assert!(done.is_ok(), "expected {expected:?}, told {seen:?}");
    seen
}

fn start(root: &Path) -> Watcher {
    Watcher::start(root).unwrap()
}

#[tokio::test]
async fn writing_and_deleting_dirties_the_directory() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("a")).unwrap();
    let watcher = start(root.path());
    fs::write(root.path().join("a/b.jpg"), "1").unwrap();
    told(&watcher, &[Signal::Dirty(path("a"))]).await;
    fs::remove_file(root.path().join("a/b.jpg")).unwrap();
    told(&watcher, &[Signal::Dirty(path("a"))]).await;
}

#[tokio::test]
async fn a_tree_that_is_moved_in_is_looked_at_whole() {
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(other.path().join("shoot/raw")).unwrap();
    let watcher = start(root.path());
    fs::rename(other.path().join("shoot"), root.path().join("shoot")).unwrap();
    told(&watcher, &[Signal::Dirty(path("")), Signal::DirtyTree(path("shoot"))]).await;
    fs::write(root.path().join("shoot/raw/1.jpg"), "1").unwrap();
    fs::create_dir(root.path().join("last")).unwrap();
    told(&watcher, &[Signal::DirtyTree(path("last"))]).await;
}

#[tokio::test]
async fn our_own_directory_and_reading_are_silent() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join(".damsync/partial")).unwrap();
    fs::write(root.path().join("a.jpg"), "1").unwrap();
    let watcher = start(root.path());
    fs::read(root.path().join("a.jpg")).unwrap();
    fs::read_dir(root.path()).unwrap().count();
    fs::write(root.path().join(".damsync/partial/7-1"), "1").unwrap();
    fs::create_dir(root.path().join("last")).unwrap();
    let seen = told(&watcher, &[Signal::DirtyTree(path("last"))]).await;
    assert_eq!(seen, BTreeSet::from([Signal::Dirty(path("")), Signal::DirtyTree(path("last"))]));
}

#[tokio::test]
async fn a_root_that_is_moved_away_or_loses_its_mark_is_told() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("studio");
    fs::create_dir_all(root.join(".damsync")).unwrap();
    fs::write(root.join(".damsync/mirror.json"), "{}").unwrap();
    let watcher = start(&root);
    fs::remove_file(root.join(".damsync/mirror.json")).unwrap();
    told(&watcher, &[Signal::RootChanged]).await;
    fs::rename(&root, outer.path().join("elsewhere")).unwrap();
    told(&watcher, &[Signal::RootChanged]).await;
}

#[tokio::test]
async fn links_are_not_followed() {
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::os::unix::fs::symlink(other.path(), root.path().join("link")).unwrap();
    let watcher = start(root.path());
    fs::write(other.path().join("b.jpg"), "1").unwrap();
    fs::create_dir(root.path().join("last")).unwrap();
    let seen = told(&watcher, &[Signal::DirtyTree(path("last"))]).await;
    assert_eq!(seen, BTreeSet::from([Signal::Dirty(path("")), Signal::DirtyTree(path("last"))]));
}

#[tokio::test]
async fn a_root_reached_over_a_link_is_watched() {
    let outer = tempfile::tempdir().unwrap();
    fs::create_dir(outer.path().join("real")).unwrap();
    std::os::unix::fs::symlink("real", outer.path().join("link")).unwrap();
    let watcher = start(&outer.path().join("link"));
    fs::write(outer.path().join("real/a.jpg"), "1").unwrap();
    told(&watcher, &[Signal::Dirty(path(""))]).await;
}

#[test]
fn a_root_that_is_not_there_is_an_error() {
    let outer = tempfile::tempdir().unwrap();
    assert!(matches!(Watcher::start(&outer.path().join("gone")), Err(WatchError::Root { .. })));
}
