//! When in doubt, nothing is deleted: the guards, a lost state, rehearsals, and two programs at once.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Pass, Remote, Setup, Signal, Tree, json, local_tree, snapshot, until};
use std::path::PathBuf;

/// A setup with `count` files on both sides.
fn synced(count: usize) -> Setup {
    let setup = Setup::new();
    for number in 0..count {
        setup.write(&format!("folder {}/file {number}.txt", number % 4), format!("number {number}"));
    }
    let folders = u64::try_from(count.min(4)).unwrap();
    setup.sync(&[("pushed_new", u64::try_from(count).unwrap()), ("folders_created_remote", folders)]);
    setup.settled();
    setup
}

fn live(tree: &Remote) -> usize {
    tree.live().count()
}

/// A pass that is held for one reason and changes nothing on the server.
#[track_caller]
fn held(setup: &Setup, reason: &str) -> Pass {
    let before = setup.sandbox.tree().below("");
    let pass = setup.reconcile(&[]);
    pass.assert(3, "held", &[]);
    assert_eq!(pass.held(), [reason], "{pass:?}");
    assert_eq!(setup.sandbox.tree().below(""), before);
    pass
}

#[test]
fn a_root_that_is_gone_is_not_made_again() {
    let setup = synced(5);
    let away = setup.dir().join("away");
    std::fs::rename(&setup.local, &away).unwrap();
    let pass = held(&setup, "root_missing");
    assert!(pass.report["held"][0]["detail"].as_str().unwrap().contains("reattach"), "{pass:?}");
    assert!(!setup.local.exists());
    std::fs::rename(&away, &setup.local).unwrap();
    setup.settled();
}

#[test]
fn an_empty_directory_in_the_roots_place_is_an_unmounted_disk() {
    let setup = synced(5);
    let away = setup.dir().join("away");
    std::fs::rename(&setup.local, &away).unwrap();
    std::fs::create_dir(&setup.local).unwrap();
    let pass = held(&setup, "mirror_mark_missing");
    assert!(pass.report["held"][0]["detail"].as_str().unwrap().contains("reattach"), "{pass:?}");
    assert_eq!(snapshot(&setup.local), Tree::new());
    std::fs::remove_dir(&setup.local).unwrap();
    std::fs::rename(&away, &setup.local).unwrap();
    setup.settled();
}

#[test]
fn a_mirror_without_its_mark_is_left_alone() {
    let setup = synced(5);
    std::fs::remove_file(setup.path(".damsync/mirror.json")).unwrap();
    held(&setup, "mirror_mark_missing");
    setup.remove(".damsync");
    setup.remove("folder 0");
    held(&setup, "mirror_mark_missing");
}

#[test]
fn a_directory_with_another_mirrors_mark_is_left_alone() {
    let setup = synced(5);
    let other = synced(5);
    let mark = other.read(".damsync/mirror.json");
    setup.write(".damsync/mirror.json", mark);
    setup.remove("folder 0");
    held(&setup, "root_replaced");
}

#[test]
fn a_root_that_became_a_file_is_left_alone() {
    let setup = synced(5);
    std::fs::rename(&setup.local, setup.dir().join("away")).unwrap();
    std::fs::write(&setup.local, "a file").unwrap();
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 2, "{pass:?}");
    assert_eq!(std::fs::read(&setup.local).unwrap(), b"a file");
    assert_eq!(live(&setup.sandbox.tree()), 5);
}

#[track_caller]
fn mass_delete(pass: &Pass, side: &str, count: u64, of: u64) -> String {
    let item = &pass.report["held"][0];
    assert_eq!((&item["reason"], &item["side"]), (&json!("mass_delete"), &json!(side)), "{pass:?}");
    assert_eq!((item["count"].as_u64(), item["of"].as_u64()), (Some(count), Some(of)), "{pass:?}");
    let plan = item["plan"].as_str().unwrap();
    assert!(plan.starts_with("p-"), "{plan}");
    plan.to_owned()
}

#[test]
fn many_files_deleted_here_are_held_until_allowed() {
    let setup = synced(40);
    setup.remove("folder 1");
    setup.remove("folder 2");
    setup.write("new.txt", "other work goes on");
    let pass = setup.reconcile(&[]);
    pass.assert(3, "held", &[("pushed_new", 1)]);
    let plan = mass_delete(&pass, "local", 20, 41);
    assert_eq!(live(&setup.sandbox.tree()), 41);
    let pass = setup.reconcile(&[]);
    pass.assert(3, "held", &[]);
    assert_eq!(mass_delete(&pass, "local", 20, 41), plan, "the same deletions are the same plan");
    setup.reconcile(&["--allow-deletes"]).assert(
        0,
        "in_sync",
        &[("trashed_remote", 20), ("folders_removed_remote", 2)],
    );
    assert_eq!(live(&setup.sandbox.tree()), 21);
    setup.settled();
}

