//! `plan`: what would be done now, or what a guard holds.

use super::reconcile::exit;
use crate::cli::PlanArgs;
use crate::config::{Config, Surroundings};
use crate::engine::{self, Told};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, PlanForm, PlanWriter};
use crate::signals::Stop;
use std::io::BufWriter;
use std::sync::{Arc, Mutex, PoisonError};

/// Shows a held plan.
pub fn held(config: &Config, id: &str, args: &PlanArgs) -> Result<Exit, Failure> {
    let (mirror, plan) = engine::held_plan(config, id)?;
    output::print(&if args.json { output::held_plan_json(&mirror, &plan)? } else { output::held_plan_text(&plan) })?;
    Ok(Exit::Done)
}

/// Rehearses a pass, and writes each line as it is found out.
pub async fn now(config: &Config, here: &Surroundings, args: PlanArgs, stop: &Stop) -> Result<Exit, Failure> {
    config.select(&args.mirror)?;
    let credentials = config.credentials(here)?;
    let count = if args.mirror.is_empty() { config.mirrors.len() } else { args.mirror.len() };
    let form = if args.json { PlanForm::Json } else { PlanForm::Text };
    let writer = Arc::new(Mutex::new(Some(PlanWriter::new(BufWriter::new(std::io::stdout()), form, count))));
    let exits = Arc::new(Mutex::new(Vec::new()));
    let tell = {
        let (writer, exits) = (Arc::clone(&writer), Arc::clone(&exits));
        Arc::new(move |told: Told<'_>| {
            if let Told::End(pass) = &told {
                // A plan that was shown is what was asked for, whatever it holds.
                let exit = if pass.result.is_ok() { Exit::Done } else { exit(std::slice::from_ref(*pass)) };
                exits.lock().unwrap_or_else(PoisonError::into_inner).push(exit);
            }
            if let Some(writer) = writer.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                writer.tell(&told);
            }
        })
    };
    engine::plan(config, &credentials, args.mirror, stop, tell).await?;
    if let Some(writer) = writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
        writer.finish()?;
    }
    let exits = std::mem::take(&mut *exits.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Exit::of_all(exits))
}
