//! The planner's rules as tables: what both sides agreed on, what is here, what is there, and what follows.
//! How to read a cell stands in `table`; the rules about places and directories stand in `table/places.rs`.

#[path = "table/places.rs"]
mod places;
mod table;

use damsync_model::plan::Rule;
use table::{check, check_folders};

/// Rules that never reach the planner, and who decides them.
const DECIDED_ELSEWHERE: [(Rule, &str); 3] = [
    (Rule::R21, "to the planner it is R2; whoever carries it out looks into the local trash first"),
    (Rule::R22, "pairing a new file with an asset that we trashed comes before planning"),
    (Rule::R29, "the scan reports it; it never becomes an entity"),
];

#[test]
fn every_rule_has_rows_or_is_decided_elsewhere() {
    let tables = concat!(include_str!("planner_tables.rs"), include_str!("table/places.rs"));
    for rule in Rule::ALL {
        let has_rows = tables.contains(&format!("=> {rule} "));
        let elsewhere = DECIDED_ELSEWHERE.iter().any(|(decided, _)| decided == rule);
        assert!(has_rows != elsewhere, "{rule}: rows {has_rows}, elsewhere {elsewhere}");
    }
}

#[test]
fn nothing_to_do_is_settled() {
    check(
        "",
        "
        base     local    remote   => plan
        -        -        -        => settled
        -        -        trashed  => settled
        -        -        gone     => settled
        a.jpg@1  a.jpg@1  a.jpg@1  => settled
        a.jpg@1  a.jpg@1  a.jpg@?v1:first => R26 refresh a.jpg
        a.jpg@1v-  a.jpg@1  a.jpg@1v- => settled
        ",
    );
}

#[test]
fn r1_a_new_file_is_uploaded() {
    check(
        "",
        "
        base  local    remote    => plan
        -     a.jpg@1  -         => R1 upload a.jpg
        -     dir/a.jpg@1  -     => R1 upload dir/a.jpg
        -     a.jpg@1  gone      => R1 upload a.jpg
        -     a.jpg@1  outside@1 => R1 upload a.jpg
        ",
    );
    check("push-only", "- a.jpg@1 - => R1 upload a.jpg");
    check("pull-only", "- a.jpg@1 - => R1 held direction");
    check("tiny uploads", "- a.jpg@1 - => R1 failed");
    check("delete keep, no versions, no restore, no move, no rename", "- a.jpg@1 - => R1 upload a.jpg");
}

#[test]
fn r2_a_new_asset_is_downloaded() {
    check(
        "",
        "
        base  local  remote                  => plan
        -     -      a.jpg@1                 => R2 download a.jpg
        -     -      a~0cf74b82.jpg=a.jpg@1  => R2 download a~0cf74b82.jpg
        -     -      a.jpg@?                 => R2 download a.jpg
        -     -      a.jpg@1:error           => R2 download a.jpg
        -     -      a.jpg@1:readonly        => R2 download a.jpg
        -     -      a.jpg@?:pending         => R2 waiting processing
        -     -      a.jpg@1:processing      => R2 waiting processing
        -     -      a.jpg@1:submission      => R2 waiting submission
        -     -      a.jpg@1:approval        => R2 waiting approval
        -     -      a.jpg@1:nodownload      => R2 held not_permitted
        ",
    );
    check("pull-only", "- - a.jpg@1 => R2 download a.jpg");
    check("push-only", "- - a.jpg@1 => R2 held direction");
}

