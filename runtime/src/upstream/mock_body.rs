//! The body of a mock's response: at once, or event by event.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// The body of a mock's response.
#[derive(Debug)]
pub(crate) struct MockBody {
    pieces: VecDeque<Bytes>,
    pace: Duration,
    pause: Option<Pin<Box<Sleep>>>,
}

impl MockBody {
    /// One document.
    pub(crate) fn whole(document: Bytes) -> Self {
        Self {
            pieces: VecDeque::from([document]),
            pace: Duration::ZERO,
            pause: None,
        }
    }

    /// A stream of `events`, with a pause of `pace` between two.
    pub(crate) fn paced(events: Vec<Bytes>, pace: Duration) -> Self {
        Self {
            pieces: events.into(),
            pace,
            pause: Some(Box::pin(sleep_until(Instant::now()))),
        }
    }

    /// The next piece, when its time has come.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            pause.as_mut().reset(Instant::now() + self.pace);
        }
        Poll::Ready(self.pieces.pop_front().map(Frame::data))
    }

    /// Whether all pieces are out.
    pub(crate) fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Exact for a document, unknown for a stream, as a model server would have it.
    pub(crate) fn size_hint(&self) -> SizeHint {
        match self.pause {
            Some(_) => SizeHint::default(),
            None => SizeHint::with_exact(self.pieces.iter().map(|piece| piece.len() as u64).sum()),
        }
    }
}
