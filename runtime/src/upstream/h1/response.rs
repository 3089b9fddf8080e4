//! The head of a response.

use std::mem::MaybeUninit;

use bytes::{Buf, BytesMut};
use httparse::ParserConfig;
use hyper::StatusCode;

use crate::h1::Malformed;
use crate::h1::body::Framing;
use crate::h1::fields;
use crate::message::headers::{Headers, Room};
use crate::message::name::{CONTENT_LENGTH, TRANSFER_ENCODING};
use crate::upstream::headers;

/// The largest head, in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// The most headers.
const MOST_HEADERS: usize = 128;

/// Room for the headers that the gateway adds, so that none of them makes the others move.
const OWN_HEADERS: Room = Room {
    lines: 12,
    bytes: 512,
};

/// The head of a response.
#[derive(Debug)]
pub(crate) struct Head {
    /// Its status; never one that announces another (1xx).
    pub(crate) status: StatusCode,
    /// Those of its headers that a client may have.
    pub(crate) headers: Headers,
    /// How the end of its body is known.
    pub(crate) framing: Framing,
    /// Whether the connection may serve another request after it.
    pub(crate) keeps_alive: bool,
}

/// Takes a head out of `received`, once it is there in full.
pub(crate) fn take(received: &mut BytesMut) -> Result<Option<Head>, Malformed> {
    loop {
        let mut headers = [const { MaybeUninit::uninit() }; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            received,
            &mut headers,
        );
        let httparse::Status::Complete(length) = parsed.map_err(|_| Malformed)? else {
            return if received.len() < MOST_BYTES {
                Ok(None)
            } else {
                Err(Malformed)
            };
        };
        let status = response
            .code
            .and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or(Malformed)?;
        if length > MOST_BYTES || status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Malformed);
        }
        // "Continue" and the like announce the response proper.
        if status.is_informational() {
            received.advance(length);
            continue;
        }
        let is_http_1_1 = response.version == Some(1);
        let head = received.get(..length).unwrap_or_default();
        let mut headers = Headers::of_head(head, response.headers, OWN_HEADERS);
        let framing = framing(status, &headers, is_http_1_1)?;
        let filter = headers::Response::of(&headers);
        let keeps_alive = framing != Framing::Close
            // Two framings: whoever wrote that may mean another end than we do.
            && !(headers.has(TRANSFER_ENCODING) && headers.has(CONTENT_LENGTH))
            && !(is_bare(status) && announces_body(&headers))
            && filter.connection.is_kept(is_http_1_1);
        headers.retain(|name| filter.passes(name));
        say_length_once(&mut headers, status, framing);
        received.advance(length);
        return Ok(Some(Head {
            status,
            headers,
            framing,
            keeps_alive,
        }));
    }
}

/// Leaves of the lengths that were announced no more than one, which is true: a client of HTTP/2 has them as they
/// came, and ends a stream that is not as long.
fn say_length_once(headers: &mut Headers, status: StatusCode, framing: Framing) {
    match framing {
        // A known length that is there more than once is always the same.
        Framing::Length(length) if !is_bare(status) => {
            if headers.all(CONTENT_LENGTH).count() > 1 {
                let mut digits = itoa::Buffer::new();
                headers.insert(CONTENT_LENGTH, digits.format(length).as_bytes());
            }
        }
        // Chunks come before a length, which nobody is to believe then.
        Framing::Length(_) | Framing::Chunked | Framing::Close => headers.remove(CONTENT_LENGTH),
    }
}

/// Whether a response of this status has no body, whatever its headers say.
fn is_bare(status: StatusCode) -> bool {
    status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED
}

/// Whether a body is to come. Where there can be none, some send it all the same, and it would be read as the next
/// response.
fn announces_body(headers: &Headers) -> bool {
    headers.has(TRANSFER_ENCODING) || headers.all(CONTENT_LENGTH).any(|length| length != b"0")
}

