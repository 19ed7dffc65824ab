//! The habits of the world, one by one.

use super::asset::{AssetState, Content, Place};
use super::habits::{FolderDelete, HeadMoves, TrashedDetails};
use super::job::JobWork;
use super::*;

const START: i64 = 1_000_000;
const NONE: [AssetId; 0] = [];

struct Stage {
    world: World,
    user: UserId,
    folder: Folder,
    now: i64,
}

fn stage(change: impl FnOnce(&mut Habits)) -> Stage {
    let mut world = World::new(1, START);
    let mut habits = Habits::default();
    change(&mut habits);
    world.set_habits(habits, START);
    let user = world.owner();
    let folder = world.admin_folder("A/B", START).unwrap();
    Stage { world, user, folder, now: START }
}

fn content(text: &str) -> Content {
    let place = Place::Stored(text.to_owned());
    Content { size: text.len() as u64, md5: generated::md5_hex(text.as_bytes()), place }
}

impl Stage {
    fn made(&mut self, name: &str) -> AssetId {
        self.world.admin_asset(self.folder.id, name, content(name), self.user, self.now).unwrap().id
    }

    /// Prepares, sends and reports; processing has only begun.
    fn sent(&mut self, name: &str) -> AssetId {
        let upload = self.world.start_upload(self.user, self.folder.contribution_id, NewUpload::default(), self.now);
        let new = NewAsset { filename: name.to_owned(), ..NewAsset::default() };
        let (asset, ticket) = self.world.prepare_asset(self.user, &upload.unwrap().guid, new, self.now).unwrap();
        self.world.object_stored(&ticket.key, content(name));
        self.world.set_uploaded(self.user, AssetKey::Id(asset.id), true, self.now).unwrap();
        asset.id
    }

    fn at(&mut self, now: i64) -> &mut Self {
        self.now = START + now;
        self
    }

    fn asset(&mut self, id: AssetId) -> Asset {
        (*self.world.asset(self.user, AssetKey::Id(id), false, self.now).unwrap()).clone()
    }

    fn found(&mut self, change: impl FnOnce(&mut SearchQuery)) -> Vec<AssetId> {
        let mut query = SearchQuery { folder: self.folder.parent_id, per_page: 100, page: 1, ..SearchQuery::default() };
        change(&mut query);
        let page = self.world.search(self.user, &query, self.now).unwrap();
        let ids = self.world.search_ids(self.user, &query, self.now).unwrap();
        assert_eq!(page.total, ids.len() as u64, "a page and all ids must agree");
        let shown: Vec<AssetId> = page.assets.iter().map(|asset| asset.id).collect();
        assert_eq!(shown, ids[..shown.len()]);
        ids
    }
}

#[test]
fn an_upload_is_seen_once_processed_and_its_time_moves_on_the_way() {
    let mut stage = stage(|habits| (habits.processing_ms, habits.processing_bumps) = (30, 3));
    let id = stage.sent("a");
    let mut times = std::collections::BTreeSet::new();
    for (now, state, listed) in [
        (0, AssetState::Uploaded, false),
        (10, AssetState::Processing, false),
        (20, AssetState::Processing, false),
        (30, AssetState::Processed, true),
    ] {
        let asset = stage.at(now).asset(id);
        assert_eq!((asset.state, asset.told_md5(stage.world.habits()).is_some()), (state, listed), "at {now}");
        assert_eq!(!stage.found(|_| {}).is_empty(), listed, "at {now}");
        times.insert(asset.updated_at);
    }
    assert_eq!(times.len(), 4);
}

#[test]
fn unprocessed_assets_are_found_by_state_or_by_session() {
    let mut stage = stage(|habits| habits.processing_ms = 1000);
    let id = stage.sent("a");
    let upload = stage.asset(id).upload_id;
    assert_eq!(stage.found(|_| {}), NONE);
    assert_eq!(stage.found(|query| query.ids = Some(vec![id])), NONE);
    assert_eq!(stage.found(|query| query.states = Some(vec![AssetState::Uploaded])), [id]);
    assert_eq!(stage.found(|query| query.upload_id = Some(upload)), [id]);
    stage.world.edit_user(stage.user, |user| user.see_states = false).unwrap();
    let query = SearchQuery { states: Some(vec![AssetState::Pending]), ..SearchQuery::default() };
    assert_eq!(stage.world.search(stage.user, &query, START).unwrap_err().status(), 403);
}

#[test]
fn search_lags_behind_the_database() {
    let mut stage = stage(|habits| habits.index_lag_ms = 500);
    let id = stage.made("a");
    assert_eq!((stage.found(|_| {}), stage.at(499).found(|_| {})), (vec![], vec![]));
    assert_eq!(stage.at(500).found(|_| {}), [id]);
    stage.world.delete_asset(stage.user, AssetKey::Id(id), stage.now).unwrap();
    assert_eq!(stage.found(|_| {}), [id], "still shown");
    assert!(stage.asset(id).trashed_at.is_some());
    assert_eq!(stage.at(1000).found(|_| {}), NONE);
}

