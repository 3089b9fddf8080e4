//! What the headers of a message say about its body and its connection.

use crate::h1::Malformed;
use crate::message::headers::Headers;

/// Room for headers that are added to those that came.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    pub(crate) lines: usize,
    pub(crate) bytes: usize,
}

/// The headers of a head of this `length`, with room for some `more`, so that none of those makes the others move.
/// They hold nothing of the buffer that they were parsed in.
pub(crate) fn headers(lines: &[httparse::Header<'_>], length: usize, more: Room) -> Headers {
    let mut headers = Headers::with_room(lines.len() + more.lines, length + more.bytes);
    for line in lines {
        headers.append_as_sent(line.name, line.value);
    }
    headers
}

/// Whether the body comes in chunks. Any other coding was not asked for and cannot be undone.
pub(crate) fn is_chunked(headers: &Headers) -> Result<bool, Malformed> {
    let mut codings = headers.all("transfer-encoding");
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
    let mut lengths = headers.all("content-length");
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

/// Whether `Connection` names this option.
pub(crate) fn connection_names(headers: &Headers, option: &str) -> bool {
    headers
        .all("connection")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .any(|word| word.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
}
