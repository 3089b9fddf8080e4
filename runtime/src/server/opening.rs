//! The first bytes of a plain connection: whether its client speaks HTTP/2 from the start ("prior knowledge"),
//! or HTTP/1.1.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::h1::landing;

/// What begins a connection of HTTP/2 and no other (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose first bytes have been looked at; whoever reads from it gets them first.
pub(super) struct Opened {
    stream: TcpStream,
    /// What was looked at and is yet to be read.
    received: BytesMut,
}

/// Reads from `stream` until it is clear what its client speaks, which the first byte of a request that is not
/// `POST`, `PUT` or `PATCH` decides, and the second of those.
pub(super) async fn look(stream: TcpStream) -> io::Result<Opened> {
    let mut received = BytesMut::new();
    while received.len() < PREFACE.len() && PREFACE.starts_with(&received) {
        stream.readable().await?;
        let read = landing::with(|landing| {
            let read = stream.try_read(landing)?;
            received.extend_from_slice(landing.get(..read).unwrap_or_default());
            io::Result::Ok(read)
        });
        match read {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Opened { stream, received })
}

impl Opened {
    /// Whether the client speaks HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.received.starts_with(PREFACE)
    }

    /// The connection itself, and what was read from it.
    pub(super) fn into_parts(self) -> (TcpStream, BytesMut) {
        (self.stream, self.received)
    }
}

impl AsyncRead for Opened {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.received.is_empty() {
            return Pin::new(&mut this.stream).poll_read(cx, buffer);
        }
        let count = this.received.len().min(buffer.remaining());
        buffer.put_slice(&this.received.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Opened {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What is found out, and read afterwards, of a client that sends these pieces.
    async fn seen(pieces: &[&[u8]]) -> (bool, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = async {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.set_nodelay(true).unwrap();
            for piece in pieces {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            client.shutdown().await.unwrap();
            client
        };
        let server = async {
            let (stream, _) = listener.accept().await.unwrap();
            let mut opened = look(stream).await.unwrap();
            let is_http2 = opened.is_http2();
            let mut all = Vec::new();
            opened.read_to_end(&mut all).await.unwrap();
            (is_http2, all)
        };
        tokio::join!(client, server).1
    }

    #[tokio::test]
    async fn nothing_is_lost_of_what_was_looked_at() {
        let preface: &[u8] = PREFACE;
        let (first, second) = preface.split_at(7);
        for (pieces, is_http2) in [
            (vec![&b"GET / HTTP/1.1\r\n\r\n"[..]], false),
            (vec![b"P", b"OST / HTTP/1.1\r\n\r\n"], false),
            (vec![b"PRI * HTTP/1.1\r\n\r\n"], false),
            (vec![b"P"], false),
            (vec![b""], false),
            (vec![preface], true),
            (vec![first, second, b"more"], true),
        ] {
            assert_eq!(
                seen(&pieces).await,
                (is_http2, pieces.concat()),
                "{pieces:?}"
            );
        }
    }
}
