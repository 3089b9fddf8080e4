//! A value that a JSON schema would accept, for the arguments of tool calls and for structured answers.

use std::cell::Cell;

use serde_json::{Map, Value};

/// Schemas refer to themselves; nobody needs an example this deep.
const MAX_DEPTH: usize = 16;

/// The most values in one example: a bound on what a schema that refers to itself can make this crate build.
const MAX_VALUES: usize = 4096;

/// A value for `schema`: its `const`, first `enum` entry or `default` if it has one, else the simplest of
/// its type, with every required property. It understands the part of JSON schema that tools and structured
/// answers use: references within the schema, and no patterns.
pub(crate) fn value(schema: &Value) -> Value {
    let example = Example {
        root: schema,
        left: Cell::new(MAX_VALUES),
    };
    example.value(schema, MAX_DEPTH)
}

/// One example on its way.
struct Example<'a> {
    /// The whole schema, which its parts refer to.
    root: &'a Value,
    /// How many values it may still get.
    left: Cell<usize>,
}

impl Example<'_> {
    fn value(&self, schema: &Value, depth: usize) -> Value {
        let left = self.left.get();
        if depth == 0 || left == 0 {
            return Value::Null;
        }
        self.left.set(left - 1);
        if let Some(given) = given(schema) {
            return given.clone();
        }
        let referred = schema.get("$ref").and_then(Value::as_str);
        if let Some(path) = referred.and_then(|reference| reference.strip_prefix('#')) {
            let named = self.root.pointer(path).unwrap_or(&Value::Null);
            return self.value(named, depth - 1);
        }
        for choice in ["anyOf", "oneOf", "allOf"] {
            if let Some(first) = schema.get(choice).and_then(|choices| choices.get(0)) {
                return self.value(first, depth - 1);
            }
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "string" => Value::from("text"),
            "integer" => schema.get("minimum").cloned().unwrap_or(Value::from(1)),
            "number" => schema.get("minimum").cloned().unwrap_or(Value::from(1.5)),
            "boolean" => Value::from(true),
            _ => Value::Null,
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let required = schema.get("required").and_then(Value::as_array);
        let names = required.into_iter().flatten().filter_map(Value::as_str);
        let members = names.map(|name| {
            let property = properties.and_then(|properties| properties.get(name));
            (
                name.to_owned(),
                property.map_or(Value::Null, |schema| self.value(schema, depth - 1)),
            )
        });
        Value::Object(members.collect::<Map<_, _>>())
    }

    fn array(&self, schema: &Value, depth: usize) -> Value {
        let wanted = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let items = schema.get("items").unwrap_or(&Value::Null);
        // A bound on what a request can make this server build.
        (0..wanted.min(16))
            .map(|_| self.value(items, depth - 1))
            .collect()
    }
}

fn given(schema: &Value) -> Option<&Value> {
    schema
        .get("const")
        .or_else(|| schema.get("enum").and_then(|values| values.get(0)))
        .or_else(|| schema.get("default"))
}

/// The type of the value; with several allowed, the first.
fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str).unwrap_or("null"),
        _ if schema.get("properties").is_some() => "object",
        _ => "null",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn required_properties_are_filled_in() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"enum": ["celsius", "fahrenheit"]},
                "days": {"type": "integer", "minimum": 3},
                "note": {"type": "string"}
            },
            "required": ["city", "unit", "days"]
        });
        assert_eq!(
            value(&schema),
            json!({"city": "text", "unit": "celsius", "days": 3})
        );
    }

    #[test]
    fn a_tool_without_parameters_gets_an_empty_object() {
        assert_eq!(
            value(&json!({"type": "object", "properties": {}})),
            json!({})
        );
    }

    #[test]
    fn references_within_the_schema_are_followed() {
        let schema = json!({
            "$defs": {"Place": {"type": "object", "required": ["city"],
                                "properties": {"city": {"type": "string"}}}},
            "type": "object",
            "properties": {"from": {"$ref": "#/$defs/Place"}, "to": {"$ref": "#/$defs/Nowhere"}},
            "required": ["from", "to"]
        });
        assert_eq!(
            value(&schema),
            json!({"from": {"city": "text"}, "to": null})
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_gives_an_example_of_bounded_size() {
        let names = ["a", "b", "c", "d"];
        let mut properties = Map::new();
        for name in names {
            properties.insert(name.to_owned(), json!({"$ref": "#"}));
        }
        let schema = json!({"type": "object", "properties": properties, "required": names});
        assert!(value(&schema).to_string().len() < 64 * MAX_VALUES);
    }
}
