//! The index: what changed, how many, which ids.
//!
//! - A page shorter than the server's own count is [`RemoteErrorKind::Incomplete`], never a short list.
//! - Ids come whole (`all_ids`); whoever concludes something from a missing one compares with counts asked before and
//!   after. Large results are never paged.
//! - Only [`Mediagraph::acknowledge_assets`] sends `sync`.

use crate::Mediagraph;
use crate::answer::{json, nonsense};
use crate::folders::{number, total_entries};
use crate::http::{Ask, Reply};
use crate::ids;
use crate::loose::Loose;
use crate::retry;
use crate::shapes::{Few, Object};
use crate::wire::WireAsset;
use damsync_model::id::AssetId;
use damsync_model::time::UnixMs;
use damsync_model::tree::RemoteAsset;
use damsync_ports::{ChangedAssets, RemoteError, RemoteErrorKind, Scope};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Most assets in one page.
pub(crate) const PAGE: usize = 100;

/// More are no page: a server that passes over `per_page` may send some more than were asked for, but not all it has.
const MOST_IN_A_PAGE: usize = 10 * PAGE;

const DAY_MS: i64 = 86_400_000;

#[derive(Deserialize)]
struct WirePage {
    #[serde(default)]
    total_entries: Loose,
    assets: Few<WireAsset, MOST_IN_A_PAGE>,
}

/// One page of a search.
pub(crate) struct Page {
    pub(crate) total: u64,
    pub(crate) assets: Vec<WireAsset>,
}

pub(crate) fn incomplete(what: &'static str, why: String) -> RemoteError {
    RemoteError { what, kind: RemoteErrorKind::Incomplete(why) }
}

pub(crate) fn read_page(what: &'static str, reply: &Reply) -> Result<Page, RemoteError> {
    let Object(page): Object<WirePage> = json(what, reply)?;
    let total = page
        .total_entries
        .count()
        .or_else(|| total_entries(reply))
        .ok_or_else(|| nonsense(what, "a list without its total"))?;
    let assets = page.assets.all().map_err(|why| nonsense(what, why))?;
    Ok(Page { total, assets })
}

impl Mediagraph {
    /// Asks the index with these parameters for its first page.
    pub(crate) async fn search(
        &self,
        what: &'static str,
        body: Map<String, Value>,
        per_page: usize,
    ) -> Result<Page, RemoteError> {
        let page = self.search_page(what, body, per_page, 1).await?;
        let expected = page.total.min(per_page as u64);
        if (page.assets.len() as u64) < expected {
            return Err(incomplete(what, format!("{} of {expected} assets", page.assets.len())));
        }
        Ok(page)
    }

    /// Asks for one page, of which the caller checks that it is whole.
    pub(crate) async fn search_page(
        &self,
        what: &'static str,
        mut body: Map<String, Value>,
        per_page: usize,
        page: usize,
    ) -> Result<Page, RemoteError> {
        body.insert("page".into(), json!(page));
        body.insert("per_page".into(), json!(per_page));
        let reply = self.http.send(Ask::question(what, &["api", "assets", "search"], Value::Object(body))).await?;
        read_page(what, &reply)
    }

    /// What wire assets mean.
    pub(crate) fn read_assets(
        &self,
        what: &'static str,
        assets: &[WireAsset],
    ) -> Result<Vec<RemoteAsset>, RemoteError> {
        assets.iter().map(|asset| self.read_asset(what, asset)).collect()
    }

    pub(crate) fn read_asset(&self, what: &'static str, asset: &WireAsset) -> Result<RemoteAsset, RemoteError> {
        asset.read(|slugs| self.folders.by_slugs(slugs)).map_err(|why| nonsense(what, why))
    }

    /// A window's far end: a day after anything that can have happened by now, whatever clock is ahead.
    fn far_end(&self, from: UnixMs) -> UnixMs {
        let server = self.http.server_time().unwrap_or(UnixMs(i64::MIN));
        server.max(retry::now()).max(from).plus_ms(DAY_MS)
    }

