//! Local names: every one that is text is uploaded literally and comes back as it was; what is no text is left alone.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Options, Pass, Setup, Tree, local_tree, md5, snapshot};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

const LONGEST: usize = 255;

/// What another machine gets that mirrors the same folder: its state and directory are its own.
#[track_caller]
fn on_another_machine(setup: &Setup) -> Tree {
    setup.sandbox.processed();
    let [local, state, config] = ["mirror2", "state2", "config2.toml"].map(|name| setup.dir().join(name));
    let head = setup.config_head().replace(&format!("{:?}", setup.state), &format!("{state:?}"));
    std::fs::write(&config, format!("{head}\n{}", Setup::mirror_text("other", &local, &Options::default()))).unwrap();
    let pass = setup.reconcile(&["--config", config.to_str().unwrap()]);
    assert_eq!((pass.code, &pass.report["outcome"]), (0, &"in_sync".into()), "{pass:#?}");
    let tree = local_tree(&local);
    let again = setup.reconcile(&["--config", config.to_str().unwrap()]);
    again.assert(0, "in_sync", &[]);
    assert_eq!(local_tree(&local), tree);
    tree
}

/// The mirror's directory joined with a name of any bytes.
fn raw(setup: &Setup, name: &[u8]) -> PathBuf {
    setup.local.join(OsStr::from_bytes(name))
}

#[test]
fn a_percent_sign_is_uploaded_literally_and_comes_back_as_such() {
    let setup = Setup::new();
    for name in ["100%2Fsure.txt", "%2E%2E", "%2Edamsync", "%00", "dir%2Fname/%.txt", "100%/%25"] {
        setup.write(name, name);
    }
    setup.sync(&[("pushed_new", 6), ("folders_created_remote", 2)]);
    assert!(setup.sandbox.processed().has("Studio/100%2Fsure.txt"));
    setup.settled();
    setup.unmoved();
    assert_eq!(on_another_machine(&setup), setup.tree());
}

#[test]
fn a_local_name_may_hold_every_character_but_slash_and_nul() {
    let setup = Setup::new();
    let mut names: Vec<String> = (1..128_u8).map(char::from).filter(|c| *c != '/').map(|c| format!("x{c}x")).collect();
    // Each second and third byte that UTF-8 knows is in one of these.
    let wide = (0x80..0x800).step_by(7).chain((0x800..0xffff).step_by(977)).chain((0x10000..0x10_ffff).step_by(40_009));
    names.extend(wide.filter_map(char::from_u32).map(|c| format!("w{c}")));
    names.extend(
        ["-", "--help", "~", "a~00000000.jpg", " x", "x ", "x.", "..x", "...", "\\", "con", "*"].map(str::to_owned),
    );
    let names: Vec<String> = names.into_iter().filter(|name| !name.starts_with(".#")).collect();
    for name in &names {
        // The default ignore list leaves some of these out; a directory of its own keeps them apart by case.
        setup.write(&format!("all/{name}"), name);
    }
    let found = setup.tree().keys().filter(|path| !path.ends_with('/')).count();
    let count = |pass: &Pass| pass.report["pushed_new"].as_u64().unwrap();
    let pass = setup.reconcile(&[]);
    assert_eq!((pass.code, pass.failed().len()), (0, 0), "{pass:#?}");
    let ignored: Vec<String> = {
        let there: Vec<String> = setup.sandbox.processed().below("Studio").into_keys().collect();
        setup.tree().into_keys().filter(|path| !there.contains(path)).collect()
    };
    // Of the default list: `*~` and `~$*`, and of names that are equal in NFC one.
    let left: Vec<&String> =
        ignored.iter().filter(|path| !path.ends_with('~') && !pass.skipped().contains(&path.as_str())).collect();
    assert_eq!(left, Vec::<&String>::new(), "{pass:#?}");
    assert_eq!(count(&pass), (found - ignored.len()) as u64);
    setup.unmoved();
    let mut here = setup.tree();
    here.retain(|path, _| !ignored.contains(path));
    assert_eq!(on_another_machine(&setup), here);
}

