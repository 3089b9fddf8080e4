//! A request whose head cannot be understood: answered like any other that is refused, with an error object, ids,
//! a log line and a count.
//!
//! Hyper answers such a head by itself, with a bare status, before any of our code sees a request, and closes the
//! connection. [`Overheard`] stands between hyper and the socket and keeps that answer back; when the connection
//! has ended, [`refuse`] writes the whole one. What hyper writes while no request is being answered and nothing is
//! left of an earlier response can be nothing else: that is told by the course of the connection, never by what
//! the bytes look like.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::Response;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use crate::error::{Error, Head};
use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::trace::Trace;
use crate::server::client::Client;

/// How much of what a client goes on sending is still read, so that it gets to see its answer.
const LINGER_BYTES: usize = 1024 * 1024;

/// How long that, and the answer, may take.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// Where a connection is on its way from one response to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Course {
    /// Nothing is being answered, and all that was is out.
    #[default]
    Quiet,
    /// A request is being answered.
    Answering,
    /// The last of a response was handed to hyper.
    Ending,
}

/// The course of one connection.
#[derive(Default)]
pub(super) struct Progress(Cell<Course>);

impl Progress {
    /// Whether no request is being answered, and all answers are out.
    pub(super) fn is_quiet(&self) -> bool {
        self.0.get() == Course::Quiet
    }

    /// A request has come; it is being answered until what this returns is dropped.
    pub(super) fn begin(self: &Rc<Self>) -> Answering {
        self.0.set(Course::Answering);
        Answering(Rc::clone(self))
    }
}

/// A request that is being answered.
pub(super) struct Answering(Rc<Progress>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.set(Course::Ending);
    }
}

/// A response body that ends the answer to its request.
pub(super) struct Last<B> {
    body: B,
    _answering: Answering,
}

impl<B> Last<B> {
    pub(super) fn new(body: B, answering: Answering) -> Self {
        Self {
            body,
            _answering: answering,
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Last<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection as hyper sees it.
pub(super) struct Overheard<S> {
    stream: S,
    progress: Rc<Progress>,
    /// The status of what was kept back.
    kept_back: Option<u16>,
}

impl<S> Overheard<S> {
    pub(super) fn new(stream: S, progress: &Rc<Progress>) -> Self {
        Self {
            stream,
            progress: Rc::clone(progress),
            kept_back: None,
        }
    }

    /// The connection itself, and the status that hyper refused a request with.
    pub(super) fn into_parts(self) -> (S, Option<u16>) {
        (self.stream, self.kept_back)
    }

    /// Whether `bytes` are hyper's own answer, which is then kept back.
    fn keeps_back(&mut self, bytes: &[u8]) -> bool {
        if self.progress.0.get() != Course::Quiet {
            return false;
        }
        let status = bytes.get(9..12).and_then(|text| str::from_utf8(text).ok());
        self.kept_back = status.and_then(|text| text.parse().ok());
        self.kept_back.is_some()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.keeps_back(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut this.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if pieces.first().is_some_and(|first| this.keeps_back(first)) {
            return Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()));
        }
        Pin::new(&mut this.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        // Hyper flushes when it has written all that it has.
        if flushed.is_ready() && this.progress.0.get() == Course::Ending {
            this.progress.0.set(Course::Quiet);
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.kept_back.is_some() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

/// What is wrong with the head that ended a connection with `error`, if anything is: hyper's status was kept back,
/// or there was none. `begun` says whether a part of a head had come.
pub(super) fn fault(error: &hyper::Error, kept_back: Option<u16>, begun: bool) -> Option<Head> {
    match kept_back {
        Some(414) => Some(Head::TargetTooLong),
        Some(431) => Some(Head::TooLarge),
        Some(_) => Some(Head::Malformed),
        None if error.is_parse() => Some(Head::Malformed),
        // A kept connection that is not used ends without a word.
        None if error.is_timeout() && begun => Some(Head::Late),
        None => None,
    }
}

/// Answers a request that has `fault` for a head, over what is left of its connection.
pub(super) async fn refuse<S>(client: &Client, mut stream: S, fault: Head)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let error = Error::Head(fault);
    let trace = Trace::identify(&HeaderMap::new(), None);
    account(client, &error, &trace);
    let mut response = error.into_response();
    trace.mark_response(response.headers_mut());
    let told = async {
        stream.write_all(&written(&response)).await?;
        stream.shutdown().await?;
        // Closed while the client is still sending, the connection would be reset, and the answer lost.
        let mut rest = stream.take(LINGER_BYTES as u64);
        let mut buffer = vec![0; 8192];
        while rest.read(&mut buffer).await? != 0 {}
        io::Result::Ok(())
    };
    // A client that does not want its answer has gone.
    let _ = timeout(LINGER_TIME, told).await;
}

fn account(client: &Client, error: &Error, trace: &Trace) {
    let status = error.status();
    let worker = &client.worker;
    worker.dataplane.metrics.refused_head(status);
    if worker.log.wants(Level::Info) {
        let message = error.to_string();
        let mut line = Line::new(Level::Info, "nexus.access", &message);
        line.request_id = Some(trace.request_id());
        line.trace_id = Some(trace.trace_id());
        line.status = Some(status.as_u16());
        line.client_ip = Some(client.ip);
        worker.log.line(&line);
    }
}

/// `response` as HTTP/1.1, the last one of its connection.
fn written(response: &Response<Bytes>) -> Vec<u8> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let length = response.body().len();
    let mut bytes = format!(
        "HTTP/1.1 {} {reason}\r\nconnection: close\r\ncontent-length: {length}\r\n",
        status.as_str()
    )
    .into_bytes();
    for (name, value) in response.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(response.body());
    bytes
}
