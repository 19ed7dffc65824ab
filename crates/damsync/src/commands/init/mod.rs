//! `init`: a configuration is gathered, checked against the server, and written; or one more mirror is added to one.
//!
//! - Everything is asked for and checked first. What is written is the text that the program has read back and taken.
//! - A file that is there is never rewritten: a mirror is added to its end, or nothing is done.
//! - The token stands in a private file of its own, and nowhere else.

mod ask;
mod error;
mod text;
mod write;

pub use error::InitError;

use super::access;
use crate::cli::InitArgs;
use crate::config::{
    self, Auth, AuthKind, Config, Mirror, Provider, StorageFolder, Surroundings, TokenSource, checked_url,
    parse_storage_folder, private_file,
};
use crate::engine::{self, EngineError, Server, Whereabouts};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::signals::Stop;
use ask::{Asker, Question};
use damsync_model::policy::Direction;
use damsync_ports::RemoteFolder;
use damsync_remote::{Account, Rights};
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use text::{MirrorText, RemoteText, path_text};

const DEFAULT_URL: &str = "https://api.mediagraph.io";

/// How many folders are listed before a path must be typed.
const MOST_LISTED: usize = 60;

/// Gathers, checks, writes. Where it is told to stop, nothing was written.
pub async fn init(named: Option<&Path>, here: &Surroundings, args: &InitArgs, stop: &Stop) -> Result<Exit, Failure> {
    tokio::select! {
        biased;
        done = set_up(named, here, args, Asker::of_process()) => done,
        _ = stop.wait() => Err(EngineError::Interrupted.into()),
    }
}

async fn set_up(named: Option<&Path>, here: &Surroundings, args: &InitArgs, asker: Asker) -> Result<Exit, Failure> {
    refuse_what_comes_later(args)?;
    let file = match named {
        Some(path) => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        None => here.own_config_file()?,
    };
    let before = Before::read(&file, here)?;
    let access = match &before {
        Some(before) => before.access(&file, args, here)?,
        None => ask_access(&file, args, asker, here).await?,
    };
    // At a terminal the folders to choose from come from the server; so it is asked first.
    let seen = match asker {
        Asker::Terminal => Some(Seen::at(&access.server).await?),
        Asker::Nobody => None,
    };
    let mirror = ask_mirror(args, asker, seen.as_ref(), here).await?;
    if let Some(before) = &before
        && before.has(&file, &mirror)?
    {
        output::print(&format!("{} has the mirror {:?} already; nothing was written\n", file.display(), mirror.name))?;
        return Ok(Exit::Done);
    }
    let text = match (&before, &access.remote) {
        (Some(before), _) => text::with_mirror(&before.text, &mirror),
        (None, Some(remote)) => text::new_file(remote, &mirror),
        (None, None) => String::new(),
    };
    let config = config::from_text(&file, &text, here)?;
    let new = config.mirrors.last().filter(|last| last.name == mirror.name);
    let new = new.ok_or_else(|| InitError::Changed { file: file.clone() })?;
    access::directory(&new.local).map_err(|why| InitError::Local { path: new.local.clone(), why })?;
    let seen = match seen {
        Some(seen) => seen,
        None => Seen::at(&access.server).await?,
    };
    let place = seen.check(&config, new)?;
    write(&file, before.as_ref(), &access, &text)?;
    let added = if before.is_some() { "added to" } else { "wrote" };
    output::print(&closing(added, &file, named, &seen, new, &place))?;
    Ok(Exit::Done)
}

fn refuse_what_comes_later(args: &InitArgs) -> Result<(), InitError> {
    let later = |what| Err(InitError::OnlyMediagraph { what });
    match (args.provider, args.auth) {
        (Some(Provider::Scenario), _) => return later("--provider scenario"),
        (_, Some(AuthKind::Key)) => return later("--auth key"),
        (_, Some(AuthKind::Bearer)) => return later("--auth bearer"),
        (_, Some(AuthKind::OAuth)) => return Err(InitError::OAuthByHand),
        _ => {}
    }
    match (&args.project, &args.collection) {
        (Some(_), _) => later("--project"),
        (_, Some(_)) => later("--collection"),
        _ => Ok(()),
    }
}

