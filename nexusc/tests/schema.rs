//! The JSON schema that editors read is the one of this compiler, and says all that they show.

use serde_json::{Map, Value, json};

#[test]
fn the_committed_schema_is_current() {
    let committed = std::fs::read_to_string("../specs/nexus.schema.json").unwrap_or_default();
    let current = serde_json::to_string_pretty(&nexusc::schema::json()).unwrap() + "\n";
    assert!(
        committed == current,
        "run `cargo run -p nexusc -- schema > specs/nexus.schema.json`"
    );
}

/// What of `value` is not as `schema` says, by the keywords of draft-07 that the schema has. One that is unknown here, or
/// holds what the draft does not allow, is a fault of the schema.
fn faults(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let none = Map::new();
    let properties = schema.get("properties").map_or(&none, |properties| {
        properties.as_object().expect("fields are an object")
    });
    for (keyword, said) in schema.as_object().expect("a schema is an object") {
        let fits = match (keyword.as_str(), said) {
            ("type", Value::String(kind)) => match kind.as_str() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "number" => value.is_number(),
                "integer" => value.is_i64() || value.is_u64(),
                other => panic!("{path}: there is no type {other}"),
            },
            ("minimum", Value::Number(least)) => value
                .as_f64()
                .is_none_or(|number| Some(number) >= least.as_f64()),
            ("required", Value::Array(names)) => {
                let mut names = names.iter().map(|name| name.as_str().expect("a name"));
                value
                    .as_object()
                    .is_none_or(|fields| names.all(|name| fields.contains_key(name)))
            }
            ("additionalProperties", Value::Bool(false)) => value
                .as_object()
                .is_none_or(|fields| fields.keys().all(|name| properties.contains_key(name))),
            ("properties" | "items" | "additionalProperties", Value::Object(_)) => true,
            ("title" | "description" | "format" | "$schema", Value::String(_)) => true,
            ("default", Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                true
            }
            ("default", Value::Object(_)) | ("x-nexus-secret", Value::Bool(true)) => true,
            (keyword, said) => panic!("{path}: `{keyword}` is no keyword, or not {said}"),
        };
        if !fits {
            found.push(format!("{path}: {keyword}"));
        }
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        let schema = properties.get(name).or(schema.get("additionalProperties"));
        if let Some(schema) = schema.filter(|schema| schema.is_object()) {
            found.extend(faults(schema, inner, &format!("{path}.{name}")));
        }
    }
    for element in value.as_array().into_iter().flatten() {
        found.extend(faults(&schema["items"], element, &format!("{path}.*")));
    }
    found
}

#[test]
fn each_spec_passes_the_schema_and_a_misspelt_one_does_not() {
    let schema = nexusc::schema::json();
    let read =
        |text: &str| serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap();
    for folder in ["../specs", "../tests/specs", "tests"] {
        let files = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        for spec in files.filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        }) {
            let spec = std::fs::read_to_string(&spec).unwrap();
            assert_eq!(faults(&schema, &read(&spec), ""), Vec::<String>::new());
        }
    }
    let misspelt = "[gateway]\nlistne = true\nmax_attempts = -1\n[lints]\nNX0901 = 1\n";
    let found = faults(&schema, &read(misspelt), "");
    assert_eq!(
        found,
        [
            ": required",
            ".gateway: additionalProperties",
            ".gateway.max_attempts: minimum",
            ".lints.NX0901: type"
        ]
    );
}

/// A field without fields of its own had `"properties": null`, which validators refuse the whole schema for.
#[test]
fn every_part_of_it_is_a_schema_and_every_default_fits() {
    fn holds_null(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(elements) => elements.iter().any(holds_null),
            Value::Object(fields) => fields.values().any(holds_null),
            _ => false,
        }
    }
    assert!(!holds_null(&nexusc::schema::json()));
    for (path, field, _) in language() {
        let Some(default) = field.get("default") else {
            // Its keywords are judged all the same.
            let _ = faults(&field, &Value::Null, &path);
            continue;
        };
        assert_eq!(faults(&field, default, &path), Vec::<String>::new());
    }
}

/// Every field of the language with its path, its schema, and whether it must be written, or its table says what
/// becomes of all that is left out.
fn fields(schema: &Value, path: &str, found: &mut Vec<(String, Value, bool)>) {
    let required = schema["required"].as_array();
    let description = schema["description"].as_str().unwrap_or_default();
    let is_settled = description.contains("hat is left out");
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let is_required = required.is_some_and(|required| required.contains(&json!(name)));
        found.push((path.clone(), property.clone(), is_required || is_settled));
        fields(property, &path, found);
    }
    for inner in ["additionalProperties", "items"] {
        if schema[inner].is_object() {
            fields(&schema[inner], &format!("{path}.*"), found);
        }
    }
}

fn language() -> Vec<(String, Value, bool)> {
    let mut found = Vec::new();
    fields(&nexusc::schema::json(), "", &mut found);
    assert!(found.len() > 100, "the walk finds the language");
    found
}

#[test]
fn every_field_is_described() {
    for (path, field, _) in language() {
        assert!(
            field["description"].is_string(),
            "{path} has no description"
        );
    }
}

#[test]
fn every_value_that_may_be_left_out_has_a_default() {
    for (path, field, is_settled) in language() {
        let is_table = field["properties"].is_object() || field["additionalProperties"].is_object();
        let description = field["description"].as_str().unwrap_or_default();
        assert!(
            is_settled || is_table || description.contains("Default:"),
            "{path} does not say what holds without it"
        );
    }
}

#[test]
fn editors_show_defaults_that_are_values() {
    let default = |path: &str| {
        let field = language().into_iter().find(|(field, ..)| field == path);
        field.and_then(|(_, field, _)| field.get("default").cloned())
    };
    assert_eq!(default(".gateway.max_attempts"), Some(json!(8)));
    assert_eq!(default(".timeouts.first_byte"), Some(json!("60s")));
    assert_eq!(default(".models.*.limit"), None);
    // What `[timeouts]` says comes first.
    assert_eq!(default(".upstreams.*.timeouts.first_byte"), None);
}

#[test]
fn each_spec_names_the_schema_in_its_first_line() {
    let specs = std::fs::read_dir("../specs").unwrap();
    let specs = specs.map(|entry| entry.unwrap().path());
    for spec in specs.filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    }) {
        let text = std::fs::read_to_string(&spec).unwrap();
        assert!(
            text.starts_with("#:schema ./nexus.schema.json\n"),
            "{}",
            spec.display()
        );
    }
}
