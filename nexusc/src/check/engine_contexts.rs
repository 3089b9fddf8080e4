//! An engine serves the context that its model states (NX0440).
//!
//! Whoever trusts the stated length, a fallback that is compared with it or a client that is told it, sends prompts
//! that the engine refuses.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{EngineMemory, Rule, Upstream};
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    for model in topology.models.iter() {
        let Some(stated) = model.capabilities.context else {
            continue;
        };
        let route = model.route.map(|id| topology.routes.get(id));
        let rule = route.and_then(|route| route.rule.as_ref());
        for id in rule.map(Rule::upstreams).unwrap_or_default() {
            let upstream = topology.upstreams.get(id);
            let Some((served, place)) = longest(upstream).filter(|(served, _)| *served < stated)
            else {
                continue;
            };
            let diagnostic = Diagnostic::new(
                Code::NX0440,
                format!(
                    "model `{}` states a context of {stated} tokens, and upstream `{}` serves {served}",
                    model.name, upstream.name
                ),
                Place::Value(model.capabilities.path.key("context")),
                "longer than its engine serves",
            )
            .conflict(place, format!("serves {served} tokens"))
            .help(format!("lower `context` to {served}, or serve longer sequences"));
            context.report(diagnostic);
        }
    }
}

/// The longest sequence that the engine of an upstream serves, as far as it is planned.
fn longest(upstream: &Upstream) -> Option<(u64, Place)> {
    let engine = upstream.engine.as_ref()?;
    let EngineMemory::Planned(service) = &engine.memory else {
        return None;
    };
    let place = Place::Value(engine.path.key(engine.kind).key("max_model_len"));
    Some((service.max_len, place))
}
