//! Ignore rules that come from the server: how many tracked files they would leave out, before they are brought here.

use crate::pass::{Pass, PassError};
use damsync_model::id::{AssetId, FolderId};
use damsync_model::name::FileName;
use damsync_model::path::MirrorPath;
use damsync_ports::{LocalSide, RemoteError, RemoteErrorKind, RemoteSide};
use futures_util::TryStreamExt;

/// More than this is no file of rules; the disk would refuse it too.
const MOST_BYTES: usize = 1024 * 1024;

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// How many tracked files these assets' rules would leave out, each in its directory.
    pub(crate) async fn would_leave_out(&self, rules: &[(AssetId, FolderId)]) -> Result<u64, PassError> {
        let mut count = 0;
        for (asset, folder) in rules {
            self.check_stop()?;
            let text = self.read_rules(asset).await?;
            let Some(dir) = self.folders().path(*folder) else { continue };
            let below: Vec<(FolderId, MirrorPath)> = {
                let folders = self.folders();
                let paths = folders.iter().filter_map(|row| Some((row.id, folders.path(row.id)?)));
                paths.filter(|(_, path)| is_within(path, &dir)).collect()
            };
            for (folder, path) in below {
                let names = self.engine.keeper.read(move |tx| tx.agreed_names_in(folder)).await?;
                let paths: Vec<MirrorPath> =
                    names.iter().filter_map(|name| Some(path.join(&FileName::new(name)?))).collect();
                count += match &text {
                    Some(text) => self.engine.disk.would_leave_out(&dir, text, &paths),
                    // Whatever they say.
                    None => paths.len() as u64,
                };
            }
        }
        Ok(count)
    }

    /// The text of an asset; `None` where it cannot be had now, or is too long for rules.
    async fn read_rules(&self, asset: &AssetId) -> Result<Option<String>, PassError> {
        let version = self.asset_row(asset).await?.and_then(|row| row.asset.version);
        let mut body = match self.engine.remote.download(asset, version, 0).await {
            Ok(download) => download.body,
            Err(error @ RemoteError { kind: RemoteErrorKind::Unauthorized, .. }) => return Err(error.into()),
            Err(_) => return Ok(None),
        };
        let mut bytes = Vec::new();
        while let Ok(Some(piece)) = body.try_next().await {
            bytes.extend_from_slice(&piece);
            if bytes.len() > MOST_BYTES {
                return Ok(None);
            }
        }
        self.report().bytes_down += bytes.len() as u64;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

fn is_within(path: &MirrorPath, dir: &MirrorPath) -> bool {
    dir.is_root() || path == dir || path.as_str().strip_prefix(dir.as_str()).is_some_and(|rest| rest.starts_with('/'))
}
