//! `doctor`: what is wrong is found, named and given a remedy, and nothing is changed by looking.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Options, Setup, Signal, Value, json, snapshot, until};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::process::Stdio;

/// What it found, looked at as every answer must be.
struct Answer {
    code: i32,
    all: Value,
}

/// Runs it; it must leave everything as it is.
#[track_caller]
fn doctor(setup: &Setup, arguments: &[&str]) -> Answer {
    let before = snapshot(setup.dir());
    let pass = setup.run(&[&["doctor", "--json"], arguments].concat());
    assert_eq!(snapshot(setup.dir()), before, "something was changed");
    assert!(!pass.stdout.contains(&setup.sandbox.token) && !pass.stderr.contains(&setup.sandbox.token), "{pass:?}");
    assert_eq!(pass.answer["schema"], 1, "{pass:?}");
    for check in pass.answer["checks"].as_array().unwrap() {
        let text = |key: &str| check[key].as_str().unwrap_or_default();
        assert!(!text("name").is_empty() && !text("seen").is_empty(), "{check}");
        assert!(["ok", "warning", "failed", "skipped"].contains(&text("state")), "{check}");
        assert_eq!(text("state") == "ok", check["remedy"].is_null(), "{check}");
        let remedy = text("remedy");
        assert!(!remedy.contains('\n') && !remedy.contains(". ") && !remedy.ends_with('.'), "one sentence: {check}");
    }
    Answer { code: pass.code, all: pass.answer }
}

impl Answer {
    fn checks(&self) -> &[Value] {
        self.all["checks"].as_array().unwrap()
    }

    #[track_caller]
    fn check(&self, name: &str) -> &Value {
        let found: Vec<&Value> = self.checks().iter().filter(|check| check["name"] == name).collect();
        assert_eq!(found.len(), 1, "{name}: {:#?}", self.checks());
        found[0]
    }

    /// What did not come out well, with its state.
    fn complaints(&self) -> BTreeMap<&str, &str> {
        let bad = self.checks().iter().filter(|check| check["state"] != "ok");
        bad.map(|check| (check["name"].as_str().unwrap(), check["state"].as_str().unwrap())).collect()
    }

    /// Just this came out so, with these words in what was seen and in the remedy; and the program ended so.
    #[track_caller]
    fn assert(&self, code: i32, name: &str, state: &str, seen: &str, remedy: &str) {
        let check = self.check(name);
        assert_eq!(check["state"], state, "{check}");
        assert!(check["seen"].as_str().unwrap().contains(seen), "it does not say {seen:?}: {check}");
        assert!(check["remedy"].as_str().unwrap_or_default().contains(remedy), "no {remedy:?}: {check}");
        let others = self.complaints().into_iter().filter(|(other, state)| *other != name && *state != "skipped");
        assert_eq!(others.collect::<Vec<_>>(), [], "{:#?}", self.checks());
        assert_eq!(self.code, code, "{:#?}", self.checks());
    }
}

/// A setup after its first pass.
fn synced() -> Setup {
    let setup = Setup::new();
    setup.sandbox.asset("Studio/a.txt", "a");
    setup.sync(&[("pulled", 1)]);
    setup
}

#[test]
fn where_everything_is_well_it_says_so_of_each_and_only_reads() {
    let setup = synced();
    setup.sandbox.forget_requests();
    let answer = doctor(&setup, &[]);
    setup.sandbox.requests().assert_only_reading();
    assert_eq!((answer.code, answer.complaints()), (0, BTreeMap::new()), "{:#?}", answer.checks());
    for name in [
        "configuration",
        "state_dir",
        "database",
        "other_program",
        "token",
        "server",
        "user",
        "rights",
        "clock",
        "inotify_watches",
        "inotify_instances",
        "inotify_queue",
    ] {
        assert!(answer.check(name)["mirror"].is_null(), "{name}");
    }
    for name in [
        "root",
        "mark",
        "storage_folder",
        "binding",
        "free_space",
        "file_system",
        "case",
        "birth_time",
        "extended_attributes",
        "trash",
        "events",
    ] {
        assert_eq!(answer.check(name)["mirror"], "studio", "{name}");
    }
    assert!(answer.all.get("unknowns").is_none());
}

#[test]
fn before_the_first_pass_it_makes_nothing() {
    let setup = Setup::new();
    let answer = doctor(&setup, &[]);
    assert_eq!(answer.complaints(), BTreeMap::from([("case", "skipped")]));
    assert_eq!(answer.code, 0);
    assert!(!setup.state.exists() && !setup.local.exists());
}

