//! A copy of some requests goes to one more upstream, and nobody but the operator notices.

use end_to_end::{APP, Dataplane, LIMITED, Metrics, OPS, Request, SilentServer, patiently, shadow};
use fake_model::server::{Action, Ending, FakeModel, Rule};
use serde_json::{Value, json};

/// A dataplane whose upstreams `first` and `copy` are there.
struct Scene {
    first: FakeModel,
    copy: FakeModel,
    dataplane: Dataplane,
}

/// A scene in which the upstream of this name gets the copies.
async fn scene_of(upstream: &str) -> Scene {
    let first = FakeModel::start().await.unwrap();
    let copy = FakeModel::start().await.unwrap();
    let start = shadow().upstream("first", &first).upstream(upstream, &copy);
    Scene {
        dataplane: start.start().await,
        first,
        copy,
    }
}

async fn scene() -> Scene {
    scene_of("copy").await
}

async fn wait_for(dataplane: &Dataplane, sample: &str, value: f64) -> Metrics {
    let wait = async {
        loop {
            let metrics = dataplane.metrics().await;
            if metrics.value(sample) >= value {
                return metrics;
            }
        }
    };
    patiently(sample, wait).await
}

fn copies(route: &str, upstream: &str, outcome: &str) -> String {
    format!(
        "gateway_shadow_requests_total{{route=\"{route}\",upstream=\"{upstream}\",outcome=\"{outcome}\"}}"
    )
}

fn compared(what: &str, result: &str) -> String {
    format!(
        "gateway_shadow_compared_total{{route=\"chat\",upstream=\"copy\",what=\"{what}\",result=\"{result}\"}}"
    )
}

/// The line about the comparison of a request.
async fn comparison(dataplane: &Dataplane, request_id: &str) -> Value {
    let is_it = |line: &Value| line["logger"] == "nexus.shadow" && line["request_id"] == request_id;
    dataplane.log().wait_for(is_it).await
}

/// A chat response as a document.
fn answer(finish_reason: &str, tokens: u64) -> String {
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "Hi"},
        "finish_reason": finish_reason});
    let usage = json!({"prompt_tokens": 3, "completion_tokens": tokens});
    json!({"choices": [choice], "usage": usage}).to_string()
}

#[tokio::test]
async fn a_copy_is_the_request_with_a_mark_and_the_name_that_its_server_knows() {
    let scene = scene().await;
    let request = Request::chat("chat").key(APP).header("x-nexus-shadow", "1");
    let response = scene.dataplane.send(&request).await;
    assert_eq!(response.status, 200);
    let [copy] = &scene.copy.wait_for_ends(1).await[..] else {
        panic!("one copy")
    };
    let [first] = &scene.first.received()[..] else {
        panic!("one request")
    };
    assert_eq!(copy.header("x-nexus-shadow"), Some("1"));
    assert_eq!(first.header("x-nexus-shadow"), None, "no client sets it");
    assert_eq!(copy.header("authorization"), None);
    assert_eq!(copy.header("x-request-id"), response.header("x-request-id"));
    let copied: Value = serde_json::from_str(&copy.body.text()).unwrap();
    let mut sent: Value = serde_json::from_str(&first.body.text()).unwrap();
    sent["model"] = "served-copy".into();
    assert_eq!(copied, sent);
}

#[tokio::test]
async fn answers_are_compared_in_metrics_and_in_a_line() {
    let scene = scene().await;
    scene.first.script([Rule::respond(200, answer("stop", 12))]);
    scene
        .copy
        .script([Rule::respond(200, answer("length", 15))]);
    let response = scene.dataplane.send(&Request::chat("chat").key(APP)).await;
    assert_eq!(response.text(), answer("stop", 12));

    let line = comparison(&scene.dataplane, response.header("x-request-id").unwrap()).await;
    assert_eq!(line["level"], "info");
    assert_eq!(line["upstream"], "copy");
    assert_eq!(line["status"], 200);
    assert_eq!(line["output_tokens"], 15);
    let message = line["message"].as_str().unwrap();
    let figures = "shadow compared: status 200 and 200, finish_reason stop and length, \
                   output tokens 12 and 15, first byte ";
    assert!(message.starts_with(figures), "{message}");

    let metrics = scene.dataplane.metrics().await;
    assert_is(metrics.value(&copies("chat", "copy", "200")), 1.0);
    assert_is(metrics.value(&compared("status", "same")), 1.0);
    assert_is(metrics.value(&compared("finish_reason", "different")), 1.0);
    for (side, tokens) in [("primary", 12.0), ("copy", 15.0)] {
        let labels = format!("{{route=\"chat\",upstream=\"copy\",side=\"{side}\"}}");
        let value = |name: &str| metrics.value(&format!("gateway_shadow_{name}{labels}"));
        assert_is(value("output_tokens_total"), tokens);
        assert_is(value("latency_seconds_count"), 1.0);
        assert_is(value("first_byte_seconds_count"), 1.0);
    }
    // What a copy uses is nobody's usage.
    let written = "gateway_tokens_total{model=\"chat\",direction=\"output\"}";
    assert_is(metrics.value(written), 12.0);
}

