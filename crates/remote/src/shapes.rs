//! The outer shapes of answers: objects that are objects, and lists that have an end.
//!
//! An answer of a few mebibytes can hold millions of things that are small in JSON and large in memory. So a list is read
//! one by one, what does not belong there is passed over unbuilt, and what is too many is counted and not kept.

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// An object, and nothing else: a derived reader takes a list for one as well, field by field.
#[derive(Debug)]
pub(crate) struct Object<T>(pub(crate) T);

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

/// An object that need not be one: null and other types are "not told".
#[derive(Clone, Debug)]
pub(crate) struct Maybe<T>(pub(crate) Option<T>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// Builds nothing but the object itself, whatever stands in its place.
struct MaybeVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for MaybeVisitor<T> {
    type Value = Maybe<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Maybe<T>, E> {
        Ok(Maybe(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Maybe<T>, E> {
        Ok(Maybe(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Maybe<T>, E> {
        Ok(Maybe(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Maybe<T>, E> {
        Ok(Maybe(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Maybe<T>, E> {
        Ok(Maybe(None))
    }

    fn visit_unit<E>(self) -> Result<Maybe<T>, E> {
        Ok(Maybe(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Maybe<T>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Maybe(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Maybe<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|object| Maybe(Some(object)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MaybeVisitor(PhantomData))
    }
}

/// A list of objects, at most `MOST` of which are kept.
#[derive(Debug)]
pub(crate) struct Few<T, const MOST: usize> {
    pub(crate) kept: Vec<T>,
    /// How many came behind them.
    pub(crate) passed_over: usize,
}

impl<T, const MOST: usize> Few<T, MOST> {
    /// All of them, if they are not too many.
    pub(crate) fn all(self) -> Result<Vec<T>, String> {
        match self.passed_over {
            0 => Ok(self.kept),
            more => Err(format!("a list of {} where at most {MOST} are read", self.kept.len() + more)),
        }
    }
}

struct FewVisitor<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for FewVisitor<T, MOST> {
    type Value = Few<T, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < MOST {
            match seq.next_element::<Object<T>>()? {
                Some(Object(item)) => kept.push(item),
                None => return Ok(Few { kept, passed_over: 0 }),
            }
        }
        let mut passed_over = 0;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            passed_over += 1;
        }
        Ok(Few { kept, passed_over })
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Few<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FewVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Point {
        x: i64,
    }

    #[test]
    fn only_an_object_is_an_object() {
        let read = |text: &str| serde_json::from_str::<Object<Point>>(text).ok().map(|point| point.0.x);
        assert_eq!(read(r#"{"x":7}"#), Some(7));
        assert_eq!(read("{}"), Some(0));
        for bad in ["[7]", "[]", "7", "null", r#""x""#, "true", r#"{"x":7,"x":8}"#] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_need_not_be_an_object_may_be_anything_whole() {
        let read = |text: &str| serde_json::from_str::<Maybe<Point>>(text).ok().map(|maybe| maybe.0.map(|it| it.x));
        assert_eq!(read(r#"{"x":7}"#), Some(Some(7)));
        for other in ["[7]", "[{}]", "7", "-7", "7.5", "null", r#""x""#, "true"] {
            assert_eq!(read(other), Some(None), "{other}");
        }
        assert_eq!(read("[7"), None);
    }

    #[test]
    fn a_list_that_is_too_long_is_counted_and_not_kept() {
        let read = |text: &str| serde_json::from_str::<Few<Point, 2>>(text).ok().map(Few::all);
        assert_eq!(read(r#"[{"x":1},{"x":2}]"#), Some(Ok(vec![Point { x: 1 }, Point { x: 2 }])));
        assert_eq!(read("[]"), Some(Ok(vec![])));
        assert_eq!(read("[{},{},{},7]"), Some(Err("a list of 4 where at most 2 are read".to_owned())));
        for bad in ["[7]", "[[1]]", "{}", "null", "[{},{},{}"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
