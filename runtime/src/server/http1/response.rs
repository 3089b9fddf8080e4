//! The head of a response, as a pure function of what it says; and in which manner its body follows.

use hyper::{StatusCode, Version};

use crate::message::headers::Headers;
use crate::message::name::DATE;

/// How a body goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Not at all: the response has none.
    None,
    /// As it is: so many bytes.
    Length(u64),
    /// In chunks.
    Chunked,
    /// As it is, to the end of the connection.
    Close,
}

impl Manner {
    /// How a body of this `length`, if that is known, answers a request.
    pub(super) fn of(status: StatusCode, length: Option<u64>, version: Version) -> Self {
        if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
            return Self::None;
        }
        match length {
            Some(length) => Self::Length(length),
            None if version == Version::HTTP_11 => Self::Chunked,
            None => Self::Close,
        }
    }
}

/// Writes the head of a response to `text`. The client knows by it how the body ends, in this `manner`, and whether
/// the connection is then kept.
pub(super) fn write(
    text: &mut Vec<u8>,
    status: StatusCode,
    headers: &Headers,
    manner: Manner,
    version: Version,
    keeps_alive: bool,
    date: &[u8],
) {
    let is_http_1_1 = version == Version::HTTP_11;
    let start: &[u8] = if is_http_1_1 {
        b"HTTP/1.1 "
    } else {
        b"HTTP/1.0 "
    };
    text.extend_from_slice(start);
    text.extend_from_slice(status.as_str().as_bytes());
    text.push(b' ');
    let reason = status.canonical_reason().unwrap_or_default();
    text.extend_from_slice(reason.as_bytes());
    text.extend_from_slice(b"\r\n");
    // What is the connection's is said below.
    headers.write(text, |name| {
        !matches!(
            name,
            b"content-length" | b"transfer-encoding" | b"connection"
        )
    });
    match manner {
        Manner::Length(length) => {
            text.extend_from_slice(b"content-length: ");
            text.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
            text.extend_from_slice(b"\r\n");
        }
        Manner::Chunked => text.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Manner::None | Manner::Close => {}
    }
    match keeps_alive {
        false => text.extend_from_slice(b"connection: close\r\n"),
        true if !is_http_1_1 => text.extend_from_slice(b"connection: keep-alive\r\n"),
        true => {}
    }
    if !headers.has(DATE) {
        text.extend_from_slice(b"date: ");
        text.extend_from_slice(date);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(
        headers: &[(&str, &str)],
        manner: Manner,
        version: Version,
        keeps_alive: bool,
    ) -> String {
        let mut text = Vec::new();
        let headers = headers.iter().copied().collect();
        let ok = StatusCode::OK;
        write(
            &mut text,
            ok,
            &headers,
            manner,
            version,
            keeps_alive,
            b"now",
        );
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn says_how_the_body_ends_and_nothing_else_of_the_connection() {
        let headers = [
            ("content-length", "7"),
            ("connection", "x"),
            ("content-type", "text/plain"),
        ];
        for (manner, version, keeps_alive, expected) in [
            (
                Manner::Length(3),
                Version::HTTP_11,
                true,
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\ndate: now\r\n\r\n",
            ),
            (
                Manner::Chunked,
                Version::HTTP_11,
                false,
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\nconnection: close\r\ndate: now\r\n\r\n",
            ),
            (
                Manner::Close,
                Version::HTTP_10,
                false,
                "HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\ndate: now\r\n\r\n",
            ),
            (
                Manner::None,
                Version::HTTP_10,
                true,
                "HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\nconnection: keep-alive\r\ndate: now\r\n\r\n",
            ),
        ] {
            assert_eq!(written(&headers, manner, version, keeps_alive), expected);
        }
    }

    #[test]
    fn a_date_that_is_there_is_the_one() {
        let text = written(&[("date", "then")], Manner::None, Version::HTTP_11, true);
        assert_eq!(text, "HTTP/1.1 200 OK\r\ndate: then\r\n\r\n");
    }

    #[test]
    fn a_body_ends_as_its_client_can_tell() {
        let ok = StatusCode::OK;
        for (status, length, version, manner) in [
            (ok, Some(3), Version::HTTP_10, Manner::Length(3)),
            (ok, None, Version::HTTP_11, Manner::Chunked),
            (ok, None, Version::HTTP_10, Manner::Close),
            (
                StatusCode::NO_CONTENT,
                Some(0),
                Version::HTTP_11,
                Manner::None,
            ),
            (
                StatusCode::NOT_MODIFIED,
                None,
                Version::HTTP_11,
                Manner::None,
            ),
        ] {
            assert_eq!(Manner::of(status, length, version), manner);
        }
    }
}
