//! The tables of the rules about places and directories: R14–R20, R24 and R25.

use crate::table::{check, check_folders};

#[test]
fn r14_a_move_here_moves_the_asset() {
    check(
        "",
        "
        base     local        remote            => plan
        a.jpg@1  b.jpg@1      a.jpg@1           => R14 move_remote a.jpg -> b.jpg
        a.jpg@1  dir/a.jpg@1  a.jpg@1           => R14 move_remote a.jpg -> dir/a.jpg
        a.jpg@1  dir/b.jpg@1  a.jpg@1'          => R14 move_remote a.jpg -> dir/b.jpg
        a.jpg@1  b.jpg@2      a.jpg@1           => R14 move_remote a.jpg -> b.jpg
        a.jpg@1  dir/b.jpg@1  dir/a.jpg@1       => R14 move_remote dir/a.jpg -> dir/b.jpg
        a.jpg@1  dir/b.jpg@1  b.jpg@1           => R14 move_remote b.jpg -> dir/b.jpg
        a.jpg@1  dir/b.jpg@1  dir/b.jpg@1       => R26 refresh dir/b.jpg
        a.jpg@1  b.jpg@1      a.jpg@1:readonly  => R14 failed
        ",
    );
    check("push-only", "a.jpg@1 b.jpg@1 a.jpg@1 => R14 move_remote a.jpg -> b.jpg");
    check("pull-only", "a.jpg@1 b.jpg@1 a.jpg@1 => R14 held direction");
    check("no rename", "a.jpg@1 b.jpg@1 a.jpg@1 => R14 held not_supported");
    check("no rename", "a.jpg@1 dir/a.jpg@1 a.jpg@1 => R14 move_remote a.jpg -> dir/a.jpg");
    check("no move", "a.jpg@1 dir/a.jpg@1 a.jpg@1 => R14 held not_supported");
    check("no move", "a.jpg@1 b.jpg@1 a.jpg@1 => R14 move_remote a.jpg -> b.jpg");
}

#[test]
fn r14_names_that_were_never_the_assets_travel_only_when_a_user_renames() {
    check(
        "",
        "
        base                   local           remote                  => plan
        a~1.jpg=a.jpg@1        a~1.jpg@1       a~1.jpg=a.jpg@1         => settled
        a~1.jpg=a.jpg@1        a~1.jpg@1       a.jpg=a.jpg@1           => settled
        a~1.jpg=a.jpg@1        a~1.jpg@2       a~1.jpg=a.jpg@1         => R3 push_version a~1.jpg
        a~1.jpg=a.jpg@1        dir/a~1.jpg@1   a~1.jpg=a.jpg@1         => R14 move_remote a~1.jpg -> dir/a~1.jpg
        a~1.jpg=a.jpg@1        dir/a~1.jpg@1   dir/a.jpg@1             => R26 refresh dir/a~1.jpg
        a~1.jpg=a.jpg@1        a.jpg@1         a~1.jpg=a.jpg@1         => R26 refresh a.jpg
        a.jpg@1                dir/b~1.jpg@1   b~1.jpg=b.jpg@1         => R14 move_remote b~1.jpg -> dir/b~1.jpg
        a~1.jpg=a.jpg@1        b.jpg@1         a~1.jpg=a.jpg@1         => R14 move_remote a~1.jpg -> b.jpg
        a+b.jpg=a_b.jpg@1      a+b.jpg@1       a_b.jpg@1               => settled
        a+b.jpg=a_b.jpg@1      a+b.jpg@1       a_b.jpg@1'              => R26 refresh a+b.jpg
        a+b.jpg=a_b.jpg@1      -               a_b.jpg@1               => R8 trash_remote a+b.jpg
        \u{e9}.jpg@1           e\u{301}.jpg@1  \u{e9}.jpg@1            => R26 refresh e\u{301}.jpg
        e\u{301}.jpg@1         e\u{301}.jpg@1  \u{e9}.jpg@1            => R26 refresh e\u{301}.jpg
        ",
    );
}

