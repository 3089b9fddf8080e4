//! Spans for an OpenTelemetry collector: one for each recorded request, one for each of its attempts.
//!
//! What is noted on the way is a few words in memory; it becomes text on a thread of its own, which
//! also sends it. A request whose trace is not recorded has nothing here.

mod export;
mod json;
pub(crate) mod spans;

use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use prometheus::IntCounter;
use tokio::sync::mpsc;

use crate::address::Address;
use crate::observe::otlp::export::Exporter;
use crate::observe::otlp::spans::Recorded;
use crate::observe::{log, thread};
use crate::topology::Topology;

/// How many requests wait to be sent before further ones are dropped.
const QUEUE: usize = 2048;

/// What the environment holds for a collector.
pub(crate) struct Settings {
    /// Where it is.
    pub(crate) address: Address,
    /// What it is sent beside spans.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// The way to the sending thread, for one of the threads that serve.
#[derive(Clone)]
pub(crate) struct Sink {
    queue: mpsc::Sender<Box<Recorded>>,
    dropped: IntCounter,
}

impl Sink {
    /// Hands over the spans of a request, if there is room.
    fn send(&self, recorded: Box<Recorded>) {
        if self.queue.try_send(recorded).is_err() {
            self.dropped.inc();
        }
    }
}

/// The sending thread. It ends when every way to it is gone.
pub(crate) struct Sender {
    thread: JoinHandle<()>,
}

/// Starts the sending thread. It says in `log` when the collector does not take spans, and when it
/// does again; requests whose spans are lost are counted in `dropped`.
pub(crate) fn start(
    topology: &'static Topology,
    settings: Settings,
    dropped: IntCounter,
    log: log::Sink,
) -> io::Result<(Sink, Sender)> {
    let (queue, recorded) = mpsc::channel(QUEUE);
    let exporter = Exporter::new(topology, settings, dropped.clone(), log)?;
    let thread = std::thread::Builder::new().name("otlp".to_owned());
    let thread = thread.spawn(move || exporter.run(recorded))?;
    Ok((Sink { queue, dropped }, Sender { thread }))
}

impl Sender {
    /// Waits until everything is sent, but not longer than `limit`: a collector that does not answer
    /// must not keep the process alive.
    pub(crate) fn finish(self, limit: Duration) {
        thread::ends_within(self.thread, limit);
    }
}
