//! What a client sends over a connection is understood in the same way however it arrives, and as a reader would
//! who goes by its lines: nobody can hide a second request in one.

use bytes::{Buf, BytesMut};
use hyper::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use hyper::{Method, Uri, Version};

use crate::error;
use crate::fuzz::splits;
use crate::h1::Malformed;
use crate::h1::body::{Decoder, Framing};
use crate::message::headers::Headers;
use crate::server::http1::request::{self, Head};

/// What ends any head and comes last, so that all are looked at: one that comes in pieces is not, before it may end.
const END: &[u8] = b"\r\n\r\n";

/// The requests that were heard over one connection, and why there were no more.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    requests: Vec<Request>,
    end: Option<End>,
    /// What nobody had taken before the [`END`] came, where it was not the end already.
    left: Vec<u8>,
}

#[derive(Debug, PartialEq)]
enum End {
    /// The connection serves no other request.
    Close,
    /// There is no such head.
    Head(error::Head),
    /// There is no such body.
    Body,
}

#[derive(Debug, PartialEq)]
struct Request {
    method: Method,
    uri: Uri,
    headers: Headers,
    version: Version,
    framing: Framing,
    keeps_alive: bool,
    awaits_continue: bool,
    body: Vec<u8>,
    is_whole: bool,
}

/// The property.
pub fn holds(wire: &[u8]) {
    let mut ways = splits::ways(wire).map(|pieces| hear(&pieces));
    let whole = ways.next().expect("one way is the whole");
    for heard in ways {
        assert_eq!(heard, whole, "it depends on how it arrives");
    }
    for request in &whole.requests {
        is_sound(request);
    }
}

/// What a connection makes of bytes that come in these pieces, if it answers at once.
fn hear(pieces: &[&[u8]]) -> Heard {
    let mut heard = Heard::default();
    let (mut received, mut looked, mut decoder) = (BytesMut::new(), 0, None);
    let mut come = |piece: &[u8], requests: &mut Vec<Request>| {
        received.extend_from_slice(piece);
        advance(&mut received, &mut looked, &mut decoder, requests)?;
        assert!(looked <= received.len(), "it has not come yet");
        Ok(received.to_vec())
    };
    for piece in pieces {
        match come(piece, &mut heard.requests) {
            Ok(left) => heard.left = left,
            Err(end) => {
                heard.left.clear();
                heard.end = Some(end);
                return heard;
            }
        }
    }
    heard.end = come(END, &mut heard.requests).err();
    // That it is no head may be seen sooner where more comes at once.
    if let Some(End::Head(_)) = heard.end {
        heard.left.clear();
    }
    heard
}

/// Takes what there is, until more has to come.
fn advance(
    received: &mut BytesMut,
    looked: &mut usize,
    decoder: &mut Option<Decoder>,
    requests: &mut Vec<Request>,
) -> Result<(), End> {
    loop {
        let Some(in_body) = decoder else {
            let Some(head) = take_head(received, looked).map_err(End::Head)? else {
                return Ok(());
            };
            *decoder = Some(Decoder::new(head.framing));
            requests.push(Request::of(head));
            continue;
        };
        let piece = in_body.take(received).map_err(|Malformed| End::Body)?;
        let request = requests.last_mut().expect("a body has a head");
        request.body.extend_from_slice(&piece);
        if in_body.is_at_end() {
            request.is_whole = true;
            if !request.keeps_alive {
                return Err(End::Close);
            }
            *decoder = None;
        } else if piece.is_empty() {
            return Ok(());
        }
    }
}

/// The next head, as a connection takes it, and as its lines have it.
fn take_head(received: &mut BytesMut, looked: &mut usize) -> Result<Option<Head>, error::Head> {
    if *looked == 0 {
        while let Some(b'\r' | b'\n') = received.first() {
            received.advance(1);
        }
    }
    if received.is_empty() {
        return Ok(None);
    }
    let there = received.clone();
    let taken = request::take(received, looked)?;
    if let Some(head) = &taken {
        let (text, rest) = there.split_at(there.len() - received.len());
        assert_eq!(rest, received, "it takes from the front");
        assert_eq!(*looked, 0, "the next one is new");
        says_what_its_lines_say(head, text);
    }
    Ok(taken)
}

/// Each line of `text` is a header, in this order, but for the lengths of what comes in chunks.
fn says_what_its_lines_say(head: &Head, text: &[u8]) {
    let mut lines = text.split(|byte| *byte == b'\n').skip(1);
    let mut headers = head.head.headers.iter();
    let mut said = lines.by_ref().map(<[u8]>::trim_ascii);
    for line in said.by_ref().take_while(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.expect("a header has a colon"));
        let name = name.to_ascii_lowercase();
        if head.framing == Framing::Chunked && name == CONTENT_LENGTH.as_str().as_bytes() {
            continue;
        }
        let value = value.strip_prefix(b":").unwrap_or_default().trim_ascii();
        assert_eq!(headers.next(), Some((name.as_slice(), value)));
    }
    assert_eq!(headers.next(), None, "it is made up");
    assert_eq!(said.collect::<Vec<_>>(), [b""], "it goes on behind its end");
}

impl Request {
    fn of(head: Head) -> Self {
        Self {
            method: head.head.method,
            uri: head.head.uri,
            headers: head.head.headers,
            version: head.version,
            framing: head.framing,
            keeps_alive: head.keeps_alive,
            awaits_continue: head.awaits_continue,
            body: Vec::new(),
            is_whole: false,
        }
    }
}

/// Whatever was accepted, it is for one host and ends in one way.
fn is_sound(request: &Request) {
    for (_, value) in request.headers.iter() {
        let breaks = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
        assert!(!value.iter().any(breaks), "{value:?}");
    }
    let is_http_1_1 = request.version == Version::HTTP_11;
    let hosts = request.headers.all(HOST).count();
    assert!(hosts == 1 || (hosts == 0 && !is_http_1_1), "{hosts} hosts");
    assert!(!request.awaits_continue || is_http_1_1);

    let codings: Vec<_> = request.headers.all(TRANSFER_ENCODING).collect();
    let mut lengths = request.headers.all(CONTENT_LENGTH);
    match request.framing {
        Framing::Chunked => {
            assert!(is_http_1_1 && !request.keeps_alive);
            assert_eq!(lengths.next(), None, "two ways to end");
            assert!(matches!(codings[..], [coding] if coding.eq_ignore_ascii_case(b"chunked")));
        }
        Framing::Length(length) => {
            assert_eq!(codings.len(), 0, "two ways to end");
            let told = |told| str::from_utf8(told).expect("a number").parse() == Ok(length);
            assert!(lengths.by_ref().all(told));
            assert!(length == 0 || request.headers.has(CONTENT_LENGTH));
            assert!(!request.is_whole || request.body.len() as u64 == length);
        }
        Framing::Close => {
            panic!("a client that has closed its side cannot be told from one that is gone")
        }
    }
}