#[test]
fn many_assets_trashed_there_are_held_until_allowed() {
    let setup = synced(40);
    for asset in setup.sandbox.tree().live().take(20) {
        setup.sandbox.trash(asset);
    }
    let before = setup.tree();
    let pass = setup.reconcile(&[]);
    pass.assert(3, "held", &[]);
    mass_delete(&pass, "remote", 20, 40);
    assert_eq!(setup.tree(), before);
    setup.reconcile(&["--allow-deletes"]).assert(0, "in_sync", &[("trashed_local", 20)]);
    assert_eq!(setup.trash().len(), 20);
    setup.settled();
}

#[test]
fn deletions_are_counted_over_an_hour() {
    let setup = synced(40);
    let delete = |numbers: std::ops::Range<usize>| {
        for number in numbers {
            setup.remove(&format!("folder {}/file {number}.txt", number % 4));
        }
    };
    delete(0..8);
    setup.sync(&[("trashed_remote", 8)]);
    delete(8..16);
    let pass = setup.reconcile(&[]);
    pass.assert(3, "held", &[]);
    assert_eq!(pass.held(), ["mass_delete"]);
    assert_eq!(live(&setup.sandbox.tree()), 32);
}

#[test]
fn files_put_back_end_a_hold() {
    let setup = synced(40);
    let away = setup.dir().join("away");
    std::fs::create_dir(&away).unwrap();
    for folder in ["folder 1", "folder 2"] {
        std::fs::rename(setup.path(folder), away.join(folder)).unwrap();
    }
    assert_eq!(setup.reconcile(&[]).code, 3);
    for folder in ["folder 1", "folder 2"] {
        std::fs::rename(away.join(folder), setup.path(folder)).unwrap();
    }
    setup.sync(&[]);
    setup.settled();
}

#[test]
fn a_half_empty_index_deletes_nothing() {
    let setup = synced(40);
    let before = setup.tree();
    setup.sandbox.habits(&json!({ "reindexing": true }));
    for args in [&[][..], &["--full"], &[]] {
        let pass = setup.reconcile(args);
        assert_eq!(setup.tree(), before, "{pass:?}");
        // The database vouches for each asset that the index leaves out.
        assert!(pass.did().is_empty() && pass.code <= 1, "{pass:?}");
    }
    setup.sandbox.habits(&json!({ "reindexing": false }));
    setup.settled();
}

#[test]
fn a_list_that_says_itself_that_it_is_being_built_holds_deletions() {
    let setup = synced(40);
    let before = setup.tree();
    let folder = setup.sandbox.tree().folder("Studio").unwrap();
    setup.sandbox.patch_folder(folder, &json!({ "reindexing_at": "2026-01-01T00:00:00Z" }));
    setup.sandbox.habits(&json!({ "reindexing": true }));
    setup.sandbox.trash(&setup.asset("folder 1/file 1.txt"));
    let pass = setup.reconcile(&[]);
    pass.assert(1, "incomplete", &[]);
    assert_eq!(pass.held(), ["listing_incomplete"], "{pass:?}");
    assert_eq!(setup.tree(), before);
    setup.sandbox.patch_folder(folder, &json!({ "reindexing_at": null }));
    setup.sandbox.habits(&json!({ "reindexing": false }));
    setup.sync(&[("trashed_local", 1)]);
    setup.settled();
}

#[test]
fn answers_that_are_no_answers_delete_nothing() {
    let setup = synced(12);
    let before = setup.tree();
    for path in
        ["/api/assets/search", "/api/storage_folders", "/api/assets/trashed", "/api/assets/updated_since_last_sync"]
    {
        for what in [json!("html_ok"), json!("half_json"), json!("truncate"), json!({ "status": { "code": 500 } })] {
            setup.sandbox.fault(&json!({ "path": path, "times": 1, "what": what }));
            let pass = setup.reconcile(&[]);
            assert!([0, 1, 5].contains(&pass.code), "{path} {what}: {pass:?}");
            assert_eq!(setup.tree(), before, "{path} {what}: {pass:?}");
            setup.sandbox.no_faults();
        }
    }
    assert_eq!(live(&setup.sandbox.tree()), 12);
    setup.settled();
}

