//! The remote tree: assets as the server last described them.

use crate::codec::{self, SqlId, to_i64, to_u64};
use crate::{StoreError, Tx};
use damsync_model::id::{AssetId, FolderId, Guid, MirrorId};
use damsync_model::name::NameKey;
use damsync_model::time::UnixMs;
use damsync_model::tree::{AssetState, RemoteAsset};
use rusqlite::{OptionalExtension, Row, params};

/// Whether an asset is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// In one of the mirror's storage folders.
    Live,
    /// In the server's trash.
    Trashed,
    /// Gone, by evidence.
    Gone,
    /// In a storage folder that the mirror does not cover.
    Outside,
    /// The server does not show it, and it is not known why.
    Unknown,
}

impl Presence {
    const fn code(self) -> i64 {
        match self {
            Self::Live => 0,
            Self::Trashed => 1,
            Self::Gone => 2,
            Self::Outside => 3,
            Self::Unknown => 4,
        }
    }

    const fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Live,
            1 => Self::Trashed,
            2 => Self::Gone,
            3 => Self::Outside,
            _ => Self::Unknown,
        }
    }
}

const fn state_code(state: AssetState) -> i64 {
    match state {
        AssetState::Pending => 0,
        AssetState::Processing => 1,
        AssetState::AwaitingSubmission => 2,
        AssetState::AwaitingApproval => 3,
        AssetState::Processed => 4,
        AssetState::Failed => 5,
    }
}

const fn state_from_code(code: i64) -> AssetState {
    match code {
        0 => AssetState::Pending,
        2 => AssetState::AwaitingSubmission,
        3 => AssetState::AwaitingApproval,
        4 => AssetState::Processed,
        5 => AssetState::Failed,
        _ => AssetState::Processing,
    }
}

/// An asset's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetRow {
    /// What the server said. `storage_folder` is not kept: `folder` stands for it.
    pub asset: RemoteAsset,
    /// The directory that stands for its storage folder; `None` outside the mirror.
    pub folder: Option<FolderId>,
    /// The local name it was given.
    pub given_name: String,
    /// That name's key.
    pub key: NameKey,
    /// Whether it is there.
    pub presence: Presence,
    /// Size and MD5 were read by us, because the server tells none.
    pub learned: bool,
    /// Durably here, and the server has yet to be told.
    pub unacknowledged: bool,
    /// When it is to be asked for again, because no list shows it.
    pub next_look: Option<UnixMs>,
    /// The version that our last push replaced, and until when answers that still show it are not believed.
    pub superseded: Option<(u64, UnixMs)>,
}

macro_rules! columns {
    () => {
        "id, guid, folder, filename, given_name, key, size, md5, learned, version, versions_count, \
         created_at, updated_at, last_external_sync_at, state, presence, checked_out, downloadable, editable, \
         unacknowledged, next_look, superseded, superseded_until"
    };
}

fn from_row(row: &Row<'_>) -> Result<AssetRow, StoreError> {
    let filename: String = row.get(3)?;
    let key: String = row.get(5)?;
    let presence = Presence::from_code(row.get(15)?);
    Ok(AssetRow {
        folder: row.get::<_, Option<i64>>(2)?.map(FolderId),
        given_name: row.get::<_, Option<String>>(4)?.unwrap_or_else(|| filename.clone()),
        key: NameKey::from_stored(&key),
        presence,
        learned: row.get(8)?,
        unacknowledged: row.get(19)?,
        next_look: row.get::<_, Option<i64>>(20)?.map(UnixMs),
        superseded: row.get::<_, Option<i64>>(21)?.map(to_u64).zip(row.get::<_, Option<i64>>(22)?.map(UnixMs)),
        asset: RemoteAsset {
            id: AssetId(row.get::<_, SqlId>(0)?.0),
            guid: Guid(row.get::<_, String>(1)?.into()),
            storage_folder: None,
            filename,
            claimed: codec::claimed(row.get(6)?, row.get(7)?)?,
            version: row.get::<_, Option<i64>>(9)?.map(to_u64),
            versions_count: row.get::<_, Option<i64>>(10)?.map(to_u64),
            created_at: UnixMs(row.get(11)?),
            updated_at: UnixMs(row.get(12)?),
            last_external_sync_at: row.get::<_, Option<i64>>(13)?.map(UnixMs),
            state: state_from_code(row.get(14)?),
            trashed_at: None,
            checked_out: row.get(16)?,
            downloadable: row.get(17)?,
            editable: row.get(18)?,
        },
    })
}

