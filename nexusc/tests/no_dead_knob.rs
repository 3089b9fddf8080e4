//! Every field that the language accepts has an effect.
//!
//! The test walks the JSON schema, finds each field in `every-field.toml`, changes its value to another
//! sound one, and demands different output or a diagnostic. A field that is added to the language and not to
//! the spec fails here too.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use nexusc::source::File;
use nexusc::{Source, compile, schema};
use serde_json::Value as Json;
use toml::{Table, Value};

const SPEC: &str = include_str!("every-field.toml");

/// What stands there, and what may stand instead: fields that exclude each other.
const INSTEAD: &[(&str, &[&str])] = &[
    (
        "algorithm = \"RS256\"\npublic_key = { file = \"/run/secrets/issuer.pem\" }\n",
        &[
            "algorithm = \"ES256\"\npublic_key = { env = \"ISSUER_KEY\" }\n",
            "algorithm = \"HS256\"\nsecret = { env = \"JWT_SECRET\" }\n",
            "algorithm = \"HS256\"\nsecret = { file = \"/run/secrets/jwt\" }\n",
            "algorithm = \"RS256\"\njwks = { url = \"https://login.example.com/keys\", refresh = \"5m\", ca = { file = \"/run/secrets/ca.crt\" } }\n",
        ],
    ),
    (
        "[health]\npath = \"/health\"\n",
        &["[health]\nprobe = \"chat\"\n"],
    ),
    (
        "health = { path = \"/v1/models\", ",
        &["health = { probe = \"chat\", "],
    ),
    (
        "forbidden_words = { file = \"/etc/nexus/words\" }\n",
        &["forbidden_words = { env = \"FORBIDDEN_WORDS\" }\n"],
    ),
    (
        "url = { env = \"REDIS_URL\" }\n",
        &["url = { file = \"/run/secrets/redis\" }\n"],
    ),
    (
        "salt = { env = \"AUDIT_SALT\" }\n",
        &["salt = { file = \"/run/secrets/salt\" }\n"],
    ),
];

/// The spec, and the spec with each of the fields that exclude others.
fn specs() -> Vec<Table> {
    let mut texts = vec![SPEC.to_owned()];
    for (written, others) in INSTEAD {
        assert!(
            SPEC.contains(written),
            "`{written}` stands in every-field.toml"
        );
        texts.extend(others.iter().map(|other| SPEC.replace(written, other)));
    }
    let parsed = texts.iter().map(|text| text.parse());
    parsed.collect::<Result<_, _>>().expect("specs are TOML")
}

/// A step into a spec; `*` is any entry of a table of names, or any element of a list of tables.
type Path = Vec<String>;

#[test]
fn each_field_changes_the_output_or_is_diagnosed() {
    let mut fields = Vec::new();
    leaves(&schema::json(), &mut Vec::new(), &mut fields);
    assert!(fields.len() > 25, "the walk finds the language: {fields:?}");
    let specs = specs();
    for field in fields {
        let changed = specs
            .iter()
            .find_map(|spec| Some((spec, change(spec, &field)?)));
        let (spec, changed) = changed
            .unwrap_or_else(|| panic!("`{}` stands in no spec of this test", field.join(".")));
        assert!(
            outcome(&changed) != outcome(spec),
            "`{}` has no effect",
            field.join(".")
        );
    }
}

#[test]
fn the_spec_is_sound() {
    let compilation = compile(&source(SPEC));
    assert!(
        compilation.diagnostics.is_empty(),
        "{:#?}",
        compilation.diagnostics
    );
}

/// A spec with the files that every-field.toml names.
fn source(spec: &str) -> Source {
    const CONFIG: &str = r#"{ "model_type": "llama", "num_hidden_layers": 16, "hidden_size": 2048,
        "num_attention_heads": 16, "intermediate_size": 8192, "vocab_size": 32000,
        "max_position_embeddings": 16384 }"#;
    let weights = |bytes: u64| {
        let header = format!("{{\"a\":{{\"data_offsets\":[0,{bytes}]}}}}");
        let head = [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
        let length = head.len() as u64 + bytes;
        Ok(File { head, length })
    };
    let config = File {
        head: CONFIG.into(),
        length: CONFIG.len() as u64,
    };
    let files = [
        ("filed/config.json", Ok(config)),
        ("filed/1.safetensors", weights(2_000_000_000)),
        ("filed/2.safetensors", weights(1_000_000_000)),
    ];
    let named = files.map(|(name, file)| (name.to_owned(), file));
    Source::new("every-field.toml", spec).with_files(named.into())
}

