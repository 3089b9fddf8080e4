//! An upstream that fails again and again is left alone, and tried by one request when its time is over.

use end_to_end::{Dataplane, FULL, Metrics, Request, Response, faults, patiently};
use fake_model::server::{Action, Ending, FakeModel, Rule};
use serde_json::Value;

/// How many failures in a row the upstream `guarded` may have.
const LIMIT: usize = 3;

const CHAT: &str = "method=\"POST\",path=\"/v1/chat/completions\"";

/// A dataplane whose upstream of this name does this.
async fn with(upstream: &str, rules: impl IntoIterator<Item = Rule>) -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    model.script(rules);
    let dataplane = faults().upstream(upstream, &model).start().await;
    (model, dataplane)
}

async fn ask(dataplane: &Dataplane, model: &str) -> Response {
    dataplane.send(&Request::chat(model).key(FULL)).await
}

/// What `/v1/circuit-breakers` says about this upstream.
async fn breaker(dataplane: &Dataplane, upstream: &str) -> Value {
    let request = Request::get("/v1/circuit-breakers").key(FULL);
    let list = dataplane.send(&request).await.json();
    let entries = list["data"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["upstream"] == upstream);
    entry.unwrap_or_else(|| panic!("{list}")).clone()
}

async fn wait_for_state(dataplane: &Dataplane, upstream: &str, state: &str) {
    let wait = async { while breaker(dataplane, upstream).await["state"] != state {} };
    patiently(state, wait).await;
}

async fn wait_for_count(dataplane: &Dataplane, counter: &str, count: f64) {
    let wait = async { while dataplane.metrics().await.value(counter) < count {} };
    patiently(counter, wait).await;
}

/// Fails `recovering` twice and waits until it may be tried.
async fn half_open() -> (FakeModel, Dataplane) {
    let (model, dataplane) = with("recovering", [Rule::respond(500, "{}").times(2)]).await;
    for _ in 0..2 {
        assert_eq!(ask(&dataplane, "recovering").await.status, 502);
    }
    wait_for_state(&dataplane, "recovering", "HALF_OPEN").await;
    (model, dataplane)
}

fn assert_shut(upstream: &str, response: &Response) {
    assert_eq!(response.status, 503, "{}", response.text());
    let seconds: u64 = response.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3600).contains(&seconds), "{seconds}");
    assert!(response.error_message().contains(&format!("`{upstream}`")));
}

fn circuit(metrics: &Metrics, family: &str, upstream: &str) -> f64 {
    metrics.value(&format!(
        "gateway_circuit_{family}{{upstream=\"{upstream}\"}}"
    ))
}

fn assert_is(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
}

/// Lets the upstream fail like this until its circuit is open, and asserts that it is left alone then.
async fn opens_after(upstream: &str, rule: Rule, status: u16) {
    let (model, dataplane) = with(upstream, [rule]).await;
    for _ in 0..LIMIT {
        assert_eq!(ask(&dataplane, upstream).await.status, status);
    }
    assert_shut(upstream, &ask(&dataplane, upstream).await);
    assert_eq!(model.received().len(), LIMIT);
}

/// Lets the upstream answer like this many times, and asserts that it is asked every time.
async fn never_opens(rule: Rule, status: u16) {
    let (model, dataplane) = with("guarded", [rule]).await;
    for _ in 0..LIMIT + 2 {
        assert_eq!(ask(&dataplane, "guarded").await.status, status);
    }
    assert_eq!(model.received().len(), LIMIT + 2);
    assert_eq!(breaker(&dataplane, "guarded").await["state"], "CLOSED");
}

#[tokio::test]
async fn errors_of_the_server_open_it() {
    opens_after("guarded", Rule::respond(500, "{}"), 502).await;
    let busy = Rule::respond(503, "{}").header("retry-after", "7");
    opens_after("guarded", busy, 502).await;
}

#[tokio::test]
async fn resets_open_it() {
    opens_after("guarded", Rule::new(Action::Reset), 502).await;
}

#[tokio::test]
async fn answers_that_are_no_http_open_it() {
    let garbage = Rule::new(Action::Raw("no HTTP\r\n\r\n".into()));
    opens_after("guarded", garbage, 502).await;
}

#[tokio::test]
async fn timeouts_open_it() {
    opens_after("guarded-hasty", Rule::new(Action::Stall), 504).await;
}

