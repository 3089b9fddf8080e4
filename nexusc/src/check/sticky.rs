//! What a route sticks to tells requests apart (NX0409, NX0412).
//!
//! In development mode there is no key to stick to; with a single key all requests stick to one upstream,
//! whatever the shares say.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::table::Id;
use crate::ir::{Access, Draw, Model, Route, Rule};
use crate::key_path::KeyPath;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    for route in topology
        .routes
        .iter()
        .filter(|route| route.draw == Draw::Caller)
    {
        let rule = match &route.rule {
            Some(Rule::Weighted(_)) => "weighted",
            Some(Rule::Canary { .. }) => "canary",
            _ => continue,
        };
        let place = Place::Value(route.path.key(rule).key("sticky"));
        if topology.gateway.development {
            let diagnostic = Diagnostic::new(
                Code::NX0409,
                format!("route `{}` sticks to keys, and there are none", route.name),
                place,
                "has no effect",
            )
            .conflict(
                Place::Value(KeyPath::root().key("gateway").key("development")),
                "turns authentication off",
            )
            .help("stick to `\"session\"`, or remove `sticky`");
            context.report(diagnostic);
        } else if let Some(key) = only_key(context, route) {
            let diagnostic = Diagnostic::new(
                Code::NX0412,
                format!(
                    "route `{}` sticks to keys, and only `{}` may use it",
                    route.name, key.name
                ),
                place,
                "all requests go to one upstream",
            )
            .conflict(Place::Key(key.path.clone()), "the only key")
            .help("stick to `\"session\"`, or remove `sticky`");
            context.report(diagnostic);
        }
    }
}

/// The key whose requests alone reach `route`, if there is such a one.
fn only_key<'t>(context: &Context<'t>, route: &Route) -> Option<&'t crate::ir::Key> {
    // Each subject of a token is a caller of its own.
    let partial = |table: &&str| context.is_partial(table);
    if context.topology.jwt.is_some() || ["auth", "keys", "models", "routes"].iter().any(partial) {
        return None;
    }
    let topology = context.topology;
    let leads_to = |model: &Model| model.fallback.iter().any(|id| route.models.contains(id));
    let reaches = |id: Id<Model>| route.models.contains(&id) || leads_to(topology.models.get(id));
    let any = topology.models.ids().any(|(id, _)| reaches(id));
    let mut keys = topology.keys.iter().filter(|key| match &key.models {
        Access::All => any,
        Access::Only(models) => models.iter().any(|id| reaches(*id)),
    });
    match (keys.next(), keys.next()) {
        (Some(key), None) => Some(key),
        _ => None,
    }
}
