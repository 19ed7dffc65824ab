//! `init`: what it writes can be obeyed at once, and where anything is wrong it writes nothing.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Pass, Setup, Signal, Terminal, json, snapshot};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A server, a token, and no configuration.
fn fresh() -> Setup {
    let setup = Setup::new();
    fs::remove_file(&setup.config).unwrap();
    setup
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// `init` with everything it needs; what `other` names stands instead.
fn arguments(setup: &Setup, other: &[(&str, &str)]) -> Vec<String> {
    let organization = setup.sandbox.organization_id.to_string();
    let mut all = vec![
        ("--base-url", setup.sandbox.base_url.as_str()),
        ("--organization", &organization),
        ("--token-file", text(&setup.token_file)),
        ("--local", text(&setup.local)),
        ("--storage-folder", "Studio"),
        ("--name", "studio"),
    ];
    all.retain(|(flag, _)| other.iter().all(|(instead, _)| instead != flag));
    let given = all.iter().chain(other).filter(|(_, value)| *value != "-");
    ["init".to_owned()]
        .into_iter()
        .chain(given.flat_map(|(flag, value)| [(*flag).to_owned(), (*value).to_owned()]))
        .collect()
}

fn init(setup: &Setup, other: &[(&str, &str)]) -> Pass {
    let arguments = arguments(setup, other);
    setup.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

#[track_caller]
fn good(setup: &Setup, other: &[(&str, &str)]) -> Pass {
    let pass = init(setup, other);
    assert_eq!(pass.code, 0, "{pass:?}");
    pass
}

/// It must end with `code`, say all of `words`, and change nothing on either side.
#[track_caller]
fn refused(setup: &Setup, other: &[(&str, &str)], code: i32, words: &[&str]) -> Pass {
    let (before, there) = (snapshot(setup.dir()), setup.sandbox.get("/admin/tree")["folders"].clone());
    setup.sandbox.forget_requests();
    let pass = init(setup, other);
    assert_eq!(pass.code, code, "{pass:?}");
    for word in words {
        assert!(pass.stderr.contains(word), "it does not say {word:?}: {pass:?}");
    }
    assert_eq!(pass.stderr.matches("damsync: ").count(), 1, "one sentence: {pass:?}");
    assert!(pass.stderr.contains("\n  try: "), "it says what to do: {pass:?}");
    assert_eq!(snapshot(setup.dir()), before, "something was written");
    assert_eq!(setup.sandbox.get("/admin/tree")["folders"], there);
    setup.sandbox.requests().assert_only_reading();
    assert!(!pass.stderr.contains(&setup.sandbox.token) && !pass.stdout.contains(&setup.sandbox.token), "{pass:?}");
    pass
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o777
}

#[test]
fn what_it_writes_can_be_obeyed_at_once() {
    let setup = fresh();
    setup.sandbox.asset("Studio/a.txt", "a");
    setup.sandbox.forget_requests();
    let pass = good(&setup, &[]);
    setup.sandbox.requests().assert_only_reading();
    for words in ["damsync reconcile --dry-run", "damsync run", text(&setup.config), "Studio", "user "] {
        assert!(pass.stdout.contains(words), "{words}: {pass:?}");
    }
    assert_eq!(pass.stderr, "");
    assert_eq!(mode(&setup.config), 0o600);
    let written = fs::read_to_string(&setup.config).unwrap();
    assert!(!written.contains(&setup.sandbox.token) && !pass.stdout.contains(&setup.sandbox.token), "{written}");
    assert!(!setup.local.exists(), "the directory is made by the first pass");
    assert_eq!(setup.run(&["reconcile", "--dry-run"]).code, 0);
    setup.sync(&[("pulled", 1)]);
    assert_eq!(setup.read("a.txt"), b"a");
}

#[test]
fn without_a_named_file_it_writes_the_users_own() {
    let setup = fresh();
    let output = setup.command().args(arguments(&setup, &[])).env_remove("DAMSYNC_CONFIG").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("  damsync reconcile --dry-run\n") && said.contains("  damsync run\n"), "{said}");
    let directory = setup.dir().join(".config/damsync");
    assert_eq!((mode(&directory), mode(&directory.join("config.toml"))), (0o700, 0o600));
    let pass = setup.command().args(["reconcile", "--dry-run"]).env_remove("DAMSYNC_CONFIG").output().unwrap();
    assert_eq!(pass.status.code(), Some(0));
}

#[test]
fn missing_directories_of_a_named_file_are_made_private() {
    let setup = fresh();
    let config = setup.dir().join("a b/c/config.toml");
    let pass = good(&setup, &[("--config", text(&config))]);
    assert_eq!((mode(&setup.dir().join("a b")), mode(config.parent().unwrap()), mode(&config)), (0o700, 0o700, 0o600));
    assert!(pass.stdout.contains(&format!("damsync run --config '{}'", config.display())), "{pass:?}");
}

#[test]
fn what_is_missing_is_named_where_nobody_can_be_asked() {
    let setup = fresh();
    for flag in ["--organization", "--token-file", "--local"] {
        refused(&setup, &[(flag, "-")], 2, &[flag, "missing"]);
    }
}

#[test]
fn a_mirror_is_called_like_its_directory_where_nobody_says_otherwise() {
    let setup = fresh();
    good(&setup, &[("--name", "-")]);
    assert!(fs::read_to_string(&setup.config).unwrap().contains("name = \"mirror\""));
}

#[test]
fn a_server_that_does_not_take_us_ends_it() {
    let setup = fresh();
    let wrong = setup.dir().join("wrong");
    fs::write(&wrong, "wrong\n").unwrap();
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o600)).unwrap();
    refused(&setup, &[("--token-file", text(&wrong))], 4, &["token", &setup.sandbox.base_url]);
    let elsewhere = format!("{}/elsewhere", setup.sandbox.base_url);
    refused(&setup, &[("--base-url", &elsewhere)], 2, &[&elsewhere, "base_url"]);
    refused(&setup, &[("--base-url", "http://dam.example")], 2, &["http://dam.example", "https"]);
    refused(&setup, &[("--organization", "999999")], 4, &["organization_id"]);
    // The discard port of this machine: nobody listens.
    refused(&setup, &[("--base-url", "http://127.0.0.1:9")], 5, &["http://127.0.0.1:9", "out of reach"]);
}

