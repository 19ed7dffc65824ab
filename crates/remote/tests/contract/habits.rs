//! The suite and the probe against a sandbox, both ways of every unknown: whatever the habit, the suite holds, and the
//! probe finds out which it was.

use crate::dam::Dam;
use serde_json::{Value, json};

/// What the probe must find out at a sandbox of the usual habits: part of a question, beginning of the answer.
const USUAL: &[(&str, &str)] = &[
    ("folders is paged", "no: `page` is passed over"),
    ("keeps the file name", "yes"),
    ("prepared asset is found in its session", "yes"),
    ("signed URL may be repeated", "yes"),
    ("answers before md5 is known", "yes"),
    ("what all_ids answers with", "a bare list"),
    ("a processed, unsubmitted asset is listed", "search: yes, all_ids: yes, asset_ids: yes"),
    ("a submitted asset is listed", "search: yes, all_ids: yes, asset_ids: yes"),
    ("updated_at moves while", "seen to move "),
    ("state of an asset before its session is closed", "AwaitingSubmission"),
    ("state that an asset ends in", "Processed"),
    ("own upload sets last_external_sync_at", "no"),
    ("has file_size and md5", "file_size: yes, md5: yes, of the bytes we sent"),
    ("original_downloadable says", "in search: "),
    ("an acknowledgement does", "listed: yes, mark set: yes, updated_at moved: no"),
    ("add_version answers with", "the signed URL alone"),
    ("when the head moves", "at set_uploaded"),
    ("takes the new version's file name", "yes"),
    ("a download's bytes come from", "from the server itself"),
    ("downloads heed a range", "yes"),
    ("rename moves its assets' updated_at", "no"),
    ("details of a trashed asset", "200 with trashed_at"),
    ("trash count grows", "yes"),
    ("restoring an asset moves its updated_at", "yes"),
    ("job's finished state", "finished"),
    ("in its new folder as soon as", "yes"),
    ("moving an asset moves its updated_at", "yes"),
    ("still holds assets", "it is refused"),
];

/// Plays, tries, probes; `other` stands for the usual findings where it names the same question.
async fn play(habits: Value, listed: bool, other: &[(&str, &str)]) {
    let dam = Dam::play(habits).await;
    Box::pin(crate::suite(&dam, Some(listed))).await;
    let findings = Box::pin(crate::probe(&dam)).await;
    for (question, usual) in USUAL {
        let found = findings.iter().rfind(|finding| finding.question.contains(question));
        let found = found.unwrap_or_else(|| panic!("{question} was not asked: {findings:#?}"));
        let expected = other.iter().find(|(known, _)| known == question).map_or(usual, |(_, answer)| answer);
        assert!(found.answer.starts_with(expected), "{}: {}, not {expected}", found.question, found.answer);
    }
    assert!(other.iter().all(|(known, _)| USUAL.iter().any(|(question, _)| question == known)), "a question in vain");
    crate::storage::always(&dam).await;
    dam.shutdown().await;
}

macro_rules! habits {
    ($($name:ident: $habits:tt, $listed:literal, $findings:expr;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            Box::pin(play(json!($habits), $listed, $findings)).await;
        })*

        fn played() -> Vec<Value> {
            vec![$(json!($habits)),*]
        }
    };
}

/// Habits that other parts of the suite play.
const ELSEWHERE: &[&str] = &[
    "access_token_s",
    "beyond_window_status",
    "max_result_window",
    "meta_written",
    "reindexing",
    "rotate_refresh",
    "url_expires_s",
];

#[test]
fn every_habit_is_played_another_way_than_usual() {
    let usual = json!(damsync_sandbox::world::habits::Habits::default());
    let played = played();
    for (name, value) in usual.as_object().unwrap() {
        let other = played.iter().any(|habits| habits.get(name).is_some_and(|other| other != value));
        assert!(other != ELSEWHERE.contains(&name.as_str()), "{name}");
    }
}

