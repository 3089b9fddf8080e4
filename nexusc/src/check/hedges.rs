//! A hedge can come about: there is a second upstream (NX0415), an attempt is still waited for (NX0416) and
//! the budget is not nothing (NX0418).

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{Hedge, Percent, Route, Topology};
use crate::source::Place;
use crate::unit::duration::shown;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    if context.is_partial("routes") || context.is_partial("upstreams") {
        return;
    }
    for route in topology.routes.iter() {
        let Some(hedge) = &route.hedge else { continue };
        // Of a hedge that cannot come about, one reason will do.
        let finding = without_second(route)
            .or_else(|| too_late(route, hedge, topology))
            .or_else(|| without_budget(route, hedge));
        if let Some(diagnostic) = finding {
            context.report(diagnostic);
        }
    }
}

fn without_second(route: &Route) -> Option<Diagnostic> {
    let upstreams = route.rule.as_ref()?.upstreams();
    (upstreams.len() == 1).then(|| {
        Diagnostic::new(
            Code::NX0415,
            format!("route `{}` has no second upstream to ask", route.name),
            Place::Key(route.path.key("hedge")),
            "never comes about",
        )
        .help("remove `hedge`, or let the route choose among several upstreams")
    })
}

fn too_late(route: &Route, hedge: &Hedge, topology: &Topology) -> Option<Diagnostic> {
    let upstreams = route.rule.as_ref()?.upstreams().into_iter();
    let over = upstreams
        .map(|id| topology.upstreams.get(id))
        .find(|upstream| hedge.after >= upstream.timeouts.first_byte)?;
    let first_byte = over.timeouts.first_byte;
    let diagnostic = Diagnostic::new(
        Code::NX0416,
        format!(
            "route `{}` hedges after {}, when upstream `{}` is not waited for any longer",
            route.name,
            shown(hedge.after),
            over.name
        ),
        Place::Value(route.path.key("hedge").key("after")),
        "",
    )
    .conflict(
        Place::Value(over.path.key("timeouts").key("first_byte")),
        format!("its first byte is waited for {first_byte:?}"),
    );
    Some(diagnostic.help("make `after` much shorter: a little more than nearly all requests take"))
}

fn without_budget(route: &Route, hedge: &Hedge) -> Option<Diagnostic> {
    (hedge.budget == Percent(0)).then(|| {
        Diagnostic::new(
            Code::NX0418,
            format!("route `{}` hedges none of its requests", route.name),
            Place::Value(route.path.key("hedge").key("budget")),
            "nothing",
        )
        .help("write a percentage such as `\"5%\"`, or remove `hedge`")
    })
}
