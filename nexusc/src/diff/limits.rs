//! How much may be asked for, told of whom it limits: each that names a limit has a count of its own.

use crate::diff::Risk::{Risky, Safe};
use crate::diff::words::{code, rate, time};
use crate::diff::{Changes, Kind, Risk, find};
use crate::ir::table::Id;
use crate::ir::{Limit, Queue, Rate, Topology};

pub(super) fn compare(changes: &mut Changes<'_>) {
    let (before, after) = (changes.before, changes.after);
    for key in after.keys.iter() {
        if let Some(old) = find(&before.keys, &key.name) {
            let limits = (of(old.limit, before), of(key.limit, after));
            compare_limit(Kind::Key, Some(&key.name), limits, changes);
        }
    }
    for model in after.models.iter() {
        if let Some(old) = find(&before.models, &model.name) {
            let limits = (of(old.limit, before), of(model.limit, after));
            compare_limit(Kind::Model, Some(&model.name), limits, changes);
        }
    }
    if let (Some(old), Some(new)) = (&before.jwt, &after.jwt) {
        let limits = (of(old.limit, before), of(new.limit, after));
        compare_limit(Kind::Tokens, None, limits, changes);
    }
}

fn of(limit: Option<Id<Limit>>, topology: &Topology) -> Option<&Limit> {
    limit.map(|id| topology.limits.get(id))
}

fn compare_limit(
    kind: Kind,
    name: Option<&str>,
    (before, after): (Option<&Limit>, Option<&Limit>),
    changes: &mut Changes<'_>,
) {
    let whose = match kind {
        Kind::Model => " by all callers together",
        Kind::Tokens => " by each subject",
        _ => "",
    };
    let mut say = |risk, what: String| changes.note(risk, kind, name, what);
    let (old, new) = (Parts::of(before), Parts::of(after));
    let rates = [
        ("requests", old.requests, new.requests),
        ("tokens", old.tokens, new.tokens),
    ];
    for (what, before, after) in rates {
        if before != after {
            let shown = |most: Option<Rate>| most.map_or("any number".to_owned(), rate);
            let risk = of_bound(before.map(pace), after.map(pace));
            say(
                risk,
                format!("most {what}{whose}: {} -> {}", shown(before), shown(after)),
            );
        }
    }
    if old.concurrent != new.concurrent {
        let shown =
            |most: Option<u64>| most.map_or("any number".to_owned(), |most| most.to_string());
        let what = format!(
            "most requests at once{whose}: {} -> {}",
            shown(old.concurrent),
            shown(new.concurrent)
        );
        say(of_bound(old.concurrent, new.concurrent), what);
    }
    match (old.queue, new.queue) {
        (None, None) => {}
        (None, Some(new)) => say(
            Safe,
            format!(
                "requests over the limit of those at once wait up to {} instead of being answered 429",
                time(new.wait)
            ),
        ),
        (Some(_), None) => say(
            Risky,
            "requests over the limit of those at once are answered 429 instead of waiting"
                .to_owned(),
        ),
        (Some(before), Some(after)) => {
            let Queue {
                path: _,
                length,
                wait,
            } = after;
            if before.length != *length {
                let what = format!(
                    "most requests of one priority that wait in the queue: {} -> {length}",
                    before.length
                );
                say(Risk::of_room(&before.length, length), what);
            }
            if before.wait != *wait {
                let what = format!(
                    "time that a request may wait in the queue: {} -> {}",
                    time(before.wait),
                    time(*wait)
                );
                say(Risk::of_room(&before.wait, wait), what);
            }
        }
    }
    if let (Some(before), Some(after)) = (before, after)
        && before.name != after.name
    {
        let what = format!("has limit {} -> {}", code(&before.name), code(&after.name));
        say(Safe, what);
    }
}

/// What a limit bounds; nothing where there is none.
#[derive(Default)]
struct Parts<'t> {
    requests: Option<Rate>,
    tokens: Option<Rate>,
    concurrent: Option<u64>,
    queue: Option<&'t Queue>,
}

impl<'t> Parts<'t> {
    fn of(limit: Option<&'t Limit>) -> Self {
        let Some(Limit {
            name: _, // told last, where it is all that is different
            path: _,
            requests,
            tokens,
            concurrent,
            queue,
        }) = limit
        else {
            return Self::default();
        };
        Self {
            requests: *requests,
            tokens: *tokens,
            concurrent: *concurrent,
            queue: queue.as_ref(),
        }
    }
}

/// How many in an hour.
fn pace(rate: Rate) -> u64 {
    rate.amount.saturating_mul(3600) / rate.per.as_secs().max(1)
}

/// Safe where more may be asked for than before; no bound is the most. At the same pace another window is
/// another bound, and may refuse what the other admitted.
fn of_bound(before: Option<u64>, after: Option<u64>) -> Risk {
    if after.unwrap_or(u64::MAX) > before.unwrap_or(u64::MAX) {
        Safe
    } else {
        Risky
    }
}
