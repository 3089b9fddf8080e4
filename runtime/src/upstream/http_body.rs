//! The body of a response from a connection, which goes back to its pool at the end.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Frame, SizeHint};

use crate::h1::body::{Decoder, Framing};
use crate::upstream::failure::Failure;
use crate::upstream::h1::response::Head;
use crate::upstream::opening::Opening;
use crate::upstream::pool::Lease;

/// A body from a connection.
pub(crate) struct HttpBody {
    decoder: Decoder,
    ends_with_its_connection: bool,
    /// Whether the connection may serve another request.
    keeps_alive: bool,
    /// The connection, for as long as there is something to come.
    lease: Option<Lease>,
    /// The first piece, where it was waited for and is yet to be read; boxed, as few are.
    first: Option<Box<Bytes>>,
}

/// The body broke off.
#[derive(Debug, thiserror::Error)]
#[error("the upstream's response broke off")]
pub(crate) struct Broken;

impl HttpBody {
    /// The body of the response that has this `head`, over the connection of `lease`.
    pub(crate) fn new(head: &Head, lease: Lease) -> Self {
        let mut body = Self {
            decoder: Decoder::new(head.framing),
            ends_with_its_connection: head.framing == Framing::Close,
            keeps_alive: head.keeps_alive,
            lease: Some(lease),
            first: None,
        };
        body.give_back_at_end();
        body
    }

    /// Waits until a stream has begun with something that the client should have: its first piece, or as
    /// many as it takes to know that they are no error.
    pub(crate) async fn begun(&mut self) -> Result<(), Failure> {
        loop {
            let first = self.first.take();
            let frame = poll_fn(|cx| self.poll_frame(cx)).await;
            let Some(frame) = frame else {
                let first = first.ok_or(Failure::Closed)?;
                let opening = Opening::of_event(&first);
                self.first = Some(first);
                return match opening {
                    Opening::Failed(failure) => Err(failure),
                    Opening::Good | Opening::Undecided => Ok(()),
                };
            };
            let data = frame.map_err(|Broken| Failure::Closed)?.into_data();
            let data = data.unwrap_or_default();
            let first = match first {
                Some(first) => {
                    let mut both = BytesMut::from(*first);
                    both.extend_from_slice(&data);
                    both.freeze()
                }
                None if data.is_empty() => continue,
                None => data,
            };
            let opening = Opening::of(&first);
            self.first = Some(Box::new(first));
            match opening {
                Opening::Undecided => {}
                Opening::Good => return Ok(()),
                Opening::Failed(failure) => return Err(failure),
            }
        }
    }

    /// Whether its end is that of its connection.
    pub(crate) fn ends_with_its_connection(&self) -> bool {
        self.ends_with_its_connection
    }

    /// Whether all of it was read.
    pub(crate) fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.decoder.is_at_end()
    }

    /// What is known about its length.
    pub(crate) fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, |first| first.len()) as u64;
        match self.decoder.left() {
            Some(left) => SizeHint::with_exact(first.saturating_add(left)),
            None => SizeHint::default(),
        }
    }

    /// The next piece.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(*first))));
        }
        let Some(lease) = &mut self.lease else {
            let is_whole = self.decoder.is_at_end();
            return Poll::Ready((!is_whole).then_some(Err(Broken)));
        };
        let piece = ready!(lease.connection.poll_piece(&mut self.decoder, cx));
        match piece {
            Some(Err(Broken)) => {
                // Told when asked again: with the error hyper drops what it has yet to write, and the client
                // should have what came before.
                self.lease = None;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Ok(_)) | None => self.give_back_at_end(),
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn give_back_at_end(&mut self) {
        if self.decoder.is_at_end()
            && let Some(lease) = self.lease.take()
            && self.keeps_alive
        {
            lease.give_back();
        }
    }
}

impl std::fmt::Debug for HttpBody {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HttpBody").finish_non_exhaustive()
    }
}
