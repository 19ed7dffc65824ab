//! The demo's files, on both sides: small, real, and with the names that make syncing hard.

use super::pdf::pdf;
use super::picture::{bmp, png};
use std::io;
use std::path::Path;

/// A file, with its path below the mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Folders, joined by `/`; empty for none.
    pub folder: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub bytes: Vec<u8>,
}

fn sample(folder: &'static str, name: &'static str, bytes: impl Into<Vec<u8>>) -> Sample {
    Sample { folder, name, bytes: bytes.into() }
}

const BLUE: [u8; 3] = [96, 160, 230];
const ROSE: [u8; 3] = [230, 120, 150];
const SAND: [u8; 3] = [235, 205, 150];
const MOSS: [u8; 3] = [90, 140, 80];
const NIGHT: [u8; 3] = [40, 45, 90];

fn delivery_note() -> Vec<u8> {
    pdf(&["Delivery note", "", "2 posters, 120 x 80 pixels", "1 logo (blue)"])
}

/// What is here at the start.
pub fn local() -> Vec<Sample> {
    let poster = png(BLUE, SAND);
    vec![
        sample("", "Read me first.txt", "Edit this file, save it, and watch the server.\n"),
        // Three folders deep, and one picture in two of them: a copy is an asset of its own.
        sample("Campaigns/Poster/Spring", "poster.png", poster.clone()),
        sample("Campaigns/Poster/Spring", "notes.txt", "More sand, less sky.\n"),
        sample("Campaigns/Poster/Summer", "poster.png", poster),
        sample("Campaigns/Poster/Summer", "poster, rose.png", png(ROSE, SAND)),
        // The same bytes are on the server already: found equal, nothing is transferred.
        sample("Documents", "Delivery note.pdf", delivery_note()),
        // Composed and decomposed accents: two ways of writing one letter.
        sample("Accents", "Gr\u{f6}\u{df}e.txt", "This name is written with composed letters (NFC).\n"),
        sample("Accents", "re\u{301}sume\u{301}.txt", "This name is written with decomposed letters (NFD).\n"),
    ]
}

/// What is on the server at the start.
pub fn remote() -> Vec<Sample> {
    vec![
        sample("Documents", "Delivery note.pdf", delivery_note()),
        sample("Documents", "Prices.pdf", pdf(&["Prices", "", "On request."])),
        sample("Library/Landscapes/North", "fjord.bmp", bmp(NIGHT, SAND)),
        sample("Library/Landscapes/North", "\u{c9}tude.bmp", bmp(MOSS, ROSE)),
        // Two assets with one name in one folder: a DAM may do that, a directory cannot.
        sample("Library/Logos", "logo.png", png(MOSS, BLUE)),
        sample("Library/Logos", "logo.png", png(MOSS, ROSE)),
        sample("Library", "Captions.txt", "fjord.bmp: the fjord at night\n"),
    ]
}

/// Writes the local samples that are missing.
pub fn write_local(root: &Path) -> io::Result<()> {
    for sample in local() {
        let folder = root.join(sample.folder);
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(sample.name);
        if !path.exists() {
            std::fs::write(path, &sample.bytes)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use damsync_model::name::is_nfc;
    use std::collections::BTreeSet;

    #[test]
    fn the_samples_have_what_makes_syncing_hard() {
        let (here, there) = (local(), remote());
        let paths: BTreeSet<(&str, &str)> = here.iter().map(|sample| (sample.folder, sample.name)).collect();
        assert_eq!(paths.len(), here.len(), "no path twice here");
        assert!(here.iter().any(|sample| sample.folder.split('/').count() == 3), "three folders deep");
        assert!(here.iter().any(|sample| !is_nfc(sample.name)), "a decomposed name");
        assert!(here.iter().any(|sample| !sample.name.is_ascii() && is_nfc(sample.name)), "a composed name");
        let contents: BTreeSet<&[u8]> = here.iter().map(|sample| sample.bytes.as_slice()).collect();
        assert!(contents.len() < here.len(), "one content twice");
        let places: BTreeSet<(&str, &str)> = there.iter().map(|sample| (sample.folder, sample.name)).collect();
        assert!(places.len() < there.len(), "one name twice in one folder there");
        assert!(there.iter().any(|sample| here.contains(sample)), "one file equal on both sides");
    }

    #[test]
    fn writing_again_leaves_edits_alone() {
        let dir = tempfile::tempdir().unwrap();
        write_local(dir.path()).unwrap();
        let file = dir.path().join("Read me first.txt");
        std::fs::write(&file, "edited").unwrap();
        write_local(dir.path()).unwrap();
        assert_eq!(std::fs::read(file).unwrap(), b"edited");
        assert!(std::fs::read(dir.path().join("Campaigns/Poster/Spring/poster.png")).unwrap().starts_with(b"\x89PNG"));
        assert!(std::fs::read(dir.path().join("Documents/Delivery note.pdf")).unwrap().starts_with(b"%PDF-"));
    }
}