impl Tx<'_> {
    /// One asset.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn asset(&self, mirror: MirrorId, id: &AssetId) -> Result<Option<AssetRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM asset WHERE mirror = ?1 AND id = ?2"
        ))?;
        statement.query_row(params![mirror.0, SqlId::from(id)], |row| Ok(from_row(row))).optional()?.transpose()
    }

    /// The live assets that were given this name in this directory; more than one only while names are being sorted out.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn assets_at(&self, folder: FolderId, key: &NameKey) -> Result<Vec<AssetRow>, StoreError> {
        self.assets(
            concat!(
                "SELECT ",
                columns!(),
                " FROM asset WHERE folder = ?1 AND key = ?2 AND presence = 0 ORDER BY mirror, id"
            ),
            params![folder.0, key.as_str()],
        )
    }

    /// Whether any live asset is in this directory.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn has_assets(&self, folder: FolderId) -> Result<bool, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT 1 FROM asset WHERE folder = ?1 AND presence IN (0, 4) LIMIT 1")?;
        Ok(statement.exists([folder.0])?)
    }

    /// The assets of one directory that are there or not known.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn asset_ids_in(&self, folder: FolderId) -> Result<Vec<AssetId>, StoreError> {
        self.ids("SELECT id FROM asset WHERE folder = ?1 AND presence IN (0, 4) ORDER BY id", params![folder.0])
    }

    /// Every asset of the mirror that should be in the server's lists and whether it is there (live, or not known), in id
    /// order after `after`, at most `limit`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn listed(
        &self,
        mirror: MirrorId,
        after: Option<&AssetId>,
        limit: u32,
    ) -> Result<Vec<(AssetId, Presence)>, StoreError> {
        // Assets that no list shows carry `next_look`. The index has all that is asked for; SQLite would rather read the
        // rows themselves, which are ten times as wide.
        let listed = |after: &str, values: &[&dyn rusqlite::ToSql]| {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT id, presence FROM asset INDEXED BY asset_listed
                 WHERE mirror = ?1 {after} AND presence IN (0, 4) AND next_look IS NULL ORDER BY id LIMIT ?2"
            ))?;
            let rows = statement.query_map(values, |row| Ok((row.get::<_, SqlId>(0)?, row.get(1)?)))?;
            rows.map(|row| row.map(|(id, code)| (AssetId(id.0), Presence::from_code(code))).map_err(StoreError::from))
                .collect()
        };
        match after {
            None => listed("", params![mirror.0, limit]),
            Some(after) => listed("AND id > ?3", params![mirror.0, limit, SqlId::from(after)]),
        }
    }

    /// Assets outside the mirror, at most `limit`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn outside(&self, mirror: MirrorId, limit: u32) -> Result<Vec<AssetId>, StoreError> {
        self.ids(
            "SELECT id FROM asset WHERE mirror = ?1 AND presence = 3 ORDER BY id LIMIT ?2",
            params![mirror.0, limit],
        )
    }

    /// Assets that no list shows and whose time to be asked for has come.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn assets_to_look_at(&self, mirror: MirrorId, now: UnixMs) -> Result<Vec<AssetRow>, StoreError> {
        self.assets(
            concat!("SELECT ", columns!(), " FROM asset INDEXED BY asset_waiting WHERE mirror = ?1 AND next_look IS NOT NULL AND next_look <= ?2 ORDER BY id"),
            params![mirror.0, now.0],
        )
    }

    /// Assets that no list shows.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn assets_waiting(&self, mirror: MirrorId) -> Result<Vec<AssetRow>, StoreError> {
        // SQLite would rather read the whole mirror, as it does not know how few of its assets wait.
        self.assets(
            concat!(
                "SELECT ",
                columns!(),
                " FROM asset INDEXED BY asset_waiting WHERE mirror = ?1 AND next_look IS NOT NULL ORDER BY id"
            ),
            params![mirror.0],
        )
    }

    /// Assets the server has yet to be told about, at most `limit`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn unacknowledged(&self, mirror: MirrorId, limit: u32) -> Result<Vec<AssetId>, StoreError> {
        self.ids("SELECT id FROM asset INDEXED BY asset_unacknowledged WHERE mirror = ?1 AND unacknowledged = 1 ORDER BY id LIMIT ?2",
            params![mirror.0, limit],
        )
    }

    /// How many assets that lists should show have an `updated_at` from `from` to `to`, both included.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn count_updated_between(&self, mirror: MirrorId, from: UnixMs, to: UnixMs) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM asset WHERE mirror = ?1 AND updated_at BETWEEN ?2 AND ?3
               AND presence IN (0, 4) AND next_look IS NULL",
        )?;
        Ok(to_u64(statement.query_row(params![mirror.0, from.0, to.0], |row| row.get(0))?))
    }

    /// The newest `updated_at` that we know of.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn newest_update(&self, mirror: MirrorId) -> Result<Option<UnixMs>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT max(updated_at) FROM asset WHERE mirror = ?1")?;
        Ok(statement.query_row([mirror.0], |row| row.get::<_, Option<i64>>(0))?.map(UnixMs))
    }

    /// Live assets that were agreed on, the last changed ones first; at most `limit`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn newest_agreed(&self, mirror: MirrorId, limit: u32) -> Result<Vec<AssetId>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM asset WHERE mirror = ?1 AND presence = 0
               AND EXISTS (SELECT 1 FROM base WHERE base.mirror = asset.mirror AND base.asset = asset.id)
             ORDER BY updated_at DESC LIMIT ?2",
        )?;
        let rows = statement.query_map(params![mirror.0, limit], |row| Ok(AssetId(row.get::<_, SqlId>(0)?.0)))?;
        rows.map(|row| row.map_err(StoreError::from)).collect()
    }

    /// Writes a row over whatever stood under its id.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn put_asset(&self, mirror: MirrorId, row: &AssetRow) -> Result<(), StoreError> {
        let asset = &row.asset;
        let mut statement = self.connection.prepare_cached(concat!(
            "INSERT OR REPLACE INTO asset(mirror, ",
            columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,
               ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)"
        ))?;
        statement.execute(params![
            mirror.0,
            SqlId::from(&asset.id),
            &*asset.guid.0,
            row.folder.map(|folder| folder.0),
            asset.filename,
            (row.given_name != asset.filename).then_some(&row.given_name),
            row.key.as_str(),
            asset.claimed.size.map(to_i64),
            asset.claimed.md5.map(|md5| md5.0),
            row.learned,
            asset.version.map(to_i64),
            asset.versions_count.map(to_i64),
            asset.created_at.0,
            asset.updated_at.0,
            asset.last_external_sync_at.map(|at| at.0),
            state_code(asset.state),
            row.presence.code(),
            asset.checked_out,
            asset.downloadable,
            asset.editable,
            row.unacknowledged,
            row.next_look.map(|at| at.0),
            row.superseded.map(|(version, _)| to_i64(version)),
            row.superseded.map(|(_, until)| until.0),
        ])?;
        Ok(())
    }

    /// Changes whether an asset is there.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn set_presence(&self, mirror: MirrorId, id: &AssetId, presence: Presence) -> Result<(), StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("UPDATE asset SET presence = ?3 WHERE mirror = ?1 AND id = ?2 AND presence <> ?3")?;
        statement.execute(params![mirror.0, SqlId::from(id), presence.code()])?;
        Ok(())
    }

    /// Marks assets as durably here, to be acknowledged; or as acknowledged.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn set_unacknowledged(&self, mirror: MirrorId, id: &AssetId, unacknowledged: bool) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE asset SET unacknowledged = ?3 WHERE mirror = ?1 AND id = ?2 AND unacknowledged <> ?3",
        )?;
        statement.execute(params![mirror.0, SqlId::from(id), unacknowledged])?;
        Ok(())
    }

    /// Says when an asset that no list shows is asked for again; `None`: lists show it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn set_next_look(&self, mirror: MirrorId, id: &AssetId, at: Option<UnixMs>) -> Result<(), StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("UPDATE asset SET next_look = ?3 WHERE mirror = ?1 AND id = ?2 AND next_look IS NOT ?3")?;
        statement.execute(params![mirror.0, SqlId::from(id), at.map(|at| at.0)])?;
        Ok(())
    }

    /// Forgets an asset.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn remove_asset(&self, mirror: MirrorId, id: &AssetId) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached("DELETE FROM asset WHERE mirror = ?1 AND id = ?2")?;
        statement.execute(params![mirror.0, SqlId::from(id)])?;
        Ok(())
    }

    fn assets(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<AssetRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(values)?;
        let mut assets = Vec::new();
        while let Some(row) = rows.next()? {
            assets.push(from_row(row)?);
        }
        Ok(assets)
    }

    fn ids(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<AssetId>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(values, |row| row.get::<_, SqlId>(0))?;
        rows.map(|id| Ok(AssetId(id?.0))).collect()
    }
}
