//! What serves development is refused in production (NX0305, NX0307).

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{Endpoint, Overlay, Servers};
use crate::key_path::KeyPath;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    let of_mocks = |overlay: &&Overlay| overlay.production && overlay.servers == Servers::Mock;
    for overlay in topology.overlays.iter().filter(of_mocks) {
        let diagnostic = Diagnostic::new(
            Code::NX0307,
            format!("mocks in the production overlay `{}`", overlay.name),
            Place::Value(overlay.path.key("servers")),
            "answers without a model",
        )
        .conflict(
            Place::Value(overlay.path.key("production")),
            "real users depend on it",
        )
        .help("remove `servers`, or make it an environment of its own");
        context.report(diagnostic);
    }
    let Some(overlay) = topology.overlays.iter().find(|overlay| overlay.production) else {
        return;
    };
    let production = Place::Value(overlay.path.key("production"));
    if topology.gateway.development {
        let diagnostic = Diagnostic::new(
            Code::NX0305,
            format!(
                "development mode in the production overlay `{}`",
                overlay.name
            ),
            Place::Value(KeyPath::root().key("gateway").key("development")),
            "turns authentication off",
        )
        .conflict(production.clone(), "real users depend on it")
        .help("remove `development` and add `[keys.NAME]`");
        context.report(diagnostic);
    }
    if context.is_partial("upstreams") {
        return;
    }
    let is_mock =
        |endpoint: &Endpoint| matches!(endpoint, Endpoint::MockLocal | Endpoint::MockFail);
    for upstream in topology
        .upstreams
        .iter()
        .filter(|upstream| is_mock(&upstream.endpoint))
    {
        let diagnostic = Diagnostic::new(
            Code::NX0307,
            format!(
                "upstream `{}` is a mock in the production overlay `{}`",
                upstream.name, overlay.name
            ),
            Place::Value(upstream.path.key("url")),
            "answers without a model",
        )
        .conflict(production.clone(), "real users depend on it")
        .help("give it the address of a server");
        context.report(diagnostic);
    }
}
