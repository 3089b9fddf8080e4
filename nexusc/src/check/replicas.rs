//! Several replicas with limits, and nothing that counts for all of them (NX0820): each admits the whole limit, so
//! together they admit several times what the spec says.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::deploy::Artifact;
use crate::ir::kubernetes::Environment;
use crate::key_path::KeyPath;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    let deploy = &topology.deploy;
    let is_deployed = deploy.artifacts.contains(&Artifact::Kubernetes);
    if !is_deployed || topology.store.is_some() || context.is_partial("store") {
        return;
    }
    let mut used = topology
        .used_limits()
        .map(|id| topology.limits.get(id))
        .filter(|limit| limit.requests.is_some() || limit.tokens.is_some());
    let Some(limit) = used.next() else {
        return;
    };
    let usual = &deploy.kubernetes.environment;
    let base = (&deploy.kubernetes.path, usual);
    let varied = topology
        .overlays
        .iter()
        .filter(|overlay| overlay.kubernetes.replicas != usual.replicas)
        .map(|overlay| (overlay.path.key("kubernetes"), &overlay.kubernetes));
    let all = std::iter::once((base.0.clone(), base.1)).chain(varied);
    let several = |(_, environment): &(KeyPath, &Environment)| environment.replicas.max > 1;
    let reports: Vec<_> = all
        .filter(several)
        .map(|(path, environment)| {
            let most = environment.replicas.max;
            Diagnostic::new(
                Code::NX0820,
                format!("{most} replicas admit {most} times the limit `{}`", limit.name),
                Place::Value(path.key("replicas").key("max")),
                "each replica counts for itself",
            )
            .conflict(Place::Key(limit.path.clone()), "admitted by each")
            .help("count together: `[store.redis]`; or run one replica: `replicas = { min = 1, max = 1 }`")
        })
        .collect();
    for diagnostic in reports {
        context.report(diagnostic);
    }
}
