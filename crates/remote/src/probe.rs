//! Finds out which way a server turns out where its documentation says nothing.
//!
//! - Works in a folder of its own, which it makes and takes away again, also when it is stopped or something fails on the
//!   way; what it uploads ends in the DAM's trash.
//! - A question that cannot be settled is answered with the reason, and the others go on.
//! - Nothing in the client depends on an answer: it works whichever way they turn out.

use crate::Mediagraph;
use crate::folders::number;
use crate::search::PAGE;
use bytes::Bytes;
use damsync_model::content::Md5;
use damsync_model::id::{AssetId, StorageFolderId};
use damsync_model::tree::{AssetState, RemoteAsset};
use damsync_ports::{
    Answer, NewContent, Payload, PreparedUpload, RemoteError, RemoteErrorKind, RemoteFolder, RemoteSide, Scope,
    UploadSession,
};
use serde_json::{Map, json};

mod tidy;

/// What a probe brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The questions, in the order they were asked.
    pub findings: Vec<Finding>,
    /// Why not all of them were asked; `None` = they were.
    pub cut_short: Option<String>,
    /// What could not be taken away again, and why.
    pub left_behind: Vec<String>,
}

/// One question and how it turned out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was unknown.
    pub question: &'static str,
    /// What the server did.
    pub answer: String,
}

/// The bytes that are sent, with their MD5.
struct Sample {
    text: &'static str,
    md5: &'static str,
}

const FIRST: Sample = Sample { text: "damsync probe, first content\n", md5: "8129bc028ee7856f4a7d7d72223f0ea7" };
const SECOND: Sample = Sample { text: "damsync probe, second content\n", md5: "09905ed8867580be7610a3afd545d35e" };

/// A name that a server might trim or clean.
const ODD_NAME: &str = " probe  Größe: #1 (a+b)? & c.txt ";
const OTHER_NAME: &str = "probe second.txt";

/// How often something that takes its time is looked at.
const MOST_LOOKS: u32 = 40;

/// Asks everything, until `stop` says so: then what is under way is brought to its end, and everything taken away.
///
/// # Errors
/// Only if there is no folder to work in. None is left behind then either.
pub async fn run(
    side: &Mediagraph,
    scratch_parent: Option<StorageFolderId>,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Outcome, RemoteError> {
    let clock = side.identity().await?.server_time;
    let name = format!("damsync probe {}", clock.compact());
    let scratch = match side.make_folder(scratch_parent.as_ref(), &name).await {
        Ok(scratch) => scratch,
        Err(error) if error.effect_unknown() => return Err(tidy::unanswered_folder(side, &name, error).await),
        Err(error) => return Err(error),
    };
    let mut probe = Probe { side, stop, outcome: Outcome::default(), assets: Vec::new(), unanswered: None };
    probe.about_folders().await;
    probe.outcome.cut_short = match probe.inside(&scratch).await {
        Ok(()) => None,
        Err(Break::Stopped) => Some("it was interrupted".to_owned()),
        Err(Break::Failed(error)) => Some(error.to_string()),
    };
    probe.clean_up(&scratch).await;
    Ok(probe.outcome)
}

struct Probe<'a> {
    side: &'a Mediagraph,
    stop: &'a (dyn Fn() -> bool + Sync),
    outcome: Outcome,
    /// What was made and must go again.
    assets: Vec<AssetId>,
    /// An asset that is being prepared: it may exist although no answer told its id.
    unanswered: Option<(UploadSession, String)>,
}

/// Why the probe does not come to its end.
enum Break {
    Stopped,
    Failed(RemoteError),
}

impl From<RemoteError> for Break {
    fn from(error: RemoteError) -> Self {
        Self::Failed(error)
    }
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn payload(sample: &Sample) -> Payload {
    let md5 = Md5::from_hex(sample.md5).unwrap_or(Md5([0; 16]));
    let body = futures_util::stream::iter([Ok(Bytes::from_static(sample.text.as_bytes()))]);
    Payload { size: sample.text.len() as u64, md5, body: Box::pin(body) }
}

impl Probe<'_> {
    fn note(&mut self, question: &'static str, answer: impl Into<String>) {
        self.outcome.findings.push(Finding { question, answer: answer.into() });
    }

    fn settle<T: Into<String>>(&mut self, question: &'static str, answer: Result<T, RemoteError>) {
        match answer {
            Ok(answer) => self.note(question, answer),
            Err(error) => self.note(question, format!("not found out: {error}")),
        }
    }