#[test]
fn people_get_a_line_for_each_and_what_to_do() {
    let setup = synced();
    fs::set_permissions(&setup.token_file, fs::Permissions::from_mode(0o644)).unwrap();
    let pass = setup.run(&["doctor"]);
    assert_eq!(pass.code, 2, "{pass:?}");
    let line = pass.stdout.lines().position(|line| line.starts_with("failed   token ")).unwrap();
    assert!(pass.stdout.lines().nth(line + 1).unwrap().contains("try: chmod 600"), "{pass:?}");
    assert!(pass.stdout.contains("\nmirror studio\n") && pass.stdout.contains("1 failed, "), "{pass:?}");
    assert_eq!(pass.stderr, "");
}

#[test]
fn a_configuration_that_cannot_be_obeyed_is_2_and_the_kernel_is_looked_at_all_the_same() {
    let setup = Setup::with(Options { remote: "pol_interval = \"1s\"".to_owned(), ..Options::default() });
    let answer = doctor(&setup, &[]);
    answer.assert(2, "configuration", "failed", "pol_interval", "poll_interval");
    assert_eq!(answer.check("inotify_watches")["state"], "ok");
    fs::remove_file(&setup.config).unwrap();
    doctor(&setup, &[]).assert(2, "configuration", "failed", "no configuration", "damsync init");
}

#[test]
fn a_token_that_is_not_taken_is_4_and_one_that_cannot_be_read_is_2() {
    let setup = synced();
    setup.write_token("wrong");
    let answer = doctor(&setup, &[]);
    answer.assert(4, "token", "failed", "does not accept", "token");
    assert_eq!(answer.check("server")["state"], "ok", "it answered");
    assert_eq!(answer.check("root")["state"], "ok", "what needs no token is looked at");
    fs::set_permissions(&setup.token_file, fs::Permissions::from_mode(0o640)).unwrap();
    doctor(&setup, &[]).assert(2, "token", "failed", "640", "chmod 600");
    fs::remove_file(&setup.token_file).unwrap();
    doctor(&setup, &[]).assert(2, "token", "failed", "token", "exists");
}

#[test]
fn a_server_out_of_reach_is_5_and_one_that_is_none_is_2() {
    let setup = synced();
    let text = setup.config_text();
    setup.write_config(&text.replace(&setup.sandbox.base_url, &format!("{}/elsewhere", setup.sandbox.base_url)));
    doctor(&setup, &[]).assert(2, "server", "failed", "404", "base_url");
    setup.write_config(&text);
    setup.sandbox.stop();
    let answer = doctor(&setup, &[]);
    answer.assert(5, "server", "failed", "out of reach", "network");
    for (name, state) in [("token", "skipped"), ("storage_folder", "skipped"), ("root", "ok"), ("database", "ok")] {
        assert_eq!(answer.check(name)["state"], state, "{name}");
    }
}

#[test]
fn a_clock_that_is_off_is_warned_about() {
    let setup = synced();
    setup.sandbox.advance(50_000);
    assert_eq!(doctor(&setup, &[]).check("clock")["state"], "ok");
    setup.sandbox.advance(250_000);
    doctor(&setup, &[]).assert(0, "clock", "warning", "behind the server's", "timesync");
}

#[test]
fn rights_that_are_missing_are_named() {
    let setup = synced();
    let owner = setup.sandbox.get("/admin/users")[0]["id"].as_i64().unwrap();
    let may = |rights| setup.sandbox.post(&format!("/admin/users/{owner}"), &rights);
    may(json!({ "can_upload": false }));
    doctor(&setup, &[]).assert(4, "rights", "failed", "may not upload", "pull-only");
    may(json!({ "can_upload": true, "can_create_storage_folders": false }));
    doctor(&setup, &[]).assert(0, "rights", "warning", "may not make storage folders", "let this user");
    may(json!({ "can_create_storage_folders": true, "can_view_storage_folders": false }));
    let answer = doctor(&setup, &[]);
    assert_eq!((answer.code, answer.check("rights")["state"].as_str()), (4, Some("failed")));
}

#[test]
fn a_mirror_that_only_pulls_needs_no_right_to_upload() {
    let setup = Setup::with_mirror("direction = \"pull-only\"");
    let owner = setup.sandbox.get("/admin/users")[0]["id"].as_i64().unwrap();
    setup
        .sandbox
        .post(&format!("/admin/users/{owner}"), &json!({ "can_upload": false, "can_create_storage_folders": false }));
    assert_eq!(doctor(&setup, &[]).check("rights")["state"], "ok");
}

