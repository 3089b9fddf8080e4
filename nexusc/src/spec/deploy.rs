//! `[deploy]`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::cloudwatch::CloudWatch;
use crate::spec::compose::Compose;
use crate::spec::grafana::Grafana;
use crate::spec::kubernetes::Kubernetes;
use crate::spec::prometheus::Prometheus;

/// What is emitted beside the dataplane, into `deploy/<spec>/`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deploy {
    /// What is emitted: some of `"compose"` (with the Dockerfile), `"grafana"` (with what CloudWatch shows),
    /// `"kubernetes"`, `"load"` (k6 scripts and chaos scenarios), `"logs"` (Vector, Kafka, Elasticsearch, Kibana),
    /// `"openapi"`, `"prometheus"` (with Alertmanager and runbooks) and `"systemd"`. Default: all of them.
    pub artifacts: Option<Vec<String>>,
    /// The name of the gateway's container image, without a tag. Default: `"nexus/"` and the name of the spec.
    pub image: Option<String>,
    /// What Amazon CloudWatch is told.
    #[serde(default)]
    pub cloudwatch: CloudWatch,
    /// What the compose files run.
    #[serde(default)]
    pub compose: Compose,
    /// What Grafana shows, and where it finds it.
    #[serde(default)]
    pub grafana: Grafana,
    /// How Prometheus watches the gateway.
    #[serde(default)]
    pub prometheus: Prometheus,
    /// What the manifests for Kubernetes say.
    #[serde(default)]
    pub kubernetes: Kubernetes,
}
