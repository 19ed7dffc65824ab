//! Names that differ only in case: two files where the file system tells them apart, one name where it folds.
//!
//! The folding way runs on a small file system of the tests' own where the machine permits mounting. Where it does not,
//! the tests say so; the simulator's worlds with a folding disk (`crates/simulator/tests/folding.rs`) run everywhere.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{FoldingDisk, Setup, json, md5};
use std::io::Write;

/// A setup whose mirror lies on a file system that folds case; `None` where none can be mounted here.
fn folding(test: &str) -> Option<(Setup, FoldingDisk)> {
    let mut setup = Setup::new();
    let at = setup.dir().join("folding");
    let mounted = FoldingDisk::mount(&at);
    let how = match &mounted {
        Ok(_) => "on a file system that folds case, mounted for it".to_owned(),
        Err(why) => format!("NOT RUN, the simulator's folding worlds stand for it ({why})"),
    };
    // Seen of a passed test, too.
    let mut past_the_capture = std::io::stderr();
    writeln!(past_the_capture, "{test}: {how}").unwrap();
    let disk = mounted.ok()?;
    setup.local = at.join("mirror");
    setup.write_config(&setup.config_text());
    Some((setup, disk))
}

/// The name as the directory has it, whatever case it is asked for in.
fn as_written(setup: &Setup, name: &str) -> String {
    let mut found = setup.tree().into_keys().filter(|path| path.to_lowercase() == name.to_lowercase());
    found.next().unwrap_or_else(|| panic!("there is no {name}: {:?}", setup.tree()))
}

#[test]
fn names_that_differ_in_case_are_two_files_where_the_file_system_tells_them_apart() {
    let setup = Setup::new();
    setup.write("A.jpg", "upper");
    setup.write("a.jpg", "lower");
    setup.sync(&[("pushed_new", 2)]);
    let [upper, lower] = ["A.jpg", "a.jpg"].map(|name| setup.asset_named(name));
    setup.stable(&[("A.jpg", &upper, "upper"), ("a.jpg", &lower, "lower")]);
    let theirs = ["B.jpg", "b.jpg"].map(|name| setup.sandbox.asset(&format!("Studio/{name}"), name));
    setup.sync(&[("pulled", 2)]);
    setup.stable(&[
        ("A.jpg", &upper, "upper"),
        ("a.jpg", &lower, "lower"),
        ("B.jpg", &theirs[0], "B.jpg"),
        ("b.jpg", &theirs[1], "b.jpg"),
    ]);
    setup.remove("A.jpg");
    setup.sync(&[("trashed_remote", 1)]);
    assert!(!setup.sandbox.now(&upper).alive() && setup.sandbox.now(&lower).alive());
    setup.settled();
}

#[test]
fn the_file_system_of_these_tests_folds_case() {
    let Some((setup, _disk)) = folding("the_file_system_of_these_tests_folds_case") else { return };
    setup.write("Ärger/A.jpg", "one");
    assert_eq!(setup.read("äRGER/a.JPG"), b"one");
    setup.write("ärger/a.jpg", "two");
    assert_eq!(setup.tree(), [("Ärger/".to_owned(), String::new()), ("Ärger/A.jpg".to_owned(), md5("two"))].into());
}

