//! Files that appear, change and vanish on one side: R1–R5, R8, R9, R23, R26.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Options, Setup, json, md5};
use std::time::{SystemTime, UNIX_EPOCH};

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

#[test]
fn r01_a_new_file_is_uploaded_as_a_new_asset() {
    let setup = Setup::new();
    setup.sync(&[]);
    setup.write("Campaigns/2026/poster.jpg", "poster");
    let pass = setup.sync(&[("pushed_new", 1), ("folders_created_remote", 2)]);
    assert_eq!(pass.bytes(), (6, 0));
    setup.equal();
    let asset = setup.asset("Campaigns/2026/poster.jpg");
    assert_eq!((asset.versions(), asset.md5()), (1, md5("poster").as_str()));
    setup.settled();
}

#[test]
fn r01_many_new_files_of_all_sizes_and_names_arrive() {
    let setup = Setup::new();
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    setup.write("large.bin", &large);
    setup.write("empty.txt", "");
    for number in 0..40 {
        setup.write(&format!("many/file {number:02}.txt"), format!("number {number}"));
    }
    for name in
        ["ünïcödé – 日本.txt", "100%2Fsure.txt", "with  two spaces", "'quotes\" & <tags>", ".hidden", "a+b=c;d.txt"]
    {
        setup.write(&format!("names/{name}"), name);
    }
    setup.sync(&[("pushed_new", 48), ("folders_created_remote", 2)]);
    setup.settled();
}

#[test]
fn r01_a_file_without_a_storage_folder_above_it_goes_to_the_top_of_a_mirror_of_everything() {
    let options = Options { storage_folder: "\"\"".to_owned(), ..Options::default() };
    let setup = Setup::with(options);
    let text = setup.config_text().replace("storage_folder = \"\"\n", "");
    setup.write_config(&text);
    setup.write("Studio/a.txt", "a");
    setup.write("New/b.txt", "b");
    setup.sync(&[("pushed_new", 2), ("folders_created_remote", 1)]);
    assert_eq!(setup.tree(), setup.sandbox.processed().below(""));
    setup.quiet();
}

#[test]
fn r02_a_new_asset_is_downloaded_with_its_time() {
    let setup = Setup::new();
    let asset = setup.sandbox.asset("Studio/Campaigns/poster.jpg", "poster");
    setup.sandbox.patch(&asset, &json!({ "updated_at": "2024-02-29T12:34:56Z" }));
    let pass = setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    assert_eq!(pass.bytes(), (0, 6));
    assert_eq!(setup.read("Campaigns/poster.jpg"), b"poster");
    assert_eq!(setup.mtime("Campaigns/poster.jpg"), 1_709_210_096);
    setup.settled();
}

#[test]
fn r02_an_impossible_time_is_replaced_by_now() {
    let setup = Setup::new();
    for (name, time) in [("old", "1970-01-01T00:00:00Z"), ("future", "2124-01-01T00:00:00Z")] {
        let asset = setup.sandbox.asset(&format!("Studio/{name}.txt"), name);
        setup.sandbox.patch(&asset, &json!({ "updated_at": time }));
    }
    let before = now();
    setup.sync(&[("pulled", 2)]);
    for name in ["old.txt", "future.txt"] {
        let time = setup.mtime(name);
        assert!((before..=now()).contains(&time), "{name}: {time}");
    }
    setup.settled();
}

#[test]
fn r02_an_asset_that_appears_later_is_found() {
    let setup = Setup::new();
    setup.sandbox.asset("Studio/a.txt", "a");
    setup.sync(&[("pulled", 1)]);
    setup.sandbox.asset("Studio/b.txt", "b");
    setup.sandbox.asset("Elsewhere/c.txt", "c");
    setup.sync(&[("pulled", 1)]);
    assert_eq!(setup.read("b.txt"), b"b");
    setup.settled();
}

