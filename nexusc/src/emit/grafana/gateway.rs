//! The dashboard *Gateway*: what comes in, what upstreams make of it, and what policies turn away.

use decide::metric;

use crate::conventions;
use crate::emit::grafana::panel::{
    BAD, GOOD, Row, State, Unit, WORSE, events, lines, stat, states,
};
use crate::emit::promql::{FAILED, Over, UPSTREAMS, latency, requests, series, up};
use crate::emit::threshold::threshold;
use crate::ir::Topology;
use crate::ir::alert::Rule;

const CIRCUITS: &[State] = &[
    State {
        value: 0,
        text: "closed",
        color: GOOD,
    },
    State {
        value: 1,
        text: "open",
        color: BAD,
    },
    State {
        value: 2,
        text: "half-open",
        color: WORSE,
    },
];

const HEALTH: &[State] = &[
    State {
        value: 0,
        text: "unhealthy",
        color: BAD,
    },
    State {
        value: 1,
        text: "healthy",
        color: GOOD,
    },
];

const DRAINING: &[State] = &[
    State {
        value: 0,
        text: "in use",
        color: GOOD,
    },
    State {
        value: 1,
        text: "draining",
        color: WORSE,
    },
];

const SWITCHES: &[State] = &[
    State {
        value: 0,
        text: "off",
        color: BAD,
    },
    State {
        value: 1,
        text: "on",
        color: GOOD,
    },
];

const OVER: Over = Over::Interval;
const UPSTREAM: &[&str] = &["upstream"];
const DAY: f64 = 24.0 * 60.0 * 60.0;

/// The title and the rows.
pub(super) fn rows(topology: &Topology) -> (&'static str, Vec<Row>) {
    let job = conventions::prometheus_job(&topology.name);
    let rows = vec![
        now(topology, job),
        front(topology, job),
        upstreams(job),
        limits(job),
        access(job),
        records(job),
    ];
    ("Gateway", rows)
}

fn now(topology: &Topology, job: &str) -> Row {
    let failed = requests(job).like("status", "5..");
    let part = failed.rate(OVER).sum(&[]).or_zero() / requests(job).rate(OVER).sum(&[]);
    let circuits = series(metric::CIRCUIT_STATE, job).now().exceeds(0);
    let healthy = series(metric::UPSTREAM_HEALTHY, job).now();
    Row {
        title: "Now",
        panels: vec![
            stat(
                "Gateways up",
                Unit::Number,
                "Replicas that answer to Prometheus.",
            )
            .base(BAD)
            .step(1.0, GOOD)
            .query(up(job).sum(&[]), ""),
            stat(
                "Requests per second",
                Unit::RequestsPerSecond,
                "Chats, completions and embeddings.",
            )
            .query(requests(job).rate(OVER).sum(&[]), ""),
            stat("Failed", Unit::Part, "The part of requests answered 5xx.")
                .bad_from(threshold(topology, Rule::FailureRate))
                .query(part, ""),
            stat(
                "Latency p95",
                Unit::Seconds,
                "To the last byte of an answer, streams included.",
            )
            .bad_from(threshold(topology, Rule::P95Latency))
            .query(latency(job).quantile(0.95, &[], OVER), ""),
            stat(
                "Open circuits",
                Unit::Number,
                "Upstreams that are left alone because they failed. `[breaker]`",
            )
            .step(1.0, BAD)
            .query(circuits.max(UPSTREAM).sum(&[]), ""),
            stat(
                "Healthy upstreams",
                Unit::Number,
                "Of those that are checked. `[health]`",
            )
            .query(healthy.min(UPSTREAM).sum(&[]), ""),
        ],
    }
}

fn front(topology: &Topology, job: &str) -> Row {
    let all = series(metric::REQUESTS, job);
    let failed = requests(job).like("status", "5..");
    let part = failed.rate(OVER).sum(&[]).or_zero() / requests(job).rate(OVER).sum(&[]);
    Row {
        title: "Requests",
        panels: vec![
            lines(
                "Requests by status",
                Unit::RequestsPerSecond,
                "Chats, completions and embeddings. 499: the client went away.",
            )
            .query(requests(job).rate(OVER).sum(&["status"]), "{{status}}"),
            lines(
                "Requests by endpoint",
                Unit::RequestsPerSecond,
                "All requests, also those that the gateway answers by itself.",
            )
            .query(all.rate(OVER).sum(&["path"]), "{{path}}"),
            lines(
                "5xx rate",
                Unit::Part,
                "The part of requests answered 5xx: all candidates had failed, or there was none.",
            )
            .bad_from(threshold(topology, Rule::FailureRate))
            .logs("status >= 500")
            .query(part, "5xx"),
            lines(
                "Latency",
                Unit::Seconds,
                "To the last byte of an answer, streams included.",
            )
            .bad_from(threshold(topology, Rule::P95Latency))
            .query(latency(job).quantile(0.5, &[], OVER), "p50")
            .query(latency(job).quantile(0.95, &[], OVER), "p95")
            .query(latency(job).quantile(0.99, &[], OVER), "p99"),
            lines(
                "In flight",
                Unit::Number,
                "Requests that are being answered, by replica.",
            )
            .query(
                series(metric::IN_FLIGHT, job).now().sum(&["instance"]),
                "{{instance}}",
            ),
            lines(
                "Turned away",
                Unit::RequestsPerSecond,
                "Rate limited: answered 429. Gone: the client left before the end. Malformed: the head was refused.",
            )
            .logs("status : 429")
            .query(
                series(metric::RATE_LIMITED, job).rate(OVER).sum(&[]),
                "rate limited",
            )
            .query(series(metric::ABORTED, job).rate(OVER).sum(&[]), "gone")
            .query(
                series(metric::REFUSED_HEADS, job).rate(OVER).sum(&["status"]),
                "malformed, {{status}}",
            ),
        ],
    }
}

