//! Where secrets come from. They are read when a command is about to speak to the server, and never before.

use super::error::ConfigError;
use super::surroundings::Surroundings;
use rustix::fs::{Mode, OFlags};
use secrecy::SecretString;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The longest secret that is read; anything longer is some other file.
const LONGEST: u64 = 64 * 1024;

/// Where a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// `token_file`.
    File(PathBuf),
    /// `token_env`: the variable's name.
    Variable(String),
    /// A credential that systemd passed.
    Credential(PathBuf),
    /// Nobody said.
    Nowhere,
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Credential(path) => write!(f, "the systemd credential {}", path.display()),
            Self::Nowhere => f.write_str("nowhere"),
        }
    }
}

impl TokenSource {
    /// The configured place, else a systemd credential called `damsync-token` or `token`.
    pub fn find(
        token_file: Option<PathBuf>,
        token_env: Option<String>,
        surroundings: &Surroundings,
    ) -> Result<Self, ConfigError> {
        match (token_file, token_env) {
            (Some(_), Some(_)) => Err(ConfigError::TwoTokens),
            (Some(file), None) => Ok(Self::File(file)),
            (None, Some(variable)) => Ok(Self::Variable(variable)),
            (None, None) => Ok(surroundings
                .variable("CREDENTIALS_DIRECTORY")
                .into_iter()
                .flat_map(|dir| ["damsync-token", "token"].map(|name| Path::new(dir).join(name)))
                .find(|path| path.is_file())
                .map_or(Self::Nowhere, Self::Credential)),
        }
    }

    /// Reads the token; `None` where nobody said where it is.
    pub fn read(&self, surroundings: &Surroundings) -> Result<Option<SecretString>, ConfigError> {
        match self {
            Self::File(path) => private_file("token_file", path).map(Some),
            // systemd keeps it private itself; with an ACL its mode can show a group that may not read it at all.
            Self::Credential(path) => {
                secret_in("the systemd credential", path, &open("the systemd credential", path)?).map(Some)
            }
            Self::Variable(name) => surroundings
                .variable(name)
                .map(str::trim)
                .filter(|token| !token.is_empty())
                .map(|token| Some(SecretString::from(token)))
                .ok_or_else(|| ConfigError::TokenVariable { variable: name.clone() }),
            Self::Nowhere => Ok(None),
        }
    }
}

/// Reads a secret from a file that nobody else may read.
pub fn private_file(what: &'static str, path: &Path) -> Result<SecretString, ConfigError> {
    let file = open(what, path)?;
    let mode = file.metadata().map_err(|source| unreadable(what, path, source))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(ConfigError::SecretReadable { what, path: path.to_owned(), mode });
    }
    secret_in(what, path, &file)
}

fn unreadable(what: &'static str, path: &Path, source: std::io::Error) -> ConfigError {
    ConfigError::Unreadable { what, path: path.to_owned(), source }
}

fn open(what: &'static str, path: &Path) -> Result<File, ConfigError> {
    // NONBLOCK, so that a FIFO does not wait for a writer before it can be refused.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file: File =
        rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| unreadable(what, path, errno.into()))?.into();
    let regular = file.metadata().map_err(|source| unreadable(what, path, source))?.is_file();
    if regular { Ok(file) } else { Err(ConfigError::SecretNotAFile { what, path: path.to_owned() }) }
}

fn secret_in(what: &'static str, path: &Path, file: &File) -> Result<SecretString, ConfigError> {
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(|source| unreadable(what, path, source))?;
    let secret = text.trim();
    if secret.is_empty() || secret.contains(char::is_control) {
        return Err(ConfigError::SecretEmpty { what, path: path.to_owned() });
    }
    Ok(SecretString::from(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::fs::{self, Permissions};

    fn read(content: &str, mode: u32) -> Result<String, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        private_file("token_file", &path).map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn a_token_file_is_private_and_holds_one_line() {
        assert_eq!(read("abc\n", 0o600).unwrap(), "abc");
        assert_eq!(read("abc", 0o400).unwrap(), "abc");
        for mode in [0o640, 0o604, 0o620, 0o660, 0o644] {
            let error = read("abc", mode).unwrap_err();
            assert!(matches!(&error, ConfigError::SecretReadable { mode: seen, .. } if *seen == mode), "{error}");
            assert!(error.remedy().starts_with("chmod 600 /"), "{}", error.remedy());
        }
        for empty in ["", "\n \n", "a\nb"] {
            assert!(matches!(read(empty, 0o600), Err(ConfigError::SecretEmpty { .. })), "{empty:?}");
        }
    }

    #[test]
    fn only_a_regular_file_holds_a_token() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(private_file("token_file", dir.path()), Err(ConfigError::SecretNotAFile { .. })));
        assert!(matches!(private_file("token_file", &dir.path().join("gone")), Err(ConfigError::Unreadable { .. })));
    }

    #[test]
    fn a_token_comes_from_one_place() {
        let dir = tempfile::tempdir().unwrap();
        let mut here = Surroundings::default();
        let find = |file: Option<&str>, env: Option<&str>, here: &Surroundings| {
            TokenSource::find(file.map(PathBuf::from), env.map(str::to_owned), here)
        };
        assert_eq!(find(None, None, &here).unwrap(), TokenSource::Nowhere);
        assert!(matches!(find(Some("/t"), Some("T"), &here), Err(ConfigError::TwoTokens)));

        here.variables.insert("CREDENTIALS_DIRECTORY".into(), dir.path().to_str().unwrap().into());
        assert_eq!(find(None, None, &here).unwrap(), TokenSource::Nowhere);
        fs::write(dir.path().join("token"), "abc").unwrap();
        let found = find(None, None, &here).unwrap();
        assert_eq!(found, TokenSource::Credential(dir.path().join("token")));
        assert_eq!(found.read(&here).unwrap().unwrap().expose_secret(), "abc");

        let variable = find(None, Some("MY_TOKEN"), &here).unwrap();
        assert!(matches!(variable.read(&here), Err(ConfigError::TokenVariable { .. })));
        here.variables.insert("MY_TOKEN".into(), " xyz ".into());
        assert_eq!(variable.read(&here).unwrap().unwrap().expose_secret(), "xyz");
    }
}
