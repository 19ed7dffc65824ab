//! Plays faults and habits of the way on every request of either host, and logs it.
//!
//! A dropped connection must show no head of an answer at all, so the task that serves it is unwound: nothing is
//! written, and the socket closes. No panic message appears, because unwinding is resumed, not started.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};

use super::call::json_response;
use super::log::{Entry, without_signature};
use super::shared::{Shared, lock};
use super::times::http_date;
use crate::world::{FaultBody, Host, Target, What};

const PAGE: &str = "<!DOCTYPE html><html><body><h1>One moment please</h1></body></html>";

/// The layer around every route of a host.
pub(crate) async fn play(shared: Arc<Shared>, host: Host, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if host == Host::Api && path.starts_with("/admin/") {
        return next.run(request).await;
    }
    let query = request.uri().query().unwrap_or("").to_owned();
    let method = request.method().as_str().to_owned();
    let target = Target { host, method: &method, path: &path, query: &query };
    let (fault, latency) = {
        let mut world = shared.world();
        (world.faults().hit(target), world.habits().latency_ms)
    };
    let mut entry = entry(&shared, host, &request);
    entry.fault = fault.as_ref().and_then(|what| serde_json::to_string(what).ok());
    if latency > 0 {
        tokio::time::sleep(Duration::from_millis(latency)).await;
    }
    let (before, after) = split(fault);
    let mut response = match before {
        Some(Before::Reset) => {
            lock(&shared.log).add(entry);
            drop_connection()
        }
        Some(Before::Stall) => {
            lock(&shared.log).add(entry);
            shared.stopped().await;
            drop_connection()
        }
        Some(Before::Answer(response)) => {
            // The body is read, so that the client is not cut off while it still sends.
            let mut body = request.into_body().into_data_stream();
            while body.next().await.is_some_and(|piece| piece.is_ok()) {}
            with_retry_date(*response, &shared)
        }
        Some(Before::Wait(ms)) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            next.run(request).await
        }
        None => next.run(request).await,
    };
    match after {
        Some(What::ResetAfter) => {
            lock(&shared.log).add(entry);
            drop_connection();
        }
        Some(What::StatusAfter { code }) => response = status(code, FaultBody::Json),
        Some(what) => response = damaged(response, what).await,
        None => {}
    }
    if let Ok(date) = HeaderValue::from_str(&http_date(shared.now())) {
        response.headers_mut().insert(header::DATE, date);
    }
    entry.status = response.status().as_u16();
    lock(&shared.log).add(entry);
    response
}

