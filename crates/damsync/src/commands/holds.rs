//! `plan`, `approve` and `reattach`: a person's answers to what a guard holds.

use crate::config::Config;
use crate::engine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use std::fmt::Write as _;

/// Shows a held plan, one action a line.
pub fn plan(config: &Config, id: &str) -> Result<Exit, Failure> {
    let plan = engine::held_plan(config, id)?;
    let mut text = format!("{}: {}, {} of {} tracked files\n", plan.id, plan.reason, plan.count, plan.total);
    text.push_str(&plan.lines);
    let shown = u64::try_from(plan.lines.lines().count()).unwrap_or(u64::MAX);
    if shown < plan.count {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "… and {} more", plan.count - shown);
    }
    output::print(&text)?;
    Ok(Exit::Done)
}

/// Lets a held plan run: with the next pass, while the world still matches it.
pub fn approve(config: &Config, id: &str) -> Result<Exit, Failure> {
    engine::approve(config, id)?;
    output::print(&format!("{id} is approved; the next pass carries it out if nothing has changed since\n"))?;
    Ok(Exit::Done)
}

/// Forgets what was agreed, so that the next pass joins both sides without deleting.
pub fn reattach(config: &Config, mirror: &str) -> Result<Exit, Failure> {
    config.select(&[mirror.to_owned()])?;
    config.prepare_state_dir()?;
    engine::reattach(config, mirror)?;
    output::print(&format!("{mirror}: the next pass joins both sides anew, and deletes nothing\n"))?;
    Ok(Exit::Done)
}
