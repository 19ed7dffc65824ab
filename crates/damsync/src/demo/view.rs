//! Both trees side by side, as text.

use super::FOLDER;
use super::server::{Asset, Tree};
use damsync_model::id::Guid;
use damsync_model::name::{Folding, Level, OURS, candidates_for_asset, key_text};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A file's path below the mirror, and its size; `None` for a directory.
pub type Rows = Vec<(String, Option<u64>)>;

/// What is here. What cannot be read is left out: this is a picture, nothing is decided by it.
pub fn local_rows(root: &Path) -> Rows {
    let mut rows = Rows::new();
    collect(root, "", &mut rows);
    rows
}

fn collect(dir: &Path, prefix: &str, rows: &mut Rows) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // `DirEntry::metadata` does not follow links.
        let Ok(found) = entry.metadata() else { continue };
        if prefix.is_empty() && name == OURS {
            continue;
        }
        let path = format!("{prefix}{name}");
        if found.is_dir() {
            rows.push((path.clone(), None));
            collect(&entry.path(), &format!("{path}/"), rows);
        } else if found.is_file() {
            rows.push((path, Some(found.len())));
        }
    }
}

/// What is there.
pub fn remote_rows(tree: &Tree) -> Rows {
    let below = |path: &str| path.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/')).map(str::to_owned);
    let folders = tree.folders.iter().filter_map(|folder| Some((below(&folder.path)?, None)));
    let mut visible: Vec<_> = tree.assets.iter().filter(|asset| asset.visible()).collect();
    visible.sort_by_key(|asset| asset.id);
    let mut taken = BTreeSet::new();
    let assets = visible.into_iter().filter_map(|asset| {
        let path = below(&asset.path)?;
        // Of two assets with one name the second is shown under the name that its file has here.
        let path = if taken.insert(path.clone()) { path } else { with_short_guid(&path, asset) };
        Some((path, Some(asset.size.unwrap_or(0))))
    });
    folders.chain(assets).collect()
}

fn with_short_guid(path: &str, asset: &Asset) -> String {
    let [_, name, _] = candidates_for_asset(&asset.filename, &Guid(asset.guid.as_str().into()), Level::Below);
    match path.strip_suffix(&asset.filename) {
        Some(folder) => format!("{folder}{name}"),
        None => path.to_owned(),
    }
}

/// A row of the table: the same path on both sides, where it is.
#[derive(Debug, Default)]
struct Pair {
    path: String,
    here: Option<Option<u64>>,
    there: Option<Option<u64>>,
}

/// A table of both sides, `width` columns wide. Rows that differ are marked with `*`.
pub fn side_by_side(here: &Rows, there: &Rows, width: usize) -> Vec<String> {
    // A path that is there twice gets a row for each.
    let mut pairs: BTreeMap<(String, usize), Pair> = BTreeMap::new();
    for (rows, side) in [(here, 0), (there, 1)] {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for (path, size) in rows {
            let key = key_text(path, Folding::Exact).into_owned();
            let count = seen.entry(key.clone()).or_default();
            let pair = pairs.entry((key, *count)).or_default();
            *count += 1;
            pair.path.clone_from(path);
            if side == 0 { pair.here = Some(*size) } else { pair.there = Some(*size) }
        }
    }
    let cell = (width.saturating_sub(5) / 2).max(20);
    let mut lines = vec![
        format!("  {} │ {}", fit("HERE", cell), fit("ON THE SERVER", cell)),
        format!("  {}─┼─{}", "─".repeat(cell), "─".repeat(cell)),
    ];
    for pair in pairs.values() {
        let mark = if pair.here == pair.there { ' ' } else { '*' };
        let side =
            |size: Option<Option<u64>>| fit(&size.map_or(String::new(), |size| label(&pair.path, size, cell)), cell);
        lines.push(format!("{mark} {} │ {}", side(pair.here), side(pair.there)));
    }
    lines
}

/// A name, indented by its depth, with its size at the right.
fn label(path: &str, size: Option<u64>, cell: usize) -> String {
    let (folders, name) =
        path.rsplit_once('/').map_or((0, path), |(above, name)| (above.matches('/').count() + 1, name));
    let indented = format!("{}{name}", "  ".repeat(folders));
    match size {
        None => format!("{indented}/"),
        Some(bytes) => {
            let bytes = bytes.to_string();
            format!("{} {bytes}", fit(&indented, cell.saturating_sub(bytes.len() + 1)))
        }
    }
}

/// Columns a text takes: accents that stand on the letter before them take none.
fn columns(text: &str) -> usize {
    text.chars().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).count()
}

/// Exactly `width` columns: cut or filled.
fn fit(text: &str, width: usize) -> String {
    let taken = columns(text);
    if taken <= width {
        return format!("{text}{}", " ".repeat(width - taken));
    }
    let kept: String = text.chars().filter(|c| !c.is_control()).take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_marked() {
        let rows = |rows: &[(&str, Option<u64>)]| {
            rows.iter().map(|(path, size)| ((*path).to_owned(), *size)).collect::<Rows>()
        };
        let here = rows(&[("A", None), ("A/b.txt", Some(3)), ("A/e\u{301}.txt", Some(1))]);
        let there = rows(&[
            ("A", None),
            ("A/b.txt", Some(4)),
            ("A/\u{e9}.txt", Some(1)),
            ("c.txt", Some(1)),
            ("c.txt", Some(1)),
        ]);
        let lines = side_by_side(&here, &there, 45);
        let trimmed: Vec<&str> = lines.iter().skip(2).map(|line| line.trim_end()).collect();
        assert_eq!(
            trimmed,
            [
                "  A/                   │ A/",
                "*   b.txt            3 │   b.txt            4",
                "    \u{e9}.txt            1 │   \u{e9}.txt            1",
                "*                      │ c.txt              1",
                "*                      │ c.txt              1",
            ]
        );
    }

    #[test]
    fn texts_fit_their_columns() {
        assert_eq!(fit("abc", 5), "abc  ");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(columns("e\u{301}"), 1);
    }
}