    async fn about_folders(&mut self) {
        let answer = match self.side.folders().await {
            Ok(folders) => Ok(format!("{}; {} folders", self.side.folders.paging_in_words(), folders.len())),
            Err(error) => Err(error),
        };
        self.settle("whether the list of storage folders is paged", answer);
    }

    fn go_on(&self) -> Result<(), Break> {
        if (self.stop)() { Err(Break::Stopped) } else { Ok(()) }
    }

    /// The asset as the database has it; an error if it is not there. Every step looks, so this is where it may stop.
    async fn look(&self, id: &AssetId) -> Result<RemoteAsset, Break> {
        self.go_on()?;
        match self.side.asset(id).await? {
            Answer::Found(asset) => Ok(asset),
            Answer::NotFound => Err(RemoteError { what: "probe", kind: RemoteErrorKind::NotFound }.into()),
            Answer::Denied => {
                Err(RemoteError { what: "probe", kind: RemoteErrorKind::Forbidden(String::new()) }.into())
            }
        }
    }

    async fn inside(&mut self, scratch: &RemoteFolder) -> Result<(), Break> {
        let side = self.side;
        self.go_on()?;
        let session = side.open_session(&scratch.id, scratch.contribution).await?;
        let content = NewContent {
            filename: ODD_NAME.into(),
            size: FIRST.text.len() as u64,
            marker: format!("probe-{}", session.guid),
        };
        self.unanswered = Some((session.clone(), content.marker.clone()));
        let prepared = side.prepare_asset(&session, &content).await?;
        let Some(asset) = prepared.asset.clone() else { return Ok(()) };
        self.unanswered = None;
        self.assets.push(asset.id.clone());
        self.go_on()?;
        self.first_upload(&session, &content, &prepared, &asset).await?;
        // Some servers may process only what was submitted; then this waits in vain, and the answer says so.
        self.processing(&asset.id).await?;
        self.visibility(&asset.id, scratch, "whether a processed, unsubmitted asset is listed").await;
        side.close_session(&session).await?;
        let (submitted, _) = self.end_of_processing(&asset.id).await?;
        self.note("the state that an asset ends in", format!("{:?}", submitted.state));
        self.visibility(&asset.id, scratch, "whether a submitted asset is listed").await;
        self.claims(&asset.id, scratch).await?;
        self.acknowledging(&asset.id).await?;
        self.new_version(&asset.id).await?;
        self.downloading(&asset.id).await?;
        self.folder_rename(&asset.id, scratch).await?;
        self.trash_and_back(&asset.id).await?;
        // Last, because the asset may not outlive it.
        self.moving(&asset.id, scratch).await
    }

    async fn first_upload(
        &mut self,
        session: &UploadSession,
        content: &NewContent,
        prepared: &PreparedUpload,
        asset: &RemoteAsset,
    ) -> Result<(), Break> {
        let side = self.side;
        self.note("whether the server keeps the file name that was sent", kept(&content.filename, &asset.filename));
        let found = side.pending(session, &content.marker).await;
        self.settle(
            "whether a prepared asset is found in its session",
            found.map(|found| yes_no(found.iter().any(|one| one.id == asset.id))),
        );
        side.send(&prepared.url, payload(&FIRST)).await?;
        let again = side.send(&prepared.url, payload(&FIRST)).await;
        self.note(
            "whether PUT on a signed URL may be repeated",
            again.map_or_else(|error| format!("no: {error}"), |()| "yes".into()),
        );
        let answer = side.finish_asset(&asset.guid).await?;
        self.note(
            "whether set_uploaded answers before md5 is known",
            match answer {
                None => "it does not answer with the asset".to_owned(),
                Some(asset) => yes_no(asset.claimed.md5.is_none()).to_owned(),
            },
        );
        Ok(())
    }

    async fn visibility(&mut self, id: &AssetId, scratch: &RemoteFolder, question: &'static str) {
        const SHAPE: &str = "what all_ids answers with";
        let side = self.side;
        let in_search = side.assets(std::slice::from_ref(id)).await.map(|found| !found.is_empty());
        let scope = Scope::Below(scratch.id.clone());
        let list = side.id_list("probe", &scope, None).await;
        let in_folder = side.folder_asset_ids(&scratch.id).await;
        let said = |result: Result<bool, RemoteError>| match result {
            Ok(there) => yes_no(there).to_owned(),
            Err(error) => format!("not found out ({error})"),
        };
        if let Ok(list) = &list
            && self.outcome.findings.iter().all(|finding| finding.question != SHAPE)
        {
            self.note(SHAPE, list.shape.clone());
        }
        let in_all_ids = list.map(|list| list.ids.contains(id));
        let in_folder = in_folder.map(|answer| matches!(answer, Answer::Found(ids) if ids.contains(id)));
        self.note(
            question,
            format!("search: {}, all_ids: {}, asset_ids: {}", said(in_search), said(in_all_ids), said(in_folder)),
        );
    }

