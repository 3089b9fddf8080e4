//! Answers that several endpoints have: errors, and the headers of all.

use serde_json::{Value, json};

use crate::emit::openapi::operations::{ids, limits, reference, schema};
use crate::emit::openapi::{has_admin, has_restricted_callers};
use crate::ir::{Topology, WhenAway};

/// Headers of answers, by name.
pub(super) fn headers(topology: &Topology) -> Value {
    let text =
        |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    let number = |description: &str| json!({ "description": description, "schema": { "type": "integer", "minimum": 0 } });
    let id = |description: &str| json!({ "description": description, "required": true, "schema": { "type": "string" } });
    let mut headers = json!({
        "requestId": id("Names the request: in logs, and towards upstreams."),
        "traceId": id("Names the whole of what the request is a part of."),
        "retryAfter": number("Seconds after which another try makes sense."),
        "shouldRetry": json!({
            "description": "Tells the official SDKs that another try makes no sense.",
            "schema": { "type": "string", "enum": ["false"] },
        }),
        "acceptEncoding": text("What bodies may be encoded as."),
    });
    if !topology.gateway.development {
        headers["wwwAuthenticate"] = text("How callers make themselves known.");
    }
    if topology.models.iter().any(|it| !it.fallback.is_empty()) {
        headers["fallbackModel"] = json!({
            "description": "The model that answered in place of the one that was asked for.",
            "schema": schema("ModelName"),
        });
    }
    if topology.gateway.idempotency.is_some() {
        headers["idempotentReplayed"] =
            text("`true` where this is the answer of an earlier request.");
    }
    if !limits(topology).is_empty() {
        headers["limit"] = number("How much is admitted in a window of time.");
        headers["remaining"] = number("How much of that is left.");
        headers["reset"] = text("When all of it will be there again: `120ms`, `59s`, `6m0s`.");
    }
    headers
}

/// Errors, by what they are.
pub(super) fn responses(topology: &Topology) -> Value {
    let gateway = &topology.gateway;
    let mut responses = json!({
        "BadRequest": error(bad_request(topology), &[]),
        "TooLarge": error("The body is too large.".to_owned(), &[]),
        "Compressed": error(
            "The body is compressed.".to_owned(),
            &[("accept-encoding", "acceptEncoding")],
        ),
        "TooMany": error(too_many(topology), &told(topology, &[RETRY_AFTER, SHOULD_RETRY])),
        "NoneAnswered": error(
            "No upstream could answer; the message says what each of them did.".to_owned(),
            &limits(topology),
        ),
        "Unavailable": error(unavailable(topology), &told(topology, &[RETRY_AFTER])),
        "TooSlow": error("No upstream answered in time.".to_owned(), &limits(topology)),
        "Other": error(
            "Anything else: 405 for a method that the path does not take, 408 for a request that does not arrive in \
             time, 414 and 431 for a path or headers that are too large, 500 for a fault of the gateway; and whatever \
             else an upstream answers."
                .to_owned(),
            &[],
        ),
    });
    let mut add = |is_there: bool, name: &str, response: Value| {
        if is_there {
            responses[name] = response;
        }
    };
    add(
        !gateway.development,
        "UnknownCaller",
        error(
            "There is no key or token, or it is not valid.".to_owned(),
            &[("www-authenticate", "wwwAuthenticate")],
        ),
    );
    add(
        has_restricted_callers(topology),
        "NotAllowed",
        error("The caller may not use this model.".to_owned(), &[]),
    );
    add(
        true,
        "UnknownModel",
        error(
            "There is no such model; the message names those that the caller may use.".to_owned(),
            &[],
        ),
    );
    add(
        gateway.idempotency.is_some(),
        "Running",
        error(
            "The request of this `Idempotency-Key` is being answered.".to_owned(),
            &[RETRY_AFTER],
        ),
    );
    add(
        gateway.idempotency.is_some(),
        "Reused",
        error(
            "This `Idempotency-Key` stands for another request.".to_owned(),
            &[],
        ),
    );
    let admin = has_admin(topology);
    add(
        admin,
        "NoAdmin",
        error("The caller is no administrator.".to_owned(), &[]),
    );
    add(
        admin,
        "UnknownSwitch",
        error(
            "There is no such switch; the message names those that there are.".to_owned(),
            &[],
        ),
    );
    responses
}

type Header = (&'static str, &'static str);

const RETRY_AFTER: Header = ("retry-after", "retryAfter");
const SHOULD_RETRY: Header = ("x-should-retry", "shouldRetry");

/// These headers, and those of limits.
fn told(topology: &Topology, headers: &[Header]) -> Vec<Header> {
    let mut told = headers.to_vec();
    told.extend(limits(topology));
    told
}

fn error(description: String, headers: &[Header]) -> Value {
    let mut all = ids();
    for (name, of) in headers {
        all[name] = reference("headers", of);
    }
    json!({
        "description": description,
        "headers": all,
        "content": { "application/json": { "schema": schema("Error") } },
    })
}

fn bad_request(topology: &Topology) -> String {
    let input = topology.gateway.input.as_ref();
    let mut why = vec![
        "is no valid HTTP",
        "no JSON object, or one with a wrong field",
    ];
    let most = input.and_then(|input| input.max_messages);
    let too_many = most.map(|most| format!("more than {most} messages"));
    why.extend(too_many.as_deref());
    if input.is_some_and(|input| input.forbidden_words.is_some()) {
        why.push("a word that is forbidden");
    }
    format!("The request {}.", why.join("; "))
}

fn too_many(topology: &Topology) -> String {
    let limited = topology.used_limits().next().is_some();
    if limited {
        "A limit is reached, or all upstreams are busy.".to_owned()
    } else {
        "All upstreams are busy.".to_owned()
    }
}

fn unavailable(topology: &Topology) -> String {
    let mut why = vec!["The gateway is about to stop"];
    let mut upstreams = topology.upstreams.iter();
    if has_admin(topology) {
        why.push("an administrator has turned model traffic off or drained the upstreams");
    }
    if upstreams.any(|it| it.breaker.is_some()) {
        why.push("all upstreams are left alone because they fail");
    }
    if topology.jwt.as_ref().is_some_and(|it| it.jwks().is_some()) {
        why.push("the issuer's keys cannot be fetched");
    }
    let store = topology.store.as_ref();
    if store.is_some_and(|it| it.when_away == Some(WhenAway::Refuse)) {
        why.push("limits cannot be counted");
    }
    if topology.audit.is_some() {
        why.push("the audit log cannot be written");
    }
    format!("{}.", why.join(", or "))
}
