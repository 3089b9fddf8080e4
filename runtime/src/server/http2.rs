//! HTTP/2: the streams of a connection, each a request by itself, all of them within bounds.
//!
//! Hyper and h2 bound what a connection may hold; what they do not know is how long a stream may take nothing of
//! its response, how long a connection may be without a stream, and how many streams all connections together
//! may have.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as _, Frame, SizeHint};
use hyper::header::CONTENT_LENGTH;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{spawn_local, unconstrained};
use tokio::time::{Instant, sleep_until};

use crate::api::body::Incoming;
use crate::h1::landing;
use crate::pipeline;
use crate::server::client::Client;
use crate::stream::body::Body;
use crate::upstream::http_body::Broken;

/// The most requests of one connection at once; the least that RFC 9113 recommends.
const MAX_STREAMS: u32 = 100;

/// The largest head, in bytes, over which a request is answered 431; CONTINUATION frames count.
const MAX_HEAD: u32 = 64 * 1024;

/// How much of its bodies, in bytes, a connection may send before somebody reads it.
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// How much of its body, in bytes, one request may.
const STREAM_WINDOW: u32 = 256 * 1024;

/// How much of a response, in bytes, waits for a client that takes it slowly.
const SEND_BUFFER: usize = 64 * 1024;

/// How many streams a client may take back before they were looked at, and how many may fail by its own fault,
/// until the connection is closed: rapid resets (CVE-2023-44487) and their like.
const MAX_RESETS: usize = 20;
const MAX_FAULTS: usize = 100;

/// How many bytes of frames count as much as a read, when a connection has had its turn: 64 KiB are one.
const SHARE: usize = 512;

/// After how long without a word the client is asked whether it is there.
const PING: Duration = Duration::from_secs(30);

/// Serves a connection to its end.
pub(super) async fn serve<S>(client: &Client, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let gateway = client.gateway();
    let streams = Rc::new(Streams::new(gateway.write_timeout));
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let (worker, ip) = (Rc::clone(&client.worker), client.ip);
        let places = Arc::clone(&client.places);
        async move {
            let place = places.acquire_owned().await;
            let place = place.expect("the semaphore is never closed");
            let wants_no_body = request.method() == Method::HEAD;
            let (head, body) = request.into_parts();
            let mut cut = worker.cut.begun();
            let mut request = pipeline::serve(worker, ip, head.into(), Incoming::Two(body));
            let response = poll_fn(|cx| cut.poll_too(Pin::new(&mut request), cx)).await;
            let mut response = Response::from(response);
            if wants_no_body {
                leave_body(&mut response);
            }
            Ok::<_, Infallible>(response.map(|body| Handed::new(body, place)))
        }
    });
    let connection = http2::Builder::new(Tasks(Rc::clone(&streams)))
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(STREAM_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(MAX_FAULTS)
        .keep_alive_interval(PING)
        .keep_alive_timeout(gateway.read_timeout)
        .serve_connection(TokioIo::new(Counted(stream)), service);
    let mut connection = pin!(connection);
    // What the client did wrong was answered with a reset or a GOAWAY.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = client.drain.begun() => {}
        () = streams.idle(gateway.read_timeout) => {}
    }
    // GOAWAY: streams that have begun are finished. When there are none left, what the client has yet to take of
    // their responses is waited for, but not for ever.
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        _ = connection.as_mut() => {}
        () = streams.idle(gateway.write_timeout) => {}
    }
}

/// Takes the body off a response whose head alone was asked for, and which says how long it would be.
fn leave_body(response: &mut Response<Body>) {
    let body = mem::replace(response.body_mut(), Body::Whole(None));
    if let Some(length) = body.size_hint().exact() {
        let headers = response.headers_mut();
        headers
            .entry(CONTENT_LENGTH)
            .or_insert_with(|| length.into());
    }
}

/// The streams of one connection.
struct Streams {
    active: Cell<usize>,
    /// Since when there has been none, if there is none.
    idle_since: Cell<Instant>,
    /// How long one may take nothing of its response.
    write_timeout: Duration,
}

impl Streams {
    fn new(write_timeout: Duration) -> Self {
        Self {
            active: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            write_timeout,
        }
    }

    /// Waits until there has been no stream for `limit`, from now on.
    async fn idle(&self, limit: Duration) {
        let begun = Instant::now();
        loop {
            let now = Instant::now();
            let since = match self.active.get() {
                0 => self.idle_since.get().max(begun),
                _ => now,
            };
            if now >= since + limit {
                return;
            }
            // Not of the connection's turn, which pings without an end use up.
            unconstrained(sleep_until(since + limit)).await;
        }
    }
}

