//! What is done for streams beside relaying them: usage that only the gateway wants to know, one `[DONE]`,
//! and comments for a client that waits.

use end_to_end::{Connection, Dataplane, Request, Start};
use fake_model::server::{Action, Ending, FakeModel, Rule};
use serde_json::{Value, json};

const FREE: &str = "free-secret-1234567890";
const QUEUED: &str = "queued-secret-1234567890";
const LIMITED: &str = "limited-secret-1234567890";

const USAGE: &str = "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":30,\
                     \"completion_tokens\":40,\"total_tokens\":70}}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const COMMENT: &str = ": keep-alive\n\n";

/// The dataplane of `tests/specs/stream.toml` with a model behind this upstream.
async fn stream(upstream: &str) -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let dataplane = start().upstream(upstream, &model).start().await;
    (model, dataplane)
}

fn start() -> Start {
    Start::of("stream")
        .env("KEY_FREE", FREE)
        .env("KEY_LIMITED", LIMITED)
        .env("KEY_QUEUED", QUEUED)
}

/// A chat request for a stream, with these options.
fn chat(model: &str, options: Option<Value>) -> Request {
    unsigned(model, options).key(FREE)
}

/// The same, without a key.
fn unsigned(model: &str, options: Option<Value>) -> Request {
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let mut body = json!({"model": model, "messages": messages, "stream": true});
    if let Some(options) = options {
        body["stream_options"] = options;
    }
    Request::post("/v1/chat/completions", body.to_string())
}

/// What a client hears but for comments, of which there are the more the slower the machine is.
/// What came beside comments, which come wherever nothing did for a second: on a machine that stalls, anywhere.
fn without_comments(text: &str) -> String {
    text.replace(COMMENT, "")
}

/// What the upstream is asked for its stream's options.
fn asked(model: &FakeModel) -> Value {
    let body: Value = serde_json::from_slice(model.received()[0].body.as_bytes()).unwrap();
    body["stream_options"].clone()
}

#[tokio::test]
async fn usage_that_the_client_did_not_ask_for_is_counted_and_hidden() {
    for options in [
        None,
        Some(json!(null)),
        Some(json!({})),
        Some(json!({"include_usage": false})),
    ] {
        let (model, dataplane) = stream("vllm").await;
        let request = chat("chat", options).header("x-request-id", "hidden");
        let text = dataplane.send(&request).await.text();
        assert_eq!(asked(&model), json!({"include_usage": true}));
        assert!(!text.contains("prompt_tokens"), "{text}");
        assert!(text.ends_with(DONE), "{text}");
        let line = dataplane.access_line("hidden").await;
        assert_eq!(
            (&line["input_tokens"], &line["output_tokens"]),
            (&json!(1), &json!(3))
        );
    }
}

#[tokio::test]
async fn usage_that_the_client_asked_for_comes_once() {
    let (model, dataplane) = stream("vllm").await;
    let options = json!({"include_usage": true, "continuous_usage_stats": false});
    let request = chat("chat", Some(options.clone()));
    let text = dataplane.send(&request).await.text();
    assert_eq!(asked(&model), options);
    assert_eq!(text.matches("prompt_tokens").count(), 1, "{text}");
}

#[tokio::test]
async fn the_rest_of_a_request_that_is_asked_for_usage_passes_byte_for_byte() {
    let (model, dataplane) = stream("renamed").await;
    let body = "{ \"temperature\" : 1.0, \"stream_options\":{ \"x\":1e0}, \"model\":\"renamed\" ,\
                \"messages\":[{\"role\":\"user\",\"content\":\"\\u00fc\"}],\"stream\" : true,\"max_tokens\":7}";
    let request = Request::post("/v1/chat/completions", body).key(FREE);
    assert_eq!(dataplane.send(&request).await.status, 200);
    let expected = body
        .replace("\"renamed\"", "\"served/renamed-8B\"")
        .replace("{ \"x\"", "{\"include_usage\":true, \"x\"");
    assert_eq!(model.received()[0].body.text(), expected);
}

