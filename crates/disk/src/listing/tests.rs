use super::*;
use crate::races::during;
use rustix::fs::{CWD, Mode, mknodat};
use std::collections::BTreeMap as Map;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

fn mirror(path: &str) -> MirrorPath {
    MirrorPath::parse(path).unwrap()
}

fn rules(patterns: &[&str]) -> IgnoreRules {
    IgnoreRules::new(&patterns.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn write(root: &Path, path: &str, text: &str) {
    fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
    fs::write(root.join(path), text).unwrap();
}

/// Each name with one word for what it is.
fn words(root: &Path, rules: &IgnoreRules, dir: &str) -> Map<String, String> {
    let root = Beneath::open(root).unwrap();
    let word = |kind| match kind {
        EntryKind::File { .. } => "file".to_owned(),
        EntryKind::Directory { .. } => "dir".to_owned(),
        EntryKind::Ignored => "ignored".to_owned(),
        EntryKind::Other(what) => what,
    };
    list(&root, rules, &mirror(dir)).unwrap().into_iter().map(|entry| (entry.name, word(entry.kind))).collect()
}

fn expected(table: &[(&str, &str)]) -> Map<String, String> {
    table.iter().map(|(name, word)| ((*name).to_owned(), (*word).to_owned())).collect()
}

#[test]
fn every_kind_of_name_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, ".damsync/mirror.json", "{}");
    write(root, "a/b", "");
    write(root, "c.tmp", "");
    let long = "é".repeat(127);
    write(root, &long, "");
    symlink("c.tmp", root.join("link")).unwrap();
    symlink("nowhere", root.join("x.tmp")).unwrap();
    mknodat(CWD, root.join("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    fs::write(root.join(OsStr::from_bytes(b"bad\xff")), "").unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let table = [
        ("a", "dir"),
        ("bad\u{fffd}", "name is not UTF-8"),
        ("c.tmp", "ignored"),
        ("fifo", "FIFO"),
        ("link", "symbolic link"),
        ("socket", "socket"),
        ("x.tmp", "ignored"),
        (&long, "file"),
    ];
    assert_eq!(words(root, &rules(&["*.tmp"]), ""), expected(&table));
}

#[test]
fn another_file_system_is_other() {
    assert_eq!(words(Path::new("/"), &rules(&[]), "")["proc"], "on another device");
}

#[test]
fn what_is_told_of_a_file_is_what_the_file_system_tells() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a", "12345");
    fs::hard_link(dir.path().join("a"), dir.path().join("b")).unwrap();
    let root = Beneath::open(dir.path()).unwrap();
    let listing = list(&root, &rules(&[]), &MirrorPath::ROOT).unwrap();
    let seen = look::at(root.handle(), "a").unwrap();
    assert_eq!(listing.len(), 2);
    for entry in listing {
        assert_eq!(entry.kind, EntryKind::File { stat: seen.stat, links: 2 });
    }
    let found = fs::metadata(dir.path().join("a")).unwrap();
    use std::os::unix::fs::MetadataExt;
    assert_eq!((seen.stat.size, seen.stat.inode, seen.device), (5, found.ino(), found.dev()));
    assert_eq!(seen.stat.mtime_ns, found.mtime() * 1_000_000_000 + found.mtime_nsec());
    assert_eq!(seen.stat.ctime_ns, found.ctime() * 1_000_000_000 + found.ctime_nsec());
}

#[test]
fn a_directory_that_is_gone_or_none_is_an_error_and_never_empty() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "file", "");
    symlink("/", dir.path().join("link")).unwrap();
    let root = Beneath::open(dir.path()).unwrap();
    let listed = |path: &str| list(&root, &rules(&[]), &mirror(path));
    assert!(matches!(listed("gone"), Err(LocalError::Missing { .. })));
    assert!(matches!(listed("file"), Err(LocalError::NotOurs { .. })));
    assert!(matches!(listed("link"), Err(LocalError::NotOurs { .. })));
    assert!(matches!(listed("link/etc"), Err(LocalError::NotOurs { .. })));
    fs::create_dir(dir.path().join("locked")).unwrap();
    fs::set_permissions(dir.path().join("locked"), fs::Permissions::from_mode(0o000)).unwrap();
    // Some users may read everything.
    if fs::read_dir(dir.path().join("locked")).is_err() {
        assert!(matches!(listed("locked"), Err(LocalError::Io { .. })));
    }
    fs::remove_dir_all(dir.path()).unwrap();
    assert!(matches!(listed(""), Err(LocalError::RootLost)));
}

