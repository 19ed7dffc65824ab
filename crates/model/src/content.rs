//! What a file holds: its size, its two hashes, and what it begins like.

use crate::kind::Kind;
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use std::fmt;

/// What the DAM knows of a content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Md5(pub [u8; 16]);

/// What we trust: two contents are the same when their SHA-256 are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Md5 {
    /// Reads 32 hex digits of either case; anything else is `None`.
    pub fn from_hex(text: &str) -> Option<Self> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The form of the `Content-MD5` header (RFC 1864).
    pub fn to_base64(self) -> String {
        BASE64.encode(&self.0)
    }
}

impl fmt::Display for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Md5({self})")
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

/// A content that we have read from its first byte to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Content {
    /// Length in bytes.
    pub size: u64,
    /// For the DAM.
    pub md5: Md5,
    /// For us.
    pub sha256: Sha256,
    /// What its first bytes look like.
    pub kind: Kind,
}

impl Content {
    /// Whether this looks like damage beside what the same file held before: nothing is left of it, or it is no longer the
    /// kind of file that it was.
    pub fn is_damage_to(&self, before: &Self) -> bool {
        (self.size == 0 && before.size > 0) || (before.kind != Kind::Unknown && self.kind != before.kind)
    }
}

/// What a DAM says of a content; it may say nothing. `None` is "not told", never "empty".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claimed {
    /// Length in bytes.
    pub size: Option<u64>,
    /// MD5 of the stored bytes.
    pub md5: Option<Md5>,
}

/// How a content that we know compares with one that a DAM describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// The MD5 agree, and so does the size where it is told.
    Same,
    /// The MD5 or the size differ.
    Different,
    /// Too little is told: equal size, or no size at all, is not proof.
    Untold,
}

impl Claimed {
    /// Compares with a content of ours. Size alone can prove a difference, never sameness.
    pub fn likeness(&self, ours: &Content) -> Likeness {
        if self.size.is_some_and(|size| size != ours.size) {
            return Likeness::Different;
        }
        match self.md5 {
            Some(md5) if md5 == ours.md5 => Likeness::Same,
            Some(_) => Likeness::Different,
            None => Likeness::Untold,
        }
    }

    /// Compares two answers of the DAM about one asset at different times.
    pub fn likeness_to(&self, earlier: &Self) -> Likeness {
        match (self.md5, earlier.md5) {
            (Some(now), Some(then)) if now == then => Likeness::Same,
            (Some(_), Some(_)) => Likeness::Different,
            _ => match (self.size, earlier.size) {
                (Some(now), Some(then)) if now != then => Likeness::Different,
                _ => Likeness::Untold,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_reads_and_writes_hex_and_the_header_form() {
        let md5 = Md5::from_hex("D41D8CD98F00B204E9800998ECF8427E").unwrap();
        assert_eq!(md5.to_string(), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(md5.to_base64(), "1B2M2Y8AsgTpgAmY7PhCfg==");
        for bad in ["", "d41d", "zz1d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e00"] {
            assert_eq!(Md5::from_hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_emptied_file_and_one_of_another_kind_look_damaged() {
        let content = |size, kind| Content { size, md5: Md5([1; 16]), sha256: Sha256([2; 32]), kind };
        for (before, after, damaged) in [
            (content(9, Kind::Jpeg), content(8, Kind::Jpeg), false),
            (content(9, Kind::Jpeg), content(9, Kind::Unknown), true),
            (content(9, Kind::Text), content(9, Kind::Unknown), true),
            (content(9, Kind::Unknown), content(9, Kind::Text), false),
            (content(9, Kind::Unknown), content(0, Kind::Unknown), true),
            (content(0, Kind::Unknown), content(0, Kind::Unknown), false),
        ] {
            assert_eq!(after.is_damage_to(&before), damaged, "{before:?} {after:?}");
        }
    }

    #[test]
    fn equal_size_is_never_proof_of_equal_content() {
        let ours = Content { size: 3, md5: Md5([1; 16]), sha256: Sha256([2; 32]), kind: Kind::Unknown };
        let told = |size, md5| Claimed { size, md5 }.likeness(&ours);
        assert_eq!(told(None, None), Likeness::Untold);
        assert_eq!(told(Some(3), None), Likeness::Untold);
        assert_eq!(told(Some(4), None), Likeness::Different);
        assert_eq!(told(Some(4), Some(Md5([1; 16]))), Likeness::Different);
        assert_eq!(told(None, Some(Md5([1; 16]))), Likeness::Same);
        assert_eq!(told(Some(3), Some(Md5([9; 16]))), Likeness::Different);
    }
}
