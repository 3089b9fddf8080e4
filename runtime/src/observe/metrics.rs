//! The metrics, in Prometheus' form. Every label value comes from the topology or from a closed set
//! here; none from a client.
//!
//! The request path never looks a series up by its labels: each has its place in a table of
//! [`Cells`], by slot or by index, and is made the first time that it is needed.

mod beginning;
mod labels;
mod models;
mod requests;
mod upstreams;

use decide::metric;
use prometheus::{
    Encoder, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder,
};

use crate::limit::refusal::Kind;
use crate::observe::metrics::labels::{
    ENDPOINTS, METHOD_LABELS, OUTCOMES, REFUSED_INPUT, REPEATED, STATUSES,
};
pub(crate) use crate::observe::metrics::labels::{Hedged, RefusedInput, Repeated};
use crate::observe::register::{Cells, Counters, Histograms, Register};
#[cfg(feature = "certificates")]
use crate::observe::tls_metrics::TlsMetrics;
use crate::route;
use crate::topology::Topology;

/// Buckets for the time between two tokens, in seconds.
const PER_TOKEN: &[f64] = &[
    0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.5, 1.0,
];

/// All metrics of a dataplane.
pub(crate) struct Metrics {
    /// Requests that are being answered.
    pub(crate) in_flight: IntGauge,
    /// Requests whose client went away before the end.
    pub(crate) aborted: IntCounter,
    /// Requests answered 429.
    pub(crate) rate_limited: IntCounter,
    /// Log lines that the writer could not take.
    pub(crate) log_dropped: IntCounter,
    /// What is known of the store, if there is one.
    #[cfg(feature = "redis")]
    pub(crate) store: Option<StoreSeries>,
    /// What concerns TLS.
    #[cfg(feature = "certificates")]
    pub(crate) tls: TlsMetrics,
    registry: Registry,
    refused_heads: IntCounterVec,
    limit_refused: Counters,
    queue_waiting: IntGaugeVec,
    queue_wait: Histograms,
    refused_input: Counters,
    repeated: Counters,
    requests: Counters,
    latency: Histograms,
    upstream_requests: Counters,
    upstream_latency: Histograms,
    circuit_opened: Counters,
    circuit_state: IntGaugeVec,
    upstream_healthy: IntGaugeVec,
    retries: Counters,
    hedges: Counters,
    fallback_used: Counters,
    fallback_offsets: Vec<usize>,
    first_token: Histograms,
    per_token: Histograms,
    input_tokens: Counters,
    output_tokens: Counters,
}

/// What is known of the store.
#[cfg(feature = "redis")]
#[derive(Clone)]
pub(crate) struct StoreSeries {
    /// Requests, and ends of requests, that it did not count.
    pub(crate) errors: IntCounter,
    /// 1 while every worker can use it, else 0.
    pub(crate) up: IntGauge,
}

impl Metrics {
    /// The metrics of `topology`.
    pub(crate) fn new(topology: &Topology) -> Self {
        let registry = Registry::new();
        let register = Register(&registry);
        let (models, upstreams) = (topology.models.len(), topology.upstreams.len());
        let buckets = &topology.buckets;
        // The fallbacks of all models stand one after the other; a model's begin at its offset.
        let mut fallbacks = 0;
        let mut fallback_offsets = Vec::with_capacity(models);
        for model in topology.models {
            fallback_offsets.push(fallbacks);
            fallbacks += model.settings.fallback.len();
        }
        let tokens = register.counters(
            metric::TOKENS,
            "Tokens that upstreams reported, by model and direction.",
            models,
        );
        let metrics = Self {
            in_flight: register.gauge(metric::IN_FLIGHT, "Requests that are being answered."),
            aborted: register.counter(
                metric::ABORTED,
                "Requests whose client went away before the end of the response.",
            ),
            rate_limited: register.counter(metric::RATE_LIMITED, "Requests answered 429."),
            log_dropped: register.counter(
                metric::LOG_DROPPED,
                "Log lines dropped because standard output took no more.",
            ),
            #[cfg(feature = "redis")]
            store: topology.store.as_ref().map(|_| StoreSeries {
                errors: register.counter(
                    metric::STORE_ERRORS,
                    "Requests that the store did not count, because it was away or too slow.",
                ),
                up: register.gauge(metric::STORE_UP, "Whether the store can be used: 1 yes, 0 no."),
            }),
            #[cfg(feature = "certificates")]
            tls: TlsMetrics::new(&register, topology),
            refused_heads: register.counter_family(metric::REFUSED_HEADS, "Requests refused for a head that is not valid, too large or late, by status."),
            limit_refused: register.counters(
                metric::LIMIT_REFUSED,
                "Requests that a limit refused, by limit and what was too much.",
                topology.limits.len() * Kind::WORDS.len(),
            ),
            queue_waiting: register.gauge_family(metric::QUEUE_WAITING, "Requests that wait for one of those to end that a limit allows at once."),
            queue_wait: register.histograms(
                metric::QUEUE_WAIT,
                "How long requests waited that did not run at once, by limit.",
                buckets.queue_wait,
                topology.limits.len(),
            ),
            refused_input: register.counters(
                metric::REFUSED_INPUT,
                "Requests refused for what they hold, by what that is.",
                REFUSED_INPUT.len(),
            ),
            repeated: register.counters(
                metric::REPEATED,
                "Requests whose Idempotency-Key was known, by what came of them.",
                REPEATED.len(),
            ),
            requests: register.counters(
                metric::REQUESTS,
                "Requests, by method, endpoint and status.",
                METHOD_LABELS * ENDPOINTS * STATUSES.len(),
            ),
            latency: register.histograms(
                metric::REQUEST_LATENCY,
                "Time from a request's head to the last byte of its response.",
                buckets.request,
                METHOD_LABELS * ENDPOINTS,
            ),
            upstream_requests: register.counters(
                metric::UPSTREAM_REQUESTS,
                "Attempts, by upstream and status, or what happened instead of one.",
                upstreams * OUTCOMES,
            ),
            upstream_latency: register.histograms(
                metric::UPSTREAM_LATENCY,
                "Time from the start of an attempt to the first byte of the response or to its failure.",
                buckets.upstream,
                upstreams,
            ),
            circuit_opened: register.counters(
                metric::CIRCUIT_OPENED,
                "Times that a circuit breaker opened: for failures, or because the upstream is busy.",
                upstreams,
            ),
            circuit_state: register.gauge_family(metric::CIRCUIT_STATE, "State of a circuit breaker: 0 closed, 1 open, 2 half-open."),
            upstream_healthy: register.gauge_family(metric::UPSTREAM_HEALTHY, "What health checks say about an upstream: 1 healthy, 0 unhealthy."),
            retries: register.counters(
                metric::RETRIES,
                "Attempts that repeat one which failed, by upstream.",
                upstreams,
            ),
            hedges: register.counters(
                metric::HEDGES,
                "Second attempts beside a slow one, by route: sent, won, or refused by the budget.",
                route::hedged(topology).len() * Hedged::ALL.len(),
            ),
            fallback_used: register.counters(
                metric::FALLBACK_USED,
                "Requests answered by another model than the one asked for.",
                fallbacks,
            ),
            first_token: register.histograms(
                metric::FIRST_TOKEN,
                "Time from a request's head to the first byte of a streamed response.",
                buckets.first_token,
                models,
            ),
            per_token: register.histograms(
                metric::PER_TOKEN,
                "Mean time between two tokens of a streamed response.",
                PER_TOKEN,
                models,
            ),
            output_tokens: Counters {
                family: tokens.family.clone(),
                cells: Cells::new(models),
            },
            input_tokens: tokens,
            fallback_offsets,
            registry,
        };
        metrics.begin(topology);
        metrics
    }

