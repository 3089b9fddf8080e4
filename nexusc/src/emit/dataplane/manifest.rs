//! `Cargo.toml` of the dataplane crate: its one dependency, with the features that this topology uses.

use serde::Serialize;

use crate::emit::template::fill;
use crate::ir::{Endpoint, Jwks, Jwt, Topology};

const MANIFEST: &str = include_str!("../../../../templates/dataplane/Cargo.toml");

pub(super) fn emit(topology: &Topology, header: &str) -> String {
    let manifest = Manifest {
        header,
        spec: &topology.name,
        features: features(topology),
    };
    fill(MANIFEST, &manifest)
}

/// What the manifest is filled with. A spec's name needs no escaping: it is a name of the language.
#[derive(Serialize)]
struct Manifest<'t> {
    header: &'t str,
    spec: &'t str,
    features: Vec<&'static str>,
}

/// The parts of `runtime` that this topology uses; what it does not use is not linked.
fn features(topology: &Topology) -> Vec<&'static str> {
    let any = |test: fn(&Endpoint) -> bool| {
        topology
            .upstreams
            .iter()
            .any(|upstream| test(&upstream.endpoint))
    };
    let mut features = Vec::new();
    let jwks = topology.jwt.as_ref().and_then(Jwt::jwks);
    if topology.has_certificates() {
        features.push("certificates");
    }
    if topology.gateway.http2 {
        features.push("http2");
    }
    if topology.audit.is_some() {
        features.push("audit");
    }
    if jwks.is_some() {
        features.push("jwks");
    }
    if topology.jwt.is_some() {
        features.push("jwt");
    }
    if any(|endpoint| matches!(endpoint, Endpoint::MockLocal | Endpoint::MockFail)) {
        features.push("mock");
    }
    if topology.has_own_gpus() {
        features.push("nvml");
    }
    if topology.store.is_some() {
        features.push("redis");
    }
    if topology.otlp.is_some() {
        features.push("otlp");
    }
    let collector = topology
        .otlp
        .as_ref()
        .and_then(|otlp| otlp.endpoint.as_ref());
    let is_https = |endpoint: &Endpoint| matches!(endpoint, Endpoint::Https(_));
    if any(is_https) || jwks.is_some_and(Jwks::is_encrypted) || collector.is_some_and(is_https) {
        features.push("tls");
    }
    let input = topology.gateway.input.as_ref();
    if input.is_some_and(|input| input.forbidden_words.is_some()) {
        features.push("words");
    }
    features.sort_unstable();
    features
}
