//! `approve` and `reattach`: a person's answers to what a guard holds.

use crate::config::Config;
use crate::engine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

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
