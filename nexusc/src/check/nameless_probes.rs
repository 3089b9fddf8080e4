//! A probe of a model names it (NX0544).
//!
//! Without `model`, an upstream is sent the name that each client used, and a check has no client.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Endpoint;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    for upstream in context.topology.upstreams.iter() {
        let Some(health) = &upstream.health else {
            continue;
        };
        let is_mock = matches!(upstream.endpoint, Endpoint::MockLocal | Endpoint::MockFail);
        if !health.probe.is_of_model() || upstream.served_model.is_some() || is_mock {
            continue;
        }
        let diagnostic = Diagnostic::new(
            Code::NX0544,
            format!(
                "upstream `{}` is probed, and its model has no name",
                upstream.name
            ),
            Place::Key(upstream.path.clone()),
            "no `model`",
        )
        .conflict(
            Place::Value(health.path.key("probe")),
            "asks for a model by its name",
        )
        .help("add `model` with the name that the server knows, or ask for a `path`");
        context.report(diagnostic);
    }
}
