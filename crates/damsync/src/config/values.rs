//! Values that a configuration file spells as text: durations, sizes, shares, folders.
//!
//! Each says in its own error what it takes, so that the message under the offending line is enough.

use damsync_model::policy::MaxDelete;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// A span of time such as `500ms`, `30s`, `1h 30m` or `30d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// Reads a span of time: numbers with the units `ms`, `s`, `m`, `h` and `d`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "{text:?} is no duration: write a number with a unit, such as \"500ms\", \"30s\", \"5m\", \"12h\" or \"30d\""
        )
    };
    let mut rest = text.trim();
    let mut total_ms = 0_u64;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit_ms = match &rest[..letters] {
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60 * 1000,
            "h" => 60 * 60 * 1000,
            "d" => 24 * 60 * 60 * 1000,
            _ => return Err(wrong()),
        };
        rest = rest[letters..].trim_start();
        total_ms = number.checked_mul(unit_ms).and_then(|ms| total_ms.checked_add(ms)).ok_or_else(wrong)?;
    }
    Ok(Duration::from_millis(total_ms))
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration in quotes with its unit, such as \"30s\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                parse_duration(text).map(Span).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// A number of bytes: an integer, or text such as `1GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

fn parse_bytes(text: &str) -> Result<u64, String> {
    text.parse::<bytesize::ByteSize>().map(|size| size.as_u64()).map_err(|_| {
        format!("{text:?} is no size: write a number of bytes, or one with a unit, such as \"500MB\" or \"1GiB\"")
    })
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Size;
        impl Visitor<'_> for Size {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes, or a size in quotes such as \"1GiB\"")
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Bytes, E> {
                u64::try_from(number).map(Bytes).map_err(|_| E::custom("a size cannot be negative"))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                parse_bytes(text).map(Bytes).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Size)
    }
}

/// A share of a whole, in per mille; reads `25%` and `2.5%`.
fn parse_permille(text: &str) -> Result<u32, String> {
    let wrong =
        || format!("{text:?} is no share: write something between \"0%\" and \"100%\", such as \"25%\" or \"2.5%\"");
    let number = text.trim().strip_suffix('%').ok_or_else(wrong)?.trim_end();
    let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(tenth) || tenth.len() > 1 {
        return Err(wrong());
    }
    let whole: u32 = whole.parse().map_err(|_| wrong())?;
    let tenth: u32 = tenth.parse().map_err(|_| wrong())?;
    match whole.checked_mul(10).and_then(|permille| permille.checked_add(tenth)) {
        Some(permille) if permille <= 1000 => Ok(permille),
        _ => Err(wrong()),
    }
}

/// `max_delete`: a number of files or a share of the tracked ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeleteLimit(pub MaxDelete);

impl<'de> Deserialize<'de> for DeleteLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Limit;
        impl Visitor<'_> for Limit {
            type Value = DeleteLimit;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of files, or a share in quotes such as \"25%\"")
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<DeleteLimit, E> {
                let files = u64::try_from(number).map_err(|_| E::custom("a number of files cannot be negative"))?;
                Ok(DeleteLimit(MaxDelete::Files(files)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<DeleteLimit, E> {
                parse_permille(text).map(|share| DeleteLimit(MaxDelete::Permille(share))).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Limit)
    }
}

/// How much of the file system the local trash may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrashMax {
    /// A share of the file system, in per mille.
    Permille(u32),
    /// A number of bytes.
    Bytes(u64),
}

impl<'de> Deserialize<'de> for TrashMax {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Limit;
        impl Visitor<'_> for Limit {
            type Value = TrashMax;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share of the file system such as \"10%\", or a size such as \"50GiB\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<TrashMax, E> {
                if text.trim_end().ends_with('%') {
                    parse_permille(text).map(TrashMax::Permille).map_err(E::custom)
                } else {
                    parse_bytes(text).map(TrashMax::Bytes).map_err(E::custom)
                }
            }
        }
        deserializer.deserialize_any(Limit)
    }
}

/// A storage folder as the user names it: a text is always a path of names, an integer always an id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum StorageFolder {
    /// Display names from the top down, joined by `/`.
    Path(String),
    /// The server's id.
    Id(i64),
}

impl fmt::Display for StorageFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{path:?}"),
            Self::Id(id) => write!(f, "{id}"),
        }
    }
}

fn folder_path(path: &str) -> Result<StorageFolder, String> {
    if path.split('/').any(|name| name.trim().is_empty()) {
        return Err(format!(
            "{path:?} is no storage folder: write its names joined by single slashes, such as \"Studio/Campaigns\"; \
             to mirror every folder, leave storage_folder out"
        ));
    }
    Ok(StorageFolder::Path(path.to_owned()))
}

/// Reads a storage folder of a command line, where everything is text: `id:42` is an id, anything else a path.
pub fn parse_storage_folder(text: &str) -> Result<StorageFolder, String> {
    let digits = text.strip_prefix("id:").filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
    match digits {
        Some(id) => id.parse().map(StorageFolder::Id).map_err(|_| format!("{text:?} is no id of a storage folder")),
        None => folder_path(text),
    }
}

impl<'de> Deserialize<'de> for StorageFolder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Folder;
        impl Visitor<'_> for Folder {
            type Value = StorageFolder;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a path of folder names in quotes such as \"Studio/Campaigns\", or a folder's id as an integer",
                )
            }
            fn visit_i64<E: de::Error>(self, id: i64) -> Result<StorageFolder, E> {
                Ok(StorageFolder::Id(id))
            }
            fn visit_str<E: de::Error>(self, path: &str) -> Result<StorageFolder, E> {
                folder_path(path).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("0s", 0),
            ("5m", 300_000),
            ("5 min", 300_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("30d", 2_592_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for bad in
            ["", "30", "s", "-1s", "1.5s", "30 seconds", "1y", "99999999999999999999s", "999999999999999d", "1s,"]
        {
            assert!(parse_duration(bad).unwrap_err().contains("30s"), "{bad}");
        }
    }

    #[test]
    fn shares() {
        for (text, permille) in [("0%", 0), ("25%", 250), ("2.5%", 25), ("100%", 1000), (" 7 %", 70)] {
            assert_eq!(parse_permille(text), Ok(permille), "{text}");
        }
        for bad in ["", "%", "25", "101%", "-1%", "2.55%", "1.%", ".5%", "a%", "4294967296%"] {
            assert!(parse_permille(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [("1GiB", 1 << 30), ("1 KiB", 1024), ("500MB", 500_000_000), ("0", 0)] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        assert!(parse_bytes("lots").unwrap_err().contains("1GiB"));
    }
}
