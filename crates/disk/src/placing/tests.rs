use super::*;
use crate::races::during;
use damsync_model::id::RunId;
use damsync_model::time::UnixMs;
use damsync_ports::PartialKey;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use xattr::FileExt;

const MODIFIED: UnixMs = UnixMs(1_769_700_512_376);

struct World {
    dir: tempfile::TempDir,
    root: Beneath,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Beneath::open(dir.path()).unwrap();
        Self { dir, root }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.at(path)).ok()
    }

    fn file(&self, path: &str, text: &str) -> Stat {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
        self.stat(path)
    }

    fn stat(&self, path: &str) -> Stat {
        self.root.spot(&mirror(path)).unwrap().file(&self.root).unwrap().stat
    }

    fn download(&self, key: &PartialKey, text: &str) {
        drop(partial::open(&self.root, key, OFlags::CREATE).unwrap());
        fs::write(self.at(partial::path(key).as_str()), text).unwrap();
    }

    fn place(&self, target: &str, replaces: Replaced) -> Result<Placed, LocalError> {
        self.download(&key(1), "downloaded");
        let placement = Placement { partial: key(1), target: mirror(target), replaces, modified: MODIFIED };
        place(&self.root, &[placement]).unwrap().remove(0)
    }

    fn partial(&self) -> Option<String> {
        self.read(partial::path(&key(1)).as_str())
    }

    /// Every text in the trash.
    fn trashed(&self) -> Vec<String> {
        fn below(dir: &Path, texts: &mut Vec<String>) {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                if entry.file_type().unwrap().is_dir() {
                    below(&entry.path(), texts);
                } else if entry.file_type().unwrap().is_file() {
                    texts.push(fs::read_to_string(entry.path()).unwrap());
                }
            }
        }
        let mut texts = Vec::new();
        below(&self.at(".damsync/trash"), &mut texts);
        texts.sort();
        texts
    }
}

fn mirror(path: &str) -> MirrorPath {
    MirrorPath::parse(path).unwrap()
}

fn key(version: u32) -> PartialKey {
    PartialKey { asset: 7.into(), version: version.to_string() }
}

fn slot() -> TrashSlot {
    TrashSlot { at: MODIFIED, run: RunId("r1".into()) }
}

/// A save as most programs do it: a new file, renamed over the old.
fn save(path: PathBuf, text: &'static str) -> impl FnOnce() {
    move || {
        let temporary = path.with_extension("saving");
        fs::write(&temporary, text).unwrap();
        fs::rename(&temporary, &path).unwrap();
    }
}

fn is_changed(answer: &Result<Placed, LocalError>) -> bool {
    matches!(answer, Err(LocalError::Changed { .. }))
}

#[test]
fn a_new_file_appears_with_its_time_and_the_umask() {
    let world = World::new();
    fs::create_dir(world.at("a")).unwrap();
    let placed = world.place("a/b.jpg", Replaced::Nothing).unwrap();
    assert_eq!(world.read("a/b.jpg").as_deref(), Some("downloaded"));
    assert_eq!(placed, Placed { stat: world.stat("a/b.jpg"), copy: None });
    assert_eq!(placed.stat.mtime_ns, MODIFIED.0 * 1_000_000);
    fs::write(world.at("a/made"), "").unwrap();
    assert_eq!(fs::metadata(world.at("a/b.jpg")).unwrap().mode(), fs::metadata(world.at("a/made")).unwrap().mode());
    assert_eq!(world.partial(), None);
}

#[test]
fn a_name_that_is_taken_is_not_overwritten() {
    let world = World::new();
    world.file("a.jpg", "mine");
    assert!(is_changed(&world.place("a.jpg", Replaced::Nothing)));
    assert_eq!(world.read("a.jpg").as_deref(), Some("mine"));
    assert_eq!(world.partial().as_deref(), Some("downloaded"));
}

