//! The engines that run beside the gateway: a model server each, with its GPUs and what it has fetched.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::conventions::{self, kubernetes as names};
use crate::emit::engine::{self, Gpus, Value};
use crate::emit::kubernetes::environment::Engines;
use crate::emit::kubernetes::literal;
use crate::emit::yaml::fill;
use crate::ir::table::Id;
use crate::ir::{EngineMemory, Topology, Upstream};
use crate::plan::report::Report;

const ENGINE: &str = include_str!("../../../../templates/deploy/kubernetes/engine.yaml");

/// Where an engine keeps what it has fetched: its own folder is in that of root, whom restricted pods are not.
const CACHE: &str = "/cache";

const GIB: u64 = 1 << 30;

/// What the manifest of an engine says.
#[derive(Serialize)]
struct Values<'t> {
    header: String,
    origin: String,
    kubernetes: String,
    name: &'t str,
    kind: String,
    profile: Option<&'t str>,
    termination_seconds: u64,
    node_labels: Vec<Label<'t>>,
    image: &'t str,
    command: &'t [&'static str],
    args: Vec<String>,
    variables: Vec<Variable<'t>>,
    secrets: String,
    user: u32,
    cache: &'t str,
    port: u16,
    health_path: &'t str,
    live_path: &'t str,
    cpu: String,
    memory: String,
    gpus: String,
    storage: String,
}

#[derive(Serialize)]
struct Label<'t> {
    key: &'t str,
    value: &'t str,
}

/// A variable with its text, or with the key of the Secret that has it.
#[derive(Serialize)]
struct Variable<'t> {
    name: &'static str,
    value: Option<&'t str>,
    key: Option<&'t str>,
    optional: bool,
}

/// The file of an engine, with its name.
pub(super) fn manifest(
    topology: &Topology,
    engines: &Engines,
    weights: &BTreeMap<&str, u64>,
    id: Id<Upstream>,
) -> (String, String) {
    let upstream = topology.upstreams.get(id);
    let engine = engines.get(id).expect("it is one of those that run");
    let server = &engine.server;
    let written = upstream.engine.as_ref().expect("it has a server");
    let settings = &topology.deploy.kubernetes;
    let gpus = match &server.gpus {
        Gpus::Indices(indices) => indices.len(),
        Gpus::Count(count) => *count,
    };
    let between = upstream.timeouts.between_chunks;
    let values = Values {
        header: conventions::header(&topology.name),
        origin: written.path.to_string(),
        kubernetes: settings.path.to_string(),
        name: &engine.name,
        kind: match written.container {
            Some(_) => "model-server".to_owned(),
            None => written.kind.replace('_', "-"),
        },
        profile: written.profile.as_deref(),
        // For the answers that it has begun.
        termination_seconds: between.as_secs().max(30),
        node_labels: settings
            .gpu_nodes
            .iter()
            .map(|(key, value)| Label { key, value })
            .collect(),
        image: &server.image,
        command: &server.command,
        args: server.args.iter().map(|arg| literal(arg)).collect(),
        variables: server.environment.iter().map(variable).collect(),
        secrets: names::secrets(&topology.name),
        user: server.user.unwrap_or(conventions::USER),
        // The folder of the known ones is in that of root.
        cache: written
            .container
            .as_ref()
            .and(server.cache.as_deref())
            .unwrap_or(CACHE),
        port: server.port,
        health_path: &server.health_path,
        live_path: &server.live_path,
        cpu: (2 * gpus.max(1)).to_string(),
        memory: format!("{}Gi", 8 * gpus.max(1)),
        gpus: gpus.to_string(),
        storage: room(match written.memory {
            // Its weights are a part of that.
            EngineMemory::Stated(bytes) => bytes.saturating_mul(gpus.max(1) as u64),
            EngineMemory::Planned(_) => weights
                .get(upstream.name.as_str())
                .copied()
                .unwrap_or_default(),
        }),
    };
    (
        format!("engine-{}.yaml", upstream.name),
        fill(ENGINE, &values),
    )
}

fn variable(variable: &engine::Variable) -> Variable<'_> {
    let (value, key, optional) = match &variable.value {
        Value::Text(engine::CACHE) => (Some(CACHE), None, false),
        Value::Text(text) => (Some(*text), None, false),
        Value::From(key) => (None, Some(key.as_str()), false),
        Value::FromIfSet(key) => (None, Some(*key), true),
    };
    Variable {
        name: variable.name,
        value,
        key,
        optional,
    }
}

/// The weights of each upstream that is planned, in bytes.
pub(super) fn weights(plan: &Report) -> BTreeMap<&str, u64> {
    let mut weights: BTreeMap<&str, u64> = BTreeMap::new();
    let gpus = plan.profiles.iter().flat_map(|profile| &profile.gpus);
    for used in gpus.flat_map(|gpu| &gpu.services) {
        *weights.entry(&used.upstream).or_default() += used.weights;
    }
    weights
}

/// Room for weights of which a checkpoint may have twice the bytes, and for what is compiled for them.
fn room(weights: u64) -> String {
    const STEP: u64 = 10 * GIB;
    let bytes = weights.saturating_mul(2).saturating_add(STEP);
    format!("{}Gi", bytes.div_ceil(STEP) * (STEP / GIB))
}