#[tokio::test]
async fn streams_are_compared_as_documents_are() {
    let scene = scene().await;
    let request = Request::chat_stream("chat").key(APP);
    let response = scene.dataplane.send(&request).await;
    assert_eq!(response.status, 200);
    comparison(&scene.dataplane, response.header("x-request-id").unwrap()).await;
    let metrics = scene.dataplane.metrics().await;
    assert_is(metrics.value(&compared("finish_reason", "same")), 1.0);
}

#[tokio::test]
async fn copies_that_hang_delay_nobody_and_are_bounded() {
    let scene = scene().await;
    scene.copy.script([Rule::new(Action::Stall)]);
    for _ in 0..5 {
        let response = scene.dataplane.send(&Request::chat("chat").key(APP)).await;
        assert_eq!(response.status, 200);
    }
    let dropped = copies("chat", "copy", "dropped");
    let metrics = scene.dataplane.metrics().await;
    assert_is(metrics.value(&dropped), 3.0);
    assert_eq!(scene.copy.wait_for_requests(2).await.len(), 2);
}

#[tokio::test]
async fn whatever_a_copy_does_the_client_gets_its_answer() {
    let scene = scene().await;
    scene.first.script([Rule::respond(200, answer("stop", 12))]);
    let stream = || Rule::stream(["data: {}\n\n"]);
    for (rule, outcome) in [
        (Rule::respond(500, "{}"), "500"),
        (Rule::respond(404, "{}"), "404"),
        (Rule::new(Action::Reset), "closed"),
        (
            Rule::new(Action::Raw("nonsense\r\n\r\n".into())),
            "malformed",
        ),
        (stream().ending(Ending::Reset), "interrupted"),
    ] {
        scene.copy.script([rule]);
        let response = scene.dataplane.send(&Request::chat("chat").key(APP)).await;
        assert_eq!(response.status, 200, "{outcome}");
        assert_eq!(response.text(), answer("stop", 12), "{outcome}");
        wait_for(&scene.dataplane, &copies("chat", "copy", outcome), 1.0).await;
    }
    let metrics = wait_for(&scene.dataplane, &compared("status", "different"), 5.0).await;
    let attempts = "gateway_upstream_requests_total{upstream=\"copy\",status=\"500\"}";
    assert_is(metrics.value(attempts), 0.0);
    let health = scene.dataplane.send(&Request::get("/health")).await.json();
    assert_eq!(health["status"], "ok", "no client is worse off");
}

#[tokio::test]
async fn a_server_that_is_gone_or_silent_is_not_waited_for() {
    let first = FakeModel::start().await.unwrap();
    let silent = SilentServer::start();
    let start = shadow().upstream("first", &first);
    let start = start.upstream_url("hasty-copy", silent.url());
    let dataplane = start.start().await;
    for (model, upstream, outcome) in [
        ("chat", "copy", "connect_error"),
        ("hasty", "hasty-copy", "timeout"),
    ] {
        let response = dataplane.send(&Request::chat(model).key(APP)).await;
        assert_eq!(response.status, 200, "{outcome}");
        wait_for(&dataplane, &copies(model, upstream, outcome), 1.0).await;
    }
}

#[tokio::test]
async fn a_copy_is_given_up_after_the_times_of_its_server() {
    let scene = scene_of("hasty-copy").await;
    let stalls = Rule::stream(["data: {}\n\n"]).ending(Ending::Stall);
    for (rule, outcome) in [
        (Rule::new(Action::Stall), "timeout"),
        (stalls, "interrupted"),
    ] {
        scene.copy.script([rule]);
        let response = scene.dataplane.send(&Request::chat("hasty").key(APP)).await;
        assert_eq!(response.status, 200);
        let counted = copies("hasty", "hasty-copy", outcome);
        wait_for(&scene.dataplane, &counted, 1.0).await;
    }
    assert!(scene.copy.wait_for_ends(2).await[0].aborted());
}