#[test]
fn a_refused_look_at_an_asset_is_not_a_deletion() {
    let setup = synced(12);
    let asset = setup.asset("folder 1/file 1.txt");
    let before = setup.tree();
    // The lists leave it out, and about the asset itself the server says no.
    setup.sandbox.trash(&asset);
    setup.sandbox.fault(&json!({
        "path": format!("/api/assets/{}", asset.id()), "times": 0, "what": { "status": { "code": 403 } }
    }));
    setup.sandbox.fault(&json!({
        "path": format!("/api/assets/{}", asset.guid()), "times": 0, "what": { "status": { "code": 403 } }
    }));
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.did().get("trashed_local"), None, "{pass:?}");
    assert_eq!(setup.tree(), before, "{pass:?}");
    setup.sandbox.no_faults();
    setup.reconcile(&["--full"]).assert(0, "in_sync", &[("trashed_local", 1)]);
}

#[test]
fn a_folder_that_is_hidden_from_us_is_not_deleted() {
    let setup = synced(12);
    let before = setup.tree();
    let folder = setup.sandbox.tree().folder("Studio/folder 1").unwrap();
    let owner = setup.sandbox.get("/admin/users")[0]["id"].as_i64().unwrap();
    let hide = |folders: &[i64]| {
        setup.sandbox.post(&format!("/admin/users/{owner}"), &json!({ "hidden_folders": folders }));
    };
    hide(&[folder]);
    for args in [&[][..], &["--full"], &["--allow-deletes"]] {
        let pass = setup.reconcile(args);
        assert_eq!(setup.tree(), before, "{pass:?}");
        assert_eq!((pass.code, pass.did().len()), (3, 0), "{args:?} {pass:?}");
        assert!(pass.held().iter().all(|reason| *reason == "access_lost"), "{pass:?}");
    }
    assert_eq!(live(&setup.sandbox.tree()), 12);
    hide(&[]);
    setup.reconcile(&["--full"]).assert(0, "in_sync", &[]);
    setup.settled();
}

#[test]
fn a_mirrored_folder_that_can_no_longer_be_seen_is_a_hold_and_no_error() {
    let setup = synced(12);
    let before = setup.tree();
    let folder = setup.sandbox.tree().folder("Studio").unwrap();
    let owner = setup.sandbox.get("/admin/users")[0]["id"].as_i64().unwrap();
    setup.sandbox.post(&format!("/admin/users/{owner}"), &json!({ "hidden_folders": [folder] }));
    held(&setup, "access_lost");
    assert_eq!(setup.tree(), before);
}

#[test]
fn another_folder_behind_the_name_is_a_hold() {
    let setup = synced(12);
    let before = setup.tree();
    let folder = setup.sandbox.tree().folder("Studio").unwrap();
    setup.sandbox.patch_folder(folder, &json!({ "name": "Old studio" }));
    setup.sandbox.folder("Studio");
    held(&setup, "remote_replaced");
    assert_eq!(setup.tree(), before);
}

#[test]
fn another_users_token_holds_deletions() {
    let setup = synced(12);
    let other = setup.sandbox.post("/admin/users", &json!({ "can_upload": true, "any_user": true }));
    setup.write_token(other["token"].as_str().unwrap());
    setup.remove("folder 1/file 1.txt");
    setup.write("new.txt", "other work goes on");
    let pass = setup.reconcile(&[]);
    pass.assert(3, "held", &[("pushed_new", 1)]);
    assert_eq!(pass.held(), ["identity_changed"]);
    assert_eq!(live(&setup.sandbox.tree()), 13);
}

fn database(setup: &Setup) -> PathBuf {
    let files = std::fs::read_dir(&setup.state).unwrap().map(|entry| entry.unwrap().path());
    let mut databases = files.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        !name.contains("damaged") && std::fs::read(path).unwrap_or_default().starts_with(b"SQLite format 3")
    });
    databases.next().unwrap()
}

fn forget_log(database: &std::path::Path) {
    for ending in ["-wal", "-shm"] {
        let mut path = database.as_os_str().to_owned();
        path.push(ending);
        // Present only while the database is in use, or after a crash.
        let _ = std::fs::remove_file(path);
    }
}