/// A connection of which what is read counts by its bytes: most frames are small, and each of them is work.
struct Counted<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.get_mut().0).poll_read(cx, buffer))?;
        landing::count(buffer.filled().len() - before, SHARE, cx);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

/// Runs each stream as a task of this thread.
#[derive(Clone)]
struct Tasks(Rc<Streams>);

impl<F> Executor<F> for Tasks
where
    F: Future + 'static,
{
    fn execute(&self, stream: F) {
        let running = Running::new(&self.0);
        spawn_local(async move {
            let handed = Rc::new(Cell::new(None));
            let limit = running.0.write_timeout;
            tokio::select! {
                biased;
                _ = HANDED.scope(Rc::clone(&handed), stream) => {}
                // Dropped before its end, the stream is reset, and its request taken back.
                () = stalled(&handed, limit) => {}
            }
            drop(running);
        });
    }
}

/// One of the streams of a connection.
struct Running(Rc<Streams>);

impl Running {
    fn new(streams: &Rc<Streams>) -> Self {
        streams.active.set(streams.active.get() + 1);
        Self(Rc::clone(streams))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.active.set(self.0.active.get() - 1);
        self.0.idle_since.set(Instant::now());
    }
}

/// Since when the client has not taken the last piece of a response, if it is the client that is waited for.
type Since = Rc<Cell<Option<Instant>>>;

tokio::task_local! {
    /// Of the stream whose task is running: its task knows the time, and its body knows who is waited for.
    static HANDED: Since;
}

/// Waits until the client has taken nothing for `limit`.
async fn stalled(handed: &Cell<Option<Instant>>, limit: Duration) {
    loop {
        let now = Instant::now();
        let since = handed.get().unwrap_or(now);
        if now >= since + limit {
            return;
        }
        sleep_until(since + limit).await;
    }
}

/// A response body that notes when a piece was handed out. Hyper asks for the next one when the client's window
/// has room for it.
///
/// Whatever is in hyper's hands counts as taken, and a stream whose last piece is there as over. So a large piece is
/// handed out in several, as the client takes them.
struct Handed {
    body: Body,
    /// Of a large piece, what was not handed out.
    rest: Bytes,
    /// Counts the request among those of all connections.
    _place: OwnedSemaphorePermit,
}

impl Handed {
    fn new(body: Body, place: OwnedSemaphorePermit) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            _place: place,
        }
    }

    /// The next piece, of a size that the client is given time for.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let mut piece = mem::take(&mut self.rest);
        if piece.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => piece = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            }
        }
        if piece.len() > SEND_BUFFER {
            self.rest = piece.split_off(SEND_BUFFER);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl hyper::body::Body for Handed {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let polled = self.get_mut().poll_piece(cx);
        let since = polled.is_ready().then(Instant::now);
        // There is always a task of ours around a stream.
        let _ = HANDED.try_with(|handed| handed.set(since));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // Only a body that has not begun is asked.
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::sync::Semaphore;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn a_large_body_is_handed_out_as_it_is_taken() {
        let text: Bytes = (0..=u8::MAX).cycle().take(5 * SEND_BUFFER / 2).collect();
        let places = Arc::new(Semaphore::new(1));
        let place = places.acquire_owned().await.unwrap();
        let mut handed = Handed::new(Body::whole(text.clone()), place);
        assert_eq!(handed.size_hint().exact(), Some(text.len() as u64));
        let mut got = Vec::new();
        while !handed.is_end_stream() {
            let piece = handed.frame().await.unwrap().unwrap();
            let piece = piece.into_data().unwrap();
            assert!(piece.len() <= SEND_BUFFER, "{} bytes", piece.len());
            got.extend_from_slice(&piece);
        }
        assert_eq!(got, text);
        assert!(handed.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_flood_of_frames_leaves_others_their_turn() {
        const COME: usize = 1024 * 1024;
        let (near, mut far) = duplex(COME);
        far.write_all(&vec![0; COME]).await.unwrap();
        let mut counted = Counted(near);
        let mut buffer = vec![0; 8 * 1024];
        yield_now().await;
        let of_a_turn = poll_fn(|cx| {
            let mut all = 0;
            while let Poll::Ready(read) = pin!(counted.read(&mut buffer)).poll(cx) {
                all += read.unwrap();
            }
            Poll::Ready(all)
        });
        let of_a_turn = of_a_turn.await;
        assert!(of_a_turn <= 128 * 1024, "{of_a_turn} bytes in a turn");
    }
}
