//! An overlay varies only what the binary reads at start (NX0801).
//!
//! An address can be replaced by a variable; the kind of an upstream (a mock, or whether TLS is linked) is
//! settled when the dataplane is built, and the binary is the same in every environment.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Endpoint;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    if context.is_partial("upstreams") {
        return;
    }
    let has_tls = topology
        .upstreams
        .iter()
        .any(|upstream| matches!(upstream.endpoint, Endpoint::Https(_)));
    for address in topology
        .overlays
        .iter()
        .flat_map(|overlay| &overlay.addresses)
    {
        let upstream = topology.upstreams.get(address.upstream);
        let reason = match (&upstream.endpoint, &address.endpoint) {
            (Endpoint::Https(_), Endpoint::Http(_)) if upstream.tls.is_some() => {
                "without TLS, against the upstream's `tls`"
            }
            (Endpoint::Http(_) | Endpoint::Https(_), Endpoint::Http(_)) => continue,
            (Endpoint::Http(_) | Endpoint::Https(_), Endpoint::Https(_)) if has_tls => continue,
            (_, Endpoint::Https(_)) => "no upstream of the spec uses `https`, so TLS is not linked",
            (Endpoint::MockLocal | Endpoint::MockFail, _) => "a mock has no address to replace",
            (_, Endpoint::MockLocal | Endpoint::MockFail) => "a mock is part of the binary",
        };
        let diagnostic = Diagnostic::new(
            Code::NX0801,
            format!(
                "an overlay cannot give upstream `{}` this address",
                upstream.name
            ),
            Place::Value(address.path.clone()),
            reason,
        )
        .conflict(
            Place::Value(upstream.path.key("url")),
            "fixed in the binary",
        )
        .help("change the upstream's own `url` to the kind that it has in every environment");
        context.report(diagnostic);
    }
}
