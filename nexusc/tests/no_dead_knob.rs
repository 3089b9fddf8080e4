//! Every field that the language accepts has an effect.
//!
//! The test walks the JSON schema, finds each field in `every-field.toml`, changes its value to another
//! sound one, and demands different output or a diagnostic. A field that is added to the language and not to
//! the spec fails here too.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::thread;

use nexusc::diff::diff;
use nexusc::diff::render::{Format, render};
use nexusc::ir::Topology;
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
        "expose = [\"ingress\"]\n\n[gateway.tls]\n",
        &[
            "expose = [\"load-balancer\"]\n\n[gateway.tls]\nclient_ca = { file = \"/run/secrets/clients.crt\" }\n",
        ],
    ),
    (
        "[gateway.tls]\ncertificate = { file = \"/run/secrets/tls.crt\" }\nprivate_key = { file = \"/run/secrets/tls.key\" }\n",
        &[
            "[deploy.compose.nginx]\nport = 8443\ncertificate = { file = \"/run/secrets/tls.crt\" }\nprivate_key = { file = \"/run/secrets/tls.key\" }\n",
        ],
    ),
    (
        "[deploy.grafana]\n",
        &["[deploy.grafana]\nalerting = true\n"],
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
    let specs: Vec<(Table, Outcome)> = specs()
        .into_iter()
        .map(|spec| {
            let outcome = outcome(&spec);
            (spec, outcome)
        })
        .collect();
    let look = |fields: &[Path]| {
        for field in fields {
            let changed = specs
                .iter()
                .find_map(|(spec, before)| Some((before, change(spec, field, &other)?)));
            let (before, changed) = changed
                .unwrap_or_else(|| panic!("`{}` stands in no spec of this test", field.join(".")));
            assert!(
                outcome(&changed) != *before,
                "`{}` has no effect",
                field.join(".")
            );
        }
    };
    let (some, others) = fields.split_at(fields.len() / 2);
    thread::scope(|scope| {
        scope.spawn(|| look(some));
        look(others);
    });
}

/// Another sound value for a field that takes a name or one of a few words.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("alerts.*.severity", "low"),
    ("alerts.*.threshold", "4s"),
    ("receivers.*.email.from", "gateway@example.com"),
    ("receivers.*.email.server", "mail.example.com:25"),
    ("receivers.*.email.to", "team@example.com"),
    ("receivers.*.webhook.url", "http://relay:9001/alerts"),
    ("slos.*.period", "14d"),
    ("audit.when_failing", "admit"),
    ("auth.jwt.algorithm", "ES256"),
    ("auth.jwt.limit", "standard"),
    ("auth.jwt.priority", "high"),
    ("deploy.image", "registry.example.com/llm/other"),
    ("deploy.kubernetes.host", "other.example.com"),
    ("deploy.kubernetes.namespace", "other"),
    ("gateway.default_model", "third"),
    ("health.probe", "completion"),
    ("keys.*.limit", "subject"),
    ("keys.*.priority", "low"),
    ("models.*.limit", "subject"),
    ("overlays.*.kubernetes.host", "other.example.com"),
    ("overlays.*.kubernetes.namespace", "other"),
    ("overlays.*.profile", "night"),
    ("overlays.*.servers", "real"),
    ("routes.*.canary.canary", "c"),
    ("routes.*.canary.primary", "c"),
    ("routes.*.canary.sticky", "key"),
    ("routes.*.direct.upstream", "a"),
    ("routes.*.shadow.upstream", "a"),
    ("routes.*.weighted.sticky", "session"),
    ("store.redis.when_away", "admit"),
    ("gpus.*.model", "a100-80gb"),
    ("upstreams.*.engine.llama_cpp.cache_type", "q8_0"),
    ("upstreams.*.engine.llama_cpp.quantization", "gguf-q8_0"),
    ("upstreams.*.engine.llama_cpp.version", "b6000"),
    ("upstreams.*.engine.llama_cpp.weights", "experts"),
    ("upstreams.*.engine.sglang.dtype", "float32"),
    ("upstreams.*.engine.sglang.kv_cache_dtype", "fp8_e5m2"),
    ("upstreams.*.engine.sglang.quantization", "fp8"),
    ("upstreams.*.engine.sglang.version", "0.5.10"),
    ("upstreams.*.engine.sglang.weights", "dense"),
    ("upstreams.*.engine.vllm.dtype", "float32"),
    ("upstreams.*.engine.vllm.kv_cache_dtype", "fp8"),
    ("upstreams.*.engine.vllm.quantization", "none"),
    ("upstreams.*.engine.vllm.sampler", "sort"),
    ("upstreams.*.engine.vllm.weights", "experts"),
    ("upstreams.*.health.probe", "completion"),
];

