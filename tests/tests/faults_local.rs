//! What the disk refuses: one item fails with a sentence that says what to do, the others go on, and nothing is lost.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Setup, SmallDisk, md5};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

#[track_caller]
fn allow(setup: &Setup, path: &str, mode: u32) {
    set_permissions(setup.path(path), Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_directory_that_may_not_be_written_fails_by_itself() {
    let setup = Setup::new();
    setup.sandbox.asset("Studio/closed/first.txt", "first");
    setup.sandbox.asset("Studio/open/first.txt", "first");
    setup.sync(&[("pulled", 2), ("folders_created_local", 2)]);
    allow(&setup, "closed", 0o555);
    let changed = setup.sandbox.version(&setup.asset("closed/first.txt"), "second");
    setup.sandbox.asset("Studio/closed/new.txt", "new");
    setup.sandbox.asset("Studio/open/new.txt", "new");
    setup.sandbox.forget_requests();
    for _ in 0..2 {
        let pass = setup.reconcile_as_user(&[]);
        let mut failed = pass.failed();
        failed.sort_unstable();
        assert_eq!((pass.code, failed), (1, vec!["closed/first.txt", "closed/new.txt"]), "{pass:#?}");
        let said = pass.failure("closed/new.txt");
        assert!(
            said.contains("closed") && said.contains("give the user that damsync runs as the permission"),
            "{said}"
        );
        assert_eq!(setup.read("open/new.txt"), b"new");
        assert_eq!(setup.read("closed/first.txt"), b"first");
    }
    assert_eq!(
        setup.sandbox.requests().downloads(),
        3,
        "what was fetched and could not be placed is kept for the next pass"
    );
    assert!(setup.sandbox.now(&changed).alive());
    allow(&setup, "closed", 0o755);
    setup.sync(&[("pulled", 2)]);
    assert_eq!(setup.read("closed/first.txt"), b"second");
    setup.settled();
}

#[test]
fn a_file_that_may_not_be_read_is_named_and_neither_deleted_nor_overwritten() {
    let setup = Setup::new();
    setup.write("a/known.txt", "known");
    setup.sync(&[("pushed_new", 1), ("folders_created_remote", 1)]);
    setup.quiet();
    setup.write("a/known.txt", "edited");
    setup.write("a/new.txt", "new");
    setup.write("a/fine.txt", "fine");
    for path in ["a/known.txt", "a/new.txt"] {
        allow(&setup, path, 0);
    }
    for round in 0..2 {
        let pass = setup.reconcile_as_user(&[]);
        let mut skipped = pass.skipped();
        skipped.sort_unstable();
        assert_eq!((pass.code, skipped), (0, vec!["a/known.txt", "a/new.txt"]), "{pass:#?}");
        assert_eq!(pass.report["pushed_new"], u64::from(round == 0), "{pass:#?}");
        assert_eq!(setup.asset("a/known.txt").contents(), [md5("known")]);
    }
    for path in ["a/known.txt", "a/new.txt"] {
        allow(&setup, path, 0o644);
    }
    setup.sync(&[("pushed_new", 1), ("pushed_versions", 1)]);
    setup.settled();
}

#[test]
fn a_directory_that_may_not_be_read_is_not_an_empty_one() {
    let setup = Setup::new();
    for number in 0..3 {
        setup.write(&format!("closed/{number}.txt"), format!("{number}"));
    }
    setup.write("open/file.txt", "file");
    setup.sync(&[("pushed_new", 4), ("folders_created_remote", 2)]);
    setup.quiet();
    allow(&setup, "closed", 0);
    setup.write("open/new.txt", "new");
    for round in 0..2 {
        let pass = setup.reconcile_as_user(&[]);
        assert_eq!(pass.report["pushed_new"], u64::from(round == 0), "{pass:#?}");
        assert_eq!(pass.report["trashed_remote"], 0, "{pass:#?}");
        assert!(pass.skipped().iter().any(|path| path.starts_with("closed")), "{pass:#?}");
        assert_eq!(pass.code, 0, "{pass:#?}");
    }
    allow(&setup, "closed", 0o755);
    setup.settled();
    assert_eq!(setup.sandbox.tree().live().count(), 5);
}

#[test]
fn a_directory_that_is_replaced_again_and_again_while_it_is_scanned_loses_nothing() {
    let setup = Setup::new();
    for number in 0..40 {
        setup.write(&format!("here/{number}.txt"), format!("{number}"));
    }
    setup.sync(&[("pushed_new", 40), ("folders_created_remote", 1)]);
    setup.quiet();
    // Another directory of the same name with other files, outside the mirror, takes its place and gives it back.
    let outside = setup.dir().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret.txt"), "not of the mirror").unwrap();
    let (here, aside) = (setup.path("here"), setup.dir().join("aside"));
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                std::fs::rename(&here, &aside).unwrap();
                std::os::unix::fs::symlink(&outside, &here).unwrap();
                std::fs::remove_file(&here).unwrap();
                std::fs::rename(&aside, &here).unwrap();
            }
        });
        for _ in 0..8 {
            let pass = setup.reconcile(&["--full"]);
            assert!([0, 1, 3].contains(&pass.code), "{pass:#?}");
        }
        ended.store(true, Ordering::Relaxed);
    });
    let tree = setup.sandbox.processed();
    assert!(!tree.contents().contains(md5("not of the mirror").as_str()), "it left the mirror");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1, "it wrote outside");
    for number in 0..40 {
        let path = format!("here/{number}.txt");
        assert_eq!(setup.read(&path), number.to_string().into_bytes());
        assert!(tree.contents().contains(md5(number.to_string()).as_str()), "{path}");
    }
    let pass = setup.reconcile(&["--allow-deletes"]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    setup.settled();
    assert_eq!(setup.tree().len(), 41, "{:#?}", setup.tree());
}

#[test]
fn a_disk_that_is_full_keeps_what_is_there_and_goes_on_when_there_is_room() {
    let setup = Setup::with_mirror("min_free = \"0B\"");
    let disk = match SmallDisk::mount(&setup.local, "size=4m") {
        Ok(disk) => disk,
        Err(why) => {
            eprintln!(
                "NOT RUN: {why}; min_free is tested in holds.rs, and the simulator's disks are full in its worlds"
            );
            return;
        }
    };
    setup.write("known.txt", "known");
    setup.sync(&[("pushed_new", 1)]);
    setup.quiet();
    let known = setup.asset("known.txt");
    setup.sandbox.version(&known, vec![b'x'; 6 << 20]);
    setup.sandbox.asset("Studio/big.bin", vec![7; 6 << 20]);
    setup.write("new here.txt", "pushes go on");
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.held(), pass.failed().len()), (1, vec!["disk_full"], 0), "{pass:#?}");
    assert_eq!(pass.did().get("pushed_new"), Some(&1), "{pass:#?}");
    assert_eq!(setup.read("known.txt"), b"known");
    assert!(!setup.has("big.bin"));
    disk.grow("size=64m");
    setup.sync(&[("pulled", 2)]);
    assert_eq!(setup.trash().get("known.txt"), Some(&md5("known")));
    setup.settled();
}
