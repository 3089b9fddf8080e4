//! `[timeouts]`, `[models.NAME.timeouts]` and `[upstreams.NAME.timeouts]`

use schemars::JsonSchema;
use serde::Deserialize;

/// How long upstreams and requests may take, where they do not say otherwise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// To accept a connection, TLS included. Default: `"1s"`.
    pub connect: Option<String>,
    /// From the end of the request to the first byte of the response: queueing and prefill of a model
    /// server. Default: `"60s"`.
    pub first_byte: Option<String>,
    /// Between two pieces of a response. Default: `"30s"`.
    pub between_chunks: Option<String>,
    /// A request that is not streamed, from its admission to the last byte of its response: all attempts
    /// together, with retries and fallback models. It must have time for all of them. Default: any time.
    pub total: Option<String>,
    /// The same for a streamed request. Default: any time.
    pub total_streamed: Option<String>,
}

/// How long requests for a model may take.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// A request that is not streamed, from its admission to the last byte of its response: all attempts
    /// together, with retries and fallback models. It must have time for all of them. Default: what `[timeouts]` says.
    pub total: Option<String>,
    /// The same for a streamed request. Default: what `[timeouts]` says.
    pub total_streamed: Option<String>,
}

/// How long an upstream may take.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// To accept a connection, TLS included. Default: `"1s"`.
    pub connect: Option<String>,
    /// From the end of the request to the first byte of the response: queueing and prefill of a model
    /// server. Default: `"60s"`.
    pub first_byte: Option<String>,
    /// Between two pieces of a response. Default: `"30s"`.
    pub between_chunks: Option<String>,
}
