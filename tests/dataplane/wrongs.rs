//! What gateways get wrong, and this one must not: each point, and the tests that forbid it. Those that fit
//! no other file are here.
//!
//! | point | tests |
//! |---|---|
//! | the usage chunk comes once, and only if asked for | `stream::usage_*`, `stream::only_the_chunk_of_the_usage_*` |
//! | `[DONE]` comes once and last | `stream::done_is_passed_once_and_last`, `stream::what_breaks_after_done_is_whole` |
//! | a 200 whose first event is an error is a failure | [`a_stream_that_begins_with_an_error_falls_back`] |
//! | an error after the first byte is an event, no clean stop | `relay::*_in_a_stream_becomes_an_error_event`, `relay::a_proper_end_inside_an_event_is_none`, `stream::without_done_the_end_of_a_connection_is_no_end`, [`an_error_event_of_the_upstream_is_passed_on_once_and_logged_as_a_failure`] |
//! | tool calls, `n`, logprobs and role-only chunks are untouched | `relay::tool_calls_alternatives_and_role_only_chunks_are_untouched` |
//! | LF, CR, CRLF, multi-line data, comments, any split | `relay::a_stream_passes_byte_for_byte_however_it_is_split`, and the properties of the runtime's `sse` and `observer` |
//! | comments of an upstream are no tokens, nor the first one | `comments_are_no_tokens_and_not_the_first_one` of the runtime's `observer` |
//! | keep-alive comments while a long prefill runs | `stream::a_client_hears_something_*`, `stream::no_comment_comes_inside_an_event` |
//! | nothing is buffered | `relay::an_event_arrives_before_the_next_is_sent`, `relay::half_an_event_*`, `stream::an_event_that_cannot_be_the_usage_is_not_held_back` |
//! | compressed bodies, of either side | [`a_compressed_response_is_not_asked_for_and_passes_untouched`], [`a_compressed_request_is_415`] |
//! | an abort cancels at once, in every phase | `abort::*`, `stream::a_client_that_leaves_after_a_comment_*`, `limits::what_an_aborted_*`, `limits::a_place_is_free_again_*` |
//! | a slow reader gets back-pressure | [`a_slow_reader_costs_no_memory`], `relay::a_slow_reader_loses_nothing` |
//! | a restart fails no request, whatever it finds a connection doing | `handover::*`, `stop::*_is_not_closed_under_its_next_request` |
//! | unknown fields and numbers pass byte for byte | `rewriting::a_body_without_a_rule_passes_byte_for_byte`, `stream::the_rest_of_a_request_*` |
//! | duplicate keys are read one way | [`keys_that_decide_something_may_stand_once`] |
//! | large images, within a bound, 413 as JSON | [`a_large_image_passes_and_a_larger_one_is_413`], [`an_image_is_not_taken_for_a_long_text`], [`a_recording_is_not_taken_for_a_long_text`] |
//! | hop-by-hop headers, `Host`, `Authorization` | `headers::*` |
//! | `Expect: 100-continue` | `bounds::a_client_that_waits_for_permission_*` |
//! | clients or upstreams that dawdle or vanish are bounded, and cost nobody else | `crowds::*`, `trickles::*`, `resilience::a_machine_that_*` |
//! | no file descriptor left: no spin, no blame, recovery | `descriptors::*` |
//! | whoever sets the wall clock moves no limit, timeout or breaker | `wall_clock::*` |
//! | a log that takes nothing stops nothing, and what is lost is counted | `broken_log::*` |
//! | heads and bodies that can be read two ways, also behind good requests | `malformed::*`, and the properties of the runtime's `http1` |
//! | `HEAD` is answered with a head alone, over HTTP/2 too | `http2::a_head_alone_*`, and that of the runtime's `http1` |
//! | a stop answers what has no answer yet | `stop::a_request_that_outlasts_*`, `stop::over_http_2_*` |
//! | no value of a client's in a metric label | `metrics::nothing_that_a_client_chose_is_a_label` |
//! | no secret, URL or hash in an error | `fallback::when_all_fail_the_summary_names_upstreams_and_no_address`, `log::no_secret_is_ever_logged`, `keys::a_wrong_key_is_401_and_not_repeated` |