#[test]
fn r03_an_edited_file_becomes_a_new_version_of_its_asset() {
    let setup = Setup::new();
    let made = setup.sandbox.asset("Studio/a.txt", "one");
    setup.sandbox.patch(&made, &json!({ "tags": ["kept"] }));
    setup.sync(&[("pulled", 1)]);
    setup.write("a.txt", "two, longer");
    let pass = setup.sync(&[("pushed_versions", 1)]);
    assert_eq!(pass.bytes(), (11, 0));
    setup.equal();
    let asset = setup.asset("a.txt");
    assert_eq!((asset.guid(), asset.versions()), (made.guid(), 2));
    assert_eq!(asset.contents(), [md5("one"), md5("two, longer")]);
    assert_eq!(asset.0["tags"], json!(["kept"]));
    setup.settled();
}

#[test]
fn r03_an_edit_that_keeps_size_and_time_is_found_by_a_full_pass() {
    let setup = Setup::new();
    setup.write("a.txt", "one");
    setup.sync(&[("pushed_new", 1)]);
    let time = setup.path("a.txt").metadata().unwrap().modified().unwrap();
    setup.write("a.txt", "two");
    std::fs::File::options().write(true).open(setup.path("a.txt")).unwrap().set_modified(time).unwrap();
    setup.reconcile(&["--full"]).assert(0, "in_sync", &[("pushed_versions", 1)]);
    setup.settled();
}

#[test]
fn r03_a_touched_file_is_not_sent_again() {
    let setup = Setup::new();
    setup.write("a.txt", "one");
    setup.sync(&[("pushed_new", 1)]);
    setup.age("a.txt", std::time::Duration::from_secs(86_400));
    setup.sandbox.forget_requests();
    setup.sync(&[]);
    setup.sandbox.requests().assert_no_bytes_moved();
    assert_eq!(setup.asset("a.txt").versions(), 1);
}

#[test]
fn r03_a_file_saved_the_way_editors_do_keeps_its_asset() {
    let setup = Setup::new();
    setup.write("a.txt", "one");
    setup.sync(&[("pushed_new", 1)]);
    let guid = setup.asset("a.txt").guid().to_owned();
    setup.write("a.txt.new", "two");
    setup.rename("a.txt", "a.txt~");
    setup.rename("a.txt.new", "a.txt");
    setup.sync(&[("pushed_versions", 1)]);
    assert_eq!(setup.asset("a.txt").guid(), guid);
}

#[test]
fn r04_a_new_version_replaces_the_file_and_the_old_bytes_go_to_the_trash() {
    let setup = Setup::new();
    // A server whose clock is behind, so that its times are not those of the download.
    setup.sandbox.advance(-3_600_000);
    let asset = setup.sandbox.asset("Studio/Campaigns/a.txt", "one");
    setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    let asset = setup.sandbox.version(&asset, "two");
    setup.sync(&[("pulled", 1)]);
    assert_eq!(setup.read("Campaigns/a.txt"), b"two");
    assert_eq!(setup.mtime("Campaigns/a.txt"), asset.updated_at());
    assert_eq!(setup.trash(), [("Campaigns/a.txt".to_owned(), md5("one"))].into());
    setup.settled();
}

#[test]
fn r04_a_revert_is_an_edit() {
    let setup = Setup::new();
    let asset = setup.sandbox.asset("Studio/a.txt", "one");
    let asset = setup.sandbox.version(&asset, "two");
    setup.sync(&[("pulled", 1)]);
    setup.sandbox.patch(&asset, &json!({ "head": 1 }));
    setup.sync(&[("pulled", 1)]);
    assert_eq!(setup.read("a.txt"), b"one");
    setup.settled();
}

#[test]
fn r05_equal_files_are_joined_without_a_transfer() {
    let setup = Setup::new();
    for name in ["a.txt", "Campaigns/b.txt", "Campaigns/Deep/c.txt"] {
        setup.write(name, name);
        setup.sandbox.asset(&Setup::there(name), name);
    }
    let pass = setup.sync(&[("adopted", 3)]);
    assert_eq!(pass.bytes(), (0, 0));
    setup.sandbox.requests().assert_no_bytes_moved();
    setup.settled();
}

