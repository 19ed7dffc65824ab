//! Both sides changed: R6, R7, R10–R13, R30, and what the policies make of it.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Asset, Pass, Setup, json, md5};

/// A setup whose file `a/b.txt` is synced as "base".
fn synced(keys: &str) -> (Setup, Asset) {
    let setup = Setup::with_mirror(keys);
    let asset = setup.sandbox.asset("Studio/a/b.txt", "base");
    setup.sandbox.asset("Studio/other.txt", "other");
    setup.sync(&[("pulled", 2), ("folders_created_local", 1)]);
    (setup, asset)
}

/// The one conflict copy of a pass.
#[track_caller]
fn copy(pass: &Pass, of: &str) -> String {
    let copies = pass.copies();
    assert_eq!(copies.len(), 1, "{pass:#?}");
    let (stem, extension) = of.rsplit_once('.').unwrap();
    let (start, end) = (format!("{stem} (conflict 20"), format!(").{extension}"));
    assert!(copies[0].starts_with(&start) && copies[0].ends_with(&end), "{copies:?}");
    assert_eq!(pass.report["conflicts"][0]["path"], of);
    copies[0].to_owned()
}

#[track_caller]
fn both_are_kept(setup: &Setup, asset: &Asset, ours: &str, theirs: &str) {
    let pass = setup.sync(&[("pulled", 1), ("pushed_new", 1)]);
    let copy = copy(&pass, "a/b.txt");
    assert_eq!(pass.report["conflicts"][0]["guid"], asset.guid());
    assert_eq!(setup.read("a/b.txt"), theirs.as_bytes());
    assert_eq!(setup.read(&copy), ours.as_bytes());
    assert_eq!(setup.asset("a/b.txt").guid(), asset.guid());
    assert_eq!(setup.asset(&copy).md5(), md5(ours));
    setup.settled();
    assert_eq!(setup.reconcile(&[]).copies(), [&copy], "it stays open");
    setup.remove(&copy);
    let pass = setup.sync(&[("trashed_remote", 1)]);
    assert!(pass.copies().is_empty(), "it is settled when its copy is deleted");
    setup.settled();
}

#[test]
fn r06_different_files_of_one_name_at_first_contact_are_both_kept() {
    let setup = Setup::new();
    setup.write("a/b.txt", "ours");
    let asset = setup.sandbox.asset("Studio/a/b.txt", "theirs");
    both_are_kept(&setup, &asset, "ours", "theirs");
}

#[test]
fn r06_first_contact_with_local_wins_makes_a_version() {
    let setup = Setup::with_mirror("conflict = \"local-wins\"");
    setup.write("a/b.txt", "ours");
    let asset = setup.sandbox.asset("Studio/a/b.txt", "theirs");
    setup.sync(&[("pushed_versions", 1)]);
    assert_eq!(setup.sandbox.now(&asset).contents(), [md5("theirs"), md5("ours")]);
    setup.settled();
}

#[test]
fn r06_first_contact_with_remote_wins_keeps_ours_in_the_trash() {
    let setup = Setup::with_mirror("conflict = \"remote-wins\"");
    setup.write("a/b.txt", "ours");
    setup.sandbox.asset("Studio/a/b.txt", "theirs");
    setup.sync(&[("pulled", 1)]);
    assert_eq!(setup.read("a/b.txt"), b"theirs");
    assert_eq!(setup.trash(), [("a/b.txt".to_owned(), md5("ours"))].into());
    setup.settled();
}

#[test]
fn r07_edits_on_both_sides_are_both_kept() {
    let (setup, asset) = synced("");
    setup.write("a/b.txt", "ours");
    setup.sandbox.version(&asset, "theirs");
    both_are_kept(&setup, &asset, "ours", "theirs");
}

