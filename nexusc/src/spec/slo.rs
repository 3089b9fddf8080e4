//! `[slos.NAME]`

use schemars::JsonSchema;
use serde::Deserialize;

/// A service level objective: which part of requests is to go well. It becomes recording rules and two alerts, which
/// go by how fast the error budget burns (Google's SRE workbook, chapter 5: 14.4, 6, 3 and 1 times too fast). Set
/// exactly one of `availability`, `latency` and `first_token`: what it is to go well means.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slo {
    /// The part of requests that is to go well, such as `"99.5%"`.
    pub objective: String,
    /// The time over which this is to hold, from `"1h"` to `"90d"`; the windows of the alerts go by it. Default:
    /// `"30d"`.
    pub period: Option<String>,
    /// Requests are answered, and not with a status of 500 or above. Default: not what this is about.
    pub availability: Option<Availability>,
    /// Requests are answered in whole within a time. Default: not what this is about.
    pub latency: Option<Latency>,
    /// Streams begin within a time. Default: not what this is about.
    pub first_token: Option<FirstToken>,
}

/// Requests are answered, and not with a status of 500 or above: `availability = {}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Availability {}

/// Requests are answered in whole within a time, streams to their last byte.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// The time, such as `"30s"`.
    pub within: String,
}

/// Streams begin within a time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstToken {
    /// The time from the request to the first byte, such as `"1.5s"` written as `"1500ms"`.
    pub within: String,
    /// The models whose streams count. Default: all.
    pub models: Option<Vec<String>>,
}
