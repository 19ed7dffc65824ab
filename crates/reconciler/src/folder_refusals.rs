//! Storage folders that the server refuses to make or remove: they are not asked for again by every pass, but after a day,
//! as soon as something about the directory changes, and whenever a user wants everything to be looked at.

use crate::guard::fnv1a;
use crate::pass::{Pass, PassError};
use crate::request::Ask;
use crate::rounds::REFUSED_MS;
use damsync_model::id::FolderId;
use damsync_model::plan::Action;
use damsync_ports::{LocalSide, RemoteSide};
use damsync_store::{FileRow, FolderFailure, FolderRow};

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// The words of an earlier pass's refusal that still holds.
    pub(crate) async fn refused_before(&self, folder: FolderId, action: &Action) -> Result<Option<String>, PassError> {
        if self.request.ask == Ask::Full {
            return Ok(None);
        }
        let known = self.engine.keeper.read(move |tx| tx.folder_failure(folder)).await?;
        let Some(failure) = known.filter(|failure| failure.action == action.verb() && failure.next_try > self.now())
        else {
            return Ok(None);
        };
        let holds = failure.state == self.state_of(folder).await?;
        Ok(holds.then_some(failure.error))
    }

    /// Writes down a refusal.
    pub(crate) async fn keep_refusal(
        &self,
        folder: FolderId,
        action: &Action,
        error: &PassError,
    ) -> Result<(), PassError> {
        let failure = FolderFailure {
            action: action.verb().to_owned(),
            error: error.to_string(),
            state: self.state_of(folder).await?,
            next_try: self.now().plus_ms(REFUSED_MS),
        };
        let mirror = self.mirror;
        Ok(self.engine.keeper.write(move |tx| tx.set_folder_failure(mirror, folder, &failure)).await?)
    }

    /// A hash of all that a refusal may have been about: the directory, those above it, and what is in it.
    async fn state_of(&self, folder: FolderId) -> Result<i64, PassError> {
        let files: Vec<FileRow> = self.engine.keeper.read(move |tx| tx.files_in(folder)).await?;
        let folders = self.folders();
        let above = folders.with_those_above(folder).into_iter().chain([folders.root()]);
        let inside = folders.local_children(folder).into_iter().chain(folders.remote_children(folder));
        let rows: Vec<&FolderRow> = above.chain(inside).filter_map(|id| folders.get(id)).collect();
        let files: Vec<_> = files.iter().map(|file| (&file.name, &file.stat)).collect();
        Ok(fnv1a(0, format!("{rows:?} {files:?}").as_bytes()).cast_signed())
    }
}
