//! The dashboard *LLM*: what models write, how fast, and how a model on trial compares.

use decide::metric;

use crate::conventions;
use crate::emit::grafana::panel::{BAD, GOOD, HEALTH, Row, Unit, WORSE, lines, stat, states};
use crate::emit::promql::{MODELS, Over, Series, Vector, latency, requests, series};
use crate::emit::threshold::threshold;
use crate::ir::Topology;
use crate::ir::alert::Rule;

const OVER: Over = Over::Interval;
const MODEL: &[&str] = &["model"];
const SIDE: &[&str] = &["route", "upstream", "side"];
const SIDES: &str = "{{route}}: {{side}} ({{upstream}})";

/// The title and the rows.
pub(super) fn rows(topology: &Topology) -> (&'static str, Vec<Row>) {
    let job = conventions::prometheus_job(&topology.name);
    let rows = vec![
        now(topology, job),
        generations(topology, job),
        pace(topology, job),
        tokens(job),
        comparison(job),
    ];
    ("LLM", rows)
}

/// The part of requests that is answered with such a status.
fn part(status: &str, job: &str) -> Vector {
    let answered = requests(job).like("status", status);
    answered.rate(OVER).sum(&[]).or_zero() / requests(job).rate(OVER).sum(&[])
}

fn now(topology: &Topology, job: &str) -> Row {
    let first_token = series(metric::FIRST_TOKEN, job);
    let per_token = series(metric::PER_TOKEN, job);
    let written = series(metric::TOKENS, job).is("direction", "output");
    Row {
        title: "Now",
        panels: vec![
            stat(
                "Generations per second",
                Unit::RequestsPerSecond,
                "Chats, completions and embeddings, however they ended.",
            )
            .query(requests(job).rate(OVER).sum(&[]), ""),
            stat(
                "Success rate",
                Unit::Part,
                "The part of requests answered 2xx.",
            )
            .base(BAD)
            .step(0.9, WORSE)
            .step(0.99, GOOD)
            .query(part("2..", job), ""),
            stat(
                "Failure rate",
                Unit::Part,
                "The part of requests answered 5xx: nothing could answer.",
            )
            .bad_from(threshold(topology, Rule::FailureRate))
            .query(part("5..", job), ""),
            stat(
                "Time to first token p95",
                Unit::Seconds,
                "Of streams: from the request to the first byte.",
            )
            .bad_from(threshold(topology, Rule::SlowFirstToken))
            .query(first_token.quantile(0.95, &[], OVER), ""),
            stat(
                "Time per token p95",
                Unit::Seconds,
                "Of streams: the mean time between two tokens.",
            )
            .query(per_token.quantile(0.95, &[], OVER), ""),
            stat(
                "Tokens written per second",
                Unit::TokensPerSecond,
                "By all models, as their servers report.",
            )
            .query(written.rate(OVER).sum(&[]), ""),
        ],
    }
}

fn generations(topology: &Topology, job: &str) -> Row {
    let ended = |status| {
        let ended = requests(job).like("status", status);
        ended.rate(OVER).sum(&[]).or_zero()
    };
    let healthy = series(metric::UPSTREAM_HEALTHY, job).now();
    Row {
        title: "Generations",
        panels: vec![
            lines(
                "Generation rate",
                Unit::RequestsPerSecond,
                "Succeeded: 2xx. Failed: 5xx. Refused: 4xx, what clients or limits are the reason for.",
            )
            .query(ended("2.."), "succeeded")
            .query(ended("5.."), "failed")
            .query(ended("4.."), "refused"),
            lines(
                "Success and failure",
                Unit::Part,
                "Parts of all requests; the rest is refused.",
            )
            .bad_from(threshold(topology, Rule::FailureRate))
            .logs("status >= 500")
            .query(part("2..", job), "success")
            .query(part("5..", job), "failure"),
            lines(
                "Generation time",
                Unit::Seconds,
                "To the last byte of an answer, streams included.",
            )
            .bad_from(threshold(topology, Rule::P95Latency))
            .percentiles(&latency(job)),
            lines(
                "Mean generation time",
                Unit::Seconds,
                "To the last byte of an answer, by endpoint.",
            )
            .bad_from(threshold(topology, Rule::AverageLatency))
            .query(latency(job).mean(&["path"], OVER), "{{path}}"),
            states(
                "Health",
                HEALTH,
                "What health checks say of the upstreams, the worst among the replicas. `[health]`",
            )
            .query(healthy.min(&["upstream"]), "{{upstream}}"),
        ],
    }
}

