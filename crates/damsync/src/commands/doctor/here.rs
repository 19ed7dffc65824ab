//! What is ours on this machine: the state directory, the database in it, and the program that works with both.

use super::check::Check;
use crate::commands::access::{self, Usable};
use crate::config::Config;
use crate::engine::{self, Examined};
use crate::exit::Exit;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const STATE_DIR: &str = "state_dir";
const DATABASE: &str = "database";

/// Whether the state directory is private and can be written.
pub fn state_dir(dir: &Path) -> Check {
    let shown = dir.display();
    let found = match access::directory(dir) {
        Ok(Usable::ToBeMade) => {
            return Check::ok(STATE_DIR, format!("{shown} is not there yet; the first pass makes it"));
        }
        Ok(Usable::There) => dir.metadata(),
        Err(why) => {
            let remedy = format!("make {shown} usable for this user, or choose another `state_dir`");
            return Check::failed(STATE_DIR, Exit::Usage, format!("{shown}: {why}"), remedy);
        }
    };
    let us = rustix::process::geteuid().as_raw();
    match found {
        Ok(found) if found.uid() != us => Check::failed(
            STATE_DIR,
            Exit::Usage,
            format!("{shown} belongs to user {}, and this is user {us}", found.uid()),
            format!("run damsync as that user, or give it to this one with `sudo chown -R {us} {shown}`"),
        ),
        Ok(found) if found.mode() & 0o077 != 0 => Check::warning(
            STATE_DIR,
            format!("{shown} can be entered by others (mode {:03o})", found.mode() & 0o777),
            format!("run `chmod 700 {shown}`"),
        ),
        Ok(_) => Check::ok(STATE_DIR, format!("{shown} is private and can be written")),
        Err(error) => {
            let remedy = format!("make {shown} usable for this user, or choose another `state_dir`");
            Check::failed(STATE_DIR, Exit::Usage, format!("{shown} cannot be examined ({error})"), remedy)
        }
    }
}

/// Whether the database is sound; what it knows of the mirrors.
pub fn database(config: &Config) -> (Check, Option<Examined>) {
    let path = engine::database_path(config);
    let shown = path.display();
    let aside = || {
        format!(
            "stop damsync, move it aside with `mv {shown} {shown}.damaged`, and run `damsync reconcile`: it joins both sides anew and deletes nothing"
        )
    };
    match engine::examine_database(config) {
        Ok(None) => (Check::ok(DATABASE, format!("{shown} is not there yet; the first pass makes it")), None),
        Ok(Some(examined)) if examined.complaints.is_empty() => {
            (Check::ok(DATABASE, format!("{shown} opens and is sound")), Some(examined))
        }
        Ok(Some(examined)) => {
            let seen = format!("{shown} is damaged ({})", examined.complaints.join("; "));
            (Check::failed(DATABASE, Exit::Remains, seen, aside()), None)
        }
        Err(error) => {
            let words = error.to_string();
            let remedy = if words.contains("update damsync") { "update damsync".to_owned() } else { aside() };
            (Check::failed(DATABASE, Exit::Remains, words, remedy), None)
        }
    }
}

/// Whether another program works with the state directory. That is no fault.
pub fn other_program(config: &Config) -> Check {
    Check::ok(
        "other_program",
        match engine::working_process(config) {
            None => "no other damsync is at work".to_owned(),
            Some(None) => "another damsync is at work".to_owned(),
            Some(Some(pid)) => format!("damsync is at work as process {pid}"),
        },
    )
}
