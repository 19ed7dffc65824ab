//! The open conflicts, both sides of each. The JSON form: `docs/json.md`.

use damsync_model::path::on_one_line;
use damsync_reconciler::{ConflictSide, OpenConflict};
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt::Write;

/// For programs.
pub fn conflicts_json(mirrors: &[(String, Vec<OpenConflict>)]) -> impl Serialize {
    let side = |side: &ConflictSide| {
        json!({
            "path": side.path.as_str(),
            "size": side.file.map(|(size, _)| size),
            "modified_at": side.file.map(|(_, at)| at.to_string()),
            "asset": side.asset.as_ref().map(ToString::to_string),
        })
    };
    let conflict = |open: &OpenConflict| {
        json!({
            "path": open.theirs.path.as_str(),
            "copy": open.mine.path.as_str(),
            "guid": open.guid.as_ref().map(ToString::to_string),
            "opened_at": open.opened_at.to_string(),
            "theirs": side(&open.theirs),
            "mine": side(&open.mine),
        })
    };
    let mirrors: Vec<Value> = mirrors
        .iter()
        .map(|(name, open)| json!({ "name": name, "conflicts": open.iter().map(conflict).collect::<Vec<_>>() }))
        .collect();
    json!({ "schema": 1, "mirrors": mirrors })
}

/// For people.
pub fn conflicts_text(mirrors: &[(String, Vec<OpenConflict>)]) -> String {
    let mut text = String::new();
    for (name, open) in mirrors {
        for conflict in open {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name}: {} · since {}", path(&conflict.theirs), conflict.opened_at);
            let _ = writeln!(text, "  theirs: {}", side_words(&conflict.theirs));
            let _ = writeln!(text, "  mine:   {}", side_words(&conflict.mine));
        }
    }
    if text.is_empty() {
        return "no open conflicts\n".to_owned();
    }
    text.push_str("compare the two, then delete or rename the copy\n");
    text
}

fn side_words(side: &ConflictSide) -> String {
    let file = side.file.map_or_else(
        || "not here".to_owned(),
        |(size, at)| format!("{}, modified {at}", super::counted(size, "byte", "bytes")),
    );
    let asset = side.asset.as_ref().map_or_else(|| "no asset yet".to_owned(), |asset| format!("asset {asset}"));
    format!("{} · {file} · {asset}", path(side))
}

fn path(side: &ConflictSide) -> Cow<'_, str> {
    on_one_line(side.path.as_str())
}