use end_to_end::{Dataplane, FULL, Request, Start, faults};
use fake_model::server::{Ending, FakeModel, Rule};

const FREE: &str = "free-secret-1234567890";
const LIMITED: &str = "limited-secret-1234567890";

async fn plain() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    (model, dataplane)
}

/// The dataplane of `tests/specs/stream.toml`, which takes large bodies.
async fn roomy() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let start = Start::of("stream")
        .env("KEY_FREE", FREE)
        .env("KEY_LIMITED", LIMITED)
        .env("KEY_QUEUED", "queued-secret-1234567890");
    let dataplane = start.upstream("old", &model).start().await;
    (model, dataplane)
}

#[tokio::test]
async fn a_stream_that_begins_with_an_error_falls_back() {
    let (broken, spare) = (
        FakeModel::start().await.unwrap(),
        FakeModel::start().await.unwrap(),
    );
    let start = faults()
        .upstream("chained", &broken)
        .upstream("plain", &spare);
    let dataplane = start.start().await;
    for pieces in [
        vec![
            "data: {\"error\":{\"message\":\"out of memory\",\"code\":500}}\n\n",
            "data: [DONE]\n\n",
        ],
        vec![
            "da",
            "ta: {\"er",
            "ror\":{\"message\":\"out of memory\"}}\n",
            "\n",
        ],
        vec!["event: error\r\ndata: {\"object\":\"error\",\"code\":503}\r\n\r\n"],
    ] {
        broken.script([Rule::stream(pieces)]);
        let request = Request::chat_stream("chained").key(FULL);
        let response = dataplane.send(&request).await;
        assert_eq!(response.header("x-fallback-model"), Some("plain"));
        assert!(!response.text().contains("error"), "{}", response.text());
    }
    broken.script([Rule::stream([
        "data: {\"error\":{\"message\":\"too long\",\"code\":400}}\n\n",
    ])]);
    let request = Request::chat_stream("chained").key(FULL);
    let response = dataplane.send(&request).await;
    assert!(
        response.text().contains("too long"),
        "the client's own mistake"
    );
}

#[tokio::test]
async fn an_error_event_of_the_upstream_is_passed_on_once_and_logged_as_a_failure() {
    let (model, dataplane) = plain().await;
    let pieces = [
        "data: 1\n\n",
        "data: {\"error\":{\"message\":\"out of memory\"}}\n\n",
    ];
    for (ending, id) in [(Ending::Proper, "proper"), (Ending::Reset, "reset")] {
        model.script([Rule::stream(pieces).ending(ending)]);
        let request = Request::chat_stream("plain")
            .key(FULL)
            .header("x-request-id", id);
        assert_eq!(dataplane.send(&request).await.text(), pieces.concat());
        assert_eq!(dataplane.access_line(id).await["status"], 502);
    }
}

#[tokio::test]
async fn a_compressed_response_is_not_asked_for_and_passes_untouched() {
    let (model, dataplane) = plain().await;
    // Not text, let alone events: nobody looks into it.
    let bytes = b"\x1f\x8b\x08\x00data: [DONE]\n\n\xff\x00";
    model.script([Rule::stream([&bytes[..]]).header("content-encoding", "gzip")]);
    let request = Request::chat_stream("plain")
        .key(FULL)
        .header("accept-encoding", "gzip, br");
    let response = dataplane.send(&request).await;
    assert_eq!(response.header("content-encoding"), Some("gzip"));
    assert_eq!(response.body, bytes);
    assert_eq!(model.received()[0].header("accept-encoding"), None);
}

#[tokio::test]
async fn a_compressed_request_is_415() {
    let (model, dataplane) = plain().await;
    for encoding in ["gzip", "identity, br"] {
        let request = Request::chat("plain")
            .key(FULL)
            .header("content-encoding", encoding);
        let response = dataplane.send(&request).await;
        assert_eq!(response.status, 415);
        assert!(response.error_message().contains("compressed"));
        assert_eq!(response.header("accept-encoding"), Some("identity"));
    }
    assert!(model.received().is_empty());
    let request = Request::chat("plain")
        .key(FULL)
        .header("content-encoding", "identity");
    assert_eq!(dataplane.send(&request).await.status, 200);
}

