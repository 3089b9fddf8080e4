//! Retries and hedges need a second attempt (NX0419): where a request may make one only, they never come
//! about. A fallback model does without: it takes over from upstreams whose circuit is open.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    if topology.gateway.max_attempts != 1 {
        return;
    }
    let max_attempts = KeyPath::root().key("gateway").key("max_attempts");
    for route in topology.routes.iter() {
        let retry = route.retry.as_ref().map(|_| "retry");
        let hedge = route.hedge.as_ref().map(|_| "hedge");
        for policy in [retry, hedge].into_iter().flatten() {
            let diagnostic = Diagnostic::new(
                Code::NX0419,
                format!("the `{policy}` of route `{}` never comes about", route.name),
                Place::Key(route.path.key(policy)),
                "needs a second attempt",
            )
            .conflict(Place::Value(max_attempts.clone()), "a request may make one")
            .help(format!("raise `max_attempts`, or remove `{policy}`"));
            context.report(diagnostic);
        }
    }
}
