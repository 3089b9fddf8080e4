//! One connection of HTTP/1.1: the stream, what was read from it and nobody has taken, and how far the request
//! has come that is being read.
//!
//! It is shared by the task of the connection and the body of its request, which that task serves: what the client
//! sends wakes one task, whoever reads it.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

use crate::api::body::Unread;
use crate::error;
use crate::h1::body::{Decoder, Framing};
use crate::h1::landing;
use crate::h1::stream::Stream;
use crate::server::http1::output::Output;
use crate::server::http1::request::{self, Head};
use crate::server::http1::scratch::Scratch;

/// How much is read at once, in bytes, where the next request may come before its turn.
const AHEAD: usize = 4 * 1024;

/// What a client that waits for it is told to send its body with.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A connection of HTTP/1.1.
pub(super) struct Wire {
    stream: Stream,
    scratch: Rc<Scratch>,
    received: BytesMut,
    /// How much of it was looked at for the end of a head, in vain.
    looked: usize,
    /// Where the body of the request ends.
    body: Decoder,
    /// What is yet to be written of [`CONTINUE`] when somebody asks for the body; `None` where nobody waits for it.
    invitation: Option<&'static [u8]>,
    /// The body is no HTTP.
    is_malformed: bool,
}

impl Wire {
    /// A connection over `stream`, from which `received` was read.
    pub(super) fn new(stream: Stream, received: BytesMut, scratch: &Rc<Scratch>) -> Self {
        Self {
            stream,
            scratch: Rc::clone(scratch),
            received,
            looked: 0,
            body: Decoder::new(Framing::Length(0)),
            invitation: None,
            is_malformed: false,
        }
    }

    /// The stream, to be closed.
    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }

    /// Has the connection reset when it is closed, so that its end is not taken for that of a body.
    pub(super) fn reset(&self) {
        self.stream.reset();
    }

    /// The memory that its worker lends.
    pub(super) fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// The head of the next request; `None` where there will be none.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Head>, error::Head>> {
        loop {
            if let Some(head) = self.take_head()? {
                self.body = Decoder::new(head.framing);
                let waits = head.awaits_continue && self.received.is_empty();
                self.invitation = waits.then_some(CONTINUE);
                self.rest();
                return Poll::Ready(Ok(Some(head)));
            }
            match ready!(self.poll_read(landing::SIZE, cx)) {
                Ok(0) | Err(_) => return Poll::Ready(Ok(None)),
                Ok(_) => {}
            }
        }
    }

    fn take_head(&mut self) -> Result<Option<Head>, error::Head> {
        if self.looked == 0 {
            self.skip_line_ends();
        }
        if self.received.is_empty() {
            return Ok(None);
        }
        request::take(&mut self.received, &mut self.looked)
    }

    /// Passes over what is no head yet: some clients end a body with a line end too many (RFC 9112, 2.2).
    fn skip_line_ends(&mut self) {
        while let Some(b'\r' | b'\n') = self.received.first() {
            self.received.advance(1);
            self.rest();
        }
    }

    /// Whether a part of a head has come.
    pub(super) fn has_begun(&self) -> bool {
        !self.received.is_empty()
    }

    /// Whether all of the request's body was taken.
    pub(super) fn is_at_end(&self) -> bool {
        self.body.is_at_end()
    }

    /// How many bytes of the request's body are yet to come, where that is known.
    pub(super) fn left(&self) -> Option<u64> {
        self.body.left()
    }

    /// Whether the end of the request's body can be found, without asking for it.
    pub(super) fn ends(&self) -> bool {
        !self.is_malformed && (self.is_at_end() || self.invitation.is_none())
    }

    /// Whether it can be found, and no more than so many bytes lie before it, as far as that is known.
    pub(super) fn ends_within(&self, most: usize) -> bool {
        self.ends() && self.left().is_none_or(|left| left <= most as u64)
    }

    /// Whether the client may have sent something that nobody has read.
    pub(super) fn may_hold_more(&self) -> bool {
        !self.is_at_end() || !self.received.is_empty()
    }

    /// The next piece of the request's body.
    pub(super) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Unread>>> {
        loop {
            match self.take_piece() {
                Ok(piece) if piece.is_empty() => {}
                piece => return Poll::Ready(Some(piece)),
            }
            if self.body.is_at_end() {
                return Poll::Ready(None);
            }
            let read = match ready!(self.poll_invite(cx)) {
                Ok(()) => {
                    let (left, received) = (self.body.left(), &mut self.received);
                    ready!(landing::poll_read_body(
                        &mut self.stream,
                        received,
                        left,
                        cx
                    ))
                }
                Err(error) => Err(error),
            };
            match read {
                Ok(0) | Err(_) => return Poll::Ready(Some(Err(Unread::ClientGone))),
                Ok(_) => {}
            }
        }
    }

    fn take_piece(&mut self) -> Result<Bytes, Unread> {
        if self.is_malformed {
            return Err(Unread::Malformed);
        }
        if self.received.is_empty() {
            return Ok(Bytes::new());
        }
        let piece = self.body.take(&mut self.received);
        self.is_malformed = piece.is_err();
        self.rest();
        piece.map_err(|_| Unread::Malformed)
    }

    /// Tells a client to send its body, if it waits for that.
    fn poll_invite(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.invitation {
            let stream = Pin::new(&mut self.stream);
            if rest.is_empty() {
                ready!(stream.poll_flush(cx))?;
                self.invitation = None;
                break;
            }
            let written = ready!(stream.poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.invitation = rest.get(written..);
        }
        Poll::Ready(Ok(()))
    }

    /// What has to be written before a response, where the client was told half of something.
    pub(super) fn unfinished(&mut self) -> &'static [u8] {
        let rest = self.invitation.unwrap_or_default();
        if rest.len() == CONTINUE.len() {
            return b"";
        }
        self.invitation = None;
        rest
    }

    /// Ready when the client has gone, seen while somebody else reads the body, or nobody needs to.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.is_at_end() {
            // A line end too many is no next request, and hides nobody's going.
            self.skip_line_ends();
            if self.has_begun() {
                break;
            }
            match ready!(self.poll_read(AHEAD, cx)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
        Poll::Pending
    }

    /// Passes over what is left of a body that nobody reads, so that a client that sends before it reads comes to
    /// read. Each byte is taken off `most`; ready when there is nothing left, or no use in reading on.
    pub(super) fn poll_pass_over(
        &mut self,
        most: &mut usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Gone>> {
        while !self.is_at_end() {
            match self.take_piece() {
                Ok(piece) if piece.is_empty() && *most > 0 => {}
                Ok(piece) if !piece.is_empty() => {
                    *most = most.saturating_sub(piece.len());
                    continue;
                }
                Ok(_) | Err(_) => return Poll::Ready(Ok(())),
            }
            if !self.ends() {
                return Poll::Ready(Ok(()));
            }
            match ready!(self.poll_read(landing::SIZE, cx)) {
                Ok(0) | Err(_) => return Poll::Ready(Err(Gone)),
                Ok(_) => {}
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes all of `output`.
    pub(super) fn poll_write(
        &mut self,
        output: &mut Output,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        output.poll_write(&mut self.stream, &self.scratch, cx)
    }

    fn poll_read(&mut self, most: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        landing::poll_read(&mut self.stream, &mut self.received, most, cx)
    }

    /// Gives back the memory of what was taken.
    fn rest(&mut self) {
        if self.received.is_empty() {
            self.received = BytesMut::new();
        }
    }
}

/// The client has gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone;
