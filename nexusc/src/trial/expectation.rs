//! What a test expects, against what became of its request.

use std::collections::BTreeMap;

use crate::ir::table::Id;
use crate::ir::test::{Expect, Test};
use crate::ir::{Percent, Topology, Upstream};
use crate::redact::scrubbed;
use crate::trial::answer::{Answer, End};
use crate::trial::gateway::Gateway;
use crate::trial::story::choice;
use crate::trial::{Trial, Unmet};

/// Requests among which shares are counted: a step of 0.01 %.
const COUNTED: usize = 10_000;

/// How far a share may be from what is expected, in hundredths of a percent.
const TOLERANCE: u32 = 10;

/// The expectations of `test` that are not met.
pub(super) fn unmet(gateway: &Gateway<'_>, test: &Test, trial: &Trial) -> Vec<Unmet> {
    let Expect {
        status,
        route,
        upstream,
        order,
        fallback,
        limit,
        shares,
        headers,
    } = &test.expect;
    let topology = gateway.topology;
    let mut found = Found {
        test,
        trial,
        topology,
        unmet: Vec::new(),
    };
    let upstream_name = |id: Id<Upstream>| format!("`{}`", topology.upstreams.get(id).name);
    if let Some(expected) = *status {
        found.each("status", expected.to_string(), |answer| {
            let status = answer.status();
            (status != expected).then(|| answer.summary_with_status(topology))
        });
    }
    if let Some(expected) = *route {
        let words = format!("route `{}`", topology.routes.get(expected).name);
        found.each("route", words, |answer| {
            let model = answer.answering().map(|answering| answering.model);
            let route = model.and_then(|model| topology.models.get(model).route);
            let by = |route| format!("route `{}`", topology.routes.get(route).name);
            (route != Some(expected)).then(|| route.map_or_else(|| answer.summary(topology), by))
        });
    }
    if let Some(expected) = *upstream {
        let words = format!("{} answers", upstream_name(expected));
        found.each("upstream", words, |answer| {
            let answering = answer.answering().map(|answering| answering.upstream);
            (answering != Some(expected)).then(|| answer.summary(topology))
        });
    }
    if let Some(expected) = order {
        let list = |ids: &[Id<Upstream>]| match ids {
            [] => "nobody is asked".to_owned(),
            ids => {
                let names: Vec<_> = ids.iter().map(|id| upstream_name(*id)).collect();
                format!("{} asked", in_order(&names))
            }
        };
        found.each("order", list(expected), |answer| {
            (answer.asked() != expected.as_slice()).then(|| list(answer.asked()))
        });
    }
    if let Some(expected) = *fallback {
        let words = format!("model `{}` stands in", topology.models.get(expected).name);
        found.each("fallback", words, |answer| {
            (answer.fallback() != Some(expected)).then(|| answer.summary(topology))
        });
    }
    if let Some(expected) = *limit {
        let words = format!("refused by `{}`", topology.limits.get(expected).name);
        found.each("limit", words, |answer| {
            let refused = answer.refused().map(|refused| refused.limit);
            (refused != Some(expected)).then(|| answer.summary(topology))
        });
    }
    for (name, expected) in headers {
        let field = format!("headers.{name}");
        found.each(&field, format!("`{name}: {expected}`"), |answer| {
            let headers = answer.headers(topology);
            let value = headers.get(name.as_str());
            (value != Some(expected)).then(|| match value {
                None => format!("no `{name}`"),
                Some(value) => format!("`{name}: {value}`"),
            })
        });
    }
    if let Some(expected) = shares {
        found.shares(expected, &counted(gateway, test, trial));
    }
    found.unmet
}

/// "`a`, then `b` are"
fn in_order(names: &[String]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(", then "))
}

