//! Databases of earlier versions, kept as text: each opens with everything that was in it.
//!
//! A version that was released never changes. Until then `data/v1.sql` changes together with `schema.sql`; afterwards a
//! change is a new step, and a new text beside the old ones.

use crate::sample::{STAMP, content, key, text_folder, text_id};
use damsync_model::id::FolderId;
use damsync_model::time::UnixMs;
use damsync_store::{DirtyKey, Opened, Store};
use rusqlite::Connection;
use std::path::Path;

const VERSIONS: &[(i64, &str)] = &[(1, include_str!("data/v1.sql"))];

fn made(path: &Path, text: &str) {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(text).unwrap();
}

/// Tables and indexes, without the words that mean nothing.
fn shape(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(|sql| {
        let sql = sql.unwrap();
        let words: Vec<&str> =
            sql.lines().flat_map(|line| line.split("--").next()).flat_map(str::split_whitespace).collect();
        words.join(" ")
    })
    .collect()
}

fn version(path: &Path) -> i64 {
    Connection::open(path).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[test]
fn every_earlier_version_opens_with_everything_that_was_in_it() {
    for (number, text) in VERSIONS {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        made(&path, text);
        assert_eq!(version(&path), *number);
        let (store, opened) = Store::open(&path, STAMP).unwrap();
        assert_eq!(opened, Opened::Existing);
        everything(&store);
        drop(store);
        let fresh = dir.path().join("fresh.db");
        drop(Store::open(&fresh, STAMP).unwrap());
        assert_eq!(version(&path), version(&fresh), "brought to the newest version");
        assert_eq!(shape(&path), shape(&fresh), "and it has the newest schema");
        let (store, _) = Store::open(&path, STAMP).unwrap();
        everything(&store);
    }
}

#[test]
fn there_is_a_text_for_every_version() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    drop(Store::open(&path, STAMP).unwrap());
    let known: Vec<i64> = VERSIONS.iter().map(|(number, _)| *number).collect();
    assert_eq!(known, (1..=version(&path)).collect::<Vec<_>>());
}

/// The rows of the texts.
fn everything(store: &Store) {
    store
        .read(|tx| {
            let mirror = tx.known_mirror("pictures")?.unwrap();
            assert_eq!(mirror.storage_folder, Some(text_folder("folder_1")));
            assert_eq!((mirror.root, mirror.last_change_at), (Some((2049, 11)), Some(UnixMs(1_767_693_600_001))));
            let folders = tx.folders(mirror.id)?;
            assert_eq!(folders.len(), 2);
            assert_eq!(folders[1].remote.as_ref().unwrap().id, Some(77.into()));
            assert_eq!(folders[1].local.as_ref().unwrap().name, "Größe");
            let (root, folder) = (folders[0].id, folders[1].id);
            assert_eq!(root, FolderId(1));
            let file = tx.file(folder, &key("é.txt"))?.unwrap();
            assert_eq!((file.name.as_str(), file.content), ("e\u{301}.txt", Some(content(0x11))));
            assert_eq!(tx.files_to_read(mirror.id, None, 9)?.len(), 1);
            let asset = tx.asset(mirror.id, &5.into())?.unwrap();
            assert_eq!((asset.asset.version, asset.folder), (Some(2), Some(folder)));
            assert_eq!(tx.unacknowledged(mirror.id, 9)?, [5.into()]);
            assert_eq!(tx.asset(mirror.id, &text_id("asset_A"))?.unwrap().next_look, Some(UnixMs(99)));
            let base = tx.base(mirror.id, &5.into())?.unwrap();
            assert_eq!(base.base.content, content(0x11));
            let dirty: Vec<_> = tx.dirty(mirror.id, None, 9)?.into_iter().map(|row| row.key).collect();
            assert_eq!(dirty, [DirtyKey::Asset(5.into())]);
            assert_eq!(tx.dirty_count(mirror.id)?, 2);
            assert_eq!(tx.folder_failure(folder)?.unwrap().next_try, UnixMs(55));
            let intent = tx.intent_at(root, &key("new.txt"))?.unwrap();
            assert_eq!((intent.marker.as_str(), intent.session), ("marker-1", Some(31)));
            assert_eq!(tx.sessions(mirror.id)?[0].guid, "session-31");
            assert_eq!(tx.strays(mirror.id)?[0].marker, "marker-0");
            let moved = &tx.local_moves(mirror.id)?[0];
            assert_eq!((moved.from_key.as_str(), moved.content), ("é.txt", Some(content(0x11))));
            assert_eq!(moved.to.as_ref().unwrap().key, key("b.txt"));
            let placing = &tx.placings(mirror.id)?[0].base;
            assert_eq!((&placing.asset, placing.place.name.as_str()), (&7.into(), "ä.txt"));
            assert_eq!(tx.cursor(mirror.id, "feed")?, Some(1_767_693_600_000));
            assert_eq!(tx.outside_asked_at(mirror.id, &6.into())?, Some(UnixMs(12)));
            assert_eq!(tx.conflicts(mirror.id)?[0].copy.1, key("a (conflict).txt"));
            assert_eq!(tx.history(mirror.id)?[0].event.path, "Größe/é.txt");
            assert_eq!(tx.plans(mirror.id)?[0].id, "p-00ff");
            Ok(())
        })
        .unwrap();
}
