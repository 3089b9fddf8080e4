//! Reading a request's body: whole, within its bound, within its time; or leaving it.

use std::error::Error as _;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::Version;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT};
use hyper::http::request::Parts;
use thiserror::Error;
use tokio::time::timeout;

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

/// How much of a body that nobody wants is still read.
const LINGER_BYTES: usize = 64 * 1024 * 1024;

/// For how long.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// How much memory, in bytes, a client gets for a promise: for what it has sent, the body grows.
const MAX_RESERVED: usize = 1024 * 1024;

/// A request's body on its way.
pub(crate) struct Arriving {
    incoming: Incoming,
    /// How long it says that it is.
    declared: Option<usize>,
    /// The client sends it when it is asked to with `100 Continue`, and was not asked yet.
    awaits_continue: bool,
    /// It comes as a stream of HTTP/2.
    is_stream: bool,
    /// It is not what it says once it is read: what cannot be looked into is not passed on.
    is_compressed: bool,
}

impl Arriving {
    /// The body `incoming` of the request with this head.
    pub(crate) fn new(head: &Parts, incoming: Incoming) -> Self {
        let declared = head
            .headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok());
        Self {
            incoming,
            declared: declared.and_then(|length| length.parse().ok()),
            awaits_continue: head.headers.contains_key(EXPECT),
            is_stream: head.version == Version::HTTP_2,
            is_compressed: head
                .headers
                .get_all(CONTENT_ENCODING)
                .iter()
                .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")),
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
        if self.declared.is_some_and(|length| length > max_body) {
            return Err(Unread::TooLarge { limit: max_body });
        }
        self.awaits_continue = false;
        let collected = collect(&mut self.incoming, self.declared, max_body);
        let read = timeout(read_timeout, pin!(collected))
            .await
            .unwrap_or(Err(Unread::Late));
        match read {
            // A stream that its client has taken back looks to hyper like one that has ended.
            Ok(_) if self.is_stream && !self.incoming.is_end_stream() => Err(Unread::ClientGone),
            // Whatever has reset a stream, nobody waits for its answer.
            Err(Unread::Malformed) if self.is_stream => Err(Unread::ClientGone),
            read => read,
        }
    }

    /// Leaves what was not read. A client that sends before it reads can still send it, within
    /// bounds, and gets to see its response instead of a reset connection.
    pub(crate) fn leave(self) {
        if !self.incoming.is_end_stream() && !self.awaits_continue {
            tokio::task::spawn_local(linger(self.incoming));
        }
    }
}

async fn collect(
    body: &mut Incoming,
    declared: Option<usize>,
    max_body: usize,
) -> Result<Bytes, Unread> {
    let Some(first) = next(body).await? else {
        return Ok(Bytes::new());
    };
    if first.len() > max_body {
        return Err(Unread::TooLarge { limit: max_body });
    }
    // The usual body arrives in one piece and is not copied.
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    whole.reserve(
        declared
            .unwrap_or(0)
            .min(MAX_RESERVED)
            .saturating_sub(whole.len()),
    );
    while let Some(data) = next(body).await? {
        if whole.len() + data.len() > max_body {
            return Err(Unread::TooLarge { limit: max_body });
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// The next piece of data; trailers mean nothing to a model server.
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Unread> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(error)) if is_disconnect(&error) => return Err(Unread::ClientGone),
            Some(Err(_)) => return Err(Unread::Malformed),
        }
    }
}

fn is_disconnect(error: &hyper::Error) -> bool {
    let cause = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    let kind = cause.map(io::Error::kind);
    error.is_incomplete_message()
        || error.is_closed()
        || matches!(
            kind,
            Some(
                io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::BrokenPipe
            )
        )
}

async fn linger(mut body: Incoming) {
    let drained = async {
        let mut left = LINGER_BYTES;
        while let Ok(Some(data)) = next(&mut body).await {
            left = left.saturating_sub(data.len());
            if left == 0 {
                break;
            }
        }
    };
    // Whether it all came or not, the response is out and the connection ends with the body.
    let _ = timeout(LINGER_TIME, drained).await;
}
