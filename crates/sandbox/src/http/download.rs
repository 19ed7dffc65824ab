//! Downloads: whole or in ranges, from here or by a redirect to the storage host, with or without written metadata.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::call::{Answer, Call};
use super::render;
use super::shared::{Redirected, Shared, lock};
use crate::world::asset::{Asset, Content, Version};
use crate::world::generated::rendition;
use crate::world::habits::Downloads;
use crate::world::{AssetKey, Refusal};

/// What is written behind a file whose metadata is written into it.
const WRITTEN_META: &[u8] = b"\n<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"/>\n";

/// `GET /api/assets/{id}/download`.
pub(super) async fn download(Path(id): Path<String>, call: Call) -> Answer {
    let number = call.params.int("version_number");
    let (asset, version, downloads) = {
        let mut world = call.world();
        let (asset, version) = world.download(call.user, AssetKey::parse(&id), number, call.now)?;
        (asset, version, world.habits().downloads)
    };
    let size = call.params.filled("size").unwrap_or_else(|| "original".to_owned());
    if size != "original" || !asset.original_downloadable {
        return bytes(&call.shared, &call.headers, &rendition(&asset), &version.filename, true).await;
    }
    let skip_meta = call.params.flag("skip_meta");
    if downloads == Downloads::Redirect {
        return Ok(redirect(&call.shared, &asset, &version, skip_meta));
    }
    let content = version.content.ok_or(Refusal::NotFound("data"))?;
    bytes(&call.shared, &call.headers, &content, &version.filename, skip_meta).await
}

fn redirect(shared: &Shared, asset: &Asset, version: &Version, skip_meta: bool) -> Response {
    let mut redirected = lock(&shared.redirected);
    let token = format!("{}-{}-{}", asset.guid, version.number, u8::from(skip_meta));
    let location = format!("{}/download/{token}", shared.storage_url);
    redirected.insert(token, Redirected { asset_id: asset.id, version: version.number, skip_meta });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// `GET /download/{token}` on the storage host.
pub(super) async fn redirected(
    State(shared): State<Arc<Shared>>,
    Path(token): Path<String>,
    request: Request,
) -> Answer {
    let known = lock(&shared.redirected).get(&token).cloned().ok_or(Refusal::NotFound("download"))?;
    let version = {
        let world = shared.world();
        let asset = world.any_asset(AssetKey::Id(known.asset_id)).ok_or(Refusal::NotFound("download"))?;
        asset.version(known.version).cloned().ok_or(Refusal::NotFound("download"))?
    };
    let content = version.content.ok_or(Refusal::NotFound("download"))?;
    bytes(&shared, request.headers(), &content, &version.filename, known.skip_meta).await
}

async fn bytes(shared: &Shared, headers: &HeaderMap, content: &Content, filename: &str, skip_meta: bool) -> Answer {
    let (written, ranges) = {
        let world = shared.world();
        (if world.habits().meta_written && !skip_meta { WRITTEN_META } else { &[] }, world.habits().ranges)
    };
    let total = content.size + written.len() as u64;
    let asked = headers.get(header::RANGE).filter(|_| ranges).and_then(|range| range.to_str().ok());
    let mut response = Response::new(Body::empty());
    let (start, end) = match asked.and_then(|range| parse_range(range, total)) {
        None => (0, total),
        Some(Some((start, end))) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(&mut response, header::CONTENT_RANGE, &format!("bytes {start}-{}/{total}", end - 1));
            (start, end)
        }
        Some(None) => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{total}"));
            return Ok(response);
        }
    };
    set(&mut response, header::CONTENT_LENGTH, &(end - start).to_string());
    set(&mut response, header::CONTENT_TYPE, &render::mime(filename));
    if ranges {
        set(&mut response, header::ACCEPT_RANGES, "bytes");
    }
    let inner = (start.min(content.size), end.min(content.size));
    let tail_from = usize::try_from(start.saturating_sub(content.size)).unwrap_or(0).min(written.len());
    let tail_to = usize::try_from(end.saturating_sub(content.size)).unwrap_or(0).min(written.len());
    let tail = Bytes::from_static(&written[tail_from..tail_to]);
    let lost = |_| Refusal::NotFound("data");
    let stream = shared.contents.read(&content.place, inner.0, inner.1).await.map_err(lost)?;
    *response.body_mut() = Body::from_stream(stream.chain(stream::iter((!tail.is_empty()).then_some(Ok(tail)))));
    Ok(response)
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// `None`: not a range of bytes, so the whole is sent. `Some(None)`: a range outside of what there is.
fn parse_range(range: &str, total: u64) -> Option<Option<(u64, u64)>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = if first.is_empty() {
        let count: u64 = last.parse().ok()?;
        (total.saturating_sub(count), total)
    } else {
        let start = first.parse().ok()?;
        let end = if last.is_empty() { total } else { last.parse::<u64>().ok()?.saturating_add(1).min(total) };
        (start, end)
    };
    Some((start < end).then_some((start, end)))
}

#[cfg(test)]
mod tests {
    use super::parse_range;

    #[test]
    fn ranges_are_read_as_the_protocol_says() {
        for (range, expected) in [
            ("bytes=0-4", Some(Some((0, 5)))),
            ("bytes=5-", Some(Some((5, 10)))),
            ("bytes=-3", Some(Some((7, 10)))),
            ("bytes=8-99", Some(Some((8, 10)))),
            ("bytes=10-", Some(None)),
            ("lines=0-1", None),
        ] {
            assert_eq!(parse_range(range, 10), expected, "{range}");
        }
    }
}
