//! The command line.

use crate::config::{AuthKind, DirectionWord, Provider, StorageFolder, parse_duration, parse_storage_folder};
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
    #[arg(long, global = true, env = "DAMSYNC_CONFIG", value_name = "FILE", display_order = 900)]
    pub config: Option<PathBuf>,
    /// What to log: a level (error, warn, info, debug, trace) or a filter such as damsync=debug [default: $RUST_LOG,
    /// else info for `run` and warn for the rest]
    #[arg(long, global = true, value_name = "LEVEL", display_order = 901)]
    pub log: Option<String>,
    /// How to log
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT", display_order = 902)]
    pub log_format: LogFormat,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show it at work, with no account: a stand-in server on this machine, mirrored into a directory
    #[cfg(feature = "sandbox")]
    Demo(DemoArgs),
    /// Write a configuration, or add a mirror to it, after checking everything against the server
    Init(InitArgs),
    /// Make both sides equal once, then end
    Reconcile(ReconcileArgs),
    /// Keep both sides equal until told to stop
    Run,
    /// Tell what is in sync and what is not
    Status(StatusArgs),
    /// Show what would be done now, or a plan that a guard holds
    Plan(PlanArgs),
    /// Tell why a file is as it is: both sides, what was agreed, the rule that applies, what was done
    Explain(ExplainArgs),
    /// List the open conflicts, both sides of each
    Conflicts(ConflictsArgs),
    /// Let a held plan run, while the world still matches it
    Approve(ApproveArgs),
    /// Join both sides of a mirror anew, without deleting anything
    Reattach(ReattachArgs),
    /// Check configuration, token, server, directories and limits, and say how to mend each; changes nothing
    Doctor(DoctorArgs),
    /// Run the stand-in server on its own
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxArgs),
    /// Print the completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write one per command
    Man(ManArgs),
}

/// Arguments of `init`. On a terminal it asks for what is not given.
#[derive(Debug, Default, Args)]
#[command(after_help = INIT_HELP)]
pub struct InitArgs {
    /// The server's address [default: https://api.mediagraph.io]
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// The number of the organization that the token works in
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub organization: Option<i64>,
    /// A file that holds the token and that only you can read (chmod 600)
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The directory to mirror; made by the first pass if it is missing
    #[arg(long, value_name = "DIR")]
    pub local: Option<PathBuf>,
    /// The storage folder: its names joined by "/", or "id:" and its number, such as id:42. A number alone is a name. Left
    /// out: every folder that the token can see
    #[arg(long, value_name = "FOLDER", value_parser = parse_storage_folder)]
    pub storage_folder: Option<StorageFolder>,
    /// What to call the mirror [default: as its directory is called]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Which way changes travel [default: two-way]
    #[arg(long, value_enum, value_name = "WAY")]
    pub direction: Option<DirectionWord>,
    /// The kind of DAM; only mediagraph is in this version
    #[arg(long, value_enum, value_name = "KIND")]
    pub provider: Option<Provider>,
    /// For Scenario, which is not in this version: the project
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// For Scenario, which is not in this version: the collection
    #[arg(long, value_name = "NAME")]
    pub collection: Option<String>,
    /// How the token is used: personal; the others are written into the file by hand, or not in this version
    #[arg(long, value_enum, value_name = "AUTH")]
    pub auth: Option<AuthKind>,
}

const INIT_HELP: &str = "Nothing is written before the server was asked. A configuration that exists already gets one more [[mirror]] at its end \
                         and stays as it is otherwise; where it says something else than the arguments, nothing is written. \
                         A storage folder whose name is \"id:\" and a number can only be named in the file.";

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// Also find out how this server decides what its documentation leaves open: in a storage folder that is made for it
    /// and removed; the one asset that is sent ends in the server's trash
    #[arg(long)]
    pub probe: bool,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write the pages of the program and of each command into this directory
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
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

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(
    after_help = "Without an ID it rehearses a pass and changes nothing. One line per action, in the order in which a pass would \
                        begin them; below them what would be left as it is, and why. In JSON: {\"schema\":1,\"mirrors\":[{\"name\",\
                        \"actions\":[{\"rule\",\"action\",\"path\",\"to\"?,\"reason\",\"bytes\"?}],\"skipped\":[…],\"awaiting\":[…],\"failed\":[…],\"held\":[…]}]}"
)]
pub struct PlanArgs {
    /// A held plan's id, as the report names it
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// Only this mirror; can be given several times
    #[arg(long, value_name = "NAME", conflicts_with = "id")]
    pub mirror: Vec<String>,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The file or directory, absolute or relative to the working directory; it need not exist any more
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `conflicts`.
#[derive(Debug, Args)]
pub struct ConflictsArgs {
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
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
            "init",
            "init --base-url https://api.mediagraph.io --organization 100 --token-file t --local d --storage-folder A/B --name n",
            "init --provider scenario --project p --collection c --auth key",
            "init --local d --name n --direction pull-only",
            "doctor",
            "doctor --json --probe",
            "completions bash",
            "completions zsh",
            "completions fish",
            "completions elvish",
            "completions powershell",
            "man",
            "man --dir d",
            "plan",
            "plan --json --mirror a --mirror b",
            "plan p-7f3a",
            "plan p-7f3a --json",
            "approve p-7f3a",
            "explain a/b.jpg",
            "explain /srv/studio/a.jpg --json",
            "conflicts",
            "conflicts --json",
        ] {
            assert!(parse(line).is_ok(), "{line}");
        }
        let Command::Status(status) = parse("status --check --older-than 1h30m").unwrap().command else { panic!() };
        assert_eq!(status.older_than, Some(Duration::from_secs(5400)));
    }

    #[test]
    fn a_storage_folder_is_a_path_unless_it_is_said_to_be_an_id() {
        for (word, folder) in [
            ("Studio/Campaigns", StorageFolder::Path("Studio/Campaigns".into())),
            ("2026", StorageFolder::Path("2026".into())),
            ("id:42", StorageFolder::Id(42)),
            ("id:42/a", StorageFolder::Path("id:42/a".into())),
            ("id:x", StorageFolder::Path("id:x".into())),
        ] {
            let Command::Init(init) = parse(&format!("init --storage-folder {word}")).unwrap().command else {
                panic!()
            };
            assert_eq!(init.storage_folder, Some(folder));
        }
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
            "init studio",
            "init --organization 0",
            "init --organization many",
            "init --storage-folder /Studio",
            "init --provider drive",
            "init --auth password",
            "doctor --fix",
            "completions",
            "completions tcsh",
            "man init",
            "plan p-7f3a --mirror a",
            "approve",
            "explain",
            "explain a b",
            "conflicts a",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
        for line in ["--help", "--version", "help", "reconcile --help"] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 0, "{line}");
        }
    }
}
