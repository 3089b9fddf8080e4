//! `[deploy.cloudwatch]`

use schemars::JsonSchema;
use serde::Deserialize;

/// What Amazon CloudWatch is told, by an OpenTelemetry collector beside the gateway.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudWatch {
    /// The region that metrics are kept in. Default: `"us-east-1"`.
    pub region: Option<String>,
    /// The namespace that they are kept under. Default: `"Nexus"`.
    pub namespace: Option<String>,
}
