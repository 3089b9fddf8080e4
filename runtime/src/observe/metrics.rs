//! The metrics, in Prometheus' form. Every label value comes from the topology or from a closed set
//! here; none from a client.
//!
//! The request path never looks a series up by its labels: each has its place in a table of
//! [`Cells`], by slot or by index, and is made the first time that it is needed.

use decide::metric;
use hyper::{Method, StatusCode};
use prometheus::{
    Encoder, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder,
};
use tokio::time::Instant;

use crate::endpoint::Endpoint;
use crate::limit::refusal::{Kind, Refusal};
use crate::observe::outcome::Outcome;
use crate::observe::register::{Cells, Counters, Histograms, Register};
#[cfg(feature = "certificates")]
use crate::observe::tls_metrics::TlsMetrics;
use crate::route;
use crate::topology::{Hedge, Limit, Model, Route, Topology, Upstream};
use crate::upstream::circuit::State;

/// Buckets for the time between two tokens, in seconds.
const PER_TOKEN: &[f64] = &[
    0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.5, 1.0,
];

/// The methods that have a label of their own.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::POST,
    Method::HEAD,
    Method::PUT,
    Method::DELETE,
    Method::PATCH,
    Method::OPTIONS,
];

/// The statuses whose series have a place; any other is looked up.
const STATUSES: [u16; 23] = [
    200, 201, 204, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 431, 499, 500, 501, 502,
    503, 504, 301, 307,
];

/// What a request is refused for holding.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RefusedInput {
    /// Too many messages.
    Messages,
    /// A forbidden word.
    ForbiddenWord,
}

/// The labels of [`RefusedInput`], in its order.
const REFUSED_INPUT: [&str; 2] = ["messages", "forbidden_word"];

/// What comes of a request whose `Idempotency-Key` is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Repeated {
    /// It got the answer of the first.
    Replayed,
    /// The first was being answered.
    Running,
    /// The first had asked something else.
    Reused,
}

/// The labels of [`Repeated`], in its order.
const REPEATED: [&str; 3] = ["replayed", "running", "reused"];

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

/// A request that waits in a queue, until it is dropped.
pub(crate) struct Queued {
    waiting: IntGauge,
    waited: Histogram,
    since: Instant,
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.waiting.dec();
        self.waited.observe(self.since.elapsed().as_secs_f64());
    }
}

/// What can come of a hedge.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hedged {
    /// A second attempt was made.
    Sent,
    /// It answered first.
    Won,
    /// There was none, as the budget was used up.
    OverBudget,
}

impl Hedged {
    const ALL: [Self; 3] = [Self::Sent, Self::Won, Self::OverBudget];

    fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Won => "won",
            Self::OverBudget => "over_budget",
        }
    }
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

