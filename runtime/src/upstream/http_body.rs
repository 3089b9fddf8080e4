//! The body of a response from a connection, which goes back to its pool at the end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::upstream::pool::Lease;

/// A body from a connection.
pub(crate) struct HttpBody {
    incoming: Incoming,
    lease: Option<Lease>,
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
        };
        body.give_back_at_end();
        body
    }

    /// Whether all of it was read.
    pub(crate) fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    /// What is known about its length.
    pub(crate) fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }

    /// The next piece.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
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
