//! What the compose files run, beside what follows from the rest of the topology.

use crate::ir::table::{Id, Named, Table};
use crate::ir::{Identity, Upstream};
use crate::key_path::KeyPath;

/// `[deploy.compose]`
#[derive(Debug)]
pub struct Compose {
    /// Which engines start together.
    pub profiles: Vec<Profile>,
    /// The ports of the monitoring.
    pub ports: Ports,
    /// What ends TLS in front of the gateway, if anything does.
    pub nginx: Option<Nginx>,
    /// Servers beside the gateway.
    pub services: Table<Service>,
}

/// Engines that start together.
#[derive(Debug)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// `deploy.compose.profiles.NAME`.
    pub path: KeyPath,
    /// Whose engines.
    pub starts: Starts,
}

/// Whose engines a profile starts.
#[derive(Debug, PartialEq, Eq)]
pub enum Starts {
    /// Everybody's.
    All,
    /// Those of these upstreams, in the order written.
    Only(Vec<Id<Upstream>>),
}

impl Starts {
    /// Whether it is one of these.
    pub fn includes(&self, upstream: Id<Upstream>) -> bool {
        match self {
            Self::All => true,
            Self::Only(upstreams) => upstreams.contains(&upstream),
        }
    }
}

/// Ports of this machine's loopback address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Prometheus.
    pub prometheus: u16,
    /// Alertmanager.
    pub alertmanager: u16,
    /// Grafana.
    pub grafana: u16,
    /// Kibana.
    pub kibana: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            prometheus: 9090,
            alertmanager: 9093,
            grafana: 3000,
            kibana: 5601,
        }
    }
}

/// An nginx that ends TLS.
#[derive(Debug)]
pub struct Nginx {
    /// `[deploy.compose.nginx]`.
    pub path: KeyPath,
    /// The port that clients reach.
    pub port: u16,
    /// What it presents; `None` where that is reported.
    pub identity: Option<Identity>,
}

/// A server beside the gateway.
#[derive(Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// `[deploy.compose.services.NAME]`.
    pub path: KeyPath,
    /// Its image with a tag.
    pub image: String,
    /// The port by which this machine reaches it.
    pub port: Option<u16>,
    /// Variables that must be set for it.
    pub environment: Vec<String>,
    /// What its shell finds out whether it serves by.
    pub health: Option<String>,
    /// The folder that is kept.
    pub data: Option<String>,
    /// What is up before it.
    pub after: Vec<Id<Service>>,
}

impl Named for Service {
    fn name(&self) -> &str {
        &self.name
    }
}