#[test]
fn names_that_move_while_the_directory_is_read_are_listed_once() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["stays", "renamed", "removed", "replaced"] {
        write(dir.path(), name, "1");
    }
    let path = dir.path().to_owned();
    during(Moment::DirectoryRead, move || {
        fs::rename(path.join("renamed"), path.join("new name")).unwrap();
        fs::remove_file(path.join("removed")).unwrap();
        write(&path, "temporary", "22");
        fs::rename(path.join("temporary"), path.join("replaced")).unwrap();
    });
    let root = Beneath::open(dir.path()).unwrap();
    let mut listing = list(&root, &rules(&[]), &MirrorPath::ROOT).unwrap();
    listing.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<&str> = listing.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["new name", "replaced", "stays"]);
    assert!(matches!(listing[1].kind, EntryKind::File { stat, .. } if stat.size == 2));
}

#[test]
fn the_nearest_ignore_file_decides() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, ".damsyncignore", "\u{feff}# all drafts\n*.draft\n/only-here\nbuild/\n");
    write(root, "keep/.damsyncignore", "!*.draft\n*.log\n");
    for name in ["a.draft", "a.log", "only-here", "keep/only-here", "build/x", "keep/a.draft", "keep/a.log", "a.tmp"] {
        write(root, name, "");
    }
    write(root, "keep/deep/b.draft", "");
    write(root, "keep/deep/b.tmp", "");
    let rules = rules(&["*.tmp"]);
    let table = [
        (".damsyncignore", "file"),
        ("a.draft", "ignored"),
        ("a.log", "file"),
        ("a.tmp", "ignored"),
        ("build", "ignored"),
        ("keep", "dir"),
        ("only-here", "ignored"),
    ];
    assert_eq!(words(root, &rules, ""), expected(&table));
    let table =
        [(".damsyncignore", "file"), ("a.draft", "file"), ("a.log", "ignored"), ("deep", "dir"), ("only-here", "file")];
    assert_eq!(words(root, &rules, "keep"), expected(&table));
    assert_eq!(words(root, &rules, "keep/deep"), expected(&[("b.draft", "file"), ("b.tmp", "ignored")]));
    for (path, is_dir, ignored) in [
        ("a.draft", false, true),
        ("keep/a.draft", false, false),
        ("other/a.draft", false, true),
        ("build", true, true),
        ("build", false, false),
        ("build/x/y", false, true),
        ("keep/deep/z.log", false, true),
        ("only-here", false, true),
        ("keep/only-here", false, false),
        ("x.tmp/y", false, true),
        (".damsync/trash", true, true),
        ("", true, false),
    ] {
        assert_eq!(rules.leaves_out(&mirror(path), is_dir), ignored, "{path}");
    }
    // Changed and removed rules are seen at the next listing.
    write(root, "keep/.damsyncignore", "nothing of the sort\n");
    assert_eq!(words(root, &rules, "keep")["a.draft"], "ignored");
    fs::remove_file(root.join(".damsyncignore")).unwrap();
    assert_eq!(words(root, &rules, "")["a.draft"], "file");
}

#[test]
fn ignore_rules_that_cannot_be_read_are_an_error_and_links_are_no_rules() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a/.damsyncignore", &"x".repeat(1024 * 1024 + 1));
    let root = Beneath::open(dir.path()).unwrap();
    assert!(matches!(list(&root, &rules(&[]), &mirror("a")), Err(LocalError::Io { .. })));
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "rules", "*\n");
    fs::create_dir(dir.path().join("b")).unwrap();
    symlink(outside.path().join("rules"), dir.path().join("b/.damsyncignore")).unwrap();
    assert_eq!(words(dir.path(), &rules(&[]), "b"), expected(&[(".damsyncignore", "symbolic link")]));
    assert!(IgnoreRules::new(&["[z-a]".to_owned()]).is_err_and(|bad| bad.pattern == "[z-a]"));
}

#[test]
fn rules_that_cannot_be_used_as_a_whole_are_an_error_of_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a/secret.txt", "not for others");
    let rules = rules(&[]);
    let root = Beneath::open(dir.path()).unwrap();
    // Each is a pattern; all together they need more memory than the matcher takes.
    let lines: Vec<String> = (0..15_000).map(|number| format!("*?{number}[a-z]*{number}*x?")).collect();
    write(dir.path(), "a/.damsyncignore", &format!("secret.txt\n{}\n", lines.join("\n")));
    let listed = list(&root, &rules, &mirror("a"));
    assert!(matches!(&listed, Err(LocalError::Io { what: "read the ignore rules of", .. })), "{listed:?}");
    // Nothing is taken over of them, and what can be used again is.
    write(dir.path(), "a/.damsyncignore", "secret.txt\n");
    assert_eq!(words(dir.path(), &rules, "a")["secret.txt"], "ignored");
}
