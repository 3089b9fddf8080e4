//! The form of a log line: one JSON object with the same fields in every line, `null` where there
//! is nothing to say.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::observe::clock::Timestamp;
use crate::observe::level::Level;
use crate::observe::mask;
use crate::topology::Privacy;

/// A log line before it is text. What a client wrote is escaped, and cut where it is long.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) level: Level,
    pub(crate) message: &'a str,
    /// The part of the gateway that speaks.
    pub(crate) logger: &'static str,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) trace_id: Option<&'a str>,
    pub(crate) method: Option<&'a str>,
    pub(crate) path: Option<&'a str>,
    pub(crate) status: Option<u16>,
    pub(crate) duration_ms: Option<f64>,
    pub(crate) upstream: Option<&'a str>,
    pub(crate) fallback_model: Option<&'a str>,
    pub(crate) client_ip: Option<IpAddr>,
    pub(crate) user_id: Option<&'a str>,
    pub(crate) model: Option<&'a str>,
    pub(crate) ctx_len: Option<u64>,
    pub(crate) input_tokens: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
    /// Only in the line that says where the gateway listens.
    pub(crate) address: Option<SocketAddr>,
}

/// The longest method or path that is logged, in bytes.
const MAX_TEXT: usize = 512;

/// The longest subject of a token that is logged, in bytes.
const MAX_USER: usize = 128;

impl<'a> Line<'a> {
    /// A line with nothing but a message.
    pub(crate) fn new(level: Level, logger: &'static str, message: &'a str) -> Self {
        Self {
            level,
            message,
            logger,
            request_id: None,
            trace_id: None,
            method: None,
            path: None,
            status: None,
            duration_ms: None,
            upstream: None,
            fallback_model: None,
            client_ip: None,
            user_id: None,
            model: None,
            ctx_len: None,
            input_tokens: None,
            output_tokens: None,
            address: None,
        }
    }

    /// Appends the line with its line end to `buffer`, without what `privacy` names.
    pub(crate) fn write(&self, buffer: &mut Vec<u8>, privacy: Option<&Privacy>) {
        let mut object = Object {
            buffer,
            separator: b'{',
        };
        object.quoted("timestamp", &Timestamp::now().text());
        object.text("level", Some(self.level.name()));
        object.text("message", Some(&mask::text(privacy, self.message)));
        object.text("logger", Some(self.logger));
        object.text("request_id", self.request_id);
        object.text("trace_id", self.trace_id);
        object.text("method", self.method.map(beginning));
        let path = self.path.map(beginning);
        object.text(
            "path",
            path.map(|path| mask::text(privacy, path)).as_deref(),
        );
        object.number("status", self.status);
        let duration = self.duration_ms;
        object.number(
            "duration_ms",
            duration.map(|duration| (duration * 1e3).round() / 1e3),
        );
        object.text("upstream", self.upstream);
        object.text("fallback_model", self.fallback_model);
        object.address("client_ip", self.client_ip.map(|ip| mask::ip(privacy, ip)));
        let user_id = self.user_id.map(|user| mask::text(privacy, user));
        object.text(
            "user_id",
            user_id.as_deref().map(|user| start(user, MAX_USER)),
        );
        object.text("model", self.model);
        object.number("ctx_len", self.ctx_len);
        object.number("input_tokens", self.input_tokens);
        object.number("output_tokens", self.output_tokens);
        if let Some(address) = self.address {
            object.quoted("address", address.to_string().as_bytes());
        }
        buffer.extend_from_slice(b"}\n");
    }
}

/// As much of a text that a client wrote as is written down.
pub(crate) fn beginning(text: &str) -> &str {
    start(text, MAX_TEXT)
}

/// At most so many bytes of a text, and no part of a character.
fn start(text: &str, most: usize) -> &str {
    text.split_at_checked(text.floor_char_boundary(most))
        .map_or(text, |(start, _)| start)
}

struct Object<'a> {
    buffer: &'a mut Vec<u8>,
    separator: u8,
}

