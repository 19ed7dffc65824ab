//! Bytes that come in.
//!
//! - Always the stored original (`skip_meta`): otherwise neither size nor MD5 would match.
//! - Redirects are followed by hand, a few of them, never from HTTPS to HTTP; our credentials stay at home.
//! - A 206 must begin where we asked; a 200 begins at 0. A body that ends early, runs over or stalls ends in an error.
//! - What is missing at another host says nothing about the asset: only the API's own 404 is [`RemoteErrorKind::NotFound`].

use crate::Mediagraph;
use crate::folders::number;
use crate::http::{no_answer, refusal};
use crate::retry::{self, Failure, Repeat};
use crate::settings::is_safe_channel;
use crate::storage::storage_refusal;
use crate::streams::{exactly, impatient};
use damsync_model::id::AssetId;
use damsync_ports::{Download, RemoteError, RemoteErrorKind};
use futures_util::StreamExt;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, HeaderMap, LOCATION, RANGE};
use reqwest::{Response, StatusCode, Url};

/// Redirects that are followed.
const MOST_HOPS: usize = 5;

const WHAT: &str = "download an asset";

impl Mediagraph {
    pub(crate) async fn fetch(&self, id: &AssetId, version: Option<u64>, from: u64) -> Result<Download, RemoteError> {
        let id = number(WHAT, &id.0)?.to_string();
        let mut url = self.http.url(&["api".into(), "assets".into(), id, "download".into()]);
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("size", "original").append_pair("skip_meta", "true");
            if let Some(version) = version {
                query.append_pair("version_number", &version.to_string());
            }
            query.append_pair("via", "damsync");
        }
        self.http.repeat(WHAT, Repeat::Safe, || self.fetch_once(&url, from)).await
    }

    async fn fetch_once(&self, url: &Url, from: u64) -> Result<Download, Failure> {
        let response = self.follow(url, from).await?;
        if response.status() != StatusCode::RANGE_NOT_SATISFIABLE {
            return self.begin(response, from);
        }
        // The stored bytes are fewer than we hold: what we hold is not of this version.
        let response = self.follow(url, 0).await?;
        self.begin(response, 0)
    }

    /// Follows redirects to an answer that has a body for us, or a refusal of the range.
    async fn follow(&self, url: &Url, from: u64) -> Result<Response, Failure> {
        let mut url = url.clone();
        for _ in 0..=MOST_HOPS {
            let home = url.origin() == self.http.base.origin();
            let response = if home { self.ask_home(&url, from).await? } else { self.ask_storage(&url, from).await? };
            let status = response.status();
            if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE {
                return Ok(response);
            }
            if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                let wait = retry::retry_after(response.headers(), retry::now());
                let body = self.http.error_body(response).await;
                let words = crate::words::reason(&body, &self.http.auth.secrets());
                return Err(if home {
                    refusal(status, words, wait)
                } else {
                    foreign(storage_refusal(status, &body, words, wait))
                });
            }
            let next = response.headers().get(LOCATION).and_then(|text| text.to_str().ok());
            let next = next.and_then(|text| url.join(text).ok()).ok_or_else(|| odd("a redirect to nowhere"))?;
            if !is_safe_channel(&next) {
                return Err(odd("a redirect to an unprotected address"));
            }
            url = next;
        }
        Err(odd("too many redirects"))
    }

    async fn ask_home(&self, url: &Url, from: u64) -> Result<Response, Failure> {
        let turn = self.http.pace.turn().await?;
        let get = |headers: HeaderMap| ranged(self.http.transfers.get(url.clone()).headers(headers), from);
        let response = self.http.with_credentials(get).await?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            self.http.pace.too_much(&turn, retry::retry_after(response.headers(), retry::now()));
        } else {
            self.http.pace.went_well();
        }
        Ok(response)
    }

    async fn ask_storage(&self, url: &Url, from: u64) -> Result<Response, Failure> {
        self.http.execute(ranged(self.http.transfers.get(url.clone()), from)).await
    }

    fn begin(&self, response: Response, asked_from: u64) -> Result<Download, Failure> {
        let (from, remaining) = match response.status() {
            StatusCode::OK => (0, response.content_length()),
            StatusCode::PARTIAL_CONTENT => {
                let range = response.headers().get(CONTENT_RANGE).and_then(|text| text.to_str().ok());
                let (first, remaining) = range
                    .and_then(parse_content_range)
                    .ok_or_else(|| odd("a part of a file that does not say which"))?;
                if first != asked_from {
                    return Err(odd("another part of the file than was asked for"));
                }
                (first, Some(remaining))
            }
            status => return Err(odd(&format!("an unexpected status {status}"))),
        };
        let bytes = response.bytes_stream().map(|chunk| {
            chunk.map_err(|error| match no_answer(error).kind {
                RemoteErrorKind::NoAnswer(text) => std::io::Error::other(text),
                kind => std::io::Error::other(kind.to_string()),
            })
        });
        let body = impatient(bytes, self.http.idle);
        let body = match remaining {
            Some(remaining) => exactly(body, remaining),
            None => body,
        };
        Ok(Download { from, remaining, body: self.http.down.slow(body) })
    }
}

fn ranged(request: reqwest::RequestBuilder, from: u64) -> reqwest::RequestBuilder {
    let request = request.header(ACCEPT_ENCODING, "identity");
    if from > 0 { request.header(RANGE, format!("bytes={from}-")) } else { request }
}

fn odd(why: &str) -> Failure {
    Failure::last(RemoteErrorKind::Nonsense(why.to_owned()))
}

/// A storage host's 401 is not about our token, and its 404 not about the asset.
fn foreign(failure: Failure) -> Failure {
    let kind = match failure.kind {
        RemoteErrorKind::NotFound => RemoteErrorKind::Refused { status: 404, message: "the storage lacks it".into() },
        RemoteErrorKind::Unauthorized => {
            RemoteErrorKind::Refused { status: 401, message: "the storage refuses it".into() }
        }
        kind => kind,
    };
    Failure { kind, ..failure }
}

/// `bytes 5-9/10` → (5, 5). The part must reach the end of the whole, where that is told.
pub(crate) fn parse_content_range(text: &str) -> Option<(u64, u64)> {
    let (range, total) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = total.trim();
    if total != "*" && total.parse::<u64>().ok()?.checked_sub(1)? != last {
        return None;
    }
    Some((first, last.checked_sub(first)?.checked_add(1)?))
}

#[cfg(test)]
mod tests {
    use super::parse_content_range;

    #[test]
    fn a_range_is_believed_only_if_it_is_one() {
        assert_eq!(parse_content_range("bytes 5-9/10"), Some((5, 5)));
        assert_eq!(parse_content_range("bytes 0-0/*"), Some((0, 1)));
        for bad in [
            "bytes 5-8/10",
            "bytes 9-5/6",
            "bytes */10",
            "5-9/10",
            "bytes 5-9",
            "bytes -9/10",
            "bytes 0-18446744073709551615/*",
            "",
        ] {
            assert_eq!(parse_content_range(bad), None, "{bad}");
        }
    }
}
