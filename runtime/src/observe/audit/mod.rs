//! The audit log: who asked what, and what came of it; one JSON line for each request, refused ones
//! too, never sampled.
//!
//! Lines leave as log lines do, in batches to a thread of their own. A record that could not be
//! written is tried again until it is; those behind it wait in a bounded queue, and are lost, and
//! counted, when that is full. While this is so, the spec says whether requests are served.

pub(crate) mod output;
mod principal;
pub(crate) mod record;
pub(crate) mod writer;

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use prometheus::IntCounter;

use crate::observe::audit::output::Output;
use crate::observe::audit::principal::Hasher;
use crate::observe::audit::record::Record;
use crate::observe::audit::writer::{State, Writer};
use crate::observe::batch::{self, Batches, Queue};
use crate::observe::log;
use crate::topology::{Audit, Key, Privacy, Topology, WhenFailing};

/// What the environment holds for the audit log.
pub(crate) struct Settings {
    /// The salt of hashed callers.
    pub(crate) salt: String,
    /// The API keys, in the topology's order.
    pub(crate) keys: &'static [&'static Key],
    /// Where records go.
    pub(crate) output: Output,
}

/// The way to the writing thread, for one of the threads that serve.
#[derive(Clone)]
pub(crate) struct Sink {
    queue: Queue,
    state: Arc<State>,
    hasher: Arc<Hasher>,
    when_failing: WhenFailing,
    privacy: Option<&'static Privacy>,
}

/// Starts the writing thread. It says in `log` when it cannot write, and when it can again; records
/// that are lost are counted in `lost`.
pub(crate) fn start(
    topology: &'static Topology,
    audit: &'static Audit,
    settings: Settings,
    lost: IntCounter,
    log: log::Sink,
) -> std::io::Result<(Sink, Writer)> {
    let (queue, batches) = batch::queue(lost);
    let state = Arc::new(State::default());
    let writer = writer::start(settings.output, batches, Arc::clone(&state), log)?;
    let hasher = Hasher::new(settings.salt.as_bytes(), settings.keys);
    let sink = Sink {
        queue,
        state,
        hasher: Arc::new(hasher),
        when_failing: audit.when_failing,
        privacy: topology.privacy.as_ref(),
    };
    Ok((sink, writer))
}

/// The audit log of one worker.
pub(crate) struct AuditLog {
    sink: Sink,
    batches: Batches,
}

impl AuditLog {
    /// An audit log whose records go to `sink`.
    pub(crate) fn new(sink: Sink) -> Self {
        let batches = Batches::new(sink.queue.clone());
        Self { sink, batches }
    }

    /// Whether a request must not be served, because nobody could tell later that it was.
    pub(crate) fn refuses(&self) -> bool {
        let Sink { queue, state, .. } = &self.sink;
        // With a write that hangs nothing fails: only the queue tells.
        self.sink.when_failing == WhenFailing::Refuse
            && (state.is_failing() || queue.is_nearly_full())
    }

    /// Writes `record` of a request of `key`, or of the token of `subject`, soon.
    pub(crate) fn record(
        &self,
        record: &Record<'_>,
        key: Option<&'static Key>,
        subject: Option<&str>,
    ) {
        let hasher = &self.sink.hasher;
        let principal = match (key, subject) {
            (Some(key), _) => Some(Cow::Borrowed(hasher.of_key(key))),
            (None, Some(subject)) => Some(Cow::Owned(hasher.of_subject(subject))),
            (None, None) => None,
        };
        let privacy = self.sink.privacy;
        self.batches
            .add(|buffer| record.write(buffer, principal.as_deref(), privacy));
    }

    /// Hands everything over.
    pub(crate) fn flush(&self) {
        self.batches.flush();
    }

    /// Hands records over in time, for as long as it is polled.
    pub(crate) async fn keep_flushing(self: Rc<Self>) {
        self.batches.keep_flushing().await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use serde_json::Value;

    use super::*;
    use crate::message::headers::Headers;
    use crate::observe::trace::Trace;

    /// An audit log, and where its batches come out.
    fn log(when_failing: WhenFailing) -> (AuditLog, batch::End) {
        let (queue, batches) = batch::queue(IntCounter::new("lost", "lost").unwrap());
        let sink = Sink {
            queue,
            state: Arc::default(),
            hasher: Arc::new(Hasher::new(b"pepper-and-salt", &[])),
            when_failing,
            privacy: None,
        };
        (AuditLog::new(sink), batches)
    }

    fn record_one(log: &AuditLog, subject: Option<&str>) {
        let record = Record {
            message: "request",
            trace: &Trace::identify(&Headers::default(), None),
            client_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            method: "POST",
            path: "/\"\n",
            model: None,
            fallback_model: None,
            upstream: None,
            status: 200,
            duration_ms: 1.5,
            input_tokens: None,
            output_tokens: Some(3),
        };
        log.record(&record, None, subject);
        log.flush();
    }

    #[test]
    fn a_record_is_one_line_without_a_name() {
        let (log, mut batches) = log(WhenFailing::Admit);
        record_one(&log, Some("alice"));
        let mut line = batches.next().unwrap();
        assert_eq!(line.pop(), Some(b'\n'));
        assert!(!line.contains(&b'\n'));
        let record: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(record["principal"].as_str().unwrap().len(), 64);
        assert_eq!(
            (&record["path"], &record["model"]),
            (&"/\"\n".into(), &Value::Null)
        );
        assert!(!record.to_string().contains("alice"));
    }

    #[test]
    fn a_queue_without_room_refuses_where_nothing_may_go_unrecorded() {
        for (when_failing, refuses) in [(WhenFailing::Refuse, true), (WhenFailing::Admit, false)] {
            let (log, mut batches) = log(when_failing);
            assert!(!log.refuses());
            while !log.sink.queue.is_nearly_full() {
                record_one(&log, None);
            }
            assert_eq!(log.refuses(), refuses);
            batches.next().unwrap();
            assert!(!log.refuses());
        }
    }
}
