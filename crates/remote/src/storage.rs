//! Bytes that go out, to a signed address.
//!
//! - No credentials of ours: the address carries its own. It is never printed with its query.
//! - `Content-Length` and `Content-MD5` always go along, so the storage refuses other bytes than we mean.
//! - Not repeated inside, because the body is a stream. Our own side's failure is [`RemoteErrorKind::Body`].
//! - There is no limit on the whole, only on standing still.

use crate::Mediagraph;
use crate::http::{no_answer, refusal};
use crate::retry::{self, Failure};
use crate::settings::is_safe_channel;
use crate::streams::{Progress, exactly};
use crate::words;
use damsync_model::content::Md5;
use damsync_ports::{Payload, RemoteError, RemoteErrorKind, SignedUrl};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap};
use reqwest::{Body, Response, StatusCode, Url};
use std::time::Duration;
use tokio::time::Instant;

/// One PUT carries at most so much.
pub(crate) const MOST_BYTES: u64 = 5 << 30;

/// After its last byte was handed over, an upload may stand still this many idle times: the connection's buffers have
/// yet to empty, and the storage checks what it got.
const IDLE_TIMES_AT_THE_END: u32 = 4;

const WHAT: &str = "send a file";

/// Refuses what one upload cannot carry, before anything is prepared.
pub(crate) fn check_size(what: &'static str, size: u64) -> Result<(), RemoteError> {
    if size <= MOST_BYTES {
        return Ok(());
    }
    let message = format!("the file has {size} bytes; one upload carries at most {MOST_BYTES}");
    Err(RemoteError { what, kind: RemoteErrorKind::Refused { status: 413, message } })
}

impl Mediagraph {
    pub(crate) async fn send_bytes(&self, url: &SignedUrl, payload: Payload) -> Result<(), RemoteError> {
        check_size(WHAT, payload.size)?;
        self.put(url, payload).await.map_err(|failure| RemoteError { what: WHAT, kind: failure.kind })
    }

    async fn put(&self, url: &SignedUrl, payload: Payload) -> Result<(), Failure> {
        let odd = |why: &str| Failure::last(RemoteErrorKind::Nonsense(why.to_owned()));
        let url = Url::parse(url.expose()).map_err(|_| odd("the signed address is none"))?;
        if !is_safe_channel(&url) {
            return Err(odd("the signed address is not protected"));
        }
        let Payload { size, md5, body } = payload;
        let progress = Progress::new(size);
        let body = progress.watch(self.http.up.slow(exactly(body, size)));
        let request = self
            .http
            .transfers
            .put(url)
            .header(CONTENT_LENGTH, size)
            .header("content-md5", md5.to_base64())
            .body(Body::wrap_stream(body));
        self.http.count();
        let sending = request.send();
        tokio::pin!(sending);
        let response = loop {
            let (last, whole) = progress.last();
            let patience = if whole { self.http.idle * IDLE_TIMES_AT_THE_END } else { self.http.idle };
            match tokio::time::timeout_at(last + patience, &mut sending).await {
                Ok(response) => break response,
                Err(_) if progress.last().0 + patience > Instant::now() => {}
                Err(_) => return Err(self.http.too_slow()),
            }
        };
        let response = match (response, progress.failure()) {
            (Ok(response), _) => response,
            (Err(_), Some(ours)) => return Err(Failure::last(RemoteErrorKind::Body(ours))),
            (Err(error), None) => return Err(no_answer(error)),
        };
        self.http.note_date(&response);
        self.accept(response, md5).await
    }

    async fn accept(&self, response: Response, md5: Md5) -> Result<(), Failure> {
        let status = response.status();
        if !status.is_success() {
            let wait = retry::retry_after(response.headers(), retry::now());
            let body = self.http.error_body(response).await;
            let words = words::reason(&body, &self.http.auth.secrets());
            return Err(storage_refusal(status, &body, words, wait));
        }
        if is_web_page(response.headers()) {
            return Err(Failure::last(RemoteErrorKind::Nonsense("a web page instead of the storage's answer".into())));
        }
        if tag_contradicts(response.headers(), md5) {
            return Err(Failure::last(RemoteErrorKind::Nonsense("the storage says that it holds other bytes".into())));
        }
        Ok(())
    }
}

fn is_web_page(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| kind.contains("html"))
}

/// Whether the `ETag` proves other bytes. A tag of an encrypted bucket, or of parts, proves nothing.
fn tag_contradicts(headers: &HeaderMap, md5: Md5) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let other_tag = text("x-amz-server-side-encryption").is_some_and(|kind| kind.starts_with("aws:kms"))
        || headers.contains_key("x-amz-server-side-encryption-customer-algorithm")
        || headers.contains_key("x-amz-server-side-encryption-customer-key-md5");
    if other_tag {
        return false;
    }
    let tag = text(ETAG.as_str()).map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'));
    tag.filter(|tag| !tag.contains('-')).and_then(Md5::from_hex).is_some_and(|tag| tag != md5)
}

/// What a storage's refusal means.
pub(crate) fn storage_refusal(status: StatusCode, body: &[u8], words: String, wait: Option<Duration>) -> Failure {
    let code = words::xml_code(body);
    let expired = matches!(code.as_deref(), Some("ExpiredToken" | "AccessDenied" | "RequestExpired"))
        || words.contains("Request has expired");
    match (status.as_u16(), code.as_deref()) {
        (400 | 403, _) if expired => Failure::last(RemoteErrorKind::Expired),
        // A 403 that does not say why may come from something before the storage: a new address is the one thing to try.
        (403, None) => Failure::last(RemoteErrorKind::Expired),
        (400, Some("BadDigest" | "InvalidDigest" | "IncompleteBody" | "XAmzContentSHA256Mismatch")) => {
            Failure::last(RemoteErrorKind::Body(words))
        }
        (400, Some("RequestTimeout")) => Failure::unknown(RemoteErrorKind::NoAnswer(words)),
        _ => refusal(status, words, wait),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    #[test]
    fn a_tag_is_evidence_only_where_it_can_be_an_md5() {
        let ours = Md5::from_hex("900150983cd24fb0d6963f7d28e17f72").unwrap();
        let contradicts = |pairs: &[(&'static str, &'static str)]| {
            let headers =
                pairs.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            tag_contradicts(&headers.collect(), ours)
        };
        let other = ("etag", "\"d41d8cd98f00b204e9800998ecf8427e\"");
        assert!(contradicts(&[other]));
        assert!(!contradicts(&[("etag", "\"900150983CD24FB0D6963F7D28E17F72\"")]));
        assert!(!contradicts(&[]));
        assert!(!contradicts(&[("etag", "\"d41d8cd98f00b204e9800998ecf8427e-2\"")]));
        assert!(!contradicts(&[("etag", "\"opaque\"")]));
        assert!(!contradicts(&[other, ("x-amz-server-side-encryption", "aws:kms")]));
        assert!(!contradicts(&[other, ("x-amz-server-side-encryption", "aws:kms:dsse")]));
        assert!(!contradicts(&[other, ("x-amz-server-side-encryption-customer-algorithm", "AES256")]));
        assert!(contradicts(&[other, ("x-amz-server-side-encryption", "AES256")]));
    }
}
