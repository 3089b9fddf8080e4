//! API keys and what each may ask for, tokens, and the rate limit of each.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::import::access::{Key, add_keys};
use crate::import::draft::{Draft, Section, list, string, variable};
use crate::import::env::Settings;
use crate::import::env::model::entries;
use crate::import::names::{Names, not_carried, shown_all};

const KEYS: &str = "GATEWAY_API_KEYS";
const POLICIES: &str = "GATEWAY_API_KEY_POLICIES";
const SECRET: &str = "GATEWAY_JWT_SECRET";
const RATE: &str = "GATEWAY_RATE_LIMIT_PER_MINUTE";
const REDIS: &str = "GATEWAY_REDIS_URL";

/// Who may ask.
pub(super) struct Callers {
    pub(super) keys: Vec<Key>,
    /// Whether tokens are taken.
    pub(super) tokens: bool,
    rate: Option<u64>,
    limit: Section,
    redis: bool,
    notes: Vec<String>,
}

pub(super) fn read(settings: &mut Settings, models: &BTreeSet<String>) -> Callers {
    let mut notes = Vec::new();
    let mut limit = Section::default();
    let keys = read_keys(settings, models, &mut notes);
    let tokens = settings.take(SECRET).is_some();
    let mut rate = settings.number(RATE, 1_000_000_000, &mut limit);
    if rate.is_some() && keys.is_empty() && !tokens {
        notes.push(not_carried(
            RATE,
            "limits are of keys and tokens, of which there are none",
        ));
        rate = None;
    }
    let redis = settings.take(REDIS).is_some();
    Callers {
        keys,
        tokens,
        rate,
        limit,
        redis,
        notes,
    }
}

impl Callers {
    pub(super) fn add_to(mut self, draft: &mut Draft) {
        let limit = self.rate.map(|_| "standard");
        if let Some(rate) = self.rate {
            self.limit.note("Whoever names it has a count of its own.");
            self.limit.set("requests", string(&format!("{rate}/min")));
        }
        draft.add_if_said(&["limits", "standard"], self.limit);
        add_keys(draft, self.keys, limit);
        if self.tokens {
            let mut section = Section::default();
            section.note(
                "Tokens must have `iss` and `aud` here: write what their issuer writes, or none will be accepted. Those \
                 without a claim `models` may ask for everything, as before.",
            );
            section.set("algorithm", string("HS256"));
            section.set("secret", variable(SECRET));
            section.set("issuer", string("issuer"));
            section.set("audience", string("gateway"));
            section.set("models", list(["*"]));
            if let Some(limit) = limit {
                section.set("limit", string(limit));
            }
            draft.add(&["auth", "jwt"], section);
        }
        if self.redis && limit.is_some() {
            let mut section = Section::default();
            section.note("While it is away, each replica goes by its own counts; `\"refuse\"` would answer 503.");
            section.set("url", variable(REDIS));
            section.set("when_away", string("admit"));
            draft.add(&["store", "redis"], section);
        } else if self.redis {
            draft.rest.push(not_carried(
                REDIS,
                "Redis counts limits, of which there are none",
            ));
        }
        draft.rest.extend(self.notes);
    }
}

