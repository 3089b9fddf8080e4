//! The emitted chaos scenarios see what they say: they pass where the gateway does as its spec says, and fail where
//! something else happens.

use std::path::Path;
use std::process::Output;

use end_to_end::{Dataplane, Spec, patiently};
use fake_model::server::{FakeModel, Rule};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

const SPEC: &str = "chat-2x3090";

/// A command that a scenario runs, and that does something in the test.
struct Lever(TcpListener);

impl Lever {
    async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn command(&self) -> String {
        let address = self.0.local_addr().unwrap();
        format!("curl --silent --fail --max-time 60 http://{address}/")
    }

    /// Waits for the command and lets it end when `action` has.
    async fn pulled(&self, action: impl Future<Output = ()>) {
        let (mut stream, _) = patiently("a command", self.0.accept()).await.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await.unwrap();
        action.await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).await.unwrap();
    }
}

/// A gateway whose large model has a server of its own.
async fn gateway(large: &FakeModel, others: &FakeModel) -> Dataplane {
    let start = Spec::read(SPEC).start(others);
    let start = start.upstream("vllm-14b", large);
    start.upstream("vllm-14b-next", large).start().await
}

async fn scenario(file: &str, dataplane: &Dataplane, arguments: [&str; 3]) -> (Output, String) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = tests
        .join("../deploy")
        .join(SPEC)
        .join("load/chaos")
        .join(file);
    let is_ops = |key: &toml::Value| key["secret"]["env"].as_str() == Some("KEY_OPS");
    let mut command = Command::new("sh");
    command.arg(script).args(arguments).kill_on_drop(true);
    command.env("GATEWAY", dataplane.url());
    command.env("API_KEY", Spec::read(SPEC).secret_of(is_ops).unwrap());
    command.env("PATIENCE", "30");
    let output = patiently("the scenario", command.output()).await.unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output, String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn a_fallback_model_answers_while_the_upstreams_are_away() {
    let large = FakeModel::start().await.unwrap();
    let others = FakeModel::start().await.unwrap();
    let dataplane = gateway(&large, &others).await;
    let (stop, start) = (Lever::new().await, Lever::new().await);
    let levers = async {
        stop.pulled(async { large.script([Rule::respond(503, "{}")]) })
            .await;
        start.pulled(async { large.reset() }).await;
    };
    let (stop_it, start_it) = (stop.command(), start.command());
    let arguments = ["qwen-14b", stop_it.as_str(), start_it.as_str()];
    let running = scenario("upstream-away.sh", &dataplane, arguments);
    let ((output, text), ()) = tokio::join!(running, levers);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("answered by 'qwen-3b'"), "{text}");
    assert!(text.contains("qwen-14b answers again"), "{text}");
}

#[tokio::test]
async fn an_upstream_that_is_not_away_is_not_as_expected() {
    let model = FakeModel::start().await.unwrap();
    let dataplane = gateway(&model, &model).await;
    let arguments = ["qwen-14b", "true", "true"];
    let (output, text) = scenario("upstream-away.sh", &dataplane, arguments).await;
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("NOT AS EXPECTED: one of these"), "{text}");
}

#[tokio::test]
async fn a_stream_ends_as_it_should_while_the_gateway_stops() {
    let model = FakeModel::start().await.unwrap();
    let mut dataplane = gateway(&model, &model).await;
    model.script([Rule::chat_stream(3).gated()]);
    let (stop, start) = (Lever::new().await, Lever::new().await);
    let (stop_it, start_it) = (stop.command(), start.command());
    let arguments = ["qwen-14b", stop_it.as_str(), start_it.as_str()];
    let levers = async {
        stop.pulled(dataplane.terminate()).await;
        model.release(10);
    };
    let running = scenario("stop-under-load.sh", &dataplane, arguments);
    let started = async {
        levers.await;
        let address = dataplane.address().to_string();
        let again = Spec::read(SPEC).start(&model).env("NEXUS_LISTEN", address);
        let mut process = None;
        start
            .pulled(async { process = Some(again.start().await) })
            .await;
        process
    };
    let ((output, text), again) = tokio::join!(running, started);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("the stream is whole"), "{text}");
    assert!(text.contains("the gateway is ready again"), "{text}");
    drop(again);
    assert!(dataplane.wait_for_exit().await.success());
}
