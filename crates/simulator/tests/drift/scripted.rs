//! A fixed sequence: every method, and every refusal that a client can meet.

use crate::pair::{Pair, Served};
use crate::question::{Ask, METHODS, Parcel, Told};
use crate::refusals::{ids_of_another_kind, nobody_asks, rights};
use crate::words::{asset_number, content, nobody, nowhere, number_of, parcel};
use bytes::Bytes;
use damsync_model::content::Md5;
use damsync_model::id::{AssetId, Guid, StorageFolderId};
use damsync_model::time::UnixMs;
use damsync_model::tree::{AssetState, RemoteAsset};
use damsync_ports::{NewContent, RemoteFolder, Scope, UploadSession};
use damsync_sandbox::world::habits::{
    AddVersionAnswer, AllIdsShape, Downloads, FolderDelete, HeadMoves, TrashedDetails,
};
use damsync_sandbox::world::{AssetKey, Habits};

fn reading(pair: &mut Pair<'_>, folder: &RemoteFolder, asset: &RemoteAsset) {
    let id = &asset.id;
    for (version, from) in [(None, 0), (Some(1), 0), (None, 7), (None, 300), (None, 301), (None, 9_999)] {
        pair.ask(&Ask::Download(id.clone(), version, from));
    }
    pair.refused(&Ask::Download(id.clone(), Some(9), 0), "NotFound");
    pair.refused(&Ask::Download(nobody(), None, 0), "NotFound");
    pair.ask(&Ask::Assets(vec![]));
    pair.ask(&Ask::Assets(vec![id.clone(), nobody(), id.clone()]));
    pair.ask(&Ask::Acknowledge(vec![]));
    pair.ask(&Ask::Acknowledge(vec![id.clone(), nobody()]));
    let (now, within) = (UnixMs(pair.now()), Scope::Below(folder.id.clone()));
    for limit in [0, 1, 100, 1000] {
        pair.ask(&Ask::ChangedSince(within.clone(), UnixMs(0), limit));
    }
    pair.ask(&Ask::CountBetween(within.clone(), now, UnixMs(0)));
    pair.ask(&Ask::AllIds(within, Some(now.plus_ms(5))));
    for ask in [
        Ask::ChangedSince(Scope::Below(nowhere()), UnixMs(0), 1),
        Ask::CountBetween(Scope::Below(nowhere()), UnixMs(0), now),
        Ask::AllIds(Scope::Below(nowhere()), None),
    ] {
        pair.refused(&ask, "NotFound");
    }
}

fn sending(pair: &mut Pair<'_>, folder: &RemoteFolder, asset: &RemoteAsset) {
    // A new asset, step by step: prepared twice, sent wrongly, finished too early.
    let (session, good) = (pair.session(folder), parcel(40));
    pair.ask(&Ask::Pending(session.clone(), "m-1".to_owned()));
    pair.refused(&Ask::PrepareAsset(session.clone(), content(" ", &good, "m-1")), "Refused 422");
    let huge = NewContent { size: (5 << 30) + 1, ..content("huge.bin", &good, "m-1") };
    pair.refused(&Ask::PrepareAsset(session.clone(), huge.clone()), "Refused 413");
    pair.refused(&Ask::PrepareVersion(asset.id.clone(), huge), "Refused 413");
    let Told::Prepared(Some(new)) = pair.ask(&Ask::PrepareAsset(session.clone(), content("n.txt", &good, "m-1")))
    else {
        panic!("prepared")
    };
    let address = pair.addresses() - 1;
    pair.ask(&Ask::PrepareAsset(session.clone(), content("n.txt", &good, "m-2")));
    pair.ask(&Ask::Pending(session.clone(), "m-1".to_owned()));
    pair.ask(&Ask::Pending(session.clone(), "m-3".to_owned()));
    pair.ask(&Ask::Pending(UploadSession { id: session.id, guid: "00000000".to_owned() }, "m-1".to_owned()));
    pair.refused(&Ask::FinishAsset(new.guid.clone()), "Refused 422");
    pair.refused(&Ask::Download(new.id.clone(), None, 0), "NotFound");
    for wrong in [
        Parcel { md5: Md5([7; 16]), ..good.clone() },
        Parcel { size: 299, ..good.clone() },
        Parcel { size: 301, ..good.clone() },
        Parcel { breaks_after: Some(100), ..good.clone() },
    ] {
        pair.refused(&Ask::Send(address, wrong), "Body");
    }
    pair.refused(&Ask::FinishAsset(new.guid.clone()), "Refused 422");
    pair.ask(&Ask::Send(address, parcel(41)));
    pair.ask(&Ask::Send(address, good));
    pair.ask(&Ask::CloseSession(session.clone()));
    pair.ask(&Ask::FinishAsset(new.guid.clone()));
    pair.details(&new.id);
    pair.look_around();
    // Said again, half processed, processed; closed late.
    pair.ask(&Ask::FinishAsset(new.guid.clone()));
    pair.wait(40_000);
    pair.look_around();
    pair.wait(40_000);
    assert_eq!(pair.details(&new.id).state, AssetState::AwaitingSubmission);
    pair.ask(&Ask::CloseSession(session.clone()));
    pair.ask(&Ask::CloseSession(session));
    pair.refused(&Ask::CloseSession(UploadSession { id: 999_999, guid: "00000000".to_owned() }), "NotFound");
    pair.refused(
        &Ask::PrepareAsset(UploadSession { id: 1, guid: "00000000".to_owned() }, content("a", &parcel(1), "m")),
        "NotFound",
    );
    pair.refused(&Ask::FinishAsset(Guid("00000000-0000-4000-8000-000000000000".into())), "NotFound");
    // A version: half sent, then sent; an address that grew old.
    pair.refused(&Ask::PrepareVersion(nobody(), content("x", &parcel(1), "v")), "NotFound");
    pair.refused(&Ask::PrepareVersion(asset.id.clone(), content("", &parcel(1), "v")), "Refused 422");
    pair.ask(&Ask::PrepareVersion(asset.id.clone(), content("other.txt", &parcel(42), "v-1")));
    pair.details(&asset.id);
    pair.refused(&Ask::FinishVersion(asset.guid.clone()), "Refused 422");
    let address = pair.addresses() - 1;
    pair.ask(&Ask::Send(address, parcel(42)));
    pair.ask(&Ask::FinishVersion(asset.guid.clone()));
    pair.wait(30_000);
    pair.details(&asset.id);
    pair.wait(100_000);
    pair.look_around();
    pair.ask(&Ask::PrepareVersion(asset.id.clone(), content("late.txt", &parcel(43), "v-2")));
    pair.wait(3_600_001);
    pair.refused(&Ask::Send(pair.addresses() - 1, parcel(43)), "Expired");
    // Other versions, back and forth.
    for number in [1, 2] {
        let id = asset_number(&asset.id);
        let client = pair.cast.client;
        pair.operate(&format!("goes back to version {number}"), |world, now| {
            world.revert(client, AssetKey::Id(id), number, now).map(|asset| asset.head)
        })
        .unwrap();
        pair.details(&asset.id);
        pair.ask(&Ask::Download(asset.id.clone(), None, 0));
    }
    pair.look_around();
}

