//! What is wanted: from the arguments, and, at a terminal, from whoever sits there.

use super::ask::{Asker, Question};
use super::seen::Seen;
use super::text::{MirrorText, RemoteText, path_text};
use crate::cli::InitArgs;
use crate::config::{StorageFolder, Surroundings, checked_url, private_file};
use crate::engine::Server;
use crate::failure::Failure;
use secrecy::SecretString;
use std::path::{Path, PathBuf};

const DEFAULT_URL: &str = "https://api.mediagraph.io";

/// How the server is asked, and what a new file says about it.
pub struct Access {
    /// Asked with the token.
    pub server: Server,
    /// `None` where the file says it already.
    pub remote: Option<RemoteText>,
    /// A token that was typed in, and the file it goes to.
    pub typed: Option<(PathBuf, SecretString)>,
}

/// An absolute path of one on the command line, where the working directory counts.
pub fn whole_path(key: &str, path: &Path, here: &Surroundings) -> Result<PathBuf, Failure> {
    if path.starts_with("~") {
        return Ok(here.absolute(key, path)?);
    }
    Ok(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
}

/// Where the server is, and who we are there.
pub async fn ask_access(file: &Path, args: &InitArgs, asker: Asker, here: &Surroundings) -> Result<Access, Failure> {
    let base_url = match (&args.base_url, asker) {
        (Some(url), _) => checked_url("base_url", url)?,
        (None, Asker::Nobody) => DEFAULT_URL.to_owned(),
        (None, Asker::Terminal) => {
            let question = Question {
                what: "Server",
                flag: "--base-url",
                example: "--base-url https://api.mediagraph.io",
                default: Some(DEFAULT_URL),
            };
            let read =
                |typed: &str| checked_url("base_url", typed).map_err(|error| format!("{error}; {}.", error.remedy()));
            asker.ask(question, read).await?
        }
    };
    let organization_id = match args.organization {
        Some(number) => number,
        None => {
            let question = Question {
                what: "Number of your organization",
                flag: "--organization",
                example: "--organization 100",
                default: None,
            };
            let read = |typed: &str| {
                let number = typed.parse::<i64>().ok().filter(|number| *number > 0);
                number.ok_or_else(|| "It is a number, such as 100.".to_owned())
            };
            asker.ask(question, read).await?
        }
    };
    let (token_file, token, typed) = ask_token(file, args, asker, here).await?;
    let server = Server::visited(&base_url, organization_id, token.clone())?;
    let remote = RemoteText { base_url, organization_id, token_file: path_text(&token_file)? };
    Ok(Access { server, remote: Some(remote), typed: typed.then_some((token_file, token)) })
}

/// The token, its file, and whether that is still to be written.
async fn ask_token(
    file: &Path,
    args: &InitArgs,
    asker: Asker,
    here: &Surroundings,
) -> Result<(PathBuf, SecretString, bool), Failure> {
    let beside = file.with_file_name("token");
    let given = match &args.token_file {
        Some(path) => Some(whole_path("token_file", path, here)?),
        None => {
            let usual = private_file("token_file", &beside).is_ok().then(|| beside.display().to_string());
            let question = Question {
                what: "File that holds the token (\"-\" to type it in)",
                flag: "--token-file",
                example: "--token-file ~/.config/damsync/token",
                default: Some(usual.as_deref().unwrap_or("-")),
            };
            let read = |typed: &str| match typed {
                "-" => Ok(None),
                path => whole_path("token_file", Path::new(path), here).map_err(|error| error.to_string()).and_then(
                    |path| match private_file("token_file", &path) {
                        Ok(_) => Ok(Some(path)),
                        Err(error) => Err(format!("{error}; {}.", error.remedy())),
                    },
                ),
            };
            asker.ask(question, read).await?
        }
    };
    match given {
        Some(path) => {
            let token = private_file("token_file", &path)?;
            Ok((path, token, false))
        }
        None => {
            let question =
                Question { what: "Token", flag: "--token-file", example: "--token-file FILE", default: None };
            let token = asker.secret(question).await?;
            Ok((free_name(&beside), token, true))
        }
    }
}

/// `token`, or `token-2` and so on where that is taken: no file of somebody's is written over.
fn free_name(path: &Path) -> PathBuf {
    let numbered = (2..).map(|number: u32| path.with_file_name(format!("token-{number}")));
    let mut names = std::iter::once(path.to_owned()).chain(numbered);
    names.find(|name| name.symlink_metadata().is_err()).unwrap_or_else(|| path.to_owned())
}

/// Which directory and which storage folder.
pub async fn ask_mirror(
    args: &InitArgs,
    asker: Asker,
    seen: Option<&Seen>,
    here: &Surroundings,
) -> Result<MirrorText, Failure> {
    let storage_folder = match (&args.storage_folder, seen) {
        (Some(folder), _) => Some(folder.clone()),
        (None, Some(seen)) => seen.choose(asker).await?,
        (None, None) => None,
    };
    let local = match &args.local {
        Some(path) => whole_path("local", path, here)?,
        None => {
            let usual = usual_local(storage_folder.as_ref(), seen, here);
            let question = Question {
                what: "Directory on this machine",
                flag: "--local",
                example: "--local ~/Pictures/Studio",
                default: usual.as_deref(),
            };
            let read = |typed: &str| match typed {
                "" => Err("Name a directory.".to_owned()),
                path => whole_path("local", Path::new(path), here).map_err(|error| error.to_string()),
            };
            asker.ask(question, read).await?
        }
    };
    let usual = local.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = match (&args.name, asker, &usual) {
        (Some(name), ..) => name.clone(),
        (None, Asker::Nobody, Some(usual)) => usual.clone(),
        (None, ..) => {
            let question = Question {
                what: "Name of the mirror",
                flag: "--name",
                example: "--name studio",
                default: usual.as_deref(),
            };
            let read = |typed: &str| match typed {
                "" => Err("Give it a name.".to_owned()),
                name => Ok(name.to_owned()),
            };
            asker.ask(question, read).await?
        }
    };
    Ok(MirrorText { name, local: path_text(&local)?, storage_folder, direction: args.direction })
}

/// A directory in the home directory, called like the storage folder.
fn usual_local(folder: Option<&StorageFolder>, seen: Option<&Seen>, here: &Surroundings) -> Option<String> {
    let name = match folder {
        None => "DAM".to_owned(),
        Some(StorageFolder::Path(path)) => path.rsplit('/').next().unwrap_or_default().to_owned(),
        Some(StorageFolder::Id(id)) => {
            let id = (*id).into();
            seen?.folders.iter().find(|folder| folder.id == id).map(|folder| folder.name.clone())?
        }
    };
    let fit = !name.contains('/') && name != ".." && name != ".";
    Some(here.home.as_ref().filter(|_| fit)?.join(name).display().to_string())
}
