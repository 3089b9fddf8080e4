//! How misfits of shape are mended: fields with a letter wrong, and values of another type than was meant.

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::fix::{Change, Fix, Safety};
use crate::key_path::KeyPath;
use crate::suggest;

/// Renames a field to `near`, where that is not written as well. There is no other field that one letter makes of
/// it, so that is safe.
pub(super) fn renamed(key: &str, near: &str, table: &DeTable<'_>, path: &KeyPath) -> Option<Fix> {
    let is_free = match (table.get(near), table.get(key)) {
        (None, _) => true,
        // Two headers of one table, of which one is misspelt.
        (Some(there), Some(here)) => match (there.get_ref(), here.get_ref()) {
            (DeValue::Table(there), DeValue::Table(here)) => here
                .keys()
                .all(|key| !there.contains_key(key.get_ref().as_ref())),
            _ => false,
        },
        (Some(_), None) => false,
    };
    let safety = match strsim::osa_distance(key, near) {
        1 => Safety::Safe,
        _ => suggest::safety(key, near),
    };
    let change = Change::Rename(path.key(key), near.to_owned());
    is_free.then_some(Fix { safety, change })
}

/// Writes a value as the type that the schema asks for, where it can be read as one.
pub(super) fn retyped(
    kind: &str,
    found: &DeValue<'_>,
    schema: &Value,
    path: &KeyPath,
) -> Option<Fix> {
    let safe = |text: String| (text, Safety::Safe);
    // In quotes it still lacks a unit, mostly.
    let probable = |text: &str| (format!("\"{text}\""), Safety::Unsafe);
    let (text, safety) = match (kind, found) {
        ("integer", DeValue::String(text)) => safe(text.trim().parse::<u32>().ok()?.to_string()),
        ("boolean", DeValue::String(text)) => {
            safe(text.trim().to_lowercase().parse::<bool>().ok()?.to_string())
        }
        ("array", DeValue::String(text)) if is_of_strings(schema) => {
            safe(format!("[{}]", toml::Value::from(text.as_ref())))
        }
        ("string", DeValue::Integer(number)) if number.radix() == 10 => probable(number.as_str()),
        ("string", DeValue::Float(number)) => probable(number.as_str()),
        _ => return None,
    };
    let change = Change::Replace(path.clone(), text);
    Some(Fix { safety, change })
}

/// Whether the elements of an array are strings.
fn is_of_strings(array: &Value) -> bool {
    array.pointer("/items/type").and_then(Value::as_str) == Some("string")
}
