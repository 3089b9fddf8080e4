//! A shadow is beside its route (NX0430), and copies open no circuit (NX0432).
//!
//! A copy to an upstream that answers the route's clients would double its load and compare it with itself.
//! A breaker is opened by what clients see: copies only go by it, so that none of them can shut an upstream
//! for clients.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Rule;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    beside_its_route(context);
    idle_breakers(context);
}

fn beside_its_route(context: &mut Context<'_>) {
    let topology = context.topology;
    for route in topology.routes.iter() {
        let Some(shadow) = &route.shadow else {
            continue;
        };
        let own = route.rule.as_ref().map(Rule::upstreams).unwrap_or_default();
        if own.contains(&shadow.upstream) {
            let name = &topology.upstreams.get(shadow.upstream).name;
            let diagnostic = Diagnostic::new(
                Code::NX0430,
                format!("the shadow of route `{}` is `{name}` itself", route.name),
                Place::Value(shadow.path.key("upstream")),
                "one of the route's own upstreams",
            )
            .help("name an upstream that the route does not use");
            context.report(diagnostic);
        }
    }
}

fn idle_breakers(context: &mut Context<'_>) {
    let topology = context.topology;
    if context.is_partial("routes") || context.is_partial("upstreams") {
        return;
    }
    let answers = |id| {
        let mut rules = topology
            .routes
            .iter()
            .filter_map(|route| route.rule.as_ref());
        rules.any(|rule| rule.upstreams().contains(&id))
    };
    for (id, upstream) in topology.upstreams.ids() {
        let mut shadows = topology
            .routes
            .iter()
            .filter_map(|route| route.shadow.as_ref());
        let Some(shadow) = shadows.find(|shadow| shadow.upstream == id) else {
            continue;
        };
        // A general one is about the other upstreams.
        let own = upstream.path.key("breaker");
        let has_own = |breaker: &crate::ir::Breaker| breaker.path == own;
        if upstream.breaker.as_ref().is_some_and(has_own) && !answers(id) {
            let diagnostic = Diagnostic::new(
                Code::NX0432,
                format!("the circuit of upstream `{}` never opens", upstream.name),
                Place::Key(own.clone()),
                "has no effect",
            )
            .conflict(
                Place::Value(shadow.path.key("upstream")),
                "gets copies alone",
            )
            .help("remove `breaker`: a copy that fails harms nobody");
            context.report(diagnostic);
        }
    }
}
