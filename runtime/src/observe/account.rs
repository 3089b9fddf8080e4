//! One request's account: what is learned about it on its way, and settled exactly once at its end,
//! in the metrics and in a log line.
//!
//! It is settled with a status when the last byte of the response was handed over. If it is dropped
//! before that, the client has gone (499), the code that served it has failed (500), or the gateway has
//! stopped (503).

mod told;

use std::borrow::Cow;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde::Deserialize;
use tokio::time::Instant;

use crate::auth::Unknown;
use crate::endpoint::Endpoint;
use crate::error::Interruption;
use crate::limit::applied::{Applied, Used};
use crate::message::Head;
#[cfg(feature = "audit")]
use crate::observe::audit::AuditLog;
use crate::observe::level::Level;
use crate::observe::line::beginning;
use crate::observe::log::Log;
use crate::observe::metrics::Metrics;
#[cfg(feature = "otlp")]
use crate::observe::otlp::spans::Spans;
use crate::observe::outcome::Outcome;
use crate::observe::trace::Trace;
use crate::server::drain::{Begun, Drain};
use crate::shadow::comparison::Comparison;
use crate::shadow::metrics::ShadowMetrics;
use crate::topology::{Key, Model, Route, Shadow, Upstream};
use crate::upstream::circuit::Change;
use crate::upstream::failure::Failure;
use crate::upstream::live::Live;
use crate::upstream::miss::Miss;
use crate::worker::Worker;

/// The tokens of one response, as far as the upstream said.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Tokens that the model read.
    #[serde(rename = "prompt_tokens")]
    pub(crate) input: Option<u64>,
    /// Tokens that the model wrote.
    #[serde(rename = "completion_tokens")]
    pub(crate) output: Option<u64>,
}

/// What is known about one request.
pub(crate) struct Account {
    /// The name of the key, or the subject of the token, of who asks.
    pub(crate) user: Option<Cow<'static, str>>,
    /// The API key of who asks, if it presented one.
    pub(crate) key: Option<&'static Key>,
    /// The model that is asked for.
    pub(crate) model: Option<&'static Model>,
    /// Bytes of JSON of what the model is to read.
    pub(crate) context_length: Option<usize>,
    /// The limits that it is under.
    pub(crate) limits: Applied,
    /// The comparison with a copy of it, if there is one.
    pub(crate) comparison: Option<Rc<Comparison>>,
    metrics: &'static Metrics,
    log: Rc<Log>,
    cut: Rc<Drain>,
    #[cfg(feature = "audit")]
    audit: Option<Rc<AuditLog>>,
    #[cfg(feature = "otlp")]
    spans: Option<Box<Spans>>,
    trace: Trace,
    method: Method,
    /// As much of the path as is written down; borrowed where it is one of the gateway's own.
    path: Cow<'static, str>,
    endpoint: Endpoint,
    client_ip: IpAddr,
    started: Instant,
    answering: Option<Answering>,
    usage: Option<Usage>,
    /// The events of a stream so far, as far as they were reported.
    streamed: Option<u64>,
    /// An upstream was sent the prompt, and was still at work when its time was over.
    worked_in_vain: bool,
    settled: bool,
}

/// Who answers.
#[derive(Clone, Copy)]
struct Answering {
    model: &'static Model,
    upstream: &'static Upstream,
    status: StatusCode,
}

/// The status under which requests are counted whose client went away: nginx's, no one receives it.
fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).expect("499 is in the range of statuses")
}

/// As much of the path as is written down, which is the label of the endpoint where that has but one.
fn path(head: &Head, endpoint: Endpoint) -> Cow<'static, str> {
    match head.uri.path() {
        path if path == endpoint.label() => Cow::Borrowed(endpoint.label()),
        path => Cow::Owned(beginning(path).to_owned()),
    }
}

impl Account {
    /// Opens the account of the request with this head.
    pub(crate) fn open(
        worker: &Worker,
        client_ip: IpAddr,
        head: &Head,
        endpoint: Endpoint,
        trace: Trace,
    ) -> Self {
        let metrics = &worker.dataplane.metrics;
        metrics.in_flight.inc();
        Self {
            user: None,
            key: None,
            model: None,
            context_length: None,
            limits: Applied::default(),
            comparison: None,
            metrics,
            log: Rc::clone(&worker.log),
            cut: Rc::clone(&worker.cut),
            #[cfg(feature = "audit")]
            audit: worker.reports.audit.clone(),
            #[cfg(feature = "otlp")]
            spans: Spans::open(worker.reports.otlp.as_ref(), &trace),
            trace,
            method: head.method.clone(),
            path: path(head, endpoint),
            endpoint,
            client_ip,
            started: Instant::now(),
            answering: None,
            usage: None,
            streamed: None,
            worked_in_vain: false,
            settled: false,
        }
    }

