//! The form of an audit record: one JSON object with the same fields in every line.

use std::borrow::Cow;
use std::net::IpAddr;

use decide::log;
use serde::Serialize;

use crate::observe::clock::Timestamp;
use crate::observe::line::beginning;
use crate::observe::mask;
use crate::observe::trace::Trace;
use crate::topology::Privacy;

/// What is recorded of one request, beside who asked. Never what it said, nor what it was told.
pub(crate) struct Record<'a> {
    /// How it ended, in the words of its log line.
    pub(crate) message: &'a str,
    pub(crate) trace: &'a Trace,
    pub(crate) client_ip: IpAddr,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// The model that was asked for, where the caller may use it.
    pub(crate) model: Option<&'a str>,
    /// The model that answered in its place.
    pub(crate) fallback_model: Option<&'a str>,
    pub(crate) upstream: Option<&'a str>,
    pub(crate) status: u16,
    pub(crate) duration_ms: f64,
    pub(crate) input_tokens: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
}

/// As it is written.
#[derive(Serialize)]
struct Written<'a> {
    timestamp: Timestamp,
    logger: &'static str,
    message: Cow<'a, str>,
    request_id: &'a str,
    trace_id: &'a str,
    principal: Option<&'a str>,
    client_ip: IpAddr,
    method: &'a str,
    path: Cow<'a, str>,
    model: Option<&'a str>,
    fallback_model: Option<&'a str>,
    upstream: Option<&'a str>,
    status: u16,
    duration_ms: f64,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

impl Record<'_> {
    /// Appends the record of a request of `principal` with its line end to `buffer`, without what
    /// `privacy` names.
    pub(super) fn write(
        &self,
        buffer: &mut Vec<u8>,
        principal: Option<&str>,
        privacy: Option<&Privacy>,
    ) {
        let written = Written {
            timestamp: Timestamp::now(),
            logger: log::AUDIT,
            message: mask::text(privacy, self.message),
            request_id: str::from_utf8(self.trace.request_id()).unwrap_or_default(),
            trace_id: str::from_utf8(self.trace.trace_id()).unwrap_or_default(),
            principal,
            client_ip: mask::ip(privacy, self.client_ip),
            method: beginning(self.method),
            path: mask::text(privacy, beginning(self.path)),
            model: self.model,
            fallback_model: self.fallback_model,
            upstream: self.upstream,
            status: self.status,
            duration_ms: (self.duration_ms * 1e3).round() / 1e3,
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
        };
        // Writing to a vector does not fail, and nothing in it is not JSON.
        let _ = serde_json::to_writer(&mut *buffer, &written);
        buffer.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::message::headers::Headers;

    #[test]
    fn a_record_has_no_field_that_whoever_searches_the_log_does_not_know() {
        let record = Record {
            message: "request",
            trace: &Trace::identify(&Headers::default(), None),
            client_ip: Ipv4Addr::LOCALHOST.into(),
            method: "POST",
            path: "/v1/chat/completions",
            model: None,
            fallback_model: None,
            upstream: None,
            status: 200,
            duration_ms: 1.0,
            input_tokens: None,
            output_tokens: None,
        };
        let mut line = Vec::new();
        record.write(&mut line, Some("principal"), None);
        let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
        let known: Vec<&str> = log::FIELDS
            .iter()
            .chain([&log::PRINCIPAL])
            .map(|field| field.name)
            .collect();
        for name in line.as_object().unwrap().keys() {
            assert!(known.contains(&name.as_str()), "{name}");
        }
    }
}
