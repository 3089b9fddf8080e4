//! The deployments of one `model_name`: a model with its route.

use std::collections::BTreeMap;

use crate::conventions;
use crate::import::draft::{Draft, Section, key, list, string};
use crate::import::litellm::deployment::Deployment;
use crate::import::litellm::settings::Settings;
use crate::import::names::shown;

/// A model to be.
pub(super) struct Group {
    /// What clients ask for.
    pub(super) name: String,
    /// At least one.
    pub(super) deployments: Vec<Deployment>,
    /// Other names for it.
    pub(super) aliases: Vec<String>,
    /// The models that are tried after it.
    pub(super) fallback: Vec<String>,
    /// What is to be said of it.
    pub(super) notes: Vec<String>,
}

/// The most that a request is assumed to write which does not say.
const ASSUMED_OUTPUT: u64 = 1024;

impl Group {
    pub(super) fn new(name: String, deployment: Deployment) -> Self {
        Self {
            name,
            deployments: vec![deployment],
            aliases: Vec::new(),
            fallback: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What all deployments together admit, where each of them is bounded.
    pub(super) fn limit(&self) -> Option<Section> {
        let sum = |of: fn(&Deployment) -> Option<u64>| -> Option<u64> {
            self.deployments
                .iter()
                .map(of)
                .try_fold(0_u64, |sum, more| Some(sum.saturating_add(more?)))
        };
        let most = |amount: &u64| *amount <= 1_000_000_000;
        let requests = sum(|deployment| deployment.requests).filter(most);
        let output = self
            .defaults()
            .iter()
            .find(|(field, _)| *field == "max_tokens");
        let output = output
            .and_then(|(_, value)| value.parse().ok())
            .unwrap_or(ASSUMED_OUTPUT);
        let tokens = sum(|deployment| deployment.tokens)
            .filter(most)
            .filter(|tokens| *tokens > output);
        if requests.is_none() && tokens.is_none() {
            return None;
        }
        let mut section = Section::default();
        section.note("What the deployments of this model admitted, together: limits are of models and keys here.");
        if let Some(requests) = requests {
            section.set("requests", string(&format!("{requests}/min")));
        }
        if let Some(tokens) = tokens {
            section.set("tokens", string(&format!("{tokens}/min")));
        }
        Some(section)
    }

    /// The defaults of the first deployment: a model has one set.
    fn defaults(&self) -> &[(&'static str, String)] {
        self.deployments
            .first()
            .map_or(&[], |first| &first.defaults)
    }

    pub(super) fn add_model(&self, limit: Option<&str>, draft: &mut Draft) {
        let mut section = Section::default();
        self.notes.iter().for_each(|note| section.note(note));
        if self
            .deployments
            .iter()
            .any(|deployment| deployment.defaults != self.defaults())
        {
            section.note(
                "Its deployments had different default parameters: these are the first one's.",
            );
        }
        let bounded = self
            .deployments
            .iter()
            .any(|it| it.requests.is_some() || it.tokens.is_some());
        if bounded && limit.is_none() {
            section.note("not carried over: `rpm` and `tpm`, which not every deployment has, or which leave no room for a request.");
        }
        if !self.aliases.is_empty() {
            section.set("aliases", list(self.aliases.iter().map(String::as_str)));
        }
        if !self.fallback.is_empty() {
            section.set("fallback", list(self.fallback.iter().map(String::as_str)));
        }
        if !self.defaults().is_empty() {
            let fields = self
                .defaults()
                .iter()
                .map(|(field, value)| format!("{field} = {value}"));
            section.set(
                "defaults",
                format!("{{ {} }}", fields.collect::<Vec<_>>().join(", ")),
            );
        }
        if let Some(limit) = limit {
            section.set("limit", string(limit));
        }
        draft.add(&["models", &self.name], section);
    }

    pub(super) fn add_route(&self, name: &str, settings: &Settings, draft: &mut Draft) {
        let mut section = Section::default();
        section.set("models", list([self.name.as_str()]));
        match self.deployments.as_slice() {
            [only] => section.set("direct", format!("{{ upstream = {} }}", string(&only.name))),
            several if several.iter().any(|deployment| deployment.order.is_some()) => {
                if several.iter().any(|deployment| deployment.weight.is_some()) {
                    section.note(
                        "not carried over: `weight`: upstreams are chosen in the order of `order`",
                    );
                }
                // Those without an order come last, as LiteLLM has it.
                let order = |it: &Deployment| it.order.unwrap_or(1000).min(1000);
                section.set(
                    "priority",
                    targets(several.iter().map(|it| (it.name.as_str(), order(it)))),
                );
            }
            several if settings.least_busy => {
                if several.iter().any(|deployment| deployment.weight.is_some()) {
                    section.note("not carried over: `weight`: the upstream with the fewest requests in flight is chosen");
                }
                let names = several.iter().map(|deployment| deployment.name.as_str());
                section.set(
                    "least_in_flight",
                    format!("{{ upstreams = {} }}", list(names)),
                );
            }
            several => {
                let weights = weights(several).into_iter();
                let names = several.iter().map(|deployment| deployment.name.as_str());
                section.set("weighted", targets(names.zip(weights)));
            }
        }
        let retries = self
            .deployments
            .iter()
            .filter_map(|deployment| deployment.retries)
            .max();
        if let Some(retries) = retries.or(settings.retries).filter(|retries| *retries > 0) {
            const MOST: u64 = 10;
            let attempts = retries.saturating_add(1).min(MOST);
            section.set("retry", format!("{{ attempts = {attempts} }}"));
        }
        draft.add(&["routes", name], section);
    }
}

fn targets<'n>(targets: impl Iterator<Item = (&'n str, u64)>) -> String {
    let targets = targets.map(|(name, number)| format!("{} = {number}", key(name)));
    format!(
        "{{ targets = {{ {} }} }}",
        targets.collect::<Vec<_>>().join(", ")
    )
}

/// What LiteLLM's simple shuffle goes by: weights, else requests a minute, else tokens a minute, else all alike. A
/// deployment without the figure counts as one that has the smallest.
fn weights(deployments: &[Deployment]) -> Vec<u64> {
    let by: [fn(&Deployment) -> Option<f64>; 3] = [
        |it| it.weight,
        |it| it.requests.map(|rate| rate as f64),
        |it| it.tokens.map(|rate| rate as f64),
    ];
    let figures = by
        .into_iter()
        .map(|of| deployments.iter().map(of).collect::<Vec<_>>());
    let Some(figures) = figures
        .into_iter()
        .find(|figures| figures.iter().any(Option::is_some))
    else {
        return vec![1; deployments.len()];
    };
    let known: Vec<f64> = figures
        .iter()
        .flatten()
        .copied()
        .filter(|figure| *figure > 0.0)
        .collect();
    let smallest = known.iter().copied().fold(f64::INFINITY, f64::min);
    let largest = known.iter().copied().fold(1.0, f64::max);
    // Whole numbers up to a million, in the same proportion to a thousandth.
    let whole = known.iter().all(|figure| figure.fract() == 0.0) && largest <= 1_000_000.0;
    let scale = if whole { 1.0 } else { 1_000.0 / largest };
    let smallest = if smallest.is_finite() { smallest } else { 1.0 };
    let weight = |figure: Option<f64>| {
        let figure = figure.filter(|figure| *figure > 0.0).unwrap_or(smallest);
        ((figure * scale).round() as u64).clamp(1, 1_000_000)
    };
    reduced(figures.into_iter().map(weight).collect())
}

/// The smallest whole numbers of the same proportion.
fn reduced(weights: Vec<u64>) -> Vec<u64> {
    fn gcd(a: u64, b: u64) -> u64 {
        if b == 0 { a } else { gcd(b, a % b) }
    }
    let common = weights.iter().copied().fold(0, gcd).max(1);
    weights.into_iter().map(|weight| weight / common).collect()
}

/// Models that would have the same name in Rust, such as `gpt-4.1` and `gpt-4-1`: the first stays, and the others are
/// named.
pub(super) fn same_constants_apart(groups: &mut Vec<Group>, notes: &mut Vec<String>) {
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    groups.retain(|group| {
        let constant = conventions::constant(&group.name);
        match first.get(&constant) {
            Some(other) => {
                notes.push(format!(
                    "not carried over: the model {}: its name is too much like {}; rename it, or make it an alias",
                    shown(&group.name),
                    shown(other)
                ));
                false
            }
            None => {
                first.insert(constant, group.name.clone());
                true
            }
        }
    });
}
