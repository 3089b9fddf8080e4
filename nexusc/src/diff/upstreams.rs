//! The servers.

use crate::diff::Risk::{Breaking, Risky, Safe};
use crate::diff::shares::shown_address;
use crate::diff::words::{code, source, time};
use crate::diff::{Changes, Kind, Risk, engines, pairs, tls};
use crate::ir::table::Table;
use crate::ir::{Breaker, Endpoint, Health, Probe, Timeouts, Upstream};

pub(super) fn compare(
    before: &Table<Upstream>,
    after: &Table<Upstream>,
    changes: &mut Changes<'_>,
) {
    for pair in pairs(before, after) {
        match pair {
            (Some(before), Some(after)) => compare_upstream(before, after, changes),
            (None, Some(new)) => {
                let what = format!("new, at {}{}", shown_address(&new.endpoint), asked_for(new));
                changes.of(Safe, Kind::Upstream, &new.name, what);
            }
            (Some(old), None) => {
                let what = format!("removed, which was at {}", shown_address(&old.endpoint));
                changes.of(Safe, Kind::Upstream, &old.name, what);
            }
            (None, None) => {}
        }
    }
}

fn asked_for(upstream: &Upstream) -> String {
    let model = upstream.served_model.as_deref();
    model.map_or_else(String::new, |model| {
        format!(", where the model is called {}", code(model))
    })
}

fn compare_upstream(before: &Upstream, after: &Upstream, changes: &mut Changes<'_>) {
    let Upstream {
        name,
        path: _,
        endpoint,
        served_model,
        api_key,
        timeouts,
        breaker,
        health,
        tls,
        stream_usage,
        engine,
        capacity,
    } = after;
    if before.endpoint != *endpoint {
        let (old, new) = (shown_address(&before.endpoint), shown_address(endpoint));
        let (risk, why) = match endpoint {
            Endpoint::MockFail => (Breaking, ", which always fails"),
            Endpoint::MockLocal if before.endpoint != Endpoint::MockFail => {
                (Breaking, ", which answers without a model")
            }
            _ => (Risky, ""),
        };
        changes.of(
            risk,
            Kind::Upstream,
            name,
            format!("address: {old} -> {new}{why}"),
        );
    }
    if before.served_model != *served_model {
        let shown = |model: &Option<String>| {
            let model = model.as_deref();
            model.map_or("the one that clients name".to_owned(), code)
        };
        let what = format!(
            "the model that is asked for: {} -> {}",
            shown(&before.served_model),
            shown(served_model)
        );
        changes.of(Risky, Kind::Upstream, name, what);
    }
    if before.api_key != *api_key {
        let what = match (&before.api_key, api_key) {
            (None, new) => format!(
                "the gateway presents an API key, read from {}",
                source(new.as_ref())
            ),
            (Some(_), None) => "the gateway no longer presents an API key".to_owned(),
            (old, new) => format!(
                "the API key that the gateway presents is read from {} -> {}",
                source(old.as_ref()),
                source(new.as_ref())
            ),
        };
        changes.of(Risky, Kind::Upstream, name, what);
    }
    let Timeouts {
        connect,
        first_byte,
        between_chunks,
    } = *timeouts;
    let old = before.timeouts;
    let kind = Kind::Upstream;
    changes.time(
        kind,
        name,
        "time to accept a connection",
        (old.connect, connect),
    );
    changes.time(
        kind,
        name,
        "time to the first byte of a response",
        (old.first_byte, first_byte),
    );
    let what = "time between two pieces of a response";
    changes.time(kind, name, what, (old.between_chunks, between_chunks));
    compare_breaker(name, before.breaker.as_ref(), breaker.as_ref(), changes);
    compare_health(name, before.health.as_ref(), health.as_ref(), changes);
    for what in tls::towards_server(before.tls.as_ref(), tls.as_ref()) {
        changes.of(Risky, kind, name, what);
    }
    if before.capacity != *capacity {
        let shown =
            |most: Option<u64>| most.map_or("not stated".to_owned(), |most| most.to_string());
        let what = format!(
            "requests that it can take at once: {} -> {}",
            shown(before.capacity),
            shown(*capacity)
        );
        changes.of(Risk::of_room(&before.capacity, capacity), kind, name, what);
    }
    engines::compare(name, before.engine.as_ref(), engine.as_ref(), changes);
    if before.stream_usage != *stream_usage {
        let what = if *stream_usage {
            "asked for the usage of streams whose clients do not ask for it"
        } else {
            "no longer asked for the usage of streams whose clients do not ask for it"
        };
        changes.of(Safe, kind, name, what);
    }
}

