//! What the program takes from the process it runs in, as one value: tests make it up.

use super::error::ConfigError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Environment variables and the user's directories.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Every variable that is UTF-8.
    pub variables: BTreeMap<String, String>,
    /// The home directory.
    pub home: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME` or its default.
    pub config_home: Option<PathBuf>,
    /// `$XDG_STATE_HOME` or its default.
    pub state_home: Option<PathBuf>,
    /// Where a system-wide configuration is.
    pub system_config: PathBuf,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        let base = directories::BaseDirs::new();
        Self {
            variables: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            home: base.as_ref().map(|dirs| dirs.home_dir().to_owned()),
            config_home: base.as_ref().map(|dirs| dirs.config_dir().to_owned()),
            state_home: base.as_ref().and_then(|dirs| dirs.state_dir().map(Path::to_owned)),
            system_config: PathBuf::from("/etc/damsync/config.toml"),
        }
    }

    /// A variable that is set to something.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The configuration file to read when none is named: the user's, else the system's.
    pub fn config_file(&self) -> Result<PathBuf, ConfigError> {
        let own = self.own_config_file().ok();
        let candidates: Vec<PathBuf> = own.into_iter().chain([self.system_config.clone()]).collect();
        candidates.iter().find(|path| path.exists()).cloned().ok_or(ConfigError::Missing { looked: candidates })
    }

    /// Where the user's own configuration is, or would be.
    pub fn own_config_file(&self) -> Result<PathBuf, ConfigError> {
        self.config_home
            .as_ref()
            .map(|home| home.join("damsync/config.toml"))
            .ok_or(ConfigError::NoHome { what: "the configuration", instead: "name a file with --config, or set HOME" })
    }

    /// The state directory when none is configured: systemd's, else the user's.
    pub fn state_dir(&self) -> Result<PathBuf, ConfigError> {
        if let Some(given) = self.variable("STATE_DIRECTORY") {
            // systemd joins several with colons; the first is ours.
            return Ok(PathBuf::from(given.split(':').next().unwrap_or(given)));
        }
        self.state_home.as_ref().map(|home| home.join("damsync")).ok_or(ConfigError::NoHome {
            what: "the state directory",
            instead: "set `state_dir` in the configuration, or HOME",
        })
    }

    /// An absolute path of a configured one; `~/` is the home directory.
    pub fn absolute(&self, key: impl Into<String>, path: &Path) -> Result<PathBuf, ConfigError> {
        if let Ok(below_home) = path.strip_prefix("~") {
            let home = self.home.as_ref().ok_or(ConfigError::NoHome {
                what: "a path that begins with ~/",
                instead: "write the whole path, or set HOME",
            })?;
            return Ok(home.join(below_home));
        }
        if path.is_absolute() {
            Ok(path.to_owned())
        } else {
            Err(ConfigError::Relative { key: key.into(), path: path.to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_do_not_depend_on_the_working_directory() {
        let here = Surroundings { home: Some("/home/u".into()), ..Surroundings::default() };
        assert_eq!(here.absolute("local", Path::new("~/a/b")).unwrap(), Path::new("/home/u/a/b"));
        assert_eq!(here.absolute("local", Path::new("/a")).unwrap(), Path::new("/a"));
        for bad in ["a", "./a", "~u/a", ""] {
            assert!(matches!(here.absolute("local", Path::new(bad)), Err(ConfigError::Relative { .. })), "{bad}");
        }
    }

    #[test]
    fn the_state_directory_is_systemds_or_the_users() {
        let mut here = Surroundings { state_home: Some("/home/u/.local/state".into()), ..Surroundings::default() };
        assert_eq!(here.state_dir().unwrap(), Path::new("/home/u/.local/state/damsync"));
        here.variables.insert("STATE_DIRECTORY".into(), "/var/lib/damsync:/var/lib/other".into());
        assert_eq!(here.state_dir().unwrap(), Path::new("/var/lib/damsync"));
        assert!(matches!(Surroundings::default().state_dir(), Err(ConfigError::NoHome { .. })));
    }
}
