//! What the contract promises about one pass, row by row, each with the tests that show it. Nothing may be missing: every
//! reason to hold, every fault that the stand-in server can play, every key of a mirror has its row, and every test named
//! here exists.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

type Row = (&'static str, &'static [&'static str]);

/// By the contract's words. Two cannot be had with the one provider there is.
const HOLDS: &[Row] = &[
    (
        "mass_delete",
        &[
            "many_files_deleted_here_are_held_until_allowed",
            "many_assets_trashed_there_are_held_until_allowed",
            "deletions_are_counted_over_an_hour",
            "more_than_max_delete_files_is_held_whatever_the_share",
            "many_assets_deleted_on_a_server_that_hides_its_trash_are_a_mass_delete",
            "files_put_back_end_a_hold",
            "a_held_plan_expires_when_the_world_no_longer_matches_it",
            "a_dry_run_tells_of_a_hold_and_stores_no_plan",
            "ignore_rules_from_the_server_that_leave_out_much_are_held_until_approved",
            "ignore_rules_here_that_leave_out_much_are_told_until_approved",
        ],
    ),
    (
        "mass_change",
        &[
            "mass_change_here_is_held_until_approved",
            "mass_change_there_is_held_until_approved",
            "mass_change_of_files_that_shrank_to_nothing_is_held",
            "mass_change_is_counted_over_an_hour",
            "many_good_edits_are_no_mass_change",
        ],
    ),
    (
        "mirror_mark_missing",
        &["an_empty_directory_in_the_roots_place_is_an_unmounted_disk", "a_mirror_without_its_mark_is_left_alone"],
    ),
    ("root_missing", &["a_root_that_is_gone_is_not_made_again", "a_directory_that_is_gone_is_joined_anew_by_reattach"]),
    (
        "root_replaced",
        &[
            "a_directory_with_another_mirrors_mark_is_left_alone",
            "a_file_system_that_stops_folding_is_held_and_nothing_is_deleted",
        ],
    ),
    (
        "remote_replaced",
        &[
            "another_organization_is_another_server",
            "another_folder_behind_the_name_is_a_hold",
            "most_known_assets_gone_at_once_and_not_into_the_trash_is_another_server",
        ],
    ),
    (
        "remote_rolled_back",
        &[
            "a_rolled_back_server_is_known_by_an_id_that_is_given_twice",
            "a_rolled_back_server_is_known_by_known_assets_that_are_older",
            "a_rolled_back_server_is_known_before_a_lost_asset_takes_its_file_along",
            "a_date_that_jumps_back_and_a_highest_id_that_is_gone_are_no_roll_back",
        ],
    ),
    ("listing_incomplete", &["a_list_that_says_itself_that_it_is_being_built_holds_deletions"]),
    (
        "access_lost",
        &[
            "a_folder_that_is_hidden_from_us_is_not_deleted",
            "a_folder_that_answers_403_is_access_lost_whether_or_not_anything_is_in_it",
            "a_mirrored_folder_that_can_no_longer_be_seen_is_a_hold_and_no_error",
        ],
    ),
    (
        "identity_changed",
        &["another_users_token_holds_deletions", "another_users_token_holds_deletions_until_reattached"],
    ),
    ("overlap", &["a_mirror_whose_folder_is_moved_into_anothers_is_held"]),
    ("checked_out", &["an_edit_of_a_checked_out_asset_waits"]),
    ("locked", &[]),
    (
        "not_permitted",
        &[
            "an_asset_whose_original_we_may_not_have_is_listed_and_left",
            "an_asset_whose_original_may_not_be_downloaded_is_held_and_not_asked_for",
        ],
    ),
    ("not_supported", &[]),
    ("direction", &["pull_only_pushes_nothing_and_says_so", "push_only_pulls_nothing_and_says_so"]),
    ("kept", &["delete_keep_keeps_the_asset_of_a_deleted_file", "delete_keep_keeps_the_file_of_a_trashed_asset"]),
    (
        "disk_full",
        &[
            "a_first_pull_without_room_for_all_of_it_does_not_begin",
            "downloads_are_held_below_min_free_and_go_on_by_themselves",
            "a_disk_that_is_full_keeps_what_is_there_and_goes_on_when_there_is_room",
        ],
    ),
];

const FAULTS: &[Row] = &[
    (
        "401 in the middle",
        &[
            "a_token_that_is_refused_in_the_middle_ends_the_pass_and_loses_nothing",
            "a_token_refused_during_the_listing_ends_the_pass_and_loses_nothing",
            "a_token_refused_during_uploads_ends_the_pass_and_loses_nothing",
            "a_token_refused_during_downloads_ends_the_pass_and_loses_nothing",
            "a_token_refused_at_a_deletion_or_a_folder_ends_the_pass_and_loses_nothing",
        ],
    ),
    (
        "400, 403, 404, 409, 422 on one item",
        &[
            "an_item_that_is_refused_does_not_stop_the_others",
            "a_refused_upload_session_does_not_stop_the_others",
            "a_refused_preparation_of_an_upload_does_not_stop_the_others",
            "a_refused_version_does_not_stop_the_others",
            "a_refused_end_of_an_upload_leaves_nothing_half_done",
            "a_refused_deletion_does_not_stop_the_others",
            "a_refused_deletion_is_cancelled_and_the_file_restored",
            "a_refused_making_of_a_folder_does_not_stop_the_others",
            "a_refused_removal_of_a_folder_does_not_stop_the_others",
            "a_refused_restoring_from_the_trash_does_not_stop_the_others",
            "a_refused_download_is_tried_again_when_something_changes_and_daily",
            "a_storage_that_refuses_the_bytes_leaves_nothing_half_done",
            "a_refused_look_at_an_asset_is_not_a_deletion",
        ],
    ),
    (
        "429",
        &[
            "a_server_that_is_asked_too_much_is_asked_slower",
            "a_busy_server_is_asked_again_after_the_time_it_names_in_seconds_or_as_a_date",
        ],
    ),
    (
        "5xx",
        &[
            "a_burst_of_errors_that_ends_in_time_is_not_noticed",
            "a_server_that_stays_broken_is_5_and_deletes_nothing",
            "a_server_out_of_reach_is_5_and_deletes_nothing",
        ],
    ),
    (
        "HTML and other nonsense",
        &[
            "a_page_for_people_in_place_of_a_list_is_an_error_and_deletes_nothing",
            "answers_that_are_no_answers_delete_nothing",
        ],
    ),
    (
        "an answer lost before or after the effect, of every call that changes something",
        &[
            "lost_answers_make_no_doubles",
            "lost_answers_to_a_version_and_to_a_deletion_leave_one_asset",
            "a_faulty_upload_session_is_mended",
            "a_faulty_preparation_of_an_asset_is_mended",
            "a_faulty_sending_of_bytes_is_mended",
            "a_faulty_end_of_an_upload_is_mended",
            "a_faulty_closing_of_an_upload_session_is_mended",
            "a_faulty_preparation_of_a_version_is_mended",
            "a_faulty_sending_of_a_versions_bytes_is_mended",
            "a_faulty_end_of_a_version_is_mended",
            "a_faulty_deletion_is_mended",
            "a_faulty_restoring_from_the_trash_is_mended",
            "a_faulty_look_at_a_background_job_is_mended",
            "a_faulty_making_of_a_folder_makes_one_folder",
            "a_faulty_removal_of_a_folder_is_mended",
            "a_faulty_acknowledgement_is_mended",
        ],
    ),
    (
        "silence and slowness",
        &[
            "a_request_without_an_answer_is_given_up_and_sent_again",
            "a_download_that_makes_no_progress_is_given_up_and_goes_on",
            "a_slow_server_is_waited_for_while_anything_comes",
        ],
    ),
    (
        "truncated and corrupted bodies",
        &[
            "a_faulty_download_is_mended_and_never_torn",
            "a_body_that_is_cut_or_corrupted_never_gets_its_name",
            "another_host_that_sends_other_bytes_is_not_believed",
        ],
    ),
    (
        "redirects",
        &[
            "a_download_is_followed_to_another_host_without_our_credentials",
            "a_request_of_the_api_is_never_followed_to_another_host",
        ],
    ),
    (
        "expired and reused signed addresses",
        &[
            "an_aged_signed_address_is_prepared_anew_without_a_leftover",
            "signed_addresses_that_are_always_too_old_leave_nothing_half_done",
            "a_faulty_sending_of_bytes_is_mended",
        ],
    ),
    (
        "clocks",
        &[
            "a_server_whose_clock_is_a_day_off_is_synced_like_any",
            "a_servers_clock_that_jumps_between_passes_holds_nothing",
        ],
    ),
    ("another name is stored than was sent", &["a_server_that_stores_another_name_than_was_sent_renames_nothing"]),
    ("disk full", &["a_disk_that_is_full_keeps_what_is_there_and_goes_on_when_there_is_room"]),
    (
        "no permission on the disk",
        &[
            "a_directory_that_may_not_be_written_fails_by_itself",
            "a_file_that_may_not_be_read_is_named_and_neither_deleted_nor_overwritten",
            "a_directory_that_may_not_be_read_is_not_an_empty_one",
        ],
    ),
    (
        "files and directories that change while they are read",
        &[
            "r27_a_file_that_changes_while_it_is_sent_is_never_stored_torn",
            "r27_a_file_being_written_is_left_alone",
            "a_directory_that_is_replaced_again_and_again_while_it_is_scanned_loses_nothing",
        ],
    ),
];

const NAMES: &[Row] = &[
    (
        "of assets with one name the lower id keeps it, the other has a mark",
        &[
            "of_three_doubles_the_lowest_id_keeps_the_plain_name",
            "of_doubles_that_the_server_tells_of_in_two_answers_the_lowest_id_keeps_the_plain_name",
            "doubles_without_an_extension_or_with_a_leading_dot_have_the_mark_at_their_end",
        ],
    ),
    (
        "names stay once given, also when doubles come and go",
        &[
            "a_double_with_a_lower_id_that_arrives_later_gets_the_mark",
            "a_double_keeps_its_name_when_the_one_with_the_plain_name_is_trashed",
            "a_double_keeps_its_name_when_the_one_with_the_plain_name_is_renamed",
            "a_double_that_comes_and_goes_gets_its_mark_each_time",
            "doubles_are_found_again_without_the_state",
        ],
    ),
    (
        "what happens to a double happens to its own asset",
        &[
            "an_edit_of_a_double_reaches_its_own_asset",
            "a_new_version_of_a_double_reaches_its_own_file",
            "deleting_the_file_of_a_double_trashes_its_own_asset",
        ],
    ),
    (
        "of folders with one name the lower id keeps it",
        &[
            "of_folders_with_one_name_the_lowest_id_keeps_it",
            "a_new_file_in_either_of_two_folders_with_one_name_goes_to_its_own",
            "folders_with_one_name_are_found_again_without_the_state",
        ],
    ),
    (
        "a folder and an asset with one name",
        &[
            "a_folder_and_an_asset_with_one_name_the_folder_keeps_it",
            "an_asset_that_arrives_where_a_folder_has_its_name_gets_the_mark",
            "a_folder_that_arrives_where_an_assets_file_has_its_name_moves_no_bytes_wrongly",
        ],
    ),
    (
        "just the offending bytes are escaped",
        &[
            "names_with_slashes_and_nul_are_escaped_and_stay_inside",
            "names_that_are_dots_are_escaped",
            "names_of_our_own_directory_are_escaped_at_the_root_only",
            "names_that_are_only_odd_stay_as_they_are",
            "folders_with_hostile_names_are_directories_inside_the_mirror",
            "two_names_that_escape_to_one_follow_the_rule_for_doubles",
        ],
    ),
    (
        "255 bytes",
        &[
            "names_of_255_bytes_stay_and_longer_ones_are_cut_between_characters",
            "two_long_names_that_are_cut_to_the_same_are_told_apart",
            "local_names_of_255_bytes_travel_whole",
            "a_conflict_copy_of_a_name_of_255_bytes_obeys_the_limit",
        ],
    ),
    (
        "a local name is uploaded literally",
        &[
            "a_percent_sign_is_uploaded_literally_and_comes_back_as_such",
            "a_local_name_may_hold_every_character_but_slash_and_nul",
        ],
    ),
    (
        "a name that is not UTF-8 is skipped",
        &[
            "names_that_are_not_utf_8_are_skipped_and_nothing_is_deleted",
            "a_synced_file_and_a_synced_directory_renamed_to_names_that_are_not_utf_8_lose_no_bytes",
        ],
    ),
    (
        "names compare in Unicode NFC, and nothing is renamed to normalise it",
        &[
            "of_two_forms_of_a_name_here_the_composed_one_syncs_and_neither_is_touched",
            "a_file_in_one_form_is_the_asset_in_the_other_and_neither_is_renamed",
            "two_assets_in_the_two_forms_follow_the_rule_for_doubles",
            "directories_in_the_two_forms_follow_the_rule_too",
        ],
    ),
    (
        "names compare folded on a file system that folds case",
        &[
            "on_a_folding_file_system_files_travel_both_ways_as_elsewhere",
            "on_a_folding_file_system_assets_that_differ_in_case_follow_the_rule_for_doubles",
            "on_a_folding_file_system_a_local_rename_of_case_only_deletes_nothing",
            "names_that_differ_in_case_are_two_files_where_the_file_system_tells_them_apart",
        ],
    ),
    (
        "a file with several hard links has no identity but its path; a copy is a new asset",
        &[
            "two_names_of_one_file_are_two_assets",
            "a_new_version_of_one_leaves_the_bytes_of_the_other",
            "a_copy_is_a_new_asset",
        ],
    ),
    (
        "a conflict suffix is replaced, never stacked; taken: a number",
        &["a_conflict_of_a_conflict_copy_replaces_the_suffix", "conflict_copies_that_would_have_one_name_are_numbered"],
    ),
];

/// By the keys of `[[mirror]]`, and what the server may say of folders and assets.
const POLICIES: &[Row] = &[
    ("name", &["mirrors_of_one_configuration_end_each_by_itself_and_the_gravest_end_is_the_exit_code"]),
    ("local", &["directories_that_lie_in_each_other_are_refused", "a_local_path_that_is_a_file_is_refused"]),
    (
        "storage_folder",
        &[
            "a_mirror_of_everything_says_what_cannot_be_uploaded_at_the_top",
            "storage_folders_that_lie_in_each_other_are_refused",
            "a_storage_folder_that_does_not_exist_is_not_made",
        ],
    ),
    (
        "direction",
        &[
            "pull_only_pushes_nothing_and_says_so",
            "push_only_pulls_nothing_and_says_so",
            "what_pull_only_holds_is_pushed_when_the_direction_allows_it",
            "what_push_only_holds_is_pulled_when_the_direction_allows_it",
        ],
    ),
    (
        "conflict",
        &[
            "r07_edits_on_both_sides_are_both_kept",
            "r07_local_wins_makes_a_version_over_theirs",
            "r07_remote_wins_keeps_ours_in_the_trash",
            "whoever_wins_conflicts_an_edit_wins_over_a_deletion",
            "whoever_wins_conflicts_the_same_bytes_are_no_conflict",
        ],
    ),
    (
        "delete",
        &[
            "delete_keep_keeps_the_asset_of_a_deleted_file",
            "delete_keep_keeps_the_file_of_a_trashed_asset",
            "a_deletion_that_is_kept_is_not_transferred_again_until_it_changes",
        ],
    ),
    ("max_delete", &["max_delete_is_a_number_or_a_share_of_the_tracked_files"]),
    ("max_delete_files", &["more_than_max_delete_files_is_held_whatever_the_share"]),
    ("ignore", &["what_becomes_ignored_is_left_alone_on_both_sides", "a_few_files_that_become_ignored_are_no_matter"]),
    ("settle", &["r27_a_file_being_written_is_left_alone"]),
    ("settle_delete", &["deletions_travel_both_ways"]),
    ("min_free", &["downloads_are_held_below_min_free_and_go_on_by_themselves"]),
    ("organizer", &["a_file_in_an_organizer_is_named_and_not_uploaded_until_it_is_none"]),
    (
        "upload rights",
        &[
            "a_folder_without_a_contribution_of_its_own_is_never_uploaded_into_another",
            "a_folder_that_takes_no_uploads_is_said_in_the_servers_words_and_not_asked_again",
            "a_user_who_may_not_upload_is_told_so_and_still_gets_everything",
            "a_folder_and_an_asset_that_may_not_be_edited_are_named_and_left_alone",
        ],
    ),
    (
        "awaiting",
        &[
            "an_upload_that_waits_for_its_processing_is_named_and_left_alone",
            "an_upload_that_waits_for_its_submission_is_named_and_left_alone",
            "an_upload_that_waits_for_its_approval_is_named_and_left_alone",
            "an_upload_whose_processing_fails_is_said_and_not_sent_again_until_it_changes",
        ],
    ),
    ("over 5 GiB", &["a_file_over_5_gib_is_refused_before_anything_is_prepared"]),
    (
        "a second pass writes nothing",
        &[
            "a_second_pass_over_a_two_way_mirror_leaves_no_trace",
            "a_second_pass_over_a_pull_only_mirror_leaves_no_trace",
            "a_second_pass_over_a_push_only_mirror_leaves_no_trace",
            "a_second_pass_with_an_open_conflict_leaves_no_trace",
            "a_second_pass_with_awaiting_assets_leaves_no_trace",
            "a_second_pass_with_held_and_skipped_items_leaves_no_trace",
        ],
    ),
    (
        "first contact",
        &[
            "two_full_sides_become_their_union_at_first_contact",
            "two_full_sides_become_their_union_where_the_server_gives_no_checksums",
            "a_lost_database_is_learned_again_without_a_deletion",
        ],
    ),
];

/// Keys of a mirror that this version reads and does not obey yet, or that only another provider has.
const NOT_YET: [&str; 5] = ["trash_keep", "trash_max", "remote", "collection", "lock_readonly"];

fn source(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// The end-to-end tests.
fn tests() -> (BTreeSet<String>, String) {
    let mut names = BTreeSet::new();
    let mut text = String::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("contract_listed.rs") {
            continue;
        }
        let file = fs::read_to_string(path).unwrap();
        let mut lines = file.lines().peekable();
        while let Some(line) = lines.next() {
            if line == "#[test]" {
                let declared = lines.find_map(|line| line.strip_prefix("fn ")).unwrap();
                names.insert(declared.split('(').next().unwrap().to_owned());
            }
        }
        text.push_str(&file);
    }
    (names, text)
}

#[test]
fn every_test_that_is_listed_exists() {
    let (tests, _) = tests();
    let rows = [HOLDS, FAULTS, NAMES, POLICIES].concat();
    for (what, named) in rows {
        assert!(!named.is_empty() || ["locked", "not_supported"].contains(&what), "nothing shows {what}");
        for name in named {
            assert!(tests.contains(*name), "{what}: there is no end-to-end test {name}");
        }
    }
}

#[test]
fn every_reason_to_hold_is_listed() {
    let text = source("crates/model/src/plan.rs");
    let words = text.split("impl HoldReason").nth(1).unwrap().split("impl fmt::Display").next().unwrap();
    let words: BTreeSet<&str> = words.split('"').skip(1).step_by(2).collect();
    let listed: BTreeSet<&str> = HOLDS.iter().map(|(reason, _)| *reason).collect();
    assert!(words.len() > 15, "{words:?}");
    assert_eq!(words, listed);
}

#[test]
fn every_key_of_a_mirror_is_listed() {
    let text = source("crates/damsync/src/config/file.rs");
    let section = text.split("pub struct MirrorSection {").nth(1).unwrap().split("\n}").next().unwrap();
    let keys = section.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split(':').next());
    let missing: Vec<&str> =
        keys.filter(|key| !NOT_YET.contains(key) && !POLICIES.iter().any(|(listed, _)| listed == key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_fault_that_the_stand_in_server_knows_is_played() {
    let text = source("crates/sandbox/src/world/fault.rs");
    let kinds = text.split("pub enum What {").nth(1).unwrap().split("\n}").next().unwrap();
    let kinds = kinds.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?.split([' ', ',', '{']).next()?;
        name.starts_with(|first: char| first.is_ascii_uppercase()).then_some(name)
    });
    let (_, played) = tests();
    let harness = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let harness: String = harness.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    let mut count = 0;
    for kind in kinds {
        let word = snake(kind);
        let quoted = format!("\"{word}\"");
        assert!(played.contains(&quoted) || harness.contains(&quoted), "no test plays {word}");
        count += 1;
    }
    assert!(count > 10, "{count}");
}

fn snake(name: &str) -> String {
    let mut word = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}
