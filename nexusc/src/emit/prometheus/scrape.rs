//! `prometheus/prometheus.yml`: who is scraped, which rules are applied, who is told.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::conventions;
use crate::emit::prometheus::time;
use crate::emit::{FileSet, yaml};
use crate::ir::{Endpoint, Topology, Upstream};
use crate::plan::containers;

const TEMPLATE: &str = include_str!("../../../../templates/deploy/prometheus/prometheus.yml");

/// Engines that tell Prometheus of themselves, at `/metrics`.
const TALKATIVE: [&str; 3] = ["vllm", "sglang", "llama_cpp"];

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    let tls = topology.gateway.tls.as_ref();
    let values = Values {
        header: conventions::header(&topology.name),
        job: &topology.name,
        interval: time(topology.deploy.prometheus.scrape_interval),
        gateway: format!(
            "{}:{}",
            conventions::GATEWAY,
            topology.gateway.listen.port()
        ),
        encrypted: tls.is_some(),
        certificate: tls.is_some_and(|tls| tls.client_ca.is_some()),
        alertmanager: topology
            .deploy
            .has_alertmanager()
            .then(|| format!("{}:9093", conventions::ALERTMANAGER)),
        slos: !topology.slos.is_empty(),
        engines: engines(topology),
    };
    let folder = conventions::deploy_folder(&topology.name);
    files.add(
        format!("{folder}/prometheus/prometheus.yml"),
        yaml::fill(TEMPLATE, &values),
    );
}

#[derive(Serialize)]
struct Values<'t> {
    header: String,
    job: &'t str,
    interval: String,
    gateway: String,
    encrypted: bool,
    certificate: bool,
    alertmanager: Option<String>,
    slos: bool,
    engines: Vec<Engine<'t>>,
}

#[derive(Serialize)]
struct Engine<'t> {
    path: String,
    upstream: &'t str,
    target: String,
}

/// The engines of the topology, each server once, where Prometheus finds them from its container: one of this machine is
/// in another one, and this machine's own address is that of the container itself.
fn engines(topology: &Topology) -> Vec<Engine<'_>> {
    let mut known = BTreeSet::new();
    let engine = |upstream: &'_ Upstream| -> Option<(String, String)> {
        let engine = upstream.engine.as_ref()?;
        if !TALKATIVE.contains(&engine.kind) || !matches!(upstream.endpoint, Endpoint::Http(_)) {
            return None;
        }
        let (host, port) = upstream.endpoint.host_and_port()?;
        let host = containers::of_engine(upstream).unwrap_or(host);
        let target = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        Some((engine.path.to_string(), target))
    };
    let servers = topology.upstreams.iter().filter_map(|upstream| {
        let (path, target) = engine(upstream)?;
        Some(Engine {
            path,
            upstream: &upstream.name,
            target,
        })
    });
    servers
        .filter(|engine| known.insert(engine.target.clone()))
        .collect()
}
