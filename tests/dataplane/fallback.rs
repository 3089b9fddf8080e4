//! What happens when an upstream fails before the first byte, and what the client is told when all do.

use std::time::{Duration, Instant};

use end_to_end::{FULL, Request, Response, SilentServer, faults, once_within};
use fake_model::server::{Action, Ending, FakeModel, Rule};

async fn model() -> FakeModel {
    FakeModel::start().await.unwrap()
}

/// Asks `chained`, whose upstream does this; `plain` stands in for it.
async fn chained(rule: Rule) -> Response {
    let (first, second) = (model().await, model().await);
    first.script([rule]);
    let dataplane = faults()
        .upstream("chained", &first)
        .upstream("plain", &second)
        .start()
        .await;
    dataplane.send(&Request::chat("chained").key(FULL)).await
}

/// Asks `hasty-chained`, whose upstream does this; `plain` stands in for it.
async fn hasty_chained(rule: Rule) -> Response {
    let (first, second) = (model().await, model().await);
    first.script([rule]);
    let dataplane = faults()
        .upstream("hasty", &first)
        .upstream("plain", &second)
        .start()
        .await;
    dataplane
        .send(&Request::chat("hasty-chained").key(FULL))
        .await
}

fn assert_stood_in(response: &Response) {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("x-fallback-model"), Some("plain"));
    assert!(response.text().contains("You said: Hello"));
}

#[tokio::test]
async fn a_refused_connection_falls_back() {
    let second = model().await;
    let dataplane = faults().upstream("plain", &second).start().await;
    assert_stood_in(&dataplane.send(&Request::chat("chained").key(FULL)).await);
}

#[tokio::test]
async fn errors_of_the_server_fall_back() {
    for status in [500, 502, 503, 504] {
        assert_stood_in(&chained(Rule::respond(status, "{}")).await);
    }
}

#[tokio::test]
async fn a_busy_upstream_falls_back() {
    assert_stood_in(&chained(Rule::respond(429, "{}")).await);
}

#[tokio::test]
async fn an_upstream_that_refuses_the_gateways_credentials_falls_back() {
    for status in [401, 403] {
        assert_stood_in(&chained(Rule::respond(status, "{}")).await);
    }
}

#[tokio::test]
async fn an_upstream_that_calls_the_gateway_slow_falls_back() {
    // The client is not: the gateway has its whole request.
    assert_stood_in(&chained(Rule::respond(408, "{}")).await);
}

#[tokio::test]
async fn a_reset_falls_back() {
    assert_stood_in(&chained(Rule::new(Action::Reset)).await);
}

#[tokio::test]
async fn a_close_without_an_answer_falls_back() {
    assert_stood_in(&chained(Rule::new(Action::Close)).await);
}

#[tokio::test]
async fn malformed_bytes_fall_back() {
    for bytes in [
        "NOT HTTP AT ALL\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "\u{0}\u{1}\u{2}",
    ] {
        assert_stood_in(&chained(Rule::new(Action::Raw(bytes.into()))).await);
    }
}

#[tokio::test]
async fn a_stall_before_the_first_byte_falls_back() {
    assert_stood_in(&hasty_chained(Rule::new(Action::Stall)).await);
}

#[tokio::test]
async fn half_a_head_and_a_close_fall_back() {
    let half = Rule::new(Action::Raw("HTTP/1.1 200 OK\r\ncontent-type: te".into()));
    assert_stood_in(&chained(half).await);
}

#[tokio::test]
async fn an_upstream_that_does_not_take_connections_falls_back() {
    let (silent, second) = (SilentServer::start(), model().await);
    let start = faults()
        .upstream_url("hasty", silent.url())
        .upstream("plain", &second);
    let dataplane = start.start().await;
    assert_stood_in(
        &dataplane
            .send(&Request::chat("hasty-chained").key(FULL))
            .await,
    );
}

