//! A dataplane that has no file descriptors left: whoever is connected is served, whoever comes waits, and
//! nothing runs hot.

use std::time::{Duration, Instant};

use end_to_end::{Connection, Dataplane, FULL, Request, Start, faults, patiently};
use fake_model::server::{FakeModel, Rule};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::sleep;

const APP: &str = "app-secret-1234567890";

/// For how long the dataplane is watched.
const WINDOW: Duration = Duration::from_secs(1);

/// The part of a core that nobody uses who only waits: a worker that spins uses all of one.
const AT_REST: f64 = 0.25;

/// So many streams in flight, each having sent its first event.
async fn streaming(dataplane: &Dataplane, count: usize, request: &Request) -> Vec<Connection> {
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut connection = dataplane.connect().await;
        connection.begin(request).await;
        connection.read_until("first").await;
        connections.push(connection);
    }
    connections
}

async fn model() -> FakeModel {
    let model = FakeModel::start().await.unwrap();
    model.script([Rule::stream(["data: first\n\n", "data: [DONE]\n\n"]).gated()]);
    model
}

/// So many clients that come, ask, and go when they are answered.
fn visitors(dataplane: &Dataplane, count: usize, request: &Request) -> JoinSet<u16> {
    let mut visitors = JoinSet::new();
    for _ in 0..count {
        let (address, request) = (dataplane.address(), request.clone());
        visitors.spawn(async move {
            let mut connection = Connection::open(address).await;
            connection.send(&request).await.status
        });
    }
    visitors
}

/// How many visitors are answered 200 in the end.
async fn answered(mut visitors: JoinSet<u16>) -> usize {
    let count = async {
        let mut answered = 0;
        while let Some(status) = visitors.join_next().await {
            answered += usize::from(status.unwrap() == 200);
        }
        answered
    };
    patiently("all to be answered", count).await
}

/// The part of a core that the dataplane uses while nothing is asked of it.
async fn at_rest(dataplane: &Dataplane) -> f64 {
    let (began, before) = (Instant::now(), dataplane.cpu());
    sleep(WINDOW).await;
    let used = dataplane.cpu() - before;
    used.as_secs_f64() / began.elapsed().as_secs_f64()
}

fn said(dataplane: &Dataplane, text: &str) -> usize {
    let says = |line: &&Value| line["message"].as_str().unwrap().contains(text);
    dataplane.log().lines().iter().filter(says).count()
}

#[tokio::test]
async fn who_comes_when_there_are_too_few_waits_and_who_is_connected_is_served() {
    let model = model().await;
    // 64 are set aside for the process itself, so that there are 16 pairs.
    let start = faults().open_files(96).upstream("plain", &model);
    let dataplane = start.start().await;
    let mut connections = streaming(&dataplane, 16, &Request::chat_stream("plain").key(FULL)).await;
    let mut waiting = visitors(&dataplane, 100, &Request::get("/v1/models").key(FULL));
    let cpu = at_rest(&dataplane).await;
    assert!(waiting.try_join_next().is_none(), "there was room");
    model.release(16);
    for connection in &mut connections {
        connection.read_until("[DONE]").await;
    }
    drop(connections);
    let answered = answered(waiting).await;
    println!(
        "96 file descriptors: 16 of 16 streams whole, {answered} of 100 who waited answered, {:.1} % of a core \
         meanwhile",
        cpu * 100.0
    );
    assert_eq!(answered, 100);
    assert!(cpu < AT_REST, "{cpu}");
    assert_eq!(
        said(&dataplane, "are enough for 16 connections and no more"),
        1
    );
    assert_eq!(said(&dataplane, "cannot accept"), 0);
}

#[tokio::test]
async fn a_process_without_any_left_goes_on_blames_nobody_and_recovers() {
    let model = model().await;
    let start = Start::of("resilience").env("KEY_APP", APP);
    let start = start.env("NEXUS_WORKERS", "1").upstream("spare", &model);
    let dataplane = start.upstream("second", &model).start().await;
    let mut streams = streaming(&dataplane, 16, &Request::chat_stream("spare").key(APP)).await;
    let mut idle = dataplane.connect().await;
    let look = Request::get("/v1/models").key(APP);
    assert_eq!(idle.send(&look).await.status, 200);

    let had = dataplane.may_open(8);
    let mut waiting = visitors(&dataplane, 20, &look);
    let cpu = at_rest(&dataplane).await;
    assert!(waiting.try_join_next().is_none(), "it had some left");
    model.release(16);
    for stream in &mut streams {
        stream.read_until("[DONE]").await;
    }
    assert_eq!(idle.send(&look).await.status, 200);
    // One failure shuts `second`, and this is none of its.
    let second = Request::chat("second").key(APP);
    let refused = idle.send(&second).await;
    assert_eq!(refused.status, 502);
    assert!(
        refused.text().contains("too many files open"),
        "{}",
        refused.text()
    );

    dataplane.may_open(had);
    assert_eq!(answered(waiting).await, 20);
    model.script([Rule::default()]);
    assert_eq!(idle.send(&second).await.status, 200);
    println!(
        "no file descriptor: 16 of 16 streams whole, 20 of 20 who waited answered, {:.1} % of a core meanwhile",
        cpu * 100.0
    );
    assert!(cpu < AT_REST, "{cpu}");
    assert_eq!(said(&dataplane, "cannot accept"), 1);
    let is_it = |line: &Value| line["message"] == "connections are accepted again";
    dataplane.log().wait_for(is_it).await;
}
