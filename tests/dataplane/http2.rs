//! HTTP/2 for clients, without TLS: what it carries, its bounds, and that a client which abuses it harms nobody else.

use end_to_end::{Dataplane, FULL, Request, faults, patiently};
use fake_model::server::{FakeModel, Rule};
use http_body_util::BodyExt;
use hyper::{Method, StatusCode, Version};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::{Wire, chat, chat_stream, post, text};

const WINDOW: u32 = 1 << 20;

async fn plain() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    (model, dataplane)
}

async fn connect(dataplane: &Dataplane) -> Wire {
    let stream = TcpStream::connect(dataplane.address()).await.unwrap();
    Wire::two(stream, WINDOW).await
}

#[tokio::test]
async fn requests_share_a_connection_and_pass_byte_for_byte() {
    let (model, dataplane) = plain().await;
    let mut wire = connect(&dataplane).await;
    for round in 0..3 {
        let body = format!(
            "{{ \"model\" : \"plain\", \"messages\":[{{\"role\":\"user\",\"content\":\"Hi\"}}], \"round\":{round} }}"
        );
        let response = wire.send(post(FULL, &body)).await.unwrap();
        assert_eq!(
            (response.status(), response.version()),
            (StatusCode::OK, Version::HTTP_2)
        );
        assert!(response.headers().contains_key("x-request-id"));
        text(response).await;
        let received = model.received().remove(round);
        assert_eq!(received.body.text(), body);
        let length = body.len().to_string();
        assert_eq!(received.header("content-length"), Some(length.as_str()));
        assert_eq!(
            received.header("host"),
            Some(model.address().to_string().as_str())
        );
    }
}

#[tokio::test]
async fn headers_of_a_connection_do_not_reach_the_client() {
    let (model, dataplane) = plain().await;
    model.script([Rule::respond(200, "{}")
        .header("keep-alive", "timeout=5")
        .header("proxy-connection", "keep-alive")
        .header("x-kept", "yes")]);
    let mut wire = connect(&dataplane).await;
    let response = wire.send(chat(FULL, "plain")).await.unwrap();
    for name in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
    ] {
        assert!(!response.headers().contains_key(name), "{name}");
    }
    assert_eq!(response.headers()["x-kept"], "yes");
}

#[tokio::test]
async fn events_of_many_streams_come_as_they_are_sent() {
    let (model, dataplane) = plain().await;
    model.script([Rule::stream(["data: first\n\n", "data: last\n\n"]).gated()]);
    let mut wire = connect(&dataplane).await;
    let mut bodies = Vec::new();
    for _ in 0..50 {
        let response = wire.send(chat_stream(FULL, "plain")).await.unwrap();
        let mut body = response.into_body();
        let first = patiently("the first event", body.frame())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(first.into_data().unwrap(), "data: first\n\n");
        bodies.push(body);
    }
    model.release(50);
    for body in bodies {
        let rest = patiently("the rest", body.collect())
            .await
            .unwrap()
            .to_bytes();
        assert_eq!(rest, "data: last\n\n");
    }
}

#[tokio::test]
async fn a_stream_that_is_taken_back_is_taken_back_from_its_upstream_alone() {
    let (model, dataplane) = plain().await;
    model.script([Rule::stream(["data: first\n\n", "data: last\n\n"]).gated()]);
    let mut wire = connect(&dataplane).await;
    let dropped = wire.send(chat_stream(FULL, "plain")).await.unwrap();
    let kept = wire.send(chat_stream(FULL, "plain")).await.unwrap();
    drop(dropped);
    let ended = model.wait_for_ends(1).await;
    assert!(ended[0].aborted() && !ended[1].aborted());
    model.release(2);
    assert_eq!(text(kept).await, "data: first\n\ndata: last\n\n");
}

#[tokio::test]
async fn an_upload_that_is_taken_back_is_not_taken_for_a_wrong_request() {
    use frames::*;
    let (model, dataplane) = plain().await;
    let mut head = POST.to_vec();
    for (name, value) in [
        (":path", "/v1/chat/completions"),
        ("authorization", &format!("Bearer {FULL}")),
    ] {
        head.push(0x00);
        head.extend(text_of(name).chain(text_of(value)));
    }
    let mut stream = TcpStream::connect(dataplane.address()).await.unwrap();
    let sent = [
        PREFACE.to_vec(),
        frame(SETTINGS, 0, 0, &[]),
        frame(HEADERS, END_HEADERS, 1, &head),
        frame(DATA, 0, 1, br#"{"model":"plain","messages":["#),
    ];
    stream.write_all(&sent.concat()).await.unwrap();
    let has_come = async {
        // Whoever asks for the metrics is in flight as well.
        while dataplane
            .metrics()
            .await
            .value("gateway_in_flight_requests")
            < 2.0
        {
            tokio::task::yield_now().await;
        }
    };
    patiently("the request to come", has_come).await;
    let reset = frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes());
    stream.write_all(&reset).await.unwrap();
    let ended = |line: &Value| line["path"] == "/v1/chat/completions";
    assert_eq!(dataplane.log().wait_for(ended).await["status"], 499);
    assert!(model.received().is_empty());
}

