//! What cannot be obeyed: one sentence that names the place and the remedy, the right exit code, and nothing touched.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Options, Pass, Setup, json, snapshot};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Runs a pass that must end with `code`, say all of `words` and touch nothing anywhere.
#[track_caller]
fn refused(setup: &Setup, code: i32, words: &[&str]) -> Pass {
    let everything = || snapshot(setup.dir()).into_iter().filter(|(path, _)| !path.starts_with("state"));
    let (before, there) = (everything().collect::<Vec<_>>(), setup.sandbox.get("/admin/tree")["assets"].clone());
    setup.sandbox.forget_requests();
    for command in [&["reconcile", "--json"][..], &["reconcile", "--json", "--dry-run"]] {
        let pass = setup.run(command);
        assert_eq!(pass.code, code, "{pass:?}");
        let said = format!("{}{}", pass.stderr, pass.stdout);
        for word in words {
            assert!(said.contains(word), "it does not say {word:?}: {pass:?}");
        }
        assert!(!said.contains("panicked"), "{pass:?}");
    }
    assert_eq!(everything().collect::<Vec<_>>(), before, "something was touched here");
    assert_eq!(setup.sandbox.get("/admin/tree")["assets"], there, "something was touched there");
    setup.sandbox.requests().assert_only_reading();
    setup.run(&["reconcile", "--json"])
}

fn file(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_key() {
    let setup = Setup::with(Options { remote: "pol_interval = \"1s\"".to_owned(), ..Options::default() });
    refused(&setup, 2, &["config.toml:7", "pol_interval", "poll_interval"]);
    let text = setup.config_text().replace("pol_interval = \"1s\"", "");
    setup.write_config(&text.replace("[[mirror]]", "[[miror]]"));
    refused(&setup, 2, &["miror", "mirror"]);
    setup.write_config(&text.replace("settle = \"60ms\"", "settle = \"soon\""));
    refused(&setup, 2, &["soon", "500ms"]);
    setup.write_config("this is no TOML");
    refused(&setup, 2, &["config.toml:1"]);
}

#[test]
fn an_unknown_variable_is_named() {
    let setup = Setup::new();
    let output = setup.command().arg("reconcile").env("DAMSYNC__REMOTE__POL_INTERVAL", "1s").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("DAMSYNC__REMOTE__POL_INTERVAL"), "{said}");
    assert!(!setup.local.exists());
}

#[test]
fn a_missing_configuration_says_where_it_was_looked_for() {
    let setup = Setup::new();
    std::fs::remove_file(&setup.config).unwrap();
    refused(&setup, 2, &[file(&setup.config)]);
}

#[test]
fn a_missing_token_is_said_with_its_place() {
    let setup = Setup::new();
    std::fs::remove_file(&setup.token_file).unwrap();
    refused(&setup, 2, &[file(&setup.token_file), "try:"]);
    setup.write_token("");
    refused(&setup, 2, &[file(&setup.token_file)]);
    let text = setup.config_text().replace(&format!("token_file = {:?}\n", setup.token_file), "");
    setup.write_config(&text);
    refused(&setup, 2, &["token_file"]);
}

#[test]
fn a_token_that_others_can_read_is_refused() {
    let setup = Setup::new();
    for mode in [0o640, 0o604, 0o644] {
        std::fs::set_permissions(&setup.token_file, std::fs::Permissions::from_mode(mode)).unwrap();
        refused(&setup, 2, &[file(&setup.token_file), "chmod"]);
    }
}

#[test]
fn http_is_for_this_machine_only() {
    let setup = Setup::new();
    for host in ["http://api.mediagraph.io", "http://10.0.0.1:8080", "http://127.0.0.1.example.org"] {
        setup.write_config(&setup.config_text().replace(&setup.sandbox.base_url, host));
        refused(&setup, 2, &[host, "https"]);
    }
}

#[test]
fn a_local_path_that_is_a_file_is_refused() {
    let setup = Setup::new();
    std::fs::write(&setup.local, "a file of somebody").unwrap();
    refused(&setup, 2, &[file(&setup.local), "directory"]);
    assert_eq!(std::fs::read(&setup.local).unwrap(), b"a file of somebody");
}

fn two_mirrors(setup: &Setup, second_local: &Path, first_folder: &str, second_folder: &str) {
    let of = |folder: &str| Options { storage_folder: folder.to_owned(), ..Options::default() };
    let first = Setup::mirror_text("first", &setup.local, &of(first_folder));
    let second = Setup::mirror_text("second", second_local, &of(second_folder));
    setup.write_config(&format!("{}{first}{second}", setup.config_head()));
}

#[test]
fn directories_that_lie_in_each_other_are_refused() {
    let setup = Setup::new();
    setup.sandbox.folder("Other");
    for second in [setup.local.clone(), setup.local.join("inner"), setup.dir().to_owned()] {
        two_mirrors(&setup, &second, "\"Studio\"", "\"Other\"");
        refused(&setup, 2, &["first", "second", "overlap"]);
    }
    std::fs::create_dir(&setup.local).unwrap();
    let link = setup.dir().join("link");
    std::os::unix::fs::symlink(&setup.local, &link).unwrap();
    two_mirrors(&setup, &link, "\"Studio\"", "\"Other\"");
    refused(&setup, 2, &["first", "second", "overlap"]);
}

