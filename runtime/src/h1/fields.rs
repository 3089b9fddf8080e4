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

/// The most names of headers that are kept of `Connection`. No message that is read has more headers, and each of them is
/// looked for among the names.
const MOST_NAMED: usize = 128;

/// What `Connection` names (RFC 9110, 7.6.1).
pub(crate) struct Connection {
    closes: bool,
    keeps_alive: bool,
    /// Everything else, in small letters.
    others: Vec<Vec<u8>>,
    /// There are more of those than anybody means, so all headers are taken to be named.
    names_all: bool,
}

impl Connection {
    /// In these headers.
    pub(crate) fn of(headers: &Headers) -> Self {
        let mut connection = Self {
            closes: false,
            keeps_alive: false,
            others: Vec::new(),
            names_all: false,
        };
        for value in headers.all(CONNECTION) {
            // Nearly nobody says anything else.
            if value == b"keep-alive" {
                connection.keeps_alive = true;
                continue;
            }
            for option in value.split(|byte| *byte == b',') {
                let option = option.trim_ascii();
                if option.is_empty() {
                    continue;
                }
                if option.eq_ignore_ascii_case(b"close") {
                    connection.closes = true;
                } else if option.eq_ignore_ascii_case(b"keep-alive") {
                    connection.keeps_alive = true;
                } else if connection.others.len() == MOST_NAMED {
                    (connection.closes, connection.names_all) = (true, true);
                    return connection;
                } else {
                    connection.others.push(option.to_ascii_lowercase());
                }
            }
        }
        connection
    }

    /// Whether it is to be kept after this message (RFC 9112, 9.3).
    pub(crate) fn is_kept(&self, is_http_1_1: bool) -> bool {
        !self.closes && (is_http_1_1 || self.keeps_alive)
    }

    /// Whether it names a header, which is in small letters.
    pub(crate) fn names(&self, header: &[u8]) -> bool {
        self.names_all
            || (self.closes && header == b"close")
            || self.others.iter().any(|other| other == header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(value: &str) -> Connection {
        Connection::of(&[("connection", value)].into_iter().collect())
    }

    #[test]
    fn what_connection_names_is_found_in_small_letters() {
        let named = connection("Keep-Alive,, X-Mine");
        assert!(named.is_kept(false) && named.is_kept(true));
        assert!(named.names(b"x-mine") && !named.names(b"accept") && !named.names(b""));
        assert!(!connection("x-mine, CLOSE").is_kept(true));
        assert!(connection(&"x-mine,".repeat(MOST_NAMED)).is_kept(true));
    }

    #[test]
    fn a_head_full_of_names_costs_no_more_than_its_headers() {
        let named = connection(&("a,".repeat(30_000) + "x-mine"));
        assert_eq!(named.others.len(), MOST_NAMED);
        assert!(named.names(b"x-mine"));
        assert!(!named.is_kept(true));
        assert!(connection(&",".repeat(60_000)).others.is_empty());
    }
}
