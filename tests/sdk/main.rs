//! The official OpenAI SDKs against compiled dataplanes: each test runs one case of `client.py` or
//! `client.js`. `cargo xtask test sdk` fetches the SDKs to where the tests look for them.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::Stdio;

use end_to_end::{Start, patiently, target_directory};
use fake_model::server::{FakeModel, Options};
use tokio::process::Command;

const KEY: &str = "web-secret-1234567890";

/// An SDK, by the language that it is for.
#[derive(Clone, Copy)]
enum Sdk {
    Python,
    Node,
}

impl Sdk {
    /// The command that runs its cases.
    fn command(self) -> Command {
        let tools = target_directory().join("tools");
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk");
        let (interpreter, script, sdk) = match self {
            Self::Python => {
                let environment = tools.join("python");
                (environment.join("bin/python"), "client.py", environment)
            }
            Self::Node => {
                let own = tools.join("nodejs/bin/node");
                let interpreter = if own.exists() { own } else { "node".into() };
                (interpreter, "client.js", tools.join("node/package.json"))
            }
        };
        assert!(
            sdk.exists(),
            "the SDK is missing: run `cargo xtask test sdk`, which fetches it"
        );
        let mut command = Command::new(interpreter);
        command
            .arg(scripts.join(script))
            .env("SDK", sdk)
            .env("NO_PROXY", "127.0.0.1");
        command
    }
}

/// Runs a case against the compiled spec `quickstart`.
async fn quickstart(sdk: Sdk, case: &str) {
    let dataplane = Start::of("quickstart").start().await;
    let mut command = sdk.command();
    command.arg(case);
    command
        .env("BASE_URL", dataplane.url())
        .env("API_KEY", "none")
        .env("MODEL", "chat");
    run(command).await;
}

/// Runs a case against the compiled spec `chat-2x3090`, whose upstreams are all one fake model server.
async fn service(sdk: Sdk, case: &str) {
    // Those that its health checks look for, and the cloud's.
    let models = [
        "Qwen/Qwen2.5-14B-Instruct",
        "Qwen/Qwen2.5-3B-Instruct",
        "gpt-4o-mini",
    ];
    let options = Options {
        models: models.map(str::to_owned).to_vec(),
        ..Options::default()
    };
    let model = FakeModel::start_on("127.0.0.1:0", options).await.unwrap();
    let mut start = Start::of("chat-2x3090")
        .env("KEY_WEB", KEY)
        .env("KEY_BATCH", "batch-secret-1234567890")
        .env("KEY_OPS", "ops-secret-1234567890")
        .env("OPENAI_API_KEY", "cloud-secret-1234567890");
    for upstream in ["vllm-14b", "vllm-14b-next", "vllm-3b", "cloud"] {
        start = start.upstream(upstream, &model);
    }
    let dataplane = start.start().await;
    let mut command = sdk.command();
    command.arg(case).env("FAKE_URL", model.url());
    command
        .env("BASE_URL", dataplane.url())
        .env("API_KEY", KEY)
        .env("MODEL", "qwen-14b");
    run(command).await;
}

async fn run(mut command: Command) {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = patiently("the SDK", output).await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// One test for each case and SDK.
macro_rules! cases {
    ($($dataplane:ident: $($case:ident)*;)*) => {
        mod python {
            $($(#[tokio::test] async fn $case() {
                super::$dataplane(super::Sdk::Python, stringify!($case)).await;
            })*)*
        }

        mod node {
            $($(#[tokio::test] async fn $case() {
                super::$dataplane(super::Sdk::Node, stringify!($case)).await;
            })*)*
        }
    };
}

cases! {
    quickstart: chat chat_with_alternatives stream stream_with_usage completion embeddings models tools
        tools_streamed fallback no_such_model malformed;
    service: wrong_key forbidden_model refused_by_the_model busy broken timeout error_in_a_stream abort;
}
