//! `reconcile`: one pass, then the end.

use crate::cli::ReconcileArgs;
use crate::config::{Config, Surroundings};
use crate::engine::{self, EngineError, Pass, ReconcileRequest};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;
use crate::signals::Stop;

/// Does it.
pub async fn reconcile(
    config: &Config,
    here: &Surroundings,
    args: ReconcileArgs,
    progress: &Progress,
    stop: &Stop,
) -> Result<Exit, Failure> {
    config.select(&args.mirror)?;
    let credentials = config.credentials(here)?;
    // A dry run changes nothing anywhere, and so makes no directory either.
    if !args.dry_run || config.state_dir.exists() {
        config.prepare_state_dir()?;
    }
    let request = ReconcileRequest {
        mirrors: args.mirror,
        dry_run: args.dry_run,
        allow_deletes: args.allow_deletes,
        full: args.full,
    };
    let passes = engine::reconcile(config, &credentials, &request, progress, stop).await;
    progress.clear();
    let passes = passes?;
    let answer = if args.json {
        output::json(&output::report_json(&passes, args.dry_run))?
    } else {
        output::report_text(&passes)
    };
    output::print(&answer)?;
    Ok(exit(&passes))
}

/// The exit code of several passes.
pub fn exit(passes: &[Pass]) -> Exit {
    Exit::of_all(passes.iter().map(|pass| pass.result.as_ref().map_or_else(EngineError::exit, Exit::from)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use damsync_reconciler::report::{Outcome, Report};

    #[test]
    fn reports_and_errors_are_weighed_together() {
        let pass = |result| Pass { mirror: "a".into(), result };
        let report = |outcome| pass(Ok(Report { outcome, ..Report::default() }));
        let out_of_reach = || pass(Err(EngineError::OutOfReach { base_url: String::new(), words: String::new() }));
        assert_eq!(exit(&[report(Outcome::InSync)]), Exit::Done);
        assert_eq!(exit(&[report(Outcome::Incomplete), report(Outcome::Held)]), Exit::Held);
        assert_eq!(exit(&[report(Outcome::Held), out_of_reach()]), Exit::OutOfReach);
        assert_eq!(exit(&[out_of_reach(), pass(Err(EngineError::Interrupted))]), Exit::Interrupted);
    }
}
