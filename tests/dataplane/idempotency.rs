//! Requests that are sent again with their `Idempotency-Key`.

use end_to_end::{Dataplane, Request, Response, Start, patiently};
use fake_model::server::{Action, FakeModel, Rule};
use serde_json::json;

const WEB: &str = "web-secret-1234567890";
const BATCH: &str = "batch-secret-1234567890";

/// The dataplane of `tests/specs/input.toml` with a model behind it.
async fn keeping() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let start = Start::of("input")
        .env("KEY_WEB", WEB)
        .env("KEY_BATCH", BATCH)
        .env("FORBIDDEN_WORDS", "bluebird");
    let dataplane = start.upstream("vllm", &model).start().await;
    (model, dataplane)
}

fn chat(key: &str) -> Request {
    Request::chat("chat")
        .key(WEB)
        .header("idempotency-key", key)
}

fn is_replayed(response: &Response) -> bool {
    response.header("idempotent-replayed") == Some("true")
}

async fn counted(dataplane: &Dataplane, outcome: &str) -> f64 {
    let name = format!("gateway_repeated_requests_total{{outcome=\"{outcome}\"}}");
    dataplane.metrics().await.value(&name)
}

#[tokio::test]
async fn a_request_that_is_sent_again_gets_the_answer_that_there_was() {
    let (model, dataplane) = keeping().await;
    assert!(counted(&dataplane, "replayed").await < 1e-9);
    let first = dataplane.send(&chat("a")).await;
    assert_eq!(first.status, 200);
    assert!(!is_replayed(&first));
    // On connections that any worker may get.
    for _ in 0..8 {
        let again = dataplane
            .send(&chat("a").header("x-request-id", "again"))
            .await;
        assert_eq!(again.status, 200);
        assert!(is_replayed(&again));
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert_eq!(again.body, first.body);
        assert_eq!(again.header("x-request-id"), Some("again"));
    }
    assert_eq!(model.received().len(), 1);
    assert_eq!(model.received()[0].header("idempotency-key"), None);
    assert_eq!(dataplane.access_line("again").await["message"], "replayed");
    assert!((counted(&dataplane, "replayed").await - 8.0).abs() < 1e-9);
    let other = dataplane.send(&chat("b")).await;
    assert!(!is_replayed(&other));
    assert_eq!(model.received().len(), 2);
}

