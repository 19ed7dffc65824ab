//! The journal of moves here: each is written before a file is taken from its place, and removed with the record of what
//! became of it.

use crate::codec::{self, SqlId, to_i64, to_u64};
use crate::{StoreError, Tx};
use damsync_model::content::Content;
use damsync_model::id::{AssetId, FolderId, MirrorId};
use damsync_model::name::{FileName, NameKey};
use damsync_model::tree::{Place, Stat};
use rusqlite::{Row, params};

/// A file that we are taking from its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMove {
    /// Whose file it is by agreement.
    pub asset: AssetId,
    /// Where it stood.
    pub from: Place,
    /// The key of its name there.
    pub from_key: NameKey,
    /// Which file it is.
    pub stat: Stat,
    /// What it holds, where it was read.
    pub content: Option<Content>,
    /// Where it shall stand; `None`: it leaves, for the trash or to make room.
    pub to: Option<MoveTarget>,
}

/// Where a file is moved to, and what will be agreed on then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveTarget {
    /// The place.
    pub place: Place,
    /// The key of its name there.
    pub key: NameKey,
    /// Where the asset stood when this was decided.
    pub remote_folder: FolderId,
    /// What the asset was called then.
    pub remote_filename: String,
}

macro_rules! columns {
    () => {
        "asset, folder, key, name, size, mtime_ns, ctime_ns, inode, birth_ns, md5, sha256, kind, to_folder, \
         to_key, to_name, remote_folder, remote_filename"
    };
}

fn place(folder: i64, key: &str, name: Option<&str>) -> Result<Place, StoreError> {
    let name = FileName::new(name.unwrap_or(key)).ok_or(StoreError::Nonsense("a name that cannot be"))?;
    Ok(Place { folder: FolderId(folder), name })
}

/// The name, where it is not the key.
fn own_name<'n>(place: &'n Place, key: &NameKey) -> Option<&'n str> {
    (place.name.as_str() != key.as_str()).then_some(place.name.as_str())
}

fn from_row(row: &Row<'_>) -> Result<LocalMove, StoreError> {
    let key: String = row.get(2)?;
    let stat = Stat {
        size: to_u64(row.get(4)?),
        mtime_ns: row.get(5)?,
        ctime_ns: row.get(6)?,
        inode: row.get::<_, i64>(7)?.cast_unsigned(),
        birth_ns: row.get(8)?,
    };
    let content = match (row.get(9)?, row.get(10)?) {
        (Some(md5), Some(sha256)) => Some(codec::content(to_i64(stat.size), md5, sha256, row.get(11)?)?),
        _ => None,
    };
    let to = match (row.get(12)?, row.get::<_, Option<String>>(13)?, row.get(15)?, row.get(16)?) {
        (Some(folder), Some(key), Some(remote_folder), Some(remote_filename)) => Some(MoveTarget {
            place: place(folder, &key, row.get::<_, Option<String>>(14)?.as_deref())?,
            key: NameKey::from_stored(&key),
            remote_folder: FolderId(remote_folder),
            remote_filename,
        }),
        _ => None,
    };
    Ok(LocalMove {
        asset: AssetId(row.get::<_, SqlId>(0)?.0),
        from: place(row.get(1)?, &key, row.get::<_, Option<String>>(3)?.as_deref())?,
        from_key: NameKey::from_stored(&key),
        stat,
        content,
        to,
    })
}

impl Tx<'_> {
    /// Writes down that a file is about to be taken from its place.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn put_local_move(&self, mirror: MirrorId, one: &LocalMove) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "INSERT OR REPLACE INTO local_move(mirror, ",
            columns!(),
            ")
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
        ))?;
        let to = one.to.as_ref();
        statement.execute(params![
            mirror.0,
            SqlId::from(&one.asset),
            one.from.folder.0,
            one.from_key.as_str(),
            own_name(&one.from, &one.from_key),
            to_i64(one.stat.size),
            one.stat.mtime_ns,
            one.stat.ctime_ns,
            one.stat.inode.cast_signed(),
            one.stat.birth_ns,
            one.content.map(|content| content.md5.0),
            one.content.map(|content| content.sha256.0),
            one.content.map_or(0, |content| content.kind.number()),
            to.map(|to| to.place.folder.0),
            to.map(|to| to.key.as_str()),
            to.and_then(|to| own_name(&to.place, &to.key)),
            to.map(|to| to.remote_folder.0),
            to.map(|to| to.remote_filename.as_str()),
        ])?;
        Ok(())
    }

    /// The moves of a mirror whose end is not recorded.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn local_moves(&self, mirror: MirrorId) -> Result<Vec<LocalMove>, StoreError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM local_move WHERE mirror = ?1 ORDER BY asset"
        ))?;
        let mut rows = statement.query([mirror.0])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(from_row(row)?);
        }
        Ok(found)
    }

    /// Whether it is not recorded where an asset's file stands, or if the file at a place is one that we placed or moved
    /// there or were to take from there.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn is_unsettled(
        &self,
        mirror: MirrorId,
        asset: Option<&AssetId>,
        place: Option<(FolderId, &NameKey)>,
    ) -> Result<bool, StoreError> {
        // Nothing equals NULL, so what is not asked about is not found.
        let mut statement = self.connection.prepare_cached(
            "SELECT 1 FROM local_move WHERE mirror = ?1 AND asset = ?2
             UNION ALL SELECT 1 FROM local_move WHERE folder = ?3 AND key = ?4
             UNION ALL SELECT 1 FROM local_move WHERE to_folder = ?3 AND to_key = ?4
             UNION ALL SELECT 1 FROM placing WHERE mirror = ?1 AND asset = ?2
             UNION ALL SELECT 1 FROM placing WHERE folder = ?3 AND key = ?4 LIMIT 1",
        )?;
        let (folder, key) = place.map(|(folder, key)| (folder.0, key.as_str())).unzip();
        Ok(statement.exists(params![mirror.0, asset.map(SqlId::from), folder, key])?)
    }

    /// What became of it is recorded.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn end_local_move(&self, mirror: MirrorId, asset: &AssetId) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM local_move WHERE mirror = ?1 AND asset = ?2")?
            .execute(params![mirror.0, SqlId::from(asset)])?;
        Ok(())
    }
}
