//! What a gateway exports to Prometheus: the name, the labels and the kind of each metric.
//!
//! `runtime` registers its metrics by these, and the rules, dashboards and documents that `nexusc` emits ask for
//! them by these: neither can know a name that the other does not.

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// Its name; of a histogram, without `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// Its labels, in the order in which their values are given.
    pub labels: &'static [&'static str],
    /// What it is.
    pub kind: Kind,
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A number that only grows.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// How often values were at most so large.
    Histogram,
}

impl Kind {
    /// As Prometheus writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The paths of requests that upstreams answer, as values of the label `path`: chats, completions, embeddings.
pub const INFERENCE: [&str; 3] = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"];

const fn counter(name: &'static str, labels: &'static [&'static str]) -> Metric {
    Metric {
        name,
        labels,
        kind: Kind::Counter,
    }
}

const fn gauge(name: &'static str, labels: &'static [&'static str]) -> Metric {
    Metric {
        name,
        labels,
        kind: Kind::Gauge,
    }
}

const fn histogram(name: &'static str, labels: &'static [&'static str]) -> Metric {
    Metric {
        name,
        labels,
        kind: Kind::Histogram,
    }
}

/// Requests that are being answered.
pub const IN_FLIGHT: Metric = gauge("gateway_in_flight_requests", &[]);
/// Requests whose client went away before the end.
pub const ABORTED: Metric = counter("gateway_requests_aborted_total", &[]);
/// Requests answered 429.
pub const RATE_LIMITED: Metric = counter("gateway_rate_limited_total", &[]);
/// Log lines that the writer could not take.
pub const LOG_DROPPED: Metric = counter("gateway_log_dropped_total", &[]);
/// Requests whose head was refused.
pub const REFUSED_HEADS: Metric = counter("gateway_refused_heads_total", &["status"]);
/// Requests.
pub const REQUESTS: Metric = counter("gateway_requests_total", &["method", "path", "status"]);
/// Seconds from a request's head to the last byte of its response.
pub const REQUEST_LATENCY: Metric =
    histogram("gateway_request_latency_seconds", &["method", "path"]);
/// Attempts at upstreams.
pub const UPSTREAM_REQUESTS: Metric =
    counter("gateway_upstream_requests_total", &["upstream", "status"]);
/// Seconds from the start of an attempt to the first byte of its response.
pub const UPSTREAM_LATENCY: Metric = histogram("gateway_upstream_latency_seconds", &["upstream"]);
/// Times that a circuit opened.
pub const CIRCUIT_OPENED: Metric = counter("gateway_circuit_open_total", &["upstream"]);
/// State of a circuit: 0 closed, 1 open, 2 half-open.
pub const CIRCUIT_STATE: Metric = gauge("gateway_circuit_state", &["upstream"]);
/// Whether an upstream is healthy.
pub const UPSTREAM_HEALTHY: Metric = gauge("gateway_upstream_healthy", &["upstream"]);
/// Whether an administrator has taken an upstream out of use.
pub const UPSTREAM_DRAINING: Metric = gauge("gateway_upstream_draining", &["upstream"]);
/// Whether a feature is on.
pub const FEATURE_ENABLED: Metric = gauge("gateway_feature_enabled", &["feature"]);
/// Attempts that repeat one which failed.
pub const RETRIES: Metric = counter("gateway_retries_total", &["upstream"]);
/// Second attempts beside a slow one.
pub const HEDGES: Metric = counter("gateway_hedges_total", &["route", "event"]);
/// Requests answered by another model than the one asked for.
pub const FALLBACK_USED: Metric =
    counter("gateway_fallback_used_total", &["from_model", "to_model"]);
/// Seconds to the first byte of a streamed response.
pub const FIRST_TOKEN: Metric = histogram("gateway_time_to_first_token_seconds", &["model"]);
/// Mean seconds between two tokens of a streamed response.
pub const PER_TOKEN: Metric = histogram("gateway_time_per_output_token_seconds", &["model"]);
/// Tokens that upstreams reported.
pub const TOKENS: Metric = counter("gateway_tokens_total", &["model", "direction"]);
/// Requests that a limit refused.
pub const LIMIT_REFUSED: Metric = counter("gateway_limit_refused_total", &["limit", "kind"]);
/// Requests that wait in the queue of a limit.
pub const QUEUE_WAITING: Metric = gauge("gateway_queue_waiting_requests", &["limit"]);
/// Seconds that requests waited in the queue of a limit.
pub const QUEUE_WAIT: Metric = histogram("gateway_queue_wait_seconds", &["limit"]);
/// Requests refused for what they hold.
pub const REFUSED_INPUT: Metric = counter("gateway_refused_input_total", &["reason"]);
/// Requests whose `Idempotency-Key` was known.
pub const REPEATED: Metric = counter("gateway_repeated_requests_total", &["outcome"]);
/// Requests that the store did not count.
pub const STORE_ERRORS: Metric = counter("gateway_store_errors_total", &[]);
/// Whether the store can be used.
pub const STORE_UP: Metric = gauge("gateway_store_up", &[]);
/// When a certificate that the gateway shows expires.
pub const CERTIFICATE_EXPIRY: Metric = gauge(
    "gateway_tls_certificate_expiry_seconds",
    &["shown_to", "upstream"],
);
/// Times that certificates, keys or authorities were read again.
pub const TLS_RENEWALS: Metric = counter("gateway_tls_renewals_total", &["result"]);
/// Connections of clients that came to no agreement on TLS.
pub const HANDSHAKES_FAILED: Metric = counter("gateway_tls_handshakes_failed_total", &[]);
/// Fetches of the issuer's keys.
pub const JWKS_FETCHES: Metric = counter("gateway_jwks_fetches_total", &["outcome"]);
/// Keys of the issuer.
pub const JWKS_KEYS: Metric = gauge("gateway_jwks_keys", &[]);
/// When the issuer's keys were last fetched.
pub const JWKS_FETCHED: Metric = gauge("gateway_jwks_fetched_timestamp_seconds", &[]);
/// Audit records lost.
pub const AUDIT_LOST: Metric = counter("gateway_audit_lost_total", &[]);
/// Recorded requests whose spans were dropped.
pub const SPANS_DROPPED: Metric = counter("gateway_spans_dropped_total", &[]);
/// Copies of requests.
pub const SHADOW_REQUESTS: Metric = counter(
    "gateway_shadow_requests_total",
    &["route", "upstream", "outcome"],
);
/// Requests compared with their copies.
pub const SHADOW_COMPARED: Metric = counter(
    "gateway_shadow_compared_total",
    &["route", "upstream", "what", "result"],
);
/// Seconds to the last byte of a request and of its copy.
pub const SHADOW_LATENCY: Metric = histogram(
    "gateway_shadow_latency_seconds",
    &["route", "upstream", "side"],
);
/// Seconds to the first byte of a request and of its copy.
pub const SHADOW_FIRST_BYTE: Metric = histogram(
    "gateway_shadow_first_byte_seconds",
    &["route", "upstream", "side"],
);
/// Tokens written for requests and for their copies.
pub const SHADOW_OUTPUT_TOKENS: Metric = counter(
    "gateway_shadow_output_tokens_total",
    &["route", "upstream", "side"],
);
