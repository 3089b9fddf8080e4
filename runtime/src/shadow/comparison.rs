//! A request and its copy, side by side. Both hold the comparison; it is told in metrics and in a log
//! line when the last of them lets go of it, so neither waits for the other.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use hyper::StatusCode;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::log::Log;
use crate::observe::outcome::Outcome;
use crate::observe::trace::Trace;
use crate::shadow::metrics::{ShadowMetrics, Side, What};
use crate::shadow::reading::{Read, Reading};
use crate::topology::{Route, Shadow};

/// A request and its copy.
pub(crate) struct Comparison {
    route: &'static Route,
    shadow: &'static Shadow,
    metrics: &'static ShadowMetrics,
    log: Rc<Log>,
    trace: Trace,
    began: Instant,
    primary: Reading,
    copy: Reading,
    gone: Notify,
}

impl Comparison {
    /// Of a request of `route` that begins now.
    pub(crate) fn new(
        route: &'static Route,
        shadow: &'static Shadow,
        metrics: &'static ShadowMetrics,
        log: Rc<Log>,
        trace: Trace,
    ) -> Self {
        Self {
            route,
            shadow,
            metrics,
            log,
            trace,
            began: Instant::now(),
            primary: Reading::default(),
            copy: Reading::default(),
            gone: Notify::new(),
        }
    }

    /// The client is given a piece.
    pub(crate) fn client_gets(&self, piece: &[u8]) {
        self.primary.see(piece);
    }

    /// The request has ended with `status`, and so many tokens as its upstream reported.
    pub(crate) fn answered(&self, status: StatusCode, output: Option<u64>) {
        self.primary.end(Outcome::Status(status), output);
    }

    /// The client has gone: there is nothing to compare a copy with.
    pub(crate) fn abandoned(&self) {
        self.gone.notify_one();
    }

    /// Ends when the client has gone before its answer was whole.
    pub(super) async fn client_gone(&self) {
        self.gone.notified().await;
    }

    /// The copy is answered with a piece.
    pub(super) fn copy_gave(&self, piece: &[u8]) {
        self.copy.see(piece);
    }

    /// The copy has ended, with so many tokens as its upstream reported.
    pub(super) fn copy_ended(&self, outcome: Outcome, output: Option<u64>) {
        self.metrics
            .requested(self.route, self.shadow, shown(&outcome))
            .inc();
        if outcome != Outcome::Cancelled {
            self.copy.end(outcome, output);
        }
    }

    fn tell(&self, primary: &Read, copy: &Read) {
        let compared = |what, same| self.metrics.compared(self.route, self.shadow, what, same);
        compared(What::Status, primary.class() == copy.class());
        if primary.is_good() && copy.is_good() {
            // Embeddings have no reason.
            if primary.reason.is_some() || copy.reason.is_some() {
                compared(What::FinishReason, primary.reason == copy.reason);
            }
            for (side, read) in [(Side::Primary, primary), (Side::Copy, copy)] {
                let metrics = self.metrics.side(self.route, self.shadow, side);
                metrics
                    .latency
                    .observe((read.end - self.began).as_secs_f64());
                if let Some(first) = read.first_byte {
                    let time = (first - self.began).as_secs_f64();
                    metrics.first_byte.observe(time);
                }
                if let (Some(_), Some(_)) = (primary.output, copy.output) {
                    metrics.output_tokens.inc_by(read.output.unwrap_or(0));
                }
            }
        }
        if self.log.wants(Level::Info) {
            self.log_line(primary, copy);
        }
    }

    fn log_line(&self, primary: &Read, copy: &Read) {
        let message = format!(
            "shadow compared: status {} and {}, finish_reason {} and {}, output tokens {} and {}, \
             first byte {} and {}, whole {} and {}",
            shown(&primary.outcome),
            shown(&copy.outcome),
            primary.reason.unwrap_or(UNKNOWN),
            copy.reason.unwrap_or(UNKNOWN),
            Known(primary.output),
            Known(copy.output),
            Known(primary.first_byte.map(|first| Millis(first - self.began))),
            Known(copy.first_byte.map(|first| Millis(first - self.began))),
            Millis(primary.end - self.began),
            Millis(copy.end - self.began),
        );
        let mut line = Line::new(Level::Info, "nexus.shadow", &message);
        line.trace = Some(&self.trace);
        line.upstream = Some(self.shadow.settings.upstream.settings.name);
        line.duration_ms = Some((copy.end - self.began).as_secs_f64() * 1e3);
        line.output_tokens = copy.output;
        if let Outcome::Status(status) = copy.outcome {
            line.status = Some(status.as_u16());
        }
        self.log.line(&line);
    }
}