#[test]
fn a_reindexed_search_is_about_half_empty() {
    let mut stage = stage(|habits| habits.reindexing = true);
    for n in 0..200 {
        stage.made(&n.to_string());
    }
    let half = stage.found(|_| {}).len();
    assert!((60..140).contains(&half), "{half}");
    assert_eq!(stage.world.folder_asset_ids(stage.user, stage.folder.id, START).unwrap().len(), 200);
}

#[test]
fn windows_pages_and_folders_narrow_a_search() {
    let mut stage = stage(|_| {});
    let ids: Vec<AssetId> = (0..10).map(|n| stage.at(n).made("x")).collect();
    let newest: Vec<AssetId> = ids.iter().rev().copied().collect();
    assert_eq!(stage.found(|_| {}), newest);
    assert_eq!(stage.found(|query| query.omit_children = true), NONE, "they lie below");
    let window = |from, to| move |query: &mut SearchQuery| query.updated = Some((Some(START + from), to));
    assert_eq!(stage.found(window(7, None)), newest[..3]);
    assert_eq!(stage.found(window(3, Some(START + 4))), [ids[4], ids[3]]);
    assert_eq!(stage.found(window(5, Some(START))), NONE);
    let query = SearchQuery { page: 2, per_page: 4, ..SearchQuery::default() };
    let page = stage.world.search(stage.user, &query, stage.now).unwrap();
    assert_eq!(page.assets.iter().map(|asset| asset.id).collect::<Vec<_>>(), newest[4..8]);
    let far = SearchQuery { page: 101, per_page: 100, ..SearchQuery::default() };
    assert_eq!(stage.world.search(stage.user, &far, stage.now).unwrap_err().status(), 422);
}

#[test]
fn an_acknowledgement_is_shared_and_moves_nothing_else() {
    let mut stage = stage(|_| {});
    let id = stage.made("a");
    let since = |stage: &mut Stage, last_sync_at| {
        let asked = SinceLastSync { last_sync_at, ..SinceLastSync::default() };
        stage.world.updated_since_last_sync(stage.user, &asked, stage.now).unwrap()
    };
    assert_eq!(since(&mut stage, None), NONE, "never acknowledged: left out");
    assert_eq!(since(&mut stage, Some(START - 1)), [id]);
    let before = stage.asset(id).updated_at;
    stage.at(10).found(|query| (query.sync, query.ids) = (true, Some(vec![id])));
    assert_eq!((stage.asset(id).updated_at, stage.asset(id).last_external_sync_at), (before, Some(START + 10)));
    let edit = AssetEdit { description: Some(Some("d".to_owned())), ..AssetEdit::default() };
    let now = stage.at(20).now;
    stage.world.edit_asset(stage.user, AssetKey::Id(id), edit, now).unwrap();
    assert_eq!(since(&mut stage, None), [id]);
    let other = stage.world.add_user("O", "T", now);
    stage.world.edit_user(other, |user| user.any_user = false).unwrap();
    let any = SinceLastSync { any_user: true, ..SinceLastSync::default() };
    assert_eq!(stage.world.updated_since_last_sync(other, &any, now).unwrap_err().status(), 403);
    assert_eq!(stage.world.updated_since_last_sync(other, &SinceLastSync::default(), now).unwrap(), NONE);
}

#[test]
fn sync_acknowledges_only_the_page_it_shows() {
    let mut stage = stage(|_| {});
    let ids: Vec<AssetId> = (0..4).map(|_| stage.made("x")).collect();
    let query = SearchQuery { sync: true, per_page: 2, ..SearchQuery::default() };
    stage.world.search(stage.user, &query, stage.now).unwrap();
    let synced: Vec<bool> = ids.iter().map(|id| stage.asset(*id).last_external_sync_at.is_some()).collect();
    assert_eq!(synced, [false, false, true, true]);
}

#[test]
fn the_head_moves_when_the_habit_says() {
    for (habit, after_prepare) in [(HeadMoves::SetUploaded, 1), (HeadMoves::AddVersion, 2)] {
        let mut stage = stage(|habits| habits.head_moves = habit);
        let id = stage.made("a");
        let new = NewVersion { filename: "b".to_owned(), ..NewVersion::default() };
        let (asset, ticket) = stage.world.add_version(stage.user, AssetKey::Id(id), new, START).unwrap();
        assert_eq!(asset.head, after_prepare);
        let report = |stage: &mut Stage| stage.world.set_uploaded(stage.user, AssetKey::Id(id), false, START);
        assert_eq!(report(&mut stage).unwrap_err().status(), 422, "nothing was sent");
        stage.world.object_stored(&ticket.key, content("new"));
        assert_eq!(report(&mut stage).unwrap().head, 2);
        assert_eq!(report(&mut stage).unwrap().head, 2, "said again, nothing happens");
        assert_eq!(stage.at(100).asset(id).filename, "b");
    }
}

