//! What files hold: bytes made from a number, so that a plan need not carry them.

use bytes::Bytes;
use damsync_model::content::{Content, Md5, Sha256};
use damsync_model::kind::Kind;
use sha2::Digest;
use std::cell::RefCell;
use std::collections::HashMap;

/// Contents by where their bytes lie. The bytes are kept, so no others can come to lie there.
type Known = HashMap<(usize, usize), (Bytes, Content)>;

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// Both hashes of some bytes that are asked for again and again: reckoned once in a run.
pub fn content_of(bytes: &Bytes) -> Content {
    let place = (bytes.as_ptr() as usize, bytes.len());
    KNOWN.with_borrow_mut(|known| known.entry(place).or_insert_with(|| (bytes.clone(), hashes_of(bytes))).1)
}

/// A new run begins: what the last one's bytes held is of no use any more.
pub fn forget_contents() {
    KNOWN.take();
}

/// Both hashes of some bytes.
pub fn hashes_of(bytes: &[u8]) -> Content {
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
