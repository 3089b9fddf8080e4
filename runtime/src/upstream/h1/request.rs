//! The head of a request.

use bytes::Bytes;
use hyper::Method;
use hyper::header::CONTENT_LENGTH;

/// The head of a request, line by line.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// Begins the head of a request for `path`, with a `query`, both from a URI.
    pub(crate) fn new(method: &Method, path: &str, query: Option<&str>) -> Self {
        // Enough for what SDKs send; it grows if it has to.
        let mut bytes = Vec::with_capacity(1024);
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

    /// Ends the head of a request without a body.
    pub(crate) fn end(mut self) -> Bytes {
        self.0.extend_from_slice(b"\r\n");
        self.0.into()
    }

    /// Ends the head of a request whose body has this length.
    pub(crate) fn end_with(mut self, length: usize) -> Bytes {
        let mut digits = itoa::Buffer::new();
        self.header(&CONTENT_LENGTH, digits.format(length).as_bytes());
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
            writer.end_with(17),
            "POST /v1/chat/completions?a=b HTTP/1.1\r\nhost: vllm:8000\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n"
        );
    }
}