#[test]
fn r3_an_edit_becomes_a_new_version() {
    check(
        "",
        "
        base          local    remote              => plan
        a.jpg@1       a.jpg@2  a.jpg@1             => R3 push_version a.jpg
        a.jpg@1       a.jpg@2  a.jpg@1'            => R3 push_version a.jpg
        a.jpg@1       a.jpg@2  a.jpg@1:error       => R3 push_version a.jpg
        a.jpg@1       a.jpg@2  a.jpg@1:approval    => R3 push_version a.jpg
        a.jpg@1:sent  a.jpg@2  a.jpg@?v1:processing  => R3 push_version a.jpg
        a.jpg@1v-:sent  a.jpg@2  a.jpg@?v1:first:processing => R3 push_version a.jpg
        a.jpg@1       a.jpg@2  a.jpg@1v2:pending   => R3 push_version a.jpg
        a.jpg@1       a.jpg@2  a.jpg@1:checkedout  => R3 held checked_out
        a.jpg@1       a.jpg@2  a.jpg@1:readonly    => R3 failed
        ",
    );
    check("push-only, delete keep", "a.jpg@1 a.jpg@2 a.jpg@1 => R3 push_version a.jpg");
    check("pull-only", "a.jpg@1 a.jpg@2 a.jpg@1 => R3 held direction");
    check("no versions", "a.jpg@1 a.jpg@2 a.jpg@1 => R3 held not_supported");
    check("tiny uploads", "a.jpg@1 a.jpg@2 a.jpg@1 => R3 failed");
}

#[test]
fn r3_a_damaged_copy_is_sent_again_and_never_pulled() {
    check(
        "",
        "
        base             local    remote               => plan
        a.jpg@1:sent     a.jpg@1  a.jpg@9v1            => R3 push_version a.jpg
        a.jpg@1:sent     a.jpg@1  a.jpg@~9v1           => R3 push_version a.jpg
        a.jpg@1v-:sent   a.jpg@1  a.jpg@9v1:first      => R3 push_version a.jpg
        a.jpg@1:sent     a.jpg@1  a.jpg@9v1:processing => R26 waiting processing
        a.jpg@1:sent     a.jpg@1  a.jpg@9v1:error      => R26 failed
        a.jpg@1:sent     a.jpg@2  a.jpg@9v1            => R3 push_version a.jpg
        a.jpg@1:sent     -        a.jpg@9v1            => R13 trash_remote a.jpg
        a.jpg@1:as9      a.jpg@1  a.jpg@9v1            => R26 refresh a.jpg
        a.jpg@1:as9      a.jpg@1  a.jpg@1v1'           => R26 refresh a.jpg
        ",
    );
}

#[test]
fn r3_bytes_that_a_server_waits_for_again_since_it_went_back_are_sent_again() {
    check(
        "",
        "
        base             local    remote                    => plan
        a.jpg@1:sent     a.jpg@1  a.jpg@?v1:back:pending    => R3 push_version a.jpg
        a.jpg@1          a.jpg@1  a.jpg@?v1:back:pending    => R3 push_version a.jpg
        a.jpg@1          a.jpg@1  a.jpg@1v1:back:pending    => R3 push_version a.jpg
        a.jpg@1          a.jpg@2  a.jpg@1v1:back:pending    => R3 push_version a.jpg
        a.jpg@1          -        a.jpg@1v1:back:pending    => R13 trash_remote a.jpg
        a.jpg@1          a.jpg@1  a.jpg@1v1:pending         => R26 waiting processing
        a.jpg@1:sent     a.jpg@1  a.jpg@1v1:back:processing => R26 refresh a.jpg
        a.jpg@2v2        a.jpg@2  a.jpg@?v1:back:pending    => R26 waiting processing
        ",
    );
    check("pull-only", "a.jpg@1 a.jpg@1 a.jpg@1v1:back:pending => R3 held direction");
}

