//! What is held, why, and what a person can answer: every `held.reason` that one pass can have.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Asset, Options, Pass, Sandbox, Setup, Value, garbage, json, photo, picture_path};

/// The one hold of a pass that ended with 3.
#[track_caller]
fn held<'p>(pass: &'p Pass, reason: &str) -> &'p Value {
    assert_eq!((pass.code, &pass.report["outcome"]), (3, &json!("held")), "{pass:?}");
    assert_eq!(pass.held(), [reason], "{pass:?}");
    &pass.report["held"][0]
}

/// Nothing was done anywhere.
#[track_caller]
fn did_nothing(pass: &Pass) {
    assert!(pass.did().is_empty() && pass.bytes().0 == 0, "{pass:?}");
}

#[track_caller]
fn reattach(setup: &Setup) {
    assert_eq!(setup.run(&["reattach", "studio"]).code, 0);
}

#[test]
fn mass_change_here_is_held_until_approved() {
    let setup = Setup::with_pictures(40, "");
    (0..20).for_each(|number| setup.write(&picture_path(number), garbage(number)));
    setup.write("new.txt", "other work goes on");
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.did().get("pushed_new"), Some(&1), "{pass:?}");
    assert_eq!(pass.did().get("pushed_versions"), None, "{pass:?}");
    let hold = held(&pass, "mass_change");
    assert_eq!((&hold["side"], &hold["count"], &hold["of"]), (&json!("local"), &json!(20), &json!(41)), "{pass:?}");
    assert!(setup.sandbox.tree().live().all(|asset| asset.versions() == 1));
    let shown = setup.run(&["plan", hold["plan"].as_str().unwrap()]);
    assert_eq!(shown.stdout.matches("push_version").count(), 20, "{shown:?}");
    let again = setup.reconcile(&["--allow-deletes"]);
    assert_eq!(held(&again, "mass_change")["plan"], hold["plan"], "--allow-deletes is about deletions");
    setup.approve(hold);
    setup.sync(&[("pushed_versions", 20)]);
    setup.settled();
}

#[test]
fn mass_change_of_files_that_shrank_to_nothing_is_held() {
    let setup = Setup::with_pictures(16, "");
    (0..12).for_each(|number| setup.write(&picture_path(number), ""));
    let pass = setup.reconcile(&[]);
    assert_eq!(held(&pass, "mass_change")["count"], 12);
    did_nothing(&pass);
    // Put back, the hold ends by itself.
    (0..12).for_each(|number| setup.write(&picture_path(number), photo(number)));
    setup.sync(&[]);
    setup.settled();
}

#[test]
fn mass_change_is_counted_over_an_hour() {
    let setup = Setup::with_pictures(16, "");
    (0..8).for_each(|number| setup.write(&picture_path(number), garbage(number)));
    setup.sync(&[("pushed_versions", 8)]);
    (8..12).for_each(|number| setup.write(&picture_path(number), garbage(number)));
    let pass = setup.reconcile(&[]);
    assert_eq!(held(&pass, "mass_change")["count"], 4, "{pass:?}");
    did_nothing(&pass);
}

#[test]
fn many_good_edits_are_no_mass_change() {
    let setup = Setup::with_pictures(40, "");
    (0..30).for_each(|number| setup.write(&picture_path(number), photo(number + 1000)));
    setup.sync(&[("pushed_versions", 30)]);
    for asset in setup.sandbox.tree().live().take(30) {
        setup.sandbox.version(asset, photo(2000 + usize::try_from(asset.id()).unwrap()));
    }
    setup.sync(&[("pulled", 30)]);
    setup.settled();
}

#[test]
fn mass_change_there_is_held_until_approved() {
    let setup = Setup::with_pictures(40, "");
    let before = setup.tree();
    for (number, asset) in setup.sandbox.tree().live().take(20).enumerate() {
        setup.sandbox.version(asset, if number % 4 == 0 { Vec::new() } else { garbage(number) });
    }
    let pass = setup.reconcile(&[]);
    let hold = held(&pass, "mass_change");
    assert_eq!((&hold["side"], &hold["count"], &hold["of"]), (&json!("remote"), &json!(20), &json!(40)), "{pass:?}");
    assert_eq!(setup.tree(), before);
    setup.approve(hold);
    setup.sync(&[("pulled", 20)]);
    assert_eq!(setup.trash().len(), 20);
    setup.settled();
}

