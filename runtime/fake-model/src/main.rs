//! The fake model server as a program: `fake-model --listen 127.0.0.1:0 --model NAME --pace 10ms`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use fake_model::server::{FakeModel, Options};

const CONTROL: &str = r#"Control, by which a test or a person directs the running server:
  POST /_fake/script     Set the rules for the requests to come, for example
      {"rules": [
        {"times": 1, "action": {"respond": {"status": 429, "headers": {"retry-after": "7"}}}},
        {"times": 2, "delay_ms": 100, "action": "reset"},
        {"action": {"stream": {"count": 3, "pace_ms": 50, "gated": false, "ending": "stall"}}}
      ]}
      actions: model, respond, stream, raw, stall, reset, close; endings: proper, stall, reset, close
  GET  /_fake/received   What was received, and how it ended; ?count=3 or ?ended=3 waits for so many
  POST /_fake/release    Let ?chunks=1 of gated streams go out
  POST /_fake/reset      Forget everything"#;

/// A model server without a model: OpenAI-compatible answers, and faults on demand under `/_fake/`.
#[derive(Parser)]
#[command(version, after_help = CONTROL)]
struct Arguments {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    listen: String,
    /// A model that the server has; repeat for more [default: it has every model]
    #[arg(long = "model", value_name = "NAME")]
    models: Vec<String>,
    /// The pause before each event of a stream, such as 10ms or 1s
    #[arg(long, default_value = "0ms", value_name = "TIME", value_parser = duration)]
    pace: Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Arguments {
        listen,
        models,
        pace,
    } = Arguments::parse();
    let server = match FakeModel::start_on(&listen, Options { models, pace }).await {
        Ok(server) => server,
        Err(error) => {
            eprintln!("error: cannot listen on {listen}: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("listening on {}", server.url());
    std::future::pending().await
}

/// A time in `ms` or `s`.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, Duration::from_millis(1)),
        None => (text.strip_suffix('s').unwrap_or(""), Duration::from_secs(1)),
    };
    let number: u32 = number
        .parse()
        .map_err(|_| "a time is written like 10ms or 1s".to_owned())?;
    Ok(unit * number)
}
