//! What the gateway is in Kubernetes.

use crate::diff::Risk::{self, Risky, Safe};
use crate::diff::words::{code, list};
use crate::diff::{Changes, Kind};
use crate::ir::kubernetes::{Environment, Exposure, Kubernetes, Replicas};

pub(super) fn compare(before: &Kubernetes, after: &Kubernetes, changes: &mut Changes<'_>) {
    let Kubernetes {
        path: _,
        environment,
        expose,
        allow_from,
        gpu_nodes,
        prometheus_operator,
    } = after;
    let names = [&changes.before.name, &changes.after.name];
    for (risk, what) in differences(&before.environment, environment, names) {
        changes.say(risk, Kind::Deployment, what);
    }
    for way in before.expose.symmetric_difference(expose) {
        let what = match (way, expose.contains(way)) {
            (Exposure::Ingress, true) => "an ingress leads to the gateway",
            (Exposure::Ingress, false) => "no ingress leads to the gateway any more",
            (Exposure::LoadBalancer, true) => "a load balancer leads to the gateway, from anywhere",
            (Exposure::LoadBalancer, false) => "no load balancer leads to the gateway any more",
        };
        changes.say(Risky, Kind::Deployment, what);
    }
    for namespace in before.allow_from.difference(allow_from) {
        let what = format!(
            "pods of namespace {} may not connect any more",
            code(namespace)
        );
        changes.say(Risky, Kind::Deployment, what);
    }
    for namespace in allow_from.difference(&before.allow_from) {
        let what = format!("pods of namespace {} may connect", code(namespace));
        changes.say(Safe, Kind::Deployment, what);
    }
    if before.gpu_nodes != *gpu_nodes {
        let labels: Vec<String> = gpu_nodes
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let what = match labels.is_empty() {
            true => "engines run on any node".to_owned(),
            false => {
                let labels = list(labels.iter().map(String::as_str));
                format!("engines run on nodes with {labels} alone")
            }
        };
        changes.say(Risky, Kind::Deployment, what);
    }
    match (before.prometheus_operator, *prometheus_operator) {
        (false, true) => {
            let what = "Prometheus Operator is told of the gateway: its definitions must be in the cluster";
            changes.say(Risky, Kind::Deployment, what);
        }
        (true, false) => {
            let what = "Prometheus Operator is not told of the gateway any more";
            changes.say(Risky, Kind::Deployment, what);
        }
        _ => {}
    }
}

/// What differs in the overlay of this name.
pub(super) fn compare_environment(
    before: &Environment,
    after: &Environment,
    overlay: &str,
    changes: &mut Changes<'_>,
) {
    let names = [&changes.before.name, &changes.after.name];
    for (risk, what) in differences(before, after, names) {
        changes.of(risk, Kind::Overlay, overlay, what);
    }
}

/// What differs between two environments of specs with these names.
fn differences(
    before: &Environment,
    after: &Environment,
    names: [&String; 2],
) -> Vec<(Risk, String)> {
    let Environment {
        namespace,
        host,
        replicas,
    } = after;
    let mut differences = Vec::new();
    // The default namespace begins with the name of the spec, and copies of a spec are compared too.
    let [old, new] = names;
    let is_default = before.namespace.strip_prefix(old.as_str()).is_some()
        && before.namespace.strip_prefix(old.as_str()) == namespace.strip_prefix(new.as_str());
    if before.namespace != *namespace && !is_default {
        let what = format!(
            "namespace: {} -> {}",
            code(&before.namespace),
            code(namespace)
        );
        differences.push((Risky, what));
    }
    if before.host != *host {
        let what = format!(
            "host of the ingress: {} -> {}",
            code(&before.host),
            code(host)
        );
        differences.push((Risky, what));
    }
    if before.replicas != *replicas {
        let risk = Risk::of_room(&before.replicas.min, &replicas.min);
        let risk = risk.min(Risk::of_room(&before.replicas.max, &replicas.max));
        let what = format!(
            "replicas: {} -> {}",
            shown(before.replicas),
            shown(*replicas)
        );
        differences.push((risk, what));
    }
    differences
}

fn shown(Replicas { min, max }: Replicas) -> String {
    if min == max {
        min.to_string()
    } else {
        format!("{min} to {max}")
    }
}
