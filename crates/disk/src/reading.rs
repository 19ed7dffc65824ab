//! Reading a user's file: for its hashes, and for sending. Bytes that changed meanwhile are an error, never an answer.

use crate::beneath::{Beneath, Spot};
use crate::hashing::{self, CHUNK_BYTES, Md5Hasher};
use crate::look;
use crate::races::{self, Moment};
use bytes::Bytes;
use damsync_model::content::{Content, Md5};
use damsync_model::path::MirrorPath;
use damsync_model::tree::Stat;
use damsync_ports::{ByteStream, LocalError, Payload};
use futures_util::stream;
use std::fs::File;
use std::io;
use tokio::sync::mpsc;

/// Up to this size a file is read at once and sent from memory.
pub(crate) const WHOLE_BYTES: u64 = 8 * 1024 * 1024;

/// Chunks on their way to the sender.
const QUEUE: usize = 4;

fn fail(spot: &Spot, cause: io::Error) -> LocalError {
    LocalError::Io { what: "read", path: spot.path.to_string(), cause }
}

fn grew(spot: &Spot) -> LocalError {
    spot.changed("it is longer than it was")
}

/// Hashes a file that must stay as it was seen from before its first byte to after its last.
pub(crate) fn hash(root: &Beneath, path: &MirrorPath, expect: &Stat) -> Result<Content, LocalError> {
    let spot = root.spot(path)?;
    let mut file = spot.open_expected(root, expect)?;
    races::pass(Moment::BeforeRead);
    let content = hashing::hash(&mut file, expect.size).map_err(|cause| fail(&spot, cause))?;
    spot.expect_open(root, &file, expect)?;
    content.filter(|content| content.size == expect.size).ok_or_else(|| grew(&spot))
}

/// Opens a file for sending.
pub(crate) fn read(root: &Beneath, path: &MirrorPath, expect: &Stat, content: &Content) -> Result<Payload, LocalError> {
    let spot = root.spot(path)?;
    if expect.size != content.size {
        return Err(spot.changed(format!("{} bytes, of which {} were hashed", expect.size, content.size)));
    }
    let file = spot.open_expected(root, expect)?;
    let body: ByteStream = if expect.size <= WHOLE_BYTES {
        let bytes = read_whole(root, &spot, file, expect, content.md5)?;
        Box::pin(stream::iter([Ok(bytes)]))
    } else {
        stream_of(spot, file, *expect, content.md5)
    };
    Ok(Payload { size: content.size, md5: content.md5, body })
}

fn read_whole(root: &Beneath, spot: &Spot, mut file: File, expect: &Stat, md5: Md5) -> Result<Bytes, LocalError> {
    races::pass(Moment::BeforeRead);
    let size = usize::try_from(expect.size).map_err(|_| grew(spot))?;
    // One byte more, to see whether it grew.
    let mut buffer = vec![0; size + 1];
    let count = hashing::fill(&mut file, &mut buffer).map_err(|cause| fail(spot, cause))?;
    spot.expect_open(root, &file, expect)?;
    if count != size {
        return Err(spot.changed(format!("{count} bytes or more")));
    }
    buffer.truncate(size);
    if hashing::md5_of(&buffer) != md5 {
        return Err(spot.changed("other bytes with the same size and times"));
    }
    Ok(buffer.into())
}

/// What the reading thread hands over.
enum Piece {
    Chunk(Bytes),
    /// The file was as expected to its end. Without it the body is torn.
    End,
    Broken(io::Error),
}

/// The file in chunks. The last one is held back until the whole is known to be what was announced, so that a body of a
/// changed file always ends before its announced length.
fn stream_of(spot: Spot, file: File, expect: Stat, md5: Md5) -> ByteStream {
    let (send, receive) = mpsc::channel(QUEUE);
    tokio::task::spawn_blocking(move || {
        let end = match send_chunks(&spot, file, &expect, md5, &send) {
            Ok(()) => Piece::End,
            Err(error) => Piece::Broken(error),
        };
        // Nobody listens any more: the transfer was given up.
        let _ = send.blocking_send(end);
    });
    Box::pin(stream::unfold(Some(receive), |receive| async {
        let mut receive = receive?;
        match receive.recv().await {
            Some(Piece::Chunk(bytes)) => Some((Ok(bytes), Some(receive))),
            Some(Piece::End) => None,
            Some(Piece::Broken(error)) => Some((Err(error), None)),
            None => Some((Err(io::Error::other("the reading thread died")), None)),
        }
    }))
}

fn send_chunks(spot: &Spot, mut file: File, expect: &Stat, md5: Md5, send: &mpsc::Sender<Piece>) -> io::Result<()> {
    let changed = |found: &str| io::Error::other(spot.changed(found));
    let given_up = || io::Error::from(io::ErrorKind::BrokenPipe);
    let mut hasher = Md5Hasher::default();
    let mut held: Option<Bytes> = None;
    loop {
        let mut buffer = vec![0; CHUNK_BYTES];
        let count = hashing::fill(&mut file, &mut buffer)?;
        if count == 0 {
            break;
        }
        buffer.truncate(count);
        hasher.update(&buffer);
        if hasher.size() > expect.size {
            return Err(changed("it is longer than it was"));
        }
        if let Some(earlier) = held.replace(buffer.into()) {
            send.blocking_send(Piece::Chunk(earlier)).map_err(|_| given_up())?;
        }
    }
    let seen = look::of(&file)?;
    if seen.stat != *expect {
        return Err(changed(&look::describe(&seen)));
    }
    if hasher.size() != expect.size || hasher.finish() != md5 {
        return Err(changed("other bytes with the same size and times"));
    }
    match held {
        Some(last) => send.blocking_send(Piece::Chunk(last)).map_err(|_| given_up()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
