//! Every rule that this version obeys has its tests.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use std::collections::BTreeSet;

/// The rules of "What happens when" that need no local move and no restore.
const RULES: [u32; 24] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 19, 20, 23, 24, 25, 26, 27, 28, 29, 30];

#[test]
fn every_rule_has_a_test_that_is_named_after_it() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    let mut tested = BTreeSet::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_string_lossy().starts_with("rules_") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let name = lines.peek().and_then(|next| next.strip_prefix("fn r")).filter(|_| line == "#[test]");
            tested.extend(name.and_then(|name| name.split('_').next()?.parse::<u32>().ok()));
        }
    }
    let missing: Vec<u32> = RULES.into_iter().filter(|rule| !tested.contains(rule)).collect();
    assert!(missing.is_empty(), "rules without a test: {missing:?}");
}
