//! Why `init` wrote nothing: a sentence, and one that says what to do.

use crate::config::StorageFolder;
use crate::exit::Exit;
use std::path::{Path, PathBuf};

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Nobody can be asked.
    #[error("{flag} is missing, and there is no terminal to ask at")]
    Missing {
        /// Which argument.
        flag: &'static str,
        /// What to write.
        example: &'static str,
    },
    /// Whoever was asked went away.
    #[error("the question for {0} was not answered; nothing was written")]
    Unanswered(&'static str),
    /// The terminal does not work.
    #[error("the terminal cannot be asked ({0})")]
    Terminal(#[source] std::io::Error),
    /// Something of a later version.
    #[error("{what} is for Scenario, and only Mediagraph is in this version of damsync")]
    OnlyMediagraph {
        /// Which argument.
        what: &'static str,
    },
    /// OAuth takes more than `init` asks for.
    #[error("--auth oauth is not set up by `damsync init`")]
    OAuthByHand,
    /// A path that cannot stand in a configuration.
    #[error("{} is not UTF-8 and cannot stand in a configuration", path.display())]
    NotUtf8 {
        /// Which path.
        path: PathBuf,
    },
    /// The file that is there says something else.
    #[error("{} says {there}, and {flag} says {here}; nothing was written", file.display())]
    Differs {
        /// The configuration.
        file: PathBuf,
        /// What it says.
        there: String,
        /// Which argument.
        flag: &'static str,
        /// What that says.
        here: String,
    },
    /// The mirror's name is taken.
    #[error("{} has a mirror {name:?} already, with another {what}; nothing was written", file.display())]
    NameTaken {
        /// The configuration.
        file: PathBuf,
        /// The name.
        name: String,
        /// What differs.
        what: &'static str,
    },
    /// The user may not do what the mirror needs.
    #[error("{who} may not {what}; nothing was written")]
    MayNot {
        /// The user.
        who: String,
        /// What the mirror needs.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// There is no such storage folder.
    #[error(
        "the storage folder {folder} does not exist on the server, or cannot be seen with this token; nothing was written"
    )]
    NoFolder {
        /// As it was asked for.
        folder: StorageFolder,
        /// A name that may have been meant.
        nearest: Option<String>,
    },
    /// The directory cannot be used.
    #[error("{} cannot be mirrored: {why}", path.display())]
    Local {
        /// Which directory.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Somebody else wrote the file meanwhile.
    #[error("{} was changed by somebody else meanwhile; nothing was written", file.display())]
    Changed {
        /// The configuration.
        file: PathBuf,
    },
    /// The file could not be written.
    #[error("{} cannot be written ({cause})", path.display())]
    Write {
        /// Which file or directory.
        path: PathBuf,
        /// The system's answer.
        #[source]
        cause: std::io::Error,
    },
}

impl InitError {
    pub(super) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Write { path, cause }
    }

    /// How the program ends because of it.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::MayNot { .. } => Exit::NotAllowed,
            Self::Changed { .. } | Self::Write { .. } | Self::Terminal(_) => Exit::Remains,
            _ => Exit::Usage,
        }
    }

    /// What the user can do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Missing { example, .. } => format!("add it, for example: {example}"),
            Self::Unanswered(_) => {
                "run `damsync init` again, or give the answers as arguments (`damsync init --help`)".into()
            }
            Self::Terminal(_) => "give the answers as arguments (`damsync init --help`)".into(),
            Self::OnlyMediagraph { what } => format!("leave {what} out to set up Mediagraph"),
            Self::OAuthByHand => {
                "use a personal access token, or write auth = \"oauth\" and client_id into [remote] by hand".into()
            }
            Self::NotUtf8 { .. } => "name another path".into(),
            Self::Differs { flag, .. } => {
                format!("leave {flag} out to add a mirror to that file, or name another file with --config FILE")
            }
            Self::NameTaken { .. } => "choose another --name, or edit the file".into(),
            Self::MayNot { remedy, .. } => (*remedy).into(),
            Self::NoFolder { nearest: Some(nearest), .. } => {
                format!("did you mean {nearest:?}? otherwise create it on the server first")
            }
            Self::NoFolder { nearest: None, .. } => "create it on the server first, or correct --storage-folder".into(),
            Self::Local { .. } => "choose another --local, or make it usable for this user".into(),
            Self::Changed { .. } => "run `damsync init` again".into(),
            Self::Write { .. } => {
                "make its directory writable for this user, or name another file with --config FILE".into()
            }
        }
    }
}
