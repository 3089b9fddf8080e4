//! `[routes.NAME]`

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{Percent, Rule, Target};
use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::{ir, spec};

/// The largest weight; with at most a few thousand targets a sum stays within 32 bits.
const MAX_WEIGHT: u64 = 1_000_000;

pub(super) fn resolve_all(
    routes: &BTreeMap<String, spec::route::Route>,
    scope: &mut Scope<'_>,
) -> Vec<ir::Route> {
    let table = KeyPath::root().key("routes");
    let resolve = |(name, route): (&String, &spec::route::Route)| {
        let path = table.key(name);
        scope.check_name(name, &path);
        let models = scope.models(&route.models, &path.key("models"));
        if route.models.is_empty() {
            let message = format!("route `{name}` serves no model");
            let place = Place::Value(path.key("models"));
            let diagnostic = Diagnostic::new(Code::NX0404, message, place, "");
            scope.report(diagnostic.help("name at least one model, or remove the route"));
        }
        let rule = rule(route, &path, scope);
        if rule.is_none() {
            scope.leave_out(&Place::Key(path.clone()));
        }
        ir::Route {
            name: name.clone(),
            models,
            rule,
            path,
        }
    };
    routes.iter().map(resolve).collect()
}

/// Each rule that is written is resolved, so that all that is wrong is found; one of them may hold.
fn rule(route: &spec::route::Route, path: &KeyPath, scope: &mut Scope<'_>) -> Option<Rule> {
    let at = |field: &str| path.key(field);
    let direct = route.direct.as_ref().map(|written| {
        let place = Place::Value(at("direct").key("upstream"));
        (
            "direct",
            scope.upstream(&written.upstream, place).map(Rule::Direct),
        )
    });
    let weighted = route.weighted.as_ref().map(|written| {
        (
            "weighted",
            weighted(written, &at("weighted").key("targets"), scope),
        )
    });
    let canary = route
        .canary
        .as_ref()
        .map(|written| ("canary", canary(written, &at("canary"), scope)));
    let mut written = [direct, weighted, canary].into_iter().flatten();
    match (written.next(), written.next()) {
        (Some((_, rule)), None) => rule,
        (Some((first, _)), Some((second, _))) => {
            let diagnostic = Diagnostic::new(
                Code::NX0006,
                format!("`[{path}]` has both `{first}` and `{second}`"),
                Place::Key(at(second)),
                "",
            )
            .conflict(Place::Key(at(first)), "")
            .help("keep one of them");
            scope.report(diagnostic);
            None
        }
        (None, _) => {
            let left_out = ["direct", "weighted", "canary"]
                .iter()
                .any(|rule| scope.lacks(&at(rule)));
            if !left_out {
                let message = format!("`[{path}]` has no rule");
                let diagnostic =
                    Diagnostic::new(Code::NX0006, message, Place::Key(path.clone()), "");
                let help = "add `direct = { upstream = \"NAME\" }`, or `weighted`, or `canary`";
                scope.report(diagnostic.help(help));
            }
            None
        }
    }
}

fn weighted(
    written: &spec::route::Weighted,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<Rule> {
    if written.targets.is_empty() {
        if scope.lacks(path) {
            return None;
        }
        let place = Place::Value(path.clone());
        let diagnostic = Diagnostic::new(Code::NX0404, format!("`{path}` is empty"), place, "");
        scope.report(diagnostic.help("name at least one upstream with its weight: `{ NAME = 1 }`"));
        return None;
    }
    let target = |(name, &weight): (&String, &u64)| {
        let at = path.key(name);
        let upstream = scope.upstream(name, Place::Key(at.clone()));
        let weight = scope.within(weight, 1..=MAX_WEIGHT, &at);
        upstream.map(|upstream| Target { upstream, weight })
    };
    let targets: Vec<Target> = written.targets.iter().filter_map(target).collect();
    (!targets.is_empty()).then_some(Rule::Weighted(targets))
}

fn canary(written: &spec::route::Canary, path: &KeyPath, scope: &mut Scope<'_>) -> Option<Rule> {
    let spec::route::Canary {
        primary,
        canary,
        percent,
    } = written;
    let primary_id = scope.upstream(primary, Place::Value(path.key("primary")));
    let canary_id = scope.upstream(canary, Place::Value(path.key("canary")));
    // Any share will do where it cannot be read, so that the upstreams are still checked.
    let share = scope
        .percent(percent, &path.key("percent"))
        .unwrap_or(Percent(0));
    Some(Rule::Canary {
        primary: primary_id?,
        canary: canary_id?,
        share,
    })
}
