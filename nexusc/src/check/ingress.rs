//! An ingress ends the TLS of its clients and begins its own (NX0824). A gateway whose clients present certificates
//! refuses it, since it has none to present.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::deploy::Artifact;
use crate::ir::kubernetes::Exposure;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    let kubernetes = &topology.deploy.kubernetes;
    let is_deployed = topology.deploy.artifacts.contains(&Artifact::Kubernetes);
    let Some(tls) = topology.gateway.tls.as_ref().filter(|_| is_deployed) else {
        return;
    };
    if tls.client_ca.is_none() || !kubernetes.expose.contains(&Exposure::Ingress) {
        return;
    }
    let message =
        "no request through the ingress reaches a gateway whose clients present certificates";
    let expose = Place::Value(kubernetes.path.key("expose"));
    let diagnostic = Diagnostic::new(Code::NX0824, message, expose, "it ends the TLS of clients")
        .conflict(Place::Value(tls.path.key("client_ca")), "asked for here")
        .help("let TLS through to the gateway: `expose = [\"load-balancer\"]`");
    context.report(diagnostic);
}