#[test]
fn r15_a_move_there_moves_the_file() {
    check(
        "",
        "
        base             local      remote                      => plan
        a.jpg@1          a.jpg@1    b.jpg@1                     => R15 move_local a.jpg -> b.jpg
        a.jpg@1          a.jpg@1    dir/a.jpg@1                 => R15 move_local a.jpg -> dir/a.jpg
        a.jpg@1          a.jpg@1    dir/b.jpg@1                 => R15 move_local a.jpg -> dir/b.jpg
        a.jpg@1          a.jpg@1    dir/a~1.jpg=a.jpg@1         => R15 move_local a.jpg -> dir/a~1.jpg
        a.jpg@1          a.jpg@1    b~1.jpg=b.jpg@1             => R15 move_local a.jpg -> b~1.jpg
        a~1.jpg=a.jpg@1  a~1.jpg@1  dir/a~1.jpg=a.jpg@1         => R15 move_local a~1.jpg -> dir/a~1.jpg
        a.jpg@1          a.jpg@1    b.jpg@2                     => R15 move_local a.jpg -> b.jpg
        a.jpg@1          b.jpg@1    b.jpg@2                     => R4 download b.jpg
        a.jpg@1          a.jpg@2    b.jpg@1                     => R15 move_local a.jpg -> b.jpg
        a.jpg@1          b.jpg@2    b.jpg@1                     => R3 push_version b.jpg
        ",
    );
    check("pull-only", "a.jpg@1 a.jpg@1 b.jpg@1 => R15 move_local a.jpg -> b.jpg");
    check("push-only", "a.jpg@1 a.jpg@1 b.jpg@1 => R15 held direction");
}

#[test]
fn r16_a_move_here_and_an_edit_there_both_happen() {
    check(
        "",
        "
        base     local        remote       => plan
        a.jpg@1  b.jpg@1      a.jpg@2      => R16 move_remote a.jpg -> b.jpg
        a.jpg@1  b.jpg@1      b.jpg@2      => R4 download b.jpg
        a.jpg@1  dir/a.jpg@1  a.jpg@2      => R16 move_remote a.jpg -> dir/a.jpg
        a.jpg@1  dir/a.jpg@2  a.jpg@3      => R16 move_remote a.jpg -> dir/a.jpg
        a.jpg@1  dir/a.jpg@2  dir/a.jpg@3  => R7 keep_both dir/a.jpg
        ",
    );
}

#[test]
fn r16_a_move_that_may_not_be_made_does_not_hold_up_the_bytes() {
    check("pull-only", "a.jpg@1 b.jpg@1 a.jpg@2 => R4 download b.jpg");
    check("no rename", "a.jpg@1 b.jpg@2 a.jpg@1 => R3 push_version b.jpg");
    check("no rename", "a.jpg@1 b.jpg@1 a.jpg@2 => R4 download b.jpg");
    check("push-only", "a.jpg@1 a.jpg@2 b.jpg@1 => R3 push_version a.jpg");
    check("push-only", "a.jpg@1 a.jpg@1 b.jpg@1' => R15 held direction");
}

#[test]
fn r17_of_two_moves_the_remote_place_wins() {
    check(
        "",
        "
        base     local        remote       => plan
        a.jpg@1  b.jpg@1      c.jpg@1      => R17 move_local b.jpg -> c.jpg
        a.jpg@1  b.jpg@1      b.jpg@1      => R26 refresh b.jpg
        a.jpg@1  b.jpg@1      b~1.jpg=b.jpg@1 => R26 refresh b.jpg
        a.jpg@1  dir/a.jpg@1  other/a.jpg@1  => R17 move_local dir/a.jpg -> other/a.jpg
        a.jpg@1  b.jpg@1      dir/a.jpg@1  => R17 move_local b.jpg -> dir/b.jpg
        a.jpg@1  dir/b.jpg@1  dir/a.jpg@1  => R14 move_remote dir/a.jpg -> dir/b.jpg
        a.jpg@1  dir/a.jpg@1  b.jpg@1      => R17 move_local dir/a.jpg -> dir/b.jpg
        a.jpg@1  dir/b.jpg@1  b.jpg@1      => R14 move_remote b.jpg -> dir/b.jpg
        a.jpg@1  b.jpg@2      c.jpg@3      => R17 move_local b.jpg -> c.jpg
        ",
    );
    check("push-only", "a.jpg@1 b.jpg@1 c.jpg@1 => R17 held direction");
    check("pull-only", "a.jpg@1 b.jpg@1 c.jpg@1 => R17 move_local b.jpg -> c.jpg");
}

