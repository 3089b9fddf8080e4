//! A choice is made among several upstreams (NX0407): with a single one, `direct` says it.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Rule;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    if context.is_partial("routes") || context.is_partial("upstreams") {
        return;
    }
    for route in topology.routes.iter() {
        let rule = match &route.rule {
            Some(Rule::Weighted(_)) => "weighted",
            Some(Rule::Priority(_)) => "priority",
            Some(Rule::LeastInFlight(_)) => "least_in_flight",
            Some(Rule::Prefix { .. }) => "prefix",
            Some(Rule::Direct(_) | Rule::Canary { .. }) | None => continue,
        };
        let upstreams = route.rule.as_ref().map(Rule::upstreams);
        if let Some([only]) = upstreams.as_deref() {
            let name = &topology.upstreams.get(*only).name;
            let diagnostic = Diagnostic::new(
                Code::NX0407,
                format!("route `{}` chooses among one upstream", route.name),
                Place::Key(route.path.key(rule)),
                "",
            )
            .help(format!(
                "write `direct = {{ upstream = \"{name}\" }}`, or name more upstreams"
            ));
            context.report(diagnostic);
        }
    }
}
