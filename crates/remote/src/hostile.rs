//! Every reader of an answer by itself, for tests that hand it anything at all. No program is built with this.

use crate::account::{WireRights, WireUser};
use crate::answer::{json, nonsense};
use crate::assets::WireCount;
use crate::download::parse_content_range;
use crate::folder_list::{complete, read_list};
use crate::http::Reply;
use crate::search::read_page;
use crate::shapes::Object;
use crate::wire::{WireAsset, WireFolder, WireJob, WireUpload};
use crate::{ids, retry, words};
use damsync_model::id::AssetId;
use damsync_model::tree::RemoteAsset;
use damsync_ports::{RemoteError, RemoteFolder};
use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The list of storage folders.
    Folders,
    /// One storage folder.
    Folder,
    /// One page of a search.
    Page,
    /// One asset.
    Asset,
    /// A list of ids.
    Ids,
    /// A background job.
    Job,
    /// An upload session.
    Session,
    /// Who we are.
    User,
    /// What we may do.
    Rights,
    /// How many are in the trash.
    Count,
    /// A refusal's words.
    Words,
    /// `Retry-After` and `Date`, a line each.
    Wait,
    /// `Content-Range`.
    Range,
}

/// All of them.
pub const READERS: [Reader; 13] = [
    Reader::Folders,
    Reader::Folder,
    Reader::Page,
    Reader::Asset,
    Reader::Ids,
    Reader::Job,
    Reader::Session,
    Reader::User,
    Reader::Rights,
    Reader::Count,
    Reader::Words,
    Reader::Wait,
    Reader::Range,
];

/// What was read.
#[derive(Debug, PartialEq)]
pub enum Read {
    /// Folders.
    Folders(Vec<RemoteFolder>),
    /// Assets, and how many there are in all.
    Assets(u64, Vec<RemoteAsset>),
    /// Ids.
    Ids(Vec<AssetId>),
    /// A few words.
    Words(String),
}

const WHAT: &str = "read anything";

/// Reads a body, or the text of headers.
///
/// # Errors
/// What a caller of the port would be told.
pub fn read(reader: Reader, body: &[u8]) -> Result<Read, RemoteError> {
    let reply = Reply { headers: HeaderMap::new(), body: body.to_vec() };
    let asset = |wire: &WireAsset| wire.read(|_| None).map_err(|why| nonsense(WHAT, why));
    Ok(match reader {
        Reader::Folders => Read::Folders(complete(WHAT, &read_list(WHAT, &reply)?)?),
        Reader::Folder => {
            let seen = json::<Object<WireFolder>>(WHAT, &reply)?.0.read().map_err(|why| nonsense(WHAT, why))?;
            Read::Folders(vec![seen.folder(seen.ancestors.as_deref().unwrap_or_default())])
        }
        Reader::Page => {
            let page = read_page(WHAT, &reply)?;
            Read::Assets(page.total, page.assets.iter().map(asset).collect::<Result<_, _>>()?)
        }
        Reader::Asset => Read::Assets(1, vec![asset(&json::<Object<WireAsset>>(WHAT, &reply)?.0)?]),
        Reader::Ids => Read::Ids(ids::read(WHAT, reply)?.ids),
        Reader::Job => Read::Words(format!("{:?}", json::<Object<WireJob>>(WHAT, &reply)?.0.aasm_state.word())),
        Reader::Session => {
            let session = json::<Object<WireUpload>>(WHAT, &reply)?.0;
            Read::Words(format!("{:?} {:?}", session.id.int(), session.folder()))
        }
        Reader::User => Read::Words(format!("{:?}", json::<Object<WireUser>>(WHAT, &reply)?.0.id.name())),
        Reader::Rights => Read::Words(format!("{:?}", json::<Object<WireRights>>(WHAT, &reply)?.0.can_upload.flag())),
        Reader::Count => Read::Words(format!("{:?}", json::<Object<WireCount>>(WHAT, &reply)?.0.count.count())),
        Reader::Words => Read::Words(words::reason(body, &["s3cr3t-token".to_owned()])),
        Reader::Wait => {
            let mut headers = HeaderMap::new();
            let mut lines = body.split(|byte| *byte == b'\n');
            for name in [RETRY_AFTER, DATE] {
                if let Some(value) = lines.next().and_then(|line| HeaderValue::from_bytes(line).ok()) {
                    headers.insert(name, value);
                }
            }
            Read::Words(format!("{:?}", retry::retry_after(&headers, damsync_model::time::UnixMs(0))))
        }
        Reader::Range => Read::Words(format!("{:?}", parse_content_range(&String::from_utf8_lossy(body)))),
    })
}