fn pace(topology: &Topology, job: &str) -> Row {
    let first_token = series(metric::FIRST_TOKEN, job).chosen(MODELS);
    let per_token = series(metric::PER_TOKEN, job).chosen(MODELS);
    let quantiles =
        |title, description, of: &Series| lines(title, Unit::Seconds, description).percentiles(of);
    Row {
        title: "Pace of streams",
        panels: vec![
            quantiles(
                "Time to first token",
                "From the request to the first byte of a stream.",
                &first_token,
            )
            .bad_from(threshold(topology, Rule::SlowFirstToken)),
            lines(
                "Time to first token p95 by model",
                Unit::Seconds,
                "From the request to the first byte of a stream. `[models]`",
            )
            .query(first_token.quantile(0.95, MODEL, OVER), "{{model}}"),
            quantiles(
                "Time per output token",
                "The mean time between two tokens of a stream.",
                &per_token,
            ),
            lines(
                "Time per output token p95 by model",
                Unit::Seconds,
                "The mean time between two tokens of a stream. `[models]`",
            )
            .query(per_token.quantile(0.95, MODEL, OVER), "{{model}}"),
        ],
    }
}

fn tokens(job: &str) -> Row {
    let tokens = |direction| {
        let tokens = series(metric::TOKENS, job).chosen(MODELS);
        tokens.is("direction", direction).rate(OVER).sum(MODEL)
    };
    Row {
        title: "Tokens",
        panels: vec![
            lines(
                "Tokens read",
                Unit::TokensPerSecond,
                "Of prompts, as upstreams report them. `[models]`",
            )
            .query(tokens("input"), "{{model}}"),
            lines(
                "Tokens written",
                Unit::TokensPerSecond,
                "As upstreams report them; of streams where they are asked to: `gateway.stream.usage`.",
            )
            .query(tokens("output"), "{{model}}"),
        ],
    }
}

fn comparison(job: &str) -> Row {
    let compared = series(metric::SHADOW_COMPARED, job);
    let side = |metric| series(metric, job).quantile(0.95, SIDE, OVER);
    let written = series(metric::SHADOW_OUTPUT_TOKENS, job);
    Row {
        title: "Shadow",
        panels: vec![
            lines(
                "Copies by outcome",
                Unit::RequestsPerSecond,
                "By status, or what happened instead; `skipped` and `dropped` ones were not sent. `routes.NAME.shadow`",
            )
            .query(
                series(metric::SHADOW_REQUESTS, job)
                    .rate(OVER)
                    .sum(&["route", "upstream", "outcome"]),
                "{{route}} to {{upstream}}: {{outcome}}",
            ),
            lines(
                "Compared",
                Unit::RequestsPerSecond,
                "Whether a request and its copy had the same status, and good answers the same reason to stop.",
            )
            .query(
                compared
                    .rate(OVER)
                    .sum(&["route", "upstream", "what", "result"]),
                "{{route}} and {{upstream}}: {{what}} {{result}}",
            ),
            lines(
                "Generation time p95 compared",
                Unit::Seconds,
                "To the last byte, where both were answered well.",
            )
            .query(side(metric::SHADOW_LATENCY), SIDES),
            lines(
                "First byte p95 compared",
                Unit::Seconds,
                "To the first byte of the body, where both were answered well.",
            )
            .query(side(metric::SHADOW_FIRST_BYTE), SIDES),
            lines(
                "Tokens written compared",
                Unit::TokensPerSecond,
                "Where both upstreams reported them.",
            )
            .query(written.rate(OVER).sum(SIDE), SIDES),
        ],
    }
}
