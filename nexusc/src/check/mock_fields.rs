//! A mock upstream has no server to present a key to (NX0903): the key would only have to exist.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::diagnostic::fix::{Change, Fix};
use crate::ir::Endpoint;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    for upstream in context.topology.upstreams.iter() {
        let is_mock = matches!(upstream.endpoint, Endpoint::MockLocal | Endpoint::MockFail);
        if is_mock && upstream.api_key.is_some() {
            let diagnostic = Diagnostic::new(
                Code::NX0903,
                format!("upstream `{}` is a mock and uses no API key", upstream.name),
                Place::Key(upstream.path.key("api_key")),
                "presented to nobody",
            )
            .conflict(Place::Value(upstream.path.key("url")), "a mock")
            .help("remove `api_key`, or give the upstream the address of a server")
            .fix(Fix::probable(Change::Remove(upstream.path.key("api_key"))));
            context.report(diagnostic);
        }
    }
}