/// What is emitted, the tests with their names, and all that is said.
type Outcome = (
    Option<nexusc::emit::FileSet>,
    Option<Vec<String>>,
    BTreeSet<String>,
);

fn outcome(spec: &Table) -> Outcome {
    let compilation = compile(&source(&spec.to_string()));
    let messages = compilation
        .diagnostics
        .into_iter()
        .map(|diagnostic| diagnostic.message);
    let tests = compilation.tests.map(|report| {
        let names = report.tests.into_iter().map(|test| test.name);
        names.collect()
    });
    let reasons = compilation
        .allowed
        .into_iter()
        .map(|allowed| allowed.reason);
    (
        compilation.output.map(|output| output.files),
        tests,
        messages.chain(reasons).collect(),
    )
}

/// The paths of all fields that hold a value rather than a table of fields.
fn leaves(schema: &Json, path: &mut Path, fields: &mut Vec<Path>) {
    let properties = schema["properties"].as_object();
    for (name, property) in properties.into_iter().flatten() {
        path.push(name.clone());
        leaves(property, path, fields);
        path.pop();
    }
    let entries = &schema["additionalProperties"];
    if entries.is_object() {
        path.push("*".to_owned());
        leaves(entries, path, fields);
        path.pop();
    }
    let items = &schema["items"];
    if items["properties"].is_object() {
        path.push("*".to_owned());
        leaves(items, path, fields);
        path.pop();
    } else if properties.is_none() && !entries.is_object() {
        fields.push(path.clone());
    }
}

/// The spec with another value in the first place that has this field, if there is one.
fn change(spec: &Table, field: &[String]) -> Option<Table> {
    fn go(table: &mut Table, field: &[String]) -> bool {
        let [first, rest @ ..] = field else {
            return false;
        };
        let keys: Vec<String> = if first == "*" {
            table.keys().cloned().collect()
        } else {
            vec![first.clone()]
        };
        keys.iter().any(|key| match (table.get_mut(key), rest) {
            (Some(value), []) => {
                *value = other(value);
                true
            }
            (Some(Value::Table(inner)), rest) => go(inner, rest),
            (Some(Value::Array(elements)), [any, rest @ ..]) if any == "*" => {
                let mut tables = elements.iter_mut().filter_map(Value::as_table_mut);
                tables.any(|table| go(table, rest))
            }
            _ => false,
        })
    }
    let mut changed = spec.clone();
    go(&mut changed, field).then_some(changed)
}

/// Another value that is as sound as this one, where one can be made from it.
fn other(value: &Value) -> Value {
    match value {
        Value::Boolean(flag) => Value::Boolean(!flag),
        Value::Integer(number) => Value::Integer(number + 1),
        Value::Float(number) => Value::Float(number / 2.0),
        Value::Array(elements) => Value::Array(elements[1..].to_vec()),
        Value::String(text) => Value::String(other_text(text)),
        other => panic!("no other value for {other}"),
    }
}

fn other_text(text: &str) -> String {
    // A number with a unit: another number. A URL or an address: another port. A name: another name.
    let digits = text.rfind(|c: char| c.is_ascii_digit());
    match digits {
        Some(last) => {
            let digit = if text.as_bytes()[last] == b'9' {
                "8"
            } else {
                "9"
            };
            let (before, after) = (&text[..last], &text[last + 1..]);
            format!("{before}{digit}{after}")
        }
        None if text.starts_with("mock://") => "mock://fail".to_owned(),
        None => format!("{text}{}", if text.ends_with('X') { "Y" } else { "X" }),
    }
}
