use super::*;
use std::fs;
use std::os::unix::fs::symlink;

fn mirror(path: &str) -> MirrorPath {
    MirrorPath::parse(path).unwrap()
}

fn both_ways(path: &Path) -> [Beneath; 2] {
    [Beneath::open(path).unwrap(), Beneath::open_stepwise(path).unwrap()]
}

fn is_refused<T>(answer: &Result<T, LocalError>) -> bool {
    matches!(answer, Err(LocalError::NotOurs { .. }))
}

#[test]
fn a_link_at_any_level_is_refused() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(outside.path().join("b/c")).unwrap();
    fs::write(outside.path().join("b/c/d"), "secret").unwrap();
    let levels = ["a", "a/b", "a/b/c", "a/b/c/d"];
    for (depth, level) in levels.iter().enumerate() {
        for inside in [false, true] {
            let _ = fs::remove_dir_all(dir.path().join("a"));
            let _ = fs::remove_file(dir.path().join("a"));
            fs::create_dir_all(dir.path().join("real/b/c")).unwrap();
            fs::write(dir.path().join("real/b/c/d"), "inside").unwrap();
            fs::create_dir_all(dir.path().join(level).parent().unwrap()).unwrap();
            let base = if inside { dir.path().join("real") } else { outside.path().to_owned() };
            let target = ["", "b", "b/c", "b/c/d"][depth];
            symlink(base.join(target), dir.path().join(level)).unwrap();
            for root in both_ways(dir.path()) {
                let stat = root.spot(&mirror("a/b/c/d")).and_then(|spot| spot.file(&root));
                assert!(is_refused(&stat), "{level} {:?} {stat:?}", root.walking);
                if depth < 3 {
                    assert!(is_refused(&root.dir(&mirror("a/b/c"), Hold::Read)), "{level} {:?}", root.walking);
                }
            }
        }
    }
}

#[test]
fn a_directory_exchanged_for_a_link_leads_nowhere() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(dir.path().join("a")).unwrap();
    fs::write(dir.path().join("a/x"), "ours").unwrap();
    fs::write(outside.path().join("x"), "secret").unwrap();
    for root in both_ways(dir.path()) {
        let spot = root.spot(&mirror("a/x")).unwrap();
        let expect = spot.file(&root).unwrap().stat;
        fs::rename(dir.path().join("a"), dir.path().join("moved")).unwrap();
        symlink(outside.path(), dir.path().join("a")).unwrap();
        // The handle still speaks of the directory that was opened.
        let mut file = spot.open_expected(&root, &expect).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut file, &mut text).unwrap();
        assert_eq!(text, "ours");
        assert!(is_refused(&root.spot(&mirror("a/x"))));
        fs::remove_file(dir.path().join("a")).unwrap();
        fs::rename(dir.path().join("moved"), dir.path().join("a")).unwrap();
    }
}

#[test]
fn a_file_exchanged_for_a_link_or_a_fifo_is_refused_without_waiting() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("x"), "secret").unwrap();
    symlink(outside.path().join("x"), dir.path().join("link")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, dir.path().join("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    for root in both_ways(dir.path()) {
        for name in ["link", "fifo"] {
            let spot = root.spot(&mirror(name)).unwrap();
            let stat = spot.look().unwrap().stat;
            assert!(is_refused(&spot.open_expected(&root, &stat)), "{name}");
        }
    }
}

#[test]
fn another_file_system_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    // What is mounted below `/` depends on the machine; `/proc` is on every one.
    for root in both_ways(Path::new("/")) {
        assert!(is_refused(&root.dir(&mirror("proc"), Hold::Place)), "{:?}", root.walking);
        assert!(is_refused(&root.spot(&mirror("proc/self/status"))), "{:?}", root.walking);
    }
    for root in both_ways(dir.path()) {
        assert!(root.dir(&MirrorPath::ROOT, Hold::Read).is_ok());
    }
}

#[test]
fn paths_longer_than_the_kernel_takes_are_opened() {
    let dir = tempfile::tempdir().unwrap();
    let name = "n".repeat(255);
    for root in both_ways(dir.path()) {
        let mut at = root.handle().try_clone().unwrap();
        let mut path = String::new();
        for _ in 0..40 {
            at = make_private_dir(&at, &name).unwrap();
            path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        }
        let opened = root.dir(&mirror(&path), Hold::Read).unwrap();
        assert_eq!(look::of(&opened).unwrap().stat.inode, look::of(&at).unwrap().stat.inode);
        let missing = root.spot(&mirror(&format!("{path}/x"))).and_then(|spot| spot.file(&root));
        assert!(matches!(missing, Err(LocalError::Missing { .. })));
    }
}

#[test]
fn only_enoent_below_a_living_root_is_missing() {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("root");
    fs::create_dir_all(path.join("a")).unwrap();
    fs::write(path.join("file"), "").unwrap();
    let root = Beneath::open(&path).unwrap();
    let look = |path: &str| root.spot(&mirror(path)).and_then(|spot| spot.file(&root)).map(|_| ());
    assert!(matches!(look("a/x"), Err(LocalError::Missing { .. })));
    assert!(matches!(look("x/y/z"), Err(LocalError::Missing { .. })));
    assert!(is_refused(&look("file/x")));
    assert!(is_refused(&look("a")));
    assert!(matches!(root.fail("open", &mirror("a"), Errno::ACCESS), LocalError::Io { .. }));
    assert!(matches!(root.fail("open", &mirror("a"), Errno::IO), LocalError::Io { .. }));
    assert!(matches!(root.fail("open", &mirror("a"), Errno::DQUOT), LocalError::Full { .. }));
    fs::remove_dir_all(&path).unwrap();
    assert!(matches!(look("a/x"), Err(LocalError::RootLost)));
}
