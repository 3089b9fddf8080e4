//! A request has time for all of its attempts (NX0414).
//!
//! A total timeout that ends a request while upstreams are left that could answer makes them useless just
//! when they are needed. So the longest that everything may take is added up here: each attempt up to its
//! first byte, as many as a request may make, and the pauses between them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::table::Id;
use crate::ir::{Endpoint, Model, Rule, Topology, Total, Upstream};
use crate::key_path::KeyPath;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let partial = |table: &&str| context.is_partial(table);
    if ["models", "routes", "upstreams"].iter().any(partial) {
        return;
    }
    // A total that holds for several models is reported once, for the one that needs most.
    let mut worst: BTreeMap<&KeyPath, (&Total, &Model, Needed<'_>)> = BTreeMap::new();
    for model in context.topology.models.iter() {
        for total in [&model.totals.whole, &model.totals.streamed] {
            let Some(total) = total else { continue };
            let needed = Needed::by(model, context.topology);
            let known = worst.get(&total.path);
            if needed.time > total.time && known.is_none_or(|(.., most)| most.time < needed.time) {
                worst.insert(&total.path, (total, model, needed));
            }
        }
    }
    let reports: Vec<_> = worst.into_values().map(report).collect();
    for diagnostic in reports {
        context.report(diagnostic);
    }
}

fn report((total, model, needed): (&Total, &Model, Needed<'_>)) -> Diagnostic {
    let (time, attempts) = (needed.time, needed.attempts.len());
    let diagnostic = Diagnostic::new(
        Code::NX0414,
        format!(
            "a request for model `{}` may need {time:?} up to the first byte of its response, longer than its total",
            model.name
        ),
        Place::Value(total.path.clone()),
        format!("shorter than {attempts} attempts and the pauses between them"),
    );
    let diagnostic = match needed.attempts.first() {
        Some((longest, upstream)) => diagnostic.conflict(
            Place::Value(upstream.path.key("timeouts").key("first_byte")),
            format!("the longest attempt: {longest:?} to connect and to the first byte"),
        ),
        None => diagnostic,
    };
    diagnostic.help(format!(
        "raise the total to at least {}, or lower `first_byte`, the retries or `max_attempts` of `[gateway]`",
        written(time)
    ))
}

/// What a request may need up to the first byte of its response.
struct Needed<'t> {
    time: Duration,
    /// The attempts with their times, the longest first.
    attempts: Vec<(Duration, &'t Upstream)>,
}

impl<'t> Needed<'t> {
    /// What the requests of `model` may need.
    fn by(model: &'t Model, topology: &'t Topology) -> Self {
        let mut attempts: Vec<(Duration, &Upstream)> = Vec::new();
        let mut pauses = Duration::ZERO;
        // An upstream that serves one model is not asked again for another.
        let mut asked = BTreeSet::new();
        let stand_ins = model.fallback.iter().map(|&id| topology.models.get(id));
        for model in std::iter::once(model).chain(stand_ins) {
            let Some(route) = model.route.map(|id| topology.routes.get(id)) else {
                continue;
            };
            let mut times = 1;
            if let Some(retry) = &route.retry {
                pauses += retry.longest_pauses();
                times = usize::try_from(retry.attempts).unwrap_or(usize::MAX);
            }
            let upstreams = route.rule.as_ref().map(Rule::upstreams).unwrap_or_default();
            for id in upstreams.iter().filter(|id| !asked.contains(&id.index())) {
                let upstream = topology.upstreams.get(*id);
                let attempt = (longest_attempt(upstream), upstream);
                attempts.extend(std::iter::repeat_n(attempt, times));
            }
            let serves_one =
                |id: &&Id<Upstream>| topology.upstreams.get(**id).served_model.is_some();
            asked.extend(upstreams.iter().filter(serves_one).map(|id| id.index()));
        }
        // Any of them may be the ones that are made: open circuits are passed over.
        attempts.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        let most = usize::try_from(topology.gateway.max_attempts).unwrap_or(usize::MAX);
        attempts.truncate(most);
        let times = attempts.iter().map(|(time, _)| *time);
        Self {
            time: times.fold(pauses, Duration::saturating_add),
            attempts,
        }
    }
}

/// The longest that one attempt takes. A mock answers at once.
fn longest_attempt(upstream: &Upstream) -> Duration {
    match upstream.endpoint {
        Endpoint::Http(_) | Endpoint::Https(_) => {
            upstream.timeouts.connect + upstream.timeouts.first_byte
        }
        Endpoint::MockLocal | Endpoint::MockFail => Duration::ZERO,
    }
}

/// A duration as the language writes it, rounded up to whole seconds from a second on.
fn written(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return format!("`\"{}ms\"`", duration.as_millis());
    }
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    format!("`\"{seconds}s\"`")
}
