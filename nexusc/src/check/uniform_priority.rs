//! Priorities put upstreams in an order (NX0413): where all are the same, there is none.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Rule;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    if context.is_partial("routes") || context.is_partial("upstreams") {
        return;
    }
    for route in context.topology.routes.iter() {
        if let Some(Rule::Priority(tiers)) = &route.rule
            && let [only] = tiers.as_slice()
            && only.len() > 1
        {
            let diagnostic = Diagnostic::new(
                Code::NX0413,
                format!("the priorities of route `{}` are all the same", route.name),
                Place::Value(route.path.key("priority").key("targets")),
                "",
            )
            .help("give the upstreams that shall only stand in a higher number, or use `weighted`");
            context.report(diagnostic);
        }
    }
}
