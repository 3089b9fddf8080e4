//! Rules that choose by order, load, prompt, session or key, and the model for unknown names.

use end_to_end::{Connection, Dataplane, FIRST, Request, SECOND, routing};
use fake_model::server::{Action, FakeModel, Rule};
use serde_json::json;

/// A dataplane between two model servers.
struct Scene {
    left: FakeModel,
    right: FakeModel,
    dataplane: Dataplane,
}

async fn scene() -> Scene {
    let left = FakeModel::start().await.unwrap();
    let right = FakeModel::start().await.unwrap();
    let start = routing().upstream("left", &left).upstream("right", &right);
    let dataplane = start.start().await;
    Scene {
        left,
        right,
        dataplane,
    }
}

impl Scene {
    /// How many requests each has got.
    fn counts(&self) -> [usize; 2] {
        [&self.left, &self.right].map(|model| model.received().len())
    }

    /// Sends a request; it must be answered, by the model that was asked for.
    async fn ask(&self, request: Request) {
        let response = self.dataplane.send(&request).await;
        assert_eq!(response.status, 200, "{}", response.text());
        assert_eq!(response.header("x-fallback-model"), None);
    }

    /// Begins a stream that does not end before the test.
    async fn begin(&self, request: Request) -> Connection {
        let mut connection = self.dataplane.connect().await;
        assert_eq!(connection.begin(&request).await.status, 200);
        connection
    }
}

fn of_session(id: &str) -> Request {
    Request::chat("kept-for-session")
        .key(FIRST)
        .header("x-session-id", id)
}

fn prompt(text: &str) -> Request {
    let messages = json!([{"role": "system", "content": text}]);
    let body = json!({"model": "cached", "messages": messages, "stream": true});
    Request::post("/v1/chat/completions", body.to_string()).key(FIRST)
}

/// A prompt longer than the head that the route compares.
fn long_prompt(assistant: usize, question: &str) -> Request {
    prompt(&format!(
        "{assistant:03}{} {question}",
        "You help. ".repeat(10)
    ))
}

#[tokio::test]
async fn the_lowest_number_takes_all_until_it_fails() {
    let scene = scene().await;
    for _ in 0..10 {
        scene.ask(Request::chat("ordered").key(FIRST)).await;
    }
    assert_eq!(scene.counts(), [10, 0]);
    scene.left.script([Rule::respond(500, "{}").times(1)]);
    scene.ask(Request::chat("ordered").key(FIRST)).await;
    scene.ask(Request::chat("ordered").key(FIRST)).await;
    assert_eq!(scene.counts(), [12, 1]);
}

#[tokio::test]
async fn streams_in_flight_are_spread() {
    let scene = scene().await;
    for model in [&scene.left, &scene.right] {
        model.script([Rule::chat_stream(2).gated()]);
    }
    let mut streams = Vec::new();
    for number in 1..=6 {
        streams.push(scene.begin(Request::chat_stream("idlest").key(FIRST)).await);
        let [left, right] = scene.counts();
        assert!(left.abs_diff(right) <= number % 2, "{left} and {right}");
    }
}

#[tokio::test]
async fn a_place_is_free_after_the_response_a_failure_and_an_abort() {
    let scene = scene().await;
    let ask = || {
        Request::chat("idlest")
            .key(FIRST)
            .header("x-request-id", "gone")
    };
    let stalls = || Rule::new(Action::Stall);

    // A failure: the one that failed is taken again when the other is busy.
    for model in [&scene.left, &scene.right] {
        model.script([Rule::respond(500, "{}").times(1), stalls()]);
    }
    assert_eq!(scene.dataplane.send(&ask()).await.status, 502);
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut connection = scene.dataplane.connect().await;
        connection
            .write(&[&ask().head(), ask().body()].concat())
            .await;
        waiting.push(connection);
        let (left, right) = (
            scene.left.wait_for_requests(2),
            scene.right.wait_for_requests(2),
        );
        // The first goes to either, the second to the other.
        if waiting.len() == 1 {
            tokio::select! { _ = left => {}, _ = right => {} }
        } else {
            tokio::join!(left, right);
        }
    }
    assert_eq!(scene.counts(), [2, 2], "each has one in flight");

    // Aborts: the ends are seen upstream, so the places are free, and whole responses free theirs.
    drop(waiting);
    for model in [&scene.left, &scene.right] {
        model.wait_for_ends(2).await;
        model.script([Rule::default()]);
    }
    for _ in 0..40 {
        scene.ask(ask()).await;
    }
    let [left, right] = scene.counts();
    assert_eq!(left + right, 44);
    assert!(
        left.abs_diff(right) <= 12,
        "a place that is not freed sends all 40 to the other: {left} and {right}"
    );
}

