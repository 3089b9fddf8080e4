//! The header lines of a message, and what they say about its body and its connection.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use crate::h1::Malformed;

/// The header lines of a head, as they stand there.
#[derive(Clone, Copy)]
pub(crate) struct Lines<'a>(pub(crate) &'a [httparse::Header<'a>]);

impl<'a> Lines<'a> {
    /// The values of all headers of this name.
    pub(crate) fn all(self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.0.iter();
        let named = lines.filter(move |line| line.name.eq_ignore_ascii_case(name));
        named.map(|line| line.value)
    }

    /// Whether there is a header of this name.
    pub(crate) fn has(self, name: &'static str) -> bool {
        self.all(name).next().is_some()
    }

    /// The headers that are `kept`, with `room` for more, so that none of those makes the others move. They hold
    /// nothing of the buffer that they were parsed in.
    pub(crate) fn collect(
        self,
        room: usize,
        kept: impl Fn(&HeaderName) -> bool,
    ) -> Result<HeaderMap, Malformed> {
        let mut headers = HeaderMap::with_capacity(self.0.len() + room);
        for line in self.0 {
            let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| Malformed)?;
            if kept(&name) {
                let value = HeaderValue::from_bytes(line.value).map_err(|_| Malformed)?;
                headers.append(name, value);
            }
        }
        Ok(headers)
    }

    /// Whether the body comes in chunks. Any other coding was not asked for and cannot be undone.
    pub(crate) fn is_chunked(self) -> Result<bool, Malformed> {
        let mut codings = self.all("transfer-encoding");
        let Some(coding) = codings.next() else {
            return Ok(false);
        };
        let is_chunked = coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
        if is_chunked && codings.next().is_none() {
            Ok(true)
        } else {
            Err(Malformed)
        }
    }

    /// The length of the body in bytes, if there is one.
    pub(crate) fn length(self) -> Result<Option<u64>, Malformed> {
        let mut lengths = self.all("content-length");
        let Some(digits) = lengths.next() else {
            return Ok(None);
        };
        // Twice the same is harmless; two lengths are an attempt at something.
        if lengths.any(|other| other != digits) {
            return Err(Malformed);
        }
        // A number's own parser takes signs.
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(Malformed);
        }
        let text = std::str::from_utf8(digits).map_err(|_| Malformed)?;
        text.parse().map(Some).map_err(|_| Malformed)
    }

    /// Whether `Connection` names this option.
    pub(crate) fn names(self, option: &str) -> bool {
        self.all("connection")
            .flat_map(|value| value.split(|byte| *byte == b','))
            .any(|word| word.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
    }
}
