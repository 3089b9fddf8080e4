//! `router_settings`, `litellm_settings` and `general_settings`: what holds for all models.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::import::draft::{Draft, Section, string, variable};
use crate::import::fallback::leads_to;
use crate::import::litellm::group::Group;
use crate::import::litellm::value::{Table, left_over, seconds, secret, take, text, texts, whole};
use crate::import::names::{model_name, not_carried, shown, shown_all};

/// What holds for all models.
#[derive(Default)]
pub(super) struct Settings {
    /// Whether the deployment with the fewest requests in flight is chosen.
    pub(super) least_busy: bool,
    /// How often a request is tried again.
    pub(super) retries: Option<u64>,
    /// The variable of the master key, and what is to be said of it.
    pub(super) master_key: Option<(String, Vec<String>)>,
    first_byte: Option<String>,
    allowed_fails: Option<u64>,
    reset: Option<String>,
    aliases: BTreeMap<String, String>,
    fallbacks: Vec<(String, Vec<String>)>,
    default_fallbacks: Vec<String>,
    redis: bool,
}

impl Settings {
    /// Takes what is understood; the rest is told in `notes`.
    pub(super) fn take(document: &mut Table, notes: &mut Vec<String>) -> Self {
        let mut settings = Self::default();
        // Where a setting stands in both, LiteLLM goes by the router's.
        for place in ["router_settings", "litellm_settings", "general_settings"] {
            match document.remove(place) {
                None | Some(Json::Null) => {}
                Some(Json::Object(mut table)) => {
                    if place == "general_settings" {
                        settings.take_general(&mut table);
                    } else {
                        settings.take_router(&mut table, notes);
                    }
                    notes.extend(left_over(&table, &format!("{place}.")));
                }
                Some(_) => notes.push(not_carried(place, "it is no mapping")),
            }
        }
        settings
    }

    fn take_general(&mut self, table: &mut Table) {
        if let Some(key) = take(table, "master_key", text) {
            let (variable, note) = secret(&key, "LITELLM_MASTER_KEY");
            self.master_key = Some((variable, note.into_iter().collect()));
        }
    }

    fn take_router(&mut self, table: &mut Table, notes: &mut Vec<String>) {
        match take(table, "routing_strategy", text).as_deref() {
            None | Some("simple-shuffle") => {}
            Some("least-busy") => self.least_busy = true,
            Some(other) => {
                self.least_busy = true;
                notes.push(format!(
                    "`routing_strategy` was {}: the upstream with the fewest requests in flight is what comes nearest.",
                    shown(other)
                ));
            }
        }
        take_first(&mut self.retries, table, "num_retries", whole);
        take_first(&mut self.first_byte, table, "timeout", seconds);
        take_first(&mut self.first_byte, table, "request_timeout", seconds);
        take_first(&mut self.allowed_fails, table, "allowed_fails", whole);
        take_first(&mut self.reset, table, "cooldown_time", seconds);
        for name in ["model_group_alias", "model_alias_map"] {
            if let Some(aliases) = take(table, name, aliases) {
                self.aliases.extend(aliases);
            }
        }
        if let Some(fallbacks) = take(table, "fallbacks", fallbacks) {
            self.fallbacks.extend(fallbacks);
        }
        if let Some(models) = take(table, "default_fallbacks", texts) {
            self.default_fallbacks.extend(models);
        }
        for name in ["redis_host", "redis_url", "redis_port", "redis_password"] {
            self.redis |= table.remove(name).is_some();
        }
    }