#[test]
fn a_token_must_be_private() {
    let setup = fresh();
    fs::set_permissions(&setup.token_file, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&setup, &[], 2, &["chmod 600"]);
    refused(&setup, &[("--token-file", "/nowhere/token")], 2, &["/nowhere/token"]);
}

#[test]
fn a_folder_that_is_not_there_is_refused_with_the_nearest_name() {
    let setup = fresh();
    setup.sandbox.folder("Studio/Campaigns");
    refused(
        &setup,
        &[("--storage-folder", "Studio/Campains")],
        2,
        &["Studio/Campains", "did you mean \"Studio/Campaigns\""],
    );
    refused(&setup, &[("--storage-folder", "id:999999")], 2, &["999999", "does not exist"]);
    // A number alone is a name.
    let id = setup.sandbox.folder("Studio").to_string();
    refused(&setup, &[("--storage-folder", &id)], 2, &["does not exist"]);
}

#[test]
fn what_the_user_may_not_do_is_said_before_anything_is_written() {
    let setup = fresh();
    let owner = setup.sandbox.get("/admin/users")[0]["id"].as_i64().unwrap();
    let rights = |rights| setup.sandbox.post(&format!("/admin/users/{owner}"), &rights);
    rights(json!({ "can_upload": false }));
    refused(&setup, &[], 4, &["may not upload", "--direction pull-only"]);
    good(&setup, &[("--direction", "pull-only")]);
    assert!(fs::read_to_string(&setup.config).unwrap().contains("direction = \"pull-only\""));
    fs::remove_file(&setup.config).unwrap();
    rights(json!({ "can_upload": true, "can_view_storage_folders": false }));
    refused(&setup, &[], 4, &["may not see storage folders"]);
}

