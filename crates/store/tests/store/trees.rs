//! The three trees: folders, files, assets, the base; and the mirrors they belong to.

use crate::sample::{asset, base, content, file, ids, in_a_directory, key, stat, text_folder, text_id};
use damsync_model::content::{Claimed, Md5};
use damsync_model::id::{AssetId, FolderId};
use damsync_model::time::UnixMs;
use damsync_model::tree::AssetState;
use damsync_store::{FolderRow, LocalDir, MirrorRow, Presence, RemoteDir, Store, Totals};

#[test]
fn a_mirror_keeps_what_it_is_bound_to() {
    let mut store = Store::temporary().unwrap();
    let rows = store
        .transaction(|tx| {
            assert_eq!(tx.known_mirror("one")?, None);
            let fresh = tx.mirror("one")?;
            assert_eq!(tx.mirror("one")?, fresh, "made once");
            let numbers = MirrorRow {
                token: Some("t".into()),
                root: Some((u64::MAX, u64::MAX - 1)),
                remote: Some("mediagraph 5".into()),
                storage_folder: Some(9.into()),
                user: Some("u".into()),
                last_reconcile_at: Some(UnixMs(1)),
                last_change_at: Some(UnixMs(2)),
                ..fresh
            };
            let texts = MirrorRow { storage_folder: Some(text_folder("9")), ..tx.mirror("two")? };
            assert_ne!(numbers.id, texts.id);
            tx.update_mirror(&numbers)?;
            tx.update_mirror(&texts)?;
            Ok([numbers, texts])
        })
        .unwrap();
    for row in rows {
        let read = store.read(|tx| tx.known_mirror(&row.name)).unwrap();
        assert_eq!(read, Some(row), "a text that looks like a number stays a text");
    }
}

#[test]
fn a_directory_stands_here_there_or_on_both_sides() {
    let mut store = Store::temporary().unwrap();
    let local = LocalDir { parent: None, name: String::new(), inode: u64::MAX, birth_ns: -5 };
    let remote = RemoteDir {
        id: Some(text_folder("folder_1")),
        parent: Some(FolderId(1)),
        name: "a/b".into(),
        given_name: "a%2Fb".into(),
        contribution: Some(-4),
        organizer: true,
        editable: Some(false),
    };
    let rows = store
        .transaction(|tx| {
            let (mirror, other) = (tx.mirror("m")?.id, tx.mirror("other")?.id);
            let empty = |id| FolderRow {
                id,
                agreed: false,
                local: None,
                local_unknown: None,
                remote: None,
                remote_unknown: None,
            };
            let everything = RemoteDir { id: None, parent: None, editable: None, ..remote.clone() };
            let rows = [
                FolderRow {
                    agreed: true,
                    local: Some(local),
                    remote: Some(everything),
                    ..empty(tx.new_folder(mirror)?)
                },
                FolderRow { remote: Some(remote), remote_unknown: Some("no".into()), ..empty(tx.new_folder(mirror)?) },
                FolderRow { local_unknown: Some("EACCES".into()), ..empty(tx.new_folder(mirror)?) },
            ];
            tx.new_folder(other)?;
            for row in &rows {
                tx.put_folder(row)?;
            }
            assert_eq!(tx.folders(mirror)?, rows);
            assert_eq!(tx.folders(other)?.len(), 1);
            Ok(rows)
        })
        .unwrap();
    store
        .transaction(|tx| {
            let mirror = tx.mirror("m")?.id;
            let last = tx.new_folder(mirror)?;
            tx.remove_folder(last)?;
            tx.remove_folder(rows[2].id)?;
            assert_eq!(tx.folders(mirror)?, rows[..2]);
            assert!(tx.new_folder(mirror)? > last, "no number is given twice");
            Ok(())
        })
        .unwrap();
}

