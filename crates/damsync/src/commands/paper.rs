//! `completions` and `man`: what a package puts beside the program. Both are made from the definition of the command line.

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use std::path::{Path, PathBuf};

/// Prints the completions for a shell.
pub fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "damsync", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Prints the program's page, or writes it and one page per command into a directory.
pub fn man(args: &ManArgs) -> Result<Exit, Failure> {
    let mut program = Cli::command().disable_help_subcommand(true);
    // Gives the commands their whole names, such as damsync-status.
    program.build();
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        Man::new(program).render(&mut page).map_err(Failure::Output)?;
        output::print(&String::from_utf8_lossy(&page))?;
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(dir).map_err(|cause| unwritable(dir, cause))?;
    let pages: Vec<Command> = program.get_subcommands().cloned().collect();
    for page in std::iter::once(program).chain(pages) {
        let written = write(page, dir)?;
        output::print(&format!("{}\n", written.display()))?;
    }
    Ok(Exit::Done)
}

fn write(page: Command, dir: &Path) -> Result<PathBuf, Failure> {
    let page = Man::new(page);
    let path = dir.join(page.get_filename());
    let mut text = Vec::new();
    page.render(&mut text).and_then(|()| std::fs::write(&path, text)).map_err(|cause| unwritable(&path, cause))?;
    Ok(path)
}

fn unwritable(path: &Path, cause: std::io::Error) -> Failure {
    Failure::File { path: path.to_owned(), cause }
}
