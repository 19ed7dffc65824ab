//! Lists of ids, which may be long: read in one go into plain numbers.
//!
//! Two forms are understood: a bare list, and an object that holds exactly one list of ids (under whatever key),
//! perhaps with `total_entries`. A list of anything else is no list of ids, and a list of more than [`MOST_IDS`] is
//! refused: it would have to be held in memory.

use crate::answer::{json, nonsense};
use crate::folders::total_entries;
use crate::http::Reply;
use crate::loose::Loose;
use damsync_model::id::AssetId;
use damsync_ports::RemoteError;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Keys that are believed first if an object holds several lists.
const LIKELY_KEYS: [&str; 3] = ["ids", "asset_ids", "all_ids"];

/// Ids in one answer, in all its lists together.
pub(crate) const MOST_IDS: usize = 10_000_000;

/// Lists in one object.
const MOST_LISTS: usize = 16;

/// A list of ids, each once, in ascending order.
#[derive(Debug)]
pub(crate) struct IdList {
    pub(crate) ids: Vec<AssetId>,
    /// What the answer itself says their number is.
    pub(crate) total: Option<u64>,
    /// How the answer looked; for the probe.
    pub(crate) shape: String,
}

/// Reads a list of ids.
pub(crate) fn read(what: &'static str, reply: Reply) -> Result<IdList, RemoteError> {
    let (mut ids, total, shape) = match json::<Part>(what, &reply)? {
        Part::Ids(ids) => (ids, None, "a bare list".to_owned()),
        Part::Object(mut lists, total) => {
            let index = match lists.len() {
                1 => Some(0),
                _ => lists.iter().position(|(key, _)| LIKELY_KEYS.contains(&key.as_str())),
            };
            let index = index.ok_or_else(|| nonsense(what, "an object without a list of ids"))?;
            let (key, ids) = lists.swap_remove(index);
            (ids, total, format!("an object with `{key}`"))
        }
        Part::Number(_) | Part::Other => return Err(nonsense(what, "no list of ids")),
        Part::TooMany => return Err(nonsense(what, format!("more than {MOST_IDS} ids"))),
    };
    let total = total.or_else(|| total_entries(&reply));
    // A long answer is not kept beside what was read from it.
    drop(reply);
    ids.sort_unstable();
    ids.dedup();
    let ids = ids.into_iter().map(AssetId::from).collect();
    Ok(IdList { ids, total, shape })
}

enum Part {
    Ids(Vec<i64>),
    Number(i64),
    Object(Vec<(String, Vec<i64>)>, Option<u64>),
    Other,
    TooMany,
}

struct PartVisitor {
    /// Objects are looked into at the top only.
    top: bool,
}

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of ids")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_unit<E>(self) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Part, E> {
        Ok(Part::Number(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Part, E> {
        Ok(i64::try_from(value).map_or(Part::Other, Part::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Part, E> {
        Ok(value.parse().map_or(Part::Other, Part::Number))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Part, A::Error> {
        let mut ids = Vec::new();
        let outcome = loop {
            match seq.next_element::<Id>()? {
                None => return Ok(Part::Ids(ids)),
                Some(Id(Some(_))) if ids.len() == MOST_IDS => break Part::TooMany,
                Some(Id(Some(id))) => ids.push(id),
                Some(Id(None)) => break Part::Other,
            }
        };
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(outcome)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Part, A::Error> {
        if !self.top {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Part::Other);
        }
        let mut lists: Vec<(String, Vec<i64>)> = Vec::new();
        let mut total = None;
        while let Some(key) = map.next_key::<String>()? {
            let room = MOST_IDS - lists.iter().map(|(_, ids)| ids.len()).sum::<usize>();
            match map.next_value::<Inner>()?.0 {
                Part::Ids(ids) if lists.len() < MOST_LISTS && ids.len() <= room => lists.push((key, ids)),
                Part::Ids(_) | Part::TooMany => {
                    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                    return Ok(if lists.len() < MOST_LISTS { Part::TooMany } else { Part::Other });
                }
                Part::Number(number) if key == "total_entries" => total = u64::try_from(number).ok(),
                _ => {}
            }
        }
        Ok(Part::Object(lists, total))
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor { top: true })
    }
}

struct Inner(Part);

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor { top: false }).map(Inner)
    }
}

/// One entry of a list, if it is an id. Nothing is built of what is none.
struct Id(Option<i64>);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Loose::deserialize(deserializer)?.int()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderMap;

    fn ids(body: &str) -> Option<Vec<i64>> {
        let reply = Reply { headers: HeaderMap::new(), body: body.as_bytes().to_vec() };
        let list = read("test", reply).ok()?;
        Some(list.ids.iter().map(|id| id.to_string().parse().unwrap()).collect())
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(ids("[3,1,2,2]"), Some(vec![1, 2, 3]));
        assert_eq!(ids("[]"), Some(vec![]));
        assert_eq!(ids(r#"["3","1"]"#), Some(vec![1, 3]));
        assert_eq!(ids(r#"{"total_entries":2,"whatever":[1,2],"filters":{"a":[1]}}"#), Some(vec![1, 2]));
        assert_eq!(ids(r#"{"other":[9],"asset_ids":[1,2]}"#), Some(vec![1, 2]));
    }

    #[test]
    fn anything_else_is_no_list() {
        for bad in [
            "",
            "{}",
            "7",
            "null",
            "[1,null]",
            "[[1]]",
            "[{\"id\":1}]",
            r#"{"assets":[{"id":1}]}"#,
            r#"{"a":[1],"b":[2]}"#,
            "[1,2",
            "<html>",
        ] {
            assert_eq!(ids(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_object_of_very_many_lists_is_no_list() {
        let object = |lists: usize| format!("{{{}\"ids\":[7]}}", "\"a\":[],".repeat(lists));
        assert_eq!(ids(&object(3)), Some(vec![7]));
        assert_eq!(ids(&object(MOST_LISTS)), None);
    }

    #[test]
    fn a_million_ids_are_read() {
        let body = format!("[{}]", (0..1_000_000).map(|id| id.to_string()).collect::<Vec<_>>().join(","));
        assert_eq!(ids(&body).map(|ids| ids.len()), Some(1_000_000));
    }
}
