//! How the model's values stand in columns.

use crate::open::StoreError;
use damsync_model::content::{Claimed, Content, Md5, Sha256};
use damsync_model::id::{AssetId, RemoteId, StorageFolderId};
use damsync_model::kind::Kind;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

/// A remote id as a column: an integer or a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SqlId(pub RemoteId);

impl From<&AssetId> for SqlId {
    fn from(id: &AssetId) -> Self {
        Self(id.0.clone())
    }
}

impl From<&StorageFolderId> for SqlId {
    fn from(id: &StorageFolderId) -> Self {
        Self(id.0.clone())
    }
}

impl ToSql for SqlId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match &self.0 {
            RemoteId::Number(number) => ToSqlOutput::from(*number),
            RemoteId::Text(text) => ToSqlOutput::from(&**text),
        })
    }
}

impl FromSql for SqlId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Integer(number) => Ok(Self(RemoteId::Number(number))),
            ValueRef::Text(_) => Ok(Self(RemoteId::Text(value.as_str()?.into()))),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// Sizes are below 2^63 on every file system; SQLite has no larger integers.
pub(crate) fn to_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn to_u64(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(crate) fn md5(bytes: Option<Vec<u8>>) -> Result<Option<Md5>, StoreError> {
    bytes
        .map(|bytes| bytes.try_into().map(Md5).map_err(|_| StoreError::Nonsense("an MD5 of another length")))
        .transpose()
}

pub(crate) fn content(size: i64, md5_bytes: Vec<u8>, sha256: Vec<u8>, kind: u8) -> Result<Content, StoreError> {
    Ok(Content {
        size: to_u64(size),
        md5: md5(Some(md5_bytes))?.ok_or(StoreError::Nonsense("no MD5"))?,
        sha256: sha256.try_into().map(Sha256).map_err(|_| StoreError::Nonsense("a SHA-256 of another length"))?,
        kind: Kind::of_number(kind),
    })
}

pub(crate) fn claimed(size: Option<i64>, md5_bytes: Option<Vec<u8>>) -> Result<Claimed, StoreError> {
    Ok(Claimed { size: size.map(to_u64), md5: md5(md5_bytes)? })
}
