//! Policies of a mirror, and folders that allow less than others: what is held, what fails, and with which words.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Asset, Options, Setup, Value, json, md5};
use std::time::Duration;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A setup whose file `a/b.txt` is synced as "base".
fn synced(keys: &str) -> (Setup, Asset) {
    let setup = Setup::with_mirror(keys);
    let asset = setup.sandbox.asset("Studio/a/b.txt", "base");
    setup.sandbox.asset("Studio/a/other.txt", "other");
    setup.sync(&[("pulled", 2), ("folders_created_local", 1)]);
    (setup, asset)
}

/// Nothing was sent and nothing fetched since the requests were forgotten.
#[track_caller]
fn nothing_travelled(setup: &Setup) {
    let requests = setup.sandbox.requests();
    requests.assert_only_reading();
    requests.assert_no_bytes_moved();
}

/// The direction holds a changed file, a deleted one, and a new one with its directory; nothing travels.
#[track_caller]
fn the_direction_holds_everything(setup: &Setup) {
    setup.sandbox.forget_requests();
    for _ in 0..2 {
        let pass = setup.sync(&[]);
        let mut held = pass.held_for("direction");
        held.sort_unstable();
        assert_eq!(held, ["a/b.txt", "a/other.txt", "new", "new/file.txt"], "{pass:#?}");
    }
    nothing_travelled(setup);
}

#[test]
fn whoever_wins_conflicts_an_edit_wins_over_a_deletion() {
    for conflict in ["keep-both", "local-wins", "remote-wins"] {
        let (setup, asset) = synced(&format!("conflict = {conflict:?}"));
        setup.write("a/b.txt", "ours");
        setup.sandbox.trash(&asset);
        let other = setup.asset("a/other.txt");
        setup.remove("a/other.txt");
        setup.sandbox.version(&other, "theirs");
        setup.sync(&[("pushed_versions", 1), ("pulled", 1)]);
        assert_eq!(setup.sandbox.now(&asset).contents(), [md5("base"), md5("ours")], "{conflict}");
        assert!(setup.sandbox.now(&asset).alive(), "{conflict}");
        assert_eq!(setup.read("a/other.txt"), b"theirs", "{conflict}");
        setup.settled();
    }
}

#[test]
fn whoever_wins_conflicts_the_same_bytes_are_no_conflict() {
    for conflict in ["keep-both", "local-wins", "remote-wins"] {
        let setup = Setup::with_mirror(&format!("conflict = {conflict:?}"));
        setup.write("a/b.txt", "same");
        let asset = setup.sandbox.asset("Studio/a/b.txt", "same");
        setup.sync(&[("adopted", 1)]);
        setup.write("a/b.txt", "same edit");
        setup.sandbox.version(&asset, "same edit");
        setup.sync(&[("adopted", 1)]);
        assert_eq!(setup.sandbox.now(&asset).versions(), 2, "{conflict}");
        assert!(setup.trash().is_empty(), "{conflict}");
        setup.settled();
    }
}

#[test]
fn what_pull_only_holds_is_pushed_when_the_direction_allows_it() {
    let (mut setup, asset) = synced("direction = \"pull-only\"");
    setup.write("a/b.txt", "ours");
    setup.write("new/file.txt", "new");
    setup.remove("a/other.txt");
    the_direction_holds_everything(&setup);
    // A change there comes, and is all that comes.
    setup.sandbox.asset("Studio/a/later.txt", "later");
    setup.sync(&[("pulled", 1)]);
    assert_eq!(setup.sandbox.requests().downloads(), 1);
    setup.set_mirror_keys("direction = \"two-way\"");
    setup.sync(&[("pushed_new", 1), ("pushed_versions", 1), ("trashed_remote", 1), ("folders_created_remote", 1)]);
    assert_eq!(setup.sandbox.now(&asset).contents(), [md5("base"), md5("ours")]);
    setup.settled();
}

#[test]
fn what_push_only_holds_is_pulled_when_the_direction_allows_it() {
    let (mut setup, asset) = synced("");
    setup.set_mirror_keys("direction = \"push-only\"");
    setup.sandbox.version(&asset, "theirs");
    setup.sandbox.asset("Studio/new/file.txt", "new");
    setup.sandbox.trash(&setup.asset("a/other.txt"));
    the_direction_holds_everything(&setup);
    setup.write("a/later.txt", "later");
    setup.sync(&[("pushed_new", 1)]);
    assert_eq!(setup.sandbox.requests().downloads(), 0);
    setup.set_mirror_keys("direction = \"two-way\"");
    setup.sync(&[("pulled", 2), ("trashed_local", 1), ("folders_created_local", 1)]);
    assert_eq!(setup.read("a/b.txt"), b"theirs");
    setup.settled();
}

