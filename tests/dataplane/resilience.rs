//! Upstreams that are slow or gone for a moment: total timeouts, retries before the first byte, and second
//! requests beside slow ones.

use std::time::{Duration, Instant};

use end_to_end::{
    Dataplane, Metrics, Request, Response, SilentServer, Start, VanishingServer, once_within,
    patiently,
};
use fake_model::server::{Action, Ending, FakeModel, Rule};

const APP: &str = "app-secret-1234567890";

fn start() -> Start {
    Start::of("resilience").env("KEY_APP", APP)
}

async fn model(rules: impl IntoIterator<Item = Rule>) -> FakeModel {
    let model = FakeModel::start().await.unwrap();
    model.script(rules);
    model
}

/// A dataplane whose upstream of this name does this.
async fn with(upstream: &str, rules: impl IntoIterator<Item = Rule>) -> (FakeModel, Dataplane) {
    let model = model(rules).await;
    let dataplane = start().upstream(upstream, &model).start().await;
    (model, dataplane)
}

/// A dataplane whose model `hedged` has two upstreams which do this, and otherwise answer.
async fn hedged(
    first: impl IntoIterator<Item = Rule>,
    second: impl IntoIterator<Item = Rule>,
) -> (FakeModel, FakeModel, Dataplane) {
    let (first, second) = (model(first).await, model(second).await);
    let start = start()
        .upstream("first", &first)
        .upstream("second", &second);
    let dataplane = start.start().await;
    (first, second, dataplane)
}

async fn ask(dataplane: &Dataplane, model: &str) -> Response {
    dataplane.send(&Request::chat(model).key(APP)).await
}

fn slowly(rule: Rule, milliseconds: u64) -> Rule {
    Rule {
        delay_ms: milliseconds,
        ..rule
    }
}

/// The metrics once they say that a sample has this value, or more.
async fn wait_for(dataplane: &Dataplane, sample: &str, value: f64) -> Metrics {
    let wait = async {
        loop {
            let metrics = dataplane.metrics().await;
            if metrics.value(sample) >= value {
                return metrics;
            }
        }
    };
    patiently(sample, wait).await
}

fn failed(upstream: &str, status: u16) -> String {
    format!("gateway_upstream_requests_total{{upstream=\"{upstream}\",status=\"{status}\"}}")
}

fn assert_answered(response: &Response) {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("x-fallback-model"), None);
    assert!(response.text().contains("You said: Hello"));
}

async fn assert_counted(dataplane: &Dataplane, counts: &[(&str, u32)]) {
    let metrics = dataplane.metrics().await;
    for (sample, count) in counts {
        let value = metrics.value(sample);
        let difference = (value - f64::from(*count)).abs();
        assert!(difference < 1e-9, "{sample} is {value}, not {count}");
    }
}

/// After how long without an answer a request for `hedged` is sent a second time.
const HEDGED_AFTER: Duration = Duration::from_millis(500);

const SENT: &str = "gateway_hedges_total{route=\"hedged\",event=\"sent\"}";
const WON: &str = "gateway_hedges_total{route=\"hedged\",event=\"won\"}";

/// A head and the first of two events; the second waits for ever.
fn endless() -> Rule {
    Rule::stream(["data: {}\n\n", "data: [DONE]\n\n"]).gated()
}

#[tokio::test]
async fn a_document_that_takes_too_long_is_broken_off() {
    let document = Rule::stream(["{\"half\":", "true}"]).gated();
    let (model, dataplane) = with(
        "bounded",
        [document.header("content-type", "application/json")],
    )
    .await;
    let mut connection = dataplane.connect().await;
    let head = connection.begin(&Request::chat("bounded").key(APP)).await;
    assert_eq!(head.status, 200);
    let (read, _) = connection.read_body().await.unwrap_err();
    assert_eq!(read, b"{\"half\":");
    assert!(model.wait_for_ends(1).await[0].aborted());
    let line = dataplane
        .access_line(head.header("x-request-id").unwrap())
        .await;
    assert_eq!(line["status"], 504, "{line}");
}

#[tokio::test]
async fn a_stream_that_takes_too_long_ends_with_an_error_event() {
    let (model, dataplane) = with("bounded", [endless()]).await;
    let request = Request::chat_stream("bounded").key(APP);
    let response = dataplane.send(&request).await;
    let text = response.text();
    assert!(text.starts_with("data: {}\n\ndata: {\"error\":"), "{text}");
    assert!(text.contains("\"code\":\"deadline_exceeded\""), "{text}");
    assert!(!text.contains("[DONE]"), "{text}");
    assert!(model.wait_for_ends(1).await[0].aborted());
}