/// Keys are secrets: each becomes a variable of its own, which the operator sets.
fn read_keys(
    settings: &mut Settings,
    models: &BTreeSet<String>,
    notes: &mut Vec<String>,
) -> Vec<Key> {
    let listed = settings.take(KEYS).unwrap_or_default();
    let separator = if listed.contains(';') { ';' } else { ',' };
    let mut secrets: Vec<String> = entries(&listed, separator).map(str::to_owned).collect();
    let policies = settings
        .take(POLICIES)
        .map(|value| policies(&value))
        .unwrap_or_default();
    // A policy may be of a key that is listed nowhere else.
    for policy in &policies {
        if !secrets.iter().any(|listed| is_of(listed, &policy.key)) {
            secrets.push(policy.key.clone());
        }
    }
    let mut names = Names::default();
    let mut keys = Vec::new();
    for (index, secret) in secrets.iter().enumerate() {
        let number = index + 1;
        let name = name_of(secret).unwrap_or("key");
        let mut key = Key::new(
            names.unique(name, "key"),
            &format!("GATEWAY_API_KEY_{number}"),
        );
        key.notes.push(format!(
            "Set `GATEWAY_API_KEY_{number}` to the key that is number {number} in `{KEYS}`."
        ));
        if let Some(Policy {
            models: allowed,
            others,
            ..
        }) = policies.iter().find(|policy| is_of(secret, &policy.key))
        {
            if !others.is_empty() {
                let others = shown_all(others.iter().map(String::as_str));
                let why = format!("nothing was read of its policy but the models, not {others}");
                key.notes.push(not_carried(POLICIES, &why));
            }
            let unknown: Vec<&str> = allowed
                .iter()
                .map(String::as_str)
                .filter(|model| *model != "*" && !models.contains(*model))
                .collect();
            if !unknown.is_empty() {
                let why = format!("there are no models {}", shown_all(unknown));
                key.notes.push(not_carried(POLICIES, &why));
            }
            if !allowed.iter().any(|model| model == "*") {
                key.models = Some(
                    allowed
                        .iter()
                        .filter(|model| models.contains(*model))
                        .cloned()
                        .collect(),
                );
            }
        }
        keys.push(key);
    }
    if !listed.is_empty() {
        notes.push(format!(
            "`{KEYS}` held the keys themselves, which this file does not repeat: each is read from a variable of its own."
        ));
    }
    keys
}

/// How the list of models is called in a policy.
const MODELS: [&str; 2] = ["models", "allowed_models"];

/// What a key may do.
struct Policy {
    key: String,
    models: Vec<String>,
    /// Fields that say something else.
    others: Vec<String>,
}

/// `key=model,model;...`, or an object of lists, or of objects that have one.
fn policies(value: &str) -> Vec<Policy> {
    if let Ok(Json::Object(object)) = serde_json::from_str(value) {
        let names = |models: &Json| -> Vec<String> {
            match models {
                Json::Array(list) => list
                    .iter()
                    .filter_map(Json::as_str)
                    .map(str::to_owned)
                    .collect(),
                Json::String(text) => entries(text, ',').map(str::to_owned).collect(),
                _ => Vec::new(),
            }
        };
        let of_entry = |(key, policy): (&String, &Json)| {
            let (mut models, mut others) = (names(policy), Vec::new());
            if let Json::Object(fields) = policy {
                let named = MODELS.iter().find_map(|name| fields.get(*name));
                models = named.map_or_else(|| vec!["*".to_owned()], names);
                let unread = fields
                    .keys()
                    .filter(|name| !MODELS.contains(&name.as_str()));
                others = unread.cloned().collect();
            }
            let key = key.clone();
            Policy {
                key,
                models,
                others,
            }
        };
        return object.iter().map(of_entry).collect();
    }
    let policy = |entry: &str| {
        // A key may end in `=`, as base64 does; models never hold one.
        let (key, models) = entry
            .rsplit_once('=')
            .or_else(|| entry.rsplit_once(':'))
            .unwrap_or((entry, "*"));
        Policy {
            key: key.trim().to_owned(),
            models: entries(models, ',').map(str::to_owned).collect(),
            others: Vec::new(),
        }
    };
    entries(value, ';').map(policy).collect()
}

/// Whether a policy is of this entry of the list: of the key itself, or of its name.
fn is_of(listed: &str, policy: &str) -> bool {
    listed == policy || name_of(listed) == Some(policy)
}

/// The name in `name:key` or `name=key`. It is written into the spec, so what could be a part of a key is none.
fn name_of(listed: &str) -> Option<&str> {
    const SHORTEST_KEY: usize = 8;
    let (name, key) = listed.split_once([':', '='])?;
    let of_name = |b: u8| b.is_ascii_lowercase() || b == b'-';
    let is_name = !name.is_empty() && name.len() <= 24 && name.bytes().all(of_name);
    (is_name && key.trim_matches('=').len() >= SHORTEST_KEY).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_key_is_no_name() {
        assert_eq!(name_of("mobile:hunter2hunter2"), Some("mobile"));
        for listed in [
            "hunter2hunter2==",
            "aHVudGVyMg==",
            "sk-9:hunter2hunter2",
            "a:b",
        ] {
            assert_eq!(name_of(listed), None, "{listed}");
        }
    }
}
