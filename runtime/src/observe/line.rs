//! The form of a log line: one JSON object with the same fields in every line, `null` where there
//! is nothing to say.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use crate::observe::clock::{Timestamp, digit};
use crate::observe::level::Level;
use crate::observe::mask;
use crate::observe::trace::Trace;
use crate::topology::Privacy;

/// A log line before it is text. What a client wrote is escaped, and cut where it is long.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) level: Level,
    pub(crate) message: &'a str,
    /// The part of the gateway that speaks.
    pub(crate) logger: &'static str,
    pub(crate) trace: Option<&'a Trace>,
    pub(crate) method: Option<&'a str>,
    /// Borrowed where it is one of the gateway's own, in which nothing is to be hidden or escaped.
    pub(crate) path: Option<&'a Cow<'static, str>>,
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
        concat!(",\"", $field, "\":").as_bytes()
    };
}

impl<'a> Line<'a> {
    /// A line with nothing but a message.
    pub(crate) fn new(level: Level, logger: &'static str, message: &'a str) -> Self {
        Self {
            level,
            message,
            logger,
            trace: None,
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
        let mut line = Writer(buffer);
        let masked = |text| mask::text(privacy, text);
        line.put(b"{\"timestamp\":");
        line.plain(&Timestamp::now().text());
        line.put(name!("level"));
        line.plain(self.level.name().as_bytes());
        line.put(name!("message"));
        line.text(&masked(self.message));
        line.put(name!("logger"));
        line.plain(self.logger.as_bytes());
        // Ids and methods are made of letters, digits and few signs, none of which needs a backslash.
        let request_id = self.trace.map(Trace::request_id);
        line.field(name!("request_id"), request_id, Writer::plain);
        let trace_id = self.trace.map(Trace::trace_id);
        line.field(name!("trace_id"), trace_id, Writer::plain);
        let method = self.method.map(|method| beginning(method).as_bytes());
        line.field(name!("method"), method, Writer::plain);
        line.field(name!("path"), self.path, |line, path| match path {
            Cow::Borrowed(own) => line.plain(own.as_bytes()),
            Cow::Owned(path) => line.text(&masked(beginning(path))),
        });
        let status = self.status.map(u64::from);
        line.field(name!("status"), status, Writer::number);
        let duration = self.duration_ms;
        line.field(name!("duration_ms"), duration, Writer::milliseconds);
        line.field(name!("upstream"), self.upstream, Writer::text);
        let fallback = self.fallback_model;
        line.field(name!("fallback_model"), fallback, Writer::text);
        let client_ip = self.client_ip.map(|ip| mask::ip(privacy, ip));
        line.field(name!("client_ip"), client_ip, Writer::address);
        line.field(name!("user_id"), self.user_id, |line, user| {
            line.text(start(&masked(user), MAX_USER));
        });
        line.field(name!("model"), self.model, Writer::text);
        line.field(name!("ctx_len"), self.ctx_len, Writer::number);
        line.field(name!("input_tokens"), self.input_tokens, Writer::number);
        line.field(name!("output_tokens"), self.output_tokens, Writer::number);
        if let Some(address) = self.address {
            line.put(name!("address"));
            line.plain(address.to_string().as_bytes());
        }
        line.put(b"}\n");
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

/// The bytes that JSON does not write as they are in a text. Settled here, as every byte is asked for.
#[expect(clippy::indexing_slicing, reason = "the compiler does it")]
static ESCAPED: [bool; 256] = {
    let mut escaped = [false; 256];
    let mut byte = 0;
    while byte < escaped.len() {
        escaped[byte] = matches!(byte as u8, ..b' ' | b'"' | b'\\');
        byte += 1;
    }
    escaped
};

fn is_plain(text: &str) -> bool {
    let is_escaped = |byte| ESCAPED.get(usize::from(byte)).copied().unwrap_or_default();
    let bytes = text.bytes();
    !bytes.fold(false, |found, byte| found | is_escaped(byte))
}

/// The last three decimal digits of `number`.
fn three_digits(number: u64) -> [u8; 3] {
    [digit(number / 100), digit(number / 10), digit(number)]
}

/// Appends values to a line. Writing to a vector does not fail.
struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    /// What is to stand there as it is. Its length is known to the compiler, which then needs no call to copy it.
    #[inline(always)]
    fn put(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(piece);
    }

    /// The `name` of a field, and what `write` appends of its value, if there is one.
    #[inline(always)]
    fn field<T>(&mut self, name: &[u8], value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.put(name);
        match value {
            Some(value) => write(self, value),
            None => self.put(b"null"),
        }
    }

    fn text(&mut self, text: &str) {
        // Most texts need no backslash, and one look settles that.
        match is_plain(text) {
            true => self.plain(text.as_bytes()),
            false => drop(serde_json::to_writer(&mut *self.0, text)),
        }
    }

    /// A text in which nothing needs a backslash.
    fn plain(&mut self, text: &[u8]) {
        self.0.push(b'"');
        self.0.extend_from_slice(text);
        self.0.push(b'"');
    }

    fn number(&mut self, number: u64) {
        // Most have few digits, which are not copied from anywhere then.
        match number {
            0..10 => self.put(&[digit(number)]),
            10..100 => self.put(&[digit(number / 10), digit(number)]),
            100..1000 => self.put(&three_digits(number)),
            _ => self.put(itoa::Buffer::new().format(number).as_bytes()),
        }
    }

    /// With three places after the point, also where they are zero: whoever guesses types must not see a whole number.
    fn milliseconds(&mut self, value: f64) {
        let microseconds = (value * 1e3).round() as u64;
        self.number(microseconds / 1000);
        self.put(b".");
        self.put(&three_digits(microseconds));
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            // Most are; the library's way of writing them pads them first.
            IpAddr::V4(address) => {
                let mut separator = b'"';
                for part in address.octets() {
                    self.0.push(separator);
                    separator = b'.';
                    self.number(part.into());
                }
                self.0.push(b'"');
            }
            IpAddr::V6(address) => self.plain(address.to_string().as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use decide::log;
    use serde_json::Value;

    use super::*;
    use crate::endpoint::Endpoint;
    use crate::message::headers::Headers;

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
            trace: Some(&Trace::identify(&Headers::default(), None)),
            method: Some("POST"),
            path: Some(&"/".into()),
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
        let path = nasty.to_owned().into();
        line.path = Some(&path);
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
            Writer(&mut text).milliseconds(duration);
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
    }

    #[test]
    fn a_number_of_any_length_has_all_its_digits() {
        for number in [0, 9, 10, 99, 100, 101, 999, 1000, u64::MAX] {
            let mut text = Vec::new();
            Writer(&mut text).number(number);
            assert_eq!(String::from_utf8(text).unwrap(), number.to_string());
        }
    }

    #[test]
    fn the_gateways_own_paths_are_written_as_they_are() {
        let privacy = Privacy {
            client_ip: true,
            email: true,
            phone: true,
            key: true,
        };
        for endpoint in Endpoint::ALL {
            let path = endpoint.label();
            assert!(is_plain(path));
            assert_eq!(mask::text(Some(&privacy), path), path);
        }
    }

    #[test]
    fn a_long_path_is_cut_between_characters() {
        let path = format!("/{}", "é".repeat(400)).into();
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
