//! A list of folders, read one by one, and what it may grow to.
//!
//! The tree is kept in memory, and each folder with the whole way down to it. So there is a limit on the folders and on
//! all ways together: a chain of a hundred thousand folders has five thousand million ancestors.

use crate::answer::{json, nonsense};
use crate::http::Reply;
use crate::shapes::Object;
use crate::wire::{FolderSeen, WireFolder};
use damsync_ports::{RemoteError, RemoteFolder};
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use std::collections::{HashMap, HashSet};
use std::fmt;

/// A tree of more is refused whole.
pub(crate) const MOST_FOLDERS: usize = 500_000;

/// A tree that is walked down ends here.
pub(crate) const MOST_LEVELS: usize = 1000;

/// Ancestors of all folders together: ten of each.
const MOST_ANCESTORS: usize = 10 * MOST_FOLDERS;

enum FolderList {
    Read(Vec<FolderSeen>),
    /// A folder without what every folder has.
    Wrong(&'static str),
    TooMany,
}

struct FolderListVisitor;

impl<'de> Visitor<'de> for FolderListVisitor {
    type Value = FolderList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of folders")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<FolderList, A::Error> {
        let mut list = Vec::new();
        let outcome = loop {
            let Some(Object(folder)) = seq.next_element::<Object<WireFolder>>()? else {
                return Ok(FolderList::Read(list));
            };
            match folder.read() {
                Ok(_) if list.len() == MOST_FOLDERS => break FolderList::TooMany,
                Ok(folder) => list.push(folder),
                Err(why) => break FolderList::Wrong(why),
            }
        };
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(outcome)
    }
}

impl<'de> Deserialize<'de> for FolderList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FolderListVisitor)
    }
}

/// Reads a list of folders, each of which must be one.
pub(crate) fn read_list(what: &'static str, reply: &Reply) -> Result<Vec<FolderSeen>, RemoteError> {
    match json(what, reply)? {
        FolderList::Read(list) => Ok(list),
        FolderList::Wrong(why) => Err(nonsense(what, why)),
        FolderList::TooMany => Err(nonsense(what, format!("more than {MOST_FOLDERS} storage folders"))),
    }
}

/// Fills in the ancestors that were not told, from the parents, and drops what came twice.
pub(crate) fn complete(what: &'static str, all: &[FolderSeen]) -> Result<Vec<RemoteFolder>, RemoteError> {
    let parents: HashMap<i64, Option<i64>> = all.iter().map(|folder| (folder.id, folder.parent)).collect();
    let mut left = MOST_ANCESTORS;
    let mut seen = HashSet::new();
    let mut folders = Vec::new();
    for folder in all {
        if !seen.insert(folder.id) {
            continue;
        }
        let above = match &folder.ancestors {
            Some(told) => Some(told.clone()),
            None => way_down(folder.parent, &parents, left),
        };
        let above = above.filter(|above| above.len() <= left);
        let above = above.ok_or_else(|| nonsense(what, "storage folders too deep to be kept in memory"))?;
        left -= above.len();
        folders.push(folder.folder(&above));
    }
    Ok(folders)
}

/// The ancestors of a folder with this parent, from the top down; of a ring each once. `None`: more than so many.
fn way_down(parent: Option<i64>, parents: &HashMap<i64, Option<i64>>, most: usize) -> Option<Vec<i64>> {
    let (mut above, mut met) = (Vec::new(), HashSet::new());
    let mut next = parent;
    while let Some(id) = next.filter(|id| met.insert(*id)) {
        if above.len() == most {
            return None;
        }
        above.push(id);
        next = parents.get(&id).copied().flatten();
    }
    above.reverse();
    Some(above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderMap;

    #[test]
    fn a_list_of_more_folders_than_are_kept_is_refused() {
        let read = |count: usize| {
            let body = format!("[{}]", vec![r#"{"id":1,"name":""}"#; count].join(",")).into_bytes();
            read_list("test", &Reply { headers: HeaderMap::new(), body })
                .map(|list| list.len())
                .map_err(|e| e.to_string())
        };
        assert_eq!(read(3), Ok(3));
        let said = read(MOST_FOLDERS + 1).unwrap_err();
        assert!(said.contains("more than 500000 storage folders"), "{said}");
    }

    #[test]
    fn a_ring_of_parents_has_each_folder_once() {
        let parents = HashMap::from([(1, Some(3)), (2, Some(1)), (3, Some(2)), (4, Some(4))]);
        assert_eq!(way_down(Some(2), &parents, 10), Some(vec![3, 1, 2]));
        assert_eq!(way_down(Some(4), &parents, 10), Some(vec![4]));
        assert_eq!(way_down(Some(9), &parents, 10), Some(vec![9]), "a parent that is not in the list");
        assert_eq!(way_down(None, &parents, 0), Some(vec![]));
        assert_eq!(way_down(Some(2), &parents, 2), None);
    }
}
