//! Several assets of one folder with one file name: one keeps the plain name, the others carry a mark, and names stay.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Asset, Setup, json, md5};

/// Assets called `a.jpg`, in the order of their ids, with "1", "2", … in them.
fn doubles<const N: usize>(setup: &Setup) -> [Asset; N] {
    std::array::from_fn(|at| setup.sandbox.asset("Studio/a.jpg", (at + 1).to_string()))
}

/// Two of them, synced.
fn two() -> (Setup, Asset, Asset, String) {
    let setup = Setup::new();
    let [first, second] = doubles(&setup);
    setup.sync(&[("pulled", 2)]);
    let marked = second.marked("a.jpg");
    setup.stable(&[("a.jpg", &first, "1"), (&marked, &second, "2")]);
    (setup, first, second, marked)
}

#[test]
fn of_three_doubles_the_lowest_id_keeps_the_plain_name() {
    let setup = Setup::new();
    let [first, second, third] = doubles(&setup);
    setup.sync(&[("pulled", 3)]);
    let marked = [&second, &third].map(|asset| asset.marked("a.jpg"));
    setup.stable(&[("a.jpg", &first, "1"), (&marked[0], &second, "2"), (&marked[1], &third, "3")]);
}

#[test]
fn of_doubles_that_arrive_in_a_later_pass_the_lowest_id_keeps_the_plain_name() {
    let setup = Setup::new();
    setup.sync(&[]);
    let [first, second, third] = doubles(&setup);
    // The feed may tell of them in any order.
    for asset in [&third, &second, &first] {
        setup.sandbox.patch(asset, &json!({ "rating": 1 }));
    }
    setup.sync(&[("pulled", 3)]);
    let marked = [&second, &third].map(|asset| asset.marked("a.jpg"));
    setup.stable(&[("a.jpg", &first, "1"), (&marked[0], &second, "2"), (&marked[1], &third, "3")]);
}

#[test]
fn of_doubles_that_the_server_tells_of_in_two_answers_the_lowest_id_keeps_the_plain_name() {
    let setup = Setup::new();
    setup.sync(&[]);
    let first = setup.sandbox.asset("Studio/a.jpg", "1");
    // More than one answer holds.
    for number in 0..110 {
        setup.sandbox.asset("Studio/more/of.jpg", number.to_string());
    }
    let second = setup.sandbox.asset("Studio/a.jpg", "2");
    setup.sync(&[("pulled", 112), ("folders_created_local", 1)]);
    assert_eq!(setup.read("a.jpg"), b"1");
    assert_eq!(setup.read(&second.marked("a.jpg")), b"2");
    assert!(setup.has("more/of.jpg") && !setup.has(&first.marked("a.jpg")));
    setup.unmoved();
}

#[test]
fn a_double_with_a_lower_id_that_arrives_later_gets_the_mark() {
    let setup = Setup::new();
    let elsewhere = setup.sandbox.asset("Elsewhere/a.jpg", "lower");
    let first = setup.sandbox.asset("Studio/a.jpg", "1");
    setup.sync(&[("pulled", 1)]);
    assert!(elsewhere.id() < first.id());
    let studio = setup.sandbox.tree().folder("Studio").unwrap();
    let arrived = setup.sandbox.patch(&elsewhere, &json!({ "folder_id": studio }));
    setup.sync(&[("pulled", 1)]);
    setup.stable(&[("a.jpg", &first, "1"), (&arrived.marked("a.jpg"), &arrived, "lower")]);
}

#[test]
fn an_edit_of_a_double_reaches_its_own_asset() {
    let (setup, first, second, marked) = two();
    setup.write(&marked, "2 edited");
    setup.sync(&[("pushed_versions", 1)]);
    setup.stable(&[("a.jpg", &first, "1"), (&marked, &second, "2 edited")]);
    setup.write("a.jpg", "1 edited");
    setup.sync(&[("pushed_versions", 1)]);
    setup.stable(&[("a.jpg", &first, "1 edited"), (&marked, &second, "2 edited")]);
    assert_eq!(setup.sandbox.now(&second).contents(), [md5("2"), md5("2 edited")]);
}

#[test]
fn a_new_version_of_a_double_reaches_its_own_file() {
    let (setup, first, second, marked) = two();
    setup.sandbox.version(&second, "2 theirs");
    setup.sync(&[("pulled", 1)]);
    setup.stable(&[("a.jpg", &first, "1"), (&marked, &second, "2 theirs")]);
    setup.sandbox.version(&first, "1 theirs");
    setup.sync(&[("pulled", 1)]);
    setup.stable(&[("a.jpg", &first, "1 theirs"), (&marked, &second, "2 theirs")]);
}

