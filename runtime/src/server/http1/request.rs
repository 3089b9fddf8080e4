//! The head of a request, as a pure function of bytes.

use std::mem::MaybeUninit;

use bytes::{Buf, Bytes, BytesMut};
use hyper::{Method, Uri, Version};

use crate::error;
use crate::h1::Malformed;
use crate::h1::body::Framing;
use crate::h1::fields::{self, Connection};
use crate::message;
use crate::message::headers::{Headers, Room};
use crate::message::name::{CONTENT_LENGTH, EXPECT, HOST};

/// The largest head, in bytes; the same as over HTTP/2.
const MOST_BYTES: usize = 64 * 1024;

/// The most headers.
const MOST_HEADERS: usize = 100;

/// The head of a request.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) head: message::Head,
    pub(crate) version: Version,
    /// How the end of its body is known.
    pub(crate) framing: Framing,
    /// Whether the connection may serve another request after it.
    pub(crate) keeps_alive: bool,
    /// Whether the client sends the body when it is told to.
    pub(crate) awaits_continue: bool,
}

/// Takes a head out of `received`, once it is there in full. `looked` is how much of it was looked at in vain
/// before; 0 for a new one.
pub(crate) fn take(
    received: &mut BytesMut,
    looked: &mut usize,
) -> Result<Option<Head>, error::Head> {
    // A head that comes byte by byte is not parsed as often.
    if *looked > 0 && !may_end(received, *looked) {
        return partial(received, looked);
    }
    let mut headers = [const { MaybeUninit::uninit() }; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(received, &mut headers) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return partial(received, looked),
        Err(httparse::Error::TooManyHeaders) => return Err(error::Head::TooLarge),
        Err(_) => return Err(error::Head::Malformed),
    };
    if length > MOST_BYTES {
        return Err(too_large(received));
    }
    let head = understood(&request, received.get(..length).unwrap_or_default())?;
    received.advance(length);
    *looked = 0;
    Ok(Some(head))
}

/// What is there of a head is no more than a part.
fn partial(received: &BytesMut, looked: &mut usize) -> Result<Option<Head>, error::Head> {
    *looked = received.len();
    if received.len() < MOST_BYTES {
        Ok(None)
    } else {
        Err(too_large(received))
    }
}

fn too_large(received: &[u8]) -> error::Head {
    let start = received.get(..MOST_BYTES).unwrap_or(received);
    match memchr::memchr(b'\n', start) {
        Some(_) => error::Head::TooLarge,
        None => error::Head::TargetTooLong,
    }
}

/// Whether a head may end in what has come after the first `looked` bytes.
fn may_end(received: &[u8], looked: usize) -> bool {
    let unseen = received.get(looked.saturating_sub(3)..).unwrap_or_default();
    memchr::memchr_iter(b'\n', unseen).any(|at| {
        let after = unseen.get(at + 1..).unwrap_or_default();
        after.starts_with(b"\n") || after.starts_with(b"\r\n")
    })
}

/// What a head says, in which `request` was parsed.
fn understood(request: &httparse::Request<'_, '_>, head: &[u8]) -> Result<Head, error::Head> {
    let is_http_1_1 = request.version == Some(1);
    let mut headers = Headers::of_head(head, request.headers, Room::default());
    let hosts = headers.all(HOST).count();
    // Whoever is in front may have gone by another one (RFC 9112, 3.2).
    if (hosts == 0 && is_http_1_1) || hosts > 1 {
        return Err(error::Head::Host);
    }
    let framing = framing(&headers, is_http_1_1)?;
    // Whatever a proxy before the gateway took the end of such a request for, nothing follows it (RFC 9112, 6.1).
    let keeps_alive = framing != Framing::Chunked && Connection::of(&headers).is_kept(is_http_1_1);
    let is_continue = |value: &[u8]| value.eq_ignore_ascii_case(b"100-continue");
    let awaits_continue = is_http_1_1 && headers.all(EXPECT).any(is_continue);
    // Chunks come before a length, which nobody is to believe then.
    if framing == Framing::Chunked {
        headers.remove(CONTENT_LENGTH);
    }
    let method = Method::from_bytes(request.method.unwrap_or_default().as_bytes());
    // A copy: it is kept for as long as the response takes, and should hold nothing else.
    let target = Bytes::copy_from_slice(request.path.unwrap_or_default().as_bytes());
    Ok(Head {
        head: message::Head {
            method: method.map_err(|_| error::Head::Malformed)?,
            uri: Uri::from_maybe_shared(target).map_err(|_| error::Head::Malformed)?,
            headers,
        },
        version: if is_http_1_1 {
            Version::HTTP_11
        } else {
            Version::HTTP_10
        },
        framing,
        keeps_alive,
        awaits_continue,
    })
}

/// How the end of the body is known (RFC 9112, 6.3).
fn framing(headers: &Headers, is_http_1_1: bool) -> Result<Framing, Malformed> {
    let length = fields::length(headers)?;
    match fields::is_chunked(headers)? {
        false => Ok(Framing::Length(length.unwrap_or(0))),
        true if is_http_1_1 => Ok(Framing::Chunked),
        true => Err(Malformed),
    }
}

impl From<Malformed> for error::Head {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(text: &str) -> Result<Option<Head>, error::Head> {
        take(&mut BytesMut::from(text), &mut 0)
    }