/// How the server is asked, and what a new file says about it.
struct Access {
    server: Server,
    /// `None` where the file says it already.
    remote: Option<RemoteText>,
    /// A token that was typed in, and the file it goes to.
    typed: Option<(PathBuf, SecretString)>,
}

/// The file that is there already.
struct Before {
    text: String,
    config: Config,
}

impl Before {
    fn read(file: &Path, here: &Surroundings) -> Result<Option<Self>, Failure> {
        match std::fs::read_to_string(file) {
            Ok(text) => {
                let config = config::from_text(file, &text, here)?;
                Ok(Some(Self { text, config }))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !file.is_symlink() => Ok(None),
            Err(cause) => Err(InitError::Write { path: file.to_owned(), cause }.into()),
        }
    }

    /// The server that the file names. Arguments may repeat what it says, and not say something else.
    fn access(&self, file: &Path, args: &InitArgs, here: &Surroundings) -> Result<Access, Failure> {
        let differs =
            |flag, there: String, here: String| InitError::Differs { file: file.to_owned(), there, flag, here };
        let remote = &self.config.remote;
        if let Some(url) = &args.base_url
            && checked_url("base_url", url)? != remote.base_url
        {
            return Err(differs("--base-url", remote.base_url.clone(), url.clone()).into());
        }
        let (organization, token) = match &remote.auth {
            Auth::Personal { organization_id, token } => (organization_id.to_string(), token),
            Auth::OAuth { token, .. } => ("auth = \"oauth\"".to_owned(), token),
        };
        if let Some(asked) = args.organization.map(|number| number.to_string())
            && asked != organization
        {
            return Err(differs("--organization", organization, asked).into());
        }
        if let Some(asked) = &args.token_file {
            let asked = whole_path("token_file", asked, here)?;
            if *token != TokenSource::File(asked.clone()) {
                return Err(differs("--token-file", token.to_string(), asked.display().to_string()).into());
            }
        }
        let credentials = self.config.credentials(here)?;
        Ok(Access { server: Server::configured(&self.config, &credentials)?, remote: None, typed: None })
    }

    /// Whether the very same mirror is there already.
    fn has(&self, file: &Path, mirror: &MirrorText) -> Result<bool, InitError> {
        let Some(there) = self.config.mirrors.iter().find(|there| there.name == mirror.name) else { return Ok(false) };
        let direction = mirror.direction.map_or(Direction::TwoWay, Direction::from);
        let different = if there.local != Path::new(&mirror.local) {
            "directory"
        } else if there.storage_folder != mirror.storage_folder {
            "storage folder"
        } else if there.policy.direction != direction && mirror.direction.is_some() {
            "direction"
        } else {
            return Ok(true);
        };
        Err(InitError::NameTaken { file: file.to_owned(), name: mirror.name.clone(), what: different })
    }
}

/// An absolute path of one on the command line, where the working directory counts.
fn whole_path(key: &str, path: &Path, here: &Surroundings) -> Result<PathBuf, Failure> {
    if path.starts_with("~") {
        return Ok(here.absolute(key, path)?);
    }
    Ok(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
}

async fn ask_access(file: &Path, args: &InitArgs, asker: Asker, here: &Surroundings) -> Result<Access, Failure> {
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

async fn ask_mirror(
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
    let name = match &args.name {
        Some(name) => name.clone(),
        None => {
            let usual = local.file_name().map(|name| name.to_string_lossy().into_owned());
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

/// What the server told.
struct Seen {
    account: Account,
    rights: Rights,
    folders: Vec<RemoteFolder>,
}

impl Seen {
    async fn at(server: &Server) -> Result<Self, Failure> {
        let account = server.account().await?;
        let rights = server.rights().await?;
        if rights.see_folders == Some(false) {
            return Err(InitError::MayNot {
                who: who(&account),
                what: "see storage folders",
                remedy: "let this user see storage folders on the server, or use another user's token",
            }
            .into());
        }
        Ok(Self { account, rights, folders: server.folders().await? })
    }

    async fn choose(&self, asker: Asker) -> Result<Option<StorageFolder>, Failure> {
        asker.say(&format!("You are {}.\nStorage folders:\n   0  everything\n", who(&self.account)));
        let paths = engine::folder_paths(&self.folders);
        for (number, (path, _)) in (1..).zip(&paths).take(MOST_LISTED) {
            asker.say(&format!("{number:4}  {path}\n"));
        }
        if paths.len() > MOST_LISTED {
            asker.say(&format!("      and {} more, which can be named by their path\n", paths.len() - MOST_LISTED));
        }
        let question = Question {
            what: "Number of this list, path, or id:N",
            flag: "--storage-folder",
            example: "--storage-folder Studio/Campaigns",
            default: None,
        };
        asker.ask(question, |typed| chosen(typed, &paths)).await
    }

    /// Whether the configuration can be obeyed at this server; where the new mirror's folder is, in words.
    fn check(&self, config: &Config, new: &Mirror) -> Result<String, Failure> {
        if self.rights.upload == Some(false) && new.policy.direction != Direction::PullOnly {
            return Err(InitError::MayNot {
                who: who(&self.account),
                what: "upload",
                remedy: "let this user upload on the server, or add --direction pull-only",
            }
            .into());
        }
        let place = match (engine::whereabouts(new, &self.folders), &new.storage_folder) {
            (Whereabouts::Everything, _) | (_, None) => "everything".to_owned(),
            (Whereabouts::Found(folder), Some(_)) => {
                let paths = engine::folder_paths(&self.folders);
                let path = paths.iter().find(|(_, other)| other.id == folder.id).map(|(path, _)| path.clone());
                format!("{} (id {})", path.unwrap_or(folder.name), folder.id)
            }
            (Whereabouts::Nowhere, Some(folder)) => {
                let paths = engine::folder_paths(&self.folders);
                let nearest = match folder {
                    StorageFolder::Path(path) => config::nearest(path, paths.iter().map(|(path, _)| path.as_str())),
                    StorageFolder::Id(_) => None,
                };
                return Err(InitError::NoFolder { folder: folder.clone(), nearest: nearest.map(str::to_owned) }.into());
            }
        };
        engine::check_overlap(config, &self.folders)?;
        Ok(place)
    }
}

fn chosen(typed: &str, paths: &[(String, RemoteFolder)]) -> Result<Option<StorageFolder>, String> {
    if typed == "0" {
        return Ok(None);
    }
    if let Some((path, folder)) = typed.parse::<usize>().ok().and_then(|number| paths.get(number.checked_sub(1)?)) {
        // Two folders may have one path; then only the id says which is meant.
        let double = paths.iter().filter(|(other, _)| other == path).count() > 1;
        return match folder.id.to_string().parse() {
            Ok(id) if double || parse_storage_folder(path) != Ok(StorageFolder::Path(path.clone())) => {
                Ok(Some(StorageFolder::Id(id)))
            }
            _ => Ok(Some(StorageFolder::Path(path.clone()))),
        };
    }
    if typed.is_empty() || typed.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("Choose a number from 0 to {}.", paths.len()));
    }
    parse_storage_folder(typed).map(Some)
}

fn who(account: &Account) -> String {
    let identity = &account.identity;
    let user = match &account.name {
        Some(name) => format!("{name} (user {})", identity.user),
        None => format!("user {}", identity.user),
    };
    format!("{user} of organization {}", identity.organization)
}

/// The token first: a configuration never names a file that is not there.
fn write(file: &Path, before: Option<&Before>, access: &Access, text: &str) -> Result<(), InitError> {
    if let Some(before) = before {
        return write::replace(file, &before.text, text);
    }
    write::make_directory_of(file)?;
    let Some((token_file, token)) = &access.typed else { return write::new_file(file, text) };
    write::secret(token_file, token)?;
    write::new_file(file, text).inspect_err(|_| {
        // It was made a moment ago, and nothing names it.
        let _ = std::fs::remove_file(token_file);
    })
}

fn closing(done: &str, file: &Path, named: Option<&Path>, seen: &Seen, mirror: &Mirror, place: &str) -> String {
    let config = named.map_or_else(String::new, |_| format!(" --config {}", quoted(&file.display().to_string())));
    format!(
        "{done} {}\n{}: {} and {place}, as {}\n\nnext:\n  damsync reconcile --dry-run{config}\n    says what would be done, and changes nothing\n  damsync run{config}\n    keeps both sides equal\n",
        file.display(),
        mirror.name,
        mirror.local.display(),
        who(&seen.account),
    )
}

/// Fit for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests;