#[tokio::test]
async fn a_slow_reader_costs_no_memory() {
    let (model, dataplane) = plain().await;
    let event = format!("data: {}\n\n", "x".repeat(64 * 1024));
    model.script([Rule::stream(std::iter::repeat_n(&event, 1500))]);
    let mut connection = dataplane.connect().await;
    let request = Request::chat_stream("plain").key(FULL);
    connection.begin(&request).await;
    let before = dataplane.memory();
    let (mut read, mut most) = (0, before);
    // The upstream is as fast as it is allowed to be; the client takes a piece and looks.
    while let Some(piece) = connection.read_piece().await.unwrap() {
        read += piece.len();
        most = most.max(dataplane.memory());
    }
    assert_eq!(read, event.len() * 1500);
    let growth = most - before;
    assert!(
        growth < 16 << 20,
        "it grew by {growth} bytes for a stream of {read}"
    );
}

#[tokio::test]
async fn keys_that_decide_something_may_stand_once() {
    let (model, dataplane) = plain().await;
    for (body, field) in [
        (r#"{"model":"plain","model":"renamed"}"#, "model"),
        (
            r#"{"model":"plain","stream":true,"stream":false}"#,
            "stream",
        ),
        (
            r#"{"model":"plain","stream":true,"stream_options":{},"stream_options":{}}"#,
            "stream_options",
        ),
        (
            r#"{"model":"plain","stream":true,"stream_options":{"include_usage":true,"include_usage":false}}"#,
            "stream_options.include_usage",
        ),
    ] {
        let request = Request::post("/v1/chat/completions", body).key(FULL);
        let response = dataplane.send(&request).await;
        assert_eq!(response.status, 400, "{body}");
        assert_eq!(response.json()["error"]["param"], field, "{body}");
    }
    assert!(model.received().is_empty());
}

/// A request with an image whose base64 has this length.
fn image(length: usize) -> Request {
    let body = format!(
        r#"{{"model":"old","max_tokens":1,"messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{}"}}}}]}}]}}"#,
        "A".repeat(length)
    );
    Request::post("/v1/chat/completions", body)
}

#[tokio::test]
async fn a_large_image_passes_and_a_larger_one_is_413() {
    let (model, dataplane) = roomy().await;
    let request = image(15 << 20).key(FREE);
    assert_eq!(dataplane.send(&request).await.status, 200);
    assert_eq!(model.received()[0].body.as_bytes(), request.body());
    let mut connection = dataplane.connect().await;
    connection.write(&image(17 << 20).key(FREE).head()).await;
    let response = connection.read_response().await;
    assert_eq!(response.status, 413);
    response.error_message();
}

#[tokio::test]
async fn an_image_is_not_taken_for_a_long_text() {
    let (_model, dataplane) = roomy().await;
    // As text, it would be 262,144 tokens; the limit is 10,000.
    let response = dataplane.send(&image(1 << 20).key(LIMITED)).await;
    assert_eq!(response.status, 200);
}

#[tokio::test]
async fn a_recording_is_not_taken_for_a_long_text() {
    let (_model, dataplane) = roomy().await;
    let send = async |data: String| {
        let audio = serde_json::json!({ "data": data, "format": "wav" });
        let part = serde_json::json!({ "type": "input_audio", "input_audio": audio });
        let message = serde_json::json!({ "role": "user", "content": [part] });
        let body = serde_json::json!({ "model": "old", "max_tokens": 1, "messages": [message] });
        let request = Request::post("/v1/chat/completions", body.to_string());
        dataplane.send(&request.key(LIMITED)).await.status
    };
    assert_eq!(send("A".repeat(1 << 20)).await, 200);
    // What is no base64 is one.
    assert_eq!(send("a word ".repeat(1 << 17)).await, 429);
}