#[tokio::test]
async fn a_stream_falls_back_as_well() {
    let second = model().await;
    let dataplane = faults().upstream("plain", &second).start().await;
    let response = dataplane
        .send(&Request::chat_stream("chained").key(FULL))
        .await;
    assert_eq!(response.header("x-fallback-model"), Some("plain"));
    assert!(response.text().ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_stream_that_breaks_off_before_its_first_event_falls_back() {
    // Model servers send the head of a stream before they begin to work on it.
    for ending in [Ending::Close, Ending::Reset] {
        assert_stood_in(&chained(Rule::stream([""; 0]).ending(ending)).await);
    }
}

#[tokio::test]
async fn a_stream_that_stalls_before_its_first_event_falls_back() {
    assert_stood_in(&hasty_chained(Rule::stream([""; 0]).ending(Ending::Stall)).await);
}

#[tokio::test]
async fn the_models_of_a_chain_are_tried_in_their_order() {
    let (renamed, plain) = (model().await, model().await);
    renamed.script([Rule::respond(500, "{}")]);
    let start = faults()
        .upstream("renamed", &renamed)
        .upstream("plain", &plain);
    let dataplane = start.start().await;
    assert_stood_in(&dataplane.send(&Request::chat("long-chain").key(FULL)).await);
    // The stand-in gets the request under its own name and with its own defaults.
    let asked: serde_json::Value =
        serde_json::from_slice(renamed.received()[0].body.as_bytes()).unwrap();
    assert_eq!(asked["model"], "served/renamed-8B");
    assert_eq!(asked["max_tokens"], 64);
    let asked: serde_json::Value =
        serde_json::from_slice(plain.received()[0].body.as_bytes()).unwrap();
    assert_eq!(asked["model"], "plain");
    assert_eq!(asked.get("max_tokens"), None);
}

#[tokio::test]
async fn an_answer_of_the_model_itself_has_no_fallback_header() {
    let response = chained(Rule::new(Action::Model)).await;
    assert_eq!(
        (response.status, response.header("x-fallback-model")),
        (200, None)
    );
}

#[tokio::test]
async fn the_clients_own_mistakes_are_relayed() {
    for status in [400, 404, 413, 422] {
        let response = chained(Rule::respond(status, r#"{"error":{"message":"no"}}"#)).await;
        assert_eq!(response.status, status);
        assert_eq!(response.text(), r#"{"error":{"message":"no"}}"#);
        assert_eq!(response.header("x-fallback-model"), None);
    }
}

#[tokio::test]
async fn the_other_upstreams_of_the_route_come_before_other_models() {
    for broken in ["left", "right"] {
        let whole = if broken == "left" { "right" } else { "left" };
        let model = model().await;
        let dataplane = faults().upstream(whole, &model).start().await;
        for _ in 0..4 {
            let response = dataplane.send(&Request::chat("shared").key(FULL)).await;
            assert_eq!(
                (response.status, response.header("x-fallback-model")),
                (200, None)
            );
        }
    }
}

#[tokio::test]
async fn when_all_fail_the_summary_names_upstreams_and_no_address() {
    let first = model().await;
    first.script([Rule::respond(500, "secret stack trace")]);
    let dataplane = faults().upstream("chained", &first).start().await;
    let response = dataplane.send(&Request::chat("chained").key(FULL)).await;
    assert_eq!(response.status, 502);
    let message = response.error_message();
    assert!(
        message.contains("`chained`") && message.contains("500"),
        "{message}"
    );
    assert!(
        message.contains("`plain`") && message.contains("refused"),
        "{message}"
    );
    for hidden in ["127.0.0.1", "http:", "stack trace"] {
        assert!(!response.text().contains(hidden), "{message}");
    }
}

#[tokio::test]
async fn when_all_are_too_slow_it_is_504() {
    let first = model().await;
    first.script([Rule::new(Action::Stall)]);
    let dataplane = faults().upstream("hasty", &first).start().await;
    let response = dataplane.send(&Request::chat("hasty").key(FULL)).await;
    assert_eq!(response.status, 504);
    response.error_message();
    // Giving up on it is an abort for the upstream.
    assert!(first.wait_for_ends(1).await[0].aborted());
}

#[tokio::test]
async fn when_all_are_busy_it_is_429_with_the_time_to_wait() {
    let first = model().await;
    first.script([Rule::respond(429, "{}").header("retry-after", "7")]);
    let dataplane = faults().upstream("plain", &first).start().await;
    let response = dataplane.send(&Request::chat("plain").key(FULL)).await;
    assert_eq!(
        (response.status, response.header("retry-after")),
        (429, Some("7"))
    );
    response.error_message();
}

#[tokio::test]
async fn a_wrong_key_of_the_gateway_is_not_the_clients_401() {
    let upstream = model().await;
    upstream.script([Rule::respond(
        401,
        r#"{"error":{"message":"bad key sk-123"}}"#,
    )]);
    let dataplane = faults().upstream("secured", &upstream).start().await;
    let response = dataplane.send(&Request::chat("secured").key(FULL)).await;
    assert_eq!(response.status, 502);
    assert!(!response.text().contains("sk-123"));
}

#[tokio::test]
async fn failing_over_from_a_refused_connection_is_quick() {
    let second = model().await;
    let dataplane = faults().upstream("plain", &second).start().await;
    let attempt = async || {
        let since = Instant::now();
        assert_stood_in(&dataplane.send(&Request::chat("chained").key(FULL)).await);
        since.elapsed()
    };
    once_within(Duration::from_millis(50), attempt).await;
}

#[tokio::test]
async fn a_killed_upstream_is_replaced_and_taken_back() {
    let (first, second) = (model().await, model().await);
    let address = first.address();
    let start = faults()
        .upstream("chained", &first)
        .upstream("plain", &second);
    let dataplane = start.start().await;
    let ask = Request::chat("chained").key(FULL);
    assert_eq!(dataplane.send(&ask).await.header("x-fallback-model"), None);

    first.stop().await;
    assert_stood_in(&dataplane.send(&ask).await);

    let _back = FakeModel::start_on(&address.to_string(), Default::default())
        .await
        .unwrap();
    assert_eq!(dataplane.send(&ask).await.header("x-fallback-model"), None);
}
