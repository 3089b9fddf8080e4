//! What an account tells, and to whom: the log, the audit log, and whoever collects spans.

use std::time::Duration;

use decide::log::ACCESS;
use hyper::StatusCode;

use crate::observe::account::Account;
#[cfg(feature = "audit")]
use crate::observe::audit::record::Record;
use crate::observe::level::Level;
use crate::observe::line::Line;
#[cfg(feature = "otlp")]
use crate::observe::otlp::spans::End;
use crate::topology::Model;

impl Account {
    /// Tells how the request ended.
    pub(super) fn tell(&mut self, status: StatusCode, elapsed: Duration, message: &str) {
        let level = self.level(status);
        if self.log.wants(level) && self.is_worth_a_line(status) {
            let mut line = self.line(level, ACCESS, message);
            line.status = Some(status.as_u16());
            line.duration_ms = Some(elapsed.as_secs_f64() * 1e3);
            self.log.line(&line);
        }
        #[cfg(feature = "audit")]
        self.record(status, elapsed, message);
        #[cfg(feature = "otlp")]
        self.finish_spans(status);
    }

    /// Whether it is logged how the request ended: always where it did not go well. Of the others a
    /// part is, if the spec says so; what it says of the key comes before what it says of the model.
    fn is_worth_a_line(&self, status: StatusCode) -> bool {
        let of_key = || self.key.and_then(|key| key.settings.log_sample);
        let of_model = || self.model.and_then(|model| model.settings.log_sample);
        status.as_u16() >= 400
            || self
                .log
                .samples(of_key().or_else(of_model), self.trace.trace_id())
    }

    /// Writes the audit record, if there is an audit log and somebody asked for something.
    #[cfg(feature = "audit")]
    fn record(&self, status: StatusCode, elapsed: Duration, message: &str) {
        let Some(audit) = &self.audit else {
            return;
        };
        if self.endpoint.is_operational() {
            return;
        }
        let record = Record {
            message,
            trace: &self.trace,
            client_ip: self.client_ip,
            method: self.method.as_str(),
            path: &self.path,
            model: self.model.map(|model| model.settings.name),
            fallback_model: self.stand_in().map(|model| model.settings.name),
            upstream: self.answering.map(|by| by.upstream.settings.name),
            status: status.as_u16(),
            duration_ms: elapsed.as_secs_f64() * 1e3,
            input_tokens: self.usage.and_then(|usage| usage.input),
            output_tokens: self.usage.and_then(|usage| usage.output),
        };
        audit.record(&record, self.key, self.user.as_deref());
    }

    /// Sends the spans of a request that is recorded; one that watches the gateway is not.
    #[cfg(feature = "otlp")]
    fn finish_spans(&mut self, status: StatusCode) {
        let Some(spans) = self.spans.take() else {
            return;
        };
        if self.endpoint.is_operational() {
            return;
        }
        spans.finish(End {
            method: self.method.clone(),
            endpoint: self.endpoint,
            path: self.log.shown(&self.path).into_owned(),
            client_ip: self.log.shown_ip(self.client_ip),
            model: self.model,
            status,
            input_tokens: self.usage.and_then(|usage| usage.input),
            output_tokens: self.usage.and_then(|usage| usage.output),
        });
    }

    /// The model that answers in place of the one that was asked for.
    fn stand_in(&self) -> Option<&'static Model> {
        let (requested, answering) = (self.model?, self.answering?);
        (!std::ptr::eq(requested, answering.model)).then_some(answering.model)
    }

    fn level(&self, status: StatusCode) -> Level {
        if status.is_server_error() {
            Level::Error
        } else if self.endpoint.is_operational() {
            Level::Debug
        } else {
            Level::Info
        }
    }

    /// A line with what is known by now.
    pub(super) fn line<'a>(
        &'a self,
        level: Level,
        logger: &'static str,
        message: &'a str,
    ) -> Line<'a> {
        Line {
            level,
            message,
            logger,
            trace: Some(&self.trace),
            method: Some(self.method.as_str()),
            path: Some(&self.path),
            status: None,
            duration_ms: None,
            upstream: self.answering.map(|by| by.upstream.settings.name),
            fallback_model: self.stand_in().map(|model| model.settings.name),
            client_ip: Some(self.client_ip),
            user_id: self.user.as_deref(),
            model: self.model.map(|model| model.settings.name),
            ctx_len: self.context_length.map(|length| length as u64),
            input_tokens: self.usage.and_then(|usage| usage.input),
            output_tokens: self.usage.and_then(|usage| usage.output),
            address: None,
        }
    }
}
