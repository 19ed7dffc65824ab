//! `--probe`: how this server decides what its documentation leaves open.

use super::check::Check;
use super::server::Asked;
use crate::engine::EngineError;
use crate::exit::Exit;
use crate::signals::Stop;
use damsync_remote::probe::Finding;

const NAME: &str = "probe";

/// Finds out. Told to stop, it ends what is under way and takes everything away again.
pub async fn probe(asked: &Asked, stop: &Stop) -> (Check, Vec<Finding>) {
    let (Some(server), Some(_)) = (&asked.server, &asked.account) else {
        return (Check::waits_for(NAME, asked.folders.as_ref().err().copied().unwrap_or("server")), Vec::new());
    };
    let may = |right: Option<bool>| right != Some(false);
    if !asked.rights.is_none_or(|rights| may(rights.make_folders) && may(rights.upload)) {
        return (
            Check::skipped(
                NAME,
                "this user may not make storage folders or not upload, and the probe works in a folder of its own",
                "let this user make storage folders and upload on the server, or use another user's token",
            ),
            Vec::new(),
        );
    }
    match server.probe(&|| stop.requested().is_some()).await {
        Err(error) => (refused(&error), Vec::new()),
        Ok(outcome) if !outcome.left_behind.is_empty() => {
            let seen = format!("left behind on the server: {}", outcome.left_behind.join("; "));
            (Check::failed(NAME, Exit::Remains, seen, "remove it on the server by hand"), outcome.findings)
        }
        Ok(outcome) => {
            let asked = format!("{} questions were answered, and nothing is left behind", outcome.findings.len());
            let check = match outcome.cut_short {
                None => Check::ok(NAME, asked),
                Some(why) => Check::warning(
                    NAME,
                    format!("{asked}; it did not come to its end ({why})"),
                    "run `damsync doctor --probe` again",
                ),
            };
            (check, outcome.findings)
        }
    }
}

fn refused(error: &EngineError) -> Check {
    let remedy = error.remedy().unwrap_or_else(|| "run `damsync doctor --probe` again".to_owned());
    Check::failed(NAME, error.exit(), format!("no storage folder could be made for it: {error}"), remedy)
}
