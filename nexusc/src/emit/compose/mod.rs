//! `deploy/<spec>/compose.yaml`, and one for each overlay: the gateway and what runs beside it on one machine.
//!
//! Which containers there are, with which names and ports, is settled in [`crate::plan::containers`]; here is only how
//! compose writes it. A dollar sign begins a variable in compose files, so every text of a spec goes through
//! [`text::literal`].

mod engines;
mod gateway;
mod logging;
mod monitoring;
mod overlay;
mod secrets;
mod services;
mod text;

pub(super) use gateway::{descriptors, in_seconds, listens_elsewhere, watched};

use std::collections::BTreeSet;

use serde::Serialize;

use crate::conventions::{self, container, image};
use crate::emit::FileSet;
use crate::emit::dockerfile::audit_folder;
use crate::emit::yaml::fill;
use crate::ir::Topology;
use crate::ir::deploy::Artifact;
use crate::plan::containers;

const TEMPLATE: &str = include_str!("../../../../templates/deploy/compose/compose.yaml");

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    if !topology.deploy.artifacts.contains(&Artifact::Compose) {
        return;
    }
    let folder = conventions::deploy_folder(&topology.name);
    let file = conventions::COMPOSE;
    files.add(format!("{folder}/{file}"), base(topology));
    for environment in topology.overlays.iter() {
        let path = format!("{folder}/overlays/{}/{file}", environment.name);
        files.add(path, overlay::text(topology, environment));
    }
}

fn base(topology: &Topology) -> String {
    let secrets = secrets::of(topology);
    let engines = engines::all(topology);
    let services = services::all(topology);
    let profiles: BTreeSet<String> = engines
        .iter()
        .flat_map(|engine| engine.profiles.iter().map(|name| (*name).to_owned()))
        .collect();
    let has = |artifact| topology.deploy.artifacts.contains(&artifact);
    let file = File {
        header: conventions::header(&topology.name),
        spec: &topology.name,
        gateway: gateway::of(topology, &secrets),
        redis: containers::redis(topology).map(|store| Redis {
            origin: store.path.to_string(),
            image: image::REDIS,
        }),
        nginx: topology
            .deploy
            .compose
            .nginx
            .as_ref()
            .map(|nginx| services::nginx(topology, nginx, &secrets)),
        prometheus: has(Artifact::Prometheus).then(|| monitoring::prometheus(topology)),
        alertmanager: topology
            .deploy
            .has_alertmanager()
            .then(|| monitoring::alertmanager(topology, &secrets)),
        grafana: has(Artifact::Grafana).then(|| monitoring::grafana(topology, &secrets)),
        logging: logging::services(topology),
        volumes: volumes(topology),
        engines,
        services,
        profiles,
        secrets: secrets.into_values().collect(),
    };
    fill(TEMPLATE, &file)
}

/// What the template is filled with.
#[derive(Serialize)]
struct File<'t> {
    header: String,
    spec: &'t str,
    gateway: gateway::Gateway,
    redis: Option<Redis>,
    nginx: Option<services::Nginx>,
    prometheus: Option<monitoring::Prometheus>,
    alertmanager: Option<monitoring::Alertmanager>,
    grafana: Option<monitoring::Grafana>,
    /// The services of the way of logs, as text.
    logging: Option<String>,
    engines: Vec<engines::Container<'t>>,
    services: Vec<services::Container<'t>>,
    /// The profiles with which engines start.
    profiles: BTreeSet<String>,
    secrets: Vec<secrets::File>,
    volumes: Vec<String>,
}

#[derive(Serialize)]
struct Redis {
    origin: String,
    image: &'static str,
}

/// A port of a container, as it is published on this machine's loopback address.
fn on_loopback(port: u16, inside: u16) -> String {
    format!("127.0.0.1:{port}:{inside}")
}

/// The volumes that the file has, by name. A name of a service has no underscore.
fn volumes(topology: &Topology) -> Vec<String> {
    let has = |artifact| topology.deploy.artifacts.contains(&artifact);
    let mut volumes = Vec::new();
    if audit_folder(topology).is_some() {
        volumes.push("audit_log".to_owned());
    }
    let kept = containers::engines(topology).filter(|(_, upstream, _)| {
        let container = upstream
            .engine
            .as_ref()
            .and_then(|it| it.container.as_ref());
        container.is_none_or(|container| container.data.is_some())
    });
    volumes.extend(kept.map(|(_, upstream, name)| engines::volume(upstream, name)));
    if has(Artifact::Prometheus) {
        volumes.push(container::PROMETHEUS.to_owned());
    }
    if topology.deploy.has_alertmanager() {
        volumes.push(conventions::ALERTMANAGER.to_owned());
    }
    if has(Artifact::Grafana) {
        volumes.push(container::GRAFANA.to_owned());
    }
    if has(Artifact::Logs) {
        let kept = [
            container::LOG_SHIPPER,
            container::KAFKA,
            container::LOG_INDEXER,
            container::ELASTICSEARCH,
        ];
        volumes.extend(kept.map(str::to_owned));
    }
    let services = topology.deploy.compose.services.iter();
    let kept = services.filter(|service| service.data.is_some());
    volumes.extend(kept.map(|service| service.name.clone()));
    volumes.sort();
    volumes.dedup();
    volumes
}
