//! What holds for names whatever a server sends: a local name never leads out of its directory, never is ours, always
//! fits, and says as much of the remote name as it can.

use damsync_model::id::{AssetId, Guid, RemoteId, StorageFolderId};
use damsync_model::name::{
    FileName, Folding, Level, MAX_BYTES, NameKey, candidates_for_asset, candidates_for_folder, conflict_copy,
    host_part, is_conflict_copy, key_text, last_resort,
};
use damsync_model::path::MirrorPath;
use damsync_model::time::UnixMs;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeSet;

/// Texts as a hostile server would choose them.
fn hostile() -> impl Strategy<Value = String> {
    let odd = select(
        &[
            "",
            ".",
            "..",
            "...",
            "/",
            "\0",
            "../..",
            "a/../../b",
            ".damsync",
            ".DAMSYNC",
            ".dam\u{17f}ync",
            "~",
            "-",
            ".dam\u{200b}sync",
            "\u{feff}.damsync",
            ".jpg",
            "a.",
            "a..",
            ".a.",
            "%2F",
            "\u{301}",
            "a\u{301}.jpg",
            "\n",
            " (conflict 2026-01-29 152832 h)",
            "a (conflict 2026-01-29 152832 h.local 2).jpg",
            "é",
            "日本.png",
        ][..],
    );
    let piece = prop_oneof![odd.prop_map(str::to_owned), any::<String>(), "[a-z./\0~ é-]{0,12}"];
    let long = (piece.clone(), select(&[1_usize, 50, 127, 128, 254, 255, 256, 600][..]))
        .prop_map(|(text, times)| if text.len() * times < 2_000 { text.repeat(times) } else { text });
    prop_oneof![4 => piece.clone(), 2 => long.clone(), 2 => (piece, long).prop_map(|(a, b)| format!("{a}.{b}"))]
}

fn level() -> impl Strategy<Value = Level> {
    select(&[Level::Root, Level::Below][..])
}

/// Every rule of the type, checked from outside.
fn sound(name: &FileName) -> bool {
    let text = name.as_str();
    let dir = MirrorPath::parse("dir");
    let stays = dir.as_ref().map(|dir| dir.join(name).parent()) == Some(dir);
    FileName::new(text).is_some() && text.len() <= MAX_BYTES && stays && MirrorPath::parse(text).is_some()
}

