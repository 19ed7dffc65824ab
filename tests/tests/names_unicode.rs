//! One name in two Unicode forms: they compare equal, and nothing is ever renamed to make them so.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Pass, Setup, json, md5};

/// `é.jpg`, composed and decomposed.
const NFC: &str = "\u{e9}.jpg";
const NFD: &str = "e\u{301}.jpg";

#[track_caller]
fn skips(pass: &Pass, names: &[&str]) {
    assert_eq!(pass.skipped(), names, "{pass:#?}");
}

/// Both forms here, with bytes of their own; only the composed one is an asset.
fn both() -> Setup {
    let setup = Setup::new();
    setup.write(NFD, "decomposed");
    setup.write(NFC, "composed");
    let pass = setup.sync(&[("pushed_new", 1)]);
    skips(&pass, &[NFD]);
    setup.sandbox.processed();
    setup
}

#[test]
fn of_two_forms_of_a_name_here_the_composed_one_syncs_and_neither_is_touched() {
    let setup = both();
    let asset = setup.asset_named(NFC);
    assert_eq!(asset.md5(), md5("composed"));
    setup.unmoved();
    skips(&setup.sync(&[]), &[NFD]);
    assert_eq!((setup.read(NFC), setup.read(NFD)), (b"composed".to_vec(), b"decomposed".to_vec()));
    assert_eq!(setup.sandbox.tree().live().count(), 1);
    // A new version goes into the one that syncs.
    setup.sandbox.version(&asset, "theirs");
    setup.sync(&[("pulled", 1)]);
    assert_eq!((setup.read(NFC), setup.read(NFD)), (b"theirs".to_vec(), b"decomposed".to_vec()));
    // And so does an edit.
    setup.write(NFC, "ours");
    setup.write(NFD, "decomposed edited");
    setup.sync(&[("pushed_versions", 1)]);
    assert_eq!(setup.sandbox.now(&asset).contents().last(), Some(&md5("ours").as_str()));
    setup.unmoved();
}

#[test]
fn the_skipped_form_syncs_when_the_other_is_removed_and_the_asset_stays() {
    let setup = both();
    let asset = setup.asset_named(NFC);
    setup.remove(NFC);
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    skips(&pass, &[]);
    // The name still has a file: to the mirror it was edited.
    let now = setup.sandbox.now(&asset);
    assert!(now.alive(), "{pass:#?}");
    assert_eq!(now.contents(), [md5("composed"), md5("decomposed")]);
    setup.stable(&[(NFD, &asset, "decomposed")]);
}

#[test]
fn the_asset_is_trashed_when_both_forms_are_removed() {
    let setup = both();
    setup.remove(NFC);
    setup.remove(NFD);
    setup.sync(&[("trashed_remote", 1)]);
    assert_eq!(setup.sandbox.tree().live().count(), 0);
    setup.unmoved();
}

#[test]
fn removing_the_skipped_form_changes_nothing() {
    let setup = both();
    let asset = setup.asset_named(NFC);
    setup.remove(NFD);
    skips(&setup.sync(&[]), &[]);
    setup.stable(&[(NFC, &asset, "composed")]);
}

#[test]
fn a_decomposed_file_that_synced_gives_way_to_a_composed_one_without_a_loss() {
    let setup = Setup::new();
    setup.write(NFD, "decomposed");
    setup.sync(&[("pushed_new", 1)]);
    let asset = setup.asset_named(NFD);
    setup.write(NFC, "composed");
    let pass = setup.sync(&[("pushed_versions", 1)]);
    skips(&pass, &[NFD]);
    assert_eq!(setup.sandbox.now(&asset).contents(), [md5("decomposed"), md5("composed")]);
    assert_eq!((setup.read(NFC), setup.read(NFD)), (b"composed".to_vec(), b"decomposed".to_vec()));
    setup.unmoved();
    assert_eq!(setup.sandbox.now(&asset).filename(), NFD, "nothing is renamed there");
}

#[test]
fn a_remote_deletion_with_both_forms_here_takes_only_the_one_that_syncs() {
    let setup = both();
    let asset = setup.asset_named(NFC);
    setup.sandbox.trash(&asset);
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    assert_eq!(setup.trash(), [(NFC.to_owned(), md5("composed"))].into());
    assert_eq!(setup.read(NFD), b"decomposed");
    assert!(!setup.sandbox.now(&asset).alive());
    // The one that was left out is alone now: a file like any other.
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    let new = setup.asset_named(NFD);
    setup.stable(&[(NFD, &new, "decomposed")]);
}

#[test]
fn a_file_in_one_form_is_the_asset_in_the_other_and_neither_is_renamed() {
    for (here, there) in [(NFD, NFC), (NFC, NFD)] {
        let setup = Setup::new();
        setup.write(here, "same");
        let asset = setup.sandbox.asset(&format!("Studio/{there}"), "same");
        setup.sync(&[("adopted", 1)]);
        setup.stable(&[(here, &asset, "same")]);
        setup.write(here, "edited");
        setup.sync(&[("pushed_versions", 1)]);
        setup.stable(&[(here, &asset, "edited")]);
        setup.sandbox.version(&asset, "theirs");
        setup.sync(&[("pulled", 1)]);
        setup.stable(&[(here, &asset, "theirs")]);
        std::fs::remove_dir_all(&setup.state).unwrap();
        setup.sync(&[("adopted", 1)]);
        setup.stable(&[(here, &asset, "theirs")]);
        setup.remove(here);
        setup.sync(&[("trashed_remote", 1)]);
        assert!(!setup.sandbox.now(&asset).alive());
        setup.unmoved();
    }
}

