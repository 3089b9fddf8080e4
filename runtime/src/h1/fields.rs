//! What the headers of a message say about its body and its connection.

use crate::h1::Malformed;
use crate::message::headers::Headers;
use crate::message::name::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};

/// Whether the body comes in chunks. Any other coding was not asked for and cannot be undone.
pub(crate) fn is_chunked(headers: &Headers) -> Result<bool, Malformed> {
    let mut codings = headers.all(TRANSFER_ENCODING);
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
pub(crate) fn length(headers: &Headers) -> Result<Option<u64>, Malformed> {
    let mut lengths = headers.all(CONTENT_LENGTH);
    let Some(digits) = lengths.next() else {
        return Ok(None);
    };
    // Twice the same is harmless; two lengths are an attempt at something.
    if lengths.any(|other| other != digits) {
        return Err(Malformed);
    }
    if digits.is_empty() {
        return Err(Malformed);
    }
    // Digits and nothing else: a number's own parser takes signs.
    let mut length: u64 = 0;
    for digit in digits {
        let value = digit.wrapping_sub(b'0');
        let more = length
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(value.into()));
        length = more.filter(|_| value < 10).ok_or(Malformed)?;
    }
    Ok(Some(length))
}

/// What `Connection` names (RFC 9110, 7.6.1).
pub(crate) struct Connection {
    closes: bool,
    keeps_alive: bool,
    /// Everything else, in small letters.
    others: Vec<Vec<u8>>,
}

impl Connection {
    /// In these headers.
    pub(crate) fn of(headers: &Headers) -> Self {
        let mut connection = Self {
            closes: false,
            keeps_alive: false,
            others: Vec::new(),
        };
        for value in headers.all(CONNECTION) {
            // Nearly nobody says anything else.
            if value == b"keep-alive" {
                connection.keeps_alive = true;
                continue;
            }
            for option in value.split(|byte| *byte == b',') {
                let option = option.trim_ascii().to_ascii_lowercase();
                match option.as_slice() {
                    b"close" => connection.closes = true,
                    b"keep-alive" => connection.keeps_alive = true,
                    _ => connection.others.push(option),
                }
            }
        }
        connection
    }

    /// Whether it is to be kept after this message.
    pub(crate) fn is_kept(&self, is_http_1_1: bool) -> bool {
        if is_http_1_1 {
            !self.closes
        } else {
            self.keeps_alive
        }
    }

    /// Whether it names a header, which is in small letters.
    pub(crate) fn names(&self, header: &[u8]) -> bool {
        (self.closes && header == b"close") || self.others.iter().any(|other| other == header)
    }
}
