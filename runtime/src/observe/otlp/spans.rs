//! What is noted of a recorded request on its way.

use std::net::IpAddr;
use std::time::SystemTime;

use hyper::{Method, StatusCode};
use tokio::time::Instant;

use crate::endpoint::{Endpoint, Operation};
use crate::observe::clock;
use crate::observe::otlp::Sink;
use crate::observe::trace::Trace;
use crate::topology::Model;
use crate::upstream::live::Live;

/// The spans of a request that is being answered.
pub(crate) struct Spans {
    sink: Sink,
    trace: Trace,
    span: u64,
    /// The only look at the wall clock: a step of it must not end a span before its beginning.
    started: SystemTime,
    began: Instant,
    attempts: Vec<Attempt>,
}

/// One attempt at an upstream.
pub(super) struct Attempt {
    pub(super) span: u64,
    pub(super) model: &'static Model,
    pub(super) upstream: &'static Live,
    pub(super) started: SystemTime,
    /// `None` while it goes on.
    pub(super) ended: Option<SystemTime>,
    pub(super) status: Option<StatusCode>,
    /// What went wrong, in a word of a closed set; a status speaks for itself.
    pub(super) error: Option<&'static str>,
}

/// How a request ended.
pub(crate) struct End {
    pub(crate) method: Method,
    pub(crate) endpoint: Endpoint,
    /// Without what must not be written, as the address.
    pub(crate) path: String,
    pub(crate) client_ip: IpAddr,
    /// The model that was asked for.
    pub(crate) model: Option<&'static Model>,
    pub(crate) status: StatusCode,
    pub(crate) input_tokens: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
}

/// The spans of a request that has ended.
pub(crate) struct Recorded {
    pub(super) trace: [u8; 32],
    pub(super) parent: Option<[u8; 16]>,
    pub(super) span: u64,
    pub(super) request_id: Box<str>,
    pub(super) started: SystemTime,
    pub(super) ended: SystemTime,
    pub(super) attempts: Vec<Attempt>,
    pub(super) end: End,
}

impl Spans {
    /// The spans of a request of `trace`, if that is recorded; they go to `sink`.
    pub(crate) fn open(sink: Option<&Sink>, trace: &Trace) -> Option<Box<Self>> {
        let sink = sink.filter(|_| trace.is_sampled())?;
        Some(Box::new(Self {
            sink: sink.clone(),
            trace: trace.clone(),
            span: fastrand::u64(1..),
            started: clock::now(),
            began: Instant::now(),
            attempts: Vec::new(),
        }))
    }

    /// An attempt at `upstream` for `model` begins; returns its place among those of the request.
    pub(crate) fn begin(&mut self, model: &'static Model, upstream: &'static Live) -> usize {
        self.attempts.push(Attempt {
            span: fastrand::u64(1..),
            model,
            upstream,
            started: self.now(),
            ended: None,
            status: None,
            error: None,
        });
        self.attempts.len() - 1
    }

    /// The span of an attempt.
    pub(crate) fn of_attempt(&self, attempt: usize) -> Option<u64> {
        self.attempts.get(attempt).map(|attempt| attempt.span)
    }

    /// An attempt has a response, which goes on. Any other that still runs is taken back.
    pub(crate) fn answered(&mut self, attempt: usize, status: StatusCode) {
        let now = self.now();
        for (place, attempt_made) in self.attempts.iter_mut().enumerate() {
            if place == attempt {
                attempt_made.status = Some(status);
            } else if attempt_made.ended.is_none() {
                attempt_made.ended = Some(now);
                attempt_made.error = Some(CANCELLED);
            }
        }
    }

    /// An attempt has failed: with a status, or as `error` says.
    pub(crate) fn failed(
        &mut self,
        attempt: usize,
        status: Option<StatusCode>,
        error: Option<&'static str>,
    ) {
        let now = self.now();
        if let Some(attempt) = self.attempts.get_mut(attempt) {
            attempt.status = status;
            attempt.error = error;
            attempt.ended = Some(now);
        }
    }

    /// The request is over, and with it whatever attempt goes on.
    pub(crate) fn finish(self, end: End) {
        let ended = self.now();
        let mut attempts = self.attempts;
        for attempt in attempts
            .iter_mut()
            .filter(|attempt| attempt.ended.is_none())
        {
            attempt.ended = Some(ended);
            attempt.error = broken(attempt.status, end.status);
        }
        self.sink.send(Box::new(Recorded {
            trace: self.trace.context(),
            parent: self.trace.parent(),
            span: self.span,
            request_id: String::from_utf8_lossy(self.trace.request_id()).into(),
            started: self.started,
            ended,
            attempts,
            end,
        }));
    }

    /// The time of day, as it has passed since the request began.
    fn now(&self) -> SystemTime {
        self.started + self.began.elapsed()
    }
}

/// The word for an attempt that was taken back.
const CANCELLED: &str = "cancelled";

/// What became of an attempt that ended with its request, where that is not what its status says.
fn broken(answered: Option<StatusCode>, status: StatusCode) -> Option<&'static str> {
    match status.as_u16() {
        _ if answered == Some(status) => None,
        499 => Some(CANCELLED),
        504 => Some("timeout"),
        _ => Some("interrupted"),
    }
}

impl End {
    /// What an upstream is asked to do, where it is asked.
    pub(super) fn operation(&self) -> Option<Operation> {
        match self.endpoint {
            Endpoint::Inference(operation) => Some(operation),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::*;
    use crate::dataplane::Dataplane;
    use crate::fixture::{MODEL_SMALL, dataplane};
    use crate::message::headers::Headers;

    fn spans(dataplane: &Dataplane) -> Spans {
        let sink = Sink {
            queue: mpsc::channel(1).0,
            dropped: dataplane.metrics.log_dropped.clone(),
        };
        Spans {
            sink,
            trace: Trace::identify(&Headers::default(), None),
            span: 1,
            started: clock::now(),
            began: Instant::now(),
            attempts: Vec::new(),
        }
    }

    #[test]
    fn no_span_ends_before_it_began_when_the_clock_is_set_back() {
        let dataplane = dataplane();
        let mut spans = spans(dataplane);
        // As the clock was before it was set back by a day.
        spans.started += Duration::from_secs(24 * 3600);
        let attempt = spans.begin(&MODEL_SMALL, &dataplane.upstreams[0]);
        spans.failed(attempt, None, Some("refused"));
        let attempt = &spans.attempts[attempt];
        assert!(spans.started <= attempt.started);
        assert!(attempt.ended.is_some_and(|ended| attempt.started <= ended));
        assert!(spans.started <= spans.now());
    }

    #[test]
    fn of_two_attempts_at_once_each_has_its_span_and_the_slower_is_taken_back() {
        let dataplane = dataplane();
        let mut spans = spans(dataplane);
        let upstreams = &dataplane.upstreams;
        let slow = spans.begin(&MODEL_SMALL, &upstreams[0]);
        let fast = spans.begin(&MODEL_SMALL, &upstreams[1]);
        for attempt in [slow, fast] {
            let span = spans.attempts[attempt].span;
            assert_eq!(spans.of_attempt(attempt), Some(span));
        }
        spans.answered(fast, StatusCode::OK);
        let [slow, fast] = &spans.attempts[..] else {
            panic!("two attempts were begun")
        };
        assert!(slow.ended.is_some() && slow.status.is_none());
        assert_eq!(slow.error, Some("cancelled"));
        assert!(fast.ended.is_none() && fast.error.is_none());
        assert_eq!(fast.status, Some(StatusCode::OK));
    }
}
