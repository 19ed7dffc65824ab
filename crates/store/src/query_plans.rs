//! How SQLite answers our questions: every one that a pass asks often finds its rows by an index and needs no sorting.
//!
//! The statements are caught as the public functions send them, so none can change unseen.

use crate::{Store, StoreError, Tx};
use damsync_model::id::{AssetId, FolderId, MirrorId};
use damsync_model::name::{Folding, NameKey};
use damsync_model::time::UnixMs;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use std::cell::RefCell;

thread_local! {
    static CAUGHT: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

#[expect(clippy::needless_pass_by_value, reason = "SQLite's binding wants it so")]
fn catch(event: TraceEvent<'_>) {
    if let TraceEvent::Stmt(_, sql) = event {
        CAUGHT.with_borrow_mut(|caught| caught.push(sql.to_owned()));
    }
}

/// What SQLite does for each statement that `ask` sends.
fn plans<T>(ask: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>) -> Vec<(String, Vec<String>)> {
    let store = Store::temporary().unwrap();
    let connection = &store.connection;
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(catch));
    CAUGHT.take();
    ask(&Tx { connection }).unwrap();
    connection.trace_v2(TraceEventCodes::empty(), None);
    let caught = CAUGHT.take();
    assert!(!caught.is_empty(), "nothing was asked");
    caught
        .into_iter()
        .map(|sql| {
            let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let steps = explain.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap();
            (sql, steps)
        })
        .collect()
}

fn found_by_index<T>(what: &str, ask: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>) {
    for (sql, steps) in plans(ask) {
        for step in &steps {
            assert!(!step.contains("SCAN"), "{what} looks at every row: {step}\n{sql}");
            let whole_mirror = step.ends_with(" USING PRIMARY KEY (mirror=?)");
            let many = step.starts_with("SEARCH asset") || step.starts_with("SEARCH base");
            assert!(!(whole_mirror && many) || sql.contains("LIMIT"), "{what} reads the whole mirror: {step}\n{sql}");
            assert!(!step.contains("TEMP B-TREE"), "{what} sorts: {step}\n{sql}");
        }
    }
}

const MIRROR: MirrorId = MirrorId(1);
const FOLDER: FolderId = FolderId(1);

fn key() -> NameKey {
    NameKey::of("name", Folding::Exact)
}

fn id() -> AssetId {
    AssetId::from(1)
}

#[test]
fn the_local_tree_is_read_by_directory() {
    found_by_index("files_in", |tx| tx.files_in(FOLDER));
    found_by_index("files_are", |tx| tx.files_are(FOLDER, []));
    found_by_index("file", |tx| tx.file(FOLDER, &key()));
    found_by_index("has_files", |tx| tx.has_files(FOLDER));
    found_by_index("files_to_read", |tx| tx.files_to_read(MIRROR, None, 10));
    found_by_index("files_to_read after", |tx| tx.files_to_read(MIRROR, Some(&(FOLDER, key())), 10));
    found_by_index("remove_file", |tx| tx.remove_file(FOLDER, &key()));
}

#[test]
fn assets_are_found_by_id_place_and_time() {
    found_by_index("asset", |tx| tx.asset(MIRROR, &id()));
    found_by_index("assets_at", |tx| tx.assets_at(FOLDER, &key()));
    found_by_index("has_assets", |tx| tx.has_assets(FOLDER));
    found_by_index("listed", |tx| tx.listed(MIRROR, None, 10));
    found_by_index("listed after", |tx| tx.listed(MIRROR, Some(&id()), 10));
    found_by_index("assets_to_look_at", |tx| tx.assets_to_look_at(MIRROR, UnixMs(1)));
    found_by_index("assets_waiting", |tx| tx.assets_waiting(MIRROR));
    found_by_index("unacknowledged", |tx| tx.unacknowledged(MIRROR, 10));
    found_by_index("count_updated_between", |tx| tx.count_updated_between(MIRROR, UnixMs(1), UnixMs(2)));
    found_by_index("newest_update", |tx| tx.newest_update(MIRROR));
    found_by_index("set_presence", |tx| tx.set_presence(MIRROR, &id(), crate::Presence::Gone));
    found_by_index("set_unacknowledged", |tx| tx.set_unacknowledged(MIRROR, &id(), true));
    found_by_index("set_next_look", |tx| tx.set_next_look(MIRROR, &id(), None));
    found_by_index("remove_asset", |tx| tx.remove_asset(MIRROR, &id()));
}