    /// Waits until the asset is processed, as long as that is worth it; returns the asset and how often it moved.
    async fn end_of_processing(&self, id: &AssetId) -> Result<(RemoteAsset, usize), Break> {
        let mut asset = self.look(id).await?;
        let mut moves = 0;
        for nth in 0..MOST_LOOKS {
            if !matches!(asset.state, AssetState::Pending | AssetState::Processing) {
                break;
            }
            tokio::time::sleep(self.side.poll_delay(nth)).await;
            let next = self.look(id).await?;
            moves += usize::from(next.updated_at != asset.updated_at);
            asset = next;
        }
        Ok((asset, moves))
    }

    async fn processing(&mut self, id: &AssetId) -> Result<(), Break> {
        let (asset, moves) = self.end_of_processing(id).await?;
        self.note("how often updated_at moves while an asset is processed", format!("seen to move {moves} times"));
        self.note("the state of an asset before its session is closed", format!("{:?}", asset.state));
        self.note("whether our own upload sets last_external_sync_at", yes_no(asset.last_external_sync_at.is_some()));
        Ok(())
    }

    async fn claims(&mut self, id: &AssetId, scratch: &RemoteFolder) -> Result<(), Break> {
        let asset = self.look(id).await?;
        self.note(
            "whether a processed asset has file_size and md5",
            format!(
                "file_size: {}, md5: {}",
                yes_no(asset.claimed.size.is_some()),
                match asset.claimed.md5 {
                    None => "no",
                    Some(md5) if Some(md5) == Md5::from_hex(FIRST.md5) => "yes, of the bytes we sent",
                    Some(_) => "yes, of other bytes",
                }
            ),
        );
        let body = Map::from_iter([("storage_folder_id".to_owned(), json!(number("probe", &scratch.id.0)?))]);
        let listed = match self.side.search("probe", body, PAGE).await {
            Ok(page) => self.side.read_assets("probe", &page.assets),
            Err(error) => Err(error),
        };
        let answer = listed.map(|list| match list.iter().find(|listed| listed.id == *id) {
            None => "the index does not show it yet".to_owned(),
            Some(listed) => format!("in search: {:?}, in details: {:?}", listed.downloadable, asset.downloadable),
        });
        self.settle("what original_downloadable says", answer);
        Ok(())
    }

    async fn acknowledging(&mut self, id: &AssetId) -> Result<(), Break> {
        let before = self.look(id).await?;
        let said = self.side.acknowledge(std::slice::from_ref(id)).await;
        let after = self.look(id).await?;
        let answer = said.map(|said| {
            format!(
                "listed: {}, mark set: {}, updated_at moved: {}",
                yes_no(!said.is_empty()),
                yes_no(after.last_external_sync_at != before.last_external_sync_at),
                yes_no(after.updated_at != before.updated_at)
            )
        });
        self.settle("what an acknowledgement does", answer);
        Ok(())
    }

    async fn new_version(&mut self, id: &AssetId) -> Result<(), Break> {
        let side = self.side;
        let before = self.look(id).await?;
        let content = NewContent {
            filename: OTHER_NAME.into(),
            size: SECOND.text.len() as u64,
            marker: format!("probe-version-{id}"),
        };
        let prepared = side.prepare_version(id, &content).await?;
        self.note(
            "what add_version answers with",
            if prepared.asset.is_some() { "the whole asset" } else { "the signed URL alone" },
        );
        let after_prepare = self.look(id).await?;
        side.send(&prepared.url, payload(&SECOND)).await?;
        side.finish_version(&before.guid).await?;
        let after_finish = self.look(id).await?;
        let mut end = after_finish.clone();
        for nth in 0..MOST_LOOKS {
            if !matches!(end.state, AssetState::Pending | AssetState::Processing) && end.version != before.version {
                break;
            }
            tokio::time::sleep(side.poll_delay(nth)).await;
            end = self.look(id).await?;
        }
        let moved = if after_prepare.version != before.version {
            "at add_version"
        } else if after_finish.version != before.version {
            "at set_uploaded"
        } else if end.version != before.version {
            "after processing"
        } else {
            "not at all"
        };
        self.note("when the head moves", moved);
        self.note(
            "whether the asset takes the new version's file name",
            yes_no(end.filename != before.filename && end.filename == OTHER_NAME),
        );
        Ok(())
    }

