//! The form of a log line: one JSON object with the same fields in every line, `null` where there
//! is nothing to say.

use std::net::{IpAddr, SocketAddr};

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

/// What stands before the value of a field that is not the first.
macro_rules! name {
    ($field:literal) => {
        concat!(",\"", $field, "\":")
    };
}
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
        let mut object = Object(buffer);
        object.quoted("{\"timestamp\":", &Timestamp::now().text());
        object.quoted(name!("level"), self.level.name().as_bytes());
        object.text(name!("message"), Some(&mask::text(privacy, self.message)));
        object.quoted(name!("logger"), self.logger.as_bytes());
        // Ids and methods are made of letters, digits and few signs, none of which needs a backslash.
        object.plain(name!("request_id"), self.request_id);
        object.plain(name!("trace_id"), self.trace_id);
        object.plain(name!("method"), self.method.map(beginning));
        let path = self.path.map(beginning);
        object.text(
            name!("path"),
            path.map(|path| mask::text(privacy, path)).as_deref(),
        );
        object.number(name!("status"), self.status.map(u64::from));
        let duration = self.duration_ms;
        object.milliseconds(name!("duration_ms"), duration);
        object.text(name!("upstream"), self.upstream);
        object.text(name!("fallback_model"), self.fallback_model);
        object.address(
            name!("client_ip"),
            self.client_ip.map(|ip| mask::ip(privacy, ip)),
        );
        let user_id = self.user_id.map(|user| mask::text(privacy, user));
        object.text(
            name!("user_id"),
            user_id.as_deref().map(|user| start(user, MAX_USER)),
        );
        object.text(name!("model"), self.model);
        object.number(name!("ctx_len"), self.ctx_len);
        object.number(name!("input_tokens"), self.input_tokens);
        object.number(name!("output_tokens"), self.output_tokens);
        if let Some(address) = self.address {
            object.quoted(name!("address"), address.to_string().as_bytes());
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

/// Whether JSON writes this byte of a text as it is.
fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != b'"' && byte != b'\\'
}

/// An object that is being written. Writing to a vector does not fail.
struct Object<'a>(&'a mut Vec<u8>);

impl Object<'_> {
    fn text(&mut self, name: &str, value: Option<&str>) {
        self.name(name);
        match value {
            // Most texts need no backslash, and one look settles that.
            Some(value) if value.bytes().all(is_plain) => {
                self.0.push(b'"');
                self.0.extend_from_slice(value.as_bytes());
                self.0.push(b'"');
            }
            Some(value) => drop(serde_json::to_writer(&mut *self.0, value)),
            None => self.null(),
        }
    }

    fn number(&mut self, name: &str, value: Option<u64>) {
        self.name(name);
        match value {
            Some(value) => self.digits(value),
            None => self.null(),
        }
    }

    /// With three places after the point, also where they are zero: whoever guesses types must not see a whole number.
    fn milliseconds(&mut self, name: &str, value: Option<f64>) {
        self.name(name);
        let Some(value) = value else {
            return self.null();
        };
        let microseconds = (value * 1e3).round() as u64;
        self.digits(microseconds / 1000);
        let rest = microseconds % 1000;
        let places = [rest / 100, rest / 10 % 10, rest % 10].map(|digit| b'0' + digit as u8);
        self.0.push(b'.');
        self.0.extend_from_slice(&places);
    }

    fn digits(&mut self, number: u64) {
        let mut digits = itoa::Buffer::new();
        self.0.extend_from_slice(digits.format(number).as_bytes());
    }

    /// A text in which nothing needs a backslash.
    fn plain(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.quoted(name, value.as_bytes()),
            None => {
                self.name(name);
                self.null();
            }
        }
    }

    fn quoted(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.0.push(b'"');
        self.0.extend_from_slice(value);
        self.0.push(b'"');
    }

    fn address(&mut self, name: &str, value: Option<IpAddr>) {
        match value {
            // Most are; the library's way of writing them pads them first.
            Some(IpAddr::V4(address)) => {
                self.name(name);
                let mut separator = b'"';
                for part in address.octets() {
                    self.0.push(separator);
                    separator = b'.';
                    self.digits(u64::from(part));
                }
                self.0.push(b'"');
            }
            Some(IpAddr::V6(address)) => self.quoted(name, address.to_string().as_bytes()),
            None => self.plain(name, None),
        }
    }

    fn name(&mut self, name: &str) {
        self.0.extend_from_slice(name.as_bytes());
    }

    fn null(&mut self) {
        self.0.extend_from_slice(b"null");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use decide::log;
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
        let fields: BTreeSet<_> = line.as_object().unwrap().keys().cloned().collect();
        let expected = log::FIELDS.into_iter();
        let expected = expected.filter(|field| *field != log::LISTENING);
        let expected: BTreeSet<_> = expected.map(|field| field.name.to_owned()).collect();
        assert_eq!(fields, expected);
        assert_eq!(line["level"], "info");
        assert_eq!(line["status"], Value::Null);
    }

    #[test]
    fn each_field_is_of_its_kind() {
        let line = written(&Line {
            level: Level::Info,
            message: "request",
            logger: log::ACCESS,
            request_id: Some("r"),
            trace_id: Some("t"),
            method: Some("POST"),
            path: Some("/"),
            status: Some(200),
            duration_ms: Some(1.5),
            upstream: Some("vllm"),
            fallback_model: Some("small"),
            client_ip: Some("::1".parse().unwrap()),
            user_id: Some("web"),
            model: Some("large"),
            ctx_len: Some(1),
            input_tokens: Some(1),
            output_tokens: Some(1),
            address: Some("127.0.0.1:80".parse().unwrap()),
        });
        assert_eq!(line.as_object().unwrap().len(), log::FIELDS.len());
        for field in log::FIELDS {
            let value = &line[field.name];
            let is_right = match field.kind {
                log::Kind::Count => value.is_u64(),
                log::Kind::Number => value.is_f64(),
                log::Kind::Address => value.as_str().unwrap().parse::<IpAddr>().is_ok(),
                log::Kind::Time | log::Kind::Word | log::Kind::Text => value.is_string(),
            };
            assert!(is_right, "{}: {value}", field.name);
        }
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
    fn a_duration_is_never_a_whole_number() {
        for (duration, expected) in [(2.0, "2.000"), (0.0004, "0.000"), (1.2345, "1.235")] {
            let mut text = Vec::new();
            Object(&mut text).milliseconds("", Some(duration));
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
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