/// After the state was lost, both sides are joined: nothing doubled, nothing deleted, nothing transferred that agrees.
#[track_caller]
fn joined(setup: &Setup, equal: u64) {
    setup.sandbox.asset("Studio/only there.txt", "there");
    setup.write("only here.txt", "here");
    let gone_here = setup.asset("folder 0/file 0.txt");
    setup.remove("folder 0/file 0.txt");
    setup.sandbox.forget_requests();
    setup.sync(&[("adopted", equal - 1), ("pulled", 2), ("pushed_new", 1)]);
    let requests = setup.sandbox.requests();
    assert_eq!((requests.downloads(), requests.uploads()), (2, 1), "{requests:#?}");
    assert!(setup.sandbox.now(&gone_here).alive());
    assert!(setup.has("folder 0/file 0.txt"), "what was deleted without our knowledge comes back");
    setup.settled();
}

#[test]
fn a_lost_database_is_learned_again_without_a_deletion() {
    let setup = synced(12);
    std::fs::remove_dir_all(&setup.state).unwrap();
    joined(&setup, 12);
}

#[test]
fn a_damaged_database_is_set_aside_and_learned_again() {
    let setup = synced(12);
    let database = database(&setup);
    forget_log(&database);
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[..100].fill(0xAB);
    std::fs::write(&database, &bytes).unwrap();
    joined(&setup, 12);
    let aside = std::fs::read_dir(&setup.state).unwrap().map(|entry| entry.unwrap().path());
    let aside: Vec<_> = aside.filter(|path| path.to_string_lossy().contains("damaged")).collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(std::fs::read(&aside[0]).unwrap(), bytes, "it is kept as it was");
}

#[test]
fn a_database_that_is_cut_short_is_learned_again() {
    let setup = synced(12);
    let database = database(&setup);
    forget_log(&database);
    let file = std::fs::File::options().write(true).open(&database).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    drop(file);
    joined(&setup, 12);
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let setup = synced(12);
    let database = database(&setup);
    forget_log(&database);
    let mut bytes = std::fs::read(&database).unwrap();
    // The user version in the header of the file format.
    bytes[60..64].copy_from_slice(&9999_u32.to_be_bytes());
    std::fs::write(&database, &bytes).unwrap();
    setup.remove("folder 0/file 0.txt");
    let pass = setup.reconcile(&[]);
    assert_ne!(pass.code, 0, "{pass:?}");
    let said = format!("{}{}", pass.stdout, pass.stderr);
    assert!(said.contains("newer") && said.contains("update damsync"), "{pass:?}");
    assert_eq!(live(&setup.sandbox.tree()), 12);
    assert_eq!(std::fs::read(&database).unwrap()[60..64], 9999_u32.to_be_bytes());
}

#[test]
fn a_dry_run_changes_nothing_anywhere() {
    let setup = synced(12);
    setup.write("new/deep/file.txt", "new");
    setup.write("folder 0/file 0.txt", "edited here");
    setup.write("folder 1/file 1.txt", "edited on both sides, here");
    setup.sandbox.version(&setup.asset("folder 1/file 1.txt"), "edited on both sides, there");
    setup.sandbox.version(&setup.asset("folder 2/file 2.txt"), "edited there");
    setup.remove("folder 3/file 3.txt");
    setup.sandbox.trash(&setup.asset("folder 0/file 4.txt"));
    setup.sandbox.asset("Studio/there/too.txt", "there");
    setup.mkdir("empty");
    let everything = || (snapshot(setup.dir()), setup.sandbox.get("/admin/tree")["assets"].clone());
    let before = everything();
    setup.sandbox.forget_requests();
    let pass = setup.reconcile(&["--dry-run"]);
    assert_eq!(everything(), before, "{pass:?}");
    setup.sandbox.requests().assert_only_reading();
    setup.sandbox.requests().assert_no_bytes_moved();
    assert_eq!(pass.report["dry_run"], true);
    let rehearsed = pass.did();
    let done = setup.reconcile(&[]);
    assert_eq!(done.code, 0, "{done:?}");
    for (name, count) in [("pulled", 3), ("pushed_versions", 1), ("trashed_remote", 1), ("trashed_local", 1)] {
        assert_eq!(
            (rehearsed.get(name), done.did().get(name)),
            (Some(&count), Some(&count)),
            "{name}: {pass:?} {done:?}"
        );
    }
    setup.settled();
}

