//! `[alerts.NAME]`

use schemars::JsonSchema;
use serde::Deserialize;

/// What differs from the usual for an alert. Each alert whose metric the gateway exports is emitted without being
/// named here; `nexusc explain NX0701` lists them with their usual thresholds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// What it fires above, or below: a part (`"10%"`), a time (`"5s"`) or a number (`"10"`), as the alert is
    /// about. Default: what is usual for it.
    pub threshold: Option<String>,
    /// How long that holds before it fires, such as `"5m"`. Default: what is usual for it.
    #[serde(rename = "for")]
    pub hold: Option<String>,
    /// `"critical"`, `"high"`, `"medium"` or `"low"`: who is told goes by it. Default: what is
    /// usual for it.
    pub severity: Option<String>,
    /// `false`: it is not emitted. Default: `true`.
    pub enabled: Option<bool>,
}