/// How the end of the body is known (RFC 9112, section 6.3).
fn framing(status: StatusCode, headers: &Headers, is_http_1_1: bool) -> Result<Framing, Malformed> {
    if is_bare(status) {
        return Ok(Framing::Length(0));
    }
    if fields::is_chunked(headers)? {
        return if is_http_1_1 {
            Ok(Framing::Chunked)
        } else {
            Err(Malformed)
        };
    }
    Ok(fields::length(headers)?.map_or(Framing::Close, Framing::Length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(text: &str) -> Result<Option<Head>, Malformed> {
        take(&mut BytesMut::from(text))
    }

    #[test]
    fn reads_a_head_and_leaves_the_body() {
        let mut received = BytesMut::from(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 2\r\nserver: a\r\nserver: b\r\nset-cookie: c\r\n\r\n{}",
        );
        let head = take(&mut received).unwrap().unwrap();
        assert_eq!(head.status, StatusCode::OK);
        assert_eq!(head.headers.text("content-type"), Some("application/json"));
        assert_eq!(head.headers.all("server").count(), 2);
        assert!(!head.headers.has("set-cookie"));
        assert_eq!((head.framing, head.keeps_alive), (Framing::Length(2), true));
        assert_eq!(received, "{}");
    }

    #[test]
    fn knows_where_a_body_ends_and_what_comes_after() {
        for (lines, framing, keeps_alive) in [
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked",
                Framing::Chunked,
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 3",
                Framing::Length(3),
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: x, CLOSE",
                Framing::Length(3),
                false,
            ),
            ("HTTP/1.1 200 OK", Framing::Close, false),
            ("HTTP/1.1 204 No Content", Framing::Length(0), true),
            (
                "HTTP/1.0 200 OK\r\ncontent-length: 3",
                Framing::Length(3),
                false,
            ),
            (
                "HTTP/1.0 200 OK\r\ncontent-length: 3\r\nconnection: keep-alive",
                Framing::Length(3),
                true,
            ),
            (
                "HTTP/1.0 200 OK\r\ncontent-length: 3\r\nconnection: keep-alive, close",
                Framing::Length(3),
                false,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3",
                Framing::Chunked,
                false,
            ),
            (
                "HTTP/1.1 204 No Content\r\ncontent-length: 0",
                Framing::Length(0),
                true,
            ),
            (
                "HTTP/1.1 204 No Content\r\ncontent-length: 4",
                Framing::Length(0),
                false,
            ),
            (
                "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked",
                Framing::Length(0),
                false,
            ),
        ] {
            let head = head(&format!("{lines}\r\n\r\n")).unwrap().unwrap();
            assert_eq!(
                (head.framing, head.keeps_alive),
                (framing, keeps_alive),
                "{lines}"
            );
        }
    }

    #[test]
    fn a_length_that_is_not_the_bodys_goes_no_further() {
        for (lines, lengths) in [
            (
                "200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3",
                [].as_slice(),
            ),
            (
                "200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\ncontent-length: 3",
                &[],
            ),
            ("204 No Content\r\ncontent-length: 3", &[]),
            ("304 Not Modified\r\ncontent-length: 3", &[]),
            (
                "404 Not Found\r\ncontent-length: 3\r\nx: y\r\nContent-Length: 3",
                &["3"],
            ),
            ("200 OK\r\ncontent-length: 3", &["3"]),
        ] {
            let head = head(&format!("HTTP/1.1 {lines}\r\n\r\n"));
            let headers = head.unwrap().unwrap().headers;
            let told: Vec<_> = headers.all(CONTENT_LENGTH).collect();
            let expected: Vec<_> = lengths.iter().map(|length| length.as_bytes()).collect();
            assert_eq!(told, expected, "{lines}");
        }
    }

    #[test]
    fn what_cannot_be_trusted_is_malformed() {
        for lines in [
            "HTTP/2.0 200 OK",
            "HTTP/1.1 20 OK",
            "HTTP/1.1 2000 OK",
            "SSH-2.0-OpenSSH_9.2",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x",
            "HTTP/1.1 200 OK\r\ncontent-length: -1",
            "HTTP/1.1 200 OK\r\ncontent-length: +1",
            "HTTP/1.1 200 OK\r\ncontent-length: 1, 1",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked",
            "HTTP/1.1 200 OK\r\nno colon",
            "HTTP/1.1 200 OK\r\nname : value",
            "HTTP/1.1 200 OK\r\nname: a\r\n folded",
            "HTTP/1.1 200 OK\r\nname: a\0b",
        ] {
            let malformed = head(&format!("{lines}\r\n\r\n")).is_err();
            assert!(malformed, "{lines:?}");
        }
    }

    #[test]
    fn a_head_without_end_is_given_up() {
        let mut received = BytesMut::from("HTTP/1.1 200 OK\r\n");
        assert!(take(&mut received).unwrap().is_none());
        received.extend_from_slice(format!("name: {}\r\n", "v".repeat(MOST_BYTES)).as_bytes());
        assert!(take(&mut received).is_err());
        let many = "a: b\r\n".repeat(MOST_HEADERS + 1);
        assert!(head(&format!("HTTP/1.1 200 OK\r\n{many}\r\n")).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = take(&mut BytesMut::from(&bytes[..]));
            let _ = take(&mut BytesMut::from(&[b"HTTP/1.1 200 OK\r\n".as_slice(), &bytes].concat()[..]));
        }
    }
}
