//! Names: of local files, of assets, and how one becomes the other.
//!
//! A name is kept as it was written. Only its [`NameKey`] is normalised, and only keys are compared; nothing is ever
//! renamed to normalise it.

use crate::id::{AssetId, Guid, StorageFolderId};
use crate::time::UnixMs;
use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use std::borrow::Cow;
use std::fmt;

/// The longest name, in bytes, that common file systems take.
pub const MAX_BYTES: usize = 255;

/// The directory at a mirror's root that is ours.
pub const OURS: &str = ".damsync";

/// The file of ignore rules that any directory may have.
pub const IGNORE_FILE: &str = ".damsyncignore";

/// A name that can stand in a directory: not empty, at most 255 bytes, no `/` or NUL, neither `.` nor `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(Box<str>);

impl FileName {
    /// Checks the rules of the type.
    pub fn new(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= MAX_BYTES && text != "." && text != "..";
        (fits && !text.bytes().any(|byte| byte == b'/' || byte == 0)).then(|| Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name from a text that was built to be one. What it was built from is hostile, so the rules of the type are
    /// enforced and not assumed.
    fn built(text: &str) -> Self {
        let clean = text.replace(['/', '\0'], "_");
        Self::new(cut(&clean, MAX_BYTES)).unwrap_or_else(|| Self("_".into()))
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the file system takes `A` and `a` for one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Folding {
    /// `A` and `a` are two names.
    #[default]
    Exact,
    /// `A` and `a` are one name; Unicode's full case folding decides.
    CaseFolded,
}

/// What names are compared by: Unicode NFC, case-folded where the file system folds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey(Box<str>);

impl NameKey {
    /// The key of any name, a remote one included.
    pub fn of(name: &str, folding: Folding) -> Self {
        Self(key_text(name, folding).into())
    }

    /// A key as the store kept it.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The key as text, for the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text of a name's key; borrowed where the name is its own key, as nearly every name is.
pub fn key_text(name: &str, folding: Folding) -> Cow<'_, str> {
    if name.is_ascii() {
        return match folding {
            Folding::Exact => Cow::Borrowed(name),
            Folding::CaseFolded => Cow::Owned(name.to_ascii_lowercase()),
        };
    }
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(name);
    match folding {
        Folding::Exact => composed,
        Folding::CaseFolded => {
            let folded = CaseMapper::new().fold_string(&composed).into_owned();
            Cow::Owned(ComposingNormalizerBorrowed::new_nfc().normalize(&folded).into_owned())
        }
    }
}

/// Whether two names are one but for Unicode's form: nothing is ever renamed only to change that.
pub fn is_same_name(one: &str, other: &str) -> bool {
    one == other || key_text(one, Folding::Exact) == key_text(other, Folding::Exact)
}

/// Whether a name is in Unicode NFC: of two names with one key, this one syncs.
pub fn is_nfc(name: &str) -> bool {
    name.is_ascii() || ComposingNormalizerBorrowed::new_nfc().is_normalized(name)
}

/// Where a name stands: the root has one name that is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Directly in the mirror's root.
    Root,
    /// In a directory below it.
    Below,
}

/// Whether some file system of ours would take this name for [`OURS`]: folded, and with invisible characters ignored
/// (ext4 and HFS+ ignore them in folding directories).
fn passes_for_ours(name: &str) -> bool {
    let visible: String = name.chars().filter(|c| !is_ignorable(*c)).collect();
    key_text(&visible, Folding::CaseFolded) == OURS
}

/// Unicode's `Default_Ignorable_Code_Point`.
const fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The plain local form of a remote name: the name itself where it can be one, else with just the offending bytes
/// percent-escaped. It may still be empty or too long.
fn escaped(remote: &str, level: Level) -> Cow<'_, str> {
    if remote == "." || remote == ".." {
        return Cow::Owned(remote.replace('.', "%2E"));
    }
    if level == Level::Root && passes_for_ours(remote) {
        return Cow::Owned(remote.replacen('.', "%2E", 1));
    }
    if remote.bytes().any(|byte| byte == b'/' || byte == 0) {
        return Cow::Owned(remote.replace('/', "%2F").replace('\0', "%00"));
    }
    Cow::Borrowed(remote)
}

/// `stem` and `.ext`; a leading dot begins a stem, not an extension.
fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 => name.split_at(dot),
        _ => (name, ""),
    }
}

