//! The configuration as a whole: a text goes in, a configuration or a sentence comes out.

use super::*;
use damsync_model::policy::{ConflictPolicy, DeletePolicy, Direction, MaxDelete};
use std::path::PathBuf;
use std::time::Duration;

const REMOTE: &str = "[remote]\nbase_url = \"http://127.0.0.1:1\"\norganization_id = 100\n";

fn surroundings() -> Surroundings {
    Surroundings {
        home: Some("/home/u".into()),
        state_home: Some("/home/u/.local/state".into()),
        ..Surroundings::default()
    }
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    from_text(Path::new("/c.toml"), text, &surroundings())
}

fn sentence(text: &str) -> String {
    parse(text).map_or_else(|error| format!("{error}; {}", error.remedy()), |_| "no error".to_owned())
}

#[test]
fn a_short_configuration_gets_every_default_of_the_contract() {
    let config =
        parse("[remote]\norganization_id = 100\n[[mirror]]\nname = \"studio\"\nlocal = \"/nowhere/studio\"").unwrap();
    assert_eq!(config.state_dir, Path::new("/home/u/.local/state/damsync"));
    assert_eq!(config.remote.base_url, "https://api.mediagraph.io");
    assert_eq!(config.remote.poll_interval, Duration::from_secs(30));
    assert_eq!(config.remote.idle_timeout, Duration::from_secs(30));
    assert_eq!(config.remote.concurrency.get(), 8);
    assert_eq!(config.remote.max_requests_per_second, None);
    assert_eq!(config.remote.max_upload_bytes_per_second, None);
    assert_eq!(config.remote.max_download_bytes_per_second, None);
    let mirror = &config.mirrors[0];
    assert_eq!(mirror.storage_folder, None);
    assert_eq!(mirror.policy, damsync_model::policy::Policy::default());
    assert_eq!(mirror.policy.max_delete, MaxDelete::Permille(250));
    assert_eq!(mirror.policy.max_delete_files, 1000);
    assert_eq!(mirror.settle, Duration::from_millis(500));
    assert_eq!(mirror.settle_delete, Duration::from_secs(5));
    assert_eq!(mirror.trash_keep, Duration::from_secs(30 * 86_400));
    assert_eq!(mirror.trash_max, super::values::TrashMax::Permille(100));
    assert_eq!(mirror.min_free, 1 << 30);
    assert_eq!(mirror.ignore.len(), 17);
}

