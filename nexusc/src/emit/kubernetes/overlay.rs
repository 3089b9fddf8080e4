//! What an overlay of the spec varies, as a kustomization on the base.

use serde::Serialize;

use crate::conventions;
use crate::emit::kubernetes::environment::{Engines, Environment};
use crate::emit::kubernetes::{Setting, moved, network};
use crate::emit::yaml::fill;
use crate::ir::kubernetes::{Exposure, Replicas};
use crate::ir::table::Id;
use crate::ir::{Overlay, Topology, Upstream};

const OVERLAY: &str = include_str!("../../../../templates/deploy/kubernetes/overlay.yaml");

/// What the kustomization of an overlay says.
#[derive(Serialize)]
struct Values<'t> {
    header: String,
    origin: String,
    spec: &'t str,
    namespace: &'t str,
    files: Vec<&'t str>,
    settings: Vec<Setting>,
    host: Option<&'t str>,
    certificate: bool,
    replicas: Option<Replicas>,
    gateway_policy: String,
    egress: Option<String>,
    profile: Option<&'t str>,
    left_out: Vec<LeftOut<'t>>,
}

/// An engine of the base that the overlay is without.
#[derive(Serialize)]
struct LeftOut<'t> {
    name: &'t str,
    origin: String,
}

pub(super) fn kustomization(
    topology: &Topology,
    overlay: &Overlay,
    engines: &Engines,
    [base, varied]: [&Environment<'_>; 2],
    manifests: &[(String, String)],
) -> String {
    let settings = &topology.deploy.kubernetes;
    let has_ingress = settings.expose.contains(&Exposure::Ingress);
    let host = &varied.settings.host;
    let left_out = base.engines.difference(&varied.engines);
    let egress = |environment: &Environment<'_>| network::egress(topology, engines, environment);
    let values = Values {
        header: conventions::header(&topology.name),
        origin: overlay.path.to_string(),
        spec: &topology.name,
        namespace: &varied.settings.namespace,
        files: manifests.iter().map(|(name, _)| name.as_str()).collect(),
        settings: self::settings(topology, overlay, base, varied),
        host: (has_ingress && *host != base.settings.host).then_some(host),
        certificate: topology.gateway.tls.is_some(),
        replicas: (varied.settings.replicas != base.settings.replicas)
            .then_some(varied.settings.replicas),
        gateway_policy: network::of_gateway(&topology.name),
        egress: (egress(base) != egress(varied)).then(|| indented(&egress(varied))),
        profile: overlay.profile.as_deref().filter(|profile| {
            let mut engines = varied.engines.iter();
            engines.any(|&id| profile_of(topology, id) == Some(*profile))
        }),
        left_out: left_out
            .map(|&id| LeftOut {
                name: engines.get(id).map_or("", |engine| &engine.name),
                origin: topology.upstreams.get(id).path.to_string(),
            })
            .collect(),
    };
    fill(OVERLAY, &values)
}

/// The profile of the engine of an upstream.
fn profile_of(topology: &Topology, id: Id<Upstream>) -> Option<&str> {
    let engine = topology.upstreams.get(id).engine.as_ref()?;
    engine.profile.as_deref()
}

/// The upstreams that are elsewhere than in the base.
fn settings(
    topology: &Topology,
    overlay: &Overlay,
    base: &Environment<'_>,
    varied: &Environment<'_>,
) -> Vec<Setting> {
    let addresses = base.addresses.iter().zip(&varied.addresses);
    let upstreams = topology.upstreams.ids().zip(addresses);
    let table = overlay.path.key("upstreams");
    let moved = upstreams.filter_map(|((id, upstream), (before, after))| {
        let after = after.as_ref().filter(|_| before != after)?;
        let origin = if varied.mocked.contains(&id) {
            overlay.path.key("servers")
        } else {
            table.key(&upstream.name).key("url")
        };
        Some(moved(upstream, &origin, after))
    });
    moved.collect()
}

/// The rules of a policy as the value of a patch.
fn indented(rules: &str) -> String {
    let lines = rules.lines().map(|line| format!("      {line}\n"));
    lines.collect::<String>().trim_end().to_owned()
}