#[test]
fn different_bytes_in_the_two_forms_are_a_conflict_at_first_contact() {
    let setup = Setup::new();
    setup.write(NFD, "ours");
    let asset = setup.sandbox.asset(&format!("Studio/{NFC}"), "theirs");
    let pass = setup.sync(&[("pulled", 1), ("pushed_new", 1)]);
    let copy = setup.tree().into_keys().find(|path| path.contains("(conflict ")).unwrap();
    assert_eq!(pass.copies().len(), 1);
    let copied = setup.sandbox.processed().live().find(|other| other.guid() != asset.guid()).cloned().unwrap();
    let plain = if setup.has(NFD) { NFD } else { NFC };
    setup.stable(&[(plain, &asset, "theirs"), (&copy, &copied, "ours")]);
}

#[test]
fn two_assets_in_the_two_forms_follow_the_rule_for_doubles() {
    for (first, second) in [(NFC, NFD), (NFD, NFC)] {
        let setup = Setup::new();
        let assets = [first, second].map(|name| setup.sandbox.asset(&format!("Studio/{name}"), name));
        setup.sync(&[("pulled", 2)]);
        let marked = assets[1].marked(second);
        setup.stable(&[(first, &assets[0], first), (&marked, &assets[1], second)]);
        setup.write(&marked, "edited");
        setup.sync(&[("pushed_versions", 1)]);
        setup.stable(&[(first, &assets[0], first), (&marked, &assets[1], "edited")]);
    }
}

#[test]
fn an_asset_renamed_to_the_other_form_of_its_name_changes_nothing_here() {
    let setup = Setup::new();
    let asset = setup.sandbox.asset(&format!("Studio/{NFC}"), "bytes");
    setup.sync(&[("pulled", 1)]);
    let asset = setup.sandbox.patch(&asset, &json!({ "filename": NFD }));
    setup.sync(&[]);
    setup.stable(&[(NFC, &asset, "bytes")]);
    setup.write(NFC, "edited");
    setup.sync(&[("pushed_versions", 1)]);
    setup.stable(&[(NFC, &asset, "edited")]);
}

#[test]
fn a_file_renamed_to_the_other_form_of_its_name_changes_nothing_there() {
    let setup = Setup::new();
    let asset = setup.sandbox.asset(&format!("Studio/{NFC}"), "bytes");
    setup.sync(&[("pulled", 1)]);
    setup.rename(NFC, NFD);
    setup.sync(&[]);
    setup.stable(&[(NFD, &asset, "bytes")]);
    // Both ways still work under the name that it has now.
    setup.write(NFD, "edited");
    setup.sync(&[("pushed_versions", 1)]);
    setup.stable(&[(NFD, &asset, "edited")]);
    setup.sandbox.version(&asset, "theirs");
    setup.sync(&[("pulled", 1)]);
    setup.stable(&[(NFD, &asset, "theirs")]);
    setup.sandbox.trash(&asset);
    setup.sync(&[("trashed_local", 1)]);
    assert!(!setup.has(NFD));
    setup.unmoved();
}

#[test]
fn directories_in_the_two_forms_follow_the_rule_too() {
    let setup = Setup::new();
    setup.write("e\u{301}/decomposed.jpg", "decomposed");
    setup.write("\u{e9}/composed.jpg", "composed");
    let pass = setup.sync(&[("pushed_new", 1), ("folders_created_remote", 1)]);
    skips(&pass, &["e\u{301}"]);
    let asset = setup.asset_named("composed.jpg");
    setup.unmoved();
    assert_eq!(setup.read("e\u{301}/decomposed.jpg"), b"decomposed");
    // The one that was left out becomes the only one: what was in the other was deleted, its folder stays.
    setup.remove("\u{e9}");
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    skips(&pass, &[]);
    assert!(!setup.sandbox.now(&asset).alive());
    let left = setup.asset_named("decomposed.jpg");
    setup.stable(&[("e\u{301}/decomposed.jpg", &left, "decomposed")]);
    assert_eq!(setup.sandbox.tree().folders.len(), 2, "no second folder");
}

#[test]
fn a_directory_in_one_form_is_the_storage_folder_in_the_other() {
    for (here, there) in [("e\u{301}", "\u{e9}"), ("\u{e9}", "e\u{301}")] {
        let setup = Setup::new();
        setup.mkdir(here);
        let asset = setup.sandbox.asset(&format!("Studio/{there}/a.jpg"), "a");
        setup.sync(&[("pulled", 1)]);
        setup.write(&format!("{here}/b.jpg"), "b");
        setup.sync(&[("pushed_new", 1)]);
        let new = setup.asset_named("b.jpg");
        setup.stable(&[(&format!("{here}/a.jpg"), &asset, "a"), (&format!("{here}/b.jpg"), &new, "b")]);
        assert_eq!(setup.sandbox.tree().folders.len(), 2, "no second folder");
    }
}
