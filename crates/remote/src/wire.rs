//! Folders, assets and jobs as the server writes them, read tolerantly.
//!
//! Unknown fields are passed over, and a field of a wrong type is "not told". What nothing safe can be done without is
//! demanded: an asset's `id`, `guid` and `filename` (a missing name would look like a rename), a folder's `id` and `name`.

use crate::loose::{Loose, LooseList};
use crate::shapes::Maybe;
use damsync_model::content::{Claimed, Md5};
use damsync_model::id::{AssetId, Guid, StorageFolderId};
use damsync_model::time::UnixMs;
use damsync_model::tree::{AssetState, RemoteAsset};
use damsync_ports::RemoteFolder;
use serde::Deserialize;

/// A storage folder.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireFolder {
    id: Loose,
    name: Loose,
    parent_id: Loose,
    ancestor_ids: LooseList,
    path_slugs: LooseList,
    pub(crate) has_children: Loose,
    contribution_id: Loose,
    organizer: Loose,
    editable: Loose,
    reindexing_at: Loose,
    reindexing: Loose,
    box_folder_id: Loose,
    dropbox_folder_id: Loose,
    google_drive_folder_id: Loose,
    frame_project_id: Loose,
    lightroom_publish_service_id: Loose,
}

/// A folder with what only this crate needs of it.
#[derive(Clone, Debug)]
pub(crate) struct FolderSeen {
    pub(crate) id: i64,
    pub(crate) parent: Option<i64>,
    pub(crate) has_children: bool,
    /// The ancestors as told; `None` where they were not.
    pub(crate) ancestors: Option<Vec<i64>>,
    /// The slugs from the top down, joined as assets name their folder.
    pub(crate) slug_path: Option<String>,
    folder: RemoteFolder,
}

impl FolderSeen {
    pub(crate) fn folder(&self, ancestors: &[i64]) -> RemoteFolder {
        let ancestors = ancestors.iter().map(|&id| StorageFolderId::from(id)).collect();
        RemoteFolder { ancestors, ..self.folder.clone() }
    }
}

impl WireFolder {
    /// What it says; an error names the field that is missing.
    pub(crate) fn read(&self) -> Result<FolderSeen, &'static str> {
        let id = self.id.int().ok_or("a folder without an id")?;
        let name = self.name.text().map(str::to_owned).or_else(|| self.name.name()).ok_or("a folder without a name")?;
        let parent = self.parent_id.int();
        let connector = [
            ("Box", &self.box_folder_id),
            ("Dropbox", &self.dropbox_folder_id),
            ("Google Drive", &self.google_drive_folder_id),
            ("Frame.io", &self.frame_project_id),
            ("Lightroom", &self.lightroom_publish_service_id),
        ]
        .iter()
        .find(|(_, field)| field.name().is_some())
        .map(|(name, _)| (*name).to_owned());
        let busy = |field: &Loose| field.is_told() && field.flag() != Some(false);
        Ok(FolderSeen {
            id,
            parent,
            has_children: self.has_children.flag().unwrap_or(true),
            ancestors: self.ancestor_ids.ints(),
            slug_path: self.path_slugs.texts().filter(|slugs| !slugs.is_empty()).map(|slugs| slugs.join("/")),
            folder: RemoteFolder {
                id: id.into(),
                parent: parent.map(StorageFolderId::from),
                ancestors: Vec::new(),
                name,
                contribution: self.contribution_id.int(),
                organizer: self.organizer.flag().unwrap_or(false),
                editable: self.editable.flag(),
                reindexing: busy(&self.reindexing_at) || busy(&self.reindexing),
                connector,
            },
        })
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct WireFolderRef {
    id: Loose,
}

/// An asset, in a list or alone.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireAsset {
    id: Loose,
    guid: Loose,
    filename: Loose,
    file_size: Loose,
    md5: Loose,
    data_version_number: Loose,
    data_versions_count: Loose,
    aasm_state: Loose,
    submitted: Loose,
    created_at: Loose,
    updated_at: Loose,
    last_external_sync_at: Loose,
    trashed_at: Loose,
    checked_out_at: Loose,
    downloadable: Loose,
    original_downloadable: Loose,
    editable: Loose,
    storage_folder_path: Loose,
    storage_folder: Maybe<WireFolderRef>,
    upload: Maybe<WireUpload>,
    pub(crate) created_via_id: Loose,
    pub(crate) signed_upload_url: Loose,
}

impl WireAsset {
    /// Whether this is an asset at all, or an answer that only looks a little like one.
    pub(crate) fn is_asset(&self) -> bool {
        self.id.is_told() && self.guid.is_told()
    }

