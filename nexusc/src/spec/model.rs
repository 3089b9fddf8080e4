//! `[models.NAME]`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::capabilities::Capabilities;
use crate::spec::timeouts::Totals;

/// A name that clients ask for. A route says which upstreams serve it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Other names for the same model. Default: none.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The models that are tried, in this order, when every upstream of this model's route failed before
    /// the first byte. This list is the whole chain: a fallback's own fallbacks are not added. Default: none.
    #[serde(default)]
    pub fallback: Vec<String>,
    /// Parameters for chat and text completions that do not set them.
    #[serde(default)]
    pub defaults: Defaults,
    /// How long its requests may take in all; what is left out comes from `[timeouts]`. Where this model stands
    /// in for another, the time of that other one holds.
    #[serde(default)]
    pub timeouts: Totals,
    /// The limit of how much may be asked of it by all callers together, by name. It does not apply where
    /// this model stands in for another. Default: any amount.
    pub limit: Option<String>,
    /// The part of its successful requests whose access line is logged, such as `"1%"`; what a key says about
    /// its own comes first. Default: what `[log]` says.
    pub log_sample: Option<String>,
    /// What it can take, for the compiler to compare with its fallback models.
    #[serde(default)]
    pub capabilities: Capabilities,
}

/// Request parameters that the gateway adds where the client left them out.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// Sampling temperature, from 0 to 2. Default: the engine's.
    pub temperature: Option<f64>,
    /// Nucleus sampling: the probability mass to sample from, above 0 up to 1. Default: the engine's.
    pub top_p: Option<f64>,
    /// The most tokens to generate; also left out where the client sets `max_completion_tokens`.
    /// Default: the engine's.
    pub max_tokens: Option<u64>,
}
