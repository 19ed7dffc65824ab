//! The fuzzers' checks over their seeds and thousands of mutations of them: the same ones in each run.

use damsync_hostile::seeds::{Chance, mutated, themes};
use std::panic::catch_unwind;

fn check(theme: &str, mutations: usize) {
    let found = themes().into_iter().find(|(name, ..)| *name == theme);
    let (_, holds, seeds) = found.unwrap_or_else(|| panic!("no theme {theme}"));
    let mut chance = Chance(7);
    let mutations = std::iter::repeat_with(|| mutated(&seeds, &mut chance)).take(mutations);
    for input in seeds.iter().cloned().chain(mutations) {
        let shown = input.escape_ascii().to_string();
        assert!(catch_unwind(|| holds(&input)).is_ok(), "does not hold for b\"{shown}\"");
    }
}

#[test]
fn names_stay_inside_come_back_and_do_not_change() {
    check("names", 4000);
}

#[test]
fn answers_are_read_right_or_refused() {
    check("answers", 6000);
}

#[test]
fn ignore_files_speak_about_their_own_directory_only() {
    // Each makes a dozen automata.
    check("ignore_files", 600);
}

#[test]
fn a_configuration_can_be_obeyed_or_is_refused() {
    check("configuration", 3000);
}

#[test]
fn watched_paths_lead_nowhere_else_and_none_is_lost() {
    check("watcher_paths", 6000);
}

#[test]
fn no_fuzz_target_is_missing() {
    let manifest = include_str!("../../../fuzz/Cargo.toml");
    for (theme, ..) in themes() {
        assert!(manifest.contains(&format!("name = \"{theme}\"")), "fuzz/Cargo.toml has no target {theme}");
    }
}
