//! The remote side: one DAM, seen with one user's rights.

use crate::{ByteStream, Payload};
use damsync_model::capability::Capabilities;
use damsync_model::id::{AssetId, Guid, StorageFolderId};
use damsync_model::time::UnixMs;
use damsync_model::tree::RemoteAsset;
use std::fmt;
use std::future::Future;
use std::time::Duration;

/// Who we are to the DAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's id there.
    pub user: String,
    /// The organization or project.
    pub organization: String,
    /// The server's clock at that answer.
    pub server_time: UnixMs,
}

/// A storage folder as the DAM describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFolder {
    /// Identity.
    pub id: StorageFolderId,
    /// The folder that holds it; `None` at the top.
    pub parent: Option<StorageFolderId>,
    /// Every folder above it, from the top down.
    pub ancestors: Vec<StorageFolderId>,
    /// Its display name; any text.
    pub name: String,
    /// Where uploads into it go; `None` where it takes none of its own.
    pub contribution: Option<i64>,
    /// Holds folders only.
    pub organizer: bool,
    /// Whether we may change it; `None` = not told.
    pub editable: Option<bool>,
    /// The index of its assets is being built anew: what search leaves out is not gone.
    pub reindexing: bool,
    /// Another connector feeds it: the connector's name.
    pub connector: Option<String>,
}

/// Which assets are meant: all that we can see, or those of one folder and all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Everything,
    /// A folder and everything below it.
    Below(StorageFolderId),
}

/// Assets that changed since a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedAssets {
    /// How many there are, by the server's count.
    pub total: u64,
    /// Their state. Shorter than `total` where the caller's limit cut it.
    pub assets: Vec<RemoteAsset>,
}

/// The server's answer about one thing that may not be there for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<T> {
    /// There it is.
    Found(T),
    /// 404: gone, or hidden from us.
    NotFound,
    /// 403: there, but not for us.
    Denied,
}

/// A container for uploads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadSession {
    /// Its number.
    pub id: i64,
    /// Its global id.
    pub guid: String,
}

/// What is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContent {
    /// The name the asset has, or shall have.
    pub filename: String,
    /// Length in bytes.
    pub size: u64,
    /// Ours, unique: recognises what a lost answer left behind (`created_via_id`).
    pub marker: String,
}

/// A signed URL. Only [`SignedUrl::expose`] shows its query.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl(String);

impl SignedUrl {
    /// Wraps an URL with everything secret in it.
    pub const fn new(url: String) -> Self {
        Self(url)
    }

    /// The whole URL, signature included: for the request, and for the journal in the private state directory.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.split(['?', '#']).next().unwrap_or_default())
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedUrl({self})")
    }
}

/// Where and for what an upload was prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedUpload {
    /// The asset that waits for the bytes, as the answer described it; for a version only where the answer did.
    pub asset: Option<RemoteAsset>,
    /// Where the bytes go.
    pub url: SignedUrl,
}

/// A body that comes in.
pub struct Download {
    /// The first byte's place in the whole: 0 where the server did not heed the range.
    pub from: u64,
    /// Bytes from `from` to the end, where told.
    pub remaining: Option<u64>,
    /// The bytes.
    pub body: ByteStream,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("from", &self.from).field("remaining", &self.remaining).finish_non_exhaustive()
    }
}

/// What went wrong with a request, after the retries that were safe.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {kind}")]
pub struct RemoteError {
    /// The attempted act, for people: "list the storage folders".
    pub what: &'static str,
    /// What happened.
    #[source]
    pub kind: RemoteErrorKind,
}

