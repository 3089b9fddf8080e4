//! A circuit breaker of mocks that never fail never opens (NX0502).

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{Endpoint, Upstream};
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let upstreams = &context.topology.upstreams;
    let never_fails = |upstream: &Upstream| upstream.endpoint == Endpoint::MockLocal;
    let only_mocks = upstreams.iter().all(never_fails);
    let mut general_reported = false;
    for upstream in upstreams.iter().filter(|upstream| never_fails(upstream)) {
        let Some(breaker) = &upstream.breaker else {
            continue;
        };
        let is_own = breaker.path == upstream.path.key("breaker");
        // The general one is about the other upstreams, where there are any.
        if !is_own && (!only_mocks || std::mem::replace(&mut general_reported, true)) {
            continue;
        }
        let diagnostic = Diagnostic::new(
            Code::NX0502,
            format!("the circuit of upstream `{}` never opens", upstream.name),
            Place::Key(breaker.path.clone()),
            "has no effect",
        )
        .conflict(Place::Value(upstream.path.key("url")), "never fails")
        .help("remove `breaker`, or give the upstream the address of a server");
        context.report(diagnostic);
    }
}
