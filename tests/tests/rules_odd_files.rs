//! Files that are no files, or not yet: R27, R28, R29.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Pass, Setup, json, md5, until};
use rustix::fs::{CWD, Mode, mkfifoat};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn r27_a_file_being_written_is_left_alone() {
    let setup = Setup::with_mirror("settle = \"200ms\"");
    setup.write("quiet.txt", "quiet");
    setup.write("growing.bin", "");
    let finished = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = std::fs::File::options().append(true).open(setup.path("growing.bin")).unwrap();
            while !finished.load(Ordering::Relaxed) {
                file.write_all(b"more").unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let pass = setup.reconcile(&[]);
        finished.store(true, Ordering::Relaxed);
        pass.assert(1, "incomplete", &[("pushed_new", 1)]);
    });
    assert!(!setup.sandbox.tree().has("Studio/growing.bin"));
    setup.sync(&[("pushed_new", 1)]);
    setup.settled();
}

/// Runs a pass whose uploads are slow, and does something while one is under way.
fn changed_on_the_way(setup: &Setup, change: impl FnOnce()) -> Pass {
    setup.sandbox.fault(&json!({ "host": "storage", "method": "PUT", "what": { "slow": { "ms": 700 } } }));
    std::thread::scope(|scope| {
        let pass = scope.spawn(|| setup.reconcile(&[]));
        until("the upload's beginning", || {
            let begun = setup.sandbox.tree().assets.iter().any(|asset| asset.state() == "pending");
            begun.then_some(())
        });
        change();
        pass.join().unwrap()
    })
}

#[test]
fn r27_a_file_that_changes_while_it_is_sent_is_never_stored_torn() {
    let setup = Setup::new();
    let (old, new) = (vec![b'o'; 2_000_000], vec![b'n'; 2_000_000]);
    setup.write("a.bin", &old);
    let pass = changed_on_the_way(&setup, || {
        // In place, half by half: neither size nor inode tell.
        let mut file = std::fs::File::options().write(true).open(setup.path("a.bin")).unwrap();
        file.write_all(&new[..1_000_000]).unwrap();
        file.write_all(&new[1_000_000..]).unwrap();
    });
    assert!(pass.code <= 1, "{pass:#?}");
    setup.sandbox.processed();
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    let tree = setup.sandbox.processed();
    for content in tree.contents() {
        assert!([md5(&old), md5(&new)].contains(&content.to_owned()), "a torn file was stored: {tree:#?}");
    }
    assert_eq!(setup.asset("a.bin").md5(), md5(&new));
    setup.settled();
}

/// A name, and what puts something at it that is no file.
type OddThing<'a> = (&'static str, Box<dyn Fn(&str) + 'a>);

/// What may take the place of a file.
fn odd_things(setup: &Setup) -> Vec<OddThing<'_>> {
    let outside = setup.dir().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("secret.txt"), "secret").unwrap();
    let file = outside.join("secret.txt");
    vec![
        ("link.txt", Box::new(move |path| symlink(&file, setup.path(path)).unwrap())),
        ("directory-link.txt", Box::new(move |path| symlink(&outside, setup.path(path)).unwrap())),
        ("dangling.txt", Box::new(|path| symlink("/nowhere/at/all", setup.path(path)).unwrap())),
        ("pipe.txt", Box::new(|path| mkfifoat(CWD, setup.path(path), Mode::RUSR | Mode::WUSR).unwrap())),
        ("socket.txt", Box::new(|path| drop(UnixListener::bind(setup.path(path)).unwrap()))),
    ]
}

