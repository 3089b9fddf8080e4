//! Compares a document with the JSON schema of the language: unknown fields, missing fields, wrong types.
//!
//! serde stops at its first error; this walk finds them all, with spans. The schema is derived from the
//! structures of [`crate::spec`], so there is no second description of the language to keep in step.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::diagnostic::fix::{Change, Fix};
use crate::key_path::{KeyPath, Segment};
use crate::parse::fixes;
use crate::redact;
use crate::schema::{self, SECRET};
use crate::source::Place;
use crate::suggest;

/// Where a document does not have the shape of the language.
#[derive(Debug)]
pub(super) struct Misfits {
    /// What may have been meant by a misspelt field.
    pub(super) unsure: BTreeSet<KeyPath>,
    /// What to leave out so that the rest can be read.
    pub(super) left_out: BTreeSet<KeyPath>,
    /// One finding for each misfit.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Finds every misfit of a document.
pub(super) fn compare(document: &DeTable<'_>) -> Misfits {
    static SCHEMA: LazyLock<Value> = LazyLock::new(schema::json);
    let mut walk = Walk {
        unsure: BTreeSet::new(),
        left_out: BTreeSet::new(),
        diagnostics: Vec::new(),
    };
    walk.table(document, &SCHEMA, &KeyPath::root());
    Misfits {
        unsure: walk.unsure,
        left_out: walk.left_out,
        diagnostics: walk.diagnostics,
    }
}

/// Whether a value can be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Yes,
    No,
}

struct Walk {
    unsure: BTreeSet<KeyPath>,
    left_out: BTreeSet<KeyPath>,
    diagnostics: Vec<Diagnostic>,
}

impl Walk {
    fn value(&mut self, value: &Spanned<DeValue<'_>>, schema: &Value, path: &KeyPath) -> Fit {
        let kind = schema["type"].as_str().unwrap_or_default();
        match (kind, value.get_ref()) {
            ("string", DeValue::String(text)) if looks_like_a_secret(text, path) => {
                self.diagnostics.push(secret_within(path));
                Fit::No
            }
            ("object", DeValue::Table(table)) => self.table(table, schema, path),
            ("array", DeValue::Array(elements)) => {
                let mut fit = Fit::Yes;
                for (index, element) in elements.iter().enumerate() {
                    if self.value(element, &schema["items"], &path.index(index)) == Fit::No {
                        fit = Fit::No;
                    }
                }
                fit
            }
            ("string", DeValue::String(_)) | ("boolean", DeValue::Boolean(_)) => Fit::Yes,
            ("number", DeValue::Float(_)) => Fit::Yes,
            ("number", DeValue::Integer(integer)) if is_within_64_bits(integer, i64::MIN) => {
                Fit::Yes
            }
            ("integer", DeValue::Integer(integer)) if is_within_64_bits(integer, 0) => Fit::Yes,
            ("number" | "integer", DeValue::Integer(integer)) => {
                self.diagnostics.push(out_of_range(integer, path));
                Fit::No
            }
            (_, found) if schema[SECRET] == true => {
                self.diagnostics.push(literal_secret(found, schema, path));
                Fit::No
            }
            (kind, found) => {
                let mut wrong = wrong_type(kind, found, schema, path);
                wrong.fix = fixes::retyped(kind, found, schema, path);
                self.diagnostics.push(wrong);
                Fit::No
            }
        }
    }

    fn table(&mut self, table: &DeTable<'_>, schema: &Value, path: &KeyPath) -> Fit {
        let none = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&none);
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut fit = Fit::Yes;
        for (key, value) in table {
            let key: &str = key.get_ref();
            let here = path.key(key);
            if let Some(property) = properties.get(key) {
                if self.value(value, property, &here) == Fit::No {
                    if required.contains(&key) {
                        fit = Fit::No;
                    }
                    self.left_out.insert(here);
                }
            } else if schema["additionalProperties"].is_object() {
                if self.value(value, &schema["additionalProperties"], &here) == Fit::No {
                    self.left_out.insert(here);
                }
            } else {
                // What is misspelt is not known, so nobody shall say that it is missing.
                let meant = suggest::nearest_name(key, properties.keys().map(String::as_str));
                let mut unknown = unknown_field(key, value.get_ref(), properties, path);
                unknown.fix = meant.and_then(|near| fixes::renamed(key, near, table, path));
                self.diagnostics.push(unknown);
                self.unsure.extend(meant.map(|name| path.key(name)));
                self.left_out.insert(here);
            }
        }
        for field in required
            .into_iter()
            .filter(|field| !table.contains_key(*field))
        {
            if !self.unsure.contains(&path.key(field)) {
                self.diagnostics
                    .push(missing_field(field, properties, path));
            }
            fit = Fit::No;
        }
        fit
    }
}

