//! `[log]`

use schemars::JsonSchema;
use serde::Deserialize;

/// What is logged of requests. Whatever is answered with a status of 400 or above is always logged, as is
/// every failed attempt at an upstream.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The part of successful requests whose access line is written, such as `"10%"`. The trace id decides
    /// which they are, so replicas choose alike. A key's own `log_sample` comes first, then that of the model,
    /// then this.
    pub sample: String,
}