#[test]
fn the_ids_of_a_mirror_are_read_from_an_index_alone() {
    // Every pass reads all of them.
    for after in [None, Some(id())] {
        for (sql, steps) in plans(|tx| tx.listed(MIRROR, after.as_ref(), 10)) {
            assert!(steps.iter().all(|step| step.contains("COVERING INDEX asset_listed")), "{sql}: {steps:?}");
        }
    }
}

#[test]
fn the_ids_of_a_directory_are_found_by_its_index() {
    // In id order, which is not the index's: one directory is sorted, never the mirror.
    for (sql, steps) in plans(|tx| tx.asset_ids_in(FOLDER)) {
        assert!(steps.iter().all(|step| !step.contains("SCAN")), "{sql}: {steps:?}");
    }
}

#[test]
fn the_base_is_found_by_asset_and_by_place() {
    found_by_index("base", |tx| tx.base(MIRROR, &id()));
    found_by_index("base_at", |tx| tx.base_at(FOLDER, &key()));
    found_by_index("agreed_names_in", |tx| tx.agreed_names_in(FOLDER));
    found_by_index("newest_agreed", |tx| tx.newest_agreed(MIRROR, 10));
    found_by_index("tracks_anything", |tx| tx.tracks_anything(MIRROR));
    found_by_index("outside", |tx| tx.outside(MIRROR, 10));
    found_by_index("has_base_in", |tx| tx.has_base_in(FOLDER));
    found_by_index("remove_base", |tx| tx.remove_base(MIRROR, &id()));
}

#[test]
fn what_is_dirty_comes_in_order() {
    use crate::DirtyKey;
    found_by_index("dirty", |tx| tx.dirty(MIRROR, None, 10));
    found_by_index("dirty after an asset", |tx| tx.dirty(MIRROR, Some(&DirtyKey::Asset(id())), 10));
    found_by_index("dirty after a file", |tx| tx.dirty(MIRROR, Some(&DirtyKey::File(FOLDER, key())), 10));
    found_by_index("mark_place", |tx| tx.mark_place(MIRROR, FOLDER, &key()));
    found_by_index("clear_dirty", |tx| tx.clear_dirty(MIRROR, &DirtyKey::File(FOLDER, key())));
    found_by_index("forget_failures_in", |tx| tx.forget_failures_in(MIRROR, FOLDER));
    found_by_index("folder_failure", |tx| tx.folder_failure(FOLDER));
    found_by_index("remove_folder", |tx| tx.remove_folder(FOLDER));
    found_by_index("set_failure", |tx| tx.set_failure(MIRROR, &DirtyKey::Asset(id()), "r", "e", UnixMs(1)));
}

#[test]
fn the_small_facts_are_found_by_name() {
    found_by_index("known_mirror", |tx| tx.known_mirror("name"));
    found_by_index("folders", |tx| tx.folders(MIRROR));
    found_by_index("cursor", |tx| tx.cursor(MIRROR, "name"));
    found_by_index("remove_cursor", |tx| tx.remove_cursor(MIRROR, "name"));
    found_by_index("outside_asked_at", |tx| tx.outside_asked_at(MIRROR, &id()));
    found_by_index("intent_at", |tx| tx.intent_at(FOLDER, &key()));
    found_by_index("sessions", |tx| tx.sessions(MIRROR));
    found_by_index("local_moves", |tx| tx.local_moves(MIRROR));
    found_by_index("placings", |tx| tx.placings(MIRROR));
    found_by_index("is_unsettled", |tx| tx.is_unsettled(MIRROR, Some(&id()), Some((FOLDER, &key()))));
    found_by_index("plan", |tx| tx.plan("p-1"));
    found_by_index("close_conflicts_without_copy", |tx| tx.close_conflicts_without_copy(MIRROR));
}

#[test]
fn the_history_is_found_by_path_and_by_time() {
    found_by_index("history_of", |tx| tx.history_of(MIRROR, "a/b", 10));
    found_by_index("done_since", |tx| tx.done_since(MIRROR, "trash_local", UnixMs(1)));
    found_by_index("changed_since", |tx| tx.changed_since(MIRROR, "download", UnixMs(1)));
    found_by_index("prune_history", |tx| {
        // So that there is a mirror to prune.
        tx.mirror("name")?;
        CAUGHT.take();
        tx.prune_history(UnixMs(1))
    });
}
