//! A spec by what traffic through its gateway goes by: whom it lets ask for which models, and what it needs to start.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fake_model::server::FakeModel;
use toml::{Table, Value};

use crate::client::Request;
use crate::dataplane::{Dataplane, Start};

/// A spec of the tests, or one that users read.
#[derive(Debug)]
pub struct Spec {
    name: String,
    root: PathBuf,
    table: Table,
}

impl Spec {
    /// The spec of this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn read(name: &str) -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = format!("specs/{name}.toml");
        let is_there = |root: &Path| root.join(&file).exists();
        let root = if is_there(tests) {
            tests.to_owned()
        } else {
            tests.join("..")
        };
        let text = fs::read_to_string(root.join(&file)).expect("there is such a spec");
        Self {
            name: name.to_owned(),
            table: text.parse().expect("a spec is TOML"),
            root,
        }
    }

    /// The text of one of its emitted files.
    ///
    /// # Panics
    /// When there is none of this name.
    pub fn deployed(&self, file: &str) -> String {
        let path = self.root.join("deploy").join(&self.name).join(file);
        fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
    }

    /// Whether it has objectives, for which Prometheus records series.
    pub fn has_objectives(&self) -> bool {
        !self.entries("slos").is_empty()
    }

    /// Its gateway with invented secrets, with all upstreams at `model` but those that have TLS of their own.
    pub fn start(&self, model: &FakeModel) -> Start {
        let sample = self.deployed(".env.sample");
        let secrets = sample.lines().filter_map(|line| line.strip_suffix('='));
        let secrets = secrets.filter(|variable| !variable.starts_with('#'));
        let start = secrets.fold(Start::of(&self.name), |start, variable| {
            start.env(variable, secret(variable))
        });
        let upstreams = self.entries("upstreams");
        let is_replaced = |(_, upstream): &&(&str, &Value)| {
            let url = upstream.get("url").and_then(Value::as_str);
            url.is_some_and(|url| url.starts_with("http")) && upstream.get("tls").is_none()
        };
        let upstreams = upstreams.iter().filter(is_replaced);
        upstreams.fold(start, |start, (name, _)| start.upstream(name, model))
    }

    /// Asks for each of its models twice, as a document and as a stream with usage, and for what no caller may have.
    pub async fn ask_for_everything(&self, dataplane: &Dataplane) {
        let callers = self.callers();
        for (model, _) in self.entries("models") {
            let streamed = format!(
                r#"{{"model":"{model}","stream":true,"stream_options":{{"include_usage":true}},
                    "messages":[{{"role":"user","content":"Hello there"}}]}}"#
            );
            let requests = [
                Request::chat(model),
                Request::post("/v1/chat/completions", streamed),
            ];
            for request in requests {
                let request = match callers.get(model).or(callers.get("*")) {
                    Some(secret) => request.key(secret),
                    None => request,
                };
                dataplane.send(&request).await;
            }
        }
        for request in [Request::chat("nobody-has-this"), Request::get("/nowhere")] {
            dataplane.send(&request).await;
        }
    }

    /// The secret of the first key that is such a one.
    pub fn secret_of(&self, is_it: impl Fn(&Value) -> bool) -> Option<String> {
        let keys = self.entries("keys");
        let (_, key) = keys.iter().find(|(_, key)| is_it(key))?;
        let variable = key.get("secret")?.get("env")?;
        variable.as_str().map(secret)
    }

    /// The secret of a key for each model, or for all (`*`).
    fn callers(&self) -> BTreeMap<&str, String> {
        let mut callers = BTreeMap::new();
        for (_, key) in self.entries("keys") {
            let variable = key.get("secret").and_then(|secret| secret.get("env"));
            let models = key.get("models").and_then(Value::as_array);
            let models = models.into_iter().flatten().filter_map(Value::as_str);
            if let Some(variable) = variable.and_then(Value::as_str) {
                callers.extend(models.map(|model| (model, secret(variable))));
            }
        }
        callers
    }

    fn entries(&self, table: &str) -> Vec<(&str, &Value)> {
        let table = self.table.get(table).and_then(Value::as_table);
        let entries = table.into_iter().flatten();
        entries
            .map(|(name, entry)| (name.as_str(), entry))
            .collect()
    }
}

/// What is invented for a variable; long enough for any use.
fn secret(variable: &str) -> String {
    format!("{variable}-invented-for-tests-1234567890")
}