#[test]
fn every_key_is_obeyed() {
    let config = parse(
        r#"
        state_dir = "~/state"
        [remote]
        provider = "mediagraph"
        base_url = "https://dam.example.com/"
        auth = "oauth"
        oauth_base_url = "https://login.example.com"
        client_id = "client"
        client_secret_file = "/secret"
        token_file = "/token"
        poll_interval = "1m"
        idle_timeout = "2m"
        concurrency = 3
        max_requests_per_second = 5
        max_upload_bytes_per_second = "1MiB"
        max_download_bytes_per_second = 2000
        [[mirror]]
        name = "a"
        local = "~/a"
        storage_folder = "A/B"
        direction = "pull-only"
        conflict = "remote-wins"
        delete = "keep"
        max_delete = 7
        max_delete_files = 0
        ignore = ["*.bak"]
        settle = "1s"
        settle_delete = "2s"
        trash_keep = "1d"
        trash_max = "5GiB"
        min_free = 0
        [[mirror]]
        name = "b"
        local = "/nowhere/b"
        storage_folder = 12
        direction = "push-only"
        conflict = "local-wins"
        max_delete = "2.5%"
        "#,
    )
    .unwrap();
    assert_eq!(config.state_dir, Path::new("/home/u/state"));
    assert_eq!(config.remote.base_url, "https://dam.example.com");
    let Auth::OAuth { base_url, client_id, client_secret_file, tokens_file, .. } = &config.remote.auth else {
        panic!("{:?}", config.remote.auth)
    };
    assert_eq!((base_url.as_str(), client_id.as_str()), ("https://login.example.com", "client"));
    assert_eq!(client_secret_file.as_deref(), Some(Path::new("/secret")));
    assert_eq!(tokens_file, Path::new("/home/u/state/oauth.json"));
    assert_eq!(config.remote.poll_interval, Duration::from_secs(60));
    assert_eq!(config.remote.idle_timeout, Duration::from_secs(120));
    assert_eq!(config.remote.concurrency.get(), 3);
    assert_eq!(config.remote.max_requests_per_second.map(|n| n.get()), Some(5));
    assert_eq!(config.remote.max_upload_bytes_per_second.map(|n| n.get()), Some(1 << 20));
    assert_eq!(config.remote.max_download_bytes_per_second.map(|n| n.get()), Some(2000));
    let [a, b] = config.mirrors.as_slice() else { panic!() };
    assert_eq!(a.local, Path::new("/home/u/a"));
    assert_eq!(a.storage_folder, Some(StorageFolder::Path("A/B".into())));
    assert_eq!(a.policy.direction, Direction::PullOnly);
    assert_eq!(a.policy.conflict, ConflictPolicy::RemoteWins);
    assert_eq!(a.policy.delete, DeletePolicy::Keep);
    assert_eq!(a.policy.max_delete, MaxDelete::Files(7));
    assert_eq!(a.policy.max_delete_files, 0);
    assert_eq!(a.ignore, ["*.bak"]);
    assert_eq!((a.settle, a.settle_delete), (Duration::from_secs(1), Duration::from_secs(2)));
    assert_eq!((a.trash_keep, a.trash_max), (Duration::from_secs(86_400), super::values::TrashMax::Bytes(5 << 30)));
    assert_eq!(a.min_free, 0);
    assert_eq!(b.storage_folder, Some(StorageFolder::Id(12)));
    assert_eq!(b.policy.direction, Direction::PushOnly);
    assert_eq!(b.policy.conflict, ConflictPolicy::LocalWins);
    assert_eq!(b.policy.max_delete, MaxDelete::Permille(25));
}

