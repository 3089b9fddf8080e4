//! The saved objects of Kibana, for which there is no validator: lines of JSON that Kibana's import takes
//! (<https://www.elastic.co/docs/api/doc/kibana/operation/operation-post-saved-objects-import-default>).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::verify::{Faults, Own, files_in};

pub(super) static OBJECTS: Own = Own {
    name: "Kibana",
    files: |files| {
        files_in(files, "", &[".ndjson"])
            .into_iter()
            .map(str::to_owned)
            .collect()
    },
    check: |_, text, _| check(text),
};

fn check(text: &str) -> Faults {
    let mut faults = Vec::new();
    let mut objects = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match serde_json::from_str::<Value>(line) {
            Ok(object) => objects.push((index + 1, object)),
            Err(error) => {
                faults.push((Some(index + 1), format!("a line that is no JSON: {error}")))
            }
        }
    }
    let name = |object: &Value| {
        let word = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
        Some((word("type")?, word("id")?))
    };
    let known: BTreeSet<_> = objects
        .iter()
        .filter_map(|(_, object)| name(object))
        .collect();
    let number = known.len();
    for (line, object) in objects {
        let mut fault = |message: String| faults.push((Some(line), message));
        if let Some(exported) = object.get("exportedCount") {
            if exported.as_u64() != u64::try_from(number).ok() {
                fault(format!(
                    "it says that {exported} objects were exported, and there are {number}"
                ));
            }
            continue;
        }
        if name(&object).is_none() || !object.get("attributes").is_some_and(Value::is_object) {
            fault("an object has a `type`, an `id` and `attributes`".to_owned());
        }
        for version in ["coreMigrationVersion", "typeMigrationVersion"] {
            if object.get(version).and_then(Value::as_str).is_none() {
                fault(format!(
                    "without `{version}` a later Kibana cannot read the object"
                ));
            }
        }
        let references = object.get("references").and_then(Value::as_array);
        for reference in references.into_iter().flatten() {
            if !name(reference).is_some_and(|name| known.contains(&name)) {
                fault(format!(
                    "it refers to an object that is not in the file: {reference}"
                ));
            }
        }
        for (path, text) in texts_of_json(object.get("attributes").unwrap_or(&Value::Null)) {
            if let Err(error) = serde_json::from_str::<Value>(text) {
                fault(format!("`{path}` is no JSON: {error}"));
            }
        }
    }
    faults
}

/// The strings that hold JSON themselves, which Kibana knows by the names of their fields.
fn texts_of_json(value: &Value) -> Vec<(&str, &str)> {
    let Value::Object(fields) = value else {
        return Vec::new();
    };
    let mut texts = Vec::new();
    for (name, value) in fields {
        match value {
            Value::String(text) if name.ends_with("JSON") || name == "visState" => {
                texts.push((name.as_str(), text.as_str()))
            }
            _ => texts.extend(texts_of_json(value)),
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: &str = r#"{"type":"index-pattern","id":"logs","attributes":{"title":"gateway-logs-*"},"coreMigrationVersion":"8.8.0","typeMigrationVersion":"8.0.0","references":[]}"#;
    const SEARCH: &str = r#"{"type":"search","id":"errors","attributes":{"kibanaSavedObjectMeta":{"searchSourceJSON":"{}"}},"coreMigrationVersion":"8.8.0","typeMigrationVersion":"8.0.0","references":[{"type":"index-pattern","id":"logs","name":"x"}]}"#;
    const END: &str = r#"{"exportedCount":2,"missingRefCount":0,"missingReferences":[]}"#;

    fn faults(change: (&str, &str)) -> Vec<Option<usize>> {
        let text = format!("{VIEW}\n{SEARCH}\n{END}\n");
        assert!(text.contains(change.0), "{}", change.0);
        check(&text.replace(change.0, change.1))
            .into_iter()
            .map(|(line, _)| line)
            .collect()
    }

    #[test]
    fn sound_objects_have_no_faults() {
        assert_eq!(faults(("logs", "logs")), []);
    }

    #[test]
    fn each_fault_is_told_with_its_line() {
        assert_eq!(
            faults((r#""id":"logs","name""#, r#""id":"logz","name""#)),
            [Some(2)]
        );
        assert_eq!(faults((r#""{}""#, r#""{""#)), [Some(2)]);
        assert_eq!(
            faults((r#""exportedCount":2"#, r#""exportedCount":3"#)),
            [Some(3)]
        );
        assert_eq!(faults((r#"{"type":"search","#, r#"{"#)), [Some(2), Some(3)]);
        assert_eq!(
            faults((
                r#","typeMigrationVersion":"8.0.0","references":[]}"#,
                r#","references":[]}"#
            )),
            [Some(1)]
        );
        assert_eq!(faults((r#"[]}"#, "")), [Some(1), Some(3), Some(2)]);
    }
}
