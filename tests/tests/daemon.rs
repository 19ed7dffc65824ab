//! The daemon: changes on either side travel by themselves.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Daemon, Options, Setup, Signal, json, md5, until};

fn setup() -> Setup {
    let options = Options {
        remote: "poll_interval = \"300ms\"".to_owned(),
        mirror: "settle_delete = \"300ms\"".to_owned(),
        ..Options::default()
    };
    Setup::with(options)
}

/// A running daemon on a setup with `start.txt`, synced.
fn running(setup: &Setup) -> Daemon<'_> {
    setup.sandbox.asset("Studio/start.txt", "start");
    let mut daemon = setup.daemon();
    daemon.until_both("start.txt", true);
    daemon
}

#[test]
fn a_local_edit_reaches_the_server() {
    let setup = setup();
    let mut daemon = running(&setup);
    setup.write("new.txt", "new");
    daemon.until_both("new.txt", true);
    let guid = setup.asset("start.txt").guid().to_owned();
    setup.write("start.txt", "edited");
    daemon.until("the version", |setup| setup.asset("start.txt").md5() == md5("edited") && setup.is_equal());
    let asset = setup.asset("start.txt");
    assert_eq!((asset.guid(), asset.versions()), (guid.as_str(), 2));
    assert_eq!(daemon.end(Signal::TERM), 0);
    setup.settled();
}

#[test]
fn a_remote_edit_reaches_the_disk() {
    let setup = setup();
    let mut daemon = running(&setup);
    setup.sandbox.asset("Studio/Campaigns/new.txt", "new");
    daemon.until_both("Campaigns/new.txt", true);
    setup.sandbox.version(&setup.asset("start.txt"), "edited");
    daemon.until("the edit", |setup| setup.read("start.txt") == b"edited");
    assert_eq!(daemon.end(Signal::TERM), 0);
    assert_eq!(setup.trash(), [("start.txt".to_owned(), md5("start"))].into());
    setup.settled();
}

#[test]
fn more_changes_than_one_answer_holds_come_down() {
    let setup = setup();
    let mut daemon = running(&setup);
    let bulk = json!({ "folders": 1, "assets_per_folder": 250, "size": 10, "path": "Studio/Bulk" });
    setup.sandbox.post("/admin/bulk", &bulk);
    daemon.until("250 files", |setup| setup.tree().len() > 250 && setup.is_equal());
    assert_eq!(daemon.end(Signal::TERM), 0);
    setup.settled();
}

#[test]
fn deletions_travel_both_ways() {
    let setup = setup();
    let mut daemon = running(&setup);
    setup.write("Campaigns/here.txt", "here");
    setup.write("Campaigns/there.txt", "there");
    daemon.until_both("Campaigns/here.txt", true);
    daemon.until_both("Campaigns/there.txt", true);
    setup.remove("Campaigns/here.txt");
    setup.sandbox.trash(&setup.asset("Campaigns/there.txt"));
    daemon.until_both("Campaigns/here.txt", false);
    daemon.until_both("Campaigns/there.txt", false);
    setup.remove("Campaigns");
    daemon.until("the folder's end", |setup| {
        setup.is_equal() && setup.sandbox.tree().folder("Studio/Campaigns").is_none()
    });
    assert_eq!(daemon.end(Signal::TERM), 0);
    assert_eq!(setup.trash(), [("Campaigns/there.txt".to_owned(), md5("there"))].into());
    setup.settled();
}

#[test]
fn a_directory_that_is_made_and_filled_at_once_arrives_whole() {
    let setup = setup();
    let mut daemon = running(&setup);
    for number in 0..60 {
        setup.write(&format!("a/b{}/c{}/file {number}.txt", number % 3, number % 5), format!("number {number}"));
    }
    daemon.until("all files", |setup| setup.sandbox.tree().live().count() == 61 && setup.is_equal());
    assert_eq!(daemon.end(Signal::TERM), 0);
    setup.settled();
}

#[test]
fn a_burst_of_writes_ends_as_the_last_one() {
    let setup = setup();
    let mut daemon = running(&setup);
    for number in 0..200 {
        setup.write("start.txt", format!("write {number}"));
    }
    daemon.until("the last write", |setup| setup.asset("start.txt").md5() == md5("write 199"));
    assert_eq!(daemon.end(Signal::TERM), 0);
    setup.settled();
}

#[test]
fn an_interrupt_ends_it_with_130() {
    let setup = setup();
    let mut daemon = running(&setup);
    assert_eq!(daemon.end(Signal::INT), 130);
    setup.settled();
}

#[test]
fn what_happened_while_it_was_away_is_caught_up_with() {
    let setup = setup();
    let mut daemon = running(&setup);
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.ended(), 137);
    drop(daemon);
    setup.write("here.txt", "here");
    setup.sandbox.asset("Studio/there.txt", "there");
    let mut daemon = setup.daemon();
    daemon.until_both("here.txt", true);
    daemon.until_both("there.txt", true);
    assert_eq!(daemon.end(Signal::TERM), 0);
    setup.settled();
}