#[test]
fn r4_a_new_version_is_downloaded() {
    check(
        "",
        "
        base           local    remote               => plan
        a.jpg@1        a.jpg@1  a.jpg@2              => R4 download a.jpg
        a.jpg@1        a.jpg@1  a.jpg@2v-            => R4 download a.jpg
        a.jpg@2v2      a.jpg@2  a.jpg@1v1            => R4 download a.jpg
        a.jpg@1        a.jpg@1  a.jpg@?v2            => R4 download a.jpg
        a.jpg@2v2      a.jpg@2  a.jpg@?v1            => R4 download a.jpg
        a.jpg@1        a.jpg@1  a.jpg@~2v-           => R4 download a.jpg
        a.jpg@1v-      a.jpg@1  a.jpg@2              => R4 download a.jpg
        a.jpg@1v-:sent a.jpg@1  a.jpg@2v-            => R4 download a.jpg
        a.jpg@1        a.jpg@1  a.jpg@2v1            => R4 download a.jpg
        a.jpg@1        a.jpg@1  a.jpg@2:checkedout   => R4 download a.jpg
        a.jpg@1        a.jpg@1  a.jpg@2:readonly     => R4 download a.jpg
        a.jpg@1        a.jpg@1  a.jpg@2:nodownload   => R4 held not_permitted
        a.jpg@1        a.jpg@1  a.jpg@2:approval     => R4 waiting approval
        a.jpg@1        a.jpg@1  a.jpg@?v2:pending    => R26 waiting processing
        a.jpg@1        a.jpg@1  a.jpg@1v2:pending    => R26 waiting processing
        a.jpg@1        a.jpg@1  a.jpg@1v2:processing => R26 waiting processing
        ",
    );
    check("pull-only, remote-wins", "a.jpg@1 a.jpg@1 a.jpg@2 => R4 download a.jpg");
    check("pull-only", "a.jpg@1v-:sent a.jpg@1 a.jpg@2 => R4 download a.jpg");
    check("push-only", "a.jpg@1 a.jpg@1 a.jpg@2 => R4 held direction");
    check("local-wins, delete keep", "a.jpg@1 a.jpg@1 a.jpg@2 => R4 download a.jpg");
}

#[test]
fn r5_equal_bytes_are_adopted_without_a_transfer() {
    check(
        "",
        "
        base     local    remote        => plan
        -        a.jpg@1  a.jpg@1       => R5 adopt a.jpg
        -        a.jpg@1  a.jpg@1:processing => R5 adopt a.jpg
        a.jpg@1  a.jpg@2  a.jpg@2       => R5 adopt a.jpg
        -        a.jpg@1  a.jpg@?       => R5 learn a.jpg
        -        a.jpg@1  a.jpg@~1v1    => R5 learn a.jpg
        -        a.jpg@1  a.jpg@?:processing => R5 waiting processing
        -        a.jpg@1  a.jpg@?:nodownload => R5 held not_permitted
        a.jpg@1  a.jpg@2  a.jpg@?v2     => R5 learn a.jpg
        a.jpg@1  a.jpg@1  a.jpg@?       => R5 learn a.jpg
        a.jpg@1  a.jpg@2  a.jpg@?       => R5 learn a.jpg
        ",
    );
    for direction in ["pull-only", "push-only"] {
        check(
            direction,
            "
            base  local    remote   => plan
            -     a.jpg@1  a.jpg@1  => R5 adopt a.jpg
            -     a.jpg@1  a.jpg@?  => R5 learn a.jpg
            ",
        );
    }
}

#[test]
fn r6_at_first_contact_other_bytes_are_a_conflict() {
    check(
        "",
        "
        base  local    remote             => plan
        -     a.jpg@1  a.jpg@2            => R6 keep_both a.jpg
        -     a.jpg@1  a.jpg@~2v2         => R6 keep_both a.jpg
        -     a.jpg@1  a.jpg@2:processing => R6 waiting processing
        -     a.jpg@1  a.jpg@2:nodownload => R6 held not_permitted
        -     a.jpg@1  a.jpg@2:checkedout => R6 keep_both a.jpg
        ",
    );
    check(
        "local-wins",
        "
        base  local    remote             => plan
        -     a.jpg@1  a.jpg@2            => R6 push_version a.jpg
        -     a.jpg@1  a.jpg@2:pending    => R6 waiting processing
        -     a.jpg@1  a.jpg@2:checkedout => R6 held checked_out
        ",
    );
    check("remote-wins", "- a.jpg@1 a.jpg@2 => R6 download a.jpg");
    check("local-wins, no versions", "- a.jpg@1 a.jpg@2 => R6 keep_both a.jpg");
    check("push-only", "- a.jpg@1 a.jpg@2 => R6 held direction");
    check("push-only, local-wins", "- a.jpg@1 a.jpg@2 => R6 push_version a.jpg");
    check("push-only, remote-wins", "- a.jpg@1 a.jpg@2 => R6 held direction");
    check("pull-only", "- a.jpg@1 a.jpg@2 => R6 keep_both a.jpg");
    check("pull-only, local-wins", "- a.jpg@1 a.jpg@2 => R6 keep_both a.jpg");
    check("pull-only, remote-wins", "- a.jpg@1 a.jpg@2 => R6 download a.jpg");
}

