//! Stopping: streams in flight finish, nothing new begins.

use std::time::{Duration, Instant};

use end_to_end::{
    Connection, Dataplane, FIRST, FULL, Request, faults, patiently, room_for, routing,
};
use fake_model::server::{Action, FakeModel, Rule};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::wire::{Wire, chat, text};

const STREAMS: usize = 500;

/// More connections than a task of the gateway is given in one turn, for each of its workers.
const WAITING: usize = 1000;

/// Between two looks at whether connections are still accepted.
const POLL: Duration = Duration::from_millis(2);

/// So many streams in flight, each having sent its first event.
async fn in_flight(streams: usize) -> (FakeModel, Dataplane, Vec<Connection>) {
    assert_eq!(room_for(streams), streams);
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    model.script([Rule::stream(["data: first\n\n", "data: last\n\n"]).gated()]);
    let mut connections = Vec::new();
    for _ in 0..streams {
        let mut connection = dataplane.connect().await;
        connection
            .begin(&Request::chat_stream("plain").key(FULL))
            .await;
        connection.read_until("first").await;
        connections.push(connection);
    }
    (model, dataplane, connections)
}

/// Waits until the dataplane has taken note of the signal.
async fn stopping(dataplane: &Dataplane) {
    let is_it = |line: &Value| line["message"] == "stopping: requests in flight may end";
    dataplane.log().wait_for(is_it).await;
}

/// Waits until all workers have told their connections, after which each closes its own listening socket.
async fn refused(dataplane: &Dataplane) {
    let refused = async {
        while TcpStream::connect(dataplane.address()).await.is_ok() {
            sleep(POLL).await;
        }
    };
    patiently("connections to be refused", refused).await;
}

#[tokio::test]
async fn no_stream_in_flight_is_cut() {
    let (model, mut dataplane, connections) = in_flight(STREAMS).await;
    dataplane.terminate().await;
    stopping(&dataplane).await;
    let since = Instant::now();
    model.release(STREAMS);
    for mut connection in connections {
        let rest = connection.read_body().await.expect("the stream was cut");
        assert_eq!(rest, b"data: last\n\n");
    }
    assert_eq!(dataplane.wait_for_exit().await.code(), Some(0));
    let took = since.elapsed();
    println!("0 of {STREAMS} streams cut, all of them and the process over within {took:.1?}");
    assert!(
        model
            .wait_for_ends(STREAMS)
            .await
            .iter()
            .all(|stream| !stream.aborted())
    );
}

#[tokio::test]
async fn a_connection_that_nobody_uses_does_not_outlast_a_stop() {
    let mut dataplane = faults().start().await;
    let mut idle = dataplane.connect().await;
    assert_eq!(idle.send(&Request::get("/ready")).await.status, 200);
    let mut never_used = dataplane.connect().await;
    dataplane.terminate().await;
    idle.wait_for_close().await;
    never_used.wait_for_close().await;
    assert_eq!(dataplane.wait_for_exit().await.code(), Some(0));
    let stopped = |line: &Value| line["message"] == "stopped";
    dataplane.log().wait_for(stopped).await;
}

// The two below are to send within the quiet time of a stop, which `faults` keeps as short as its grace period.

#[tokio::test]
async fn a_kept_connection_is_not_closed_under_its_next_request() {
    let dataplane = routing().start().await;
    let mut idle = dataplane.connect().await;
    let first = idle.send(&Request::get("/health")).await;
    assert_eq!(first.header("connection"), None);
    dataplane.terminate().await;
    refused(&dataplane).await;
    let last = idle.send(&Request::get("/health")).await;
    assert_eq!(last.header("connection"), Some("close"));
    idle.wait_for_close().await;
}

#[tokio::test]
async fn the_connection_of_a_stream_is_not_closed_under_its_next_request() {
    let model = FakeModel::start().await.unwrap();
    let dataplane = routing().upstream("left", &model).start().await;
    model.script([Rule::stream(["data: first\n\n", "data: last\n\n"]).gated()]);
    let mut connection = dataplane.connect().await;
    connection
        .begin(&Request::chat_stream("ordered").key(FIRST))
        .await;
    connection.read_until("first").await;
    dataplane.terminate().await;
    refused(&dataplane).await;
    model.release(1);
    connection.read_body().await.unwrap();
    let last = connection.send(&Request::get("/health")).await;
    assert_eq!(last.header("connection"), Some("close"));
    connection.wait_for_close().await;
}

