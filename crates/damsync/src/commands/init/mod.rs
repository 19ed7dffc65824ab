//! `init`: a configuration is gathered, checked against the server, and written; or one more mirror is added to one.
//!
//! - Everything is asked for and checked first. What is written is the text that the program has read back and taken.
//! - A file that is there is never rewritten: a mirror is added to its end, or nothing is done.
//! - The token stands in a private file of its own, and nowhere else.

mod answers;
mod ask;
mod error;
mod seen;
mod text;
mod write;

pub use error::InitError;

use super::access;
use crate::cli::InitArgs;
use crate::config::{self, Auth, AuthKind, Config, Mirror, Provider, Surroundings, TokenSource, checked_url};
use crate::engine::{EngineError, Server};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::signals::Stop;
use answers::{Access, ask_access, ask_mirror, whole_path};
use ask::Asker;
use damsync_model::policy::Direction;
use seen::Seen;
use std::path::Path;
use text::MirrorText;

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
    let there = before.as_ref().map_or("", |before| before.text.as_str());
    let text = text::composed(there, access.remote.as_ref(), &mirror);
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
    output::print(&closing(added, &file, named, &seen, new, &output::printable(&place)))?;
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
        let different = if there.local != Path::new(&mirror.local) {
            "directory"
        } else if there.storage_folder != mirror.storage_folder {
            "storage folder"
        } else if mirror.direction.is_some_and(|word| Direction::from(word) != there.policy.direction) {
            "direction"
        } else {
            return Ok(true);
        };
        Err(InitError::NameTaken { file: file.to_owned(), name: mirror.name.clone(), what: different })
    }
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
        seen.account,
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
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_for_a_shell_where_it_must_be() {
        assert_eq!(quoted("/home/u/.config/damsync/config.toml"), "/home/u/.config/damsync/config.toml");
        assert_eq!(quoted("/my files/it's"), r"'/my files/it'\''s'");
    }
}
