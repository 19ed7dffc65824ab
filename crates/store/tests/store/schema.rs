//! The schema as text and as SQLite has it: every table says what one row means, and is strict.

use crate::sample::STAMP;
use damsync_store::Store;
use rusqlite::Connection;

const SCHEMA: &str = include_str!("../../src/schema.sql");

#[test]
fn every_table_says_what_one_row_means() {
    let lines: Vec<&str> = SCHEMA.lines().collect();
    let mut tables = 0;
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("CREATE TABLE")) {
        tables += 1;
        let above = lines[..number].last().copied().unwrap_or_default();
        assert!(above.starts_with("-- "), "{line} says nothing");
        let comment = lines[..number].iter().rev().take_while(|line| line.starts_with("--")).last().unwrap();
        assert!(comment.starts_with("-- One row: "), "{line}: {comment}");
    }
    assert!(tables >= 15, "{tables}");
}

#[test]
fn every_table_is_strict() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    drop(Store::open(&path, STAMP).unwrap());
    let connection = Connection::open(&path).unwrap();
    let mut statement = connection
        .prepare("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'")
        .unwrap();
    let tables: Vec<(String, bool)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(tables.len(), SCHEMA.matches("\nCREATE TABLE").count());
    for (name, strict) in tables {
        assert!(strict, "{name} takes anything");
    }
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}