#[test]
fn a_replaced_file_goes_to_the_trash_and_hands_on_its_attributes() {
    let world = World::new();
    world.file("a/b.jpg", "old");
    let old = fs::File::open(world.at("a/b.jpg")).unwrap();
    fs::set_permissions(world.at("a/b.jpg"), fs::Permissions::from_mode(0o640)).unwrap();
    let has_attributes = old.set_xattr("user.label", b"red").is_ok();
    let expect = world.stat("a/b.jpg");
    let placed = world.place("a/b.jpg", Replaced::ToTrash(expect, slot())).unwrap();
    assert_eq!(placed, Placed { stat: world.stat("a/b.jpg"), copy: None });
    assert_eq!(world.read("a/b.jpg").as_deref(), Some("downloaded"));
    assert_eq!(world.read(".damsync/trash/20260129T152832Z-r1/a/b.jpg").as_deref(), Some("old"));
    assert_eq!(world.partial(), None);
    let new = fs::File::open(world.at("a/b.jpg")).unwrap();
    assert_eq!(new.metadata().unwrap().permissions().mode() & 0o7777, 0o640);
    if has_attributes {
        assert_eq!(new.get_xattr("user.label").unwrap().as_deref(), Some(&b"red"[..]));
    }
}

#[test]
fn one_name_trashed_twice_in_one_run_is_numbered() {
    let world = World::new();
    for text in ["1", "2", "3"] {
        let expect = world.file("a.b/c.jpg", text);
        world.place("a.b/c.jpg", Replaced::ToTrash(expect, slot())).unwrap();
    }
    // A file in the trash has the name of a directory that is needed there.
    let expect = world.file("d", "file");
    crate::trash::trash(&world.root, &mirror("d"), &expect, &slot()).unwrap();
    let expect = world.file("d/e", "below");
    let path = crate::trash::trash(&world.root, &mirror("d/e"), &expect, &slot()).unwrap();
    assert_eq!(path.as_str(), ".damsync/trash/20260129T152832Z-r1/d 2/e");
    assert_eq!(world.read(path.as_str()).as_deref(), Some("below"));
    assert_eq!(world.trashed(), ["1", "2", "3", "below", "file"]);
    assert_eq!(world.read(".damsync/trash/20260129T152832Z-r1/a.b/c 3.jpg").as_deref(), Some("3"));
}

#[test]
fn a_file_that_is_not_as_it_was_seen_is_not_touched() {
    let world = World::new();
    let expect = world.file("a.jpg", "seen");
    world.file("a.jpg", "edited since");
    for replaces in [Replaced::ToTrash(expect, slot()), Replaced::ToCopy(expect, vec![mirror("copy")])] {
        assert!(is_changed(&world.place("a.jpg", replaces)));
        assert_eq!(world.read("a.jpg").as_deref(), Some("edited since"));
        assert_eq!(world.partial().as_deref(), Some("downloaded"));
    }
    fs::remove_file(world.at("a.jpg")).unwrap();
    assert!(is_changed(&world.place("a.jpg", Replaced::ToTrash(expect, slot()))));
    assert!(world.trashed().is_empty());
}

#[test]
fn a_save_between_the_look_and_the_exchange_keeps_its_name() {
    let world = World::new();
    let expect = world.file("a.jpg", "old");
    during(Moment::BeforeExchange, save(world.at("a.jpg"), "saved just now"));
    assert!(is_changed(&world.place("a.jpg", Replaced::ToTrash(expect, slot()))));
    assert_eq!(world.read("a.jpg").as_deref(), Some("saved just now"));
    assert_eq!(world.partial().as_deref(), Some("downloaded"));
    assert!(world.trashed().is_empty());
}

#[test]
fn a_write_in_place_between_the_look_and_the_exchange_keeps_its_name() {
    let world = World::new();
    let expect = world.file("a.jpg", "old");
    let path = world.at("a.jpg");
    during(Moment::BeforeExchange, move || fs::write(path, "written just now").unwrap());
    assert!(is_changed(&world.place("a.jpg", Replaced::ToTrash(expect, slot()))));
    assert_eq!(world.read("a.jpg").as_deref(), Some("written just now"));
    assert_eq!(world.partial().as_deref(), Some("downloaded"));
}

#[test]
fn of_two_saves_around_the_exchange_the_newer_has_the_name_and_none_is_lost() {
    let world = World::new();
    let expect = world.file("a.jpg", "old");
    during(Moment::BeforeExchange, save(world.at("a.jpg"), "first save"));
    during(Moment::BeforeExchangeBack, save(world.at("a.jpg"), "second save"));
    assert!(is_changed(&world.place("a.jpg", Replaced::ToTrash(expect, slot()))));
    assert_eq!(world.read("a.jpg").as_deref(), Some("second save"));
    assert_eq!(world.trashed(), ["first save"]);
}

