//! From the bytes of an answer to its meaning: wrong is an error, never empty.

use crate::http::Reply;
use damsync_ports::{Answer, RemoteError, RemoteErrorKind};
use reqwest::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

/// An answer that cannot be right.
pub(crate) fn nonsense(what: &'static str, why: impl Into<String>) -> RemoteError {
    RemoteError { what, kind: RemoteErrorKind::Nonsense(why.into()) }
}

/// Reads an answer that must be JSON.
pub(crate) fn json<T: DeserializeOwned>(what: &'static str, reply: &Reply) -> Result<T, RemoteError> {
    serde_json::from_slice(&reply.body).map_err(|error| {
        let why = if is_html(reply) {
            "a web page instead of JSON".to_owned()
        } else if reply.body.is_empty() {
            "nothing at all".to_owned()
        } else if error.is_eof() {
            "half a JSON".to_owned()
        } else {
            // Only the place: the parser's words may quote what the server sent.
            format!("not the expected JSON (line {}, column {})", error.line(), error.column())
        };
        nonsense(what, why)
    })
}

/// Accepts an answer of which nothing is needed: nothing, any whole JSON, or plain words; but no web page.
pub(crate) fn done(what: &'static str, reply: &Reply) -> Result<(), RemoteError> {
    if reply.body.trim_ascii().is_empty() {
        return Ok(());
    }
    if is_html(reply) {
        return Err(nonsense(what, "a web page instead of JSON"));
    }
    let meant_as_json = content_type(reply).is_some_and(|kind| kind.contains("json"))
        || matches!(reply.body.trim_ascii_start().first(), Some(b'{' | b'['));
    if meant_as_json { json::<serde::de::IgnoredAny>(what, reply).map(|_| ()) } else { Ok(()) }
}

/// 404 and 403 as answers rather than errors.
pub(crate) fn may_be_missing<T>(result: Result<T, RemoteError>) -> Result<Answer<T>, RemoteError> {
    match result {
        Ok(found) => Ok(Answer::Found(found)),
        Err(RemoteError { kind: RemoteErrorKind::NotFound, .. }) => Ok(Answer::NotFound),
        Err(RemoteError { kind: RemoteErrorKind::Forbidden(_), .. }) => Ok(Answer::Denied),
        Err(error) => Err(error),
    }
}

fn content_type(reply: &Reply) -> Option<&str> {
    reply.headers.get(CONTENT_TYPE)?.to_str().ok()
}

fn is_html(reply: &Reply) -> bool {
    content_type(reply).is_some_and(|kind| kind.contains("html"))
        || reply.body.trim_ascii_start().first() == Some(&b'<')
}
