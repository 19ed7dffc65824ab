//! What is to be done, what was begun, what happened: dirty entities, the journal, cursors, conflicts, history, plans.

use crate::sample::{asset, base, content, event, file, ids, in_a_directory, intent, key, stat, text_id};
use damsync_model::id::{AssetId, FolderId, Guid};
use damsync_model::name::FileName;
use damsync_model::time::UnixMs;
use damsync_model::tree::Place;
use damsync_store::{
    ConflictRow, DirtyKey, Failure, HeldPlan, Intent, LocalMove, MoveTarget, SessionRow, Store, Stray,
};

const DAY: i64 = 24 * 3600 * 1000;

#[test]
fn dirty_entities_come_assets_first_and_in_pages() {
    let mut store = Store::temporary().unwrap();
    store
        .transaction(|tx| {
            let (mirror, other) = (tx.mirror("m")?.id, tx.mirror("other")?.id);
            let file = |folder, name| DirtyKey::File(FolderId(folder), key(name));
            for id in ids().iter().rev() {
                tx.mark_asset(mirror, id)?;
                tx.mark_asset(mirror, id)?;
            }
            for (folder, name) in [(2, "a"), (1, "b"), (1, "a")] {
                tx.mark_place(mirror, FolderId(folder), &key(name))?;
            }
            tx.mark_asset(other, &1.into())?;
            let mut expected: Vec<DirtyKey> = ids().into_iter().map(DirtyKey::Asset).collect();
            expected.extend([file(1, "a"), file(1, "b"), file(2, "a")]);
            assert_eq!(tx.dirty_count(mirror)?, 7);
            for limit in [1, 2, 3, 4, 100] {
                let mut seen: Vec<DirtyKey> = Vec::new();
                loop {
                    let page = tx.dirty(mirror, seen.last(), limit)?;
                    assert!(page.len() <= limit as usize);
                    if page.is_empty() {
                        break;
                    }
                    seen.extend(page.into_iter().map(|row| row.key));
                }
                assert_eq!(seen, expected, "by {limit}");
            }
            for key in &expected {
                tx.clear_dirty(mirror, key)?;
            }
            assert_eq!((tx.dirty_count(mirror)?, tx.dirty_count(other)?), (0, 1));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_place_means_the_asset_agreed_on_then_the_one_of_that_name_then_the_file() {
    in_a_directory(|tx, mirror, folder| {
        tx.put_base(mirror, &base(&1.into(), folder, "agreed"))?;
        tx.put_asset(mirror, &asset(&2.into(), folder, "agreed"))?;
        tx.put_asset(mirror, &asset(&3.into(), folder, "named"))?;
        for name in ["agreed", "named", "alone"] {
            tx.mark_place(mirror, folder, &key(name))?;
        }
        let keys: Vec<_> = tx.dirty(mirror, None, 9)?.into_iter().map(|row| row.key).collect();
        assert_eq!(keys, [DirtyKey::Asset(1.into()), DirtyKey::Asset(3.into())]);
        let rest = tx.dirty(mirror, keys.last(), 9)?;
        assert_eq!(rest[0].key, DirtyKey::File(folder, key("alone")));
        Ok(())
    });
}

#[test]
fn a_failure_counts_until_something_changes() {
    let mut store = Store::temporary().unwrap();
    store
        .transaction(|tx| {
            let mirror = tx.mirror("m")?.id;
            tx.mark_asset(mirror, &text_id("asset_A"))?;
            tx.mark_place(mirror, FolderId(1), &key("f"))?;
            let (one, two) = (DirtyKey::Asset(text_id("asset_A")), DirtyKey::File(FolderId(1), key("f")));
            for (nth, key) in [(1, &one), (2, &one), (1, &two)] {
                tx.set_failure(mirror, key, "r9", "no", UnixMs(nth * 10))?;
            }
            let failure = |attempts: i64| Failure {
                run: "r9".into(),
                error: "no".into(),
                attempts: attempts.unsigned_abs(),
                next_try: UnixMs(attempts * 10),
            };
            assert_eq!(tx.dirty(mirror, None, 9)?[0].failure, Some(failure(2)));
            assert_eq!(tx.dirty(mirror, Some(&one), 9)?[0].failure, Some(failure(1)));
            tx.mark_asset(mirror, &text_id("asset_A"))?;
            assert_eq!(tx.dirty(mirror, None, 9)?[0].failure, None);
            Ok(())
        })
        .unwrap();
}

#[test]
fn an_intent_is_one_per_place_and_is_told_oldest_first() {
    let mut store = Store::temporary().unwrap();
    store
        .transaction(|tx| {
            let (mirror, folder) = (tx.mirror("m")?.id, FolderId(1));
            let opened = intent("m-2", folder, "new", 20);
            let version = Intent {
                asset: Some(text_id("asset_A")),
                guid: Some(Guid("g".into())),
                filename: Some("old".into()),
                is_version: true,
                session: None,
                url: Some("https://storage.example/key?X-Amz-Signature=1".into()),
                prepared_at: Some(UnixMs(11)),
                ..intent("m-1", folder, "old", 10)
            };
            tx.put_intent(mirror, &opened)?;
            tx.put_intent(mirror, &version)?;
            assert_eq!(tx.intents(mirror)?, [version.clone(), opened.clone()]);
            assert_eq!(tx.intent_at(folder, &key("old"))?, Some(version));
            let prepared = Intent { asset: Some(5.into()), ..opened };
            tx.put_intent(mirror, &prepared)?;
            assert_eq!(tx.intent_at(folder, &key("new"))?, Some(prepared));
            let again = intent("m-3", folder, "new", 30);
            tx.put_intent(mirror, &again)?;
            assert_eq!(tx.intents(mirror)?.len(), 2, "one per place");
            assert_eq!(tx.intents(tx.mirror("other")?.id)?, []);
            tx.close_intent("m-3")?;
            assert_eq!(tx.intent_at(folder, &key("new"))?, None);
            Ok(())
        })
        .unwrap();
}

#[test]
fn sessions_and_strays_stay_until_they_are_settled() {
    let mut store = Store::temporary().unwrap();
    store
        .transaction(|tx| {
            let mirror = tx.mirror("m")?.id;
            let session = |id, at| SessionRow {
                id,
                guid: format!("s-{id}"),
                folder: FolderId(3),
                storage_folder: 7.into(),
                opened_at: UnixMs(at),
            };
            for session in [session(9, 1), session(4, 2)] {
                tx.put_session(mirror, &session)?;
                tx.put_session(mirror, &session)?;
            }
            assert_eq!(tx.sessions(mirror)?, [session(4, 2), session(9, 1)]);
            tx.remove_session(mirror, 4)?;
            assert_eq!(tx.sessions(mirror)?, [session(9, 1)]);
            let stray = |marker: &str, since| Stray {
                marker: marker.into(),
                session: 9,
                session_guid: "s-9".into(),
                storage_folder: 7.into(),
                since: UnixMs(since),
            };
            tx.put_stray(mirror, &stray("late", 20))?;
            tx.put_stray(mirror, &stray("early", 10))?;
            assert_eq!(tx.strays(mirror)?, [stray("early", 10), stray("late", 20)]);
            assert_eq!(tx.strays(tx.mirror("other")?.id)?, []);
            tx.remove_stray("early")?;
            assert_eq!(tx.strays(mirror)?, [stray("late", 20)]);
            Ok(())
        })
        .unwrap();
}

#[test]
fn moves_here_stay_until_their_end_is_recorded_and_are_found_by_both_places() {
    let mut store = Store::temporary().unwrap();
    let place = |folder, name: &str| Place { folder: FolderId(folder), name: FileName::new(name).unwrap() };
    let from = |asset: &AssetId, name: &str| LocalMove {
        asset: asset.clone(),
        from: place(3, name),
        from_key: key(name),
        stat: stat(5),
        content: Some(content(5)),
        to: None,
    };
    // Names that are not their keys, and the id of another provider.
    let moved = LocalMove {
        to: Some(MoveTarget {
            place: place(4, "e\u{301}.jpg"),
            key: key("e\u{301}.jpg"),
            remote_folder: FolderId(6),
            remote_filename: "there".to_owned(),
        }),
        ..from(&text_id("asset_A"), "a\u{308}.jpg")
    };
    let leaving = LocalMove { content: None, ..from(&7.into(), "b.jpg") };
    store
        .transaction(|tx| {
            let mirror = tx.mirror("m")?.id;
            tx.put_local_move(mirror, &moved)?;
            tx.put_local_move(mirror, &moved)?;
            tx.put_local_move(mirror, &leaving)?;
            assert_eq!(tx.local_moves(mirror)?, [leaving.clone(), moved.clone()]);
            assert_eq!(tx.local_moves(tx.mirror("other")?.id)?, []);
            let moves = |asset| tx.is_unsettled(mirror, Some(&asset), None);
            let moves_at = |folder, name| tx.is_unsettled(mirror, None, Some((FolderId(folder), &key(name))));
            assert!(moves(7.into())? && !moves(8.into())?);
            for (folder, name, is_unsettled) in [
                (3, "\u{e4}.jpg", true),
                (4, "\u{e9}.jpg", true),
                (3, "b.jpg", true),
                (4, "b.jpg", false),
                (4, "\u{e4}.jpg", false),
            ] {
                assert_eq!(moves_at(folder, name)?, is_unsettled, "{folder} {name}");
                // Either is enough.
                let both = |asset| tx.is_unsettled(mirror, Some(&asset), Some((FolderId(folder), &key(name))));
                assert_eq!((both(7.into())?, both(8.into())?), (true, is_unsettled), "{folder} {name}");
            }
            tx.end_local_move(mirror, &moved.asset)?;
            assert_eq!(tx.local_moves(mirror)?, [leaving]);
            assert!(!moves_at(4, "\u{e9}.jpg")?);
            tx.detach_mirror(mirror)?;
            assert_eq!(tx.local_moves(mirror)?, []);
            Ok(())
        })
        .unwrap();
}

#[test]
fn cursors_and_what_lies_outside_are_remembered_per_mirror() {
    let mut store = Store::temporary().unwrap();
    store
        .transaction(|tx| {
            let (mirror, other) = (tx.mirror("m")?.id, tx.mirror("other")?.id);
            assert_eq!(tx.cursor(mirror, "feed")?, None);
            tx.set_cursor(mirror, "feed", i64::MAX)?;
            tx.set_cursor(other, "feed", -1)?;
            assert_eq!((tx.cursor(mirror, "feed")?, tx.cursor(other, "feed")?), (Some(i64::MAX), Some(-1)));
            for id in ids() {
                assert_eq!(tx.outside_asked_at(mirror, &id)?, None);
                tx.remember_outside(mirror, &id, UnixMs(1))?;
                tx.remember_outside(mirror, &id, UnixMs(2))?;
                assert_eq!(tx.outside_asked_at(mirror, &id)?, Some(UnixMs(2)));
                assert_eq!(tx.outside_asked_at(other, &id)?, None);
            }
            Ok(())
        })
        .unwrap();
    let before = store.rows_written();
    store.transaction(|tx| tx.set_cursor(tx.known_mirror("m")?.unwrap().id, "feed", i64::MAX)).unwrap();
    assert_eq!(store.rows_written(), before, "what stands there already is not written");
}

#[test]
fn a_conflict_is_open_while_its_copy_stands() {
    let mut store = Store::temporary().unwrap();
    store
        .transaction(|tx| {
            let (mirror, folder) = (tx.mirror("m")?.id, FolderId(1));
            let conflict = |asset: AssetId, copy: &str, at| ConflictRow {
                asset,
                place: (folder, key("original")),
                copy: (folder, key(copy)),
                opened_at: UnixMs(at),
            };
            let rows = [conflict(text_id("asset_A"), "copy 2", 1), conflict(5.into(), "copy 1", 2)];
            for row in rows.iter().rev() {
                tx.put_conflict(mirror, row)?;
            }
            assert_eq!(tx.conflicts(mirror)?, rows, "oldest first");
            tx.put_file(folder, &file("copy 1", 1))?;
            tx.close_conflicts_without_copy(mirror)?;
            assert_eq!(tx.conflicts(mirror)?, rows[1..]);
            tx.remove_file(folder, &key("copy 1"))?;
            tx.close_conflicts_without_copy(mirror)?;
            assert_eq!(tx.conflicts(mirror)?, []);
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_history_is_kept_for_ninety_days() {
    let mut store = Store::temporary().unwrap();
    store
        .transaction(|tx| {
            let (mirror, other) = (tx.mirror("m")?.id, tx.mirror("other")?.id);
            let now = 200 * DAY;
            let days = [0, 1, 89, 90, 91, 150];
            for ago in days.iter().rev() {
                tx.add_event(mirror, &event(now - ago * DAY, &format!("{ago} days ago"), "upload"))?;
                tx.add_event(other, &event(now - ago * DAY, "x", "trash_local"))?;
            }
            tx.prune_history(UnixMs(now))?;
            let rows = tx.history(mirror)?;
            let paths: Vec<_> = rows.iter().map(|row| row.event.path.as_str()).collect();
            assert_eq!(paths, ["90 days ago", "89 days ago", "1 days ago", "0 days ago"], "oldest first");
            assert_eq!(rows[3].event, event(now, "0 days ago", "upload"));
            assert!(rows.is_sorted_by(|a, b| a.id < b.id));
            assert_eq!(tx.history(other)?.len(), 4);
            let none = damsync_store::Event { asset: None, ..event(now, "no asset", "trash_remote") };
            tx.add_event(mirror, &none)?;
            let two = damsync_store::Event { outcome: "failed".into(), ..none.clone() };
            tx.add_event(mirror, &two)?;
            let about: Vec<_> = tx.history_of(mirror, "no asset", 9)?.into_iter().map(|row| row.event).collect();
            assert_eq!(about, [two.clone(), none], "newest first");
            assert_eq!(tx.history_of(mirror, "no asset", 1)?[0].event, two);
            assert_eq!(tx.done_since(mirror, "trash_remote", UnixMs(now))?, 1, "what failed is not done");
            assert_eq!(tx.done_since(other, "trash_local", UnixMs(now - DAY))?, 2);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_held_plan_waits_for_a_person() {
    let mut store = Store::temporary().unwrap();
    store
        .transaction(|tx| {
            let mirror = tx.mirror("m")?.id;
            let plan = |id: &str, at| HeldPlan {
                id: id.into(),
                guard: "deleted_here".into(),
                reason: "mass_delete".into(),
                side: Some("local".into()),
                count: 500,
                total: 1000,
                fingerprint: "f".into(),
                lines: "trash_remote a\ntrash_remote b".into(),
                created_at: UnixMs(at),
                approved_at: None,
            };
            let late = HeldPlan { side: None, ..plan("p-0001", 20) };
            tx.put_plan(mirror, &late)?;
            tx.put_plan(mirror, &plan("p-0002", 10))?;
            assert_eq!(tx.plans(mirror)?, [plan("p-0002", 10), late]);
            assert!(tx.approve_plan("p-0002", UnixMs(30))? && !tx.approve_plan("p-0003", UnixMs(30))?);
            let approved = HeldPlan { approved_at: Some(UnixMs(30)), ..plan("p-0002", 10) };
            assert_eq!(tx.plan("p-0002")?, Some((mirror, approved)));
            tx.remove_plan("p-0002")?;
            assert_eq!(tx.plan("p-0002")?, None);
            assert_eq!(tx.plans(mirror)?.len(), 1);
            Ok(())
        })
        .unwrap();
}

#[test]
fn detaching_forgets_what_was_agreed_and_nothing_else() {
    let mut store = Store::temporary().unwrap();
    store
        .transaction(|tx| {
            let (mirror, other) = (tx.mirror("m")?, tx.mirror("other")?);
            let mut last = FolderId(0);
            for mirror in [mirror.id, other.id] {
                let folder = tx.new_folder(mirror)?;
                last = folder;
                tx.put_file(folder, &file("a", 1))?;
                tx.put_asset(mirror, &asset(&1.into(), folder, "a"))?;
                tx.put_base(mirror, &base(&1.into(), folder, "a"))?;
                tx.mark_asset(mirror, &1.into())?;
                tx.set_cursor(mirror, "feed", 5)?;
                tx.put_intent(mirror, &intent(&format!("i-{}", mirror.0), folder, "a", 1))?;
                tx.add_event(mirror, &event(1, "a", "upload"))?;
            }
            tx.detach_mirror(mirror.id)?;
            assert_eq!(tx.folders(mirror.id)?, []);
            assert_eq!(tx.tracked(mirror.id)?, 0);
            assert_eq!((tx.asset(mirror.id, &1.into())?, tx.cursor(mirror.id, "feed")?), (None, None));
            assert_eq!(tx.dirty_count(mirror.id)?, 0);
            assert_eq!((tx.intents(mirror.id)?.len(), tx.history(mirror.id)?.len()), (1, 1));
            let intents = tx.intents(mirror.id)?;
            assert_eq!(tx.files_in(intents[0].folder)?, []);
            assert!(tx.new_folder(mirror.id)? > last, "an open intent's directory is never another one");
            assert_eq!((tx.tracked(other.id)?, tx.files_in(last)?.len(), tx.dirty_count(other.id)?), (1, 1, 1));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_file_that_gets_its_name_is_unsettled_until_that_is_recorded() {
    let mut store = Store::temporary().unwrap();
    store
        .transaction(|tx| {
            let mirror = tx.mirror("m")?.id;
            let (first, second) =
                (base(&1.into(), FolderId(3), "a\u{308}.jpg"), base(&text_id("asset_A"), FolderId(4), "b"));
            for row in [&first, &first, &second] {
                tx.put_placing(mirror, row)?;
            }
            assert_eq!(tx.placings(mirror)?, [first, second.clone()]);
            assert_eq!(tx.placings(tx.mirror("other")?.id)?, []);
            assert_eq!(tx.base(mirror, &1.into())?, None, "nothing is agreed on yet");
            assert!(tx.is_unsettled(mirror, Some(&1.into()), None)?);
            assert!(tx.is_unsettled(mirror, None, Some((FolderId(3), &key("\u{e4}.jpg"))))?);
            assert!(!tx.is_unsettled(mirror, Some(&2.into()), Some((FolderId(3), &key("b"))))?);
            tx.end_placing(mirror, &1.into())?;
            assert_eq!(tx.placings(mirror)?, [second]);
            assert!(!tx.is_unsettled(mirror, Some(&1.into()), Some((FolderId(3), &key("\u{e4}.jpg"))))?);
            tx.detach_mirror(mirror)?;
            assert_eq!(tx.placings(mirror)?, []);
            Ok(())
        })
        .unwrap();
}
