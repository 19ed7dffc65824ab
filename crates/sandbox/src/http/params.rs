//! Parameters of a request: query and body as one JSON object, read tolerantly.
//!
//! `key[]=a&key[]=b` is a list, `key[inner]=a` an object, everything in a query or a form is text until it is asked
//! for as something else. A JSON body's keys win over those of the query.

use serde_json::{Map, Value};

use crate::world::Refusal;
use crate::world::search::Window;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Map<String, Value>);

impl Params {
    pub(crate) fn read(query: &str, content_type: &str, body: &[u8]) -> Result<Self, Refusal> {
        let mut params = Self::default();
        params.add_form(query);
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(params);
        }
        if content_type.starts_with("application/x-www-form-urlencoded") {
            params.add_form(&String::from_utf8_lossy(body));
            return Ok(params);
        }
        let unreadable = |_| Refusal::BadRequest("the body is not a JSON object".to_owned());
        let body: Map<String, Value> = serde_json::from_slice(body).map_err(unreadable)?;
        params.0.extend(body);
        Ok(params)
    }

    fn add_form(&mut self, form: &str) {
        for pair in form.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (key, value) = (decode(key), Value::String(decode(value)));
            if let Some(list) = key.strip_suffix("[]") {
                let entry = self.slot(list);
                match entry {
                    Value::Array(members) => members.push(value),
                    other => *other = Value::Array(vec![value]),
                }
            } else {
                *self.slot(&key) = value;
            }
        }
    }

    /// The place of `key` or `outer[inner]`.
    fn slot(&mut self, key: &str) -> &mut Value {
        match key.strip_suffix(']').and_then(|key| key.split_once('[')) {
            None => self.0.entry(key).or_insert(Value::Null),
            Some((outer, inner)) => {
                let outer = self.0.entry(outer).or_insert_with(|| Value::Object(Map::new()));
                if !outer.is_object() {
                    *outer = Value::Object(Map::new());
                }
                &mut outer[inner]
            }
        }
    }

    /// The parameters below a key; those beside it when there is none.
    pub(crate) fn below(&self, key: &str) -> Self {
        match self.0.get(key) {
            Some(Value::Object(inner)) => Self(inner.clone()),
            _ => self.clone(),
        }
    }

    pub(crate) fn raw(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    pub(crate) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        match self.0.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }

    pub(crate) fn filled(&self, key: &str) -> Option<String> {
        self.text(key).filter(|text| !text.is_empty())
    }

    pub(crate) fn int(&self, key: &str) -> Option<i64> {
        integer(self.0.get(key)?)
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        match self.0.get(key) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => matches!(text.as_str(), "true" | "1"),
            Some(Value::Number(number)) => number.as_i64() == Some(1),
            _ => false,
        }
    }

    /// A list, or the parts of a text between commas.
    pub(crate) fn list(&self, key: &str) -> Option<Vec<Value>> {
        match self.0.get(key)? {
            Value::Array(members) => Some(members.clone()),
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.split(',').map(|part| Value::from(part.trim())).collect()),
            Value::Null => None,
            other => Some(vec![other.clone()]),
        }
    }

    pub(crate) fn texts(&self, key: &str) -> Option<Vec<String>> {
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Some(self.list(key)?.into_iter().map(text).collect())
    }

    pub(crate) fn ints(&self, key: &str) -> Option<Vec<i64>> {
        Some(self.list(key)?.iter().filter_map(integer).collect())
    }

    /// Two times; an end that is empty is open.
    pub(crate) fn window(&self, key: &str) -> Result<Option<Window>, Refusal> {
        let Some(ends) = self.list(key) else {
            return Ok(None);
        };
        let end = |index: usize| match ends.get(index) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(value) => time(value).map(Some).ok_or_else(|| Refusal::BadRequest(format!("{key} is not a time"))),
        };
        Ok(Some((end(0)?, end(1)?)))
    }

    pub(crate) fn time(&self, key: &str) -> Result<Option<i64>, Refusal> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => time(value).map(Some).ok_or_else(|| Refusal::BadRequest(format!("{key} is not a time"))),
        }
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Milliseconds, or ISO 8601 with or without a time of day.
fn time(value: &Value) -> Option<i64> {
    if let Some(number) = integer(value) {
        return Some(number);
    }
    let text = value.as_str()?.trim();
    let timestamp: jiff::Timestamp = match text.parse() {
        Ok(timestamp) => timestamp,
        Err(_) => format!("{text}T00:00:00Z").parse().ok()?,
    };
    Some(timestamp.as_millisecond())
}

/// Undoes the encoding of forms: `%XX` and `+`.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = |offset: usize| bytes.get(at + offset).and_then(|byte| char::from(*byte).to_digit(16));
        match (byte, hex(1), hex(2)) {
            (b'+', ..) => decoded.push(b' '),
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 2;
            }
            _ => decoded.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
