//! Bodies on their way, in constant memory.

use bytes::Bytes;
use damsync_model::content::Md5;
use futures_util::Stream;
use std::fmt;
use std::pin::Pin;

/// Chunks of a body, in order. An error ends it.
pub type ByteStream = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// A body to be sent, with what must be known before its first byte.
pub struct Payload {
    /// Length in bytes: the `Content-Length`.
    pub size: u64,
    /// MD5 of the whole: the `Content-MD5`.
    pub md5: Md5,
    /// The bytes. It errs when the file changed since it was hashed.
    pub body: ByteStream,
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload").field("size", &self.size).field("md5", &self.md5).finish_non_exhaustive()
    }
}