#[test]
fn files_come_by_directory_and_in_key_order() {
    let mut store = Store::temporary().unwrap();
    store
        .transaction(|tx| {
            let (one, two) = (FolderId(1), FolderId(2));
            // Decomposed on disk: the key differs from the name.
            let accent = file("e\u{301}.txt", 3);
            assert_ne!(accent.key.as_str(), accent.name);
            let unread = damsync_store::FileRow { content: None, unknown: Some("a link".into()), ..file("z", 2) };
            let racy = damsync_store::FileRow { racy: true, ..file("b", 1) };
            for row in [&unread, &accent, &racy] {
                tx.put_file(one, row)?;
            }
            tx.put_file(two, &file("b", 9))?;
            assert_eq!(tx.files_in(one)?, [racy, unread, accent.clone()], "bytewise");
            assert_eq!(tx.file(one, &accent.key)?, Some(accent.clone()));
            assert_eq!(tx.file(one, &key("nothing"))?, None);
            assert!(tx.has_files(one)? && !tx.has_files(FolderId(3))?);
            tx.put_file(one, &file("b", 7))?;
            assert_eq!(tx.file(one, &key("b"))?, Some(file("b", 7)), "the last one counts");
            tx.remove_file(one, &accent.key)?;
            assert_eq!(tx.files_in(one)?.len(), 2);
            assert_eq!(tx.files_in(two)?, [file("b", 9)]);
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_a_file_holds_is_written_only_for_the_stat_that_was_read() {
    in_a_directory(|tx, mirror, folder| {
        let unread = damsync_store::FileRow { content: None, ..file("a", 1) };
        tx.put_file(folder, &unread)?;
        tx.put_file(folder, &damsync_store::FileRow { racy: true, ..file("b", 2) })?;
        tx.put_file(folder, &file("c", 3))?;
        tx.put_file(folder, &damsync_store::FileRow { content: None, unknown: Some("x".into()), ..file("d", 4) })?;
        let waiting = |after: Option<&(FolderId, damsync_model::name::NameKey)>, limit| {
            let found = tx.files_to_read(mirror, after, limit)?;
            Ok::<_, damsync_store::StoreError>(found.into_iter().map(|(_, file)| file.name).collect::<Vec<_>>())
        };
        assert_eq!(waiting(None, 10)?, ["a", "b"]);
        assert_eq!(waiting(None, 1)?, ["a"]);
        assert_eq!(waiting(Some(&(folder, key("a"))), 10)?, ["b"]);
        assert_eq!(tx.files_to_read(tx.mirror("other")?.id, None, 10)?, []);
        assert!(!tx.set_content(folder, &key("a"), &stat(2), &content(1), false)?, "it changed meanwhile");
        assert!(tx.set_content(folder, &key("a"), &stat(1), &content(1), false)?);
        assert_eq!(tx.file(folder, &key("a"))?, Some(file("a", 1)));
        assert!(tx.set_content(folder, &key("b"), &stat(2), &content(2), false)?);
        assert_eq!(waiting(None, 10)?, [] as [&str; 0]);
        Ok(())
    });
}

#[test]
fn an_asset_is_kept_as_it_was_described() {
    in_a_directory(|tx, mirror, folder| {
        for (id, state) in ids().iter().zip([
            AssetState::Pending,
            AssetState::Processing,
            AssetState::AwaitingSubmission,
            AssetState::AwaitingApproval,
        ]) {
            let mut full = asset(id, folder, "full.txt");
            full.asset.state = state;
            let mut bare = full.clone();
            bare.folder = None;
            bare.given_name = "other".into();
            bare.superseded = None;
            bare.asset.claimed = Claimed::default();
            bare.asset.state = AssetState::Failed;
            (bare.asset.version, bare.asset.versions_count, bare.asset.last_external_sync_at) = (None, None, None);
            (bare.asset.downloadable, bare.asset.editable, bare.asset.checked_out) = (None, None, false);
            for row in [full, bare] {
                tx.put_asset(mirror, &row)?;
                assert_eq!(tx.asset(mirror, id)?, Some(row));
            }
        }
        assert_eq!(tx.asset(mirror, &1_000_000_008.into())?, None);
        assert_eq!(tx.asset(tx.mirror("other")?.id, &7.into())?, None, "of one mirror");
        tx.remove_asset(mirror, &7.into())?;
        assert_eq!(tx.asset(mirror, &7.into())?, None);
        Ok(())
    });
}

fn live(id: &AssetId) -> (AssetId, Presence) {
    (id.clone(), Presence::Live)
}

#[test]
fn a_number_and_the_text_of_it_are_two_ids() {
    in_a_directory(|tx, mirror, folder| {
        let (number, text) = (AssetId::from(7), text_id("7"));
        tx.put_asset(mirror, &asset(&number, folder, "n"))?;
        tx.put_asset(mirror, &asset(&text, folder, "t"))?;
        assert_eq!(tx.asset(mirror, &number)?.unwrap().given_name, "n");
        assert_eq!(tx.asset(mirror, &text)?.unwrap().given_name, "t");
        assert_eq!(tx.listed(mirror, None, 9)?, [live(&number), live(&text)]);
        assert_eq!(tx.listed(mirror, Some(&number), 9)?, [live(&text)]);
        Ok(())
    });
}

#[test]
fn lists_of_assets_are_what_they_say() {
    let mut store = Store::temporary().unwrap();
    store
        .transaction(|tx| {
            let mirror = tx.mirror("m")?.id;
            let (folder, empty) = (tx.new_folder(mirror)?, tx.new_folder(mirror)?);
            for id in ids().iter().rev() {
                tx.put_asset(mirror, &asset(id, folder, "same"))?;
            }
            let [a, b, c, d] = ids();
            assert_eq!(tx.listed(mirror, None, 3)?, [&a, &b, &c].map(live), "in id order");
            assert_eq!(tx.listed(mirror, Some(&c), 3)?, [live(&d)]);
            let at = |folder| Ok::<_, damsync_store::StoreError>(tx.assets_at(folder, &key("same"))?.len());
            assert_eq!((at(folder)?, at(empty)?), (4, 0));
            tx.set_presence(mirror, &a, Presence::Gone)?;
            tx.set_presence(mirror, &b, Presence::Unknown)?;
            tx.set_presence(mirror, &c, Presence::Trashed)?;
            assert_eq!(tx.asset_ids_in(folder)?, [b.clone(), d.clone()], "there, or not known");
            assert_eq!(at(folder)?, 1, "only what is there has a name");
            assert_eq!(tx.listed(mirror, None, 9)?, [(b.clone(), Presence::Unknown), live(&d)]);
            assert!(tx.has_assets(folder)? && !tx.has_assets(empty)?);
            for presence in [Presence::Live, Presence::Unknown, Presence::Trashed, Presence::Outside, Presence::Gone] {
                tx.set_presence(mirror, &a, presence)?;
                assert_eq!(tx.asset(mirror, &a)?.unwrap().presence, presence);
                let outside = if presence == Presence::Outside { vec![a.clone()] } else { Vec::new() };
                assert_eq!(tx.outside(mirror, 9)?, outside);
            }

            tx.set_next_look(mirror, &b, Some(UnixMs(50)))?;
            assert_eq!(tx.listed(mirror, None, 9)?, [live(&d)], "no list shows what waits");
            assert_eq!(tx.assets_waiting(mirror)?.len(), 1);
            assert!(tx.assets_to_look_at(mirror, UnixMs(49))?.is_empty());
            assert_eq!(tx.assets_to_look_at(mirror, UnixMs(50))?[0].asset.id, b);
            tx.set_next_look(mirror, &b, None)?;
            assert!(tx.assets_waiting(mirror)?.is_empty());

            tx.set_unacknowledged(mirror, &d, true)?;
            tx.set_unacknowledged(mirror, &b, true)?;
            assert_eq!(tx.unacknowledged(mirror, 9)?, [b.clone(), d.clone()]);
            assert_eq!(tx.unacknowledged(mirror, 1)?, std::slice::from_ref(&b));
            tx.set_unacknowledged(mirror, &b, false)?;
            assert_eq!(tx.unacknowledged(mirror, 9)?, [d]);
            Ok(())
        })
        .unwrap();
}

#[test]
fn updates_are_counted_with_both_ends() {
    in_a_directory(|tx, mirror, folder| {
        assert_eq!(tx.newest_update(mirror)?, None);
        for (id, at) in [(1, 10), (2, 20), (3, 20), (4, 30)] {
            let mut row = asset(&id.into(), folder, "x");
            row.asset.updated_at = UnixMs(at);
            tx.put_asset(mirror, &row)?;
        }
        let count = |from, to| tx.count_updated_between(mirror, UnixMs(from), UnixMs(to));
        assert_eq!((count(10, 30)?, count(11, 29)?, count(20, 20)?, count(31, 99)?), (4, 2, 2, 0));
        tx.set_presence(mirror, &2.into(), Presence::Gone)?;
        tx.set_next_look(mirror, &3.into(), Some(UnixMs(1)))?;
        assert_eq!(count(20, 20)?, 0, "lists show neither");
        assert_eq!(tx.newest_update(mirror)?, Some(UnixMs(30)));
        Ok(())
    });
}

#[test]
fn an_agreement_is_one_per_asset_and_one_per_place() {
    in_a_directory(|tx, mirror, folder| {
        for id in ids() {
            let name = format!("e\u{301} {id}");
            let row = base(&id, folder, &name);
            tx.put_base(mirror, &row)?;
            assert_eq!(tx.base(mirror, &id)?, Some(row.clone()));
            assert_eq!(tx.base_at(folder, &row.key)?, Some(row));
        }
        assert_eq!(tx.totals(mirror)?, Totals { files: 4, bytes: 4 * content(4).size });
        assert_eq!(tx.tracked(mirror)?, 4);
        let [a, b, ..] = ids();
        let mut taken = base(&b, folder, &format!("e\u{301} {a}"));
        taken.base.remote_claimed = Claimed { size: Some(1), md5: None };
        taken.base.remote_version = None;
        tx.put_base(mirror, &taken)?;
        assert_eq!(tx.base(mirror, &a)?, None, "another asset has its place");
        assert_eq!(tx.base(mirror, &b)?, Some(taken));
        assert_eq!(tx.tracked(mirror)?, 3);
        assert!(tx.has_base_in(folder)?);
        for id in ids() {
            tx.remove_base(mirror, &id)?;
        }
        assert!(!tx.has_base_in(folder)?);
        assert_eq!(tx.totals(mirror)?, Totals::default());
        Ok(())
    });
}

#[test]
fn what_is_not_agreed_on_any_more_is_not_to_be_acknowledged() {
    in_a_directory(|tx, mirror, folder| {
        for id in ids() {
            tx.put_asset(mirror, &asset(&id, folder, &format!("x {id}")))?;
            tx.put_base(mirror, &base(&id, folder, &format!("x {id}")))?;
            tx.set_unacknowledged(mirror, &id, true)?;
        }
        let [a, others @ ..] = ids();
        tx.remove_base(mirror, &a)?;
        let mut left = tx.unacknowledged(mirror, 10)?;
        left.sort();
        let mut expected = others.to_vec();
        expected.sort();
        assert_eq!(left, expected);
        Ok(())
    });
}

#[test]
fn hashes_of_another_length_are_told_apart_from_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let (mut store, _) = Store::open(&path, crate::sample::STAMP).unwrap();
    store
        .transaction(|tx| {
            let mirror = tx.mirror("m")?.id;
            let mut row = asset(&1.into(), FolderId(1), "x");
            row.asset.claimed.md5 = Some(Md5([1; 16]));
            tx.put_asset(mirror, &row)
        })
        .unwrap();
    rusqlite::Connection::open(&path).unwrap().execute("UPDATE asset SET md5 = x'0102'", []).unwrap();
    let read = store.read(|tx| tx.asset(tx.known_mirror("m")?.unwrap().id, &1.into()));
    assert!(read.is_err(), "a wrong hash is an error, never a missing one");
}
