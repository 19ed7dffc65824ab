//! What can be wrong with a configuration: one sentence that names the place, and one that says what to do.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A line of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
}

impl Place {
    /// The line that holds the byte `offset` of `text`.
    pub fn at(file: &Path, text: &str, offset: usize) -> Self {
        let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
        Self { file: file.to_owned(), line: before.iter().filter(|byte| **byte == b'\n').count() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// The spot of the file to point at, for terminals.
#[derive(Clone, Debug)]
pub struct Spot {
    /// The file's text.
    pub text: Arc<str>,
    /// First byte and length.
    pub span: std::ops::Range<usize>,
}

/// Where an unknown key may have been meant to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The nearest key that this table knows.
    Nearest(String),
    /// The key is known, but in another table.
    OtherTable(&'static str),
}

/// A configuration that cannot be obeyed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An error with the place it comes from.
    #[error("{place}: {error}")]
    In {
        /// The file, and the line where it can be told.
        place: String,
        /// The error.
        #[source]
        error: Box<ConfigError>,
    },
    /// No file was found.
    #[error("there is no configuration at {}", looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or "))]
    Missing {
        /// Where we looked.
        looked: Vec<PathBuf>,
    },
    /// The home directory is not known, and something depends on it.
    #[error("the home directory is not known, so there is no place for {what}")]
    NoHome {
        /// What has no place.
        what: &'static str,
        /// What to set instead.
        instead: &'static str,
    },
    /// A file could not be read.
    #[error("{what} {} cannot be read ({source})", path.display())]
    Unreadable {
        /// What the file is for.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// The file is no TOML, or a value is not one the key takes.
    #[error("{place}: {message}")]
    Value {
        /// Where.
        place: Place,
        /// What is wrong.
        message: String,
        /// For terminals.
        spot: Option<Spot>,
    },
    /// A key that nobody knows.
    #[error("{place}: unknown key `{key}`")]
    UnknownKey {
        /// Where.
        place: Place,
        /// The key.
        key: String,
        /// What may have been meant.
        hint: Option<Hint>,
        /// For terminals.
        spot: Option<Spot>,
    },
    /// An environment variable whose value its key does not take.
    #[error("environment variable {variable}: {message}")]
    Variable {
        /// Its name.
        variable: String,
        /// What is wrong.
        message: String,
    },
    /// An environment variable that names no key.
    #[error("environment variable {variable} names no key of the configuration")]
    UnknownVariable {
        /// Its name.
        variable: String,
        /// The variable that may have been meant.
        nearest: Option<String>,
    },
    /// Something that this version does not do.
    #[error("{place}: {what} is not in this version of damsync")]
    NotInThisVersion {
        /// Where.
        place: Place,
        /// What.
        what: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// A table or key that must be there is not.
    #[error("{place} has no `{key}`")]
    KeyMissing {
        /// The file, or the mirror's line.
        place: String,
        /// Which key.
        key: &'static str,
        /// What to write.
        example: &'static str,
    },
    /// Two mirrors have one name.
    #[error("{place}: two mirrors are called {name:?}")]
    NameTwice {
        /// The second one.
        place: Place,
        /// The name.
        name: String,
    },
    /// A mirror's name that cannot be one.
    #[error("{place}: {name:?} cannot be a mirror's name")]
    BadName {
        /// Where.
        place: Place,
        /// The name.
        name: String,
    },
    /// A path that depends on the working directory.
    #[error("`{key}` must be an absolute path or begin with ~/, and {} is neither", path.display())]
    Relative {
        /// Which key.
        key: String,
        /// Its value.
        path: PathBuf,
    },
    /// A mirror's local path is a file.
    #[error("mirror {mirror:?}: local path {} is not a directory", path.display())]
    LocalNotADirectory {
        /// Which mirror.
        mirror: String,
        /// Its path.
        path: PathBuf,
    },
    /// Two mirrors' directories lie in each other.
    #[error("mirrors {first:?} and {second:?} overlap: {} lies in {}", inner.display(), outer.display())]
    LocalOverlap {
        /// One mirror.
        first: String,
        /// The other.
        second: String,
        /// The outer directory, links resolved.
        outer: PathBuf,
        /// The inner directory, links resolved.
        inner: PathBuf,
    },
    /// Two mirrors' storage folders lie in each other.
    #[error("mirrors {first:?} and {second:?} overlap: storage folder {inner} lies in {outer}")]
    FolderOverlap {
        /// One mirror.
        first: String,
        /// The other.
        second: String,
        /// The outer folder.
        outer: String,
        /// The inner folder.
        inner: String,
    },
    /// Something of ours would lie in a mirror, and be sent to the server.
    #[error("`{key}` {} lies in mirror {mirror:?} and would be uploaded with it", path.display())]
    InsideMirror {
        /// Which key.
        key: &'static str,
        /// Its path.
        path: PathBuf,
        /// Which mirror.
        mirror: String,
    },
    /// A mirror lies in the state directory.
    #[error("mirror {mirror:?} lies in the state directory {}", state_dir.display())]
    MirrorInsideState {
        /// Which mirror.
        mirror: String,
        /// The state directory.
        state_dir: PathBuf,
    },
    /// A setting that is no address we may use.
    #[error("`{key}` = {url:?} {what}")]
    Url {
        /// Which key.
        key: &'static str,
        /// Its value, without user name and password.
        url: String,
        /// What is wrong.
        what: &'static str,
        /// What to write.
        remedy: &'static str,
    },
    /// A number that makes no sense.
    #[error("`{key}` {what}")]
    OutOfRange {
        /// Which key.
        key: &'static str,
        /// What is wrong.
        what: &'static str,
        /// What to write.
        remedy: &'static str,
    },
    /// An ignore pattern that is none.
    #[error("mirror {mirror:?}: {pattern:?} in `ignore` is no pattern ({reason})")]
    BadPattern {
        /// Which mirror.
        mirror: String,
        /// The pattern.
        pattern: String,
        /// What is wrong.
        reason: String,
    },
    /// No token is named or found.
    #[error("there is no token for {base_url}")]
    NoToken {
        /// Whose token.
        base_url: String,
    },
    /// More than one place is named for one secret.
    #[error("both `token_file` and `token_env` are set")]
    TwoTokens,
    /// The environment variable for the token is not set.
    #[error("environment variable {variable}, named by `token_env`, is not set or empty")]
    TokenVariable {
        /// Its name.
        variable: String,
    },
    /// A file with a secret is not a regular file.
    #[error("{what} {} is not a regular file", path.display())]
    SecretNotAFile {
        /// What the file is for.
        what: &'static str,
        /// Which file.
        path: PathBuf,
    },
    /// A file with a secret can be read by others.
    #[error("{what} {} can be read by others (mode {mode:03o})", path.display())]
    SecretReadable {
        /// What the file is for.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A file with a secret holds none.
    #[error("{what} {} is empty or holds more than one line", path.display())]
    SecretEmpty {
        /// What the file is for.
        what: &'static str,
        /// Which file.
        path: PathBuf,
    },
    /// The state directory cannot be made or kept private.
    #[error("the state directory {} cannot be {act} ({source})", path.display())]
    StateDir {
        /// Which directory.
        path: PathBuf,
        /// What was tried.
        act: &'static str,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// A mirror was named on the command line that the file does not have.
    #[error("there is no mirror {name:?} in {}", file.display())]
    NoSuchMirror {
        /// The name.
        name: String,
        /// The file.
        file: PathBuf,
        /// The nearest name.
        nearest: Option<String>,
    },
}

impl ConfigError {
    /// Adds the file, and where possible the line, to an error that names neither.
    #[must_use]
    pub fn in_file(self, file: &Path, text: &str) -> Self {
        let key = match &self {
            Self::Url { key, .. } | Self::OutOfRange { key, .. } => Some(*key),
            Self::Relative { key, .. } => Some(key.as_str()),
            Self::InsideMirror { key, .. } => Some(*key),
            Self::TwoTokens => Some("token_env"),
            Self::LocalNotADirectory { .. }
            | Self::LocalOverlap { .. }
            | Self::FolderOverlap { .. }
            | Self::MirrorInsideState { .. }
            | Self::BadPattern { .. } => None,
            _ => return self,
        };
        let line = key.and_then(|key| only_line_of(text, key));
        let place =
            line.map_or_else(|| file.display().to_string(), |line| Place { file: file.to_owned(), line }.to_string());
        Self::In { place, error: Box::new(self) }
    }

    /// What the user can do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::In { error, .. } => error.remedy(),
            Self::Missing { .. } if cfg!(feature = "sandbox") => {
                "write one with `damsync init`, name another with --config FILE, or try `damsync demo`, which needs none"
                    .into()
            }
            Self::Missing { .. } => "write one with `damsync init`, or name another with --config FILE".into(),
            Self::NoHome { instead, .. } => (*instead).into(),
            Self::Unreadable { path, .. } => {
                format!("check that {} exists and that this user may read it", path.display())
            }
            Self::Value { .. } => "correct that line".into(),
            Self::UnknownKey { hint: Some(Hint::Nearest(key)), .. } => format!("did you mean `{key}`?"),
            Self::UnknownKey { hint: Some(Hint::OtherTable(table)), key, .. } => format!("`{key}` belongs {}", belongs(table)),
            Self::UnknownKey { hint: None, .. } => "remove that key".into(),
            Self::Variable { variable, .. } => format!("correct or unset {variable}"),
            Self::UnknownVariable { nearest: Some(nearest), .. } => format!("did you mean {nearest}?"),
            Self::UnknownVariable { variable, nearest: None } => {
                format!("unset {variable}; mirrors are described in the file only")
            }
            Self::NotInThisVersion { instead, .. } => (*instead).into(),
            Self::KeyMissing { example, .. } => format!("add, for example: {example}"),
            Self::NameTwice { .. } => "give each mirror a name of its own".into(),
            Self::BadName { .. } => "use 1 to 64 printable characters, with no space at either end".into(),
            Self::Relative { .. } => "write the whole path".into(),
            Self::LocalNotADirectory { path, .. } => {
                format!("name a directory, or move {} out of the way", path.display())
            }
            Self::LocalOverlap { .. } => "let each directory belong to one mirror only".into(),
            Self::FolderOverlap { .. } => "let each storage folder belong to one mirror only".into(),
            Self::InsideMirror { .. } => "move it out of the mirror".into(),
            Self::MirrorInsideState { .. } => "choose another `state_dir` or another `local`".into(),
            Self::Url { remedy, .. } | Self::OutOfRange { remedy, .. } => (*remedy).into(),
            Self::BadPattern { .. } => "write it as in a .gitignore file".into(),
            Self::NoToken { .. } => "put the token into a file that only you can read (chmod 600) and name it with `token_file` in \
                                     [remote], or name an environment variable with `token_env`"
                .into(),
            Self::TwoTokens => "keep one of them".into(),
            Self::TokenVariable { variable } => format!("set {variable} to the token, or use `token_file`"),
            Self::SecretNotAFile { .. } => "name a file that holds the secret and nothing else".into(),
            Self::SecretReadable { path, .. } => format!("chmod 600 {}", path.display()),
            Self::SecretEmpty { .. } => "write the secret into it, on one line".into(),
            Self::StateDir { path, .. } => {
                format!("make {} writable for this user, or choose another `state_dir`", path.display())
            }
            Self::NoSuchMirror { nearest: Some(nearest), .. } => format!("did you mean {nearest:?}?"),
            Self::NoSuchMirror { nearest: None, .. } => "name a mirror of the configuration".into(),
        }
    }

    /// The spot of the file to point at.
    pub const fn spot(&self) -> Option<&Spot> {
        match self {
            Self::Value { spot, .. } | Self::UnknownKey { spot, .. } => spot.as_ref(),
            _ => None,
        }
    }

    /// The file and line it is about, where there is one.
    pub const fn place(&self) -> Option<&Place> {
        match self {
            Self::Value { place, .. } | Self::UnknownKey { place, .. } => Some(place),
            _ => None,
        }
    }
}

/// The line that sets `key`, if exactly one does.
fn only_line_of(text: &str, key: &str) -> Option<usize> {
    let sets = |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    let mut lines = text.lines().zip(1..).filter(|(line, _)| sets(line)).map(|(_, number)| number);
    let first = lines.next()?;
    lines.next().is_none().then_some(first)
}

fn belongs(table: &str) -> String {
    if table.starts_with('[') { format!("into {table}") } else { table.to_owned() }
}
