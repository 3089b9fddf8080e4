//! Sampling of the log: of successes so many as the spec says, the same in every replica; of failures all.

use std::collections::BTreeSet;

use end_to_end::{Dataplane, Request, WATCHED, WEB, observe};
use fake_model::server::{FakeModel, Rule};

async fn sampled() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let start = observe("/dev/null").upstream("main", &model);
    (model, start.start().await)
}

/// Sends so many requests of `key` for `model`, each of another trace.
async fn send(dataplane: &Dataplane, model: &str, key: &str, count: u32) {
    let mut connection = dataplane.connect().await;
    for number in 0..count {
        let request = Request::chat(model).key(key);
        let request = request.header("x-trace-id", &format!("trace-{number}"));
        assert_eq!(connection.send(&request).await.status, 200);
    }
}

/// The traces of the successes that are logged, once everything is written.
async fn logged(mut dataplane: Dataplane) -> BTreeSet<String> {
    dataplane.terminate().await;
    dataplane.wait_for_exit().await;
    let lines = dataplane.log().lines().into_iter();
    let successes = lines.filter(|line| line["logger"] == "nexus.access" && line["status"] == 200);
    successes
        .map(|line| line["trace_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn replicas_log_the_same_part_of_successes() {
    let (_model, one) = sampled().await;
    let (_other_model, other) = sampled().await;
    send(&one, "chat", WEB, 500).await;
    send(&other, "chat", WEB, 500).await;
    let (one, other) = (logged(one).await, logged(other).await);
    assert!((20..=90).contains(&one.len()), "{}", one.len());
    assert_eq!(one, other);
}

#[tokio::test]
async fn a_key_comes_before_a_model_and_a_model_before_all() {
    let (_model, dataplane) = sampled().await;
    send(&dataplane, "quiet", WEB, 50).await;
    assert!(logged(dataplane).await.is_empty());
    let (_model, dataplane) = sampled().await;
    send(&dataplane, "quiet", WATCHED, 50).await;
    assert_eq!(logged(dataplane).await.len(), 50);
}

#[tokio::test]
async fn failures_and_refusals_are_never_left_out() {
    let (model, dataplane) = sampled().await;
    model.script([Rule::respond(400, "{}").times(20)]);
    for number in 0..20 {
        let request = Request::chat("chat").key(WEB);
        let id = format!("bad-{number}");
        dataplane.send(&request.header("x-request-id", &id)).await;
        assert_eq!(dataplane.access_line(&id).await["status"], 400);
        let request = Request::chat("quiet").key("wrong-secret-1234567890");
        let id = format!("unknown-{number}");
        dataplane.send(&request.header("x-request-id", &id)).await;
        assert_eq!(dataplane.access_line(&id).await["status"], 401);
    }
}

#[tokio::test]
async fn what_is_not_logged_is_counted_all_the_same() {
    let (_model, dataplane) = sampled().await;
    send(&dataplane, "quiet", WEB, 20).await;
    let counted =
        r#"gateway_requests_total{method="POST",path="/v1/chat/completions",status="200"}"#;
    assert_eq!(dataplane.metrics().await.value(counted), 20.0);
}
