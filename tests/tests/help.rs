//! What the program tells about itself: help, completions and manual pages, all from one definition.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::binary;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn damsync(args: &[&str]) -> Output {
    Command::new(binary()).args(args).env_clear().stdin(Stdio::null()).output().unwrap()
}

/// Standard output of a call that must go well.
#[track_caller]
fn told(args: &[&str]) -> String {
    let output = damsync(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that `damsync --help` lists.
fn commands() -> BTreeSet<String> {
    let help = told(&["--help"]);
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    // A wrapped description goes on further to the right.
    let lines = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).filter(|name| name != "help").collect()
}

#[test]
fn the_help_names_the_promised_commands_and_each_has_its_own() {
    let commands = commands();
    for promised in [
        "demo",
        "init",
        "run",
        "reconcile",
        "status",
        "plan",
        "approve",
        "reattach",
        "doctor",
        "sandbox",
        "completions",
        "man",
    ] {
        assert!(commands.contains(promised), "{promised}: {commands:?}");
    }
    for command in commands {
        assert!(told(&[&command, "--help"]).contains(&format!("damsync {command}")), "{command}");
    }
}

#[test]
fn the_help_of_init_says_how_an_id_is_written() {
    assert!(told(&["init", "--help"]).contains("id:42"));
}

#[test]
fn every_shell_gets_completions_that_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = told(&["completions", shell]);
        for command in commands() {
            assert!(script.contains(&command), "{shell}: {command}");
        }
        assert!(script.contains("storage-folder"), "{shell}");
    }
    assert_eq!(damsync(&["completions", "tcsh"]).status.code(), Some(2));
}

#[test]
fn bash_reads_its_completions() {
    let script = told(&["completions", "bash"]);
    let read = Command::new("bash").args(["-n", "-c", &script]).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
}

#[test]
fn the_manual_page_names_every_command() {
    let page = told(&["man"]);
    assert!(page.contains(".TH damsync 1"), "{page}");
    for command in commands() {
        assert!(page.contains(&format!("damsync\\-{command}(1)")), "{command}: {page}");
    }
}

#[test]
fn every_page_that_the_manual_names_is_written_and_formats() {
    let dir = tempfile::tempdir().unwrap();
    let man = dir.path().join("share/man/man1");
    let listed = told(&["man", "--dir", man.to_str().unwrap()]);
    let written: BTreeSet<String> =
        std::fs::read_dir(&man).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let pages = commands().into_iter().map(|command| format!("damsync-{command}.1"));
    assert_eq!(written, pages.chain(["damsync.1".to_owned()]).collect());
    for name in &written {
        let path = man.join(name);
        assert!(listed.contains(path.to_str().unwrap()), "{name}: {listed}");
        formats(&path);
    }
}

/// Where there is a `man`, it must take the page without a complaint.
fn formats(page: &Path) {
    let mut man = Command::new("man");
    man.args(["--warnings", "-l"]).arg(page).env("MANROFFOPT", "-ww").env("LC_ALL", "C.UTF-8").env("MANPAGER", "cat");
    let Ok(output) = man.output() else { return };
    assert!(output.status.success(), "{page:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("SYNOPSIS"), "{page:?}");
}

#[test]
fn a_directory_for_pages_that_cannot_be_made_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = damsync(&["man", "--dir", file.join("man1").to_str().unwrap()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("man1") && said.contains("try:"), "{said}");
}
