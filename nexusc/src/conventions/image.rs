//! The images of what is not the gateway's own, each with the version that was looked at.

/// What tells people of alerts.
pub const ALERTMANAGER: &str = "prom/alertmanager:v0.28.1";
/// What shows a gateway.
pub const GRAFANA: &str = "grafana/grafana:12.1.0";
/// What ends TLS in front of a gateway. Runs as a user of its own, which the official image of nginx does not.
pub const NGINX: &str = "nginxinc/nginx-unprivileged:1.28-alpine";
/// What scrapes a gateway.
pub const PROMETHEUS: &str = "prom/prometheus:v3.5.0";
/// What replicas of a gateway count in.
pub const REDIS: &str = "redis:7.4-alpine";

/// What answers in the place of engines: built from the same Dockerfile as the gateway, and named after it.
pub fn mock(gateway: &str) -> String {
    format!("{gateway}-mock")
}