#[tokio::test]
async fn a_model_without_a_total_takes_its_time() {
    let (model, dataplane) = with("bounded", [endless()]).await;
    let mut bounded = dataplane.connect().await;
    bounded
        .begin(&Request::chat_stream("bounded").key(APP))
        .await;
    let mut unbounded = dataplane.connect().await;
    unbounded
        .begin(&Request::chat_stream("unbounded").key(APP))
        .await;
    bounded.read_until("deadline_exceeded").await;
    model.wait_for_ends(1).await;
    model.release(1);
    unbounded.read_until("[DONE]").await;
}

#[tokio::test]
async fn a_failure_that_passes_is_tried_again() {
    for rule in [
        Rule::respond(503, "{}"),
        Rule::respond(502, "{}"),
        Rule::respond(504, "{}"),
        Rule::respond(408, "{}"),
        Rule::respond(429, "{}"),
        Rule::new(Action::Reset),
        Rule::new(Action::Close),
    ] {
        let (model, dataplane) = with("again", [rule.times(2)]).await;
        assert_answered(&ask(&dataplane, "again").await);
        assert_eq!(model.received().len(), 3);
        assert_counted(
            &dataplane,
            &[("gateway_retries_total{upstream=\"again\"}", 2)],
        )
        .await;
    }
}

#[tokio::test]
async fn a_refused_connection_is_tried_again() {
    let gone = FakeModel::start().await.unwrap();
    let address = gone.address().to_string();
    let dataplane = start().upstream("patient", &gone).start().await;
    gone.stop().await;
    let refused = "gateway_upstream_requests_total{upstream=\"patient\",status=\"connect_error\"}";
    let back = async {
        while dataplane.metrics().await.value(refused) < 1.0 {}
        FakeModel::start_on(&address, Default::default()).await
    };
    let (response, back) = tokio::join!(ask(&dataplane, "patient"), patiently("a refusal", back));
    back.unwrap();
    assert_answered(&response);
}

