//! Remote names that cannot be local names, or would be dangerous ones.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Asset, Setup, json, snapshot};

const LONGEST: usize = 255;

/// Makes an asset and gives it a name that no upload could give it.
fn called(setup: &Setup, folder: &str, name: &str, bytes: &str) -> Asset {
    let made = setup.sandbox.asset(&format!("{folder}/plain"), bytes);
    setup.sandbox.patch(&made, &json!({ "filename": name }))
}

fn folder_called(setup: &Setup, name: &str) -> i64 {
    let id = setup.sandbox.folder("Studio/plain folder");
    setup.sandbox.patch_folder(id, &json!({ "name": name }));
    id
}

/// Syncs assets with these names in a directory and checks that each has the local name beside it, keeps its remote
/// name, is followed in both directions, and that nothing was written anywhere else.
#[track_caller]
fn go_both_ways(folder: &str, names: &[(&str, String)]) {
    let setup = Setup::new();
    let outside = || {
        let mut all = snapshot(setup.dir());
        all.retain(|path, _| !path.starts_with("mirror/") && !path.starts_with("state/"));
        all
    };
    setup.sync(&[]);
    let before = outside();
    let assets: Vec<Asset> = names.iter().map(|(name, _)| called(&setup, folder, name, &format!("{name:?}"))).collect();
    let inside = folder.strip_prefix("Studio").unwrap().trim_start_matches('/');
    let path = |local: &str| if inside.is_empty() { local.to_owned() } else { format!("{inside}/{local}") };
    let paths: Vec<String> = names.iter().map(|(_, local)| path(local)).collect();
    let check = |edit: &str| {
        let bytes: Vec<String> = names.iter().map(|(name, _)| format!("{name:?}{edit}")).collect();
        let pairs: Vec<_> =
            paths.iter().zip(&assets).zip(&bytes).map(|((p, a), b)| (p.as_str(), a, b.as_str())).collect();
        setup.stable(&pairs);
        assert_eq!(outside(), before, "written outside the mirror");
    };
    let count = u64::try_from(names.len()).unwrap();
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.did().get("pulled")), (0, Some(&count)), "{pass:#?}");
    check("");
    for (path, (name, _)) in paths.iter().zip(names) {
        setup.write(path, format!("{name:?} edited"));
    }
    setup.sync(&[("pushed_versions", count)]);
    check(" edited");
    for (asset, (name, _)) in assets.iter().zip(names) {
        setup.sandbox.version(asset, format!("{name:?} theirs"));
    }
    setup.sync(&[("pulled", count)]);
    check(" theirs");
    std::fs::remove_dir_all(&setup.state).unwrap();
    setup.sync(&[("adopted", count)]);
    check(" theirs");
    for path in &paths {
        setup.remove(path);
    }
    let pass = setup.reconcile(&["--allow-deletes"]);
    assert_eq!((pass.code, pass.did().get("trashed_remote")), (0, Some(&count)), "{pass:#?}");
    assert_eq!(setup.sandbox.tree().live().count(), 0);
    setup.unmoved();
}

#[test]
fn names_with_slashes_and_nul_are_escaped_and_stay_inside() {
    let names = [
        ("a/b.jpg", "a%2Fb.jpg"),
        ("/", "%2F"),
        ("/etc/passwd", "%2Fetc%2Fpasswd"),
        ("../../etc/passwd", "..%2F..%2Fetc%2Fpasswd"),
        ("../up.txt", "..%2Fup.txt"),
        ("a\0b.jpg", "a%00b.jpg"),
        (".damsync/mirror.json", ".damsync%2Fmirror.json"),
        ("a//b", "a%2F%2Fb"),
    ];
    let names = names.map(|(name, local)| (name, local.to_owned()));
    go_both_ways("Studio", &names);
    go_both_ways("Studio/sub", &names);
}

#[test]
fn names_that_are_dots_are_escaped() {
    let names = [(".", "%2E"), ("..", "%2E%2E"), ("...", "..."), (". ", ". "), (".. .", ".. .")];
    let names = names.map(|(name, local)| (name, local.to_owned()));
    go_both_ways("Studio", &names);
    go_both_ways("Studio/sub", &names);
}

#[test]
fn names_of_our_own_directory_are_escaped_at_the_root_only() {
    let ours = [".damsync", ".DAMSYNC", ".DamSync", ".dam\u{200b}sync", "\u{feff}.damsync", ".\u{ad}Damsync"];
    go_both_ways("Studio", &ours.map(|name| (name, name.replacen('.', "%2E", 1))));
    go_both_ways("Studio/sub", &ours.map(|name| (name, name.to_owned())));
}