#[tokio::test]
async fn prompts_that_begin_alike_go_to_one_upstream() {
    let scene = scene().await;
    let mut used = [0, 0];
    for assistant in 0..12 {
        let before = scene.counts();
        for question in ["Who?", "What?", "Where?"] {
            scene.ask(long_prompt(assistant, question)).await;
        }
        match [0, 1].map(|index| scene.counts()[index] - before[index]) {
            [3, 0] => used[0] += 1,
            [0, 3] => used[1] += 1,
            mixed => panic!("{mixed:?}"),
        }
    }
    assert!(used[0] > 0 && used[1] > 0, "{used:?}");
}

#[tokio::test]
async fn a_beginning_that_everybody_uses_spills_over() {
    let scene = scene().await;
    for model in [&scene.left, &scene.right] {
        model.script([Rule::chat_stream(2).gated()]);
    }
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(scene.begin(long_prompt(1, "Who?")).await);
    }
    // 150 % of the mean of 4.
    let mut counts = scene.counts();
    counts.sort_unstable();
    assert_eq!(counts, [2, 6]);
}

#[tokio::test]
async fn a_session_stays_where_it_is() {
    let scene = scene().await;
    for session in 0..12 {
        let before = scene.counts();
        for _ in 0..3 {
            scene.ask(of_session(&format!("session-{session}"))).await;
        }
        let after = scene.counts();
        assert!(
            after[0] == before[0] || after[1] == before[1],
            "{before:?} {after:?}"
        );
    }
    let [left, right] = scene.counts();
    assert!(left > 0 && right > 0, "{left} and {right}");
}

#[tokio::test]
async fn a_session_is_where_it_was_after_a_restart_and_in_another_replica() {
    let scene = scene().await;
    let replica = routing()
        .upstream("left", &scene.left)
        .upstream("right", &scene.right)
        .start()
        .await;
    for session in 0..8 {
        let request = of_session(&format!("session-{session}"));
        let before = scene.counts();
        scene.ask(request.clone()).await;
        assert_eq!(replica.send(&request).await.status, 200);
        let after = scene.counts();
        assert!(
            after[0] == before[0] || after[1] == before[1],
            "{before:?} {after:?}"
        );
    }
}

#[tokio::test]
async fn a_session_whose_upstream_fails_is_served_by_the_other() {
    let right = FakeModel::start().await.unwrap();
    let dataplane = routing().upstream("right", &right).start().await;
    for session in 0..8 {
        let request = of_session(&format!("session-{session}"));
        assert_eq!(dataplane.send(&request).await.status, 200);
    }
    assert_eq!(right.received().len(), 8);
}

#[tokio::test]
async fn requests_without_a_session_are_shared() {
    let scene = scene().await;
    let mut connection = scene.dataplane.connect().await;
    for _ in 0..20 {
        let request = Request::chat("kept-for-session").key(FIRST);
        assert_eq!(connection.send(&request).await.status, 200);
    }
    let [left, right] = scene.counts();
    assert!(left.abs_diff(right) <= 2, "{left} and {right}");
}

#[tokio::test]
async fn a_key_stays_on_its_side_of_a_canary() {
    let scene = scene().await;
    for key in [FIRST, SECOND] {
        let before = scene.counts();
        for _ in 0..8 {
            scene.ask(Request::chat("kept-for-key").key(key)).await;
        }
        let after = scene.counts();
        assert!(
            after[0] == before[0] || after[1] == before[1],
            "{before:?} {after:?}"
        );
    }
}

#[tokio::test]
async fn an_unknown_model_is_served_by_the_default() {
    let scene = scene().await;
    let request = Request::chat("gpt-9")
        .key(FIRST)
        .header("x-request-id", "unknown");
    scene.ask(request).await;
    let sent: serde_json::Value =
        serde_json::from_slice(scene.left.received()[0].body.as_bytes()).unwrap();
    assert_eq!(
        sent["model"], "ordered",
        "the upstream is told a name that it knows"
    );
    let line = scene.dataplane.access_line("unknown").await;
    assert_eq!(line["model"], "ordered");
    let metrics = scene.dataplane.send(&Request::get("/metrics")).await.text();
    assert!(!metrics.contains("gpt-9"));
    // A name that is known goes upstream as the client wrote it.
    scene.ask(Request::chat("in-order").key(FIRST)).await;
    let sent: serde_json::Value =
        serde_json::from_slice(scene.left.received()[1].body.as_bytes()).unwrap();
    assert_eq!(sent["model"], "in-order");
}

#[tokio::test]
async fn the_default_opens_no_model_that_a_key_may_not_use() {
    let scene = scene().await;
    let response = scene
        .dataplane
        .send(&Request::chat("gpt-9").key(SECOND))
        .await;
    assert_eq!(response.status, 404);
    assert!(!response.error_message().contains("ordered"));
    // A model that exists is not replaced.
    let response = scene
        .dataplane
        .send(&Request::chat("idlest").key(SECOND))
        .await;
    assert_eq!(response.status, 403);
    // Looking a model up is not using it.
    let response = scene
        .dataplane
        .send(&Request::get("/v1/models/gpt-9").key(FIRST))
        .await;
    assert_eq!(response.status, 404);
    assert_eq!(scene.counts(), [0, 0]);
}