#[tokio::test]
async fn nothing_new_is_accepted() {
    let (model, mut dataplane, mut connections) = in_flight(1).await;
    dataplane.terminate().await;
    refused(&dataplane).await;
    model.release(1);
    connections[0].read_body().await.unwrap();
    dataplane.wait_for_exit().await;
}

#[tokio::test]
async fn whoever_has_connected_before_is_served() {
    assert_eq!(room_for(WAITING), WAITING);
    let mut dataplane = routing().start().await;
    dataplane.freeze().await;
    dataplane.terminate().await;
    let mut waiting = Vec::new();
    for _ in 0..WAITING {
        let mut connection = dataplane.connect().await;
        connection.write(&Request::get("/health").head()).await;
        waiting.push(connection);
    }
    dataplane.thaw().await;
    for mut connection in waiting {
        assert_eq!(connection.read_response().await.status, 200);
    }
    assert_eq!(dataplane.wait_for_exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_stream_that_outlasts_the_grace_period_ends_with_an_error_event() {
    let (model, mut dataplane, mut connections) = in_flight(1).await;
    dataplane.terminate().await;
    dataplane.wait_for_exit().await;
    let rest = connections[0]
        .read_body()
        .await
        .expect("it comes to an end");
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.starts_with("data: {\"error\":"), "{rest}");
    assert!(
        rest.contains("gateway_stopped") && !rest.contains("[DONE]"),
        "{rest}"
    );
    let is_it = |line: &Value| line["logger"] == "nexus.access" && line["status"] == 503;
    let line = dataplane.log().wait_for(is_it).await;
    assert_eq!(
        line["message"],
        "the gateway stopped before the response was whole"
    );
    assert!(model.wait_for_ends(1).await[0].aborted());
}

#[tokio::test]
async fn a_request_that_outlasts_the_grace_period_without_an_answer_is_503() {
    let model = FakeModel::start().await.unwrap();
    let mut dataplane = faults().upstream("plain", &model).start().await;
    model.script([Rule::new(Action::Stall)]);
    let mut connection = dataplane.connect().await;
    let request = Request::chat("plain").key(FULL);
    connection
        .write(&[&request.head(), request.body()].concat())
        .await;
    model.wait_for_requests(1).await;
    dataplane.terminate().await;
    let response = connection.read_response().await;
    assert_eq!(response.status, 503);
    assert_eq!(response.json()["error"]["code"], "gateway_stopped");
    assert_eq!(response.header("retry-after"), Some("1"));
    let id = response.header("x-request-id").expect("an id");
    assert_eq!(dataplane.access_line(id).await["status"], 503);
    assert_eq!(dataplane.wait_for_exit().await.code(), Some(0));
    assert!(model.wait_for_ends(1).await[0].aborted());
}

#[tokio::test]
async fn over_http_2_it_is_503_too() {
    let model = FakeModel::start().await.unwrap();
    let mut dataplane = faults().upstream("plain", &model).start().await;
    model.script([Rule::new(Action::Stall)]);
    let stream = TcpStream::connect(dataplane.address()).await.unwrap();
    let mut wire = Wire::two(stream, 1 << 16).await;
    let asked = tokio::spawn(async move { wire.send(chat(FULL, "plain")).await });
    model.wait_for_requests(1).await;
    dataplane.terminate().await;
    let response = asked.await.unwrap().unwrap();
    assert_eq!(response.status(), 503);
    assert!(text(response).await.contains("gateway_stopped"));
    dataplane.wait_for_exit().await;
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let (_model, mut dataplane, _connections) = in_flight(1).await;
    dataplane.terminate().await;
    stopping(&dataplane).await;
    dataplane.terminate().await;
    dataplane.wait_for_exit().await;
    // And not because the grace period was over.
    let at_once = |line: &Value| line["message"] == "stopped at once: asked again";
    dataplane.log().wait_for(at_once).await;
}
