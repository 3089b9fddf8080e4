//! `deploy/<spec>/kubernetes/`: a base of manifests, and for each overlay of the spec what it varies, for
//! `kubectl apply -k`.

mod engines;
mod environment;
mod gateway;
mod mock;
mod network;
mod overlay;
mod rules;
mod secrets;

use serde::Serialize;

use crate::conventions::{self, image, kubernetes as names};
use crate::emit::FileSet;
use crate::emit::kubernetes::environment::{Engines, Environment};
use crate::emit::yaml::fill;
use crate::ir::deploy::Artifact;
use crate::ir::{Topology, Upstream};
use crate::key_path::KeyPath;
use crate::plan::report::Report;

const BASE: &str = include_str!("../../../../templates/deploy/kubernetes/base.yaml");
const NAMESPACE: &str = include_str!("../../../../templates/deploy/kubernetes/namespace.yaml");
const REDIS: &str = include_str!("../../../../templates/deploy/kubernetes/redis.yaml");

/// After the rules of Prometheus, which it takes over.
pub(super) fn emit(topology: &Topology, plan: &Report, files: &mut FileSet) {
    if !topology.deploy.artifacts.contains(&Artifact::Kubernetes) {
        return;
    }
    let engines = Engines::of(topology);
    let base = Environment::of(topology, &engines, None);
    let folder = format!(
        "{}/{}",
        conventions::deploy_folder(&topology.name),
        names::FOLDER
    );
    let mut manifests = vec![
        ("namespace.yaml".to_owned(), namespace(topology)),
        (
            "network-policies.yaml".to_owned(),
            network::policies(topology, &engines, &base),
        ),
    ];
    manifests.extend(gateway::manifests(topology));
    manifests.extend(rules::manifests(topology, files));
    if let Some(address) = redis_address(topology) {
        manifests.push(("redis.yaml".to_owned(), redis(topology, address)));
    }
    let weights = engines::weights(plan);
    let running = base.engines.iter();
    manifests.extend(running.map(|&id| engines::manifest(topology, &engines, &weights, id)));
    manifests.sort();
    let kustomization = kustomization(topology, &base, &manifests);
    files.add(format!("{folder}/base/kustomization.yaml"), kustomization);
    for (name, text) in manifests {
        files.add(format!("{folder}/base/{name}"), text);
    }
    for overlay in topology.overlays.iter() {
        let folder = format!("{folder}/overlays/{}", overlay.name);
        let varied = Environment::of(topology, &engines, Some(overlay));
        let added = varied.engines.difference(&base.engines);
        let mut manifests: Vec<_> = added
            .map(|&id| engines::manifest(topology, &engines, &weights, id))
            .collect();
        manifests.extend(mock::manifest(topology, overlay, &varied));
        manifests.sort();
        let kustomization =
            overlay::kustomization(topology, overlay, &engines, [&base, &varied], &manifests);
        files.add(format!("{folder}/kustomization.yaml"), kustomization);
        for (name, text) in manifests {
            files.add(format!("{folder}/{name}"), text);
        }
    }
}

/// An argument of a container that holds no variables, which `$(NAME)` would be, whatever is in it. The kubelet makes one
/// dollar of two.
fn literal(argument: &str) -> String {
    argument.replace('$', "$$")
}

/// A variable with its value, as a config map has it, where that comes from and what it is for.
#[derive(Serialize)]
struct Setting {
    origin: Option<String>,
    note: &'static str,
    literal: String,
}

fn kustomization(
    topology: &Topology,
    base: &Environment<'_>,
    manifests: &[(String, String)],
) -> String {
    #[derive(Serialize)]
    struct Values<'t> {
        header: String,
        origin: String,
        spec: &'t str,
        namespace: &'t str,
        files: Vec<&'t str>,
        settings: Vec<Setting>,
    }
    let mut settings = gateway::settings(topology);
    let upstreams = topology.upstreams.iter().zip(&base.addresses);
    settings.extend(upstreams.filter_map(|(upstream, address)| {
        let address = address.as_deref()?;
        let is_in_binary = environment::url(&upstream.endpoint) == Some(address);
        (!is_in_binary).then(|| moved(upstream, &upstream.path, address))
    }));
    let values = Values {
        header: conventions::header(&topology.name),
        origin: topology.deploy.kubernetes.path.to_string(),
        spec: &topology.name,
        namespace: &base.settings.namespace,
        files: manifests.iter().map(|(name, _)| name.as_str()).collect(),
        settings,
    };
    fill(BASE, &values)
}

/// An upstream that is not where the binary looks for it by itself.
fn moved(upstream: &Upstream, origin: &KeyPath, address: &str) -> Setting {
    Setting {
        origin: Some(origin.to_string()),
        note: "",
        literal: environment::literal(upstream, address),
    }
}

fn namespace(topology: &Topology) -> String {
    #[derive(Serialize)]
    struct Values<'t> {
        header: String,
        origin: String,
        namespace: &'t str,
    }
    let settings = &topology.deploy.kubernetes;
    let values = Values {
        header: conventions::header(&topology.name),
        origin: settings.path.to_string(),
        namespace: &settings.environment.namespace,
    };
    fill(NAMESPACE, &values)
}

/// Where the gateway finds the Redis beside it; `None` where there is none: one that is reached encrypted has
/// certificates, which are somebody else's.
fn redis_address(topology: &Topology) -> Option<String> {
    let store = topology.store.as_ref()?;
    let name = names::redis(&topology.name);
    store
        .tls
        .is_none()
        .then(|| format!("redis://{name}:6379/0"))
}

fn redis(topology: &Topology, address: String) -> String {
    #[derive(Serialize)]
    struct Values {
        header: String,
        name: String,
        image: &'static str,
        address: String,
    }
    let values = Values {
        header: conventions::header(&topology.name),
        name: names::redis(&topology.name),
        image: image::REDIS,
        address,
    };
    fill(REDIS, &values)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kubelet makes of an argument (`third_party/forked/golang/expansion`), where every variable is known.
    fn expanded(argument: &str) -> String {
        let mut rest = argument;
        let mut whole = String::new();
        while let Some((before, behind)) = rest.split_once('$') {
            whole.push_str(before);
            rest = behind;
            if let Some(behind) = rest.strip_prefix('$') {
                whole.push('$');
                rest = behind;
            } else if let Some((_, behind)) =
                rest.strip_prefix('(').and_then(|name| name.split_once(')'))
            {
                whole.push_str("VALUE");
                rest = behind;
            } else {
                whole.push('$');
            }
        }
        whole + rest
    }

    #[test]
    fn an_argument_reaches_its_container_as_it_is_written() {
        for argument in [
            "plain",
            "$",
            "$$",
            "$$$",
            "$(HOME)",
            "$$(HOME)",
            "$HOME",
            "a$b$$c$(d)$",
        ] {
            assert_eq!(expanded(&literal(argument)), argument);
        }
    }
}
