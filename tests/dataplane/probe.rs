//! Health checks that ask the model for one token: an engine that stalls behind a living server is found.

use end_to_end::{Dataplane, Request, Start, patiently};
use fake_model::server::{Action, FakeModel, Options, Rule};
use serde_json::{Value, json};

/// A dataplane with its model servers.
struct Scene {
    first: FakeModel,
    second: FakeModel,
    embed: FakeModel,
    dataplane: Dataplane,
}

async fn scene() -> Scene {
    let first = server("served-first").await;
    let second = server("served-second").await;
    let embed = server("served-embed").await;
    let start = Start::of("probe")
        .upstream("first", &first)
        .upstream("second", &second)
        .upstream("embed", &embed);
    Scene {
        dataplane: start.start().await,
        first,
        second,
        embed,
    }
}

async fn server(model: &str) -> FakeModel {
    let options = Options {
        models: vec![model.to_owned()],
        ..Options::default()
    };
    FakeModel::start_on("127.0.0.1:0", options).await.unwrap()
}

async fn wait_for(dataplane: &Dataplane, upstream: &str, healthy: bool) {
    let sample = format!("gateway_upstream_healthy{{upstream=\"{upstream}\"}}");
    let wanted = f64::from(u8::from(healthy));
    let wait = async { while (dataplane.metrics().await.value(&sample) - wanted).abs() > 0.5 {} };
    patiently(&sample, wait).await;
}

/// What happens to requests for this path.
fn at(path: &str, action: Action) -> Rule {
    Rule {
        path: Some(path.to_owned()),
        ..Rule::new(action)
    }
}

#[tokio::test]
async fn an_engine_that_stalls_behind_a_list_of_models_is_found() {
    let scene = scene().await;
    let stalled = at("/v1/chat/completions", Action::Stall);
    scene.first.script([stalled]);
    wait_for(&scene.dataplane, "first", false).await;
    let late = |line: &Value| line["message"] == "unhealthy: no answer in time";
    let line = scene.dataplane.log().wait_for(late).await;
    assert_eq!(line["upstream"], "first");
    // Nobody waits for the stalled one.
    let response = scene.dataplane.send(&Request::chat("chat")).await;
    assert_eq!(response.status, 200);
    assert!(
        scene
            .second
            .received()
            .iter()
            .any(|request| request.path == "/v1/chat/completions")
    );

    scene.first.script([]);
    wait_for(&scene.dataplane, "first", true).await;
}

#[tokio::test]
async fn each_model_is_asked_for_what_it_is_for() {
    let scene = scene().await;
    for (server, path, sent) in [
        (
            &scene.first,
            "/v1/chat/completions",
            json!({
                "model": "served-first",
                "messages": [{"role": "user", "content": "1"}],
                "max_tokens": 1,
                "stream": false,
            }),
        ),
        (
            &scene.second,
            "/v1/completions",
            json!({"model": "served-second", "prompt": "1", "max_tokens": 1, "stream": false}),
        ),
        (
            &scene.embed,
            "/v1/embeddings",
            json!({"model": "served-embed", "input": "1"}),
        ),
    ] {
        let received = server.wait_for_requests(2).await;
        assert_eq!((&*received[0].method, &*received[0].path), ("POST", path));
        let body: Value = serde_json::from_slice(received[0].body.as_bytes()).unwrap();
        assert_eq!(body, sent);
    }
    for upstream in ["first", "second", "embed"] {
        wait_for(&scene.dataplane, upstream, true).await;
    }
    let health = scene.dataplane.send(&Request::get("/health")).await;
    assert_eq!(health.json()["status"], "ok");
}

#[tokio::test]
async fn an_answer_without_a_token_is_no_good_one() {
    let scene = scene().await;
    let empty = Rule {
        path: Some("/v1/completions".to_owned()),
        ..Rule::respond(200, r#"{"choices":[]}"#)
    };
    scene.second.script([empty]);
    wait_for(&scene.dataplane, "second", false).await;
    let unfit = "unhealthy: the answer has nothing that a model made";
    let is_it = |line: &Value| line["message"] == unfit;
    scene.dataplane.log().wait_for(is_it).await;
}
