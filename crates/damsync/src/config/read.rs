//! From the file's text, and from the environment, to what the user wrote.

use super::error::{ConfigError, Hint, Place, Spot};
use super::file::{ConfigFile, TABLES};
use super::nearest::nearest;
use std::collections::BTreeMap;
use std::path::Path;
use toml::{Table, Value};

/// What the names of variables that stand for keys begin with. One underscore would be too few: `DAMSYNC_CONFIG` and
/// `DAMSYNC_LOG` are no keys.
const PREFIX: &str = "DAMSYNC__";

/// Reads the text of the file at `path`.
pub fn from_text(path: &Path, text: &str) -> Result<ConfigFile, ConfigError> {
    refuse_several_remotes(path, text)?;
    toml::from_str(text).map_err(|error| explain(path, text, &error))
}

/// `[[remote]]` is a promise for later; without this it would be answered with a puzzle about types.
fn refuse_several_remotes(path: &Path, text: &str) -> Result<(), ConfigError> {
    let several = text.parse::<Table>().is_ok_and(|table| matches!(table.get("remote"), Some(Value::Array(_))));
    if !several {
        return Ok(());
    }
    Err(ConfigError::NotInThisVersion {
        place: Place::at(path, text, text.find("[[remote]]").unwrap_or(0)),
        what: "more than one [[remote]]",
        instead: "write one [remote] table; for a second server use a second configuration file with its own state_dir",
    })
}

/// The words that serde put between backticks: the unknown key, then those it knows.
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field ")?;
    let mut words = rest.split('`').skip(1).step_by(2);
    Some((words.next()?, words.collect()))
}

fn hint(key: &str, known: &[&str]) -> Option<Hint> {
    let other = TABLES.iter().find(|(_, keys)| keys.contains(&key)).map(|(table, _)| Hint::OtherTable(table));
    let promised = |candidate: &&&str| TABLES.iter().any(|(_, keys)| keys.contains(candidate));
    other.or_else(|| nearest(key, known.iter().filter(promised).copied()).map(|word| Hint::Nearest(word.to_owned())))
}

fn explain(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let span = error.span();
    let place = Place::at(path, text, span.as_ref().map_or(0, |span| span.start));
    let spot = span.map(|span| Spot { text: text.into(), span });
    match unknown_key(error.message()) {
        Some((key, known)) => ConfigError::UnknownKey { place, key: key.to_owned(), hint: hint(key, &known), spot },
        None => ConfigError::Value { place, message: one_line(error.message()), spot },
    }
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Puts the variables `DAMSYNC__REMOTE__POLL_INTERVAL=…` over what the file says.
pub fn overridden(mut file: ConfigFile, variables: &BTreeMap<String, String>) -> Result<ConfigFile, ConfigError> {
    for (variable, value) in variables.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        let said = from_variable(variable, value)?;
        file.state_dir = said.state_dir.or(file.state_dir);
        if let Some(remote) = said.remote {
            file.remote = Some(file.remote.unwrap_or_default().overridden_by(remote));
        }
    }
    Ok(file)
}

/// One variable as a configuration that says nothing else, so that it meets the same checks as the file.
fn from_variable(variable: &str, value: &str) -> Result<ConfigFile, ConfigError> {
    let key = variable[PREFIX.len()..].to_ascii_lowercase();
    let path: Vec<&str> = key.split("__").collect();
    let document = |value: Value| match path.as_slice() {
        ["remote", key] => {
            Some(Table::from_iter([("remote".to_owned(), Table::from_iter([((*key).to_owned(), value)]).into())]))
        }
        ["state_dir"] => Some(Table::from_iter([("state_dir".to_owned(), value)])),
        _ => None,
    };
    let unknown = || ConfigError::UnknownVariable { variable: variable.to_owned(), nearest: nearest_variable(&path) };
    // A value in the environment is always text. Where a key wants a number, it is read as one; as text first, because
    // a client id of digits only is still a text.
    let as_text = document(Value::String(value.to_owned())).ok_or_else(unknown)?;
    let error = match as_text.try_into::<ConfigFile>() {
        Ok(said) => return Ok(said),
        Err(error) => error,
    };
    if unknown_key(error.message()).is_some() {
        return Err(unknown());
    }
    let as_number = value.parse().ok().and_then(|number| document(Value::Integer(number)));
    let message = match as_number.map(Table::try_into::<ConfigFile>) {
        Some(Ok(said)) => return Ok(said),
        Some(Err(error)) => error.message().to_owned(),
        None => error.message().to_owned(),
    };
    Err(ConfigError::Variable { variable: variable.to_owned(), message: one_line(&message) })
}

