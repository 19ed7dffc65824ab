//! Storage folders with one name, folders and assets with one name, and directories and files that change places.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Asset, Setup, json, md5};

/// A second folder called as one that is there; the server allows it.
fn another(setup: &Setup, name: &str) -> i64 {
    let id = setup.sandbox.folder(&format!("Studio/{name} for now"));
    setup.sandbox.patch_folder(id, &json!({ "name": name }));
    id
}

/// An asset in a folder by the folder's number.
fn asset_in(setup: &Setup, folder: i64, filename: &str, text: &str) -> Asset {
    Asset(setup.sandbox.post("/admin/assets", &json!({ "folder_id": folder, "filename": filename, "text": text })))
}

fn folder_of(setup: &Setup, asset: &Asset) -> i64 {
    setup.sandbox.now(asset).0["folder_id"].as_i64().unwrap()
}

/// Two folders called `Shoot` with an asset each, synced: the second one's directory is `Shoot~<id>`.
fn two() -> (Setup, [i64; 2], [Asset; 2], String) {
    let setup = Setup::new();
    let first = setup.sandbox.folder("Studio/Shoot");
    let second = another(&setup, "Shoot");
    let assets = [asset_in(&setup, first, "a.jpg", "1"), asset_in(&setup, second, "a.jpg", "2")];
    setup.sync(&[("pulled", 2), ("folders_created_local", 2)]);
    let marked = format!("Shoot~{second}");
    setup.stable(&[("Shoot/a.jpg", &assets[0], "1"), (&format!("{marked}/a.jpg"), &assets[1], "2")]);
    (setup, [first, second], assets, marked)
}

#[test]
fn of_folders_with_one_name_the_lowest_id_keeps_it() {
    let setup = Setup::new();
    let ids = [setup.sandbox.folder("Studio/Shoot"), another(&setup, "Shoot"), another(&setup, "Shoot")];
    let assets = ids.map(|id| asset_in(&setup, id, "a.jpg", &id.to_string()));
    setup.sync(&[("pulled", 3), ("folders_created_local", 3)]);
    let [one, two, three] = ids.map(|id| id.to_string());
    setup.stable(&[
        ("Shoot/a.jpg", &assets[0], &one),
        (&format!("Shoot~{two}/a.jpg"), &assets[1], &two),
        (&format!("Shoot~{three}/a.jpg"), &assets[2], &three),
    ]);
}

#[test]
fn a_new_file_in_either_of_two_folders_with_one_name_goes_to_its_own() {
    let (setup, [first, second], assets, marked) = two();
    setup.write("Shoot/new.jpg", "new in the first");
    setup.write(&format!("{marked}/new too.jpg"), "new in the second");
    setup.sync(&[("pushed_new", 2)]);
    let new = [setup.asset_named("new.jpg"), setup.asset_named("new too.jpg")];
    assert_eq!((folder_of(&setup, &new[0]), folder_of(&setup, &new[1])), (first, second));
    setup.stable(&[
        ("Shoot/a.jpg", &assets[0], "1"),
        (&format!("{marked}/a.jpg"), &assets[1], "2"),
        ("Shoot/new.jpg", &new[0], "new in the first"),
        (&format!("{marked}/new too.jpg"), &new[1], "new in the second"),
    ]);
}

#[test]
fn edits_and_deletions_in_a_folder_with_a_mark_reach_its_own_assets() {
    let (setup, _, assets, marked) = two();
    setup.write(&format!("{marked}/a.jpg"), "2 edited");
    setup.sandbox.version(&assets[0], "1 theirs");
    setup.sync(&[("pushed_versions", 1), ("pulled", 1)]);
    setup.stable(&[("Shoot/a.jpg", &assets[0], "1 theirs"), (&format!("{marked}/a.jpg"), &assets[1], "2 edited")]);
    setup.remove(&format!("{marked}/a.jpg"));
    setup.sync(&[("trashed_remote", 1)]);
    assert!(!setup.sandbox.now(&assets[1]).alive());
    setup.stable(&[("Shoot/a.jpg", &assets[0], "1 theirs")]);
}

