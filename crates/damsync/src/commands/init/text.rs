//! The text of a configuration. Values are quoted by the TOML writer, whatever is in them.

use super::error::InitError;
use crate::config::{DirectionWord, StorageFolder};
use serde::Serialize;
use std::path::Path;

/// `[remote]` of a new file.
#[derive(Clone, Debug, Serialize)]
pub struct RemoteText {
    /// The API's address.
    pub base_url: String,
    /// The organization that the token works in.
    pub organization_id: i64,
    /// Where the token is. The token itself never stands here.
    pub token_file: String,
}

/// One `[[mirror]]`.
#[derive(Clone, Debug, Serialize)]
pub struct MirrorText {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub local: String,
    /// Its storage folder; left out = everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_folder: Option<StorageFolder>,
    /// Which way changes travel; left out = both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<DirectionWord>,
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<&'a RemoteText>,
    mirror: [&'a MirrorText; 1],
}

/// A path as text.
pub fn path_text(path: &Path) -> Result<String, InitError> {
    path.to_str().map(str::to_owned).ok_or_else(|| InitError::NotUtf8 { path: path.to_owned() })
}

/// The text of a file with one more mirror at its end, and with `remote` before that where the file is new. What was
/// there stays, byte for byte.
pub fn composed(before: &str, remote: Option<&RemoteText>, mirror: &MirrorText) -> String {
    let start = match before {
        "" => "# damsync's configuration; README.md explains every key.\n\n".to_owned(),
        text if text.ends_with("\n\n") => text.to_owned(),
        text if text.ends_with('\n') => format!("{text}\n"),
        text => format!("{text}\n\n"),
    };
    // Texts, integers and tables can always be written; were it otherwise, the text would lack the mirror, and not pass
    // the check that every new text meets before it becomes a file.
    start + &toml::to_string(&Whole { remote, mirror: [mirror] }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Surroundings, from_text};

    fn mirror(name: &str, local: &str) -> MirrorText {
        MirrorText { name: name.into(), local: local.into(), storage_folder: None, direction: None }
    }

    fn remote() -> RemoteText {
        RemoteText { base_url: "https://dam.example".into(), organization_id: 7, token_file: "/t \"o\\k'en".into() }
    }

    fn here() -> Surroundings {
        Surroundings { state_home: Some("/nowhere/state".into()), ..Surroundings::default() }
    }

    #[test]
    fn whatever_is_in_a_value_is_read_back_as_it_was() {
        for odd in
            ["/a \"b\"/'c'", "/back\\slash", "/new\nline", "/tab\tand #", "/Größe/日本", "/[[mirror]]", "/'''\"\"\""]
        {
            let mut mirror = mirror("n \"m\" 'o' \\", odd);
            mirror.storage_folder = Some(StorageFolder::Path(odd.trim_start_matches('/').into()));
            mirror.direction = Some(DirectionWord::PullOnly);
            let config = from_text(Path::new("/c.toml"), &composed("", Some(&remote()), &mirror), &here()).unwrap();
            let read = &config.mirrors[0];
            assert_eq!((read.name.as_str(), read.local.to_str().unwrap()), (mirror.name.as_str(), odd));
            assert_eq!(read.storage_folder, mirror.storage_folder);
        }
    }

    #[test]
    fn an_id_stays_a_number() {
        let mut mirror = mirror("n", "/l");
        mirror.storage_folder = Some(StorageFolder::Id(42));
        assert!(composed("", Some(&remote()), &mirror).contains("\nstorage_folder = 42\n"));
    }

    #[test]
    fn what_was_there_stays_as_it_was() {
        let first = composed("", Some(&remote()), &mirror("one", "/one"));
        let second = MirrorText { storage_folder: Some(StorageFolder::Id(2)), ..mirror("two", "/two") };
        for end in ["", "\n", "\n\n", "  # ours\r\n", "\n# the end"] {
            let before = format!("# ours\n{}{end}", first.trim_end());
            let after = composed(&before, None, &second);
            assert!(after.starts_with(&before), "{after}");
            assert!(after[before.len()..].trim_start().starts_with("[[mirror]]\nname = \"two\"\n"), "{after}");
            assert!(toml::from_str::<toml::Table>(&after).unwrap()["mirror"].as_array().unwrap().len() == 2, "{after}");
        }
    }
}