#[test]
fn a_deletion_around_the_exchange_loses_nothing() {
    let world = World::new();
    let expect = world.file("a.jpg", "old");
    let path = world.at("a.jpg");
    during(Moment::BeforeExchange, move || fs::remove_file(path).unwrap());
    assert!(is_changed(&world.place("a.jpg", Replaced::ToTrash(expect, slot()))));
    assert_eq!((world.read("a.jpg"), world.partial().as_deref()), (None, Some("downloaded")));

    let expect = world.file("a.jpg", "old");
    let path = world.at("a.jpg");
    during(Moment::BeforeExchange, save(world.at("a.jpg"), "saved"));
    during(Moment::BeforeExchangeBack, move || fs::remove_file(path).unwrap());
    assert!(is_changed(&world.place("a.jpg", Replaced::ToTrash(expect, slot()))));
    assert_eq!(world.read("a.jpg").as_deref(), Some("saved"));
}

#[test]
fn a_directory_or_link_put_in_the_targets_place_stays_there() {
    let world = World::new();
    let outside = tempfile::tempdir().unwrap();
    let expect = world.file("a.jpg", "old");
    let (path, moved, elsewhere) = (world.at("a.jpg"), world.at("moved"), outside.path().join("x"));
    fs::write(&elsewhere, "not ours").unwrap();
    let victim = elsewhere.clone();
    during(Moment::BeforeExchange, move || {
        fs::rename(&path, &moved).unwrap();
        symlink(&victim, &path).unwrap();
    });
    assert!(is_changed(&world.place("a.jpg", Replaced::ToTrash(expect, slot()))));
    assert!(fs::symlink_metadata(world.at("a.jpg")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(elsewhere).unwrap(), "not ours");
    assert_eq!(world.read("moved").as_deref(), Some("old"));

    let expect = world.file("b", "old");
    let path = world.at("b");
    during(Moment::BeforeExchange, move || {
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("c"), "inside").unwrap();
    });
    assert!(is_changed(&world.place("b", Replaced::ToCopy(expect, vec![mirror("copy")]))));
    assert_eq!(world.read("b/c").as_deref(), Some("inside"));
}

#[test]
fn a_conflict_copy_takes_the_first_free_name() {
    let world = World::new();
    let expect = world.file("a/b.jpg", "mine");
    world.file("a/copy.jpg", "somebody's");
    let names = vec![mirror("a/copy.jpg"), mirror("a/copy 2.jpg"), mirror("a/copy 3.jpg")];
    let placed = world.place("a/b.jpg", Replaced::ToCopy(expect, names)).unwrap();
    assert_eq!(placed.stat, world.stat("a/b.jpg"));
    assert_eq!(placed.copy, Some((mirror("a/copy 2.jpg"), world.stat("a/copy 2.jpg"))));
    let texts = ["a/b.jpg", "a/copy.jpg", "a/copy 2.jpg"].map(|path| world.read(path).unwrap());
    assert_eq!(texts, ["downloaded", "somebody's", "mine"]);
}

#[test]
fn a_save_around_the_making_of_a_copy_is_never_lost() {
    let world = World::new();
    let expect = world.file("a.jpg", "mine");
    let copy = || vec![mirror("copy.jpg")];
    during(Moment::BeforeExchange, save(world.at("a.jpg"), "saved before"));
    assert!(is_changed(&world.place("a.jpg", Replaced::ToCopy(expect, copy()))));
    assert_eq!((world.read("a.jpg").as_deref(), world.read("copy.jpg")), (Some("saved before"), None));

    let expect = world.stat("a.jpg");
    during(Moment::CopyMade, save(world.at("a.jpg"), "saved between"));
    assert!(is_changed(&world.place("a.jpg", Replaced::ToCopy(expect, copy()))));
    assert_eq!(world.read("a.jpg").as_deref(), Some("saved between"));
    assert_eq!(world.read("copy.jpg").as_deref(), Some("saved before"));
}

#[test]
fn a_write_after_placing_is_not_taken_for_the_placed_bytes() {
    let world = World::new();
    let ours = world.file("a.jpg", "ours");
    let edited = world.file("a.jpg", "edited");
    let looked = || world.root.spot(&mirror("a.jpg")).unwrap().look();
    assert_eq!(as_left(looked(), &ours), ours);
    assert_eq!(as_left(looked(), &Stat { ctime_ns: 0, ..edited }), edited);
}