    /// Gives the models their aliases and fallbacks, as far as those lead to models that there are.
    pub(super) fn resolve(&mut self, groups: &mut [Group], notes: &mut Vec<String>) {
        let mut names: BTreeSet<String> = groups.iter().map(|group| group.name.clone()).collect();
        for (alias, model) in std::mem::take(&mut self.aliases) {
            let target = groups.iter_mut().find(|group| group.name == model);
            let refusal = match (&target, model_name(&alias)) {
                (None, _) => Some(format!("there is no model {}", shown(&model))),
                (_, Err(why)) => Some(why.to_owned()),
                _ if names.contains(&alias) => Some("there is a model of this name".to_owned()),
                _ => None,
            };
            match (refusal, target) {
                (None, Some(group)) => {
                    names.insert(alias.clone());
                    group.aliases.push(alias);
                }
                (why, _) => notes.push(not_carried(
                    &format!("alias {alias}"),
                    &why.unwrap_or_default(),
                )),
            }
        }
        let models: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
        let mut wanted = std::mem::take(&mut self.fallbacks);
        for model in &models {
            let has_own = wanted.iter().any(|(of, _)| of == model);
            if !has_own
                && !self.default_fallbacks.is_empty()
                && !self.default_fallbacks.contains(model)
            {
                wanted.push((model.clone(), self.default_fallbacks.clone()));
            }
        }
        let mut chains: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (model, chain) in wanted {
            let mut lost = Vec::new();
            for other in chain {
                let known = models.contains(&model) && models.contains(&other);
                let kept = chains.entry(model.clone()).or_default();
                let twice = kept.contains(&other);
                if known && !twice && !leads_to(&chains, &other, &model) {
                    chains.entry(model.clone()).or_default().push(other);
                } else if !twice {
                    lost.push(other);
                }
            }
            if !lost.is_empty() {
                let note = format!(
                    "not carried over: the fallback from {} to {}: both must be models of this spec, and the last of a chain \
                     has no fallback that leads back.",
                    shown(&model),
                    shown_all(lost.iter().map(String::as_str))
                );
                match groups.iter_mut().find(|group| group.name == model) {
                    Some(group) => group.notes.push(note),
                    None => notes.push(note),
                }
            }
        }
        for group in groups {
            group.fallback = chains.remove(&group.name).unwrap_or_default();
        }
    }

    pub(super) fn add_timeouts(&self, draft: &mut Draft) {
        if let Some(time) = &self.first_byte {
            let mut section = Section::default();
            section.note("LiteLLM's timeout bounds one attempt: it is the time to the first byte of a response.");
            section.set("first_byte", string(time));
            draft.add(&["timeouts"], section);
        }
    }

    pub(super) fn add_breaker(&self, draft: &mut Draft) {
        let mut section = Section::default();
        if let Some(allowed) = self.allowed_fails {
            section.note("LiteLLM counts failures in a minute; here they are failures in a row.");
            section.set("failures", allowed.saturating_add(1).min(1_000).to_string());
        }
        if let Some(reset) = &self.reset {
            section.set("reset", string(reset));
        }
        draft.add_if_said(&["breaker"], section);
    }

    pub(super) fn add_store(&self, counts: bool, draft: &mut Draft) {
        if self.redis && counts {
            let mut section = Section::default();
            section.note("Set `REDIS_URL` to the host, port and password that were written apart: `redis://:PASSWORD@HOST:PORT`.");
            section.set("url", variable("REDIS_URL"));
            section.set("when_away", string("admit"));
            draft.add(&["store", "redis"], section);
        } else if self.redis {
            let why = "Redis counts limits of models and keys, of which there are none";
            draft
                .rest
                .push(not_carried("router_settings.redis_host", why));
        }
    }
}

/// Takes a setting where none came before it; what is left is named.
fn take_first<T>(
    value: &mut Option<T>,
    table: &mut Table,
    name: &str,
    read: fn(&Json) -> Option<T>,
) {
    if value.is_none() {
        *value = take(table, name, read);
    }
}

/// `{ alias: model }`, or `{ alias: { model: ..., hidden: ... } }`.
fn aliases(value: &Json) -> Option<Vec<(String, String)>> {
    let one = |(alias, model): (&String, &Json)| {
        let model = model.get("model").unwrap_or(model);
        Some((alias.clone(), text(model)?))
    };
    value.as_object()?.iter().map(one).collect()
}

/// `[{ model: [fallback, ...] }, ...]`
fn fallbacks(value: &Json) -> Option<Vec<(String, Vec<String>)>> {
    let mut all = Vec::new();
    for entry in value.as_array()? {
        for (model, chain) in entry.as_object()? {
            all.push((model.clone(), texts(chain)?));
        }
    }
    Some(all)
}