impl Drop for Comparison {
    fn drop(&mut self) {
        if let (Some(primary), Some(copy)) = (self.primary.read(), self.copy.read()) {
            self.tell(&primary, &copy);
        }
    }
}

/// What stands for a value that an answer does not have.
const UNKNOWN: &str = "none";

/// A status, or the word for what happened instead of one.
fn shown(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Status(status) => status.as_str(),
        other => other.word().map_or(UNKNOWN, |(_, word)| word),
    }
}

/// A value that may be missing.
struct Known<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Known<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(formatter),
            None => formatter.write_str(UNKNOWN),
        }
    }
}

struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.1} ms", self.0.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{account, operated, shadowed, worker};

    const MS: Duration = Duration::from_millis(1);

    /// What the metrics say of a request and its copy that did this.
    async fn told(does: impl AsyncFnOnce(&Comparison)) -> String {
        let worker = worker(operated());
        let (route, shadow) = shadowed();
        let metrics = worker.dataplane.shadow_metrics.as_ref().unwrap();
        let comparison = account(&worker).comparison_with(route, shadow, metrics);
        does(&comparison).await;
        drop(comparison);
        String::from_utf8(worker.dataplane.metrics.text()).unwrap()
    }

    /// The value of the first sample that begins like this.
    fn sample<'a>(text: &'a str, name: &str) -> Option<&'a str> {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.rsplit_once(' ')?.1)
    }

    fn compared<'a>(text: &'a str, what: &str, result: &str) -> Option<&'a str> {
        let labels = format!(
            "{{result=\"{result}\",route=\"shadowed\",upstream=\"cloud\",what=\"{what}\"}}"
        );
        sample(text, &format!("gateway_shadow_compared_total{labels}"))
    }

    fn requests<'a>(text: &'a str, outcome: &str) -> Option<&'a str> {
        let name = format!("gateway_shadow_requests_total{{outcome=\"{outcome}\"");
        sample(text, &name)
    }

    #[tokio::test(start_paused = true)]
    async fn both_sides_are_measured_from_the_same_moment() {
        let text = told(async |comparison| {
            tokio::time::advance(100 * MS).await;
            comparison.client_gets(br#"{"finish_reason":"stop"}"#);
            comparison.answered(StatusCode::OK, Some(5));
            tokio::time::advance(100 * MS).await;
            comparison.copy_gave(br#"{"finish_reason":"length"}"#);
            tokio::time::advance(100 * MS).await;
            comparison.copy_ended(Outcome::Status(StatusCode::CREATED), Some(7));
        })
        .await;
        let value = |side: &str, name: &str| {
            let labels = format!("{{route=\"shadowed\",side=\"{side}\",upstream=\"cloud\"}}");
            sample(&text, &format!("gateway_shadow_{name}{labels}")).unwrap()
        };
        for (side, first_byte, whole, tokens) in
            [("primary", "0.1", "0.1", "5"), ("copy", "0.2", "0.3", "7")]
        {
            assert_eq!(value(side, "first_byte_seconds_sum"), first_byte);
            assert_eq!(value(side, "latency_seconds_sum"), whole);
            assert_eq!(value(side, "output_tokens_total"), tokens);
        }
        assert_eq!(compared(&text, "status", "same"), Some("1"));
        assert_eq!(compared(&text, "finish_reason", "different"), Some("1"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_copy_differs_and_says_nothing_about_speed() {
        let text = told(async |comparison| {
            comparison.answered(StatusCode::OK, Some(5));
            comparison.copy_ended(Outcome::ConnectError, None);
        })
        .await;
        assert_eq!(compared(&text, "status", "different"), Some("1"));
        assert_eq!(requests(&text, "connect_error"), Some("1"));
        assert_eq!(sample(&text, "gateway_shadow_latency_seconds_count"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_compared_with_a_request_whose_client_has_gone() {
        let text = told(async |comparison| {
            comparison.abandoned();
            comparison.client_gone().await;
            comparison.copy_ended(Outcome::Cancelled, None);
        })
        .await;
        assert_eq!(requests(&text, "cancelled"), Some("1"));
        assert_eq!(sample(&text, "gateway_shadow_compared_total"), None);
    }
}
