//! Contents that are nowhere: any byte of them follows from a seed.

use md5::{Digest, Md5};

use super::asset::{Asset, Content, Place};
use super::prng::mix;

/// Fills a buffer with the bytes from `offset` on.
pub fn read(seed: u64, offset: u64, into: &mut [u8]) {
    let mut at = offset;
    let mut rest = into;
    while !rest.is_empty() {
        let word = mix(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (at / 8)).to_le_bytes();
        let within = usize::try_from(at % 8).unwrap_or(0);
        let count = (8 - within).min(rest.len());
        let (now, later) = rest.split_at_mut(count);
        now.copy_from_slice(&word[within..within + count]);
        rest = later;
        at += count as u64;
    }
}

/// The content that a seed and a size give.
#[must_use]
pub fn content(seed: u64, size: u64) -> Content {
    let mut hasher = Md5::new();
    let mut buffer = [0_u8; 4096];
    let mut at = 0;
    while at < size {
        let count = usize::try_from((size - at).min(4096)).unwrap_or(4096);
        read(seed, at, &mut buffer[..count]);
        hasher.update(&buffer[..count]);
        at += count as u64;
    }
    Content { size, md5: hex(&hasher.finalize()), place: Place::Generated(seed) }
}

/// What comes instead of an original that may not be had.
#[must_use]
pub fn rendition(asset: &Asset) -> Content {
    content(asset.id.unsigned_abs().rotate_left(32), 512)
}

/// MD5 of bytes, in hexadecimal.
#[must_use]
pub fn md5_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
