//! As much of the kernel's FUSE protocol (version 7.31) as a small file system in memory needs.

use std::fs::File;
use std::io::{Read, Write};

const IN_HEADER: usize = 40;
const OUT_HEADER: usize = 16;
const MAX_WRITE: u32 = 128 * 1024;

/// A request of the kernel.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// Its number in the kernel's header.
    pub operation: u32,
    /// The file or directory that it is about.
    pub node: u64,
    /// Whoever asks.
    pub owner: (u32, u32),
    body: &'a [u8],
}

impl<'a> Request<'a> {
    pub(crate) fn u32(&self, at: usize) -> u32 {
        self.body.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes)
    }

    pub(crate) fn u64(&self, at: usize) -> u64 {
        self.body.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_ne_bytes)
    }

    pub(crate) fn rest(&self, at: usize) -> &'a [u8] {
        self.body.get(at..).unwrap_or_default()
    }

    /// A name, up to its NUL.
    pub(crate) fn name(&self, at: usize) -> &'a [u8] {
        self.rest(at).split(|byte| *byte == 0).next().unwrap_or_default()
    }
}

/// What is answered: numbers one after the other, in the machine's own order.
#[derive(Debug, Default)]
pub(crate) struct Reply(Vec<u8>);

impl Reply {
    pub(crate) fn u32(mut self, number: u32) -> Self {
        self.0.extend(number.to_ne_bytes());
        self
    }

    pub(crate) fn u64(mut self, number: u64) -> Self {
        self.0.extend(number.to_ne_bytes());
        self
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    pub(crate) fn and(self, other: &Self) -> Self {
        self.bytes(&other.0)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// One name of a directory; each begins at a multiple of eight.
    pub(crate) fn dirent(node: u64, next: u64, kind: u32, name: &[u8]) -> Self {
        let length = u32::try_from(name.len()).unwrap_or(0);
        let mut entry = Self::default().u64(node).u64(next).u32(length).u32(kind).bytes(name);
        entry.0.resize(entry.len().next_multiple_of(8), 0);
        entry
    }
}

/// What answers.
pub(crate) trait Server {
    /// The answer, or an error number.
    fn answer(&mut self, request: &Request<'_>) -> Result<Reply, i32>;
}

/// Answers until the mount is gone.
pub(crate) fn serve(mut device: &File, server: &mut impl Server) {
    const INIT: u32 = 26;
    /// Nobody waits for an answer: forget, interrupt, forget several.
    const SILENT: [u32; 3] = [2, 36, 42];
    let mut buffer = vec![0; MAX_WRITE as usize + 64 * 1024];
    loop {
        let read = match device.read(&mut buffer) {
            Ok(read) if read >= IN_HEADER => read,
            Ok(_) => continue,
            // Interrupted, or the request was taken back.
            Err(error) if matches!(error.raw_os_error(), Some(4 | 2 | 11)) => continue,
            Err(_) => return,
        };
        let header = Request { operation: 0, node: 0, owner: (0, 0), body: &buffer[..IN_HEADER] };
        let request = Request {
            operation: header.u32(4),
            node: header.u64(16),
            owner: (header.u32(24), header.u32(28)),
            body: &buffer[IN_HEADER..read],
        };
        if SILENT.contains(&request.operation) {
            continue;
        }
        let answer = if request.operation == INIT { Ok(hello(&request)) } else { server.answer(&request) };
        let (error, body) = match answer {
            Ok(reply) => (0, reply),
            Err(number) => (-number, Reply::default()),
        };
        let length = u32::try_from(OUT_HEADER + body.len()).unwrap_or(0);
        let head = Reply::default().u32(length).bytes(&i32::to_ne_bytes(error)).u64(header.u64(8));
        // Nobody waits any more where it cannot be written.
        let _ = device.write(&head.and(&body).0);
    }
}

fn hello(request: &Request<'_>) -> Reply {
    const BIG_WRITES: u32 = 1 << 5;
    let head = Reply::default().u32(7).u32(31).u32(request.u32(8)).u32(BIG_WRITES);
    // Background requests, their limit (16 bits each), the largest write, the clock's grain, and nothing more.
    [16 | 12 << 16, MAX_WRITE, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0].into_iter().fold(head, Reply::u32)
}
