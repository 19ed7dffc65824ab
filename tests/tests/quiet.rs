//! Two passes in a row: the second writes no row and no file, and asks the same few questions however much is there.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Pass, Setup, json, until};
use std::time::Duration;

/// What a pass asks when there is no news: who we are, the folders (twice: some servers may page that list), how many
/// assets are in the trash, what changed, and in the index what is new, how much was new lately, and which ids are there.
const CONSTANT: [&str; 8] = [
    "GET /api/whoami?",
    "GET /api/storage_folders?",
    "GET /api/storage_folders?page",
    "GET /api/assets/trashed?",
    "GET /api/assets/updated_since_last_sync?any_user",
    "POST /api/assets/search?",
    "POST /api/assets/search?",
    "POST /api/assets/search?",
];

/// What is left to note is noted; then a pass leaves no trace and asks nothing but [`CONSTANT`].
#[track_caller]
fn leaves_no_trace(setup: &Setup) -> Pass {
    leaves_no_trace_and_asks(setup, &CONSTANT)
}

#[track_caller]
fn leaves_no_trace_and_asks(setup: &Setup, constant: &[&str]) -> Pass {
    setup.sandbox.processed();
    // A file that was read right after it was written is read once more, when its times can hide nothing.
    until("files that are old enough", || (setup.age_of_the_youngest() > Duration::from_millis(2500)).then_some(()));
    setup.reconcile(&[]);
    let before = setup.traces();
    setup.sandbox.forget_requests();
    let pass = setup.reconcile(&[]);
    assert!(pass.did().is_empty(), "{pass:#?}");
    assert_eq!(pass.bytes(), (0, 0));
    assert_eq!(setup.sandbox.requests().asked(), constant);
    assert_eq!(setup.traces(), before);
    assert_eq!(pass.report["requests"], constant.len());
    pass
}

#[test]
fn a_second_pass_over_a_two_way_mirror_leaves_no_trace() {
    let setup = Setup::new();
    setup.write("a/here.txt", "here");
    setup.sandbox.asset("Studio/b/there.txt", "there");
    setup.sync(&[("pushed_new", 1), ("pulled", 1), ("folders_created_local", 1), ("folders_created_remote", 1)]);
    let before = setup.traces();
    leaves_no_trace(&setup);
    assert_ne!(setup.traces(), before, "that an upload was processed is noted, so the traces do show what is written");
    // The questions do not grow with the mirror.
    for number in 0..120 {
        setup.sandbox.asset(&format!("Studio/c/{number}.txt"), format!("{number}"));
    }
    setup.sync(&[("pulled", 120), ("folders_created_local", 1)]);
    leaves_no_trace(&setup);
}

#[test]
fn a_second_pass_over_a_pull_only_mirror_leaves_no_trace() {
    let setup = Setup::with_mirror("direction = \"pull-only\"");
    let [kept, edited, gone] =
        ["kept.txt", "edited.txt", "gone.txt"].map(|name| setup.sandbox.asset(&format!("Studio/a/{name}"), name));
    setup.sync(&[("pulled", 3), ("folders_created_local", 1)]);
    setup.write("a/edited.txt", "edited here");
    setup.write("b/new.txt", "new here");
    setup.remove("a/gone.txt");
    let pass = setup.sync(&[]);
    assert_eq!(pass.held(), ["direction"; 4], "the edit, the new file, its directory and the deletion: {pass:#?}");
    let pass = leaves_no_trace(&setup);
    assert_eq!(pass.held(), ["direction"; 4]);
    for asset in [&kept, &edited, &gone] {
        assert_eq!(setup.sandbox.now(asset).versions(), 1);
        assert!(setup.sandbox.now(asset).alive());
    }
}

#[test]
fn a_second_pass_over_a_push_only_mirror_leaves_no_trace() {
    let setup = Setup::with_mirror("direction = \"push-only\"");
    setup.write("a/edited.txt", "first");
    setup.write("a/trashed.txt", "trashed");
    setup.sync(&[("pushed_new", 2), ("folders_created_remote", 1)]);
    setup.quiet();
    setup.sandbox.version(&setup.asset("a/edited.txt"), "edited there");
    setup.sandbox.trash(&setup.asset("a/trashed.txt"));
    setup.sandbox.asset("Studio/b/new.txt", "new there");
    let pass = setup.sync(&[]);
    assert_eq!(pass.held(), ["direction"; 4], "the version, the deletion, the new asset and its folder: {pass:#?}");
    let without_hints: Vec<&str> = CONSTANT.into_iter().filter(|asked| !asked.contains("updated_since")).collect();
    let pass = leaves_no_trace_and_asks(&setup, &without_hints);
    assert_eq!(pass.held(), ["direction"; 4]);
    assert_eq!(setup.read("a/edited.txt"), b"first");
}

