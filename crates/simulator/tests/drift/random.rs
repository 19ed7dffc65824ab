//! Random sequences: any method of anything that is there, or was, or never was, among what other people do meanwhile, in
//! worlds of any habits.

use crate::pair::{Drift, Pair, Served};
use crate::question::{Ask, Parcel, Told};
use crate::words::{content, number_of};
use damsync_model::content::Md5;
use damsync_model::id::{AssetId, Guid, StorageFolderId};
use damsync_model::time::UnixMs;
use damsync_ports::{Answer, Scope, UploadSession};
use damsync_sandbox::world::habits::{
    AddVersionAnswer, AllIdsShape, Downloads, FolderDelete, HeadMoves, TrashedDetails,
};
use damsync_sandbox::world::{AssetKey, Habits};
use damsync_simulator::content::bytes_of;
use damsync_simulator::dice::Dice;
use serde_json::json;
use std::collections::VecDeque;

/// How many sequences. `DAMSYNC_DRIFTS` says how many instead, `DAMSYNC_DRIFTS_FROM` from which seed on.
const SEQUENCES: u64 = 200;

const STEPS: usize = 40;

const NAMES: &[&str] = &["a.txt", "b.txt", " c ", "d/e", "\u{e9}.jpg", "", "A.txt", "what?*.bin"];

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Any habits: those in which the simulator's worlds differ, and those that only the wire knows.
fn habits(dice: &mut Dice) -> Habits {
    Habits {
        index_lag_ms: dice.one_of(&[0, 0, 2_000, 30_000, 240_000]),
        reindexing: dice.once_in(8),
        processing_ms: dice.one_of(&[0, 30, 30, 5_000, 60_000]),
        processing_fails: dice.once_in(8),
        md5_after_processing: !dice.once_in(3),
        checksums_given: !dice.once_in(4),
        processing_bumps: dice.one_of(&[1, 2, 3]),
        all_ids: dice.one_of(&[AllIdsShape::List, AllIdsShape::Object]),
        job_finished_state: dice.one_of(&["finished", "succeeded", "failed"]).to_owned(),
        job_delay_ms: dice.one_of(&[0, 20, 700, 3_000]),
        head_moves: dice.one_of(&[HeadMoves::SetUploaded, HeadMoves::AddVersion]),
        folder_rename_bumps: dice.once_in(2),
        version_renames: dice.once_in(2),
        trashed_details: dice.one_of(&[TrashedDetails::Shown, TrashedDetails::NotFound]),
        folder_delete: dice.one_of(&[FolderDelete::Refuse, FolderDelete::Trash]),
        own_upload_synced: dice.once_in(2),
        move_bumps: !dice.once_in(3),
        unsubmitted_listed: !dice.once_in(3),
        auto_approve: !dice.once_in(4),
        any_user_refused: dice.once_in(2),
        encrypted_bucket: dice.once_in(4),
        downloads: dice.one_of(&[Downloads::Direct, Downloads::Redirect]),
        ranges: !dice.once_in(3),
        // The client takes it that page sizes are round numbers.
        folders_per_page: dice.one_of(&[None, None, Some(1), Some(5)]),
        add_version_answer: dice.one_of(&[AddVersionAnswer::UrlOnly, AddVersionAnswer::WholeAsset]),
        normalise_names: dice.once_in(3),
        ..Habits::default()
    }
}

/// What was heard of so far.
struct Heard {
    dice: Dice,
    assets: Vec<(AssetId, Guid)>,
    folders: Vec<StorageFolderId>,
    /// Folders that take uploads, with where those go.
    contributions: Vec<(StorageFolderId, i64)>,
    /// What a client that knows its business does next.
    next: VecDeque<Ask>,
    sessions: Vec<UploadSession>,
}

impl Heard {
    fn pick<T: Clone>(&mut self, from: impl Fn(&Self) -> &[T], otherwise: T) -> T {
        let count = from(self).len() as u64;
        // Now and then something that was never there.
        if count == 0 || self.dice.once_in(25) {
            return otherwise;
        }
        let at = usize::try_from(self.dice.below(count)).unwrap();
        from(self)[at].clone()
    }

    fn asset(&mut self) -> (AssetId, Guid) {
        let never = (AssetId::from(999_999), Guid("00000000-0000-4000-8000-000000000000".into()));
        self.pick(|heard| &heard.assets, never)
    }

    fn folder(&mut self) -> StorageFolderId {
        self.pick(|heard| &heard.folders, StorageFolderId::from(999_999))
    }

    fn perhaps_folder(&mut self) -> Option<StorageFolderId> {
        if self.dice.once_in(4) { None } else { Some(self.folder()) }
    }