#[tokio::test]
async fn a_copy_is_whole_with_its_last_event_whatever_its_upstream_does_then() {
    let scene = scene().await;
    for (count, ending) in [(1.0, Ending::Reset), (2.0, Ending::Stall)] {
        let stream = Rule::stream(["data: {}\n\n", "data: [DONE]\n\n"]);
        scene.copy.script([stream.ending(ending)]);
        let request = Request::chat_stream("chat").key(APP);
        assert_eq!(scene.dataplane.send(&request).await.status, 200);
        wait_for(&scene.dataplane, &copies("chat", "copy", "200"), count).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_the_copy_with_it() {
    let scene = scene().await;
    scene.first.script([Rule::new(Action::Stall)]);
    scene.copy.script([Rule::chat_stream(3).gated()]);
    let mut connection = scene.dataplane.connect().await;
    let request = Request::chat_stream("chat").key(APP);
    connection
        .write(&[&request.head(), request.body()].concat())
        .await;
    scene.copy.wait_for_requests(1).await;
    drop(connection);
    assert!(scene.copy.wait_for_ends(1).await[0].aborted());
    let cancelled = copies("chat", "copy", "cancelled");
    let metrics = wait_for(&scene.dataplane, &cancelled, 1.0).await;
    assert!(!metrics.text().contains("gateway_shadow_compared_total{"));
}

#[tokio::test]
async fn a_copy_holds_up_no_stop() {
    let mut scene = scene().await;
    scene.copy.script([Rule::new(Action::Stall)]);
    let response = scene.dataplane.send(&Request::chat("chat").key(APP)).await;
    assert_eq!(response.status, 200);
    scene.copy.wait_for_requests(1).await;
    scene.dataplane.terminate().await;
    assert!(scene.dataplane.wait_for_exit().await.success());
    let stopped = |line: &Value| line["message"] == "stopped";
    scene.dataplane.log().wait_for(stopped).await;
}

#[tokio::test]
async fn of_every_hundred_requests_the_same_number_is_copied() {
    let scene = scene().await;
    // One connection, so one worker.
    let mut connection = scene.dataplane.connect().await;
    for _ in 0..100 {
        let request = Request::chat("quarter").key(APP);
        assert_eq!(connection.send(&request).await.status, 200);
    }
    let answered = copies("quarter", "copy", "200");
    // The draws begin anywhere: of any hundred in a row, 24 to 27 lie in a quarter.
    wait_for(&scene.dataplane, &answered, 24.0).await;
    let copies = scene.copy.received().len();
    assert!(copies <= 27, "{copies} of 100");
}

#[tokio::test]
async fn a_copy_counts_for_no_limit() {
    let scene = scene().await;
    let request = Request::chat("chat").key(LIMITED);
    for remaining in ["1", "0"] {
        let response = scene.dataplane.send(&request).await;
        assert_eq!(response.status, 200);
        let header = response.header("x-ratelimit-remaining-requests");
        assert_eq!(header, Some(remaining));
    }
    scene.copy.wait_for_ends(2).await;
    // And what is refused is not copied.
    assert_eq!(scene.dataplane.send(&request).await.status, 429);
    assert_eq!(scene.copy.received().len(), 2);
}

#[tokio::test]
async fn copies_never_open_a_circuit_and_never_wake_a_server_that_is_left_alone() {
    let scene = scene_of("guarded").await;
    scene.copy.script([Rule::respond(500, "{}")]);
    let failed = copies("beside", "guarded", "500");
    for count in 1..=4 {
        let response = scene
            .dataplane
            .send(&Request::chat("beside").key(APP))
            .await;
        assert_eq!(response.status, 200);
        wait_for(&scene.dataplane, &failed, f64::from(count)).await;
    }
    let state = "gateway_circuit_state{upstream=\"guarded\"}";
    assert_is(scene.dataplane.metrics().await.value(state), 0.0);

    for _ in 0..2 {
        let request = Request::chat("guarded").key(APP);
        assert_eq!(scene.dataplane.send(&request).await.status, 502);
    }
    assert_is(scene.dataplane.metrics().await.value(state), 1.0);
    let response = scene
        .dataplane
        .send(&Request::chat("beside").key(APP))
        .await;
    assert_eq!(response.status, 200);
    let skipped = copies("beside", "guarded", "skipped");
    assert_is(scene.dataplane.metrics().await.value(&skipped), 1.0);
    assert_eq!(scene.copy.received().len(), 6);
}

#[tokio::test]
async fn an_administrator_turns_copies_off_and_on() {
    let scene = scene().await;
    let turn = |enabled: bool| {
        let body = json!({"enabled": enabled}).to_string();
        Request::put("/v1/admin/features/shadow", body).key(OPS)
    };
    assert_eq!(scene.dataplane.send(&turn(false)).await.status, 200);
    let request = Request::chat("chat").key(APP);
    assert_eq!(scene.dataplane.send(&request).await.status, 200);
    assert_eq!(scene.dataplane.send(&turn(true)).await.status, 200);
    assert_eq!(scene.dataplane.send(&request).await.status, 200);
    scene.copy.wait_for_ends(1).await;
    assert_eq!(scene.copy.received().len(), 1);
    assert_eq!(scene.first.received().len(), 2);
}

fn assert_is(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-9, "{value}, not {expected}");
}
