//! A circuit breaker of a mock that never fails never opens (NX0502).

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Endpoint;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    for upstream in context.topology.upstreams.iter() {
        let own = upstream.path.key("breaker");
        let has_own = upstream
            .breaker
            .as_ref()
            .is_some_and(|breaker| breaker.path == own);
        if has_own && upstream.endpoint == Endpoint::MockLocal {
            let diagnostic = Diagnostic::new(
                Code::NX0502,
                format!("the circuit of upstream `{}` never opens", upstream.name),
                Place::Key(own),
                "has no effect",
            )
            .conflict(Place::Value(upstream.path.key("url")), "never fails")
            .help("remove `breaker`, or give the upstream the address of a server");
            context.report(diagnostic);
        }
    }
}
