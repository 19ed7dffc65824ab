//! What the documents name must exist.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn collect(dir: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") {
                collect(&path, names);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                is_test |= line.starts_with("#[") && line.contains("test");
                let declared = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                if let Some(name) = declared.and_then(|rest| rest.split(['(', '<']).next()) {
                    if is_test {
                        names.insert(name.to_owned());
                    }
                    is_test = false;
                }
            }
        }
    }
}

fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for dir in ["crates", "tests"] {
        collect(&project().join(dir), &mut names);
    }
    names
}

#[test]
fn every_hazard_names_tests_and_all_of_them_exist() {
    let page = fs::read_to_string(project().join("docs/hazards.md")).unwrap();
    let tests = tests();
    let mut rows = 0;
    let mut missing = Vec::new();
    for line in
        page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| #") && !line.starts_with("| ---"))
    {
        rows += 1;
        let cell = line.trim_end_matches('|').rsplit('|').next().unwrap();
        let named: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test covers it: {line}");
        missing.extend(named.into_iter().filter(|name| !tests.contains(*name)).map(str::to_owned));
    }
    assert_eq!(rows, 25);
    assert!(missing.is_empty(), "named in docs/hazards.md, and no tests: {missing:?}");
}

#[test]
fn every_file_that_the_architecture_names_exists() {
    let page = fs::read_to_string(project().join("ARCHITECTURE.md")).unwrap();
    let named =
        page.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".rs") && !word.contains(['{', '*', ' ']));
    let mut count = 0;
    for path in named {
        // Short names stand for files of the crate in whose paragraph they are.
        let found = project().join("crates").join(path).exists()
            || project().join(path).exists()
            || project().join("crates/reconciler/src").join(path).exists()
            || project().join("crates/model/src/planner").join(path).exists()
            || project().join("tests/tests").join(path).exists();
        assert!(found, "{path} is named in ARCHITECTURE.md and is not there");
        count += 1;
    }
    assert!(count > 10, "{count}");
}
