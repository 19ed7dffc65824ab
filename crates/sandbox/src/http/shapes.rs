//! The shapes of answers: which keys each has, and which types.
//!
//! A shape file is JSON itself: an object has the keys of the answer, a list has the shape of its members (or none),
//! a string names the types (`integer|null`), `null` alone stands for anything, and `{"?": shape}` for the shape or
//! null. [`overlay`] makes an answer out of values and a shape, so that no key is missing and none is too many.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

/// What one value of an answer looks like.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// An object with exactly these keys, in this order of the file's keys.
    Object(BTreeMap<String, Shape>),
    /// A list; its members' shape, when known.
    List(Option<Box<Shape>>),
    /// One of these types.
    Types(Vec<String>),
    /// The shape or null.
    Optional(Box<Shape>),
}

impl Shape {
    /// Reads a shape.
    #[must_use]
    pub fn parse(value: &Value) -> Self {
        match value {
            Value::Object(keys) => match keys.get("?") {
                Some(inner) if keys.len() == 1 => Self::Optional(Box::new(Self::parse(inner))),
                _ => Self::Object(keys.iter().map(|(key, value)| (key.clone(), Self::parse(value))).collect()),
            },
            Value::Array(members) => Self::List(members.first().map(|member| Box::new(Self::parse(member)))),
            Value::String(types) => Self::Types(types.split('|').map(str::to_owned).collect()),
            _ => Self::Types(vec!["null".to_owned()]),
        }
    }

    /// The emptiest value that has this shape.
    #[must_use]
    pub fn default_value(&self) -> Value {
        match self {
            Self::Object(keys) => {
                Value::Object(keys.iter().map(|(key, shape)| (key.clone(), shape.default_value())).collect())
            }
            Self::List(_) => Value::Array(Vec::new()),
            Self::Optional(_) => Value::Null,
            Self::Types(types) => match types.first().map(String::as_str) {
                _ if types.iter().any(|name| name == "null") => Value::Null,
                Some("integer") => Value::from(0),
                Some("number") => Value::from(0.0),
                Some("string") => Value::from(""),
                Some("boolean") => Value::from(false),
                _ => Value::Null,
            },
        }
    }

    /// The keys of an object's shape; none of anything else.
    #[must_use]
    pub fn keys(&self) -> Option<&BTreeMap<String, Shape>> {
        match self {
            Self::Object(keys) => Some(keys),
            Self::Optional(inner) => inner.keys(),
            _ => None,
        }
    }

    /// The shape of a list's members.
    #[must_use]
    pub fn member(&self) -> Option<&Shape> {
        match self {
            Self::List(member) => member.as_deref(),
            Self::Optional(inner) => inner.member(),
            _ => None,
        }
    }

    /// Every way in which a value differs from this shape.
    #[must_use]
    pub fn complaints(&self, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.compare(value, "$", &mut found);
        found
    }

    fn compare(&self, value: &Value, at: &str, found: &mut Vec<String>) {
        match (self, value) {
            (Self::Optional(_), Value::Null) => {}
            (Self::Optional(inner), value) => inner.compare(value, at, found),
            (Self::Object(keys), Value::Object(object)) => {
                for (key, shape) in keys {
                    match object.get(key) {
                        Some(value) => shape.compare(value, &format!("{at}.{key}"), found),
                        None => found.push(format!("{at}.{key} is missing")),
                    }
                }
                found.extend(
                    object.keys().filter(|key| !keys.contains_key(*key)).map(|key| format!("{at}.{key} is too much")),
                );
            }
            (Self::List(Some(shape)), Value::Array(members)) => {
                for (index, member) in members.iter().enumerate() {
                    shape.compare(member, &format!("{at}[{index}]"), found);
                }
            }
            (Self::List(None), Value::Array(_)) => {}
            (Self::Types(types), value) => {
                let only_null = types.iter().all(|name| name == "null");
                let name = type_name(value);
                let fits = types.iter().any(|known| known == name || (known == "number" && name == "integer"));
                if !only_null && !fits {
                    found.push(format!("{at} is {name}, not {}", types.join("|")));
                }
            }
            (shape, value) => found.push(format!("{at} is {}, not {shape:?}", type_name(value))),
        }
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// A value of this shape: own values where there are any, the emptiest ones elsewhere, other keys left out.
#[must_use]
pub fn overlay(shape: &Shape, own: &Value) -> Value {
    match (shape, own) {
        (Shape::Optional(inner), own) if !own.is_null() => overlay(inner, own),
        (Shape::Object(keys), Value::Object(object)) => {
            let value = |(key, shape): (&String, &Shape)| {
                let value = object.get(key).map_or_else(|| shape.default_value(), |own| overlay(shape, own));
                (key.clone(), value)
            };
            Value::Object(keys.iter().map(value).collect::<Map<_, _>>())
        }
        (Shape::List(Some(member)), Value::Array(members)) => {
            Value::Array(members.iter().map(|own| overlay(member, own)).collect())
        }
        (_, own) => own.clone(),
    }
}

macro_rules! shapes {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../shapes/", $name, ".json")))),*]
    };
}

static SHAPES: LazyLock<BTreeMap<&'static str, Shape>> = LazyLock::new(|| {
    let files = shapes![
        "asset_data_versions_index",
        "asset_data_versions_show",
        "assets_add_version",
        "assets_revert",
        "assets_search",
        "assets_show",
        "assets_trashed",
        "assets_update",
        "bulk_jobs_create",
        "bulk_jobs_index",
        "bulk_jobs_show",
        "can_upload",
        "contribution_uploads_create",
        "contributions_index",
        "contributions_show",
        "storage_folders_asset_ids",
        "storage_folders_create",
        "storage_folders_index",
        "storage_folders_show",
        "storage_folders_tree",
        "storage_folders_update",
        "updated_since_last_sync",
        "uploads_assets_create",
        "uploads_create",
        "uploads_set_done",
        "whoami",
    ];
    // The files are part of the program; a test reads each of them.
    files
        .into_iter()
        .map(|(name, text)| (name, Shape::parse(&serde_json::from_str(text).unwrap_or_default())))
        .collect()
});

/// The shape of an endpoint's answer, by the name of its file.
#[must_use]
pub fn shape(name: &str) -> &'static Shape {
    static ANYTHING: LazyLock<Shape> = LazyLock::new(|| Shape::Types(vec!["null".to_owned()]));
    SHAPES.get(name).unwrap_or(&ANYTHING)
}

/// The names of all shapes.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHAPES.keys().copied()
}