#[tokio::test]
async fn refused_connections_open_it() {
    let dataplane = faults().start().await;
    for _ in 0..LIMIT {
        assert_eq!(ask(&dataplane, "guarded").await.status, 502);
    }
    assert_shut("guarded", &ask(&dataplane, "guarded").await);
}

#[tokio::test]
async fn responses_that_break_off_open_it() {
    let cut = Rule::chat_stream(1).ending(Ending::Reset);
    let (model, dataplane) = with("guarded", [cut]).await;
    for _ in 0..LIMIT {
        let request = Request::chat_stream("guarded").key(FULL);
        assert_eq!(dataplane.send(&request).await.status, 200);
    }
    assert_shut("guarded", &ask(&dataplane, "guarded").await);
    assert_eq!(model.received().len(), LIMIT);
}

#[tokio::test]
async fn what_a_client_may_be_the_reason_of_never_opens_it() {
    for status in [400, 404, 413, 422] {
        never_opens(Rule::respond(status, "{}"), status).await;
    }
    for status in [401, 403] {
        never_opens(Rule::respond(status, "{}"), 502).await;
    }
    never_opens(Rule::respond(429, "{}"), 429).await;
}

#[tokio::test]
async fn clients_that_go_away_never_open_it() {
    let (model, dataplane) = with("recovering", [Rule::new(Action::Stall)]).await;
    for count in 1..=LIMIT {
        let mut connection = dataplane.connect().await;
        let request = Request::chat("recovering").key(FULL);
        connection
            .write(&[&request.head(), request.body()].concat())
            .await;
        model.wait_for_requests(count).await;
        drop(connection);
        model.wait_for_ends(count).await;
    }
    wait_for_count(&dataplane, "gateway_requests_aborted_total", LIMIT as f64).await;
    model.script([]);
    assert_eq!(ask(&dataplane, "recovering").await.status, 200);
}

#[tokio::test]
async fn a_success_in_between_starts_the_count_again() {
    let fail = || Rule::respond(500, "{}").times(2);
    let good = || Rule::new(Action::Model).times(1);
    let (_model, dataplane) = with("guarded", [fail(), good(), fail(), good()]).await;
    for status in [502, 502, 200, 502, 502, 200] {
        assert_eq!(ask(&dataplane, "guarded").await.status, status);
    }
    assert_eq!(
        breaker(&dataplane, "guarded").await["consecutive_failures"],
        0
    );
}

#[tokio::test]
async fn an_open_circuit_is_passed_over() {
    let (guarded, plain) = (
        FakeModel::start().await.unwrap(),
        FakeModel::start().await.unwrap(),
    );
    guarded.script([Rule::respond(500, "{}")]);
    let start = faults()
        .upstream("guarded", &guarded)
        .upstream("plain", &plain);
    let dataplane = start.start().await;
    for _ in 0..LIMIT + 5 {
        let response = ask(&dataplane, "guarded-chained").await;
        assert_eq!(response.status, 200);
        assert_eq!(response.header("x-fallback-model"), Some("plain"));
    }
    assert_eq!(guarded.received().len(), LIMIT);
}

#[tokio::test]
async fn an_open_circuit_is_shown() {
    let (_model, dataplane) = with("guarded", [Rule::respond(500, "{}")]).await;
    let before = dataplane.metrics().await;
    assert!(before.has_family("gateway_circuit_open_total"));
    assert_is(circuit(&before, "state", "guarded"), 0.0);
    for _ in 0..LIMIT {
        ask(&dataplane, "guarded").await;
    }
    let after = dataplane.metrics().await;
    assert_is(circuit(&after, "open_total", "guarded"), 1.0);
    assert_is(circuit(&after, "state", "guarded"), 1.0);
    let entry = breaker(&dataplane, "guarded").await;
    assert_eq!(entry["state"], "OPEN");
    assert_eq!(entry["consecutive_failures"], 3);
    assert!(entry["retry_after_seconds"].as_f64().unwrap() > 3500.0);
    assert!(entry["opened_seconds"].as_f64().unwrap() < 60.0);
    let health = dataplane.send(&Request::get("/health")).await.json();
    assert_eq!(health["upstreams"]["unhealthy"], 1);
    let line = dataplane
        .log()
        .wait_for(|line| line["logger"] == "nexus.breaker")
        .await;
    assert_eq!(line["level"], "warn");
    assert_eq!(line["upstream"], "guarded");
}

