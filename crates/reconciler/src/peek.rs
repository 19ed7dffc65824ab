//! A look at how an asset begins, before anything is decided about it; nothing of it is kept.

use crate::pass::{Pass, PassError};
use damsync_model::id::AssetId;
use damsync_ports::{LocalSide, RemoteError, RemoteErrorKind, RemoteSide};
use futures_util::StreamExt;

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// The first `count` bytes of an asset, all of them where it has fewer; `None` where they cannot be had now.
    pub(crate) async fn first_bytes(
        &self,
        asset: &AssetId,
        version: Option<u64>,
        count: usize,
    ) -> Result<Option<Vec<u8>>, PassError> {
        let mut body = match self.engine.remote.download(asset, version, 0).await {
            Ok(download) => download.body,
            Err(error @ RemoteError { kind: RemoteErrorKind::Unauthorized, .. }) => return Err(error.into()),
            Err(_) => return Ok(None),
        };
        let mut bytes = Vec::new();
        while bytes.len() < count {
            match body.next().await {
                Some(Ok(piece)) => bytes.extend_from_slice(&piece),
                Some(Err(_)) => return Ok(None),
                None => break,
            }
        }
        self.report().bytes_down += bytes.len() as u64;
        bytes.truncate(count);
        Ok(Some(bytes))
    }
}
