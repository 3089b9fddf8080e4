//! Responses pass as they are, as soon as they are there; and what the client sees when one breaks off.

use end_to_end::{Connection, Cut, Dataplane, FULL, Request, faults};
use fake_model::server::{Action, Ending, FakeModel, Response, Rule};

async fn plain() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    (model, dataplane)
}

/// What a client gets of a stream of these chunks.
async fn relayed(chunks: &[&str]) -> String {
    let (model, dataplane) = plain().await;
    model.script([Rule::stream(chunks)]);
    dataplane
        .send(&Request::chat_stream("plain").key(FULL))
        .await
        .text()
}

/// What a client gets of a stream that ends like this after its chunks.
async fn broken(chunks: &[&str], ending: Ending) -> String {
    let model = FakeModel::start().await.unwrap();
    // Only who stalls is not waited for.
    let name = match ending {
        Ending::Stall => "halting",
        Ending::Proper | Ending::Reset | Ending::Close => "plain",
    };
    let dataplane = faults().upstream(name, &model).start().await;
    model.script([Rule::stream(chunks).ending(ending)]);
    let response = dataplane.send(&Request::chat_stream(name).key(FULL)).await;
    assert_eq!(response.status, 200);
    response.text()
}

fn assert_ends_in_an_error(text: &str, before: &str) {
    let rest = text
        .strip_prefix(before)
        .unwrap_or_else(|| panic!("`{before}` in `{text}`"));
    let events: Vec<_> = rest
        .split("\n\n")
        .filter(|event| !event.is_empty())
        .collect();
    assert_eq!(events.len(), 1, "{text}");
    let data = events[0]
        .strip_prefix("data: ")
        .unwrap_or_else(|| panic!("no data: {text}"));
    let event: serde_json::Value = serde_json::from_str(data).unwrap();
    assert!(event["error"]["message"].is_string(), "{text}");
    assert!(!text.contains("[DONE]"), "{text}");
}

#[tokio::test]
async fn a_stream_passes_byte_for_byte_however_it_is_split() {
    let text = "data: {\"a\": 1.0,\"ü\":\"日本\"}\n\n: comment\r\n\r\ndata: x\rdata: y\r\r\
                event: odd\nid: 7\ndata:no space\n\ndata: [DONE]\n\n";
    for size in [1, 2, 3, 7, 1000] {
        let (model, dataplane) = plain().await;
        model.script([Rule::stream(text.as_bytes().chunks(size))]);
        let response = dataplane
            .send(&Request::chat_stream("plain").key(FULL))
            .await;
        assert_eq!(response.text(), text, "in pieces of {size}");
    }
}

#[tokio::test]
async fn tool_calls_alternatives_and_role_only_chunks_are_untouched() {
    let chunks = [
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":\
         {\"arguments\":\"{\\\"ci\"}}]},\"logprobs\":{\"content\":[]}}]}\n\n",
        "data: [DONE]\n\n",
    ];
    assert_eq!(relayed(&chunks).await, chunks.concat());
}

#[tokio::test]
async fn a_stream_without_done_gets_none() {
    assert_eq!(relayed(&["data: {}\n\n"]).await, "data: {}\n\n");
}

#[tokio::test]
async fn an_event_arrives_before_the_next_is_sent() {
    let (model, dataplane) = plain().await;
    model.script([Rule::stream(["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"]).gated()]);
    let mut connection = dataplane.connect().await;
    connection
        .begin(&Request::chat_stream("plain").key(FULL))
        .await;
    connection.read_until("data: 1\n\n").await;
    model.release(1);
    connection.read_until("data: 2\n\n").await;
    model.release(1);
    connection.read_until("data: 3\n\n").await;
    assert!(connection.read_body().await.unwrap().is_empty());
}

#[tokio::test]
async fn half_an_event_arrives_before_the_other_half_is_sent() {
    let (model, dataplane) = plain().await;
    model.script([Rule::stream(["data: {\"a\"", ":1}\n\n"]).gated()]);
    let mut connection = dataplane.connect().await;
    connection
        .begin(&Request::chat_stream("plain").key(FULL))
        .await;
    connection.read_until("data: {\"a\"").await;
    model.release(1);
    connection.read_until(":1}\n\n").await;
}