fn changing(pair: &mut Pair<'_>, folder: &RemoteFolder, asset: &RemoteAsset) {
    let id = &asset.id;
    let other = pair.folder(None, "Other");
    for name in ["new name.txt", " spaces ", "a/b.txt", "..", "e\u{301}.txt", "quote\"s\\.txt"] {
        pair.ask(&Ask::Rename(id.clone(), name.to_owned()));
        pair.details(id);
    }
    pair.refused(&Ask::Rename(id.clone(), "  ".to_owned()), "Refused 422");
    pair.refused(&Ask::Rename(nobody(), "x".to_owned()), "NotFound");
    pair.ask(&Ask::MoveTo(id.clone(), other.id.clone()));
    pair.look_around();
    pair.ask(&Ask::MoveTo(id.clone(), other.id.clone()));
    pair.refused(&Ask::MoveTo(id.clone(), nowhere()), "Refused 422");
    pair.refused(&Ask::MoveTo(nobody(), other.id.clone()), "NotFound");
    // Folders: a stale move, one into itself, names that cannot be, one that is not empty, one that is gone.
    let inner = pair.folder(Some(&other.id), "Inner");
    let same = pair.folder(Some(&other.id), "Inner");
    pair.refused(&Ask::MakeFolder(None, " ".to_owned()), "Refused 422");
    pair.refused(&Ask::MakeFolder(Some(nowhere()), "x".to_owned()), "Refused 422");
    let change = |id: &StorageFolderId, parent: Option<&StorageFolderId>, name: &str| {
        Ask::ChangeFolder(id.clone(), parent.cloned(), name.to_owned())
    };
    pair.refused(&change(&other.id, Some(&inner.id), "Other"), "Refused 422");
    pair.refused(&change(&inner.id, Some(&nowhere()), "Inner"), "Refused 422");
    pair.refused(&change(&inner.id, None, ""), "Refused 422");
    pair.refused(&change(&nowhere(), None, "x"), "NotFound");
    pair.ask(&change(&same.id, None, "Inner"));
    // Lists name an asset's folder by its slugs, which are others now.
    pair.ask(&change(&other.id, Some(&folder.id), "Renamed"));
    pair.ask(&Ask::Assets(vec![id.clone()]));
    pair.ask(&Ask::Folders);
    pair.ask(&Ask::Assets(vec![id.clone()]));
    let twin = pair.folder(Some(&folder.id), "Renamed");
    pair.ask(&Ask::Assets(vec![id.clone()]));
    pair.ask(&Ask::RemoveFolder(twin.id.clone()));
    pair.ask(&Ask::RemoveFolder(twin.id));
    pair.ask(&Ask::RemoveFolder(inner.id));
    pair.habit(|habits| habits.folder_delete = FolderDelete::Refuse);
    pair.refused(&Ask::RemoveFolder(other.id.clone()), "Refused 422");
    // The trash, shown and not.
    for details in [TrashedDetails::Shown, TrashedDetails::NotFound] {
        pair.habit(|habits| habits.trashed_details = details);
        pair.ask(&Ask::Trash(id.clone()));
        pair.ask(&Ask::Trash(id.clone()));
        pair.look_around();
        for ask in [
            Ask::Rename(id.clone(), "x".to_owned()),
            Ask::Download(id.clone(), None, 0),
            Ask::FinishVersion(asset.guid.clone()),
            Ask::PrepareVersion(id.clone(), content("x", &parcel(1), "t")),
        ] {
            pair.refused(&ask, "NotFound");
        }
        let stale = if details == TrashedDetails::Shown { "Refused 200" } else { "NotFound" };
        pair.refused(&Ask::MoveTo(id.clone(), folder.id.clone()), stale);
        pair.ask(&Ask::Restore(id.clone()));
        pair.ask(&Ask::Restore(id.clone()));
        pair.look_around();
    }
    pair.ask(&Ask::Trash(nobody()));
    pair.refused(&Ask::Restore(nobody()), "NotFound");
    // A folder that goes with what is in it; there is no place to restore that to.
    pair.habit(|habits| habits.folder_delete = FolderDelete::Trash);
    pair.ask(&Ask::RemoveFolder(other.id));
    pair.look_around();
    for (details, refusal) in [(TrashedDetails::Shown, "Refused 200"), (TrashedDetails::NotFound, "NotFound")] {
        pair.habit(|habits| habits.trashed_details = details);
        pair.refused(&Ask::Restore(id.clone()), refusal);
    }
    pair.look_around();
}

