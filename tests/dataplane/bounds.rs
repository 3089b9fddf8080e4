//! Requests that are wrong, too large or too slow.

use end_to_end::{Dataplane, FULL, Request, faults};
use fake_model::server::FakeModel;

async fn plain() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    (model, dataplane)
}

/// A chat request whose body has this size, in bytes.
fn chat_of(size: usize) -> String {
    let (head, tail) = (
        r#"{"model":"plain","messages":[{"role":"user","content":""#,
        r#""}]}"#,
    );
    format!("{head}{}{tail}", "x".repeat(size - head.len() - tail.len()))
}

#[tokio::test]
async fn a_body_of_the_largest_size_passes() {
    let (_model, dataplane) = plain().await;
    let request = Request::post("/v1/chat/completions", chat_of(64 * 1024)).key(FULL);
    assert_eq!(dataplane.send(&request).await.status, 200);
}

#[tokio::test]
async fn a_larger_body_is_413_before_it_is_sent() {
    let (model, dataplane) = plain().await;
    let mut connection = dataplane.connect().await;
    let request = Request::post("/v1/chat/completions", chat_of(64 * 1024 + 1)).key(FULL);
    connection.write(&request.head()).await;
    let response = connection.read_response().await;
    assert_eq!(response.status, 413);
    response.error_message();
    assert!(model.received().is_empty());
}

#[tokio::test]
async fn a_larger_body_of_unknown_length_is_413() {
    let (model, dataplane) = plain().await;
    let mut connection = dataplane.connect().await;
    let request = Request::new("POST", "/v1/chat/completions")
        .key(FULL)
        .header("transfer-encoding", "chunked");
    connection.write(&request.head()).await;
    let chunk = format!("11000\r\n{}\r\n", "x".repeat(0x11000));
    connection.write(chunk.as_bytes()).await;
    let response = connection.read_response().await;
    assert_eq!(response.status, 413);
    response.error_message();
    assert!(model.received().is_empty());
}

#[tokio::test]
async fn a_body_in_chunks_is_read() {
    let (model, dataplane) = plain().await;
    let mut connection = dataplane.connect().await;
    let request = Request::new("POST", "/v1/chat/completions")
        .key(FULL)
        .header("content-type", "application/json")
        .header("transfer-encoding", "chunked");
    connection.write(&request.head()).await;
    connection
        .write(b"10\r\n{\"model\":\"plain\"\r\n10\r\n,\"messages\":[{\"r\r\n")
        .await;
    connection
        .write(b"1b\r\nole\":\"user\",\"content\":\"\"}]}\r\n0\r\n\r\n")
        .await;
    assert_eq!(connection.read_response().await.status, 200);
    let body = r#"{"model":"plain","messages":[{"role":"user","content":""}]}"#;
    assert_eq!(model.received()[0].body.text(), body);
}