#[test]
fn a_group_has_one_answer_for_each() {
    let world = World::new();
    let mut placements = Vec::new();
    for number in 0..9 {
        world.download(&key(number), &format!("text {number}"));
        let target = mirror(&format!("{number}.jpg"));
        placements.push(Placement { partial: key(number), target, replaces: Replaced::Nothing, modified: MODIFIED });
    }
    world.file("3.jpg", "mine");
    placements[5].target = mirror("no such directory/5.jpg");
    placements[6].target = mirror(".damsync/6.jpg");
    partial::discard(&world.root, &key(7)).unwrap();
    let answers = place(&world.root, &placements).unwrap();
    for (number, answer) in answers.iter().enumerate() {
        match number {
            3 => assert!(is_changed(answer), "{answer:?}"),
            5 | 7 => assert!(matches!(answer, Err(LocalError::Missing { .. })), "{answer:?}"),
            6 => assert!(matches!(answer, Err(LocalError::NotOurs { .. })), "{answer:?}"),
            _ => assert_eq!(answer.as_ref().unwrap().stat, world.stat(&format!("{number}.jpg"))),
        }
    }
}

#[test]
fn where_nothing_can_be_exchanged_two_steps_lose_nothing_either() {
    let world = World::new();
    let expect = world.file("a.jpg", "old");
    world.download(&key(1), "downloaded");
    let placement =
        Placement { partial: key(1), target: mirror("a.jpg"), replaces: Replaced::Nothing, modified: MODIFIED };
    let mut touched = Touched::default();
    let ours = world.stat(partial::path(&key(1)).as_str());
    let commit = Commit::open(&world.root, &placement, ours, &mut touched).unwrap();
    let bin = Bin::open(&world.root, &slot(), &mirror("a.jpg"), &mut touched).unwrap();
    commit.replace_in_two_steps(&expect, &bin).unwrap();
    assert_eq!(world.read("a.jpg").as_deref(), Some("downloaded"));
    assert_eq!(world.trashed(), ["old"]);

    world.download(&key(1), "downloaded again");
    let answer = commit.replace_in_two_steps(&expect, &bin);
    assert!(matches!(answer, Err(LocalError::Changed { .. })));
    assert_eq!(world.read("a.jpg").as_deref(), Some("downloaded"));
}

#[test]
fn a_save_between_the_look_and_the_trashing_keeps_its_name() {
    let world = World::new();
    let expect = world.file("a/b.jpg", "old");
    let trash = || crate::trash::trash(&world.root, &mirror("a/b.jpg"), &expect, &slot());
    during(Moment::BeforeMove, save(world.at("a/b.jpg"), "saved just now"));
    assert!(matches!(trash(), Err(LocalError::Changed { .. })));
    assert_eq!(world.read("a/b.jpg").as_deref(), Some("saved just now"));
    assert!(world.trashed().is_empty());

    let expect = world.stat("a/b.jpg");
    let path = world.at("a/b.jpg");
    during(Moment::BeforeMove, move || fs::write(path, "written in place").unwrap());
    let answer = crate::trash::trash(&world.root, &mirror("a/b.jpg"), &expect, &slot());
    assert!(matches!(answer, Err(LocalError::Changed { .. })));
    assert_eq!(world.read("a/b.jpg").as_deref(), Some("written in place"));
}

#[test]
fn a_link_in_the_place_of_our_own_directories_is_refused() {
    let world = World::new();
    let outside = tempfile::tempdir().unwrap();
    let expect = world.file("a.jpg", "old");
    fs::create_dir(world.at(".damsync")).unwrap();
    symlink(outside.path(), world.at(".damsync/trash")).unwrap();
    let answer = world.place("a.jpg", Replaced::ToTrash(expect, slot()));
    assert!(matches!(answer, Err(LocalError::NotOurs { .. })), "{answer:?}");
    let answer = crate::trash::trash(&world.root, &mirror("a.jpg"), &expect, &slot());
    assert!(matches!(answer, Err(LocalError::NotOurs { .. })), "{answer:?}");
    fs::remove_dir_all(world.at(".damsync")).unwrap();
    symlink(outside.path(), world.at(".damsync")).unwrap();
    assert!(matches!(partial::open(&world.root, &key(1), OFlags::CREATE), Err(LocalError::NotOurs { .. })));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(world.read("a.jpg").as_deref(), Some("old"));
}

#[test]
fn a_placing_killed_after_the_attributes_can_be_taken_up_again() {
    let world = World::new();
    world.download(&key(1), "downloaded");
    let path = world.at(partial::path(&key(1)).as_str());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let content = partial::content(&world.root, &key(1)).unwrap().unwrap();
    assert_eq!(content.size, 10);
}