#[test]
fn r07_local_wins_makes_a_version_over_theirs() {
    let (setup, asset) = synced("conflict = \"local-wins\"");
    setup.write("a/b.txt", "ours");
    setup.sandbox.version(&asset, "theirs");
    setup.sync(&[("pushed_versions", 1)]);
    assert_eq!(setup.sandbox.now(&asset).contents(), [md5("base"), md5("theirs"), md5("ours")]);
    setup.settled();
}

#[test]
fn r07_remote_wins_keeps_ours_in_the_trash() {
    let (setup, asset) = synced("conflict = \"remote-wins\"");
    setup.write("a/b.txt", "ours");
    setup.sandbox.version(&asset, "theirs");
    setup.sync(&[("pulled", 1)]);
    assert_eq!(setup.read("a/b.txt"), b"theirs");
    assert_eq!(setup.trash(), [("a/b.txt".to_owned(), md5("ours"))].into());
    setup.settled();
}

#[test]
fn r07_a_second_conflict_does_not_stack_suffixes() {
    let (setup, asset) = synced("");
    setup.write("a/b.txt", "ours");
    setup.sandbox.version(&asset, "theirs");
    let first = copy(&setup.sync(&[("pulled", 1), ("pushed_new", 1)]), "a/b.txt");
    let there = setup.asset(&first);
    setup.write(&first, "ours again");
    setup.sandbox.version(&there, "theirs again");
    let pass = setup.sync(&[("pulled", 1), ("pushed_new", 1)]);
    for copy in pass.copies() {
        assert_eq!(copy.matches("(conflict").count(), 1, "{copy}");
    }
    let contents: Vec<String> = setup.tree().into_values().collect();
    for text in ["theirs", "ours again", "theirs again"] {
        assert!(contents.contains(&md5(text)), "{text}: {:?}", setup.tree());
    }
    setup.settled();
}

#[test]
fn r10_an_edit_wins_over_the_trash() {
    let (setup, asset) = synced("");
    setup.write("a/b.txt", "ours");
    setup.sandbox.trash(&asset);
    setup.sync(&[("pushed_versions", 1)]);
    let asset = setup.sandbox.now(&asset);
    assert!(asset.alive(), "{asset:?}");
    assert_eq!(asset.contents(), [md5("base"), md5("ours")]);
    setup.settled();
}

#[test]
fn r10_an_edit_whose_storage_folder_went_with_its_asset_is_a_new_asset_in_the_same_pass() {
    let (setup, asset) = synced("");
    setup.write("a/b.txt", "ours");
    setup.sandbox.trash(&asset);
    setup.sandbox.delete_folder(setup.sandbox.tree().folder("Studio/a").unwrap());
    setup.sync(&[("pushed_new", 1), ("folders_created_remote", 1)]);
    assert_eq!(setup.asset("a/b.txt").contents(), [md5("ours")]);
    setup.settled();
}

#[test]
fn r11_a_new_version_wins_over_a_deletion() {
    let (setup, asset) = synced("");
    setup.remove("a/b.txt");
    setup.sandbox.version(&asset, "theirs");
    setup.sync(&[("pulled", 1)]);
    assert_eq!(setup.read("a/b.txt"), b"theirs");
    assert_eq!(setup.asset("a/b.txt").guid(), asset.guid());
    setup.settled();
}

#[test]
fn r12_a_deleted_file_whose_asset_was_renamed_comes_back_at_the_new_place() {
    let (setup, asset) = synced("");
    setup.remove("a/b.txt");
    setup.sandbox.patch(&asset, &json!({ "filename": "c.txt" }));
    setup.sync(&[("pulled", 1)]);
    assert_eq!(setup.read("a/c.txt"), b"base");
    assert_eq!(setup.asset("a/c.txt").guid(), asset.guid());
    setup.settled();
}

#[test]
fn r13_changed_metadata_does_not_stop_a_deletion() {
    let (setup, asset) = synced("");
    setup.remove("a/b.txt");
    setup.sandbox.patch(&asset, &json!({ "description": "a poster", "rating": 5 }));
    setup.sync(&[("trashed_remote", 1)]);
    assert!(!setup.sandbox.now(&asset).alive());
    setup.settled();
}

