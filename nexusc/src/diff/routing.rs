//! Where the requests of each model go. Routes are compared by the models that they serve, so that moving a model
//! from one route to another like it is no change of where its requests go.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::Risk::{Breaking, Risky, Safe};
use crate::diff::shares::{Share, describe, is_elsewhere, shares};
use crate::diff::words::{bytes, code, time};
use crate::diff::{Changes, Kind, Risk, find};
use crate::ir::{Draw, Hedge, Model, Retry, Route, Rule, Shadow, Topology};

pub(super) fn compare(changes: &mut Changes<'_>) {
    let (before, after) = (changes.before, changes.after);
    for model in after.models.iter() {
        let Some(old) = find(&before.models, &model.name) else {
            continue;
        };
        if let (Some(old), Some(new)) = (route(old, before), route(model, after)) {
            compare_route(&model.name, old, new, changes);
        }
    }
}

fn route<'t>(model: &Model, topology: &'t Topology) -> Option<&'t Route> {
    Some(topology.routes.get(model.route?))
}

fn compare_route(model: &str, before: &Route, after: &Route, changes: &mut Changes<'_>) {
    let Route {
        name,
        path: _,
        models: _, // compared one by one
        draw,
        rule,
        shadow,
        retry,
        hedge,
    } = after;
    if before.name != *name {
        let what = format!(
            "served by route {} -> {}, which is a label of metrics",
            code(&before.name),
            code(name)
        );
        changes.of(Safe, Kind::Model, model, what);
    }
    if let (Some(before), Some(after)) = (&before.rule, rule) {
        compare_rule(model, before, after, changes);
    }
    compare_draw(model, before.draw, *draw, changes);
    compare_shadow(model, before.shadow.as_ref(), shadow.as_ref(), changes);
    compare_retry(model, before.retry.as_ref(), retry.as_ref(), changes);
    compare_hedge(model, before.hedge.as_ref(), hedge.as_ref(), changes);
}

fn compare_rule(model: &str, before: &Rule, after: &Rule, changes: &mut Changes<'_>) {
    let (old, new) = (changes.before, changes.after);
    let elsewhere = is_elsewhere((old, Some(before)), (new, Some(after)));
    let risk = if elsewhere { Breaking } else { Risky };
    if let (
        Rule::Prefix {
            load_factor: old, ..
        },
        Rule::Prefix {
            load_factor: new, ..
        },
    ) = (before, after)
        && old != new
    {
        let what = format!(
            "most that one of its upstreams may have in flight, relative to the mean: {old} -> {new}"
        );
        changes.of(Safe, Kind::Model, model, what);
    }
    let (before_words, after_words) = (describe(before, old), describe(after, new));
    let of_shares = |rule: &Rule| matches!(rule, Rule::Weighted(_) | Rule::Canary { .. });
    let both = (shares(before, old), shares(after, new));
    if let (Some(before_shares), Some(after_shares)) = &both
        && of_shares(before)
        && of_shares(after)
        && !elsewhere
    {
        compare_shares(model, before_shares, after_shares, after, changes);
        if std::mem::discriminant(before) != std::mem::discriminant(after) {
            let what = format!("requests go {before_words} -> {after_words}");
            changes.of(risk, Kind::Model, model, what);
        }
    } else if before_words != after_words {
        let whole = if elsewhere {
            "; none of them goes where it went"
        } else {
            ""
        };
        let what = format!("requests go {before_words} -> {after_words}{whole}");
        changes.of(risk, Kind::Model, model, what);
    }
}

fn compare_shares(
    model: &str,
    before: &BTreeMap<&str, Share>,
    after: &BTreeMap<&str, Share>,
    rule: &Rule,
    changes: &mut Changes<'_>,
) {
    let primary = match rule {
        Rule::Canary { primary, .. } => Some(changes.after.upstreams.get(*primary).name.as_str()),
        _ => None,
    };
    let names: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let share =
        |of: &BTreeMap<&str, Share>, name: &str| of.get(name).copied().unwrap_or(Share::NONE);
    let moved: Vec<&str> = names
        .into_iter()
        .filter(|name| share(before, name) != share(after, name))
        .collect();
    // The primary's share is what the canary leaves.
    let is_rest = |name: &str| moved.len() == 2 && primary == Some(name);
    let moves: Vec<String> = moved
        .iter()
        .filter(|name| !is_rest(name))
        .map(|name| {
            format!(
                "{} -> {} of requests go to upstream {}",
                share(before, name).shown(),
                share(after, name).shown(),
                code(name)
            )
        })
        .collect();
    if !moves.is_empty() {
        changes.of(Risky, Kind::Model, model, moves.join(", "));
    }
}

