//! The JSON schema of the language, for editors and for [`crate::parse`].

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::Value;

use crate::spec::Spec;

/// Marks, in the schema, a table that says where a secret is read from.
pub const SECRET: &str = "x-nexus-secret";

/// The schema: draft-07, which every editor reads, without references, and without the `null` of optional
/// fields, which TOML does not have.
pub fn json() -> Value {
    let mut settings = SchemaSettings::draft07().with_transform(WithoutNull);
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<Spec>();
    schema.insert("title".to_owned(), "Nexus spec, edition 1".into());
    let mut schema = schema.to_value();
    let root: Vec<String> = schema
        .get("properties")
        .and_then(Value::as_object)
        .map(|tables| tables.keys().cloned().collect())
        .unwrap_or_default();
    state_defaults(&mut schema, &root, false);
    schema
}

/// States as `default` what the documentation of each field gives as its default, where that is a value. An entry's
/// own table of the name of a table of the spec, such as `timeouts`, takes what it leaves out from that one instead.
fn state_defaults(schema: &mut Value, root: &[String], is_entry: bool) {
    let default = schema["description"].as_str().and_then(documented_default);
    if let (Some(default), Some(schema)) = (default, schema.as_object_mut()) {
        schema.insert("default".to_owned(), default);
    }
    // Not by an index: that would write `"properties": null` where there are none.
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if !(is_entry && root.contains(name)) {
            state_defaults(property, root, false);
        }
    }
    for inner in ["additionalProperties", "items"] {
        if let Some(entry) = schema.get_mut(inner).filter(|entry| entry.is_object()) {
            state_defaults(entry, root, true);
        }
    }
}

/// The value of "Default: `VALUE`." at the end of a documentation.
fn documented_default(description: &str) -> Option<Value> {
    let (_, default) = description.rsplit_once("Default:")?;
    let value = default.trim().strip_prefix('`')?.strip_suffix("`.")?;
    serde_json::from_str(value).ok()
}

#[derive(Clone, Debug)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(kind) = schema
            .get("type")
            .and_then(Value::as_array)
            .and_then(|kinds| {
                kinds
                    .iter()
                    .find(|kind| kind.as_str() != Some("null"))
                    .cloned()
            })
        {
            schema.insert("type".to_owned(), kind);
        }
        if let Some(some) = schema
            .remove("anyOf")
            .and_then(|any| any.as_array()?.first().cloned())
        {
            for (key, value) in some.as_object().into_iter().flatten() {
                if schema.get(key).is_none() {
                    schema.insert(key.clone(), value.clone());
                }
            }
        }
        transform_subschemas(self, schema);
    }
}
