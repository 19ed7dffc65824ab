//! New content: sessions, preparing, finishing.
//!
//! - What makes something new is sent once; what became of a lost answer is found by our marker ([`Mediagraph::marked`]).
//! - A session that would put files into another folder than asked for is refused before anything is sent.

use crate::Mediagraph;
use crate::answer::{done, json, nonsense};
use crate::folders::number;
use crate::http::{Ask, Reply};
use crate::search::{PAGE, incomplete};
use crate::shapes::Object;
use crate::storage::check_size;
use crate::wire::{WireAsset, WireUpload};
use damsync_model::id::{AssetId, Guid, StorageFolderId};
use damsync_model::tree::RemoteAsset;
use damsync_ports::{NewContent, PreparedUpload, RemoteError, RemoteErrorKind, SignedUrl, UploadSession};
use serde_json::{Map, Value, json};

/// How we sign what we make.
const CREATED_VIA: &str = "damsync";

/// Most pages of a session that are looked through; further ones may be refused.
const MOST_PAGES: usize = 100;

/// The states that search leaves out unless asked for.
const ALL_STATES: &str = "pending,uploaded,processing,processed,processing_error";

impl Mediagraph {
    pub(crate) async fn new_session(
        &self,
        folder: &StorageFolderId,
        contribution: Option<i64>,
    ) -> Result<UploadSession, RemoteError> {
        const WHAT: &str = "open an upload session";
        let folder = number(WHAT, &folder.0)?;
        let body = json!({ "upload": { "name": CREATED_VIA } });
        let ask = match contribution {
            Some(id) => Ask::make(WHAT, &["api", "contributions", &id.to_string(), "uploads"], body),
            None => Ask::make(WHAT, &["api", "uploads"], body),
        };
        let Object(upload): Object<WireUpload> = json(WHAT, &self.http.send(ask).await?)?;
        let id = upload.id.int().ok_or_else(|| nonsense(WHAT, "a session without an id"))?;
        let guid = upload.guid.name().ok_or_else(|| nonsense(WHAT, "a session without a guid"))?;
        if let Some(other) = upload.folder().filter(|other| *other != folder) {
            let message = format!("its uploads would go to folder {other} instead of {folder}");
            return Err(RemoteError { what: WHAT, kind: RemoteErrorKind::Refused { status: 200, message } });
        }
        Ok(UploadSession { id, guid })
    }

    pub(crate) async fn end_session(&self, session: &UploadSession) -> Result<(), RemoteError> {
        const WHAT: &str = "close an upload session";
        let reply = self.http.send(Ask::put(WHAT, &["api", "uploads", &session.id.to_string(), "set_done"])).await?;
        done(WHAT, &reply)?;
        #[derive(serde::Deserialize)]
        struct Done {
            #[serde(default)]
            all_requirements_met: crate::loose::Loose,
            #[serde(default)]
            unsubmitted_assets_count: crate::loose::Loose,
        }
        if let Ok(Object(told)) = serde_json::from_slice::<Object<Done>>(&reply.body)
            && told.all_requirements_met.flag() == Some(false)
        {
            let waiting = told.unsubmitted_assets_count.count().unwrap_or(0);
            tracing::warn!(session = session.id, waiting, "uploads wait for tags or rights that their folder demands");
        }
        Ok(())
    }

    pub(crate) async fn prepare_new(
        &self,
        session: &UploadSession,
        content: &NewContent,
    ) -> Result<PreparedUpload, RemoteError> {
        const WHAT: &str = "prepare an upload";
        check_size(WHAT, content.size)?;
        let body = json!({ "asset": {
            "filename": content.filename,
            "file_size": content.size,
            "path": "",
            "created_via": CREATED_VIA,
            "created_via_id": content.marker,
        }});
        let reply = self.http.send(Ask::make(WHAT, &["api", "uploads", &session.guid, "assets"], body)).await?;
        let prepared = self.prepared(WHAT, &reply)?;
        if prepared.asset.is_none() {
            return Err(nonsense(WHAT, "no asset"));
        }
        Ok(prepared)
    }