#[test]
fn a_second_pass_with_an_open_conflict_leaves_no_trace() {
    let setup = Setup::new();
    let asset = setup.sandbox.asset("Studio/a/b.txt", "base");
    setup.sync(&[("pulled", 1), ("folders_created_local", 1)]);
    setup.write("a/b.txt", "ours");
    setup.sandbox.version(&asset, "theirs");
    setup.sync(&[("pulled", 1), ("pushed_new", 1)]);
    let pass = leaves_no_trace(&setup);
    assert_eq!((pass.code, pass.copies().len()), (0, 1), "{pass:#?}");
}

#[test]
fn a_second_pass_with_awaiting_assets_leaves_no_trace() {
    let setup = Setup::new();
    let folder = setup.sandbox.folder("Studio/box");
    setup.sandbox.patch_folder(folder, &json!({ "require_tags": true }));
    setup.sandbox.habits(&json!({ "unsubmitted_listed": false }));
    setup.sandbox.asset("Studio/box/other.txt", "other");
    for name in ["a", "b", "c"] {
        setup.write(&format!("box/{name}.txt"), name);
    }
    setup.sync(&[("pushed_new", 3), ("pulled", 1)]);
    let waiting = setup.asset("box/a.txt");
    setup.sandbox.processed();
    // Far from the moment of the upload, an asset that waits is looked at after growing times.
    setup.sandbox.advance(2 * 60 * 60 * 1000);
    assert_eq!(setup.reconcile(&[]).waiting("submission").len(), 3);
    // Nothing happened lately, so nobody asks how much.
    let pass = leaves_no_trace_and_asks(&setup, &CONSTANT[..7]);
    assert_eq!(pass.waiting("submission").len(), 3, "{pass:#?}");
    assert_eq!(setup.sandbox.now(&waiting).versions(), 1);
}

#[test]
fn a_second_pass_with_held_and_skipped_items_leaves_no_trace() {
    let setup = Setup::with_mirror("delete = \"keep\"");
    let kept = setup.sandbox.asset("Studio/a/kept.txt", "kept");
    let closed = setup.sandbox.asset("Studio/a/closed.txt", "closed");
    setup.sandbox.patch(&closed, &json!({ "original_downloadable": false, "downloadable": false }));
    setup.sandbox.asset("Studio/a/link.txt", "was a file");
    setup.sync(&[("pulled", 2), ("folders_created_local", 1)]);
    setup.remove("a/kept.txt");
    setup.remove("a/link.txt");
    std::os::unix::fs::symlink("elsewhere", setup.path("a/link.txt")).unwrap();
    std::os::unix::fs::symlink("elsewhere", setup.path("a/new link")).unwrap();
    let pass = leaves_no_trace(&setup);
    let (mut held, mut skipped) = (pass.held(), pass.skipped());
    held.sort_unstable();
    skipped.sort_unstable();
    assert_eq!(held, ["kept", "not_permitted"], "{pass:#?}");
    assert_eq!(skipped, ["a/link.txt", "a/new link"], "{pass:#?}");
    assert_eq!(pass.code, 0);
    assert!(setup.sandbox.now(&kept).alive());
}

#[test]
fn a_second_pass_with_a_refused_item_leaves_no_trace() {
    let setup = Setup::new();
    let refused = setup.sandbox.asset("Studio/refused.txt", "refused");
    setup.sandbox.fault(&json!({ "path": format!("/api/assets/{}/download", refused.id()), "times": 0,
        "what": { "status": { "code": 403 } } }));
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.failed(), ["refused.txt"]);
    let pass = leaves_no_trace(&setup);
    assert_eq!((pass.code, pass.failed()), (1, vec!["refused.txt"]), "{pass:#?}");
}
