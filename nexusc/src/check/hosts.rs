//! Two environments answer to two hosts (NX0825).
//!
//! Namespaces keep environments of one cluster apart, and an ingress controller does not go by them: it refuses the
//! second ingress of a host and a path, or leaves the traffic of both to the older one. Environments of several clusters
//! may well have one host, so it is a warning.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::deploy::Artifact;
use crate::ir::kubernetes::{Environment, Exposure};
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::source::Place;

/// An environment with its name in words, and where the spec has it.
type Known<'t> = (String, KeyPath, &'t Environment);

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    let deploy = &topology.deploy;
    let kubernetes = &deploy.kubernetes;
    let is_deployed = deploy.artifacts.contains(&Artifact::Kubernetes);
    if !is_deployed || !kubernetes.expose.contains(&Exposure::Ingress) {
        return;
    }
    let base = (
        "the base".to_owned(),
        kubernetes.path.clone(),
        &kubernetes.environment,
    );
    let mut known: Vec<Known<'_>> = vec![base];
    for overlay in topology.overlays.iter() {
        let name = format!("overlay `{}`", overlay.name);
        let path = overlay.path.key("kubernetes");
        let environment = &overlay.kubernetes;
        let first = known.iter().find(|(_, _, other)| {
            other.host == environment.host && other.namespace != environment.namespace
        });
        if let Some((other, of_other, _)) = first {
            let host = shown(&environment.host);
            let diagnostic = Diagnostic::new(
                Code::NX0825,
                format!("{other} and {name} answer to one host, {host}"),
                Place::Value(path.key("host")),
                "one cluster has one ingress for it",
            )
            .conflict(Place::Value(of_other.key("host")), "the other one's")
            .help(format!(
                "give each its own: `[overlays.{}.kubernetes] host = \"...\"`; where they are in clusters of \
                 their own, allow the code",
                overlay.name
            ));
            context.report(diagnostic);
        }
        known.push((name, path, environment));
    }
}
