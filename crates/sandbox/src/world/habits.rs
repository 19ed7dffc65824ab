//! The habits of the DAM: every point on which the real one is known to be odd, or is not known at all.
//!
//! The defaults are the friendly side of each. All of them can be set while the sandbox runs.

use serde::{Deserialize, Serialize};

/// What `all_ids=true` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllIdsShape {
    /// A bare list of ids.
    List,
    /// `{"ids": [...], "total_entries": n}`.
    Object,
}

/// When the head moves to a version that is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadMoves {
    /// As soon as the version is prepared.
    AddVersion,
    /// When its bytes are reported as sent.
    SetUploaded,
}

/// What the details of a trashed asset answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrashedDetails {
    /// 200 with `trashed_at`.
    Shown,
    /// 404.
    NotFound,
}

/// What deleting a folder that still holds assets does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FolderDelete {
    /// 422, nothing happens.
    Refuse,
    /// Its assets go to the trash, its folders are deleted.
    Trash,
}

/// Where a download's bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Downloads {
    /// From the API host itself.
    Direct,
    /// By a redirect to the storage host.
    Redirect,
}

/// What `add_version` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddVersionAnswer {
    /// Only `signed_upload_url`.
    UrlOnly,
    /// The whole asset with `signed_upload_url`.
    WholeAsset,
}

/// All habits. Unknown keys are refused, missing ones keep their value when merged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Habits {
    /// Search shows the state as it was so long ago.
    pub index_lag_ms: i64,
    /// The organization is being re-indexed: search shows about half of the assets.
    pub reindexing: bool,
    /// From `uploaded` to `processed`.
    pub processing_ms: i64,
    /// Processing ends in `processing_error` instead.
    pub processing_fails: bool,
    /// `md5` and `file_size` are null until processed; otherwise they are known at `set_uploaded`.
    pub md5_after_processing: bool,
    /// Whether `md5` and `file_size` are ever given.
    pub checksums_given: bool,
    /// How often `updated_at` moves while an asset is processed.
    pub processing_bumps: u32,
    /// The answer of `all_ids=true`.
    pub all_ids: AllIdsShape,
    /// The name of a background job's finished state.
    pub job_finished_state: String,
    /// How long a background job takes.
    pub job_delay_ms: i64,
    /// When the head moves.
    pub head_moves: HeadMoves,
    /// Renaming or moving a folder moves `updated_at` of every asset below it.
    pub folder_rename_bumps: bool,
    /// A new version's file name becomes the asset's.
    pub version_renames: bool,
    /// Details of a trashed asset.
    pub trashed_details: TrashedDetails,
    /// Deleting a folder that holds assets.
    pub folder_delete: FolderDelete,
    /// A processed upload has `last_external_sync_at` set instead of null.
    pub own_upload_synced: bool,
    /// Moving or restoring an asset moves its `updated_at`.
    pub move_bumps: bool,
    /// Assets that were not submitted, or not approved, are listed.
    pub unsubmitted_listed: bool,
    /// New folders' contributions approve by themselves.
    pub auto_approve: bool,
    /// Answers to `any_user` without the permission are 403; otherwise the parameter is ignored for such users.
    pub any_user_refused: bool,
    /// The last result that search lets itself be paged to.
    pub max_result_window: u64,
    /// The status of a page beyond it.
    pub beyond_window_status: u16,
    /// Storage answers as an encrypted bucket does: another ETag, and a header that says why.
    pub encrypted_bucket: bool,
    /// Downloads without `skip_meta=true` carry written metadata, so size and MD5 differ.
    pub meta_written: bool,
    /// Where downloads come from.
    pub downloads: Downloads,
    /// `Range` is honoured (206).
    pub ranges: bool,
    /// `GET storage_folders` answers pages of this many folders; null = all at once.
    pub folders_per_page: Option<usize>,
    /// What `add_version` answers.
    pub add_version_answer: AddVersionAnswer,
    /// Added to every answer.
    pub latency_ms: u64,
    /// File names are trimmed and `: * ? " < > | \` replaced by `_`.
    pub normalise_names: bool,
    /// How long a signed URL is good for.
    pub url_expires_s: u32,
    /// How long an OAuth access token is good for.
    pub access_token_s: i64,
    /// Each refresh replaces the refresh token.
    pub rotate_refresh: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            index_lag_ms: 0,
            reindexing: false,
            processing_ms: 30,
            processing_fails: false,
            md5_after_processing: true,
            checksums_given: true,
            processing_bumps: 2,
            all_ids: AllIdsShape::List,
            job_finished_state: "finished".to_owned(),
            job_delay_ms: 20,
            head_moves: HeadMoves::SetUploaded,
            folder_rename_bumps: false,
            version_renames: true,
            trashed_details: TrashedDetails::Shown,
            folder_delete: FolderDelete::Refuse,
            own_upload_synced: false,
            move_bumps: true,
            unsubmitted_listed: true,
            auto_approve: true,
            any_user_refused: true,
            max_result_window: 10_000,
            beyond_window_status: 422,
            encrypted_bucket: false,
            meta_written: true,
            downloads: Downloads::Direct,
            ranges: true,
            folders_per_page: None,
            add_version_answer: AddVersionAnswer::UrlOnly,
            latency_ms: 0,
            normalise_names: false,
            url_expires_s: 3600,
            access_token_s: 7200,
            rotate_refresh: true,
        }
    }
}
