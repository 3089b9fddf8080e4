//! The images of what is not the gateway's own, each with the version that was looked at.

pub(super) const ALERTMANAGER: &str = "prom/alertmanager:v0.28.1";
pub(super) const GRAFANA: &str = "grafana/grafana:12.1.0";
/// Runs as a user of its own, which the official image of nginx does not.
pub(super) const NGINX: &str = "nginxinc/nginx-unprivileged:1.28-alpine";
pub(super) const PROMETHEUS: &str = "prom/prometheus:v3.5.0";
pub(super) const REDIS: &str = "redis:7.4-alpine";