    async fn downloading(&mut self, id: &AssetId) -> Result<(), Break> {
        let before = self.side.requests();
        let download = self.side.download(id, None, 5).await;
        let requests = self.side.requests() - before;
        let heeded = download.as_ref().is_ok_and(|download| download.from == 5);
        let answer = download.map(|_| if requests == 1 { "from the server itself" } else { "by a redirect" });
        if answer.is_ok() {
            self.note("whether downloads heed a range", yes_no(heeded));
        }
        self.settle("where a download's bytes come from", answer);
        Ok(())
    }

    async fn folder_rename(&mut self, id: &AssetId, scratch: &RemoteFolder) -> Result<(), Break> {
        let before = self.look(id).await?;
        let renamed = format!("{} renamed", scratch.name);
        self.side.change_folder(&scratch.id, scratch.parent.as_ref(), &renamed).await?;
        let after = self.look(id).await?;
        let moved = yes_no(after.updated_at != before.updated_at);
        self.note("whether a folder's rename moves its assets' updated_at", moved);
        Ok(())
    }

    async fn moving(&mut self, id: &AssetId, scratch: &RemoteFolder) -> Result<(), Break> {
        const WHAT: &str = "move an asset";
        let inner = self.side.make_folder(Some(&scratch.id), "inner").await?;
        let before = self.look(id).await?;
        let job = json!({ "bulk_job": {
            "asset_ids": [number(WHAT, &id.0)?],
            "add_asset_group_id": number(WHAT, &inner.id.0)?,
            "add_asset_group_type": "StorageFolder",
        }});
        let end = self.side.run_job(WHAT, job).await?;
        self.note("the name of a background job's finished state", end.state);
        let after = self.look(id).await?;
        let arrived = yes_no(after.storage_folder.as_ref() == Some(&inner.id));
        self.note("whether an asset is in its new folder as soon as the job has ended", arrived);
        self.note("whether moving an asset moves its updated_at", yes_no(after.updated_at != before.updated_at));
        let removed = self.side.remove_folder(&inner.id).await;
        let fate = self.side.asset(id).await;
        let answer = match (removed, fate) {
            (Err(error), _) => format!("it is refused: {error}"),
            (Ok(()), Ok(Answer::Found(asset))) if asset.trashed_at.is_some() => "its assets go to the trash".into(),
            (Ok(()), Ok(Answer::Found(_))) => "its assets stay alive".into(),
            (Ok(()), Ok(Answer::NotFound)) => "its assets are not shown any more".into(),
            (Ok(()), Ok(Answer::Denied)) => "its assets are denied".into(),
            (Ok(()), Err(error)) => format!("not found out: {error}"),
        };
        self.note("what DELETE does to a folder that still holds assets", answer);
        // Where it was refused, the asset goes back to the scratch folder and the inner one away.
        if matches!(self.side.asset(id).await?, Answer::Found(asset) if asset.trashed_at.is_none()) {
            self.side.move_to(id, &scratch.id).await?;
            let _ = self.side.remove_folder(&inner.id).await;
        }
        Ok(())
    }

    async fn trash_and_back(&mut self, id: &AssetId) -> Result<(), Break> {
        let count_before = self.side.trash_count().await?;
        self.side.trash(id).await?;
        let trashed = self.side.asset(id).await?;
        let answer = match &trashed {
            Answer::Found(asset) if asset.trashed_at.is_some() => "200 with trashed_at",
            Answer::Found(_) => "200 without trashed_at",
            Answer::NotFound => "404",
            Answer::Denied => "403",
        };
        self.note("how details of a trashed asset answer", answer);
        let count = self.side.trash_count().await?;
        self.note("whether the trash count grows at once", yes_no(count > count_before));
        let restored = self.side.restore(id).await;
        let answer = match (restored, &trashed) {
            (Err(error), _) => format!("it cannot be restored: {error}"),
            (Ok(()), Answer::Found(before)) => yes_no(self.look(id).await?.updated_at != before.updated_at).into(),
            (Ok(()), _) => "not found out: nothing to compare with".into(),
        };
        self.note("whether restoring an asset moves its updated_at", answer);
        Ok(())
    }
}

fn kept(sent: &str, told: &str) -> String {
    if sent == told { "yes".into() } else { format!("no: `{sent}` became `{told}`") }
}
