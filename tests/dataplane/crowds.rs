//! Crowds of clients that are up to no good, or simply many: what each costs, and that nobody else notices.
//!
//! What bounds them: a head and a body must arrive within `read_timeout`; who takes nothing of a response for
//! `write_timeout`, or has vanished while some of it was on its way, is given up (`TCP_USER_TIMEOUT`). Who has
//! vanished while there is nothing to send, since the model is still at work, is found by keep-alive probes, one
//! each 15 s: by the first that goes unanswered once `write_timeout` is over. The operating system is trusted with
//! that; the runtime's `connection` has a test that it is told to.

use std::time::Duration;

use end_to_end::{
    Cost, Crowd, Dataplane, FIRST, FULL, Request, beside, faults, patiently, room_for, routing,
};
use fake_model::server::{Action, Ending, FakeModel, Rule};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::sleep;

/// One crowd at a time: they are to be a burden to the dataplane and not to each other.
static TURN: Mutex<()> = Mutex::const_new(());

/// Longer than a request usually takes to which a crowd makes no difference, also on a machine with far too much to
/// do: they take 1 to 5 ms.
const UNDISTURBED: Duration = Duration::from_millis(500);

/// Between two bytes of a client that dawdles.
const PACE: Duration = Duration::from_millis(100);

/// What the gateway may hold for each client, in KiB, in a debug build, which holds 7 to 9.
const KIB_EACH: u64 = 24;

/// The same for a client that leaves unread what its model sends: 121.
const KIB_EACH_UNREAD: u64 = 256;

/// The same for a client that was answered and asks for nothing: 3.
const KIB_EACH_IDLE: u64 = 8;

/// A dataplane with a model that does this for a crowd, and another for everybody else.
struct Scene {
    model: FakeModel,
    others: FakeModel,
    dataplane: Dataplane,
    _turn: MutexGuard<'static, ()>,
}

impl Scene {
    async fn new(rule: Rule) -> Self {
        let turn = TURN.lock().await;
        let (model, others) = (
            FakeModel::start().await.unwrap(),
            FakeModel::start().await.unwrap(),
        );
        model.script([rule]);
        let start = faults().upstream("plain", &model);
        let dataplane = start.upstream("renamed", &others).start().await;
        Self {
            model,
            others,
            dataplane,
            _turn: turn,
        }
    }

    fn crowd(&self, size: usize, says: &[u8]) -> Crowd {
        Crowd::gather(self.dataplane.address(), size, says)
    }

    /// What a crowd costs those who ask the other model meanwhile.
    async fn beside<T>(&self, crowd: impl Future<Output = T>) -> (T, Cost) {
        let request = Request::chat("renamed").key(FULL);
        let outcome = beside(&self.dataplane, &request, crowd).await;
        self.others.reset();
        outcome
    }

    /// Waits until no request is in flight but the one that asks, and returns how many clients were given up.
    async fn given_up(&self) -> f64 {
        let idle = async {
            loop {
                let metrics = self.dataplane.metrics().await;
                if metrics.value("gateway_in_flight_requests") < 1.5 {
                    return metrics.value("gateway_requests_aborted_total");
                }
                sleep(PACE).await;
            }
        };
        patiently("the crowd to be given up", idle).await
    }
}

/// Prints and judges what a crowd of this size cost.
fn assert_bearable(who: &str, size: usize, cost: &Cost, kib_each: u64) {
    let each = cost.memory_each(size) / 1024;
    println!("{size} {who}: {cost}; {each} KiB each");
    assert!(cost.median() < UNDISTURBED, "{cost}");
    assert!(each < kib_each, "{each} KiB each");
}

fn bytes(request: &Request) -> Vec<u8> {
    [&request.head(), request.body()].concat()
}

#[tokio::test]
async fn heads_that_come_byte_by_byte_are_cut_off_in_time() {
    let scene = Scene::new(Rule::default()).await;
    let size = room_for(1000);
    let head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway.test\r\n";
    let (told, cost) = scene
        .beside(async {
            let crowd = scene.crowd(size, b"");
            crowd.trickle(head, PACE).await
        })
        .await;
    // Who has not even sent enough to tell that it is HTTP/1.1 is not told anything.
    let is_cut = |told: &String| told.is_empty() || told.starts_with("HTTP/1.1 408 ");
    assert!(told.iter().all(is_cut), "{told:?}");
    assert_bearable("heads, a byte each 100 ms", size, &cost, KIB_EACH);
    assert!(scene.model.received().is_empty());
}