/// Whether an integer, in whatever radix it was written, lies from `least` to the largest that TOML has.
fn is_within_64_bits(integer: &DeInteger<'_>, least: i64) -> bool {
    i64::from_str_radix(integer.as_str(), integer.radix()).is_ok_and(|number| number >= least)
}

fn out_of_range(integer: &DeInteger<'_>, path: &KeyPath) -> Diagnostic {
    let message = format!("`{path}` is out of range");
    let label = if integer.as_str().starts_with('-') {
        "expected 0 or more".to_owned()
    } else {
        format!("expected at most {}", i64::MAX)
    };
    Diagnostic::new(Code::NX0206, message, Place::Value(path.clone()), label)
}

fn unknown_field(
    key: &str,
    value: &DeValue<'_>,
    properties: &Map<String, Value>,
    path: &KeyPath,
) -> Diagnostic {
    let place = Place::Key(path.key(key));
    let names = || properties.keys().map(String::as_str);
    let table = if path.segments().is_empty() {
        "a spec".to_owned()
    } else {
        format!("`[{path}]`")
    };
    let message = format!("unknown field {}", redact::shown(key));
    let help = match (suggest::nearest(key, names()), path.segments()) {
        (Some(help), _) => help,
        (None, [Segment::Key(table), Segment::Key(entry)])
            if table == "models" && value.is_table() =>
        {
            format!("a name with a dot is quoted: `[models.\"{entry}.{key}\"]`")
        }
        (None, _) => format!("{table} has {}", suggest::list(names())),
    };
    Diagnostic::new(Code::NX0002, message, place, "no such field").help(help)
}

fn missing_field(field: &str, properties: &Map<String, Value>, path: &KeyPath) -> Diagnostic {
    let table = if path.segments().is_empty() {
        "the spec".to_owned()
    } else {
        format!("`[{path}]`")
    };
    let message = format!("missing field `{field}` in {table}");
    let example = match field {
        "edition" => "edition = 1",
        "models" => "models = [\"NAME\"]",
        "secret" => "secret = { env = \"VARIABLE\" }",
        "url" => "url = \"http://HOST:PORT\"",
        _ => "",
    };
    let mut diagnostic = Diagnostic::new(Code::NX0003, message, Place::Value(path.clone()), "");
    if field == "edition" {
        diagnostic.fix = Some(Fix::safe(Change::FirstLine(example.to_owned())));
    }
    let description = properties
        .get(field)
        .and_then(|property| property["description"].as_str())
        .map(|text| {
            text.split(". ")
                .next()
                .unwrap_or(text)
                .trim_end_matches('.')
                .to_owned()
        });
    match (example, description) {
        ("", Some(description)) => diagnostic.help(format!("add `{field}`: {description}")),
        ("", None) => diagnostic,
        (example, _) => diagnostic.help(format!("add `{example}`")),
    }
}

/// The first text in quotes that the documentation of a field gives: its default, or an example.
fn quoted_example(schema: &Value) -> Option<&str> {
    let mut codes = schema["description"]
        .as_str()?
        .split('`')
        .skip(1)
        .step_by(2);
    codes.find(|code| code.len() > 2 && code.starts_with('"') && code.ends_with('"'))
}