impl Object<'_> {
    fn text(&mut self, field: &str, value: Option<&str>) {
        self.field(field);
        match value {
            // Writing to a vector does not fail, and a string is always JSON.
            Some(value) => drop(serde_json::to_writer(&mut *self.buffer, value)),
            None => self.buffer.extend_from_slice(b"null"),
        }
    }

    fn number(&mut self, field: &str, value: Option<impl Serialize>) {
        self.field(field);
        // A missing one is `null`.
        drop(serde_json::to_writer(&mut *self.buffer, &value));
    }

    /// A text in which nothing needs a backslash.
    fn quoted(&mut self, field: &str, value: &[u8]) {
        self.field(field);
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(value);
        self.buffer.push(b'"');
    }

    fn address(&mut self, field: &str, value: Option<IpAddr>) {
        match value {
            // Most are; the library's way of writing them pads them first.
            Some(IpAddr::V4(address)) => {
                self.field(field);
                let mut separator = b'"';
                for part in address.octets() {
                    self.buffer.push(separator);
                    separator = b'.';
                    let mut digits = itoa::Buffer::new();
                    self.buffer
                        .extend_from_slice(digits.format(part).as_bytes());
                }
                self.buffer.push(b'"');
            }
            Some(IpAddr::V6(address)) => self.quoted(field, address.to_string().as_bytes()),
            None => self.text(field, None),
        }
    }

    fn field(&mut self, field: &str) {
        self.buffer.push(self.separator);
        self.separator = b',';
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(field.as_bytes());
        self.buffer.extend_from_slice(b"\":");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn written(line: &Line<'_>) -> Value {
        let mut buffer = Vec::new();
        line.write(&mut buffer, None);
        assert_eq!(buffer.pop(), Some(b'\n'));
        assert!(!buffer.contains(&b'\n'));
        serde_json::from_slice(&buffer).unwrap()
    }

    #[test]
    fn has_every_field_of_the_schema_in_every_line() {
        let line = written(&Line::new(Level::Info, "nexus.server", "hello"));
        let fields: Vec<_> = line
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut expected = [
            "timestamp",
            "level",
            "message",
            "logger",
            "request_id",
            "trace_id",
            "method",
            "path",
            "status",
            "duration_ms",
            "upstream",
            "fallback_model",
            "client_ip",
            "user_id",
            "model",
            "ctx_len",
            "input_tokens",
            "output_tokens",
        ];
        expected.sort_unstable();
        assert_eq!(fields, expected);
        assert_eq!(line["level"], "info");
        assert_eq!(line["status"], Value::Null);
    }

    #[test]
    fn escapes_what_a_client_wrote() {
        let nasty = "/\"\n\u{1}{\\";
        let mut line = Line::new(Level::Warn, "nexus.access", "request");
        line.path = Some(nasty);
        line.duration_ms = Some(1.234_567);
        line.client_ip = Some("::1".parse().unwrap());
        let line = written(&line);
        assert_eq!(line["path"], nasty);
        assert_eq!(line["duration_ms"], 1.235);
        assert_eq!(line["client_ip"], "::1");
    }

    #[test]
    fn a_long_path_is_cut_between_characters() {
        let path = format!("/{}", "é".repeat(400));
        let mut line = Line::new(Level::Info, "nexus.access", "request");
        line.path = Some(&path);
        assert_eq!(written(&line)["path"].as_str().unwrap().len(), 511);
    }

    #[test]
    fn a_long_subject_is_cut_in_the_log() {
        let subject = "é".repeat(100);
        let mut line = Line::new(Level::Info, "nexus.access", "request");
        line.user_id = Some(&subject);
        assert_eq!(written(&line)["user_id"].as_str().unwrap().len(), MAX_USER);
    }

    #[test]
    fn a_long_method_is_cut() {
        let method = "M".repeat(20_000);
        let mut line = Line::new(Level::Info, "nexus.access", "request");
        line.method = Some(&method);
        assert_eq!(written(&line)["method"].as_str().unwrap().len(), 512);
    }
}
