//! `[routes.NAME.hedge]`

use schemars::JsonSchema;
use serde::Deserialize;

/// When a second upstream of a route is asked beside a slow one. The first to answer is taken, and the other
/// request is taken back at once. The first byte of a response that is not streamed comes when all of it was
/// written: it is late where the answer is long.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hedge {
    /// How long the first byte of an attempt is waited for before the next upstream of the route is asked as
    /// well, if that one is healthy and its circuit closed: such as `"2s"`, somewhat more than nearly all
    /// requests take.
    pub after: String,
    /// The most second requests, as a part of the route's requests, such as `"5%"`. It is earned by requests
    /// before it is spent, and hardly kept for later, so that upstreams which are slow together do not get
    /// twice the load. Default: `"5%"`.
    pub budget: Option<String>,
}