#[test]
fn r7_edits_on_both_sides_are_a_conflict() {
    check(
        "",
        "
        base           local    remote               => plan
        a.jpg@1        a.jpg@2  a.jpg@3              => R7 keep_both a.jpg
        a.jpg@5v5      a.jpg@2  a.jpg@3v4            => R7 keep_both a.jpg
        a.jpg@1        a.jpg@2  a.jpg@?v3:processing => R7 waiting processing
        a.jpg@1        a.jpg@2  a.jpg@1v3:processing => R7 waiting processing
        a.jpg@1        a.jpg@2  a.jpg@3:approval     => R7 waiting approval
        a.jpg@1        a.jpg@2  a.jpg@3:nodownload   => R7 held not_permitted
        a.jpg@1v-:sent a.jpg@1  a.jpg@3              => R7 keep_both a.jpg
        a.jpg@1v-:sent a.jpg@2  a.jpg@3              => R7 keep_both a.jpg
        ",
    );
    check("local-wins", "a.jpg@1 a.jpg@2 a.jpg@3 => R7 push_version a.jpg");
    check("local-wins", "a.jpg@1 a.jpg@2 a.jpg@3:checkedout => R7 held checked_out");
    check("local-wins, no versions", "a.jpg@1 a.jpg@2 a.jpg@3 => R7 keep_both a.jpg");
    check("remote-wins", "a.jpg@1 a.jpg@2 a.jpg@3 => R7 download a.jpg");
    check("push-only", "a.jpg@1 a.jpg@2 a.jpg@3 => R7 held direction");
    check("push-only, local-wins", "a.jpg@1 a.jpg@2 a.jpg@3 => R7 push_version a.jpg");
}

#[test]
fn r8_a_deletion_here_trashes_the_asset() {
    check(
        "",
        "
        base           local  remote               => plan
        a.jpg@1        -      a.jpg@1              => R8 trash_remote a.jpg
        dir/a.jpg@1    -      dir/a.jpg@1          => R8 trash_remote dir/a.jpg
        a.jpg@1        -      a.jpg@1:approval     => R8 trash_remote a.jpg
        a.jpg@1        -      a.jpg@1:readonly     => R8 failed
        a~1.jpg=a.jpg@1  -    a~1.jpg=a.jpg@1      => R8 trash_remote a~1.jpg
        a.jpg@1        -      unknown              => R26 waiting answer
        a.jpg@1        -      -                    => R26 waiting answer
        ",
    );
    check("push-only", "a.jpg@1 - a.jpg@1 => R8 trash_remote a.jpg");
    check("pull-only", "a.jpg@1 - a.jpg@1 => R8 held direction");
    check("delete keep", "a.jpg@1 - a.jpg@1 => R8 held kept");
}

#[test]
fn r9_a_trashed_asset_trashes_the_file() {
    check(
        "",
        "
        base     local    remote   => plan
        a.jpg@1  a.jpg@1  trashed  => R9 trash_local a.jpg
        a.jpg@1  a.jpg@1  gone     => R9 trash_local a.jpg
        a.jpg@1  a.jpg@1  unknown  => R26 waiting answer
        a.jpg@1  a.jpg@1  -        => R26 waiting answer
        -        a.jpg@1  trashed  => R1 upload a.jpg
        ",
    );
    check("pull-only", "a.jpg@1 a.jpg@1 trashed => R9 trash_local a.jpg");
    check("push-only", "a.jpg@1 a.jpg@1 trashed => R9 held direction");
    check("delete keep", "a.jpg@1 a.jpg@1 trashed => R9 held kept");
}

