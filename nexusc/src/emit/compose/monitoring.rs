//! Prometheus, Alertmanager and Grafana, with the files that are emitted for them.

use serde::Serialize;

use super::on_loopback;
use super::secrets::{self, Files, Mounted};
use crate::conventions::image;
use crate::ir::Topology;
use crate::ir::deploy::Artifact;

/// As the template takes it; Alertmanager with it.
#[derive(Serialize)]
pub(super) struct Prometheus {
    image: &'static str,
    port: String,
    /// Whether the gateway asks for a certificate of clients.
    shows_certificate: bool,
    alertmanager_image: &'static str,
    alertmanager_port: String,
    alertmanager_files: Vec<Mounted>,
}

/// As the template takes it.
#[derive(Serialize)]
pub(super) struct Grafana {
    image: &'static str,
    port: String,
    has_prometheus: bool,
    files: Vec<Mounted>,
}

pub(super) fn prometheus<'t>(topology: &'t Topology, all: &Files<'t>) -> Prometheus {
    let ports = topology.deploy.compose.ports;
    Prometheus {
        image: image::PROMETHEUS,
        port: on_loopback(ports.prometheus, 9090),
        shows_certificate: topology
            .gateway
            .tls
            .as_ref()
            .is_some_and(|tls| tls.client_ca.is_some()),
        alertmanager_image: image::ALERTMANAGER,
        alertmanager_port: on_loopback(ports.alertmanager, 9093),
        alertmanager_files: secrets::mounted(secrets::of_alertmanager(topology), all),
    }
}

pub(super) fn grafana<'t>(topology: &'t Topology, all: &Files<'t>) -> Grafana {
    Grafana {
        image: image::GRAFANA,
        port: on_loopback(topology.deploy.compose.ports.grafana, 3000),
        has_prometheus: topology.deploy.artifacts.contains(&Artifact::Prometheus),
        files: secrets::mounted(secrets::of_grafana(topology), all),
    }
}
