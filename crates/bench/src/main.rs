//! Measures damsync: `cargo run --release -p damsync-bench` builds it, makes its trees, starts the stand-in server and
//! prints one table. Figures that depend on the machine are ratios to something measured in the same run.
//!
//! - `child`: runs a program and tells its wall time, CPU time and peak memory.
//! - `server`: the stand-in server as a process of its own.
//! - `mirror`: a mirror with its directory, state and configuration.
//! - `figures`: what is measured, and the table.

mod child;
mod figures;
mod mirror;
mod server;

use clap::Parser;
use figures::{Size, Table};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Whatever went wrong, in one sentence.
type Broken = Box<dyn std::error::Error>;

#[derive(Debug, Parser)]
#[command(name = "damsync-bench", about = "Measures damsync and prints one table")]
struct Args {
    /// Where the trees are made, in a directory that is removed at the end [default: the system's]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// A tenth of the files, an eighth of the big one
    #[arg(long)]
    quick: bool,
    /// Only figures of this kind; can be given several times
    #[arg(long, value_enum, value_name = "KIND")]
    only: Vec<Kind>,
    /// Measure this program instead of building it
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// How often the pass and find are run
    #[arg(long, default_value_t = 11, value_name = "N")]
    rounds: usize,
    /// How many files the big tree has [default: 100000]
    #[arg(long, value_name = "N")]
    files: Option<u32>,
    /// Leave the trees, and tell where they are
    #[arg(long)]
    keep: bool,
}

/// What can be measured on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// A pass in which nothing changed, after the first pull.
    Noop,
    /// One big file, up and down.
    Big,
    /// A first push of many files.
    Push,
    /// What it costs that everything is durable before it is recorded.
    Durability,
}

fn main() -> ExitCode {
    match measure(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("damsync-bench: {error}");
            ExitCode::from(2)
        }
    }
}

/// `true` if every target holds.
fn measure(args: &Args) -> Result<bool, Broken> {
    let program = match &args.program {
        Some(program) => program.clone(),
        None => build()?,
    };
    let base = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let mut place = tempfile::Builder::new().prefix("damsync-bench-").tempdir_in(&base)?;
    if args.keep {
        place.disable_cleanup(true);
        eprintln!("trees: {}", place.path().display());
    }
    let mut size = if args.quick { Size::QUICK } else { Size::FULL };
    if let Some(files) = args.files {
        size = Size { files, ..size };
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut table = Table::default();
    let wanted = |kind| args.only.is_empty() || args.only.contains(&kind);
    runtime.block_on(async {
        if wanted(Kind::Noop) {
            figures::noop(&mut table, &program, place.path(), size, args.rounds).await?;
        }
        if wanted(Kind::Push) {
            figures::push(&mut table, &program, place.path(), size).await?;
        }
        if wanted(Kind::Durability) {
            figures::durability(&mut table, &program, place.path(), size).await?;
        }
        if wanted(Kind::Big) {
            figures::big(&mut table, &program, place.path(), size).await?;
        }
        Ok::<_, Broken>(())
    })?;
    println!("{}", machine());
    print!("{table}");
    Ok(table.holds())
}

/// Builds the program, with the same cargo that built us, and says where it is.
fn build() -> Result<PathBuf, Broken> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("no workspace")?;
    let built = Command::new(&cargo).args(["build", "--release", "-p", "damsync"]).current_dir(workspace).status()?;
    if !built.success() {
        return Err("damsync could not be built".into());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    Ok(target.join("release/damsync"))
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?.to_owned();
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    format!("machine: {cores} cores, {} GiB", memory.unwrap_or(0).div_ceil(1024 * 1024))
}
