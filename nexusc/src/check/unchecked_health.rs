//! A mock is answered inside the gateway, where there is nothing to check (NX0503).

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{Endpoint, Upstream};
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let upstreams = &context.topology.upstreams;
    let is_mock =
        |upstream: &Upstream| matches!(upstream.endpoint, Endpoint::MockLocal | Endpoint::MockFail);
    let only_mocks = upstreams.iter().all(is_mock);
    let mut general_reported = false;
    for upstream in upstreams.iter().filter(|upstream| is_mock(upstream)) {
        let Some(health) = &upstream.health else {
            continue;
        };
        let is_own = health.path == upstream.path.key("health");
        // The general one is about the other upstreams, where there are any.
        if !is_own && (!only_mocks || std::mem::replace(&mut general_reported, true)) {
            continue;
        }
        let diagnostic = Diagnostic::new(
            Code::NX0503,
            format!(
                "the health of upstream `{}` is never checked",
                upstream.name
            ),
            Place::Key(health.path.clone()),
            "has no effect",
        )
        .conflict(Place::Value(upstream.path.key("url")), "a mock")
        .help("remove `health`, or give the upstream the address of a server");
        context.report(diagnostic);
    }
}
