//! What Grafana shows, and where it finds it.

/// Addresses without a slash at their end.
#[derive(Debug, PartialEq, Eq)]
pub struct Grafana {
    /// Where Grafana finds Prometheus.
    pub prometheus: String,
    /// Where Grafana finds Alertmanager.
    pub alertmanager: String,
    /// Where browsers find Kibana.
    pub kibana: String,
    /// Whether Grafana evaluates the alerts and tells of them, in the place of Alertmanager.
    pub alerting: bool,
}
