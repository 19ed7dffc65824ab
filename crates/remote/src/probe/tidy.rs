//! Taking away what the probe made, whatever became of it.
//!
//! Everything in the scratch folder is ours, so it is looked for there, and not only in what the answers told: an answer
//! may be lost, and the thing be made.

use super::Probe;
use crate::Mediagraph;
use damsync_model::id::AssetId;
use damsync_ports::{Answer, RemoteError, RemoteFolder, RemoteSide};
use std::collections::BTreeSet;

/// Whether a folder that was asked for exists was not answered: if it does, it goes. Returns the error that remains.
pub(super) async fn unanswered_folder(side: &Mediagraph, name: &str, error: RemoteError) -> RemoteError {
    let Ok(folders) = side.folders().await else { return error };
    for folder in folders.iter().filter(|folder| folder.name == name) {
        if let Err(refused) = side.remove_folder(&folder.id).await {
            tracing::warn!(folder = name, error = %refused, "the probe's folder is left behind");
        }
    }
    error
}

impl Probe<'_> {
    pub(super) async fn clean_up(&mut self, scratch: &RemoteFolder) {
        let folders = self.scratch_and_below(scratch).await;
        for id in self.everything_in(&folders).await {
            if let Err(error) = self.side.trash(&id).await {
                self.outcome.left_behind.push(format!("asset {id} ({error})"));
            }
        }
        for folder in folders {
            if let Err(error) = self.side.remove_folder(&folder.id).await {
                let what = format!("storage folder \"{}\", id {} ({error})", folder.name, folder.id);
                self.outcome.left_behind.push(what);
            }
        }
    }

    /// The deepest first.
    async fn scratch_and_below(&self, scratch: &RemoteFolder) -> Vec<RemoteFolder> {
        let listed = self.side.folders().await.unwrap_or_default();
        let mut folders: Vec<RemoteFolder> = listed
            .into_iter()
            .filter(|folder| folder.id == scratch.id || folder.ancestors.contains(&scratch.id))
            .collect();
        if folders.iter().all(|folder| folder.id != scratch.id) {
            folders.push(scratch.clone());
        }
        folders.sort_by_key(|folder| std::cmp::Reverse(folder.ancestors.len()));
        folders
    }

    async fn everything_in(&mut self, folders: &[RemoteFolder]) -> BTreeSet<AssetId> {
        let mut assets: BTreeSet<AssetId> = std::mem::take(&mut self.assets).into_iter().collect();
        for folder in folders {
            if let Ok(Answer::Found(ids)) = self.side.folder_asset_ids(&folder.id).await {
                assets.extend(ids);
            }
        }
        if let Some((session, marker)) = self.unanswered.take()
            && let Ok(found) = self.side.pending(&session, &marker).await
        {
            assets.extend(found.into_iter().map(|asset| asset.id));
        }
        assets
    }
}