    /// Notes why nobody is known to ask, as far as whoever asks is not told.
    pub(crate) fn unknown(&self, unknown: &Unknown) {
        #[cfg(feature = "jwt")]
        if let Unknown::WrongToken(refused) = unknown
            && self.log.wants(Level::Debug)
        {
            let message = format!("token refused: {}", refused.reason());
            self.log
                .line(&self.line(Level::Debug, "nexus.auth", &message));
        }
        #[cfg(not(feature = "jwt"))]
        let _ = unknown;
    }

    /// Notes that an attempt begins; returns its place among those of the request.
    pub(crate) fn attempt_begins(
        &mut self,
        model: &'static Model,
        upstream: &'static Live,
    ) -> usize {
        #[cfg(feature = "otlp")]
        if let Some(spans) = &mut self.spans {
            return spans.begin(model, upstream);
        }
        let _ = (model, upstream);
        0
    }

    /// The span of an attempt, if that is recorded.
    pub(crate) fn span_of(&self, attempt: usize) -> Option<u64> {
        #[cfg(feature = "otlp")]
        return self.spans.as_ref()?.of_attempt(attempt);
        #[cfg(not(feature = "otlp"))]
        {
            let _ = attempt;
            None
        }
    }

    /// Notes that an attempt failed.
    pub(crate) fn attempt_failed(
        &mut self,
        attempt: usize,
        upstream: &'static Upstream,
        miss: &Miss,
    ) {
        self.worked_in_vain |= matches!(
            miss,
            Miss::OutOfTime | Miss::Failed(Failure::FirstByteTimeout)
        );
        let status = match miss {
            Miss::Failed(failure) => failure.status(),
            Miss::Skipped(_) | Miss::OutOfTime => None,
        };
        #[cfg(feature = "otlp")]
        if let Some(spans) = &mut self.spans {
            let word = match miss {
                Miss::Failed(failure) => failure.outcome().word().map(|(_, word)| word),
                Miss::Skipped(_) | Miss::OutOfTime => Some("timeout"),
            };
            spans.failed(attempt, status, word);
        }
        #[cfg(not(feature = "otlp"))]
        let _ = attempt;
        if self.log.wants(Level::Warn) {
            let message = format!("attempt failed: {miss}");
            let mut line = self.line(Level::Warn, "nexus.upstream", &message);
            line.upstream = Some(upstream.settings.name);
            line.status = status.map(|status| status.as_u16());
            self.log.line(&line);
        }
    }

    /// Notes that this request has changed the state of an upstream's circuit breaker, if it has.
    pub(crate) fn circuit_changed(&self, upstream: &'static Upstream, change: Option<Change>) {
        let Some(change) = change else {
            return;
        };
        let level = match change {
            Change::Opened { .. } | Change::Parked { .. } => {
                self.metrics.circuit_opened(upstream).inc();
                Level::Warn
            }
            Change::HalfOpened | Change::Closed => Level::Info,
        };
        if self.log.wants(level) {
            let message = change.to_string();
            let mut line = self.line(level, "nexus.breaker", &message);
            line.upstream = Some(upstream.settings.name);
            self.log.line(&line);
        }
    }

    /// Notes that a response has begun.
    pub(crate) fn answered(
        &mut self,
        model: &'static Model,
        upstream: &'static Upstream,
        status: StatusCode,
        attempt: usize,
    ) {
        self.answering = Some(Answering {
            model,
            upstream,
            status,
        });
        #[cfg(feature = "otlp")]
        if let Some(spans) = &mut self.spans {
            spans.answered(attempt, status);
        }
        #[cfg(not(feature = "otlp"))]
        let _ = attempt;
        if let Some(requested) = self.model
            && !std::ptr::eq(requested, model)
        {
            self.metrics.fallback_used(requested, model);
        }
    }

    /// A comparison of it with its copy, which goes to `shadow`.
    pub(crate) fn comparison_with(
        &self,
        route: &'static Route,
        shadow: &'static Shadow,
        metrics: &'static ShadowMetrics,
    ) -> Comparison {
        let (log, trace) = (Rc::clone(&self.log), self.trace.clone());
        Comparison::new(route, shadow, metrics, log, trace)
    }

    /// Notes a piece of a response that the client gets.
    pub(crate) fn relayed(&self, piece: &[u8]) {
        if let Some(comparison) = &self.comparison {
            comparison.client_gets(piece);
        }
    }

    /// Notes the first byte of a stream.
    pub(crate) fn first_token(&self) {
        if let Some(answering) = self.answering {
            let seconds = self.started.elapsed().as_secs_f64();
            self.metrics.first_token(answering.model).observe(seconds);
        }
    }

