//! What a server answers: read right, or refused with a sentence; never misread, never a panic.

use damsync_model::id::AssetId;
pub use damsync_remote::hostile::{READERS, Reader};
use damsync_remote::hostile::{Read, read};
use serde_json::Value;

/// The first byte says which answer it is; the rest is the answer.
pub fn holds(bytes: &[u8]) {
    let (first, body) = bytes.split_first().unwrap_or((&0, &[]));
    let reader = READERS[usize::from(*first) % READERS.len()];
    let told = read(reader, body);
    let again = read(reader, body);
    assert_eq!(format!("{told:?}"), format!("{again:?}"), "the same each time");
    let json = serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
    let value = serde_json::from_slice::<Value>(body).ok();
    match told {
        Err(error) => {
            let sentence = error.to_string();
            assert!(!sentence.is_empty() && sentence.chars().count() < 500, "{sentence}");
            assert!(!sentence.contains(char::is_control), "{sentence:?}");
            assert!(!is_right(reader, value.as_ref()), "{reader:?} refused: {sentence}");
        }
        Ok(Read::Words(words)) if matches!(reader, Reader::Words) => {
            assert!(words.chars().count() <= 301 && !words.contains(char::is_control), "{words:?}");
            assert!(!words.contains("s3cr3t-token"), "{words:?}");
        }
        Ok(_) if matches!(reader, Reader::Wait | Reader::Range) => {}
        Ok(read) => {
            assert!(json, "{reader:?} read what is no JSON: {read:?}");
            if let Some(value) = value {
                is_what_stands_there(reader, &read, &value);
            }
        }
    }
}

/// Answers that leave no doubt must not be refused.
fn is_right(reader: Reader, value: Option<&Value>) -> bool {
    match (reader, value) {
        (Reader::Ids, Some(Value::Array(ids))) => ids.len() < 1_000_000 && ids.iter().all(Value::is_i64),
        (Reader::Folders, Some(Value::Array(folders))) => folders.is_empty(),
        _ => false,
    }
}

/// What was read says nothing that the answer does not.
fn is_what_stands_there(reader: Reader, read: &Read, value: &Value) {
    let is_list = matches!(reader, Reader::Folders) || matches!((reader, value), (Reader::Ids, Value::Array(_)));
    assert_eq!(value.is_array(), is_list, "{reader:?} took {value} for what it is not");
    match read {
        Read::Ids(ids) => {
            assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "in order, each once");
            if let Value::Array(list) = value {
                let there = |id: &AssetId| list.iter().any(|one| as_id(one).as_ref() == Some(id));
                assert!(ids.iter().all(there) && list.iter().all(|one| as_id(one).is_some()), "{value}");
            }
        }
        Read::Assets(total, assets) => {
            let list = if matches!(reader, Reader::Page) { value["assets"].as_array() } else { None };
            let one = [value.clone()];
            let list = list.map_or(&one[..], Vec::as_slice);
            assert_eq!(assets.len(), list.len());
            assert!(assets.len() <= 1000 && *total <= i64::MAX as u64);
            for (asset, told) in assets.iter().zip(list) {
                assert_eq!(Some(&asset.id), as_id(&told["id"]).as_ref(), "{told}");
                assert_eq!(told["guid"].as_str(), Some(&*asset.guid.0), "{told}");
                if let Some(name) = told["filename"].as_str() {
                    assert_eq!(asset.filename, name);
                }
                if let Some(size) = told["file_size"].as_u64() {
                    assert_eq!(asset.claimed.size, i64::try_from(size).ok().map(|_| size), "{told}");
                }
                assert!(asset.trashed_at.is_some() || !told["trashed_at"].is_string(), "{told}");
            }
        }
        Read::Folders(folders) => {
            for folder in folders {
                assert!(folder.ancestors.len() <= 100_000);
            }
        }
        Read::Words(_) => {}
    }
}

fn as_id(value: &Value) -> Option<AssetId> {
    #[expect(clippy::cast_possible_truncation, reason = "whole numbers only, and only to compare")]
    let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 9.0e15).then_some(number as i64);
    let number = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    number.or_else(|| value.as_f64().filter(|_| value.is_f64()).and_then(whole)).map(AssetId::from)
}
