//! A breaker that resets sooner than a connection times out holds next to nothing back (NX0501).

use std::collections::BTreeSet;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::source::Place;
use crate::unit::duration::shown;

pub(super) fn check(context: &mut Context<'_>) {
    // A breaker of several upstreams is reported once.
    let mut reported = BTreeSet::new();
    for upstream in context.topology.upstreams.iter() {
        let Some(breaker) = &upstream.breaker else {
            continue;
        };
        let connect = upstream.timeouts.connect;
        if breaker.reset < connect && reported.insert(&breaker.path) {
            let diagnostic = Diagnostic::new(
                Code::NX0501,
                format!(
                    "the circuit of upstream `{}` resets after {}, before a connection times out",
                    upstream.name,
                    shown(breaker.reset)
                ),
                Place::Key(breaker.path.clone()),
                format!("`connect` is {connect:?}"),
            )
            .help("make `reset` many times as long as `connect`: `\"30s\"` is usual");
            context.report(diagnostic);
        }
    }
}