fn upstreams(job: &str) -> Row {
    let attempts = series(metric::UPSTREAM_REQUESTS, job).chosen(UPSTREAMS);
    let failed = attempts.clone().like("status", FAILED);
    let chosen = |metric| series(metric, job).chosen(UPSTREAMS);
    Row {
        title: "Upstreams",
        panels: vec![
            lines(
                "Attempts",
                Unit::RequestsPerSecond,
                "Requests to upstreams: first tries, retries, hedges and fallbacks. `[upstreams]`",
            )
            .query(attempts.rate(OVER).sum(UPSTREAM), "{{upstream}}"),
            lines(
                "Upstream errors",
                Unit::RequestsPerSecond,
                "Attempts answered 5xx, or not at all: no connection, a timeout, a body that broke off.",
            )
            .logs("upstream : * and status >= 500")
            .query(
                failed.rate(OVER).sum(&["upstream", "status"]),
                "{{upstream}}: {{status}}",
            ),
            lines(
                "Upstream latency p95",
                Unit::Seconds,
                "To the first byte of an answer, or to the failure. `[timeouts]`",
            )
            .query(
                chosen(metric::UPSTREAM_LATENCY).quantile(0.95, UPSTREAM, OVER),
                "{{upstream}}",
            ),
            lines(
                "Fallback use",
                Unit::RequestsPerSecond,
                "Requests answered by another model than the one asked for. `models.NAME.fallback`",
            )
            .query(
                series(metric::FALLBACK_USED, job)
                    .rate(OVER)
                    .sum(&["from_model", "to_model"]),
                "{{from_model}} → {{to_model}}",
            ),
            states(
                "Circuits",
                CIRCUITS,
                "The worst state among the replicas. `[breaker]`",
            )
            .query(
                chosen(metric::CIRCUIT_STATE).now().max(UPSTREAM),
                "{{upstream}}",
            ),
            events(
                "Circuits opened",
                "Times that a circuit opened, for failures or because the upstream was busy. `[breaker]`",
            )
            .query(
                chosen(metric::CIRCUIT_OPENED).increase(OVER).sum(UPSTREAM),
                "{{upstream}}",
            ),
            states(
                "Health",
                HEALTH,
                "What health checks say, the worst among the replicas. `[health]`",
            )
            .query(
                chosen(metric::UPSTREAM_HEALTHY).now().min(UPSTREAM),
                "{{upstream}}",
            ),
            states(
                "Draining",
                DRAINING,
                "Whether an administrator has taken it out of use, in any replica. `keys.NAME.admin`",
            )
            .query(
                chosen(metric::UPSTREAM_DRAINING).now().max(UPSTREAM),
                "{{upstream}}",
            ),
            lines(
                "Retries",
                Unit::RequestsPerSecond,
                "Attempts that repeat one which failed. `routes.NAME.retry`",
            )
            .query(
                chosen(metric::RETRIES).rate(OVER).sum(UPSTREAM),
                "{{upstream}}",
            ),
            lines(
                "Hedges",
                Unit::RequestsPerSecond,
                "Second attempts beside a slow one: sent, won, or refused by the budget. `routes.NAME.hedge`",
            )
            .query(
                series(metric::HEDGES, job)
                    .rate(OVER)
                    .sum(&["route", "event"]),
                "{{route}}: {{event}}",
            ),
        ],
    }
}