#[test]
fn r10_an_edit_wins_over_the_trash() {
    check(
        "",
        "
        base     local        remote   => plan
        a.jpg@1  a.jpg@2      trashed  => R10 restore_remote a.jpg
        a.jpg@1  dir/b.jpg@2  trashed  => R10 restore_remote dir/b.jpg
        a.jpg@1  a.jpg@2      gone     => R10 forget a.jpg
        a.jpg@1  a.jpg@2      unknown  => R26 waiting answer
        a.jpg@1  a.jpg@2      -        => R26 waiting answer
        ",
    );
    check("no restore", "a.jpg@1 a.jpg@2 trashed => R10 forget a.jpg");
    check("no versions", "a.jpg@1 a.jpg@2 trashed => R10 forget a.jpg");
    check("delete keep", "a.jpg@1 a.jpg@2 trashed => R10 restore_remote a.jpg");
    check("push-only", "a.jpg@1 a.jpg@2 trashed => R10 restore_remote a.jpg");
    check("pull-only", "a.jpg@1 a.jpg@2 trashed => R10 held direction");
    check("tiny uploads", "a.jpg@1 a.jpg@2 trashed => R10 failed");
}

#[test]
fn r11_a_new_version_wins_over_a_deletion() {
    check(
        "",
        "
        base           local  remote               => plan
        a.jpg@1        -      a.jpg@2              => R11 download a.jpg
        a.jpg@1        -      dir/b.jpg@2          => R11 download dir/b.jpg
        a.jpg@2v2      -      a.jpg@1v1            => R11 download a.jpg
        a.jpg@1v-:sent -      a.jpg@2              => R11 download a.jpg
        a.jpg@1        -      a.jpg@1v2:processing => R11 waiting processing
        a.jpg@1        -      a.jpg@1v2:pending    => R11 waiting processing
        a.jpg@1        -      a.jpg@?              => R5 learn a.jpg
        a.jpg@1        -      a.jpg@2:nodownload   => R11 held not_permitted
        ",
    );
    check("push-only", "a.jpg@1 - a.jpg@2 => R11 held direction");
    check("pull-only, delete keep", "a.jpg@1 - a.jpg@2 => R11 download a.jpg");
}

#[test]
fn r12_a_move_there_wins_over_a_deletion() {
    check(
        "",
        "
        base             local  remote                 => plan
        a.jpg@1          -      b.jpg@1                => R12 download b.jpg
        a.jpg@1          -      dir/a.jpg@1            => R12 download dir/a.jpg
        a.jpg@1          -      dir/b.jpg@?v1          => R12 download dir/b.jpg
        a.jpg@1          -      dir/a.jpg@?            => R12 download dir/a.jpg
        a~1.jpg=a.jpg@1  -      a.jpg=a.jpg@1          => R8 trash_remote a~1.jpg
        ",
    );
    check("push-only", "a.jpg@1 - b.jpg@1 => R12 held direction");
    check("pull-only", "a.jpg@1 - b.jpg@1 => R12 download b.jpg");
}

#[test]
fn r13_metadata_does_not_save_an_asset_from_a_deletion() {
    check(
        "",
        "
        base           local  remote            => plan
        a.jpg@1        -      a.jpg@1'          => R13 trash_remote a.jpg
        a.jpg@1        -      a.jpg@?v1'        => R13 trash_remote a.jpg
        a.jpg@1v-:sent -      a.jpg@?v1':first  => R13 trash_remote a.jpg
        a.jpg@1        -      a.jpg@1v3'        => R13 trash_remote a.jpg
        ",
    );
    check("pull-only", "a.jpg@1 - a.jpg@1' => R13 held direction");
    check("delete keep", "a.jpg@1 - a.jpg@1' => R13 held kept");
}