#[test]
fn a_directory_that_is_not_what_it_was_is_named_with_the_way_back() {
    let setup = synced();
    let aside = setup.dir().join("aside");
    fs::rename(&setup.local, &aside).unwrap();
    doctor(&setup, &[]).assert(1, "root", "failed", "is gone", "damsync reattach studio");
    fs::create_dir(&setup.local).unwrap();
    doctor(&setup, &[]).assert(1, "mark", "failed", "is missing", "damsync reattach studio");
    fs::create_dir(setup.local.join(".damsync")).unwrap();
    fs::copy(aside.join(".damsync/mirror.json"), setup.local.join(".damsync/mirror.json")).unwrap();
    doctor(&setup, &[]).assert(1, "mark", "failed", "another one than before", "damsync reattach studio");
    fs::write(setup.local.join(".damsync/mirror.json"), "half").unwrap();
    doctor(&setup, &[]).assert(1, "mark", "failed", "damaged", "damsync reattach studio");
    let mark = fs::read_to_string(aside.join(".damsync/mirror.json")).unwrap();
    let written: Value = mark.parse().unwrap();
    let other = mark.replace(written["mirror"].as_str().unwrap(), "another");
    fs::write(setup.local.join(".damsync/mirror.json"), other).unwrap();
    doctor(&setup, &[]).assert(1, "mark", "failed", "mark of another mirror", "damsync reattach studio");
}

#[test]
fn a_trash_that_is_elsewhere_is_found() {
    let setup = synced();
    let trash = setup.local.join(".damsync/trash");
    let _ = fs::remove_dir_all(&trash);
    std::os::unix::fs::symlink(setup.dir(), &trash).unwrap();
    doctor(&setup, &[]).assert(1, "trash", "failed", ".damsync/trash", "remove");
}

#[test]
fn too_little_space_is_warned_about() {
    let setup = Setup::with_mirror("min_free = \"1000TiB\"");
    doctor(&setup, &[]).assert(0, "free_space", "warning", "min_free is 1000.0 TiB", "min_free");
}

#[test]
fn a_storage_folder_that_is_not_there_is_2_and_one_that_was_renamed_a_warning() {
    let mut setup = synced();
    let id = setup.sandbox.folder("Studio");
    setup.sandbox.patch_folder(id, &json!({ "name": "Atelier" }));
    doctor(&setup, &[]).assert(0, "storage_folder", "warning", "Atelier", "storage_folder = \"Atelier\"");
    setup.options.storage_folder = "\"Nowhere\"".to_owned();
    setup.write_config(&setup.config_text().replace("\"studio\"", "\"other\""));
    doctor(&setup, &[]).assert(2, "storage_folder", "failed", "Nowhere", "create it");
}

#[test]
fn mirrors_that_overlap_only_on_the_server_are_2() {
    let setup = Setup::new();
    let id = setup.sandbox.folder("Studio/Inner");
    let second = Options { storage_folder: id.to_string(), ..Options::default() };
    let text = Setup::mirror_text("second", &setup.dir().join("second"), &second);
    setup.write_config(&format!("{}{text}", setup.config_text()));
    doctor(&setup, &[]).assert(2, "overlap", "failed", "second", "one mirror only");
}

#[test]
fn mirrors_that_overlap_since_a_folder_was_moved_are_named_with_the_way_out() {
    let setup = Setup::new();
    let (studio, other) = (setup.sandbox.folder("Studio"), setup.sandbox.folder("Other"));
    let second = Options { storage_folder: other.to_string(), ..Options::default() };
    let text = Setup::mirror_text("second", &setup.dir().join("second"), &second);
    setup.write_config(&format!("{}{text}", setup.config_text()));
    assert_eq!(setup.reconcile(&[]).code, 0);
    setup.sandbox.patch_folder(other, &json!({ "parent_id": studio }));
    doctor(&setup, &[]).assert(1, "overlap", "failed", "second", "move the folder back");
}

#[test]
fn another_users_token_is_noticed() {
    let setup = synced();
    let other = setup.sandbox.post("/admin/users", &json!({}));
    setup.write_token(other["token"].as_str().unwrap());
    doctor(&setup, &[]).assert(0, "binding", "warning", "another user's", "damsync reattach studio");
}

#[test]
fn a_state_directory_that_others_can_enter_is_warned_about() {
    let setup = synced();
    fs::set_permissions(&setup.state, fs::Permissions::from_mode(0o755)).unwrap();
    doctor(&setup, &[]).assert(0, "state_dir", "warning", "755", "chmod 700");
}

#[test]
fn a_state_directory_that_cannot_be_one_is_2() {
    let setup = Setup::new();
    fs::write(&setup.state, "a file of somebody").unwrap();
    doctor(&setup, &[]).assert(2, "state_dir", "failed", "not a directory", "state_dir");
}