#[tokio::test]
async fn bodies_that_come_byte_by_byte_are_cut_off_in_time() {
    let scene = Scene::new(Rule::default()).await;
    let size = room_for(1000);
    let request = Request::chat("plain").key(FULL);
    let body = br#"{"model":"plain","messages":[{"role":"#;
    let (told, cost) = scene
        .beside(async {
            let crowd = scene.crowd(size, &request.head());
            crowd.trickle(body, PACE).await
        })
        .await;
    assert!(told.iter().all(|told| told.starts_with("HTTP/1.1 408 ")));
    assert_bearable("bodies, a byte each 100 ms", size, &cost, KIB_EACH);
    assert!(scene.model.received().is_empty());
}

#[tokio::test]
async fn clients_that_read_nothing_of_their_streams_are_given_up() {
    // More than fits into any buffer on the way.
    let event = format!("data: {}\n\n", "x".repeat(16 * 1024));
    let stream = Rule::stream(std::iter::repeat_n(event, 32)).ending(Ending::Stall);
    let scene = Scene::new(stream).await;
    let size = room_for(100);
    let request = bytes(&Request::chat_stream("plain").key(FULL));
    let ((ends, _crowd), cost) = scene
        .beside(async {
            let crowd = scene.crowd(size, &request);
            (scene.model.wait_for_ends(size).await, crowd)
        })
        .await;
    assert!(ends.iter().all(|stream| stream.aborted()));
    assert_bearable("streams that nobody reads", size, &cost, KIB_EACH_UNREAD);
    assert!((scene.given_up().await - size as f64).abs() < 1e-9);
}

#[tokio::test]
async fn clients_that_vanish_without_closing_are_given_up() {
    let scene = Scene::new(Rule::chat_stream(2).gated()).await;
    let size = room_for(1000) / 2;
    let before = scene.dataplane.open_files();
    let request = bytes(&Request::chat_stream("plain").key(FULL));
    let ((ends, _crowds), cost) = scene
        .beside(async {
            let mut reading = scene.crowd(size, &request);
            reading.hear("word1").await;
            let writing = scene.crowd(size, &request[..50]);
            reading.vanish();
            writing.vanish();
            scene.model.release(size);
            (scene.model.wait_for_ends(size).await, [reading, writing])
        })
        .await;
    assert!(ends.iter().all(|stream| stream.aborted()));
    assert_bearable("clients that have vanished", 2 * size, &cost, KIB_EACH);
    assert!((scene.given_up().await - size as f64).abs() < 1e-9);
    let closed = async {
        while scene.dataplane.open_files() >= before + 16 {
            sleep(PACE).await;
        }
    };
    patiently("their connections to be closed", closed).await;
}

#[tokio::test]
async fn five_thousand_connections_are_all_answered() {
    let _turn = TURN.lock().await;
    let count = room_for(5000);
    let model = FakeModel::start().await.unwrap();
    model.script([Rule::new(Action::Model)]);
    let dataplane = routing().upstream("left", &model).start().await;
    let before = dataplane.memory();
    let mut connections = Vec::with_capacity(count);
    // All have asked for something before the first answer is read.
    let look = Request::get("/v1/models").key(FIRST);
    for _ in 0..count {
        let mut connection = dataplane.connect().await;
        connection.write(&look.head()).await;
        connections.push(connection);
    }
    for connection in &mut connections {
        assert_eq!(connection.read_response().await.status, 200);
    }
    let idle = (dataplane.memory() - before) / count as u64;
    // Each tenth has a stream in flight, and so has a connection to the model.
    model.script([Rule::stream(["data: first\n\n", "data: [DONE]\n\n"]).gated()]);
    let stream = Request::chat_stream("ordered").key(FIRST);
    let (streaming, quiet) = connections.split_at_mut(count / 10);
    for connection in &mut *streaming {
        connection.write(&bytes(&stream)).await;
    }
    for connection in &mut *streaming {
        assert_eq!(connection.read_head().await.status, 200);
        connection.read_until("first").await;
    }
    let (answered, cost) = beside(&dataplane, &look, async {
        let mut answered = 0;
        for connection in &mut *quiet {
            answered += usize::from(connection.send(&look).await.status == 200);
        }
        answered
    })
    .await;
    model.release(streaming.len());
    for connection in &mut *streaming {
        connection.read_until("[DONE]").await;
    }
    println!(
        "{count} connections, {} of them streams: {answered} of {} answered; {cost}; {idle} bytes each while idle",
        streaming.len(),
        quiet.len()
    );
    assert_eq!(answered, quiet.len());
    assert!(cost.median() < UNDISTURBED, "{cost}");
    assert!(idle < KIB_EACH_IDLE * 1024, "{idle} bytes each");
}