fn nearest_variable(path: &[&str]) -> Option<String> {
    let known: Vec<String> =
        TABLES[1].1.iter().map(|key| format!("remote__{key}")).chain(["state_dir".to_owned()]).collect();
    if path.first() == Some(&"mirror") {
        return None;
    }
    nearest(&path.join("__"), known.iter().map(String::as_str))
        .map(|key| format!("{PREFIX}{}", key.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn sentence(text: &str) -> String {
        let error = from_text(Path::new("/c.toml"), text).unwrap_err();
        format!("{error}; {}", error.remedy())
    }

    #[test]
    fn bad_lines_become_sentences_that_name_the_line_and_the_remedy() {
        for (text, expected) in [
            (
                "[remote]\npol_interval = \"30s\"\n",
                "/c.toml:2: unknown key `pol_interval`; did you mean `poll_interval`?",
            ),
            ("\n\nstatedir = \"/x\"", "/c.toml:3: unknown key `statedir`; did you mean `state_dir`?"),
            ("[[mirror]]\nname = \"a\"\nlocale = \"/x\"", "/c.toml:3: unknown key `locale`; did you mean `local`?"),
            (
                "storage_folder = \"A\"",
                "/c.toml:1: unknown key `storage_folder`; `storage_folder` belongs into [[mirror]]",
            ),
            (
                "[[mirror]]\npoll_interval = \"1s\"",
                "/c.toml:2: unknown key `poll_interval`; `poll_interval` belongs into [remote]",
            ),
            (
                "[remote]\nstate_dir = \"/x\"",
                "/c.toml:2: unknown key `state_dir`; `state_dir` belongs at the top of the file",
            ),
            (
                "[remote]\n\npoll_interval = \"soon\"",
                "/c.toml:3: \"soon\" is no duration: write a number with a unit, such as \"500ms\", \"30s\", \"5m\", \"12h\" or \
                 \"30d\"; correct that line",
            ),
            (
                "[remote]\npoll_interval = 30",
                "/c.toml:2: invalid type: integer `30`, expected a duration in quotes with its unit, such as \"30s\"; correct that line",
            ),
            (
                "[[mirror]]\nmax_delete = \"120%\"",
                "/c.toml:2: \"120%\" is no share: write something between \"0%\" and \"100%\", such as \"25%\" or \"2.5%\"; correct \
                 that line",
            ),
            (
                "[[mirror]]\nmin_free = \"much\"",
                "/c.toml:2: \"much\" is no size: write a number of bytes, or one with a unit, such as \"500MB\" or \"1GiB\"; correct \
                 that line",
            ),
            (
                "[[mirror]]\nstorage_folder = \"/Studio\"",
                "/c.toml:2: \"/Studio\" is no storage folder: write its names joined by single slashes, such as \
                 \"Studio/Campaigns\"; to mirror every folder, leave storage_folder out; correct that line",
            ),
            (
                "[[mirror]]\ndirection = \"both\"",
                "/c.toml:2: unknown variant `both`, expected one of `two-way`, `pull-only`, `push-only`; correct that line",
            ),
            (
                "[[remote]]\nname = \"a\"",
                "/c.toml:1: more than one [[remote]] is not in this version of damsync; write one [remote] table; for a second \
                 server use a second configuration file with its own state_dir",
            ),
        ] {
            assert_eq!(sentence(text), expected);
        }
        assert!(sentence("[remote").starts_with("/c.toml:1: "), "{}", sentence("[remote"));
        assert!(sentence("\n[remote]\nauth = \"personal\"\nauth = \"oauth\"").starts_with("/c.toml:4: "));
    }

    #[test]
    fn the_lists_of_keys_are_those_that_serde_takes() {
        for (table, header) in [(0, ""), (1, "[remote]\n"), (2, "[[mirror]]\n")] {
            let message = toml::from_str::<ConfigFile>(&format!("{header}zzz = 1")).unwrap_err().message().to_owned();
            let (_, taken) = unknown_key(&message).unwrap();
            for key in TABLES[table].1 {
                assert!(taken.contains(key), "{key} is listed, but not taken");
            }
            let later = ["remote", "collection", "lock_readonly", "name", "project_id"];
            for key in taken {
                assert!(TABLES[table].1.contains(&key) || later.contains(&key), "{key} is taken, but not listed");
            }
        }
    }

    fn with(variables: &[(&str, &str)]) -> Result<ConfigFile, ConfigError> {
        let file = from_text(Path::new("/c.toml"), "[remote]\npoll_interval = \"30s\"\nconcurrency = 8").unwrap();
        overridden(file, &variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn variables_override_the_file() {
        let file = with(&[
            ("DAMSYNC__REMOTE__POLL_INTERVAL", "2s"),
            ("DAMSYNC__REMOTE__ORGANIZATION_ID", "100"),
            ("DAMSYNC__REMOTE__CLIENT_ID", "12"),
            ("DAMSYNC__REMOTE__MAX_UPLOAD_BYTES_PER_SECOND", "1MiB"),
            ("DAMSYNC__STATE_DIR", "/s"),
            ("DAMSYNC_CONFIG", "/elsewhere"),
        ])
        .unwrap();
        let remote = file.remote.unwrap();
        assert_eq!(remote.poll_interval.unwrap().0, Duration::from_secs(2));
        assert_eq!(remote.concurrency, Some(8));
        assert_eq!(remote.organization_id, Some(100));
        assert_eq!(remote.client_id.as_deref(), Some("12"));
        assert_eq!(remote.max_upload_bytes_per_second.unwrap().0, 1 << 20);
        assert_eq!(file.state_dir.as_deref(), Some(Path::new("/s")));
    }

    #[test]
    fn a_bad_variable_is_named() {
        for (name, value, expected) in [
            (
                "DAMSYNC__REMOTE__POL_INTERVAL",
                "2s",
                "environment variable DAMSYNC__REMOTE__POL_INTERVAL names no key of the configuration; did you mean \
                 DAMSYNC__REMOTE__POLL_INTERVAL?",
            ),
            (
                "DAMSYNC__MIRROR__LOCAL",
                "/x",
                "environment variable DAMSYNC__MIRROR__LOCAL names no key of the configuration; unset DAMSYNC__MIRROR__LOCAL; \
                 mirrors are described in the file only",
            ),
            (
                "DAMSYNC__REMOTE__CONCURRENCY",
                "many",
                "environment variable DAMSYNC__REMOTE__CONCURRENCY: invalid type: string \"many\", expected u32; correct or unset \
                 DAMSYNC__REMOTE__CONCURRENCY",
            ),
        ] {
            let error = with(&[(name, value)]).unwrap_err();
            assert_eq!(format!("{error}; {}", error.remedy()), expected);
        }
    }
}