#[test]
fn a_deletion_that_is_kept_is_not_transferred_again_until_it_changes() {
    let (setup, asset) = synced("delete = \"keep\"");
    let other = setup.asset("a/other.txt");
    setup.remove("a/b.txt");
    setup.sandbox.trash(&other);
    setup.sandbox.forget_requests();
    for _ in 0..2 {
        let pass = setup.sync(&[]);
        let mut kept = pass.held_for("kept");
        kept.sort_unstable();
        assert_eq!(kept, ["a/b.txt", "a/other.txt"], "{pass:#?}");
    }
    nothing_travelled(&setup);
    assert!(!setup.has("a/b.txt") && setup.sandbox.now(&asset).alive());
    assert!(setup.has("a/other.txt") && !setup.sandbox.now(&other).alive());
    // Each changes where it was kept: there is something to transfer again.
    setup.sandbox.version(&asset, "theirs");
    setup.write("a/other.txt", "ours");
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.held().len()), (0, 0), "{pass:#?}");
    assert_eq!(setup.read("a/b.txt"), b"theirs");
    assert_eq!(setup.asset("a/other.txt").md5(), md5("ours"));
    setup.settled();
}

/// A mirror whose three folders hold twelve files each.
fn three_mirrors() -> Setup {
    let setup = Setup::new();
    let mut text = setup.config_head();
    for name in ["first", "second", "third"] {
        for number in 0..12 {
            setup.sandbox.asset(&format!("{name}/{number}.txt"), format!("{name} {number}"));
        }
        let options = Options { storage_folder: format!("{name:?}"), ..Options::default() };
        text += &Setup::mirror_text(name, &setup.dir().join(name), &options);
    }
    setup.write_config(&text);
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    setup
}

#[test]
fn mirrors_of_one_configuration_end_each_by_itself_and_the_gravest_end_is_the_exit_code() {
    let setup = three_mirrors();
    let file = |mirror: &str, name: &str| setup.dir().join(mirror).join(name);
    // The first meets its guard, the second a refusal, and the third has something to do.
    for number in 0..12 {
        std::fs::remove_file(file("first", &format!("{number}.txt"))).unwrap();
    }
    let refused = setup.sandbox.asset("second/refused.txt", "refused");
    let path = format!("/api/assets/{}/download", refused.id());
    setup.sandbox.fault(&json!({ "path": path, "times": 0, "what": { "status": { "code": 403 } } }));
    std::fs::write(file("third", "new.txt"), "new").unwrap();
    let pass = setup.reconcile(&[]);
    let outcome = |name: &str| pass.mirror(name)["outcome"].clone();
    assert_eq!([outcome("first"), outcome("second"), outcome("third")], ["held", "incomplete", "in_sync"], "{pass:#?}");
    assert_eq!(pass.mirror("third")["pushed_new"], 1);
    assert_eq!(pass.code, 3, "held goes before incomplete: {pass:#?}");
    let names: Vec<&Value> = pass.answer["mirrors"].as_array().unwrap().iter().map(|report| &report["name"]).collect();
    assert_eq!(names, ["first", "second", "third"], "in the order of the configuration");
    assert_eq!(setup.reconcile(&["--mirror", "second"]).code, 1);
    assert_eq!(setup.reconcile(&["--mirror", "third"]).code, 0);
    assert_eq!(setup.reconcile(&["--mirror", "second", "--mirror", "third"]).code, 1);
    assert_eq!(setup.sandbox.tree().below("first").len(), 12, "nothing of it was deleted");
}

#[test]
fn a_mirror_of_everything_says_what_cannot_be_uploaded_at_the_top() {
    let mut setup = Setup::new();
    let text = setup.config_text().replace("storage_folder = \"Studio\"\n", "");
    setup.options.storage_folder.clear();
    setup.write_config(&text);
    setup.sandbox.asset("Studio/there.txt", "there");
    setup.sandbox.asset("Other/deep/there.txt", "there, too");
    setup.write("top.txt", "at the top");
    setup.write("Studio/here.txt", "here");
    setup.write("Made here/file.txt", "in a new folder at the top");
    for round in 0..2 {
        let pass = setup.reconcile(&[]);
        assert_eq!((pass.code, pass.failed()), (1, vec!["top.txt"]), "{pass:#?}");
        let said = pass.failure("top.txt");
        assert!(said.contains("storage folders") && said.contains("directory"), "it says what to do: {said}");
        assert_eq!(pass.report["pushed_new"], if round == 0 { 2 } else { 0 });
    }
    assert_eq!(setup.read("Other/deep/there.txt"), b"there, too");
    let tree = setup.sandbox.processed();
    assert!(tree.has("Studio/here.txt") && tree.has("Made here/file.txt"));
    assert_eq!(tree.live().count(), 4);
    assert_eq!(setup.read("top.txt"), b"at the top");
    // Moved into a directory, it goes up.
    setup.rename("top.txt", "Studio/top.txt");
    setup.sync(&[("pushed_new", 1)]);
    assert_eq!(setup.tree(), setup.sandbox.processed().below(""));
}

