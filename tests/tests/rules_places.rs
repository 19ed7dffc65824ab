//! Folders, and what changes its place: R14, R15, R19, R20, R24, R25.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Asset, Setup, json, md5};

fn synced() -> (Setup, Asset) {
    let setup = Setup::new();
    let asset = setup.sandbox.asset("Studio/a/b.txt", "base");
    setup.sandbox.asset("Studio/other.txt", "other");
    setup.sync(&[("pulled", 2), ("folders_created_local", 1)]);
    setup.sandbox.forget_requests();
    (setup, asset)
}

#[test]
fn r15_a_renamed_asset_renames_its_file_without_a_download() {
    let (setup, asset) = synced();
    setup.sandbox.patch(&asset, &json!({ "filename": "c.txt" }));
    setup.sync(&[("moved_local", 1)]);
    setup.sandbox.requests().assert_no_bytes_moved();
    assert_eq!((setup.has("a/b.txt"), setup.read("a/c.txt")), (false, b"base".to_vec()));
    setup.settled();
}

#[test]
fn r15_an_asset_moved_to_another_folder_moves_its_file() {
    let (setup, asset) = synced();
    let folder = setup.sandbox.folder("Studio/New/Deep");
    setup.sandbox.patch(&asset, &json!({ "folder_id": folder }));
    setup.sync(&[("moved_local", 1), ("folders_created_local", 2)]);
    setup.sandbox.requests().assert_no_bytes_moved();
    assert_eq!(setup.read("New/Deep/b.txt"), b"base");
    setup.settled();
}

#[test]
fn r15_a_name_that_is_passed_on_is_free_for_the_next() {
    let setup = Setup::new();
    let [one, two] = ["one", "two"].map(|name| setup.sandbox.asset(&format!("Studio/{name}.txt"), name));
    setup.sync(&[("pulled", 2)]);
    setup.sandbox.patch(&one, &json!({ "filename": "two.txt" }));
    setup.sandbox.patch(&two, &json!({ "filename": "three.txt" }));
    setup.sandbox.forget_requests();
    setup.sync(&[("moved_local", 2)]);
    setup.sandbox.requests().assert_no_bytes_moved();
    assert_eq!((setup.read("two.txt"), setup.read("three.txt")), (b"one".to_vec(), b"two".to_vec()));
    setup.settled();
}

#[test]
fn r15_assets_that_swap_their_names_keep_their_files() {
    let setup = Setup::new();
    let [one, two] = ["one", "two"].map(|name| setup.sandbox.asset(&format!("Studio/{name}.txt"), name));
    setup.sync(&[("pulled", 2)]);
    setup.sandbox.patch(&one, &json!({ "filename": "two.txt" }));
    setup.sandbox.patch(&two, &json!({ "filename": "one.txt" }));
    setup.sandbox.forget_requests();
    setup.sync(&[("moved_local", 2)]);
    setup.sandbox.requests().assert_no_bytes_moved();
    // One of them gets its name with a mark, for neither could wait for the other.
    let tree: Vec<(String, String)> = setup.tree().into_iter().collect();
    assert_eq!(tree.len(), 2, "{tree:?}");
    for (name, content) in &tree {
        let right = if *content == md5("one") { "two" } else { "one" };
        assert!(name.starts_with(right), "{tree:?}");
    }
    setup.quiet();
    setup.write(&tree[0].0, "edited");
    setup.sync(&[("pushed_versions", 1)]);
    let edited = if tree[0].1 == md5("one") { &one } else { &two };
    assert_eq!(setup.sandbox.now(edited).contents(), [tree[0].1.as_str(), &md5("edited")]);
}

#[test]
fn r15_an_asset_renamed_to_a_new_local_name_does_not_overwrite_it() {
    let (setup, asset) = synced();
    setup.sandbox.patch(&asset, &json!({ "filename": "c.txt" }));
    setup.write("a/c.txt", "ours");
    setup.sync(&[("moved_local", 1), ("pushed_new", 1)]);
    assert_eq!(setup.read("a/c.txt"), b"ours");
    // On the server both have the name; here the asset that came later to it has a mark.
    let tree = setup.tree();
    let marked = tree.iter().find(|(path, _)| path.starts_with("a/c~")).map(|(_, content)| content.clone());
    assert_eq!((marked, setup.has("a/b.txt")), (Some(md5("base")), false), "{tree:?}");
    assert_eq!(setup.sandbox.tree().live().filter(|asset| asset.path() == "Studio/a/c.txt").count(), 2);
    assert_eq!(setup.sandbox.now(&asset).versions(), 1);
    setup.quiet();
}

