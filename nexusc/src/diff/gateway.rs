//! The front door.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::diff::Risk::{self, Breaking, Risky, Safe};
use crate::diff::words::{bytes, code, list, source, time};
use crate::diff::{Changes, Kind, tls};
use crate::ir::{Cors, Gateway, Idempotency, Input, Stream, Topology};

pub(super) fn compare(before: &Gateway, after: &Gateway, changes: &mut Changes<'_>) {
    let Gateway {
        listen,
        default_model: _, // below: a model has its name from the topology
        development,
        max_body,
        max_connections,
        read_timeout,
        write_timeout,
        shutdown_grace,
        max_attempts,
        cors,
        input,
        idempotency,
        stream,
        tls,
        http2,
    } = after;
    compare_address(before.listen, *listen, changes);
    compare_default_model(changes);
    match (before.development, *development) {
        (true, false) => changes.say(
            Breaking,
            Kind::Gateway,
            "callers must present an API key or a token, and may use the models that it allows; until now \
             everybody may use every model (development mode)",
        ),
        (false, true) => changes.say(
            Risky,
            Kind::Gateway,
            "authentication is off: every caller may use every model (development mode)",
        ),
        _ => {}
    }
    if before.max_body != *max_body {
        let what = format!(
            "largest request body: {} -> {}; larger ones are answered 413",
            bytes(before.max_body),
            bytes(*max_body)
        );
        changes.say(of_bound(&before.max_body, max_body), Kind::Gateway, what);
    }
    let numbers = [
        (
            "most client connections at once",
            before.max_connections,
            *max_connections,
        ),
        (
            "most attempts at upstreams for one request, fallback models included",
            before.max_attempts,
            *max_attempts,
        ),
    ];
    for (what, before, after) in numbers {
        if before != after {
            let risk = Risk::of_room(&before, &after);
            changes.say(risk, Kind::Gateway, format!("{what}: {before} -> {after}"));
        }
    }
    let times = [
        (
            "time for a client to send a request's head, and then its body",
            before.read_timeout,
            *read_timeout,
        ),
        (
            "time that a client may take nothing of its response",
            before.write_timeout,
            *write_timeout,
        ),
        (
            "time for responses in flight after a stop",
            before.shutdown_grace,
            *shutdown_grace,
        ),
    ];
    for (what, before, after) in times {
        if before != after {
            let risk = Risk::of_room(&before, &after);
            let what = format!("{what}: {} -> {}", time(before), time(after));
            changes.say(risk, Kind::Gateway, what);
        }
    }
    compare_cors(before.cors.as_ref(), cors.as_ref(), changes);
    compare_input(before.input.as_ref(), input.as_ref(), changes);
    compare_idempotency(before.idempotency.as_ref(), idempotency.as_ref(), changes);
    compare_stream(before.stream.as_ref(), stream.as_ref(), changes);
    tls::compare_gateway(before.tls.as_ref(), tls.as_ref(), changes);
    match (before.http2, *http2) {
        (true, false) => changes.say(
            Risky,
            Kind::Gateway,
            "clients may no longer speak HTTP/2; those that speak nothing else are turned away",
        ),
        (false, true) => changes.say(Safe, Kind::Gateway, "clients may speak HTTP/2"),
        _ => {}
    }
}

/// Of a bound whose excess is refused: a request that fitted no longer does.
fn of_bound<T: PartialOrd>(before: &T, after: &T) -> Risk {
    if after < before { Breaking } else { Safe }
}

fn compare_address(before: SocketAddr, after: SocketAddr, changes: &mut Changes<'_>) {
    if before == after {
        return;
    }
    let same_port = before.port() == after.port();
    let (risk, why) = if same_port && after.ip().is_unspecified() {
        (Risky, ": it can be reached from other machines")
    } else {
        (
            Breaking,
            ": clients that ask at the old address do not reach it",
        )
    };
    changes.say(
        risk,
        Kind::Gateway,
        format!("listens on `{before}` -> `{after}`{why}"),
    );
}

fn compare_default_model(changes: &mut Changes<'_>) {
    fn name(topology: &Topology) -> Option<&str> {
        let id = topology.gateway.default_model?;
        Some(&topology.models.get(id).name)
    }
    let (risk, what) = match (name(changes.before), name(changes.after)) {
        (None, Some(after)) => (
            Safe,
            format!(
                "requests for unknown models are served by model {} instead of being answered 404",
                code(after)
            ),
        ),
        (Some(before), None) => (
            Breaking,
            format!(
                "requests for unknown models are answered 404 instead of being served by model {}",
                code(before)
            ),
        ),
        (Some(before), Some(after)) if before != after => (
            Breaking,
            format!(
                "requests for unknown models go to model {} -> {}",
                code(before),
                code(after)
            ),
        ),
        _ => return,
    };
    changes.say(risk, Kind::Gateway, what);
}