fn literal_secret(found: &DeValue<'_>, schema: &Value, path: &KeyPath) -> Diagnostic {
    let field = path.last_key().unwrap_or("secret");
    if let Some(file) = found.as_str().filter(|text| is_path(text)) {
        let table = format!("{{ file = {} }}", toml::Value::from(file));
        let place = Place::Value(path.clone());
        return Diagnostic::new(
            Code::NX0004,
            format!("`{path}` is a string"),
            place,
            "expected a table",
        )
        .help(format!("a path is written as `{field} = {table}`"))
        .fix(Fix::safe(Change::Replace(path.clone(), table)));
    }
    if field == "forbidden_words" {
        let message = format!("`{path}` holds words");
        let label = "the words stand in a file, not in a spec";
        return Diagnostic::new(Code::NX0301, message, Place::Value(path.clone()), label)
            .help("list them one a line: `forbidden_words = { file = \"/etc/nexus/words\" }`");
    }
    let way = if schema.pointer("/properties/env").is_some() {
        "env = \"VARIABLE\"".to_owned()
    } else {
        format!("file = \"/run/secrets/{field}\"")
    };
    Diagnostic::new(
        Code::NX0301,
        format!("`{path}` holds a literal value"),
        Place::Value(path.clone()),
        "a secret never stands in a spec",
    )
    .help(format!(
        "name where it is read from: `{field} = {{ {way} }}`; and replace this one wherever it is in use, since it has \
         been written down"
    ))
}

/// Whether a text is the path of a file, and not a secret that begins like one.
fn is_path(text: &str) -> bool {
    let is_name = |segment: &str| {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        !segment.is_empty() && segment.bytes().all(is_plain)
    };
    let segments = text.strip_prefix('/').map(|path| path.split('/'));
    segments.is_some_and(|mut names| text.matches('/').count() > 1 && names.all(is_name))
        && !redact::holds_secret(text)
}

/// Whether a text holds a secret. What a test sends is made up, and what an issuer calls the gateway is a public name,
/// so that there only the keys of services are none.
fn looks_like_a_secret(text: &str, path: &KeyPath) -> bool {
    match (path.segments(), path.last_key()) {
        ([Segment::Key(table), ..], _) if table == "tests" => redact::holds_issued(text),
        // Who reads them refuses what is no variable and no path.
        (_, Some("env" | "file")) => false,
        (_, Some("audience")) => redact::holds_issued(text),
        _ => redact::holds_secret(text),
    }
}

fn secret_within(path: &KeyPath) -> Diagnostic {
    let message = format!("`{path}` holds what looks like a secret");
    let label = "a secret never stands in a spec";
    Diagnostic::new(Code::NX0301, message, Place::Value(path.clone()), label).help(
        "let whoever needs it read it from a variable or a file; and replace this one wherever it is in use, since \
         it has been written down",
    )
}

fn wrong_type(kind: &str, found: &DeValue<'_>, schema: &Value, path: &KeyPath) -> Diagnostic {
    let expected = match kind {
        "object" => "a table",
        "array" => "an array",
        "string" => "a string in quotes",
        "boolean" => "`true` or `false`",
        "number" => "a number",
        "integer" => "a whole number, 0 or more",
        other => other,
    };
    let found = match found {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    };
    let message = format!("`{path}` is {found}");
    let place = Place::Value(path.clone());
    let diagnostic = Diagnostic::new(Code::NX0004, message, place, format!("expected {expected}"));
    let field = path.last_key().unwrap_or_default();
    let help = match (kind, schema["properties"].as_object()) {
        (_, Some(fields)) => {
            let list = suggest::list(fields.keys().map(String::as_str));
            format!("write a table with {list}")
        }
        ("object", None) => format!("write a table for each: `[{path}.NAME]`"),
        ("array", _)
            if schema
                .pointer("/items/type")
                .is_some_and(|kind| kind == "object") =>
        {
            format!("write a table for each: `[[{path}]]`")
        }
        ("array", _) => format!("write a list: `{field} = [\"NAME\"]`"),
        ("string", _) => {
            let write = match found {
                "an array" | "a table" => "write a single string",
                _ => "put it in quotes",
            };
            match quoted_example(schema) {
                Some(example) => format!("{write}, such as `{field} = {example}`"),
                None => write.to_owned(),
            }
        }
        _ => return diagnostic,
    };
    diagnostic.help(help)
}
