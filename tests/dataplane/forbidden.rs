//! Words that no request may hold.

use end_to_end::{Dataplane, Request, Start};
use fake_model::server::FakeModel;
use serde_json::{Value, json};

const WEB: &str = "web-secret-1234567890";
const BATCH: &str = "batch-secret-1234567890";
const WORDS: &str = "# Projects that are not announced.\nBluebird\nred fox\n";
const REFUSED: &str = "gateway_refused_input_total{reason=\"forbidden_word\"}";

fn start() -> Start {
    Start::of("input")
        .env("KEY_WEB", WEB)
        .env("KEY_BATCH", BATCH)
        .env("FORBIDDEN_WORDS", WORDS)
}

/// The dataplane of `tests/specs/input.toml` with a model behind it.
async fn input() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let dataplane = start().upstream("vllm", &model).start().await;
    (model, dataplane)
}

fn chat(messages: Value) -> Request {
    let body = json!({"model": "chat", "messages": messages}).to_string();
    Request::post("/v1/chat/completions", body).key(WEB)
}

#[tokio::test]
async fn a_request_with_a_forbidden_word_is_400_and_says_where() {
    let (model, dataplane) = input().await;
    assert!(dataplane.metrics().await.value(REFUSED) < 1e-9);
    let text = |text: &str| json!({"role": "user", "content": [{"type": "text", "text": text}]});
    let request = chat(json!([text("Hello"), text("What is BlueBird?")]));
    let response = dataplane
        .send(&request.header("x-request-id", "told"))
        .await;
    assert_eq!(response.status, 400);
    let message = "`messages[1]` holds a word that this gateway forbids";
    assert_eq!(response.error_message(), message);
    assert_eq!(response.json()["error"]["code"], "forbidden_content");
    assert_eq!(response.json()["error"]["param"], "messages[1]");
    assert!(model.received().is_empty());
    assert!((dataplane.metrics().await.value(REFUSED) - 1.0).abs() < 1e-9);
    let line = dataplane.access_line("told").await;
    assert_eq!(
        (&line["status"], &line["message"]),
        (&json!(400), &json!(message))
    );
    assert!(!line.to_string().to_lowercase().contains("bluebird"));
}

#[tokio::test]
async fn an_escape_or_another_field_hides_no_word() {
    let (model, dataplane) = input().await;
    for (path, body) in [
        (
            "chat/completions",
            r#"{"model":"chat","messages":[{"content":"\u0042lue\u0062ird"}]}"#,
        ),
        (
            "chat/completions",
            r#"{"model":"chat","messages":[{"role":"tool","content":"red\u0020fox"}]}"#,
        ),
        (
            "chat/completions",
            r#"{"model":"chat","messages":[],"tools":[{"description":"bluebird"}]}"#,
        ),
        (
            "chat/completions",
            r#"{"model":"chat","messages":["bluebird"],"messages":[]}"#,
        ),
        ("completions", r#"{"model":"chat","prompt":"a\nbluebird"}"#),
        ("embeddings", r#"{"model":"chat","input":["a","bluebird"]}"#),
    ] {
        let request = Request::post(&format!("/v1/{path}"), body).key(WEB);
        let response = dataplane.send(&request).await;
        assert_eq!(response.status, 400, "{body}");
        assert_eq!(
            response.json()["error"]["code"],
            "forbidden_content",
            "{body}"
        );
    }
    assert!(model.received().is_empty());
}

#[tokio::test]
async fn what_holds_no_word_passes_byte_for_byte() {
    let (model, dataplane) = input().await;
    for body in [
        r#"{ "model":"chat", "messages":[{"role":"user","content":"bluebirds and red foxes \ud83d\ude00"}] }"#
            .to_owned(),
        format!(
            r#"{{"model":"chat","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{}/bluebird/"}}}}]}}]}}"#,
            "QUJD".repeat(1000)
        ),
    ] {
        let request = Request::post("/v1/chat/completions", &body).key(WEB);
        assert_eq!(dataplane.send(&request).await.status, 200, "{body}");
        assert_eq!(model.received().last().unwrap().body.text(), body);
    }
}

#[tokio::test]
async fn a_refused_request_takes_nothing_of_a_limit() {
    let (_model, dataplane) = input().await;
    let forbidden = chat(json!([{"content": "bluebird"}])).header("x-api-key", BATCH);
    for _ in 0..3 {
        assert_eq!(dataplane.send(&forbidden).await.status, 400);
    }
    let fine = Request::chat("chat").key(BATCH);
    assert_eq!(dataplane.send(&fine).await.status, 200);
    assert_eq!(dataplane.send(&fine).await.status, 200);
    assert_eq!(dataplane.send(&fine).await.status, 429);
}

#[tokio::test]
async fn a_list_that_is_none_stops_the_start() {
    for (list, problem) in [
        ("", "FORBIDDEN_WORDS: not set"),
        ("# nothing yet\n", "FORBIDDEN_WORDS: holds no word"),
    ] {
        let output = start().env("FORBIDDEN_WORDS", list).run(&["--check"]).await;
        assert!(!output.status.success());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains(problem), "{errors}");
    }
}
