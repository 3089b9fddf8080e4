//! `[gateway.input]`

use schemars::JsonSchema;
use serde::Deserialize;

/// What a request may hold, beside its size.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The most entries in the `messages` of a request, such as `512`; a request with more is answered 400.
    pub max_messages: u64,
}
