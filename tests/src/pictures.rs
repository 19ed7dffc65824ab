//! Many files that look like pictures, and bytes that do not: what the guards count and look at.

use crate::{Setup, Value};

/// Bytes that begin as a JPEG does.
pub fn photo(number: usize) -> Vec<u8> {
    [&b"\xFF\xD8\xFF\xE0\0\x10JFIF\0"[..], format!("picture {number}").as_bytes()].concat()
}

/// Bytes that begin like nothing.
pub fn garbage(number: usize) -> Vec<u8> {
    [&[0x9C, 0x00, 0xF3, 0x81, 0xEE][..], &number.to_le_bytes()].concat()
}

/// Where a picture stands: in one of four directories.
pub fn picture_path(number: usize) -> String {
    format!("folder {}/photo {number}.jpg", number % 4)
}

impl Setup {
    /// A mirror with these keys and `count` pictures on both sides.
    ///
    /// # Panics
    /// If they do not get there.
    #[track_caller]
    pub fn with_pictures(count: usize, keys: &str) -> Self {
        let setup = Self::with_mirror(keys);
        (0..count).for_each(|number| setup.write(&picture_path(number), photo(number)));
        let pass = setup.reconcile(&[]);
        assert_eq!((pass.code, pass.did()["pushed_new"]), (0, count as u64), "{pass:?}");
        setup.settled();
        setup
    }

    /// Approves the plan of a hold.
    ///
    /// # Panics
    /// If it cannot be.
    #[track_caller]
    pub fn approve(&self, hold: &Value) {
        assert_eq!(self.run(&["approve", hold["plan"].as_str().unwrap()]).code, 0);
    }
}