    /// Adds metrics of a part that only some topologies have; whoever adds them keeps them.
    pub(crate) fn register(&self) -> Register<'_> {
        Register(&self.registry)
    }

    /// The text that Prometheus reads.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(16 * 1024);
        let encoded = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        encoded.expect("writing to memory does not fail");
        text
    }
}

#[cfg(test)]
mod tests {
    use hyper::{Method, StatusCode};

    use super::*;
    use crate::endpoint::{Endpoint, Operation};
    use crate::fixture::{MODEL_LARGE, MODEL_SMALL, dataplane};
    use crate::observe::outcome::Outcome;

    fn text(metrics: &Metrics) -> String {
        String::from_utf8(metrics.text()).unwrap()
    }

    #[test]
    fn counts_requests_by_closed_labels() {
        let metrics = &dataplane().metrics;
        let chat = Endpoint::Inference(Operation::Chat);
        metrics.request(&Method::POST, chat, StatusCode::OK, 0.2);
        metrics.request(&Method::POST, chat, StatusCode::IM_A_TEAPOT, 0.2);
        let invented = Method::from_bytes(b"INVENTED").unwrap();
        metrics.request(&invented, Endpoint::Unknown, StatusCode::NOT_FOUND, 0.2);
        let text = text(metrics);
        for line in [
            r#"gateway_requests_total{method="POST",path="/v1/chat/completions",status="200"} 1"#,
            r#"gateway_requests_total{method="POST",path="/v1/chat/completions",status="418"} 1"#,
            r#"gateway_requests_total{method="other",path="other",status="404"} 1"#,
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("INVENTED"));
    }

    #[test]
    fn counts_attempts_by_status_or_word() {
        let dataplane = dataplane();
        let upstream = dataplane.topology.upstreams[1];
        let metrics = &dataplane.metrics;
        metrics.upstream_request(upstream, Outcome::Status(StatusCode::OK));
        metrics.upstream_request(upstream, Outcome::Interrupted);
        let text = text(metrics);
        let name = upstream.settings.name;
        for status in ["200", "interrupted"] {
            let line = format!(
                r#"gateway_upstream_requests_total{{status="{status}",upstream="{name}"}} 1"#
            );
            assert!(text.contains(&line), "{line}\n{text}");
        }
    }

    #[test]
    fn counts_fallbacks_and_tokens_by_model() {
        let metrics = &dataplane().metrics;
        metrics.fallback_used(&MODEL_LARGE, &MODEL_SMALL);
        metrics.input_tokens(&MODEL_SMALL).inc_by(3);
        metrics.output_tokens(&MODEL_SMALL).inc_by(4);
        let text = text(metrics);
        for line in [
            r#"gateway_fallback_used_total{from_model="large",to_model="small"} 1"#,
            r#"gateway_tokens_total{direction="input",model="small"} 3"#,
            r#"gateway_tokens_total{direction="output",model="small"} 4"#,
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
