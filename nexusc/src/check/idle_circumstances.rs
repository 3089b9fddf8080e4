//! What a test says of its request and of upstreams can change what becomes of it (NX0913).
//!
//! A circumstance without effect is a mistake about the spec: a session where nothing sticks to sessions, say. The
//! test passes, and shows less than its author believes.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::table::Id;
use crate::ir::test::{Caller, Test};
use crate::ir::{Draw, Limit, Model, Route, Rule, Topology, Upstream};
use crate::key_path::KeyPath;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let tables = [
        "models",
        "routes",
        "upstreams",
        "keys",
        "limits",
        "auth",
        "tests",
    ];
    if tables.iter().any(|table| context.is_partial(table)) {
        return;
    }
    let found: Vec<_> = context
        .topology
        .tests
        .iter()
        .flat_map(|test| idle(test, context.topology))
        .collect();
    for diagnostic in found {
        context.report(diagnostic);
    }
}

/// A finding for each circumstance of `test` that changes nothing.
fn idle(test: &Test, topology: &Topology) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut report = |path: KeyPath, message: String, help: &str| {
        let place = Place::Value(path);
        found.push(Diagnostic::new(Code::NX0913, message, place, "").help(help));
    };
    let request = &test.request;
    let named = topology
        .models
        .ids()
        .find(|(_, model)| model.name == request.model || model.aliases.contains(&request.model));
    let model = named.map(|(id, _)| id).or(topology.gateway.default_model);
    let routes: Vec<&Route> = model
        .into_iter()
        .flat_map(|model| routes(model, topology))
        .collect();
    let any_draw = |wanted: fn(Draw) -> bool| routes.iter().any(|route| wanted(route.draw));
    let limits = limits(test, model, topology);
    let any_limit = |wanted: fn(&Limit) -> bool| limits.iter().any(|limit| wanted(limit));
    let at = |field: &str| test.path.key(field);

    if request.session.is_some() && !any_draw(|draw| draw == Draw::Session) {
        let message = format!("no route of `{}` sticks to a session", request.model);
        report(
            at("session"),
            message,
            "remove it, or set `sticky = \"session\"` on the route",
        );
    }
    let counts_tokens = any_limit(|limit| limit.tokens.is_some());
    if request.prompt.is_some() && !any_draw(|draw| matches!(draw, Draw::Head(_))) && !counts_tokens
    {
        let message = format!("nothing of `{}` goes by the prompt", request.model);
        report(
            at("prompt"),
            message,
            "remove it: no route has `prefix`, and no limit counts tokens",
        );
    }
    if request.max_tokens.is_some() && !counts_tokens {
        let message = "no limit of this request counts tokens".to_owned();
        report(
            at("max_tokens"),
            message,
            "remove it, or give the key or the model a limit with `tokens`",
        );
    }
    if test.after.is_some() && !counts_tokens && !any_limit(|limit| limit.requests.is_some()) {
        let message = "no limit of this request counts what came before".to_owned();
        report(
            at("after"),
            message,
            "remove it, or give the key or the model a limit with `requests`",
        );
    }
    if test.draw.is_some() && !routes.iter().any(|route| is_drawn(route, test)) {
        let message = format!("nothing is drawn for `{}`", request.model);
        report(
            at("draw"),
            message,
            "remove it: what the request itself decides is the same for every draw",
        );
    }
    let chosen: Vec<Id<Upstream>> = routes
        .iter()
        .filter_map(|route| route.rule.as_ref())
        .flat_map(Rule::upstreams)
        .collect();
    let fleet = &test.fleet;
    let down = fleet
        .down
        .iter()
        .enumerate()
        .map(|(index, id)| (at("down").index(index), *id));
    let name = |id: Id<Upstream>| topology.upstreams.get(id).name.as_str();
    let answers = fleet
        .answers
        .iter()
        .map(|(id, _)| (at("answers").key(name(*id)), *id));
    for (path, id) in down.chain(answers).filter(|(_, id)| !chosen.contains(id)) {
        let message = format!("`{}` is never asked for `{}`", name(id), request.model);
        report(
            path,
            message,
            "remove it: no route of the model or its fallback models has it",
        );
    }
    for (index, id) in fleet.unhealthy.iter().enumerate() {
        if topology.upstreams.get(*id).health.is_none() {
            let message = format!("nobody checks the health of `{}`", name(*id));
            report(
                at("unhealthy").index(index),
                message,
                "give it `health`, or list it in `down` if it takes no connection",
            );
        }
    }
    let counted = |id: &Id<Upstream>| {
        let rules = routes.iter().filter_map(|route| route.rule.as_ref());
        let counts = |rule: &&Rule| matches!(rule, Rule::LeastInFlight(_) | Rule::Prefix { .. });
        rules
            .filter(counts)
            .any(|rule| rule.upstreams().contains(id))
    };
    for (id, _) in fleet.in_flight.iter().filter(|(id, _)| !counted(id)) {
        let message = format!(
            "no route of `{}` goes by what `{}` has in flight",
            request.model,
            name(*id)
        );
        report(
            at("in_flight").key(name(*id)),
            message,
            "remove it: only `least_in_flight` and `prefix` do",
        );
    }
    found
}

/// The routes by which a request for `model` may be answered.
fn routes(model: Id<Model>, topology: &Topology) -> impl Iterator<Item = &Route> {
    let fallback = topology.models.get(model).fallback.iter().copied();
    let chain = std::iter::once(model).chain(fallback);
    chain.filter_map(|model| Some(topology.routes.get(topology.models.get(model).route?)))
}

/// The limits that the request of `test` is counted in.
fn limits<'t>(test: &Test, model: Option<Id<Model>>, topology: &'t Topology) -> Vec<&'t Limit> {
    let of_caller = match &test.request.caller {
        Caller::Nobody => None,
        Caller::Key(key) => topology.keys.get(*key).limit,
        Caller::Subject { .. } => topology.jwt.as_ref().and_then(|jwt| jwt.limit),
    };
    let of_model = model.and_then(|model| topology.models.get(model).limit);
    let ids = of_caller.into_iter().chain(of_model);
    ids.map(|id| topology.limits.get(id)).collect()
}

/// Whether the request of `test` leaves the choice of `route` to a draw.
fn is_drawn(route: &Route, test: &Test) -> bool {
    let has_choice = !matches!(route.rule, Some(Rule::Direct(_)) | None);
    let is_decided = match route.draw {
        Draw::Sequence => false,
        Draw::Caller => test.request.caller != Caller::Nobody,
        Draw::Session => test.request.session.is_some(),
        Draw::Head(_) => test.request.prompt.is_some(),
    };
    has_choice && !is_decided
}
