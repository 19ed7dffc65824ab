//! A remote name becomes a local one: one name, inside its directory, always the same.

use crate::text;
use damsync_model::id::{Guid, RemoteId, StorageFolderId};
use damsync_model::name::{
    FileName, Folding, Level, MAX_BYTES, NameKey, OURS, candidates_for_asset, candidates_for_folder, conflict_copy,
    is_conflict_copy, is_nfc,
};
use damsync_model::path::{MirrorPath, on_one_line};
use damsync_model::time::UnixMs;

/// The first byte says where; then comes a GUID, a byte 1, and the name.
pub fn holds(bytes: &[u8]) {
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let level = if first % 2 == 0 { Level::Root } else { Level::Below };
    let (guid, name) = match rest.iter().position(|byte| *byte == 1) {
        Some(at) => (text(&rest[..at]), text(&rest[at + 1..])),
        None => ("0aa1-b".to_owned(), text(rest)),
    };
    let id =
        StorageFolderId(if *first < 128 { RemoteId::Number(i64::from(*first) - 9) } else { RemoteId::parse(&guid) });
    let guid = Guid(guid.into());
    let of_asset = candidates_for_asset(&name, &guid, level);
    let of_folder: Vec<FileName> = candidates_for_folder(&name, &id, level).take(4).collect();
    assert_eq!(of_asset, candidates_for_asset(&name, &guid, level), "the same each time");
    for local in of_asset.iter().chain(&of_folder) {
        stays_inside(local.as_str(), level);
        comes_back(local, &guid, &id, level);
    }
    assert_eq!(of_folder.len(), 4, "a folder's names do not run out");
    let mut different = of_folder.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 4, "{of_folder:?}");
    escape_is_small(&name, &of_asset[0], &of_asset[1]);
    copies(&of_asset[0]);
    keys(&name);
    paths(&name);
    assert_eq!(RemoteId::parse(&RemoteId::parse(&name).to_string()), RemoteId::parse(&name));
}

/// A name is one name, and nobody's but the user's. Says so in its own words, not the model's.
fn stays_inside(local: &str, level: Level) {
    assert!(!local.is_empty() && local.len() <= MAX_BYTES, "{} bytes", local.len());
    assert!(!local.contains(['/', '\0']) && local != "." && local != "..", "{local:?}");
    let visible: String =
        local.chars().filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{ad}' | '\u{feff}')).collect();
    assert!(level == Level::Below || visible.to_lowercase() != OURS, "{local:?}");
    let path = std::path::Path::new("/root").join(local);
    assert_eq!(path.parent(), Some(std::path::Path::new("/root")), "{local:?}");
    assert_eq!(path.components().count(), 3, "{local:?}");
}

/// A file that is sent under its name keeps it: there and back is the same name.
fn comes_back(local: &FileName, guid: &Guid, id: &StorageFolderId, level: Level) {
    assert_eq!(candidates_for_asset(local.as_str(), guid, level)[0], *local);
    assert_eq!(candidates_for_folder(local.as_str(), id, level).next().as_ref(), Some(local));
}

/// Only what cannot stand in a name is escaped: undone, it is the remote name.
fn escape_is_small(name: &str, plain: &FileName, marked: &FileName) {
    let undone = |name: &str| name.replace("%2F", "/").replace("%00", "\0").replace("%2E", ".");
    assert!(plain == marked || undone(plain.as_str()) == undone(name), "{name:?} {plain:?}");
    assert!(FileName::new(name).is_none() || plain.as_str() == name || undone(plain.as_str()) == undone(name));
}

fn copies(name: &FileName) {
    let now = UnixMs(1_769_700_512_376);
    let copy = conflict_copy(name, now, "höst/../1", 1);
    stays_inside(copy.as_str(), Level::Below);
    assert!(is_conflict_copy(copy.as_str()) || copy.as_str().len() > MAX_BYTES / 2, "{copy:?}");
    assert!(conflict_copy(&copy, now, "höst/../1", 1).as_str().len() <= MAX_BYTES);
    assert_ne!(conflict_copy(name, now, "h", 2), conflict_copy(name, now, "h", 3), "{name:?}");
}

fn keys(name: &str) {
    for folding in [Folding::Exact, Folding::CaseFolded] {
        let key = NameKey::of(name, folding);
        assert_eq!(NameKey::of(key.as_str(), folding), key, "{name:?}");
    }
    assert!(!is_nfc(name) || NameKey::of(name, Folding::Exact).as_str() == name);
}

fn paths(name: &str) {
    if let Some(path) = MirrorPath::parse(name) {
        assert!(!name.starts_with('/') && path.names().all(|part| part != ".." && part != "." && !part.contains('\0')));
        let joined = path.parent().zip(path.name()).map(|(parent, name)| parent.join(&name));
        assert_eq!(joined.unwrap_or_default(), path);
    }
    assert!(!on_one_line(name).contains(char::is_control), "{name:?}");
}
