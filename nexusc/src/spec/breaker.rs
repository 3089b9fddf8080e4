//! `[breaker]` and `[upstreams.NAME.breaker]`

use schemars::JsonSchema;
use serde::Deserialize;

/// When an upstream that fails is left alone. After so many failures in a row its circuit opens, and its
/// requests go to the next upstream at once, or are answered 503 where there is none; after `reset` one
/// request tries it, and its success closes the circuit. An upstream that answers 429 with a `Retry-After`
/// is left alone for that long, at most ten minutes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    /// How many failures in a row open the circuit: no connection, no response in time, a 5xx, a response
    /// that breaks off. No 4xx counts, nor a client that goes away. Default: `5`.
    pub failures: Option<u64>,
    /// How long the circuit stays open before one request tries the upstream. Default: `"30s"`.
    pub reset: Option<String>,
}