fn compare_breaker(
    name: &str,
    before: Option<&Breaker>,
    after: Option<&Breaker>,
    changes: &mut Changes<'_>,
) {
    let mut say = |risk, what| changes.of(risk, Kind::Upstream, name, what);
    match (before, after) {
        (None, None) => {}
        (None, Some(after)) => say(
            Safe,
            format!(
                "left alone for {} after {} failures in a row (circuit breaker)",
                time(after.reset),
                after.failures
            ),
        ),
        (Some(_), None) => say(
            Risky,
            "no longer left alone after failures (no circuit breaker)".to_owned(),
        ),
        (Some(before), Some(after)) => {
            let Breaker {
                failures,
                reset,
                path: _,
            } = after;
            if before.failures != *failures {
                let what = format!(
                    "failures in a row until left alone (circuit breaker): {} -> {failures}",
                    before.failures
                );
                say(Risky, what);
            }
            if before.reset != *reset {
                let what = format!(
                    "time left alone after failures (circuit breaker): {} -> {}",
                    time(before.reset),
                    time(*reset)
                );
                say(Risky, what);
            }
        }
    }
}

fn compare_health(
    name: &str,
    before: Option<&Health>,
    after: Option<&Health>,
    changes: &mut Changes<'_>,
) {
    let mut say = |risk: Risk, what: String| changes.of(risk, Kind::Upstream, name, what);
    match (before, after) {
        (None, None) => {}
        (None, Some(after)) => say(
            Safe,
            format!(
                "health is checked by {}, every {}",
                probe(&after.probe),
                time(after.interval)
            ),
        ),
        (Some(_), None) => say(
            Risky,
            "health is no longer checked: clients find out about failures".to_owned(),
        ),
        (Some(before), Some(after)) => {
            let Health {
                probe: kind,
                interval,
                timeout,
                unhealthy_after,
                healthy_after,
                path: _,
            } = after;
            if before.probe != *kind {
                let what = format!(
                    "health is checked by {} -> {}",
                    probe(&before.probe),
                    probe(kind)
                );
                say(Risky, what);
            }
            let times = [
                (
                    "time from one health check to the next",
                    before.interval,
                    *interval,
                ),
                ("time for a health check", before.timeout, *timeout),
            ];
            for (what, before, after) in times {
                if before != after {
                    say(Safe, format!("{what}: {} -> {}", time(before), time(after)));
                }
            }
            let numbers = [
                (
                    "failed checks in a row until unhealthy",
                    before.unhealthy_after,
                    *unhealthy_after,
                ),
                (
                    "good checks in a row until healthy again",
                    before.healthy_after,
                    *healthy_after,
                ),
            ];
            for (what, before, after) in numbers {
                if before != after {
                    say(Safe, format!("{what}: {before} -> {after}"));
                }
            }
        }
    }
}

fn probe(probe: &Probe) -> String {
    match probe {
        Probe::Path(path) => format!("asking for {}", code(path)),
        Probe::Chat => "one token of a chat".to_owned(),
        Probe::Completion => "one token of a completion".to_owned(),
        Probe::Embedding => "an embedding".to_owned(),
    }
}