/// Fields that cannot be changed alone: there is one edition, keys exclude development, a model has one route, a file
/// must be there, what a model can do is proved of its fallback too, engines that wait for each other share a profile, and more ranks need more GPUs.
const NEVER_ALONE: &[&str] = &[
    "architectures.*.config",
    "architectures.*.rope_factor",
    "edition",
    "gateway.development",
    "models.*.capabilities.context",
    "models.*.capabilities.modalities",
    "models.*.capabilities.tools",
    "routes.*.models",
    "upstreams.*.engine.gpus",
    "upstreams.*.engine.profile",
    "upstreams.*.engine.sglang.tensor_parallel",
    "upstreams.*.engine.vllm.pipeline_parallel",
    "upstreams.*.engine.vllm.tensor_parallel",
];

/// What `nexusc diff` says about each field when another sound value stands in its place: a catalogue to read.
#[test]
fn each_field_that_changes_is_told_in_words() {
    let mut fields = Vec::new();
    leaves(&schema::json(), &mut Vec::new(), &mut fields);
    let specs: Vec<(Table, Topology)> = specs()
        .into_iter()
        .filter_map(|spec| topology(&spec).map(|topology| (spec, topology)))
        .collect();
    let (mut told, mut untold, mut unchanged) = (String::new(), Vec::new(), Vec::new());
    for field in fields {
        let name = field.join(".");
        // Tests of a spec ask, and lints are about findings: neither changes anything.
        if NEVER_ALONE.contains(&name.as_str())
            || field
                .first()
                .is_some_and(|first| first == "tests" || first == "lints")
        {
            continue;
        }
        let word = OTHER_WORDS.iter().find(|(field, _)| *field == name);
        let another =
            |value: &Value| word.map_or_else(|| other(value), |(_, word)| Value::from(*word));
        let changed = specs.iter().find_map(|(spec, before)| {
            let changed = change(spec, &field, &another)?;
            Some((before, topology(&changed)?))
        });
        let Some((before, after)) = changed else {
            unchanged.push(name);
            continue;
        };
        let diff = diff(before, &after);
        if diff.changes.is_empty() {
            untold.push(name);
            continue;
        }
        told += &format!("{name}\n");
        for line in render(&diff, ["", ""], Format::Text).lines().skip(1) {
            told += &format!("  {line}\n");
        }
    }
    assert_eq!(untold, [""; 0], "nothing is said about these");
    assert_eq!(
        unchanged, [""; 0],
        "these have no other sound value here: see OTHER_WORDS"
    );
    insta::assert_snapshot!(told);
}

fn topology(spec: &Table) -> Option<Topology> {
    nexusc::topology(&source(&spec.to_string())).ok()
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
    } else if properties.is_none()
        && !entries.is_object()
        && schema["additionalProperties"] != false
    {
        fields.push(path.clone());
    }
}

/// The spec with `another` value in the first place that has this field, if there is one.
fn change(spec: &Table, field: &[String], another: &dyn Fn(&Value) -> Value) -> Option<Table> {
    fn go(table: &mut Table, field: &[String], another: &dyn Fn(&Value) -> Value) -> bool {
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
                *value = another(value);
                true
            }
            (Some(Value::Table(inner)), rest) => go(inner, rest, another),
            (Some(Value::Array(elements)), [any, rest @ ..]) if any == "*" => {
                let mut tables = elements.iter_mut().filter_map(Value::as_table_mut);
                tables.any(|table| go(table, rest, another))
            }
            _ => false,
        })
    }
    let mut changed = spec.clone();
    go(&mut changed, field, another).then_some(changed)
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
