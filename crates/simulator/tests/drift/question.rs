//! Every method of the remote port as a value, asked of either side, and what comes of it in words that can be compared.

use bytes::Bytes;
use damsync_model::content::Md5;
use damsync_model::id::{AssetId, Guid, StorageFolderId};
use damsync_model::time::UnixMs;
use damsync_model::tree::RemoteAsset;
use damsync_ports::{
    Answer, ChangedAssets, Download, Identity, NewContent, Payload, PreparedUpload, RemoteError, RemoteErrorKind,
    RemoteFolder, RemoteSide, Scope, SignedUrl, UploadSession,
};
use damsync_simulator::content::content_of;
use futures_util::{StreamExt, stream};
use std::io;
use std::sync::Mutex;

/// What is sent, and what is said of it.
#[derive(Clone, Debug)]
pub struct Parcel {
    pub bytes: Bytes,
    pub size: u64,
    pub md5: Md5,
    /// Our own side breaks off after so many bytes.
    pub breaks_after: Option<usize>,
}

impl Parcel {
    pub fn of(bytes: Bytes) -> Self {
        let content = content_of(&bytes);
        Self { size: content.size, md5: content.md5, bytes, breaks_after: None }
    }

    fn payload(&self) -> Payload {
        let half = self.bytes.len() / 2;
        let pieces = match self.breaks_after {
            Some(at) => vec![Ok(self.bytes.slice(..at)), Err(io::Error::other("the file changed"))],
            None => vec![Ok(self.bytes.slice(..half)), Ok(self.bytes.slice(half..))],
        };
        Payload { size: self.size, md5: self.md5, body: Box::pin(stream::iter(pieces)) }
    }
}

/// One call of the port. A signed address is known by the number of the answer that it came with.
#[derive(Clone, Debug)]
pub enum Ask {
    Capabilities,
    Identity,
    Folders,
    Folder(StorageFolderId),
    MakeFolder(Option<StorageFolderId>, String),
    ChangeFolder(StorageFolderId, Option<StorageFolderId>, String),
    RemoveFolder(StorageFolderId),
    FolderAssetIds(StorageFolderId),
    Hints,
    ChangedSince(Scope, UnixMs, u32),
    CountBetween(Scope, UnixMs, UnixMs),
    AllIds(Scope, Option<UnixMs>),
    Assets(Vec<AssetId>),
    Asset(AssetId),
    Acknowledge(Vec<AssetId>),
    TrashCount,
    Download(AssetId, Option<u64>, u64),
    OpenSession(StorageFolderId, Option<i64>),
    CloseSession(UploadSession),
    PrepareAsset(UploadSession, NewContent),
    Pending(UploadSession, String),
    PrepareVersion(AssetId, NewContent),
    Send(usize, Parcel),
    FinishAsset(Guid),
    FinishVersion(Guid),
    Trash(AssetId),
    Restore(AssetId),
    Rename(AssetId, String),
    MoveTo(AssetId, StorageFolderId),
}

impl Ask {
    /// The port's own word for it.
    pub fn method(&self) -> String {
        let text = format!("{self:?}");
        text.split(['(', ' ']).next().unwrap_or_default().to_owned()
    }

    /// Whether the server does it in the background, so that it takes time in the fairest weather.
    pub const fn takes_time(&self) -> bool {
        matches!(self, Self::Restore(_) | Self::MoveTo(..))
    }
}

/// All methods that are asked. The port's last one, the count of requests, is no answer of the server; the two sides
/// need not send the same.
pub const METHODS: &[&str] = &[
    "Acknowledge",
    "AllIds",
    "Asset",
    "Assets",
    "Capabilities",
    "ChangeFolder",
    "ChangedSince",
    "CloseSession",
    "CountBetween",
    "Download",
    "FinishAsset",
    "FinishVersion",
    "Folder",
    "FolderAssetIds",
    "Folders",
    "Hints",
    "Identity",
    "MakeFolder",
    "MoveTo",
    "OpenSession",
    "Pending",
    "PrepareAsset",
    "PrepareVersion",
    "RemoveFolder",
    "Rename",
    "Restore",
    "Send",
    "Trash",
    "TrashCount",
];

/// What came of it.
///
/// **Here, and nowhere else, is left out what must differ:** a signed address (only that there is one), the words of a
/// refusal (only its kind and status), the order of the list of folders, where the bytes of a download break into pieces,
/// and how many requests it took. How long a background job takes is `Pair::ask`'s business.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Done,
    Capabilities(String),
    Identity(Identity),
    Folders(Vec<RemoteFolder>),
    Folder(Answer<RemoteFolder>),
    Made(RemoteFolder),
    Ids(Vec<AssetId>),
    FolderIds(Answer<Vec<AssetId>>),
    Changed(ChangedAssets),
    Count(u64),
    Assets(Vec<RemoteAsset>),
    Asset(Answer<RemoteAsset>),
    Bytes { from: u64, remaining: Option<u64>, body: Result<Bytes, ()> },
    Session(UploadSession),
    Prepared(Option<RemoteAsset>),
    Finished(Option<RemoteAsset>),
    Refused(String),
}