habits! {
    the_usual_habits: {}, true, &[];

    ids_come_in_an_object: { "all_ids": "object" }, true, &[("what all_ids answers with", "an object with `ids`")];

    the_head_moves_at_once: { "head_moves": "add_version" }, true, &[("when the head moves", "at add_version")];

    trashed_details_are_not_found: { "trashed_details": "not_found" }, true, &[
        ("details of a trashed asset", "404"),
        ("restoring an asset moves its updated_at", "not found out"),
    ];

    an_upload_of_ours_counts_as_acknowledged: { "own_upload_synced": true }, true, &[
        ("own upload sets last_external_sync_at", "yes"),
    ];

    checksums_are_never_given: { "checksums_given": false }, true, &[
        ("has file_size and md5", "file_size: no, md5: no"),
    ];

    checksums_are_known_at_once: { "md5_after_processing": false }, true, &[("answers before md5 is known", "no")];

    the_bucket_is_encrypted: { "encrypted_bucket": true }, true, &[];

    downloads_are_redirected: { "downloads": "redirect" }, true, &[("a download's bytes come from", "by a redirect")];

    ranges_are_passed_over: { "ranges": false }, true, &[("downloads heed a range", "no")];

    redirected_without_ranges: { "downloads": "redirect", "ranges": false }, true, &[
        ("a download's bytes come from", "by a redirect"), ("downloads heed a range", "no"),
    ];

    folders_come_in_pages: { "folders_per_page": 2 }, true, &[("folders is paged", "yes")];

    a_version_answers_with_the_whole_asset: { "add_version_answer": "whole_asset" }, true, &[
        ("add_version answers with", "the whole asset"),
    ];

    the_index_lags: { "index_lag_ms": 400 }, true, &[
        ("prepared asset is found in its session", "no"),
        ("a processed, unsubmitted asset is listed", "search: "),
        ("a submitted asset is listed", "search: "),
        ("original_downloadable says", ""),
        ("an acknowledgement does", ""),
    ];

    names_are_cleaned: { "normalise_names": true }, true, &[
        ("keeps the file name", "no: ` probe  Größe: #1 (a+b)? & c.txt ` became `probe  Größe_ #1 (a+b)_ & c.txt`"),
    ];

    a_job_ends_as_done: { "job_finished_state": "done", "job_delay_ms": 120 }, true, &[("job's finished state", "done")];

    // A probe polls every 100 ms here, and each of the four moves lasts five of those.
    processing_is_slow_and_restless: { "processing_ms": 2000, "processing_bumps": 4 }, true, &[
        ("updated_at moves while", "seen to move 4 times"),
    ];

    processing_is_over_at_once: { "processing_ms": 0, "processing_bumps": 1 }, true, &[
        ("answers before md5 is known", "no"),
    ];

    processing_fails: { "processing_fails": true }, false, &[
        ("state of an asset before its session is closed", "Failed"),
        ("state that an asset ends in", "Failed"),
        ("a processed, unsubmitted asset is listed", "search: no, all_ids: no"),
        ("a submitted asset is listed", "search: no, all_ids: no"),
        ("has file_size and md5", "file_size: "),
        ("original_downloadable says", "the index does not show it yet"),
        ("an acknowledgement does", "listed: no, mark set: no, updated_at moved: no"),
    ];

    a_version_keeps_the_name: { "version_renames": false }, true, &[("takes the new version's file name", "no")];

    folder_renames_touch_assets: { "folder_rename_bumps": true }, true, &[
        ("rename moves its assets' updated_at", "yes"),
    ];

    moves_touch_nothing: { "move_bumps": false }, true, &[
        ("restoring an asset moves its updated_at", "no"),
        ("moving an asset moves its updated_at", "no"),
    ];

    a_folder_goes_with_its_assets: { "folder_delete": "trash" }, true, &[
        ("still holds assets", "its assets go to the trash"),
    ];

    unsubmitted_assets_are_hidden: { "unsubmitted_listed": false }, true, &[
        ("a processed, unsubmitted asset is listed", "search: no, all_ids: no"),
    ];

    unapproved_assets_are_hidden: { "unsubmitted_listed": false, "auto_approve": false }, false, &[
        ("a processed, unsubmitted asset is listed", "search: no, all_ids: no"),
        ("a submitted asset is listed", "search: no, all_ids: no"),
        ("original_downloadable says", "the index does not show it yet"),
        ("an acknowledgement does", "listed: no, mark set: no, updated_at moved: no"),
        ("state that an asset ends in", "AwaitingApproval"),
    ];

    hints_of_others_are_passed_over: { "any_user_refused": false }, true, &[];

    everything_the_other_way: {
        "all_ids": "object", "head_moves": "add_version", "trashed_details": "not_found", "own_upload_synced": true,
        "checksums_given": false, "encrypted_bucket": true, "downloads": "redirect", "ranges": false,
        "folders_per_page": 2, "add_version_answer": "whole_asset", "normalise_names": true,
        "job_finished_state": "succeeded", "version_renames": false, "folder_rename_bumps": true, "move_bumps": false,
        "folder_delete": "trash", "unsubmitted_listed": false, "any_user_refused": false, "index_lag_ms": 50,
        "latency_ms": 2
    }, true, &[
        ("folders is paged", "yes"),
        ("keeps the file name", "no: "),
        ("prepared asset is found in its session", ""),
        ("what all_ids answers with", "an object with `ids`"),
        ("a processed, unsubmitted asset is listed", "search: "),
        ("a submitted asset is listed", "search: "),
        ("own upload sets last_external_sync_at", "yes"),
        ("has file_size and md5", "file_size: no, md5: no"),
        ("original_downloadable says", ""),
        ("an acknowledgement does", ""),
        ("add_version answers with", "the whole asset"),
        ("when the head moves", "at add_version"),
        ("takes the new version's file name", "no"),
        ("a download's bytes come from", "by a redirect"),
        ("downloads heed a range", "no"),
        ("rename moves its assets' updated_at", "yes"),
        ("details of a trashed asset", "404"),
        ("restoring an asset moves its updated_at", "not found out"),
        ("job's finished state", "succeeded"),
        ("moving an asset moves its updated_at", "no"),
        ("still holds assets", "its assets are not shown any more"),
    ];
}
