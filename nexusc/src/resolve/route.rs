//! `[routes.NAME]`

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Rule;
use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::resolve::{hedge, retry, rule, shadow};
use crate::source::Place;
use crate::suggest;
use crate::{ir, spec};

/// The rules, as they are written.
const RULES: [&str; 6] = [
    "direct",
    "weighted",
    "canary",
    "priority",
    "least_in_flight",
    "prefix",
];

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
        let draw = rule::draw(route, &path, scope);
        let rule = rule(route, &path, scope);
        let written = route.shadow.as_ref();
        let shadow = written.and_then(|shadow| shadow::resolve(shadow, &path, scope));
        if rule.is_none() {
            scope.leave_out(&Place::Key(path.clone()));
        }
        ir::Route {
            name: name.clone(),
            models,
            draw,
            rule,
            shadow,
            retry: (route.retry.as_ref())
                .map(|written| retry::resolve(written, &path.key("retry"), scope)),
            hedge: (route.hedge.as_ref())
                .map(|written| hedge::resolve(written, &path.key("hedge"), scope)),
            path,
        }
    };
    routes.iter().map(resolve).collect()
}

/// Each rule that is written is resolved, so that all that is wrong is found; one of them may hold.
fn rule(route: &spec::route::Route, path: &KeyPath, scope: &mut Scope<'_>) -> Option<Rule> {
    let at = |field: &str| path.key(field);
    let rules = [
        (route.direct.as_ref()).map(|written| rule::direct(written, &at("direct"), scope)),
        (route.weighted.as_ref()).map(|written| rule::weighted(written, &at("weighted"), scope)),
        (route.canary.as_ref()).map(|written| rule::canary(written, &at("canary"), scope)),
        (route.priority.as_ref()).map(|written| rule::priority(written, &at("priority"), scope)),
        (route.least_in_flight.as_ref())
            .map(|written| rule::least_in_flight(written, &at("least_in_flight"), scope)),
        (route.prefix.as_ref()).map(|written| rule::prefix(written, &at("prefix"), scope)),
    ];
    let mut written = RULES
        .into_iter()
        .zip(rules)
        .filter_map(|(name, rule)| Some((name, rule?)));
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
            if !RULES.iter().any(|rule| scope.lacks(&at(rule))) {
                let message = format!("`[{path}]` has no rule");
                let diagnostic =
                    Diagnostic::new(Code::NX0006, message, Place::Key(path.clone()), "");
                let help = format!(
                    "add `direct = {{ upstream = \"NAME\" }}`, or another of {}",
                    suggest::list(RULES.into_iter())
                );
                scope.report(diagnostic.help(help));
            }
            None
        }
    }
}
