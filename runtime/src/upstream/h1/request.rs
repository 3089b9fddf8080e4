//! The head of a request.

use std::cell::Cell;

use hyper::Method;

use crate::message::headers::Headers;
use crate::message::name::CONTENT_LENGTH;

/// Enough for what SDKs send, in bytes; it grows if it has to.
const ROOM: usize = 4 * 1024;

/// The most, in bytes, that is kept of memory that came back larger.
const MOST_KEPT: usize = 64 * 1024;

thread_local! {
    /// The memory that the heads of a thread's requests are written in, in turns.
    static TEXT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Takes back the memory of a request that was sent.
pub(crate) fn take_back(mut text: Vec<u8>) {
    if text.capacity() <= MOST_KEPT {
        text.clear();
        TEXT.set(text);
    }
}

/// The head of a request, line by line.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// Begins the head of a request for `path`, with a `query`, both from a URI.
    pub(crate) fn new(method: &Method, path: &str, query: Option<&str>) -> Self {
        let mut bytes = TEXT.take();
        bytes.reserve(ROOM);
        bytes.extend_from_slice(method.as_str().as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(path.as_bytes());
        if let Some(query) = query {
            bytes.push(b'?');
            bytes.extend_from_slice(query.as_bytes());
        }
        bytes.extend_from_slice(b" HTTP/1.1\r\n");
        Self(bytes)
    }

    /// Adds a header. A name and a value are those of a header that was read, or made of what fits
    /// into one: no line can break into another.
    pub(crate) fn header(&mut self, name: impl AsRef<[u8]>, value: &[u8]) {
        self.0.extend_from_slice(name.as_ref());
        self.0.extend_from_slice(b": ");
        self.0.extend_from_slice(value);
        self.0.extend_from_slice(b"\r\n");
    }

    /// Adds those of the headers whose name passes.
    pub(crate) fn headers(&mut self, headers: &Headers, passes: impl Fn(&[u8]) -> bool) {
        headers.write(&mut self.0, passes);
    }

    /// Ends the head of a request without a body.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"\r\n");
        self.0
    }

    /// Ends the head of a request whose body has this length.
    pub(crate) fn end_with(mut self, length: usize) -> Vec<u8> {
        let mut digits = itoa::Buffer::new();
        self.header(CONTENT_LENGTH, digits.format(length).as_bytes());
        self.end()
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{CONTENT_TYPE, HOST};

    use super::*;

    #[test]
    fn writes_a_head() {
        let mut writer = Writer::new(&Method::POST, "/v1/chat/completions", Some("a=b"));
        writer.header(&HOST, b"vllm:8000");
        writer.header(&CONTENT_TYPE, b"application/json");
        assert_eq!(
            String::from_utf8(writer.end_with(17)).unwrap(),
            "POST /v1/chat/completions?a=b HTTP/1.1\r\nhost: vllm:8000\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n"
        );
    }
}