#[test]
fn a_killed_program_leaves_no_lock_behind() {
    let setup = setup();
    let mut daemon = running(&setup);
    setup.write("start.txt", "edited");
    // While it lives, it is alone.
    let refused = setup.reconcile(&[]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("another damsync"), "{refused:?}");
    assert_eq!(daemon.end(Signal::KILL), 137);
    drop(daemon);
    // Its file is still there, and locks nobody out.
    assert!(setup.state.join("lock").exists());
    setup.write("start.txt", "edited again");
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, &pass.report["outcome"]), (0, &"in_sync".into()), "{pass:?}");
    assert_eq!(setup.asset("start.txt").md5(), md5("edited again"));
    let mut daemon = setup.daemon();
    setup.write("start.txt", "edited once more");
    daemon.until("the version", |setup| setup.asset("start.txt").md5() == md5("edited once more"));
    assert_eq!(daemon.end(Signal::TERM), 0);
}

#[test]
fn an_edit_goes_up_by_itself_when_the_check_out_ends() {
    let setup = setup();
    let mut daemon = running(&setup);
    let asset = setup.sandbox.patch(&setup.asset("start.txt"), &json!({ "checked_out_at": "2026-01-01T00:00:00Z" }));
    // Something later has come down, so the check-out is known here as well.
    setup.sandbox.asset("Studio/later.txt", "later");
    daemon.until_both("later.txt", true);
    setup.write("start.txt", "edited");
    setup.write("other.txt", "sent after it");
    daemon.until("the other file", |setup| setup.sandbox.tree().has("Studio/other.txt"));
    assert_eq!(setup.sandbox.now(&asset).versions(), 1, "nothing is forced");
    setup.sandbox.patch(&asset, &json!({ "checked_out_at": null }));
    daemon.until("the version", |setup| setup.sandbox.now(&asset).md5() == md5("edited") && setup.is_equal());
    assert_eq!(daemon.end(Signal::TERM), 0);
    setup.settled();
}

#[test]
fn it_outlives_a_server_that_is_down() {
    let setup = setup();
    let mut daemon = running(&setup);
    setup.sandbox.stop();
    setup.write("here.txt", "here");
    let before = daemon.log().len();
    until("word of the outage", || (daemon.log().len() > before).then_some(()));
    assert_eq!(setup.read("start.txt"), b"start");
    setup.sandbox.start_again();
    setup.sandbox.asset("Studio/there.txt", "there");
    daemon.until_both("here.txt", true);
    daemon.until_both("there.txt", true);
    assert_eq!(daemon.end(Signal::TERM), 0);
    setup.settled();
}

#[test]
fn it_starts_while_the_server_is_down() {
    let setup = setup();
    setup.sandbox.asset("Studio/start.txt", "start");
    setup.sync(&[("pulled", 1)]);
    setup.sandbox.stop();
    setup.write("here.txt", "here");
    let mut daemon = setup.daemon();
    until("word of the outage", || (!daemon.log().is_empty()).then_some(()));
    setup.sandbox.start_again();
    daemon.until_both("here.txt", true);
    assert_eq!(daemon.end(Signal::TERM), 0);
    setup.settled();
}

#[test]
fn it_follows_a_mirror_that_is_not_there_yet() {
    let setup = setup();
    let mut daemon = setup.daemon();
    daemon.until("the mirror's mark", |setup| setup.has(".damsync/mirror.json"));
    setup.write("a.txt", "a");
    daemon.until_both("a.txt", true);
    setup.remove("a.txt");
    daemon.until_both("a.txt", false);
    assert_eq!(daemon.end(Signal::TERM), 0);
}

#[test]
fn status_tells_of_it() {
    let setup = setup();
    let mut daemon = running(&setup);
    daemon.until("an idle status", |setup| {
        let status = setup.run(&["status", "--json"]);
        assert_eq!(status.code, 0, "{status:?}");
        status.answer["daemon"]["running"] == true && status.report["files"] == 1 && status.report["state"] == "idle"
    });
    let check = setup.run(&["status", "--check"]);
    assert_eq!(check.code, 0, "{check:?}");
    assert_eq!(daemon.end(Signal::TERM), 0);
    let status = setup.run(&["status", "--json"]);
    assert_eq!(status.answer["daemon"]["running"], false, "{status:?}");
}

#[test]
fn ignore_rules_that_are_taken_back_bring_in_what_they_left_out_further_down() {
    let setup = setup();
    let mut daemon = running(&setup);
    setup.write(".damsyncignore", "*.draft\n");
    setup.write("a/b/c/late.draft", "a draft");
    setup.write("a/b/c/known.txt", "known");
    daemon.until("the rules and the known file are there", |setup| {
        let tree = setup.sandbox.tree();
        [".damsyncignore", "a/b/c/known.txt"].iter().all(|path| tree.has(&Setup::there(path)))
    });
    assert!(!setup.sandbox.tree().has(&Setup::there("a/b/c/late.draft")));
    setup.write(".damsyncignore", "");
    daemon.until_both("a/b/c/late.draft", true);
}
