//! What a crash leaves: the files as they lay at some moment, opened by another process.

use crate::sample::{STAMP, base, file};
use damsync_model::id::FolderId;
use damsync_store::{Opened, Store};
use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: FolderId = FolderId(1);

/// The database and its write-ahead log as they lie there; what is only in memory is lost.
fn as_after_a_crash(path: &Path, to: &Path) -> PathBuf {
    fs::create_dir_all(to).unwrap();
    let copy = to.join("state.db");
    fs::copy(path, &copy).unwrap();
    let log = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    if log(path).exists() {
        fs::copy(log(path), log(&copy)).unwrap();
    }
    copy
}

/// A step writes a file and its base together.
fn step(store: &mut Store, number: i64) {
    store
        .transaction(|tx| {
            let mirror = tx.mirror("m")?.id;
            let name = format!("{number:04}");
            tx.put_file(FOLDER, &file(&name, 1))?;
            tx.put_base(mirror, &base(&number.into(), FOLDER, &name))
        })
        .unwrap();
}

/// How many steps are there; each must be whole, and none may be missing before the last.
fn steps(store: &Store) -> usize {
    store
        .read(|tx| {
            let files = tx.files_in(FOLDER)?;
            for (number, file) in files.iter().enumerate() {
                assert_eq!(file.name, format!("{number:04}"));
                assert!(tx.base_at(FOLDER, &file.key)?.is_some(), "{} is half there", file.name);
            }
            let agreed = match tx.known_mirror("m")? {
                Some(mirror) => tx.tracked(mirror.id)?,
                None => 0,
            };
            assert_eq!(agreed, files.len() as u64);
            Ok(files.len())
        })
        .unwrap()
}

#[test]
fn what_was_committed_is_there_and_what_was_not_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let (mut store, _) = Store::open(&path, STAMP).unwrap();
    for number in 0..20 {
        step(&mut store, number);
        let copy = as_after_a_crash(&path, &dir.path().join(format!("after {number}")));
        let (copied, opened) = Store::open(&copy, STAMP).unwrap();
        assert_eq!(opened, Opened::Existing);
        assert_eq!(steps(&copied), usize::try_from(number).unwrap() + 1);
    }
    let during = dir.path().join("during");
    store
        .transaction(|tx| {
            for number in 20..3000 {
                tx.put_file(FOLDER, &file(&format!("{number:04}"), 1))?;
            }
            as_after_a_crash(&path, &during);
            Ok(())
        })
        .unwrap();
    let (mut copied, opened) = Store::open(&during.join("state.db"), STAMP).unwrap();
    assert_eq!((opened, steps(&copied)), (Opened::Existing, 20), "a transaction in the middle never happened");
    step(&mut copied, 20);
    assert_eq!(steps(&copied), 21, "and the store goes on");
}

#[test]
fn a_log_that_was_cut_anywhere_leaves_whole_steps() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let (mut store, _) = Store::open(&path, STAMP).unwrap();
    for number in 0..12 {
        step(&mut store, number);
    }
    let log = fs::read(format!("{}-wal", path.display())).unwrap();
    assert!(log.len() > 20_000, "everything is still in the log");
    let mut seen = Vec::new();
    for length in (0..=log.len()).step_by(1234).chain([log.len() - 1, log.len()]) {
        let to = dir.path().join(format!("cut {length}"));
        let copy = as_after_a_crash(&path, &to);
        fs::write(to.join("state.db-wal"), &log[..length]).unwrap();
        let (copied, _) = Store::open(&copy, STAMP).unwrap();
        seen.push(steps(&copied));
    }
    assert!(seen.is_sorted(), "{seen:?}");
    assert_eq!(seen.last(), Some(&12));
    assert!(seen.iter().any(|count| (1..12).contains(count)), "{seen:?}");
}

#[test]
fn a_damaged_page_is_set_aside_with_its_log_and_never_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let (mut store, _) = Store::open(&path, STAMP).unwrap();
    step(&mut store, 0);
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    bytes[..100].fill(0x5a);
    fs::write(&path, &bytes).unwrap();
    let (store, opened) = Store::open(&path, STAMP).unwrap();
    let Opened::SetAside(aside) = opened else { panic!("{opened:?}") };
    assert_eq!(fs::read(&aside).unwrap(), bytes);
    assert_eq!(steps(&store), 0);
    drop(store);
    fs::write(&path, &bytes).unwrap();
    let (_, opened) = Store::open(&path, STAMP).unwrap();
    let Opened::SetAside(second) = opened else { panic!("{opened:?}") };
    assert!(second != aside && aside.exists() && second.exists(), "one does not replace the other");
}

#[cfg(unix)]
#[test]
fn every_file_of_the_database_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let (mut store, _) = Store::open(&path, STAMP).unwrap();
    step(&mut store, 0);
    let mut names = Vec::new();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        names.push(entry.file_name().into_string().unwrap());
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
    names.sort();
    assert_eq!(names, ["state.db", "state.db-shm", "state.db-wal"]);
}