#[tokio::test]
async fn a_success_of_the_trial_closes_it() {
    let (_model, dataplane) = half_open().await;
    assert_is(
        circuit(&dataplane.metrics().await, "state", "recovering"),
        2.0,
    );
    for _ in 0..3 {
        assert_eq!(ask(&dataplane, "recovering").await.status, 200);
    }
    let entry = breaker(&dataplane, "recovering").await;
    assert_eq!(entry["state"], "CLOSED");
    assert_eq!(entry["opened_seconds"], Value::Null);
    let closed = |line: &Value| line["message"] == "circuit closed";
    dataplane.log().wait_for(closed).await;
    let lines = dataplane.log().lines();
    let changes = lines
        .iter()
        .filter(|line| line["logger"] == "nexus.breaker");
    assert_eq!(changes.count(), 3, "opened, half-open, closed");
}

#[tokio::test]
async fn a_failure_of_the_trial_opens_it_again() {
    let (model, dataplane) = half_open().await;
    model.script([Rule::respond(500, "{}")]);
    assert_eq!(ask(&dataplane, "recovering").await.status, 502);
    assert_eq!(model.received().len(), 3);
    let metrics = dataplane.metrics().await;
    assert_is(circuit(&metrics, "open_total", "recovering"), 2.0);
}

#[tokio::test]
async fn of_many_requests_one_tries_and_its_client_may_leave_without_a_verdict() {
    let (model, dataplane) = half_open().await;
    model.script([Rule::new(Action::Stall)]);
    let request = Request::chat("recovering").key(FULL);
    // Connections are spread over both workers.
    let mut connections = Vec::new();
    for _ in 0..16 {
        let mut connection = dataplane.connect().await;
        connection
            .write(&[&request.head(), request.body()].concat())
            .await;
        connections.push(connection);
    }
    let refused = format!("gateway_requests_total{{{CHAT},status=\"503\"}}");
    wait_for_count(&dataplane, &refused, 15.0).await;
    assert_eq!(model.wait_for_requests(3).await.len(), 3);

    connections.clear();
    wait_for_count(&dataplane, "gateway_requests_aborted_total", 1.0).await;
    model.script([]);
    assert_eq!(ask(&dataplane, "recovering").await.status, 200);
}

#[tokio::test]
async fn a_long_stream_closes_it_with_its_first_piece() {
    let (model, dataplane) = half_open().await;
    model.script([Rule::chat_stream(2).gated().times(1)]);
    let mut connection = dataplane.connect().await;
    connection
        .begin(&Request::chat_stream("recovering").key(FULL))
        .await;
    connection.read_until("word1").await;
    assert_eq!(ask(&dataplane, "recovering").await.status, 200);
    model.release(10);
    connection.read_body().await.unwrap();
}

#[tokio::test]
async fn a_busy_upstream_is_left_alone_for_as_long_as_it_says() {
    let busy = Rule::respond(429, "{}").header("retry-after", "120");
    let (model, dataplane) = with("guarded", [busy]).await;
    let response = ask(&dataplane, "guarded").await;
    assert_eq!(
        (response.status, response.header("retry-after")),
        (429, Some("120"))
    );
    let response = ask(&dataplane, "guarded").await;
    assert_shut("guarded", &response);
    assert!(response.error_message().contains("busy"));
    assert_eq!(model.received().len(), 1);
    let health = dataplane.send(&Request::get("/health")).await.json();
    assert_eq!(health["status"], "ok", "a busy upstream works");
}

#[tokio::test]
async fn no_upstream_is_left_alone_for_longer_than_ten_minutes_on_its_word() {
    let busy = Rule::respond(429, "{}").header("retry-after", "86400");
    let (_model, dataplane) = with("guarded", [busy]).await;
    ask(&dataplane, "guarded").await;
    let entry = breaker(&dataplane, "guarded").await;
    let seconds = entry["retry_after_seconds"].as_f64().unwrap();
    assert!((500.0..=600.0).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn only_callers_see_the_circuit_breakers() {
    let dataplane = faults().start().await;
    let request = Request::get("/v1/circuit-breakers");
    assert_eq!(dataplane.send(&request).await.status, 401);
    let list = dataplane.send(&request.key(FULL)).await.json();
    let names: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["upstream"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["guarded", "guarded-hasty", "recovering"],
        "those that have one"
    );
}
