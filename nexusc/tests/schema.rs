//! The JSON schema that editors read is the one of this compiler, and says all that they show.

use serde_json::{Value, json};

#[test]
fn the_committed_schema_is_current() {
    let committed = std::fs::read_to_string("../specs/nexus.schema.json").unwrap_or_default();
    let current = serde_json::to_string_pretty(&nexusc::schema::json()).unwrap() + "\n";
    assert!(
        committed == current,
        "run `cargo run -p nexusc -- schema > specs/nexus.schema.json`"
    );
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