#[test]
fn jobs_are_done_later() {
    let mut stage = stage(|habits| (habits.job_delay_ms, habits.move_bumps) = (50, false));
    let id = stage.made("a");
    let target = stage.world.admin_folder("C", START).unwrap();
    let job = stage.world.create_job(stage.user, JobWork::MoveTo(target.id), &[id], START).unwrap();
    assert_eq!(stage.world.job(stage.user, &job.guid, START + 49).unwrap().state, "processing");
    assert_eq!(stage.asset(id).folder_id, stage.folder.id);
    assert_eq!(stage.world.job(stage.user, &job.guid, START + 50).unwrap().state, "finished");
    let moved = stage.at(50).asset(id);
    assert_eq!((moved.folder_id, moved.updated_at), (target.id, START));
}

#[test]
fn the_trash_is_counted_and_given_back() {
    let mut stage = stage(|habits| habits.trashed_details = TrashedDetails::NotFound);
    let id = stage.made("a");
    stage.world.delete_asset(stage.user, AssetKey::Id(id), START).unwrap();
    assert_eq!(stage.world.trash_count(stage.user, START), Ok(1));
    assert_eq!(stage.world.asset(stage.user, AssetKey::Id(id), false, START).unwrap_err().status(), 404);
    stage.world.create_job(stage.user, JobWork::Restore, &[id], START).unwrap();
    assert_eq!(stage.at(100).found(|_| {}), [id]);
    assert_eq!(stage.world.trash_count(stage.user, stage.now), Ok(0));
}

#[test]
fn a_folder_with_assets_is_refused_or_trashed() {
    for (habit, refused, trashed) in [(FolderDelete::Refuse, true, 0), (FolderDelete::Trash, false, 1)] {
        let mut stage = stage(|habits| habits.folder_delete = habit);
        stage.made("a");
        let top = stage.folder.parent_id.unwrap();
        assert_eq!(stage.world.delete_folder(stage.user, top, START).is_err(), refused);
        assert_eq!(stage.world.trash_count(stage.user, START), Ok(trashed));
        assert_eq!(stage.world.folder(stage.user, stage.folder.id, START).is_ok(), refused);
    }
}

#[test]
fn unapproved_assets_are_listed_or_not() {
    for (listed, auto_approve, seen) in [(true, false, 1), (false, false, 0), (false, true, 1)] {
        let mut stage = stage(|habits| (habits.unsubmitted_listed, habits.auto_approve) = (listed, auto_approve));
        let id = stage.sent("a");
        let upload = stage.asset(id).upload_id;
        stage.at(100);
        stage.world.set_done(stage.user, upload, stage.now).unwrap();
        assert_eq!(stage.found(|_| {}).len(), seen);
        assert_eq!(stage.world.folder_asset_ids(stage.user, stage.folder.id, stage.now).unwrap().len(), seen);
    }
}

#[test]
fn a_backup_is_gone_back_to_and_numbers_are_given_again() {
    let mut stage = stage(|_| {});
    let first = stage.made("a");
    let backup = stage.world.snapshot();
    let second = stage.made("b");
    let guid = stage.asset(second).guid;
    stage.world.restore(&backup);
    assert_eq!(stage.found(|_| {}), [first]);
    let again = stage.made("c");
    assert_eq!(again, second);
    assert_ne!(stage.asset(again).guid, guid);
}

#[test]
fn what_is_kept_makes_the_same_world() {
    let mut stage = stage(|_| {});
    stage.made("a");
    let id = stage.sent("b");
    let kept = stage.world.take_changes().unwrap();
    assert!(stage.world.take_changes().is_none());
    let mut again = World::from_kept(kept, START).unwrap();
    assert!(again.all_assets().eq(stage.world.all_assets()));
    again.tick(START + 1000);
    assert_eq!(again.any_asset(AssetKey::Id(id)).unwrap().state, AssetState::Processed);
}

#[test]
fn equal_seeds_give_equal_worlds() {
    let run = || {
        let mut stage = stage(|_| {});
        stage.sent("a");
        stage.made("b");
        stage.at(1000).found(|_| {});
        let assets: Vec<Asset> = stage.world.all_assets().map(|asset| (**asset).clone()).collect();
        serde_json::to_string(&assets).unwrap()
    };
    assert_eq!(run(), run());
}

#[test]
fn names_are_kept_or_cleaned() {
    for (clean, name, kept) in [(false, " a:b ", " a:b "), (true, " a:b?.txt ", "a_b_.txt")] {
        let mut stage = stage(|habits| habits.normalise_names = clean);
        let id = stage.sent(name);
        assert_eq!(stage.asset(id).filename, kept);
    }
}

#[test]
fn faults_hit_the_requests_they_name() {
    let mut faults = Faults::default();
    let fault = r#"{"method":"GET","path":"/api/assets","skip":1,"times":2,"what":"reset_before"}"#;
    faults.add(serde_json::from_str(fault).unwrap());
    let mut hits = |method: &str, path: &str| faults.hit(Target { host: Host::Api, method, path, query: "" }).is_some();
    assert!(!hits("GET", "/api/assets/1"), "skipped");
    assert!(!hits("PUT", "/api/assets/1"));
    assert!(!hits("GET", "/api/whoami"));
    assert!(hits("GET", "/api/assets/1"));
    assert!(hits("GET", "/api/assets/2"));
    assert!(!hits("GET", "/api/assets/2"), "used up");
}
