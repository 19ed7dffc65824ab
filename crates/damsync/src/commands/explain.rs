//! `explain` and `conflicts`: what the store knows. They need no token and no daemon, and change nothing.

use crate::cli::{ConflictsArgs, ExplainArgs};
use crate::config::Config;
use crate::engine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

/// Why a path is as it is.
pub fn explain(config: &Config, args: &ExplainArgs) -> Result<Exit, Failure> {
    let path = std::path::absolute(&args.path).unwrap_or_else(|_| args.path.clone());
    let explained = engine::explain(config, &path)?;
    let answer =
        if args.json { output::json(&output::explain_json(&explained))? } else { output::explain_text(&explained) };
    output::print(&answer)?;
    Ok(Exit::Done)
}

/// The open conflicts.
pub fn conflicts(config: &Config, args: &ConflictsArgs) -> Result<Exit, Failure> {
    let mirrors = engine::conflicts(config)?;
    let answer =
        if args.json { output::json(&output::conflicts_json(&mirrors))? } else { output::conflicts_text(&mirrors) };
    output::print(&answer)?;
    Ok(Exit::Done)
}