#[test]
fn r19_an_asset_moved_out_of_the_mirror_takes_its_file_to_the_local_trash() {
    let (setup, asset) = synced();
    let elsewhere = setup.sandbox.folder("Elsewhere");
    setup.sandbox.patch(&asset, &json!({ "folder_id": elsewhere }));
    setup.sync(&[("trashed_local", 1)]);
    assert_eq!(setup.trash(), [("a/b.txt".to_owned(), md5("base"))].into());
    let asset = setup.sandbox.now(&asset);
    assert!(asset.alive() && asset.versions() == 1, "{asset:?}");
    setup.settled();
}

#[test]
fn r20_an_edit_reaches_an_asset_that_was_moved_out_of_the_mirror() {
    let (setup, asset) = synced();
    let elsewhere = setup.sandbox.folder("Elsewhere");
    setup.sandbox.patch(&asset, &json!({ "folder_id": elsewhere }));
    setup.write("a/b.txt", "ours");
    setup.sync(&[("pushed_versions", 1), ("trashed_local", 1)]);
    let asset = setup.sandbox.now(&asset);
    assert!(asset.alive(), "{asset:?}");
    assert_eq!((asset.contents(), asset.path()), (vec![md5("base").as_str(), &md5("ours")], "Elsewhere/b.txt"));
    assert_eq!(setup.trash(), [("a/b.txt".to_owned(), md5("ours"))].into());
    setup.settled();
}

#[test]
fn r24_a_new_directory_becomes_a_storage_folder_even_when_empty() {
    let (setup, _) = synced();
    setup.mkdir("New/Deep/Empty");
    setup.sync(&[("folders_created_remote", 3)]);
    setup.settled();
}

#[test]
fn r24_a_removed_directory_takes_its_empty_storage_folder_with_it() {
    let (setup, asset) = synced();
    setup.mkdir("Empty");
    setup.sync(&[("folders_created_remote", 1)]);
    setup.remove("Empty");
    setup.sync(&[("folders_removed_remote", 1)]);
    setup.settled();
    setup.remove("a");
    setup.sync(&[("trashed_remote", 1), ("folders_removed_remote", 1)]);
    assert!(!setup.sandbox.now(&asset).alive());
    setup.settled();
}

#[test]
fn r24_a_removed_directory_keeps_a_storage_folder_in_which_something_is_new() {
    let (setup, asset) = synced();
    setup.remove("a");
    setup.sandbox.asset("Studio/a/new.txt", "new");
    setup.sync(&[("trashed_remote", 1), ("pulled", 1), ("folders_created_local", 1)]);
    assert!(!setup.sandbox.now(&asset).alive());
    assert_eq!(setup.read("a/new.txt"), b"new");
    setup.settled();
}

#[test]
fn r25_a_new_storage_folder_becomes_a_directory_even_when_empty() {
    let (setup, _) = synced();
    setup.sandbox.folder("Studio/New/Deep/Empty");
    setup.sync(&[("folders_created_local", 3)]);
    assert!(setup.path("New/Deep/Empty").is_dir());
    setup.settled();
}

#[test]
fn r25_a_removed_storage_folder_takes_its_empty_directory_with_it() {
    let (setup, asset) = synced();
    setup.sandbox.trash(&asset);
    setup.sandbox.delete_folder(setup.sandbox.tree().folder("Studio/a").unwrap());
    setup.sync(&[("trashed_local", 1), ("folders_removed_local", 1)]);
    assert!(!setup.has("a"));
    assert_eq!(setup.trash(), [("a/b.txt".to_owned(), md5("base"))].into());
    setup.settled();
}

#[test]
fn r25_a_removed_storage_folder_keeps_a_directory_in_which_something_is_new() {
    let (setup, asset) = synced();
    setup.sandbox.trash(&asset);
    setup.sandbox.delete_folder(setup.sandbox.tree().folder("Studio/a").unwrap());
    setup.write("a/new.txt", "new");
    setup.sync(&[("trashed_local", 1), ("pushed_new", 1), ("folders_created_remote", 1)]);
    assert_eq!(setup.read("a/new.txt"), b"new");
    setup.settled();
}
