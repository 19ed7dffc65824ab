//! Reading files: those that changed are hashed once they are quiet, beside each other.

use crate::hooks::Step;
use crate::pass::{Pass, PassError};
use crate::report::SkippedItem;
use crate::request::Ask;
use damsync_model::content::Content;
use damsync_model::id::FolderId;
use damsync_model::mutation::Mutation;
use damsync_model::name::{FileName, NameKey};
use damsync_model::path::MirrorPath;
use damsync_model::time::UnixMs;
use damsync_model::tree::{Place, Stat};
use damsync_ports::{LocalError, LocalSide, RemoteSide};
use damsync_store::FileRow;
use futures_util::StreamExt;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Files asked for in one go.
const BATCH: u32 = 256;

/// Files under way at once; the disk bounds how many are really read beside each other.
const TOGETHER: usize = 8;

/// A file whose times are younger than this when it is read may have been written again within the clock's grain.
const RACY_MS: i64 = 2000;

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Hashes what has no hash, waiting up to twice `settle` for files that are not quiet yet. With [`Ask::Full`],
    /// hashes everything.
    pub(crate) async fn read_files(&self) -> Result<(), PassError> {
        if self.request.ask == Ask::Full {
            self.forget_hashes().await?;
        }
        self.read_until_quiet().await
    }

    /// Reads what an action found changed: also a file whose other name was replaced, for that moves its ctime.
    pub(crate) async fn read_again(&self) -> Result<(), PassError> {
        if self.found_changed.swap(false, Ordering::Relaxed) { self.read_until_quiet().await } else { Ok(()) }
    }

    async fn read_until_quiet(&self) -> Result<(), PassError> {
        let patience = self.engine.spec.settle * 2;
        let deadline = self.now().plus_ms(i64::try_from(patience.as_millis()).unwrap_or(i64::MAX));
        while let Some(wait) = self.read_quiet_files().await? {
            let left = u64::try_from(deadline.0 - self.now().0).unwrap_or(0);
            if left == 0 {
                break;
            }
            tokio::time::sleep(wait.min(Duration::from_millis(left)).max(Duration::from_millis(1))).await;
        }
        Ok(())
    }

    /// One run over the files to be read; says how long until the next one may be quiet, if one was not.
    async fn read_quiet_files(&self) -> Result<Option<Duration>, PassError> {
        let mut after = None;
        let mut unquiet: Option<Duration> = None;
        loop {
            self.check_stop()?;
            let (mirror, from) = (self.mirror, after.clone());
            let batch = self.engine.keeper.read(move |tx| tx.files_to_read(mirror, from.as_ref(), BATCH)).await?;
            let Some((folder, row)) = batch.last() else { return Ok(unquiet) };
            after = Some((*folder, row.key.clone()));
            let results: Vec<Result<Option<Duration>, PassError>> = futures_util::stream::iter(batch)
                .map(|(folder, row)| self.read_one(folder, row))
                .buffer_unordered(TOGETHER)
                .collect()
                .await;
            for result in results {
                if let Some(wait) = result? {
                    unquiet = Some(unquiet.map_or(wait, |least| least.min(wait)));
                }
            }
        }
    }

    async fn read_one(&self, folder: FolderId, row: FileRow) -> Result<Option<Duration>, PassError> {
        let Some(path) = self.row_path(folder, &row) else { return Ok(None) };
        let age = age_ms(&row.stat, self.now());
        if row.content.is_some() && age < RACY_MS {
            return Ok(None);
        }
        let settle = i64::try_from(self.engine.spec.settle.as_millis()).unwrap_or(i64::MAX);
        if row.content.is_none() && (0..settle).contains(&age) {
            // It may grow meanwhile: look at it again, so that the wait is counted from its last write.
            self.look_again(folder, &row.key, &path).await?;
            return Ok(Some(Duration::from_millis(u64::try_from(settle - age).unwrap_or(0))));
        }
        self.step(Step::Hashed(row.stat.size));
        match self.engine.disk.hash(&path, row.stat).await {
            Ok(content) => {
                self.keep_content(folder, row, content).await?;
                Ok(None)
            }
            Err(LocalError::Changed { .. } | LocalError::Missing { .. } | LocalError::NotOurs { .. }) => {
                self.look_again(folder, &row.key, &path).await?;
                Ok(Some(self.engine.spec.settle))
            }
            Err(LocalError::RootLost) => Err(LocalError::RootLost.into()),
            Err(error) => {
                self.unreadable(folder, row, &path, error.to_string()).await?;
                Ok(None)
            }
        }
    }

    async fn keep_content(&self, folder: FolderId, row: FileRow, content: Content) -> Result<(), PassError> {
        let racy = age_ms(&row.stat, self.now()) < RACY_MS && !Mutation::TrustTimes.is_on();
        if row.content == Some(content) && row.racy == racy {
            return Ok(());
        }
        let mirror = self.mirror;
        self.engine
            .keeper
            .write(move |tx| {
                let kept = tx.set_content(folder, &row.key, &row.stat, &content, racy)?;
                if kept && row.content != Some(content) {
                    tx.mark_place(mirror, folder, &row.key)?;
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// A file that cannot be read is not known (R28).
    async fn unreadable(
        &self,
        folder: FolderId,
        row: FileRow,
        path: &MirrorPath,
        why: String,
    ) -> Result<(), PassError> {
        if row.unknown.as_ref() == Some(&why) {
            return Ok(());
        }
        let (mirror, key, reason) = (self.mirror, row.key.clone(), why.clone());
        let had_base = self
            .engine
            .keeper
            .write(move |tx| {
                tx.put_file(folder, &FileRow { unknown: Some(why), ..row })?;
                tx.mark_place(mirror, folder, &key)?;
                tx.base_at(folder, &key).map(|base| base.is_some())
            })
            .await?;
        if !had_base {
            self.report().skipped.push(SkippedItem { path: path.to_string(), reason });
        }
        Ok(())
    }

    /// Whether a file still holds the bytes that were decided upon, before it gives way. One that may have been written
    /// again without a sign in its times is read once more.
    pub(crate) async fn still_holds(&self, place: &Place, path: &MirrorPath, expect: Stat) -> Result<bool, PassError> {
        let (folder, key) = (place.folder, self.key(place));
        let row = self.engine.keeper.read(move |tx| tx.file(folder, &key)).await?;
        let Some(row) = row.filter(|row| row.racy && row.stat == expect) else { return Ok(true) };
        let decided_upon = row.content;
        let content = self.engine.disk.hash(path, expect).await?;
        self.keep_content(folder, row, content).await?;
        Ok(decided_upon == Some(content))
    }

    /// Takes over what stands at a place now: after the plan found it changed.
    pub(crate) async fn look_again(&self, folder: FolderId, key: &NameKey, path: &MirrorPath) -> Result<(), PassError> {
        let found = match self.engine.disk.stat(path).await {
            Ok(stat) => Found::File(stat),
            Err(LocalError::Missing { .. }) => Found::Nothing,
            Err(LocalError::RootLost) => return Err(LocalError::RootLost.into()),
            Err(LocalError::NotOurs { .. }) if self.is_below_a_file(path).await => Found::Nothing,
            Err(error) => Found::Unknown(error.to_string()),
        };
        let name = path.name().map_or_else(|| key.as_str().to_owned(), |name| name.as_str().to_owned());
        let (mirror, key) = (self.mirror, key.clone());
        self.engine
            .keeper
            .write(move |tx| {
                let old = tx.file(folder, &key)?;
                let new = match found {
                    Found::Nothing => None,
                    Found::File(stat) => Some(match &old {
                        Some(old) if old.stat == stat && old.unknown.is_none() => old.clone(),
                        _ => FileRow { key: key.clone(), name, stat, content: None, racy: false, unknown: None },
                    }),
                    Found::Unknown(why) => Some(FileRow {
                        unknown: Some(why),
                        ..old.clone().unwrap_or_else(|| FileRow {
                            key: key.clone(),
                            name,
                            stat: Stat::default(),
                            content: None,
                            racy: false,
                            unknown: None,
                        })
                    }),
                };
                if new == old {
                    return Ok(());
                }
                match &new {
                    Some(row) => tx.put_file(folder, row)?,
                    None => tx.remove_file(folder, &key)?,
                }
                tx.mark_place(mirror, folder, &key)
            })
            .await?;
        Ok(())
    }

    /// Whether a regular file has taken the place of a directory above a path: below a file there is nothing. Of a link
    /// or a mount there nothing is known.
    pub(crate) async fn is_below_a_file(&self, path: &MirrorPath) -> bool {
        let mut at = path.parent();
        while let Some(above) = at.filter(|above| !above.is_root()) {
            if self.engine.disk.stat(&above).await.is_ok() {
                return true;
            }
            at = above.parent();
        }
        false
    }

    /// Whether what is not a file of ours leaves no room for one at a place: it stands below a file, or a directory has its
    /// name.
    pub(crate) async fn holds_no_file(&self, place: &Place, path: &MirrorPath) -> bool {
        let is_directory = self.folders().local_child(place.folder, &self.key(place)).is_some();
        is_directory || self.is_below_a_file(path).await
    }

    /// For a full pass: every hash is taken anew.
    async fn forget_hashes(&self) -> Result<(), PassError> {
        let ids: Vec<FolderId> = self.folders().iter().filter(|row| row.local.is_some()).map(|row| row.id).collect();
        for id in ids {
            self.engine
                .keeper
                .write(move |tx| {
                    for file in tx.files_in(id)? {
                        if file.unknown.is_none() {
                            tx.put_file(id, &FileRow { racy: true, ..file })?;
                        }
                    }
                    Ok(())
                })
                .await?;
        }
        Ok(())
    }

    fn row_path(&self, folder: FolderId, row: &FileRow) -> Option<MirrorPath> {
        let name = FileName::new(&row.name)?;
        self.folders().path_of(&Place { folder, name })
    }
}

enum Found {
    Nothing,
    File(Stat),
    Unknown(String),
}

/// How long ago a file was last touched; negative when its times lie in the future.
pub(crate) fn age_ms(stat: &Stat, now: UnixMs) -> i64 {
    now.0 - stat.mtime_ns.max(stat.ctime_ns) / 1_000_000
}
