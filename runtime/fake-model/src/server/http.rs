//! As much of HTTP/1.1 as a model server needs: reading requests, and writing the heads of responses.

use std::fmt::Write;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 64 * 1024 * 1024;
const MAX_HEADERS: usize = 128;

/// A complete request.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the client wants the connection closed after the answer.
    pub(super) fn closes(&self) -> bool {
        self.header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// Reads the next request; `None` when the client closed the connection before it was complete.
///
/// `buffer` holds what was read before and, afterwards, what was read beyond the request.
pub(super) async fn read_request(
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Request>> {
    let (mut request, head_length) = loop {
        if let Some(parsed) = parse_head(buffer)? {
            break parsed;
        }
        if buffer.len() > MAX_HEAD {
            return Err(invalid("the request's head is too large"));
        }
        if reader.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    buffer.drain(..head_length);
    if request
        .header("expect")
        .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let chunked = request.header("transfer-encoding").is_some();
    let length = match request.header("content-length") {
        Some(text) => text
            .parse()
            .map_err(|_| invalid("the content length is no number"))?,
        None => 0,
    };
    loop {
        let body = if chunked {
            chunked_body(buffer)?
        } else {
            plain_body(buffer, length)
        };
        if let Some((body, consumed)) = body {
            buffer.drain(..consumed);
            request.body = body;
            return Ok(Some(request));
        }
        if buffer.len() > MAX_BODY || length > MAX_BODY {
            return Err(invalid("the request's body is too large"));
        }
        if reader.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

fn parse_head(buffer: &[u8]) -> io::Result<Option<(Request, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = parsed.parse(buffer).map_err(invalid)? else {
        return Ok(None);
    };
    let headers = parsed.headers.iter().map(|header| {
        let value = String::from_utf8_lossy(header.value).into_owned();
        (header.name.to_ascii_lowercase(), value)
    });
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: parsed.path.unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    Ok(Some((request, length)))
}

/// The body of a known length, and how much of the buffer it takes.
fn plain_body(buffer: &[u8], length: usize) -> Option<(Vec<u8>, usize)> {
    buffer.get(..length).map(|body| (body.to_vec(), length))
}

/// A body in chunks, once its last one is there, and how much of the buffer it takes.
fn chunked_body(buffer: &[u8]) -> io::Result<Option<(Vec<u8>, usize)>> {
    let mut body = Vec::new();
    let mut position = 0;
    loop {
        let rest = buffer.get(position..).unwrap_or_default();
        let (start, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(invalid("a chunk's size is malformed")),
        };
        let size = usize::try_from(size).map_err(invalid)?;
        let end = start
            .checked_add(size)
            .ok_or_else(|| invalid("a chunk is too large"))?;
        // The two bytes of the line end after the chunk's data; trailers are not expected.
        let (Some(data), Some(_)) = (rest.get(start..end), rest.get(end..end.saturating_add(2)))
        else {
            return Ok(None);
        };
        body.extend_from_slice(data);
        position += end + 2;
        if size == 0 {
            return Ok(Some((body, position)));
        }
    }
}

/// The head of a response, with these headers.
pub(super) fn response_head<'a>(
    status: u16,
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").expect("a String takes everything");
    }
    head.push_str("\r\n");
    head
}

/// The phrase after a status code; nobody reads it but people.
fn reason(status: u16) -> &'static str {
    match status {
        200..=299 => "OK",
        300..=399 => "Redirect",
        400..=499 => "Client Error",
        _ => "Server Error",
    }
}

fn invalid(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(input: &str) -> io::Result<Option<Request>> {
        let mut reader = input.as_bytes();
        read_request(&mut reader, &mut Vec::new(), &mut Vec::new()).await
    }

    #[tokio::test]
    async fn a_body_of_a_known_length_is_read() {
        let request = read("POST /v1 HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi").await;
        assert_eq!(request.unwrap().unwrap().body, b"hi");
    }

    #[tokio::test]
    async fn a_body_in_chunks_is_read() {
        let head = "POST /v1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let request = read(&format!("{head}2\r\nhi\r\n1;x=y\r\n!\r\n0\r\n\r\n")).await;
        assert_eq!(request.unwrap().unwrap().body, b"hi!");
    }

    #[tokio::test]
    async fn what_follows_a_request_stays_in_the_buffer() {
        let mut buffer = b"GET / HTTP/1.1\r\n\r\nGET /2".to_vec();
        read_request(&mut &b""[..], &mut Vec::new(), &mut buffer)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(buffer, b"GET /2");
    }

    #[tokio::test]
    async fn half_a_request_is_none() {
        assert!(
            read("POST /v1 HTTP/1.1\r\nContent-Length: 9\r\n\r\nhi")
                .await
                .unwrap()
                .is_none()
        );
    }

    #[tokio::test]
    async fn expect_is_answered_before_the_body() {
        let mut written = Vec::new();
        let head = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx";
        read_request(&mut &head[..], &mut written, &mut Vec::new())
            .await
            .unwrap();
        assert_eq!(written, b"HTTP/1.1 100 Continue\r\n\r\n");
    }
}