#[test]
fn r28_a_synced_path_that_is_no_file_any_more_is_neither_deleted_nor_overwritten() {
    let setup = Setup::new();
    let things = odd_things(&setup);
    for (name, _) in &things {
        setup.write(name, name);
    }
    let count = u64::try_from(things.len()).unwrap();
    setup.sync(&[("pushed_new", count)]);
    setup.sandbox.processed();
    for (name, put) in &things {
        setup.remove(name);
        put(name);
    }
    let before = damsync_tests::snapshot(&setup.local);
    let mut names: Vec<&str> = things.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let check = |pass: &Pass| {
        let mut skipped = pass.skipped();
        skipped.sort_unstable();
        assert_eq!(skipped, names, "{pass:#?}");
        assert_eq!(setup.sandbox.tree().live().count(), names.len());
        for name in &names {
            let now = damsync_tests::snapshot(&setup.local);
            assert_eq!(now.get(*name), before.get(*name), "{name}");
        }
    };
    check(&setup.sync(&[]));
    check(&setup.quiet());
    // Whatever happens there meanwhile.
    setup.sandbox.version(&setup.asset("link.txt"), "theirs");
    setup.sandbox.version(&setup.asset("pipe.txt"), "theirs");
    check(&setup.sync(&[]));
    assert_eq!(std::fs::read(setup.dir().join("outside/secret.txt")).unwrap(), b"secret");
    // A file again: what the server has counts.
    setup.remove("dangling.txt");
    setup.write("dangling.txt", "dangling.txt");
    setup.sync(&[]);
}

#[test]
fn r28_a_synced_directory_that_is_a_link_now_keeps_everything_below_it() {
    let setup = Setup::new();
    setup.write("a/b/c.txt", "c");
    setup.write("d.txt", "d");
    setup.sync(&[("pushed_new", 2), ("folders_created_remote", 2)]);
    let outside = setup.dir().join("outside");
    std::fs::rename(setup.path("a"), &outside).unwrap();
    symlink(&outside, setup.path("a")).unwrap();
    let pass = setup.sync(&[]);
    assert!(pass.skipped().contains(&"a"), "{pass:#?}");
    assert!(setup.sandbox.tree().has("Studio/a/b/c.txt"));
    // Nothing is written through the link either.
    setup.sandbox.asset("Studio/a/new.txt", "new");
    setup.sandbox.version(&setup.asset("a/b/c.txt"), "theirs");
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.did().len()), (0, 0), "{pass:#?}");
    assert!(!outside.join("new.txt").exists());
    assert_eq!(std::fs::read(outside.join("b/c.txt")).unwrap(), b"c");
    // The directory comes back.
    std::fs::remove_file(setup.path("a")).unwrap();
    std::fs::rename(&outside, setup.path("a")).unwrap();
    setup.sync(&[("pulled", 2)]);
    setup.settled();
}

#[test]
fn r29_what_is_no_file_and_never_was_one_is_skipped() {
    let setup = Setup::new();
    setup.sync(&[]);
    let things = odd_things(&setup);
    for (name, put) in &things {
        put(name);
    }
    setup.write("real.txt", "real");
    symlink(setup.dir().join("outside"), setup.path("folder")).unwrap();
    let pass = setup.sync(&[("pushed_new", 1)]);
    let mut skipped = pass.skipped();
    skipped.sort_unstable();
    assert_eq!(skipped, ["dangling.txt", "directory-link.txt", "folder", "link.txt", "pipe.txt", "socket.txt"]);
    let tree = setup.sandbox.tree();
    assert_eq!((tree.live().count(), tree.folders.len()), (1, 1), "{tree:#?}");
    setup.settled();
}

#[test]
fn r29_an_asset_with_a_link_in_its_place_is_not_downloaded_through_it() {
    let setup = Setup::new();
    setup.sync(&[]);
    let outside = setup.dir().join("outside.txt");
    std::fs::write(&outside, "secret").unwrap();
    symlink(&outside, setup.path("a.txt")).unwrap();
    setup.sandbox.asset("Studio/a.txt", "theirs");
    let pass = setup.sync(&[]);
    assert_eq!(pass.skipped(), ["a.txt"], "{pass:#?}");
    assert_eq!(std::fs::read(&outside).unwrap(), b"secret");
    assert!(setup.path("a.txt").is_symlink());
}
