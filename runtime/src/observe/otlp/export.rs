//! The thread that sends spans: in batches, one after the other, each again until the collector has
//! taken or refused it.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use prometheus::IntCounter;
use serde::Deserialize;
use thiserror::Error;
use tokio::runtime::{self, LocalOptions};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::log;
use crate::observe::otlp::spans::Recorded;
use crate::observe::otlp::{Settings, json};
use crate::topology::Topology;
use crate::upstream::connect::Destination;
use crate::upstream::failure::Failure;
use crate::upstream::once;

/// The most requests whose spans go together.
const BATCH: usize = 256;

/// How long a request's spans wait for others.
const DELAY: Duration = Duration::from_millis(500);

/// How long one request to the collector may take.
const LIMIT: Duration = Duration::from_secs(10);

/// How long after a failure the first further attempt is made; then twice as long each time.
const RETRY: Duration = Duration::from_millis(500);

/// The longest time between two attempts.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// The longest answer of a collector that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// Sends spans.
pub(super) struct Exporter {
    service: json::Service,
    destination: Destination,
    uri: Uri,
    headers: HeaderMap,
    dropped: IntCounter,
    log: log::Sink,
}

/// Why a collector has not taken spans.
#[derive(Debug, Error)]
enum Untaken {
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error("no answer in time")]
    Late,
    #[error("answered {}", .0.as_u16())]
    Status(StatusCode),
}

impl Exporter {
    pub(super) fn new(
        topology: &'static Topology,
        settings: Settings,
        dropped: IntCounter,
        log: log::Sink,
    ) -> io::Result<Self> {
        let Settings { address, headers } = settings;
        let uri = Uri::try_from(format!("{}/v1/traces", address.prefix()));
        let mut all = HeaderMap::new();
        all.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        all.extend(headers);
        Ok(Self {
            service: json::Service {
                name: topology.name,
                scheme: match topology.gateway.tls {
                    Some(_) => "https",
                    None => "http",
                },
            },
            uri: uri.map_err(io::Error::other)?,
            destination: Destination::new(address).map_err(io::Error::other)?,
            headers: all,
            dropped,
            log,
        })
    }

    /// Sends what comes until nothing can come any more.
    pub(super) fn run(self, mut recorded: Receiver<Box<Recorded>>) {
        let mut builder = runtime::Builder::new_current_thread();
        match builder.enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => runtime.block_on(self.send_all(&mut recorded)),
            Err(error) => self.say(Level::Error, &format!("spans cannot be sent: {error}")),
        }
    }

    async fn send_all(&self, recorded: &mut Receiver<Box<Recorded>>) {
        let mut failing = false;
        while let Some(batch) = gather(recorded).await {
            let body = Bytes::from(json::body(&self.service, &batch));
            let mut pause = RETRY;
            loop {
                let outcome = timeout(LIMIT, self.post(body.clone())).await;
                let outcome = outcome.unwrap_or(Err(Untaken::Late));
                if failing != outcome.is_err() {
                    failing = outcome.is_err();
                    self.tell(&outcome);
                }
                match outcome {
                    Ok(()) => break,
                    Err(untaken) if untaken.may_pass() => {
                        sleep(pause).await;
                        pause = (pause * 2).min(LONGEST_RETRY);
                    }
                    Err(_) => {
                        self.dropped.inc_by(batch.len() as u64);
                        break;
                    }
                }
            }
        }
    }

    async fn post(&self, body: Bytes) -> Result<(), Untaken> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let response = once::send(&self.destination, request, LIMIT).await?;
        if !response.status.is_success() {
            return Err(Untaken::Status(response.status));
        }
        if let Ok(answer) = response.read(MAX_ANSWER).await {
            self.dropped.inc_by(rejected(&answer));
        }
        Ok(())
    }

    fn tell(&self, outcome: &Result<(), Untaken>) {
        match outcome {
            Ok(()) => self.say(Level::Info, "the collector takes spans again"),
            Err(untaken) => {
                let message = format!("the collector does not take spans: {untaken}");
                self.say(Level::Warn, &message);
            }
        }
    }

    fn say(&self, level: Level, message: &str) {
        self.log.line(&Line::new(level, "nexus.otlp", message));
    }
}

impl Untaken {
    /// Whether a further attempt makes sense (the specification of OTLP lists the statuses).
    fn may_pass(&self) -> bool {
        match self {
            Self::Failed(_) | Self::Late => true,
            Self::Status(status) => matches!(status.as_u16(), 429 | 502 | 503 | 504),
        }
    }
}

/// The next requests, or `None` when there will be none.
async fn gather(recorded: &mut Receiver<Box<Recorded>>) -> Option<Vec<Box<Recorded>>> {
    let mut batch = vec![recorded.recv().await?];
    let deadline = Instant::now() + DELAY;
    while batch.len() < BATCH
        && let Ok(Some(next)) = timeout_at(deadline, recorded.recv()).await
    {
        batch.push(next);
    }
    Some(batch)
}

/// How many spans a collector says that it has not taken, although it has taken the others.
fn rejected(answer: &[u8]) -> u64 {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        partial_success: Option<Partial>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Partial {
        /// A 64-bit number is a string in JSON; some write a number.
        rejected_spans: Option<serde_json::Value>,
    }
    let answer: Option<Answer> = serde_json::from_slice(answer).ok();
    let rejected = answer.and_then(|answer| answer.partial_success?.rejected_spans);
    rejected
        .and_then(|count| count.as_u64().or_else(|| count.as_str()?.parse().ok()))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_success_is_no_success_for_what_was_rejected() {
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":"3"}}"#), 3);
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":3}}"#), 3);
        for none in [
            "",
            "{}",
            r#"{"partialSuccess":{}}"#,
            "[]",
            r#"{"partialSuccess":null}"#,
        ] {
            assert_eq!(rejected(none.as_bytes()), 0, "{none}");
        }
    }

    #[test]
    fn what_will_never_be_taken_is_not_sent_again() {
        for (status, again) in [
            (400, false),
            (401, false),
            (413, false),
            (429, true),
            (503, true),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Untaken::Status(status).may_pass(), again, "{status}");
        }
    }
}
