//! Reading a file once for both hashes, and how many are read at once.

use damsync_model::content::{Content, Md5, Sha256};
use damsync_model::kind::{HEAD_BYTES, Kind};
use sha2::Digest;
use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use tokio::sync::{Semaphore, SemaphorePermit};

/// One read. Measured: smaller costs system calls, larger costs cache.
pub(crate) const CHUNK_BYTES: usize = 256 * 1024;

/// From this size on a file is hashed by two threads, and may not take the last lane.
const LARGE_BYTES: u64 = 32 * 1024 * 1024;

/// Both hashes of bytes that come one after the other.
#[derive(Clone, Default)]
pub(crate) struct Hasher {
    size: u64,
    head: Vec<u8>,
    md5: md5::Md5,
    sha256: sha2::Sha256,
}

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if self.head.len() < HEAD_BYTES {
            self.head.extend_from_slice(&bytes[..bytes.len().min(HEAD_BYTES - self.head.len())]);
        }
        self.size += bytes.len() as u64;
        self.md5.update(bytes);
        self.sha256.update(bytes);
    }

    pub(crate) fn finish(self) -> Content {
        Content {
            size: self.size,
            md5: Md5(self.md5.finalize().into()),
            sha256: Sha256(self.sha256.finalize().into()),
            kind: Kind::of(&self.head),
        }
    }
}

/// The MD5 alone, of bytes that come one after the other.
#[derive(Clone, Default)]
pub(crate) struct Md5Hasher {
    size: u64,
    md5: md5::Md5,
}

impl Md5Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.md5.update(bytes);
    }

    /// How many bytes came.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn finish(self) -> Md5 {
        Md5(self.md5.finalize().into())
    }
}

/// The MD5 alone, of bytes that are all there.
pub(crate) fn md5_of(bytes: &[u8]) -> Md5 {
    Md5(md5::Md5::digest(bytes).into())
}

/// Reads until the buffer is full or the file ends.
pub(crate) fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Hashes from the file's position to its end. Stops with `None` once more than `at_most` bytes came: somebody appends.
pub(crate) fn hash(file: &mut File, at_most: u64) -> io::Result<Option<Content>> {
    if at_most >= LARGE_BYTES {
        return hash_on_two_threads(file, at_most);
    }
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; CHUNK_BYTES.min(usize::try_from(at_most).unwrap_or(CHUNK_BYTES) + 1)];
    loop {
        let count = fill(file, &mut buffer)?;
        hasher.update(&buffer[..count]);
        if hasher.size > at_most {
            return Ok(None);
        }
        if count < buffer.len() {
            return Ok(Some(hasher.finish()));
        }
    }
}

/// Hashes exactly the first `length` bytes into `hasher`.
pub(crate) fn hash_prefix(file: &mut File, length: u64, hasher: &mut Hasher) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut left = length;
    while left > 0 {
        let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = fill(file, &mut buffer[..want])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hasher.update(&buffer[..count]);
        left -= count as u64;
    }
    Ok(())
}

type Chunk = (Vec<u8>, usize);

/// MD5 cannot use more than half of what SHA-256 leaves idle, so it runs beside it; buffers go round in a ring.
fn hash_on_two_threads(file: &mut File, at_most: u64) -> io::Result<Option<Content>> {
    const RING: usize = 4;
    let (full, to_md5): (SyncSender<Chunk>, Receiver<Chunk>) = sync_channel(RING);
    let (empty, back): (SyncSender<Vec<u8>>, Receiver<Vec<u8>>) = sync_channel(RING);
    std::thread::scope(|scope| {
        let md5 = std::thread::Builder::new().name("md5".to_owned()).spawn_scoped(scope, move || {
            let mut md5 = md5::Md5::new();
            for (buffer, count) in to_md5 {
                md5.update(&buffer[..count]);
                // Nobody takes it back once the file is read.
                let _ = empty.send(buffer);
            }
            md5
        })?;
        let mut sha256 = sha2::Sha256::new();
        let (mut size, mut made) = (0, 0);
        let mut kind = Kind::default();
        let died = || io::Error::other("the hashing thread died");
        loop {
            let mut buffer = if made < RING {
                made += 1;
                vec![0; CHUNK_BYTES]
            } else {
                back.recv().map_err(|_| died())?
            };
            let count = fill(file, &mut buffer)?;
            if size == 0 {
                kind = Kind::of(&buffer[..count]);
            }
            size += count as u64;
            if size > at_most {
                return Ok(None);
            }
            sha256.update(&buffer[..count]);
            full.send((buffer, count)).map_err(|_| died())?;
            if count < CHUNK_BYTES {
                break;
            }
        }
        drop(full);
        let md5 = md5.join().map_err(|_| died())?;
        let (md5, sha256) = (Md5(md5.finalize().into()), Sha256(sha256.finalize().into()));
        Ok(Some(Content { size, md5, sha256, kind }))
    })
}

/// How many files are hashed at once: as many as there are cores, of them one lane that large files leave free.
#[derive(Debug)]
pub(crate) struct Lanes {
    all: Semaphore,
    large: Semaphore,
}

/// The right to hash one file.
#[derive(Debug)]
pub(crate) struct Lane<'a> {
    _large: Option<SemaphorePermit<'a>>,
    _any: SemaphorePermit<'a>,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).max(2);
        Self { all: Semaphore::new(cores), large: Semaphore::new(cores - 1) }
    }

    /// Waits for a lane. `None` only if the semaphores were closed, which nobody does.
    pub(crate) async fn take(&self, size: u64) -> Option<Lane<'_>> {
        let large = if size >= LARGE_BYTES { Some(self.large.acquire().await.ok()?) } else { None };
        Some(Lane { _large: large, _any: self.all.acquire().await.ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    #[test]
    fn one_and_two_threads_agree_at_every_boundary() {
        for size in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 9 * CHUNK_BYTES + 7] {
            let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            let mut expected = Hasher::default();
            expected.update(&bytes);
            let expected = Some(expected.finish());
            file.rewind().unwrap();
            assert_eq!(hash(&mut file, size as u64).unwrap(), expected, "{size}");
            file.rewind().unwrap();
            assert_eq!(hash_on_two_threads(&mut file, size as u64).unwrap(), expected, "{size}");
            if size > 0 {
                for limit in [0, size as u64 - 1] {
                    file.rewind().unwrap();
                    assert_eq!(hash(&mut file, limit).unwrap(), None, "{size}");
                    file.rewind().unwrap();
                    assert_eq!(hash_on_two_threads(&mut file, limit).unwrap(), None, "{size}");
                }
            }
        }
    }
}