#[test]
fn names_that_are_not_utf_8_are_skipped_and_nothing_is_deleted() {
    let setup = Setup::new();
    let asset = setup.sandbox.asset("Studio/a.txt", "a");
    setup.sync(&[("pulled", 1)]);
    std::fs::write(raw(&setup, b"latin-\xe9.txt"), "latin").unwrap();
    std::fs::write(raw(&setup, b"\xff\xfe"), "bytes").unwrap();
    std::fs::create_dir(raw(&setup, b"dir-\xe9")).unwrap();
    std::fs::write(raw(&setup, b"dir-\xe9/inside.txt"), "inside").unwrap();
    // An overlong slash is no slash and no UTF-8.
    std::fs::write(raw(&setup, b"x\xc0\xafy"), "overlong").unwrap();
    let before = bytes_of(&setup);
    for _ in 0..2 {
        let pass = setup.sync(&[]);
        let mut skipped = pass.skipped();
        skipped.sort_unstable();
        assert_eq!(
            skipped,
            ["dir-\u{fffd}", "latin-\u{fffd}.txt", "x\u{fffd}\u{fffd}y", "\u{fffd}\u{fffd}"],
            "{pass:#?}"
        );
        let why = &pass.report["skipped"][0]["reason"];
        assert!(why.as_str().unwrap().contains("UTF-8"), "{why}");
    }
    assert_eq!(bytes_of(&setup), before);
    assert_eq!(setup.sandbox.tree().live().map(|asset| asset.guid().to_owned()).collect::<Vec<_>>(), [asset.guid()]);
    setup.quiet();
}

#[test]
fn a_synced_file_and_a_synced_directory_renamed_to_names_that_are_not_utf_8_lose_no_bytes() {
    let setup = Setup::new();
    setup.write("a.txt", "a");
    setup.write("dir/b.txt", "b");
    setup.write("c.txt", "c");
    setup.sync(&[("pushed_new", 3), ("folders_created_remote", 1)]);
    setup.sandbox.processed();
    std::fs::rename(setup.path("a.txt"), raw(&setup, b"a\xff.txt")).unwrap();
    std::fs::rename(setup.path("dir"), raw(&setup, b"dir\xff")).unwrap();
    let before = bytes_of(&setup);
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    assert_eq!(bytes_of(&setup), before, "here");
    // What is gone from under its name is in the server's trash, and the bytes are still here.
    let remote = setup.sandbox.tree();
    let contents = remote.contents();
    assert!(["a", "b", "c"].iter().all(|text| contents.contains(md5(text).as_str())));
    setup.unmoved();
}

/// Every file with the bytes of its name, and what it holds.
fn bytes_of(setup: &Setup) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut queue = vec![setup.local.clone()];
    while let Some(directory) = queue.pop() {
        for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
            if entry.file_name() == ".damsync" {
                continue;
            }
            let path = entry.path();
            if path.is_dir() {
                queue.push(path);
            } else {
                all.insert(path.as_os_str().as_bytes().to_vec(), std::fs::read(&path).unwrap());
            }
        }
    }
    all
}

#[test]
fn local_names_of_255_bytes_travel_whole() {
    let setup = Setup::new();
    let names = [
        format!("{}.jpg", "x".repeat(251)),
        "é".repeat(127) + "x",
        "🎉".repeat(63) + ".jp",
        format!("a.{}", "e".repeat(253)),
    ];
    for name in &names {
        assert_eq!(name.len(), LONGEST);
        setup.write(name, name);
    }
    let folder = "d".repeat(LONGEST);
    setup.write(&format!("{folder}/in.jpg"), "in");
    setup.sync(&[("pushed_new", 5), ("folders_created_remote", 1)]);
    setup.settled();
    setup.unmoved();
    assert_eq!(on_another_machine(&setup), setup.tree());
}

