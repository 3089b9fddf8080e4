//! The images of what is not the gateway's own, each with the version that was looked at.

/// What tells people of alerts.
pub const ALERTMANAGER: &str = "prom/alertmanager:v0.28.1";
/// What asks by HTTP, with a shell around it.
pub const CURL: &str = "curlimages/curl:8.15.0";
/// What log lines are searched in; of the version of Kibana.
pub const ELASTICSEARCH: &str = "docker.elastic.co/elasticsearch/elasticsearch:9.1.0";
/// What shows a gateway.
pub const GRAFANA: &str = "grafana/grafana:12.1.0";
/// What log lines wait in.
pub const KAFKA: &str = "apache/kafka:4.0.0";
/// What shows log lines.
pub const KIBANA: &str = "docker.elastic.co/kibana/kibana:9.1.0";
/// What ends TLS in front of a gateway. Runs as a user of its own, which the official image of nginx does not.
pub const NGINX: &str = "nginxinc/nginx-unprivileged:1.28-alpine";
/// What scrapes a gateway.
pub const PROMETHEUS: &str = "prom/prometheus:v3.5.0";
/// What replicas of a gateway count in.
pub const REDIS: &str = "redis:7.4-alpine";
/// What carries log lines.
pub const VECTOR: &str = "timberio/vector:0.48.0-alpine";

/// What answers in the place of engines: built from the same Dockerfile as the gateway, and named after it.
pub fn mock(gateway: &str) -> String {
    format!("{gateway}-mock")
}