#[test]
fn a_damaged_database_is_found_and_left_as_it_is() {
    let setup = Setup::new();
    for number in 0..400 {
        setup.write(&format!("{number}/a.txt"), "a");
    }
    assert_eq!(setup.reconcile(&["--mirror", "studio"]).code, 0);
    let path = setup.state.join("state.db");
    let database = fs::File::options().write(true).open(&path).unwrap();
    let pages = database.metadata().unwrap().len() / 4096;
    assert!(pages > 20, "{pages}");
    database.write_all_at(&[0xaa; 4096 * 4], (pages - 8) * 4096).unwrap();
    doctor(&setup, &[]).assert(1, "database", "failed", "damaged", "deletes nothing");
    fs::write(&path, "this is no database").unwrap();
    doctor(&setup, &[]).assert(1, "database", "failed", "damaged", "deletes nothing");
}

#[test]
fn of_several_failures_the_weightiest_decides() {
    let setup = synced();
    fs::rename(&setup.local, setup.dir().join("aside")).unwrap();
    setup.write_token("wrong");
    let answer = doctor(&setup, &[]);
    assert_eq!(answer.code, 4, "{:#?}", answer.checks());
    assert_eq!(
        (answer.check("root")["state"].as_str(), answer.check("token")["state"].as_str()),
        (Some("failed"), Some("failed"))
    );
}

#[test]
fn a_daemon_at_work_is_named_and_not_disturbed() {
    let setup = synced();
    let mut daemon = setup.daemon();
    daemon.until("a daemon at work", |setup| {
        setup.run(&["status", "--json"]).answer["daemon"]["running"] == Value::Bool(true)
    });
    let pass = setup.run(&["doctor", "--json"]);
    assert_eq!(pass.code, 0, "{pass:?}");
    assert!(pass.stdout.contains("damsync is at work as process"), "{pass:?}");
    setup.write("b.txt", "b");
    daemon.until_both("b.txt", true);
    assert_eq!(daemon.end(Signal::TERM), 0);
}

/// Folders and live assets on the server that the probe made.
fn left(setup: &Setup) -> Vec<String> {
    let tree = setup.sandbox.tree();
    let folders = tree.folders.values().cloned();
    let assets = tree.live().map(|asset| asset.path().to_owned());
    folders.chain(assets).filter(|path| path.contains("probe")).collect()
}

#[test]
fn the_probe_answers_what_is_unknown_and_leaves_nothing_behind() {
    let setup = synced();
    setup.sandbox.habits(&json!({ "head_moves": "add_version", "all_ids": "object" }));
    let answer = doctor(&setup, &["--probe"]);
    assert_eq!((answer.code, answer.complaints()), (0, BTreeMap::new()), "{:#?}", answer.checks());
    let unknowns = answer.all["unknowns"].as_array().unwrap();
    let told = |question: &str| {
        let found = unknowns.iter().find(|unknown| unknown["question"].as_str().unwrap().contains(question));
        found.unwrap_or_else(|| panic!("{question}: {unknowns:#?}"))["answer"].as_str().unwrap().to_owned()
    };
    assert_eq!(told("when the head moves"), "at add_version");
    assert!(told("all_ids answers").contains("object"));
    assert!(unknowns.len() > 20, "{unknowns:#?}");
    assert_eq!(left(&setup), [""; 0]);
    let text = setup.run(&["doctor", "--probe"]).stdout;
    assert!(text.contains("- when the head moves: at add_version\n"), "{text}");
    setup.settled();
}

#[test]
fn a_probe_that_may_not_make_folders_says_so() {
    let setup = Setup::with_mirror("direction = \"pull-only\"");
    let owner = setup.sandbox.get("/admin/users")[0]["id"].as_i64().unwrap();
    setup.sandbox.post(&format!("/admin/users/{owner}"), &json!({ "can_create_storage_folders": false }));
    setup.sandbox.forget_requests();
    let answer = doctor(&setup, &["--probe"]);
    let check = answer.check("probe");
    assert_eq!(check["state"], "skipped", "{check}");
    assert!(check["seen"].as_str().unwrap().contains("may not make storage folders"), "{check}");
    setup.sandbox.requests().assert_only_reading();
}

#[test]
fn an_interrupted_probe_takes_away_what_it_made() {
    let setup = synced();
    setup.sandbox.habits(&json!({ "latency_ms": 60 }));
    let mut command = setup.command();
    let mut process = command.args(["doctor", "--probe"]).stdout(Stdio::piped()).spawn().unwrap();
    // It has sent something; there is much to take away.
    until("an asset of the probe", || {
        setup.sandbox.tree().live().any(|asset| asset.path().contains("probe")).then_some(())
    });
    rustix::process::kill_process(rustix::process::Pid::from_child(&process), Signal::INT).unwrap();
    until("its end", || process.try_wait().unwrap());
    let output = process.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(left(&setup), [""; 0]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("it was interrupted") && !told.contains("what DELETE does"), "{told}");
}
