//! `[routes.NAME.shadow]`

use schemars::JsonSchema;
use serde::Deserialize;

/// A copy of some requests goes to one more upstream, whose answer is read, compared with the one that the
/// client gets, and thrown away. A copy never delays or changes a response, counts for no limit, opens no
/// circuit, and is not sent to an upstream whose circuit is not closed or that is unhealthy. It has the
/// header `x-nexus-shadow: 1`, which no client can send. Its client's going away takes it back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shadow {
    /// The upstream that gets the copies: none of this route's own.
    pub upstream: String,
    /// The part of the route's admitted requests that is copied, such as `"1%"` or `"0.25%"`: of every
    /// hundred requests the same number.
    pub percent: String,
    /// The most copies in flight at once, in this process; what is more is not sent and counted as
    /// `dropped`. From 1 up to 1000. Default: `16`.
    pub concurrent: Option<u64>,
}