    /// What it says; `folder_of` knows the folders by their slugs. An error names the field that is missing.
    pub(crate) fn read(&self, folder_of: impl Fn(&str) -> Option<i64>) -> Result<RemoteAsset, &'static str> {
        let id = self.id.int().ok_or("an asset without an id")?;
        let guid = self.guid.word().ok_or("an asset without a guid")?;
        // One nameless asset must not hide a whole list: its local name is made of its GUID.
        let filename = self.filename.text().map(str::to_owned).or_else(|| self.filename.name()).unwrap_or_default();
        let told_folder = self.storage_folder.0.as_ref().and_then(|folder| folder.id.int());
        let folder = told_folder.or_else(|| self.storage_folder_path.word().and_then(folder_of));
        let created_at = self.created_at.time();
        let updated_at = self.updated_at.time();
        Ok(RemoteAsset {
            id: AssetId::from(id),
            guid: Guid(guid.into()),
            storage_folder: folder.map(StorageFolderId::from),
            filename,
            claimed: Claimed { size: self.file_size.count(), md5: self.md5.text().and_then(Md5::from_hex) },
            version: self.data_version_number.count(),
            versions_count: self.data_versions_count.count(),
            created_at: created_at.or(updated_at).unwrap_or(UnixMs(0)),
            updated_at: updated_at.or(created_at).unwrap_or(UnixMs(0)),
            last_external_sync_at: self.last_external_sync_at.time(),
            state: self.state(),
            // In the trash even if the moment cannot be read.
            trashed_at: self
                .trashed_at
                .time()
                .or_else(|| (self.trashed_at.is_told() && self.trashed_at.flag() != Some(false)).then_some(UnixMs(0))),
            checked_out: self.checked_out_at.is_told() && self.checked_out_at.flag() != Some(false),
            downloadable: self
                .original_downloadable
                .flag()
                .or_else(|| self.downloadable.flag().filter(|downloadable| !downloadable)),
            editable: self.editable.flag(),
        })
    }

    /// No field says that an asset was approved (recorded answers of approved ones look the same): only that its
    /// contribution does not approve by itself. Whether it waits, the lists tell: they show what was approved.
    fn needs_approval(&self) -> bool {
        self.upload.0.as_ref().is_some_and(|upload| upload.auto_approve() == Some(false))
    }

    fn state(&self) -> AssetState {
        match self.aasm_state.text() {
            Some("pending") => AssetState::Pending,
            Some("processed") if self.submitted.flag() == Some(false) => AssetState::AwaitingSubmission,
            Some("processed") if self.needs_approval() => AssetState::AwaitingApproval,
            Some("processed") => AssetState::Processed,
            Some("processing_error") => AssetState::Failed,
            // `uploaded`, `processing`, and words that we do not know: not finished, so nothing is concluded.
            _ => AssetState::Processing,
        }
    }
}

/// A background job.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireJob {
    pub(crate) id: Loose,
    pub(crate) guid: Loose,
    pub(crate) aasm_state: Loose,
    pub(crate) error_message: Loose,
    pub(crate) error: Loose,
}

/// An upload session.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireUpload {
    pub(crate) id: Loose,
    pub(crate) guid: Loose,
    contribution: Maybe<WireContribution>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct WireContribution {
    storage_folder_id: Loose,
    auto_approve: Loose,
}

impl WireUpload {
    /// Whether what is sent there needs nobody's approval, where told.
    fn auto_approve(&self) -> Option<bool> {
        self.contribution.0.as_ref().and_then(|contribution| contribution.auto_approve.flag())
    }

    /// The folder that the uploads will go to, where told.
    pub(crate) fn folder(&self) -> Option<i64> {
        self.contribution.0.as_ref().and_then(|contribution| contribution.storage_folder_id.int())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(text: &str) -> Result<RemoteAsset, &'static str> {
        serde_json::from_str::<WireAsset>(text).unwrap().read(|path| (path == "a/b").then_some(5))
    }

