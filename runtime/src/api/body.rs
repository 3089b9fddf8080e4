//! Reading a request's body: whole, within its bound, within its time; or leaving it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
#[cfg(feature = "http2")]
use http_body_util::BodyExt;
#[cfg(feature = "http2")]
use hyper::body::Body;
use thiserror::Error;
use tokio::time::timeout;

use crate::message::Head;
use crate::message::name::CONTENT_ENCODING;
#[cfg(feature = "http2")]
use crate::message::name::EXPECT;
use crate::server::http1;

/// Why a body could not be read.
#[derive(Debug, Error)]
pub(crate) enum Unread {
    #[error("the request body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the request body did not arrive in time")]
    Late,
    #[error("the request body is not valid HTTP")]
    Malformed,
    #[error("the request body is compressed; this gateway takes it as it is")]
    Compressed,
    #[error("the client went away")]
    ClientGone,
}

/// How much of a stream that nobody wants is still read, in bytes.
#[cfg(feature = "http2")]
const LINGER_BYTES: usize = 64 * 1024 * 1024;

/// For how long.
#[cfg(feature = "http2")]
const LINGER_TIME: Duration = Duration::from_secs(2);

/// How much memory, in bytes, a client gets for a promise: for what it has sent, the body grows.
const MAX_RESERVED: usize = 1024 * 1024;

/// What a request's body is read from.
pub(crate) enum Incoming {
    /// A connection of HTTP/1.1.
    One(http1::incoming::Incoming),
    /// A stream of HTTP/2.
    #[cfg(feature = "http2")]
    Two(hyper::body::Incoming),
}

/// A request's body on its way.
pub(crate) struct Arriving {
    incoming: Incoming,
    /// The client sends it when it is asked to with `100 Continue`, and was not asked yet.
    #[cfg(feature = "http2")]
    awaits_continue: bool,
    /// It is not what it says once it is read: what cannot be looked into is not passed on.
    is_compressed: bool,
}

impl Arriving {
    /// The body `incoming` of the request with this head.
    pub(crate) fn new(head: &Head, incoming: Incoming) -> Self {
        Self {
            incoming,
            #[cfg(feature = "http2")]
            awaits_continue: head.headers.has(EXPECT),
            is_compressed: head
                .headers
                .all(CONTENT_ENCODING)
                .any(|encoding| !encoding.eq_ignore_ascii_case(b"identity")),
        }
    }

    /// Reads it, at most `max_body` bytes of it, within `read_timeout`.
    pub(crate) async fn read(
        &mut self,
        max_body: usize,
        read_timeout: Duration,
    ) -> Result<Bytes, Unread> {
        if self.is_compressed {
            return Err(Unread::Compressed);
        }
        let declared = self.incoming.declared();
        if declared.is_some_and(|length| length > max_body) {
            return Err(Unread::TooLarge { limit: max_body });
        }
        #[cfg(feature = "http2")]
        {
            self.awaits_continue = false;
        }
        let mut collected = pin!(collect(&mut self.incoming, declared, max_body));
        // Most are there already: no clock is looked at for them.
        let at_once = poll_fn(|cx| Poll::Ready(collected.as_mut().poll(cx))).await;
        match at_once {
            Poll::Ready(body) => body,
            Poll::Pending => timeout(read_timeout, collected)
                .await
                .unwrap_or(Err(Unread::Late)),
        }
    }

    /// Leaves what was not read. A client that sends before it reads can still send it, within
    /// bounds, and gets to see its response instead of a reset connection.
    pub(crate) fn leave(self) {
        match self.incoming {
            // Its connection sees to that.
            Incoming::One(_) => {}
            #[cfg(feature = "http2")]
            Incoming::Two(stream) if stream.is_end_stream() || self.awaits_continue => {}
            #[cfg(feature = "http2")]
            Incoming::Two(stream) => {
                tokio::task::spawn_local(linger(stream));
            }
        }
    }
}

async fn collect(
    body: &mut Incoming,
    declared: Option<usize>,
    max_body: usize,
) -> Result<Bytes, Unread> {
    let Some(first) = body.next().await? else {
        return Ok(Bytes::new());
    };
    if first.len() > max_body {
        return Err(Unread::TooLarge { limit: max_body });
    }
    // The usual body arrives in one piece and is not copied.
    if body.is_at_end() {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    whole.reserve(
        declared
            .unwrap_or(0)
            .min(MAX_RESERVED)
            .saturating_sub(whole.len()),
    );
    while let Some(data) = body.next().await? {
        if whole.len() + data.len() > max_body {
            return Err(Unread::TooLarge { limit: max_body });
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

impl Incoming {
    /// How long it says that it is, before any of it was read.
    fn declared(&self) -> Option<usize> {
        let length = match self {
            Self::One(body) => body.left(),
            #[cfg(feature = "http2")]
            Self::Two(stream) => stream.size_hint().exact(),
        };
        length.and_then(|length| usize::try_from(length).ok())
    }

    /// The next piece of data; trailers mean nothing to a model server.
    async fn next(&mut self) -> Result<Option<Bytes>, Unread> {
        match self {
            Self::One(body) => body.next().await,
            #[cfg(feature = "http2")]
            Self::Two(stream) => next_of(stream).await,
        }
    }

    /// Whether all of it was read.
    fn is_at_end(&self) -> bool {
        match self {
            Self::One(body) => body.is_at_end(),
            #[cfg(feature = "http2")]
            Self::Two(stream) => stream.is_end_stream(),
        }
    }
}

#[cfg(feature = "http2")]
async fn next_of(stream: &mut hyper::body::Incoming) -> Result<Option<Bytes>, Unread> {
    loop {
        match stream.frame().await {
            None if stream.is_end_stream() => return Ok(None),
            // A stream that its client has taken back looks to hyper like one that has ended; and whatever has reset
            // a stream, nobody waits for its answer.
            None | Some(Err(_)) => return Err(Unread::ClientGone),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Reads what is left of a stream that nobody wants, which takes nothing from the others of its connection.
#[cfg(feature = "http2")]
async fn linger(mut stream: hyper::body::Incoming) {
    let drained = async {
        let mut left = LINGER_BYTES;
        while let Ok(Some(data)) = next_of(&mut stream).await {
            left = left.saturating_sub(data.len());
            if left == 0 {
                break;
            }
        }
    };
    // Whether it all came or not, the response is out and the stream ends with the body.
    let _ = timeout(LINGER_TIME, drained).await;
}