fn kind(error: &RemoteError) -> String {
    match &error.kind {
        RemoteErrorKind::Refused { status, .. } => format!("Refused {status}"),
        RemoteErrorKind::Busy { status, .. } => format!("Busy {status}"),
        other => format!("{other:?}").split(['(', ' ']).next().unwrap_or_default().to_owned(),
    }
}

async fn bytes(download: Download) -> Told {
    let (from, remaining, mut body) = (download.from, download.remaining, download.body);
    let mut all = Vec::new();
    let mut end = Ok(());
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => all.extend_from_slice(&piece),
            Err(_) => end = Err(()),
        }
    }
    Told::Bytes { from, remaining, body: end.map(|()| all.into()) }
}

fn prepared(prepared: PreparedUpload, urls: &Mutex<Vec<SignedUrl>>) -> Told {
    urls.lock().unwrap().push(prepared.url);
    Told::Prepared(prepared.asset)
}

/// Asks one side.
pub async fn perform<R: RemoteSide>(side: &R, ask: &Ask, urls: &Mutex<Vec<SignedUrl>>) -> Told {
    attempt(side, ask, urls).await.unwrap_or_else(|error| Told::Refused(kind(&error)))
}

async fn attempt<R: RemoteSide>(side: &R, ask: &Ask, urls: &Mutex<Vec<SignedUrl>>) -> Result<Told, RemoteError> {
    Ok(match ask {
        Ask::Capabilities => Told::Capabilities(format!("{:?}", side.capabilities())),
        Ask::Identity => Told::Identity(side.identity().await?),
        Ask::Folders => {
            let mut folders = side.folders().await?;
            folders.sort_by(|one, other| one.id.cmp(&other.id));
            Told::Folders(folders)
        }
        Ask::Folder(id) => Told::Folder(side.folder(id).await?),
        Ask::MakeFolder(parent, name) => Told::Made(side.make_folder(parent.as_ref(), name).await?),
        Ask::ChangeFolder(id, parent, name) => {
            side.change_folder(id, parent.as_ref(), name).await?;
            Told::Done
        }
        Ask::RemoveFolder(id) => {
            side.remove_folder(id).await?;
            Told::Done
        }
        Ask::FolderAssetIds(id) => Told::FolderIds(side.folder_asset_ids(id).await?),
        Ask::Hints => Told::Ids(side.hints().await?),
        Ask::ChangedSince(scope, from, limit) => Told::Changed(side.changed_since(scope, *from, *limit).await?),
        Ask::CountBetween(scope, from, to) => Told::Count(side.count_between(scope, *from, *to).await?),
        Ask::AllIds(scope, from) => Told::Ids(side.all_ids(scope, *from).await?),
        Ask::Assets(ids) => Told::Assets(side.assets(ids).await?),
        Ask::Asset(id) => Told::Asset(side.asset(id).await?),
        Ask::Acknowledge(ids) => Told::Assets(side.acknowledge(ids).await?),
        Ask::TrashCount => Told::Count(side.trash_count().await?),
        Ask::Download(id, version, from) => bytes(side.download(id, *version, *from).await?).await,
        Ask::OpenSession(folder, contribution) => Told::Session(side.open_session(folder, *contribution).await?),
        Ask::CloseSession(session) => {
            side.close_session(session).await?;
            Told::Done
        }
        Ask::PrepareAsset(session, content) => prepared(side.prepare_asset(session, content).await?, urls),
        Ask::Pending(session, marker) => Told::Assets(side.pending(session, marker).await?),
        Ask::PrepareVersion(id, content) => prepared(side.prepare_version(id, content).await?, urls),
        Ask::Send(address, parcel) => {
            let url = urls.lock().unwrap()[*address].clone();
            side.send(&url, parcel.payload()).await?;
            Told::Done
        }
        Ask::FinishAsset(guid) => Told::Finished(side.finish_asset(guid).await?),
        Ask::FinishVersion(guid) => Told::Finished(side.finish_version(guid).await?),
        Ask::Trash(id) => {
            side.trash(id).await?;
            Told::Done
        }
        Ask::Restore(id) => {
            side.restore(id).await?;
            Told::Done
        }
        Ask::Rename(id, name) => {
            side.rename(id, name).await?;
            Told::Done
        }
        Ask::MoveTo(id, folder) => {
            side.move_to(id, folder).await?;
            Told::Done
        }
    })
}