    fn session(&mut self) -> UploadSession {
        self.pick(|heard| &heard.sessions, UploadSession { id: 999_999, guid: "00000000".to_owned() })
    }

    fn scope(&mut self) -> Scope {
        if self.dice.once_in(3) { Scope::Everything } else { Scope::Below(self.folder()) }
    }

    fn name(&mut self) -> String {
        self.dice.one_of(NAMES).to_owned()
    }

    fn parcel(&mut self) -> Parcel {
        Parcel::of(bytes_of(self.dice.below(5), self.dice.one_of(&[0, 1, 40, 300])))
    }

    fn moment(&mut self, now: i64) -> UnixMs {
        UnixMs(self.dice.one_of(&[0, now - 300_000, now - 30_000, now - 1, now, now + 1]))
    }

    fn ask(&mut self, now: i64, addresses: usize) -> Ask {
        if let Some(ask) = self.next.pop_front()
            && !self.dice.once_in(4)
        {
            return ask;
        }
        let (id, guid) = self.asset();
        match self.dice.below(34) {
            0 => Ask::Identity,
            1 | 2 => Ask::Folders,
            3 => Ask::Folder(self.folder()),
            4 | 5 => Ask::MakeFolder(self.perhaps_folder(), self.name()),
            6 => Ask::ChangeFolder(self.folder(), self.perhaps_folder(), self.name()),
            7 => Ask::RemoveFolder(self.folder()),
            8 => Ask::FolderAssetIds(self.folder()),
            9 => Ask::Hints,
            10 => Ask::ChangedSince(self.scope(), self.moment(now), self.dice.one_of(&[0, 1, 2, 100])),
            11 => Ask::CountBetween(self.scope(), self.moment(now), self.moment(now)),
            12 => Ask::AllIds(self.scope(), None),
            13 => Ask::AllIds(self.scope(), Some(self.moment(now))),
            14 => Ask::Assets(vec![id, self.asset().0, self.asset().0]),
            15 => Ask::Acknowledge(vec![id, self.asset().0]),
            16 => Ask::TrashCount,
            17 | 18 => {
                Ask::Download(id, self.dice.one_of(&[None, Some(1), Some(2)]), self.dice.one_of(&[0, 0, 1, 40, 300]))
            }
            19 | 20 => {
                let (folder, contribution) = self.pick(|heard| &heard.contributions, (999_999.into(), 999_999));
                match self.dice.below(8) {
                    0 => Ask::OpenSession(folder, None),
                    1 => Ask::OpenSession(self.folder(), Some(contribution)),
                    _ => Ask::OpenSession(folder, Some(contribution)),
                }
            }
            21 => Ask::CloseSession(self.session()),
            22 | 23 => {
                let (name, parcel) = (self.name(), self.parcel());
                Ask::PrepareAsset(self.session(), content(&name, &parcel, "m"))
            }
            24 => Ask::Pending(self.session(), self.dice.one_of(&["m", "n"]).to_owned()),
            25 => {
                let (name, parcel) = (self.name(), self.parcel());
                Ask::PrepareVersion(id, content(&name, &parcel, "v"))
            }
            26 | 27 if addresses > 0 => {
                let which = addresses - 1 - usize::try_from(self.dice.below(addresses.min(3) as u64)).unwrap();
                let parcel = self.parcel();
                let wrong = Parcel { md5: Md5([9; 16]), ..parcel.clone() };
                Ask::Send(which, if self.dice.once_in(6) { wrong } else { parcel })
            }
            28 => Ask::FinishAsset(guid),
            29 => Ask::FinishVersion(guid),
            30 => Ask::Trash(id),
            31 => Ask::Restore(id),
            32 => Ask::Rename(id, self.name()),
            33 => Ask::MoveTo(id, self.folder()),
            _ => Ask::Asset(id),
        }
    }

    /// Whatever is told may be asked about later.
    fn hear(&mut self, ask: &Ask, told: &Told, addresses: usize) {
        match (ask, told) {
            (_, Told::Session(session)) => {
                let (name, parcel) = (self.name(), self.parcel());
                self.next.push_back(Ask::PrepareAsset(session.clone(), content(&name, &parcel, "m")));
            }
            (Ask::PrepareAsset(session, new), Told::Prepared(Some(asset))) => {
                let send = self.send(addresses - 1, new.size);
                self.next.push_back(send);
                self.next.push_back(Ask::FinishAsset(asset.guid.clone()));
                self.next.push_back(Ask::CloseSession(session.clone()));
            }
            (Ask::PrepareVersion(id, new), Told::Prepared(_)) => {
                let guid = self.assets.iter().find(|(known, _)| known == id).map(|(_, guid)| guid.clone());
                let send = self.send(addresses - 1, new.size);
                self.next.push_back(send);
                self.next.extend(guid.map(Ask::FinishVersion));
                self.next.push_back(Ask::Asset(id.clone()));
            }
            _ => {}
        }
        match told {
            Told::Folders(folders) => folders.iter().for_each(|folder| self.hear_folder(folder)),
            Told::Made(folder) => self.hear_folder(folder),
            Told::Session(session) => self.sessions.push(session.clone()),
            Told::Prepared(Some(asset)) | Told::Asset(Answer::Found(asset)) => {
                self.assets.push((asset.id.clone(), asset.guid.clone()));
            }
            _ => {}
        }
    }

