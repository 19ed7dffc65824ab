//! `status`: what is in sync and what is not. It asks nobody but this machine, and needs no token.

use crate::cli::StatusArgs;
use crate::config::Config;
use crate::engine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::status::{FileState, FileStatus, out_of_sync};
use jiff::Timestamp;
use std::path::Path;

/// Answers.
pub fn status(config: &Config, args: &StatusArgs) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    if let Some(path) = &args.path {
        return file(config, path, args);
    }
    let status = engine::status(config)?;
    let late = out_of_sync(&status, now, args.older_than.unwrap_or_default());
    let exit = if args.check && !late.is_empty() { Exit::Remains } else { Exit::Done };
    output::print(&if args.json { output::json(&status)? } else { output::status_text(&status, now) })?;
    Ok(exit)
}

fn file(config: &Config, path: &Path, args: &StatusArgs) -> Result<Exit, Failure> {
    // Only made absolute: links below a mirror's root are nobody's business here.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let file: FileStatus = engine::status_of(config, &path)?;
    let good = matches!(file.state, FileState::InSync | FileState::Conflict);
    output::print(&if args.json { output::json(&file)? } else { output::file_text(&file) })?;
    Ok(if args.check && !good { Exit::Remains } else { Exit::Done })
}