#[tokio::test]
async fn what_is_no_request_is_400_and_says_what_is_wrong() {
    let (model, dataplane) = plain().await;
    for (body, word) in [
        ("", ""),
        ("{", ""),
        ("[]", ""),
        ("null", ""),
        (r#"{"messages":[]}"#, "model"),
        (r#"{"model":7,"messages":[]}"#, "model"),
        (r#"{"model":"plain","messages":[]"#, ""),
        (r#"{"model":"plain","messages":[]} x"#, ""),
        (r#"{"model":"plain","model":"renamed"}"#, "model"),
        (r#"{"model":"plain","stream":"yes"}"#, "stream"),
        (
            r#"{"model":"plain","stream":true,"stream":false}"#,
            "stream",
        ),
    ] {
        let request = Request::post("/v1/chat/completions", body).key(FULL);
        let response = dataplane.send(&request).await;
        assert_eq!(response.status, 400, "{body}");
        assert!(
            response.error_message().contains(word),
            "{body}: {}",
            response.text()
        );
    }
    assert!(model.received().is_empty());
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_408() {
    let (model, dataplane) = plain().await;
    let mut connection = dataplane.connect().await;
    let request = Request::post("/v1/chat/completions", chat_of(1000)).key(FULL);
    connection.write(&request.head()).await;
    connection.write(&request.body()[..10]).await;
    let response = connection.read_response().await;
    assert_eq!(response.status, 408);
    response.error_message();
    assert!(model.received().is_empty());
}

#[tokio::test]
async fn a_head_that_does_not_arrive_ends_the_connection() {
    let dataplane = faults().start().await;
    let mut connection = dataplane.connect().await;
    connection
        .write(b"POST /v1/chat/completions HTTP/1.1\r\nhost:")
        .await;
    connection.wait_for_close().await;
}

#[tokio::test]
async fn the_credentials_are_looked_at_before_the_body() {
    let dataplane = faults().start().await;
    let mut connection = dataplane.connect().await;
    connection
        .write(&Request::post("/v1/chat/completions", chat_of(1000)).head())
        .await;
    assert_eq!(connection.read_head().await.status, 401);
}

#[tokio::test]
async fn an_unknown_path_is_404() {
    let dataplane = faults().start().await;
    for path in [
        "/",
        "/v1",
        "/v1/images/generations",
        "/v1/chat/completions/x",
        "/v1/chat",
    ] {
        let response = dataplane.send(&Request::post(path, "{}").key(FULL)).await;
        assert_eq!(response.status, 404, "{path}");
        response.error_message();
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_with_the_right_one() {
    let dataplane = faults().start().await;
    for (method, path, allowed) in [
        ("GET", "/v1/chat/completions", "POST"),
        ("PUT", "/v1/embeddings", "POST"),
        ("DELETE", "/v1/models", "GET"),
        ("POST", "/health", "GET"),
    ] {
        let response = dataplane.send(&Request::new(method, path).key(FULL)).await;
        assert_eq!(response.status, 405, "{method} {path}");
        assert!(response.header("allow").unwrap().contains(allowed));
        response.error_message();
    }
}

#[tokio::test]
async fn a_client_that_waits_for_permission_gets_it() {
    let (_model, dataplane) = plain().await;
    let mut connection = dataplane.connect().await;
    let request = Request::chat("plain")
        .key(FULL)
        .header("expect", "100-continue");
    connection.write(&request.head()).await;
    assert_eq!(connection.read_head().await.status, 100);
    connection.write(request.body()).await;
    assert_eq!(connection.read_response().await.status, 200);
}

#[tokio::test]
async fn a_client_that_waits_for_permission_may_be_refused() {
    let dataplane = faults().start().await;
    let mut connection = dataplane.connect().await;
    let request = Request::chat("plain").header("expect", "100-continue");
    connection.write(&request.head()).await;
    assert_eq!(connection.read_head().await.status, 401);
}

#[tokio::test]
async fn what_is_no_http_harms_nobody() {
    let (_model, dataplane) = plain().await;
    let mut connections = Vec::new();
    for bytes in [
        &b"\x16\x03\x01\x02\x00"[..],
        b"GET\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\n",
    ] {
        let mut connection = dataplane.connect().await;
        connection.write(bytes).await;
        connections.push(connection);
    }
    for mut connection in connections {
        connection.wait_for_close().await;
    }
    assert_eq!(
        dataplane
            .send(&Request::chat("plain").key(FULL))
            .await
            .status,
        200
    );
}

/// A chat request with so many messages.
fn chat_with(messages: usize) -> Request {
    let list = vec![r#"{"role":"user","content":"], [\"],"}"#; messages].join(" , ");
    let body = format!(r#"{{"messages":[{list}],"model":"plain"}}"#);
    Request::post("/v1/chat/completions", body).key(FULL)
}

#[tokio::test]
async fn as_many_messages_as_allowed_pass_unchanged() {
    let (model, dataplane) = plain().await;
    let request = chat_with(8);
    assert_eq!(dataplane.send(&request).await.status, 200);
    assert_eq!(model.received()[0].body.as_bytes(), request.body());
}

#[tokio::test]
async fn one_message_more_is_400_and_counted() {
    const REFUSED: &str = "gateway_refused_input_total{reason=\"messages\"}";
    let (model, dataplane) = plain().await;
    let before = dataplane.metrics().await;
    assert!(before.has_family("gateway_refused_input_total"));
    assert!(before.value(REFUSED) < 1e-9);
    let response = dataplane.send(&chat_with(9)).await;
    assert_eq!(response.status, 400);
    assert_eq!(
        response.error_message(),
        "`messages` has 9 entries; this gateway takes at most 8"
    );
    assert_eq!(response.json()["error"]["param"], "messages");
    assert!(model.received().is_empty());
    assert!((dataplane.metrics().await.value(REFUSED) - 1.0).abs() < 1e-9);
}

#[tokio::test]
async fn messages_that_cannot_be_counted_are_400() {
    let (model, dataplane) = plain().await;
    let body = r#"{"model":"plain","messages":{"0":{},"1":{}}}"#;
    let request = Request::post("/v1/chat/completions", body).key(FULL);
    let response = dataplane.send(&request).await;
    assert_eq!(response.status, 400);
    assert_eq!(response.error_message(), "`messages` must be a list");
    assert!(model.received().is_empty());
}