    #[test]
    fn a_bare_asset_survives() {
        let read = asset(r#"{"id":1,"guid":"g","filename":"f"}"#).unwrap();
        assert_eq!((read.id, read.state, read.downloadable), (1.into(), AssetState::Processing, None));
        assert_eq!(read.claimed, Claimed::default());
    }

    #[test]
    fn an_asset_without_identity_does_not() {
        for bad in
            [r#"{"guid":"g","filename":"f"}"#, r#"{"id":1,"filename":"f"}"#, r#"{"id":{},"guid":"g","filename":"f"}"#]
        {
            assert!(asset(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_asset_without_a_name_has_an_empty_one() {
        for (fields, name) in [
            (r#""x":1"#, ""),
            (r#""filename":null"#, ""),
            (r#""filename":"""#, ""),
            (r#""filename":{"a":1}"#, ""),
            (r#""filename":["f"]"#, ""),
            (r#""filename":true"#, ""),
            (r#""filename":2024"#, "2024"),
            (r#""filename":" f ""#, " f "),
        ] {
            let read = asset(&format!(r#"{{"id":1,"guid":"0aa1-b","created_at":null,{fields}}}"#)).unwrap();
            assert_eq!(read.filename, name, "{fields}");
        }
        let nameless = asset(r#"{"id":1,"guid":"0aa1-b"}"#).unwrap();
        let level = damsync_model::name::Level::Below;
        let local = damsync_model::name::candidates_for_asset(&nameless.filename, &nameless.guid, level);
        assert_eq!(local[0].as_str(), "~0aa1");
    }

    #[test]
    fn optional_fields_of_any_type_or_none_are_survived() {
        let fields = [
            "filename",
            "file_size",
            "md5",
            "data_version_number",
            "data_versions_count",
            "aasm_state",
            "submitted",
            "created_at",
            "updated_at",
            "last_external_sync_at",
            "trashed_at",
            "checked_out_at",
            "downloadable",
            "original_downloadable",
            "editable",
            "storage_folder_path",
            "storage_folder",
            "upload",
            "created_via_id",
            "signed_upload_url",
            "never_heard_of",
        ];
        let values = ["null", "true", "-7", "1.5", "1e300", r#""x""#, r#""""#, "[]", "[[1],{}]", "{}", r#"{"id":"x"}"#];
        for field in fields {
            for value in values {
                let read = asset(&format!(r#"{{"id":1,"guid":"g",{field:?}:{value}}}"#));
                let read = read.unwrap_or_else(|why| panic!("{field}: {value}: {why}"));
                assert_eq!((read.id, &*read.guid.0), (1.into(), "g"), "{field}: {value}");
            }
        }
    }

    #[test]
    fn fields_mean_what_the_contract_says() {
        let with = |fields: &str| asset(&format!(r#"{{"id":"1","guid":"g","filename":"f",{fields}}}"#)).unwrap();
        assert_eq!(with(r#""file_size":"12","md5":"zz""#).claimed, Claimed { size: Some(12), md5: None });
        assert_eq!(with(r#""storage_folder_path":"a/b""#).storage_folder, Some(5.into()));
        assert_eq!(with(r#""storage_folder_path":"a/x""#).storage_folder, None);
        assert_eq!(with(r#""storage_folder_path":"a/b","storage_folder":{"id":6}"#).storage_folder, Some(6.into()));
        assert_eq!(with(r#""storage_folder_path":"a/b","storage_folder":[6]"#).storage_folder, Some(5.into()));
        assert_eq!(with(r#""aasm_state":"processed","submitted":false"#).state, AssetState::AwaitingSubmission);
        assert_eq!(with(r#""aasm_state":"processed","submitted":null"#).state, AssetState::Processed);
        let sent = |approves: &str| {
            format!(r#""aasm_state":"processed","upload":{{"contribution":{{"auto_approve":{approves}}}}}"#)
        };
        assert_eq!(with(&sent("false")).state, AssetState::AwaitingApproval);
        assert_eq!(with(&sent("true")).state, AssetState::Processed);
        assert_eq!(with(&sent("null")).state, AssetState::Processed);
        assert_eq!(with(&format!(r#"{},"submitted":false"#, sent("false"))).state, AssetState::AwaitingSubmission);
        assert_eq!(with(r#""aasm_state":"processed","upload":7"#).state, AssetState::Processed);
        assert_eq!(with(r#""aasm_state":"hatching""#).state, AssetState::Processing);
        assert_eq!(with(r#""downloadable":true,"original_downloadable":null"#).downloadable, None);
        assert_eq!(with(r#""downloadable":false,"original_downloadable":null"#).downloadable, Some(false));
        assert_eq!(with(r#""downloadable":false,"original_downloadable":true"#).downloadable, Some(true));
        assert!(with(r#""trashed_at":"some day""#).trashed_at.is_some());
        assert!(with(r#""trashed_at":null"#).trashed_at.is_none());
        assert!(with(r#""checked_out_at":"2026-01-01T00:00:00Z""#).checked_out);
    }
}
