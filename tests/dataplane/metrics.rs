//! The metrics that dashboards and alerts rely on, after some traffic.

use end_to_end::{FULL, Metrics, Request, faults};
use fake_model::server::{Action, FakeModel, Rule};

const CHAT: &str = "method=\"POST\",path=\"/v1/chat/completions\"";

/// The metrics after one request of each kind.
async fn after_traffic() -> Metrics {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    for request in [
        Request::chat("plain").key(FULL),
        Request::chat_stream("plain").key(FULL),
        Request::chat("chained").key(FULL),
        Request::chat("chosen-by-the-client").key(FULL),
        Request::chat("plain").key("chosen-key"),
        Request::get("/chosen/path"),
        Request::new("CHOSEN", "/v1/chat/completions"),
    ] {
        dataplane.send(&request).await;
    }
    dataplane.metrics().await
}

fn assert_value(metrics: &Metrics, sample: &str, expected: f64) {
    let value = metrics.value(sample);
    assert!(
        (value - expected).abs() < 1e-9,
        "{sample} is {value}\n{}",
        metrics.text()
    );
}

#[tokio::test]
async fn requests_are_counted_by_method_path_and_status() {
    let metrics = after_traffic().await;
    let total = |labels: &str| format!("gateway_requests_total{{{labels}}}");
    assert_value(&metrics, &total(&format!("{CHAT},status=\"200\"")), 3.0);
    assert_value(&metrics, &total(&format!("{CHAT},status=\"404\"")), 1.0);
    assert_value(&metrics, &total(&format!("{CHAT},status=\"401\"")), 1.0);
    assert_value(
        &metrics,
        &format!("gateway_request_latency_seconds_count{{{CHAT}}}"),
        5.0,
    );
}

#[tokio::test]
async fn attempts_and_fallbacks_are_counted() {
    let metrics = after_traffic().await;
    assert_value(
        &metrics,
        "gateway_upstream_requests_total{upstream=\"plain\",status=\"200\"}",
        3.0,
    );
    assert_value(
        &metrics,
        "gateway_fallback_used_total{from_model=\"chained\",to_model=\"plain\"}",
        1.0,
    );
    let refused = metrics.text().lines().find(|line| {
        line.starts_with("gateway_upstream_requests_total{") && line.contains("\"chained\"")
    });
    assert!(refused.is_some(), "{}", metrics.text());
    assert!(metrics.value("gateway_upstream_latency_seconds_count{upstream=\"plain\"}") >= 3.0);
}

#[tokio::test]
async fn tokens_are_counted_by_model_and_direction() {
    let metrics = after_traffic().await;
    // Two documents say 1 token in and 3 out; the stream was not asked for its usage.
    let tokens = |direction: &str| {
        let family = "gateway_tokens_total";
        metrics.value(&format!(
            "{family}{{model=\"plain\",direction=\"{direction}\"}}"
        )) + metrics.value(&format!(
            "{family}{{model=\"chained\",direction=\"{direction}\"}}"
        ))
    };
    assert!((tokens("input") - 2.0).abs() < 1e-9, "{}", metrics.text());
    assert!((tokens("output") - 6.0).abs() < 1e-9, "{}", metrics.text());
}

#[tokio::test]
async fn the_usage_of_a_stream_is_counted() {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    let body = r#"{"model":"plain","stream":true,"stream_options":{"include_usage":true},
                   "messages":[{"role":"user","content":"Hello there"}]}"#;
    dataplane
        .send(&Request::post("/v1/chat/completions", body).key(FULL))
        .await;
    let metrics = dataplane.metrics().await;
    assert_value(
        &metrics,
        "gateway_tokens_total{model=\"plain\",direction=\"input\"}",
        2.0,
    );
    assert_value(
        &metrics,
        "gateway_tokens_total{model=\"plain\",direction=\"output\"}",
        4.0,
    );
    let first = "gateway_time_to_first_token_seconds_count{model=\"plain\"}";
    assert_value(&metrics, first, 1.0);
    assert_value(
        &metrics,
        "gateway_time_per_output_token_seconds_count{model=\"plain\"}",
        1.0,
    );
}

#[tokio::test]
async fn every_family_is_there_after_traffic() {
    let metrics = after_traffic().await;
    for family in [
        "gateway_requests_total",
        "gateway_request_latency_seconds",
        "gateway_in_flight_requests",
        "gateway_upstream_requests_total",
        "gateway_upstream_latency_seconds",
        "gateway_fallback_used_total",
        "gateway_time_to_first_token_seconds",
        "gateway_tokens_total",
        "gateway_requests_aborted_total",
        "gateway_log_dropped_total",
    ] {
        assert!(
            metrics.has_family(family),
            "{family} in\n{}",
            metrics.text()
        );
    }
}

#[tokio::test]
async fn nothing_that_a_client_chose_is_a_label() {
    let metrics = after_traffic().await;
    assert!(
        !metrics.text().to_lowercase().contains("chosen"),
        "{}",
        metrics.text()
    );
}

#[tokio::test]
async fn requests_in_flight_are_shown_while_they_are() {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    model.script([Rule::chat_stream(2).gated()]);
    let mut connection = dataplane.connect().await;
    connection
        .begin(
            &Request::chat_stream("plain")
                .key(FULL)
                .header("x-request-id", "a"),
        )
        .await;
    connection.read_until("word1").await;
    let during = dataplane
        .metrics()
        .await
        .value("gateway_in_flight_requests");
    model.release(10);
    connection.read_body().await.unwrap();
    dataplane.access_line("a").await;
    let after = dataplane
        .metrics()
        .await
        .value("gateway_in_flight_requests");
    assert!(
        (during - after - 1.0).abs() < 1e-9,
        "{during} during, {after} after"
    );
}

#[tokio::test]
async fn health_counts_the_upstreams_that_failed_last() {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    let health = dataplane.send(&Request::get("/health")).await.json();
    assert_eq!(health["status"], "ok");
    model.script([Rule::new(Action::Reset).times(1)]);
    for (unhealthy, status) in [(1, "degraded"), (0, "ok")] {
        dataplane.send(&Request::chat("plain").key(FULL)).await;
        let health = dataplane.send(&Request::get("/health")).await;
        assert_eq!(health.status, 200);
        let health = health.json();
        assert_eq!(health["upstreams"]["unhealthy"], unhealthy);
        assert_eq!(health["status"], status);
        assert!(health["dependencies"].is_object());
    }
}