#[tokio::test]
async fn while_the_first_is_being_answered_the_second_is_409() {
    let (model, dataplane) = keeping().await;
    let halves = Rule::stream([r#"{"a":"#, "1}"]).header("content-type", "application/json");
    model.script([halves.gated().times(1)]);
    let mut connection = dataplane.connect().await;
    connection.begin(&chat("a")).await;
    model.wait_for_requests(1).await;
    let refused = dataplane.send(&chat("a")).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json()["error"]["code"], "idempotency_key_in_use");
    assert_eq!(refused.header("retry-after"), Some("1"));
    model.release(1);
    assert_eq!(connection.read_body().await.unwrap(), br#"{"a":1}"#);
    let again = dataplane.send(&chat("a")).await;
    assert!(is_replayed(&again));
    assert_eq!(again.text(), r#"{"a":1}"#);
    assert_eq!(model.received().len(), 1);
    assert!((counted(&dataplane, "running").await - 1.0).abs() < 1e-9);
}

#[tokio::test]
async fn a_key_that_stands_for_another_request_is_422() {
    let (model, dataplane) = keeping().await;
    assert_eq!(dataplane.send(&chat("a")).await.status, 200);
    let other = json!({"model": "chat", "messages": []}).to_string();
    let other = Request::post("/v1/chat/completions", other).key(WEB);
    let refused = dataplane.send(&other.header("idempotency-key", "a")).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["error"]["code"], "idempotency_key_reused");
    assert_eq!(model.received().len(), 1);
    assert!((counted(&dataplane, "reused").await - 1.0).abs() < 1e-9);
}

#[tokio::test]
async fn a_key_that_is_none_is_400() {
    let (model, dataplane) = keeping().await;
    let long = "x".repeat(256);
    for request in [
        chat(""),
        chat(&long),
        chat("a").header("idempotency-key", "b"),
    ] {
        let response = dataplane.send(&request).await;
        assert_eq!(response.status, 400);
        assert_eq!(response.json()["error"]["code"], "invalid_idempotency_key");
    }
    assert!(model.received().is_empty());
}

#[tokio::test]
async fn nobody_gets_the_answer_of_somebody_else() {
    let (model, dataplane) = keeping().await;
    assert_eq!(dataplane.send(&chat("a")).await.status, 200);
    let other = Request::chat("chat")
        .key(BATCH)
        .header("idempotency-key", "a");
    assert!(!is_replayed(&dataplane.send(&other).await));
    let body = json!({"model": "chat", "prompt": "Hello"}).to_string();
    let elsewhere = Request::post("/v1/completions", body).key(WEB);
    let elsewhere = elsewhere.header("idempotency-key", "a");
    assert!(!is_replayed(&dataplane.send(&elsewhere).await));
    assert_eq!(model.received().len(), 3);
    let unknown = Request::chat("chat")
        .key("nobody")
        .header("idempotency-key", "a");
    assert_eq!(dataplane.send(&unknown).await.status, 401);
}

#[tokio::test]
async fn after_a_failure_the_key_is_free() {
    let (model, dataplane) = keeping().await;
    model.script([
        Rule::respond(500, "out of memory").times(1),
        Rule::respond(429, "busy").times(1),
        // As often as it is asked again: whether it is depends on how soon the close is noticed.
        Rule::new(Action::Close),
    ]);
    for status in [502, 429, 502] {
        assert_eq!(dataplane.send(&chat("a")).await.status, status);
    }
    model.script([]);
    let answered = dataplane.send(&chat("a")).await;
    assert_eq!(answered.status, 200);
    assert!(!is_replayed(&answered));
    assert!(is_replayed(&dataplane.send(&chat("a")).await));
}

#[tokio::test]
async fn a_mistake_of_the_clients_stays_one() {
    let (model, dataplane) = keeping().await;
    model.script([Rule::respond(422, r#"{"error":{}}"#).times(1)]);
    assert_eq!(dataplane.send(&chat("a")).await.status, 422);
    let again = dataplane.send(&chat("a")).await;
    assert_eq!(
        (again.status, again.text().as_str()),
        (422, r#"{"error":{}}"#)
    );
    assert!(is_replayed(&again));
    assert_eq!(model.received().len(), 1);
}

#[tokio::test]
async fn a_client_that_goes_leaves_its_key_free() {
    let (model, dataplane) = keeping().await;
    let halves = Rule::stream([r#"{"a":"#, "1}"]).header("content-type", "application/json");
    model.script([Rule::new(Action::Stall).times(1), halves.gated().times(1)]);
    let mut connection = dataplane.connect().await;
    connection
        .write(&[&chat("a").head(), chat("a").body()].concat())
        .await;
    model.wait_for_requests(1).await;
    drop(connection);
    model.wait_for_ends(1).await;
    // And in the middle of the answer.
    let mut connection = dataplane.connect().await;
    connection.begin(&chat("a")).await;
    drop(connection);
    model.wait_for_ends(2).await;
    // Its upstream may know that the client has gone before the key is free.
    let answered = async {
        loop {
            let answered = dataplane.send(&chat("a")).await;
            if answered.status != 409 {
                return answered;
            }
        }
    };
    let answered = patiently("the key to be free", answered).await;
    assert_eq!(answered.status, 200);
    assert!(!is_replayed(&answered));
}

#[tokio::test]
async fn what_broke_off_is_not_kept() {
    let (model, dataplane) = keeping().await;
    let cut = Action::Respond(fake_model::server::Response {
        body: "{".into(),
        content_length: Some(100),
        ..Default::default()
    });
    let endless = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{";
    model.script([
        Rule::new(cut).times(1),
        Rule::new(Action::Raw(endless.to_vec().into())).times(1),
    ]);
    let mut connection = dataplane.connect().await;
    connection.begin(&chat("a")).await;
    assert!(connection.read_body().await.is_err());
    assert_eq!(dataplane.send(&chat("a")).await.text(), "{");
    assert!(!is_replayed(&dataplane.send(&chat("a")).await));
    assert_eq!(model.received().len(), 3);
}

#[tokio::test]
async fn a_stream_is_not_kept() {
    let (model, dataplane) = keeping().await;
    let stream = Request::chat_stream("chat")
        .key(WEB)
        .header("idempotency-key", "a");
    for _ in 0..2 {
        let response = dataplane.send(&stream).await;
        assert_eq!(response.status, 200);
        assert!(!is_replayed(&response));
    }
    assert_eq!(model.received().len(), 2);
}

#[tokio::test]
async fn what_is_too_large_is_not_kept() {
    let (model, dataplane) = keeping().await;
    model.script([Rule::respond(200, "x".repeat(64 * 1024))]);
    for _ in 0..2 {
        let response = dataplane.send(&chat("a")).await;
        assert_eq!(response.body.len(), 64 * 1024);
        assert!(!is_replayed(&response));
    }
    assert_eq!(model.received().len(), 2);
}

#[tokio::test]
async fn no_limit_counts_what_no_model_is_asked_for() {
    let (model, dataplane) = keeping().await;
    let ask = |key: &str| {
        Request::chat("chat")
            .key(BATCH)
            .header("idempotency-key", key)
    };
    assert_eq!(dataplane.send(&ask("a")).await.status, 200);
    for _ in 0..3 {
        assert!(is_replayed(&dataplane.send(&ask("a")).await));
    }
    assert_eq!(dataplane.send(&ask("b")).await.status, 200);
    assert_eq!(dataplane.send(&ask("c")).await.status, 429);
    // What was refused is not what its key stands for from now on.
    assert_eq!(dataplane.send(&ask("c")).await.status, 429);
    assert!(is_replayed(&dataplane.send(&ask("a")).await));
    assert_eq!(model.received().len(), 2);
}

#[tokio::test]
async fn an_answer_of_a_model_that_stands_in_says_so_again() {
    let (model, dataplane) = keeping().await;
    let request = Request::chat("chained")
        .key(WEB)
        .header("idempotency-key", "a");
    for replayed in [false, true] {
        let response = dataplane.send(&request).await;
        assert_eq!(response.header("x-fallback-model"), Some("chat"));
        assert_eq!(is_replayed(&response), replayed);
    }
    assert_eq!(model.received().len(), 1);
}
