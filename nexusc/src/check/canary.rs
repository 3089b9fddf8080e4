//! A canary is not its own primary (NX0405): the share would measure nothing.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Rule;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    for route in context.topology.routes.iter() {
        let Some(Rule::Canary {
            primary, canary, ..
        }) = &route.rule
        else {
            continue;
        };
        if primary == canary {
            let path = route.path.key("canary");
            let diagnostic = Diagnostic::new(
                Code::NX0405,
                format!("the canary of route `{}` is its own primary", route.name),
                Place::Value(path.key("canary")),
                "the same upstream",
            )
            .conflict(Place::Value(path.key("primary")), "")
            .help("name another upstream, or use `direct`");
            context.report(diagnostic);
        }
    }
}
