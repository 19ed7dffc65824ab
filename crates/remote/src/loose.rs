//! A JSON value read without insisting on its type.
//!
//! - Missing, null, a number given as text, a list where a word was expected: all of it is read; what does not fit is
//!   "not told". Whoever needs a field for safety asks for it and errs if it is not told.
//! - What is read takes no more memory than it took in the answer, give or take a fixed size per field: a list or an
//!   object where none belongs is passed over and never built, and a [`LooseList`] has an end.

use damsync_model::time::UnixMs;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// One field of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Loose {
    /// Missing, null, a fraction, a list, or an object.
    #[default]
    Untold,
    Flag(bool),
    Int(i64),
    Text(String),
}

impl Loose {
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn count(&self) -> Option<u64> {
        self.int().and_then(|number| u64::try_from(number).ok())
    }

    pub(crate) fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Int(0) => Some(false),
            Self::Int(1) => Some(true),
            Self::Text(text) => match text.as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A text that says something.
    pub(crate) fn word(&self) -> Option<&str> {
        self.text().filter(|text| !text.trim().is_empty())
    }

    /// A text, or a number as text.
    pub(crate) fn name(&self) -> Option<String> {
        match self {
            Self::Int(number) => Some(number.to_string()),
            other => other.word().map(str::to_owned),
        }
    }

    pub(crate) fn time(&self) -> Option<UnixMs> {
        let timestamp: jiff::Timestamp = self.text()?.trim().parse().ok()?;
        Some(UnixMs(timestamp.as_millisecond()))
    }

    pub(crate) const fn is_told(&self) -> bool {
        !matches!(self, Self::Untold)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Loose, E> {
        Ok(Loose::Flag(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Loose, E> {
        Ok(Loose::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Loose, E> {
        Ok(i64::try_from(value).map_or(Loose::Untold, Loose::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Loose, E> {
        // Whole numbers that a server writes as `3.0`, as far as a fraction holds them exactly.
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
        let whole = (value.fract() == 0.0 && value.abs() < 9.0e15).then_some(value as i64);
        Ok(whole.map_or(Loose::Untold, Loose::Int))
    }

    fn visit_str<E>(self, value: &str) -> Result<Loose, E> {
        Ok(Loose::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Loose, E> {
        Ok(Loose::Text(value))
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::Untold)
    }

    fn visit_none<E>(self) -> Result<Loose, E> {
        Ok(Loose::Untold)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Untold)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Untold)
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

/// A field that should be a list of ids or of words: the way from the top down to a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LooseList(Option<Vec<Loose>>);

impl LooseList {
    /// A longer one is "not told": no way down is so long.
    const LONGEST: usize = 1000;

    /// A list of numbers, if it is one throughout.
    pub(crate) fn ints(&self) -> Option<Vec<i64>> {
        self.0.as_ref()?.iter().map(Loose::int).collect()
    }

    /// A list of texts, if it is one throughout.
    pub(crate) fn texts(&self) -> Option<Vec<&str>> {
        self.0.as_ref()?.iter().map(Loose::text).collect()
    }
}

struct LooseListVisitor;

impl<'de> Visitor<'de> for LooseListVisitor {
    type Value = LooseList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, _: bool) -> Result<LooseList, E> {
        Ok(LooseList(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<LooseList, E> {
        Ok(LooseList(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<LooseList, E> {
        Ok(LooseList(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<LooseList, E> {
        Ok(LooseList(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<LooseList, E> {
        Ok(LooseList(None))
    }

    fn visit_unit<E>(self) -> Result<LooseList, E> {
        Ok(LooseList(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<LooseList, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = seq.next_element()? {
            if list.len() == LooseList::LONGEST {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(LooseList(None));
            }
            list.push(item);
        }
        Ok(LooseList(Some(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LooseList, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(LooseList(None))
    }
}

impl<'de> Deserialize<'de> for LooseList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseListVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_type_and_keeps_what_fits() {
        let read = |text: &str| serde_json::from_str::<Loose>(text).unwrap();
        assert_eq!(read("7").int(), Some(7));
        assert_eq!(read("\"7\"").int(), Some(7));
        assert_eq!(read("7.0").int(), Some(7));
        assert_eq!(read("7.5").int(), None);
        assert_eq!(read("-7").count(), None);
        assert_eq!(read("18446744073709551615").int(), None);
        assert_eq!(read("null").int(), None);
        assert_eq!(read("{\"a\":[1,{}]}"), Loose::Untold);
        assert_eq!(read("[1,2]"), Loose::Untold);
        assert_eq!(read("\"true\"").flag(), Some(true));
        assert_eq!(read("\"yes\"").flag(), None);
        assert_eq!(read("\"2026-01-29T15:28:32.376Z\"").time(), Some(UnixMs(1_769_700_512_376)));
        assert_eq!(read("\"2026-01-29T16:28:32.376+01:00\"").time(), Some(UnixMs(1_769_700_512_376)));
        assert_eq!(read("\"yesterday\"").time(), None);
        assert_eq!(read("12").time(), None);
    }

    #[test]
    fn reads_lists_of_one_kind_as_long_as_they_can_be() {
        let read = |text: &str| serde_json::from_str::<LooseList>(text).unwrap();
        assert_eq!(read("[1,\"2\"]").ints(), Some(vec![1, 2]));
        assert_eq!(read("[1,\"x\"]").ints(), None);
        assert_eq!(read("[[1]]").ints(), None);
        assert_eq!(read("[\"a\",\"b\"]").texts(), Some(vec!["a", "b"]));
        for other in ["null", "true", "-7", "7", "1.5", "\"x\"", "{\"a\":[1,{}]}"] {
            assert_eq!(read(other), LooseList(None), "{other}");
        }
        let list = |length: usize| format!("[{}]", vec!["1"; length].join(","));
        assert_eq!(read(&list(LooseList::LONGEST)).ints().map(|ints| ints.len()), Some(LooseList::LONGEST));
        assert_eq!(read(&list(LooseList::LONGEST + 1)).ints(), None);
    }
}
