//! `sandbox`: the stand-in server on its own.

use crate::cli::SandboxArgs;
use crate::demo::DemoError;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::signals::Stop;
use damsync_sandbox::{Options, serve};
use serde::Serialize;

/// The one line on standard output.
#[derive(Serialize)]
struct Ready<'a> {
    base_url: &'a str,
    token: &'a str,
    organization_id: i64,
}

/// Serves until told to stop.
pub async fn sandbox(args: SandboxArgs, stop: &Stop) -> Result<Exit, Failure> {
    let options = Options { data: args.data, listen: args.listen, seed: args.seed };
    let running = serve(options).await.map_err(DemoError::from)?;
    let ready = Ready { base_url: &running.base_url, token: &running.token, organization_id: running.organization_id };
    output::print(&output::json(&ready)?)?;
    stop.wait().await;
    running.shutdown().await.map_err(DemoError::from)?;
    Ok(Exit::Done)
}
