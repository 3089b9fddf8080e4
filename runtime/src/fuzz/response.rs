//! What an upstream sends over a connection is understood in the same way however it arrives, and its chunks as
//! an independent reader would.

use bytes::BytesMut;
use httparse::Status;
use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

use crate::fuzz::splits;
use crate::h1::Malformed;
use crate::h1::body::{Decoder, Framing};
use crate::message::headers::Headers;
use crate::upstream::h1::response::{self, Head};

/// The responses that were heard over one connection, and whether what came then was none.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    responses: Vec<Response>,
    is_malformed: bool,
    /// What nobody took.
    left: Vec<u8>,
}

#[derive(Debug, PartialEq)]
struct Response {
    status: StatusCode,
    headers: Headers,
    framing: Framing,
    keeps_alive: bool,
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
    for response in &whole.responses {
        is_sound(response);
    }
    chunks_are_read_as_others_do(wire);
}

/// What a connection makes of bytes that come in these pieces, if it has as many requests as there are answers.
fn hear(pieces: &[&[u8]]) -> Heard {
    let mut heard = Heard::default();
    let (mut received, mut decoder) = (BytesMut::new(), None);
    for piece in pieces {
        received.extend_from_slice(piece);
        match advance(&mut received, &mut decoder, &mut heard.responses) {
            Ok(Next::More) => {}
            // What comes then is no part of any response, in whatever pieces.
            Ok(Next::Nothing) => return heard,
            Err(Malformed) => {
                heard.is_malformed = true;
                return heard;
            }
        }
    }
    heard.left = received.to_vec();
    heard
}

enum Next {
    More,
    /// The connection serves no other request.
    Nothing,
}

fn advance(
    received: &mut BytesMut,
    decoder: &mut Option<Decoder>,
    responses: &mut Vec<Response>,
) -> Result<Next, Malformed> {
    loop {
        let Some(in_body) = decoder else {
            let Some(head) = response::take(received)? else {
                return Ok(Next::More);
            };
            *decoder = Some(Decoder::new(head.framing));
            responses.push(Response::of(head));
            continue;
        };
        let there = received.len();
        let piece = in_body.take(received)?;
        assert!(piece.len() <= there - received.len(), "it was given that");
        let response = responses.last_mut().expect("a body has a head");
        response.body.extend_from_slice(&piece);
        if in_body.is_at_end() {
            response.is_whole = true;
            if !response.keeps_alive {
                return Ok(Next::Nothing);
            }
            *decoder = None;
        } else if piece.is_empty() {
            return Ok(Next::More);
        }
    }
}

impl Response {
    fn of(head: Head) -> Self {
        Self {
            status: head.status,
            headers: head.headers,
            framing: head.framing,
            keeps_alive: head.keeps_alive,
            body: Vec::new(),
            is_whole: false,
        }
    }
}

/// Whatever was accepted, nobody can smuggle a second response into it.
fn is_sound(response: &Response) {
    assert!(!response.status.is_informational(), "it announces another");
    for (_, value) in response.headers.iter() {
        let breaks = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
        assert!(!value.iter().any(breaks), "{value:?}");
    }
    // What goes on to a client says no other end than that by which the body was read.
    assert!(!response.headers.has(TRANSFER_ENCODING));
    let mut lengths = response.headers.all(CONTENT_LENGTH);
    if let Some(told) = lengths.next() {
        let told = str::from_utf8(told).expect("it is a number").parse();
        assert_eq!(told.map(Framing::Length), Ok(response.framing));
        assert_eq!(lengths.next(), None, "once is enough");
    }
    assert!(!(response.framing == Framing::Close && response.keeps_alive));
    if let (Framing::Length(length), true) = (response.framing, response.is_whole) {
        assert_eq!(response.body.len() as u64, length);
    }
}

/// The chunks of the first response, against another reader of their sizes.
fn chunks_are_read_as_others_do(wire: &[u8]) {
    let mut received = BytesMut::from(wire);
    let Ok(Some(head)) = response::take(&mut received) else {
        return;
    };
    if head.framing != Framing::Chunked {
        return;
    }
    let reference = dechunked(&received);
    let mut decoder = Decoder::new(head.framing);
    let mut body = Vec::new();
    while let Ok(piece) = decoder.take(&mut received)
        && !piece.is_empty()
    {
        body.extend_from_slice(&piece);
    }
    if decoder.is_at_end() {
        assert_eq!(reference, Some(body));
    }
}

/// A body that is there in full, up to its last chunk, as `httparse` reads the sizes.
fn dechunked(mut wire: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let Ok(Status::Complete((start, size))) = httparse::parse_chunk_size(wire) else {
            return None;
        };
        if size == 0 {
            return Some(body);
        }
        let (data, rest) = wire
            .get(start..)?
            .split_at_checked(usize::try_from(size).ok()?)?;
        body.extend_from_slice(data);
        wire = rest.strip_prefix(b"\r\n")?;
    }
}
