//! The JSON schema that editors read is the one of this compiler.

#[test]
fn the_committed_schema_is_current() {
    let committed = std::fs::read_to_string("../specs/nexus.schema.json").unwrap_or_default();
    let current = serde_json::to_string_pretty(&nexusc::schema::json()).unwrap() + "\n";
    assert!(
        committed == current,
        "run `cargo run -p nexusc -- schema > specs/nexus.schema.json`"
    );
}

#[test]
fn every_field_is_described() {
    fn walk(schema: &serde_json::Value, path: &str) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            assert!(
                property["description"].is_string(),
                "{path} has no description"
            );
            walk(property, &path);
        }
        walk_entries(schema, path);
    }
    fn walk_entries(schema: &serde_json::Value, path: &str) {
        if schema["additionalProperties"].is_object() {
            walk(&schema["additionalProperties"], path);
        }
    }
    walk(&nexusc::schema::json(), "");
}