#[tokio::test]
async fn what_is_not_streamed_and_who_takes_no_options_is_not_asked() {
    let (model, dataplane) = stream("old").await;
    dataplane.send(&chat("old", None)).await;
    assert_eq!(asked(&model), Value::Null);
    let (model, dataplane) = stream("vllm").await;
    dataplane.send(&Request::chat("chat").key(FREE)).await;
    assert_eq!(asked(&model), Value::Null);
}

#[tokio::test]
async fn only_the_chunk_of_the_usage_alone_is_hidden_however_it_is_split() {
    let before = "data: {\"choices\":[{\"delta\":{\"content\":\"日本\"}}],\"usage\":null}\n\n\
                  data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1}}\r\n\r\n";
    let text = [before, USAGE, DONE].concat();
    for size in [1, 3, 50, 200, 1000] {
        let (model, dataplane) = stream("vllm").await;
        model.script([Rule::stream(text.as_bytes().chunks(size))]);
        let got = dataplane.send(&chat("chat", None)).await.text();
        let got = without_comments(&got);
        assert_eq!(got, [before, DONE].concat(), "in pieces of {size}");
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_the_usage_is_not_held_back() {
    let (model, dataplane) = stream("vllm").await;
    let halves = ["data: {\"choices\":[{\"delta\":", "{}}]}\n\n"];
    model.script([Rule::stream(halves).gated()]);
    let mut connection = dataplane.connect().await;
    connection.begin(&chat("chat", None)).await;
    connection.read_until(halves[0]).await;
    model.release(1);
    connection.read_until(halves[1]).await;
}

#[tokio::test]
async fn a_limit_on_tokens_is_settled_by_the_usage_of_a_stream() {
    let (model, dataplane) = stream("vllm").await;
    model.script([Rule::stream(["data: {\"choices\":[{}]}\n\n", USAGE, DONE])]);
    let request = Request::chat_stream("chat").key(LIMITED);
    let first = dataplane
        .send(&request.header("x-request-id", "first"))
        .await;
    assert!(!first.text().contains("usage"));
    dataplane.access_line("first").await;
    model.script([Rule::default()]);
    let small = r#"{"model":"chat","max_tokens":1,"messages":[{"role":"user","content":""}]}"#;
    let request = Request::post("/v1/chat/completions", small).key(LIMITED);
    let left = dataplane.send(&request).await;
    let left: u64 = left
        .header("x-ratelimit-remaining-tokens")
        .and_then(|left| left.parse().ok())
        .unwrap();
    // What the second takes is a prompt of 7 tokens or so, and 1.
    assert!((9_900..=9_930).contains(&left), "{left}");
}

#[tokio::test]
async fn done_is_passed_once_and_last() {
    for after in [DONE, "data: {\"late\":1}\n\n", ": late\n\n"] {
        for pieces in [
            vec!["data: 1\n\n", DONE, after],
            vec!["data: 1\n\ndata: [DO", "NE]\n\n", after],
            vec!["data: 1\n\n", &[DONE, after].concat()],
        ] {
            let (model, dataplane) = stream("vllm").await;
            model.script([Rule::stream(pieces)]);
            let request = chat("chat", None).header("x-request-id", "done");
            let got = dataplane.send(&request).await.text();
            assert_eq!(without_comments(&got), ["data: 1\n\n", DONE].concat());
            assert_eq!(dataplane.access_line("done").await["status"], 200);
        }
    }
}

#[tokio::test]
async fn what_breaks_after_done_is_whole() {
    for ending in [Ending::Reset, Ending::Close, Ending::Stall] {
        let (model, dataplane) = stream("vllm").await;
        model.script([Rule::stream(["data: 1\n\n", DONE]).ending(ending)]);
        let request = chat("chat", None).header("x-request-id", "done");
        let got = dataplane.send(&request).await.text();
        let got = without_comments(&got);
        assert_eq!(got, ["data: 1\n\n", DONE].concat(), "{ending:?}");
        assert_eq!(dataplane.access_line("done").await["status"], 200);
    }
}

#[tokio::test]
async fn without_done_the_end_of_a_connection_is_no_end() {
    let (model, dataplane) = stream("vllm").await;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    for (body, is_whole) in [
        ("data: 1\n\n", false),
        ("data: 1\n\ndata: [DONE]\n\n", true),
    ] {
        let bytes = [head, body].concat();
        model.script([Rule::new(Action::Raw(bytes.as_str().into()))]);
        let got = without_comments(&dataplane.send(&chat("chat", None)).await.text());
        assert!(got.starts_with(body), "{got}");
        assert_eq!(got.contains("\"error\""), !is_whole, "{got}");
    }
}

#[tokio::test]
async fn a_client_hears_something_before_the_first_event_and_between_two() {
    let (model, dataplane) = stream("vllm").await;
    let events = ["data: 1\n\n", "data: 2\n\n", DONE];
    model.script([Rule::stream(events).gated().held()]);
    let mut connection = dataplane.connect().await;
    let head = connection
        .begin(&chat("chat", None).header("x-request-id", "patient"))
        .await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    assert_eq!(head.header("x-request-id"), Some("patient"));
    assert_eq!(connection.read_until(COMMENT).await, COMMENT);
    model.release(1);
    let first = connection.read_until("data: 1\n\n").await;
    assert_eq!(without_comments(&first), "data: 1\n\n");
    assert_eq!(connection.read_until(COMMENT).await, COMMENT);
    model.release(2);
    let rest = connection.read_body().await.unwrap();
    let rest = String::from_utf8(rest).unwrap();
    assert_eq!(without_comments(&rest), ["data: 2\n\n", DONE].concat());
}

#[tokio::test]
async fn no_comment_comes_inside_an_event() {
    let (model, dataplane) = stream("vllm").await;
    let mut rule = Rule::stream(["data: {\"choices\":[{\"a\":", "1}]}\n\n", DONE]);
    if let Action::Stream(stream) = &mut rule.action {
        stream.pace_ms = 1_500;
    }
    model.script([rule]);
    let got = dataplane.send(&chat("chat", None)).await.text();
    let event = "data: {\"choices\":[{\"a\":1}]}\n\n";
    let first = got.trim_start_matches(COMMENT);
    assert!(first.starts_with(event), "{got}");
    assert_eq!(without_comments(&got), [event, DONE].concat());
}

#[tokio::test]
async fn after_a_comment_another_model_may_still_answer() {
    let (silent, spare) = (
        FakeModel::start().await.unwrap(),
        FakeModel::start().await.unwrap(),
    );
    silent.script([Rule::new(Action::Stall)]);
    let start = start().upstream("vllm", &silent).upstream("spare", &spare);
    let dataplane = start.start().await;
    let request = chat("chat", None).header("x-request-id", "spared");
    let response = dataplane.send(&request).await;
    let text = response.text();
    assert!(text.starts_with(COMMENT), "{text}");
    assert!(text.contains("said:") && text.ends_with(DONE), "{text}");
    assert_eq!(response.header("x-fallback-model"), None);
    let line = dataplane.access_line("spared").await;
    assert_eq!(
        (&line["status"], &line["fallback_model"]),
        (&json!(200), &json!("spare"))
    );
}

#[tokio::test]
async fn a_failure_after_a_comment_is_an_event_and_is_logged_as_what_it_is() {
    let (model, dataplane) = stream("renamed").await;
    model.script([Rule::new(Action::Stall)]);
    let request = chat("renamed", None).header("x-request-id", "failed");
    let response = dataplane.send(&request).await;
    let text = response.text();
    assert_eq!(response.status, 200);
    let event = text.trim_start_matches(COMMENT);
    let data = event
        .strip_prefix("data: ")
        .and_then(|data| data.strip_suffix("\n\n"))
        .unwrap_or_else(|| panic!("{text}"));
    let error: Value = serde_json::from_str(data).unwrap();
    assert_eq!(error["error"]["code"], "upstream_timeout");
    assert_eq!(dataplane.access_line("failed").await["status"], 504);
}

#[tokio::test]
async fn a_refusal_by_the_upstream_after_a_comment_is_an_event() {
    let (model, dataplane) = stream("old").await;
    let refusal = Rule::respond(400, "{\"error\":\n {\"message\":\"too long\"}}\n");
    model.script([refusal.held()]);
    let mut connection = dataplane.connect().await;
    connection
        .begin(&chat("old", None).header("x-request-id", "refused"))
        .await;
    assert_eq!(connection.read_until(COMMENT).await, COMMENT);
    model.release(1);
    let rest = connection.read_body().await.unwrap();
    let expected = "data: {\"error\":  {\"message\":\"too long\"}} \n\n";
    let rest = String::from_utf8(rest).unwrap();
    assert_eq!(without_comments(&rest), expected);
    assert_eq!(dataplane.access_line("refused").await["status"], 400);
}

#[tokio::test]
async fn a_client_that_leaves_after_a_comment_takes_its_request_back() {
    let (model, dataplane) = stream("old").await;
    model.script([Rule::new(Action::Stall)]);
    let mut connection = dataplane.connect().await;
    connection
        .begin(&chat("old", None).header("x-request-id", "gone"))
        .await;
    connection.read_until(COMMENT).await;
    drop(connection);
    assert!(model.wait_for_ends(1).await[0].aborted());
    assert_eq!(dataplane.access_line("gone").await["status"], 499);
}

#[tokio::test]
async fn what_is_not_streamed_gets_no_comment() {
    let (model, dataplane) = stream("old").await;
    let mut rule = Rule::respond(200, "{}");
    rule.delay_ms = 1_500;
    model.script([rule]);
    let response = dataplane.send(&Request::chat("old").key(FREE)).await;
    assert_eq!(response.text(), "{}");
    assert_eq!(response.header("content-type"), Some("application/json"));
}

/// A stream that has the only place of its key, and a second one that waits for it and has had a comment.
async fn queued() -> (FakeModel, Dataplane, [Connection; 2]) {
    let (model, dataplane) = stream("old").await;
    model.script([Rule::stream(["data: first\n\n", DONE]).gated()]);
    let request = unsigned("old", None).key(QUEUED);
    let mut running = dataplane.connect().await;
    running.begin(&request).await;
    running.read_until("first").await;
    let mut waiting = dataplane.connect().await;
    waiting.begin(&request).await;
    waiting.read_until(COMMENT).await;
    assert_eq!(model.received().len(), 1, "it is in the queue");
    (model, dataplane, [running, waiting])
}

#[tokio::test]
async fn a_client_in_the_queue_of_a_limit_gets_comments() {
    let (model, _dataplane, [mut running, mut waiting]) = queued().await;
    model.release(2);
    running.read_body().await.unwrap();
    let rest = waiting.read_body().await.unwrap();
    let rest = String::from_utf8(rest).unwrap();
    assert_eq!(without_comments(&rest), format!("data: first\n\n{DONE}"));
}

#[tokio::test]
async fn who_is_refused_after_a_long_wait_in_a_queue_learns_it_from_an_event() {
    let (_model, dataplane, [_running, mut waiting]) = queued().await;
    let rest = waiting.read_body().await.unwrap();
    let rest = without_comments(&String::from_utf8(rest).unwrap());
    assert!(rest.starts_with("data: {\"error\":"), "{rest}");
    assert!(
        rest.contains("rate_limit_exceeded") && !rest.contains("[DONE]"),
        "{rest}"
    );
    let refused = |line: &Value| line["logger"] == "nexus.access" && line["status"] == 429;
    dataplane.log().wait_for(refused).await;
}