/// The kinds of failure a caller may have to tell apart.
#[derive(Debug, thiserror::Error)]
pub enum RemoteErrorKind {
    /// 401, after a refresh where there is one.
    #[error("the server does not accept the token")]
    Unauthorized,
    /// 403; with the server's words.
    #[error("the server does not allow it{}", said(.0))]
    Forbidden(String),
    /// 404.
    #[error("the server does not know it (404)")]
    NotFound,
    /// Another refusal (400, 409, 422, …); with the server's words.
    #[error("the server refuses it ({status}){}", said(.message))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// A signed URL that is no longer good.
    #[error("the signed address has expired")]
    Expired,
    /// 429 or 5xx to the end of all tries.
    #[error("the server is busy or broken ({status})")]
    Busy {
        /// The HTTP status.
        status: u16,
        /// How long it asked us to wait.
        retry_after: Option<Duration>,
    },
    /// No answer: the effect may have happened or not.
    #[error("no answer from the server ({0})")]
    NoAnswer(String),
    /// An answer that cannot be right: HTML, half a JSON, a list shorter than its own total.
    #[error("the server's answer makes no sense: {0}")]
    Nonsense(String),
    /// A list that the server itself says is not complete.
    #[error("the server's list is not complete: {0}")]
    Incomplete(String),
    /// Our own side of the body failed: the file changed or could not be read.
    #[error("the file could not be sent: {0}")]
    Body(String),
    /// The provider has no such operation.
    #[error("this provider cannot do that")]
    Unsupported,
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

/// What a caller should do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Nobody can go on: the token is bad.
    Stop,
    /// The server cannot be reached or is overloaded: end the pass, try again later.
    Later,
    /// Only this item failed.
    Item,
}

impl RemoteError {
    /// What to do about it.
    pub const fn advice(&self) -> Advice {
        match self.kind {
            RemoteErrorKind::Unauthorized => Advice::Stop,
            RemoteErrorKind::Busy { .. } | RemoteErrorKind::NoAnswer(_) => Advice::Later,
            _ => Advice::Item,
        }
    }

    /// Whether the request's effect may have happened although there was no good answer.
    pub const fn effect_unknown(&self) -> bool {
        matches!(self.kind, RemoteErrorKind::NoAnswer(_) | RemoteErrorKind::Nonsense(_) | RemoteErrorKind::Busy { .. })
    }
}

/// One DAM. Requests that may be repeated safely are repeated inside; those that may not are tried once, and the
/// caller finds out what became of them. Lists are complete or an error.
pub trait RemoteSide: Send + Sync {
    /// What this provider can do.
    fn capabilities(&self) -> &Capabilities;

    /// HTTP requests sent so far by this side, storage, redirects and retries included.
    fn requests(&self) -> u64;

    /// Who we are.
    fn identity(&self) -> impl Future<Output = Result<Identity, RemoteError>> + Send;

    /// Every storage folder that we can see. Must be asked once before assets are, so that they can be told their folders.
    fn folders(&self) -> impl Future<Output = Result<Vec<RemoteFolder>, RemoteError>> + Send;

    /// One storage folder.
    fn folder(&self, id: &StorageFolderId) -> impl Future<Output = Result<Answer<RemoteFolder>, RemoteError>> + Send;

    /// Makes a storage folder. Not repeated inside: after an unknown effect look for it by name.
    fn make_folder(
        &self,
        parent: Option<&StorageFolderId>,
        name: &str,
    ) -> impl Future<Output = Result<RemoteFolder, RemoteError>> + Send;

    /// Renames or moves a storage folder.
    fn change_folder(
        &self,
        id: &StorageFolderId,
        parent: Option<&StorageFolderId>,
        name: &str,
    ) -> impl Future<Output = Result<(), RemoteError>> + Send;

    /// Removes a storage folder. The caller has made sure that it is empty.
    fn remove_folder(&self, id: &StorageFolderId) -> impl Future<Output = Result<(), RemoteError>> + Send;

    /// The ids of the assets directly in one folder, by the database's word, not by an index.
    fn folder_asset_ids(
        &self,
        id: &StorageFolderId,
    ) -> impl Future<Output = Result<Answer<Vec<AssetId>>, RemoteError>> + Send;

    /// Ids that changed since their last acknowledgement: a hint, never the truth.
    fn hints(&self) -> impl Future<Output = Result<Vec<AssetId>, RemoteError>> + Send;

    /// Assets whose `updated_at` is at or after `from`, by the index; details of at most `limit` (≤ 100) of them.
    fn changed_since(
        &self,
        scope: &Scope,
        from: UnixMs,
        limit: u32,
    ) -> impl Future<Output = Result<ChangedAssets, RemoteError>> + Send;

