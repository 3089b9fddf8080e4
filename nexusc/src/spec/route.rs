//! `[routes.NAME]`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// How the requests of its models choose among upstreams. Set exactly one of `direct`, `weighted` and
/// `canary`. Whichever upstream is chosen first, the route's others are tried when it fails before the
/// first byte.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The models that this route serves.
    pub models: Vec<String>,
    /// One upstream takes all.
    pub direct: Option<Direct>,
    /// Several upstreams share by weight.
    pub weighted: Option<Weighted>,
    /// A canary takes a small share of a primary's requests.
    pub canary: Option<Canary>,
}

/// One upstream takes all.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Direct {
    /// The upstream.
    pub upstream: String,
}

/// Several upstreams share by weight.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    /// Each upstream's weight, a whole number from 1 up to 1000000: `{ a = 9, b = 1 }` gives `a` nine
    /// tenths.
    pub targets: BTreeMap<String, u64>,
}

/// A canary takes a small share of a primary's requests.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// The upstream that takes the rest.
    pub primary: String,
    /// The upstream on trial.
    pub canary: String,
    /// The canary's share, such as `"5%"` or `"0.25%"`.
    pub percent: String,
}
