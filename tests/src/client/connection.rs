//! A connection that is read piece by piece.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::request::Request;
use crate::client::response::{Head, Response};
use crate::patience::patiently;

/// A connection to a dataplane. Dropping it closes it, at whatever point it is.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    framing: Framing,
}

/// A body that ended before it was complete.
#[derive(Debug)]
pub struct Cut;

/// How the end of the body being read is known.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Length(usize),
    Chunked,
    Close,
}

impl Connection {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens there.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address)
            .await
            .expect("the dataplane listens");
        stream
            .set_nodelay(true)
            .expect("a connected socket takes options");
        Self {
            stream,
            buffer: Vec::new(),
            framing: Framing::Close,
        }
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    /// When the other side has closed.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream
            .write_all(bytes)
            .await
            .expect("the dataplane reads");
    }

    /// Sends a request and reads the whole response.
    pub async fn send(&mut self, request: &Request) -> Response {
        self.write(&[&request.head(), request.body()].concat())
            .await;
        self.read_response().await
    }

    /// Sends a request and reads the head of the response.
    pub async fn begin(&mut self, request: &Request) -> Head {
        self.write(&[&request.head(), request.body()].concat())
            .await;
        self.read_head().await
    }

    /// Reads a whole response.
    ///
    /// # Panics
    /// When it is cut.
    pub async fn read_response(&mut self) -> Response {
        let head = self.read_head().await;
        match self.read_body().await {
            Ok(body) => Response {
                status: head.status,
                head,
                body,
            },
            Err((read, Cut)) => panic!("the body is cut after {}", String::from_utf8_lossy(&read)),
        }
    }

    /// Reads the head of the next response, which may be an interim one (1xx).
    ///
    /// # Panics
    /// When the connection is closed before it is complete, or it is no HTTP.
    pub async fn read_head(&mut self) -> Head {
        loop {
            if let Some((head, length)) = parse_head(&self.buffer) {
                self.buffer.drain(..length);
                self.framing = Framing::of(&head);
                return head;
            }
            let read = patiently("a response", self.fill()).await;
            let so_far = String::from_utf8_lossy(&self.buffer);
            assert!(
                read,
                "the connection was closed in the middle of a head: `{so_far}`"
            );
        }
    }

    /// Reads the next piece of the body as soon as there is one: an HTTP chunk, or what has come of a body
    /// that has none. `None` at its end.
    ///
    /// # Errors
    /// When the connection ends before the body does.
    pub async fn read_piece(&mut self) -> Result<Option<Vec<u8>>, Cut> {
        loop {
            match self.framing {
                Framing::Length(0) => return Ok(None),
                Framing::Length(left) if !self.buffer.is_empty() => {
                    let size = left.min(self.buffer.len());
                    self.framing = Framing::Length(left - size);
                    return Ok(Some(self.buffer.drain(..size).collect()));
                }
                Framing::Close if !self.buffer.is_empty() => {
                    return Ok(Some(std::mem::take(&mut self.buffer)));
                }
                Framing::Chunked => {
                    if let Some(chunk) = self.take_chunk() {
                        return Ok((!chunk.is_empty()).then_some(chunk));
                    }
                }
                Framing::Length(_) | Framing::Close => {}
            }
            if !patiently("a piece of the body", self.fill()).await {
                return match self.framing {
                    Framing::Close => Ok(None),
                    Framing::Length(_) | Framing::Chunked => Err(Cut),
                };
            }
        }
    }

    /// Reads the body until it contains `text`, and returns what was read.
    ///
    /// # Panics
    /// When it ends before.
    pub async fn read_until(&mut self, text: &str) -> String {
        let mut read = String::new();
        while !read.contains(text) {
            match self.read_piece().await {
                Ok(Some(piece)) => read.push_str(&String::from_utf8_lossy(&piece)),
                end => panic!("no `{text}` in `{read}`: {end:?}"),
            }
        }
        read
    }

    /// Reads the body to its end.
    ///
    /// # Errors
    /// When it is cut, with what came before.
    pub async fn read_body(&mut self) -> Result<Vec<u8>, (Vec<u8>, Cut)> {
        let mut body = Vec::new();
        loop {
            match self.read_piece().await {
                Ok(Some(piece)) => body.extend(piece),
                Ok(None) => return Ok(body),
                Err(cut) => return Err((body, cut)),
            }
        }
    }

    /// Waits until the other side has closed.
    pub async fn wait_for_close(&mut self) {
        while patiently("a close", self.fill()).await {}
    }

    /// Resets the connection, as a client does that crashes.
    ///
    /// # Panics
    /// When the socket does not take the option.
    pub fn reset(self) {
        let linger = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        linger.expect("a connected socket takes options");
    }

    /// Reads more; whether there was any.
    async fn fill(&mut self) -> bool {
        matches!(self.stream.read_buf(&mut self.buffer).await, Ok(1..))
    }

    /// The next whole chunk; an empty one is the end of the body.
    fn take_chunk(&mut self) -> Option<Vec<u8>> {
        let parsed = httparse::parse_chunk_size(&self.buffer).expect("chunks are well formed");
        let httparse::Status::Complete((start, size)) = parsed else {
            return None;
        };
        let end = start + usize::try_from(size).expect("chunks fit into memory");
        let chunk = self.buffer.get(start..end)?.to_vec();
        self.buffer.get(end..end + 2)?;
        self.buffer.drain(..end + 2);
        if chunk.is_empty() {
            self.framing = Framing::Length(0);
        }
        Some(chunk)
    }
}

impl Framing {
    fn of(head: &Head) -> Self {
        let length = head
            .header("content-length")
            .and_then(|length| length.parse().ok());
        match length {
            _ if head.header("transfer-encoding").is_some() => Self::Chunked,
            Some(length) => Self::Length(length),
            None if head.status < 200 || head.status == 204 => Self::Length(0),
            None => Self::Close,
        }
    }
}

fn parse_head(buffer: &[u8]) -> Option<(Head, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Response::new(&mut headers);
    let status = parsed.parse(buffer).unwrap_or_else(|error| {
        panic!("no HTTP ({error}): {}", String::from_utf8_lossy(buffer));
    });
    let httparse::Status::Complete(length) = status else {
        return None;
    };
    let headers = parsed.headers.iter().map(|header| {
        let value = String::from_utf8_lossy(header.value).into_owned();
        (header.name.to_ascii_lowercase(), value)
    });
    let status = parsed.code.expect("a complete head has a status");
    Some((
        Head {
            status,
            headers: headers.collect(),
        },
        length,
    ))
}