#[test]
fn a_conflict_of_a_double_keeps_both_beside_its_own_name() {
    let (setup, first, second, marked) = two();
    setup.write(&marked, "ours");
    setup.sandbox.version(&second, "theirs");
    let pass = setup.sync(&[("pulled", 1), ("pushed_new", 1)]);
    let copy = pass.copies()[0].to_owned();
    assert!(copy.starts_with(&format!("{} (conflict ", marked.strip_suffix(".jpg").unwrap())), "{copy}");
    let copied = setup.asset_named(&copy);
    setup.stable(&[("a.jpg", &first, "1"), (&marked, &second, "theirs"), (&copy, &copied, "ours")]);
}

#[test]
fn deleting_the_file_of_a_double_trashes_its_own_asset() {
    let (setup, first, second, marked) = two();
    setup.remove(&marked);
    setup.sync(&[("trashed_remote", 1)]);
    assert!(!setup.sandbox.now(&second).alive());
    setup.stable(&[("a.jpg", &first, "1")]);
}

#[test]
fn deleting_the_plain_file_trashes_its_asset_and_leaves_the_other_its_name() {
    let (setup, first, second, marked) = two();
    setup.remove("a.jpg");
    setup.sync(&[("trashed_remote", 1)]);
    assert!(!setup.sandbox.now(&first).alive());
    setup.stable(&[(&marked, &second, "2")]);
}

#[test]
fn a_double_keeps_its_name_when_the_one_with_the_plain_name_is_trashed() {
    let (setup, first, second, marked) = two();
    setup.sandbox.trash(&first);
    setup.sync(&[("trashed_local", 1)]);
    assert_eq!(setup.trash(), [("a.jpg".to_owned(), md5("1"))].into());
    setup.stable(&[(&marked, &second, "2")]);
    // The name is free again, for a newcomer and not for who has one.
    let third = setup.sandbox.asset("Studio/a.jpg", "3");
    setup.sync(&[("pulled", 1)]);
    setup.stable(&[("a.jpg", &third, "3"), (&marked, &second, "2")]);
}

#[test]
fn a_double_that_comes_back_from_the_trash_takes_no_name_that_was_given_meanwhile() {
    let (setup, first, second, marked) = two();
    setup.sandbox.trash(&first);
    setup.sync(&[("trashed_local", 1)]);
    let third = setup.sandbox.asset("Studio/a.jpg", "3");
    setup.sync(&[("pulled", 1)]);
    let first = setup.sandbox.patch(&first, &json!({ "trashed_at": null }));
    setup.sync(&[("pulled", 1)]);
    let returned = first.marked("a.jpg");
    setup.stable(&[("a.jpg", &third, "3"), (&marked, &second, "2"), (&returned, &first, "1")]);
}

#[test]
fn a_double_that_comes_and_goes_gets_its_mark_each_time() {
    let (setup, first, second, marked) = two();
    for _ in 0..2 {
        setup.sandbox.trash(&second);
        setup.sync(&[("trashed_local", 1)]);
        setup.stable(&[("a.jpg", &first, "1")]);
        setup.sandbox.patch(&second, &json!({ "trashed_at": null }));
        setup.sync(&[("pulled", 1)]);
        setup.stable(&[("a.jpg", &first, "1"), (&marked, &second, "2")]);
    }
}

#[test]
fn a_double_that_is_renamed_takes_its_file_along() {
    let (setup, first, second, _) = two();
    let second = setup.sandbox.patch(&second, &json!({ "filename": "b.jpg" }));
    setup.sync(&[("moved_local", 1)]);
    setup.stable(&[("a.jpg", &first, "1"), ("b.jpg", &second, "2")]);
}

#[test]
fn a_double_keeps_its_name_when_the_one_with_the_plain_name_is_renamed() {
    let (setup, first, second, marked) = two();
    let first = setup.sandbox.patch(&first, &json!({ "filename": "b.jpg" }));
    setup.sync(&[("moved_local", 1)]);
    setup.stable(&[("b.jpg", &first, "1"), (&marked, &second, "2")]);
    // Back under a name that is free.
    let first = setup.sandbox.patch(&first, &json!({ "filename": "a.jpg" }));
    setup.sync(&[("moved_local", 1)]);
    setup.stable(&[("a.jpg", &first, "1"), (&marked, &second, "2")]);
}

