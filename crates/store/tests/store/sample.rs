//! Rows to write and to read again.

use damsync_model::content::{Claimed, Content, Md5, Sha256};
use damsync_model::id::{AssetId, FolderId, Guid, MirrorId, RemoteId, StorageFolderId};
use damsync_model::kind::Kind;
use damsync_model::name::{FileName, Folding, NameKey};
use damsync_model::time::UnixMs;
use damsync_model::tree::{AssetState, Base, Place, RemoteAsset, Stat};
use damsync_store::{AssetRow, BaseRow, Event, FileRow, Intent, Presence, Store, StoreError, Tx};

pub const STAMP: &str = "20260106T100000Z";

/// Works with a mirror and one of its directories, in a store of its own.
#[track_caller]
pub fn in_a_directory(work: impl FnOnce(&Tx<'_>, MirrorId, FolderId) -> Result<(), StoreError>) {
    let in_transaction = |tx: &Tx<'_>| {
        let mirror = tx.mirror("m")?.id;
        work(tx, mirror, tx.new_folder(mirror)?)
    };
    Store::temporary().unwrap().transaction(in_transaction).unwrap();
}

pub fn key(name: &str) -> NameKey {
    NameKey::of(name, Folding::Exact)
}

/// The ids of both providers, least first.
pub fn ids() -> [AssetId; 4] {
    [7.into(), 1_000_000_007.into(), text_id("asset_A"), text_id("asset_b")]
}

pub fn text_id(text: &str) -> AssetId {
    AssetId(RemoteId::Text(text.into()))
}

pub fn text_folder(text: &str) -> StorageFolderId {
    StorageFolderId(RemoteId::Text(text.into()))
}

pub fn content(seed: u8) -> Content {
    Content {
        size: u64::from(seed) << 33,
        md5: Md5([seed; 16]),
        sha256: Sha256([seed ^ 0xff; 32]),
        kind: Kind::of_number(seed),
    }
}

pub fn stat(seed: u8) -> Stat {
    let seed = i64::from(seed);
    Stat {
        size: seed.unsigned_abs() << 33,
        mtime_ns: -seed,
        ctime_ns: seed << 40,
        inode: u64::MAX - seed.unsigned_abs(),
        birth_ns: seed,
    }
}

pub fn file(name: &str, seed: u8) -> FileRow {
    FileRow {
        key: key(name),
        name: name.into(),
        stat: stat(seed),
        content: Some(content(seed)),
        racy: false,
        unknown: None,
    }
}

/// With everything told.
pub fn asset(id: &AssetId, folder: FolderId, name: &str) -> AssetRow {
    AssetRow {
        asset: RemoteAsset {
            id: id.clone(),
            guid: Guid(format!("guid-{id}").into()),
            storage_folder: None,
            filename: name.into(),
            claimed: Claimed { size: Some(5 << 32), md5: Some(Md5([3; 16])) },
            version: Some(3),
            versions_count: Some(4),
            created_at: UnixMs(-1),
            updated_at: UnixMs(1_767_693_600_000),
            last_external_sync_at: Some(UnixMs(9)),
            state: AssetState::Processed,
            trashed_at: None,
            checked_out: true,
            downloadable: Some(true),
            editable: Some(false),
        },
        folder: Some(folder),
        given_name: name.into(),
        key: key(name),
        presence: Presence::Live,
        learned: true,
        unacknowledged: false,
        next_look: None,
        superseded: Some((2, UnixMs(77))),
    }
}

pub fn base(asset: &AssetId, folder: FolderId, name: &str) -> BaseRow {
    BaseRow {
        key: key(name),
        base: Base {
            asset: asset.clone(),
            place: Place { folder, name: FileName::new(name).unwrap() },
            content: content(4),
            remote_folder: folder,
            remote_filename: format!("{name} there"),
            remote_version: Some(2),
            remote_claimed: Claimed { size: None, md5: Some(Md5([9; 16])) },
            remote_updated_at: UnixMs(55),
        },
    }
}

pub fn intent(marker: &str, folder: FolderId, name: &str, at: i64) -> Intent {
    Intent {
        marker: marker.into(),
        folder,
        key: key(name),
        asset: None,
        guid: None,
        filename: None,
        is_version: false,
        session: Some(12),
        content: content(6),
        url: None,
        prepared_at: None,
        opened_at: UnixMs(at),
    }
}

pub fn event(at: i64, path: &str, action: &str) -> Event {
    Event {
        run: "r1".into(),
        at: UnixMs(at),
        rule: "R1".into(),
        action: action.into(),
        path: path.into(),
        asset: Some(text_id("asset_A")),
        reason: "because".into(),
        seen: "{}".into(),
        outcome: "done".into(),
    }
}
