//! Identities: of mirrors, of directories, of assets and storage folders.

use std::fmt;

/// An id as a DAM gives it: a number (Mediagraph) or a text (Scenario).
///
/// Ordered as the contract's "lower id" wants it: numbers by value, texts bytewise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemoteId {
    /// Mediagraph's integers.
    Number(i64),
    /// Scenario's `asset_…` strings.
    Text(Box<str>),
}

impl fmt::Display for RemoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl RemoteId {
    /// Reads what [`fmt::Display`] wrote: what a number would print is one, anything else (`007`, `+7`) a text.
    pub fn parse(text: &str) -> Self {
        match text.parse() {
            Ok(number) if i64::to_string(&number) == text => Self::Number(number),
            _ => Self::Text(text.into()),
        }
    }
}

/// The DAM's id of an asset. It never changes while the asset lives, whatever its name, place or content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetId(pub RemoteId);

/// The DAM's id of a container of assets: a storage folder or a collection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorageFolderId(pub RemoteId);

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for StorageFolderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<i64> for AssetId {
    fn from(number: i64) -> Self {
        Self(RemoteId::Number(number))
    }
}

impl From<i64> for StorageFolderId {
    fn from(number: i64) -> Self {
        Self(RemoteId::Number(number))
    }
}

/// The DAM's long, global id of an asset. `short` is what file names carry when two assets want one name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub Box<str>);

impl Guid {
    /// The first part between dashes, as Mediagraph's `short_guid`; at most 8 characters. As hostile as the whole.
    pub fn short(&self) -> &str {
        let head = self.0.split('-').find(|part| !part.is_empty()).unwrap_or_default();
        head.char_indices().nth(8).map_or(head, |(end, _)| &head[..end])
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Our number for a mirror, given by the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MirrorId(pub i64);

/// Our number for a directory of a mirror, given by the store. One number stands for the directory here, the storage
/// folder there and what both last agreed on; where the three differ, the folder was renamed, moved, made or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderId(pub i64);

impl fmt::Display for FolderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names one pass: it stands in the history and in the trash's directory names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub Box<str>);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