#[test]
fn on_a_folding_file_system_files_travel_both_ways_as_elsewhere() {
    let Some((setup, _disk)) = folding("on_a_folding_file_system_files_travel_both_ways_as_elsewhere") else { return };
    let theirs = setup.sandbox.asset("Studio/Sub/Theirs.JPG", "theirs");
    setup.write("Sub/Mine.JPG", "mine");
    setup.sync(&[("pulled", 1), ("pushed_new", 1)]);
    let mine = setup.asset_named("Mine.JPG");
    setup.stable(&[("Sub/Mine.JPG", &mine, "mine"), ("Sub/Theirs.JPG", &theirs, "theirs")]);
    setup.write("sub/mine.jpg", "mine edited");
    setup.sandbox.version(&theirs, "theirs edited");
    setup.sync(&[("pushed_versions", 1), ("pulled", 1)]);
    setup.stable(&[("Sub/Mine.JPG", &mine, "mine edited"), ("Sub/Theirs.JPG", &theirs, "theirs edited")]);
    // A dry run compares names as a real one does.
    setup.reconcile(&["--dry-run"]).assert(0, "in_sync", &[]);
    std::fs::remove_dir_all(&setup.state).unwrap();
    setup.sync(&[("adopted", 2)]);
    setup.remove("SUB/THEIRS.jpg");
    setup.sandbox.trash(&mine);
    setup.sync(&[("trashed_remote", 1), ("trashed_local", 1)]);
    setup.stable(&[]);
}

#[test]
fn on_a_folding_file_system_assets_that_differ_in_case_follow_the_rule_for_doubles() {
    let name = "on_a_folding_file_system_assets_that_differ_in_case_follow_the_rule_for_doubles";
    let Some((setup, _disk)) = folding(name) else { return };
    let [upper, lower] = ["A.jpg", "a.jpg"].map(|name| setup.sandbox.asset(&format!("Studio/{name}"), name));
    setup.sync(&[("pulled", 2)]);
    let marked = lower.marked("a.jpg");
    setup.stable(&[("A.jpg", &upper, "A.jpg"), (&marked, &lower, "a.jpg")]);
    setup.write(&marked, "edited");
    setup.sync(&[("pushed_versions", 1)]);
    setup.stable(&[("A.jpg", &upper, "A.jpg"), (&marked, &lower, "edited")]);
    setup.sandbox.trash(&upper);
    setup.sync(&[("trashed_local", 1)]);
    setup.stable(&[(&marked, &lower, "edited")]);
}

#[test]
fn on_a_folding_file_system_folders_that_differ_in_case_follow_the_rule_for_doubles() {
    let name = "on_a_folding_file_system_folders_that_differ_in_case_follow_the_rule_for_doubles";
    let Some((setup, _disk)) = folding(name) else { return };
    let assets = ["Sub", "sub"].map(|name| setup.sandbox.asset(&format!("Studio/{name}/a.jpg"), name));
    setup.sync(&[("pulled", 2), ("folders_created_local", 2)]);
    let second = setup.sandbox.tree().folder("Studio/sub").unwrap();
    setup.stable(&[("Sub/a.jpg", &assets[0], "Sub"), (&format!("sub~{second}/a.jpg"), &assets[1], "sub")]);
}

#[test]
fn on_a_folding_file_system_a_file_is_the_asset_that_differs_in_case_only() {
    let Some((setup, _disk)) = folding("on_a_folding_file_system_a_file_is_the_asset_that_differs_in_case_only") else {
        return;
    };
    setup.write("A.JPG", "same");
    let asset = setup.sandbox.asset("Studio/a.jpg", "same");
    setup.sync(&[("adopted", 1)]);
    setup.stable(&[("A.JPG", &asset, "same")]);
}

#[test]
fn on_a_folding_file_system_a_local_rename_of_case_only_deletes_nothing() {
    let Some((setup, _disk)) = folding("on_a_folding_file_system_a_local_rename_of_case_only_deletes_nothing") else {
        return;
    };
    let asset = setup.sandbox.asset("Studio/a.jpg", "bytes");
    setup.sync(&[("pulled", 1)]);
    // No kernel renames a file to itself: users' programs do it in two steps as well.
    setup.rename("a.jpg", "on its way");
    setup.rename("on its way", "A.jpg");
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    assert!(pass.did().keys().all(|did| *did == "moved_remote"), "{pass:#?}");
    let asset = setup.sandbox.now(&asset);
    assert!(asset.alive() && asset.versions() == 1, "{asset:?}");
    setup.stable(&[("A.jpg", &asset, "bytes")]);
    setup.write("A.jpg", "edited");
    setup.sync(&[("pushed_versions", 1)]);
    setup.sandbox.version(&asset, "theirs");
    setup.sync(&[("pulled", 1)]);
    setup.stable(&[("A.jpg", &asset, "theirs")]);
}