    /// How many assets the index has with `updated_at` from `from` to `to`, both included.
    fn count_between(
        &self,
        scope: &Scope,
        from: UnixMs,
        to: UnixMs,
    ) -> impl Future<Output = Result<u64, RemoteError>> + Send;

    /// Ids with `updated_at` at or after `from` (all of them without one), by the index. Whoever concludes something from
    /// a missing id compares with [`RemoteSide::count_between`] before and after.
    fn all_ids(
        &self,
        scope: &Scope,
        from: Option<UnixMs>,
    ) -> impl Future<Output = Result<Vec<AssetId>, RemoteError>> + Send;

    /// The state of these assets (at most 100) by the index. One that is left out may still be there.
    fn assets(&self, ids: &[AssetId]) -> impl Future<Output = Result<Vec<RemoteAsset>, RemoteError>> + Send;

    /// The state of one asset by the database.
    fn asset(&self, id: &AssetId) -> impl Future<Output = Result<Answer<RemoteAsset>, RemoteError>> + Send;

    /// Tells the DAM that these (at most 100) are synced, and returns what it says of them now.
    fn acknowledge(&self, ids: &[AssetId]) -> impl Future<Output = Result<Vec<RemoteAsset>, RemoteError>> + Send;

    /// How many assets are in the trash.
    fn trash_count(&self) -> impl Future<Output = Result<u64, RemoteError>> + Send;

    /// An asset's original bytes from `from` on. `version` names the version, where told.
    fn download(
        &self,
        id: &AssetId,
        version: Option<u64>,
        from: u64,
    ) -> impl Future<Output = Result<Download, RemoteError>> + Send;

    /// Opens a container for uploads into a folder. An unused one is harmless.
    fn open_session(
        &self,
        folder: &StorageFolderId,
        contribution: Option<i64>,
    ) -> impl Future<Output = Result<UploadSession, RemoteError>> + Send;

    /// Says that a container has all it will get; repeating it is harmless.
    fn close_session(&self, session: &UploadSession) -> impl Future<Output = Result<(), RemoteError>> + Send;

    /// Prepares a new asset. Not repeated inside: after an unknown effect use `pending`.
    fn prepare_asset(
        &self,
        session: &UploadSession,
        content: &NewContent,
    ) -> impl Future<Output = Result<PreparedUpload, RemoteError>> + Send;

    /// Assets of a container that bear our marker, in whatever state.
    fn pending(
        &self,
        session: &UploadSession,
        marker: &str,
    ) -> impl Future<Output = Result<Vec<RemoteAsset>, RemoteError>> + Send;

    /// Prepares a new version. Not repeated inside; a prepared version that gets no bytes is harmless.
    fn prepare_version(
        &self,
        id: &AssetId,
        content: &NewContent,
    ) -> impl Future<Output = Result<PreparedUpload, RemoteError>> + Send;

    /// Sends the bytes. May be repeated with a fresh payload. [`RemoteErrorKind::Expired`] when the URL is too old.
    fn send(&self, url: &SignedUrl, payload: Payload) -> impl Future<Output = Result<(), RemoteError>> + Send;

    /// Says that the bytes of a new asset have arrived; what the answer tells of the asset, if it does.
    fn finish_asset(&self, guid: &Guid) -> impl Future<Output = Result<Option<RemoteAsset>, RemoteError>> + Send;

    /// The same for a new version.
    fn finish_version(&self, guid: &Guid) -> impl Future<Output = Result<Option<RemoteAsset>, RemoteError>> + Send;

    /// Puts an asset into the DAM's trash. Fine if it is there already.
    fn trash(&self, id: &AssetId) -> impl Future<Output = Result<(), RemoteError>> + Send;

    /// Brings an asset back from the trash and waits until it is.
    fn restore(&self, id: &AssetId) -> impl Future<Output = Result<(), RemoteError>> + Send;

    /// Gives an asset another name.
    fn rename(&self, id: &AssetId, filename: &str) -> impl Future<Output = Result<(), RemoteError>> + Send;

    /// Takes an asset to another folder and waits until it is there.
    fn move_to(&self, id: &AssetId, folder: &StorageFolderId) -> impl Future<Output = Result<(), RemoteError>> + Send;
}
