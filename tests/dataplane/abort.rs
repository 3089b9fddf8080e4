//! A client that goes away takes its request back from the upstream at once.

use std::time::{Duration, Instant};

use end_to_end::{Connection, Dataplane, FULL, Request, faults, once_within};
use fake_model::server::{Action, FakeModel, Rule};

/// How soon the upstream has to know.
const AT_ONCE: Duration = Duration::from_millis(100);

async fn plain(rule: Rule) -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    model.script([rule]);
    let dataplane = faults().upstream("plain", &model).start().await;
    (model, dataplane)
}

/// Asserts that the upstream knows at once when the connection ends after `begin`.
async fn assert_at_once(
    model: &FakeModel,
    begin: impl AsyncFn() -> Connection,
    end: impl Fn(Connection),
) {
    let mut ended = 0;
    let attempt = async || {
        let connection = begin().await;
        let since = Instant::now();
        end(connection);
        ended += 1;
        let received = model.wait_for_ends(ended).await;
        assert!(received[ended - 1].aborted());
        since.elapsed()
    };
    once_within(AT_ONCE, attempt).await;
}

/// A stream that has begun.
async fn begun(dataplane: &Dataplane) -> Connection {
    let mut connection = dataplane.connect().await;
    let request = Request::chat_stream("plain")
        .key(FULL)
        .header("x-request-id", "begun");
    connection.begin(&request).await;
    connection.read_until("word1").await;
    connection
}

#[tokio::test]
async fn before_the_head_of_the_response() {
    let (model, dataplane) = plain(Rule::new(Action::Stall)).await;
    let waiting = async || {
        let mut connection = dataplane.connect().await;
        let request = Request::chat_stream("plain")
            .key(FULL)
            .header("x-request-id", "early");
        let before = model.received().len();
        connection
            .write(&[&request.head(), request.body()].concat())
            .await;
        model.wait_for_requests(before + 1).await;
        connection
    };
    assert_at_once(&model, waiting, drop).await;
    assert_eq!(dataplane.access_line("early").await["status"], 499);
}

#[tokio::test]
async fn behind_a_line_end_too_many() {
    let (model, dataplane) = plain(Rule::new(Action::Stall)).await;
    for (number, gap) in [b"".as_slice(), b"\r\n"].into_iter().enumerate() {
        let mut connection = dataplane.connect().await;
        let request = Request::chat("plain").key(FULL);
        // With the body, and after the gateway has it.
        connection
            .write(&[&request.head(), request.body(), b"\r\n"].concat())
            .await;
        model.wait_for_requests(number + 1).await;
        connection.write(gap).await;
        drop(connection);
        assert!(model.wait_for_ends(number + 1).await[number].aborted());
    }
}

#[tokio::test]
async fn in_the_middle_of_a_stream() {
    let (model, dataplane) = plain(Rule::chat_stream(5).gated()).await;
    assert_at_once(&model, async || begun(&dataplane).await, drop).await;
    assert_eq!(dataplane.access_line("begun").await["status"], 499);
}

#[tokio::test]
async fn by_a_reset() {
    let (model, dataplane) = plain(Rule::chat_stream(5).gated()).await;
    assert_at_once(&model, async || begun(&dataplane).await, Connection::reset).await;
}

#[tokio::test]
async fn it_is_counted() {
    let (_model, dataplane) = plain(Rule::chat_stream(5).gated()).await;
    drop(begun(&dataplane).await);
    dataplane.access_line("begun").await;
    let aborted = dataplane
        .metrics()
        .await
        .value("gateway_requests_aborted_total");
    assert!((aborted - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn while_the_body_is_being_sent() {
    let (model, dataplane) = plain(Rule::default()).await;
    let mut connection = dataplane.connect().await;
    let request = Request::chat("plain")
        .key(FULL)
        .header("x-request-id", "half");
    connection.write(&request.head()).await;
    connection.write(&request.body()[..5]).await;
    drop(connection);
    assert_eq!(dataplane.access_line("half").await["status"], 499);
    assert!(model.received().is_empty());
}

#[tokio::test]
async fn no_other_upstream_is_tried_for_a_client_that_has_gone() {
    let (first, second) = (
        FakeModel::start().await.unwrap(),
        FakeModel::start().await.unwrap(),
    );
    first.script([Rule::new(Action::Stall)]);
    let start = faults()
        .upstream("chained", &first)
        .upstream("plain", &second);
    let dataplane = start.start().await;
    let mut connection = dataplane.connect().await;
    let request = Request::chat("chained")
        .key(FULL)
        .header("x-request-id", "gone");
    connection
        .write(&[&request.head(), request.body()].concat())
        .await;
    first.wait_for_requests(1).await;
    drop(connection);
    assert!(first.wait_for_ends(1).await[0].aborted());
    dataplane.access_line("gone").await;
    assert!(second.received().is_empty());
}

#[tokio::test]
async fn an_abort_does_not_speak_against_the_upstream() {
    let (model, dataplane) = plain(Rule::new(Action::Stall)).await;
    let mut connection = dataplane.connect().await;
    let request = Request::chat("plain")
        .key(FULL)
        .header("x-request-id", "impatient");
    connection
        .write(&[&request.head(), request.body()].concat())
        .await;
    model.wait_for_requests(1).await;
    drop(connection);
    dataplane.access_line("impatient").await;
    let health = dataplane.send(&Request::get("/health")).await.json();
    assert_eq!(health["upstreams"]["unhealthy"], 0);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let event = format!("data: {}\n\n", "x".repeat(16 * 1024));
    let (model, dataplane) = plain(Rule::stream(std::iter::repeat_n(event, 2000))).await;
    let mut connection = dataplane.connect().await;
    let request = Request::chat_stream("plain")
        .key(FULL)
        .header("x-request-id", "stuck");
    // Its head is read and no more; the connection stays open until the end of the test.
    connection.begin(&request).await;
    assert!(model.wait_for_ends(1).await[0].aborted());
    assert_eq!(dataplane.access_line("stuck").await["status"], 499);
}