#[test]
fn a_folder_with_a_mark_keeps_it_when_the_one_with_the_plain_name_goes() {
    let (setup, [first, second], assets, marked) = two();
    setup.sandbox.trash(&assets[0]);
    setup.sandbox.delete_folder(first);
    setup.sync(&[("trashed_local", 1), ("folders_removed_local", 1)]);
    assert!(!setup.has("Shoot"));
    setup.stable(&[(&format!("{marked}/a.jpg"), &assets[1], "2")]);
    // The name is free again, for a newcomer.
    let third = setup.sandbox.folder("Studio/Shoot again");
    setup.sandbox.patch_folder(third, &json!({ "name": "Shoot" }));
    let new = asset_in(&setup, third, "b.jpg", "3");
    setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    assert_ne!(third, second);
    setup.stable(&[(&format!("{marked}/a.jpg"), &assets[1], "2"), ("Shoot/b.jpg", &new, "3")]);
}

#[test]
fn a_directory_made_under_the_plain_name_that_became_free_is_a_folder_of_its_own() {
    let (setup, [first, second], assets, marked) = two();
    setup.sandbox.trash(&assets[0]);
    setup.sandbox.delete_folder(first);
    setup.sync(&[("trashed_local", 1), ("folders_removed_local", 1)]);
    setup.write("Shoot/mine.jpg", "mine");
    setup.sync(&[("pushed_new", 1), ("folders_created_remote", 1)]);
    let mine = setup.asset_named("mine.jpg");
    assert_ne!(folder_of(&setup, &mine), second);
    setup.stable(&[(&format!("{marked}/a.jpg"), &assets[1], "2"), ("Shoot/mine.jpg", &mine, "mine")]);
}

#[test]
fn a_folder_double_that_comes_and_goes_gets_its_mark_each_time() {
    let setup = Setup::new();
    let first = setup.sandbox.folder("Studio/Shoot");
    let kept = asset_in(&setup, first, "a.jpg", "1");
    setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    for round in 0..2 {
        let double = another(&setup, "Shoot");
        let text = format!("round {round}");
        let asset = asset_in(&setup, double, "a.jpg", &text);
        setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
        let path = format!("Shoot~{double}/a.jpg");
        setup.stable(&[("Shoot/a.jpg", &kept, "1"), (&path, &asset, &text)]);
        setup.sandbox.trash(&asset);
        setup.sandbox.delete_folder(double);
        setup.sync(&[("trashed_local", 1), ("folders_removed_local", 1)]);
        assert!(!setup.has(&format!("Shoot~{double}")));
        setup.stable(&[("Shoot/a.jpg", &kept, "1")]);
    }
}

#[test]
fn removing_the_directory_of_a_folder_with_a_mark_removes_that_folder() {
    let (setup, [first, second], assets, marked) = two();
    setup.remove(&marked);
    setup.sync(&[("trashed_remote", 1), ("folders_removed_remote", 1)]);
    let folders = setup.sandbox.tree().folders;
    assert!(folders.contains_key(&first) && !folders.contains_key(&second), "{folders:?}");
    setup.stable(&[("Shoot/a.jpg", &assets[0], "1")]);
}

#[test]
fn folders_with_one_name_are_found_again_without_the_state() {
    let (setup, _, assets, marked) = two();
    std::fs::remove_dir_all(&setup.state).unwrap();
    setup.sandbox.forget_requests();
    setup.sync(&[("adopted", 2)]);
    setup.sandbox.requests().assert_no_bytes_moved();
    setup.stable(&[("Shoot/a.jpg", &assets[0], "1"), (&format!("{marked}/a.jpg"), &assets[1], "2")]);
}

