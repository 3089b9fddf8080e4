//! Upstreams that answer byte by byte.
//!
//! What bounds them: the head, and the first event of a stream, must be whole within `first_byte`. After that an
//! upstream that sends a byte in time never stalls for as long as `between_chunks`; it is `total`, or
//! `total_streamed`, that ends its answer, and without one nothing does but its client.

use std::time::{Duration, Instant};

use end_to_end::{Dataplane, FULL, PATIENCE, Request, Start, Trickler, beside, faults};
use fake_model::server::FakeModel;

const APP: &str = "app-secret-1234567890";
const PAUSE: Duration = Duration::from_millis(50);

/// A stream that has begun well.
const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {}\n\ndata: ";

/// Asks for `request` a hundred times at once while others go on; what each was told, and how long all of it
/// took.
async fn hundred(
    dataplane: &Dataplane,
    request: &Request,
    other: &Request,
) -> (Vec<String>, Duration) {
    let began = Instant::now();
    let (told, cost) = beside(dataplane, other, async {
        let mut connections = Vec::new();
        for _ in 0..100 {
            let mut connection = dataplane.connect().await;
            let bytes = [&request.head(), request.body()].concat();
            connection.write(&bytes).await;
            connections.push(connection);
        }
        let mut told = Vec::new();
        for mut connection in connections {
            let status = connection.read_head().await.status;
            let (Ok(body) | Err((body, _))) = connection.read_body().await;
            told.push(format!("{status} {}", String::from_utf8_lossy(&body)));
        }
        told
    })
    .await;
    println!("100 answers, a byte each {PAUSE:?}: {cost}");
    assert!(cost.median() < Duration::from_millis(500), "{cost}");
    (told, began.elapsed())
}

#[tokio::test]
async fn a_head_must_be_whole_within_the_time_for_the_first_byte() {
    let trickler = Trickler::start("HTTP/1.1 200 OK\r\nx-slow: ", b'z', PAUSE).await;
    let model = FakeModel::start().await.unwrap();
    let start = faults().upstream("plain", &model);
    let dataplane = start.upstream_url("hasty", trickler.url()).start().await;
    let (request, other) = (
        Request::chat("hasty").key(FULL),
        Request::chat("plain").key(FULL),
    );
    let (told, took) = hundred(&dataplane, &request, &other).await;
    assert!(told.iter().all(|told| told.starts_with("504 ")), "{told:?}");
    assert!(took < PATIENCE / 2, "{took:?}");
    let request = Request::chat("hasty-chained").key(FULL);
    assert_eq!(
        dataplane.send(&request).await.status,
        200,
        "a fallback model answers"
    );
}

#[tokio::test]
async fn a_first_event_must_be_known_within_the_time_for_the_first_byte() {
    let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"error\"";
    // As long as nothing but spaces comes, another upstream could still answer instead.
    let trickler = Trickler::start(stream, b' ', PAUSE).await;
    let dataplane = faults().upstream_url("hasty", trickler.url()).start().await;
    let response = dataplane
        .send(&Request::chat_stream("hasty").key(FULL))
        .await;
    assert_eq!(response.status, 504, "{}", response.text());
}

#[tokio::test]
async fn a_stream_is_ended_by_its_total_time_alone() {
    let trickler = Trickler::start(STREAM, b'z', PAUSE).await;
    let model = FakeModel::start().await.unwrap();
    let start = Start::of("resilience").env("KEY_APP", APP);
    let start = start.upstream("spare", &model);
    let dataplane = start.upstream_url("bounded", trickler.url()).start().await;
    let request = Request::chat_stream("bounded").key(APP);
    let (told, took) = hundred(&dataplane, &request, &Request::chat("spare").key(APP)).await;
    let is_ended = |told: &String| told.contains("data: zzz") && told.contains("deadline_exceeded");
    assert!(told.iter().all(is_ended), "{told:?}");
    assert!(took > Duration::from_secs(6), "{took:?}");
}
