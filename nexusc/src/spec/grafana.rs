//! `[deploy.grafana]`

use schemars::JsonSchema;
use serde::Deserialize;

/// What Grafana shows, and where it finds it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grafana {
    /// Where Grafana finds Prometheus. Default: `"http://prometheus:9090"`, its name in the emitted compose file.
    pub prometheus: Option<String>,
    /// Where Grafana finds Alertmanager. Default: `"http://alertmanager:9093"`.
    pub alertmanager: Option<String>,
    /// Where people's browsers find Kibana, to which dashboards link. Default: `"http://localhost:5601"`,
    /// with the port that it has in compose.
    pub kibana: Option<String>,
    /// Whether Grafana evaluates the alerts and tells `[receivers]` of them, in the place of Alertmanager, which is then
    /// not emitted. The emitted notification policies become those of the whole Grafana. Default: `false`.
    pub alerting: Option<bool>,
}