#[test]
fn what_cannot_be_obeyed_is_a_sentence_with_a_remedy() {
    let with_mirrors = |mirrors: &str| format!("{REMOTE}{mirrors}");
    let one = "[[mirror]]\nname = \"a\"\nlocal = \"/nowhere/a\"\nstorage_folder = \"A\"\n";
    for (text, expected) in [
        (
            String::new(),
            "/c.toml has no `[remote]`; add, for example: [remote] with base_url, organization_id and token_file",
        ),
        (
            REMOTE.to_owned(),
            "/c.toml has no `[[mirror]]`; add, for example: [[mirror]] with name, local and storage_folder",
        ),
        (
            format!("[remote]\n{one}"),
            "/c.toml:1: [remote] has no `organization_id`; add, for example: organization_id = 100, the number of your organization",
        ),
        (
            format!("\n[remote]\nprovider = \"scenario\"\nproject_id = \"p\"\n{one}"),
            "/c.toml:2: provider = \"scenario\" is not in this version of damsync; use provider = \"mediagraph\", the one provider of \
             this version",
        ),
        (
            with_mirrors("[[mirror]]\nlocal = \"/nowhere/a\""),
            "/c.toml:4: [[mirror]] has no `name`; add, for example: name = \"studio\"",
        ),
        (
            with_mirrors("[[mirror]]\nname = \"a\""),
            "/c.toml:4: [[mirror]] has no `local`; add, for example: local = \"/srv/studio\"",
        ),
        (
            with_mirrors("[[mirror]]\nname = \"\"\nlocal = \"/nowhere\""),
            "/c.toml:4: \"\" cannot be a mirror's name; use 1 to 64 printable characters, with no space at either end",
        ),
        (
            with_mirrors("[[mirror]]\nname = \"a\"\nlocal = \"photos\""),
            "/c.toml:6: `local` must be an absolute path or begin with ~/, and photos is neither; write the whole path",
        ),
        (
            with_mirrors(&format!("{one}[[mirror]]\nname = \"a\"\nlocal = \"/nowhere/b\"\nstorage_folder = \"B\"")),
            "/c.toml:8: two mirrors are called \"a\"; give each mirror a name of its own",
        ),
        (
            with_mirrors(&format!("{one}[[mirror]]\nname = \"b\"\nlocal = \"/nowhere/a/b\"\nstorage_folder = \"B\"")),
            "/c.toml: mirrors \"a\" and \"b\" overlap: /nowhere/a/b lies in /nowhere/a; let each directory belong to one mirror only",
        ),
        (
            with_mirrors(&format!("{one}[[mirror]]\nname = \"b\"\nlocal = \"/nowhere/b\"\nstorage_folder = \"A/C\"")),
            "/c.toml: mirrors \"a\" and \"b\" overlap: storage folder \"A/C\" lies in \"A\"; let each storage folder belong to one mirror only",
        ),
        (
            with_mirrors(&format!("{one}[[mirror]]\nname = \"b\"\nlocal = \"/nowhere/b\"")),
            "/c.toml: mirrors \"a\" and \"b\" overlap: storage folder \"A\" lies in everything; let each storage folder belong to one mirror \
             only",
        ),
        (
            with_mirrors(&format!("{one}ignore = [\"[z-a]\"]")),
            "/c.toml: mirror \"a\": \"[z-a]\" in `ignore` is no pattern (error parsing glob '[z-a]': invalid range; 'z' > 'a'); write it as in a \
             .gitignore file",
        ),
        (
            with_mirrors(&format!("{one}collection = \"C\"")),
            "/c.toml:4: `collection`, a key for Scenario, is not in this version of damsync; name a `storage_folder`",
        ),
        (
            format!("state_dir = \"/nowhere/a/state\"\n{REMOTE}{one}"),
            "/c.toml:1: `state_dir` /nowhere/a/state lies in mirror \"a\" and would be uploaded with it; move it out of the mirror",
        ),
        (
            format!("state_dir = \"/nowhere\"\n{REMOTE}{one}"),
            "/c.toml: mirror \"a\" lies in the state directory /nowhere; choose another `state_dir` or another `local`",
        ),
        (
            format!("{REMOTE}token_file = \"/nowhere/a/token\"\n{one}"),
            "/c.toml:4: `token_file` /nowhere/a/token lies in mirror \"a\" and would be uploaded with it; move it out of the mirror",
        ),
        (
            format!("{REMOTE}token_file = \"/t\"\ntoken_env = \"T\"\n{one}"),
            "/c.toml:5: both `token_file` and `token_env` are set; keep one of them",
        ),
        (
            format!("{REMOTE}idle_timeout = \"0s\"\n{one}"),
            "/c.toml:4: `idle_timeout` cannot be 0; write, for example, \"30s\"",
        ),
        (
            format!("{REMOTE}poll_interval = \"0s\"\n{one}"),
            "/c.toml:4: `poll_interval` cannot be 0; write, for example, \"30s\"",
        ),
        (
            format!("{REMOTE}concurrency = 0\n{one}"),
            "/c.toml:4: `concurrency` must lie between 1 and 256; write, for example, 8",
        ),
        (
            format!("[remote]\norganization_id = 1\nbase_url = \"http://dam.example.com\"\n{one}"),
            "/c.toml:3: `base_url` = \"http://dam.example.com\" would send the token unencrypted; use https://; http:// is for loopback \
             addresses only",
        ),
        (
            format!("[remote]\nauth = \"oauth\"\n{one}"),
            "/c.toml:1: [remote] has no `client_id`; add, for example: client_id = \"…\", as the server gave it for this application",
        ),
    ] {
        assert_eq!(sentence(&text), expected, "{text}");
    }
}

#[test]
fn a_local_path_may_be_missing_or_a_directory_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let text = |path: &Path| format!("{REMOTE}[[mirror]]\nname = \"a\"\nlocal = {:?}", path.to_str().unwrap());
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    std::os::unix::fs::symlink(dir.path().join("gone"), dir.path().join("dangling")).unwrap();
    for (name, good) in [("missing", true), (".", true), ("file", false), ("dangling", false)] {
        match parse(&text(&dir.path().join(name))) {
            Ok(_) => assert!(good, "{name}"),
            Err(error) => assert!(!good && error.to_string().ends_with("is not a directory"), "{name}: {error}"),
        }
    }
}

