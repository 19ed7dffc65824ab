//! What a transaction is, and what a group of works is.

use crate::sample::{STAMP, file};
use damsync_model::id::FolderId;
use damsync_store::{FolderRow, Kept, RemoteDir, Store, StoreError, Tx};
use std::panic::{AssertUnwindSafe, catch_unwind};

const FOLDER: FolderId = FolderId(1);

fn names(store: &Store) -> Vec<String> {
    store.read(|tx| Ok(tx.files_in(FOLDER)?.into_iter().map(|file| file.name).collect())).unwrap()
}

fn folder(id: FolderId) -> FolderRow {
    FolderRow { id, agreed: false, local: None, local_unknown: None, remote: None, remote_unknown: None }
}

fn remote() -> RemoteDir {
    RemoteDir {
        id: Some(5.into()),
        parent: None,
        name: "n".into(),
        given_name: "n".into(),
        contribution: None,
        organizer: false,
        editable: None,
    }
}

fn put(name: &'static str, kept: Kept) -> Box<dyn FnOnce(&Tx<'_>) -> Kept> {
    Box::new(move |tx| {
        tx.put_file(FOLDER, &file(name, 1)).unwrap();
        kept
    })
}

#[test]
fn a_transaction_is_all_or_nothing() {
    let mut store = Store::temporary().unwrap();
    let failed: Result<(), _> = store.transaction(|tx| {
        tx.put_file(FOLDER, &file("a", 1))?;
        assert_eq!(tx.files_in(FOLDER)?.len(), 1, "it sees its own changes");
        Err(StoreError::Nonsense("on purpose"))
    });
    assert!(failed.is_err());
    assert_eq!(names(&store), [] as [&str; 0]);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _: Result<(), _> = store.transaction(|tx| {
            tx.put_file(FOLDER, &file("a", 1))?;
            panic!("on purpose")
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(names(&store), [] as [&str; 0]);
    store.transaction(|tx| tx.put_file(FOLDER, &file("b", 1))).unwrap();
    assert_eq!(names(&store), ["b"], "and the store goes on");
}

#[test]
fn a_work_that_fails_takes_only_its_own_changes_with_it() {
    let mut store = Store::temporary().unwrap();
    let refused: Box<dyn FnOnce(&Tx<'_>) -> Kept> = Box::new(|tx| {
        tx.put_file(FOLDER, &file("e", 1)).unwrap();
        let mirror = tx.mirror("one").unwrap().id;
        let same = |id| FolderRow { remote: Some(remote()), ..folder(id) };
        tx.put_folder(&same(tx.new_folder(mirror).unwrap())).unwrap();
        // Refused by SQLite itself: a storage folder is in a mirror once.
        tx.put_folder(&same(tx.new_folder(mirror).unwrap())).unwrap_err();
        Kept::No
    });
    store
        .group([
            put("a", Kept::Yes),
            put("b", Kept::No),
            put("c", Kept::Yes),
            refused,
            Box::new(|tx: &Tx<'_>| {
                assert_eq!(tx.files_in(FOLDER).unwrap().len(), 2, "it sees what was kept before it");
                assert_eq!(tx.known_mirror("one").unwrap(), None);
                tx.remove_file(FOLDER, &crate::sample::key("a")).unwrap();
                Kept::No
            }) as Box<dyn FnOnce(&Tx<'_>) -> Kept>,
            put("d", Kept::Yes),
        ])
        .unwrap();
    assert_eq!(names(&store), ["a", "c", "d"]);
    store.group([]).unwrap();
    store.group([put("x", Kept::No)]).unwrap();
    assert_eq!(names(&store), ["a", "c", "d"]);
}

#[test]
fn a_group_is_durable_as_a_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let (mut store, _) = Store::open(&path, STAMP).unwrap();
    let other = path.clone();
    let look: Box<dyn FnOnce(&Tx<'_>) -> Kept> = Box::new(move |_| {
        let outside = Store::open_to_read(&other).unwrap().unwrap();
        assert_eq!(names(&outside), [] as [&str; 0], "nobody else sees it before its end");
        Kept::Yes
    });
    store.group([put("a", Kept::Yes), put("b", Kept::No), look]).unwrap();
    let outside = Store::open_to_read(&path).unwrap().unwrap();
    assert_eq!(names(&outside), ["a"]);
    let broken: Box<dyn FnOnce(&Tx<'_>) -> Kept> = Box::new(|_| panic!("on purpose"));
    let panicked = catch_unwind(AssertUnwindSafe(|| store.group([put("c", Kept::Yes), broken])));
    assert!(panicked.is_err());
    assert_eq!(names(&store), ["a"]);
    store.group([put("d", Kept::Yes)]).unwrap();
    assert_eq!(names(&outside), ["a", "d"]);
}

#[test]
fn who_only_reads_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    assert!(Store::open_to_read(&path).unwrap().is_none());
    assert!(!path.exists(), "asking makes nothing");
    let (mut store, _) = Store::open(&path, STAMP).unwrap();
    store.transaction(|tx| tx.put_file(FOLDER, &file("a", 1))).unwrap();
    let mut reader = Store::open_to_read(&path).unwrap().unwrap();
    assert!(reader.transaction(|tx| tx.put_file(FOLDER, &file("b", 1))).is_err());
    assert_eq!(names(&reader), ["a"]);
    let mut copy = store.temporary_copy().unwrap();
    copy.transaction(|tx| tx.put_file(FOLDER, &file("c", 1))).unwrap();
    assert_eq!((names(&copy).len(), names(&store).len()), (2, 1), "a copy is its own");
}

#[test]
fn a_store_that_forgets_everything_is_as_good_as_new() {
    let known = |store: &mut Store| {
        let made = |tx: &Tx<'_>| {
            let mirror = tx.mirror("a")?;
            tx.put_file(FOLDER, &file("a", 1))?;
            tx.new_folder(mirror.id)
        };
        (store.transaction(made).unwrap(), names(store))
    };
    let mut store = Store::temporary().unwrap();
    let first = known(&mut store);
    store.transaction(|tx| tx.forget_everything()).unwrap();
    assert!(names(&store).is_empty() && store.read(|tx| tx.known_mirror("a")).unwrap().is_none());
    assert_eq!(known(&mut store), first, "numbers begin anew");
}
