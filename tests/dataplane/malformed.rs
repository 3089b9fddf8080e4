//! What is no valid request is refused like any other: with a status, an error object and ids, a log line and a
//! count; and the connection ends, since nobody knows where the next request would begin.

use end_to_end::{Connection, Dataplane, FULL, Request, faults};
use fake_model::server::FakeModel;

const COUNT: &str = "gateway_refused_heads_total";

/// Sends `bytes` and reads the refusal, to the end of the connection.
async fn refused(dataplane: &Dataplane, connection: &mut Connection, bytes: &[u8]) -> u16 {
    connection.write(bytes).await;
    let response = connection.read_response().await;
    let shown = String::from_utf8_lossy(bytes.get(..80).unwrap_or(bytes)).into_owned();
    assert_eq!(response.header("connection"), Some("close"), "{shown}");
    assert_eq!(
        response.header("content-type"),
        Some("application/json"),
        "{shown}"
    );
    assert!(response.header("date").is_some(), "{shown}");
    response.error_message();
    let id = response.header("x-request-id").expect("an id").to_owned();
    assert!(response.header("x-trace-id").is_some());
    connection.wait_for_close().await;
    let line = dataplane.access_line(&id).await;
    assert_eq!(line["status"], response.status, "{shown}");
    assert_eq!(line["client_ip"], "127.0.0.1");
    response.status
}

#[tokio::test]
async fn every_malformed_head_gets_an_error_object_and_the_end() {
    let dataplane = faults().start().await;
    let long = |length: usize| "a".repeat(length);
    let many: String = (0..200)
        .map(|number| format!("x-{number}: 1\r\n"))
        .collect();
    let corpus: Vec<(u16, String)> = vec![
        (400, "G@T / HTTP/1.1\r\nhost: a\r\n\r\n".to_owned()),
        (400, "GET\r\n\r\n".to_owned()),
        (400, "GET /\r\n\r\n".to_owned()),
        (400, "GET / HTTP/3.7\r\nhost: a\r\n\r\n".to_owned()),
        (400, "GET / FTP/1.1\r\nhost: a\r\n\r\n".to_owned()),
        (400, "GET  / HTTP/1.1\r\nhost: a\r\n\r\n".to_owned()),
        (400, "GET / a HTTP/1.1\r\nhost: a\r\n\r\n".to_owned()),
        (400, "GET /\u{0} HTTP/1.1\r\nhost: a\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\n: no name\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\nhost : a\r\n\r\n".to_owned()),
        (
            400,
            "GET / HTTP/1.1\r\nx-a: b\r\n folded\r\n\r\n".to_owned(),
        ),
        (400, "GET / HTTP/1.1\r\nx-a: b\u{0}c\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\nx-a: b\rc\r\n\r\n".to_owned()),
        (
            400,
            "POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n".to_owned(),
        ),
        (
            400,
            "POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\n".to_owned(),
        ),
        (
            400,
            "POST / HTTP/1.1\r\ncontent-length: 1x\r\n\r\n".to_owned(),
        ),
        (
            400,
            "POST / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n".to_owned(),
        ),
        (
            400,
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".to_owned(),
        ),
        (
            400,
            "POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n".to_owned(),
        ),
        (
            400,
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked, gzip\r\n\r\n".to_owned(),
        ),
        (
            400,
            "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(),
        ),
        (400, "GET /ready HTTP/1.1\r\n\r\n".to_owned()),
        (
            400,
            "GET /ready HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n".to_owned(),
        ),
        (400, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".to_owned()),
        (400, "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n".to_owned()),
        (
            414,
            format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", long(70_000)),
        ),
        (
            431,
            format!(
                "GET / HTTP/1.1\r\nhost: a\r\nx-a: {}\r\n\r\n",
                long(1_000_000)
            ),
        ),
        (431, format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n")),
    ];
    for (status, bytes) in &corpus {
        let mut connection = dataplane.connect().await;
        let shown = bytes.get(..60).unwrap_or(bytes);
        let got = refused(&dataplane, &mut connection, bytes.as_bytes()).await;
        assert_eq!(got, *status, "{shown:?}");
    }
    let metrics = dataplane.metrics().await;
    for status in [400, 414, 431] {
        let sent = corpus
            .iter()
            .filter(|(expected, _)| *expected == status)
            .count();
        let counted = metrics.value(&format!("{COUNT}{{status=\"{status}\"}}"));
        assert!(
            (counted - sent as f64).abs() < 1e-9,
            "{status}: {counted} of {sent}"
        );
    }
}

#[tokio::test]
async fn a_head_that_stops_half_way_is_408() {
    let dataplane = faults().start().await;
    let mut connection = dataplane.connect().await;
    let head = b"POST /v1/chat/completions HTTP/1.1\r\nhost:";
    assert_eq!(refused(&dataplane, &mut connection, head).await, 408);
}

#[tokio::test]
async fn a_kept_connection_that_is_not_used_ends_without_a_word() {
    let dataplane = faults().start().await;
    let mut connection = dataplane.connect().await;
    assert_eq!(connection.send(&Request::get("/ready")).await.status, 200);
    connection.wait_for_close().await;
    let metrics = dataplane.metrics().await;
    assert!(metrics.has_family(COUNT));
    assert!(metrics.value(&format!("{COUNT}{{status=\"408\"}}")) < 1e-9);
}

#[tokio::test]
async fn a_malformed_head_after_good_requests_is_refused_too() {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    let mut connection = dataplane.connect().await;
    for request in [
        Request::chat("plain").key(FULL),
        Request::chat_stream("plain").key(FULL),
        Request::get("/ready"),
        Request::new("HEAD", "/ready"),
    ] {
        if request.head().starts_with(b"HEAD") {
            connection.write(&request.head()).await;
            assert_eq!(connection.read_head().await.status, 200);
        } else {
            assert_eq!(connection.send(&request).await.status, 200);
        }
    }
    let bad = b"GET / HTTP/1.1\r\nno colon\r\n\r\n";
    assert_eq!(refused(&dataplane, &mut connection, bad).await, 400);
}

#[tokio::test]
async fn a_malformed_head_in_the_packet_of_a_good_request_is_refused_after_it() {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    let mut connection = dataplane.connect().await;
    let good = Request::chat("plain").key(FULL);
    let bad = b"GET / HTTP/1.1\r\nno colon\r\n\r\n";
    let both = [&good.head(), good.body(), bad].concat();
    connection.write(&both).await;
    assert_eq!(connection.read_response().await.status, 200);
    assert_eq!(refused(&dataplane, &mut connection, b"").await, 400);
}

#[tokio::test]
async fn an_answer_that_looks_like_a_refusal_passes_as_it_is() {
    const LOOKALIKE: &str =
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    model.script([fake_model::server::Rule::respond(200, LOOKALIKE)]);
    let mut connection = dataplane.connect().await;
    for _ in 0..3 {
        let response = connection.send(&Request::chat("plain").key(FULL)).await;
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, LOOKALIKE)
        );
    }
}