#[test]
fn storage_folders_that_lie_in_each_other_are_refused() {
    let setup = Setup::new();
    let studio = setup.sandbox.folder("Studio");
    let deep = setup.sandbox.folder("Studio/Campaigns/2026");
    let second = setup.dir().join("second");
    let (studio, deep) = (studio.to_string(), deep.to_string());
    for (one, other) in [
        ("\"Studio\"", "\"Studio\""),
        ("\"Studio\"", "\"Studio/Campaigns\""),
        ("\"Studio\"", studio.as_str()),
        ("\"Studio\"", deep.as_str()),
        (deep.as_str(), "\"Studio/Campaigns\""),
    ] {
        two_mirrors(&setup, &second, one, other);
        refused(&setup, 2, &["first", "second", "overlap"]);
    }
    let text =
        Setup::mirror_text("second", &second, &Options { storage_folder: "\"x\"".to_owned(), ..Options::default() });
    let everything = text.replace("storage_folder = \"x\"\n", "");
    setup.write_config(&format!("{}{everything}", setup.config_text()));
    refused(&setup, 2, &["second", "overlap"]);
}

#[test]
fn two_mirrors_that_do_not_overlap_are_both_synced() {
    let setup = Setup::new();
    setup.sandbox.asset("Studio/a.txt", "a");
    setup.sandbox.asset("Other/b.txt", "b");
    let second = setup.dir().join("second");
    two_mirrors(&setup, &second, "\"Studio\"", "\"Other\"");
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:?}");
    assert_eq!((setup.read("a.txt"), std::fs::read(second.join("b.txt")).unwrap()), (b"a".to_vec(), b"b".to_vec()));
    std::fs::write(second.join("c.txt"), "c").unwrap();
    setup.write("d.txt", "d");
    let pass = setup.reconcile(&["--mirror", "second"]);
    assert_eq!((pass.code, pass.answer["mirrors"].as_array().unwrap().len()), (0, 1), "{pass:?}");
    assert_eq!(pass.mirror("second")["pushed_new"], 1);
    assert!(!setup.sandbox.tree().has("Studio/d.txt"));
    let pass = setup.run(&["reconcile", "--mirror", "third"]);
    assert_eq!(pass.code, 2, "{pass:?}");
    assert!(pass.stderr.contains("third") && pass.stderr.contains("try:"), "{pass:?}");
}

#[test]
fn a_storage_folder_that_does_not_exist_is_not_made() {
    let mut setup = Setup::new();
    for folder in ["\"Studio/Campaigns\"", "\"Nowhere\"", "999999999"] {
        folder.clone_into(&mut setup.options.storage_folder);
        setup.write_config(&setup.config_text());
        let name = folder.trim_matches('"');
        refused(&setup, 2, &[name, "does not exist", "storage_folder"]);
        assert!(!setup.local.exists());
    }
    assert_eq!(setup.sandbox.tree().folders.len(), 1);
}

#[test]
fn a_wrong_token_is_4() {
    let setup = Setup::new();
    setup.write_token("wrong");
    refused(&setup, 4, &[setup.sandbox.base_url.as_str(), "token"]);
    assert!(!setup.local.exists());
}

#[test]
fn a_token_that_was_taken_back_is_4_and_deletes_nothing() {
    let setup = Setup::new();
    setup.sandbox.asset("Studio/a.txt", "a");
    setup.sync(&[("pulled", 1)]);
    let owner = setup.sandbox.get("/admin/users")[0]["id"].as_i64().unwrap();
    setup.sandbox.post(&format!("/admin/users/{owner}"), &json!({ "revoked": true }));
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 4, "{pass:?}");
    assert_eq!(setup.read("a.txt"), b"a");
    setup.sandbox.post(&format!("/admin/users/{owner}"), &json!({ "revoked": false }));
    setup.settled();
}

#[test]
fn a_server_out_of_reach_is_5_and_deletes_nothing() {
    let setup = Setup::new();
    setup.sandbox.asset("Studio/a.txt", "a");
    setup.sync(&[("pulled", 1)]);
    setup.write("b.txt", "b");
    setup.sandbox.stop();
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 5, "{pass:?}");
    assert!(pass.stdout.contains(&setup.sandbox.base_url), "{pass:?}");
    assert_eq!(setup.read("a.txt"), b"a");
    setup.sandbox.start_again();
    setup.sync(&[("pushed_new", 1)]);
    setup.settled();
}

#[test]
fn wrong_usage_is_2() {
    let setup = Setup::new();
    for args in [&["reconcile", "--nonsense"][..], &["sync"], &["reconcile", "extra"]] {
        let pass = setup.run(args);
        assert_eq!(pass.code, 2, "{pass:?}");
    }
    assert!(!setup.local.exists() && !setup.state.exists());
}