#[test]
fn a_conflict_copy_of_a_name_of_255_bytes_obeys_the_limit() {
    let setup = Setup::new();
    let name = format!("{}.jpg", "é".repeat(125) + "x");
    assert_eq!(name.len(), LONGEST);
    setup.write(&name, "base");
    setup.sync(&[("pushed_new", 1)]);
    setup.sandbox.processed();
    let asset = setup.asset_named(&name);
    setup.write(&name, "ours");
    setup.sandbox.version(&asset, "theirs");
    let pass = setup.sync(&[("pulled", 1), ("pushed_new", 1)]);
    let copy = pass.copies()[0].to_owned();
    assert!(copy.len() <= LONGEST && copy.ends_with(").jpg") && copy.contains("é (conflict "), "{copy}");
    let copied = setup.asset_named(&copy);
    setup.stable(&[(&name, &asset, "theirs"), (&copy, &copied, "ours")]);
}

/// A conflict of a file, brought about anew; answers its copy's name.
#[track_caller]
fn conflict_of(setup: &Setup, path: &str, round: &str) -> String {
    setup.sandbox.processed();
    let known = setup.tree();
    let asset = setup.asset_named(path);
    setup.write(path, format!("ours {round}"));
    setup.sandbox.version(&asset, format!("theirs {round}"));
    setup.sync(&[("pulled", 1), ("pushed_new", 1)]);
    let new: Vec<String> = setup.tree().into_keys().filter(|path| !known.contains_key(path)).collect();
    assert_eq!(new.len(), 1, "{new:?}");
    assert_eq!(
        (setup.read(&new[0]), setup.read(path)),
        (format!("ours {round}").into(), format!("theirs {round}").into())
    );
    new[0].clone()
}

#[test]
fn a_conflict_of_a_conflict_copy_replaces_the_suffix() {
    let setup = Setup::new();
    setup.write("a.b.jpg", "base");
    setup.sync(&[("pushed_new", 1)]);
    let copy = conflict_of(&setup, "a.b.jpg", "one");
    assert!(copy.starts_with("a.b (conflict "), "{copy}");
    // The copy is a file like any other, and has a conflict of its own.
    let second = conflict_of(&setup, &copy, "two");
    assert!(second.starts_with("a.b (conflict ") && second.matches("(conflict ").count() == 1, "{second}");
    assert_ne!(second, copy);
    let contents = snapshot(&setup.local);
    assert_eq!((contents.get(&copy), contents.get(&second)), (Some(&md5("theirs two")), Some(&md5("ours two"))));
    setup.settled();
    setup.unmoved();
}

#[test]
fn conflict_copies_that_would_have_one_name_are_numbered() {
    let setup = Setup::new();
    let names = ["a.jpg", "a (conflict 2020-01-01 000000 host).jpg", "a (conflict 2021-01-01 000000 host 2).jpg"];
    for name in names {
        setup.write(name, name);
    }
    setup.sync(&[("pushed_new", 3)]);
    setup.sandbox.processed();
    let assets = names.map(|name| setup.asset_named(name));
    for (name, asset) in names.iter().zip(&assets) {
        setup.write(name, format!("ours {name}"));
        setup.sandbox.version(asset, format!("theirs {name}"));
    }
    // Their suffixes are replaced by one and the same, where they are made within a second.
    let pass = setup.sync(&[("pulled", 3), ("pushed_new", 3)]);
    let mut copies: Vec<String> = pass.copies().into_iter().map(str::to_owned).collect();
    copies.sort();
    assert_eq!(copies.len(), 3, "{copies:?}");
    assert!(copies.iter().all(|copy| copy.matches("(conflict ").count() == 1), "{copies:?}");
    let times: std::collections::BTreeSet<&str> = copies.iter().map(|copy| &copy[..29]).collect();
    let numbered = copies.iter().filter(|copy| copy.ends_with(" 2).jpg") || copy.ends_with(" 3).jpg")).count();
    assert_eq!(numbered, 3 - times.len(), "{copies:?}");
    let tree = setup.tree();
    for name in names {
        assert_eq!(tree[name], md5(format!("theirs {name}")));
        assert!(copies.iter().any(|copy| tree[copy] == md5(format!("ours {name}"))), "{tree:?}");
    }
    setup.settled();
    setup.unmoved();
}