#[test]
fn an_asset_that_is_renamed_to_a_name_that_is_taken_gets_the_mark() {
    let setup = Setup::new();
    let lower = setup.sandbox.asset("Studio/b.jpg", "lower");
    let higher = setup.sandbox.asset("Studio/a.jpg", "higher");
    setup.sync(&[("pulled", 2)]);
    let lower = setup.sandbox.patch(&lower, &json!({ "filename": "a.jpg" }));
    setup.sync(&[("moved_local", 1)]);
    setup.stable(&[("a.jpg", &higher, "higher"), (&lower.marked("a.jpg"), &lower, "lower")]);
}

#[test]
fn a_double_that_is_moved_to_another_folder_has_its_plain_name_there() {
    let (setup, first, second, _) = two();
    let sub = setup.sandbox.folder("Studio/sub");
    let second = setup.sandbox.patch(&second, &json!({ "folder_id": sub }));
    setup.sync(&[("moved_local", 1), ("folders_created_local", 1)]);
    setup.stable(&[("a.jpg", &first, "1"), ("sub/a.jpg", &second, "2")]);
}

#[test]
fn a_new_local_file_called_like_a_double_is_an_asset_of_its_own() {
    let setup = Setup::new();
    let first = setup.sandbox.asset("Studio/a.jpg", "1");
    setup.sync(&[("pulled", 1)]);
    // What a second asset would be called, before there is one.
    setup.write("a~00000000.jpg", "mine");
    setup.sync(&[("pushed_new", 1)]);
    let mine = setup.asset_named("a~00000000.jpg");
    setup.stable(&[("a.jpg", &first, "1"), ("a~00000000.jpg", &mine, "mine")]);
}

#[test]
fn a_double_whose_marked_name_a_user_has_taken_gets_another() {
    let setup = Setup::new();
    let first = setup.sandbox.asset("Studio/a.jpg", "1");
    let second = setup.sandbox.asset("Elsewhere/a.jpg", "2");
    setup.sync(&[("pulled", 1)]);
    let marked = second.marked("a.jpg");
    setup.write(&marked, "mine");
    setup.sync(&[("pushed_new", 1)]);
    let studio = setup.sandbox.tree().folder("Studio").unwrap();
    let second = setup.sandbox.patch(&second, &json!({ "folder_id": studio }));
    setup.sync(&[("pulled", 1)]);
    let long = format!("a~{}.jpg", second.guid());
    let mine = setup.asset_named(&marked);
    setup.stable(&[("a.jpg", &first, "1"), (&marked, &mine, "mine"), (&long, &second, "2")]);
}

#[test]
fn doubles_are_found_again_without_the_state() {
    let (setup, first, second, marked) = two();
    std::fs::remove_dir_all(&setup.state).unwrap();
    setup.sync(&[("adopted", 2)]);
    setup.stable(&[("a.jpg", &first, "1"), (&marked, &second, "2")]);
}

#[test]
fn doubles_whose_plain_name_is_vacant_are_found_again_without_the_state() {
    let (setup, first, second, marked) = two();
    setup.sandbox.trash(&first);
    setup.sync(&[("trashed_local", 1)]);
    setup.stable(&[(&marked, &second, "2")]);
    std::fs::remove_dir_all(&setup.state).unwrap();
    // Names were given by a state that is no more; the bytes are here, so none travels and no second asset is made.
    setup.sandbox.forget_requests();
    let pass = setup.reconcile(&[]);
    assert_eq!(pass.code, 0, "{pass:#?}");
    setup.sandbox.requests().assert_no_bytes_moved();
    setup.stable(&[(&marked, &second, "2")]);
}

#[test]
fn doubles_without_an_extension_or_with_a_leading_dot_have_the_mark_at_their_end() {
    let setup = Setup::new();
    let mut pairs = Vec::new();
    for name in ["README", ".profile", "a.tar.gz", "end.", "日本"] {
        let plain = setup.sandbox.asset(&format!("Studio/{name}"), format!("{name} 1"));
        let double = setup.sandbox.asset(&format!("Studio/{name}"), format!("{name} 2"));
        let marked = double.marked(name);
        pairs.push((name.to_owned(), plain, format!("{name} 1")));
        pairs.push((marked, double, format!("{name} 2")));
    }
    setup.sync(&[("pulled", 10)]);
    let pairs: Vec<_> = pairs.iter().map(|(path, asset, bytes)| (path.as_str(), asset, bytes.as_str())).collect();
    setup.stable(&pairs);
}