/// How many of many requests each upstream answers.
fn counted(gateway: &Gateway<'_>, test: &Test, trial: &Trial) -> BTreeMap<Id<Upstream>, usize> {
    let mut counts = BTreeMap::new();
    let mut count = |upstream: Option<Id<Upstream>>, times| {
        if let Some(upstream) = upstream {
            *counts.entry(upstream).or_insert(0) += times;
        }
    };
    // Where nothing is left open, all go the same way.
    if let [Answer { end, .. }] = trial.answers.as_slice() {
        if let End::Forwarded(_, forwarded) = end {
            let answering = forwarded.end.ok();
            count(answering.map(|answering| answering.upstream), COUNTED);
        }
        return counts;
    }
    let Some(Answer {
        end: End::Forwarded(model, _),
        ..
    }) = trial.answers.first()
    else {
        return counts;
    };
    for draw in evenly() {
        let forwarded = gateway.forward(&test.request, *model, &test.fleet, |_| draw);
        let answering = forwarded.end.ok();
        count(answering.map(|answering| answering.upstream), 1);
    }
    counts
}

/// The draws in the middle of so many parts of the whole range that are alike.
fn evenly() -> impl Iterator<Item = u64> {
    let part = u64::MAX / COUNTED as u64;
    (0..COUNTED as u64).map(move |index| index * part + part / 2)
}

/// What was found about one test.
struct Found<'f> {
    test: &'f Test,
    trial: &'f Trial,
    topology: &'f Topology,
    unmet: Vec<Unmet>,
}

impl Found<'_> {
    /// Every answer has to be as the `field` expects; `instead` says what one is that is not.
    fn each(&mut self, field: &str, expected: String, instead: impl Fn(&Answer) -> Option<String>) {
        let answers = &self.trial.answers;
        let wrong = answers
            .iter()
            .filter_map(|answer| Some((answer, instead(answer)?)));
        let wrong: Vec<(&Answer, String)> = wrong.collect();
        let Some((answer, first)) = wrong.first() else {
            return;
        };
        let mut instead = first.clone();
        let mut because = answer.told(self.topology);
        if wrong.len() < answers.len() {
            instead.push_str(", with some draws");
            because.push_str("; name a `draw`, or expect `shares`, where both may be");
        }
        self.note(field, expected, instead, because);
    }

    /// The parts of the upstreams have to be those that are `expected`.
    fn shares(
        &mut self,
        expected: &[(Id<Upstream>, Percent)],
        counted: &BTreeMap<Id<Upstream>, usize>,
    ) {
        let share = |id: Id<Upstream>| {
            let count = counted.get(&id).copied().unwrap_or(0);
            Percent(u32::try_from(count).unwrap_or(u32::MAX))
        };
        let named = expected.iter().copied();
        let others = counted.keys().filter(|id| {
            let is_named = |(other, _): &(Id<Upstream>, Percent)| other == *id;
            !expected.iter().any(is_named)
        });
        let others = others.map(|id| (*id, Percent(0)));
        for (id, expected) in named.chain(others) {
            let found = share(id);
            if found.0.abs_diff(expected.0) <= TOLERANCE {
                continue;
            }
            let name = &self.topology.upstreams.get(id).name;
            let field = if expected.0 == 0 && !self.names(id) {
                "shares".to_owned()
            } else {
                format!("shares.{name}")
            };
            let instead = format!("`{name}` answers {found}");
            let expected = format!("`{name}` answers {expected}");
            let because = self.trial.answers.first().map(|answer| match &answer.end {
                End::Forwarded(model, _) => choice(*model, self.topology),
                End::NotAdmitted(_) | End::Limited(_) => answer.summary(self.topology),
            });
            self.note(&field, expected, instead, because.unwrap_or_default());
        }
    }

    fn names(&self, id: Id<Upstream>) -> bool {
        let shares = self.test.expect.shares.iter().flatten();
        shares.into_iter().any(|(other, _)| *other == id)
    }

    fn note(&mut self, field: &str, expected: String, instead: String, because: String) {
        let path = field
            .split('.')
            .fold(self.test.path.key("expect"), |path, key| path.key(key));
        self.unmet.push(Unmet {
            path,
            expected: scrubbed(&expected).into_owned(),
            instead,
            because,
        });
    }
}