fn unescaped(name: &str) -> String {
    name.replace("%2F", "/").replace("%00", "\0").replace("%2E", ".")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_server_calls_things_their_local_names_are_sound(
        name in hostile(), id in hostile(), level in level(),
    ) {
        let guid = Guid(id.clone().into());
        let number = RemoteId::Text(id.into());
        let folder = StorageFolderId(number.clone());
        let assets = candidates_for_asset(&name, &guid, level);
        let for_folder = || candidates_for_folder(&name, &folder, level).take(4).collect::<Vec<_>>();
        let folders = for_folder();
        prop_assert_eq!(&assets, &candidates_for_asset(&name, &guid, level));
        prop_assert_eq!(&folders, &for_folder());
        let distinct: BTreeSet<_> = folders[1..].iter().collect();
        prop_assert_eq!(distinct.len(), 3, "{:?}", folders);
        prop_assert!(sound(&last_resort(&AssetId(number))));
        for candidate in assets.iter().chain(&folders) {
            prop_assert!(sound(candidate), "{:?}", candidate);
            let ours = level == Level::Root && key_text(candidate.as_str(), Folding::CaseFolded) == ".damsync";
            prop_assert!(!ours, "{:?}", candidate);
        }
    }

    #[test]
    fn a_name_that_can_be_local_stays_and_any_other_can_be_read_back(name in hostile(), level in level()) {
        let plain = &candidates_for_asset(&name, &Guid("0cf74b82-06c6".into()), level)[0];
        let folded = key_text(&name, Folding::CaseFolded);
        if FileName::new(&name).is_some() && !folded.contains("sync") {
            prop_assert_eq!(plain.as_str(), &name);
        } else if !name.contains('%') && !name.is_empty() && !plain.as_str().contains("~0cf74b82") {
            prop_assert_eq!(unescaped(plain.as_str()), name);
        }
    }

    #[test]
    fn doubles_get_distinct_names_with_the_extension_last(
        stem in "[a-zé ]{1,300}", ext in "[a-z]{1,9}", ids in any::<[u32; 2]>(),
    ) {
        prop_assume!(ids[0] != ids[1]);
        let name = format!("{stem}.{ext}");
        let double = |id| candidates_for_asset(&name, &Guid(format!("{id:08x}-1").into()), Level::Below)[1].clone();
        let [one, two] = ids.map(double);
        prop_assert_ne!(&one, &two);
        prop_assert!(one.as_str().ends_with(&format!("~{:08x}.{ext}", ids[0])), "{}", one);
    }

    #[test]
    fn conflict_copies_are_sound_recognised_and_never_stacked(
        name in hostile(), host in hostile(), times in any::<[u32; 2]>(), attempts in any::<[u32; 2]>(),
    ) {
        let Some(name) = FileName::new(&name) else { return Ok(()) };
        let at = |seconds: u32| UnixMs(i64::from(seconds) * 1000);
        let first = conflict_copy(&name, at(times[0]), &host, attempts[0]);
        prop_assert!(sound(&first), "{:?}", first);
        prop_assert!(is_conflict_copy(first.as_str()), "{:?}", first);
        prop_assert_eq!(&first, &conflict_copy(&name, at(times[0]), &host, attempts[0]));
        let again = conflict_copy(&first, at(times[1]), &host, attempts[1]);
        prop_assert!(sound(&again), "{:?}", again);
        prop_assert!(again.as_str().matches(" (conflict ").count() <= first.as_str().matches(" (conflict ").count());
        prop_assert!(host_part(&host).len() <= 32);
        if attempts[0].max(1) != attempts[1].max(1) {
            prop_assert_ne!(&first, &conflict_copy(&name, at(times[0]), &host, attempts[1]));
        }
    }

    #[test]
    fn keys_are_their_own_keys(name in hostile()) {
        for folding in [Folding::Exact, Folding::CaseFolded] {
            let key = NameKey::of(&name, folding);
            prop_assert_eq!(&NameKey::of(key.as_str(), folding), &key);
        }
        prop_assert_eq!(
            NameKey::of(NameKey::of(&name, Folding::Exact).as_str(), Folding::CaseFolded),
            NameKey::of(&name, Folding::CaseFolded)
        );
    }

    #[test]
    fn ids_are_read_as_they_were_printed(text in "[+-]?0?[0-9]{0,20}|[a-z_0-9]{0,9}", number in any::<i64>()) {
        prop_assert_eq!(RemoteId::parse(&text).to_string(), text);
        prop_assert_eq!(RemoteId::parse(&number.to_string()), RemoteId::Number(number));
    }
}

#[test]
fn a_copy_of_a_file_without_an_extension_is_known_again_although_hosts_have_dots() {
    let name = FileName::new("README").unwrap();
    let first = conflict_copy(&name, UnixMs(1_769_700_512_376), "studio.local", 1);
    assert_eq!(first.as_str(), "README (conflict 2026-01-29 152832 studio.local)");
    let again = conflict_copy(&first, UnixMs(1_769_700_513_376), "studio.local", 2);
    assert_eq!(again.as_str(), "README (conflict 2026-01-29 152833 studio.local 2)");
}

#[test]
fn no_disguise_of_our_own_directory_is_taken_at_the_root() {
    for name in [".damsync", ".Damsync", ".dam\u{17f}ync", ".dam\u{200b}sync", "\u{feff}.damsync", ".DAMSYNC\u{fe0f}"] {
        let at = |level| candidates_for_asset(name, &Guid("g".into()), level)[0].to_string();
        assert_eq!(at(Level::Root), name.replacen('.', "%2E", 1));
        assert_eq!(at(Level::Below), name);
    }
}

#[test]
fn ids_that_are_no_names_only_leave_a_mark_that_is() {
    let guid = |text: &str| Guid(text.into());
    let second = |id: &str| candidates_for_asset("a.jpg", &guid(id), Level::Below)[1].to_string();
    assert_eq!(second("../../x"), "a~.._.._x.jpg");
    assert_eq!(second(""), "a~.jpg");
    assert_eq!(second("--\0a-b"), "a~_a.jpg");
    let folder = StorageFolderId(RemoteId::Text("x/".repeat(5_000).into()));
    let named = candidates_for_folder("Shoot", &folder, Level::Root).nth(1).unwrap();
    assert!(named.as_str().starts_with("Shoot~x_x_") && named.as_str().len() <= MAX_BYTES, "{named}");
}