fn compare_draw(model: &str, before: Draw, after: Draw, changes: &mut Changes<'_>) {
    // A prompt's head comes and goes with the rule `prefix`, which is told.
    let is_head = |draw| matches!(draw, Draw::Head(_));
    let what = match (before, after) {
        (before, after) if before == after => return,
        (Draw::Head(before), Draw::Head(after)) => format!(
            "prompts are told apart by their first {} -> {}",
            bytes(before),
            bytes(after)
        ),
        _ if is_head(before) || is_head(after) => return,
        (before, after) => format!(
            "stays with one upstream: {} -> {}",
            stays(before),
            stays(after)
        ),
    };
    changes.of(Risky, Kind::Model, model, what);
}

fn stays(draw: Draw) -> &'static str {
    match draw {
        Draw::Sequence | Draw::Head(_) => "nothing, each request is chosen for anew",
        Draw::Caller => "whoever asks with one key",
        Draw::Session => "each session",
    }
}

fn compare_shadow(
    model: &str,
    before: Option<&Shadow>,
    after: Option<&Shadow>,
    changes: &mut Changes<'_>,
) {
    let (old, new) = (changes.before, changes.after);
    let name =
        |shadow: &Shadow, topology: &Topology| code(&topology.upstreams.get(shadow.upstream).name);
    let mut say = |risk, what| changes.of(risk, Kind::Model, model, what);
    match (before, after) {
        (None, None) => {}
        (None, Some(after)) => {
            let what = format!(
                "copies of {} of requests go to upstream {} as well, to compare",
                after.share,
                name(after, new)
            );
            say(Risky, what);
        }
        (Some(before), None) => {
            let what = format!(
                "no copies of requests go to upstream {} any more",
                name(before, old)
            );
            say(Safe, what);
        }
        (Some(before), Some(after)) => {
            let Shadow {
                path: _,
                upstream: _, // compared by name
                share,
                concurrent,
            } = after;
            let (from, to) = (name(before, old), name(after, new));
            if from != to {
                say(
                    Risky,
                    format!("copies of requests go to upstream {from} -> {to}"),
                );
            }
            if before.share != *share {
                let what = format!(
                    "{} -> {share} of requests are copied to upstream {to}",
                    before.share
                );
                say(Safe, what);
            }
            if before.concurrent != *concurrent {
                let what = format!(
                    "most copies of requests at once to upstream {to}: {} -> {concurrent}",
                    before.concurrent
                );
                say(Safe, what);
            }
        }
    }
}

fn compare_retry(
    model: &str,
    before: Option<&Retry>,
    after: Option<&Retry>,
    changes: &mut Changes<'_>,
) {
    let mut say = |risk, what| changes.of(risk, Kind::Model, model, what);
    match (before, after) {
        (None, None) => {}
        (None, Some(after)) => say(
            Safe,
            format!(
                "each upstream is tried up to {} times when all have failed",
                after.attempts
            ),
        ),
        (Some(before), None) => say(
            Risky,
            format!(
                "each upstream is tried once instead of up to {} times",
                before.attempts
            ),
        ),
        (Some(before), Some(after)) => {
            let Retry {
                attempts,
                backoff,
                max_backoff,
            } = after;
            if before.attempts != *attempts {
                let what = format!(
                    "most tries of each upstream: {} -> {attempts}",
                    before.attempts
                );
                say(Risk::of_room(&before.attempts, attempts), what);
            }
            let pauses = [
                ("second try of an upstream", before.backoff, *backoff),
                ("last try of an upstream", before.max_backoff, *max_backoff),
            ];
            for (what, before, after) in pauses {
                if before != after {
                    say(
                        Safe,
                        format!(
                            "longest pause before the {what}: {} -> {}",
                            time(before),
                            time(after)
                        ),
                    );
                }
            }
        }
    }
}

fn compare_hedge(
    model: &str,
    before: Option<&Hedge>,
    after: Option<&Hedge>,
    changes: &mut Changes<'_>,
) {
    let mut say = |risk, what| changes.of(risk, Kind::Model, model, what);
    match (before, after) {
        (None, None) => {}
        (None, Some(after)) => say(
            Safe,
            format!(
                "a second upstream is asked as well when the first has not answered after {}, for up to {} of requests",
                time(after.after),
                after.budget
            ),
        ),
        (Some(_), None) => say(
            Risky,
            "no second upstream is asked any more when the first is slow".to_owned(),
        ),
        (Some(before), Some(after)) => {
            let Hedge {
                after: wait,
                budget,
            } = after;
            if before.after != *wait {
                let what = format!(
                    "a second upstream is asked as well when the first has not answered after {} -> {}",
                    time(before.after),
                    time(*wait)
                );
                say(Safe, what);
            }
            if before.budget != *budget {
                let what = format!(
                    "most requests that a second upstream is asked for as well: {} -> {budget}",
                    before.budget
                );
                say(Safe, what);
            }
        }
    }
}
