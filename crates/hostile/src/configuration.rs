//! The configuration: a text becomes something that can be obeyed, or a sentence that names the place.

use crate::config::{Surroundings, from_text, parse_duration, parse_storage_folder};
use crate::{lines, text};
use std::collections::BTreeMap;
use std::path::Path;

/// Stands where a password may stand; no sentence may hold it.
pub const SECRET: &str = "hush-hush";

/// Before the first byte 1 stands the file; behind it variables, one a line.
pub fn holds(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == 1).unwrap_or(bytes.len());
    let file = text(&bytes[..at]);
    let variables = lines(bytes.get(at + 1..).unwrap_or_default());
    let variables: BTreeMap<String, String> = variables
        .iter()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (format!("DAMSYNC__{name}"), value.to_owned()))
        .collect();
    let here = Surroundings {
        variables,
        home: Some("/home/u".into()),
        state_home: Some("/home/u/.local/state".into()),
        ..Surroundings::default()
    };
    match from_text(Path::new("/c.toml"), &file, &here) {
        Ok(config) => {
            assert!(config.state_dir.is_absolute() || here.variables.contains_key("DAMSYNC__STATE_DIR"));
            let url = reqwest::Url::parse(&config.remote.base_url);
            let url = url.unwrap_or_else(|error| panic!("{}: {error}", config.remote.base_url));
            assert!(url.username().is_empty() && url.password().is_none() && url.query().is_none(), "{url}");
            let loopback =
                url.host_str().is_some_and(|host| host == "localhost" || host == "[::1]" || host.starts_with("127."));
            assert!(url.scheme() == "https" || (url.scheme() == "http" && loopback), "{url}");
            assert!(!config.mirrors.is_empty());
            for (index, mirror) in config.mirrors.iter().enumerate() {
                assert!(mirror.local.is_absolute() && !mirror.name.is_empty(), "{mirror:?}");
                for other in &config.mirrors[index + 1..] {
                    assert!(mirror.name != other.name && mirror.local != other.local);
                }
            }
        }
        Err(error) => {
            let about_an_address = format!("{error:?}").contains("Url {");
            for sentence in [error.to_string(), error.remedy()] {
                assert!(!sentence.trim().is_empty());
                // The user's own words may stand in a sentence, but not what an address hides.
                assert!(!about_an_address || !sentence.contains(&format!(":{SECRET}@")), "{sentence}");
            }
        }
    }
    let words = text(bytes);
    if let Ok(duration) = parse_duration(&words) {
        assert!(words.bytes().any(|byte| byte.is_ascii_digit()), "{words:?} is {duration:?}");
    }
    let _ = parse_storage_folder(&words);
}