fn limits(job: &str) -> Row {
    let waited = series(metric::QUEUE_WAIT, job);
    Row {
        title: "Limits",
        panels: vec![
            lines(
                "Refused by limits",
                Unit::RequestsPerSecond,
                "By limit and by what was too much. `[limits]`",
            )
            .logs("status : 429")
            .query(
                series(metric::LIMIT_REFUSED, job)
                    .rate(OVER)
                    .sum(&["limit", "kind"]),
                "{{limit}}: {{kind}}",
            ),
            lines(
                "Waiting in queues",
                Unit::Number,
                "Requests that wait for one of those to end that run. `limits.NAME.queue`",
            )
            .query(
                series(metric::QUEUE_WAITING, job).now().sum(&["limit"]),
                "{{limit}}",
            ),
            lines(
                "Time in queues p95",
                Unit::Seconds,
                "Of requests that did not run at once. `limits.NAME.queue`",
            )
            .query(waited.quantile(0.95, &["limit"], OVER), "{{limit}}"),
            lines(
                "Refused for what they hold",
                Unit::RequestsPerSecond,
                "Too many messages, or a forbidden word. `[gateway.input]`",
            )
            .query(
                series(metric::REFUSED_INPUT, job).rate(OVER).sum(&["reason"]),
                "{{reason}}",
            ),
            lines(
                "Repeated requests",
                Unit::RequestsPerSecond,
                "Those whose `Idempotency-Key` was known, by what came of them. `[gateway.idempotency]`",
            )
            .query(
                series(metric::REPEATED, job).rate(OVER).sum(&["outcome"]),
                "{{outcome}}",
            ),
            states(
                "Store",
                SWITCHES,
                "Whether every replica can use the store. `[store.redis]`",
            )
            .query(series(metric::STORE_UP, job).now().min(&[]), "store"),
            events(
                "Errors of the store",
                "Requests that it did not count, because it was away or too slow. `[store.redis]`",
            )
            .query(
                series(metric::STORE_ERRORS, job).increase(OVER).sum(&[]),
                "errors",
            ),
        ],
    }
}

fn access(job: &str) -> Row {
    let expiry = series(metric::CERTIFICATE_EXPIRY, job).now();
    let fetched = series(metric::JWKS_FETCHED, job).now();
    Row {
        title: "Certificates and keys",
        panels: vec![
            stat(
                "Time until certificates expire",
                Unit::Seconds,
                "Those that the gateway shows, by whom they are shown to. `[gateway.tls]`, `[upstreams.NAME.tls]`",
            )
            .base(BAD)
            .step(7.0 * DAY, WORSE)
            .step(21.0 * DAY, GOOD)
            .query(
                expiry.min(&["shown_to", "upstream"]).ahead(),
                "{{shown_to}} {{upstream}}",
            ),
            stat(
                "Keys of the issuer",
                Unit::Number,
                "Keys that tokens are verified with. `auth.jwt.jwks`",
            )
            .base(BAD)
            .step(1.0, GOOD)
            .query(series(metric::JWKS_KEYS, job).now().min(&[]), ""),
            stat(
                "Age of the issuer's keys",
                Unit::Seconds,
                "Since they were last fetched; after a day without the issuer they are not used any more. `auth.jwt.jwks`",
            )
            .step(DAY / 2.0, WORSE)
            .step(DAY, BAD)
            .query(fetched.min(&[]).ago(), ""),
            events(
                "Certificates read again",
                "Because their files had changed; after a failure the previous ones stay in use.",
            )
            .query(
                series(metric::TLS_RENEWALS, job)
                    .increase(OVER)
                    .sum(&["result"]),
                "{{result}}",
            ),
            events(
                "Failed TLS handshakes",
                "Clients that came to no agreement, or had no certificate to show. `[gateway.tls]`",
            )
            .query(
                series(metric::HANDSHAKES_FAILED, job).increase(OVER).sum(&[]),
                "failed",
            ),
            events(
                "Fetches of the issuer's keys",
                "By how they ended. `auth.jwt.jwks`",
            )
            .query(
                series(metric::JWKS_FETCHES, job)
                    .increase(OVER)
                    .sum(&["outcome"]),
                "{{outcome}}",
            ),
        ],
    }
}

fn records(job: &str) -> Row {
    Row {
        title: "Records and switches",
        panels: vec![
            events(
                "Lost records",
                "What could not be written or sent in time: log lines, audit records, spans.",
            )
            .query(
                series(metric::LOG_DROPPED, job).increase(OVER).sum(&[]),
                "log lines",
            )
            .query(
                series(metric::AUDIT_LOST, job).increase(OVER).sum(&[]),
                "audit records",
            )
            .query(
                series(metric::SPANS_DROPPED, job).increase(OVER).sum(&[]),
                "spans",
            ),
            states(
                "Features",
                SWITCHES,
                "Whether an administrator has turned one off, in any replica. `keys.NAME.admin`",
            )
            .query(
                series(metric::FEATURE_ENABLED, job).now().min(&["feature"]),
                "{{feature}}",
            ),
        ],
    }
}
