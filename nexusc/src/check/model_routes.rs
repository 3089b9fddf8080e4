//! Every model is served by exactly one route (NX0401, NX0402).
//!
//! A model without a route could only ever be answered 404; with two, the outcome would depend on an order
//! that nobody wrote down.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::redact::shown;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    for (id, route) in topology.routes.ids() {
        for (index, &model) in route.models.iter().enumerate() {
            let model = topology.models.get(model);
            let Some(first) = model.route.filter(|first| *first != id) else {
                continue;
            };
            let first = &topology.routes.get(first).path;
            let diagnostic = Diagnostic::new(
                Code::NX0402,
                format!("model {} is served by two routes", shown(&model.name)),
                Place::Value(route.path.key("models").index(index)),
                "again here",
            )
            .conflict(Place::Key(first.clone()), "already served by this route")
            .help("remove it from one of them; `weighted` and `canary` take several upstreams");
            context.report(diagnostic);
        }
    }
    if context.is_partial("routes") {
        return;
    }
    for model in topology.models.iter().filter(|model| model.route.is_none()) {
        let diagnostic = Diagnostic::new(
            Code::NX0401,
            format!("no route serves model {}", shown(&model.name)),
            Place::Key(model.path.clone()),
            "",
        )
        .help("add it to the `models` of a route, or add a route for it: `[routes.NAME]`");
        context.report(diagnostic);
    }
}