    pub(crate) async fn prepare_next(&self, id: &AssetId, content: &NewContent) -> Result<PreparedUpload, RemoteError> {
        const WHAT: &str = "prepare a new version";
        check_size(WHAT, content.size)?;
        let number = number(WHAT, &id.0)?.to_string();
        let body = json!({ "asset": {
            "filename": content.filename,
            "file_size": content.size,
            "created_via": CREATED_VIA,
            "created_via_id": content.marker,
        }});
        let reply = self.http.send(Ask::make(WHAT, &["api", "assets", &number, "add_version"], body)).await?;
        let prepared = self.prepared(WHAT, &reply)?;
        if prepared.asset.as_ref().is_some_and(|asset| asset.id != *id) {
            return Err(nonsense(WHAT, "another asset"));
        }
        Ok(prepared)
    }

    /// An address, with or without the asset it is for.
    fn prepared(&self, what: &'static str, reply: &Reply) -> Result<PreparedUpload, RemoteError> {
        let Object(wire): Object<WireAsset> = json(what, reply)?;
        let url = wire.signed_upload_url.word().ok_or_else(|| nonsense(what, "no address to send the bytes to"))?;
        let asset = if wire.is_asset() { Some(self.read_asset(what, &wire)?) } else { None };
        Ok(PreparedUpload { asset, url: SignedUrl::new(url.to_owned()) })
    }

    /// The session's assets with our marker.
    pub(crate) async fn marked(&self, session: &UploadSession, marker: &str) -> Result<Vec<RemoteAsset>, RemoteError> {
        // The session lifts the state filter by itself; naming the states needs a permission.
        let (ours, total) = self.marked_in(session, marker, false).await?;
        if total > 0 {
            return Ok(ours);
        }
        match self.marked_in(session, marker, true).await {
            Err(RemoteError { kind: RemoteErrorKind::Forbidden(_), .. }) => Ok(ours),
            result => Ok(result?.0),
        }
    }

    async fn marked_in(
        &self,
        session: &UploadSession,
        marker: &str,
        name_states: bool,
    ) -> Result<(Vec<RemoteAsset>, u64), RemoteError> {
        const WHAT: &str = "look for a prepared upload";
        let mut ours = Vec::new();
        let mut seen = 0;
        for number in 1..=MOST_PAGES {
            let mut body: Map<String, Value> = Map::from_iter([("upload_guid".to_owned(), json!(session.guid))]);
            if name_states {
                body.insert("aasm_state".into(), json!(ALL_STATES));
            }
            let page = self.search_page(WHAT, body, PAGE, number).await?;
            seen += page.assets.len() as u64;
            for asset in &page.assets {
                if asset.created_via_id.name().as_deref() == Some(marker) {
                    ours.push(self.read_asset(WHAT, asset)?);
                }
            }
            if !ours.is_empty() || seen >= page.total {
                return Ok((ours, page.total));
            }
            if page.assets.is_empty() {
                return Err(incomplete(WHAT, format!("{seen} of {} assets", page.total)));
            }
        }
        Err(incomplete(WHAT, "the session has too many assets".into()))
    }

    pub(crate) async fn say_uploaded(&self, guid: &Guid, version: bool) -> Result<Option<RemoteAsset>, RemoteError> {
        let what = if version { "finish a new version" } else { "finish an upload" };
        let mut ask = Ask::get(what, &["api", "assets", &guid.0, "set_uploaded"]);
        if version {
            ask = ask.query("skip_meta", "true");
        }
        let reply = self.http.send(ask).await?;
        done(what, &reply)?;
        let told = serde_json::from_slice::<Object<WireAsset>>(&reply.body)
            .ok()
            .map(|object| object.0)
            .filter(WireAsset::is_asset);
        let asset = told.and_then(|wire| self.read_asset(what, &wire).ok());
        match asset {
            Some(asset) if asset.guid != *guid => Err(nonsense(what, "another asset")),
            asset => Ok(asset),
        }
    }
}