    /// Notes the mean time between two tokens of a stream.
    pub(crate) fn per_token(&self, time: Duration) {
        if let Some(answering) = self.answering {
            let histogram = self.metrics.per_token(answering.model);
            histogram.observe(time.as_secs_f64());
        }
    }

    /// Notes what the upstream said that it used; the last word counts.
    pub(crate) fn used(&mut self, usage: Usage) {
        self.usage = Some(usage);
    }

    /// Notes how many events a stream had.
    pub(crate) fn streamed(&mut self, events: u64) {
        self.streamed = Some(events);
    }

    /// The whole response was handed over, with its status.
    pub(crate) fn complete(&mut self) {
        if let Some(answering) = self.answering {
            self.metrics
                .upstream_request(answering.upstream, Outcome::Status(answering.status));
            self.settle(answering.status, "request");
        }
    }

    /// The response was interrupted after its first byte. It is counted under the status of that,
    /// although the client has seen another one by then.
    pub(crate) fn interrupted(&mut self, why: Interruption) {
        if let Some(answering) = self.answering {
            let outcome = match why {
                why if why.speaks_against_upstream() => Outcome::Interrupted,
                // The upstream did what it was asked for as long as there was time.
                _ => Outcome::Status(answering.status),
            };
            self.metrics.upstream_request(answering.upstream, outcome);
        }
        self.settle(why.status(), &why.to_string());
    }

    /// Waits for the moment when what is in flight is cut, because the gateway stops.
    pub(crate) fn until_cut(&self) -> Begun {
        self.cut.begun()
    }

    /// The request is over, answered with `status`.
    pub(crate) fn settle(&mut self, status: StatusCode, message: &str) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        let now = Instant::now();
        self.limits.settle(self.used_of_limits(status), now);
        if let Some(comparison) = self.comparison.take() {
            match status == client_closed_request() {
                true => comparison.abandoned(),
                false => comparison.answered(status, self.usage.and_then(|usage| usage.output)),
            }
        }
        let elapsed = now.duration_since(self.started);
        let metrics = self.metrics;
        metrics.in_flight.dec();
        metrics.request(&self.method, self.endpoint, status, elapsed.as_secs_f64());
        if status == StatusCode::TOO_MANY_REQUESTS {
            metrics.rate_limited.inc();
        }
        if let (Some(usage), Some(answering)) = (self.usage, self.answering) {
            metrics
                .input_tokens(answering.model)
                .inc_by(usage.input.unwrap_or(0));
            metrics
                .output_tokens(answering.model)
                .inc_by(usage.output.unwrap_or(0));
        }
        self.tell(status, elapsed, message);
    }

    /// The client was seen to go while its request was being read.
    pub(crate) fn abandoned(&mut self) {
        if !self.settled {
            self.metrics.aborted.inc();
            if let Some(answering) = self.answering {
                // The upstream did what it was asked for as long as anybody listened.
                self.metrics
                    .upstream_request(answering.upstream, Outcome::Status(answering.status));
            }
            self.settle(client_closed_request(), "client went away");
        }
    }

    /// What is to be charged for.
    fn used_of_limits(&self, status: StatusCode) -> Used {
        match (self.usage, self.answering) {
            (Some(usage), _) => {
                let (input, output) = (usage.input.unwrap_or(0), usage.output.unwrap_or(0));
                Used::Tokens(input.saturating_add(output))
            }
            (None, Some(answering)) if answering.status.is_success() => match self.streamed {
                // Servers put one token into an event, more or less.
                Some(events) => Used::PromptAnd(events),
                None => Used::Everything,
            },
            (None, None) if self.worked_in_vain => Used::PromptAnd(0),
            // An upstream may be reading the prompt of a client that has gone.
            (None, None) if status == client_closed_request() => Used::PromptAnd(0),
            (None, _) => Used::Nothing,
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        if std::thread::panicking() {
            self.settle(StatusCode::INTERNAL_SERVER_ERROR, "panic");
        } else if self.cut.has_begun() {
            self.interrupted(Interruption::Stopped);
        } else {
            self.abandoned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{dataplane, opened, worker};

    #[test]
    fn a_prompt_that_was_worked_on_in_vain_is_charged_for() {
        let worker = worker(dataplane());
        let upstream = worker.dataplane.upstreams[0].upstream();
        for (miss, used) in [
            (Miss::OutOfTime, Used::PromptAnd(0)),
            (Miss::Failed(Failure::FirstByteTimeout), Used::PromptAnd(0)),
            (Miss::Failed(Failure::ConnectTimeout), Used::Nothing),
            (Miss::Failed(Failure::Refused), Used::Nothing),
        ] {
            let mut account = opened(&worker);
            account.attempt_failed(0, upstream, &miss);
            let status = StatusCode::GATEWAY_TIMEOUT;
            assert_eq!(account.used_of_limits(status), used, "{miss}");
        }
    }
}