#[test]
fn a_held_plan_expires_when_the_world_no_longer_matches_it() {
    let setup = Setup::with_pictures(40, "");
    (0..12).for_each(|number| setup.remove(&picture_path(number)));
    let pass = setup.reconcile(&[]);
    let hold = held(&pass, "mass_delete").clone();
    setup.approve(&hold);
    // One more than what was approved.
    setup.remove(&picture_path(12));
    let pass = setup.reconcile(&[]);
    let fresh = held(&pass, "mass_delete");
    assert_eq!(fresh["count"], 13);
    assert_ne!(fresh["plan"], hold["plan"]);
    did_nothing(&pass);
    assert_eq!(setup.sandbox.tree().live().count(), 40);
    let gone = setup.run(&["approve", hold["plan"].as_str().unwrap()]);
    assert!(gone.code == 2 && gone.stderr.contains("no longer matches"), "{gone:?}");
    setup.approve(fresh);
    assert_eq!(setup.reconcile(&[]).did().get("trashed_remote"), Some(&13));
    setup.settled();
}

#[test]
fn a_dry_run_tells_of_a_hold_and_stores_no_plan() {
    let setup = Setup::with_pictures(40, "");
    (0..12).for_each(|number| setup.remove(&picture_path(number)));
    let pass = setup.reconcile(&["--dry-run"]);
    assert_eq!(held(&pass, "mass_delete")["plan"], json!(null));
    let real = setup.reconcile(&[]);
    let pass = setup.reconcile(&["--dry-run"]);
    assert_eq!(held(&pass, "mass_delete")["plan"], held(&real, "mass_delete")["plan"], "one that is stored is named");
}

#[test]
fn more_than_max_delete_files_is_held_whatever_the_share() {
    let mut setup = Setup::with_pictures(60, "max_delete = \"90%\"\nmax_delete_files = 12");
    (0..13).for_each(|number| setup.remove(&picture_path(number)));
    let pass = setup.reconcile(&[]);
    assert_eq!(held(&pass, "mass_delete")["count"], 13);
    setup.set_mirror_keys("max_delete = \"90%\"\nmax_delete_files = 0");
    assert_eq!(setup.reconcile(&[]).did().get("trashed_remote"), Some(&13));
    setup.settled();
}

/// What a roll-back of the server does, and what `reattach` makes of it: nothing that a user wrote is lost.
#[track_caller]
fn rolled_back(setup: &Setup, args: &[&str]) {
    let before = setup.tree();
    let pass = setup.reconcile(args);
    held(&pass, "remote_rolled_back");
    did_nothing(&pass);
    assert_eq!(setup.tree(), before);
    let detail = pass.report["held"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("damsync reattach studio"), "{detail}");
    held(&setup.reconcile(&[]), "remote_rolled_back");
    reattach(setup);
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:?}");
    for (path, md5) in before.iter().filter(|(_, md5)| !md5.is_empty()) {
        assert!(setup.tree().values().any(|other| other == md5), "{path} is lost: {pass:?}");
    }
    assert!(!pass.did().keys().any(|did| did.starts_with("trashed")), "{pass:?}");
    setup.settled();
}

#[test]
fn a_rolled_back_server_is_known_by_an_id_that_is_given_twice() {
    let setup = Setup::with_pictures(8, "");
    setup.sandbox.post("/admin/snapshot", &json!({}));
    for number in 0..4 {
        setup.write(&format!("after the snapshot {number}.txt"), format!("only here after the roll-back {number}"));
    }
    setup.sync(&[("pushed_new", 4)]);
    setup.settled();
    setup.sandbox.post("/admin/restore", &json!({}));
    setup.sandbox.advance(1000);
    for number in 0..8 {
        // These get the ids that the lost ones had, or some between them.
        setup.sandbox.asset(&format!("Studio/made after the roll-back {number}.txt"), format!("{number}"));
    }
    rolled_back(&setup, &[]);
}

#[test]
fn a_rolled_back_server_is_known_by_known_assets_that_are_older() {
    let setup = Setup::with_pictures(8, "");
    setup.sandbox.post("/admin/snapshot", &json!({}));
    (0..4).for_each(|number| setup.write(&picture_path(number), photo(number + 500)));
    setup.sync(&[("pushed_versions", 4)]);
    setup.settled();
    setup.sandbox.post("/admin/restore", &json!({}));
    rolled_back(&setup, &["--full"]);
}

