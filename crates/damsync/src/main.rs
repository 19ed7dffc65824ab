//! damsync keeps directories and a digital asset management system (DAM) the same, both ways.
//!
//! This crate is what a user touches: the command line ([`cli`]), the configuration ([`config`]), answers ([`output`]),
//! failures ([`failure`]) and exit codes ([`exit`]). Rules of syncing are not here; [`engine`] is the one door to them.

mod cli;
mod commands;
mod config;
#[cfg(feature = "sandbox")]
mod demo;
mod engine;
mod exit;
mod failure;
mod logging;
mod output;
mod progress;
mod signals;
mod status;

use clap::{CommandFactory, Parser};
use cli::{Cli, Command, Everywhere};
use config::{Config, Surroundings};
use exit::Exit;
use failure::Failure;
use logging::{Destination, Recent};
use progress::Progress;
use signals::Hangup;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let progress = match cli.command {
        Command::Reconcile(_) => Progress::on_terminal(),
        _ => Progress::silent(),
    };
    let recent = Recent::default();
    start_logging(&cli, &progress, &recent);
    match work(cli, &progress, &recent) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            progress.clear();
            failure.show();
            failure.exit().into()
        }
    }
}

/// What is logged where nobody says: the daemon tells what it does, a command only what should worry.
fn start_logging(cli: &Cli, progress: &Progress, recent: &Recent) {
    let Everywhere { log, log_format, .. } = &cli.everywhere;
    let (default, on_screen) = match &cli.command {
        Command::Run => ("info", false),
        #[cfg(feature = "sandbox")]
        Command::Demo(args) if !args.once => {
            ("warn,damsync=info", std::io::IsTerminal::is_terminal(&std::io::stdout()))
        }
        _ => ("warn", false),
    };
    let destination =
        if on_screen { Destination::Memory(recent.clone()) } else { Destination::Stderr(progress.clone()) };
    if let Err(sentence) = logging::start(log.as_deref(), default, *log_format, destination) {
        Cli::command().error(clap::error::ErrorKind::InvalidValue, sentence).exit();
    }
}

#[cfg_attr(not(feature = "sandbox"), expect(unused_variables, reason = "only the demo has a screen"))]
fn work(cli: Cli, progress: &Progress, recent: &Recent) -> Result<Exit, Failure> {
    let here = Surroundings::of_process();
    let configuration = || config::load(cli.everywhere.config.as_deref(), &here);
    match cli.command {
        Command::Status(args) => commands::status::status(&configuration()?, &args),
        Command::Plan(args) => match args.id.clone() {
            Some(id) => commands::plan::held(&configuration()?, &id, &args),
            None => {
                let config = configuration()?;
                in_runtime(async {
                    let told = signals::listen(Hangup::Stops).map_err(Failure::Start)?;
                    commands::plan::now(&config, &here, args, &told.stop).await
                })
            }
        },
        Command::Explain(args) => commands::explain::explain(&configuration()?, &args),
        Command::Conflicts(args) => commands::explain::conflicts(&configuration()?, &args),
        Command::Approve(args) => commands::holds::approve(&configuration()?, &args.id),
        Command::Completions(args) => commands::paper::completions(&args),
        Command::Man(args) => commands::paper::man(&args),
        Command::Init(args) => in_runtime(async {
            let told = signals::listen(Hangup::Stops).map_err(Failure::Start)?;
            commands::init::init(cli.everywhere.config.as_deref(), &here, &args, &told.stop).await
        }),
        Command::Doctor(args) => in_runtime(async {
            let told = signals::listen(Hangup::Stops).map_err(Failure::Start)?;
            commands::doctor::doctor(cli.everywhere.config.as_deref(), &here, &args, &told.stop).await
        }),
        Command::Reattach(args) => commands::holds::reattach(&configuration()?, &args.mirror),
        Command::Reconcile(args) => {
            let config = configuration()?;
            in_runtime(async {
                let told = signals::listen(Hangup::Stops).map_err(Failure::Start)?;
                commands::reconcile::reconcile(&config, &here, args, progress, &told.stop).await
            })
        }
        Command::Run => {
            let config: Config = configuration()?;
            in_runtime(async {
                let told = signals::listen(Hangup::Reloads).map_err(Failure::Start)?;
                commands::run::run(&config, &here, told).await
            })
        }
        #[cfg(feature = "sandbox")]
        Command::Sandbox(args) => in_runtime(async {
            let told = signals::listen(Hangup::Stops).map_err(Failure::Start)?;
            commands::sandbox::sandbox(args, &told.stop).await
        }),
        #[cfg(feature = "sandbox")]
        Command::Demo(args) => in_runtime(async {
            let told = signals::listen(Hangup::Stops).map_err(Failure::Start)?;
            demo::demo(args, &here, recent, told).await
        }),
    }
}

fn in_runtime(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Start)?;
    let result = runtime.block_on(work);
    // Work on blocking threads that nobody waits for any more must not keep the program alive.
    runtime.shutdown_background();
    result
}