#[test]
fn a_directory_that_cannot_be_mirrored_is_refused() {
    let setup = fresh();
    fs::write(&setup.local, "a file of somebody").unwrap();
    refused(&setup, &[], 2, &[text(&setup.local), "not a directory"]);
    refused(&setup, &[("--local", text(&setup.local.join("below")))], 2, &[text(&setup.local)]);
    refused(&setup, &[("--local", text(setup.dir()))], 2, &["state_dir", "would be uploaded"]);
    let inner = setup.dir().join("inner");
    fs::create_dir(&inner).unwrap();
    fs::rename(&setup.token_file, inner.join("token")).unwrap();
    let token = inner.join("token");
    refused(
        &setup,
        &[("--local", text(&inner)), ("--token-file", text(&token))],
        2,
        &["token_file", "would be uploaded"],
    );
    fs::rename(&token, &setup.token_file).unwrap();
    let dangling = setup.dir().join("dangling");
    std::os::unix::fs::symlink("/nowhere/at/all", &dangling).unwrap();
    refused(&setup, &[("--local", text(&dangling))], 2, &[text(&dangling)]);
}

#[test]
fn what_comes_later_is_said_clearly() {
    let setup = fresh();
    for (flag, word) in [
        ("--provider", "scenario"),
        ("--auth", "key"),
        ("--auth", "bearer"),
        ("--project", "proj_1"),
        ("--collection", "Looks"),
    ] {
        refused(&setup, &[(flag, word)], 2, &[flag, "only Mediagraph"]);
    }
    refused(&setup, &[("--auth", "oauth")], 2, &["oauth"]);
    good(&setup, &[("--provider", "mediagraph"), ("--auth", "personal")]);
}

#[test]
fn a_second_mirror_is_added_and_the_file_stays_as_it_was() {
    let setup = fresh();
    setup.sandbox.asset("Other/b.txt", "b");
    good(&setup, &[]);
    let mut before = fs::read_to_string(&setup.config).unwrap();
    before = format!("# mine\n{}  # keep this\nsettle   =   \"60ms\"", before.trim_end());
    fs::write(&setup.config, &before).unwrap();
    fs::set_permissions(&setup.config, fs::Permissions::from_mode(0o640)).unwrap();
    let second = setup.dir().join("second");
    let other = [("--local", text(&second)), ("--storage-folder", "Other"), ("--name", "other")];
    let pass = good(&setup, &other);
    assert!(pass.stdout.contains("added to"), "{pass:?}");
    let after = fs::read_to_string(&setup.config).unwrap();
    assert!(after.starts_with(&before) && after[before.len()..].contains("[[mirror]]"), "{after}");
    assert_eq!(mode(&setup.config), 0o640);
    // Without what the file says already it is the same.
    let third = [("--local", text(&setup.dir().join("third")).to_owned()), ("--storage-folder", "Third".to_owned())];
    setup.sandbox.folder("Third");
    let [local, folder] = third.each_ref().map(|(flag, value)| (*flag, value.as_str()));
    good(
        &setup,
        &[("--base-url", "-"), ("--organization", "-"), ("--token-file", "-"), local, folder, ("--name", "third")],
    );
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.answer["mirrors"].as_array().unwrap().len()), (0, 3), "{pass:?}");
    assert_eq!(fs::read(second.join("b.txt")).unwrap(), b"b");
}

#[test]
fn the_same_again_is_fine_and_writes_nothing() {
    let setup = fresh();
    good(&setup, &[]);
    let found = || (fs::read(&setup.config).unwrap(), setup.config.metadata().unwrap().ino());
    let before = found();
    let pass = good(&setup, &[]);
    assert!(pass.stdout.contains("already") && pass.stdout.contains("nothing was written"), "{pass:?}");
    assert_eq!(found(), before);
}