fn compare_cors(before: Option<&Cors>, after: Option<&Cors>, changes: &mut Changes<'_>) {
    fn origins(cors: Option<&Cors>) -> BTreeSet<&str> {
        let origins = cors.map(|Cors { origins }| origins);
        origins.into_iter().flatten().map(String::as_str).collect()
    }
    let (before, after) = (origins(before), origins(after));
    let gone: Vec<&str> = before.difference(&after).copied().collect();
    let new: Vec<&str> = after.difference(&before).copied().collect();
    if !gone.is_empty() {
        let what = format!(
            "web pages of {} may no longer use it from a browser",
            list(gone.into_iter())
        );
        changes.say(Breaking, Kind::Gateway, what);
    }
    if !new.is_empty() {
        let what = format!(
            "web pages of {} may use it from a browser",
            list(new.into_iter())
        );
        changes.say(Safe, Kind::Gateway, what);
    }
}

fn compare_input(before: Option<&Input>, after: Option<&Input>, changes: &mut Changes<'_>) {
    fn parts(input: Option<&Input>) -> (Option<u64>, Option<&crate::ir::Secret>) {
        let Some(Input {
            max_messages,
            forbidden_words,
        }) = input
        else {
            return (None, None);
        };
        (*max_messages, forbidden_words.as_ref())
    }
    let ((messages_before, words_before), (messages, words)) = (parts(before), parts(after));
    if messages_before != messages {
        let most =
            |most: Option<u64>| most.map_or("any number".to_owned(), |most| most.to_string());
        let risk = of_bound(
            &messages_before.unwrap_or(u64::MAX),
            &messages.unwrap_or(u64::MAX),
        );
        let what = format!(
            "most messages in a request: {} -> {}; requests with more are answered 400",
            most(messages_before),
            most(messages)
        );
        changes.say(risk, Kind::Gateway, what);
    }
    let (risk, what) = match (words_before, words) {
        (None, Some(_)) => (
            Breaking,
            format!(
                "requests with a word that is listed in {} are answered 400",
                source(words)
            ),
        ),
        (Some(_), None) => (
            Risky,
            "no word is forbidden in requests any more".to_owned(),
        ),
        (before, after) if before != after => (
            Risky,
            format!(
                "the forbidden words are read from {} -> {}",
                source(before),
                source(after)
            ),
        ),
        _ => return,
    };
    changes.say(risk, Kind::Gateway, what);
}

fn compare_idempotency(
    before: Option<&Idempotency>,
    after: Option<&Idempotency>,
    changes: &mut Changes<'_>,
) {
    match (before, after) {
        (None, Some(after)) => {
            let what = format!(
                "a request that is sent again with its `Idempotency-Key` gets the answer that there was, for {}",
                time(after.ttl)
            );
            changes.say(Safe, Kind::Gateway, what);
        }
        (Some(_), None) => changes.say(
            Risky,
            Kind::Gateway,
            "a request that is sent again with its `Idempotency-Key` is carried out again",
        ),
        (Some(before), Some(after)) => {
            let Idempotency { ttl, max_bytes } = after;
            if before.ttl != *ttl {
                let what = format!(
                    "answers are kept for requests that are sent again: {} -> {}",
                    time(before.ttl),
                    time(*ttl)
                );
                changes.say(Risk::of_room(&before.ttl, ttl), Kind::Gateway, what);
            }
            if before.max_bytes != *max_bytes {
                let what = format!(
                    "memory for answers that are kept for requests that are sent again: {} -> {}",
                    bytes(before.max_bytes),
                    bytes(*max_bytes)
                );
                changes.say(
                    Risk::of_room(&before.max_bytes, max_bytes),
                    Kind::Gateway,
                    what,
                );
            }
        }
        (None, None) => {}
    }
}

fn compare_stream(before: Option<&Stream>, after: Option<&Stream>, changes: &mut Changes<'_>) {
    let keep_alive = |stream: Option<&Stream>| {
        let Stream {
            path: _,
            keep_alive,
            usage: _, // told of each upstream
        } = stream?;
        *keep_alive
    };
    let (before, after) = (keep_alive(before), keep_alive(after));
    let (risk, what) = match (before, after) {
        (None, Some(after)) => (
            Safe,
            format!("a stream in which nothing comes gets a comment every {}", time(after)),
        ),
        (Some(_), None) => (
            Risky,
            "a stream in which nothing comes gets no comment any more: what stands between may end it"
                .to_owned(),
        ),
        (Some(before), Some(after)) if before != after => (
            Safe,
            format!(
                "a stream in which nothing comes gets a comment every {} -> {}",
                time(before),
                time(after)
            ),
        ),
        _ => return,
    };
    changes.say(risk, Kind::Gateway, what);
}
