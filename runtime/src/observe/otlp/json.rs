//! Spans as OTLP's JSON: protobuf's mapping, but ids in hexadecimal digits and enums as numbers
//! (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>). Names of attributes are those of the
//! semantic conventions for HTTP and for generative AI.

use std::time::{SystemTime, UNIX_EPOCH};

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::endpoint::Operation;
use crate::observe::otlp::spans::{Attempt, Recorded};

/// What serves a request, and what asks for something: of the enum `SpanKind`.
const SERVER: u8 = 2;
const CLIENT: u8 = 3;

/// Of the enum `StatusCode` of spans: something went wrong here.
const ERROR: u8 = 2;

/// What serves all requests.
pub(super) struct Service {
    pub(super) name: &'static str,
    /// How clients reach it: `http` or `https`.
    pub(super) scheme: &'static str,
}

/// The body of a request to a collector.
pub(super) fn body(service: &Service, batch: &[Box<Recorded>]) -> Vec<u8> {
    let spans = batch.iter().flat_map(|recorded| of(service, recorded));
    let spans: Vec<Value> = spans.collect();
    let mut resource = Attributes::default();
    resource.text("service.name", service.name);
    resource.text("service.version", env!("CARGO_PKG_VERSION"));
    let body = json!({
        "resourceSpans": [{
            "resource": {"attributes": resource.0},
            "scopeSpans": [{
                "scope": {"name": "nexus", "version": env!("CARGO_PKG_VERSION")},
                "spans": spans,
            }],
        }],
    });
    body.to_string().into_bytes()
}

/// The span of a request, and one for each of its attempts.
fn of(service: &Service, recorded: &Recorded) -> Vec<Value> {
    let mut spans = vec![server(service, recorded)];
    let last = recorded.attempts.len().saturating_sub(1);
    for (index, attempt) in recorded.attempts.iter().enumerate() {
        spans.push(client(recorded, attempt, index == last));
    }
    spans
}

fn server(service: &Service, recorded: &Recorded) -> Value {
    let end = &recorded.end;
    let (method, route) = (known(end.method.as_str()), end.endpoint.label());
    let mut attributes = Attributes::default();
    attributes.text("http.request.method", method);
    attributes.text("http.route", route);
    attributes.text("url.path", &end.path);
    attributes.text("url.scheme", service.scheme);
    attributes.text("client.address", &end.client_ip.to_string());
    attributes.number("http.response.status_code", u64::from(end.status.as_u16()));
    attributes.text("nexus.request.id", &recorded.request_id);
    if let Some(model) = end.model {
        attributes.text("gen_ai.request.model", model.settings.name);
    }
    let failed = end.status.is_server_error();
    if failed {
        attributes.text("error.type", end.status.as_str());
    }
    let mut span = json!({
        "traceId": text(&recorded.trace),
        "spanId": format!("{:016x}", recorded.span),
        "name": format!("{method} {route}"),
        "kind": SERVER,
        "startTimeUnixNano": nanoseconds(recorded.started),
        "endTimeUnixNano": nanoseconds(recorded.ended),
        "attributes": attributes.0,
        "status": status(failed),
    });
    if let (Some(parent), Some(span)) = (recorded.parent, span.as_object_mut()) {
        span.insert("parentSpanId".to_owned(), text(&parent).into());
    }
    span
}

fn client(recorded: &Recorded, attempt: &Attempt, is_last: bool) -> Value {
    let upstream = attempt.upstream.upstream();
    let served = upstream.settings.served_model;
    let model = served.unwrap_or(attempt.model.settings.name);
    let operation = recorded.end.operation().map_or("chat", name);
    let mut attributes = Attributes::default();
    attributes.text("gen_ai.operation.name", operation);
    // What it speaks; what it is, nobody knows.
    attributes.text("gen_ai.provider.name", "openai");
    attributes.text("gen_ai.request.model", model);
    attributes.text("nexus.upstream.name", upstream.settings.name);
    if let Some(address) = attempt.upstream.address() {
        attributes.text("server.address", address.host());
        attributes.number("server.port", u64::from(address.port()));
    }
    attributes.text("http.request.method", "POST");
    if let Some(status) = attempt.status {
        attributes.number("http.response.status_code", u64::from(status.as_u16()));
    }
    if is_last && attempt.status.is_some_and(|status| status.is_success()) {
        if let Some(tokens) = recorded.end.input_tokens {
            attributes.number("gen_ai.usage.input_tokens", tokens);
        }
        if let Some(tokens) = recorded.end.output_tokens {
            attributes.number("gen_ai.usage.output_tokens", tokens);
        }
    }
    let refused = attempt.status.filter(|status| !status.is_success());
    let error = attempt.error.or(refused.as_ref().map(StatusCode::as_str));
    if let Some(error) = error {
        attributes.text("error.type", error);
    }
    json!({
        "traceId": text(&recorded.trace),
        "spanId": format!("{:016x}", attempt.span),
        "parentSpanId": format!("{:016x}", recorded.span),
        "name": format!("{operation} {model}"),
        "kind": CLIENT,
        "startTimeUnixNano": nanoseconds(attempt.started),
        "endTimeUnixNano": nanoseconds(attempt.ended.unwrap_or(recorded.ended)),
        "attributes": attributes.0,
        "status": status(error.is_some()),
    })
}

/// `gen_ai.operation.name`.
fn name(operation: Operation) -> &'static str {
    match operation {
        Operation::Chat => "chat",
        Operation::Completions => "text_completion",
        Operation::Embeddings => "embeddings",
    }
}

/// The methods that the conventions know; the others are one.
fn known(method: &str) -> &str {
    const METHODS: [&str; 9] = [
        "GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE",
    ];
    METHODS
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("_OTHER")
}

fn status(failed: bool) -> Value {
    if failed {
        json!({"code": ERROR})
    } else {
        json!({})
    }
}

fn text(digits: &[u8]) -> String {
    String::from_utf8_lossy(digits).into_owned()
}

/// A 64-bit number is a string in JSON.
fn nanoseconds(time: SystemTime) -> String {
    let elapsed = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    elapsed.as_nanos().to_string()
}

#[derive(Default)]
struct Attributes(Vec<Value>);

impl Attributes {
    fn text(&mut self, key: &str, value: &str) {
        self.0
            .push(json!({"key": key, "value": {"stringValue": value}}));
    }

    fn number(&mut self, key: &str, value: u64) {
        let value = json!({"intValue": value.to_string()});
        self.0.push(json!({"key": key, "value": value}));
    }
}
