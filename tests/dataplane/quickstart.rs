//! The shipped spec `quickstart`: mock models in the process, no keys.

use end_to_end::{Request, Start};
use serde_json::json;

#[tokio::test]
async fn a_chat_is_answered_without_a_key() {
    let dataplane = Start::of("quickstart").start().await;
    let response = dataplane.send(&Request::chat("gpt-4o-mini")).await;
    assert_eq!(response.status, 200);
    assert_eq!(
        response.json()["choices"][0]["message"]["content"],
        "You said: Hello"
    );
}

#[tokio::test]
async fn a_stream_comes_at_a_pace() {
    let dataplane = Start::of("quickstart").start().await;
    let mut connection = dataplane.connect().await;
    connection.begin(&Request::chat_stream("chat")).await;
    let mut pieces = Vec::new();
    while let Some(piece) = connection.read_piece().await.unwrap() {
        pieces.push(piece);
    }
    // The role, three words, the reason and the end, each when it is due.
    assert_eq!(pieces.len(), 6);
    assert_eq!(pieces[5], b"data: [DONE]\n\n");
}

#[tokio::test]
async fn embeddings_and_completions_are_answered() {
    let dataplane = Start::of("quickstart").start().await;
    let body = json!({"model": "embed", "input": ["a", "b"], "dimensions": 8}).to_string();
    let response = dataplane
        .send(&Request::post("/v1/embeddings", body))
        .await
        .json();
    assert_eq!(
        response["data"][1]["embedding"].as_array().unwrap().len(),
        8
    );
    let body = json!({"model": "chat", "prompt": "Hello"}).to_string();
    let response = dataplane
        .send(&Request::post("/v1/completions", body))
        .await
        .json();
    assert_eq!(response["choices"][0]["text"], "You said: Hello");
}

#[tokio::test]
async fn a_failing_mock_falls_back() {
    let dataplane = Start::of("quickstart").start().await;
    let response = dataplane.send(&Request::chat("chat-large")).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("x-fallback-model"), Some("chat"));
}

#[tokio::test]
async fn every_model_is_listed() {
    let dataplane = Start::of("quickstart").start().await;
    let list = dataplane.send(&Request::get("/v1/models")).await.text();
    for name in ["\"chat\"", "\"chat-large\"", "\"embed\""] {
        assert!(list.contains(name), "{list}");
    }
}