#[tokio::test]
async fn a_document_passes_byte_for_byte() {
    let (model, dataplane) = plain().await;
    let body = "{\"b\" : 1e3, \"a\":[ 1.0,12345678901234567890 ]}\n";
    model.script([Rule::respond(200, body)]);
    let response = dataplane.send(&Request::chat("plain").key(FULL)).await;
    assert_eq!((response.text().as_str(), response.status), (body, 200));
}

#[tokio::test]
async fn a_reset_in_a_stream_becomes_an_error_event() {
    let text = broken(&["data: 1\n\n"], Ending::Reset).await;
    assert_ends_in_an_error(&text, "data: 1\n\n");
}

#[tokio::test]
async fn a_close_in_a_stream_becomes_an_error_event() {
    let text = broken(&["data: 1\n\n"], Ending::Close).await;
    assert_ends_in_an_error(&text, "data: 1\n\n");
}

#[tokio::test]
async fn a_stall_in_a_stream_becomes_an_error_event() {
    let text = broken(&["data: 1\n\n"], Ending::Stall).await;
    assert_ends_in_an_error(&text, "data: 1\n\n");
}

#[tokio::test]
async fn a_proper_end_inside_an_event_is_none() {
    let text = broken(&["data: 1\n\n", "data: {\"ha"], Ending::Proper).await;
    assert_ends_in_an_error(&text, "data: 1\n\ndata: {\"ha");
}

#[tokio::test]
async fn the_last_empty_line_may_be_missing() {
    let chunks = ["data: 1\n\n", "data: [DONE]\n"];
    assert_eq!(relayed(&chunks).await, chunks.concat());
}

#[tokio::test]
async fn an_error_event_after_half_an_event_stands_by_itself() {
    let text = broken(&["data: 1\n\n", "data: {\"ha"], Ending::Close).await;
    assert_ends_in_an_error(&text, "data: 1\n\ndata: {\"ha");
}

#[tokio::test]
async fn a_document_that_breaks_off_is_cut_for_the_client_too() {
    let (model, dataplane) = plain().await;
    model.script([Rule::new(Action::Respond(Response {
        body: "{\"half\":".into(),
        content_length: Some(100),
        ..Response::default()
    }))]);
    let mut connection: Connection = dataplane.connect().await;
    let head = connection.begin(&Request::chat("plain").key(FULL)).await;
    assert_eq!(head.status, 200);
    let (read, Cut) = connection.read_body().await.unwrap_err();
    assert_eq!(read, b"{\"half\":");
}

#[tokio::test]
async fn nothing_is_tried_again_after_the_first_byte() {
    let (chained, plain) = (
        FakeModel::start().await.unwrap(),
        FakeModel::start().await.unwrap(),
    );
    let dataplane = faults()
        .upstream("chained", &chained)
        .upstream("plain", &plain)
        .start()
        .await;
    chained.script([Rule::stream(["data: 1\n\n"]).ending(Ending::Reset)]);
    let response = dataplane
        .send(&Request::chat_stream("chained").key(FULL))
        .await;
    assert_ends_in_an_error(&response.text(), "data: 1\n\n");
    assert_eq!(response.header("x-fallback-model"), None);
    assert!(plain.received().is_empty());
}

#[tokio::test]
async fn a_slow_reader_loses_nothing() {
    let (model, dataplane) = plain().await;
    let event = format!("data: {}\n\n", "x".repeat(16 * 1024));
    model.script([Rule::stream(std::iter::repeat_n(&event, 2000))]);
    let mut connection = dataplane.connect().await;
    connection
        .begin(&Request::chat_stream("plain").key(FULL))
        .await;
    // The stream of 32 MiB is larger than the buffers of both connections: without back-pressure the model
    // would be done before the client reads.
    model.wait_for_requests(1).await;
    assert!(model.received()[0].outcome.is_none());
    let body = connection.read_body().await.unwrap();
    assert_eq!(body.len(), event.len() * 2000);
}
