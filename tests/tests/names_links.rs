//! Hard links: one file with two names is two assets, and neither name's fate is the other's.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Asset, Setup, md5};
use std::fs;
use std::os::unix::fs::MetadataExt;

/// `a.jpg` and `sub/b.jpg`, one inode, synced.
fn linked() -> (Setup, Asset, Asset) {
    let setup = Setup::new();
    setup.write("a.jpg", "base");
    setup.mkdir("sub");
    fs::hard_link(setup.path("a.jpg"), setup.path("sub/b.jpg")).unwrap();
    setup.sync(&[("pushed_new", 2), ("folders_created_remote", 1)]);
    let [a, b] = ["a.jpg", "b.jpg"].map(|name| setup.asset_named(name));
    setup.stable(&[("a.jpg", &a, "base"), ("sub/b.jpg", &b, "base")]);
    assert!(is_one(&setup));
    (setup, a, b)
}

fn inode(setup: &Setup, path: &str) -> u64 {
    setup.path(path).metadata().unwrap().ino()
}

fn is_one(setup: &Setup) -> bool {
    inode(setup, "a.jpg") == inode(setup, "sub/b.jpg")
}

#[test]
fn two_names_of_one_file_are_two_assets() {
    let (setup, a, b) = linked();
    assert_ne!(a.guid(), b.guid());
    setup.settled();
    // Also without a state: a link is known by its path.
    fs::remove_dir_all(&setup.state).unwrap();
    setup.sync(&[("adopted", 2)]);
    setup.stable(&[("a.jpg", &a, "base"), ("sub/b.jpg", &b, "base")]);
}

#[test]
fn an_edit_through_one_name_is_an_edit_of_both() {
    let (setup, a, b) = linked();
    setup.write("a.jpg", "edited through a");
    assert_eq!(setup.read("sub/b.jpg"), b"edited through a");
    setup.sync(&[("pushed_versions", 2)]);
    setup.stable(&[("a.jpg", &a, "edited through a"), ("sub/b.jpg", &b, "edited through a")]);
    assert!(is_one(&setup));
}

#[test]
fn a_new_version_of_one_leaves_the_bytes_of_the_other() {
    let (setup, a, b) = linked();
    setup.sandbox.version(&a, "theirs");
    setup.sync(&[("pulled", 1)]);
    setup.stable(&[("a.jpg", &a, "theirs"), ("sub/b.jpg", &b, "base")]);
    assert!(!is_one(&setup));
    assert_eq!(setup.trash(), [("a.jpg".to_owned(), md5("base"))].into());
    setup.write("sub/b.jpg", "b alone");
    setup.sync(&[("pushed_versions", 1)]);
    setup.stable(&[("a.jpg", &a, "theirs"), ("sub/b.jpg", &b, "b alone")]);
}

#[test]
fn new_versions_of_both_arrive_in_both() {
    let (setup, a, b) = linked();
    setup.sandbox.version(&a, "theirs a");
    setup.sandbox.version(&b, "theirs b");
    setup.sync(&[("pulled", 2)]);
    setup.stable(&[("a.jpg", &a, "theirs a"), ("sub/b.jpg", &b, "theirs b")]);
}

#[test]
fn trashing_one_leaves_the_other() {
    let (setup, a, b) = linked();
    setup.sandbox.trash(&a);
    setup.sync(&[("trashed_local", 1)]);
    setup.stable(&[("sub/b.jpg", &b, "base")]);
    // The one in the trash is the same file still; an edit of the live one must not be taken for two.
    setup.write("sub/b.jpg", "edited");
    setup.sync(&[("pushed_versions", 1)]);
    setup.stable(&[("sub/b.jpg", &b, "edited")]);
    assert!(!setup.sandbox.now(&a).alive());
}

#[test]
fn trashing_both_takes_both_files_in_one_pass() {
    let (setup, a, b) = linked();
    setup.sandbox.trash(&a);
    setup.sandbox.trash(&b);
    setup.sync(&[("trashed_local", 2)]);
    assert_eq!(setup.trash(), [("a.jpg".to_owned(), md5("base")), ("sub/b.jpg".to_owned(), md5("base"))].into());
    setup.stable(&[]);
}

#[test]
fn deleting_one_name_trashes_its_asset_only() {
    let (setup, a, b) = linked();
    setup.remove("a.jpg");
    setup.sync(&[("trashed_remote", 1)]);
    assert!(!setup.sandbox.now(&a).alive());
    setup.stable(&[("sub/b.jpg", &b, "base")]);
}

#[test]
fn a_link_made_to_a_synced_file_is_a_new_asset() {
    let (setup, a, b) = linked();
    fs::hard_link(setup.path("a.jpg"), setup.path("c.jpg")).unwrap();
    setup.sync(&[("pushed_new", 1)]);
    let c = setup.asset_named("c.jpg");
    setup.stable(&[("a.jpg", &a, "base"), ("sub/b.jpg", &b, "base"), ("c.jpg", &c, "base")]);
}

#[test]
fn an_edit_through_one_name_that_meets_a_new_version_of_the_other_keeps_everything() {
    let (setup, a, b) = linked();
    setup.write("a.jpg", "ours");
    setup.sandbox.version(&b, "theirs");
    let pass = setup.sync(&[("pushed_versions", 1), ("pulled", 1), ("pushed_new", 1)]);
    let copy = pass.copies()[0].to_owned();
    assert!(copy.starts_with("sub/b (conflict "), "{copy}");
    let copied = setup.asset_named(copy.strip_prefix("sub/").unwrap());
    setup.stable(&[("a.jpg", &a, "ours"), ("sub/b.jpg", &b, "theirs"), (&copy, &copied, "ours")]);
}

#[test]
fn a_copy_is_a_new_asset() {
    let (setup, a, b) = linked();
    fs::copy(setup.path("a.jpg"), setup.path("copy.jpg")).unwrap();
    setup.sync(&[("pushed_new", 1)]);
    let copy = setup.asset_named("copy.jpg");
    setup.stable(&[("a.jpg", &a, "base"), ("sub/b.jpg", &b, "base"), ("copy.jpg", &copy, "base")]);
}
