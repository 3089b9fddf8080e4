//! Spans, as a collector gets them: decoded by OpenTelemetry's own library, so that their form is not ours to judge.

use std::collections::BTreeMap;
use std::time::Duration;

use end_to_end::{Dataplane, Request, WEB, observe, patiently};
use fake_model::server::{Ending, FakeModel, Rule};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;

/// How long after a look at what came comes the next.
const POLL: Duration = Duration::from_millis(10);

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const ERROR: i32 = 2;

/// A dataplane with a model, and a collector.
struct Scene {
    model: FakeModel,
    other: FakeModel,
    collector: FakeModel,
    dataplane: Dataplane,
}

impl Scene {
    async fn new() -> Self {
        let collector = FakeModel::start().await.unwrap();
        collector.script([Rule::respond(200, "{}")]);
        Self::with(collector).await
    }

    async fn with(collector: FakeModel) -> Self {
        let (model, other) = (
            FakeModel::start().await.unwrap(),
            FakeModel::start().await.unwrap(),
        );
        let start = observe("/dev/null")
            .upstream("main", &model)
            .upstream("other", &other)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
        Self {
            dataplane: start.start().await,
            model,
            other,
            collector,
        }
    }

    /// The spans that the collector has by the time that it has so many.
    async fn spans(&self, count: usize) -> Vec<Span> {
        let find = async {
            loop {
                let spans = self.received();
                if spans.len() >= count {
                    return spans;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        patiently("spans", find).await
    }

    fn received(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for request in self.collector.received() {
            assert_eq!(request.path, "/v1/traces");
            assert_eq!(request.header("content-type"), Some("application/json"));
            let decoded: ExportTraceServiceRequest =
                serde_json::from_slice(request.body.as_bytes()).unwrap();
            for of_resource in decoded.resource_spans {
                let resource = attributes(&of_resource.resource.unwrap().attributes);
                assert_eq!(resource["service.name"], "observe");
                spans.extend(
                    of_resource
                        .scope_spans
                        .into_iter()
                        .flat_map(|scope| scope.spans),
                );
            }
        }
        spans
    }
}

fn attributes(written: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &KeyValue| match value.value.as_ref().unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    written
        .iter()
        .map(|value| (value.key.clone(), text(value)))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_kind(spans: &[Span], kind: i32) -> Vec<&Span> {
    spans.iter().filter(|span| span.kind == kind).collect()
}

fn has_failed(span: &Span) -> bool {
    span.status
        .as_ref()
        .is_some_and(|status| status.code == ERROR)
}

/// A request that is part of a client's trace, with these flags.
fn traced(model: &str, flags: &str) -> Request {
    let parent = format!("00-{TRACE}-{PARENT}-{flags}");
    let request = Request::chat(model).key(WEB);
    request
        .header("traceparent", &parent)
        .header("tracestate", "vendor=1")
}

#[tokio::test]
async fn a_request_and_its_attempt_are_spans_of_the_clients_trace() {
    let scene = Scene::new().await;
    scene.dataplane.send(&traced("chat", "01")).await;
    let spans = scene.spans(2).await;
    let (server, client) = (of_kind(&spans, SERVER)[0], of_kind(&spans, CLIENT)[0]);
    assert_eq!(
        (hex(&server.trace_id), hex(&client.trace_id)),
        (TRACE.into(), TRACE.into())
    );
    assert_eq!(hex(&server.parent_span_id), PARENT);
    assert_eq!(client.parent_span_id, server.span_id);
    assert!(server.start_time_unix_nano <= client.start_time_unix_nano);
    assert!(client.start_time_unix_nano < client.end_time_unix_nano);
    assert!(client.end_time_unix_nano <= server.end_time_unix_nano);
    assert_eq!(server.name, "POST /v1/chat/completions");
    assert_eq!(client.name, "chat served-model");
    assert!(!has_failed(server) && !has_failed(client));

    let received = &scene.model.received()[0];
    let passed_on = format!("00-{TRACE}-{}-01", hex(&client.span_id));
    assert_eq!(received.header("traceparent"), Some(passed_on.as_str()));
    assert_eq!(received.header("tracestate"), Some("vendor=1"));

    let server = attributes(&server.attributes);
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/chat/completions"),
        ("url.path", "/v1/chat/completions"),
        ("http.response.status_code", "200"),
        ("gen_ai.request.model", "chat"),
        ("client.address", "127.0.0.0"),
    ] {
        assert_eq!(server[key], value, "{key}");
    }
    let client = attributes(&client.attributes);
    for (key, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "served-model"),
        ("gen_ai.usage.input_tokens", "1"),
        ("gen_ai.usage.output_tokens", "3"),
        ("server.address", "127.0.0.1"),
        ("nexus.upstream.name", "main"),
    ] {
        assert_eq!(client[key], value, "{key}");
    }
}

#[tokio::test]
async fn each_failed_attempt_is_a_span_that_says_why() {
    let scene = Scene::new().await;
    scene.other.script([Rule::respond(500, "{}")]);
    let response = scene.dataplane.send(&traced("quiet", "01")).await;
    assert_eq!(response.header("x-fallback-model"), Some("chat"));
    let spans = scene.spans(3).await;
    let attempts = of_kind(&spans, CLIENT);
    assert_eq!(attempts.len(), 2);
    assert_eq!(attributes(&attempts[0].attributes)["error.type"], "500");
    assert!(has_failed(attempts[0]) && !has_failed(attempts[1]));
    assert_ne!(attempts[0].span_id, attempts[1].span_id);
    assert!(!has_failed(of_kind(&spans, SERVER)[0]));
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_a_failed_span() {
    let scene = Scene::new().await;
    scene
        .model
        .script([Rule::chat_stream(2).ending(Ending::Reset)]);
    let request = Request::chat_stream("chat").key(WEB);
    scene.dataplane.send(&request).await;
    let spans = scene.spans(2).await;
    let client = of_kind(&spans, CLIENT)[0];
    assert_eq!(attributes(&client.attributes)["error.type"], "interrupted");
    assert!(has_failed(client) && has_failed(of_kind(&spans, SERVER)[0]));
}

#[tokio::test]
async fn what_the_client_does_not_record_is_not_recorded_and_passed_on_as_it_came() {
    let scene = Scene::new().await;
    scene.dataplane.send(&traced("chat", "00")).await;
    scene.dataplane.send(&Request::get("/health")).await;
    let passed_on = format!("00-{TRACE}-{PARENT}-00");
    let received = &scene.model.received()[0];
    assert_eq!(received.header("traceparent"), Some(passed_on.as_str()));
    // A request that is recorded comes after them, and is all there is.
    scene.dataplane.send(&Request::chat("chat")).await;
    let spans = scene.spans(1).await;
    assert_eq!(spans.len(), 1);
    assert_eq!(
        attributes(&spans[0].attributes)["http.response.status_code"],
        "401"
    );
}

#[tokio::test]
async fn a_collector_that_is_away_costs_no_request_and_gets_its_spans_later() {
    let collector = FakeModel::start().await.unwrap();
    collector.script([Rule::respond(503, "").times(2), Rule::respond(200, "{}")]);
    let scene = Scene::with(collector).await;
    assert_eq!(
        scene.dataplane.send(&traced("chat", "01")).await.status,
        200
    );
    let says = |text: &'static str| {
        move |line: &serde_json::Value| {
            line["logger"] == "nexus.otlp" && line["message"].as_str().unwrap().contains(text)
        }
    };
    scene
        .dataplane
        .log()
        .wait_for(says("does not take spans: answered 503"))
        .await;
    scene
        .dataplane
        .log()
        .wait_for(says("takes spans again"))
        .await;
    // The same batch, three times.
    assert_eq!(scene.received().len(), 6);
    let lines = scene.dataplane.log().lines();
    assert_eq!(lines.iter().filter(|line| says("spans")(line)).count(), 2);
    assert_eq!(
        scene
            .dataplane
            .metrics()
            .await
            .value("gateway_spans_dropped_total"),
        0.0
    );
}

#[tokio::test]
async fn spans_that_are_refused_for_good_are_counted() {
    let collector = FakeModel::start().await.unwrap();
    collector.script([Rule::respond(400, "")]);
    let scene = Scene::with(collector).await;
    scene.dataplane.send(&traced("chat", "01")).await;
    let warned = |line: &serde_json::Value| line["logger"] == "nexus.otlp";
    scene.dataplane.log().wait_for(warned).await;
    let counted = async {
        while scene
            .dataplane
            .metrics()
            .await
            .value("gateway_spans_dropped_total")
            < 1.0
        {}
    };
    patiently("the count", counted).await;
}

#[tokio::test]
async fn a_stop_sends_what_is_left_with_the_headers_of_the_spec() {
    let mut scene = Scene::new().await;
    scene.dataplane.send(&traced("chat", "01")).await;
    scene.dataplane.terminate().await;
    scene.dataplane.wait_for_exit().await;
    assert_eq!(scene.spans(2).await.len(), 2);
    let secret = "Bearer collector-secret-1234567890";
    assert_eq!(
        scene.collector.received()[0].header("authorization"),
        Some(secret)
    );
    assert!(!format!("{:?}", scene.dataplane.log().lines()).contains("collector-secret"));
}