fn entry(shared: &Shared, host: Host, request: &Request) -> Entry {
    let header = |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    Entry {
        at_ms: shared.now(),
        host,
        method: request.method().as_str().to_owned(),
        path: request.uri().path().to_owned(),
        query: without_signature(request.uri().query().unwrap_or("")),
        status: 0,
        user_agent: header(header::USER_AGENT).map(str::to_owned),
        range: header(header::RANGE).map(str::to_owned),
        authorization: header(header::AUTHORIZATION).is_some(),
        request_bytes: header(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        fault: None,
    }
}

enum Before {
    Reset,
    Stall,
    Wait(u64),
    Answer(Box<Response>),
}

/// What is played before the effect, and what after it.
fn split(fault: Option<What>) -> (Option<Before>, Option<What>) {
    let answer = |response| (Some(Before::Answer(Box::new(response))), None);
    match fault {
        None => (None, None),
        Some(What::ResetBefore) => (Some(Before::Reset), None),
        Some(What::StallForever) => (Some(Before::Stall), None),
        Some(What::Slow { ms }) => (Some(Before::Wait(ms)), None),
        Some(What::HtmlOk) => answer(status(200, FaultBody::Html)),
        Some(What::Redirect { url }) => {
            let mut response = status(302, FaultBody::Empty);
            if let Ok(url) = HeaderValue::from_str(&url) {
                response.headers_mut().insert(header::LOCATION, url);
            }
            answer(response)
        }
        Some(What::Status { code, body, retry_after_s, retry_after_as_date }) => {
            let mut response = status(code, body);
            if let Some(seconds) = retry_after_s {
                let name = if retry_after_as_date { "x-sandbox-retry" } else { "retry-after" };
                response.headers_mut().insert(name, HeaderValue::from(seconds));
            }
            answer(response)
        }
        Some(after) => (None, Some(after)),
    }
}

/// Turns the seconds of a `Retry-After` that is to be a date into that date.
fn with_retry_date(mut response: Response, shared: &Shared) -> Response {
    let seconds = response.headers_mut().remove("x-sandbox-retry");
    let seconds = seconds.and_then(|value| value.to_str().ok()?.parse::<i64>().ok());
    let date = seconds.and_then(|seconds| HeaderValue::from_str(&http_date(shared.now() + seconds * 1000)).ok());
    if let Some(date) = date {
        response.headers_mut().insert(header::RETRY_AFTER, date);
    }
    response
}

fn status(code: u16, body: FaultBody) -> Response {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match body {
        FaultBody::Json => json_response(code, format!("{{\"error\":\"sandbox fault {}\"}}", code.as_u16())),
        FaultBody::Html | FaultBody::Empty => {
            let html = body == FaultBody::Html;
            let mut response = Response::new(if html { Body::from(PAGE) } else { Body::empty() });
            *response.status_mut() = code;
            if html {
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            }
            response
        }
    }
}

/// Ends the connection's task without an answer.
fn drop_connection() -> ! {
    std::panic::resume_unwind(Box::new("the sandbox drops this connection"))
}

async fn damaged(response: Response, what: What) -> Response {
    let (mut parts, body) = response.into_parts();
    let length = body.size_hint().exact();
    let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let length: Option<u64> = length.or(announced);
    let mut pieces = body.into_data_stream();
    let body = match what {
        What::Corrupt => {
            let mut first = true;
            Body::from_stream(pieces.map(move |piece| {
                let piece = piece?;
                let mut bytes = BytesMut::from(piece.as_ref());
                if std::mem::take(&mut first) && !bytes.is_empty() {
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 0x20;
                }
                Ok::<Bytes, axum::Error>(bytes.freeze())
            }))
        }
        What::Truncate => {
            let mut left = length.unwrap_or(2) / 2;
            if let Some(length) = length {
                parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            }
            let half = stream::poll_fn(move |context| {
                if left == 0 {
                    return Poll::Ready(None);
                }
                pieces.poll_next_unpin(context).map(|piece| {
                    piece.map(|piece| {
                        let mut bytes = piece?;
                        bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                        left -= bytes.len() as u64;
                        Ok::<Bytes, axum::Error>(bytes)
                    })
                })
            });
            Body::from_stream(half.chain(cut()))
        }
        What::WrongLength => {
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length.unwrap_or(0) + 10));
            Body::from_stream(pieces.chain(cut()))
        }
        What::HalfJson | What::SlowBody { .. } => {
            let mut whole = BytesMut::new();
            while let Some(Ok(piece)) = pieces.next().await {
                whole.extend_from_slice(&piece);
            }
            if let What::SlowBody { ms } = what {
                slowly(&whole.freeze(), ms)
            } else {
                whole.truncate(whole.len() / 2);
                parts.headers.remove(header::CONTENT_LENGTH);
                Body::from(whole.freeze())
            }
        }
        _ => Body::from_stream(pieces),
    };
    Response::from_parts(parts, body)
}

/// The end of a body that breaks off. The pause lets what came before it leave the machine first; without it the
/// server would throw away the head as well.
fn cut() -> impl Stream<Item = Result<Bytes, axum::Error>> {
    stream::once(async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(axum::Error::new(std::io::Error::other("the sandbox cuts this body")))
    })
}

/// Ten pieces with a pause before each.
fn slowly(whole: &Bytes, ms: u64) -> Body {
    let size = (whole.len() / 10).max(1);
    let pieces: Vec<Bytes> =
        (0..whole.len()).step_by(size).map(|at| whole.slice(at..(at + size).min(whole.len()))).collect();
    Body::from_stream(stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok::<Bytes, std::io::Error>(piece)
    }))
}
