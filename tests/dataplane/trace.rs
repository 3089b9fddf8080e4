//! Request ids and trace ids: on every response, passed on, and taken over when well formed.

use end_to_end::{Dataplane, FULL, Request, faults};
use fake_model::server::{FakeModel, Rule};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn plain() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    (model, dataplane)
}

fn is_new_id(id: Option<&str>) -> bool {
    id.is_some_and(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[tokio::test]
async fn every_response_has_ids() {
    let (_model, dataplane) = plain().await;
    for request in [
        Request::chat("plain").key(FULL),
        Request::chat_stream("plain").key(FULL),
        Request::chat("plain"),
        Request::chat("nothing").key(FULL),
        Request::chat("chained").key(FULL),
        Request::chat("hasty").key(FULL),
        Request::post("/v1/chat/completions", "{").key(FULL),
        Request::get("/nowhere"),
        Request::get("/v1/chat/completions"),
        Request::get("/health"),
        Request::get("/ready"),
        Request::get("/metrics"),
    ] {
        let response = dataplane.send(&request).await;
        for name in ["x-request-id", "x-trace-id"] {
            assert!(
                is_new_id(response.header(name)),
                "{name} of {request:?}: {response:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_clients_ids_are_echoed_and_passed_on() {
    let (model, dataplane) = plain().await;
    let request = Request::chat("plain").key(FULL);
    let request = request
        .header("x-request-id", "my-id.1_A")
        .header("x-trace-id", "trace-7");
    let response = dataplane.send(&request).await;
    assert_eq!(response.header("x-request-id"), Some("my-id.1_A"));
    assert_eq!(response.header("x-trace-id"), Some("trace-7"));
    let received = model.received();
    assert_eq!(received[0].header("x-request-id"), Some("my-id.1_A"));
    assert_eq!(received[0].header("x-trace-id"), Some("trace-7"));
}

#[tokio::test]
async fn ids_that_are_not_well_formed_are_replaced() {
    let (_model, dataplane) = plain().await;
    for id in ["", "with space", "quote\"", &"x".repeat(129)] {
        let request = Request::chat("plain").key(FULL).header("x-request-id", id);
        let response = dataplane.send(&request).await;
        assert!(is_new_id(response.header("x-request-id")), "{id}");
    }
}

#[tokio::test]
async fn a_valid_traceparent_is_passed_on_and_gives_the_trace_id() {
    let (model, dataplane) = plain().await;
    let request = Request::chat("plain")
        .key(FULL)
        .header("traceparent", TRACEPARENT);
    let response = dataplane.send(&request).await;
    assert_eq!(
        response.header("x-trace-id"),
        Some("4bf92f3577b34da6a3ce929d0e0e4736")
    );
    assert_eq!(model.received()[0].header("traceparent"), Some(TRACEPARENT));
}

#[tokio::test]
async fn the_clients_own_trace_id_comes_before_its_traceparent() {
    let (model, dataplane) = plain().await;
    let request = Request::chat("plain").key(FULL);
    let request = request
        .header("x-trace-id", "trace-7")
        .header("traceparent", TRACEPARENT);
    let response = dataplane.send(&request).await;
    assert_eq!(response.header("x-trace-id"), Some("trace-7"));
    assert_eq!(model.received()[0].header("traceparent"), Some(TRACEPARENT));
}

#[tokio::test]
async fn without_a_valid_traceparent_there_is_a_new_one() {
    let (model, dataplane) = plain().await;
    let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    for (number, given) in [zeros, "nonsense"].into_iter().enumerate() {
        let request = Request::chat("plain")
            .key(FULL)
            .header("traceparent", given);
        let response = dataplane.send(&request).await;
        let received = model.received();
        let passed_on = received[number].header("traceparent").unwrap();
        let trace_id = response.header("x-trace-id").unwrap();
        assert!(
            passed_on.starts_with(&format!("00-{trace_id}-")),
            "{passed_on}"
        );
    }
}

#[tokio::test]
async fn the_upstreams_own_ids_do_not_replace_ours() {
    let (model, dataplane) = plain().await;
    let rule = Rule::respond(200, "{}").header("x-request-id", "theirs");
    model.script([rule.header("x-trace-id", "theirs")]);
    let response = dataplane.send(&Request::chat("plain").key(FULL)).await;
    for name in ["x-request-id", "x-trace-id"] {
        let values: Vec<_> = response
            .head
            .headers
            .iter()
            .filter(|(known, _)| known == name)
            .collect();
        assert_eq!(values.len(), 1);
        assert_ne!(values[0].1, "theirs");
    }
}