#[tokio::test]
async fn a_body_with_two_lengths_is_read_one_way_and_nothing_follows_it() {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    let body = r#"{"model":"plain","messages":[{"role":"user","content":"Hi"}]}"#;
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    for lengths in [
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "content-length: 4\r\ntransfer-encoding: Chunked\r\n",
    ] {
        let mut connection = dataplane.connect().await;
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {FULL}\r\n{lengths}\r\n"
        );
        connection
            .write((head + &chunked + smuggled).as_bytes())
            .await;
        let response = connection.read_response().await;
        assert_eq!(response.status, 200, "{lengths}");
        assert_eq!(response.header("connection"), Some("close"), "{lengths}");
        connection.wait_for_close().await;
    }
    for received in model.received() {
        assert_eq!(received.body.text(), body);
        assert_eq!(received.header("transfer-encoding"), None);
        assert_eq!(
            received.header("content-length"),
            Some(body.len().to_string().as_str())
        );
    }
    assert!(
        !dataplane
            .log()
            .lines()
            .iter()
            .any(|line| line["path"] == "/smuggled")
    );
}

#[tokio::test]
async fn a_length_that_is_said_twice_alike_is_one_length() {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    let body = r#"{"model":"plain","messages":[{"role":"user","content":"Hi"}]}"#;
    let length = body.len();
    let mut connection = dataplane.connect().await;
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {FULL}\r\n\
         content-length: {length}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    connection.write(request.as_bytes()).await;
    assert_eq!(connection.read_response().await.status, 200);
    assert_eq!(
        model.received()[0].header("content-length"),
        Some(length.to_string().as_str())
    );
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_its_answer_by_the_end_of_the_connection() {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    let body = r#"{"model":"plain","messages":[{"role":"user","content":"Hi"}],"stream":true}"#;
    let mut connection = dataplane.connect().await;
    let request = format!(
        "POST /v1/chat/completions HTTP/1.0\r\nauthorization: Bearer {FULL}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write(request.as_bytes()).await;
    let response = connection.read_response().await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("transfer-encoding"), None);
    assert!(response.text().starts_with("data: "));
    assert!(response.text().ends_with("data: [DONE]\n\n"));
}