#[test]
fn a_folder_whose_plain_name_is_vacant_is_found_again_without_the_state() {
    let (setup, [first, second], assets, marked) = two();
    setup.sandbox.trash(&assets[0]);
    setup.sandbox.delete_folder(first);
    setup.sync(&[("trashed_local", 1), ("folders_removed_local", 1)]);
    std::fs::remove_dir_all(&setup.state).unwrap();
    setup.sandbox.forget_requests();
    setup.sync(&[("adopted", 1)]);
    setup.sandbox.requests().assert_no_bytes_moved();
    assert_eq!(folder_of(&setup, &assets[1]), second);
    assert!(setup.sandbox.tree().folder(&format!("Studio/{marked}")).is_none());
    setup.stable(&[(&format!("{marked}/a.jpg"), &assets[1], "2")]);
}

#[test]
fn a_folder_that_is_really_called_like_anothers_mark_keeps_its_own_contents() {
    let setup = Setup::new();
    let first = setup.sandbox.folder("Studio/Shoot");
    let second = another(&setup, "Shoot");
    let third = another(&setup, &format!("Shoot~{second}"));
    let assets = [(first, "1"), (second, "2"), (third, "3")].map(|(id, text)| asset_in(&setup, id, "a.jpg", text));
    setup.sync(&[("pulled", 3), ("folders_created_local", 3)]);
    let mut at: Vec<String> = setup.tree().into_keys().filter(|path| path.ends_with("a.jpg")).collect();
    at.sort();
    let paths = ["1", "2", "3"].map(|text| at.iter().find(|path| setup.read(path) == text.as_bytes()).unwrap().clone());
    assert_eq!(paths[0], "Shoot/a.jpg");
    setup.stable(&[(&paths[0], &assets[0], "1"), (&paths[1], &assets[1], "2"), (&paths[2], &assets[2], "3")]);
    for (path, folder) in paths.iter().zip([first, second, third]) {
        let new = path.replace("a.jpg", &format!("in {folder}.jpg"));
        setup.write(&new, "new");
    }
    setup.sync(&[("pushed_new", 3)]);
    for folder in [first, second, third] {
        assert_eq!(folder_of(&setup, &setup.asset_named(&format!("in {folder}.jpg"))), folder);
    }
    setup.unmoved();
}

#[test]
fn a_folder_and_an_asset_with_one_name_the_folder_keeps_it() {
    let setup = Setup::new();
    // Both orders of their ids.
    let early = setup.sandbox.asset("Studio/early", "early asset");
    let inside = setup.sandbox.asset("Studio/early/in.jpg", "in early");
    let inside_late = setup.sandbox.asset("Studio/late/in.jpg", "in late");
    let late = setup.sandbox.asset("Studio/late", "late asset");
    setup.sync(&[("pulled", 4), ("folders_created_local", 2)]);
    setup.stable(&[
        (&early.marked("early"), &early, "early asset"),
        ("early/in.jpg", &inside, "in early"),
        (&late.marked("late"), &late, "late asset"),
        ("late/in.jpg", &inside_late, "in late"),
    ]);
}

#[test]
fn an_asset_that_arrives_where_a_folder_has_its_name_gets_the_mark() {
    let setup = Setup::new();
    let inside = setup.sandbox.asset("Studio/both/in.jpg", "in");
    setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    let asset = setup.sandbox.asset("Studio/both", "asset");
    setup.sync(&[("pulled", 1)]);
    setup.stable(&[("both/in.jpg", &inside, "in"), (&asset.marked("both"), &asset, "asset")]);
}

#[test]
fn a_folder_that_arrives_where_an_assets_file_has_its_name_moves_no_bytes_wrongly() {
    let setup = Setup::new();
    let asset = setup.sandbox.asset("Studio/both", "asset");
    setup.sync(&[("pulled", 1)]);
    let inside = setup.sandbox.asset("Studio/both/in.jpg", "in");
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    // Names stay once given: the file keeps the plain name, the folder takes the one for doubles.
    let folder = setup.sandbox.tree().folder("Studio/both").unwrap();
    setup.stable(&[("both", &asset, "asset"), (&format!("both~{folder}/in.jpg"), &inside, "in")]);
}