#[test]
fn names_that_are_only_odd_stay_as_they_are() {
    let names = [
        "line\nbreak.jpg",
        "carriage\rreturn",
        "tab\there",
        "back\\slash.jpg",
        "-rf",
        "--config=x.toml",
        "trailing dot.",
        "trailing space ",
        " leading space",
        "\u{1}\u{1b}[31mred\u{7f}.txt",
        "\u{202e}gpj.exe",
        "\u{200f}right to left\u{200e}.txt",
        "zero\u{200b}width.txt",
        "C:\\Windows\\System32",
        "CON",
        "what?*<>|\".txt",
        "%",
        "%2F",
        "100%.txt",
        "%%2e%2e",
        "$(touch pwned)",
        "{\"json\":1}",
        "\u{10ffff}.bin",
        "e\u{301}\u{301}\u{301}.txt",
    ];
    go_both_ways("Studio/sub", &names.map(|name| (name, name.to_owned())));
}

#[test]
fn a_name_that_is_empty_has_only_the_mark() {
    let setup = Setup::new();
    let asset = called(&setup, "Studio", "", "nameless");
    setup.sync(&[("pulled", 1)]);
    let at = asset.marked("");
    setup.stable(&[(&at, &asset, "nameless")]);
    // This server takes no version without a name, and the asset is not to get one: the edit stays here, and is told of.
    setup.write(&at, "edited");
    for _ in 0..2 {
        let pass = setup.reconcile(&[]);
        pass.assert(1, "incomplete", &[]);
        assert_eq!(pass.failed(), [&at], "{pass:#?}");
    }
    let now = setup.sandbox.now(&asset);
    assert_eq!((now.filename(), now.versions(), setup.read(&at)), ("", 1, b"edited".to_vec()));
}

#[test]
fn names_of_255_bytes_stay_and_longer_ones_are_cut_between_characters() {
    let setup = Setup::new();
    let exact = format!("{}.jpg", "x".repeat(LONGEST - 4));
    let wide = format!("{}.jp", "🎉".repeat(63));
    assert_eq!((exact.len(), wide.len()), (LONGEST, LONGEST));
    let long = format!("{}.jpg", "y".repeat(296));
    let cut = format!("{}.jpg", "é".repeat(150));
    let wide_cut = "🎉".repeat(100);
    let extension = format!("stem.{}", "z".repeat(300));
    let escaped = format!("{}.jpg", "/".repeat(100));
    let names = [&exact, &wide, &long, &cut, &wide_cut, &extension, &escaped];
    let assets = names.map(|name| called(&setup, "Studio", name, &name[..8]));
    setup.sync(&[("pulled", names.len() as u64)]);
    let [_, _, long_one, cut_one, wide_one, extension_one, escaped_one] = &assets;
    let mark = |asset: &Asset| format!("~{}", &asset.guid()[..8]);
    let paths = [
        exact.clone(),
        wide.clone(),
        // The mark takes 9 bytes, the extension 4.
        format!("{}{}.jpg", "y".repeat(LONGEST - 13), mark(long_one)),
        format!("{}{}.jpg", "é".repeat((LONGEST - 13) / 2), mark(cut_one)),
        format!("{}{}", "🎉".repeat((LONGEST - 9) / 4), mark(wide_one)),
        // An extension that is no extension any more is cut as well.
        format!("stem{}.{}", mark(extension_one), "z".repeat(126)),
        format!("{}{}.jpg", "%2F".repeat((LONGEST - 13) / 3) + "%2", mark(escaped_one)),
    ];
    let bytes = names.map(|name| &name[..8]);
    for path in &paths {
        assert!(path.len() <= LONGEST, "{} bytes: {path}", path.len());
    }
    let pairs: Vec<_> = paths.iter().zip(&assets).zip(bytes).map(|((p, a), b)| (p.as_str(), a, b)).collect();
    setup.stable(&pairs);
}

#[test]
fn two_long_names_that_are_cut_to_the_same_are_told_apart() {
    let setup = Setup::new();
    let names = ["one", "two"].map(|end| format!("{}{end}.jpg", "x".repeat(290)));
    let assets = names.each_ref().map(|name| called(&setup, "Studio", name, &name[288..]));
    setup.sync(&[("pulled", 2)]);
    let path = |asset: &Asset| format!("{}~{}.jpg", "x".repeat(LONGEST - 13), &asset.guid()[..8]);
    setup.stable(&[
        (&path(&assets[0]), &assets[0], &names[0][288..]),
        (&path(&assets[1]), &assets[1], &names[1][288..]),
    ]);
}