#[test]
fn a_rolled_back_server_is_known_before_a_lost_asset_takes_its_file_along() {
    let setup = Setup::with_pictures(8, "");
    setup.sandbox.post("/admin/snapshot", &json!({}));
    setup.write("after the snapshot.txt", "only here after the roll-back");
    (0..4).for_each(|number| setup.write(&picture_path(number), photo(number + 500)));
    setup.sync(&[("pushed_new", 1), ("pushed_versions", 4)]);
    setup.settled();
    setup.sandbox.post("/admin/restore", &json!({}));
    rolled_back(&setup, &[]);
}

#[test]
fn a_date_that_jumps_back_and_a_highest_id_that_is_gone_are_no_roll_back() {
    let setup = Setup::with_pictures(8, "");
    setup.write("the newest.txt", "the newest");
    setup.sync(&[("pushed_new", 1)]);
    setup.settled();
    setup.sandbox.post("/admin/clock", &json!({ "offset_ms": -86_400_000 }));
    let newest = setup.asset("the newest.txt");
    setup.sandbox.trash(&newest);
    setup.sync(&[("trashed_local", 1)]);
    for number in 0..5 {
        setup.sandbox.version(&setup.asset(&picture_path(number)), photo(number + 700));
    }
    let pass = setup.reconcile(&["--full"]);
    pass.assert(0, "in_sync", &[("pulled", 5)]);
    // A revert lowers the version alone.
    for number in 0..5 {
        let asset: Asset = setup.asset(&picture_path(number));
        setup.sandbox.post(&format!("/api/assets/{}/revert", asset.id()), &json!({ "version": 1 }));
    }
    setup.sandbox.processed();
    setup.reconcile(&["--full"]).assert(0, "in_sync", &[("pulled", 5)]);
}

#[test]
fn most_known_assets_gone_at_once_and_not_into_the_trash_is_another_server() {
    let setup = Setup::new();
    setup.write("first.txt", "before the snapshot");
    setup.sync(&[("pushed_new", 1)]);
    setup.settled();
    setup.sandbox.post("/admin/snapshot", &json!({}));
    (0..20).for_each(|number| setup.write(&format!("photo {number}.jpg"), photo(number)));
    setup.sync(&[("pushed_new", 20)]);
    setup.settled();
    setup.sandbox.post("/admin/restore", &json!({}));
    let before = setup.tree();
    for args in [&[][..], &["--allow-deletes"], &["--full"]] {
        let pass = setup.reconcile(args);
        held(&pass, "remote_replaced");
        did_nothing(&pass);
        assert_eq!(setup.tree(), before);
    }
    reattach(&setup);
    setup.sync(&[("adopted", 1), ("pushed_new", 20)]);
    setup.settled();
}

#[test]
fn many_assets_deleted_on_a_server_that_hides_its_trash_are_a_mass_delete() {
    let setup = Setup::with_pictures(20, "");
    setup.sandbox.habits(&json!({ "trashed_details": "not_found" }));
    for asset in setup.sandbox.tree().live().take(15) {
        setup.sandbox.trash(asset);
    }
    let pass = setup.reconcile(&[]);
    assert_eq!(held(&pass, "mass_delete")["count"], 15);
    did_nothing(&pass);
    let pass = setup.reconcile(&[]);
    setup.approve(held(&pass, "mass_delete"));
    setup.sync(&[("trashed_local", 15)]);
    setup.settled();
}

#[test]
fn another_organization_is_another_server() {
    let setup = Setup::with_pictures(5, "");
    let before = setup.tree();
    let text = setup.config_text();
    let other = Sandbox::another();
    other.folder("Studio");
    let (old, new) = (&setup.sandbox, &other);
    assert_ne!(old.organization_id, new.organization_id);
    let moved = text.replace(&old.base_url, &new.base_url);
    setup.write_config(&moved.replace(
        &format!("organization_id = {}", old.organization_id),
        &format!("organization_id = {}", new.organization_id),
    ));
    setup.write_token(&new.token);
    for args in [&[][..], &["--full"], &["--allow-deletes"]] {
        let pass = setup.reconcile(args);
        held(&pass, "remote_replaced");
        did_nothing(&pass);
        assert_eq!((setup.tree(), other.tree().live().count()), (before.clone(), 0));
    }
    setup.write_config(&text);
    setup.write_token(&setup.sandbox.token);
    setup.settled();
}