#[test]
fn what_contradicts_the_file_is_refused_and_the_file_stays() {
    let setup = fresh();
    setup.sandbox.folder("Other");
    let studio = setup.sandbox.folder("Studio");
    good(&setup, &[]);
    let second = setup.dir().join("second");
    let added = |more: &[(&'static str, String)]| -> Vec<(&'static str, String)> {
        let usual =
            [("--local", text(&second).to_owned()), ("--storage-folder", "Other".into()), ("--name", "second".into())];
        usual.into_iter().filter(|(flag, _)| more.iter().all(|(other, _)| other != flag)).chain(more.to_vec()).collect()
    };
    let check = |more: &[(&'static str, String)], words: &[&str]| {
        let all = added(more);
        refused(&setup, &all.iter().map(|(flag, value)| (*flag, value.as_str())).collect::<Vec<_>>(), 2, words);
    };
    check(&[("--name", "studio".into())], &["studio", "already"]);
    check(&[("--base-url", "https://dam.example".into())], &["https://dam.example", "--base-url"]);
    check(&[("--organization", "12".into())], &["--organization", "12"]);
    check(&[("--token-file", "/other/token".into())], &["/other/token", "--token-file"]);
    check(&[("--local", text(&setup.local).to_owned())], &["overlap"]);
    check(&[("--local", text(&setup.local.join("inner")).to_owned())], &["overlap"]);
    check(&[("--storage-folder", "Studio".into())], &["overlap"]);
    // Only the server knows that these are in each other.
    check(&[("--storage-folder", format!("id:{studio}"))], &["overlap"]);
    check(&[("--storage-folder", "-".into())], &["overlap"]);
}

#[test]
fn mirrors_that_came_to_overlap_do_not_keep_another_one_out() {
    let setup = fresh();
    let (studio, other) = (setup.sandbox.folder("Studio"), setup.sandbox.folder("Other"));
    setup.sandbox.folder("Third");
    let at = |name: &str| text(&setup.dir().join(name)).to_owned();
    good(&setup, &[]);
    good(&setup, &[("--local", &at("other")), ("--storage-folder", &format!("id:{other}")), ("--name", "other")]);
    setup.sandbox.patch_folder(other, &json!({ "parent_id": studio }));
    good(&setup, &[("--local", &at("third")), ("--storage-folder", "Third"), ("--name", "third")]);
}

#[test]
fn a_file_that_cannot_be_read_is_not_written_over() {
    let setup = fresh();
    for broken in ["this is no TOML", "[remote]\npol_interval = \"1s\"\n"] {
        fs::write(&setup.config, broken).unwrap();
        refused(&setup, &[], 2, &["config.toml:"]);
    }
    fs::remove_file(&setup.config).unwrap();
    std::os::unix::fs::symlink("gone/config.toml", &setup.config).unwrap();
    assert_ne!(init(&setup, &[]).code, 0);
    assert!(setup.config.is_symlink());
}

#[test]
fn an_id_and_everything_are_folders_too() {
    let setup = fresh();
    let id = setup.sandbox.folder("Studio").to_string();
    good(&setup, &[("--storage-folder", &format!("id:{id}"))]);
    assert!(fs::read_to_string(&setup.config).unwrap().contains(&format!("\nstorage_folder = {id}\n")));
    setup.sync(&[]);
    fs::remove_file(&setup.config).unwrap();
    good(&setup, &[("--storage-folder", "-"), ("--local", text(&setup.dir().join("everything"))), ("--name", "all")]);
    assert!(!fs::read_to_string(&setup.config).unwrap().contains("storage_folder"));
}

#[test]
fn odd_names_are_written_so_that_they_are_read_back() {
    let setup = fresh();
    let folder = "Größe \"2026\" 'x' \\ #1";
    setup.sandbox.asset(&format!("{folder}/a.txt"), "a");
    let local = setup.dir().join("it's a \"directory\" \\ [[mirror]] # 日本");
    good(&setup, &[("--storage-folder", folder), ("--local", text(&local)), ("--name", "n \"1\" 'b' \\")]);
    setup.sync(&[("pulled", 1)]);
    assert_eq!(fs::read(local.join("a.txt")).unwrap(), b"a");
}

#[test]
fn a_relative_directory_is_of_the_working_directory() {
    let setup = fresh();
    good(&setup, &[("--local", "below/mirror"), ("--token-file", "token")]);
    let written = fs::read_to_string(&setup.config).unwrap();
    assert!(written.contains(text(&setup.dir().join("below/mirror"))), "{written}");
    setup.sync(&[]);
}

fn at_terminal(setup: &Setup, arguments: &[&str]) -> Terminal {
    let mut command: Command = setup.command();
    command.arg("init").args(arguments).stdout(Stdio::piped());
    Terminal::start(command)
}

/// Files beside the configuration whose text has the token in it.
fn token_files(setup: &Setup) -> Vec<PathBuf> {
    let files = fs::read_dir(setup.config.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| fs::read_to_string(path).is_ok_and(|text| text.contains(&setup.sandbox.token))).collect()
}

#[test]
fn at_a_terminal_it_asks_for_everything_and_never_shows_the_token() {
    let setup = fresh();
    setup.sandbox.asset("Studio/Campaigns/a.txt", "a");
    fs::write(&setup.token_file, "a file of somebody").unwrap();
    let mut terminal = at_terminal(&setup, &[]);
    terminal.answer("Server [https://api.mediagraph.io]", &setup.sandbox.base_url);
    terminal.answer("organization", "many");
    terminal.answer("organization", &setup.sandbox.organization_id.to_string());
    terminal.answer("File that holds the token", "/nowhere/token");
    terminal.answer("File that holds the token", "-");
    terminal.until_asked("Token");
    assert!(!terminal.echoes(), "the token would be shown");
    terminal.answer("Token", &setup.sandbox.token);
    terminal.answer("Number of this list", "99");
    assert!(terminal.screen().contains("   0  everything"), "{}", terminal.screen());
    assert!(terminal.echoes());
    terminal.answer("Number of this list", "2");
    terminal.answer("Directory", text(&setup.local));
    terminal.answer("Name of the mirror [mirror]", "");
    let (code, told, screen) = terminal.ended();
    assert_eq!(code, 0, "{told}{screen}");
    assert!(!screen.contains(&setup.sandbox.token) && !told.contains(&setup.sandbox.token), "{screen}");
    let token = setup.config.with_file_name("token-2");
    assert_eq!(token_files(&setup), std::slice::from_ref(&token), "nobody's file was written over");
    assert_eq!((mode(&token), mode(&setup.config)), (0o600, 0o600));
    let written = fs::read_to_string(&setup.config).unwrap();
    assert!(
        written.contains("storage_folder = \"Studio/Campaigns\"") && written.contains("name = \"mirror\""),
        "{written}"
    );
    setup.sync(&[("pulled", 1)]);
}

#[test]
fn at_a_terminal_only_what_was_not_given_is_asked() {
    let setup = fresh();
    let arguments = arguments(&setup, &[("--storage-folder", "-")]);
    let arguments: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    let mut terminal = at_terminal(&setup, &arguments);
    terminal.answer("Number of this list", "0");
    let (code, told, screen) = terminal.ended();
    assert_eq!(code, 0, "{told}{screen}");
    assert!(!fs::read_to_string(&setup.config).unwrap().contains("storage_folder"));
}

#[test]
fn interrupted_while_the_token_is_typed_it_leaves_the_terminal_and_the_disk_as_they_were() {
    let setup = fresh();
    let organization = setup.sandbox.organization_id.to_string();
    let before = snapshot(setup.dir());
    let mut terminal = at_terminal(&setup, &["--base-url", &setup.sandbox.base_url, "--organization", &organization]);
    terminal.answer("File that holds the token", "-");
    terminal.until_asked("Token");
    assert!(!terminal.echoes());
    terminal.signal(Signal::INT);
    damsync_tests::until("a terminal that shows what is typed", || terminal.echoes().then_some(()));
    let (code, _, screen) = terminal.ended();
    assert_eq!(code, 130, "{screen}");
    assert_eq!(snapshot(setup.dir()), before);
}

#[test]
fn an_end_of_the_answers_is_said() {
    let setup = fresh();
    let mut terminal = at_terminal(&setup, &[]);
    // Ctrl-D.
    terminal.until_asked("Server");
    terminal.answer("Server", "\u{4}");
    let (code, _, screen) = terminal.ended();
    assert_eq!(code, 2, "{screen}");
    assert!(screen.contains("not answered") && screen.contains("nothing was written"), "{screen}");
}
