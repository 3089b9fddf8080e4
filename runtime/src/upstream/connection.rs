//! An open connection to an upstream: one request at a time, written and read by whoever asks. It has no task
//! of its own, so that what an upstream sends wakes the one that waits for it and nobody else.

use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWrite;

use crate::h1::body::Decoder;
use crate::h1::landing;
use crate::h1::stream::Stream;
use crate::upstream::failure::Failure;
use crate::upstream::h1::request;
use crate::upstream::h1::response::{self, Head};
use crate::upstream::http_body::Broken;
use crate::upstream::vanishing;

/// The largest body that is copied behind its head, in bytes: a copy of it costs less than another slice of a write.
const MOST_COPIED: usize = 4 * 1024;

/// A connection to an upstream. Dropped, it is closed at once.
pub(crate) struct Connection {
    stream: Stream,
    /// What has come and nobody has taken.
    received: BytesMut,
    /// Whether the server may take its time to read.
    may_pause: bool,
}

/// Why a request has no response.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// The attempt is over.
    Failed(Failure),
    /// Nothing of it went out: the connection was closed already.
    Unsent,
    /// The connection was closed before a byte of a response.
    Closed,
}

impl Unanswered {
    /// What it is where no other connection is tried.
    pub(crate) fn failure(self) -> Failure {
        match self {
            Self::Failed(failure) => failure,
            Self::Unsent | Self::Closed => Failure::Closed,
        }
    }
}

/// A request on its way out.
struct Request<'a> {
    /// Its head, and its body where that was copied behind it.
    text: Vec<u8>,
    /// Its body where it was not.
    body: &'a [u8],
    /// How much of both was written.
    written: usize,
    progress: Progress,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nothing went out.
    Unsent,
    Sending,
    Sent,
    /// The server takes no more of it.
    Refused,
}

impl Connection {
    /// A connection over `stream`, which is open.
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream,
            received: BytesMut::new(),
            may_pause: false,
        }
    }

    /// Sends a request and waits for the head of its response. That may come before the request is out: then
    /// no more of it is sent, and the connection serves no other.
    pub(crate) async fn ask(&mut self, head: Vec<u8>, body: &[u8]) -> Result<Head, Unanswered> {
        self.allow_for(head.len() + body.len());
        let mut request = Request::new(head, body);
        let mut heard = false;
        poll_fn(|cx| {
            request.poll(&mut self.stream, cx)?;
            loop {
                let (stream, received) = (&mut self.stream, &mut self.received);
                match ready!(landing::poll_read(stream, received, landing::SIZE, cx)) {
                    Ok(0) | Err(_) if heard => {
                        return Poll::Ready(Err(Unanswered::Failed(Failure::Closed)));
                    }
                    // Its machine has vanished, perhaps with the request.
                    Err(error) if error.kind() == ErrorKind::TimedOut => {
                        return Poll::Ready(Err(Unanswered::Failed(Failure::Closed)));
                    }
                    Ok(0) | Err(_) => return Poll::Ready(Err(Unanswered::Closed)),
                    Ok(_) => heard = true,
                }
                let head = response::take(&mut self.received)
                    .map_err(|_| Unanswered::Failed(Failure::Malformed))?;
                if let Some(mut head) = head {
                    head.keeps_alive &= request.progress == Progress::Sent;
                    return Poll::Ready(Ok(head));
                }
            }
        })
        .await
    }

    /// Has the kernel wait for a server that reads a request of this length as it has to be waited for.
    fn allow_for(&mut self, length: usize) {
        let may_pause = vanishing::is_long(length);
        // Nearly all requests over a connection are of a kind: then there is nothing to tell.
        if may_pause != mem::replace(&mut self.may_pause, may_pause)
            && let Some(socket) = self.stream.socket()
        {
            vanishing::allow_pauses(socket, may_pause);
        }
    }

    /// The next piece of the body that `decoder` is in: what has come of it, or else what comes next.
    pub(crate) fn poll_piece(
        &mut self,
        decoder: &mut Decoder,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        loop {
            if !self.received.is_empty() {
                match decoder.take(&mut self.received) {
                    Ok(piece) if piece.is_empty() => {}
                    piece => return Poll::Ready(Some(piece.map_err(|_| Broken))),
                }
            }
            if decoder.is_at_end() {
                return Poll::Ready(None);
            }
            let (stream, received) = (&mut self.stream, &mut self.received);
            match ready!(landing::poll_read_body(
                stream,
                received,
                decoder.left(),
                cx
            )) {
                Ok(0) if decoder.closed() => return Poll::Ready(None),
                Ok(0) | Err(_) => return Poll::Ready(Some(Err(Broken))),
                Ok(_) => {}
            }
        }
    }

    /// Whether all that came was taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.received.is_empty()
    }

    /// Gives its memory back until the next request.
    pub(crate) fn rest(&mut self) {
        self.received = BytesMut::new();
    }

    /// Whether it is open as far as this side knows, and the server has said nothing without being asked.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.stream.is_quiet()
    }
}

impl<'a> Request<'a> {
    fn new(mut head: Vec<u8>, mut body: &'a [u8]) -> Self {
        if body.len() <= MOST_COPIED {
            head.extend_from_slice(body);
            body = b"";
        }
        Self {
            text: head,
            body,
            written: 0,
            progress: Progress::Unsent,
        }
    }

    /// Writes as much as goes out now; an error where the connection takes nothing of it at all.
    fn poll(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Result<(), Unanswered> {
        while matches!(self.progress, Progress::Unsent | Progress::Sending) {
            let stream = Pin::new(&mut *stream);
            let text = self.text.get(self.written..).unwrap_or_default();
            let of_body = self.written.saturating_sub(self.text.len());
            let body = self.body.get(of_body..).unwrap_or_default();
            let write = match (text, body) {
                ([], []) => {
                    // TLS may hold back some of it.
                    self.progress = match stream.poll_flush(cx) {
                        Poll::Pending => break,
                        Poll::Ready(Ok(())) => Progress::Sent,
                        Poll::Ready(Err(_)) => Progress::Refused,
                    };
                    request::take_back(mem::take(&mut self.text));
                    break;
                }
                (text, []) => stream.poll_write(cx, text),
                both => stream.poll_write_vectored(cx, &<[_; 2]>::from(both).map(IoSlice::new)),
            };
            match write {
                Poll::Pending => break,
                Poll::Ready(Ok(0) | Err(_)) if self.progress == Progress::Unsent => {
                    return Err(Unanswered::Unsent);
                }
                // What it has to say about that may be there.
                Poll::Ready(Ok(0) | Err(_)) => self.progress = Progress::Refused,
                Poll::Ready(Ok(written)) => {
                    self.written += written;
                    self.progress = Progress::Sending;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