    fn send(&mut self, address: usize, size: u64) -> Ask {
        Ask::Send(address, Parcel::of(bytes_of(self.dice.below(5), usize::try_from(size).unwrap())))
    }

    fn hear_folder(&mut self, folder: &damsync_ports::RemoteFolder) {
        if !self.folders.contains(&folder.id) {
            self.folders.push(folder.id.clone());
            self.contributions.extend(folder.contribution.map(|contribution| (folder.id.clone(), contribution)));
        }
    }
}

/// What other people, and the operator, do.
fn meddle(pair: &mut Pair<'_>, heard: &mut Heard) {
    let (id, folder) = (heard.asset().0, number_of(&heard.folder()));
    let id: i64 = id.to_string().parse().unwrap();
    let (owner, client) = pair.operate("who", |world, _| (world.owner(), pair_client(world)));
    let patch = |pair: &mut Pair<'_>, fields: serde_json::Value| {
        let fields = fields.as_object().unwrap().clone();
        let what = format!("sets {fields:?} of {id}");
        pair.operate(&what, |world, now| {
            world.admin_patch_asset(AssetKey::Id(id), fields.clone(), now).map(|asset| asset.id)
        })
        .ok();
    };
    let patch_folder = |pair: &mut Pair<'_>, fields: serde_json::Value| {
        let fields = fields.as_object().unwrap().clone();
        let what = format!("sets {fields:?} of folder {folder}");
        pair.operate(&what, |world, now| world.admin_patch_folder(folder, fields.clone(), now)).ok();
    };
    let flag = heard.dice.once_in(2);
    match heard.dice.below(18) {
        0..=2 => {
            let (bytes, name) = (heard.parcel().bytes, heard.name());
            let user = if flag { owner } else { client };
            let made = pair.operate_with(&format!("adds {name:?} to {folder}"), &bytes, |world, content, now| {
                world.admin_asset(folder, &name, content, user, now).map(|asset| (asset.id, asset.guid.clone()))
            });
            heard.assets.extend(made.ok().map(|(id, guid)| (AssetId::from(id), Guid(guid.into()))));
        }
        3 | 4 => {
            let bytes = heard.parcel().bytes;
            pair.operate_with(&format!("a version of {id}"), &bytes, |world, content, now| {
                world.admin_version(AssetKey::Id(id), content, now).map(|asset| asset.head)
            })
            .ok();
        }
        5 => {
            let to = heard.dice.one_of(&[1, 2]);
            pair.operate(&format!("reverts {id} to {to}"), |world, now| {
                world.revert(owner, AssetKey::Id(id), to, now).map(|asset| asset.head)
            })
            .ok();
        }
        6 => patch(pair, json!({ "editable": flag })),
        7 => patch(pair, json!({ "downloadable": flag, "original_downloadable": heard.dice.once_in(2) })),
        8 => patch(pair, json!({ "checked_out_at": flag.then_some(5), "quiet": heard.dice.once_in(2) })),
        9 => patch(pair, json!({ "approved": flag, "submitted_at": null })),
        10 => patch_folder(pair, json!({ "editable": flag, "block_destroy": heard.dice.once_in(2) })),
        11 => patch_folder(pair, json!({ "organizer": flag, "enable_contribution": heard.dice.once_in(2) })),
        12 => patch_folder(pair, json!({ "auto_approve": flag, "require_tags": heard.dice.once_in(2) })),
        13 => patch_folder(pair, json!({ "reindexing_at": flag.then_some(5), "connector": ["frame_project_id", "3"] })),
        14 => pair.edit_user("other rights", |user| {
            (user.any_user, user.see_states, user.can_upload) = (flag, !flag, flag);
            user.can_create_storage_folders = flag || folder % 2 == 0;
            user.can_view_storage_folders = folder % 3 > 0;
        }),
        15 => pair.edit_user(&format!("hides {folder}"), |user| {
            user.hidden_folders.insert(folder);
        }),
        16 => pair.edit_user("everything again", |user| {
            user.hidden_folders.clear();
            (user.any_user, user.see_states, user.can_upload) = (true, true, true);
            (user.can_create_storage_folders, user.can_view_storage_folders, user.revoked) = (true, true, false);
        }),
        _ => pair.edit_user("revoked or not", |user| user.revoked = flag),
    }
}

