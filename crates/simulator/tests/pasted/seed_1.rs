/// an example
#[test]
fn seed_1() {
    let setting = Setting { daemons: 2, one_user: true, any_user: true, nature: Nature { grain_ns: 1, reuses_inodes: false, folding: Folding::Exact }, habits: Habits { index_lag_ms: 0, reindexing: false, processing_ms: 30, processing_fails: false, md5_after_processing: true, checksums_given: true, processing_bumps: 2, all_ids: AllIdsShape::List, job_finished_state: "finished".to_owned(), job_delay_ms: 20, head_moves: HeadMoves::SetUploaded, folder_rename_bumps: false, version_renames: true, trashed_details: TrashedDetails::Shown, folder_delete: FolderDelete::Refuse, own_upload_synced: false, move_bumps: true, unsubmitted_listed: true, auto_approve: true, any_user_refused: true, max_result_window: 10000, beyond_window_status: 422, encrypted_bucket: false, meta_written: true, downloads: Downloads::Direct, ranges: true, folders_per_page: None, add_version_answer: AddVersionAnswer::UrlOnly, latency_ms: 0, normalise_names: false, url_expires_s: 3600, access_token_s: 7200, rotate_refresh: true }, conflict: ConflictPolicy::KeepBoth, max_delete: MaxDelete::Files(1000), direction: Direction::TwoWay, delete: DeletePolicy::Trash, concurrency: 2 };
    let beginning = vec![
        Edit::There(Remote::MakeFolder(0, 0)),
        Edit::There(Remote::Add(1, 0, Bytes { number: 7, size: 40 })),
    ];
    let steps = vec![
        Step::Wait(3000),
        Step::Pass(PassStep { daemon: 0, mode: Mode::Whole, script: Script { seed: 0, faults: vec![], meanwhile: vec![], cut: None, aim: None, then: None }, crash: Crash::Kill }),
        Step::Edit(Edit::Here(0, Local::Save(0, Save::Anew, Bytes { number: 7, size: 40 }))),
        Step::Edit(Edit::There(Remote::Forbid(Right::Upload))),
        Step::Pass(PassStep { daemon: 0, mode: Mode::Poll, script: Script { seed: 3, faults: vec![(4, Fault::Body(33)), (5, Fault::DiskFull)], meanwhile: vec![(2, Edit::There(Remote::Version(0, Bytes { number: 7, size: 40 }))), (3, Edit::Here(0, Local::Touch(0)))], cut: Some(CutOff::Point(2)), aim: Some(Cell { rule: Rule::R2, action: "download", trouble: Trouble::Crash(CrashPoint::Placed) }), then: Some(Meddling::TakesBack) }, crash: Crash::PowerCut }),
        Step::Both(PassStep { daemon: 0, mode: Mode::Whole, script: Script { seed: 0, faults: vec![], meanwhile: vec![], cut: None, aim: None, then: None }, crash: Crash::Kill }, PassStep { daemon: 1, mode: Mode::Whole, script: Script { seed: 0, faults: vec![], meanwhile: vec![], cut: None, aim: None, then: None }, crash: Crash::Kill }),
        Step::Bring(0, Rule::R10, "restore_remote", 5),
        Step::PowerCut(0, 9),
        Step::Mount(1, false),
        Step::Token(0, Whose::Strangers),
    ];
    let ran = run_with_trace(&Plan { seed: 1, setting, beginning, steps });
    assert_eq!(ran.broken, None, "{}", ran.trace.join("\n"));
}
