//! A deployment of `model_list`: an upstream.

use serde_json::Value as Json;

use crate::conventions;
use crate::import::address;
use crate::import::draft::{Draft, Section, string, variable};
use crate::import::litellm::provider;
use crate::import::litellm::value::{
    Table, count, left_over, number, seconds, secret, take, text, whole,
};
use crate::import::names::{Names, shown};

/// Keys that people write for servers that ask for none.
const NO_KEYS: &[&str] = &[
    "",
    "empty",
    "none",
    "null",
    "dummy",
    "fake",
    "fake-key",
    "not-needed",
    "na",
    "n/a",
    "anything",
];

/// An upstream to be, and what LiteLLM says about its share.
pub(super) struct Deployment {
    /// Its name in the spec.
    pub(super) name: String,
    url: String,
    model: String,
    key: Option<(String, Option<String>)>,
    first_byte: Option<String>,
    notes: Vec<String>,
    /// What it is chosen by.
    pub(super) weight: Option<f64>,
    /// The lowest is asked first.
    pub(super) order: Option<u64>,
    /// Requests a minute.
    pub(super) requests: Option<u64>,
    /// Tokens a minute.
    pub(super) tokens: Option<u64>,
    /// Defaults of requests, as TOML: the model's.
    pub(super) defaults: Vec<(&'static str, String)>,
    /// How often a request is tried again.
    pub(super) retries: Option<u64>,
}

/// Reads an entry of `model_list`, without its `model_name`.
pub(super) fn read(
    model_name: &str,
    mut entry: Table,
    names: &mut Names,
) -> Result<Deployment, String> {
    let Some(Json::Object(mut parameters)) = entry.remove("litellm_params") else {
        return Err("`litellm_params` is missing, or no mapping".to_owned());
    };
    let model = take(&mut parameters, "model", text).ok_or("`litellm_params.model` is missing")?;
    let custom = take(&mut parameters, "custom_llm_provider", text);
    let base = take(&mut parameters, "api_base", text);
    let base = base.or_else(|| take(&mut parameters, "base_url", text));
    let place = provider::place(&model, custom.as_deref(), base.is_some())?;
    if place.model.contains('*') {
        return Err("a spec names each model; there are no wildcards".to_owned());
    }
    let variable = base
        .as_deref()
        .and_then(|base| base.strip_prefix("os.environ/"));
    let url = match (&base, place.address) {
        (Some(_), _) if variable.is_some() => None,
        (Some(base), _) => Some(address::of(base)?),
        (None, Some(address)) => Some(address.to_owned()),
        (None, None) => return Err("`litellm_params.api_base` is missing".to_owned()),
    };
    let name = names.unique(model_name, "upstream");
    let mut notes = Vec::new();
    if let Some(variable) = variable {
        notes.push(format!(
            "Its address was read from {}: write it here, or set `{}` to it at start.",
            shown(variable),
            conventions::upstream_url_variable(&name)
        ));
    }
    // A name that never resolves (RFC 2606) stands for an address that only the environment knows.
    let url = url.unwrap_or_else(|| format!("http://{name}.invalid"));
    let key = match take(&mut parameters, "api_key", text) {
        Some(key) if NO_KEYS.contains(&key.to_ascii_lowercase().as_str()) => {
            notes.push("Its `api_key` was none: the gateway presents no key.".to_owned());
            None
        }
        Some(key) => Some(secret(&key, &format!("{name}_API_KEY"))),
        None => place.variable.map(|variable| (variable.to_owned(), None)),
    };
    let mut defaults = Vec::new();
    let temperature = |value: &Json| number(value).filter(|value| (0.0..=2.0).contains(value));
    let top_p = |value: &Json| number(value).filter(|value| (0.001..=1.0).contains(value));
    let max_tokens = |value: &Json| count(value).filter(|value| *value <= 100_000_000);
    if let Some(value) = take(&mut parameters, "temperature", temperature) {
        defaults.push(("temperature", value.to_string()));
    }
    if let Some(value) = take(&mut parameters, "top_p", top_p) {
        defaults.push(("top_p", value.to_string()));
    }
    if let Some(value) = take(&mut parameters, "max_tokens", max_tokens) {
        defaults.push(("max_tokens", value.to_string()));
    }
    let deployment = Deployment {
        url,
        model: place.model.to_owned(),
        key,
        first_byte: take(&mut parameters, "timeout", seconds),
        weight: take(&mut parameters, "weight", number),
        order: take(&mut parameters, "order", count),
        requests: take(&mut parameters, "rpm", count),
        tokens: take(&mut parameters, "tpm", count),
        retries: take(&mut parameters, "max_retries", whole),
        defaults,
        notes: {
            notes.extend(left_over(&parameters, "litellm_params."));
            notes.extend(left_over(&entry, ""));
            notes
        },
        name,
    };
    Ok(deployment)
}

impl Deployment {
    pub(super) fn add_to(&self, draft: &mut Draft) {
        let mut section = Section::default();
        self.notes.iter().for_each(|note| section.note(note));
        section.set("url", string(&self.url));
        section.set("model", string(&self.model));
        if let Some((name, note)) = &self.key {
            note.iter().for_each(|note| section.note(note));
            section.set("api_key", variable(name));
        }
        if let Some(time) = &self.first_byte {
            section.set("timeouts", format!("{{ first_byte = {} }}", string(time)));
        }
        draft.add(&["upstreams", &self.name], section);
    }
}