fn pair_client(world: &damsync_sandbox::world::World) -> i64 {
    world.users().map(|user| user.id).max().unwrap_or_default()
}

/// How one server is made to behave otherwise than the other.
type Bend = fn(&mut Habits);

/// One sequence; `bent` are the habits of one of the two servers, where they are not those of both.
fn sequence(served: &Served, seed: u64, bent: Option<Bend>) -> Result<(), Drift> {
    let mut dice = Dice::new(seed);
    let mut habits = habits(&mut dice);
    let mut pair = Pair::new(served, seed, &habits);
    if let Some(bend) = bent {
        bend(&mut habits);
        pair.bend(&habits);
    }
    let mut heard = Heard {
        dice,
        assets: Vec::new(),
        folders: Vec::new(),
        contributions: Vec::new(),
        next: VecDeque::new(),
        sessions: Vec::new(),
    };
    heard.hear(&Ask::Folders, &pair.compare(&Ask::Folders)?, 0);
    for _ in 0..STEPS {
        match heard.dice.below(10) {
            0 | 1 => meddle(&mut pair, &mut heard),
            2 => pair.wait(heard.dice.one_of(&[1, 40, 3_000, 70_000, 400_000])),
            _ => {
                let ask = heard.ask(pair.now(), pair.addresses());
                let told = pair.compare(&ask)?;
                heard.hear(&ask, &told, pair.addresses());
            }
        }
    }
    pair.compare_worlds()
}

#[test]
fn random_sequences_give_the_same_answers_on_both_sides() {
    let served = Served::start();
    let from = setting("DAMSYNC_DRIFTS_FROM", 0);
    for seed in from..from + setting("DAMSYNC_DRIFTS", SEQUENCES) {
        if let Err(drift) = sequence(&served, seed, None) {
            panic!("seed {seed}: {}", drift.0);
        }
    }
}

/// Each habit in which the simulator's worlds differ, on one side alone. Only `any_user_refused` is not among them: whether
/// a server refuses the wish or passes over it, the client has the same hints.
const BENDS: &[(&str, Bend)] = &[
    ("index_lag_ms", |habits| habits.index_lag_ms = 500_000),
    ("processing_ms", |habits| habits.processing_ms += 600),
    ("md5_after_processing", |habits| habits.md5_after_processing = !habits.md5_after_processing),
    ("checksums_given", |habits| habits.checksums_given = !habits.checksums_given),
    ("processing_bumps", |habits| habits.processing_bumps = if habits.processing_bumps == 1 { 3 } else { 1 }),
    ("head_moves", |habits| {
        habits.head_moves = match habits.head_moves {
            HeadMoves::SetUploaded => HeadMoves::AddVersion,
            HeadMoves::AddVersion => HeadMoves::SetUploaded,
        };
    }),
    ("folder_rename_bumps", |habits| habits.folder_rename_bumps = !habits.folder_rename_bumps),
    ("version_renames", |habits| habits.version_renames = !habits.version_renames),
    ("trashed_details", |habits| {
        habits.trashed_details = match habits.trashed_details {
            TrashedDetails::Shown => TrashedDetails::NotFound,
            TrashedDetails::NotFound => TrashedDetails::Shown,
        };
    }),
    ("folder_delete", |habits| {
        habits.folder_delete = match habits.folder_delete {
            FolderDelete::Refuse => FolderDelete::Trash,
            FolderDelete::Trash => FolderDelete::Refuse,
        };
    }),
    ("own_upload_synced", |habits| habits.own_upload_synced = !habits.own_upload_synced),
    ("move_bumps", |habits| habits.move_bumps = !habits.move_bumps),
    ("ranges", |habits| habits.ranges = !habits.ranges),
    ("job_delay_ms", |habits| habits.job_delay_ms += 1),
    ("add_version_answer", |habits| {
        habits.add_version_answer = match habits.add_version_answer {
            AddVersionAnswer::UrlOnly => AddVersionAnswer::WholeAsset,
            AddVersionAnswer::WholeAsset => AddVersionAnswer::UrlOnly,
        };
    }),
];

#[test]
fn a_server_that_is_bent_in_any_habit_is_noticed() {
    let served = Served::start();
    for (habit, bend) in BENDS {
        let noticed = (0..SEQUENCES).find(|seed| sequence(&served, *seed, Some(*bend)).is_err());
        println!("{habit}: seen by sequence {noticed:?}");
        assert!(noticed.is_some(), "{habit}: {SEQUENCES} sequences saw no difference");
    }
}
