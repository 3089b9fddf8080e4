//! The server over a real socket: what a client sees of each fault, and what is remembered of the client.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use fake_model::server::{Action, Ending, FakeModel, Options, Response, Rule};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const CHAT: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;

struct Client(TcpStream);

impl Client {
    async fn connect(model: &FakeModel) -> Self {
        Self(TcpStream::connect(model.address()).await.unwrap())
    }

    async fn send(&mut self, method: &str, path: &str, body: &str) {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
        self.0
            .write_all(format!("{head}{body}").as_bytes())
            .await
            .unwrap();
    }

    /// Reads until `end` has come.
    async fn read_until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            match timeout(Duration::from_secs(60), self.0.read_u8()).await {
                Ok(Ok(byte)) => text.push(byte),
                _ => panic!("no `{end}` in `{}`", String::from_utf8_lossy(&text)),
            }
        }
        String::from_utf8(text).unwrap()
    }

    /// Reads until the server closes.
    async fn read_all(&mut self) -> std::io::Result<String> {
        let mut text = String::new();
        self.0.read_to_string(&mut text).await.map(|_| text)
    }
}

/// Asks a server with this one rule, and reads until it closes.
async fn ask(rule: Rule) -> std::io::Result<String> {
    let model = FakeModel::start().await?;
    model.script([rule]);
    let mut client = Client::connect(&model).await;
    client.send("POST", "/v1/chat/completions", CHAT).await;
    client.read_all().await
}

#[tokio::test]
async fn without_a_script_it_answers_like_a_model_and_keeps_the_connection() {
    let model = FakeModel::start().await.unwrap();
    let mut client = Client::connect(&model).await;
    for _ in 0..2 {
        client.send("POST", "/v1/chat/completions", CHAT).await;
        let response = client.read_until("}}").await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(response.contains("You said: Hello"));
    }
    let received = model.wait_for_ends(2).await;
    assert_eq!(received[0].connection, received[1].connection);
    assert_eq!(received[1].body.text(), CHAT);
    assert!(!received[1].aborted());
}

#[tokio::test]
async fn a_probe_hears_that_it_serves_whatever_models_it_has() {
    for models in [Vec::new(), vec!["mine".to_owned()]] {
        let options = Options {
            models,
            ..Options::default()
        };
        let model = FakeModel::start_on("127.0.0.1:0", options).await.unwrap();
        let mut client = Client::connect(&model).await;
        client.send("GET", "/health", "").await;
        let response = client.read_until("\r\n\r\n").await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    }
}

