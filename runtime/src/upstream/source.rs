//! The body of an upstream's response, as it comes.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::timeout;

use crate::upstream::http_body::{Broken, HttpBody};
#[cfg(feature = "mock")]
use crate::upstream::mock_body::MockBody;

/// How much of a body that nobody wants is read to keep its connection.
const DISCARD_BYTES: usize = 64 * 1024;

/// For how long.
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// The body of an upstream's response. Dropping it before its end closes the connection at once.
#[derive(Debug)]
pub(crate) enum Source {
    /// From a connection, which goes back to its pool at the end.
    Http(HttpBody),
    /// From a mock.
    #[cfg(feature = "mock")]
    Mock(MockBody),
}

impl Source {
    /// Whether its end is that of its connection, so that a whole one looks like one that is cut.
    pub(crate) fn ends_with_its_connection(&self) -> bool {
        match self {
            Self::Http(body) => body.ends_with_its_connection(),
            #[cfg(feature = "mock")]
            Self::Mock(_) => false,
        }
    }

    /// Reads what is left, within bounds, so that the connection can be used again.
    pub(crate) fn discard(mut self) {
        if self.is_end_stream() {
            return;
        }
        tokio::task::spawn_local(async move {
            let drained = async {
                let mut left = DISCARD_BYTES;
                while let Some(Ok(frame)) =
                    std::future::poll_fn(|cx| Pin::new(&mut self).poll_frame(cx)).await
                {
                    left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                    if left == 0 {
                        break;
                    }
                }
            };
            // Not in time or too much: dropping it closes the connection, which is right then.
            let _ = timeout(DISCARD_TIME, drained).await;
        });
    }
}

impl Body for Source {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Self::Http(body) => body.poll_frame(cx),
            #[cfg(feature = "mock")]
            Self::Mock(body) => body.poll_frame(cx).map(|frame| frame.map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http(body) => body.is_end_stream(),
            #[cfg(feature = "mock")]
            Self::Mock(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http(body) => body.size_hint(),
            #[cfg(feature = "mock")]
            Self::Mock(body) => body.size_hint(),
        }
    }
}