    fn filter(
        what: &'static str,
        scope: &Scope,
        window: Option<(UnixMs, UnixMs)>,
    ) -> Result<Map<String, Value>, RemoteError> {
        let mut body = Map::new();
        if let Scope::Below(folder) = scope {
            body.insert("storage_folder_id".into(), json!(number(what, &folder.0)?));
        }
        if let Some((from, to)) = window {
            body.insert("updated_at".into(), json!([from.to_string(), to.to_string()]));
        }
        Ok(body)
    }

    pub(crate) async fn changes(&self, scope: &Scope, from: UnixMs, limit: u32) -> Result<ChangedAssets, RemoteError> {
        const WHAT: &str = "ask what changed";
        let body = Self::filter(WHAT, scope, Some((from, self.far_end(from))))?;
        let wanted = (limit as usize).min(PAGE);
        let page = self.search(WHAT, body, wanted.max(1)).await?;
        let assets = self.read_assets(WHAT, &page.assets[..page.assets.len().min(wanted)])?;
        Ok(ChangedAssets { total: page.total, assets })
    }

    async fn count(
        &self,
        what: &'static str,
        scope: &Scope,
        window: Option<(UnixMs, UnixMs)>,
    ) -> Result<u64, RemoteError> {
        Ok(self.search(what, Self::filter(what, scope, window)?, 1).await?.total)
    }

    pub(crate) async fn count_in(&self, scope: &Scope, from: UnixMs, to: UnixMs) -> Result<u64, RemoteError> {
        self.count("count what changed", scope, Some((from, to))).await
    }

    pub(crate) async fn ids(&self, scope: &Scope, from: Option<UnixMs>) -> Result<Vec<AssetId>, RemoteError> {
        const WHAT: &str = "list the ids of all assets";
        let list = self.id_list(WHAT, scope, from.map(|from| (from, self.far_end(from)))).await?;
        let listed = list.ids.len() as u64;
        match list.total {
            Some(total) if total != listed => Err(incomplete(WHAT, format!("{listed} of {total} ids"))),
            _ => Ok(list.ids),
        }
    }

    pub(crate) async fn id_list(
        &self,
        what: &'static str,
        scope: &Scope,
        window: Option<(UnixMs, UnixMs)>,
    ) -> Result<ids::IdList, RemoteError> {
        let mut body = Self::filter(what, scope, window)?;
        body.insert("all_ids".into(), json!(true));
        let ask = Ask::question(what, &["api", "assets", "search"], Value::Object(body)).long();
        ids::read(what, self.http.send(ask).await?)
    }

    pub(crate) async fn assets_by_ids(&self, ids: &[AssetId]) -> Result<Vec<RemoteAsset>, RemoteError> {
        self.by_ids("look at assets", ids, false).await
    }

    pub(crate) async fn acknowledge_assets(&self, ids: &[AssetId]) -> Result<Vec<RemoteAsset>, RemoteError> {
        self.by_ids("acknowledge assets", ids, true).await
    }

    async fn by_ids(
        &self,
        what: &'static str,
        ids: &[AssetId],
        acknowledge: bool,
    ) -> Result<Vec<RemoteAsset>, RemoteError> {
        let mut all = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(PAGE) {
            let numbers = chunk.iter().map(|id| number(what, &id.0)).collect::<Result<Vec<_>, _>>()?;
            let mut body = Map::from_iter([("ids".to_owned(), json!(numbers))]);
            if acknowledge {
                body.insert("sync".into(), json!(true));
            }
            let per_page = if acknowledge { chunk.len() } else { PAGE };
            let page = self.search(what, body, per_page).await?;
            let assets = self.read_assets(what, &page.assets)?;
            // A server that passes over `ids` would hand us everything.
            if assets.iter().any(|asset| !chunk.contains(&asset.id)) {
                return Err(nonsense(what, "assets that were not asked for"));
            }
            all.extend(assets);
        }
        Ok(all)
    }
}