#[test]
fn a_dry_run_at_first_contact_makes_nothing() {
    let setup = Setup::new();
    setup.sandbox.asset("Studio/a/b.txt", "b");
    let before = snapshot(setup.dir());
    setup.sandbox.forget_requests();
    let pass = setup.reconcile(&["--dry-run"]);
    assert_eq!((pass.code, pass.did().get("pulled")), (0, Some(&1)), "{pass:?}");
    assert_eq!(snapshot(setup.dir()), before);
    setup.sandbox.requests().assert_only_reading();
}

#[test]
fn an_interrupted_pass_ends_with_130_and_the_next_goes_on() {
    for signal in [Signal::TERM, Signal::INT] {
        let setup = Setup::new();
        for number in 0..30 {
            setup.sandbox.asset(&format!("Studio/file {number}.txt"), format!("number {number}"));
        }
        setup.sandbox.habits(&json!({ "latency_ms": 60 }));
        let mut command = setup.command();
        let mut pass = command.args(["reconcile", "--json"]).stdout(std::process::Stdio::null()).spawn().unwrap();
        until("the first file", || (!local_tree(&setup.local).is_empty()).then_some(()));
        let pid = i32::try_from(pass.id()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
        assert_eq!(pass.wait().unwrap().code(), Some(130), "{signal:?}");
        setup.sandbox.habits(&json!({ "latency_ms": 0 }));
        let pass = setup.reconcile(&[]);
        assert_eq!(pass.code, 0, "{pass:?}");
        setup.settled();
    }
}

#[test]
fn two_programs_at_once_are_refused() {
    let setup = synced(4);
    let mut daemon = setup.daemon();
    until("a running daemon", || (setup.run(&["status", "--json"]).answer["daemon"]["running"] == true).then_some(()));
    let pass = setup.reconcile(&[]);
    assert!(pass.code != 0 && pass.stderr.contains("damsync:"), "{pass:?}");
    // The same directory from another state directory, once the daemon is seen at work in it.
    setup.write("work.txt", "seen");
    daemon.until_both("work.txt", true);
    setup.write_config(&setup.config_text().replace("state\"", "other state\""));
    let pass = setup.reconcile(&[]);
    assert_ne!(pass.code, 0, "{pass:?}");
}

/// Both sides full, some files equal, some different, some on one side only.
fn first_contact(habits: &damsync_tests::Value) -> (Setup, Pass) {
    let setup = Setup::new();
    setup.sandbox.habits(habits);
    for number in 0..30 {
        let path = format!("folder {}/file {number}.txt", number % 3);
        let (here, there) = match number % 5 {
            0 => (Some(format!("here {number}")), None),
            1 => (None, Some(format!("there {number}"))),
            2 => (Some(format!("here {number}")), Some(format!("there {number}, longer"))),
            _ => (Some(format!("both {number}")), Some(format!("both {number}"))),
        };
        if let Some(here) = here {
            setup.write(&path, here);
        }
        if let Some(there) = there {
            setup.sandbox.asset(&Setup::there(&path), there);
        }
    }
    setup.sandbox.forget_requests();
    let pass = setup.sync(&[("adopted", 12), ("pulled", 12), ("pushed_new", 12)]);
    assert_eq!(pass.copies().len(), 6, "{pass:?}");
    assert!(setup.trash().is_empty());
    let files = setup.tree().into_values().filter(|md5| !md5.is_empty()).count();
    assert_eq!((files, live(&setup.sandbox.tree())), (36, 36));
    (setup, pass)
}

#[test]
fn two_full_sides_become_their_union_at_first_contact() {
    let (setup, _) = first_contact(&json!({}));
    assert_eq!(setup.sandbox.requests().downloads(), 12, "nothing that agrees is downloaded");
    setup.settled();
}

#[test]
fn two_full_sides_become_their_union_where_the_server_gives_no_checksums() {
    let (setup, _) = first_contact(&json!({ "checksums_given": false }));
    assert_eq!(setup.sandbox.requests().uploads(), 12, "nothing that agrees is uploaded");
    setup.quiet();
    setup.sandbox.forget_requests();
    setup.sync(&[]);
    setup.sandbox.requests().assert_no_bytes_moved();
    setup.write("folder 0/file 0.txt", "edited");
    setup.sync(&[("pushed_versions", 1)]);
    setup.sandbox.version(&setup.asset("folder 1/file 1.txt"), "edited there");
    setup.sync(&[("pulled", 1)]);
    assert_eq!(setup.read("folder 1/file 1.txt"), b"edited there");
}
