//! A server's own words about a refusal, made fit to be shown.
//!
//! - Only the fields that are meant for people are shown: `error`, `message`, `error_description`, `errors`.
//! - Our secrets are masked, queries of addresses cut off, control characters removed, the whole kept short.

use serde_json::Value;

/// Longest text shown, in characters.
const LONGEST: usize = 300;

/// The reason in an error body; empty if it has none.
pub(crate) fn reason(body: &[u8], secrets: &[String]) -> String {
    let found = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(map)) => {
            let mut parts: Vec<String> = Vec::new();
            for key in ["error", "message", "error_description", "errors"] {
                if let Some(text) = map.get(key).map(flatten).filter(|text| !text.is_empty() && !parts.contains(text)) {
                    parts.push(text);
                }
            }
            parts.join("; ")
        }
        Ok(Value::String(text)) => text,
        Ok(Value::Array(list)) => flatten(&Value::Array(list)),
        Ok(_) => String::new(),
        Err(_) => xml_reason(body),
    };
    presentable(&found, secrets)
}

/// Cuts and masks a text that came from outside.
pub(crate) fn presentable(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| secret.len() >= 4) {
        text = text.replace(secret.as_str(), "…");
    }
    let words: Vec<String> = text
        .split_whitespace()
        .map(|word| {
            let word: String = word.chars().filter(|c| !c.is_control()).collect();
            match word.find("://").and_then(|at| word[at..].find('?').map(|query| at + query)) {
                Some(query) => format!("{}?…", &word[..query]),
                None => word,
            }
        })
        .collect();
    let text = words.join(" ");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn flatten(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(flatten).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            map.iter().map(|(key, value)| format!("{key} {}", flatten(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// The code of a storage's XML error: `<Error><Code>…</Code><Message>…</Message></Error>`.
pub(crate) fn xml_code(body: &[u8]) -> Option<String> {
    element(&String::from_utf8_lossy(body), "Code")
}

fn xml_reason(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    match (element(&text, "Code"), element(&text, "Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => String::new(),
    }
}

fn element(text: &str, name: &str) -> Option<String> {
    if !text.contains("<Error") {
        return None;
    }
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    Some(inner.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_reason_wherever_it_stands() {
        for (body, words) in [
            (r#"{"error":"no"}"#, "no"),
            (r#"{"message":"no","status":1}"#, "no"),
            (r#"{"error":"invalid_grant","error_description":"too old"}"#, "invalid_grant; too old"),
            (r#"{"errors":["a","b"]}"#, "a, b"),
            (r#"{"errors":{"name":["is taken","is bad"]}}"#, "name is taken, is bad"),
            (r#"{"errors":{"x":{"y":1}}}"#, "x y 1"),
            (r#""plain""#, "plain"),
            ("<html>oops</html>", ""),
            ("", ""),
            ("<Error><Code>BadDigest</Code><Message>not it</Message></Error>", "BadDigest: not it"),
        ] {
            assert_eq!(reason(body.as_bytes(), &[]), words, "{body}");
        }
    }

    #[test]
    fn secrets_queries_and_control_characters_are_never_shown() {
        let body = r#"{"error":"token sesame-42 \u001b[31mbad at https://s.example/k?X-Amz-Signature=abc"}"#;
        let shown = reason(body.as_bytes(), &["sesame-42".into()]);
        assert_eq!(shown, "token … [31mbad at https://s.example/k?…");
        assert!(presentable(&"x".repeat(1000), &[]).chars().count() <= LONGEST + 1);
    }
}
