//! Limits by subject: each bearer of tokens has a count of its own.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use end_to_end::{Dataplane, Request, Start};
use fake_model::server::{Action, FakeModel, Rule};
use ring::hmac;
use serde_json::{Value, json};

pub(crate) const JWT_SECRET: &str = "a secret of thirty-two bytes, or more";
const WEB: &str = "web-secret-1234567890";

/// A token of this subject.
pub(crate) fn token(subject: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let claims = json!({
        "iss": "https://login.example.com",
        "aud": "nexus",
        "sub": subject,
        "exp": now.as_secs() + 600,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(&json!({"alg": "HS256"})), part(&claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, JWT_SECRET.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, input.as_bytes()));
    format!("{input}.{signature}")
}

/// The dataplane of `tests/specs/subjects.toml` with a model behind it.
async fn subjects() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let start = Start::of("subjects")
        .upstream("vllm", &model)
        .env("KEY_WEB", WEB)
        .env("JWT_SECRET", JWT_SECRET);
    (model, start.start().await)
}

fn of(subject: &str) -> Request {
    Request::chat("chat").key(&token(subject))
}

#[tokio::test]
async fn a_subject_is_not_charged_for_another() {
    let (model, dataplane) = subjects().await;
    for left in ["2", "1", "0"] {
        let response = dataplane.send(&of("alice")).await;
        assert_eq!(response.status, 200);
        let told = response.header("x-ratelimit-remaining-requests");
        assert_eq!(told, Some(left));
    }
    let refused = dataplane.send(&of("alice")).await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").is_some());
    let message = refused.error_message();
    assert!(message.contains("`person` allows 3 requests per minute"));
    assert_eq!(dataplane.send(&of("bob")).await.status, 200);
    // A key has no limit here, and no header.
    let response = dataplane.send(&Request::chat("chat").key(WEB)).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("x-ratelimit-limit-requests"), None);
    assert_eq!(model.received().len(), 5);
    let metrics = dataplane.metrics().await;
    let refused = "gateway_limit_refused_total{limit=\"person\",kind=\"requests\"}";
    assert!((metrics.value(refused) - 1.0).abs() < 1e-9);
    assert!(!metrics.text().contains("alice"));
}

#[tokio::test]
async fn a_new_token_does_not_begin_a_new_count() {
    let (_model, dataplane) = subjects().await;
    for _ in 0..3 {
        assert_eq!(dataplane.send(&of("carol")).await.status, 200);
    }
    // Another signature over other times, the same subject, on another connection and worker.
    for _ in 0..4 {
        assert_eq!(dataplane.send(&of("carol")).await.status, 429);
    }
}

#[tokio::test]
async fn a_subject_has_places_of_its_own() {
    let (model, dataplane) = subjects().await;
    model.script([Rule::new(Action::Stall).times(1)]);
    let mut connection = dataplane.connect().await;
    let slow = of("alice").header("x-request-id", "slow");
    connection
        .write(&[&slow.head(), slow.body()].concat())
        .await;
    model.wait_for_requests(1).await;
    assert_eq!(dataplane.send(&of("alice")).await.status, 429);
    assert_eq!(dataplane.send(&of("bob")).await.status, 200);
    drop(connection);
    dataplane.access_line("slow").await;
    assert_eq!(dataplane.send(&of("alice")).await.status, 200);
}

#[tokio::test]
async fn what_is_no_inference_takes_nothing() {
    let (_model, dataplane) = subjects().await;
    for _ in 0..4 {
        let request = Request::get("/v1/models").key(&token("dave"));
        assert_eq!(dataplane.send(&request).await.status, 200);
    }
    let response = dataplane.send(&of("dave")).await;
    let left = response.header("x-ratelimit-remaining-requests");
    assert_eq!((response.status, left), (200, Some("2")));
}
