//! The response body that a client receives: an answer of the gateway's own, or a relayed one.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::stream::keep_alive::KeptAlive;
use crate::stream::relay::Relay;
use crate::upstream::http_body::Broken;

/// A response body.
pub(crate) enum Body {
    /// The gateway's own words.
    Whole(Option<Bytes>),
    /// An upstream's.
    Relayed(Box<Relay>),
    /// An upstream's, with comments where it has nothing to say.
    KeptAlive(Box<KeptAlive>),
}

impl Body {
    /// A body that is there already.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Relayed(relay) => relay.poll_frame(cx),
            Self::KeptAlive(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Relayed(relay) => relay.is_end_stream(),
            Self::KeptAlive(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Relayed(relay) => relay.size_hint(),
            Self::KeptAlive(body) => body.size_hint(),
        }
    }
}