#[test]
fn a_local_directory_made_where_an_asset_has_the_name_and_both_come_together() {
    let setup = Setup::new();
    setup.sync(&[]);
    let asset = setup.sandbox.asset("Studio/both", "asset");
    setup.write("both/mine.jpg", "mine");
    setup.sync(&[("pulled", 1), ("pushed_new", 1), ("folders_created_remote", 1)]);
    let mine = setup.asset_named("mine.jpg");
    setup.stable(&[("both/mine.jpg", &mine, "mine"), (&asset.marked("both"), &asset, "asset")]);
}

#[test]
fn a_local_file_called_like_a_new_storage_folder_is_kept_beside_it() {
    let setup = Setup::new();
    setup.sync(&[]);
    let inside = setup.sandbox.asset("Studio/both/in.jpg", "in");
    setup.write("both", "my file");
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    let mine = setup.asset_named("both");
    let folder = setup.sandbox.tree().folder("Studio/both").unwrap();
    setup.stable(&[("both", &mine, "my file"), (&format!("both~{folder}/in.jpg"), &inside, "in")]);
}

#[test]
fn a_local_file_in_the_place_of_a_removed_directory_does_not_lose_what_is_new_in_its_folder() {
    let setup = Setup::new();
    let inside = setup.sandbox.asset("Studio/both/in.jpg", "in");
    setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    setup.remove("both");
    setup.write("both", "my file");
    let new = setup.sandbox.asset("Studio/both/new.jpg", "new");
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    assert!(!setup.sandbox.now(&inside).alive(), "the file in it was deleted here");
    let mine = setup.asset_named("both");
    let folder = setup.sandbox.tree().folder("Studio/both").unwrap();
    setup.stable(&[("both", &mine, "my file"), (&format!("both~{folder}/new.jpg"), &new, "new")]);
}

#[test]
fn a_synced_file_that_becomes_a_directory_is_not_known_and_nothing_is_lost() {
    let setup = Setup::new();
    let asset = setup.sandbox.asset("Studio/both", "asset");
    setup.sync(&[("pulled", 1)]);
    setup.remove("both");
    setup.write("both/mine.jpg", "mine");
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    let (asset_now, mine) = (setup.sandbox.now(&asset), setup.asset_named("mine.jpg"));
    assert!(asset_now.alive() && asset_now.versions() == 1, "R28: neither deleted nor overwritten: {asset_now:?}");
    assert_eq!(pass.skipped(), ["both"], "{pass:#?}");
    assert_eq!((mine.path(), setup.read("both/mine.jpg")), ("Studio/both/mine.jpg", b"mine".to_vec()));
    setup.unmoved();
    // The directory goes, the file comes back.
    setup.remove("both");
    setup.write("both", "asset");
    setup.sync(&[("trashed_remote", 1), ("folders_removed_remote", 1)]);
    setup.stable(&[("both", &asset, "asset")]);
}

#[test]
fn a_synced_directory_that_becomes_a_file_means_that_what_was_in_it_was_deleted() {
    let setup = Setup::new();
    let inside = setup.sandbox.asset("Studio/both/in.jpg", "in");
    setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    setup.remove("both");
    setup.write("both", "my file");
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    let inside = setup.sandbox.now(&inside);
    assert_eq!((inside.alive(), inside.md5()), (false, md5("in").as_str()), "it is in the server's trash");
    let mine = setup.asset_named("both");
    setup.stable(&[("both", &mine, "my file")]);
    assert_eq!(setup.sandbox.tree().folder("Studio/both"), None, "its folder was empty on both sides");
}