#[test]
fn r30_an_edit_under_pull_only_is_kept_beside_the_new_version() {
    let (setup, asset) = synced("direction = \"pull-only\"");
    setup.write("a/b.txt", "ours");
    setup.sandbox.version(&asset, "theirs");
    let pass = setup.sync(&[("pulled", 1)]);
    let copy = copy(&pass, "a/b.txt");
    assert_eq!(setup.read("a/b.txt"), b"theirs");
    assert_eq!(setup.read(&copy), b"ours");
    assert_eq!(setup.sandbox.tree().live().count(), 2, "it is not uploaded");
    assert_eq!(setup.sandbox.requests().uploads(), 0);
    let pass = setup.quiet();
    assert_eq!(pass.copies(), [&copy]);
}

#[test]
fn pull_only_pushes_nothing_and_says_so() {
    let (setup, asset) = synced("direction = \"pull-only\"");
    setup.write("new.txt", "new");
    setup.write("a/b.txt", "ours");
    setup.remove("other.txt");
    setup.sandbox.forget_requests();
    let pass = setup.sync(&[]);
    assert_eq!(pass.held(), ["direction"; 3], "{pass:#?}");
    assert_eq!(setup.sandbox.requests().uploads(), 0);
    assert_eq!(setup.sandbox.now(&asset).versions(), 1);
    assert_eq!(setup.sandbox.tree().live().count(), 2);
    assert_eq!(setup.quiet().held(), ["direction"; 3]);
    setup.sandbox.asset("Studio/later.txt", "later");
    setup.sync(&[("pulled", 1)]);
}

#[test]
fn push_only_pulls_nothing_and_says_so() {
    let setup = Setup::with_mirror("direction = \"push-only\"");
    setup.write("a.txt", "a");
    setup.write("b.txt", "b");
    setup.sync(&[("pushed_new", 2)]);
    setup.sandbox.processed();
    setup.sandbox.asset("Studio/new.txt", "new");
    setup.sandbox.version(&setup.asset("a.txt"), "theirs");
    setup.sandbox.trash(&setup.asset("b.txt"));
    setup.sandbox.forget_requests();
    let pass = setup.sync(&[]);
    assert_eq!(pass.held(), ["direction"; 3], "{pass:#?}");
    setup.sandbox.requests().assert_no_bytes_moved();
    assert_eq!((setup.read("a.txt"), setup.read("b.txt")), (b"a".to_vec(), b"b".to_vec()));
    assert!(!setup.has("new.txt"));
    assert_eq!(setup.quiet().held(), ["direction"; 3]);
    setup.write("later.txt", "later");
    setup.sync(&[("pushed_new", 1)]);
}

#[test]
fn delete_keep_keeps_the_asset_of_a_deleted_file() {
    let (setup, asset) = synced("delete = \"keep\"");
    setup.remove("a/b.txt");
    let pass = setup.sync(&[]);
    assert_eq!(pass.held(), ["kept"], "{pass:#?}");
    assert!(setup.sandbox.now(&asset).alive());
    assert_eq!(setup.quiet().held(), ["kept"]);
    assert!(!setup.has("a/b.txt"), "it is not transferred again until it changes");
    setup.sandbox.version(&asset, "theirs");
    setup.sync(&[("pulled", 1)]);
    setup.settled();
}

#[test]
fn delete_keep_keeps_the_file_of_a_trashed_asset() {
    let (setup, asset) = synced("delete = \"keep\"");
    setup.sandbox.trash(&asset);
    let pass = setup.sync(&[]);
    assert_eq!(pass.held(), ["kept"], "{pass:#?}");
    assert_eq!(setup.read("a/b.txt"), b"base");
    setup.sandbox.forget_requests();
    assert_eq!(setup.quiet().held(), ["kept"]);
    assert_eq!(setup.read("a/b.txt"), b"base");
}
