//! The log: one JSON line a request with the same fields in each, and never a secret.

use end_to_end::{Dataplane, FULL, NARROW, Request, SECURED_API_KEY, faults};
use fake_model::server::FakeModel;
use serde_json::Value;

const FIELDS: [&str; 18] = [
    "timestamp",
    "level",
    "message",
    "logger",
    "request_id",
    "trace_id",
    "method",
    "path",
    "status",
    "duration_ms",
    "upstream",
    "fallback_model",
    "client_ip",
    "user_id",
    "model",
    "ctx_len",
    "input_tokens",
    "output_tokens",
];

async fn plain() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    (model, dataplane)
}

/// The log line of a request.
async fn line_of(dataplane: &Dataplane, request: Request) -> Value {
    dataplane
        .send(&request.header("x-request-id", "this-one"))
        .await;
    dataplane.access_line("this-one").await
}

#[tokio::test]
async fn every_line_has_every_field() {
    let (_model, dataplane) = plain().await;
    line_of(&dataplane, Request::chat("chained").key(FULL)).await;
    line_of(&dataplane, Request::get("/health")).await;
    let lines = dataplane.log().lines();
    assert!(lines.len() >= 3);
    for line in lines {
        for field in FIELDS {
            assert!(line.get(field).is_some(), "no `{field}` in {line}");
        }
    }
}

#[tokio::test]
async fn a_line_says_who_asked_what_and_how_it_went() {
    let (_model, dataplane) = plain().await;
    let line = line_of(&dataplane, Request::chat("simple").key(NARROW)).await;
    for (field, expected) in [
        ("level", "info"),
        ("method", "POST"),
        ("path", "/v1/chat/completions"),
        ("upstream", "plain"),
        ("client_ip", "127.0.0.1"),
        ("user_id", "narrow"),
        ("model", "plain"),
    ] {
        assert_eq!(line[field], expected, "{field}");
    }
    assert_eq!(line["status"], 200);
    assert_eq!(line["input_tokens"], 1);
    assert_eq!(line["output_tokens"], 3);
    assert_eq!(line["fallback_model"], Value::Null);
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    assert!(line["ctx_len"].as_u64().unwrap() > 0);
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn a_fallback_is_logged_with_the_failed_attempt() {
    let (_model, dataplane) = plain().await;
    let line = line_of(&dataplane, Request::chat("chained").key(FULL)).await;
    assert_eq!(line["model"], "chained");
    assert_eq!(line["fallback_model"], "plain");
    assert_eq!(line["upstream"], "plain");
    let warning = dataplane
        .log()
        .wait_for(|line| line["level"] == "warn" && line["request_id"] == "this-one")
        .await;
    assert_eq!(warning["upstream"], "chained");
}

#[tokio::test]
async fn the_usage_of_a_stream_is_logged() {
    let (_model, dataplane) = plain().await;
    let body = r#"{"model":"plain","stream":true,"stream_options":{"include_usage":true},
                   "messages":[{"role":"user","content":"Hello there"}]}"#;
    let line = line_of(
        &dataplane,
        Request::post("/v1/chat/completions", body).key(FULL),
    )
    .await;
    assert_eq!(
        (&line["input_tokens"], &line["output_tokens"]),
        (&2.into(), &4.into())
    );
}

#[tokio::test]
async fn refused_requests_are_logged_too() {
    let dataplane = faults().start().await;
    let line = line_of(&dataplane, Request::chat("plain").key("wrong-secret-987")).await;
    assert_eq!(
        (&line["status"], &line["user_id"]),
        (&401.into(), &Value::Null)
    );
}

#[tokio::test]
async fn no_secret_is_ever_logged() {
    let (_model, dataplane) = plain().await;
    line_of(&dataplane, Request::chat("chained").key(FULL)).await;
    line_of(&dataplane, Request::chat("secured").key(FULL)).await;
    line_of(&dataplane, Request::chat("plain").key("wrong-secret-987")).await;
    line_of(
        &dataplane,
        Request::get(&format!("/v1/models?api_key={FULL}")),
    )
    .await;
    let log = format!("{:?}", dataplane.log().lines());
    for secret in [FULL, NARROW, SECURED_API_KEY, "wrong-secret-987"] {
        assert!(!log.contains(secret), "{log}");
    }
}
