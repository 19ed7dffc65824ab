//! One asset, by the database's word; the shared hint list; the trash; names.

use crate::Mediagraph;
use crate::answer::{done, json, may_be_missing, nonsense};
use crate::folders::number;
use crate::http::Ask;
use crate::ids;
use crate::loose::Loose;
use crate::shapes::Object;
use crate::wire::WireAsset;
use damsync_model::id::AssetId;
use damsync_model::tree::RemoteAsset;
use damsync_ports::{Answer, RemoteError, RemoteErrorKind};
use serde::Deserialize;
use serde_json::json;
use std::sync::atomic::Ordering;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireCount {
    pub(crate) count: Loose,
}

impl Mediagraph {
    pub(crate) async fn hint_list(&self) -> Result<Vec<AssetId>, RemoteError> {
        const WHAT: &str = "ask for hints";
        let ask = |any_user: bool| {
            let ask = Ask::get(WHAT, &["api", "assets", "updated_since_last_sync"]).long();
            if any_user { ask.query("any_user", "true") } else { ask }
        };
        let all_allowed = !self.own_hints_only.load(Ordering::Relaxed);
        let reply = match self.http.send(ask(all_allowed)).await {
            Err(RemoteError { kind: RemoteErrorKind::Forbidden(_), .. }) if all_allowed => {
                self.own_hints_only.store(true, Ordering::Relaxed);
                self.http.send(ask(false)).await?
            }
            result => result?,
        };
        Ok(ids::read(WHAT, reply)?.ids)
    }

    pub(crate) async fn details(&self, id: &AssetId) -> Result<Answer<RemoteAsset>, RemoteError> {
        const WHAT: &str = "look at an asset";
        let number = number(WHAT, &id.0)?.to_string();
        let result = self.http.send(Ask::get(WHAT, &["api", "assets", &number])).await;
        may_be_missing(result.and_then(|reply| {
            let asset = self.read_asset(WHAT, &json::<Object<WireAsset>>(WHAT, &reply)?.0)?;
            if asset.id == *id { Ok(asset) } else { Err(nonsense(WHAT, "another asset")) }
        }))
    }

    pub(crate) async fn count_of_trash(&self) -> Result<u64, RemoteError> {
        const WHAT: &str = "count the trash";
        let reply = self.http.send(Ask::get(WHAT, &["api", "assets", "trashed"])).await?;
        json::<Object<WireCount>>(WHAT, &reply)?.0.count.count().ok_or_else(|| nonsense(WHAT, "no count"))
    }

    pub(crate) async fn put_into_trash(&self, id: &AssetId) -> Result<(), RemoteError> {
        const WHAT: &str = "put an asset into the trash";
        let id = number(WHAT, &id.0)?.to_string();
        match self.http.send(Ask::delete(WHAT, &["api", "assets", &id])).await {
            Ok(reply) => done(WHAT, &reply),
            Err(RemoteError { kind: RemoteErrorKind::NotFound, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn give_name(&self, id: &AssetId, filename: &str) -> Result<(), RemoteError> {
        const WHAT: &str = "rename an asset";
        let id = number(WHAT, &id.0)?.to_string();
        let body = json!({ "asset": { "filename": filename } });
        let reply = self.http.send(Ask::put(WHAT, &["api", "assets", &id]).json(body)).await?;
        done(WHAT, &reply)
    }
}
