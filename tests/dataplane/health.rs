//! Upstreams are checked while no client waits, and those that are unhealthy come last.

use end_to_end::{Dataplane, Request, Response, Start, patiently};
use fake_model::server::{Action, FakeModel, Options, Rule};
use serde_json::Value;

const APP: &str = "app-secret-1234567890";

const FIRST_API_KEY: &str = "first-secret-1234567890";

/// A dataplane with its two model servers.
struct Scene {
    first: FakeModel,
    second: FakeModel,
    dataplane: Dataplane,
}

/// A scene whose first server has this model.
async fn scene(served: &str) -> Scene {
    let first = server(&[served]).await;
    let second = server(&["served-second"]).await;
    second.script([up()]);
    let start = start()
        .upstream("first", &first)
        .upstream("second", &second);
    Scene {
        dataplane: start.start().await,
        first,
        second,
    }
}

fn start() -> Start {
    Start::of("health")
        .env("KEY_APP", APP)
        .env("FIRST_API_KEY", FIRST_API_KEY)
}

async fn server(models: &[&str]) -> FakeModel {
    let options = Options {
        models: models.iter().map(|&model| model.to_owned()).collect(),
        ..Options::default()
    };
    FakeModel::start_on("127.0.0.1:0", options).await.unwrap()
}

/// Answers the checks of the second server.
fn up() -> Rule {
    Rule {
        path: Some("/up".to_owned()),
        ..Rule::respond(200, "up")
    }
}

async fn ask(dataplane: &Dataplane, model: &str) -> Response {
    dataplane.send(&Request::chat(model).key(APP)).await
}

async fn wait_for(dataplane: &Dataplane, upstream: &str, healthy: bool) {
    let sample = format!("gateway_upstream_healthy{{upstream=\"{upstream}\"}}");
    let wanted = f64::from(u8::from(healthy));
    let wait = async { while (dataplane.metrics().await.value(&sample) - wanted).abs() > 0.5 {} };
    patiently(&sample, wait).await;
}

/// How many requests of clients a server has got.
fn chats(model: &FakeModel) -> usize {
    let received = model.received();
    let chats = received
        .iter()
        .filter(|request| request.path.starts_with("/v1/chat"));
    chats.count()
}

/// Lets the first server answer its checks like this until the log has said so: the check that makes it unhealthy may meet
/// a machine that stalls, and that is what is said then.
async fn unhealthy_for(scene: &Scene, wrong: Rule, message: &str) {
    let unhealthy = |line: &Value| {
        let message = line["message"].as_str();
        line["logger"] == "nexus.health"
            && message.is_some_and(|message| message.starts_with("unhealthy"))
    };
    for times in 1.. {
        scene.first.script([wrong.clone()]);
        let said = scene.dataplane.log().wait_for_many(times, unhealthy).await;
        if said[times - 1]["message"] == message {
            return;
        }
        scene.first.script([]);
        wait_for(&scene.dataplane, "first", true).await;
    }
}

fn lines(dataplane: &Dataplane) -> Vec<(Value, Value)> {
    let lines = dataplane.log().lines().into_iter();
    let lines = lines.filter(|line| line["logger"] == "nexus.health");
    lines
        .map(|line| (line["upstream"].clone(), line["message"].clone()))
        .collect()
}

#[tokio::test]
async fn a_server_that_stalls_is_passed_over_until_it_is_back() {
    let scene = scene("served-first").await;
    scene.first.script([Rule::new(Action::Stall)]);
    wait_for(&scene.dataplane, "first", false).await;
    for model in ["pair", "first"] {
        assert_eq!(ask(&scene.dataplane, model).await.status, 200);
    }
    assert_eq!((chats(&scene.first), chats(&scene.second)), (0, 2));
    let health = scene.dataplane.send(&Request::get("/health")).await.json();
    assert_eq!(health["upstreams"]["unhealthy"], 1);

    scene.first.script([]);
    wait_for(&scene.dataplane, "first", true).await;
    assert_eq!(ask(&scene.dataplane, "pair").await.status, 200);
    assert_eq!((chats(&scene.first), chats(&scene.second)), (1, 2));
    let health = scene.dataplane.send(&Request::get("/health")).await.json();
    assert_eq!(health["status"], "ok");

    let again = |line: &Value| line["message"] == "healthy again";
    scene.dataplane.log().wait_for(again).await;
    let lines = lines(&scene.dataplane);
    assert_eq!(lines.len(), 2, "one for each change: {lines:?}");
    assert_eq!(lines[0].0, "first");
    assert_eq!(lines[0].1, "unhealthy: no answer in time");
}

#[tokio::test]
async fn a_server_of_another_model_is_unhealthy() {
    let scene = scene("served-first").await;
    let other = Rule {
        path: Some("/v1/models".to_owned()),
        ..Rule::respond(200, r#"{"data":[{"id":"other"}]}"#)
    };
    let unfit = "unhealthy: the model `served-first` is not served";
    unhealthy_for(&scene, other, unfit).await;
    let response = ask(&scene.dataplane, "first").await;
    assert_eq!(response.header("x-fallback-model"), Some("second"));
}

#[tokio::test]
async fn a_check_is_a_request_of_its_own_with_the_upstreams_key() {
    let scene = scene("served-first").await;
    let received = scene.first.wait_for_requests(2).await;
    for check in &received[..2] {
        assert_eq!((&*check.method, &*check.path), ("GET", "/v1/models"));
        let authorization = format!("Bearer {FIRST_API_KEY}");
        assert_eq!(check.header("authorization"), Some(&*authorization));
    }
    let received = scene.second.wait_for_requests(1).await;
    assert_eq!(received[0].path, "/up");
    assert_eq!(received[0].header("authorization"), None);
    wait_for(&scene.dataplane, "first", true).await;
    wait_for(&scene.dataplane, "second", true).await;
}

#[tokio::test]
async fn where_all_are_unhealthy_they_are_tried_in_order() {
    let scene = scene("served-first").await;
    let fails = |path: &str| Rule {
        path: Some(path.to_owned()),
        ..Rule::respond(503, "{}")
    };
    scene.first.script([fails("/v1/models")]);
    scene.second.script([fails("/up")]);
    wait_for(&scene.dataplane, "first", false).await;
    wait_for(&scene.dataplane, "second", false).await;
    for model in ["pair", "first"] {
        assert_eq!(ask(&scene.dataplane, model).await.status, 200);
    }
    assert_eq!((chats(&scene.first), chats(&scene.second)), (2, 0));
}

#[tokio::test]
async fn an_unhealthy_server_is_the_last_resort() {
    let scene = scene("other").await;
    wait_for(&scene.dataplane, "first", false).await;
    scene.second.script([up(), Rule::respond(500, "{}")]);
    let response = ask(&scene.dataplane, "pair").await;
    // What the first one says, which has no such model.
    assert_eq!(response.status, 404);
    assert_eq!((chats(&scene.first), chats(&scene.second)), (1, 1));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unhealthy() {
    let dataplane = start().start().await;
    wait_for(&dataplane, "first", false).await;
    let refused = |line: &Value| line["message"] == "unhealthy: connection refused";
    dataplane.log().wait_for(refused).await;
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let scene = scene("served-first").await;
    let long = Rule {
        path: Some("/v1/models".to_owned()),
        ..Rule::respond(200, " ".repeat(2 << 20))
    };
    let unfit = "unhealthy: the answer is longer than 1 MiB";
    unhealthy_for(&scene, long, unfit).await;
}
