//! The configuration: what the user wrote ([`file`]) becomes what the program obeys ([`resolved`]).
//!
//! - The file is read strictly: an unknown key is an error that names its line and the nearest known key.
//! - Variables `DAMSYNC__…` override the file and meet the same checks.
//! - Loading changes nothing and reads no secret; [`Config::credentials`] and [`Config::prepare_state_dir`] do, when a
//!   command needs them.
//! - Not here: what only the server can tell (whether a storage folder exists, whether two of them overlap).

mod error;
mod file;
mod nearest;
mod overlap;
mod read;
mod resolved;
mod surroundings;
mod token;
mod url;
mod values;

pub use error::ConfigError;
pub use file::{AuthKind, DirectionWord, Provider};
pub use nearest::nearest;
pub use resolved::{Auth, Config, Credentials, Mirror};
pub use surroundings::Surroundings;
pub use token::{TokenSource, private_file};
pub use url::checked as checked_url;
pub use values::{StorageFolder, parse_duration, parse_storage_folder};

use std::path::Path;

/// Reads and checks the configuration: the file that is named, else the one in its default place.
pub fn load(named: Option<&Path>, surroundings: &Surroundings) -> Result<Config, ConfigError> {
    let path = match named {
        // Made absolute, so that messages name it wherever they are read.
        Some(path) => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        None => surroundings.config_file()?,
    };
    let text = std::fs::read_to_string(&path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => ConfigError::Missing { looked: vec![path.clone()] },
        _ => ConfigError::Unreadable { what: "the configuration", path: path.clone(), source },
    })?;
    from_text(&path, &text, surroundings)
}

/// Checks a text as if it were the file at `path`.
pub fn from_text(path: &Path, text: &str, surroundings: &Surroundings) -> Result<Config, ConfigError> {
    let file = read::overridden(read::from_text(path, text)?, &surroundings.variables)?;
    Config::resolve(path, text, file, surroundings).map_err(|error| error.in_file(path, text))
}

#[cfg(test)]
mod tests;
