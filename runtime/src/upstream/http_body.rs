//! The body of a response from a connection, which goes back to its pool at the end.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::upstream::failure::Failure;
use crate::upstream::opening::Opening;
use crate::upstream::pool::Lease;

/// A body from a connection.
pub(crate) struct HttpBody {
    incoming: Incoming,
    lease: Option<Lease>,
    /// The first piece, where it was waited for and is yet to be read; boxed, as few are.
    first: Option<Box<Bytes>>,
}

/// The body broke off.
#[derive(Debug, thiserror::Error)]
#[error("the upstream's response broke off")]
pub(crate) struct Broken;

impl HttpBody {
    /// The body `incoming` of a response over the connection of `lease`.
    pub(crate) fn new(incoming: Incoming, lease: Lease) -> Self {
        let mut body = Self {
            incoming,
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
            // Trailers belong to one connection.
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

    /// Whether all of it was read.
    pub(crate) fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.incoming.is_end_stream()
    }

    /// What is known about its length.
    pub(crate) fn size_hint(&self) -> SizeHint {
        let mut hint = self.incoming.size_hint();
        let first = self.first.as_ref().map_or(0, |first| first.len()) as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + first);
        }
        hint.set_lower(hint.lower() + first);
        hint
    }

    /// The next piece.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(*first))));
        }
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        match frame {
            Some(Ok(frame)) => {
                self.give_back_at_end();
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(_)) => {
                self.lease = None;
                Poll::Ready(Some(Err(Broken)))
            }
            None => {
                if let Some(lease) = self.lease.take() {
                    lease.give_back();
                }
                Poll::Ready(None)
            }
        }
    }

    fn give_back_at_end(&mut self) {
        if self.incoming.is_end_stream()
            && let Some(lease) = self.lease.take()
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