#[test]
fn two_names_that_escape_to_one_follow_the_rule_for_doubles() {
    let setup = Setup::new();
    let slash = called(&setup, "Studio", "a/b.jpg", "slash");
    let percent = called(&setup, "Studio", "a%2Fb.jpg", "percent");
    let percent_first = called(&setup, "Studio", "c%2Fd.jpg", "percent first");
    let slash_second = called(&setup, "Studio", "c/d.jpg", "slash second");
    setup.sync(&[("pulled", 4)]);
    let check = |percent_bytes: &str| {
        setup.stable(&[
            ("a%2Fb.jpg", &slash, "slash"),
            (&percent.marked("a%2Fb.jpg"), &percent, percent_bytes),
            ("c%2Fd.jpg", &percent_first, "percent first"),
            (&slash_second.marked("c%2Fd.jpg"), &slash_second, "slash second"),
        ]);
    };
    check("percent");
    setup.write(&percent.marked("a%2Fb.jpg"), "edited");
    setup.sync(&[("pushed_versions", 1)]);
    check("edited");
}

#[test]
fn folders_with_hostile_names_are_directories_inside_the_mirror() {
    let setup = Setup::new();
    let long = "ü".repeat(200);
    let names =
        ["a/b", "..", ".", ".damsync", ".DAMSYNC", "../../up", "x\0y", "line\nbreak", "-rf", "end.", " ", &long];
    let ids = names.map(|name| folder_called(&setup, name));
    let texts: Vec<String> = names.iter().map(|name| format!("in {name:?}")).collect();
    let assets: Vec<Asset> = ids
        .iter()
        .zip(&texts)
        .map(|(id, text)| json!({ "folder_id": id, "filename": "in.jpg", "text": text }))
        .map(|made| Asset(setup.sandbox.post("/admin/assets", &made)))
        .collect();
    let count = names.len() as u64;
    setup.sync(&[("pulled", count), ("folders_created_local", count)]);
    let id = ids[names.len() - 1];
    let mark = format!("~{id}");
    let long_local = format!("{}{mark}", "ü".repeat((LONGEST - mark.len()) / 2));
    let local = [
        "a%2Fb",
        "%2E%2E",
        "%2E",
        "%2Edamsync",
        "%2EDAMSYNC",
        "..%2F..%2Fup",
        "x%00y",
        "line\nbreak",
        "-rf",
        "end.",
        " ",
        &long_local,
    ];
    let paths: Vec<String> = local.iter().map(|name| format!("{name}/in.jpg")).collect();
    let pairs: Vec<_> = paths.iter().zip(&assets).zip(&texts).map(|((p, a), t)| (p.as_str(), a, t.as_str())).collect();
    setup.stable(&pairs);
    // What is new in each goes into its own folder.
    for (at, name) in local.iter().enumerate() {
        setup.write(&format!("{name}/new {at}.jpg"), format!("new {at}"));
    }
    setup.sync(&[("pushed_new", count)]);
    for (at, id) in ids.iter().enumerate() {
        assert_eq!(setup.asset_named(&format!("new {at}.jpg")).0["folder_id"], *id, "{:?}", names[at]);
    }
    setup.unmoved();
}

#[test]
fn an_empty_folder_name_becomes_its_mark() {
    let setup = Setup::new();
    let id = folder_called(&setup, "");
    let made = json!({ "folder_id": id, "filename": "in.jpg", "text": "in" });
    let asset = Asset(setup.sandbox.post("/admin/assets", &made));
    setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    setup.stable(&[(&format!("~{id}/in.jpg"), &asset, "in")]);
}

#[test]
fn two_folder_names_that_escape_to_one_follow_the_rule_for_doubles() {
    let setup = Setup::new();
    let [slash, percent] = ["a/b", "a%2Fb"].map(|name| folder_called(&setup, name));
    let put = |id: i64, text: &str| {
        Asset(setup.sandbox.post("/admin/assets", &json!({ "folder_id": id, "filename": "in.jpg", "text": text })))
    };
    let assets = [put(slash, "slash"), put(percent, "percent")];
    setup.sync(&[("pulled", 2), ("folders_created_local", 2)]);
    let marked = format!("a%2Fb~{percent}/in.jpg");
    setup.stable(&[("a%2Fb/in.jpg", &assets[0], "slash"), (&marked, &assets[1], "percent")]);
}

#[test]
fn an_asset_renamed_on_the_server_to_a_hostile_name_takes_its_file_to_the_escaped_one() {
    let setup = Setup::new();
    let asset = setup.sandbox.asset("Studio/a.jpg", "bytes");
    setup.sync(&[("pulled", 1)]);
    for (name, local) in [("../x.jpg", "..%2Fx.jpg"), ("..", "%2E%2E"), (".damsync", "%2Edamsync"), ("b.jpg", "b.jpg")]
    {
        let asset = setup.sandbox.patch(&asset, &json!({ "filename": name }));
        setup.sync(&[("moved_local", 1)]);
        setup.stable(&[(local, &asset, "bytes")]);
    }
}