const ENDPOINTS: usize = Endpoint::ALL.len();
const METHOD_LABELS: usize = METHODS.len() + 1;
const OUTCOMES: usize = STATUSES.len() + Outcome::WORDS.len();

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
        // A rate can only be told from a counter that was there before it was counted up.
        for status in ["400", "408", "414", "431"] {
            metrics.refused_heads.with_label_values(&[status]);
        }
        if let Some(input) = &topology.gateway.input {
            if input.max_messages.is_some() {
                metrics.refused_input(RefusedInput::Messages);
            }
            if input.forbidden_words.is_some() {
                metrics.refused_input(RefusedInput::ForbiddenWord);
            }
        }
        if topology.gateway.idempotency.is_some() {
            for repeated in [Repeated::Replayed, Repeated::Running, Repeated::Reused] {
                metrics.repeated(repeated);
            }
        }
        for limit in topology.limits {
            let name = limit.settings.name;
            if limit.settings.queue.is_some() {
                metrics.queue_waiting.with_label_values(&[name]).set(0);
            }
            for kind in Kind::of(&limit.settings) {
                metrics.limit_refusals(limit, kind);
            }
        }
        for model in topology.models {
            for stand_in in model.settings.fallback {
                metrics.fallbacks_used(model, stand_in);
            }
        }
        for upstream in topology.upstreams {
            if upstream.settings.breaker.is_some() {
                metrics.circuit_opened(upstream);
            }
        }
        for route in topology.models.iter().map(|model| model.settings.route) {
            if route.retry.is_some() {
                route::upstreams(&route.rule).for_each(|upstream| _ = metrics.retries(upstream));
            }
        }
        for (route, hedge) in route::hedged(topology) {
            for hedged in Hedged::ALL {
                metrics.hedges(route, hedge, hedged);
            }
        }
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

    /// Counts a request that has ended, after this many seconds.
    pub(crate) fn request(
        &self,
        method: &Method,
        endpoint: Endpoint,
        status: StatusCode,
        seconds: f64,
    ) {
        let method_index = METHODS.iter().position(|known| known == method);
        let label = method_index
            .and_then(|index| METHODS.get(index))
            .map_or("other", Method::as_str);
        let row = endpoint.index() * METHOD_LABELS + method_index.unwrap_or(METHODS.len());
        self.latency
            .at(row, &[label, endpoint.label()])
            .observe(seconds);
        let labels = [label, endpoint.label(), status.as_str()];
        match place_of(status) {
            Some(place) => self
                .requests
                .at(row * STATUSES.len() + place, &labels)
                .inc(),
            None => self.requests.family.with_label_values(&labels).inc(),
        }
    }

    /// Counts a request whose head was refused with `status`.
    pub(crate) fn refused_head(&self, status: StatusCode) {
        self.refused_heads
            .with_label_values(&[status.as_str()])
            .inc();
    }

    /// Counts a request that a limit refused.
    pub(crate) fn limit_refused(&self, refusal: &Refusal) {
        self.limit_refusals(refusal.limit, refusal.kind).inc();
    }

    fn limit_refusals(&self, limit: &Limit, kind: Kind) -> &IntCounter {
        let place = kind.index();
        let index = limit.slot.index() * Kind::WORDS.len() + place;
        let word = Kind::WORDS.get(place).copied().unwrap_or_default();
        self.limit_refused.at(index, &[limit.settings.name, word])
    }

    /// Counts a request among those that wait in the queue of `limit`.
    pub(crate) fn queued(&self, limit: &Limit) -> Option<Queued> {
        limit.settings.queue.as_ref()?;
        let name = limit.settings.name;
        let waiting = self.queue_waiting.with_label_values(&[name]);
        waiting.inc();
        Some(Queued {
            waiting,
            waited: self.queue_wait.at(limit.slot.index(), &[name]).clone(),
            since: Instant::now(),
        })
    }

    /// How many requests were refused for holding this.
    pub(crate) fn refused_input(&self, reason: RefusedInput) -> &IntCounter {
        let index = reason as usize;
        let word = REFUSED_INPUT.get(index).copied().unwrap_or_default();
        self.refused_input.at(index, &[word])
    }

    /// How many requests with a known `Idempotency-Key` had this come of them.
    pub(crate) fn repeated(&self, repeated: Repeated) -> &IntCounter {
        let index = repeated as usize;
        let word = REPEATED.get(index).copied().unwrap_or_default();
        self.repeated.at(index, &[word])
    }

    /// Counts an attempt that has ended.
    pub(crate) fn upstream_request(&self, upstream: &Upstream, outcome: Outcome) {
        let name = upstream.settings.name;
        let row = upstream.slot.index() * OUTCOMES;
        match (outcome.word(), outcome) {
            (Some((index, word)), _) => {
                self.upstream_requests
                    .at(row + STATUSES.len() + index, &[name, word])
                    .inc();
            }
            (None, Outcome::Status(status)) => match place_of(status) {
                Some(place) => {
                    self.upstream_requests
                        .at(row + place, &[name, status.as_str()])
                        .inc();
                }
                None => {
                    let labels = [name, status.as_str()];
                    self.upstream_requests
                        .family
                        .with_label_values(&labels)
                        .inc();
                }
            },
            (None, _) => {}
        }
    }

    /// How long attempts at `upstream` take.
    pub(crate) fn upstream_latency(&self, upstream: &Upstream) -> &Histogram {
        self.upstream_latency
            .at(upstream.slot.index(), &[upstream.settings.name])
    }

    /// How often the circuit breaker of `upstream` opened.
    pub(crate) fn circuit_opened(&self, upstream: &Upstream) -> &IntCounter {
        self.circuit_opened
            .at(upstream.slot.index(), &[upstream.settings.name])
    }

    /// How often an attempt at `upstream` was repeated.
    pub(crate) fn retries(&self, upstream: &Upstream) -> &IntCounter {
        self.retries
            .at(upstream.slot.index(), &[upstream.settings.name])
    }

    /// How often this came of the `hedge` of `route`.
    pub(crate) fn hedges(&self, route: &Route, hedge: &Hedge, hedged: Hedged) -> &IntCounter {
        let place = hedged as usize;
        let index = hedge.slot.index() * Hedged::ALL.len() + place;
        self.hedges.at(index, &[route.name, hedged.word()])
    }

    /// Shows the state of the circuit breaker of `upstream`.
    pub(crate) fn circuit_state(&self, upstream: &Upstream, state: State) {
        let value = match state {
            State::Closed => 0,
            State::Open => 1,
            State::HalfOpen => 2,
        };
        self.circuit_state
            .with_label_values(&[upstream.settings.name])
            .set(value);
    }

    /// Shows what health checks say about `upstream`.
    pub(crate) fn upstream_healthy(&self, upstream: &Upstream, healthy: bool) {
        self.upstream_healthy
            .with_label_values(&[upstream.settings.name])
            .set(i64::from(healthy));
    }

    /// Counts that `stand_in`, one of the fallbacks of `requested`, answered.
    pub(crate) fn fallback_used(&self, requested: &Model, stand_in: &Model) {
        if let Some(used) = self.fallbacks_used(requested, stand_in) {
            used.inc();
        }
    }

    fn fallbacks_used(&self, requested: &Model, stand_in: &Model) -> Option<&IntCounter> {
        let fallbacks = requested.settings.fallback;
        let place = fallbacks
            .iter()
            .position(|model| std::ptr::eq(*model, stand_in))?;
        let offset = self.fallback_offsets.get(requested.slot.index())?;
        let labels = [requested.settings.name, stand_in.settings.name];
        Some(self.fallback_used.at(offset + place, &labels))
    }

    /// The time to the first token of responses of `model`.
    pub(crate) fn first_token(&self, model: &Model) -> &Histogram {
        self.first_token
            .at(model.slot.index(), &[model.settings.name])
    }

    /// The time between two tokens of responses of `model`.
    pub(crate) fn per_token(&self, model: &Model) -> &Histogram {
        self.per_token
            .at(model.slot.index(), &[model.settings.name])
    }

    /// The tokens that `model` has read.
    pub(crate) fn input_tokens(&self, model: &Model) -> &IntCounter {
        self.input_tokens
            .at(model.slot.index(), &[model.settings.name, "input"])
    }

    /// The tokens that `model` has written.
    pub(crate) fn output_tokens(&self, model: &Model) -> &IntCounter {
        self.output_tokens
            .at(model.slot.index(), &[model.settings.name, "output"])
    }
}

fn place_of(status: StatusCode) -> Option<usize> {
    STATUSES.iter().position(|known| *known == status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Operation;
    use crate::fixture::{MODEL_LARGE, MODEL_SMALL, dataplane};

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
