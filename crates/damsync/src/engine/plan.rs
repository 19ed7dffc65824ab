//! `plan`: a rehearsal whose lines are handed on as they come.

use super::once::over_mirrors;
use super::{EngineError, Pass, ReconcileRequest};
use crate::config::{Config, Credentials};
use crate::signals::Stop;
use damsync_model::plan::PlanLine;
use damsync_reconciler::report::Left;
use damsync_reconciler::{Hooks, Step};
use std::sync::Arc;

/// What a rehearsal tells, mirror by mirror: its begin, the actions in the order in which they would be begun, what is
/// left kind by kind, its end.
#[derive(Debug)]
pub enum Told<'a> {
    /// A mirror's turn has come.
    Begin(&'a str),
    /// This would be done.
    Action {
        /// Its line.
        line: &'a PlanLine,
        /// How many bytes it moves, where known.
        bytes: Option<u64>,
    },
    /// This would be left as it is.
    Left(&'a Left),
    /// How the mirror's rehearsal ended.
    End(&'a Pass),
}

/// Rehearses a pass over these mirrors (all where none is named). Changes nothing.
pub async fn plan(
    config: &Config,
    credentials: &Credentials,
    mirrors: Vec<String>,
    stop: &Stop,
    tell: Arc<dyn Fn(Told<'_>) + Send + Sync>,
) -> Result<(), EngineError> {
    let request = ReconcileRequest { mirrors, dry_run: true, ..ReconcileRequest::default() };
    let begin = |mirror: &str| {
        tell(Told::Begin(mirror));
        let tell = Arc::clone(&tell);
        Hooks {
            step: Arc::new(move |step| match &step {
                Step::Planned { line, bytes } => tell(Told::Action { line, bytes: *bytes }),
                Step::Left(left) => tell(Told::Left(left)),
                _ => {}
            }),
            ..Hooks::default()
        }
    };
    over_mirrors(config, credentials, &request, stop, begin, |pass| tell(Told::End(&pass))).await
}
