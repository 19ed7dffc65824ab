//! Telling the server what is synced: last of all, only what is durable, and never without looking at what it answers.

use crate::crash::CrashPoint;
use crate::observe::Said;
use crate::pass::{Pass, PassError};
use damsync_model::id::AssetId;
use damsync_ports::{LocalSide, RemoteSide};

/// Assets acknowledged by one request.
const BATCH: u32 = 100;

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Acknowledges everything that is recorded as durable. An answer that shows something newer than we hold makes the
    /// entity dirty, whatever the server's timestamp now says.
    pub(crate) async fn acknowledge(&self) -> Result<(), PassError> {
        if !self.engine.remote.capabilities().acknowledges {
            return Ok(());
        }
        let mirror = self.mirror;
        loop {
            self.check_stop()?;
            let ids: Vec<AssetId> = self.engine.keeper.read(move |tx| tx.unacknowledged(mirror, BATCH)).await?;
            if ids.is_empty() {
                return Ok(());
            }
            let answered = self.engine.remote.acknowledge(&ids).await?;
            self.reach(CrashPoint::Acknowledged)?;
            self.engine
                .keeper
                .write(move |tx| ids.iter().try_for_each(|id| tx.set_unacknowledged(mirror, id, false)))
                .await?;
            self.observe(answered, Said::ByIndex).await?;
        }
    }
}
