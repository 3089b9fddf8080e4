//! `[deploy.prometheus]`

use schemars::JsonSchema;
use serde::Deserialize;

/// How Prometheus watches the gateway.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prometheus {
    /// The time from one scrape to the next, from `"1s"` to `"1m"`. Default: `"15s"`.
    pub scrape_interval: Option<String>,
    /// Where the emitted runbooks can be read: the address of `runbooks.md`, to which alerts link. Default: its path
    /// in this repository.
    pub runbooks: Option<String>,
}
