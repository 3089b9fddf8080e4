//! Where the connections of a thread read to, in turns: what comes lands here, and what is needed of it is copied to
//! memory of its own size. So a connection that waits holds no buffer, and one read is enough for most of what comes.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::h1::stream::Stream;

/// The most that is read at once, in bytes.
pub(crate) const SIZE: usize = 64 * 1024;

thread_local! {
    static LANDING: RefCell<Box<[u8]>> = RefCell::new(vec![0; SIZE].into());
}

/// What `read` makes of the memory, which is [`SIZE`] bytes.
pub(crate) fn with<T>(read: impl FnOnce(&mut [u8]) -> T) -> T {
    LANDING.with_borrow_mut(|landing| read(landing))
}

/// Reads at most `most` bytes of what has come, to the end of `received`; 0 where nothing will come any more.
pub(crate) fn poll_read(
    stream: &mut Stream,
    received: &mut BytesMut,
    most: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    with(|landing| {
        let mut landed = ReadBuf::new(landing.get_mut(..most).unwrap_or_default());
        ready!(Pin::new(stream).poll_read(cx, &mut landed))?;
        if received.capacity() == 0 {
            *received = BytesMut::from(landed.filled());
        } else {
            received.extend_from_slice(landed.filled());
        }
        Poll::Ready(Ok(landed.filled().len()))
    })
}

/// Reads what has come of a body of which so many bytes are `left`, if that is known: to where it stays, if it is
/// long.
pub(crate) fn poll_read_body(
    stream: &mut Stream,
    received: &mut BytesMut,
    left: Option<u64>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    if left.is_none_or(|left| left < SIZE as u64) {
        return poll_read(stream, received, SIZE, cx);
    }
    received.reserve(SIZE);
    let read = pin!(stream.read_buf(received));
    read.poll(cx)
}