#[tokio::test]
async fn a_stream_that_breaks_off_before_its_first_event_is_tried_again() {
    let cut = Rule::stream([""; 0]).ending(Ending::Reset);
    let (model, dataplane) = with("again", [cut.times(1)]).await;
    let request = Request::chat_stream("again").key(APP);
    let response = dataplane.send(&request).await;
    assert!(response.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(model.received().len(), 2);
}

#[tokio::test]
async fn nothing_is_tried_again_after_the_first_byte() {
    let cut = Rule::stream(["data: {}\n\n"]).ending(Ending::Reset);
    let (model, dataplane) = with("again", [cut]).await;
    let request = Request::chat_stream("again").key(APP);
    let response = dataplane.send(&request).await;
    assert!(response.text().contains("upstream_error"));
    assert_eq!(model.received().len(), 1);
}

#[tokio::test]
async fn the_clients_own_mistakes_are_not_tried_again() {
    for status in [400, 404, 413, 422] {
        let (model, dataplane) = with("again", [Rule::respond(status, "{}")]).await;
        assert_eq!(ask(&dataplane, "again").await.status, status);
        assert_eq!(model.received().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn what_would_fail_again_goes_to_the_fallback_at_once() {
    for rule in [
        Rule::respond(401, "{}"),
        Rule::respond(403, "{}"),
        Rule::respond(500, "{}"),
        Rule::respond(429, "{}").header("retry-after", "1"),
        Rule::respond(503, "{}").header("retry-after", "1"),
        Rule::new(Action::Raw("no HTTP\r\n\r\n".into())),
    ] {
        let (again, spare) = (model([rule]).await, model([]).await);
        let start = start().upstream("again", &again).upstream("spare", &spare);
        let response = ask(&start.start().await, "again").await;
        assert_eq!(response.header("x-fallback-model"), Some("spare"));
        assert_eq!(again.received().len(), 1);
    }
}

#[tokio::test]
async fn retries_come_before_fallback_models_and_end() {
    let (again, spare) = (model([Rule::respond(503, "{}")]).await, model([]).await);
    let start = start().upstream("again", &again).upstream("spare", &spare);
    let response = ask(&start.start().await, "again").await;
    assert_eq!(response.header("x-fallback-model"), Some("spare"));
    assert_eq!(again.received().len(), 3);
}

#[tokio::test]
async fn no_request_makes_more_attempts_than_allowed() {
    let busy = || [Rule::respond(503, "{}")];
    let (first, second) = (model(busy()).await, model(busy()).await);
    let start = start()
        .upstream("many-a", &first)
        .upstream("many-b", &second);
    let response = ask(&start.start().await, "many").await;
    assert_eq!(response.status, 502);
    // Each upstream is named once, however often it was asked.
    assert_eq!(response.error_message().matches("`many-a`").count(), 1);
    assert_eq!(first.received().len() + second.received().len(), 4);
}

#[tokio::test]
async fn a_slow_upstream_is_overtaken_and_let_go() {
    let (first, second, dataplane) = hedged([Rule::new(Action::Stall)], []).await;
    assert_answered(&ask(&dataplane, "hedged").await);
    assert!(first.wait_for_ends(1).await[0].aborted());
    assert_eq!(second.received().len(), 1);
    assert_counted(
        &dataplane,
        &[
            (SENT, 1),
            (WON, 1),
            // It was slow, and it has not failed.
            (
                "gateway_upstream_requests_total{upstream=\"first\",status=\"cancelled\"}",
                1,
            ),
            ("gateway_circuit_state{upstream=\"first\"}", 0),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_hedge_that_is_slower_is_let_go() {
    let (first, second, dataplane) =
        hedged([Rule::default().held()], [Rule::new(Action::Stall)]).await;
    let answers = async {
        second.wait_for_requests(1).await;
        first.release(1);
    };
    let (response, ()) = tokio::join!(ask(&dataplane, "hedged"), answers);
    assert_answered(&response);
    assert_eq!(first.received().len(), 1);
    assert!(second.wait_for_ends(1).await[0].aborted());
    assert_counted(
        &dataplane,
        &[
            (SENT, 1),
            (WON, 0),
            ("gateway_circuit_state{upstream=\"second\"}", 0),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_quick_upstream_is_not_hedged() {
    let (_first, _second, dataplane) = hedged([], []).await;
    let mut quick = 0;
    while quick < 5 {
        let before = dataplane.metrics().await.value(SENT);
        let since = Instant::now();
        assert_answered(&ask(&dataplane, "hedged").await);
        // On a machine that stalls, not every answer is a quick one.
        if since.elapsed() < HEDGED_AFTER {
            let sent = dataplane.metrics().await.value(SENT);
            assert!((sent - before).abs() < 1e-9);
            quick += 1;
        }
    }
}

#[tokio::test]
async fn a_stream_without_an_event_is_overtaken() {
    let silent = Rule::stream([""; 0]).ending(Ending::Stall);
    let (first, _second, dataplane) = hedged([silent], []).await;
    let request = Request::chat_stream("hedged").key(APP);
    let response = dataplane.send(&request).await;
    assert!(response.text().ends_with("data: [DONE]\n\n"));
    assert!(first.wait_for_ends(1).await[0].aborted());
    assert_counted(&dataplane, &[(WON, 1)]).await;
}

#[tokio::test]
async fn a_failed_hedge_leaves_the_first_its_time() {
    let (first, second, dataplane) =
        hedged([Rule::default().held()], [Rule::respond(500, "{}")]).await;
    let answers = async {
        wait_for(&dataplane, &failed("second", 500), 1.0).await;
        first.release(1);
    };
    let (response, ()) = tokio::join!(ask(&dataplane, "hedged"), answers);
    assert_answered(&response);
    assert_eq!(second.received().len(), 1);
    assert_counted(&dataplane, &[(SENT, 1), (WON, 0)]).await;
}

#[tokio::test]
async fn a_failed_first_leaves_the_hedge_its_time() {
    let fails = Rule::respond(500, "{}").held();
    let (first, second, dataplane) = hedged([fails], [Rule::default().held()]).await;
    let answers = async {
        second.wait_for_requests(1).await;
        first.release(1);
        wait_for(&dataplane, &failed("first", 500), 1.0).await;
        second.release(1);
    };
    let (response, ()) = tokio::join!(ask(&dataplane, "hedged"), answers);
    assert_answered(&response);
    assert_eq!(first.received().len(), 1);
    assert_counted(&dataplane, &[(SENT, 1), (WON, 1)]).await;
}

#[tokio::test]
async fn when_both_fail_the_client_is_told_of_both() {
    let fails = Rule::respond(500, "{}").held();
    let (first, _second, dataplane) = hedged([fails], [Rule::respond(503, "{}")]).await;
    let answers = async {
        wait_for(&dataplane, &failed("second", 503), 1.0).await;
        first.release(1);
    };
    let (response, ()) = tokio::join!(ask(&dataplane, "hedged"), answers);
    assert_eq!(response.status, 502);
    let message = response.error_message();
    assert!(message.contains("`first`: answered 500"), "{message}");
    assert!(message.contains("`second`: answered 503"), "{message}");
}

#[tokio::test]
async fn an_upstream_whose_circuit_is_open_gets_no_hedges() {
    let slow = slowly(Rule::default(), 2_000);
    let (_first, second, dataplane) = hedged([slow], [Rule::respond(500, "{}")]).await;
    assert_eq!(ask(&dataplane, "second").await.status, 502);
    assert_answered(&ask(&dataplane, "hedged").await);
    assert_eq!(second.received().len(), 1);
    assert_counted(&dataplane, &[(SENT, 0)]).await;
}

#[tokio::test]
async fn a_client_that_goes_takes_back_both_requests() {
    let stall = || [Rule::new(Action::Stall)];
    let (first, second, dataplane) = hedged(stall(), stall()).await;
    let mut connection = dataplane.connect().await;
    let request = Request::chat("hedged").key(APP);
    connection
        .write(&[&request.head(), request.body()].concat())
        .await;
    second.wait_for_requests(1).await;
    drop(connection);
    assert!(first.wait_for_ends(1).await[0].aborted());
    assert!(second.wait_for_ends(1).await[0].aborted());
}

#[tokio::test]
async fn no_more_requests_are_hedged_than_the_budget_allows() {
    let (first, second) = (model([Rule::default().held()]).await, model([]).await);
    let start = start()
        .upstream("thrifty-first", &first)
        .upstream("thrifty-second", &second);
    let dataplane = start.start().await;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let mut connection = dataplane.connect().await;
        clients.spawn(async move { connection.send(&Request::chat("thrifty").key(APP)).await });
    }
    let event = |metrics: &Metrics, event: &str| {
        metrics.value(&format!(
            "gateway_hedges_total{{route=\"thrifty\",event=\"{event}\"}}"
        ))
    };
    let all_were_slow = async {
        loop {
            let metrics = dataplane.metrics().await;
            if event(&metrics, "sent") + event(&metrics, "over_budget") > 19.5 {
                return;
            }
        }
    };
    patiently("20 slow requests", all_were_slow).await;
    first.release(20);
    while let Some(response) = clients.join_next().await {
        assert_answered(&response.unwrap());
    }
    let metrics = dataplane.metrics().await;
    let event = |name: &str| event(&metrics, name);
    // Of both workers together: half of the requests, of which each worker has kept up to four.
    assert!((4.0..=10.0).contains(&event("sent")), "{}", event("sent"));
    assert!((event("sent") + event("over_budget") - 20.0).abs() < 1e-9);
}

#[tokio::test]
async fn failing_over_from_a_silent_upstream_takes_its_connect_timeout() {
    let (silent, spare) = (SilentServer::start(), model([]).await);
    let start = start()
        .upstream_url("bounded", silent.url())
        .upstream("spare", &spare);
    let dataplane = start.start().await;
    let attempt = async || {
        let since = Instant::now();
        let response = ask(&dataplane, "unbounded").await;
        assert_eq!(response.header("x-fallback-model"), Some("spare"));
        since.elapsed()
    };
    once_within(Duration::from_millis(400), attempt).await;
}

/// Far more than it takes to notice that nobody acknowledges anything, on any machine, and far less than an upstream has
/// for its first byte here.
const NOTICED: Duration = Duration::from_secs(30);

/// A dataplane whose model `again` is at a machine that is about to vanish.
async fn about_to_vanish() -> (VanishingServer, FakeModel, Dataplane) {
    let (server, spare) = (VanishingServer::start().await, model([]).await);
    let start = start()
        .env("NEXUS_WORKERS", "1")
        .upstream_url("again", server.url())
        .upstream("spare", &spare);
    (server, spare, start.start().await)
}

#[tokio::test]
async fn a_machine_that_has_vanished_is_noticed_by_the_next_request_over_a_kept_connection() {
    let (mut server, _spare, dataplane) = about_to_vanish().await;
    let serve = async {
        server.hear("again\"}").await;
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        server.answer(answer).await;
    };
    let (response, ()) = tokio::join!(ask(&dataplane, "again"), serve);
    assert_eq!(response.text(), "{}");
    server.vanish();
    let since = Instant::now();
    let response = ask(&dataplane, "again").await;
    assert_eq!(response.header("x-fallback-model"), Some("spare"));
    assert!(since.elapsed() < NOTICED, "{:?}", since.elapsed());
    let closed = "gateway_upstream_requests_total{upstream=\"again\",status=\"closed\"}";
    assert!((dataplane.metrics().await.value(closed) - 1.0).abs() < 1e-9);
}

#[tokio::test]
async fn a_machine_that_vanishes_at_its_work_is_noticed() {
    let (mut server, _spare, dataplane) = about_to_vanish().await;
    let since = Instant::now();
    let vanish = async {
        server.hear("again\"}").await;
        server.vanish();
    };
    let (response, ()) = tokio::join!(ask(&dataplane, "again"), vanish);
    assert_eq!(response.header("x-fallback-model"), Some("spare"));
    assert!(since.elapsed() < NOTICED, "{:?}", since.elapsed());
}