#[test]
fn another_users_token_holds_deletions_until_reattached() {
    let setup = Setup::with_pictures(12, "");
    let other = setup.sandbox.post("/admin/users", &json!({ "can_upload": true, "any_user": true }));
    setup.write_token(other["token"].as_str().unwrap());
    setup.remove(&picture_path(1));
    let pass = setup.reconcile(&[]);
    held(&pass, "identity_changed");
    did_nothing(&pass);
    assert!(pass.report["held"][0]["detail"].as_str().unwrap().contains("damsync reattach studio"), "{pass:?}");
    reattach(&setup);
    // A union: what was deleted meanwhile comes back.
    setup.sync(&[("adopted", 11), ("pulled", 1)]);
    setup.settled();
}

#[test]
fn a_directory_that_is_gone_is_joined_anew_by_reattach() {
    let setup = Setup::with_pictures(6, "");
    std::fs::rename(&setup.local, setup.dir().join("away")).unwrap();
    held(&setup.reconcile(&[]), "root_missing");
    reattach(&setup);
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.did()["pulled"]), (0, 6), "{pass:?}");
    assert_eq!(setup.sandbox.tree().live().count(), 6);
    setup.settled();
}

#[test]
fn a_folder_that_answers_403_is_access_lost_whether_or_not_anything_is_in_it() {
    let setup = Setup::with_pictures(12, "");
    setup.sandbox.folder("Studio/empty");
    setup.sync(&[("folders_created_local", 1)]);
    let before = setup.tree();
    let tree = setup.sandbox.tree();
    let folders = ["Studio/folder 1", "Studio/empty"].map(|path| tree.folder(path).unwrap());
    let owner = setup.sandbox.get("/admin/users")[0]["id"].as_i64().unwrap();
    setup.sandbox.post(&format!("/admin/users/{owner}"), &json!({ "hidden_folders": folders }));
    let inside = tree.live().filter(|asset| asset.path().starts_with("Studio/folder 1/"));
    let assets = inside.map(|asset| format!("/api/assets/{}", asset.id()));
    for path in folders.map(|id| format!("/api/storage_folders/{id}")).into_iter().chain(assets) {
        setup.sandbox.fault(&json!({ "path": path, "times": 0, "what": { "status": { "code": 403 } } }));
    }
    for args in [&[][..], &["--full"], &["--allow-deletes"]] {
        let pass = setup.reconcile(args);
        assert_eq!((pass.code, pass.did().len()), (3, 0), "{args:?} {pass:?}");
        assert!(pass.held().iter().all(|reason| *reason == "access_lost"), "{pass:?}");
        let held = pass.report["held"].as_array().unwrap();
        assert!(held.iter().any(|item| item["path"] == "empty"), "{pass:?}");
        assert_eq!(setup.tree(), before);
    }
    setup.sandbox.no_faults();
    setup.sandbox.post(&format!("/admin/users/{owner}"), &json!({ "hidden_folders": [] }));
    setup.reconcile(&["--full"]).assert(0, "in_sync", &[]);
    setup.settled();
}

#[test]
fn a_mistyped_storage_folder_is_said_although_the_mirror_was_bound_before() {
    let mut setup = Setup::with_pictures(3, "");
    let folder = setup.sandbox.tree().folder("Studio").unwrap();
    // Renamed there, the folder is followed by its id, …
    setup.sandbox.patch_folder(folder, &json!({ "name": "Atelier" }));
    setup.sync(&[]);
    // … but another name here is another wish.
    setup.options.storage_folder = "\"Stduio\"".to_owned();
    setup.write_config(&setup.config_text());
    let pass = setup.reconcile(&[]);
    assert!(pass.code == 2 && pass.stdout.contains("Stduio"), "{pass:?}");
    setup.options.storage_folder = "\"Atelier\"".to_owned();
    setup.write_config(&setup.config_text());
    setup.sync(&[]);
    setup.options.storage_folder = "\"Studio\"".to_owned();
    setup.write_config(&setup.config_text());
    assert_eq!(setup.reconcile(&[]).code, 2);
}

/// Two mirrors of two folders, both synced.
fn two_mirrors() -> Setup {
    let setup = Setup::new();
    setup.sandbox.folder("Archive");
    let second = setup.dir().join("second");
    let archive = Options { storage_folder: "\"Archive\"".to_owned(), ..Options::default() };
    setup.write_config(&(setup.config_text() + &Setup::mirror_text("archive", &second, &archive)));
    setup.write("a.txt", "a");
    std::fs::create_dir_all(&second).unwrap();
    std::fs::write(second.join("b.txt"), "b").unwrap();
    assert_eq!(setup.reconcile(&[]).code, 0);
    setup
}

