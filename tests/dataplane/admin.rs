//! An administrator drains upstreams and turns features off while the gateway runs.

use end_to_end::{APP, Dataplane, FULL, OPS, Request, Response, faults, patiently, shadow};
use fake_model::server::{FakeModel, Rule};
use serde_json::{Value, json};

const LLM: &str = "/v1/admin/features/llm";

const FIRST: &str = "/v1/admin/upstreams/first";

/// A dataplane with its two model servers.
struct Scene {
    first: FakeModel,
    second: FakeModel,
    dataplane: Dataplane,
}

async fn scene() -> Scene {
    let first = FakeModel::start().await.unwrap();
    let second = FakeModel::start().await.unwrap();
    let start = shadow().upstream("first", &first);
    Scene {
        dataplane: start.upstream("second", &second).start().await,
        first,
        second,
    }
}

/// Turns a switch, which must work, and returns what it is like then.
async fn put(dataplane: &Dataplane, path: &str, body: Value) -> Value {
    let request = Request::put(path, body.to_string()).key(OPS);
    let response = dataplane.send(&request).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

async fn ask(dataplane: &Dataplane, model: &str) -> Response {
    dataplane.send(&Request::chat(model).key(APP)).await
}

/// The state of the upstream `first`.
async fn first_of(dataplane: &Dataplane) -> Value {
    let request = Request::get("/v1/admin/switches").key(OPS);
    let state = dataplane.send(&request).await.json();
    let upstreams = state["upstreams"].as_array().unwrap();
    let first = upstreams.iter().find(|entry| entry["upstream"] == "first");
    first.unwrap().clone()
}

/// The switches that were turned, as the log tells them.
async fn turned(dataplane: &Dataplane, count: usize) -> Vec<Value> {
    let is_it = |line: &Value| line["logger"] == "nexus.admin";
    // The first says how they stand at the start.
    let lines = dataplane.log().wait_for_many(1 + count, is_it).await;
    lines.into_iter().skip(1).collect()
}

#[tokio::test]
async fn a_draining_upstream_ends_what_it_has_and_gets_nothing_new() {
    let scene = scene().await;
    scene.first.script([Rule::chat_stream(3).gated().times(1)]);
    let mut stream = scene.dataplane.connect().await;
    stream.begin(&Request::chat_stream("pair").key(APP)).await;
    stream.read_until("word1").await;

    let state = put(&scene.dataplane, FIRST, json!({"draining": true})).await;
    let draining = json!({"upstream": "first", "draining": true, "in_flight": 1});
    assert_eq!(state, draining);
    for _ in 0..8 {
        assert_eq!(ask(&scene.dataplane, "pair").await.status, 200);
    }
    assert_eq!(scene.first.received().len(), 1);
    assert_eq!(scene.second.received().len(), 8);
    assert_eq!(first_of(&scene.dataplane).await, draining);

    scene.first.release(10);
    let rest = stream.read_body().await.unwrap();
    assert!(String::from_utf8_lossy(&rest).contains("[DONE]"));
    let empty = async { while first_of(&scene.dataplane).await["in_flight"] != 0 {} };
    patiently("the upstream to be empty", empty).await;

    put(&scene.dataplane, FIRST, json!({"draining": false})).await;
    assert_eq!(ask(&scene.dataplane, "pair").await.status, 200);
    assert_eq!(scene.first.received().len(), 2);
}

#[tokio::test]
async fn where_all_are_draining_clients_are_asked_to_come_back() {
    let scene = scene().await;
    for upstream in ["first", "second"] {
        let path = format!("/v1/admin/upstreams/{upstream}");
        put(&scene.dataplane, &path, json!({"draining": true})).await;
    }
    let response = ask(&scene.dataplane, "pair").await;
    assert_eq!(response.status, 503);
    assert!(response.header("retry-after").is_some());
    assert_eq!(
        response.error_message(),
        "no upstream of `pair` could answer: `first`: taken out of use; `second`: taken out of use"
    );
}

#[tokio::test]
async fn model_traffic_is_off_for_all_workers_at_once() {
    let scene = scene().await;
    let state = put(&scene.dataplane, LLM, json!({"enabled": false})).await;
    assert_eq!(state, json!({"feature": "llm", "enabled": false}));
    // Connections are spread over both workers.
    for _ in 0..16 {
        let response = ask(&scene.dataplane, "pair").await;
        assert_eq!(response.status, 503);
        assert_eq!(response.header("retry-after"), Some("30"));
        assert!(
            response
                .error_message()
                .contains("turned model traffic off")
        );
    }
    assert_eq!(scene.first.received().len(), 0);
    for path in ["/v1/models", "/health", "/ready"] {
        let response = scene.dataplane.send(&Request::get(path).key(APP)).await;
        assert_eq!(response.status, 200, "{path}");
    }
    put(&scene.dataplane, LLM, json!({"enabled": true})).await;
    for _ in 0..16 {
        assert_eq!(ask(&scene.dataplane, "pair").await.status, 200);
    }
}

#[tokio::test]
async fn only_an_administrator_sees_and_turns_switches() {
    let scene = scene().await;
    let off = || Request::put(LLM, r#"{"enabled": false}"#);
    let list = || Request::get("/v1/admin/switches");
    for (request, status) in [
        (off(), 401),
        (list(), 401),
        (off().key("nobody-1234567890"), 401),
        (off().key(APP), 403),
        (list().key(APP), 403),
        (Request::put(FIRST, r#"{"draining": true}"#).key(APP), 403),
        // Whoever is none learns nothing of what there is either.
        (Request::put("/v1/admin/features/none", "{}").key(APP), 403),
    ] {
        let response = scene.dataplane.send(&request).await;
        assert_eq!(response.status, status, "{}", response.text());
        response.error_message();
    }
    assert_eq!(ask(&scene.dataplane, "pair").await.status, 200);
    // The key of an administrator need not be one of models.
    let response = scene.dataplane.send(&Request::chat("pair").key(OPS)).await;
    assert_eq!(response.status, 403);
}

#[tokio::test]
async fn a_switch_that_is_none_turns_nothing() {
    let scene = scene().await;
    let put = |path: &str, body: &str| Request::put(path, body).key(OPS);
    for (request, status) in [
        (put("/v1/admin/features/cache", r#"{"enabled":false}"#), 404),
        (put("/v1/admin/upstreams/none", r#"{"draining":true}"#), 404),
        (put("/v1/admin/upstreams/", r#"{"draining":true}"#), 404),
        (put("/v1/admin/upstreams", r#"{"draining":true}"#), 404),
        (
            put("/v1/admin/upstreams/x/first", r#"{"draining":true}"#),
            404,
        ),
        (put(LLM, ""), 400),
        (put(LLM, r#"{"enabled":"off"}"#), 400),
        (put(LLM, r#"{"enabled":false,"until":"noon"}"#), 400),
        (put(FIRST, r#"{"enabled":false}"#), 400),
        (put(FIRST, &" ".repeat(2048)), 413),
        (Request::get(LLM).key(OPS), 405),
        (put("/v1/admin/switches", "{}"), 405),
    ] {
        let response = scene.dataplane.send(&request).await;
        let message = response.error_message();
        assert_eq!(response.status, status, "{message}");
    }
    let unknown = put("/v1/admin/features/cache", r#"{"enabled":false}"#);
    let message = scene.dataplane.send(&unknown).await.error_message();
    assert_eq!(message, "there is no such feature; there are llm, shadow");
    assert_eq!(ask(&scene.dataplane, "pair").await.status, 200);
}

#[tokio::test]
async fn who_turned_what_is_in_the_log() {
    let scene = scene().await;
    let start = |line: &Value| {
        line["logger"] == "nexus.admin" && line["message"].as_str().unwrap().contains("is on")
    };
    scene.dataplane.log().wait_for(start).await;
    put(&scene.dataplane, LLM, json!({"enabled": false})).await;
    put(&scene.dataplane, FIRST, json!({"draining": true})).await;
    let mut lines = turned(&scene.dataplane, 2).await;
    for line in &lines {
        assert_eq!(line["level"], "warn");
        assert_eq!(line["user_id"], "ops");
        assert!(line["request_id"].is_string());
    }
    // Each worker writes its own lines, in its own time.
    lines.sort_by_key(|line| line["upstream"].is_string());
    let [feature, upstream] = &lines[..] else {
        panic!("{lines:?}")
    };
    assert_eq!(feature["message"], "feature `llm` turned from on to off");
    assert_eq!(upstream["upstream"], "first");
    assert_eq!(
        upstream["message"],
        "upstream turned from in use to draining"
    );
}

#[tokio::test]
async fn metrics_and_the_list_of_circuits_show_it() {
    let scene = scene().await;
    let guarded = "/v1/admin/upstreams/guarded";
    put(&scene.dataplane, LLM, json!({"enabled": false})).await;
    put(&scene.dataplane, guarded, json!({"draining": true})).await;
    let metrics = scene.dataplane.metrics().await;
    for (sample, value) in [
        ("gateway_feature_enabled{feature=\"llm\"}", 0.0),
        ("gateway_feature_enabled{feature=\"shadow\"}", 1.0),
        ("gateway_upstream_draining{upstream=\"guarded\"}", 1.0),
        ("gateway_upstream_draining{upstream=\"first\"}", 0.0),
    ] {
        assert!(metrics.text().contains(sample), "{sample}");
        assert!((metrics.value(sample) - value).abs() < 1e-9, "{sample}");
    }
    let request = Request::get("/v1/circuit-breakers").key(APP);
    let list = scene.dataplane.send(&request).await.json();
    assert_eq!(list["data"][0]["upstream"], "guarded");
    assert_eq!(list["data"][0]["draining"], true);
}

#[tokio::test]
async fn a_gateway_without_an_administrator_has_nothing_there() {
    let dataplane = faults().start().await;
    for request in [
        Request::get("/v1/admin/switches"),
        Request::put(LLM, r#"{"enabled": false}"#),
        Request::new("DELETE", "/v1/admin/upstreams/plain"),
    ] {
        let response = dataplane.send(&request.key(FULL)).await;
        assert_eq!(response.status, 404, "{}", response.text());
    }
    let metrics = dataplane.metrics().await;
    assert!(!metrics.has_family("gateway_feature_enabled"));
    assert!(!metrics.has_family("gateway_shadow_requests_total"));
}

#[tokio::test]
async fn no_web_page_turns_a_switch() {
    let scene = scene().await;
    let preflight = Request::new("OPTIONS", LLM)
        .header("origin", "https://chat.example.com")
        .header("access-control-request-method", "PUT");
    let response = scene.dataplane.send(&preflight).await;
    assert_eq!(response.status, 405);
    assert_eq!(response.header("access-control-allow-origin"), None);
}
