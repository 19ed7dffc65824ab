//! What files hold: bytes made from a number, so that a plan need not carry them.

use bytes::Bytes;
use damsync_model::content::{Content, Md5, Sha256};
use damsync_model::kind::Kind;
use sha2::Digest;

/// Both hashes of some bytes.
pub fn content_of(bytes: &[u8]) -> Content {
    Content {
        size: bytes.len() as u64,
        md5: Md5(md5::Md5::digest(bytes).into()),
        sha256: Sha256(sha2::Sha256::digest(bytes).into()),
        kind: Kind::of(bytes),
    }
}

/// Bytes by number and size. Two numbers of one size give other bytes, except for size 0.
pub fn bytes_of(number: u64, size: usize) -> Bytes {
    let text = format!("{number:016x} ");
    text.bytes().rev().cycle().take(size).collect()
}
