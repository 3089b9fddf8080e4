//! Where the gateway is deployed to, as far as emitted files go by it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ir::cloudwatch::CloudWatch;
use crate::ir::compose::Compose;
use crate::ir::grafana::Grafana;
use crate::ir::kubernetes::Kubernetes;
use crate::key_path::KeyPath;

/// What is emitted beside the dataplane.
#[derive(Debug)]
pub struct Deploy {
    /// `[deploy]`.
    pub path: KeyPath,
    /// What is emitted.
    pub artifacts: BTreeSet<Artifact>,
    /// The name of the gateway's container image, without a tag.
    pub image: String,
    /// What Amazon CloudWatch is told.
    pub cloudwatch: CloudWatch,
    /// What the compose files run.
    pub compose: Compose,
    /// What Grafana shows, and where it finds it.
    pub grafana: Grafana,
    /// How Prometheus watches the gateway.
    pub prometheus: Prometheus,
    /// What it is in Kubernetes.
    pub kubernetes: Kubernetes,
}

impl Deploy {
    /// Whether Alertmanager tells of alerts.
    pub fn has_alertmanager(&self) -> bool {
        self.artifacts.contains(&Artifact::Prometheus) && !self.grafana.alerting
    }
}

/// How Prometheus watches the gateway.
#[derive(Debug, PartialEq, Eq)]
pub struct Prometheus {
    /// From one scrape to the next.
    pub scrape_interval: Duration,
    /// Where the runbooks can be read, if not in the repository.
    pub runbooks: Option<String>,
}

/// A kind of emitted files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Artifact {
    /// Compose files, the Dockerfile, the configuration of nginx.
    Compose,
    /// Data sources, dashboards and alerting of Grafana; the dashboard of CloudWatch.
    Grafana,
    /// The base and the overlays for Kubernetes.
    Kubernetes,
    /// Load tests and chaos scenarios.
    Load,
    /// The way of logs to where they are searched.
    Logs,
    /// The document of the gateway's endpoints.
    OpenApi,
    /// Scrape configuration, rules and their tests, Alertmanager, runbooks.
    Prometheus,
    /// Service and socket units.
    Systemd,
}

impl Artifact {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Compose,
        Self::Grafana,
        Self::Kubernetes,
        Self::Load,
        Self::Logs,
        Self::OpenApi,
        Self::Prometheus,
        Self::Systemd,
    ];

    /// As specs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::Grafana => "grafana",
            Self::Kubernetes => "kubernetes",
            Self::Load => "load",
            Self::Logs => "logs",
            Self::OpenApi => "openapi",
            Self::Prometheus => "prometheus",
            Self::Systemd => "systemd",
        }
    }
}