#[tokio::test]
async fn a_server_with_named_models_refuses_others() {
    let options = Options {
        models: vec!["mine".to_owned()],
        ..Options::default()
    };
    let model = FakeModel::start_on("127.0.0.1:0", options).await.unwrap();
    let mut client = Client::connect(&model).await;
    client.send("POST", "/v1/chat/completions", CHAT).await;
    assert!(client.read_until("}}").await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn rules_are_used_up_in_their_order() {
    let model = FakeModel::start().await.unwrap();
    model.script([
        Rule::respond(500, "{1}").times(1),
        Rule::respond(503, "{2}").times(1),
    ]);
    let mut client = Client::connect(&model).await;
    for (end, status) in [("{1}", 500), ("{2}", 503), ("}}", 200)] {
        client.send("POST", "/v1/chat/completions", CHAT).await;
        let response = client.read_until(end).await;
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{response}"
        );
    }
}

#[tokio::test]
async fn a_rule_for_a_path_leaves_the_others_alone() {
    let model = FakeModel::start().await.unwrap();
    model.script([Rule {
        path: Some("/v1/models".to_owned()),
        ..Rule::respond(500, "{}")
    }]);
    let mut client = Client::connect(&model).await;
    client.send("POST", "/v1/chat/completions", CHAT).await;
    assert!(client.read_until("}}").await.starts_with("HTTP/1.1 200 "));
    client.send("GET", "/v1/models", "").await;
    assert!(client.read_until("{}").await.starts_with("HTTP/1.1 500 "));
}

#[tokio::test]
async fn malformed_bytes_are_sent_as_they_are() {
    let response = ask(Rule::new(Action::Raw("NOT HTTP\r\n\r\n".into())))
        .await
        .unwrap();
    assert_eq!(response, "NOT HTTP\r\n\r\n");
}

#[tokio::test]
async fn a_reset_is_seen_as_one() {
    let error = ask(Rule::new(Action::Reset)).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_close_is_no_answer() {
    assert_eq!(ask(Rule::new(Action::Close)).await.unwrap(), "");
}

#[tokio::test]
async fn a_wrong_length_is_announced_and_the_connection_closed() {
    let rule = Rule::new(Action::Respond(Response {
        body: "12345".into(),
        content_length: Some(9),
        ..Response::default()
    }));
    let response = ask(rule).await.unwrap();
    assert!(response.contains("content-length: 9\r\n"));
    assert!(response.ends_with("\r\n\r\n12345"));
}

#[tokio::test]
async fn a_stream_keeps_its_chunks_apart_and_ends_as_told() {
    let response = ask(Rule::stream(["da", "ta: x\n\n"]).ending(Ending::Close))
        .await
        .unwrap();
    assert!(
        response.ends_with("\r\n\r\n2\r\nda\r\n7\r\nta: x\n\n\r\n"),
        "{response}"
    );
}

#[tokio::test]
async fn a_gated_stream_waits_for_its_release() {
    let model = FakeModel::start().await.unwrap();
    model.script([Rule::stream(["one", "two"]).gated()]);
    let mut client = Client::connect(&model).await;
    client.send("POST", "/v1/chat/completions", CHAT).await;
    client.read_until("3\r\none\r\n").await;
    assert!(model.received()[0].outcome.is_none());
    model.release(1);
    client.read_until("3\r\ntwo\r\n0\r\n\r\n").await;
    assert!(!model.wait_for_ends(1).await[0].aborted());
}

#[tokio::test]
async fn an_answer_that_is_held_waits_for_its_release() {
    let model = FakeModel::start().await.unwrap();
    model.script([Rule::respond(500, "{}").held()]);
    let mut client = Client::connect(&model).await;
    client.send("POST", "/v1/chat/completions", CHAT).await;
    assert!(model.wait_for_requests(1).await[0].outcome.is_none());
    model.release(1);
    assert!(client.read_until("{}").await.starts_with("HTTP/1.1 500 "));
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed() {
    let model = FakeModel::start().await.unwrap();
    model.script([Rule::new(Action::Stall)]);
    let mut client = Client::connect(&model).await;
    client.send("POST", "/v1/chat/completions", CHAT).await;
    model.wait_for_requests(1).await;
    drop(client);
    assert!(model.wait_for_ends(1).await[0].aborted());
}

#[tokio::test]
async fn another_process_can_direct_it() {
    let model = FakeModel::start().await.unwrap();
    let mut control = Client::connect(&model).await;
    let script = r#"{"rules": [{"times": 1, "action": {"respond": {"status": 429}}}]}"#;
    control.send("POST", "/_fake/script", script).await;
    control.read_until("{}").await;

    let mut client = Client::connect(&model).await;
    client.send("POST", "/v1/chat/completions", CHAT).await;
    assert!(
        client
            .read_until("\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 429 ")
    );

    control.send("GET", "/_fake/received?ended=1", "").await;
    let received = control.read_until(r#"completions"}]}"#).await;
    assert!(received.contains(r#""aborted":false"#), "{received}");

    control.send("POST", "/_fake/reset", "").await;
    control.read_until("{}").await;
    assert!(model.received().is_empty());
}

#[tokio::test]
async fn waiting_from_another_process_is_bounded() {
    let model = FakeModel::start().await.unwrap();
    let mut control = Client::connect(&model).await;
    control
        .send("GET", "/_fake/received?count=1&timeout_ms=1", "")
        .await;
    assert!(control.read_until("}").await.starts_with("HTTP/1.1 408 "));
}

#[test]
fn the_program_says_where_it_listens() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_fake-model"))
        .args(["--model", "mine", "--pace", "5ms"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    program.kill().unwrap();
    program.wait().unwrap();
    let url = line
        .trim()
        .strip_prefix("listening on http://127.0.0.1:")
        .unwrap();
    assert_ne!(url.parse::<u16>().unwrap(), 0);
}

#[tokio::test]
async fn a_script_with_a_mistake_is_refused() {
    let model = FakeModel::start().await.unwrap();
    let mut control = Client::connect(&model).await;
    control
        .send("POST", "/_fake/script", r#"{"rules": [{"tims": 1}]}"#)
        .await;
    let response = control.read_until("}").await;
    assert!(
        response.starts_with("HTTP/1.1 400 ") && response.contains("tims"),
        "{response}"
    );
}
