//! Who may ask for what, and what those learn who may not.

use end_to_end::{Dataplane, FULL, NARROW, Request, faults};
use fake_model::server::FakeModel;
use serde_json::Value;

async fn plain() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    (model, dataplane)
}

/// The names in the list of models, for this key.
async fn names(key: &str) -> Vec<String> {
    let dataplane = faults().start().await;
    let list = dataplane
        .send(&Request::get("/v1/models").key(key))
        .await
        .json();
    assert_eq!(list["object"], "list");
    let names = list["data"].as_array().unwrap().iter().map(|model| {
        assert_eq!(model["object"], "model");
        assert!(model["created"].is_u64() && model["owned_by"].is_string());
        model["id"].as_str().unwrap().to_owned()
    });
    names.collect()
}

#[tokio::test]
async fn a_key_is_taken_from_either_header() {
    let (_model, dataplane) = plain().await;
    for request in [
        Request::chat("plain").header("authorization", &format!("Bearer {FULL}")),
        Request::chat("plain").header("authorization", &format!("bearer {FULL}")),
        Request::chat("plain").header("x-api-key", FULL),
        // An SDK that must send something as Bearer does no harm.
        Request::chat("plain")
            .header("x-api-key", FULL)
            .header("authorization", "Bearer other"),
    ] {
        assert_eq!(dataplane.send(&request).await.status, 200, "{request:?}");
    }
}

#[tokio::test]
async fn without_a_key_it_is_401() {
    let (model, dataplane) = plain().await;
    for request in [
        Request::chat("plain"),
        Request::chat("plain").header("authorization", "Basic dXNlcjpwYXNz"),
        Request::chat("plain").header("authorization", "Bearer "),
        Request::chat("plain").header("x-api-key", ""),
        Request::get("/v1/models"),
    ] {
        let response = dataplane.send(&request).await;
        assert_eq!(response.status, 401, "{request:?}");
        assert!(response.header("www-authenticate").is_some());
        response.error_message();
    }
    assert!(model.received().is_empty());
}

#[tokio::test]
async fn a_wrong_key_is_401_and_not_repeated() {
    let (model, dataplane) = plain().await;
    let almost = &FULL[..FULL.len() - 1];
    for key in ["wrong-secret-987", almost, &format!("{FULL}0")] {
        let response = dataplane.send(&Request::chat("plain").key(key)).await;
        assert_eq!(response.status, 401);
        assert!(!response.error_message().contains(key));
    }
    assert!(model.received().is_empty());
}

#[tokio::test]
async fn a_model_that_the_key_may_not_use_is_403() {
    let dataplane = faults().start().await;
    let response = dataplane.send(&Request::chat("shared").key(NARROW)).await;
    assert_eq!(response.status, 403);
    assert!(response.error_message().contains("`shared`"));
}

#[tokio::test]
async fn an_unknown_model_is_404_and_names_what_the_key_may_use() {
    let dataplane = faults().start().await;
    let response = dataplane.send(&Request::chat("gpt-9").key(NARROW)).await;
    assert_eq!(response.status, 404);
    assert_eq!(response.json()["error"]["code"], "model_not_found");
    let message = response.error_message();
    assert!(message.contains("`gpt-9`"), "{message}");
    assert!(
        message.contains("`plain`") && message.contains("`renamed`"),
        "{message}"
    );
    for other in ["shared", "trial", "hasty", "secured"] {
        assert!(!message.contains(other), "{message}");
    }
}

#[tokio::test]
async fn an_alias_is_the_model_with_its_permissions() {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("renamed", &model).start().await;
    let response = dataplane.send(&Request::chat("nick").key(NARROW)).await;
    assert_eq!(response.status, 200);
    let asked: Value = serde_json::from_slice(model.received()[0].body.as_bytes()).unwrap();
    assert_eq!(asked["model"], "served/renamed-8B");
}

#[tokio::test]
async fn a_stand_in_is_reached_on_behalf_of_the_model_asked_for() {
    let (_model, dataplane) = plain().await;
    let response = dataplane.send(&Request::chat("chained").key(FULL)).await;
    assert_eq!(response.header("x-fallback-model"), Some("plain"));
}

#[tokio::test]
async fn each_key_has_its_list_of_models() {
    let narrow = names(NARROW).await;
    assert!(narrow.contains(&"plain".to_owned()) && narrow.contains(&"renamed".to_owned()));
    assert!(!narrow.contains(&"shared".to_owned()), "{narrow:?}");
    let full = names(FULL).await;
    for name in [
        "chained", "hasty", "plain", "renamed", "secured", "shared", "trial",
    ] {
        assert!(full.contains(&name.to_owned()), "{full:?}");
    }
}

#[tokio::test]
async fn a_model_can_be_looked_up() {
    let dataplane = faults().start().await;
    let response = dataplane
        .send(&Request::get("/v1/models/plain").key(NARROW))
        .await;
    assert_eq!(
        (response.status, &response.json()["id"]),
        (200, &Value::from("plain"))
    );
    let response = dataplane
        .send(&Request::get("/v1/models/nothing").key(NARROW))
        .await;
    assert_eq!(response.status, 404);
    let response = dataplane
        .send(&Request::get("/v1/models/shared").key(NARROW))
        .await;
    assert_eq!(response.status, 403);
}

#[tokio::test]
async fn health_readiness_and_metrics_need_no_key() {
    let dataplane = faults().start().await;
    for path in ["/health", "/ready", "/metrics"] {
        assert_eq!(
            dataplane.send(&Request::get(path)).await.status,
            200,
            "{path}"
        );
    }
}