fn cut(text: &str, max_bytes: usize) -> &str {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The longest mark, in bytes: with the longest extension beside it, a stem still keeps a byte.
const MAX_MARK: usize = MAX_BYTES / 2;

/// Puts `mark` before the extension, cutting the stem (and, if it alone is too long, the extension) to fit.
fn marked(name: &str, mark: &str) -> FileName {
    let (stem, extension) = split_extension(name);
    let (mark, extension) = (cut(mark, MAX_MARK), cut(extension, MAX_BYTES / 2));
    let stem = cut(stem, MAX_BYTES - mark.len() - extension.len());
    FileName::built(&format!("{stem}{mark}{extension}"))
}

/// What an asset's file may be called, best first. Whoever places it takes the first that no sibling has.
///
/// 1. the plain name, escaped where it must be and cut where it is too long,
/// 2. with `~<short_guid>`, 3. with `~<guid>`, which no other asset can want.
pub fn candidates_for_asset(filename: &str, guid: &Guid, level: Level) -> [FileName; 3] {
    let plain = escaped(filename, level);
    let short = format!("~{}", guid.short());
    let with_short = marked(&plain, &short);
    let first = FileName::new(&plain).unwrap_or_else(|| with_short.clone());
    [first, with_short, marked(&plain, &format!("~{guid}"))]
}

/// What a storage folder's directory may be called, best first. Whoever places it takes the first that no sibling has.
///
/// 1. the plain name, 2. with `~<id>`, 3. with `~<id>~2` and so on: another folder may really be called what this one's
///    marked name is, so no single mark is safe.
pub fn candidates_for_folder(name: &str, id: &StorageFolderId, level: Level) -> impl Iterator<Item = FileName> + use<> {
    const MAX_ID: usize = MAX_MARK - "~4294967295".len();
    let plain = escaped(name, level).into_owned();
    let id = format!("~{id}");
    let first = FileName::new(&plain);
    let marked = (1..=u32::MAX).map(move |attempt| {
        let number = if attempt > 1 { format!("~{attempt}") } else { String::new() };
        let mark = format!("{}{number}", cut(&id, MAX_ID));
        FileName::built(&format!("{}{mark}", cut(&plain, MAX_BYTES - mark.len())))
    });
    first.into_iter().chain(marked)
}

/// A name for an asset that must not collide with anything: used only when every candidate is taken.
pub fn last_resort(asset: &AssetId) -> FileName {
    FileName::built(&format!("asset~{asset}"))
}

/// The host part of a conflict copy's name: letters, digits, `-` and `.`, at most 32 bytes.
pub fn host_part(host: &str) -> String {
    let kept: String = host.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')).take(32).collect();
    if kept.is_empty() { "host".to_owned() } else { kept }
}

const CONFLICT: &str = " (conflict ";

/// Takes a name apart that has exactly the form of a conflict copy, into what stands before and behind the suffix.
/// Hosts have dots, so the suffix is looked for before the extension is.
fn split_conflict_suffix(name: &str) -> Option<(&str, &str)> {
    let at = name.rfind(CONFLICT).filter(|at| *at > 0)?;
    let (inside, extension) = name[at + CONFLICT.len()..].split_once(')')?;
    let mut parts = inside.split(' ');
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let date: Vec<&str> = parts.next()?.split('-').collect();
    let dated = date.iter().map(|part| part.len()).eq([4, 2, 2]) && date.into_iter().all(all_digits);
    let timed = parts.next().is_some_and(|time| time.len() == 6 && all_digits(time));
    let hosted = parts.next().is_some_and(|host| !host.is_empty() && host == host_part(host));
    let numbered = parts.next().is_none_or(all_digits) && parts.next().is_none();
    let ends = extension.is_empty() || extension.rfind('.') == Some(0);
    (dated && timed && hosted && numbered && ends).then(|| (&name[..at], extension))
}

/// The name of a conflict copy: `name (conflict <yyyy-mm-dd HHMMSS> <host>).ext`, from the second attempt on with
/// ` <attempt>` before the `)`. A suffix that is there already is replaced, never stacked. At most 255 bytes.
pub fn conflict_copy(name: &FileName, now: UnixMs, host: &str, attempt: u32) -> FileName {
    let mut plain = Cow::Borrowed(name.as_str());
    while let Some((stem, extension)) = split_conflict_suffix(&plain) {
        plain = Cow::Owned(format!("{stem}{extension}"));
    }
    let number = if attempt > 1 { format!(" {attempt}") } else { String::new() };
    marked(&plain, &format!("{CONFLICT}{} {}{number})", now.for_conflict_copy(), host_part(host)))
}

/// Whether a name has the form of a conflict copy.
pub fn is_conflict_copy(name: &str) -> bool {
    split_conflict_suffix(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guid() -> Guid {
        Guid("0cf74b82-06c6-433a-8663-cce78bd1cc4d".into())
    }

    fn plain(name: &str, level: Level) -> String {
        candidates_for_asset(name, &guid(), level)[0].to_string()
    }

    #[test]
    fn names_that_can_be_local_stay_as_they_are() {
        for name in ["a.jpg", "Überblick.txt", "U\u{308}.txt", "100%2Fsure.txt", "...", " a ", "a\\b", "日本.png"] {
            assert_eq!(plain(name, Level::Root), name);
        }
    }

    #[test]
    fn just_the_offending_bytes_are_escaped() {
        assert_eq!(plain("a/b.jpg", Level::Below), "a%2Fb.jpg");
        assert_eq!(plain("../../etc/passwd", Level::Root), "..%2F..%2Fetc%2Fpasswd");
        assert_eq!(plain("a\0b", Level::Below), "a%00b");
        assert_eq!(plain(".", Level::Below), "%2E");
        assert_eq!(plain("..", Level::Below), "%2E%2E");
        assert_eq!(plain(".damsync", Level::Root), "%2Edamsync");
        assert_eq!(plain(".damsync", Level::Below), ".damsync");
    }

    #[test]
    fn doubles_and_long_names_carry_the_short_guid_before_the_extension() {
        assert_eq!(candidates_for_asset("a.jpg", &guid(), Level::Below)[1].as_str(), "a~0cf74b82.jpg");
        let long = plain(&format!("{}.jpeg", "é".repeat(200)), Level::Below);
        assert!(long.len() <= MAX_BYTES && long.ends_with("~0cf74b82.jpeg"), "{long}");
        let strange = plain(&format!("a.{}", "x".repeat(400)), Level::Below);
        assert!(strange.len() <= MAX_BYTES, "{}", strange.len());
        assert_eq!(plain("", Level::Below), "~0cf74b82");
        let folders: Vec<FileName> = candidates_for_folder("Shoot", &7.into(), Level::Below).take(4).collect();
        let folders: Vec<&str> = folders.iter().map(FileName::as_str).collect();
        assert_eq!(folders, ["Shoot", "Shoot~7", "Shoot~7~2", "Shoot~7~3"]);
    }

    #[test]
    fn keys_fold_unicode_forms_and_case_only_where_asked() {
        let key = |name, folding| NameKey::of(name, folding);
        assert_eq!(key("e\u{301}", Folding::Exact), key("é", Folding::Exact));
        assert_ne!(key("A", Folding::Exact), key("a", Folding::Exact));
        assert_eq!(key("STRASSE", Folding::CaseFolded), key("straße", Folding::CaseFolded));
    }

    #[test]
    fn conflict_copies_are_dated_never_stacked_and_fit() {
        let now = UnixMs(1_769_700_512_376);
        let name = |text: &str| FileName::new(text).unwrap();
        let first = conflict_copy(&name("a.jpg"), now, "höst_1.local", 1);
        assert_eq!(first.as_str(), "a (conflict 2026-01-29 152832 hst1.local).jpg");
        let again = conflict_copy(&first, now.plus_ms(1000), "h", 2);
        assert_eq!(again.as_str(), "a (conflict 2026-01-29 152833 h 2).jpg");
        assert_eq!(conflict_copy(&again, now, "h", 1).as_str(), "a (conflict 2026-01-29 152832 h).jpg");
        assert!(is_conflict_copy(again.as_str()) && !is_conflict_copy("a (conflict of interest).pdf"));
        let long = conflict_copy(&name(&format!("{}.tif", "ü".repeat(125))), now, "host", 1);
        assert!(long.as_str().len() <= MAX_BYTES && long.as_str().ends_with("host).tif"));
    }
}
