//! Bodies on their way: bandwidth, idleness, and the length that was announced.

use bytes::Bytes;
use damsync_ports::ByteStream;
use futures_util::{Stream, StreamExt};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A byte rate that several bodies share.
pub(crate) struct Bandwidth {
    bytes_per_second: u64,
    free_at: Mutex<Option<Instant>>,
}

impl Bandwidth {
    pub(crate) fn new(bytes_per_second: u64) -> Arc<Self> {
        Arc::new(Self { bytes_per_second, free_at: Mutex::new(None) })
    }

    /// Largest piece that goes through at once: a quarter of a second's worth, so that a slow rate still shows progress.
    fn piece(&self) -> usize {
        usize::try_from((self.bytes_per_second / 4).clamp(1, 256 << 10)).unwrap_or(usize::MAX)
    }

    /// Takes the next free time slot for `len` bytes; returns when it begins.
    fn reserve(&self, len: usize) -> Instant {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let begin = free_at.map_or(now, |at| at.max(now));
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no exact arithmetic")]
        let seconds = len as f64 / self.bytes_per_second as f64;
        *free_at = Some(begin + Duration::from_secs_f64(seconds));
        begin
    }

    /// Lets a body through at this rate. A rate of 0 does not slow it.
    pub(crate) fn slow(self: &Arc<Self>, body: ByteStream) -> ByteStream {
        if self.bytes_per_second == 0 {
            return body;
        }
        let bandwidth = Arc::clone(self);
        Box::pin(futures_util::stream::unfold((body, Bytes::new()), move |(mut body, mut rest)| {
            let bandwidth = Arc::clone(&bandwidth);
            async move {
                while rest.is_empty() {
                    match body.next().await? {
                        Ok(chunk) => rest = chunk,
                        Err(error) => return Some((Err(error), (body, rest))),
                    }
                }
                let piece = rest.split_to(rest.len().min(bandwidth.piece()));
                tokio::time::sleep_until(bandwidth.reserve(piece.len())).await;
                Some((Ok(piece), (body, rest)))
            }
        }))
    }
}

/// Ends a body with an error when nothing comes for `idle`.
pub(crate) fn impatient<S>(body: S, idle: Duration) -> ByteStream
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    Box::pin(futures_util::stream::unfold(Some(Box::pin(body)), move |body| async move {
        let mut body = body?;
        match tokio::time::timeout(idle, body.next()).await {
            Ok(Some(item)) => Some((item, Some(body))),
            Ok(None) => None,
            Err(_) => {
                let error = io::Error::new(io::ErrorKind::TimedOut, format!("nothing came for {} s", idle.as_secs()));
                Some((Err(error), None))
            }
        }
    }))
}

/// Ends a body with an error unless it has exactly `expected` bytes.
pub(crate) fn exactly(body: ByteStream, expected: u64) -> ByteStream {
    Box::pin(futures_util::stream::unfold(Some((body, expected)), |state| async move {
        let (mut body, left) = state?;
        match body.next().await {
            Some(Ok(chunk)) => match left.checked_sub(chunk.len() as u64) {
                Some(left) => Some((Ok(chunk), Some((body, left)))),
                None => Some((Err(io::Error::new(io::ErrorKind::InvalidData, "more bytes than announced")), None)),
            },
            Some(Err(error)) => Some((Err(error), None)),
            None if left == 0 => None,
            None => {
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, format!("{left} bytes are missing"));
                Some((Err(error), None))
            }
        }
    }))
}

/// What a sending watchdog looks at: when the body last moved, and how our own side of it failed.
#[derive(Clone)]
pub(crate) struct Progress(Arc<Mutex<Sending>>);

struct Sending {
    moved_at: Instant,
    /// Bytes not yet handed over. Counted, because nobody need ask for the end of a body whose length is known.
    left: u64,
    failure: Option<String>,
}

impl Progress {
    pub(crate) fn new(size: u64) -> Self {
        Self(Arc::new(Mutex::new(Sending { moved_at: Instant::now(), left: size, failure: None })))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Sending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the body last moved, and whether it has been handed over whole.
    pub(crate) fn last(&self) -> (Instant, bool) {
        let state = self.state();
        (state.moved_at, state.left == 0)
    }

    /// Why our own side of the body failed, if it did.
    pub(crate) fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    /// Watches a body that is being sent.
    pub(crate) fn watch(&self, body: ByteStream) -> ByteStream {
        let progress = self.clone();
        Box::pin(body.inspect(move |item| {
            let mut state = progress.state();
            state.moved_at = Instant::now();
            match item {
                Ok(chunk) => state.left = state.left.saturating_sub(chunk.len() as u64),
                Err(error) => state.failure = Some(error.to_string()),
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(chunks: &[&'static [u8]]) -> ByteStream {
        Box::pin(futures_util::stream::iter(
            chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk))).collect::<Vec<_>>(),
        ))
    }

    async fn drain(mut body: ByteStream) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(chunk) = body.next().await {
            all.extend_from_slice(&chunk?);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn a_length_that_does_not_match_is_an_error() {
        assert_eq!(drain(exactly(body(&[b"ab", b"c"]), 3)).await.unwrap(), b"abc");
        assert_eq!(drain(exactly(body(&[b"ab"]), 3)).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(drain(exactly(body(&[b"abcd"]), 3)).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn a_body_that_stalls_ends_in_an_error() {
        let stalled = body(&[b"ab"]).chain(futures_util::stream::pending());
        let error = drain(impatient(stalled, Duration::from_millis(20))).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn bandwidth_slows_a_body_and_keeps_its_bytes() {
        let begin = Instant::now();
        let slowed = Bandwidth::new(100).slow(body(&[b"0123456789", b"0123456789"]));
        assert_eq!(drain(slowed).await.unwrap(), b"01234567890123456789");
        assert!(begin.elapsed() >= Duration::from_millis(90), "20 bytes at 100 per second, the first piece at once");
    }
}