#[test]
fn a_file_in_an_organizer_is_named_and_not_uploaded_until_it_is_none() {
    let setup = Setup::new();
    let organizer = setup.sandbox.folder("Studio/shelf");
    setup.sandbox.asset("Studio/shelf/box/there.txt", "there");
    setup.sandbox.patch_folder(organizer, &json!({ "organizer": true }));
    setup.sync(&[("pulled", 1), ("folders_created_local", 2)]);
    setup.write("shelf/file.txt", "file");
    setup.write("shelf/box/here.txt", "here");
    setup.sandbox.forget_requests();
    for _ in 0..2 {
        let pass = setup.reconcile(&[]);
        assert_eq!((pass.code, pass.failed()), (1, vec!["shelf/file.txt"]), "{pass:#?}");
        assert!(pass.failure("shelf/file.txt").contains("organizer"), "{pass:#?}");
    }
    assert_eq!(setup.sandbox.requests().count("POST", "/api/uploads/"), 1, "only what may be uploaded is prepared");
    setup.sandbox.processed();
    setup.sandbox.patch_folder(organizer, &json!({ "organizer": false }));
    setup.sync(&[("pushed_new", 1)]);
    assert_eq!(setup.asset("shelf/file.txt").contents(), [md5("file")]);
    setup.settled();
}

#[test]
fn a_folder_without_a_contribution_of_its_own_is_never_uploaded_into_another() {
    let setup = Setup::new();
    let folder = setup.sandbox.folder("Studio/box");
    setup.sandbox.patch_folder(folder, &json!({ "contribution_id": null }));
    setup.write("box/file.txt", "file");
    setup.sandbox.forget_requests();
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.failed()), (1, vec!["box/file.txt"]), "{pass:#?}");
    assert!(pass.failure("box/file.txt").contains("instead of"), "{pass:#?}");
    let asked = setup.sandbox.requests().asked();
    assert!(asked.contains(&"POST /api/uploads?".to_owned()), "{asked:#?}");
    assert_eq!(setup.sandbox.tree().assets.len(), 0, "nothing went elsewhere");
    setup.sandbox.patch_folder(folder, &json!({ "contribution_id": 4711 }));
    setup.sync(&[("pushed_new", 1)]);
    setup.settled();
}

#[test]
fn a_folder_that_takes_no_uploads_is_said_in_the_servers_words_and_not_asked_again() {
    let setup = Setup::new();
    let folder = setup.sandbox.folder("Studio/box");
    let known = setup.sandbox.asset("Studio/box/known.txt", "known");
    setup.sandbox.patch_folder(folder, &json!({ "enable_contribution": false }));
    setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    setup.write("box/file.txt", "file");
    setup.write("free/file.txt", "file");
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.failed()), (1, vec!["box/file.txt"]), "{pass:#?}");
    assert!(pass.failure("box/file.txt").contains("this folder takes no uploads"), "{pass:#?}");
    assert!(setup.sandbox.tree().has("Studio/free/file.txt"));
    setup.sandbox.processed();
    setup.sandbox.forget_requests();
    assert_eq!(setup.reconcile(&[]).failed(), ["box/file.txt"]);
    setup.sandbox.requests().assert_only_reading();
    // What is in it already is synced.
    setup.sandbox.version(&known, "changed");
    assert_eq!(setup.reconcile(&[]).report["pulled"], 1);
}

#[test]
fn a_user_who_may_not_upload_is_told_so_and_still_gets_everything() {
    let (setup, asset) = synced("");
    let owner = setup.sandbox.get("/admin/users")[0]["id"].as_i64().unwrap();
    setup.sandbox.post(&format!("/admin/users/{owner}"), &json!({ "can_upload": false }));
    setup.write("a/new.txt", "new");
    setup.write("a/other.txt", "edited");
    setup.sandbox.version(&asset, "theirs");
    for _ in 0..2 {
        let pass = setup.reconcile(&[]);
        let mut failed = pass.failed();
        failed.sort_unstable();
        assert_eq!((pass.code, failed), (1, vec!["a/new.txt", "a/other.txt"]), "{pass:#?}");
        assert!(pass.failure("a/new.txt").contains("you may not upload"), "{pass:#?}");
        assert_eq!(setup.read("a/b.txt"), b"theirs");
    }
    setup.nothing_half_done();
    assert_eq!(setup.read("a/other.txt"), b"edited");
}