#[test]
fn a_mirror_whose_folder_is_moved_into_anothers_is_held() {
    let setup = two_mirrors();
    let tree = setup.sandbox.tree();
    let (outer, inner) = (tree.folder("Studio").unwrap(), tree.folder("Archive").unwrap());
    setup.sandbox.patch_folder(inner, &json!({ "parent_id": outer }));
    std::fs::remove_file(setup.dir().join("second/b.txt")).unwrap();
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 3, "{pass:?}");
    let archive = pass.mirror("archive");
    assert_eq!(archive["held"][0]["reason"], "overlap", "{pass:?}");
    assert!(archive["held"][0]["detail"].as_str().unwrap().contains("studio"), "{pass:?}");
    assert!(setup.sandbox.tree().has("Studio/Archive/b.txt"), "nothing is deleted");
    setup.sandbox.patch_folder(inner, &json!({ "parent_id": null }));
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.mirror("archive")["trashed_remote"], 1, "{pass:?}");
}

#[test]
fn an_edit_of_a_checked_out_asset_waits() {
    let setup = Setup::with_pictures(3, "");
    let asset = setup.asset(&picture_path(1));
    setup.sandbox.patch(&asset, &json!({ "checked_out_at": "2026-01-01T00:00:00Z" }));
    setup.sync(&[]);
    setup.write(&picture_path(1), photo(99));
    for _ in 0..2 {
        let pass = setup.reconcile(&[]);
        pass.assert(1, "incomplete", &[]);
        assert_eq!(pass.report["held"], json!([{ "reason": "checked_out", "path": picture_path(1) }]), "{pass:?}");
    }
    assert_eq!(setup.sandbox.now(&asset).versions(), 1);
    setup.sandbox.patch(&asset, &json!({ "checked_out_at": null }));
    setup.sync(&[("pushed_versions", 1)]);
    setup.settled();
}

#[test]
fn an_asset_whose_original_we_may_not_have_is_listed_and_left() {
    let setup = Setup::new();
    let asset = setup.sandbox.asset("Studio/secret.jpg", photo(1));
    setup.sandbox.patch(&asset, &json!({ "original_downloadable": false }));
    for _ in 0..2 {
        // Lists do not tell it, so it may take one look to know.
        setup.sandbox.forget_requests();
        let pass = setup.sync(&[]);
        assert_eq!(pass.report["held"], json!([{ "reason": "not_permitted", "path": "secret.jpg" }]), "{pass:?}");
        assert!(!setup.has("secret.jpg"));
    }
    assert_eq!(setup.sandbox.requests().downloads(), 0);
    setup.sandbox.patch(&asset, &json!({ "original_downloadable": true }));
    setup.sync(&[("pulled", 1)]);
    setup.settled();
}

#[test]
fn a_first_pull_without_room_for_all_of_it_does_not_begin() {
    let free = free_bytes(std::env::temp_dir().as_path());
    // Each alone would fit.
    let setup = Setup::with_mirror(&format!("min_free = \"{}B\"", free.saturating_sub(200 << 20)));
    let big = json!({ "path": "Studio", "folders": 1, "assets_per_folder": 3, "size": 100 << 20 });
    setup.sandbox.post("/admin/bulk", &big);
    setup.sandbox.forget_requests();
    setup.write("here.txt", "pushes go on");
    let pass = setup.reconcile(&[]);
    pass.assert(1, "incomplete", &[("pushed_new", 1), ("folders_created_local", 1)]);
    assert_eq!(pass.held(), ["disk_full"], "{pass:?}");
    assert!(pass.failed().is_empty(), "{pass:?}");
    assert_eq!((&pass.report["held"][0]["count"], setup.sandbox.requests().downloads()), (&json!(3), 0), "{pass:?}");
    for asset in setup.sandbox.tree().live().filter(|asset| asset.path().ends_with(".bin")) {
        setup.sandbox.trash(asset);
    }
    setup.sync(&[]);
    setup.settled();
}

#[test]
fn downloads_are_held_below_min_free_and_go_on_by_themselves() {
    let mut setup = Setup::with_pictures(3, "");
    setup.set_mirror_keys("min_free = \"9000000GiB\"");
    setup.sandbox.asset("Studio/new there.jpg", photo(7));
    setup.write("new here.jpg", photo(8));
    let pass = setup.reconcile(&[]);
    pass.assert(1, "incomplete", &[("pushed_new", 1)]);
    assert_eq!((pass.held(), pass.failed().len()), (vec!["disk_full"], 0), "{pass:?}");
    setup.set_mirror_keys("");
    setup.sync(&[("pulled", 1)]);
    setup.settled();
}