    #[test]
    fn reads_a_head_and_leaves_the_body() {
        let mut received = BytesMut::from(
            "POST /v1/chat?a=b HTTP/1.1\r\nHost: gateway\r\ncontent-length: 2\r\nX-Empty:\r\nx-a: 1\r\nx-a: 2\r\n\r\n{}",
        );
        let head = take(&mut received, &mut 0).unwrap().unwrap();
        assert_eq!((head.head.method, received), (Method::POST, "{}".into()));
        assert_eq!(head.head.uri, "/v1/chat?a=b");
        assert_eq!(head.head.headers.text("host"), Some("gateway"));
        assert_eq!(head.head.headers.text("x-empty"), Some(""));
        assert_eq!(head.head.headers.all("x-a").count(), 2);
        assert_eq!((head.framing, head.keeps_alive), (Framing::Length(2), true));
    }

    #[test]
    fn knows_where_a_body_ends_and_what_may_follow() {
        for (lines, framing, keeps_alive, awaits_continue) in [
            ("1.1\r\nhost: a", Framing::Length(0), true, false),
            (
                "1.1\r\nhost: a\r\nconnection: x, CLOSE",
                Framing::Length(0),
                false,
                false,
            ),
            ("1.0\r\nx: y", Framing::Length(0), false, false),
            (
                "1.0\r\nconnection: Keep-Alive\r\nexpect: 100-continue",
                Framing::Length(0),
                true,
                false,
            ),
            (
                "1.0\r\nconnection: close, keep-alive",
                Framing::Length(0),
                false,
                false,
            ),
            (
                "1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 3\r\nexpect: 100-Continue",
                Framing::Length(3),
                true,
                true,
            ),
            (
                "1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\ncontent-length: 3",
                Framing::Chunked,
                false,
                false,
            ),
        ] {
            let head = head(&format!("POST / HTTP/{lines}\r\n\r\n")).unwrap();
            let head = head.unwrap();
            assert_eq!(
                (head.framing, head.keeps_alive, head.awaits_continue),
                (framing, keeps_alive, awaits_continue),
                "{lines}"
            );
            if framing == Framing::Chunked {
                assert!(!head.head.headers.has("content-length"));
            }
        }
    }

    #[test]
    fn one_host_is_wanted() {
        for lines in [
            "1.1\r\nx: y",
            "1.1\r\nhost: a\r\nhost: a",
            "1.0\r\nhost: a\r\nhost: b",
        ] {
            let refused = head(&format!("GET / HTTP/{lines}\r\n\r\n"));
            assert_eq!(refused.unwrap_err(), error::Head::Host, "{lines}");
        }
    }

    #[test]
    fn what_can_be_read_two_ways_is_malformed() {
        for lines in [
            "content-length: 1\r\ncontent-length: 2",
            "content-length: 1, 1",
            "content-length: +1",
            "content-length:",
            "transfer-encoding: gzip, chunked",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "transfer-encoding: xchunked",
            "transfer-encoding : chunked",
            "transfer-encoding:\u{b}chunked",
            "x: a\r\n folded",
            "x: a\rb",
        ] {
            let refused = head(&format!("POST / HTTP/1.1\r\nhost: a\r\n{lines}\r\n\r\n"));
            assert_eq!(refused.unwrap_err(), error::Head::Malformed, "{lines:?}");
        }
    }

    #[test]
    fn a_head_has_its_bounds() {
        let long = "v".repeat(MOST_BYTES);
        let many = "a: b\r\n".repeat(MOST_HEADERS + 1);
        for (text, fault) in [
            (format!("GET /{long}"), error::Head::TargetTooLong),
            (
                format!("GET / HTTP/1.1\r\nx: {long}"),
                error::Head::TooLarge,
            ),
            (
                format!("GET / HTTP/1.1\r\nx: {long}\r\n\r\n"),
                error::Head::TooLarge,
            ),
            (
                format!("GET / HTTP/1.1\r\n{many}\r\n"),
                error::Head::TooLarge,
            ),
        ] {
            assert_eq!(head(&text).unwrap_err(), fault);
        }
    }

    proptest! {
        /// Wherever a head is split on its way, it is the same.
        #[test]
        fn splits_leave_no_trace(
            names in prop::collection::vec("[a-z][a-z0-9-]{0,8}", 0..6),
            line_end in prop::sample::select(vec!["\r\n", "\n"]),
            splits in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let lines: String = names.iter().map(|name| format!("x-{name}: v{line_end}")).collect();
            let text = format!("GET /v1 HTTP/1.1{line_end}host: a{line_end}{lines}{line_end}rest");
            let mut ends: Vec<usize> = splits.iter().map(|split| split.index(text.len())).collect();
            ends.push(text.len());
            ends.sort_unstable();
            let (mut received, mut looked, mut start) = (BytesMut::new(), 0, 0);
            let mut taken = None;
            for end in ends {
                received.extend_from_slice(&text.as_bytes()[start..end]);
                start = end;
                if taken.is_none() && !received.is_empty() {
                    taken = take(&mut received, &mut looked).unwrap();
                }
            }
            prop_assert_eq!(taken.unwrap().head.headers.iter().count(), names.len() + 1);
            prop_assert_eq!(received, "rest");
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = take(&mut BytesMut::from(&bytes[..]), &mut 0);
            let start = b"GET / HTTP/1.1\r\nhost: a\r\n".as_slice();
            let _ = take(&mut BytesMut::from(&[start, &bytes].concat()[..]), &mut 0);
        }
    }
}