#[test]
fn a_folder_and_an_asset_that_may_not_be_edited_are_named_and_left_alone() {
    let (setup, asset) = synced("");
    setup.sandbox.patch(&asset, &json!({ "editable": false }));
    setup.sync(&[]);
    setup.write("a/b.txt", "ours");
    setup.sandbox.forget_requests();
    for _ in 0..2 {
        let pass = setup.reconcile(&[]);
        assert_eq!((pass.code, pass.failed()), (1, vec!["a/b.txt"]), "a local edit that may not be pushed: {pass:#?}");
    }
    nothing_travelled(&setup);
    assert_eq!(setup.read("a/b.txt"), b"ours");
    setup.sandbox.patch(&asset, &json!({ "editable": true }));
    setup.sync(&[("pushed_versions", 1)]);
    setup.settled();
    let folder = setup.sandbox.folder("Studio/fixed");
    setup.sandbox.patch_folder(folder, &json!({ "editable": false, "block_destroy": true }));
    setup.sync(&[("folders_created_local", 1)]);
    setup.remove("fixed");
    let pass = setup.reconcile(&[]);
    assert!(setup.sandbox.tree().folder("Studio/fixed").is_some(), "{pass:#?}");
    assert!([0, 1].contains(&pass.code), "{pass:#?}");
}

#[test]
fn an_asset_whose_original_may_not_be_downloaded_is_held_and_not_asked_for() {
    let setup = Setup::new();
    let closed = setup.sandbox.asset("Studio/closed.txt", "closed");
    setup.sandbox.asset("Studio/open.txt", "open");
    setup.sandbox.patch(&closed, &json!({ "original_downloadable": false, "downloadable": false }));
    setup.sandbox.forget_requests();
    let pass = setup.sync(&[("pulled", 1)]);
    assert_eq!(pass.held_for("not_permitted"), ["closed.txt"], "{pass:#?}");
    let pass = setup.sync(&[]);
    assert_eq!(pass.held_for("not_permitted"), ["closed.txt"], "{pass:#?}");
    assert_eq!(setup.sandbox.requests().downloads(), 1);
    assert!(!setup.has("closed.txt"));
    setup.sandbox.patch(&closed, &json!({ "original_downloadable": true, "downloadable": true }));
    setup.sync(&[("pulled", 1)]);
    setup.settled();
}

#[test]
fn a_file_over_5_gib_is_refused_before_anything_is_prepared() {
    let (setup, _) = synced("");
    let huge = std::fs::File::create(setup.path("a/huge.bin")).unwrap();
    huge.set_len((5 << 30) + 1).unwrap();
    setup.write("a/small.txt", "small");
    setup.age("a/huge.bin", Duration::from_secs(60));
    setup.sandbox.forget_requests();
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.failed()), (1, vec!["a/huge.bin"]), "{pass:#?}");
    assert!(pass.failure("a/huge.bin").contains("5 GiB"), "{pass:#?}");
    assert_eq!(pass.report["pushed_new"], 1);
    setup.sandbox.advance(DAY_MS);
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.failed(), ["a/huge.bin"], "{pass:#?}");
    assert_eq!(setup.sandbox.requests().count("POST", "/api/uploads/"), 1, "only the small one was prepared");
    setup.nothing_half_done();
    huge.set_len(5).unwrap();
    setup.sync(&[("pushed_new", 1)]);
    assert_eq!(setup.asset("a/huge.bin").0["size"], 5);
    setup.settled();
}

#[test]
fn max_delete_is_a_number_or_a_share_of_the_tracked_files() {
    // Of forty files 12 are as many as both say, and 13 are too many.
    for max_delete in ["12", "\"30%\""] {
        let setup = Setup::with_mirror(&format!("max_delete = {max_delete}"));
        for number in 0..40 {
            setup.write(&format!("{number}.txt"), format!("{number}"));
        }
        setup.sync(&[("pushed_new", 40)]);
        setup.quiet();
        for number in 0..13 {
            setup.remove(&format!("{number}.txt"));
        }
        let pass = setup.reconcile(&[]);
        pass.assert(3, "held", &[]);
        assert_eq!(pass.held(), ["mass_delete"], "{max_delete}: {pass:#?}");
        setup.write("12.txt", "12");
        let pass = setup.reconcile(&[]);
        pass.assert(0, "in_sync", &[("trashed_remote", 12)]);
        assert_eq!(setup.sandbox.tree().live().count(), 28, "{max_delete}");
        setup.settled();
    }
}
