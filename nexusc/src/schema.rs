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
    schema.to_value()
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
