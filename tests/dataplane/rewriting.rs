//! What reaches the upstream of a request body: the same bytes, but for what a rule rewrites.

use end_to_end::{FULL, Request, faults};
use fake_model::server::FakeModel;
use serde_json::{Value, json};

/// The body that the upstream of `model` receives when a client posts `body` to `path`.
async fn received_at(path: &str, upstream: &str, body: &str) -> String {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream(upstream, &model).start().await;
    let response = dataplane.send(&Request::post(path, body).key(FULL)).await;
    let received = model.received();
    assert_eq!(received.len(), 1, "{}", response.text());
    assert_eq!(received[0].path, path);
    received[0].body.text()
}

async fn received(upstream: &str, body: &str) -> String {
    received_at("/v1/chat/completions", upstream, body).await
}

#[tokio::test]
async fn a_body_without_a_rule_passes_byte_for_byte() {
    let body = "{ \"temperature\" : 1.0,\r\n\t\"seed\":12345678901234567890, \"top_p\": 1e0,\
                \"x_unknown\": {\"a\":[1E3,-0.0,\"\\u00fc\\n\"]}, \"model\":\"plain\",\
                \"messages\":[{\"role\":\"user\",\"content\":\"日本 \\ud83d\\ude00\"}] }\n";
    assert_eq!(received("plain", body).await, body);
}

#[tokio::test]
async fn only_the_name_of_the_model_is_replaced() {
    let body = |model: &str| {
        format!(
            "{{\"temperature\":1.0,\"max_tokens\":1e1, \"x\":{{\"model\":\"renamed\"}},\
             \"messages\":[{{\"role\":\"user\",\"content\":\"renamed\"}}], \"model\" :  \"{model}\" ,\
             \"n\":1}}"
        )
    };
    assert_eq!(
        received("renamed", &body("renamed")).await,
        body("served/renamed-8B")
    );
}

#[tokio::test]
async fn an_escaped_name_is_still_the_name() {
    let asked = received(
        "renamed",
        r#"{"model":"ren\u0061med","messages":[{"role":"user"}]}"#,
    )
    .await;
    let asked: Value = serde_json::from_str(&asked).unwrap();
    assert_eq!(asked["model"], "served/renamed-8B");
}

#[tokio::test]
async fn defaults_are_added_where_they_are_absent() {
    let request = json!({"model": "renamed", "messages": [{"role": "user", "content": "Hello"}]});
    let asked: Value =
        serde_json::from_str(&received("renamed", &request.to_string()).await).unwrap();
    assert_eq!(asked["temperature"], 0.7);
    assert_eq!(asked["max_tokens"], 64);
    assert_eq!(asked["messages"], request["messages"]);
}

#[tokio::test]
async fn what_the_client_set_stays() {
    for own in [json!({"temperature": 0}), json!({"temperature": null})] {
        let mut request =
            json!({"model": "renamed", "messages": [{"role": "user"}], "max_tokens": 5});
        request
            .as_object_mut()
            .unwrap()
            .extend(own.as_object().unwrap().clone());
        let asked = received("renamed", &request.to_string()).await;
        let asked: Value = serde_json::from_str(&asked).unwrap();
        assert_eq!(asked["temperature"], own["temperature"]);
        assert_eq!(asked["max_tokens"], 5);
    }
}

#[tokio::test]
async fn the_newer_name_of_a_limit_keeps_the_default_out() {
    let request = r#"{"model":"renamed","messages":[{"role":"user"}],"max_completion_tokens":9}"#;
    let asked: Value = serde_json::from_str(&received("renamed", request).await).unwrap();
    assert_eq!(asked.get("max_tokens"), None);
    assert_eq!(asked["max_completion_tokens"], 9);
}

#[tokio::test]
async fn text_completions_get_defaults_and_embeddings_do_not() {
    let request = r#"{"model":"renamed","prompt":"Hello"}"#;
    let asked = received_at("/v1/completions", "renamed", request).await;
    assert_eq!(
        serde_json::from_str::<Value>(&asked).unwrap()["max_tokens"],
        64
    );

    let request = r#"{"model":"renamed","input":"Hello"}"#;
    let asked = received_at("/v1/embeddings", "renamed", request).await;
    assert_eq!(asked, r#"{"model":"served/renamed-8B","input":"Hello"}"#);
}

#[tokio::test]
async fn a_query_is_passed_on() {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    let body = r#"{"model":"plain","messages":[]}"#;
    dataplane
        .send(&Request::post("/v1/chat/completions?a=1&b=%20", body).key(FULL))
        .await;
    assert_eq!(model.received()[0].path, "/v1/chat/completions?a=1&b=%20");
}

#[tokio::test]
async fn a_base_path_of_the_upstream_is_kept() {
    let model = FakeModel::start().await.unwrap();
    let start = faults().upstream_url("plain", format!("{}/base/", model.url()));
    let dataplane = start.start().await;
    dataplane.send(&Request::chat("plain").key(FULL)).await;
    assert_eq!(model.received()[0].path, "/base/v1/chat/completions");
}
