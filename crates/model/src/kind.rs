//! What kind of file a content begins like.
//!
//! Only a sign, never an identity: a guard compares the kind of a file's bytes before and after a change. Where many files
//! lose their kind at once, something has overwritten them that was not their editor.

/// So many of a content's first bytes are looked at.
pub const HEAD_BYTES: usize = 512;

macro_rules! kinds {
    ($($name:ident = $number:literal: $meaning:literal,)*) => {
        /// A kind of file, told by its first bytes. The numbers stand in the store.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            /// Nothing that we can name.
            #[default]
            Unknown = 0,
            $(#[doc = $meaning] $name = $number,)*
        }

        impl Kind {
            /// The number that stands in the store.
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// Reads it; a number of a later version is unknown here.
            pub const fn of_number(number: u8) -> Self {
                match number { $($number => Self::$name,)* _ => Self::Unknown }
            }
        }
    };
}

kinds! {
    Text = 1: "UTF-8 text, SVG and XML among it.",
    Jpeg = 2: "JPEG.",
    Png = 3: "PNG.",
    Gif = 4: "GIF.",
    Tiff = 5: "TIFF and the raw formats built on it (DNG, NEF, CR2, ARW).",
    Riff = 6: "RIFF: WebP, WAV, AVI.",
    Pdf = 7: "PDF, Illustrator's files among it.",
    Photoshop = 8: "PSD and PSB.",
    Zip = 9: "ZIP and what is built on it: office documents, EPUB, Sketch.",
    IsoMedia = 10: "ISO base media: MP4, MOV, HEIC, AVIF, CR3.",
    Matroska = 11: "Matroska and WebM.",
    Ogg = 12: "Ogg.",
    Mp3 = 13: "MP3 with an ID3 tag.",
    Flac = 14: "FLAC.",
    PostScript = 15: "PostScript and EPS.",
    Compound = 16: "Microsoft's compound files: the older office documents.",
    Gzip = 17: "gzip.",
    Bmp = 18: "BMP.",
    InDesign = 19: "InDesign.",
    Font = 20: "TrueType, OpenType and WOFF.",
    Fuji = 21: "Fujifilm's raw format.",
}

/// The first bytes of each kind, by the formats' own specifications.
const SIGNATURES: &[(&[u8], Kind)] = &[
    (b"\xFF\xD8\xFF", Kind::Jpeg),
    (b"\x89PNG\r\n\x1A\n", Kind::Png),
    (b"GIF87a", Kind::Gif),
    (b"GIF89a", Kind::Gif),
    (b"II*\0", Kind::Tiff),
    (b"MM\0*", Kind::Tiff),
    (b"II+\0", Kind::Tiff),
    (b"MM\0+", Kind::Tiff),
    (b"RIFF", Kind::Riff),
    (b"%PDF-", Kind::Pdf),
    (b"8BPS", Kind::Photoshop),
    (b"PK\x03\x04", Kind::Zip),
    (b"PK\x05\x06", Kind::Zip),
    (b"\x1A\x45\xDF\xA3", Kind::Matroska),
    (b"OggS", Kind::Ogg),
    (b"ID3", Kind::Mp3),
    (b"fLaC", Kind::Flac),
    (b"%!PS", Kind::PostScript),
    (b"\xC5\xD0\xD3\xC6", Kind::PostScript),
    (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", Kind::Compound),
    (b"\x1F\x8B\x08", Kind::Gzip),
    (b"BM", Kind::Bmp),
    (b"\x06\x06\xED\xF5\xD8\x1D\x46\xE5", Kind::InDesign),
    (b"\0\x01\0\0\0", Kind::Font),
    (b"OTTO", Kind::Font),
    (b"wOFF", Kind::Font),
    (b"wOF2", Kind::Font),
    (b"FUJIFILMCCD-RAW", Kind::Fuji),
];

impl Kind {
    /// The kind of a content that begins with `head`: its first [`HEAD_BYTES`], or all of a shorter one.
    pub fn of(head: &[u8]) -> Self {
        let head = &head[..head.len().min(HEAD_BYTES)];
        if head.get(4..8) == Some(b"ftyp") {
            return Self::IsoMedia;
        }
        // Text may begin like anything that is made of letters, so what is text is text.
        if is_text(head) && !head.starts_with(b"%PDF-") && !head.starts_with(b"%!PS") {
            return Self::Text;
        }
        SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)).map_or(Self::Unknown, |(_, kind)| *kind)
    }
}

fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // Cut within a character.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or(""),
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}' | '\u{1b}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_told_by_the_first_bytes() {
        for (head, kind) in [
            (&b"\xFF\xD8\xFF\xE0\0\x10JFIF"[..], Kind::Jpeg),
            (b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR", Kind::Png),
            (b"\0\0\0\x18ftypheic", Kind::IsoMedia),
            (b"II*\0\x08\0\0\0", Kind::Tiff),
            (b"%PDF-1.7\n", Kind::Pdf),
            (b"a plain text, \xC3\xA4", Kind::Text),
            (b"cut within a character \xC3", Kind::Text),
            (b"BM is how this text begins", Kind::Text),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", Kind::Text),
            (b"", Kind::Unknown),
            (b"\0\0\0\0", Kind::Unknown),
            (b"\xC3\x28 no UTF-8", Kind::Unknown),
        ] {
            assert_eq!(Kind::of(head), kind, "{head:?}");
        }
    }

    #[test]
    fn only_the_head_counts() {
        let mut bytes = vec![b'a'; HEAD_BYTES];
        bytes.extend([0, 1, 2]);
        assert_eq!(Kind::of(&bytes), Kind::Text);
        assert_eq!(Kind::of(&bytes), Kind::of(&bytes[..HEAD_BYTES]));
    }

    #[test]
    fn the_store_keeps_a_kind_as_its_number() {
        for number in 0..=u8::MAX {
            let kind = Kind::of_number(number);
            assert!(kind == Kind::Unknown || kind.number() == number);
        }
        assert_eq!(Kind::of_number(Kind::Jpeg.number()), Kind::Jpeg);
    }
}
