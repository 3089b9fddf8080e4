//! The dashboard *Gateway*: what comes in, what upstreams make of it, and what policies turn away.

mod objectives;
mod policies;
mod upstreams;

use decide::metric;

use crate::conventions;
use crate::emit::grafana::panel::{BAD, GOOD, Row, Unit, lines, stat};
use crate::emit::promql::{Over, latency, requests, series, up};
use crate::emit::threshold::threshold;
use crate::ir::Topology;
use crate::ir::alert::Rule;

const OVER: Over = Over::Interval;
const UPSTREAM: &[&str] = &["upstream"];

/// The title and the rows.
pub(super) fn rows(topology: &Topology) -> (&'static str, Vec<Row>) {
    let job = conventions::prometheus_job(&topology.name);
    let rows = vec![
        now(topology, job),
        objectives::objectives(topology, job),
        front(topology, job),
        upstreams::upstreams(job),
        policies::limits(job),
        policies::access(job),
        policies::records(job),
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
            .percentiles(&latency(job)),
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