#[test]
fn r23_what_both_sides_deleted_is_forgotten() {
    check(
        "",
        "
        base     local  remote   => plan
        a.jpg@1  -      trashed  => R23 forget a.jpg
        a.jpg@1  -      gone     => R23 forget a.jpg
        ",
    );
    check("pull-only, delete keep", "a.jpg@1 - trashed => R23 forget a.jpg");
    check_folders("", "agreed - - => R23 forget_folder dir");
    check_folders("", "new    - - => R23 forget_folder dir");
}

#[test]
fn r26_metadata_only_refreshes_the_record() {
    check(
        "",
        "
        base             local    remote                  => plan
        a.jpg@1          a.jpg@1  a.jpg@1'                => R26 refresh a.jpg
        a.jpg@1          a.jpg@1  a.jpg@?v1'              => R26 refresh a.jpg
        a.jpg@1v-:sent   a.jpg@1  a.jpg@1v1               => R26 refresh a.jpg
        a.jpg@1v-:sent   a.jpg@1  a.jpg@?v1:first         => R26 refresh a.jpg
        a.jpg@1v-:sent   a.jpg@1  a.jpg@?v-:processing    => R26 waiting processing
        a.jpg@1          a.jpg@1  a.jpg@1v3'              => R26 refresh a.jpg
        a.jpg@1:as9      a.jpg@1  a.jpg@1v3'              => R26 refresh a.jpg
        a.jpg@1          a.jpg@1  a.jpg@1:processing      => R26 waiting processing
        a.jpg@1          a.jpg@1  a.jpg@1:submission      => R26 waiting submission
        a.jpg@1          a.jpg@1  a.jpg@1:approval        => R26 waiting approval
        a.jpg@1          a.jpg@1  a.jpg@1:error           => R26 failed
        a.jpg@1          a.jpg@1  a.jpg@1:checkedout      => settled
        ",
    );
    for options in ["pull-only", "push-only", "delete keep"] {
        check(options, "a.jpg@1 a.jpg@1 a.jpg@1' => R26 refresh a.jpg");
    }
}

#[test]
fn r27_an_unread_file_is_left_alone() {
    check(
        "",
        "
        base     local      remote     => plan
        -        a.jpg@…    -          => R27 waiting quiet
        -        a.jpg@…    a.jpg@1    => R27 waiting quiet
        a.jpg@1  a.jpg@…    a.jpg@1    => R27 waiting quiet
        a.jpg@1  a.jpg@…    a.jpg@2    => R27 waiting quiet
        a.jpg@1  b.jpg@…    c.jpg@2    => R27 waiting quiet
        a.jpg@1  a.jpg@…    trashed    => R27 waiting quiet
        a.jpg@1  a.jpg@…    gone       => R27 waiting quiet
        a.jpg@1  a.jpg@…    outside@1  => R27 waiting quiet
        ",
    );
}

#[test]
fn r28_what_is_not_known_here_is_neither_deleted_nor_overwritten() {
    check(
        "",
        "
        base     local    remote     => plan
        a.jpg@1  unknown  a.jpg@1    => R28 skipped
        a.jpg@1  unknown  a.jpg@2    => R28 skipped
        a.jpg@1  unknown  b.jpg@1    => R28 skipped
        a.jpg@1  unknown  trashed    => R28 skipped
        a.jpg@1  unknown  gone       => R28 skipped
        a.jpg@1  unknown  outside@1  => R28 skipped
        a.jpg@1  unknown  unknown    => R28 skipped
        -        unknown  a.jpg@1    => R28 skipped
        -        unknown  -          => R28 skipped
        ",
    );
    check_folders("", "agreed unknown full => R28 skipped");
    check_folders("", "agreed unknown -    => R28 skipped");
}

#[test]
fn r30_in_a_pull_only_mirror_an_edit_is_kept_beside_the_new_version() {
    for options in ["pull-only", "pull-only, local-wins", "pull-only, remote-wins"] {
        check(options, "a.jpg@1 a.jpg@2 a.jpg@3 => R30 keep_both a.jpg");
    }
    check("pull-only", "a.jpg@1 a.jpg@2 a.jpg@3:processing => R30 waiting processing");
}
