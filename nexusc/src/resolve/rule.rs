//! The rules of `[routes.NAME]`, and what their choice goes by.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{Draw, Percent, Rule, Target};
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::spec;

/// The largest weight; with at most a few thousand targets a sum stays within 32 bits.
const MAX_WEIGHT: u64 = 1_000_000;

/// The largest number of a priority: nobody has more steps.
const MAX_PRIORITY: u64 = 1_000;

/// The system prompt of an assistant without its tools is about as long.
const DEFAULT_HEAD: u64 = 1 << 10;

/// From here on the queue of the favoured upstream costs more than the prefill that it saves.
const DEFAULT_LOAD_FACTOR: Percent = Percent(12_500);

/// What the choice of `route` goes by.
pub(super) fn draw(route: &spec::route::Route, path: &KeyPath, scope: &mut Scope<'_>) -> Draw {
    let weighted = route.weighted.as_ref().map(|rule| &rule.sticky);
    let canary = route.canary.as_ref().map(|rule| &rule.sticky);
    for (rule, sticky) in [("weighted", weighted), ("canary", canary)] {
        if let Some(Some(sticky)) = sticky {
            return self::sticky(sticky, &path.key(rule).key("sticky"), scope);
        }
    }
    match &route.prefix {
        Some(prefix) => Draw::Head(scope.size(
            prefix.head.as_ref(),
            DEFAULT_HEAD,
            16..=1 << 20,
            &path.key("prefix").key("head"),
        )),
        None => Draw::Sequence,
    }
}

fn sticky(text: &str, path: &KeyPath, scope: &mut Scope<'_>) -> Draw {
    match text {
        "key" => Draw::Caller,
        "session" => Draw::Session,
        _ => {
            let message = format!("a route cannot stick to {}", shown(text));
            let place = Place::Value(path.clone());
            let help = "write `\"key\"`, or `\"session\"` for the header `x-session-id`";
            scope.report(Diagnostic::new(Code::NX0411, message, place, "").help(help));
            Draw::Sequence
        }
    }
}

pub(super) fn direct(
    written: &spec::route::Direct,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<Rule> {
    let place = Place::Value(path.key("upstream"));
    scope.upstream(&written.upstream, place).map(Rule::Direct)
}

pub(super) fn weighted(
    written: &spec::route::Weighted,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<Rule> {
    let path = path.key("targets");
    let help = "name at least one upstream with its weight: `{ NAME = 1 }`";
    refuse_empty(written.targets.is_empty(), &path, help, scope);
    let target = |(name, &weight): (&String, &u64)| {
        let at = path.key(name);
        let upstream = scope.upstream(name, Place::Key(at.clone()));
        let weight = scope.within(weight, 1..=MAX_WEIGHT, &at);
        upstream.map(|upstream| Target { upstream, weight })
    };
    let targets: Vec<Target> = written.targets.iter().filter_map(target).collect();
    (!targets.is_empty()).then_some(Rule::Weighted(targets))
}

pub(super) fn canary(
    written: &spec::route::Canary,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<Rule> {
    let spec::route::Canary {
        primary,
        canary,
        percent,
        // Settled by `draw`.
        sticky: _,
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

pub(super) fn priority(
    written: &spec::route::Priority,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<Rule> {
    let path = path.key("targets");
    let help = "name at least one upstream with its number: `{ NAME = 1 }`";
    refuse_empty(written.targets.is_empty(), &path, help, scope);
    let mut tiers: BTreeMap<u64, Vec<_>> = BTreeMap::new();
    for (name, &number) in &written.targets {
        let at = path.key(name);
        let upstream = scope.upstream(name, Place::Key(at.clone()));
        let number = scope.within(number, 0..=MAX_PRIORITY, &at);
        if let Some(upstream) = upstream {
            tiers.entry(number).or_default().push(upstream);
        }
    }
    (!tiers.is_empty()).then(|| Rule::Priority(tiers.into_values().collect()))
}

pub(super) fn least_in_flight(
    written: &spec::route::LeastInFlight,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<Rule> {
    let path = path.key("upstreams");
    refuse_empty(written.upstreams.is_empty(), &path, NAME_ONE, scope);
    let upstreams = scope.upstreams(&written.upstreams, &path);
    (!upstreams.is_empty()).then_some(Rule::LeastInFlight(upstreams))
}

pub(super) fn prefix(
    written: &spec::route::Prefix,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<Rule> {
    let list = path.key("upstreams");
    refuse_empty(written.upstreams.is_empty(), &list, NAME_ONE, scope);
    let upstreams = scope.upstreams(&written.upstreams, &list);
    let load_factor = scope.load_factor(
        written.load_factor.as_ref(),
        DEFAULT_LOAD_FACTOR,
        &path.key("load_factor"),
    );
    (!upstreams.is_empty()).then_some(Rule::Prefix {
        upstreams,
        load_factor,
    })
}

const NAME_ONE: &str = "name at least one upstream: `[\"NAME\"]`";

/// Reports a rule that names no upstream, unless the parser has left them out.
fn refuse_empty(is_empty: bool, path: &KeyPath, help: &str, scope: &mut Scope<'_>) {
    if is_empty && !scope.lacks(path) {
        let place = Place::Value(path.clone());
        let diagnostic = Diagnostic::new(Code::NX0404, format!("`{path}` is empty"), place, "");
        scope.report(diagnostic.help(help));
    }
}