#[test]
fn r18_a_moved_file_is_trashed_from_its_new_place() {
    check("", "a.jpg@1 dir/b.jpg@1 trashed => R18 trash_local dir/b.jpg");
    check("push-only", "a.jpg@1 b.jpg@1 trashed => R18 held direction");
    check("delete keep", "a.jpg@1 b.jpg@1 trashed => R18 held kept");
}

#[test]
fn r19_an_asset_that_left_the_mirror_takes_its_file_along() {
    check(
        "",
        "
        base     local    remote     => plan
        a.jpg@1  a.jpg@1  outside@1  => R19 trash_local a.jpg
        a.jpg@1  b.jpg@1  outside@1  => R19 trash_local b.jpg
        a.jpg@1  a.jpg@1  outside@2  => R19 trash_local a.jpg
        a.jpg@1  -        outside@1  => R19 forget a.jpg
        -        -        outside@1  => settled
        ",
    );
    check("push-only", "a.jpg@1 a.jpg@1 outside@1 => R19 held direction");
    check("delete keep", "a.jpg@1 a.jpg@1 outside@1 => R19 held kept");
}

#[test]
fn r20_an_edit_follows_an_asset_that_left_the_mirror() {
    check(
        "",
        "
        base     local    remote               => plan
        a.jpg@1  a.jpg@2  outside@1            => R20 push_version a.jpg
        a.jpg@2  a.jpg@2  outside@2            => R19 trash_local a.jpg
        a.jpg@1  a.jpg@2  outside@1:checkedout => R20 held checked_out
        a.jpg@1  a.jpg@2  outside@1:readonly   => R20 failed
        ",
    );
    check("push-only", "a.jpg@1 a.jpg@2 outside@1 => R20 push_version a.jpg");
    check("pull-only", "a.jpg@1 a.jpg@2 outside@1 => R20 held direction");
    check("no versions", "a.jpg@1 a.jpg@2 outside@1 => R20 held not_supported");
}

#[test]
fn r24_a_directory_changed_here_changes_the_storage_folder() {
    check_folders(
        "",
        "
        new     full   -           => R24 make_remote_folder dir
        new     empty  -           => R24 make_remote_folder dir
        agreed  full   -   needed  => R24 make_remote_folder dir
        agreed  -      empty       => R24 remove_remote_folder dir
        agreed  -      full        => R24 waiting answer
        ",
    );
    check_folders("pull-only", "new full - => R24 held direction");
    check_folders("pull-only", "agreed - empty => R24 held direction");
    check_folders("pull-only", "agreed - full => R24 held direction");
    check_folders("delete keep", "agreed - empty => R24 held kept");
    check_folders("delete keep", "agreed - full => R24 held kept");
    check_folders("no folders", "new full - => R24 held not_supported");
    check_folders("no folders", "agreed - empty => R24 held not_supported");
}

#[test]
fn r25_a_storage_folder_changed_there_changes_the_directory() {
    check_folders(
        "",
        "
        new     -      full            => R25 make_local_folder dir
        new     -      empty           => R25 make_local_folder dir
        agreed  -      full    needed  => R25 make_local_folder dir
        new     full   empty           => R25 join_folder dir
        agreed  full   full            => settled
        agreed  empty  full            => settled
        agreed  empty  -               => R25 remove_local_folder dir
        agreed  full   -               => R25 waiting answer
        agreed  full   unknown         => R25 waiting answer
        agreed  -      unknown         => R25 waiting answer
        ",
    );
    check_folders("push-only", "new - full => R25 held direction");
    check_folders("push-only", "agreed empty - => R25 held direction");
    check_folders("push-only", "agreed full - => R25 held direction");
    check_folders("delete keep", "agreed empty - => R25 held kept");
    check_folders("delete keep", "agreed full - => R25 held kept");
    check_folders("delete keep", "agreed - full needed => R25 make_local_folder dir");
}
