//! `Cargo.toml` of the dataplane crate: its one dependency, with the features that this topology uses.

use crate::ir::{Endpoint, Topology};

pub(super) fn emit(topology: &Topology, header: &str) -> String {
    let features = features(topology);
    let runtime = if features.is_empty() {
        "runtime = { workspace = true }".to_owned()
    } else {
        let lines: Vec<String> = features
            .iter()
            .map(|feature| format!("    \"{feature}\",\n"))
            .collect();
        format!(
            "runtime = {{ workspace = true, features = [\n{}] }}",
            lines.concat()
        )
    };
    format!(
        "# {header}\n\
         [package]\n\
         name = \"{name}\"\n\
         version = \"0.0.0\"\n\
         edition = \"2024\"\n\
         publish = false\n\
         \n\
         [dependencies]\n\
         {runtime}\n",
        name = topology.name,
    )
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
    if any(|endpoint| matches!(endpoint, Endpoint::MockLocal | Endpoint::MockFail)) {
        features.push("mock");
    }
    if any(|endpoint| matches!(endpoint, Endpoint::Https(_))) {
        features.push("tls");
    }
    features
}
