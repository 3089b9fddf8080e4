//! A value that a JSON schema would accept, for the arguments of tool calls.

use serde_json::{Map, Value};

/// Schemas refer to themselves; nobody needs an example this deep.
const MAX_DEPTH: usize = 8;

/// A value for `schema`: its `const`, first `enum` entry or `default` if it has one, else the simplest of
/// its type, with every required property. It understands the part of JSON schema that tools use, without
/// references and patterns.
pub(crate) fn value(schema: &Value) -> Value {
    value_within(schema, MAX_DEPTH)
}

fn value_within(schema: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(given) = given(schema) {
        return given.clone();
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema.get(choice).and_then(|choices| choices.get(0)) {
            return value_within(first, depth - 1);
        }
    }
    match kind(schema) {
        "object" => object(schema, depth),
        "array" => array(schema, depth),
        "string" => Value::from("text"),
        "integer" => schema.get("minimum").cloned().unwrap_or(Value::from(1)),
        "number" => schema.get("minimum").cloned().unwrap_or(Value::from(1.5)),
        "boolean" => Value::from(true),
        _ => Value::Null,
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

fn object(schema: &Value, depth: usize) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let names = required.into_iter().flatten().filter_map(Value::as_str);
    let members = names.map(|name| {
        let property = properties.and_then(|properties| properties.get(name));
        (
            name.to_owned(),
            property.map_or(Value::Null, |schema| value_within(schema, depth - 1)),
        )
    });
    Value::Object(members.collect::<Map<_, _>>())
}

fn array(schema: &Value, depth: usize) -> Value {
    let wanted = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
    let items = schema.get("items").unwrap_or(&Value::Null);
    // A bound on what a request can make this server build.
    (0..wanted.min(16))
        .map(|_| value_within(items, depth - 1))
        .collect()
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
}
