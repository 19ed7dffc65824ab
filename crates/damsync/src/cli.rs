//! The command line.

use crate::config::parse_duration;
use crate::logging::LogFormat;
use clap::{Args, Parser, Subcommand};
#[cfg(feature = "sandbox")]
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Keeps directories and a digital asset management system (DAM) the same, both ways.
#[derive(Debug, Parser)]
#[command(name = "damsync", version, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 in sync, 1 some items failed or remain, 2 wrong usage or configuration, 3 held back by a \
                        safety guard, 4 not authenticated, 5 server out of reach, 130 interrupted."
)]
pub struct Cli {
    #[command(flatten)]
    pub everywhere: Everywhere,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub struct Everywhere {
    /// The configuration file [default: damsync/config.toml in the user's configuration directory, else
    /// /etc/damsync/config.toml]
    #[arg(long, global = true, env = "DAMSYNC_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to log: a level (error, warn, info, debug, trace) or a filter such as damsync=debug [default: $RUST_LOG,
    /// else info for `run` and warn for the rest]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log: Option<String>,
    /// How to log
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show it at work, with no account: a stand-in server on this machine, mirrored into a directory
    #[cfg(feature = "sandbox")]
    Demo(DemoArgs),
    /// Make both sides equal once, then end
    Reconcile(ReconcileArgs),
    /// Keep both sides equal until told to stop
    Run,
    /// Tell what is in sync and what is not
    Status(StatusArgs),
    /// Show a plan that a guard holds
    Plan(PlanArgs),
    /// Let a held plan run, while the world still matches it
    Approve(PlanArgs),
    /// Join both sides of a mirror anew, without deleting anything
    Reattach(ReattachArgs),
    /// Run the stand-in server on its own
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxArgs),
}

/// Arguments of `demo`.
#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The directory that is mirrored; the server's files and the state lie beside it, in DIR.server and DIR.state
    #[arg(long, default_value = "damsync-demo", value_name = "DIR")]
    pub dir: PathBuf,
    /// Sync once, print the report and end
    #[arg(long)]
    pub once: bool,
}

/// Arguments of `plan` and `approve`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The plan's id, as the report names it
    #[arg(value_name = "ID")]
    pub id: String,
}

/// Arguments of `reattach`.
#[derive(Debug, Args)]
pub struct ReattachArgs {
    /// The mirror's name
    #[arg(value_name = "MIRROR")]
    pub mirror: String,
}

/// Arguments of `reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// Only this mirror; can be given several times
    #[arg(long, value_name = "NAME")]
    pub mirror: Vec<String>,
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// Let through the deletions that this very pass would hold as too many
    #[arg(long)]
    pub allow_deletes: bool,
    /// Hash every local file again and ask for every remote asset
    #[arg(long)]
    pub full: bool,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// Only this file
    #[arg(long, value_name = "FILE")]
    pub path: Option<PathBuf>,
    /// End with 1 when not in sync
    #[arg(long)]
    pub check: bool,
    /// … for longer than this, such as 10m
    #[arg(long, requires = "check", value_name = "T", value_parser = parse_duration)]
    pub older_than: Option<Duration>,
}

/// Arguments of `sandbox`.
#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Where the server keeps its database and files
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Where it listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Makes its ids and habits repeatable
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("damsync").chain(line.split_whitespace()))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_promised_lines_are_taken() {
        for line in [
            "reconcile",
            "reconcile --mirror a --mirror b --dry-run --json --allow-deletes --full",
            "reconcile --config /c.toml --log debug --log-format json",
            "--config /c.toml run",
            "status --json --path a/b.jpg",
            "status --check --older-than 10m",
        ] {
            assert!(parse(line).is_ok(), "{line}");
        }
        let Command::Status(status) = parse("status --check --older-than 1h30m").unwrap().command else { panic!() };
        assert_eq!(status.older_than, Some(Duration::from_secs(5400)));
    }

    #[cfg(feature = "sandbox")]
    #[test]
    fn the_lines_for_the_sandbox_are_taken() {
        for line in
            ["demo", "demo --dir d --once", "sandbox --data d", "sandbox --data d --listen 127.0.0.1:0 --seed 7"]
        {
            assert!(parse(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn wrong_usage_ends_with_2() {
        for line in [
            "",
            "sync",
            "reconcile --nonsense",
            "reconcile extra",
            "status --older-than 10m",
            "status --check --older-than soon",
            "run now",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
        for line in ["--help", "--version", "help", "reconcile --help"] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 0, "{line}");
        }
    }
}