fn free_bytes(path: &std::path::Path) -> u64 {
    let stat = rustix::fs::statvfs(path).unwrap();
    stat.f_bavail * stat.f_frsize
}

#[test]
fn ignore_rules_from_the_server_that_leave_out_much_are_held_until_approved() {
    let setup = Setup::with_pictures(40, "");
    setup.sandbox.asset("Studio/.damsyncignore", "folder 1/\nfolder 2/\n");
    let pass = setup.reconcile(&[]);
    let hold = held(&pass, "mass_delete");
    assert_eq!((&hold["side"], &hold["count"], &hold["of"]), (&json!("remote"), &json!(20), &json!(40)), "{pass:?}");
    did_nothing(&pass);
    assert!(!setup.has(".damsyncignore"));
    let before = setup.tree();
    setup.approve(hold);
    setup.sync(&[("pulled", 1)]);
    let mut after = setup.tree();
    after.remove(".damsyncignore");
    assert_eq!(after, before, "what is left out stays where it is");
    assert_eq!(setup.sandbox.tree().live().count(), 41);
    assert_eq!(setup.reconcile(&[]).code, 0, "what was approved there is not asked about here");
}

#[test]
fn ignore_rules_here_that_leave_out_much_are_told_until_approved() {
    let mut setup = Setup::with_pictures(40, "");
    setup.set_mirror_keys("ignore = [\"folder 1/\", \"folder 2/\"]");
    let pass = setup.reconcile(&[]);
    let hold = held(&pass, "mass_delete").clone();
    assert_eq!((&hold["side"], &hold["count"], &hold["of"]), (&json!("local"), &json!(20), &json!(40)), "{pass:?}");
    did_nothing(&pass);
    assert_eq!(setup.sandbox.tree().live().count(), 40);
    let shown = setup.run(&["plan", hold["plan"].as_str().unwrap()]);
    assert_eq!(shown.stdout.matches("leave_out").count(), 20, "{shown:?}");
    setup.approve(&hold);
    setup.sync(&[]);
    setup.sync(&[]);
    // A few more are no matter, and taking the rules back brings all of them in again.
    setup.set_mirror_keys("");
    setup.sync(&[]);
    setup.settled();
}

#[test]
fn a_few_files_that_become_ignored_are_no_matter() {
    let setup = Setup::with_pictures(40, "");
    setup.sandbox.asset("Studio/folder 1/.damsyncignore", "*\n");
    setup.sync(&[("pulled", 1)]);
    assert_eq!(setup.sandbox.tree().live().count(), 41);
}

#[test]
fn status_tells_what_stood_in_the_way_of_the_last_pass_though_nobody_is_at_work() {
    let setup = Setup::with_pictures(12, "");
    let checked = || setup.run(&["status", "--check"]).code;
    assert_eq!(checked(), 0);
    std::fs::rename(&setup.local, setup.dir().join("away")).unwrap();
    held(&setup.reconcile(&[]), "root_missing");
    let status = setup.status();
    assert_eq!((&status["state"], &status["held"][0]["reason"]), (&json!("held"), &json!("root_missing")), "{status}");
    assert_eq!(checked(), 1);
    std::fs::rename(setup.dir().join("away"), &setup.local).unwrap();
    setup.sync(&[]);
    assert_eq!((setup.status()["held"].clone(), checked()), (json!([]), 0));

    setup.sandbox.stop();
    assert_eq!(setup.reconcile(&[]).code, 5);
    let status = setup.status();
    assert_eq!(status["state"], "offline", "{status}");
    assert!(status["error"].as_str().unwrap().contains("no answer"), "{status}");
    assert_eq!(checked(), 1);
    setup.sandbox.start_again();
    setup.sync(&[]);
    assert_eq!((setup.status()["state"].clone(), checked()), (json!("idle"), 0));

    (0..12).for_each(|number| setup.write(&picture_path(number), garbage(number)));
    held(&setup.reconcile(&[]), "mass_change");
    let status = setup.status();
    assert_eq!((&status["state"], &status["held"][0]["reason"]), (&json!("held"), &json!("mass_change")), "{status}");
    assert_eq!(checked(), 1);
}
