use super::*;
use crate::races::during;
use std::fs;

struct World {
    dir: tempfile::TempDir,
    root: Beneath,
    path: MirrorPath,
    stat: Stat,
    content: Content,
}

fn world(bytes: &[u8]) -> World {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), bytes).unwrap();
    let root = Beneath::open(dir.path()).unwrap();
    let path = MirrorPath::parse("a").unwrap();
    let stat = root.spot(&path).unwrap().file(&root).unwrap().stat;
    let content = hash(&root, &path, &stat).unwrap();
    World { dir, root, path, stat, content }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_changed() {
    type Write = fn(&std::path::Path);
    let writes: [(&str, Write); 5] = [
        ("longer", |path| fs::write(path, "123456").unwrap()),
        ("shorter", |path| fs::write(path, "1234").unwrap()),
        ("same length", |path| fs::write(path, "54321").unwrap()),
        ("replaced", |path| {
            fs::write(path.with_extension("new"), "12345").unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        }),
        ("touched", |path| {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
        }),
    ];
    for (what, write) in writes {
        for hashed in [true, false] {
            let World { dir, root, path, stat, content } = world(b"12345");
            let full = dir.path().join("a");
            during(Moment::BeforeRead, move || write(&full));
            let answer = if hashed {
                hash(&root, &path, &stat).map(|_| ())
            } else {
                read(&root, &path, &stat, &content).map(|_| ())
            };
            assert!(matches!(answer, Err(LocalError::Changed { .. })), "{what} {hashed} {answer:?}");
        }
    }
}