#[test]
fn mirrors_overlap_through_links() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("real")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("real"), dir.path().join("link")).unwrap();
    let mirror = |name: &str, local: &str| {
        format!(
            "[[mirror]]\nname = {name:?}\nlocal = {:?}\nstorage_folder = {name:?}\n",
            dir.path().join(local).to_str().unwrap()
        )
    };
    let error = parse(&format!("{REMOTE}{}{}", mirror("A", "real"), mirror("B", "link/below"))).unwrap_err();
    assert!(error.to_string().starts_with("/c.toml: mirrors \"A\" and \"B\" overlap"), "{error}");
}

#[test]
fn mirrors_are_selected_by_name() {
    let text = format!(
        "{REMOTE}[[mirror]]\nname = \"studio\"\nlocal = \"/nowhere/a\"\nstorage_folder = \"A\"\n[[mirror]]\nname = \"archive\"\nlocal = \
         \"/nowhere/b\"\nstorage_folder = \"B\""
    );
    let config = parse(&text).unwrap();
    let names = |wanted: &[&str]| {
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        config.select(&wanted).map(|mirrors| mirrors.iter().map(|mirror| mirror.name.clone()).collect::<Vec<_>>())
    };
    assert_eq!(names(&[]).unwrap(), ["studio", "archive"]);
    assert_eq!(names(&["archive"]).unwrap(), ["archive"]);
    assert_eq!(names(&["stduio"]).unwrap_err().remedy(), "did you mean \"studio\"?");
}

#[test]
fn without_a_token_no_command_speaks_to_the_server() {
    let config = parse(&format!("{REMOTE}[[mirror]]\nname = \"a\"\nlocal = \"/nowhere/a\"")).unwrap();
    let error = config.credentials(&surroundings()).unwrap_err();
    assert_eq!(error.to_string(), "there is no token for http://127.0.0.1:1");
    assert!(error.remedy().contains("token_file"));
}

#[test]
fn the_state_directory_is_made_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("x/state");
    let mode = || std::fs::metadata(&state).unwrap().permissions().mode() & 0o777;
    let text =
        format!("state_dir = {:?}\n{REMOTE}[[mirror]]\nname = \"a\"\nlocal = \"/nowhere/a\"", state.to_str().unwrap());
    let config = parse(&text).unwrap();
    assert!(!state.exists(), "loading changes nothing");
    config.prepare_state_dir().unwrap();
    assert_eq!(mode(), 0o700);
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o755)).unwrap();
    config.prepare_state_dir().unwrap();
    assert_eq!(mode(), 0o700);
}

#[test]
fn the_users_file_comes_before_the_systems() {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("own/damsync/config.toml");
    let system = dir.path().join("system.toml");
    let mut here =
        Surroundings { config_home: Some(dir.path().join("own")), system_config: system.clone(), ..surroundings() };
    let error = load(None, &here).unwrap_err();
    assert!(matches!(&error, ConfigError::Missing { looked } if *looked == [own.clone(), system.clone()]), "{error}");
    let text =
        |folder: &str| format!("{REMOTE}[[mirror]]\nname = \"a\"\nlocal = \"/nowhere/a\"\nstorage_folder = {folder:?}");
    std::fs::write(&system, text("System")).unwrap();
    let folder = |here: &Surroundings| load(None, here).unwrap().mirrors[0].storage_folder.clone();
    assert_eq!(folder(&here), Some(StorageFolder::Path("System".into())));
    std::fs::create_dir_all(own.parent().unwrap()).unwrap();
    std::fs::write(&own, text("Own")).unwrap();
    assert_eq!(folder(&here), Some(StorageFolder::Path("Own".into())));
    here.variables.insert("DAMSYNC__REMOTE__CONCURRENCY".into(), "2".into());
    assert_eq!(load(None, &here).unwrap().remote.concurrency.get(), 2);
}

#[test]
fn the_examples_that_are_shipped_are_good() {
    let config = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config");
    for name in ["workstation.toml", "file-server.toml"] {
        let text = std::fs::read_to_string(config.join(name)).unwrap();
        if let Err(error) = from_text(Path::new(name), &text, &surroundings()) {
            panic!("{error}");
        }
    }
}