#[test]
fn on_a_folding_file_system_an_asset_renamed_by_case_only_renames_its_file() {
    let Some((setup, _disk)) = folding("on_a_folding_file_system_an_asset_renamed_by_case_only_renames_its_file")
    else {
        return;
    };
    let asset = setup.sandbox.asset("Studio/sub/a.jpg", "bytes");
    setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    for name in ["A.jpg", "A.JPG", "a.jpg"] {
        let asset = setup.sandbox.patch(&asset, &json!({ "filename": name }));
        let pass = setup.reconcile(&[]);
        assert_eq!(pass.code, 0, "{pass:#?}");
        assert!(pass.did().keys().all(|did| *did == "moved_local"), "{pass:#?}");
        assert_eq!(as_written(&setup, "sub/a.jpg"), format!("sub/{name}"));
        setup.stable(&[(&format!("sub/{name}"), &asset, "bytes")]);
    }
    assert!(setup.trash().is_empty());
}

#[test]
fn on_a_folding_file_system_doubles_that_are_renamed_by_case_only_stay_apart() {
    let name = "on_a_folding_file_system_doubles_that_are_renamed_by_case_only_stay_apart";
    let Some((setup, _disk)) = folding(name) else { return };
    let [upper, lower] = ["A.jpg", "a.jpg"].map(|name| setup.sandbox.asset(&format!("Studio/{name}"), name));
    setup.sync(&[("pulled", 2)]);
    let lower = setup.sandbox.patch(&lower, &json!({ "filename": "A.JPG" }));
    let upper = setup.sandbox.patch(&upper, &json!({ "filename": "a.jpg" }));
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    let tree = setup.tree();
    let at =
        |content: &str| tree.iter().find(|(_, found)| **found == md5(content)).map(|(path, _)| path.clone()).unwrap();
    setup.stable(&[(&at("A.jpg"), &upper, "A.jpg"), (&at("a.jpg"), &lower, "a.jpg")]);
    assert!(setup.trash().is_empty());
}

#[test]
fn on_a_folding_file_system_our_own_directory_has_no_other_name() {
    let Some((setup, _disk)) = folding("on_a_folding_file_system_our_own_directory_has_no_other_name") else { return };
    let asset = setup.sandbox.asset("Studio/.DamSync", "not ours");
    setup.sync(&[("pulled", 1)]);
    setup.stable(&[("%2EDamSync", &asset, "not ours")]);
    let inside = setup.sandbox.asset("Studio/.DAMSYNC/mirror.json", "not the mark");
    setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    assert_ne!(setup.read(".damsync/mirror.json"), b"not the mark");
    let at = setup.tree().into_iter().find(|(_, content)| *content == md5("not the mark")).unwrap().0;
    assert!(at.starts_with("%2EDAMSYNC") && at.ends_with("/mirror.json"), "{at}");
    setup.stable(&[("%2EDamSync", &asset, "not ours"), (&at, &inside, "not the mark")]);
}

#[test]
fn a_file_system_that_stops_folding_is_held_and_nothing_is_deleted() {
    let Some((setup, disk)) = folding("a_file_system_that_stops_folding_is_held_and_nothing_is_deleted") else {
        return;
    };
    let asset = setup.sandbox.asset("Studio/Sub/A.jpg", "bytes");
    setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    setup.stable(&[("Sub/A.jpg", &asset, "bytes")]);
    disk.stop_folding();
    let pass = setup.reconcile(&[]);
    pass.assert(3, "held", &[]);
    assert_eq!(pass.held(), ["root_replaced"], "{pass:#?}");
    assert_eq!(setup.run(&["reattach", "studio"]).code, 0);
    setup.sync(&[("adopted", 1)]);
    setup.stable(&[("Sub/A.jpg", &asset, "bytes")]);
}