#[test]
fn r05_the_same_edit_on_both_sides_is_no_conflict() {
    let setup = Setup::new();
    let asset = setup.sandbox.asset("Studio/a.txt", "one");
    setup.sync(&[("pulled", 1)]);
    setup.sandbox.version(&asset, "two");
    setup.write("a.txt", "two");
    setup.sandbox.forget_requests();
    let pass = setup.sync(&[("adopted", 1)]);
    assert!(pass.copies().is_empty());
    setup.sandbox.requests().assert_no_bytes_moved();
    setup.settled();
}

#[test]
fn r08_a_deleted_file_puts_its_asset_into_the_servers_trash() {
    let setup = Setup::new();
    setup.write("a.txt", "a");
    setup.write("b.txt", "b");
    setup.sync(&[("pushed_new", 2)]);
    let asset = setup.asset("a.txt");
    setup.remove("a.txt");
    setup.sync(&[("trashed_remote", 1)]);
    let asset = setup.sandbox.now(&asset);
    assert!(!asset.alive() && asset.md5() == md5("a"), "{asset:?}");
    setup.settled();
}

#[test]
fn r09_a_trashed_asset_puts_its_file_into_the_local_trash() {
    let setup = Setup::new();
    let asset = setup.sandbox.asset("Studio/Campaigns/a.txt", "a");
    setup.sandbox.asset("Studio/b.txt", "b");
    setup.sync(&[("pulled", 2), ("folders_created_local", 1)]);
    setup.sandbox.trash(&asset);
    setup.sync(&[("trashed_local", 1)]);
    assert!(!setup.has("Campaigns/a.txt"));
    assert_eq!(setup.trash(), [("Campaigns/a.txt".to_owned(), md5("a"))].into());
    setup.settled();
}

#[test]
fn r09_a_trashed_asset_that_no_list_shows_yet_is_noticed_although_another_one_came_back() {
    let setup = Setup::new();
    let old = setup.sandbox.asset("Studio/old.txt", "old");
    setup.sync(&[("pulled", 1)]);
    setup.sandbox.habits(&json!({ "processing_ms": 600_000 }));
    // The trash holds one more, and then one less: by R10.
    setup.sandbox.trash(&old);
    setup.write("old.txt", "edited");
    setup.write("new.txt", "new");
    setup.reconcile(&[]);
    setup.sandbox.trash(&setup.asset("new.txt"));
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.report["trashed_local"], 1, "{pass:?}");
}

#[test]
fn r23_a_file_deleted_on_both_sides_is_forgotten() {
    let setup = Setup::new();
    let asset = setup.sandbox.asset("Studio/a.txt", "a");
    setup.sandbox.asset("Studio/b.txt", "b");
    setup.sync(&[("pulled", 2)]);
    setup.sandbox.trash(&asset);
    setup.remove("a.txt");
    setup.sync(&[]);
    assert!(setup.trash().is_empty());
    assert_eq!(setup.status()["files"], 1);
    setup.settled();
}

#[test]
fn r26_changed_metadata_is_acknowledged_without_a_download() {
    let setup = Setup::new();
    let asset = setup.sandbox.asset("Studio/a.txt", "a");
    setup.sync(&[("pulled", 1)]);
    let time = setup.mtime("a.txt");
    setup.sandbox.advance(5_000);
    setup.sandbox.patch(&asset, &json!({ "description": "a poster", "tags": ["x"] }));
    setup.sandbox.forget_requests();
    setup.sync(&[]);
    setup.sandbox.requests().assert_no_bytes_moved();
    let asset = setup.sandbox.now(&asset);
    assert!(asset.0["last_external_sync_at"].as_str() >= asset.0["updated_at"].as_str(), "{asset:?}");
    assert_eq!((setup.mtime("a.txt"), setup.read("a.txt")), (time, b"a".to_vec()));
    setup.settled();
}
