//! Connections that are kept, on both sides.

use end_to_end::{Dataplane, FULL, Request, faults};
use fake_model::server::{Action, FakeModel, Rule};

async fn one_worker() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let start = faults().env("NEXUS_WORKERS", "1").upstream("plain", &model);
    (model, start.start().await)
}

#[tokio::test]
async fn connections_to_clients_and_upstreams_are_kept() {
    let (model, dataplane) = one_worker().await;
    let mut connection = dataplane.connect().await;
    for request in [
        Request::chat("plain").key(FULL),
        Request::chat_stream("plain").key(FULL),
        Request::chat("plain").key(FULL),
    ] {
        assert_eq!(connection.send(&request).await.status, 200);
    }
    let connections: Vec<_> = model.received().iter().map(|one| one.connection).collect();
    assert_eq!(connections, [1, 1, 1]);
}

#[tokio::test]
async fn an_error_leaves_the_clients_connection_usable() {
    let (_model, dataplane) = one_worker().await;
    let mut connection = dataplane.connect().await;
    for (request, status) in [
        (Request::chat("nothing").key(FULL), 404),
        (Request::post("/v1/chat/completions", "{").key(FULL), 400),
        (Request::chat("hasty").key(FULL), 502),
        (Request::chat("plain").key(FULL), 200),
    ] {
        assert_eq!(connection.send(&request).await.status, status);
    }
}

#[tokio::test]
async fn a_kept_connection_that_turns_out_dead_is_replaced() {
    let (model, dataplane) = one_worker().await;
    // `plain` has nobody to stand in for it: the second request only succeeds on a new connection.
    model.script([
        Rule::new(Action::Model).times(1),
        Rule::new(Action::Close).times(1),
        Rule::new(Action::Model),
    ]);
    for _ in 0..2 {
        assert_eq!(
            dataplane
                .send(&Request::chat("plain").key(FULL))
                .await
                .status,
            200
        );
    }
    let connections: Vec<_> = model.received().iter().map(|one| one.connection).collect();
    assert_eq!(connections, [1, 1, 2]);
}

#[tokio::test]
async fn a_server_that_broke_down_at_its_work_does_not_get_the_request_again() {
    let model = FakeModel::start().await.unwrap();
    let start = faults().env("NEXUS_WORKERS", "1");
    let dataplane = start.upstream("recovering", &model).start().await;
    let request = Request::chat("recovering").key(FULL);
    assert_eq!(dataplane.send(&request).await.status, 200);
    // Longer than a connection to `recovering` may take to be made.
    let mut rule = Rule::new(Action::Close).times(1);
    rule.delay_ms = 600;
    model.script([rule]);
    assert_eq!(dataplane.send(&request).await.status, 502);
    let connections: Vec<_> = model.received().iter().map(|one| one.connection).collect();
    assert_eq!(connections, [1, 1]);
}

#[tokio::test]
async fn a_new_connection_that_is_closed_is_not_tried_again() {
    let (model, dataplane) = one_worker().await;
    model.script([Rule::new(Action::Close)]);
    assert_eq!(
        dataplane
            .send(&Request::chat("plain").key(FULL))
            .await
            .status,
        502
    );
    assert_eq!(model.received().len(), 1);
}

#[tokio::test]
async fn an_upstream_that_was_restarted_is_reached_again() {
    let (model, dataplane) = one_worker().await;
    assert_eq!(
        dataplane
            .send(&Request::chat("plain").key(FULL))
            .await
            .status,
        200
    );
    let address = model.address().to_string();
    model.stop().await;
    let model = FakeModel::start_on(&address, Default::default())
        .await
        .unwrap();
    assert_eq!(
        dataplane
            .send(&Request::chat("plain").key(FULL))
            .await
            .status,
        200
    );
    assert_eq!(model.received().len(), 1);
}

#[tokio::test]
async fn a_connection_with_an_unread_rest_is_not_kept() {
    let (model, dataplane) = one_worker().await;
    model.script([Rule::chat_stream(1).gated().times(1)]);
    let mut connection = dataplane.connect().await;
    connection
        .begin(&Request::chat_stream("plain").key(FULL))
        .await;
    connection.read_until("word1").await;
    drop(connection);
    model.wait_for_ends(1).await;
    assert_eq!(
        dataplane
            .send(&Request::chat("plain").key(FULL))
            .await
            .status,
        200
    );
    assert_eq!(model.received()[1].connection, 2);
}

#[tokio::test]
async fn requests_in_a_row_on_one_connection_are_answered_in_order() {
    let (_model, dataplane) = one_worker().await;
    let mut connection = dataplane.connect().await;
    let request = |id| {
        let request = Request::chat("plain").key(FULL).header("x-request-id", id);
        [request.head(), request.body().to_vec()].concat()
    };
    connection
        .write(&[request("first"), request("second")].concat())
        .await;
    for id in ["first", "second"] {
        assert_eq!(
            connection.read_response().await.header("x-request-id"),
            Some(id)
        );
    }
}
