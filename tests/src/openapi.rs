//! An emitted OpenAPI document: which operations it has, and whether an answer is as it says.

#![expect(
    clippy::indexing_slicing,
    reason = "what is not there is null, which is no answer that a document describes"
)]

use serde_json::Value;

use crate::client::Response;
use crate::spec::Spec;

/// The document of a gateway.
#[derive(Debug)]
pub struct OpenApi(Value);

/// An operation of a document.
#[derive(Debug)]
pub struct Operation<'d> {
    /// The path, with `{NAME}` for its parameters.
    pub path: &'d str,
    /// The method, in small letters.
    pub method: &'d str,
    /// What is said of it.
    pub description: &'d Value,
}

impl OpenApi {
    /// The document that is emitted for `spec`.
    ///
    /// # Panics
    /// When there is none.
    pub fn of(spec: &Spec) -> Self {
        let document = serde_json::from_str(&spec.deployed("openapi.json"));
        Self(document.expect("a document is JSON"))
    }

    /// Every operation.
    pub fn operations(&self) -> Vec<Operation<'_>> {
        let mut operations = Vec::new();
        for (path, methods) in self.0["paths"].as_object().into_iter().flatten() {
            for (method, description) in methods.as_object().into_iter().flatten() {
                operations.push(Operation {
                    path,
                    method,
                    description,
                });
            }
        }
        operations
    }

    /// Whether nobody is asked who it is.
    pub fn is_open(&self, operation: &Operation<'_>) -> bool {
        let own = operation.description.get("security");
        own.unwrap_or(&self.0["security"]) == &Value::Array(Vec::new())
    }

    /// The values that a schema lists.
    ///
    /// # Panics
    /// When it lists none.
    pub fn values_of(&self, schema: &str) -> Vec<&str> {
        let schema = &self.0["components"]["schemas"][schema];
        let closed = schema.get("enum");
        let values = closed.or_else(|| schema["anyOf"].get(0)?.get("enum"));
        let values = values.and_then(Value::as_array).expect("it is an enum");
        values.iter().filter_map(Value::as_str).collect()
    }

    /// Checks that this operation has a response of its own for the answer's status, and that the answer is like it.
    ///
    /// # Panics
    /// When it is not.
    pub fn assert_describes(&self, operation: &Operation<'_>, answer: &Response) {
        let what = format!("{} {}: {}", operation.method, operation.path, answer.text());
        let responses = &operation.description["responses"];
        let response = responses.get(answer.status.to_string());
        let response = response.unwrap_or_else(|| panic!("no {} of {what}", answer.status));
        let response = self.meant(response);
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let is_required = self.meant(header)["required"] == true;
            assert!(
                !is_required || answer.header(name).is_some(),
                "no {name} in {what}"
            );
        }
        let kind = answer.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        let schema = response["content"][kind].get("schema");
        let schema = schema.unwrap_or_else(|| panic!("no `{kind}` in {what}"));
        if kind == "application/json" {
            let misfit = self.misfit(schema, &answer.json());
            assert_eq!(misfit, None, "{what}");
        }
    }

    /// What a reference leads to.
    fn meant<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let pointer = reference.trim_start_matches('#');
                let meant = self.0.pointer(pointer);
                meant.unwrap_or_else(|| panic!("{reference} leads nowhere"))
            }
            None => value,
        }
    }

    /// What of `value` is not as `schema` says. Knows as much of JSON Schema as the answers in documents need.
    fn misfit(&self, schema: &Value, value: &Value) -> Option<String> {
        let schema = self.meant(schema);
        for (keyword, operand) in schema.as_object().expect("a schema is an object") {
            let misfit = match keyword.as_str() {
                "type" => {
                    let is_one = match operand {
                        Value::Array(kinds) => kinds.iter().any(|kind| is_of_kind(value, kind)),
                        kind => is_of_kind(value, kind),
                    };
                    (!is_one).then(|| format!("{value} is not of type {operand}"))
                }
                "enum" => {
                    let is_listed = operand.as_array().is_some_and(|all| all.contains(value));
                    (!is_listed).then(|| format!("{value} is none of {operand}"))
                }
                "anyOf" => {
                    let all = operand.as_array().into_iter().flatten();
                    let mut misfits = all.map(|schema| self.misfit(schema, value));
                    let fits = misfits.any(|misfit| misfit.is_none());
                    (!fits).then(|| format!("{value} is none of {operand}"))
                }
                "minimum" => {
                    let is_less = value.as_f64() < operand.as_f64() && value.is_number();
                    is_less.then(|| format!("{value} is less than {operand}"))
                }
                "required" => {
                    let mut names = operand.as_array().into_iter().flatten();
                    let missing =
                        names.find(|name| value.get(name.as_str().unwrap_or("")).is_none());
                    missing.map(|name| format!("{value} has no {name}"))
                }
                "properties" => {
                    operand
                        .as_object()
                        .into_iter()
                        .flatten()
                        .find_map(|(name, schema)| {
                            let misfit = self.misfit(schema, value.get(name)?)?;
                            Some(format!("{name}: {misfit}"))
                        })
                }
                "items" => {
                    let mut items = value.as_array().into_iter().flatten();
                    items.find_map(|item| self.misfit(operand, item))
                }
                "description" | "examples" => None,
                other => panic!("no answer was described by `{other}` until now"),
            };
            if misfit.is_some() {
                return misfit;
            }
        }
        None
    }
}

fn is_of_kind(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap_or_default() {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "string" => value.is_string(),
        other => panic!("there is no type `{other}`"),
    }
}