#[tokio::test]
async fn what_is_refused_is_an_error_object_here_too() {
    let (_model, dataplane) = plain().await;
    let mut wire = connect(&dataplane).await;
    let too_large = format!(r#"{{"model":"plain","pad":"{}"}}"#, "x".repeat(100_000));
    for (request, status) in [
        (chat("nobody", "plain"), 401),
        (chat(FULL, "unknown"), 404),
        (post(FULL, "{"), 400),
        (post(FULL, &too_large), 413),
    ] {
        let response = wire.send(request).await.unwrap();
        assert_eq!(response.status(), status);
        let error: Value = serde_json::from_str(&text(response).await).unwrap();
        assert!(error["error"]["message"].is_string(), "{error}");
    }
}

#[tokio::test]
async fn a_stop_finishes_what_has_begun() {
    let (model, mut dataplane) = plain().await;
    model.script([Rule::stream(["data: first\n\n", "data: last\n\n"]).gated()]);
    let mut idle = connect(&dataplane).await;
    assert_eq!(
        idle.send(chat(FULL, "unknown")).await.unwrap().status(),
        404
    );
    let mut wire = connect(&dataplane).await;
    let response = wire.send(chat_stream(FULL, "plain")).await.unwrap();
    dataplane.terminate().await;
    assert!(patiently("GOAWAY", idle.closed()).await.is_err());
    model.release(1);
    assert_eq!(text(response).await, "data: first\n\ndata: last\n\n");
    assert_eq!(dataplane.wait_for_exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_connection_without_requests_ends() {
    let (_model, dataplane) = plain().await;
    let mut wire = connect(&dataplane).await;
    assert_eq!(
        wire.send(chat(FULL, "unknown")).await.unwrap().status(),
        404
    );
    assert!(patiently("the end", wire.closed()).await.is_err());
}

#[tokio::test]
async fn a_stream_that_takes_nothing_is_given_up_and_the_others_go_on() {
    let (model, dataplane) = plain().await;
    let stream = TcpStream::connect(dataplane.address()).await.unwrap();
    // A window that one response fills at once, and that is its stream's own.
    let mut wire = Wire::two(stream, 1 << 16).await;
    // More than the sockets in between take by themselves.
    let event = format!("data: {}\n\n", "x".repeat(60_000));
    model.script([Rule::stream(vec![event; 400]).times(1)]);
    let stuck = wire.send(chat_stream(FULL, "plain")).await.unwrap();
    let ended = async {
        // The connection is in use all the while.
        while !model.received()[0].aborted() {
            let response = wire.send(chat(FULL, "plain")).await.unwrap();
            assert_eq!(response.status(), 200);
            text(response).await;
        }
    };
    patiently("the stalled stream to be given up", ended).await;
    let rest = patiently("the end of the stream", stuck.into_body().collect()).await;
    assert!(
        rest.is_err(),
        "a stream that was given up must not look whole"
    );
}

#[tokio::test]
async fn a_head_alone_is_what_head_asks_for() {
    let (_model, dataplane) = plain().await;
    let mut wire = connect(&dataplane).await;
    for path in ["/ready", "/v1/models", "/nothing"] {
        let mut answers = Vec::new();
        for method in [Method::GET, Method::HEAD] {
            let mut request = post(FULL, "");
            *request.uri_mut() = format!("http://gateway.test{path}").parse().unwrap();
            *request.method_mut() = method;
            answers.push(wire.send(request).await.unwrap());
        }
        let head = answers.pop().unwrap();
        let whole = answers.pop().unwrap();
        assert_eq!(head.status(), whole.status(), "{path}");
        let length = |of: &hyper::HeaderMap| of["content-length"].clone();
        assert_eq!(length(head.headers()), length(whole.headers()), "{path}");
        assert_ne!(text(whole).await, "", "{path}");
        assert_eq!(text(head).await, "", "{path}");
    }
}

/// Frames by hand, for what no client library would send.
mod frames {
    pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const PING: u8 = 6;
    pub(super) const CONTINUATION: u8 = 9;
    pub(super) const END_STREAM: u8 = 1;
    pub(super) const END_HEADERS: u8 = 4;

    pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    /// `GET /` of `http://a`, in HPACK.
    pub(super) const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 0x01, b'a'];

    /// `POST` of `http://a`, but for its path.
    pub(super) const POST: &[u8] = &[0x83, 0x86, 0x41, 0x01, b'a'];

    /// A short text in HPACK, after its length.
    pub(super) fn text_of(text: &str) -> impl Iterator<Item = u8> {
        assert!(text.len() < 127);
        std::iter::once(u8::try_from(text.len()).unwrap()).chain(text.bytes())
    }

    /// A header of this many bytes, which enters no table.
    pub(super) fn header(length: usize) -> Vec<u8> {
        let mut block = vec![0x00, 0x01, b'x'];
        let mut rest = length - 127;
        block.push(0x7f);
        while rest >= 128 {
            block.push(u8::try_from(rest % 128).unwrap() | 0x80);
            rest /= 128;
        }
        block.push(u8::try_from(rest).unwrap());
        block.extend(vec![b'v'; length]);
        block
    }
}

/// Sends `bytes` again and again until the gateway ends the connection.
async fn until_closed(dataplane: &Dataplane, start: &[u8], mut more: impl FnMut() -> Vec<u8>) {
    let stream = TcpStream::connect(dataplane.address()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    writer.write_all(start).await.unwrap();
    let closed = async {
        let mut seen = vec![0; 4096];
        while !matches!(reader.read(&mut seen).await, Ok(0) | Err(_)) {}
    };
    let flood = async {
        while writer.write_all(&more()).await.is_ok() {
            tokio::task::yield_now().await;
        }
        std::future::pending::<()>().await;
    };
    let ended = async {
        tokio::select! {
            () = closed => {}
            () = flood => {}
        }
    };
    patiently("the connection to be closed", ended).await;
}

#[tokio::test]
async fn a_client_that_abuses_it_is_cut_off_and_harms_nobody() {
    use frames::*;
    let (_model, dataplane) = plain().await;
    let settings = frame(SETTINGS, 0, 0, &[]);
    let start = [PREFACE, &settings].concat();
    let mut other = connect(&dataplane).await;

    // Rapid reset: streams that are begun and taken back at once.
    let mut stream = 1;
    until_closed(&dataplane, &start, || {
        let mut burst = Vec::new();
        for _ in 0..100 {
            burst.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, GET));
            burst.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
            stream += 2;
        }
        burst
    })
    .await;

    // A head that never ends.
    let begun = [start.clone(), frame(HEADERS, END_STREAM, 1, GET)].concat();
    let endless = header(10_000);
    until_closed(&dataplane, &begun, || frame(CONTINUATION, 0, 1, &endless)).await;

    // A head that never ends and says nothing.
    until_closed(&dataplane, &begun, || frame(CONTINUATION, 0, 1, &[])).await;

    // Frames that may not be there, or not be so large.
    for bad in [
        frame(DATA, 0, 0, b"of no stream"),
        frame(HEADERS, END_HEADERS, 2, GET),
        frame(HEADERS, END_HEADERS, 1, &[0xff; 16]),
        frame(PING, 0, 0, b"short"),
        frame(SETTINGS, 0, 1, &[]),
        vec![0xff; 64],
    ] {
        let all = [start.clone(), bad].concat();
        until_closed(&dataplane, &all, || frame(PING, 1, 0, &[0; 8])).await;
    }

    // A preface, and then silence; or half of one.
    let mut silent = Vec::new();
    for begun in [PREFACE, &PREFACE[..10]] {
        let mut stream = TcpStream::connect(dataplane.address()).await.unwrap();
        stream.write_all(begun).await.unwrap();
        silent.push(stream);
    }
    for mut stream in silent {
        let mut rest = Vec::new();
        let _ = patiently("the end", stream.read_to_end(&mut rest)).await;
    }

    let mut new = connect(&dataplane).await;
    assert_eq!(new.send(chat(FULL, "plain")).await.unwrap().status(), 200);
    let one = dataplane.send(&Request::chat("plain").key(FULL)).await;
    assert_eq!(one.status, 200);
    // It was idle for as long as a connection may be.
    assert!(patiently("the end", other.closed()).await.is_err());
}

#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let (_model, dataplane) = plain().await;
    let mut wire = connect(&dataplane).await;
    let mut request = chat(FULL, "plain");
    let large = "x".repeat(100_000).parse().unwrap();
    request.headers_mut().insert("x-large", large);
    let answered = wire.send(request).await;
    assert!(answered.is_err() || answered.unwrap().status() == 431);
    let mut other = connect(&dataplane).await;
    assert_eq!(other.send(chat(FULL, "plain")).await.unwrap().status(), 200);
}
