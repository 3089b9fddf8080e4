//! `[timeouts]` and `[upstreams.NAME.timeouts]`

use schemars::JsonSchema;
use serde::Deserialize;

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