/// Everything, in a world of these habits.
fn script(served: &Served, habits: &Habits) -> Vec<String> {
    let mut pair = Pair::new(served, 7, habits);
    let pair = &mut pair;
    pair.ask(&Ask::Capabilities);
    pair.look_around();
    let mirrored = StorageFolderId::from(pair.cast.mirrored);
    let folder = pair.folder(Some(&mirrored), "Work");
    let asset = pair.upload(&folder, "first.txt", 1);
    for number in 2..5 {
        pair.asset(&folder.id, &format!("other {number}.txt"), number);
    }
    let empty = pair.operate_with("an empty one", &Bytes::new(), |world, content, now| {
        let user = world.owner();
        world.admin_asset(number_of(&folder.id), "empty", content, user, now).map(|asset| asset.id)
    });
    for from in [0, 1] {
        pair.ask(&Ask::Download(AssetId::from(*empty.as_ref().unwrap()), None, from));
    }
    pair.look_around();
    reading(pair, &folder, &asset);
    sending(pair, &folder, &asset);
    let second = pair.upload(&folder, "second.txt", 2);
    rights(pair, &folder, &second);
    ids_of_another_kind(pair, &folder, &second);
    changing(pair, &folder, &asset);
    nobody_asks(pair, &folder, &second);
    pair.met.iter().cloned().collect()
}

#[test]
fn the_world_and_the_client_over_http_give_the_same_answers_to_every_method() {
    let met = script(&Served::start(), &Habits::default());
    let methods: Vec<_> = met.iter().filter(|met| !met.contains(':')).map(String::as_str).collect();
    assert_eq!(methods, METHODS);
    for kind in
        ["Unauthorized", "Forbidden", "NotFound", "Refused 422", "Refused 413", "Expired", "Body", "Unsupported"]
    {
        assert!(met.iter().any(|met| met.ends_with(&format!(": {kind}"))), "no question was refused as {kind}");
    }
}

/// Each habit that the simulator's worlds differ in, and those that only the wire knows, the other way round.
#[test]
fn and_so_they_do_in_worlds_of_other_habits() {
    let served = Served::start();
    let usual = Habits::default;
    for habits in [
        Habits { index_lag_ms: 30_000, processing_ms: 60_000, ..usual() },
        Habits {
            index_lag_ms: 2_000,
            processing_ms: 5_000,
            md5_after_processing: false,
            processing_bumps: 3,
            ..usual()
        },
        Habits { processing_ms: 0, processing_bumps: 1, checksums_given: false, ..usual() },
        Habits { head_moves: HeadMoves::AddVersion, version_renames: false, ..usual() },
        Habits { add_version_answer: AddVersionAnswer::WholeAsset, own_upload_synced: true, ..usual() },
        Habits { folder_rename_bumps: true, move_bumps: false, job_delay_ms: 3_000, ..usual() },
        Habits { job_delay_ms: 0, job_finished_state: "succeeded".to_owned(), any_user_refused: false, ..usual() },
        Habits { ranges: false, downloads: Downloads::Redirect, encrypted_bucket: true, ..usual() },
        Habits { all_ids: AllIdsShape::Object, folders_per_page: Some(2), normalise_names: true, ..usual() },
        Habits { reindexing: true, ..usual() },
    ] {
        script(&served, &habits);
    }
}
